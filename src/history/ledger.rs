//! Lines of a history, put together.

use super::key::{Key, RunId};
use super::line::{Exclusion, Line, Named};
use super::past::{DatasetSummary, Past, Point, RunRecord};
use super::selection::Selection;
use crate::value::Number;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Runs by dataset. Lines may come in any order but for exclusions among themselves, of which the last one counts:
/// merges of files must not change what they say.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    datasets: BTreeMap<String, BTreeMap<RunId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    time: DateTime<Utc>,
    ruleset: String,
    rows: u64,
    /// Values, and whether they are excluded.
    points: BTreeMap<Key, (Number, bool)>,
}

impl Ledger {
    /// Of all lines; of two that record one run, the first counts.
    pub(super) fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut ledger = Self::default();
        let mut exclusions = Vec::new();
        for line in lines {
            match line {
                Line::Run(record) => ledger.add(record),
                Line::Exclusion(exclusion) => exclusions.push(exclusion),
            }
        }
        exclusions.into_iter().for_each(|exclusion| ledger.exclude(exclusion));
        ledger
    }

    fn add(&mut self, record: RunRecord) {
        let RunRecord { run, dataset, time, ruleset, rows, points: recorded } = record;
        let mut points = BTreeMap::new();
        for (key, value) in recorded {
            points.entry(key).or_insert((value, false));
        }
        self.datasets.entry(dataset).or_default().entry(run).or_insert(Kept { time, ruleset, rows, points });
    }

    fn exclude(&mut self, exclusion: Exclusion) {
        let Some(runs) = self.datasets.get_mut(&exclusion.dataset) else { return };
        for Named { run, keys } in exclusion.runs {
            // Runs that are not kept any more may still be named.
            let Some(kept) = runs.get_mut(&run) else { continue };
            for (key, (_, excluded)) in &mut kept.points {
                if keys.as_ref().is_none_or(|keys| keys.contains(key)) {
                    *excluded = exclusion.excluded;
                }
            }
        }
    }

    fn kept(&self, dataset: &str) -> impl Iterator<Item = (&RunId, &Kept)> {
        let mut runs: Vec<_> = self.datasets.get(dataset).into_iter().flatten().collect();
        runs.sort_by_key(|(run, kept)| (kept.time, *run));
        runs.into_iter()
    }

    /// Whether a run is there.
    pub(super) fn contains(&self, dataset: &str, run: &RunId) -> bool {
        self.datasets.get(dataset).is_some_and(|runs| runs.contains_key(run))
    }

    /// Times and names of runs.
    pub(super) fn times(&self, dataset: &str) -> Vec<(DateTime<Utc>, RunId)> {
        self.kept(dataset).map(|(run, kept)| (kept.time, run.clone())).collect()
    }

    /// See [`super::Repository::load`].
    pub(super) fn past(&self, dataset: &str, before: DateTime<Utc>, most_points: usize) -> Past {
        let mut newest: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
        let before: Vec<_> = self.kept(dataset).filter(|(_, kept)| kept.time < before).collect();
        for (run, kept) in before.into_iter().rev() {
            for (key, (value, excluded)) in &kept.points {
                if *excluded {
                    continue;
                }
                let points = newest.entry(key.clone()).or_default();
                if points.len() < most_points {
                    points.push(Point { run: run.clone(), time: kept.time, value: *value, excluded: false });
                }
            }
        }
        let each = |(key, points): (Key, Vec<Point>)| points.into_iter().map(move |point| (key.clone(), point));
        Past::new(newest.into_iter().flat_map(each))
    }

    /// See [`super::Repository::datasets`].
    pub(super) fn summaries(&self) -> Vec<DatasetSummary> {
        let summary = |name: &String| {
            let times = self.times(name);
            let ((first, _), (last, _)) = times.first().zip(times.last())?;
            let series = self.series(name);
            let points = || series.iter().flat_map(|(_, points)| points);
            Some(DatasetSummary {
                name: name.clone(),
                runs: times.len() as u64,
                metrics: series.len() as u64,
                points: points().count() as u64,
                excluded: points().filter(|point| point.excluded).count() as u64,
                first: *first,
                last: *last,
            })
        };
        self.datasets.keys().filter_map(summary).collect()
    }

    /// See [`super::Repository::series`].
    pub(super) fn series(&self, dataset: &str) -> Vec<(Key, Vec<Point>)> {
        let mut series: BTreeMap<&Key, Vec<Point>> = BTreeMap::new();
        for (run, kept) in self.kept(dataset) {
            for (key, (value, excluded)) in &kept.points {
                let point = Point { run: run.clone(), time: kept.time, value: *value, excluded: *excluded };
                series.entry(key).or_default().push(point);
            }
        }
        series.into_iter().map(|(key, points)| (key.clone(), points)).collect()
    }

    /// See [`super::Repository::runs`].
    pub(super) fn records(&self, dataset: &str) -> Vec<RunRecord> {
        let record = |(run, kept): (&RunId, &Kept)| RunRecord {
            run: run.clone(),
            dataset: dataset.into(),
            time: kept.time,
            ruleset: kept.ruleset.clone(),
            rows: kept.rows,
            points: kept.points.iter().map(|(key, (value, _))| (key.clone(), *value)).collect(),
        };
        self.kept(dataset).map(record).collect()
    }

    /// The line that excludes what is selected, or lets it count again, and how many points it changes.
    pub(super) fn exclusion(&self, dataset: &str, selection: &Selection, excluded: bool) -> (Exclusion, u64) {
        let mut changed = 0;
        let mut runs = Vec::new();
        for (run, kept) in self.kept(dataset) {
            let changes =
                |(key, (_, now)): &(&Key, &(Number, bool))| *now != excluded && selection.matches(run, kept.time, key);
            let keys: BTreeSet<Key> = kept.points.iter().filter(changes).map(|(key, _)| key.clone()).collect();
            if keys.is_empty() {
                continue;
            }
            changed += keys.len() as u64;
            // Values that the run had no metric for are not there: all of it needs no names.
            let keys = selection.metric.is_some().then_some(keys);
            runs.push(Named { run: run.clone(), keys });
        }
        (Exclusion { dataset: dataset.into(), excluded, runs }, changed)
    }
}
