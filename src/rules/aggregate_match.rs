//! `AggregateMatch`: two aggregates agree.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, column_of, find_column, not_a_number};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::{Family, Metric, Statistic, is_numeric};
use crate::plan::{Division, Measure, MessageLine, Observation};
use std::sync::Arc;

pub(super) static RULE: RuleType = RuleType {
    name: "AggregateMatch",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature::new(&["aggregate", "aggregate"], NUMBER)],
    summary: "Ratio of two sums or averages",
    manual: "The first aggregate over the second, e.g. \"sum(amount)\" and \"sum(ledger.total)\": `sum` or `avg` of a column, or of \
             alias.column. The reference is named with --reference ALIAS=PATH; `primary` is the data itself.\n\
             NULL: is left out; an aggregate of no values is 0.\n\
             NaN: makes the aggregate NaN, which fails.\n\
             Empty: 0 over 0 is 1, anything else over 0 is 0.\n\
             Types: numbers.",
    examples: &[
        Example {
            data: "a\n1\n2\n3\n",
            reference: "total\n4\n8\n",
            rule: r#"AggregateMatch "sum(a)" "sum(ref.total)" >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Column.a,total.AggregateMatch", 0.5)),
        },
        Example {
            data: "a\n1\n3\n",
            reference: "a\n2\n3\n",
            rule: r#"AggregateMatch "avg(a)" "avg(ref.a)" = 1.0"#,
            verdict: "FAIL",
            metric: Some(("Column.a.AggregateMatch", 0.8)),
        },
        Example {
            data: "a\n1\n",
            reference: "a\n1\n",
            rule: r#"AggregateMatch "max(a)" "max(ref.a)" = 1.0"#,
            verdict: "ERROR",
            metric: None,
        },
    ],
    detail: |rule, _| Some(rule.parameters.join(", ")),
    compile,
    ..RuleType::BASE
};

/// An aggregate of a column of some dataset.
struct Aggregate {
    statistic: Statistic,
    dataset: Option<Arc<str>>,
    column: Column,
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let over = aggregate(compiler, &rule.parameters[0])?;
    let under = aggregate(compiler, &rule.parameters[1])?;
    let mut columns = vec![over.column.written.clone()];
    if under.column.written != over.column.written {
        columns.push(under.column.written.clone());
    }
    let mut measure = |aggregate: &Aggregate| {
        let family = Metric::new(Family::Moments, vec![aggregate.column.name.clone()]);
        let metric = Metric { dataset: aggregate.dataset.clone(), ..family };
        Box::new(Measure::Statistic(compiler.metrics.ask(metric), aggregate.statistic))
    };
    let sides = [(&rule.parameters[0], measure(&over)), (&rule.parameters[1], measure(&under))];
    let message = sides.clone().map(|(name, side)| MessageLine::Named { name: name.clone(), measure: *side });
    let [(_, over_side), (_, under_side)] = sides;
    let measure = Measure::Ratio { over: over_side, under: under_side, division: Division::Aggregates };
    let message = std::iter::once(MessageLine::Value(measure.clone())).chain(message).collect();
    let own: Vec<_> =
        [&over, &under].into_iter().filter(|side| side.dataset.is_none()).map(|side| &side.column).collect();
    let observation =
        compiler.condition_on(&own, measure, format!("Column.{}.AggregateMatch", columns.join(",")), None);
    Ok(Observation { message, ..observation })
}

fn aggregate(compiler: &Compiler<'_>, text: &str) -> Result<Aggregate, Unevaluated> {
    let unreadable = || {
        Unevaluated::new("aggregate", format!("`{text}` is no aggregate that can be compared"))
            .help("write sum(column), avg(column), sum(alias.column) or avg(alias.column)")
    };
    let (function, rest) = text.trim().split_once('(').ok_or_else(unreadable)?;
    let statistic = match function.trim() {
        "sum" | "SUM" => Statistic::Sum,
        "avg" | "AVG" => Statistic::Mean,
        _ => return Err(unreadable()),
    };
    let argument = rest.trim().strip_suffix(')').ok_or_else(unreadable)?.trim();
    let place = match argument.rsplit_once('.') {
        // A column of the data may have a dot in its name.
        Some(_) if find_column(compiler.schema, argument).is_some() => None,
        Some(("primary", column)) => Some((None, column)),
        Some((alias, column)) => Some((Some(alias), column)),
        None => None,
    };
    let (dataset, schema, name) = match place {
        Some((Some(alias), column)) => {
            let (alias, schema) = compiler.reference(alias)?;
            (Some(alias), schema, column)
        }
        Some((None, column)) => (None, compiler.schema, column),
        None => (None, compiler.schema, argument),
    };
    let whose = dataset.as_ref().map_or("primary".to_string(), |alias| format!("reference '{alias}'"));
    let column = column_of(schema, name.trim(), format!("Column {name} does not exist in {whose} data frame."))?;
    if !is_numeric(&column.data_type) {
        return Err(not_a_number(&column, "cast the column to a number first; numbers in text are not read"));
    }
    Ok(Aggregate { statistic, dataset, column })
}
