//! `ColumnExists`: the data has a column of that name.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::dimension::Dimension;
use crate::plan::{Clause, Expectation, Measure, MessageLine, Observation, Reported};
use crate::value::Number;

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnExists",
    dimension: Some(Dimension::Validity),
    place: Place::Rules,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    summary: "Whether the data has a column of that name",
    manual: "Compares names exactly, upper and lower case included, as Glue's engine does.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: data without rows has columns.\n\
             Types: all.",
    examples: &[
        Example {
            data: "a\n1\n",
            rule: r#"ColumnExists "a""#,
            verdict: "PASS",
            metric: Some(("Dataset.a.ColumnExists", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n",
            rule: r#"ColumnExists "A""#,
            verdict: "FAIL",
            metric: Some(("Dataset.A.ColumnExists", 0.0)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let written = rule.parameters.first().cloned().unwrap_or_default();
    let exists = compiler.schema.fields().iter().any(|field| *field.name() == written);
    let measure = Measure::Known(Number::integer(exists.into()));
    Ok(Observation {
        clauses: vec![Clause { measure: measure.clone(), expectation: Expectation::All }],
        reported: vec![Reported { name: format!("Dataset.{written}.ColumnExists"), measure }],
        message: vec![MessageLine::Text(format!("Column {written} does not exist in the dataset"))],
        ..Observation::default()
    })
}
