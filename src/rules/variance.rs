//! `Variance`: how far values scatter, squared.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Variance",
    dimension: Some(Dimension::Accuracy),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Population variance",
    manual: "The mean squared distance from the mean, computed stably.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n2\n4\n",
        rule: r#"Variance "a" = 1"#,
        verdict: "PASS",
        metric: Some(("Column.a.Variance", 1.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::Variance),
    ..RuleType::BASE
};
