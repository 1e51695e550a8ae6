//! `ColumnLength`: how long texts are.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, wrong_type};
use super::condition::BoundCondition;
use super::points;
use super::signature::{Example, ONE_COLUMN_NUMBER, RuleType};
use crate::comparison::Operator;
use crate::dimension::Dimension;
use crate::intervals::Intervals;
use crate::metrics::test::Test;
use crate::metrics::{Family, Statistic, is_text};
use crate::plan::{Measure, MessageLine, Observation, Reported};
use arrow_schema::DataType;

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnLength",
    dimension: Some(Dimension::Validity),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    row_level: true,
    row_composite: true,
    summary: "Whether every text has a length that satisfies a condition",
    manual: "Every row is judged: `!= 2` means that no row has length 2. Lengths count Unicode code points.\n\
             NULL: has length 0.\n\
             NaN: plays no role.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: text.",
    examples: &[
        Example {
            data: "a\nab\nłó\n",
            rule: r#"ColumnLength "a" = 2"#,
            verdict: "PASS",
            metric: Some(("Column.a.MaximumLength", 2.0)),
            ..Example::BASE
        },
        Example {
            data: "i,a\n1,ab\n2,\n",
            rule: r#"ColumnLength "a" > 0"#,
            verdict: "FAIL",
            metric: Some(("Column.a.MinimumLength", 0.0)),
            ..Example::BASE
        },
    ],
    detail: |rule, metric| metric.ends_with(".LengthCompliance").then(|| rule.described(&[])),
    compile,
    analyze: |compiler, analyzer| {
        let column = text_column(compiler, analyzer)?;
        Ok(extremes(compiler, &column).to_vec())
    },
    ..RuleType::BASE
};

fn text_column(compiler: &Compiler<'_>, rule: &BoundRule) -> Result<Column, Unevaluated> {
    let column = compiler.column(rule, 0)?;
    if is_text(&column.data_type) {
        return Ok(column);
    }
    Err(wrong_type(&column, "text").help(format!(
        "cast the column to text; from CSV, read it as text with --column-type {}=text",
        crate::error::escape_controls(&column.name)
    )))
}

/// The shortest and the longest length.
pub(super) fn extremes(compiler: &mut Compiler<'_>, column: &Column) -> [Reported; 2] {
    let lengths = compiler.metric(Family::Lengths, &[column]);
    [("MinimumLength", Statistic::MinimumLength), ("MaximumLength", Statistic::MaximumLength)].map(
        |(name, statistic)| Reported {
            name: column.metric_name(name),
            measure: Measure::Statistic(lengths, statistic),
        },
    )
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = text_column(compiler, rule)?;
    let Some(BoundCondition::Number(condition)) = &rule.condition else {
        return Err(Unevaluated::new("condition", "ColumnLength has no condition it can judge"));
    };
    let Some(numbers) = condition.numbers() else {
        return Err(Unevaluated::new(
            "operand",
            "ColumnLength only supports numbers; NULL has length 0, and past values are not available",
        ));
    };
    let points: Vec<_> = numbers.iter().filter_map(|number| points::number(*number, &DataType::Int64)).collect();
    let passing = compiler.passing(&column, Test::Length(Intervals::satisfying(condition.operator, &points)))?;
    let observation = compiler.share(&[&column], passing, column.metric_name("LengthCompliance"));
    let reported = extremes(compiler, &column);
    let [shortest, longest] = reported.clone().map(|reported| MessageLine::Value(reported.measure));
    let message = match condition.operator {
        Operator::Greater | Operator::GreaterOrEqual => vec![shortest],
        Operator::Less | Operator::LessOrEqual => vec![longest],
        Operator::Equal | Operator::Between => vec![shortest, longest],
        // The extremes of a list or a gap say nothing about it: its share of rows is shown.
        _ => Vec::new(),
    };
    Ok(Observation {
        reported: observation.reported.into_iter().filter(|_| message.is_empty()).chain(reported).collect(),
        message,
        ..observation
    })
}
