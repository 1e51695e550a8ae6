//! `CustomSql`: a query of your own.

use super::BoundRule;
use super::bind::SqlText;
use super::compile::{Column, Compiler, Unevaluated, column_of};
use super::signature::{Conditions, Example, RuleType, Signature};
use crate::diagnostic::{Code, Diagnostic};
use crate::dimension::Dimension;
use crate::dqdl::ast::{Kind, ParameterValue, Rule};
use crate::metrics::lookup::{KeySource, Lookup, common_type};
use crate::metrics::{Family, Metric, Statistic};
use crate::plan::{Measure, MessageLine, Observation};
use crate::sql::SqlMistake;
use crate::unevaluated::Place;
use std::sync::Arc;

pub(super) static RULE: RuleType = RuleType {
    name: "CustomSql",
    dimension: Some(Dimension::Validity),
    signatures: &[Signature::new(&["query"], Conditions::Optional(&[Kind::Number]))],
    threshold: true,
    dynamic: true,
    row_level: true,
    row_composite: true,
    summary: "A query: one number, or the rows that pass",
    manual: "With a condition, the query gives one row of one number. Without, it gives the rows of `primary` that pass: rows are \
             found by all columns it returns, so select a key. Spark's dialect as far as docs/sql.md says; only queries, over `primary` and \
             the aliases of --reference.\n\
             NULL: as the query treats it; a NULL for a number is ERROR; NULL equals NULL when rows are found again.\n\
             NaN: satisfies no condition.\n\
             Empty: no row for a number is ERROR; without rows to find, ERROR.\n\
             Types: all; columns that are returned as rows must not be nested.",
    examples: &[
        Example {
            data: "a\n1\n2\n3\n",
            rule: r#"CustomSql "select count(*) from primary where a > 1" = 2"#,
            verdict: "PASS",
            metric: Some(("Dataset.*.CustomSQL", 2.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n2\n3\n4\n",
            rule: r#"CustomSql "select a from primary where a > 1" with threshold > 0.9"#,
            verdict: "FAIL",
            metric: Some(("Dataset.*.CustomSQL.Compliance", 0.75)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n5\n",
            reference: "a\n1\n",
            rule: r#"CustomSql "select count(*) from primary p left anti join ref r on p.a = r.a" = 0"#,
            verdict: "FAIL",
            metric: Some(("Dataset.*.CustomSQL", 1.0)),
        },
        Example { data: "a\n1\n", rule: r#"CustomSql "drop table primary" = 0"#, verdict: "ERROR", ..Example::BASE },
    ],
    check,
    detail: |rule, _| rule.parameters.first().map(|query| query.trim().to_string()),
    compile,
    analyze: |compiler, analyzer| Ok(number(compiler, analyzer)?.reported),
    ..RuleType::BASE
};

/// Mistakes of a query that stands in the rule itself.
fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    if let Some(parameter) = rule.parameters.first()
        && let ParameterValue::Quoted(raw) = &parameter.value
    {
        let query = SqlText { text: raw.as_str().into(), span: parameter.span, literal: true };
        // With a connector before it, the quotes are not where the parameter begins.
        let query = SqlText { literal: query.span.len() == query.text.len() + 2, ..query };
        findings.extend(query.mistakes(Code::QueryInvalid, crate::sql::check_query));
    }
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    if rule.condition.is_some() && rule.threshold.is_some() {
        return Err(Unevaluated::new(
            "condition",
            "A condition compares a number, a threshold the share of rows: one of them must go",
        )
        .help("with a condition the query gives one number; without, the rows that pass"));
    }
    if rule.condition.is_some() { number(compiler, rule) } else { rows(compiler, rule) }
}

fn refused(compiler: &Compiler<'_>, query: &SqlText, mistake: SqlMistake) -> Unevaluated {
    // A table that is not there may be a reference that cannot be read.
    let unreadable = compiler.references.iter().find_map(|(alias, opened)| {
        let named = mistake.code == "unknown_table" && query.text.to_lowercase().contains(&alias.to_lowercase());
        opened.as_ref().err().filter(|_| named)
    });
    if let Some(reason) = unreadable {
        return reason.clone();
    }
    Unevaluated {
        code: mistake.code,
        message: match mistake.code {
            "no_sql" => mistake.message,
            _ => format!("Error executing SQL statement: {}", mistake.message),
        },
        help: mistake.help,
        place: Some(Place::Query(query.span_at(mistake.offset))),
    }
}

fn number(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let query = rule.sql_parameter(0);
    let columns = compiler.sql.columns(&query.text).map_err(|mistake| refused(compiler, &query, mistake))?;
    if columns.len() != 1 {
        return Err(Unevaluated::new(
            "query_shape",
            format!("Custom SQL did not return exactly 1 column, but {}", columns.len()),
        ));
    }
    let metric = compiler.metrics.ask(Metric::new(Family::Query(query.text.clone()), Vec::new()));
    let measure = Measure::Statistic(metric, Statistic::QueryResult);
    Ok(compiler.condition_on(&[], measure, "Dataset.*.CustomSQL".into(), None))
}

fn rows(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let query = rule.sql_parameter(0);
    let returned = compiler.sql.columns(&query.text).map_err(|mistake| refused(compiler, &query, mistake))?;
    let mut columns: Vec<Column> = Vec::new();
    for (name, data_type) in &returned {
        let missing = format!(
            "The output from CustomSQL must contain only columns that match the input dataset; it has none called {name}"
        );
        let column = column_of(compiler.schema, name, missing).map_err(|reason| {
            let help = "return a key of primary under its own name; with `= number` the query gives a number instead";
            Unevaluated { help: Some(help.into()), ..reason }
        })?;
        compiler.comparable(std::slice::from_ref(&column))?;
        if common_type(&column.data_type, data_type).is_none() {
            return Err(Unevaluated::new(
                "column_type",
                format!("column {name} of the query has another type than that of primary"),
            ));
        }
        columns.push(column);
    }
    let lookup = Lookup {
        source: KeySource::Query(query.text.clone()),
        columns: returned.into_iter().map(|(name, _)| Arc::from(name)).collect(),
        compared: 0,
        null_is_value: true,
        unique_keys: false,
    };
    let own: Vec<_> = columns.iter().collect();
    let found = compiler.metric(Family::Lookup(Arc::new(lookup)), &own);
    let observation = compiler.share(&own, found, "Dataset.*.CustomSQL.Compliance".into());
    let values = observation.clauses.iter().map(|clause| MessageLine::Share(clause.measure.clone()));
    let mut names: Vec<_> = columns.iter().take(3).map(|column| column.written.as_str()).collect();
    if columns.len() > names.len() {
        names.push("...");
    }
    let example =
        MessageLine::Example { metric: found, subject: format!("{} among the returned rows", names.join(",")) };
    let message = values.chain([example]).collect();
    Ok(Observation { message, ..observation })
}
