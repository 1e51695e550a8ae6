//! `IsUnique`: no value occurs twice.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Statistic;
use crate::plan::{Clause, Expectation, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "IsUnique",
    dimension: Some(Dimension::Uniqueness),
    place: Place::Rules,
    signatures: &[Signature { parameters: &["column"], required: 1, repeats: true, conditions: Conditions::None }],
    filter: true,
    row_level: true,
    row_composite: true,
    summary: "Whether no value occurs twice",
    manual: "Holds when the uniqueness of the column, or of the tuple of columns, is exactly 1. Exact: a hash collision never changes \
             the verdict.\n\
             NULL: rows whose key is all NULL are left out; within a key of several columns NULL equals NULL.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no row with a key is ERROR.\n\
             Types: all but nested ones.",
    examples: &[
        Example {
            data: "a,b\n1,\n2,\n3,\n",
            rule: r#"IsUnique "a""#,
            verdict: "PASS",
            metric: Some(("Column.a.Uniqueness", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n1\n",
            rule: r#"IsUnique "a""#,
            verdict: "FAIL",
            metric: Some(("Column.a.Uniqueness", 0.0)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let observation = compiler.frequency_statistic(rule, Statistic::Uniqueness, "Uniqueness")?;
    let clauses =
        observation.clauses.into_iter().map(|clause| Clause { expectation: Expectation::All, ..clause }).collect();
    Ok(Observation { clauses, ..observation })
}
