//! Scores by quality dimension and by column: how many of the rules that judge one of them pass.

use crate::check::Run;
use crate::dimension::Dimension;
use crate::verdict::{Outcome, Verdict};

/// How many rules pass, of those that were judged. Rules that could not be evaluated are judged and
/// do not pass; deselected ones are not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scorecard {
    /// Of all rules.
    pub total: (u64, u64),
    /// By dimension, those without rules left out. A composite counts in each dimension of its operands.
    pub dimensions: Vec<(Dimension, u64, u64)>,
    /// By column, in the order in which rules name them.
    pub columns: Vec<(String, u64, u64)>,
}

impl Scorecard {
    /// Of a run.
    pub fn of(run: &Run) -> Self {
        let mut card = Self { total: (0, 0), dimensions: Vec::new(), columns: Vec::new() };
        let mut by_dimension = [(0, 0); Dimension::ALL.len()];
        // Wide tables have many columns, and each may have rules.
        let mut positions = std::collections::HashMap::new();
        for outcome in run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip) {
            let passed = u64::from(outcome.verdict == Verdict::Pass);
            let count = |counts: &mut (u64, u64)| {
                counts.0 += passed;
                counts.1 += 1;
            };
            count(&mut card.total);
            let judged_by = dimensions(outcome);
            for (dimension, counts) in Dimension::ALL.iter().zip(&mut by_dimension) {
                if judged_by.contains(dimension) {
                    count(counts);
                }
            }
            for name in &outcome.columns {
                let position = *positions.entry(name.as_str()).or_insert_with(|| {
                    card.columns.push((name.clone(), 0, 0));
                    card.columns.len() - 1
                });
                if let Some((_, column_passed, judged)) = card.columns.get_mut(position) {
                    *column_passed += passed;
                    *judged += 1;
                }
            }
        }
        card.dimensions = Dimension::ALL
            .into_iter()
            .zip(by_dimension)
            .filter(|(_, (_, judged))| *judged > 0)
            .map(|(dimension, (passed, judged))| (dimension, passed, judged))
            .collect();
        card
    }
}

/// What a rule is about: what its label says, or its type, or the types of its operands.
pub fn dimensions(outcome: &Outcome) -> Vec<Dimension> {
    if let Some(dimension) = outcome.label("dimension").and_then(Dimension::named) {
        return vec![dimension];
    }
    let own = outcome.rule_type.and_then(|name| crate::rules::find(name)?.dimension);
    let mut found: Vec<_> = own.into_iter().chain(outcome.operands.iter().flat_map(dimensions)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use crate::rules::{Place, REGISTRY};

    #[test]
    fn every_rule_type_has_a_dimension() {
        for rule_type in REGISTRY.iter().filter(|rule_type| rule_type.place != Place::Analyzers) {
            assert!(rule_type.dimension.is_some(), "{}", rule_type.name);
        }
    }
}
