//! `UniqueValueRatio`: values that occur once over distinct values.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::Statistic;

pub(super) static RULE: RuleType = RuleType {
    name: "UniqueValueRatio",
    dimension: Some(Dimension::Uniqueness),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    row_level: true,
    row_composite: true,
    summary: "Share of distinct values that occur exactly once",
    manual: "Values that occur exactly once over distinct values; 0.5 for a, a, b.\n\
             NULL: is no value.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no value is ERROR.\n\
             Types: all but nested ones.",
    examples: &[Example {
        data: "a\nx\nx\ny\n",
        rule: r#"UniqueValueRatio "a" = 0.5"#,
        verdict: "PASS",
        metric: Some(("Column.a.UniqueValueRatio", 0.5)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.frequency_statistic(rule, Statistic::UniqueValueRatio, "UniqueValueRatio"),
    ..RuleType::BASE
};
