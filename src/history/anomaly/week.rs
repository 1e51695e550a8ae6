//! How the days of a week differ from each other.

use super::order::median;

/// Days that are looked at: twelve weeks.
const DAYS: f64 = 84.0;

/// Days on each side of a day that make its level.
const AROUND: f64 = 3.0;

/// Days with values, of the seven, that make a level.
const ENOUGH: usize = 4;

/// What each day of the week adds to the level; by default nothing.
#[derive(Clone, Copy)]
pub(super) struct Week([Option<f64>; 7]);

impl Default for Week {
    fn default() -> Self {
        Self([Some(0.0); 7])
    }
}

/// The day of the week in UTC, from a Thursday on, which 1970 began with.
pub(super) fn weekday(day: f64) -> usize {
    day.floor().rem_euclid(7.0) as usize
}

impl Week {
    /// Of values in order of time, one per day: the median of its values. `None` of fewer than seven days.
    pub(super) fn of(days: &[f64], values: &[f64]) -> Option<Self> {
        let latest = days.last()?.floor();
        let mut daily: Vec<(f64, f64)> = Vec::new();
        let mut start = 0;
        while let Some(first) = days.get(start) {
            let day = first.floor();
            let end = start + days[start..].iter().take_while(|other| other.floor() <= day).count();
            if day > latest - DAYS {
                daily.push((day, median(values[start..end].to_vec())?));
            }
            start = end;
        }
        if daily.len() < 7 {
            return None;
        }
        let earliest = daily.first()?.0;
        let mut offsets: [Vec<f64>; 7] = Default::default();
        for (day, value) in &daily {
            // At the ends, the seven days are the first or the last ones.
            let centre = day.max(earliest + AROUND).min(latest - AROUND);
            let from = daily.partition_point(|(other, _)| *other < centre - AROUND);
            let near = daily[from..].iter().take_while(|(other, _)| *other <= centre + AROUND);
            let around: Vec<f64> = near.map(|(_, value)| *value).collect();
            if around.len() >= ENOUGH
                && let Some(level) = median(around)
            {
                offsets[weekday(*day)].push(value - level);
            }
        }
        Some(Self(offsets.map(median)))
    }

    /// What the day of the week adds; `None` when no such day was seen.
    pub(super) fn offset(&self, day: f64) -> Option<f64> {
        self.0[weekday(day)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_are_told_from_other_days() {
        let days: Vec<f64> = (0..28).map(|day| f64::from(day) + 0.25).collect();
        let values: Vec<f64> = days.iter().map(|day| if weekday(*day) < 2 { 10.0 } else { 50.0 }).collect();
        let week = Week::of(&days, &values).expect("four weeks");
        assert_eq!([0.0, 1.5, 2.0, 6.9, 7.0].map(|day| week.offset(day)), [-40.0, -40.0, 0.0, 0.0, -40.0].map(Some));
        assert!(Week::of(&days[..6], &values[..6]).is_none());
    }
}
