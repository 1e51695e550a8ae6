//! What CloudWatch is told of a run, whatever the way it gets there.

use super::limits::{self, Dimensions, Unit};
use crate::report::Report;
use crate::value::Number;
use crate::verdict::Verdict;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// One value of one metric.
#[derive(Debug, PartialEq)]
pub struct Point {
    /// Name of the metric.
    pub name: String,
    /// Its value, one that the service takes.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

impl Point {
    /// The value; counts without a fraction.
    pub fn json(&self) -> Value {
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        if self.value.fract() == 0.0 && self.value.abs() < WHOLE {
            Value::from(self.value as i64)
        } else {
            Value::from(self.value)
        }
    }
}

/// Values of the same dimensions, one per metric.
#[derive(Debug)]
pub struct Group {
    /// What they are about.
    pub dimensions: Dimensions,
    /// The values.
    pub points: Vec<Point>,
    names: HashSet<String>,
}

/// All values of a run.
#[derive(Debug, Default)]
pub struct Points {
    groups: Vec<Group>,
    positions: HashMap<Dimensions, usize>,
    dropped: Vec<String>,
}

impl Points {
    /// Glue's own two metrics, under the names and dimensions that alarms read; then, if asked for, the others.
    pub fn of(report: &Report<'_>) -> Self {
        let run = report.run;
        let own = own_dimensions(report);
        let about_run = limits::dimensions(pairs(&own));
        let mut points = Self::default();
        let passed = run.count(Verdict::Pass);
        // What could not be evaluated did not pass: an alarm on failed rules must see it.
        let failed = run.count(Verdict::Fail) + run.count(Verdict::Error);
        points.add(&about_run, "glue.data.quality.rules.passed", passed as f64, Unit::Count);
        points.add(&about_run, "glue.data.quality.rules.failed", failed as f64, Unit::Count);
        if report.publication.every_metric {
            points.add_details(report, &own, &about_run);
        }
        if !points.dropped.is_empty() {
            let dropped = points.dropped.len();
            points.add(&about_run, "dq.metrics.dropped", dropped as f64, Unit::Count);
        }
        points
    }

    fn add_details(&mut self, report: &Report<'_>, own: &[(&'static str, String)], about_run: &Dimensions) {
        let run = report.run;
        if let Some(score) = run.score {
            self.add(about_run, "dq.score", score, Unit::None);
        }
        self.add(about_run, "dq.rules.errors", run.count(Verdict::Error) as f64, Unit::Count);
        self.add(about_run, "dq.rules.skipped", run.count(Verdict::Skip) as f64, Unit::Count);
        self.add(about_run, "dq.rows", run.rows as f64, Unit::Count);
        if report.timed {
            self.add(about_run, "dq.duration", run.elapsed.as_secs_f64(), Unit::Seconds);
        }
        for outcome in run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip) {
            // The text stays when rules are put before it; numbers of rules do not.
            let about_rule = limits::dimensions(pairs(own).chain([("Rule", outcome.rule.as_str())]));
            self.add(&about_rule, "dq.rule.passed", f64::from(outcome.verdict == Verdict::Pass), Unit::Count);
            if let Some(counts) = outcome.row_counts {
                self.add(&about_rule, "dq.rule.rows.failed", counts.failed as f64, Unit::Count);
            }
            self.add_measured(&about_rule, &outcome.metrics);
        }
        for analyzer in &run.analyzers {
            let about_analyzer = limits::dimensions(pairs(own).chain([("Analyzer", analyzer.analyzer.as_str())]));
            self.add_measured(&about_analyzer, &analyzer.metrics);
        }
    }

    fn add_measured(&mut self, dimensions: &Dimensions, metrics: &[(String, Number)]) {
        for (name, value) in metrics {
            self.add(dimensions, name, value.to_f64(), Unit::None);
        }
    }

    /// Adds a value, unless the service would refuse it or has one of the same metric and dimensions: rules that
    /// stand twice in a ruleset count once.
    fn add(&mut self, dimensions: &Dimensions, name: &str, value: f64, unit: Unit) {
        let name = limits::name(name, limits::METRIC_NAME);
        let Some(value) = limits::value(value) else {
            self.dropped.push(name);
            return;
        };
        let groups = &mut self.groups;
        let position = *self.positions.entry(dimensions.clone()).or_insert_with(|| {
            groups.push(Group { dimensions: dimensions.clone(), points: Vec::new(), names: HashSet::new() });
            groups.len() - 1
        });
        let group = &mut groups[position];
        if group.names.insert(name.clone()) {
            group.points.push(Point { name, value, unit });
        }
    }

    /// Values by their dimensions; those of the run come first.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Metrics whose values the service does not take.
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }
}

/// The dimensions that Glue gives to runs of a table or of a job.
fn own_dimensions(report: &Report<'_>) -> Vec<(&'static str, String)> {
    match &report.publication.job {
        Some(job) => vec![("EvaluationContext", report.ruleset_name()), ("JobName", job.clone())],
        None => vec![
            ("CatalogId", report.catalog().to_string()),
            ("Database", report.database().to_string()),
            ("Ruleset", report.ruleset_name()),
            ("Table", report.table()),
        ],
    }
}

fn pairs<'a>(dimensions: &'a [(&'static str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    dimensions.iter().map(|(name, value)| (*name, value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::{Publication, example};

    fn points(run: &Run, publication: &Publication) -> Points {
        example::with_report(run, publication, Points::of)
    }

    fn values(group: &Group) -> Vec<(&str, f64)> {
        group.points.iter().map(|point| (point.name.as_str(), point.value)).collect()
    }

    fn every_metric() -> Publication {
        Publication { every_metric: true, ..Publication::default() }
    }

    #[test]
    fn alarms_on_glue_find_its_metrics_and_dimensions() {
        let verdicts = [Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Skip];
        let run = example::run(verdicts.map(|verdict| example::outcome("IsComplete \"a\"", verdict)).to_vec());
        let found = points(&run, &Publication::default());
        let [group] = found.groups() else { panic!("one group, not {found:?}") };
        assert_eq!(values(group), [("glue.data.quality.rules.passed", 2.0), ("glue.data.quality.rules.failed", 2.0)]);
        let dimensions: Vec<_> = group.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(dimensions, [("CatalogId", "local"), ("Database", "default"), ("Ruleset", "rs"), ("Table", "t")]);
        let job = Publication { job: Some("nightly".into()), ..Publication::default() };
        let found = points(&run, &job);
        let dimensions: Vec<_> = found.groups()[0].dimensions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(dimensions, ["EvaluationContext", "JobName"]);
    }

    #[test]
    fn the_rest_follows_if_asked_for() {
        let mut run = example::run(vec![
            example::measured("IsComplete \"a\"", Verdict::Fail, "Column.a.Completeness", 0.8),
            example::outcome("ColumnCount = 3", Verdict::Skip),
        ]);
        run.analyzers = vec![example::analyzer("Mean \"a\"", "Column.a.Mean", 2.5)];
        let found = points(&run, &every_metric());
        let [of_run, of_rule, of_analyzer] = found.groups() else { panic!("three groups, not {found:?}") };
        let expected = [
            ("glue.data.quality.rules.passed", 0.0),
            ("glue.data.quality.rules.failed", 1.0),
            ("dq.score", 0.0),
            ("dq.rules.errors", 0.0),
            ("dq.rules.skipped", 1.0),
            ("dq.rows", 10.0),
            ("dq.duration", 0.5),
        ];
        assert_eq!(values(of_run), expected);
        assert_eq!(
            values(of_rule),
            [("dq.rule.passed", 0.0), ("dq.rule.rows.failed", 2.0), ("Column.a.Completeness", 0.8)]
        );
        assert_eq!(of_rule.dimensions[4], ("Rule".to_string(), "IsComplete \"a\"".to_string()));
        assert_eq!(values(of_analyzer), [("Column.a.Mean", 2.5)]);
        assert_eq!(of_analyzer.dimensions[4], ("Analyzer".to_string(), "Mean \"a\"".to_string()));
    }

    #[test]
    fn what_the_service_refuses_is_dropped_and_counted() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200, 1.0];
        let rule = |(number, value): (usize, f64)| {
            example::measured(&format!("Sum \"a\" > {number}"), Verdict::Fail, "Column.a.Sum", value)
        };
        let run = example::run(values.into_iter().enumerate().map(rule).collect());
        let found = points(&run, &every_metric());
        assert_eq!(found.dropped(), ["Column.a.Sum"; 4]);
        let all: Vec<&Point> = found.groups().iter().flat_map(|group| &group.points).collect();
        assert!(all.iter().all(|point| point.value.is_finite()));
        assert_eq!(all.iter().filter(|point| point.name == "Column.a.Sum").count(), 1);
        let note = Point { name: "dq.metrics.dropped".into(), value: 4.0, unit: Unit::Count };
        assert_eq!(found.groups()[0].points.last(), Some(&note));
    }

    #[test]
    fn a_metric_has_one_value_per_set_of_dimensions() {
        let rule = example::measured("IsComplete \"a\"", Verdict::Pass, "Column.a.Completeness", 1.0);
        let found = points(&example::run(vec![rule.clone(), rule]), &every_metric());
        assert_eq!(found.groups().len(), 2);
        assert_eq!(found.groups()[1].points.len(), 3);
    }

    #[test]
    fn counts_are_written_without_a_fraction() {
        let json = |value: f64| Point { name: String::new(), value, unit: Unit::Count }.json().to_string();
        assert_eq!([json(3.0), json(-1.0), json(0.5)], ["3", "-1", "0.5"]);
        assert_eq!(json(1e100).parse::<f64>(), Ok(1e100));
    }
}
