//! `Mean`: the average.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Mean",
    dimension: Some(Dimension::Accuracy),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Average of the numbers",
    manual: "Sum over count. Exact sums of integers and decimals; doubles are summed in row order.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"Mean "a" = 1.5"#,
        verdict: "PASS",
        metric: Some(("Column.a.Mean", 1.5)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::Mean),
    ..RuleType::BASE
};
