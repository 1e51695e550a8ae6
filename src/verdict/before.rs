//! Numbers of a rule against those of past runs.

use super::remembered;
use crate::history::{self, Past};
use crate::plan::{Expectation, Observation, Results};
use crate::rules::bind::BoundRule;
use chrono::{DateTime, Utc};

/// Whether a rule compares its numbers with what past runs let expect.
pub fn looks_back(observation: &Observation) -> bool {
    observation.clauses.iter().any(|clause| clause.expectation == Expectation::AsBefore)
}

/// What is to be said of the numbers of such a rule, those left out that are NaN, infinite or not there; nothing of
/// other rules.
pub fn seen(
    rule: &BoundRule,
    observation: &Observation,
    results: &Results,
    past: &Past,
    now: DateTime<Utc>,
) -> Vec<history::Observation> {
    if !looks_back(observation) {
        return Vec::new();
    }
    remembered::of_rule(rule, observation, results)
        .into_iter()
        .map(|(key, value)| {
            let points = past.values(&key);
            history::Observation::new(key, value.to_f64(), points, now)
        })
        .collect()
}
