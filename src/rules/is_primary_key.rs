//! `IsPrimaryKey`: unique and complete.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};
use crate::plan::{Clause, Expectation, Measure, Observation, Reported};

pub(super) static RULE: RuleType = RuleType {
    name: "IsPrimaryKey",
    dimension: Some(Dimension::Uniqueness),
    place: Place::Rules,
    signatures: &[Signature { parameters: &["column"], required: 1, repeats: true, conditions: Conditions::None }],
    filter: true,
    row_level: true,
    row_composite: true,
    summary: "Whether the columns are unique together and each complete",
    manual: "Holds when no key occurs twice and no key column has a NULL. Glue's open-source engine forgets the second part for several \
             columns; its manual does not.\n\
             NULL: fails, in any key column.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no row with a key is ERROR.\n\
             Types: all but nested ones.",
    examples: &[
        Example {
            data: "a,b\n1,x\n1,y\n",
            rule: r#"IsPrimaryKey "a" "b""#,
            verdict: "PASS",
            metric: Some(("Multicolumn.a,b.Uniqueness", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a,b\n1,x\n1,\n",
            rule: r#"IsPrimaryKey "a" "b""#,
            verdict: "FAIL",
            metric: Some(("Column.b.Completeness", 0.5)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let mut observation = compiler.frequency_statistic(rule, Statistic::Uniqueness, "Uniqueness")?;
    observation.clauses.iter_mut().for_each(|clause| clause.expectation = Expectation::All);
    let whole = compiler.rows();
    for column in &compiler.columns(rule)? {
        let part = compiler.metric(Family::NonNull, &[column]);
        let measure = Measure::Share { part, whole };
        observation.clauses.push(Clause { measure: measure.clone(), expectation: Expectation::All });
        observation.reported.push(Reported { name: column.metric_name("Completeness"), measure });
    }
    Ok(observation)
}
