//! Defaults that Avro Java's parser accepts and its decoder fails on.

use super::MOST_FINDINGS;
use super::defaults::last_members;
use super::schema::{AvroSchema, DefaultValue, Shape, Tag, TypeId, Use};
use crate::compat::finding::{Finding, Kind};
use crate::error::escape_controls;
use crate::json_text::{NodeId, Value};
use std::collections::HashSet;

/// Everything of that kind in the schema that reads, once for each default.
pub(super) fn bad_defaults(schema: &AvroSchema) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashSet<(TypeId, DefaultValue)> = HashSet::new();
    for owner in schema.types.iter() {
        let Shape::Record(record) = &owner.shape else { continue };
        for field in &record.fields {
            let Some(default) = field.default else { continue };
            let mut waiting = vec![(field.schema, default)];
            while let Some((used, value)) = waiting.pop() {
                if findings.len() >= MOST_FINDINGS {
                    return findings;
                }
                if seen.insert((used.id, value)) {
                    findings.extend(fault(schema, used, value, field.node));
                    inside(schema, used, value, &mut waiting);
                }
            }
        }
    }
    findings
}

fn fault(schema: &AvroSchema, used: Use, value: DefaultValue, field: NodeId) -> Option<Finding> {
    let document = schema.default_document(value);
    let text = document.text(value.node)?;
    let (kind, message, hint) = match &schema.get(used.id).shape {
        Shape::Enum(symbols) if !symbols.symbols.iter().any(|symbol| symbol == text) => {
            let first = symbols.symbols.first().map_or(String::new(), |symbol| format!(", such as \"{symbol}\""));
            let message = format!("the default is no symbol of `{}`", schema.get(used.id).called());
            (Kind::InvalidDefaultSymbol, message, format!("write one of the symbols{first}"))
        }
        Shape::Fixed { size, .. } if text.chars().count() != *size as usize => {
            let length = text.chars().count();
            let message = format!("the default of {length} bytes is no `{}` of {size}", schema.get(used.id).called());
            (Kind::InvalidDefaultLength, message, format!("write {size} characters, one for every byte"))
        }
        _ => return None,
    };
    // What came from another file stands where it was named.
    let node = if value.document == 0 { value.node } else { field };
    let place = schema.place(node);
    let location = if place.pointer.is_empty() { "/".to_string() } else { place.pointer.clone() };
    Some(Finding::new(kind, location, escape_controls(&message)).reader(place).hint(escape_controls(&hint)))
}

/// The values that a default consists of, with their types.
fn inside(schema: &AvroSchema, used: Use, value: DefaultValue, waiting: &mut Vec<(Use, DefaultValue)>) {
    let document = schema.default_document(value);
    let at = |node: NodeId| DefaultValue { document: value.document, node };
    match (&schema.get(used.id).shape, document.value(value.node)) {
        (Shape::Array(inner), Value::Array(elements)) => {
            waiting.extend(elements.iter().map(|element| (*inner, at(*element))));
        }
        (Shape::Map(inner), Value::Object(members)) => {
            waiting.extend(members.iter().map(|member| (*inner, at(member.value))));
        }
        (Shape::Record(record), Value::Object(_)) => {
            let members = last_members(document, value.node);
            let given = |name: &str| members.get(name).copied();
            waiting.extend(record.fields.iter().filter_map(|field| Some((field.schema, at(given(&field.name)?)))));
        }
        (Shape::Union(branches), found) => {
            let takes = |tag: Tag| match found {
                Value::Text(_) => matches!(tag, Tag::String | Tag::Bytes | Tag::Enum | Tag::Fixed),
                Value::Object(_) => matches!(tag, Tag::Map | Tag::Record),
                Value::Array(_) => tag == Tag::Array,
                _ => false,
            };
            waiting.extend(
                branches.iter().find(|branch| takes(schema.get(branch.id).tag())).map(|branch| (*branch, value)),
            );
        }
        _ => {}
    }
}
