//! `SchemaMatch`: two datasets have the same columns.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, type_name};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::plan::{Measure, MessageLine, Observation};
use crate::value::Number;
use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

pub(super) static RULE: RuleType = RuleType {
    name: "SchemaMatch",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature::new(&["alias"], NUMBER)],
    dynamic: true,
    summary: "Share of columns with the same name and type in a reference dataset",
    manual: "Names are case-sensitive; order and nullability do not matter. Different numbers of columns give 0. The reference is \
             named with --reference ALIAS=PATH.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: data without rows has columns.\n\
             Types: all; how text is encoded does not matter.",
    examples: &[
        Example {
            data: "a,b\n1,x\n",
            reference: "b,a\ny,2\n",
            rule: r#"SchemaMatch "ref" = 1.0"#,
            verdict: "PASS",
            metric: Some(("Dataset.ref.SchemaMatch", 1.0)),
        },
        Example {
            data: "a,b\n1,x\n",
            reference: "a,b\n1.5,x\n",
            rule: r#"SchemaMatch "ref" = 1.0"#,
            verdict: "FAIL",
            metric: Some(("Dataset.ref.SchemaMatch", 0.5)),
        },
    ],
    compile,
    ..RuleType::BASE
};

/// Columns that are named as differing.
const SHOWN: usize = 5;

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let (alias, theirs) = compiler.reference(&rule.parameters[0])?;
    let (own, theirs) = (compiler.schema.as_ref(), theirs.as_ref());
    let differing = differences(own, theirs, &alias);
    let columns = own.fields().len();
    let same = |field: &&Arc<Field>| {
        theirs.field_with_name(field.name()).is_ok_and(|other| plain(field.data_type()) == plain(other.data_type()))
    };
    let matching = own.fields().iter().filter(same).count();
    let (share, summary) = if columns != theirs.fields().len() {
        let counts = format!("{columns} columns, in {alias} {}", theirs.fields().len());
        (0.0, format!("Column counts do not match: {counts}"))
    } else {
        let share = if columns == 0 { 1.0 } else { matching as f64 / columns as f64 };
        (share, format!("{:.2}% of columns passed the threshold", share * 100.0))
    };
    let more = differing.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more"));
    let lines = std::iter::once(summary).chain(differing.into_iter().take(SHOWN)).chain(more);
    let message = lines.map(MessageLine::Text).collect();
    let measure = Measure::Known(Number::Float(share));
    let observation = compiler.condition_on(&[], measure, format!("Dataset.{alias}.SchemaMatch"), None);
    Ok(Observation { message, ..observation })
}

/// One line per column that the reference does not have in the same type.
fn differences(own: &Schema, theirs: &Schema, alias: &str) -> Vec<String> {
    let lines = own.fields().iter().filter_map(|field| match theirs.field_with_name(field.name()) {
        Err(_) => Some(format!("{alias} has no column {}", field.name())),
        Ok(other) if plain(field.data_type()) == plain(other.data_type()) => None,
        Ok(other) => Some(format!(
            "column {} is {}, in {alias} {}",
            field.name(),
            type_name(field.data_type()),
            type_name(other.data_type())
        )),
    });
    let extra = theirs.fields().iter().filter(|field| own.field_with_name(field.name()).is_err());
    lines.chain(extra.map(|field| format!("only {alias} has a column {}", field.name()))).collect()
}

/// The type without the layout of text.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::LargeUtf8 | DataType::Utf8View => &DataType::Utf8,
        other => other,
    }
}
