//! `InterquartileRange`: the middle half of the numbers.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};

pub(super) static RULE: RuleType = RuleType {
    name: "InterquartileRange",
    dimension: Some(Dimension::Accuracy),
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Third less first quartile",
    manual: "Exact quartiles, interpolated between neighbouring ranks. Keeps 8 bytes a row in memory.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n3\n4\n5\n",
        rule: r#"InterquartileRange "a" = 2"#,
        verdict: "PASS",
        metric: Some(("Column.a.InterquartileRange", 2.0)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.numeric_statistic(rule, Family::Quantiles, Statistic::InterquartileRange),
    ..RuleType::BASE
};
