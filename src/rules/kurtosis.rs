//! `Kurtosis`: how heavy the tails are.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Kurtosis",
    dimension: Some(Dimension::Accuracy),
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Excess kurtosis of the population",
    manual: "The fourth standardised moment less 3; 0 for a normal distribution. A constant column has none and fails.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"Kurtosis "a" = -2"#,
        verdict: "PASS",
        metric: Some(("Column.a.Kurtosis", -2.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::Kurtosis),
    ..RuleType::BASE
};
