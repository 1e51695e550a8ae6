//! `DistinctValuesCount`: how many different values there are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};
use crate::plan::{Measure, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "DistinctValuesCount",
    dimension: Some(Dimension::Uniqueness),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Number of distinct values, NULL counted as one",
    manual: "Counts different values.\n\
             NULL: counts as one value, as in Glue's engine.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no rows is 0, and 0 is compared.\n\
             Types: all but nested ones.",
    examples: &[Example {
        data: "i,a\n1,x\n2,x\n3,y\n4,\n",
        rule: r#"DistinctValuesCount "a" = 3"#,
        verdict: "PASS",
        metric: Some(("Column.a.DistinctValuesCount", 3.0)),
        ..Example::BASE
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let columns = compiler.columns(rule)?;
    compiler.comparable(&columns)?;
    let column = &columns[0];
    let frequencies = compiler.metric(Family::Distinct, &[column]);
    Ok(compiler.condition_on(
        &[column],
        Measure::Statistic(frequencies, Statistic::DistinctValues),
        column.metric_name("DistinctValuesCount"),
        None,
    ))
}
