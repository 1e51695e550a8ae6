//! Objects. Whether a property may come or go depends on the content model: what other
//! properties are allowed to be.
//!
//! An open model allows any other property, a closed one none, a partially open one those that
//! a schema or a pattern accepts. A name that no pattern of an open model takes is free, where
//! the registry takes the model for closed: a document can have anything there.

use super::differ::Differ;
use super::scalars::{Limit, limits};
use super::view::{Nature, View};
use crate::compat::finding::Kind;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const COUNTS: [Limit; 2] = [
    Limit {
        keyword: "maxProperties",
        added: Kind::MaxPropertiesAdded,
        removed: Kind::MaxPropertiesRemoved,
        increased: Kind::MaxPropertiesIncreased,
        decreased: Kind::MaxPropertiesDecreased,
    },
    Limit {
        keyword: "minProperties",
        added: Kind::MinPropertiesAdded,
        removed: Kind::MinPropertiesRemoved,
        increased: Kind::MinPropertiesIncreased,
        decreased: Kind::MinPropertiesDecreased,
    },
];

/// What is allowed beyond what is listed.
#[derive(Clone, Copy)]
pub(super) enum Rest<'a> {
    Open,
    Closed,
    Partial(View<'a>),
}

impl<'a> Rest<'a> {
    /// Of the value of a keyword like `additionalProperties`.
    pub(super) fn of(keyword: Option<View<'a>>) -> Self {
        let Some(schema) = keyword else { return Self::Open };
        match schema.resolved().nature() {
            Nature::Always => Self::Open,
            Nature::Never => Self::Closed,
            Nature::Depends => Self::Partial(schema),
        }
    }
}

/// The four differences of a keyword that says what else is allowed.
pub(super) struct RestKinds {
    pub(super) keyword: &'static str,
    pub(super) added: Kind,
    pub(super) removed: Kind,
    pub(super) extended: Kind,
    pub(super) narrowed: Kind,
}

const ADDITIONAL: RestKinds = RestKinds {
    keyword: "additionalProperties",
    added: Kind::AdditionalPropertiesAdded,
    removed: Kind::AdditionalPropertiesRemoved,
    extended: Kind::AdditionalPropertiesExtended,
    narrowed: Kind::AdditionalPropertiesNarrowed,
};

const UNEVALUATED: RestKinds = RestKinds {
    keyword: "unevaluatedProperties",
    added: Kind::UnevaluatedPropertiesAdded,
    removed: Kind::UnevaluatedPropertiesRemoved,
    extended: Kind::UnevaluatedPropertiesExtended,
    narrowed: Kind::UnevaluatedPropertiesNarrowed,
};

/// Compares what else is allowed. `schemas` are where it is told if a side has no keyword for it.
pub(super) fn rest<'a>(
    differ: &mut Differ,
    kinds: &RestKinds,
    schemas: (View<'a>, View<'a>),
    before: Rest<'a>,
    after: Rest<'a>,
) {
    let kind = match (before, after) {
        (Rest::Open, Rest::Open) | (Rest::Closed, Rest::Closed) => return,
        (Rest::Partial(before), Rest::Partial(after)) => return differ.below(&[kinds.keyword], before, after),
        (Rest::Open, Rest::Closed) => kinds.removed,
        (Rest::Closed, Rest::Open) => kinds.added,
        (Rest::Open, Rest::Partial(_)) | (Rest::Partial(_), Rest::Closed) => kinds.narrowed,
        (Rest::Closed, Rest::Partial(_)) | (Rest::Partial(_), Rest::Open) => kinds.extended,
    };
    let place = |view: View<'a>| view.keyword(kinds.keyword).or(Some(view));
    differ.difference(kind, &[kinds.keyword], place(schemas.0), place(schemas.1), || {
        let opened = kind == kinds.added || kind == kinds.extended;
        format!("`{}` allows {} than before", kinds.keyword, if opened { "more" } else { "less" })
    });
}

/// The content model of one side.
struct Model<'a> {
    schema: View<'a>,
    order: Vec<(&'a str, View<'a>)>,
    properties: HashMap<&'a str, View<'a>>,
    /// A pattern that this engine does not know is taken to match.
    patterns: Vec<(Option<fancy_regex::Regex>, View<'a>)>,
    rest: Rest<'a>,
    required: BTreeSet<&'a str>,
}

/// Steps after which a pattern is taken to match.
const MOST_BACKTRACKING: usize = 100_000;

impl<'a> Model<'a> {
    fn new(schema: View<'a>) -> Self {
        let order = schema.keyword("properties").map_or(Vec::new(), View::members);
        let patterns = schema.keyword("patternProperties").map_or(Vec::new(), View::members);
        let compiled =
            |pattern: &str| fancy_regex::RegexBuilder::new(pattern).backtrack_limit(MOST_BACKTRACKING).build().ok();
        // In draft 4 a list; the flags of draft 3 never get here.
        let required = schema.keyword("required").map_or(BTreeSet::new(), View::names);
        Self {
            schema,
            properties: order.iter().copied().collect(),
            order,
            patterns: patterns.into_iter().map(|(pattern, view)| (compiled(pattern), view)).collect(),
            rest: Rest::of(schema.keyword("additionalProperties").or(schema.keyword("unevaluatedProperties"))),
            required,
        }
    }

    /// What a property may be that is not listed.
    fn unlisted(&self, name: &str) -> Rest<'a> {
        let matches = |pattern: &Option<fancy_regex::Regex>| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(name).unwrap_or(true))
        };
        match self.patterns.iter().find(|(pattern, _)| matches(pattern)) {
            Some((_, schema)) => Rest::of(Some(*schema)),
            None => self.rest,
        }
    }
}

/// Whether a property has a default, beside its reference or behind it.
fn has_default(property: View<'_>) -> bool {
    property.get("default").is_some() || property.resolved().get("default").is_some()
}

pub(super) fn compare<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let (before, after) = (Model::new(original), Model::new(update));
    for (name, property) in &before.order {
        match after.properties.get(name) {
            Some(now) => differ.below(&["properties", *name], *property, *now),
            None => removed(differ, &after, name, *property),
        }
    }
    for (name, property) in after.order.iter().filter(|(name, _)| !before.properties.contains_key(name)) {
        added(differ, &before, &after, name, *property);
    }
    required(differ, &before, &after);
    patterns(differ, &before, &after);
    rest(
        differ,
        &ADDITIONAL,
        (original, update),
        Rest::of(original.keyword("additionalProperties")),
        Rest::of(update.keyword("additionalProperties")),
    );
    let unevaluated = (original.keyword("unevaluatedProperties"), update.keyword("unevaluatedProperties"));
    if unevaluated.0.is_some() || unevaluated.1.is_some() {
        // What `additionalProperties` takes is evaluated, so it is what the other keyword meets.
        let met = if unevaluated.0.is_some() { Rest::of(unevaluated.0) } else { before.rest };
        let after = if update.keyword("additionalProperties").is_some() { Rest::Open } else { Rest::of(unevaluated.1) };
        rest(differ, &UNEVALUATED, (original, update), met, after);
    }
    limits(differ, &COUNTS, original, update);
    dependencies(differ, original, update);
}

fn removed<'a>(differ: &mut Differ, after: &Model<'a>, name: &str, property: View<'a>) {
    let (kind, model) = match after.unlisted(name) {
        Rest::Open => (Kind::PropertyRemovedFromOpenContentModel, "an open"),
        Rest::Closed if property.resolved().nature() == Nature::Never => {
            (Kind::PropertyWithFalseRemovedFromClosedContentModel, "a closed")
        }
        Rest::Closed => (Kind::PropertyRemovedFromClosedContentModel, "a closed"),
        Rest::Partial(schema) if differ.covers(property, schema) => {
            (Kind::PropertyRemovedIsCoveredByPartiallyOpenContentModel, "a partially open")
        }
        Rest::Partial(_) => (Kind::PropertyRemovedNotCoveredByPartiallyOpenContentModel, "a partially open"),
    };
    differ.difference(kind, &["properties", name], Some(property), Some(after.schema), || {
        format!("a property was removed from {model} content model")
    });
}

fn added<'a>(differ: &mut Differ, before: &Model<'a>, after: &Model<'a>, name: &str, property: View<'a>) {
    let required = after.required.contains(name) && !before.required.contains(name);
    let default = has_default(property);
    let note = |differ: &mut Differ, kind: Kind, message: &'static str| {
        differ.difference(kind, &["properties", name], Some(before.schema), Some(property), || message.into());
    };
    match (before.unlisted(name), required, default) {
        (Rest::Open, true, true) => note(
            differ,
            Kind::RequiredPropertyWithDefaultAddedToOpenContentModel,
            "a required property with a default was added to an open content model",
        ),
        (Rest::Open, true, false) => note(
            differ,
            Kind::RequiredPropertyAddedToOpenContentModel,
            "a required property was added to an open content model",
        ),
        (Rest::Open, false, _) if property.resolved().nature() == Nature::Always => note(
            differ,
            Kind::PropertyWithEmptySchemaAddedToOpenContentModel,
            "a property that may be anything was added to an open content model",
        ),
        (Rest::Open, false, _) => note(
            differ,
            Kind::OptionalPropertyAddedToOpenContentModel,
            "an optional property was added to an open content model",
        ),
        (Rest::Closed, false, _) => note(
            differ,
            Kind::OptionalPropertyAddedToUnopenContentModel,
            "an optional property was added to a closed content model",
        ),
        (Rest::Closed, true, true) => note(
            differ,
            Kind::RequiredPropertyWithDefaultAddedToUnopenContentModel,
            "a required property with a default was added to a closed content model",
        ),
        (Rest::Closed, true, false) => note(
            differ,
            Kind::RequiredPropertyAddedToUnopenContentModel,
            "a required property was added to a closed content model",
        ),
        (Rest::Partial(schema), required, default) => {
            if required && !default {
                note(
                    differ,
                    Kind::RequiredPropertyAddedToUnopenContentModel,
                    "a required property was added to a partially open content model",
                );
            }
            if differ.covers(schema, property) {
                note(
                    differ,
                    Kind::PropertyAddedIsCoveredByPartiallyOpenContentModel,
                    "a property was added that accepts what was accepted under its name",
                );
            } else {
                note(
                    differ,
                    Kind::PropertyAddedNotCoveredByPartiallyOpenContentModel,
                    "a property was added that does not accept all that was accepted under its name",
                );
            }
        }
    }
}

fn required<'a>(differ: &mut Differ, before: &Model<'a>, after: &Model<'a>) {
    let place = |model: &Model<'a>| model.schema.keyword("required").or(Some(model.schema));
    for name in after.required.difference(&before.required) {
        let (listed, now) = (before.properties.contains_key(name), after.properties.get(name));
        let kind = match now {
            // Told as an added property.
            Some(_) if !listed => continue,
            Some(property) if has_default(*property) => Kind::RequiredAttributeWithDefaultAdded,
            _ => Kind::RequiredAttributeAdded,
        };
        differ.difference(kind, &["required", *name], place(before), place(after), || "became required".into());
    }
    for name in before.required.difference(&after.required) {
        differ.difference(Kind::RequiredAttributeRemoved, &["required", *name], place(before), place(after), || {
            "is no longer required".into()
        });
    }
}

/// Patterns, which registries do not compare: the schemas of equal ones like any others.
fn patterns<'a>(differ: &mut Differ, before: &Model<'a>, after: &Model<'a>) {
    let listed = |model: &Model<'a>| -> BTreeMap<&'a str, View<'a>> {
        model.schema.keyword("patternProperties").map_or(Vec::new(), View::members).into_iter().collect()
    };
    let (old, new) = (listed(before), listed(after));
    for (pattern, schema) in &new {
        match old.get(pattern) {
            Some(original) => differ.below(&["patternProperties", *pattern], *original, *schema),
            None if matches!(before.rest, Rest::Closed) => {}
            None => differ.difference(
                Kind::KeywordNotCompared,
                &["patternProperties", *pattern],
                Some(before.schema),
                Some(*schema),
                || "a pattern was added to a model that allowed other properties".into(),
            ),
        }
    }
    for (pattern, schema) in old.iter().filter(|(pattern, _)| !new.contains_key(*pattern)) {
        if !matches!(after.rest, Rest::Open) {
            let steps = ["patternProperties", *pattern];
            differ.difference(Kind::KeywordNotCompared, &steps, Some(*schema), Some(after.schema), || {
                "a pattern was removed from a model that is not open".into()
            });
        }
    }
}

/// All dependencies by property: `dependencies` of older drafts, the two keywords of newer ones.
/// Both a list and a schema may depend on one property.
fn depending<'a>(view: View<'a>) -> BTreeMap<(&'a str, bool), View<'a>> {
    let of = |name: &str| view.keyword(name).map_or(Vec::new(), View::members);
    let both = of("dependencies").into_iter().chain(of("dependentRequired")).chain(of("dependentSchemas"));
    let is_list = |view: View<'a>| matches!(view.value(), crate::json_text::Value::Array(_));
    both.map(|(name, value)| ((name, is_list(value)), value)).collect()
}

fn dependencies<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let (old, new) = (depending(original), depending(update));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    for key in keys {
        let (name, is_list) = key;
        let (before, after) = (old.get(&key).copied(), new.get(&key).copied());
        let (kind, change) = match (before, after, is_list) {
            (None, Some(_), true) => (Kind::DependencyArrayAdded, "added"),
            (Some(_), None, true) => (Kind::DependencyArrayRemoved, "removed"),
            (None, Some(_), false) => (Kind::DependencySchemaAdded, "added"),
            (Some(_), None, false) => (Kind::DependencySchemaRemoved, "removed"),
            (Some(before), Some(after), true) => {
                let (before, after) = (before.names(), after.names());
                match (after.is_superset(&before), before.is_superset(&after)) {
                    (true, true) => continue,
                    (true, false) => (Kind::DependencyArrayExtended, "extended"),
                    (false, true) => (Kind::DependencyArrayNarrowed, "shortened"),
                    (false, false) => (Kind::DependencyArrayChanged, "changed"),
                }
            }
            (Some(before), Some(after), false) => {
                differ.below(&["dependencies", name], before, after);
                continue;
            }
            (None, None, _) => continue,
        };
        let places = (before.or(Some(original)), after.or(Some(update)));
        differ.difference(kind, &["dependencies", name], places.0, places.1, || {
            format!("what depends on a property was {change}")
        });
    }
}
