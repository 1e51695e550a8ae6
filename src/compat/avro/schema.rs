//! A schema whose names are resolved: types in an arena, each with its place in the document.

use super::logical::Logical;
use super::names::Names;
use super::parse::Parser;
use super::{Mistake, Strictness, syntax};
use crate::compat::finding::Place;
use crate::json_text::{Document, NodeId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A type in the arena of its schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct TypeId(pub(super) u32);

/// A type where it is used: its definition, and the place that names or holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) id: TypeId,
    pub(super) node: NodeId,
}

/// What a type is, without what it consists of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Tag {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array,
    Map,
    Union,
    Fixed,
    Enum,
    Record,
    /// A name that is not resolved yet; in no schema that was accepted.
    Named,
    /// A mistake; in no schema that was accepted.
    Unknown,
}

/// The primitive types by name.
pub(super) const PRIMITIVES: [(&str, Tag); 8] = [
    ("null", Tag::Null),
    ("boolean", Tag::Boolean),
    ("int", Tag::Int),
    ("long", Tag::Long),
    ("float", Tag::Float),
    ("double", Tag::Double),
    ("bytes", Tag::Bytes),
    ("string", Tag::String),
];

impl Tag {
    /// The primitive type of a name.
    pub(super) fn primitive(name: &str) -> Option<Tag> {
        PRIMITIVES.iter().find(|(primitive, _)| *primitive == name).map(|(_, tag)| *tag)
    }

    /// The name in schemas.
    pub(super) fn word(self) -> &'static str {
        match self {
            Tag::Array => "array",
            Tag::Map => "map",
            Tag::Union => "union",
            Tag::Fixed => "fixed",
            Tag::Enum => "enum",
            Tag::Record => "record",
            Tag::Named | Tag::Unknown => "unknown",
            _ => PRIMITIVES.iter().find(|(_, tag)| *tag == self).map_or("", |(name, _)| *name),
        }
    }

    /// The name in the messages of Avro Java.
    pub(super) fn shouted(self) -> String {
        self.word().to_ascii_uppercase()
    }

    /// Whether a value of type `writer` is read as this type by promotion.
    pub(super) fn promotes(self, writer: Tag) -> bool {
        matches!(
            (writer, self),
            (Tag::Int, Tag::Long | Tag::Float | Tag::Double)
                | (Tag::Long, Tag::Float | Tag::Double)
                | (Tag::Float, Tag::Double)
                | (Tag::String, Tag::Bytes)
                | (Tag::Bytes, Tag::String)
        )
    }
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// The tag is all there is: primitives and what is unknown.
    Plain(Tag),
    Array(Use),
    Map(Use),
    Union(Vec<Use>),
    Fixed {
        size: u32,
        node: NodeId,
    },
    Enum(Enum),
    Record(Record),
}

#[derive(Clone, Debug)]
pub(super) struct Enum {
    pub(super) symbols: Vec<String>,
    pub(super) default: Option<String>,
    pub(super) node: NodeId,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) fields: Vec<Field>,
    pub(super) by_name: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// Without repetitions, in their order.
    pub(super) aliases: Vec<String>,
    pub(super) schema: Use,
    pub(super) default: Option<DefaultValue>,
    pub(super) node: NodeId,
}

/// The default of a field: a value of one of the schema's documents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct DefaultValue {
    /// Which of [`AvroSchema::documents`]; 0 is the schema's own.
    pub(super) document: u32,
    pub(super) node: NodeId,
}

/// What a record, enum or fixed is called.
#[derive(Clone, Debug)]
pub(super) struct FullName {
    /// Without namespace.
    pub(super) short: String,
    pub(super) full: String,
    /// Full names.
    pub(super) aliases: HashSet<String>,
    /// Where the name stands.
    pub(super) node: NodeId,
}

impl FullName {
    pub(super) fn namespace(&self) -> &str {
        self.full.strip_suffix(&self.short).map_or("", |space| space.trim_end_matches('.'))
    }

    /// Whether the reader's name stands for the writer's: Avro Java compares short names, and
    /// aliases with the full name.
    pub(super) fn reads(&self, writer: &FullName) -> bool {
        self.short == writer.short || self.aliases.contains(&writer.full)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Type {
    pub(super) shape: Shape,
    pub(super) name: Option<FullName>,
    pub(super) logical: Option<Logical>,
    /// Where it stands in the schema's own document; what came from another file stands where it was named.
    pub(super) node: NodeId,
    /// Where it was defined: the document's number and the place in it.
    pub(super) origin: (u32, NodeId),
}

impl Type {
    pub(super) fn tag(&self) -> Tag {
        match &self.shape {
            Shape::Plain(tag) => *tag,
            Shape::Array(_) => Tag::Array,
            Shape::Map(_) => Tag::Map,
            Shape::Union(_) => Tag::Union,
            Shape::Fixed { .. } => Tag::Fixed,
            Shape::Enum(_) => Tag::Enum,
            Shape::Record(_) => Tag::Record,
        }
    }

    pub(super) fn branches(&self) -> &[Use] {
        if let Shape::Union(branches) = &self.shape { branches } else { &[] }
    }

    /// The full name, or the word for types without one.
    pub(super) fn called(&self) -> &str {
        self.name.as_ref().map_or(self.tag().word(), |name| name.full.as_str())
    }
}

/// An Avro schema that was accepted.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    /// Its own document, then those that types came from.
    pub(super) documents: Vec<Arc<Document>>,
    pub(super) types: Arc<Vec<Type>>,
    pub(super) root: Use,
    /// The names that its own document defines.
    pub(super) defined: Arc<HashMap<String, TypeId>>,
}

impl AvroSchema {
    /// Reads a schema from JSON. Types of other files are found in `names`; definitions of the
    /// document itself come first.
    ///
    /// # Errors
    ///
    /// All mistakes (at most 1,000), in the order of the document, by the rules of Avro Java 1.12.0.
    pub fn parse(document: Document, names: &Names, strictness: Strictness) -> Result<AvroSchema, Vec<Mistake>> {
        Parser::parse(document, names, strictness)
    }

    /// Reads a schema from text, comments allowed.
    ///
    /// # Errors
    ///
    /// As [`AvroSchema::parse`]; text that is no JSON has the code `avro::json`.
    pub fn read(text: &str, names: &Names, strictness: Strictness) -> Result<AvroSchema, Vec<Mistake>> {
        match Document::parse(text, syntax()) {
            Ok(document) => Self::parse(document, names, strictness),
            Err(mistake) => {
                Err(vec![Mistake { code: "avro::json", message: mistake.message, span: mistake.span, hint: None }])
            }
        }
    }

    /// The full name of a record, enum or fixed; `None` for types without one.
    pub fn name(&self) -> Option<&str> {
        self.get(self.root.id).name.as_ref().map(|name| name.full.as_str())
    }

    /// The full names that the document defines, sorted.
    pub fn defined_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.defined.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The document it was read from.
    pub fn document(&self) -> &Document {
        &self.documents[0]
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    pub(super) fn place(&self, node: NodeId) -> Place {
        Place { pointer: self.documents[0].pointer(node), span: self.documents[0].span(node) }
    }

    pub(super) fn default_document(&self, default: DefaultValue) -> &Document {
        self.documents.get(default.document as usize).unwrap_or(&self.documents[0])
    }
}

/// The fields of the writer's record that a reader's field claims by its name and aliases: the
/// name's first. More than one is a conflict.
pub(super) fn claimed(field: &Field, writer: &Record) -> Vec<usize> {
    let names = std::iter::once(&field.name).chain(&field.aliases);
    names.filter_map(|name| writer.by_name.get(name).copied()).collect()
}
