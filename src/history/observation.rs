//! A value against its past: what was seen, what was to be expected, and rules that would say so.

use super::anomaly::{RECENT, TooFew, forecast};
use super::nature::Nature;
use super::suggestion::rules;
use super::{Key, Point};
use chrono::{DateTime, Utc};

/// A result has so many observations, at most: Glue's number.
pub const MOST: usize = 50;

/// Past values that are shown, the latest.
pub const SHOWN: usize = 60;

/// The last part of the names of metrics that are watched without a rule: of the types that generate observations
/// in Glue (its page of rule types).
const WATCHED: &[&str] = &[
    "ColumnCount",
    "Completeness",
    "DistinctValuesCount",
    "Maximum",
    "MaximumLength",
    "Minimum",
    "MinimumLength",
    "RowCount",
];

/// A value and the band that past values let expect.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Of which number.
    pub key: Key,
    /// One sentence.
    pub description: String,
    /// What was measured; finite.
    pub actual: f64,
    /// What was expected; `None` where there are too few past values.
    pub expected: Option<f64>,
    /// A smaller value is an anomaly.
    pub lower: Option<f64>,
    /// A larger value is an anomaly.
    pub upper: Option<f64>,
    /// How the band was found, in words.
    pub method: Option<String>,
    /// Whether the value is outside of the band.
    pub anomalous: bool,
    /// Whether there are too few past values to expect anything.
    pub needs_more_data: bool,
    /// Past values that were looked at.
    pub points: usize,
    /// The latest of them, in order of time; at most [`SHOWN`].
    pub past: Vec<(DateTime<Utc>, f64)>,
    /// Rules in DQDL that hold as long as values stay in the band; without the brackets around them.
    pub suggested_rules: Vec<String>,
}

impl Observation {
    /// Compares a finite value of a run at a time with past values, the newest first.
    pub fn new(key: Key, actual: f64, past: &[Point], at: DateTime<Utc>) -> Self {
        let past: Vec<(DateTime<Utc>, f64)> = past
            .iter()
            .take(RECENT)
            .map(|point| (point.time, point.value.to_f64()))
            .filter(|(_, value)| value.is_finite())
            .rev()
            .collect();
        let points = past.len();
        let found = forecast(&past, at).map(|found| Nature::of(&key.metric).bounded(found));
        let shown = past[points.saturating_sub(SHOWN)..].to_vec();
        let (subject, value) = (spoken(&key), brief(actual));
        match found {
            Err(TooFew { points, needed }) => Self {
                description: format!("{subject} is {value}: needs more data, {points} of {needed} past values"),
                key,
                actual,
                expected: None,
                lower: None,
                upper: None,
                method: None,
                anomalous: false,
                needs_more_data: true,
                points,
                past: shown,
                suggested_rules: Vec::new(),
            },
            Ok(found) => {
                let anomalous = actual < found.lower || actual > found.upper;
                let [expected, lower, upper] = [found.expected, found.lower, found.upper].map(brief);
                let place = if anomalous { "outside of" } else { "within" };
                let description = format!(
                    "{subject} is {value}, {place} {lower} to {upper}, where {expected} was expected of {points} past values"
                );
                Self {
                    suggested_rules: rules(&key, &found),
                    description,
                    key,
                    actual,
                    expected: Some(found.expected),
                    lower: Some(found.lower),
                    upper: Some(found.upper),
                    method: Some(found.method.to_string()),
                    anomalous,
                    needs_more_data: false,
                    points,
                    past: shown,
                }
            }
        }
    }

    /// Whether numbers of that name are watched without a rule.
    pub fn is_watched(metric: &str) -> bool {
        metric.rsplit('.').next().is_some_and(|name| WATCHED.contains(&name))
    }
}

/// The observations of a result, anomalies first, each number once, and how many there is no room for.
pub fn most_important(observations: Vec<Observation>) -> (Vec<Observation>, usize) {
    let mut kept: Vec<Observation> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for observation in observations {
        if seen.insert(observation.key.clone()) {
            kept.push(observation);
        }
    }
    // Stable: the order of the ruleset stays among equals.
    kept.sort_by_key(|observation| !observation.anomalous);
    let left = kept.len().saturating_sub(MOST);
    kept.truncate(MOST);
    (kept, left)
}

/// `Completeness of a`, `RowCount of the data where a > 1`.
pub fn spoken(key: &Key) -> String {
    let subject = match key.metric.split_once('.').and_then(|(_, rest)| rest.rsplit_once('.')) {
        Some(("*", name)) => format!("{name} of the data"),
        Some((subject, name)) => format!("{name} of {subject}"),
        None => key.metric.clone(),
    };
    let filter = key.filter.as_ref().map_or(String::new(), |filter| format!(" where {filter}"));
    subject + &filter
}

/// A number in six digits; whole numbers below a billion have all of theirs.
pub fn brief(value: f64) -> String {
    // There is no negative zero to read.
    let value = value + 0.0;
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    match value.abs() {
        magnitude if value.fract() == 0.0 && magnitude < 1e9 => format!("{value}"),
        0.0..1e-4 | 1e9.. => format!("{rounded:e}"),
        _ => format!("{rounded}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RunId;
    use super::*;
    use crate::value::Number;

    fn key(metric: &str) -> Key {
        Key { metric: metric.into(), detail: None, filter: None }
    }

    fn seen(metric: &str, actual: f64, values: &[f64]) -> Observation {
        let time = |day: usize| DateTime::from_timestamp(1_767_571_200 + 86_400 * day as i64, 0).expect("a time");
        let point = |(day, value): (usize, &f64)| Point {
            run: RunId(format!("{day:040x}")),
            time: time(day),
            value: Number::Float(*value),
            excluded: false,
        };
        let past: Vec<_> = values.iter().enumerate().map(point).rev().collect();
        Observation::new(key(metric), actual, &past, time(values.len()))
    }

    #[test]
    fn too_little_past_is_said_and_nothing_is_concluded() {
        let seen = seen("Dataset.*.RowCount", 5.0, &[100.0, 100.0]);
        assert!(seen.needs_more_data && !seen.anomalous && seen.expected.is_none());
        assert_eq!(seen.description, "RowCount of the data is 5: needs more data, 2 of 3 past values");
        assert!(seen.suggested_rules.is_empty());
    }

    #[test]
    fn what_leaves_the_band_is_an_anomaly_with_its_numbers() {
        let past = [0.98, 0.97, 0.99, 0.98, 0.97, 0.98, 0.99, 0.98];
        let odd = seen("Column.a.Completeness", 0.5, &past);
        assert!(odd.anomalous && !odd.needs_more_data);
        assert_eq!((odd.expected, odd.upper, odd.points), (Some(0.98), Some(1.0), 8));
        assert!(odd.description.starts_with("Completeness of a is 0.5, outside of 0."), "{}", odd.description);
        assert!(!seen("Column.a.Completeness", 0.98, &past).anomalous);
        assert_eq!(odd.past.first().map(|(_, value)| *value), Some(0.98));
    }

    #[test]
    fn anomalies_are_kept_when_there_is_no_room_for_all() {
        let quiet: Vec<_> = (0..60).map(|number| seen(&format!("Column.c{number}.Mean"), 1.0, &[1.0; 9])).collect();
        let odd = seen("Column.odd.Mean", 9.0, &[1.0; 9]);
        let (kept, left) = most_important(quiet.into_iter().chain([odd.clone(), odd]).collect());
        assert_eq!((kept.len(), left), (MOST, 11));
        assert!(kept[0].anomalous && kept[1].key.metric == "Column.c0.Mean");
    }

    #[test]
    fn numbers_are_brief() {
        assert_eq!(
            [0.1 + 0.2, 1_234_567.0, 1e-7, 12_345_678_901.5].map(brief),
            ["0.3", "1234567", "1e-7", "1.23457e10"]
        );
        assert_eq!(brief(0.0), "0");
    }
}
