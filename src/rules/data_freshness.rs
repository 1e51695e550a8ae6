//! `DataFreshness`: how old values are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, wrong_type};
use super::condition::BoundCondition;
use super::points;
use super::signature::{Conditions, Example, RuleType, Signature};
use crate::comparison::Operator;
use crate::dimension::Dimension;
use crate::dqdl::ast::Kind;
use crate::intervals::Intervals;
use crate::metrics::is_text;
use crate::metrics::test::Test;
use crate::plan::{MessageLine, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "DataFreshness",
    dimension: Some(Dimension::Timeliness),
    signatures: &[Signature::new(&["column"], Conditions::Required(&[Kind::Duration]))],
    filter: true,
    row_level: true,
    row_composite: true,
    summary: "Whether the age of every value satisfies a condition",
    manual: "The age is the time of the run less the value; values in the future have a negative age. Every row must satisfy. A date is \
             its midnight in UTC.\n\
             NULL: fails.\n\
             NaN: plays no role.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: dates, timestamps, text read as timestamps, whole numbers as seconds since 1970.",
    examples: &[
        Example {
            data: "t\n2024-01-01\n",
            rule: r#"DataFreshness "t" > 24 hours"#,
            verdict: "PASS",
            metric: Some(("Column.t.DataFreshness.Compliance", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "t\n2024-01-01\n",
            rule: r#"DataFreshness "t" <= 24 hours"#,
            verdict: "FAIL",
            metric: Some(("Column.t.DataFreshness.Compliance", 0.0)),
            ..Example::BASE
        },
    ],
    detail: |rule, _| Some(rule.described(rule.rule_type.tags)),
    compile,
    ..RuleType::BASE
};

/// The comparison of instants that says the same about ages.
fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        other => other,
    }
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.column(rule, 0)?;
    let Some(BoundCondition::Duration(condition)) = &rule.condition else {
        return Err(Unevaluated::new("condition", "DataFreshness has no condition it can judge"));
    };
    let now = i128::from(compiler.now.timestamp_micros());
    let instants: Option<Vec<_>> = condition
        .seconds
        .iter()
        .map(|seconds| points::instant(now - i128::from(*seconds) * 1_000_000, &column.data_type, compiler.zone))
        .collect();
    let mut instants = instants.ok_or_else(|| wrong_type(&column, "a date or timestamp"))?;
    if matches!(condition.operator, Operator::Between | Operator::NotBetween) {
        // The larger age is the earlier instant.
        instants.reverse();
    }
    let intervals = Intervals::satisfying(mirrored(condition.operator), &instants);
    let test = if is_text(&column.data_type) {
        Test::TimestampText { intervals, zone: compiler.zone }
    } else {
        Test::Within { intervals, null: false, nan: false }
    };
    let passing = compiler.passing(&column, test)?;
    let observation = compiler.share(&[&column], passing, column.metric_name("DataFreshness.Compliance"));
    let message = observation.clauses.iter().map(|clause| MessageLine::RowsPassed(clause.measure.clone())).collect();
    Ok(Observation { message, ..observation })
}
