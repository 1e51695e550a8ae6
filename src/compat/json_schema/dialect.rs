//! The drafts of JSON Schema: how they are declared, and which keyword belongs to which.

use crate::json_text::{Document, NodeId, Value};

/// A draft, the older the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `http://json-schema.org/draft-04/schema#`
    Draft4,
    /// `http://json-schema.org/draft-06/schema#`
    Draft6,
    /// `http://json-schema.org/draft-07/schema#`
    Draft7,
    /// `https://json-schema.org/draft/2019-09/schema`
    Draft201909,
    /// `https://json-schema.org/draft/2020-12/schema`: what a schema without `$schema` is read as.
    Draft202012,
}

impl Dialect {
    /// By the value of `$schema`, with or without the empty fragment; `None` for any other.
    pub fn of_schema(uri: &str) -> Option<Self> {
        let bare = uri.trim_end_matches('#');
        let path = bare.strip_prefix("http://").or_else(|| bare.strip_prefix("https://"))?;
        Some(match path {
            "json-schema.org/draft-04/schema" => Self::Draft4,
            "json-schema.org/draft-06/schema" => Self::Draft6,
            "json-schema.org/draft-07/schema" => Self::Draft7,
            "json-schema.org/draft/2019-09/schema" => Self::Draft201909,
            "json-schema.org/draft/2020-12/schema" => Self::Draft202012,
            _ => return None,
        })
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft4 => "draft 4",
            Self::Draft6 => "draft 6",
            Self::Draft7 => "draft 7",
            Self::Draft201909 => "draft 2019-09",
            Self::Draft202012 => "draft 2020-12",
        }
    }

    /// The keyword that names a schema.
    pub(super) fn id_keyword(self) -> &'static str {
        if self == Self::Draft4 { "id" } else { "$id" }
    }

    /// Whether `$ref` hides what stands beside it.
    pub(super) fn reference_stands_alone(self) -> bool {
        self <= Self::Draft7
    }

    /// Whether the keyword can make a document invalid in this draft. Names that no draft
    /// knows are annotations, as all drafts have it.
    pub(super) fn asserts(self, name: &str) -> bool {
        // An annotation since 2019-09 unless a validator is told otherwise.
        let formats = matches!(name, "format" | "contentEncoding" | "contentMediaType") && self > Self::Draft7;
        !formats && self.keyword(name).is_some_and(|keyword| keyword.asserts)
    }

    /// A keyword that belongs to the draft.
    fn keyword(self, name: &str) -> Option<&'static Keyword> {
        KEYWORDS.iter().find(|keyword| keyword.name == name && (keyword.first..=keyword.last).contains(&self))
    }
}

/// What the value of a keyword looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Schema,
    Schemas,
    /// `items` of the drafts that have tuples there.
    SchemaOrSchemas,
    NamedSchemas,
    /// `dependencies`: a list of names or a schema each.
    Dependencies,
    NamedLists,
    Text,
    Texts,
    Type,
    Count,
    Number,
    Positive,
    Flag,
    /// `exclusiveMaximum`: a flag in draft 4, a number since.
    Exclusive,
    Values,
    Anything,
}

/// A keyword of any draft.
#[derive(Debug)]
struct Keyword {
    name: &'static str,
    shape: Shape,
    asserts: bool,
    first: Dialect,
    last: Dialect,
}

const fn asserting(name: &'static str, shape: Shape) -> Keyword {
    Keyword { name, shape, asserts: true, first: Dialect::Draft4, last: Dialect::Draft202012 }
}

const fn annotating(name: &'static str, shape: Shape) -> Keyword {
    Keyword { asserts: false, ..asserting(name, shape) }
}

impl Keyword {
    const fn since(self, first: Dialect) -> Self {
        Self { first, ..self }
    }

    const fn until(self, last: Dialect) -> Self {
        Self { last, ..self }
    }
}

static KEYWORDS: &[Keyword] = &[
    asserting("$ref", Shape::Text),
    asserting("$recursiveRef", Shape::Text).since(Dialect::Draft201909).until(Dialect::Draft201909),
    asserting("$dynamicRef", Shape::Text).since(Dialect::Draft202012),
    asserting("type", Shape::Type),
    asserting("enum", Shape::Values),
    asserting("const", Shape::Anything).since(Dialect::Draft6),
    asserting("multipleOf", Shape::Positive),
    asserting("maximum", Shape::Number),
    asserting("exclusiveMaximum", Shape::Exclusive),
    asserting("minimum", Shape::Number),
    asserting("exclusiveMinimum", Shape::Exclusive),
    asserting("maxLength", Shape::Count),
    asserting("minLength", Shape::Count),
    asserting("pattern", Shape::Text),
    asserting("format", Shape::Text),
    asserting("contentEncoding", Shape::Text).since(Dialect::Draft7),
    asserting("contentMediaType", Shape::Text).since(Dialect::Draft7),
    annotating("contentSchema", Shape::Schema).since(Dialect::Draft201909),
    asserting("prefixItems", Shape::Schemas).since(Dialect::Draft202012),
    asserting("items", Shape::Schema).since(Dialect::Draft202012),
    asserting("items", Shape::SchemaOrSchemas).until(Dialect::Draft201909),
    asserting("additionalItems", Shape::Schema).until(Dialect::Draft201909),
    asserting("unevaluatedItems", Shape::Schema).since(Dialect::Draft201909),
    asserting("maxItems", Shape::Count),
    asserting("minItems", Shape::Count),
    asserting("uniqueItems", Shape::Flag),
    asserting("contains", Shape::Schema).since(Dialect::Draft6),
    asserting("maxContains", Shape::Count).since(Dialect::Draft201909),
    asserting("minContains", Shape::Count).since(Dialect::Draft201909),
    asserting("maxProperties", Shape::Count),
    asserting("minProperties", Shape::Count),
    asserting("required", Shape::Texts),
    asserting("properties", Shape::NamedSchemas),
    asserting("patternProperties", Shape::NamedSchemas),
    asserting("additionalProperties", Shape::Schema),
    asserting("unevaluatedProperties", Shape::Schema).since(Dialect::Draft201909),
    asserting("propertyNames", Shape::Schema).since(Dialect::Draft6),
    asserting("dependencies", Shape::Dependencies).until(Dialect::Draft7),
    asserting("dependentRequired", Shape::NamedLists).since(Dialect::Draft201909),
    asserting("dependentSchemas", Shape::NamedSchemas).since(Dialect::Draft201909),
    asserting("allOf", Shape::Schemas),
    asserting("anyOf", Shape::Schemas),
    asserting("oneOf", Shape::Schemas),
    asserting("not", Shape::Schema),
    asserting("if", Shape::Schema).since(Dialect::Draft7),
    asserting("then", Shape::Schema).since(Dialect::Draft7),
    asserting("else", Shape::Schema).since(Dialect::Draft7),
    annotating("definitions", Shape::NamedSchemas),
    annotating("$defs", Shape::NamedSchemas).since(Dialect::Draft201909),
];

impl Dialect {
    /// What a keyword of this draft looks like; `None` for names that the draft does not know.
    pub(super) fn shape(self, name: &str) -> Option<Shape> {
        self.keyword(name).map(|keyword| keyword.shape)
    }

    /// What should stand there instead, or `None` if the value has the shape. Subschemas are
    /// looked at where they are visited.
    pub(super) fn misshapen(self, document: &Document, node: NodeId, shape: Shape) -> Option<&'static str> {
        // Draft 4 has true and false in some keywords; its meta-schema knows in which.
        let schema = |node: NodeId| matches!(document.value(node), Value::Object(_) | Value::Bool(_));
        let text = |node: &NodeId| matches!(document.value(*node), Value::Text(_));
        let texts = |node: NodeId| matches!(document.value(node), Value::Array(items) if items.iter().all(text));
        let count = |text: &str| super::decimal::Decimal::parse(text).is_some_and(|number| number.is_count());
        let value = document.value(node);
        let (fits, expected) = match shape {
            Shape::Schema => (schema(node), "a schema: an object, true or false"),
            Shape::Schemas => (
                matches!(value, Value::Array(items) if !items.is_empty() && items.iter().all(|item| schema(*item))),
                "a list of one schema or more",
            ),
            Shape::SchemaOrSchemas => (
                schema(node) || matches!(value, Value::Array(items) if items.iter().all(|item| schema(*item))),
                "a schema or a list of schemas",
            ),
            Shape::NamedSchemas => (
                matches!(value, Value::Object(members) if members.iter().all(|member| schema(member.value))),
                "an object whose values are schemas",
            ),
            Shape::Dependencies => (
                matches!(value, Value::Object(members) if members.iter().all(|member| schema(member.value) || texts(member.value))),
                "an object whose values are schemas or lists of names",
            ),
            Shape::NamedLists => (
                matches!(value, Value::Object(members) if members.iter().all(|member| texts(member.value))),
                "an object whose values are lists of names",
            ),
            Shape::Text => (text(&node), "a text"),
            Shape::Texts => (texts(node), "a list of names"),
            Shape::Type => {
                let known = |node: &NodeId| document.text(*node).is_some_and(|name| TYPES.contains(&name));
                (
                    known(&node)
                        || matches!(value, Value::Array(items) if !items.is_empty() && items.iter().all(known)),
                    "one or more of null, boolean, integer, number, string, array, object",
                )
            }
            Shape::Count => (document.number(node).is_some_and(count), "a whole number of 0 or more"),
            Shape::Number => (document.number(node).is_some(), "a number"),
            Shape::Positive => (
                document
                    .number(node)
                    .and_then(super::decimal::Decimal::parse)
                    .is_some_and(|number| number.is_positive()),
                "a number greater than 0",
            ),
            Shape::Flag => (matches!(value, Value::Bool(_)), "true or false"),
            Shape::Exclusive if self == Self::Draft4 => (matches!(value, Value::Bool(_)), "true or false"),
            Shape::Exclusive => (document.number(node).is_some(), "a number"),
            Shape::Values => (matches!(value, Value::Array(_)), "a list of values"),
            Shape::Anything => (true, ""),
        };
        (!fits).then_some(expected)
    }
}

/// The names that `type` takes.
pub(super) const TYPES: &[&str] = &["null", "boolean", "integer", "number", "string", "array", "object"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_known_by_their_address_with_and_without_fragment_and_over_both_protocols() {
        assert_eq!(Dialect::of_schema("http://json-schema.org/draft-07/schema#"), Some(Dialect::Draft7));
        assert_eq!(Dialect::of_schema("https://json-schema.org/draft-07/schema"), Some(Dialect::Draft7));
        assert_eq!(Dialect::of_schema("https://json-schema.org/draft/2020-12/schema"), Some(Dialect::Draft202012));
        assert_eq!(Dialect::of_schema("http://json-schema.org/draft-03/schema#"), None);
        assert_eq!(Dialect::of_schema("draft-07"), None);
    }

    #[test]
    fn keywords_assert_in_their_own_drafts_only() {
        assert!(Dialect::Draft7.asserts("if"));
        assert!(!Dialect::Draft6.asserts("if"));
        assert!(!Dialect::Draft4.asserts("const"));
        assert!(Dialect::Draft7.asserts("format"));
        assert!(!Dialect::Draft202012.asserts("format"));
        assert!(Dialect::Draft202012.asserts("items") && Dialect::Draft4.asserts("items"));
        assert!(!Dialect::Draft7.asserts("title"));
    }
}
