//! `Uniqueness`: the share of rows whose value occurs once.

use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Statistic;

pub(super) static RULE: RuleType = RuleType {
    name: "Uniqueness",
    dimension: Some(Dimension::Uniqueness),
    signatures: &[Signature { parameters: &["column"], required: 1, repeats: true, conditions: NUMBER }],
    filter: true,
    dynamic: true,
    row_level: true,
    summary: "Share of rows whose value occurs exactly once",
    manual: "Rows whose value, or tuple of values, occurs exactly once over rows with a value.\n\
             NULL: rows whose key is all NULL are left out; within a key of several columns NULL equals NULL.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no row with a key is ERROR.\n\
             Types: all but nested ones.",
    examples: &[
        Example {
            data: "a\n1\n1\n2\n3\n",
            rule: r#"Uniqueness "a" = 0.5"#,
            verdict: "PASS",
            metric: Some(("Column.a.Uniqueness", 0.5)),
            ..Example::BASE
        },
        Example {
            data: "a,b\n1,x\n1,y\n",
            rule: r#"Uniqueness "a" "b" = 1"#,
            verdict: "PASS",
            metric: Some(("Multicolumn.a,b.Uniqueness", 1.0)),
            ..Example::BASE
        },
    ],
    compile: |compiler, rule| compiler.frequency_statistic(rule, Statistic::Uniqueness, "Uniqueness"),
    ..RuleType::BASE
};
