//! Scores by quality dimension and by column: how many of the rules that judge one of them pass.

use crate::check::Run;
use crate::verdict::{Outcome, Verdict};

/// What a rule says about data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Nothing is missing.
    Completeness,
    /// Nothing is there twice.
    Uniqueness,
    /// Values and names have the form they must have.
    Validity,
    /// The data agrees with itself and with other data.
    Consistency,
    /// The data is as new as it must be.
    Timeliness,
    /// Taken together, the values are plausible.
    Accuracy,
}

impl Dimension {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Dimension; 6] = [
        Dimension::Completeness,
        Dimension::Uniqueness,
        Dimension::Validity,
        Dimension::Consistency,
        Dimension::Timeliness,
        Dimension::Accuracy,
    ];

    /// Its name, as the label `dimension` has it.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Completeness => "completeness",
            Dimension::Uniqueness => "uniqueness",
            Dimension::Validity => "validity",
            Dimension::Consistency => "consistency",
            Dimension::Timeliness => "timeliness",
            Dimension::Accuracy => "accuracy",
        }
    }

    /// The dimension of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The dimension of a rule type, unless a label says otherwise.
    fn of_type(rule_type: &str) -> Option<Self> {
        TYPES.iter().find(|(_, types)| types.contains(&rule_type)).map(|(dimension, _)| *dimension)
    }
}

/// Rule types by dimension.
const TYPES: &[(Dimension, &[&str])] = &[
    (Dimension::Completeness, &["Completeness", "IsComplete", "RowCount"]),
    (
        Dimension::Uniqueness,
        &[
            "DistinctValuesCount",
            "DuplicateRowCount",
            "FileUniqueness",
            "IsPrimaryKey",
            "IsUnique",
            "UniqueValueRatio",
            "Uniqueness",
        ],
    ),
    (
        Dimension::Validity,
        &[
            "ColumnCount",
            "ColumnDataType",
            "ColumnExists",
            "ColumnLength",
            "ColumnNamesMatchPattern",
            "ColumnValues",
            "CustomSql",
            "FileMatch",
            "FileSize",
            "ZerosCount",
        ],
    ),
    (
        Dimension::Consistency,
        &[
            "AggregateMatch",
            "ColumnCorrelation",
            "DatasetMatch",
            "ReferentialIntegrity",
            "RowCountMatch",
            "SchemaMatch",
        ],
    ),
    (Dimension::Timeliness, &["DataFreshness", "FileFreshness"]),
    (
        Dimension::Accuracy,
        &[
            "DetectAnomalies",
            "Entropy",
            "InterquartileRange",
            "Kurtosis",
            "Mean",
            "Range",
            "Skewness",
            "StandardDeviation",
            "Sum",
            "Variance",
        ],
    ),
];

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
    if let Some(dimension) = outcome.labels.get("dimension").and_then(|name| Dimension::named(name)) {
        return vec![dimension];
    }
    let own = outcome.rule_type.and_then(Dimension::of_type);
    let mut found: Vec<_> = own.into_iter().chain(outcome.operands.iter().flat_map(dimensions)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Place, REGISTRY};

    #[test]
    fn every_rule_type_has_one_dimension_and_every_entry_is_a_rule_type() {
        for rule_type in REGISTRY.iter().filter(|rule_type| rule_type.place != Place::Analyzers) {
            let found = TYPES.iter().filter(|(_, types)| types.contains(&rule_type.name)).count();
            assert_eq!(found, 1, "{}", rule_type.name);
        }
        for name in TYPES.iter().flat_map(|(_, types)| *types) {
            assert!(crate::rules::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn dimensions_are_found_by_name_in_any_case() {
        assert_eq!(Dimension::named(" Timeliness"), Some(Dimension::Timeliness));
        assert_eq!(Dimension::named("beauty"), None);
    }
}
