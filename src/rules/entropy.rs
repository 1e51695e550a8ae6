//! `Entropy`: how evenly values are spread.

use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::Statistic;

pub(super) static RULE: RuleType = RuleType {
    name: "Entropy",
    dimension: Some(Dimension::Accuracy),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Shannon entropy of the values, in nats",
    manual: "Minus the sum of p ln p over the shares p of the values. 0 for a constant column, ln n for n values that occur equally \
             often. Natural logarithm, as Glue computes, though its manual speaks of bits.\n\
             NULL: is left out.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no value is ERROR.\n\
             Types: all but nested ones.",
    examples: &[Example {
        data: "a\nx\ny\n",
        rule: r#"Entropy "a" between 0.69 and 0.70"#,
        verdict: "PASS",
        metric: Some(("Column.a.Entropy", std::f64::consts::LN_2)),
        ..Example::BASE
    }],
    compile: |compiler, rule| compiler.frequency_statistic(rule, Statistic::Entropy, "Entropy"),
    ..RuleType::BASE
};
