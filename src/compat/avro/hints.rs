//! The words of the incompatibilities: Avro Java's message, the places in both documents, and what
//! to write instead.

use super::Profile;
use super::check::{Found, missing_symbols};
use super::schema::{AvroSchema, Enum, Field, Record, Shape, Tag, Type, Use};
use crate::compat::finding::{Finding, Kind};
use crate::diagnostic::nearest;
use crate::error::escape_controls;
use crate::json_text::NodeId;

/// Symbols that a message names.
const NAMED_SYMBOLS: usize = 50;

/// Fields among which a misspelt or renamed one is looked for.
const COMPARED_FIELDS: usize = 200;

pub(super) fn finding(
    reader: &AvroSchema,
    writer: &AvroSchema,
    found: &Found,
    location: String,
    profile: Profile,
) -> Finding {
    let (ours, theirs) = (reader.get(found.reader.id), writer.get(found.writer.id));
    let words = match found.kind {
        Kind::NameMismatch => name(ours, theirs, found),
        Kind::FixedSizeMismatch => size(ours, theirs, found),
        Kind::MissingEnumSymbols => symbols(ours, theirs, found),
        Kind::ReaderFieldMissingDefaultValue => field(reader, (ours, theirs), found, profile),
        Kind::MissingUnionBranch => branch(theirs, found),
        _ => mismatch(ours, theirs, found),
    };
    Finding::new(found.kind, location, escape_controls(&words.message))
        .reader(reader.place(words.reader))
        .writer(writer.place(words.writer))
        .hint(escape_controls(&words.hint))
}

struct Words {
    message: String,
    hint: String,
    reader: NodeId,
    writer: NodeId,
}

fn name(ours: &Type, theirs: &Type, found: &Found) -> Words {
    let our_node = ours.name.as_ref().map_or(found.reader.node, |name| name.node);
    let their_node = theirs.name.as_ref().map_or(found.writer.node, |name| name.node);
    let full = theirs.called();
    Words {
        message: format!("expected: {full}"),
        hint: format!("keep the name `{full}`, or add \"aliases\": [\"{full}\"] to `{}`", ours.called()),
        reader: our_node,
        writer: their_node,
    }
}

fn size(ours: &Type, theirs: &Type, found: &Found) -> Words {
    let of = |schema: &Type, used: Use| match &schema.shape {
        Shape::Fixed { size, node } => (*size, *node),
        _ => (0, used.node),
    };
    let ((our_size, our_node), (their_size, their_node)) = (of(ours, found.reader), of(theirs, found.writer));
    Words {
        message: format!("expected: {their_size}, found: {our_size}"),
        hint: format!("keep \"size\": {their_size}; another size needs a type of another name in a field of its own"),
        reader: our_node,
        writer: their_node,
    }
}

fn symbols(ours: &Type, theirs: &Type, found: &Found) -> Words {
    let (Shape::Enum(our_enum), Shape::Enum(their_enum)) = (&ours.shape, &theirs.shape) else {
        return mismatch(ours, theirs, found);
    };
    let missing = missing_symbols(our_enum, their_enum);
    let mut named = missing.iter().take(NAMED_SYMBOLS).copied().collect::<Vec<_>>().join(", ");
    if missing.len() > NAMED_SYMBOLS {
        named = format!("{named} and {} more", missing.len() - NAMED_SYMBOLS);
    }
    let default = our_enum.symbols.first().map_or("UNKNOWN", String::as_str);
    Words {
        message: format!("[{}]", missing.join(", ")),
        hint: format!(
            "keep {named} in \"symbols\", or give the enum itself a default such as \"default\": \"{default}\""
        ),
        reader: our_enum.node,
        writer: their_enum.node,
    }
}

fn field(reader: &AvroSchema, (ours, theirs): (&Type, &Type), found: &Found, profile: Profile) -> Words {
    let (Shape::Record(record), Shape::Record(other)) = (&ours.shape, &theirs.shape) else {
        return mismatch(ours, theirs, found);
    };
    let Some(field) = record.fields.get(found.index) else { return mismatch(ours, theirs, found) };
    let mut hint = match example_default(reader, field) {
        Some(default) => format!("give the field a default, e.g. \"default\": {default}"),
        None => {
            let word = reader.get(field.schema.id).called();
            format!("make the field nullable with a default: \"type\": [\"null\", \"{word}\"], \"default\": null")
        }
    };
    if let Some(renamed) = renamed(field, record, other) {
        hint = format!("{hint}; if it is `{renamed}` renamed, add \"aliases\": [\"{renamed}\"]");
    }
    if profile == Profile::Glue && nullable(reader, field.schema) {
        hint.push_str(" (that its type has null does not make it optional, other than the documentation of Glue says)");
    }
    Words { message: field.name.clone(), hint, reader: field.node, writer: found.writer.node }
}

/// Whether null is a value of the type.
pub(super) fn nullable(schema: &AvroSchema, used: Use) -> bool {
    let is_null = |used: &Use| schema.get(used.id).tag() == Tag::Null;
    is_null(&used) || schema.get(used.id).branches().iter().any(is_null)
}

/// A default that the field could have.
fn example_default(reader: &AvroSchema, field: &Field) -> Option<String> {
    if nullable(reader, field.schema) {
        return Some("null".to_string());
    }
    Some(match &reader.get(field.schema.id).shape {
        Shape::Plain(Tag::Boolean) => "false".to_string(),
        Shape::Plain(Tag::Int | Tag::Long | Tag::Float | Tag::Double) => "0".to_string(),
        Shape::Plain(Tag::Bytes | Tag::String) => "\"\"".to_string(),
        Shape::Array(_) => "[]".to_string(),
        Shape::Map(_) => "{}".to_string(),
        Shape::Enum(Enum { symbols, .. }) => format!("\"{}\"", symbols.first()?),
        _ => return None,
    })
}

/// The writer's field that a new field could have been.
fn renamed<'a>(field: &Field, reader: &Record, writer: &'a Record) -> Option<&'a str> {
    if writer.fields.len() > COMPARED_FIELDS || reader.fields.len() > COMPARED_FIELDS {
        return None;
    }
    let gone = writer.fields.iter().map(|field| field.name.as_str()).filter(|name| !reader.by_name.contains_key(*name));
    nearest(&field.name, gone)
}

fn branch(theirs: &Type, found: &Found) -> Words {
    let tag = theirs.tag();
    let hint = match (tag, &theirs.name) {
        (_, Some(name)) => format!(
            "add a branch that reads `{}` to the union, or keep the one there was (an alias bridges a new name)",
            name.full
        ),
        _ => format!("add \"{}\" to the union: data of that type were written", tag.word()),
    };
    Words {
        message: format!("reader union lacking writer type: {}", tag.shouted()),
        hint,
        reader: found.reader.node,
        writer: found.writer.node,
    }
}

fn mismatch(ours: &Type, theirs: &Type, found: &Found) -> Words {
    let (tag, other) = (ours.tag(), theirs.tag());
    let hint = if found.kind == Kind::TypeMismatch && tag == Tag::Enum && other == Tag::Record {
        "give the field itself a default: that of its enum does not count for it".to_string()
    } else if other == Tag::Null {
        let word = ours.called();
        format!("null was allowed: make the type a union with it, as in [\"null\", \"{word}\"]")
    } else if other.promotes(tag) {
        format!("`{}` cannot be narrowed: keep \"{}\"", other.word(), other.word())
    } else {
        format!(
            "keep \"{}\", make the type a union of both, or add a field of another name with a default",
            theirs.called()
        )
    };
    Words {
        message: format!("reader type: {} not compatible with writer type: {}", tag.shouted(), other.shouted()),
        hint,
        reader: found.reader.node,
        writer: found.writer.node,
    }
}
