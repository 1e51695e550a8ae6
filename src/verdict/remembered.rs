//! Under which key a number of a rule is remembered between runs.

use crate::history::Key;
use crate::plan::{Measure, Observation, Reported, Results};
use crate::rules::bind::BoundRule;
use crate::value::Number;

/// The key of a metric that a rule or analyzer reports; `filter` is the normal form of its predicate.
pub fn key(rule: &BoundRule, filter: Option<&str>, metric: &str) -> Key {
    Key {
        metric: metric.to_string(),
        detail: (rule.rule_type.detail)(rule, metric),
        filter: filter.map(str::to_string),
    }
}

/// The key of the number that a rule compares; `None` for numbers that no report shows.
pub(super) fn compared(rule: &BoundRule, observation: &Observation, measure: &Measure) -> Option<Key> {
    let shown = observation.reported.iter().find(|reported| reported.measure == *measure)?;
    Some(key(rule, observation.filter.as_deref(), &shown.name))
}

/// What a rule leaves for later runs: the metrics it reports, those that are NaN, infinite or not there left out.
/// Nothing where a filter selects no rows, as then nothing is measured.
pub fn of_rule(rule: &BoundRule, observation: &Observation, results: &Results) -> Vec<(Key, Number)> {
    let none = |rows| results.count(rows) == Ok(0);
    if rule.filter.is_some() && observation.judged_rows.is_some_and(none) {
        return Vec::new();
    }
    of_reported(rule, observation.filter.as_deref(), &observation.reported, results)
}

/// What an analyzer leaves for later runs.
pub fn of_reported(
    rule: &BoundRule,
    filter: Option<&str>,
    reported: &[Reported],
    results: &Results,
) -> Vec<(Key, Number)> {
    let measured = reported.iter().filter_map(|reported| {
        let value = results.read(&reported.measure).ok().filter(|value| value.to_f64().is_finite())?;
        Some((key(rule, filter, &reported.name), value))
    });
    measured.collect()
}
