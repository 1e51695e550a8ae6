//! `ReferentialIntegrity`: keys exist elsewhere.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, column_of, type_name};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Family;
use crate::metrics::lookup::{KeySource, Lookup, common_type};
use crate::plan::{Clause, Expectation, MessageLine, MetricId, Observation};
use crate::unevaluated::Place;
use std::sync::Arc;

pub(super) static RULE: RuleType = RuleType {
    name: "ReferentialIntegrity",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature::new(&["columns", "alias.columns"], NUMBER)],
    dynamic: true,
    row_level: true,
    summary: "Share of rows whose key is in a reference dataset",
    manual: "Columns are separated by commas and pair by position: \"a,b\" \"ref.{x,y}\". Repeated keys in the reference do not \
             multiply rows. The reference is named with --reference ALIAS=PATH.\n\
             NULL: never matches.\n\
             NaN: equals NaN; 0.0 equals -0.0.\n\
             Empty: no rows is ERROR; a reference without rows matches nothing.\n\
             Types: all but nested ones; numbers compare as numbers whatever their width, text only with text.",
    examples: &[
        Example {
            data: "a\n1\n2\n3\n4\n",
            reference: "id\n1\n2\n2\n3\n",
            rule: r#"ReferentialIntegrity "a" "ref.id" >= 0.75"#,
            verdict: "PASS",
            metric: Some(("Column.ref.ReferentialIntegrity", 0.75)),
        },
        Example {
            data: "a,b\n1,x\n2,\n",
            reference: "k,v\n1,x\n2,y\n",
            rule: r#"ReferentialIntegrity "a,b" "ref.{k,v}" = 1.0"#,
            verdict: "FAIL",
            metric: Some(("Column.ref.ReferentialIntegrity", 0.5)),
        },
        Example {
            data: "a\n1\n",
            reference: "id\n1\n",
            rule: r#"ReferentialIntegrity "a" "other.id" = 1.0"#,
            verdict: "ERROR",
            metric: None,
        },
    ],
    detail: |rule, _| Some(rule.parameters.join(" ")),
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let own = names(&rule.parameters[0]);
    let (alias, theirs) = alias_and_columns(&rule.parameters[1])?;
    if own.len() != theirs.len() {
        return Err(Unevaluated::new(
            "column_count",
            format!("{} columns are matched with {} of {alias}; they pair by position", own.len(), theirs.len()),
        ));
    }
    let (alias, schema) = compiler.reference(alias)?;
    let mut columns = Vec::new();
    let mut matched: Vec<Arc<str>> = Vec::new();
    for (own, theirs) in own.iter().zip(&theirs) {
        let (column, other) = pair(compiler, schema, &alias, own, theirs).map_err(|reason| {
            // The second parameter names the columns of the reference.
            let position = usize::from(reason.message.contains("reference '"));
            Unevaluated { place: rule.parameter_spans.get(position).copied().map(Place::Parameter), ..reason }
        })?;
        columns.push(column);
        matched.push(other.name);
    }
    let lookup = Lookup {
        source: KeySource::Dataset(alias.clone()),
        columns: matched,
        compared: 0,
        null_is_value: false,
        unique_keys: false,
    };
    let key: Vec<_> = columns.iter().collect();
    let found = compiler.metric(Family::Lookup(Arc::new(lookup)), &key);
    let name = format!("Column.{alias}.ReferentialIntegrity");
    let subject = format!("{} in {}", own.join(","), rule.parameters[1]);
    Ok(share_found(compiler, &key, found, name, subject))
}

/// The share of rows that a lookup found, compared with the rule's condition. A failure names
/// the first row that was not found.
pub(super) fn share_found(
    compiler: &mut Compiler<'_>,
    columns: &[&Column],
    found: MetricId,
    name: String,
    subject: String,
) -> Observation {
    let observation = compiler.share(columns, found, name);
    let clauses: Vec<_> = observation
        .clauses
        .into_iter()
        .map(|clause| Clause { expectation: Expectation::Condition, ..clause })
        .collect();
    let message = clauses
        .iter()
        .map(|clause| MessageLine::Value(clause.measure.clone()))
        .chain([MessageLine::Example { metric: found, subject }])
        .collect();
    Observation { clauses, message, ..observation }
}

/// Column names separated by commas.
pub(super) fn names(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// `alias.column` or `alias.{a,b}`; the alias itself may have dots.
fn alias_and_columns(text: &str) -> Result<(&str, Vec<&str>), Unevaluated> {
    if let Some((alias, columns)) = text.trim().strip_suffix('}').and_then(|text| text.split_once(".{")) {
        return Ok((alias, names(columns)));
    }
    match text.trim().rsplit_once('.') {
        Some((alias, column)) => Ok((alias, vec![column.trim()])),
        None => Err(Unevaluated::new("reference", format!("`{text}` names no dataset"))
            .help("write \"alias.column\" or \"alias.{a,b}\"")),
    }
}

/// A column and its counterpart, when their values can be compared.
pub(super) fn pair(
    compiler: &Compiler<'_>,
    theirs: &arrow_schema::Schema,
    alias: &str,
    own: &str,
    other: &str,
) -> Result<(Column, Column), Unevaluated> {
    let missing = |column: &str, place: &str| format!("Column {column} does not exist in {place} data frame.");
    let own = column_of(compiler.schema, own, missing(own, "primary"))?;
    let other = column_of(theirs, other, missing(other, &format!("reference '{alias}'")))?;
    for column in [&own, &other] {
        compiler.comparable(std::slice::from_ref(column))?;
    }
    if common_type(&own.data_type, &other.data_type).is_none() {
        let reason = Unevaluated::new(
            "column_type",
            format!(
                "column {} is {}, {alias}.{} is {}: their values cannot be compared",
                own.name,
                type_name(&own.data_type),
                other.name,
                type_name(&other.data_type)
            ),
        );
        let name = crate::error::escape_controls(&other.name);
        if let Some(because) = own.text_because.as_ref().or(other.text_because.as_ref()) {
            return Err(reason
                .help(format!("one of them is text because of {because}; mend it, or call it NULL with --csv-null")));
        }
        return Err(reason.help(format!(
            "give both the same type; for CSV, name it: --column-type {alias}.{name}=text, or without the alias for the data"
        )));
    }
    Ok((own, other))
}
