//! What a run leaves for later runs, and what it needs of earlier ones.

use super::{CheckOptions, Plan, Ruleset, Run, each_leaf, selected};
use crate::history::Key;
use crate::history::anomaly::RECENT;
use crate::plan::Results;
use crate::rules::bind::BoundRule;
use crate::rules::condition::{BoundCondition, NumberOperand};
use crate::value::Number;
use crate::verdict::remembered::{of_reported, of_rule};
use std::collections::HashSet;

impl Run {
    /// What is to be recorded: every finite metric of rules and analyzers, each key once, in the order of the
    /// document. Nothing of a run that did not see all rows. Runs that were read back from a report have none.
    pub fn points(&self) -> &[(Key, Number)] {
        if self.incomplete { &[] } else { &self.measured }
    }
}

impl Ruleset {
    /// The most past values that a rule asks for; 0 when none asks for any.
    pub fn past_values(&self) -> usize {
        let mut most = 0;
        for node in self.rules() {
            each_leaf(node, &mut |rule| most = most.max(asked(rule)));
        }
        most
    }
}

/// The most past values that a rule's condition and threshold ask for.
fn asked(rule: &BoundRule) -> usize {
    if rule.rule_type.name == "DetectAnomalies" {
        return RECENT;
    }
    let condition = match &rule.condition {
        Some(BoundCondition::Number(condition)) => Some(condition),
        _ => None,
    };
    let operands = condition.into_iter().chain(&rule.threshold).flat_map(|condition| &condition.operands);
    let asked = operands.filter_map(|operand| match operand {
        NumberOperand::Dynamic(dynamic) => dynamic.expression.as_ref().ok()?.asked().into_iter().max(),
        NumberOperand::Value(_) | NumberOperand::Null | NumberOperand::Undefined(_) => None,
    });
    asked.max().unwrap_or(0)
}

/// The numbers of all rules that were selected, and of all analyzers; of equal keys the first.
pub fn measured(ruleset: &Ruleset, plan: &Plan, results: &Results, options: &CheckOptions) -> Vec<(Key, Number)> {
    let mut rules = Vec::new();
    selected(ruleset, options).for_each(|(_, node)| each_leaf(node, &mut |rule| rules.push(rule)));
    let of_rules = rules
        .into_iter()
        .zip(&plan.observations)
        .filter_map(|(rule, observation)| Some(of_rule(rule, observation.as_ref().ok()?, results)));
    let analyzers = ruleset.analyzers().iter().zip(&plan.analyzers);
    let of_analyzers = analyzers
        .filter_map(|(analyzer, reported)| Some(of_reported(analyzer, None, reported.as_ref().ok()?, results)));
    let mut seen = HashSet::new();
    of_rules.chain(of_analyzers).flatten().filter(|(key, _)| seen.insert(key.clone())).collect()
}
