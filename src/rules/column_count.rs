//! `ColumnCount`: how many columns there are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::plan::{Measure, Observation};
use crate::value::Number;

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnCount",
    dimension: Some(Dimension::Validity),
    signatures: &[Signature::new(&[], NUMBER)],
    dynamic: true,
    summary: "Number of columns",
    manual: "Counts the top-level columns of the schema.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: data without rows has columns.\n\
             Types: all; a nested column counts once.",
    examples: &[Example {
        data: "a,b\n1,2\n",
        rule: "ColumnCount = 2",
        verdict: "PASS",
        metric: Some(("Dataset.*.ColumnCount", 2.0)),
        ..Example::BASE
    }],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, _: &BoundRule) -> Result<Observation, Unevaluated> {
    let columns = Number::integer(compiler.schema.fields().len() as i128);
    Ok(compiler.condition_on(&[], Measure::Known(columns), "Dataset.*.ColumnCount".into(), None))
}
