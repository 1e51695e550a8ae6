//! Values that were recorded, and runs that record them.

use super::key::{Key, RunId};
use crate::value::Number;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A value that a run recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The run.
    pub run: RunId,
    /// When it was.
    pub time: DateTime<Utc>,
    /// The value, as exact as it was; never NaN or infinite.
    pub value: Number,
    /// Whether it does not count.
    pub excluded: bool,
}

/// What a run has to be remembered by.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// The run.
    pub run: RunId,
    /// The dataset's name.
    pub dataset: String,
    /// When it was.
    pub time: DateTime<Utc>,
    /// The ruleset's name.
    pub ruleset: String,
    /// Rows that were read.
    pub rows: u64,
    /// What was measured.
    pub points: Vec<(Key, Number)>,
}

/// What came of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The run is in the history now.
    New,
    /// It was there before.
    Already,
}

/// How much of a dataset is kept; all of it by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// So many of the newest runs.
    pub runs: Option<usize>,
    /// Runs that are not older than the newest one by more than so many days.
    pub days: Option<u32>,
}

impl Retention {
    /// Whether everything is kept.
    pub fn keeps_all(self) -> bool {
        self == Self::default()
    }

    /// The runs that are not kept.
    pub(super) fn expired(self, mut runs: Vec<(DateTime<Utc>, RunId)>) -> BTreeSet<RunId> {
        runs.sort();
        let oldest = runs
            .last()
            .zip(self.days)
            .and_then(|((newest, _), days)| newest.checked_sub_signed(TimeDelta::days(days.into())));
        let spare = self.runs.map_or(0, |most| runs.len().saturating_sub(most));
        let expired = |(position, (time, _)): &(usize, (DateTime<Utc>, RunId))| {
            *position < spare || oldest.is_some_and(|oldest| *time < oldest)
        };
        runs.into_iter().enumerate().filter(expired).map(|(_, (_, run))| run).collect()
    }
}

/// What is remembered of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSummary {
    /// Its name.
    pub name: String,
    /// Runs.
    pub runs: u64,
    /// Keys with a value at least.
    pub metrics: u64,
    /// Values, excluded ones among them.
    pub points: u64,
    /// Values that do not count.
    pub excluded: u64,
    /// The oldest run.
    pub first: DateTime<Utc>,
    /// The newest run.
    pub last: DateTime<Utc>,
}

/// Values of past runs of one dataset, newest first, excluded ones left out; loaded once per run.
#[derive(Debug, Clone, Default)]
pub struct Past {
    series: BTreeMap<Key, Vec<Point>>,
    runs: usize,
}

impl Past {
    /// Of points in any order.
    pub fn new(points: impl IntoIterator<Item = (Key, Point)>) -> Self {
        let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
        for (key, point) in points {
            if !point.excluded {
                series.entry(key).or_default().push(point);
            }
        }
        for points in series.values_mut() {
            points.sort_by(|left, right| (right.time, &right.run).cmp(&(left.time, &left.run)));
            points.dedup_by(|next, kept| next.run == kept.run);
        }
        let runs = series.values().flatten().map(|point| &point.run).collect::<BTreeSet<_>>().len();
        Self { series, runs }
    }

    /// The values of a key, newest first, without excluded ones; empty if it was never recorded.
    pub fn values(&self, key: &Key) -> &[Point] {
        self.series.get(key).map_or(&[], Vec::as_slice)
    }

    /// All keys that have a value, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.series.keys()
    }

    /// Runs that these values are of.
    pub fn runs(&self) -> usize {
        self.runs
    }
}

/// A time as histories keep it.
pub(super) fn kept_time(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(day * 86_400, 0).unwrap()
    }

    fn run(number: i64) -> RunId {
        RunId(format!("{number:040x}"))
    }

    fn point(day: i64, value: i128, excluded: bool) -> (Key, Point) {
        let point = Point { run: run(day), time: at(day), value: Number::integer(value), excluded };
        (Key::new("Dataset.*.RowCount"), point)
    }

    #[test]
    fn values_are_newest_first_and_excluded_ones_do_not_count() {
        let past = Past::new([point(1, 10, false), point(3, 30, false), point(2, 20, true), point(3, 31, false)]);
        let values: Vec<_> = past.values(&Key::new("Dataset.*.RowCount")).iter().map(|point| point.value).collect();
        assert_eq!(values, [Number::integer(30), Number::integer(10)]);
        assert_eq!(past.runs(), 2);
        assert!(past.values(&Key::new("other")).is_empty());
        assert_eq!(Past::default().runs(), 0);
    }

    #[test]
    fn retention_counts_from_the_newest_run_and_asks_no_clock() {
        let runs = || (1..=5).map(|day| (at(day), run(day))).collect::<Vec<_>>();
        let left =
            |runs_kept: Option<usize>, days: Option<u32>| 5 - Retention { runs: runs_kept, days }.expired(runs()).len();
        assert_eq!([left(None, None), left(Some(2), None), left(None, Some(3)), left(Some(9), Some(0))], [5, 2, 4, 1]);
        assert_eq!(left(Some(3), Some(1)), 2);
        assert!(Retention { runs: Some(4), days: None }.expired(runs()).contains(&run(1)));
        assert!(Retention { runs: Some(1), days: Some(u32::MAX) }.expired(Vec::new()).is_empty());
    }
}
