//! `DatasetMatch`: two datasets hold the same rows.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, column_of};
use super::referential_integrity::{names, pair, share_found};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Family;
use crate::metrics::lookup::{KeySource, Lookup};
use crate::plan::Observation;
use std::sync::Arc;

pub(super) static RULE: RuleType = RuleType {
    name: "DatasetMatch",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature {
        parameters: &["alias", "key->key", "column->column"],
        required: 2,
        repeats: false,
        conditions: NUMBER,
    }],
    dynamic: true,
    row_level: true,
    summary: "Share of rows that a reference dataset agrees with",
    manual: "Rows are matched by key; then the listed columns are compared, or all others when none are listed. `a->b` pairs \
             columns of different names. Rows that only the reference has are not noticed. The reference is named with \
             --reference ALIAS=PATH.\n\
             NULL: in a key is ERROR, as is a key that occurs twice on either side; elsewhere NULL equals NULL.\n\
             NaN: equals NaN; 0.0 equals -0.0.\n\
             Empty: no rows is ERROR; a reference without rows matches nothing.\n\
             Types: all but nested ones; numbers compare as numbers whatever their width.",
    examples: &[
        Example {
            data: "id,v\n1,a\n2,b\n3,c\n4,d\n",
            reference: "id,v\n1,a\n2,b\n3,x\n5,e\n",
            rule: r#"DatasetMatch "ref" "id" >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Dataset.ref.DatasetMatch", 0.5)),
        },
        Example {
            data: "id,v\n1,a\n",
            reference: "key,value\n1,b\n",
            rule: r#"DatasetMatch "ref" "id->key" "v->value" = 1.0"#,
            verdict: "FAIL",
            metric: Some(("Dataset.ref.DatasetMatch", 0.0)),
        },
        Example {
            data: "id,v\n1,a\n1,b\n",
            reference: "id,v\n1,a\n",
            rule: r#"DatasetMatch "ref" "id" >= 0.5"#,
            verdict: "ERROR",
            metric: None,
        },
    ],
    detail: |rule, _| rule.parameters.get(1..).map(|columns| columns.join(" ")),
    compile,
    ..RuleType::BASE
};

/// `a->x,b` as pairs of names.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    names(text)
        .into_iter()
        .map(|name| name.split_once("->").map_or((name, name), |(own, other)| (own.trim(), other.trim())))
        .collect()
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let (alias, schema) = compiler.reference(&rule.parameters[0])?;
    let keys = pairs(&rule.parameters[1]);
    if keys.is_empty() {
        return Err(Unevaluated::new("column_count", "no key column is named"));
    }
    let is_key = |field: &str| {
        keys.iter()
            .any(|(own, _)| column_of(compiler.schema, own, String::new()).is_ok_and(|column| &*column.name == field))
    };
    let listed = match rule.parameters.get(2) {
        Some(columns) => pairs(columns),
        None => {
            let others = compiler.schema.fields().iter().map(|field| field.name().as_str());
            others.filter(|field| !is_key(field)).map(|field| (field, field)).collect()
        }
    };
    let mut columns: Vec<Column> = Vec::new();
    let mut matched: Vec<Arc<str>> = Vec::new();
    for (own, other) in keys.iter().chain(&listed) {
        let (column, other) = pair(compiler, schema, &alias, own, other)?;
        columns.push(column);
        matched.push(other.name);
    }
    let lookup = Lookup {
        source: KeySource::Dataset(alias.clone()),
        columns: matched,
        compared: listed.len(),
        null_is_value: false,
        unique_keys: true,
    };
    let own: Vec<_> = columns.iter().collect();
    let found = compiler.metric(Family::Lookup(Arc::new(lookup)), &own);
    let subject = format!("{} in {alias}", rule.parameters[1]);
    Ok(share_found(compiler, &own, found, format!("Dataset.{alias}.DatasetMatch"), subject))
}
