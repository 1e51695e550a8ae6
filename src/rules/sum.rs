//! `Sum`: the total.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Sum",
    dimension: Some(Dimension::Accuracy),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Sum of the numbers",
    manual: "Integers and decimals are summed exactly, doubles in row order, as Spark does.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"Sum "a" = 3"#,
        verdict: "PASS",
        metric: Some(("Column.a.Sum", 3.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Moments, Statistic::Sum),
    ..RuleType::BASE
};
