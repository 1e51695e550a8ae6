//! What is said of numbers of a run against those of past runs.

use super::{CheckOptions, Plan, Ruleset, each_leaf, selected};
use crate::history::observation::most_important;
use crate::history::{Key, Observation, Past};
use crate::plan::Results;
use crate::value::Number;
use crate::verdict::before::seen;

/// Which numbers are compared with past ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observe {
    /// Those that a rule DetectAnomalies names.
    #[default]
    Rules,
    /// Those too whose types generate observations in Glue, where past runs recorded them. They change no verdict.
    All,
}

/// The observations of a run, anomalies first, and how many there is no room for; nothing without a history.
pub fn observed(
    ruleset: &Ruleset,
    plan: &Plan,
    results: &Results,
    measured: &[(Key, Number)],
    options: &CheckOptions,
) -> (Vec<Observation>, usize) {
    let Some(past) = options.past.as_deref() else { return (Vec::new(), 0) };
    let mut rules = Vec::new();
    selected(ruleset, options).for_each(|(_, node)| each_leaf(node, &mut |rule| rules.push(rule)));
    let of_rules = rules
        .into_iter()
        .zip(&plan.observations)
        .filter_map(|(rule, observation)| Some(seen(rule, observation.as_ref().ok()?, results, past, ruleset.now)));
    let mut all: Vec<Observation> = of_rules.flatten().collect();
    if options.observe == Observe::All {
        all.extend(measured.iter().filter_map(|(key, value)| watched(key, *value, past, ruleset)));
    }
    most_important(all)
}

/// A number that no rule asks about.
fn watched(key: &Key, value: Number, past: &Past, ruleset: &Ruleset) -> Option<Observation> {
    let points = past.values(key);
    let known = Observation::is_watched(&key.metric) && !points.is_empty();
    known.then(|| Observation::new(key.clone(), value.to_f64(), points, ruleset.now))
}
