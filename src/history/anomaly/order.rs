//! Medians and what is made of them.

/// The middle value, or the mean of both middle values; `None` of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (middle, odd) = (values.len() / 2, !values.len().is_multiple_of(2));
    // Not sorted: slopes are many.
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| !odd);
    // Halved first: the sum of two large numbers is not finite.
    Some(lower.map_or(*upper, |lower| lower / 2.0 + *upper / 2.0))
}

/// The value below which a share of the values lies, between two of them where it must be; `None` of nothing.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = share * values.len().checked_sub(1)? as f64;
    let (below, part) = (*values.get(place as usize)?, place.fract());
    let above = values.get(place as usize + 1).copied().unwrap_or(below);
    Some(below + (above - below) * part)
}

/// The median of the slopes between all pairs, of Theil and Sen. Pairs of one time have none; without pairs, 0.
pub(super) fn slope(days: &[f64], values: &[f64]) -> f64 {
    /// A tenth of a millisecond.
    const SAME: f64 = 1e-9;
    let mut slopes = Vec::with_capacity(days.len() * days.len() / 2);
    for (position, (day, value)) in days.iter().zip(values).enumerate() {
        for (later, other) in days.iter().zip(values).skip(position + 1) {
            if later - day > SAME {
                slopes.push((other - value) / (later - day));
            }
        }
    }
    median(slopes).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_are_found() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![f64::MAX, f64::MAX]), Some(f64::MAX));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(quantile(vec![0.0, 10.0], 0.9), Some(9.0));
        assert_eq!(quantile(vec![5.0], 0.9), Some(5.0));
        assert_eq!(quantile(Vec::new(), 0.9), None);
    }

    #[test]
    fn a_slope_ignores_outliers_and_equal_times() {
        let days: Vec<f64> = (0..10).map(f64::from).collect();
        let mut values: Vec<f64> = days.iter().map(|day| 3.0 * day).collect();
        values[4] = 1e6;
        assert!((slope(&days, &values) - 3.0).abs() < 1e-9);
        assert_eq!(slope(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }
}
