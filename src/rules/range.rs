//! `Range`: largest less smallest number.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "Range",
    dimension: Some(Dimension::Accuracy),
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Largest less smallest number",
    manual: "Exact for integers and decimals.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n3\n10\n",
        rule: r#"Range "a" = 7"#,
        verdict: "PASS",
        metric: Some(("Column.a.Range", 7.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Extent, Statistic::Range),
    ..RuleType::BASE
};
