//! `IsComplete`: every row has a value.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Family;
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "IsComplete",
    dimension: Some(Dimension::Completeness),
    place: Place::Rules,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    filter: true,
    row_level: true,
    row_composite: true,
    summary: "Whether every row has a value",
    manual: "Holds when the column's completeness is exactly 1.\n\
             NULL: fails. An empty string is a value.\n\
             NaN: is a value.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: all, nested ones too.",
    examples: &[
        Example {
            data: "id,name\n1,ada\n2,\n",
            rule: r#"IsComplete "id""#,
            verdict: "PASS",
            metric: Some(("Column.id.Completeness", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "id,name\n1,ada\n2,\n",
            rule: r#"IsComplete "name""#,
            verdict: "FAIL",
            metric: Some(("Column.name.Completeness", 0.5)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.column(rule, 0)?;
    let present = compiler.metric(Family::NonNull, &[&column]);
    Ok(compiler.share(&[&column], present, column.metric_name("Completeness")))
}
