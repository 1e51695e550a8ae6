//! `Mean`: the average.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "Mean",
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Average of the numbers",
    manual: "Sum over count. Exact sums of integers and decimals; doubles are summed in row order.\n\
             NULL: is left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no value is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"Mean "a" = 1.5"#,
        verdict: "PASS",
        metric: Some(("Column.a.Mean", 1.5)),
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let name = column.metric_name(RULE.name);
    Ok(compiler.statistic(rule, Family::Moments, &[&column], Statistic::Mean, name))
}
