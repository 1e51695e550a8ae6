//! What the documents say: whether every document that one schema accepts is accepted by the
//! other, as the crate `jsonschema` proves it, and a document that is not.
//!
//! The crate calls this part experimental. It is asked for schemas of moderate size only, on
//! a stack of its own; if it panics, it has answered nothing.

use super::dialect::Dialect;
use super::document::JsonSchema;
use super::example;
use crate::json_text::Document;
use jsonschema::canonical::{CanonicalSchema, CanonicalizeOptions, Containment};
use jsonschema::{Draft, Registry, Validator};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Nodes and levels of a schema with what it refers to; beyond, its answer can take minutes.
pub(super) const MOST_NODES: usize = 2_000;
const MOST_DEPTH: usize = 100;
/// Nodes with every reference replaced by what it means, as the crate may do.
const MOST_UNFOLDED: usize = 20_000;
/// Bytes of stack for the crate, which recurses.
const STACK: usize = 64 << 20;

/// Whether the reader accepts what the writer accepts.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Every document.
    Yes,
    /// Not every document.
    No {
        /// All are accepted once properties with a default are not required.
        only_defaults: bool,
        /// A document that the writer accepts and the reader does not.
        example: Option<Value>,
    },
    /// Nothing could be proved.
    Unknown,
    /// Not asked: the schemas are too large.
    Skipped,
}

fn draft(dialect: Dialect) -> Draft {
    match dialect {
        Dialect::Draft4 => Draft::Draft4,
        Dialect::Draft6 => Draft::Draft6,
        Dialect::Draft7 => Draft::Draft7,
        Dialect::Draft201909 => Draft::Draft201909,
        Dialect::Draft202012 => Draft::Draft202012,
    }
}

/// Runs on a large stack; `None` if it panics.
fn guarded<T>(run: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(|| stacker::grow(STACK, run))).ok().flatten()
}

/// Where a document breaks the meta-schema of its draft: pointers, and the keywords that say so.
/// Nothing for documents too deep for the validator.
pub(super) fn meta_schema_errors(document: &Document, dialect: Dialect, most: usize) -> Vec<(String, String)> {
    guarded(|| {
        let value = document.to_json(document.root()).ok()?;
        let validator = match dialect {
            Dialect::Draft4 => jsonschema::draft4::meta::validator(),
            Dialect::Draft6 => jsonschema::draft6::meta::validator(),
            Dialect::Draft7 => jsonschema::draft7::meta::validator(),
            Dialect::Draft201909 => jsonschema::draft201909::meta::validator(),
            Dialect::Draft202012 => jsonschema::draft202012::meta::validator(),
        };
        let errors = validator.iter_errors(&value).take(most).map(|error| {
            let path = error.schema_path().as_str();
            let keyword = path.rsplit('/').next().unwrap_or_default().to_string();
            (error.instance_path().as_str().to_string(), keyword)
        });
        Some(errors.collect())
    })
    .unwrap_or_default()
}

/// A schema as the crate takes it.
struct Loaded {
    value: Value,
    draft: Draft,
    registry: Registry<'static>,
}

impl Loaded {
    fn new(schema: &JsonSchema) -> Option<Self> {
        let mut value = schema.document().to_json(schema.document().root()).ok()?;
        // The crate takes objects of an `enum` for different ones when their members are in another order.
        value.sort_all_objects();
        let mut builder = Registry::new();
        for text in schema.texts.iter().skip(1) {
            let mut referred = text.document.to_json(text.document.root()).ok()?;
            referred.sort_all_objects();
            builder = builder.add(&text.address, draft(text.dialect).create_resource(referred)).ok()?;
        }
        Some(Self { value, draft: draft(schema.dialect()), registry: builder.prepare().ok()? })
    }

    fn canonical(&self, value: &Value) -> Option<CanonicalSchema> {
        let options = CanonicalizeOptions::default().offline().with_draft(self.draft).with_registry(&self.registry);
        options.canonicalize(value).ok()
    }

    fn validator(&self) -> Option<Validator> {
        let options = jsonschema::options().offline().with_draft(self.draft).with_registry(&self.registry);
        options.build(&self.value).ok()
    }
}

/// Asks whether `reader` accepts all that `writer` accepts.
pub(super) fn compare(writer: &JsonSchema, reader: &JsonSchema) -> Answer {
    let large = |schema: &JsonSchema| {
        schema.nodes > MOST_NODES
            || schema.texts.iter().any(|text| text.document.depth() > MOST_DEPTH)
            || schema.unfolds_beyond(MOST_UNFOLDED)
    };
    if large(writer) || large(reader) {
        return Answer::Skipped;
    }
    guarded(|| {
        let (old, new) = (Loaded::new(writer)?, Loaded::new(reader)?);
        let written = old.canonical(&old.value)?;
        let read = new.canonical(&new.value)?;
        Some(match read.covers(&written).ok()? {
            Containment::Yes => Answer::Yes,
            Containment::Unknown => Answer::Unknown,
            Containment::No => refused(&old, &new, &written, &read),
        })
    })
    .unwrap_or(Answer::Unknown)
}

/// Validators do not fill in defaults, readers of a registry do: what is refused for a missing
/// property with a default is no break for them.
fn refused(old: &Loaded, new: &Loaded, written: &CanonicalSchema, read: &CanonicalSchema) -> Answer {
    let mut value = new.value.clone();
    let relaxed = if without_defaulted(&mut value) { new.canonical(&value) } else { None };
    let only_defaults = relaxed.as_ref().is_some_and(|relaxed| !matches!(relaxed.covers(written), Ok(Containment::No)));
    // Where something else breaks too, the document shows that.
    let against = relaxed.as_ref().filter(|_| !only_defaults).unwrap_or(read);
    let example = written.subtract(against).ok().and_then(|lost| {
        let (accepts, refuses) = (old.validator()?, new.validator()?);
        let documents = example::documents(&lost.to_json_schema());
        documents.into_iter().find(|document| accepts.is_valid(document) && !refuses.is_valid(document))
    });
    Answer::No { only_defaults, example }
}

/// Takes properties with a default out of `required`; whether there were any.
fn without_defaulted(schema: &mut Value) -> bool {
    let mut changed = false;
    match schema {
        Value::Array(items) => {
            for item in items {
                changed |= without_defaulted(item);
            }
        }
        Value::Object(members) => {
            let defaulted: Vec<String> = members
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter(|(_, property)| property.get("default").is_some())
                .map(|(name, _)| name.clone())
                .collect();
            if let Some(Value::Array(required)) = members.get_mut("required") {
                let before = required.len();
                required.retain(|name| !name.as_str().is_some_and(|name| defaulted.iter().any(|one| one == name)));
                changed |= required.len() < before;
                // Draft 4 has no empty list.
                if required.is_empty() && before > 0 {
                    members.remove("required");
                }
            }
            for value in members.values_mut() {
                changed |= without_defaulted(value);
            }
        }
        _ => {}
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_with_a_default_are_taken_out_of_the_required_ones() {
        let mut schema = json!({"properties": {"a": {"default": 1}, "b": {}}, "required": ["a", "b"]});
        assert!(without_defaulted(&mut schema));
        assert_eq!(schema["required"], json!(["b"]));
        assert!(!without_defaulted(&mut schema));
    }
}
