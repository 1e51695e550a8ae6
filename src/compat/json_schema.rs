//! JSON Schema: whether a reader's schema reads what a writer's schema allows.
//!
//! Two engines look at a pair.
//!
//! The *rules* are those of Confluent's registry (`json-schema-provider`, package `diff`): a
//! comparison of keywords from the writer's schema to the reader's, with its names of
//! differences, its content models and its strict and lenient policies. A difference that a
//! policy accepts is information, any other an error. Where the registry looks away and a
//! simple rule is sound, the rule is applied: required names without a property, schemas of
//! equal patterns, names that no pattern takes. Where no rule is (`format`, `contains`,
//! `propertyNames`, `if`, `unevaluatedItems`), a change is a warning, [`Kind::KeywordNotCompared`].
//!
//! The *semantics* are those of the crate `jsonschema`: whether every document that the writer's
//! schema accepts is accepted by the reader's. It proves yes, proves no, or does not know.
//!
//! What is said of the pair:
//!
//! | rules | semantics | verdict |
//! |---|---|---|
//! | compatible | yes | compatible; keywords that the rules do not compare are information |
//! | compatible | no | error [`Kind::SemanticNarrowed`], with a document if one is found; a warning if the only cause is a required property with a default, or what the lenient policy accepts |
//! | compatible | unknown | compatible |
//! | not | yes | strict: errors, as the registry would say, and a note that no document is lost; lenient: warnings |
//! | not | no | errors; the first has the document |
//! | not | unknown | errors |
//!
//! So the verdict is the registry's, except that no change passes that is proved to break
//! documents. Validators do not fill in defaults and registries think of readers that do, which is
//! why a default decides. Semantics are asked for schemas up to 2,000 nodes, 100 levels and 20,000
//! nodes with every reference written out, of the same draft; beyond, a note says that they were not.
//!
//! `$dynamicRef` and `$recursiveRef` are read like `$ref`: they mean the anchor of their own
//! resource. Anchors and addresses are resolved in the documents given, and nothing is fetched.

mod address;
mod arrays;
mod combined;
mod decimal;
mod dialect;
mod differ;
mod document;
mod example;
mod objects;
mod rules;
mod scalars;
mod semantic;
mod view;

pub use dialect::Dialect;
pub use document::{JsonSchema, References};

use super::finding::{Finding, Incomparable, Kind, Place, Severity};
use crate::json_text::Value;
use semantic::Answer;
use view::{Side, View};

/// Which differences of content models are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// As registries do without being told: with an open model, no property can be added.
    #[default]
    Strict,
    /// Properties may come and go, and models may be closed.
    Lenient,
}

/// Everything that stands in the way of reading with `reader` what `writer` allows, and every
/// difference that does not, as information. Equal schemas have no findings, unless they are so
/// large that the note says so.
///
/// # Errors
///
/// The schemas have more alternatives or levels than are compared: nothing is said of them.
pub fn can_read(reader: &JsonSchema, writer: &JsonSchema, policy: Policy) -> Result<Vec<Finding>, Incomparable> {
    let (original, update) = (View::root(writer, Side::Writer), View::root(reader, Side::Reader));
    let compared = differ::differences(original, update, policy);
    if let Some(reason) = compared.given_up {
        return Err(Incomparable { message: reason.to_string() });
    }
    let refused = compared.has_errors();
    let mut findings = compared.findings;
    if writer.dialect() != reader.dialect() {
        let message = format!("{} was changed to {}", writer.dialect().name(), reader.dialect().name());
        findings.push(at_roots(Kind::DialectChanged, message, reader, writer));
    }
    match semantic::compare(writer, reader) {
        Answer::Yes if refused => {
            if policy == Policy::Lenient {
                lower(&mut findings, Severity::Error, Severity::Warning, |_| true);
            }
            let message = "every document that was accepted is accepted; a registry refuses the change all the same";
            findings.push(at_roots(Kind::SemanticallyCompatible, message.into(), reader, writer));
        }
        Answer::Yes => {
            let unjudged = |finding: &Finding| finding.kind == Kind::KeywordNotCompared;
            lower(&mut findings, Severity::Warning, Severity::Information, unjudged);
        }
        Answer::No { example, .. } if refused => {
            let first = findings.iter_mut().find(|finding| finding.severity == Severity::Error);
            if let Some(finding) = first {
                finding.example = example;
            }
        }
        Answer::No { only_defaults, example } => {
            // With the lenient policy: would the strict one have said so?
            let tolerated =
                policy == Policy::Lenient && differ::differences(original, update, Policy::Strict).has_errors();
            let message = match (only_defaults, tolerated) {
                (true, _) => "documents without a property that has a default are no longer valid as they are",
                (false, true) => "documents that were accepted are refused; the lenient policy tolerates it",
                (false, false) => "documents that were accepted are refused",
            };
            let mut finding = at_roots(Kind::SemanticNarrowed, message.into(), reader, writer);
            if only_defaults || tolerated {
                finding = finding.severity(Severity::Warning);
            } else {
                finding = finding.hint("accept what the earlier version accepted");
            }
            finding.example = example;
            findings.push(finding);
        }
        Answer::Unknown => {
            let told = refused || findings.iter().any(|finding| finding.kind == Kind::KeywordNotCompared);
            findings.extend(unproved(reader, writer).filter(|_| !told));
        }
        Answer::Skipped => {
            let message = format!(
                "the schemas are larger than {} nodes, or as large by their references: compared by the rules of registries only",
                semantic::MOST_NODES
            );
            findings.push(at_roots(Kind::SemanticsSkipped, message, reader, writer));
        }
    }
    Ok(findings)
}

/// Keywords whose changes the rules of registries judge only roughly, or not at all.
const ROUGHLY: [&str; 12] = [
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
];

/// That nothing was proved, where something changed that only a proof could vouch for.
fn unproved(reader: &JsonSchema, writer: &JsonSchema) -> Option<Finding> {
    let changed = ROUGHLY.into_iter().find(|name| values_of(reader, name) != values_of(writer, name))?;
    let message = format!("`{changed}` was changed, and nothing could be proved about it");
    Some(at_roots(Kind::KeywordNotCompared, message, reader, writer))
}

/// What stands under a keyword, wherever it stands, in an order that does not hang on the document's.
fn values_of(schema: &JsonSchema, name: &str) -> Vec<Option<String>> {
    let document = schema.document();
    let (mut found, mut nodes) = (Vec::new(), vec![document.root()]);
    while let Some(node) = nodes.pop() {
        match document.value(node) {
            Value::Array(items) => nodes.extend(items),
            Value::Object(members) => {
                for member in members {
                    if member.name == name {
                        found.push(document.to_json(member.value).ok().map(|mut value| {
                            value.sort_all_objects();
                            value.to_string()
                        }));
                    }
                    nodes.push(member.value);
                }
            }
            _ => {}
        }
    }
    found.sort();
    found
}

/// A finding about the schemas as wholes.
fn at_roots(kind: Kind, message: String, reader: &JsonSchema, writer: &JsonSchema) -> Finding {
    let place = |schema: &JsonSchema| {
        let document = schema.document();
        Place { pointer: String::new(), span: document.span(document.root()) }
    };
    Finding::new(kind, "#/", message).reader(place(reader)).writer(place(writer))
}

fn lower(findings: &mut [Finding], from: Severity, to: Severity, of: impl Fn(&Finding) -> bool) {
    for finding in findings.iter_mut().filter(|finding| finding.severity == from && of(finding)) {
        finding.severity = to;
    }
}
