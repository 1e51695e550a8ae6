//! `Kurtosis`: how heavy the tails are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "Kurtosis",
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Excess kurtosis of the population",
    manual: "The fourth standardised moment less 3; 0 for a normal distribution. A constant column has none and fails.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"Kurtosis "a" = -2"#,
        verdict: "PASS",
        metric: Some(("Column.a.Kurtosis", -2.0)),
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let name = column.metric_name(RULE.name);
    Ok(compiler.statistic(rule, Family::Moments, &[&column], Statistic::Kurtosis, name))
}
