//! `UniqueValueRatio`: values that occur once over distinct values.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, key_name};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "UniqueValueRatio",
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
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let columns = compiler.columns(rule)?;
    compiler.comparable(&columns)?;
    let columns_read: Vec<_> = columns.iter().collect();
    Ok(compiler.statistic(
        rule,
        Family::Frequencies,
        &columns_read,
        Statistic::UniqueValueRatio,
        key_name(&columns, "UniqueValueRatio"),
    ))
}
