//! `StandardDeviation`: how far values scatter.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "StandardDeviation",
    dimension: Some(Dimension::Accuracy),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Population standard deviation",
    manual: "The square root of the population variance: 16.33 for 0, 20, 40.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n2\n4\n",
        rule: r#"StandardDeviation "a" = 1"#,
        verdict: "PASS",
        metric: Some(("Column.a.StandardDeviation", 1.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::StandardDeviation),
    ..RuleType::BASE
};
