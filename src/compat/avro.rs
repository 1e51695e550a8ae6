//! Avro schemas and whether one reads what another wrote.
//!
//! What is accepted as a schema and what counts as incompatible is Avro Java 1.12.0's:
//! `Schema.Parser` and `SchemaCompatibility`, whose verdict registries use. Reader and writer are
//! compared by definitions: a name stands for the type it names.

mod advice;
mod bad_defaults;
mod check;
mod defaults;
mod hints;
mod logical;
mod names;
mod parse;
mod path;
mod schema;
mod sound;

pub use names::Names;
pub use schema::AvroSchema;

use super::finding::{Finding, Incomparable, Kind, Severity};
use crate::json_text::{Document, Syntax};
use crate::span::Span;

/// How deep types may lie inside each other, in a schema and in a comparison.
const MOST_LEVELS: usize = 65_536;

/// Findings of a comparison that are listed.
const MOST_FINDINGS: usize = 10_000;

/// One mistake of a schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Mistake {
    /// Stable identity, as in `avro::duplicate_name`.
    pub code: &'static str,
    /// A sentence fragment; names of the schema in it are escaped.
    pub message: String,
    /// Where in the document.
    pub span: Span,
    /// What to write instead.
    pub hint: Option<String>,
}

/// How exact a schema has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strictness {
    /// As Avro Java 1.12 reads schemas.
    #[default]
    Strict,
    /// Neither names nor defaults are validated: for old schemas, whose mistakes nobody can mend any more.
    Lenient,
}

/// Whose rules decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// Avro Java's `SchemaCompatibility`, as in the registries; whatever else is found is a warning.
    #[default]
    Registry,
    /// The specification: decimals must match, and what a decoder of the specification would fail on is an error.
    AvroSpec,
    /// AWS Glue Schema Registry: the same verdicts as [`Profile::Registry`], hints in the words of its documentation.
    Glue,
}

/// How the JSON of schemas is written: Avro Java accepts comments.
pub fn syntax() -> Syntax {
    Syntax { comments: true, ..Syntax::default() }
}

/// Reads several schemas that may use each other's types, in any order.
///
/// A schema that uses a type of another file is read after that file. The result has the order of
/// `documents`; names that no document defines, and types of two files that need each other, are
/// mistakes.
pub fn parse_all(documents: Vec<Document>, strictness: Strictness) -> Vec<Result<AvroSchema, Vec<Mistake>>> {
    let mut names = Names::default();
    let mut read: Vec<Option<Result<AvroSchema, Vec<Mistake>>>> = documents.iter().map(|_| None).collect();
    let mut waiting: Vec<(usize, Document)> = documents.into_iter().enumerate().collect();
    loop {
        let before = names.len();
        let mut again = Vec::new();
        for (index, document) in waiting {
            // Given away and read again only if a name is missing that may still come.
            let kept = document.clone();
            let outcome = AvroSchema::parse(document, &names, strictness);
            match &outcome {
                Ok(schema) => names.add(schema),
                Err(mistakes) if mistakes.iter().all(|mistake| mistake.code == parse::UNDEFINED) => {
                    again.push((index, kept));
                }
                Err(_) => {}
            }
            read[index] = Some(outcome);
        }
        waiting = again;
        if waiting.is_empty() || names.len() == before {
            return read.into_iter().flatten().collect();
        }
    }
}

/// What keeps `reader` from reading what `writer` wrote, and what else is worth knowing.
///
/// The findings of severity error decide: without one the schemas are compatible. First come
/// those of Avro Java, in its order and with the locations of its version 1.12 (a type that is
/// compared again by its name repeats its findings), then the others.
///
/// # Errors
///
/// A field whose name and aliases find two fields of the writer, for which Avro Java gives no
/// answer; and schemas beyond the limits: 65,536 levels, 4,000,000 pairs of types.
pub fn can_read(reader: &AvroSchema, writer: &AvroSchema, profile: Profile) -> Result<Vec<Finding>, Incomparable> {
    let mut findings = check::check(reader, writer, profile)?;
    // Beyond the limits nothing more is said than the verdict.
    let Some(truth) = sound::compare(reader, writer) else { return Ok(findings) };
    if findings.is_empty() {
        findings.extend(truth.overlooked(reader, writer));
    }
    let mut advice = advice::advice(reader, writer, &truth);
    advice.extend(bad_defaults::bad_defaults(reader));
    findings.extend(advice);
    if profile == Profile::AvroSpec {
        for finding in &mut findings {
            if fatal_by_specification(finding) {
                finding.severity = Severity::Error;
            }
        }
    }
    Ok(findings)
}

/// Whether a decoder that follows the specification fails.
fn fatal_by_specification(finding: &Finding) -> bool {
    match finding.kind {
        Kind::DecimalChanged | Kind::FirstMatchBranch | Kind::RecursiveTypeUnreadable => true,
        Kind::NamespaceChanged => finding.message.ends_with(advice::IN_A_UNION),
        _ => false,
    }
}
