//! `Sum`: the total.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "Sum",
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
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let name = column.metric_name(RULE.name);
    Ok(compiler.statistic(rule, Family::Moments, &[&column], Statistic::Sum, name))
}
