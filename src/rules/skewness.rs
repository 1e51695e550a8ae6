//! `Skewness`: how lopsided values are.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Skewness",
    dimension: Some(Dimension::Accuracy),
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Population skewness",
    manual: "The third standardised moment; 0 for a symmetric column. A constant column has none and fails.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n3\n",
        rule: r#"Skewness "a" = 0"#,
        verdict: "PASS",
        metric: Some(("Column.a.Skewness", 0.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::Skewness),
    ..RuleType::BASE
};
