//! `Completeness`: the share of rows with a value.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::dimension::Dimension;
use crate::metrics::Family;
use crate::plan::{Measure, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "Completeness",
    dimension: Some(Dimension::Completeness),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    dynamic: true,
    row_level: true,
    summary: "Share of rows whose value is not NULL",
    manual: "The number of rows with a value over the number of rows, from 0 to 1.\n\
             NULL: does not count. An empty string is a value.\n\
             NaN: is a value.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: all, nested ones too.",
    examples: &[
        Example {
            data: "id,name\n1,ada\n2,\n",
            rule: r#"Completeness "name" >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Column.name.Completeness", 0.5)),
            ..Example::BASE
        },
        Example {
            data: "id,name\n1,ada\n2,\n",
            rule: r#"Completeness "name" > 0.5"#,
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
    let part = compiler.metric(Family::NonNull, &[&column]);
    let whole = compiler.rows();
    Ok(compiler.condition_on(
        &[&column],
        Measure::Share { part, whole },
        column.metric_name("Completeness"),
        Some(whole),
    ))
}
