//! `Variance`: how far values scatter, squared.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "Variance",
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Population variance",
    manual: "The mean squared distance from the mean, computed stably.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n2\n4\n",
        rule: r#"Variance "a" = 1"#,
        verdict: "PASS",
        metric: Some(("Column.a.Variance", 1.0)),
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let name = column.metric_name(RULE.name);
    Ok(compiler.statistic(rule, Family::Moments, &[&column], Statistic::Variance, name))
}
