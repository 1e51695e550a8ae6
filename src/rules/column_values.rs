//! `ColumnValues`: every value satisfies a condition.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, not_a_number, wrong_type};
use super::condition::{BoundCondition, DateCondition, DatePoint, NumberCondition, TextCondition, TextOperand};
use super::signature::{Conditions, Example, RuleType, Signature};
use super::{column_length, points};
use crate::comparison::Operator;
use crate::dimension::Dimension;
use crate::dqdl::ast::Kind;
use crate::intervals::Intervals;
use crate::metrics::test::{Test, TextSet};
use crate::metrics::{Family, Statistic, is_numeric, is_text};
use crate::plan::{Measure, MessageLine, MetricId, Observation, Reported};

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnValues",
    dimension: Some(Dimension::Validity),
    signatures: &[Signature::new(&["column"], Conditions::Required(&[Kind::Number, Kind::Text, Kind::Date]))],
    filter: true,
    threshold: true,
    row_level: true,
    row_composite: true,
    tags: &["ignoreCase", "timeZone"],
    summary: "Whether every value satisfies a condition",
    manual: "Each row is judged by itself; all must satisfy, or the share that `with threshold` asks for. `matches` must match the \
             whole value, in Java's syntax; `between` excludes both ends. A date compares calendar days in UTC; `now()` compares instants on timestamps. EMPTY is \
             the string of length 0, WHITESPACES_ONLY one of nothing but white space.\n\
             NULL: fails, but for `!=` and `not in` without NULL, and `in` with NULL.\n\
             NaN: fails, but for `!=` and `not in`.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: numbers for numbers, text for strings and patterns; dates and timestamps for dates, text read as ISO dates. NULL \
             tests work on every type.",
    examples: &[
        Example {
            data: "a\n5\n7\n",
            rule: r#"ColumnValues "a" between 4 and 8"#,
            verdict: "PASS",
            metric: Some(("Column.a.Minimum", 5.0)),
            ..Example::BASE
        },
        Example {
            data: "i,a\n1,5\n2,\n",
            rule: r#"ColumnValues "a" > 4"#,
            verdict: "FAIL",
            metric: Some(("Column.a.Minimum", 5.0)),
            ..Example::BASE
        },
        Example {
            data: "i,a\n1,x\n2,\n",
            rule: r#"ColumnValues "a" in ["x",NULL]"#,
            verdict: "PASS",
            metric: Some(("Column.a.ColumnValues.Compliance", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a\nab\nb\n",
            rule: r#"ColumnValues "a" matches "[a-z]" with threshold >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Column.a.ColumnValues.Compliance", 0.5)),
            ..Example::BASE
        },
        Example {
            data: "d\n2024-02-29\n",
            rule: r#"ColumnValues "d" >= "2024-01-01""#,
            verdict: "PASS",
            metric: Some(("Column.d.ColumnValues.Compliance", 1.0)),
            ..Example::BASE
        },
        Example { data: "a\nx\n", rule: r#"ColumnValues "a" > 4"#, verdict: "ERROR", metric: None, ..Example::BASE },
    ],
    detail: |rule, metric| {
        // The extremes of a column are the same whatever they are compared with.
        let share = metric.ends_with(".ColumnValues.Compliance") || metric.ends_with(".PatternMatch");
        share.then(|| rule.described(rule.rule_type.tags))
    },
    compile,
    analyze: |compiler, analyzer| {
        let column = compiler.column(analyzer, 0)?;
        Ok(if is_text(&column.data_type) {
            column_length::extremes(compiler, &column).to_vec()
        } else if is_numeric(&column.data_type) {
            extremes(compiler, &column).to_vec()
        } else {
            return Err(wrong_type(&column, "a number or text"));
        })
    },
    ..RuleType::BASE
};

/// The smallest and the largest number.
pub(super) fn extremes(compiler: &mut Compiler<'_>, column: &Column) -> [Reported; 2] {
    let extent = compiler.metric(Family::Extent, &[column]);
    [("Minimum", Statistic::Minimum), ("Maximum", Statistic::Maximum)].map(|(name, statistic)| Reported {
        name: column.metric_name(name),
        measure: Measure::Statistic(extent, statistic),
    })
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.column(rule, 0)?;
    match &rule.condition {
        Some(BoundCondition::Number(condition)) => numbers(compiler, rule, &column, condition),
        Some(BoundCondition::Text(condition)) => texts(compiler, rule, &column, condition),
        Some(BoundCondition::Date(condition)) => dates(compiler, &column, condition),
        Some(BoundCondition::Duration(_)) | None => {
            Err(Unevaluated::new("condition", "ColumnValues has no condition it can judge"))
        }
    }
}

/// Whether NULL passes: equalities ask whether NULL is among the operands, everything else fails it.
fn null_passes(operator: Operator, listed: bool) -> bool {
    match operator {
        Operator::Equal | Operator::In => listed,
        Operator::NotEqual | Operator::NotIn => !listed,
        _ => false,
    }
}

fn is_equality(operator: Operator) -> bool {
    matches!(operator, Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn)
}

fn no_order_with_null() -> Unevaluated {
    Unevaluated::new("operand", "NULL has no order: it can only stand with =, !=, in and not in")
}

fn compliance(compiler: &mut Compiler<'_>, column: &Column, test: Test) -> Result<Observation, Unevaluated> {
    let passing = compiler.passing(column, test)?;
    Ok(compiler.share(&[column], passing, column.metric_name("ColumnValues.Compliance")))
}

/// Only NULL among the operands: a question to every type.
fn null_test(compiler: &mut Compiler<'_>, column: &Column, operator: Operator) -> Result<Observation, Unevaluated> {
    if !is_equality(operator) {
        return Err(no_order_with_null());
    }
    let null = null_passes(operator, true);
    compliance(compiler, column, Test::Null { null, value: !null })
}

fn numbers(
    compiler: &mut Compiler<'_>,
    rule: &BoundRule,
    column: &Column,
    condition: &NumberCondition,
) -> Result<Observation, Unevaluated> {
    let operator = condition.operator;
    if let Some(operand) = condition.dynamic() {
        return Err(Unevaluated::new(
            "operand",
            format!("ColumnValues only supports numeric operands or the NULL keyword; `{}` is neither", operand.text),
        ));
    }
    if let Some(operand) = condition.undefined() {
        return Err(Unevaluated::new("operand", format!("`{operand}` is no number")));
    }
    let values: Vec<_> = condition
        .operands
        .iter()
        .filter_map(
            |operand| if let super::condition::NumberOperand::Value(value) = operand { Some(*value) } else { None },
        )
        .collect();
    if values.is_empty() {
        return null_test(compiler, column, operator);
    }
    if condition.has_null() && !is_equality(operator) {
        return Err(no_order_with_null());
    }
    if !is_numeric(&column.data_type) {
        return Err(not_a_number(column, "put the value in quotes to compare texts, or cast the column to a number"));
    }
    let points: Option<Vec<_>> = values.iter().map(|value| points::number(*value, &column.data_type)).collect();
    let intervals = Intervals::satisfying(operator, &points.ok_or_else(|| wrong_type(column, "a number"))?);
    let null = null_passes(operator, condition.has_null());
    let nan = matches!(operator, Operator::NotEqual | Operator::NotIn);
    let observation = compliance(compiler, column, Test::Within { intervals, null, nan })?;
    if rule.threshold.is_some() {
        return Ok(observation);
    }
    let statistics: &[_] = match operator {
        Operator::Greater | Operator::GreaterOrEqual => &[("Minimum", Statistic::Minimum)],
        Operator::Less | Operator::LessOrEqual => &[("Maximum", Statistic::Maximum)],
        Operator::Equal | Operator::Between => &[("Minimum", Statistic::Minimum), ("Maximum", Statistic::Maximum)],
        _ => return Ok(observation),
    };
    let extent = compiler.metric(Family::Extent, &[column]);
    Ok(with_extremes(compiler, column, observation, extent, statistics))
}

/// Shows the extremes that were tested instead of the share of rows.
fn with_extremes(
    compiler: &mut Compiler<'_>,
    column: &Column,
    observation: Observation,
    extent: MetricId,
    statistics: &[(&str, Statistic)],
) -> Observation {
    let reported: Vec<_> = statistics
        .iter()
        .map(|(name, statistic)| Reported {
            name: column.metric_name(name),
            measure: Measure::Statistic(extent, *statistic),
        })
        .collect();
    let nulls = MessageLine::Nulls { present: compiler.metric(Family::NonNull, &[column]), rows: compiler.rows() };
    let message = reported.iter().map(|reported| MessageLine::Value(reported.measure.clone())).chain([nulls]).collect();
    Observation { reported, message, ..observation }
}

fn texts(
    compiler: &mut Compiler<'_>,
    rule: &BoundRule,
    column: &Column,
    condition: &TextCondition,
) -> Result<Observation, Unevaluated> {
    if !is_text(&column.data_type) {
        let reason = wrong_type(column, "text");
        let advice = match &column.data_type {
            other if is_numeric(other) => "write numbers without quotes, or cast the column to text",
            _ => "cast the column to text",
        };
        let name = crate::error::escape_controls(&column.name);
        return Err(reason.help(format!("{advice}; from CSV, read it as text with --column-type {name}=text")));
    }
    let test = text_test(rule, condition)?;
    let name = match test {
        Test::Matches { .. } if rule.threshold.is_none() => "PatternMatch",
        _ => "ColumnValues.Compliance",
    };
    let passing = compiler.passing(column, test)?;
    Ok(compiler.share(&[column], passing, column.metric_name(name)))
}

/// What a text must be to satisfy a condition.
pub(super) fn text_test(rule: &BoundRule, condition: &TextCondition) -> Result<Test, Unevaluated> {
    let operator = condition.operator;
    if let (Operator::Matches | Operator::NotMatches, [TextOperand::Text(pattern)]) =
        (operator, condition.operands.as_slice())
    {
        return Ok(Test::Matches { pattern: pattern.as_str().into(), member: operator == Operator::Matches });
    }
    if !is_equality(operator) {
        return Err(Unevaluated::new("operand", "texts have no order"));
    }
    let ignore_case = rule.tag("ignoreCase").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut set = TextSet { ignore_case, ..TextSet::default() };
    let mut null_listed = false;
    for operand in &condition.operands {
        match operand {
            TextOperand::Text(text) if ignore_case => drop(set.values.insert(text.to_lowercase())),
            TextOperand::Text(text) => drop(set.values.insert(text.clone())),
            TextOperand::Null => null_listed = true,
            TextOperand::Empty => drop(set.values.insert(String::new())),
            TextOperand::WhitespacesOnly => set.whitespaces = true,
        }
    }
    let member = matches!(operator, Operator::Equal | Operator::In);
    Ok(Test::OneOf { set, member, null: null_passes(operator, null_listed) })
}

fn dates(compiler: &mut Compiler<'_>, column: &Column, condition: &DateCondition) -> Result<Observation, Unevaluated> {
    let operator = condition.operator;
    let null_listed = condition.operands.contains(&DatePoint::Null);
    if null_listed && !is_equality(operator) {
        return Err(no_order_with_null());
    }
    let points: Option<Vec<_>> = condition
        .operands
        .iter()
        .filter(|point| **point != DatePoint::Null)
        .map(|point| points::date(*point, &column.data_type, compiler.zone))
        .collect();
    let points = points.ok_or_else(|| wrong_type(column, "a date or timestamp"))?;
    let intervals = Intervals::satisfying(operator, &points);
    let null = null_passes(operator, null_listed);
    let test = if is_text(&column.data_type) {
        Test::DateText { intervals, null }
    } else {
        Test::Within { intervals, null, nan: false }
    };
    compliance(compiler, column, test)
}
