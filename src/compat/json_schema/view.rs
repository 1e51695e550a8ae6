//! A schema as the comparison sees it: references followed, wrappers of one schema unwrapped,
//! types and values as sets.

use super::decimal::Decimal;
use super::dialect::{Dialect, TYPES};
use super::document::{JsonSchema, Spot};
use crate::error::escape_controls;
use crate::json_text::{Document, NodeId, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Whose document a schema stands in. Below `not` the writer's takes the place of the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Writer,
    Reader,
}

/// A schema, or a value in one, of one side.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) schema: &'a JsonSchema,
    pub(super) side: Side,
    pub(super) spot: Spot,
    /// The node of the side's own document that led here; the node itself if it is in it.
    pub(super) via: NodeId,
}

/// What a schema says without looking at the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Always,
    Never,
    Depends,
}

/// A set of types; `number` holds `integer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(1 << 1);
    pub(super) const INTEGER: Self = Self(1 << 2);
    pub(super) const NUMBER: Self = Self((1 << 2) | (1 << 3));
    pub(super) const STRING: Self = Self(1 << 4);
    pub(super) const ARRAY: Self = Self(1 << 5);
    pub(super) const OBJECT: Self = Self(1 << 6);
    pub(super) const ALL: Self = Self(0x7f);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self(0),
        }
    }

    fn of_value(value: &Value, number: Option<&str>) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number if number.and_then(Decimal::parse).is_some_and(|number| number.is_whole()) => Self::INTEGER,
            // Just the part of the numbers that is no integer, and so no `integer`.
            Value::Number => Self(1 << 3),
            Value::Text(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One type only, `number` among them.
    pub(super) fn is_single(self) -> bool {
        self == Self::NUMBER || self.0.count_ones() == 1
    }

    /// As it would be written.
    pub(super) fn names(self) -> String {
        let number = self.holds(Self::NUMBER);
        let written = |name: &&&str| self.holds(Self::named(name)) && !(number && **name == "integer");
        TYPES.iter().filter(written).copied().collect::<Vec<_>>().join(" or ")
    }
}

/// How the schemas of a list are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

impl Criterion {
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }
}

/// The schemas of `allOf`, `anyOf` or `oneOf`. A reference beside other keywords is one more of `allOf`.
pub(super) struct Combination<'a> {
    pub(super) criterion: Criterion,
    pub(super) branches: Vec<View<'a>>,
}

/// Characters of a value that messages show.
const MOST_SHOWN: usize = 60;

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

impl<'a> View<'a> {
    pub(super) fn root(schema: &'a JsonSchema, side: Side) -> Self {
        let spot = schema.root();
        Self { schema, side, spot, via: spot.node }
    }

    pub(super) fn document(self) -> &'a Document {
        &self.schema.texts[self.spot.text].document
    }

    pub(super) fn dialect(self) -> Dialect {
        self.schema.texts[self.spot.text].dialect
    }

    pub(super) fn value(self) -> &'a Value {
        self.document().value(self.spot.node)
    }

    /// A node of the same document.
    pub(super) fn at(self, node: NodeId) -> Self {
        let spot = Spot { text: self.spot.text, node };
        Self { spot, via: if spot.text == 0 { node } else { self.via }, ..self }
    }

    fn moved(self, spot: Spot) -> Self {
        Self { spot, via: if spot.text == 0 { spot.node } else { self.via }, ..self }
    }

    /// The value of a keyword that the draft knows, or of an annotation.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.document().get(self.spot.node, name).map(|node| self.at(node))
    }

    /// The value of a keyword if it asserts in this draft.
    pub(super) fn keyword(self, name: &str) -> Option<Self> {
        self.get(name).filter(|_| self.dialect().asserts(name))
    }

    pub(super) fn text(self) -> Option<&'a str> {
        self.document().text(self.spot.node)
    }

    pub(super) fn number(self) -> Option<Decimal> {
        self.document().number(self.spot.node).and_then(Decimal::parse)
    }

    pub(super) fn is_true(self) -> bool {
        matches!(self.value(), Value::Bool(true))
    }

    pub(super) fn items(self) -> Vec<Self> {
        match self.value() {
            Value::Array(items) => items.iter().map(|item| self.at(*item)).collect(),
            _ => Vec::new(),
        }
    }

    /// Members of an object in their order, the last of equal names only.
    pub(super) fn members(self) -> Vec<(&'a str, Self)> {
        let Value::Object(members) = self.value() else { return Vec::new() };
        let mut last: HashMap<&str, usize> = HashMap::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            last.insert(&member.name, index);
        }
        let kept = members.iter().enumerate().filter(|(index, member)| last.get(member.name.as_str()) == Some(index));
        kept.map(|(_, member)| (member.name.as_str(), self.at(member.value))).collect()
    }

    /// The names of `required`, or of a list of dependencies.
    pub(super) fn names(self) -> BTreeSet<&'a str> {
        self.items().into_iter().filter_map(Self::text).collect()
    }

    /// Names of the keywords that can make a document invalid.
    fn assertions(self) -> Vec<&'a str> {
        let Value::Object(members) = self.value() else { return Vec::new() };
        let dialect = self.dialect();
        members.iter().map(|member| member.name.as_str()).filter(|name| dialect.asserts(name)).collect()
    }

    /// The schema that this one is only another way to write.
    fn meant(self) -> Option<Self> {
        let target = |name| self.keyword(name).and_then(|reference: Self| self.schema.target(reference.spot));
        if self.dialect().reference_stands_alone()
            && let Some(target) = target("$ref")
        {
            return Some(self.moved(target));
        }
        let assertions = self.assertions();
        let only = assertions.first().copied().filter(|_| assertions.len() == 1)?;
        if REFERENCES.contains(&only) {
            return target(only).map(|spot| self.moved(spot));
        }
        if !["allOf", "anyOf", "oneOf"].contains(&only) {
            return None;
        }
        let branches = self.keyword(only)?.items();
        branches.first().copied().filter(|_| branches.len() == 1)
    }

    /// References followed and wrappers of one schema unwrapped; a circle of them stays as it is.
    pub(super) fn resolved(self) -> Self {
        let Some(mut view) = self.meant() else { return self };
        let mut seen = HashSet::from([self.spot]);
        while seen.insert(view.spot) {
            match view.meant() {
                Some(meant) => view = meant,
                None => break,
            }
        }
        view
    }

    /// A circle of references asserts nothing.
    pub(super) fn nature(self) -> Nature {
        match self.value() {
            Value::Bool(false) => Nature::Never,
            Value::Object(_) if self.meant().is_none() && !self.assertions().is_empty() => Nature::Depends,
            _ => Nature::Always,
        }
    }

    /// A reference to a schema that is not looked into: the meta-schemas of the drafts.
    pub(super) fn opaque(self) -> Option<Self> {
        let reference = REFERENCES.iter().find_map(|name| self.keyword(name))?;
        self.schema.target(reference.spot).is_none().then_some(reference)
    }

    /// The types that `type` allows.
    pub(super) fn types(self) -> Types {
        let Some(declared) = self.keyword("type") else { return Types::ALL };
        match declared.value() {
            Value::Array(_) => Types(declared.names().iter().fold(0, |set, name| set | Types::named(name).0)),
            _ => declared.text().map_or(Types::ALL, Types::named),
        }
    }

    /// The values of `enum` or `const` that `type` allows too, by one spelling of each.
    pub(super) fn values(self) -> Option<BTreeMap<String, Self>> {
        let listed = match (self.keyword("const"), self.keyword("enum")) {
            (Some(value), _) => vec![value],
            (None, Some(list)) => list.items(),
            (None, None) => return None,
        };
        let types = self.types();
        let allowed =
            |value: &Self| types.holds(Types::of_value(value.value(), self.document().number(value.spot.node)));
        Some(listed.into_iter().filter(allowed).map(|value| (value.canonical(), value)).collect())
    }

    /// The text of a value, cut where it gets long.
    pub(super) fn written(self) -> String {
        let range = self.document().span(self.spot.node).range();
        let text = self.document().source().get(range).unwrap_or_default();
        let mut shown: String = text.chars().take(MOST_SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        escape_controls(&shown)
    }

    /// A value as text that is equal for equal values.
    pub(super) fn canonical(self) -> String {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || match self.value() {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Number => self.number().map_or_else(
                || self.document().number(self.spot.node).unwrap_or_default().to_string(),
                |number| number.canonical(),
            ),
            Value::Text(text) => format!("{text:?}"),
            Value::Array(_) => {
                format!("[{}]", self.items().into_iter().map(Self::canonical).collect::<Vec<_>>().join(","))
            }
            Value::Object(_) => {
                let sorted: BTreeMap<&str, String> =
                    self.members().into_iter().map(|(name, value)| (name, value.canonical())).collect();
                let members: Vec<String> = sorted.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }
        })
    }

    pub(super) fn combinations(self) -> Vec<Combination<'a>> {
        let listed = |name: &str| self.keyword(name).map_or(Vec::new(), Self::items);
        let beside = REFERENCES.iter().filter_map(|name| self.keyword(name));
        let mut all: Vec<Self> =
            beside.filter_map(|reference| Some(self.moved(self.schema.target(reference.spot)?))).collect();
        all.extend(listed("allOf"));
        [(Criterion::All, all), (Criterion::Any, listed("anyOf")), (Criterion::One, listed("oneOf"))]
            .into_iter()
            .filter(|(_, branches)| !branches.is_empty())
            .map(|(criterion, branches)| Combination { criterion, branches })
            .collect()
    }

    /// Whether something asserts beside the combinations.
    pub(super) fn is_plain(self) -> bool {
        let combining = |name: &&str| REFERENCES.contains(name) || ["allOf", "anyOf", "oneOf"].contains(name);
        self.opaque().is_some() || self.assertions().iter().any(|name| !combining(name))
    }
}
