//! What past values let expect of the next one.
//!
//! The method (`docs/anomalies.md` has it with its figures):
//!
//! 1. The last [`RECENT`] values count, in order of time. Values that are not finite are left out.
//! 2. Eight simple models predict a value from those before it: the median of the last seven or three values,
//!    with or without a trend (Theil and Sen's median of all slopes between the last 28 values), with or
//!    without a week (the median of how much each day of the week in UTC differs from the seven days around it).
//! 3. Each model predicts each of the last 42 values from what was before it. The one with the least errors
//!    is chosen; the worst tenth of the errors is not counted, and a model must be a tenth better than a simpler one.
//! 4. The errors of the chosen model, measured by their median and their ninetieth percentile, give the width of
//!    the band around its prediction. Few errors make it wider.
//!
//! Medians throughout: one past value in ten may be anomalous without moving the band much, and a new level is
//! the normal one as soon as it holds most of the last seven values, after four runs. Nothing is random; the work
//! is bounded whatever the length of the past.

mod order;
mod week;

use chrono::{DateTime, Utc};
use order::{median, quantile, slope};
use week::Week;

/// Values that are looked at, the latest.
pub const RECENT: usize = 400;

/// Fewer values predict nothing. Glue's number.
pub const NEEDED: usize = 3;

/// Values whose slopes are a trend.
const SLOPES: usize = 28;

/// Values that models are tried on.
const HELD: usize = 42;

/// From so many values on, a trend, and a level of three values, may be seen.
const TREND: usize = 10;

/// From so many values on, over at least as many days, a week may be seen.
const WEEK: usize = 14;

/// The share of errors that is counted when models are compared.
const COUNTED: f64 = 0.9;

/// How much better a model must be than a simpler one.
const BETTER: f64 = 0.9;

/// Half of the band, in standard deviations of the error of many predictions, and what few of them add.
const HALF: f64 = 2.8;
const FEW: f64 = 2.2;

/// The standard deviation of a normal distribution over its median distance from the mean, and the other way
/// round over its ninetieth percentile.
const OF_MEDIAN: f64 = 1.4826;
const OF_NINETIETH: f64 = 1.645;

/// The share of a value that a series which never changed may differ by, over the number of its values.
const STILL: f64 = 0.01;

/// Larger numbers are divided before anything is computed of them: differences and slopes must stay finite.
const LARGE: f64 = 1e100;

/// What is expected of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The most likely value. Finite, as are the others.
    pub expected: f64,
    /// A smaller value is an anomaly.
    pub lower: f64,
    /// A larger value is an anomaly.
    pub upper: f64,
    /// The model that was chosen, in words.
    pub method: &'static str,
    /// The past values that were looked at.
    pub points: usize,
}

/// There are too few past values to expect anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFew {
    /// So many there are.
    pub points: usize,
    /// So many it takes.
    pub needed: usize,
}

/// A way to predict a value.
struct Model {
    /// The median of so many last values is the level.
    level: usize,
    trend: bool,
    week: bool,
    name: &'static str,
}

/// Simple ones first.
const MODELS: [Model; 8] = [
    Model { level: 7, trend: false, week: false, name: "level" },
    Model { level: 7, trend: false, week: true, name: "level and week" },
    Model { level: 7, trend: true, week: false, name: "trend" },
    Model { level: 7, trend: true, week: true, name: "trend and week" },
    Model { level: 3, trend: false, week: false, name: "latest level" },
    Model { level: 3, trend: false, week: true, name: "latest level and week" },
    Model { level: 3, trend: true, week: false, name: "latest level and trend" },
    Model { level: 3, trend: true, week: true, name: "latest level, trend and week" },
];

/// Whether a model may be chosen for so many values over so many days.
fn is_allowed(model: &Model, points: usize, days: f64) -> bool {
    (!model.week || (points >= WEEK && days >= WEEK as f64)) && ((!model.trend && model.level > 3) || points >= TREND)
}

/// One prediction for each model; none where it cannot say anything.
type Predictions = [Option<f64>; MODELS.len()];

/// Values and their times in days, in order.
#[derive(Clone, Copy)]
struct Series<'a> {
    days: &'a [f64],
    values: &'a [f64],
}

impl<'a> Series<'a> {
    fn before(self, end: usize) -> Series<'a> {
        Series { days: &self.days[..end], values: &self.values[..end] }
    }

    fn last(self, count: usize) -> Series<'a> {
        let start = self.days.len().saturating_sub(count);
        Series { days: &self.days[start..], values: &self.values[start..] }
    }

    /// What every model predicts for a day. Of no values, nothing.
    fn predict(self, at: f64) -> Predictions {
        let mut predictions = [None; MODELS.len()];
        for with_week in [false, true] {
            let week = if with_week { Week::of(self.days, self.values) } else { Some(Week::default()) };
            let Some((week, own)) = week.and_then(|week| Some((week, week.offset(at)?))) else { continue };
            let near = self.last(SLOPES);
            let (Some(first), Some(latest)) = (near.days.first(), near.days.last()) else { continue };
            let values: Vec<f64> = near
                .days
                .iter()
                .zip(near.values)
                .map(|(day, value)| value - week.offset(*day).unwrap_or(0.0))
                .collect();
            let slope = slope(near.days, &values);
            // A trend is not drawn out further than half of the time in which it was seen.
            let goal = at.min(latest + (latest - first) / 2.0);
            for (model, prediction) in MODELS.iter().zip(&mut predictions).filter(|(model, _)| model.week == with_week)
            {
                if model.trend && self.days.len() < 8 {
                    continue;
                }
                let slope = if model.trend { slope } else { 0.0 };
                let start = values.len().saturating_sub(model.level);
                let moved = near.days[start..].iter().zip(&values[start..]);
                *prediction =
                    median(moved.map(|(day, value)| value + slope * (goal - day)).collect()).map(|level| level + own);
            }
        }
        predictions
    }
}

/// Expects a value at a time, of past values in any order. The same values give the same band, bit by bit.
///
/// Values that are NaN or infinite are left out. The band holds its ends: a value is an anomaly when it is smaller
/// than `lower` or larger than `upper`.
///
/// # Errors
///
/// There are fewer than three values.
pub fn forecast(past: &[(DateTime<Utc>, f64)], at: DateTime<Utc>) -> Result<Forecast, TooFew> {
    let mut points: Vec<(f64, f64)> =
        past.iter().filter(|(_, value)| value.is_finite()).map(|(time, value)| (days(*time), *value)).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    points.drain(..points.len().saturating_sub(RECENT));
    let too_few = TooFew { points: points.len(), needed: NEEDED };
    if points.len() < NEEDED {
        return Err(too_few);
    }
    let largest = points.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let unit = if largest > LARGE { largest } else { 1.0 };
    let (times, values): (Vec<f64>, Vec<f64>) = points.iter().map(|(day, value)| (*day, value / unit)).unzip();
    let series = Series { days: &times, values: &values };
    let (expected, half, method) = band(series, days(at)).ok_or(too_few)?;
    let back = |value: f64| (value * unit).clamp(f64::MIN, f64::MAX);
    Ok(Forecast {
        expected: back(expected),
        lower: back(expected - half),
        upper: back(expected + half),
        method,
        points: points.len(),
    })
}

/// Days since 1970.
fn days(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 86_400_000.0
}

/// The prediction of the best model, half of the band around it, and its name.
fn band(series: Series<'_>, at: f64) -> Option<(f64, f64, &'static str)> {
    let count = series.days.len();
    if series.values.windows(2).all(|pair| pair[0] == pair[1]) {
        // No model errs, so the simplest is chosen; many numbers never change, and this is where they cost nothing.
        let value = *series.values.first()?;
        return Some((value, half(&[], value.abs(), count), MODELS[0].name));
    }
    let tried: Vec<(f64, Predictions)> = (count.saturating_sub(HELD).max(1)..count)
        .map(|end| (series.values[end], series.before(end).predict(series.days[end])))
        .collect();
    let now = series.predict(at);
    let over = at - series.days.first()?;
    let (mut best, mut expected) = (0, now[0]?);
    for (position, model) in MODELS.iter().enumerate().skip(1) {
        let Some(prediction) = now[position].filter(|_| is_allowed(model, count, over)) else { continue };
        // Both are judged by the values that both could predict.
        let both = tried.iter().filter(|(_, predictions)| predictions[best].is_some());
        let both: Vec<_> = both.filter(|(_, predictions)| predictions[position].is_some()).collect();
        let error =
            |of: usize| counted(both.iter().filter_map(|(value, all)| Some((value - all[of]?).abs())).collect());
        if both.len() >= 2 && error(position) < BETTER * error(best) {
            (best, expected) = (position, prediction);
        }
    }
    let errors: Vec<f64> = tried.iter().filter_map(|(value, all)| Some((value - all[best]?).abs())).collect();
    let level = median(series.last(7).values.to_vec())?.abs().max(expected.abs());
    Some((expected, half(&errors, level, count), MODELS[best].name))
}

/// Half of the band for the errors of a model around a level of so many values; no errors are errors of zero.
fn half(errors: &[f64], level: f64, count: usize) -> f64 {
    let middle = median(errors.to_vec()).unwrap_or(0.0);
    let large = quantile(errors.to_vec(), 0.9).unwrap_or(0.0);
    let deviation = (OF_MEDIAN * middle).max(large / OF_NINETIETH).max(level * STILL / count as f64);
    // Each value but the first was predicted, of the latest ones; by some models not all of them.
    let tried = if errors.is_empty() { count.saturating_sub(1).min(HELD) } else { errors.len() };
    let few = FEW / tried.max(1) as f64;
    HALF * deviation * (1.0 + few + 2.0 * few * few)
}

/// The mean of the errors, the largest left out.
fn counted(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    let kept = ((errors.len() as f64 * COUNTED).ceil() as usize).max(1);
    errors.truncate(kept);
    errors.iter().sum::<f64>() / kept as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use proptest::prelude::*;

    /// Daily values from a Monday on, and the day after the last.
    fn daily(values: &[f64]) -> (Vec<(DateTime<Utc>, f64)>, DateTime<Utc>) {
        let monday = DateTime::from_timestamp(1_767_571_200, 0).expect("a time");
        let at = |day: usize| monday + Duration::days(day as i64);
        (values.iter().enumerate().map(|(day, value)| (at(day), *value)).collect(), at(values.len()))
    }

    fn expect(values: &[f64]) -> Forecast {
        let (past, at) = daily(values);
        forecast(&past, at).expect("enough values")
    }

    #[test]
    fn three_values_are_enough_and_two_are_not() {
        let (past, at) = daily(&[10.0, 11.0]);
        assert_eq!(forecast(&past, at), Err(TooFew { points: 2, needed: 3 }));
        let found = expect(&[10.0, 11.0, 10.5]);
        assert_eq!((found.expected, found.points, found.method), (10.5, 3, "level"));
        assert!(found.lower < 10.0 && found.upper > 11.0, "{found:?}");
        assert!(found.lower > 0.0 && found.upper < 30.0, "{found:?}");
        let (past, at) = daily(&[10.0, f64::NAN, f64::INFINITY, 11.0]);
        assert_eq!(forecast(&past, at), Err(TooFew { points: 2, needed: 3 }));
    }

    #[test]
    fn what_never_changed_has_a_narrow_band_that_narrows() {
        let [few, some, many] = [3, 30, 300].map(|count| expect(&vec![1000.0; count]));
        assert_eq!((few.expected, many.expected), (1000.0, 1000.0));
        assert!(few.upper - 1000.0 < 100.0 && some.upper - 1000.0 < 1.5 && many.upper - 1000.0 < 0.15);
        let nothing = expect(&[0.0; 20]);
        assert_eq!((nothing.lower, nothing.expected, nothing.upper), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_trend_is_followed() {
        let values: Vec<f64> = (0..40).map(|day| 100.0 + 5.0 * f64::from(day)).collect();
        let found = expect(&values);
        assert!(found.method.contains("trend"), "{found:?}");
        assert!((found.expected - 300.0).abs() < 1.0 && found.upper < 310.0 && found.lower > 290.0, "{found:?}");
    }

    #[test]
    fn a_week_is_seen_after_two_of_them() {
        let of_day = |day: usize| {
            let level = if day % 7 >= 5 { 20.0 } else { 100.0 };
            level + (day % 3) as f64
        };
        let values: Vec<f64> = (0..33).map(of_day).collect();
        // The day after the last is a Saturday.
        let found = expect(&values);
        assert!(found.method.contains("week"), "{found:?}");
        assert!(found.lower < 20.0 && found.upper > 22.0 && found.upper < 60.0, "{found:?}");
        assert!(!expect(&values[..12]).method.contains("week"));
    }

    #[test]
    fn a_new_level_is_normal_after_four_runs() {
        let noise = |day: usize| (day * 7 % 5) as f64;
        let mut values: Vec<f64> = (0..60).map(|day| 100.0 + noise(day)).collect();
        assert!(expect(&values).upper < 150.0);
        values.extend((60..64).map(|day| 200.0 + noise(day)));
        let found = expect(&values);
        assert!(found.lower <= 202.0 && found.upper >= 202.0, "{found:?}");
        assert!((found.expected - 202.0).abs() < 10.0, "{found:?}");
    }

    #[test]
    fn past_anomalies_do_not_widen_the_band_much() {
        let noise = |day: usize| 100.0 + (day * 7 % 5) as f64;
        let clean: Vec<f64> = (0..60).map(noise).collect();
        let mut spoilt = clean.clone();
        for day in [20, 33, 47, 58] {
            spoilt[day] = 100_000.0;
        }
        let (clean, spoilt) = (expect(&clean), expect(&spoilt));
        assert!(spoilt.upper - spoilt.lower < 2.0 * (clean.upper - clean.lower), "{clean:?} {spoilt:?}");
    }

    #[test]
    fn gaps_do_not_draw_a_trend_out_without_end() {
        let values: Vec<f64> = (0..30).map(|day| f64::from(day) * 10.0).collect();
        let (past, at) = daily(&values);
        let found = forecast(&past, at + Duration::days(3650)).expect("enough values");
        assert!(found.expected < 500.0, "{found:?}");
    }

    proptest! {
        #[test]
        fn bands_are_finite_and_hold_what_is_expected(
            points in proptest::collection::vec((0i64..4_000_000, any::<f64>()), 3..60),
            after in 0i64..100_000_000,
        ) {
            let time = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("a time");
            let past: Vec<_> = points.iter().map(|(seconds, value)| (time(*seconds), *value)).collect();
            if let Ok(found) = forecast(&past, time(after)) {
                prop_assert!(found.lower.is_finite() && found.upper.is_finite() && found.expected.is_finite());
                prop_assert!(found.lower <= found.expected && found.expected <= found.upper, "{:?}", found);
                prop_assert_eq!(Ok(found), forecast(&past, time(after)));
            }
        }
    }
}
