//! `ZerosCount`: how many numbers are zero.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, wrong_type};
use super::points;
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType, Status};
use crate::comparison::Operator;
use crate::dimension::Dimension;
use crate::intervals::Intervals;
use crate::metrics::Statistic;
use crate::metrics::test::Test;
use crate::plan::{Measure, Observation};
use crate::value::Number;

pub(super) static RULE: RuleType = RuleType {
    name: "ZerosCount",
    dimension: Some(Dimension::Validity),
    status: Status::Extension,
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    summary: "Number of rows whose value is zero",
    manual: "Counts zeros; -0.0 is a zero.\n\
             NULL: is no zero.\n\
             NaN: is no zero.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[Example {
        data: "a\n0\n1\n0\n",
        rule: r#"ZerosCount "a" = 2"#,
        verdict: "PASS",
        metric: Some(("Column.a.ZerosCount", 2.0)),
        ..Example::BASE
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let zero = points::number(Number::integer(0), &column.data_type).ok_or_else(|| wrong_type(&column, "a number"))?;
    let test = Test::Within { intervals: Intervals::satisfying(Operator::Equal, &[zero]), null: false, nan: false };
    let zeros = compiler.passing(&column, test)?;
    let rows = compiler.rows();
    Ok(compiler.condition_on(
        &[&column],
        Measure::Statistic(zeros, Statistic::Count),
        column.metric_name(RULE.name),
        Some(rows),
    ))
}
