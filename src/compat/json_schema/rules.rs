//! What is compared of two schemas, in the order of a registry, and what each difference means.

use super::Policy;
use super::differ::Differ;
use super::view::{Nature, Types, View};
use super::{arrays, combined, objects, scalars};
use crate::compat::finding::{Kind, Severity};

/// Differences that only the strict policy refuses.
/// <https://github.com/confluentinc/schema-registry/issues/4292>
const LENIENT: &[Kind] = &[
    Kind::AdditionalPropertiesNarrowed,
    Kind::AdditionalPropertiesRemoved,
    Kind::UnevaluatedPropertiesNarrowed,
    Kind::UnevaluatedPropertiesRemoved,
    Kind::OptionalPropertyAddedToOpenContentModel,
    Kind::RequiredPropertyWithDefaultAddedToOpenContentModel,
    Kind::PropertyRemovedFromClosedContentModel,
    Kind::PropertyAddedNotCoveredByPartiallyOpenContentModel,
    Kind::PropertyRemovedNotCoveredByPartiallyOpenContentModel,
];

/// How much a difference matters under a policy.
pub(super) fn severity(kind: Kind, policy: Policy) -> Severity {
    match kind.severity() {
        Severity::Error if policy == Policy::Lenient && LENIENT.contains(&kind) => Severity::Information,
        severity => severity,
    }
}

/// What to write instead.
pub(super) fn hint(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::OptionalPropertyAddedToOpenContentModel | Kind::RequiredPropertyWithDefaultAddedToOpenContentModel => {
            "writers may already put anything under this name: close the model with \"additionalProperties\": false \
             in the earlier version, or use --json-policy lenient"
        }
        Kind::RequiredPropertyAddedToOpenContentModel | Kind::RequiredPropertyAddedToUnopenContentModel => {
            "leave the property out of \"required\", or give it a \"default\""
        }
        Kind::RequiredAttributeAdded => "leave the name out of \"required\", or give the property a \"default\"",
        Kind::PropertyRemovedFromClosedContentModel => {
            "keep the property, open the model by removing \"additionalProperties\": false, or use --json-policy lenient"
        }
        Kind::PropertyAddedNotCoveredByPartiallyOpenContentModel => {
            "give the property a schema that accepts all that \"additionalProperties\" or \"patternProperties\" accepted, \
             or use --json-policy lenient"
        }
        Kind::PropertyRemovedNotCoveredByPartiallyOpenContentModel => {
            "keep the property, or let \"additionalProperties\" accept what it accepted"
        }
        Kind::AdditionalPropertiesRemoved | Kind::UnevaluatedPropertiesRemoved => {
            "leave the model open: documents with other properties have been written, or use --json-policy lenient"
        }
        Kind::AdditionalPropertiesNarrowed | Kind::UnevaluatedPropertiesNarrowed => {
            "let other properties have the schema they had, or use --json-policy lenient"
        }
        Kind::EnumArrayNarrowed | Kind::EnumArrayChanged => "keep the values that were allowed, and add new ones",
        Kind::ConstChanged => "use \"enum\" with the old value and the new",
        Kind::TypeChanged | Kind::TypeNarrowed => "allow the old type too, e.g. \"type\": [\"string\", \"integer\"]",
        Kind::SumTypeNarrowed => "keep the alternative that was removed",
        Kind::CombinedTypeSubschemasChanged => "keep every old alternative, or widen it, and add new ones behind them",
        Kind::CombinedTypeChanged => "keep the way the schemas are combined, or change it to \"anyOf\"",
        Kind::ProductTypeExtended => "an additional schema of \"allOf\" narrows: leave it out",
        Kind::PatternAdded | Kind::PatternChanged => {
            "patterns are compared as text: keep the old one, or allow both with \"anyOf\""
        }
        Kind::MaxLengthAdded
        | Kind::MinLengthAdded
        | Kind::MaximumAdded
        | Kind::MinimumAdded
        | Kind::ExclusiveMaximumAdded
        | Kind::ExclusiveMinimumAdded
        | Kind::MaxItemsAdded
        | Kind::MinItemsAdded
        | Kind::MaxPropertiesAdded
        | Kind::MinPropertiesAdded
        | Kind::MultipleOfAdded
        | Kind::UniqueItemsAdded => "documents beyond the new limit have been allowed: leave it out",
        Kind::ItemAddedToOpenContentModel => "close the tuple in the earlier version, or append nothing",
        Kind::ItemRemovedFromClosedContentModel => "keep the item, or allow additional items",
        Kind::SubschemaAdded => "anything has been allowed here: leave the schema out, or begin a new property",
        Kind::KeywordNotCompared => "registries do not look at this keyword: check by hand that it is no narrower",
        _ => return None,
    })
}

/// Compares two schemas whose references have been followed.
pub(super) fn compare<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let places = (Some(original), Some(update));
    if differ.describes() {
        annotations(differ, original, update);
    }
    match (original.nature(), update.nature()) {
        (Nature::Never, _) | (Nature::Always, Nature::Always) => return,
        (Nature::Depends, Nature::Always) => {
            return differ
                .difference(Kind::SubschemaRemoved, &[], places.0, places.1, || "anything is allowed now".into());
        }
        (Nature::Always, _) => {
            return differ.difference(Kind::SubschemaAdded, &[], places.0, places.1, || {
                "anything was allowed, and is restricted now".into()
            });
        }
        (Nature::Depends, Nature::Never) => {
            return differ
                .difference(Kind::TypeChanged, &[], places.0, places.1, || "nothing is allowed any more".into());
        }
        (Nature::Depends, Nature::Depends) => {}
    }
    let (hidden, hides) = (original.opaque(), update.opaque());
    if hidden.and_then(View::text) != hides.and_then(View::text) {
        return differ.difference(Kind::TypeChanged, &[], hidden.or(places.0), hides.or(places.1), || {
            "a reference to a meta-schema was changed".into()
        });
    }
    let (before, after) = (original.combinations(), update.combinations());
    let (plain_before, plain_after) = (original.is_plain(), update.is_plain());
    match (before.as_slice(), after.as_slice()) {
        ([], [only]) if !plain_after => return combined::wrapped(differ, original, update, only),
        ([only], []) if !plain_before => return combined::unwrapped(differ, original, update, only),
        _ => {}
    }
    if (plain_before || plain_after) && !plain(differ, original, update) {
        return;
    }
    combined::compare(differ, (original, before.as_slice()), (update, after.as_slice()));
}

/// Keywords beside the combinations; `false` if the schemas are too different to go on.
fn plain<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) -> bool {
    let common = match (original.values(), update.values()) {
        (None, None) => types(differ, original, update),
        (Some(_), None) | (None, Some(_)) => {
            let places = (value_place(original), value_place(update));
            differ.difference(Kind::TypeChanged, &[], places.0, places.1, || {
                "a list of values and a type are different kinds of schema to a registry".into()
            });
            return false;
        }
        (Some(_), Some(_)) => {
            scalars::values(differ, original, update);
            original.types().common(update.types())
        }
    };
    if common.is_empty() {
        return false;
    }
    if common.holds(Types::STRING) {
        scalars::strings(differ, original, update);
    }
    if common.holds(Types::INTEGER) {
        scalars::numbers(differ, original, update);
    }
    if common.holds(Types::OBJECT) {
        objects::compare(differ, original, update);
    }
    if common.holds(Types::ARRAY) {
        arrays::compare(differ, original, update);
    }
    negation(differ, original, update);
    uncompared(differ, original, update);
    true
}

/// Where the values are listed, or else the type.
fn value_place(view: View<'_>) -> Option<View<'_>> {
    ["const", "enum", "type"].into_iter().find_map(|name| view.keyword(name)).or(Some(view))
}

/// Compares `type`; the types that both allow.
fn types<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) -> Types {
    let (before, after) = (original.types(), update.types());
    let one = |types: Types| types.is_single() || types == Types::ALL;
    if before != after {
        let kind = match (after.holds(before), before.holds(after)) {
            (true, _) if one(before) && one(after) || after == Types::ALL => Kind::TypeExtended,
            (true, _) => Kind::SumTypeExtended,
            (_, true) if one(before) && one(after) || before == Types::ALL => Kind::TypeNarrowed,
            (_, true) => Kind::SumTypeNarrowed,
            _ if one(before) || one(after) => Kind::TypeChanged,
            _ => Kind::CombinedTypeSubschemasChanged,
        };
        let place = |view: View<'a>| view.keyword("type").or(Some(view));
        let named = |types: Types| if types == Types::ALL { "any type".to_string() } else { types.names() };
        differ.difference(kind, &[], place(original), place(update), || {
            format!("{} was changed to {}", named(before), named(after))
        });
    }
    before.common(after)
}

fn annotations<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let id = |view: View<'a>| view.get(view.dialect().id_keyword()).filter(|id| id.text().is_some());
    let named = [
        ("$id", Kind::IdChanged, id(original), id(update)),
        ("title", Kind::TitleChanged, original.get("title"), update.get("title")),
        ("description", Kind::DescriptionChanged, original.get("description"), update.get("description")),
        ("default", Kind::DefaultChanged, original.get("default"), update.get("default")),
    ];
    for (name, kind, before, after) in named {
        if before.map(View::canonical) != after.map(View::canonical) {
            differ.difference(kind, &[name], before.or(Some(original)), after.or(Some(update)), || {
                format!("`{name}` was changed; no document is read differently")
            });
        }
    }
}

/// The wider the schema below `not`, the narrower the whole.
fn negation<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let places = (original.keyword("not"), update.keyword("not"));
    let kind = match places {
        (None, None) => return,
        (Some(_), None) => Kind::NotTypeNarrowed,
        (None, Some(_)) => Kind::NotTypeExtended,
        (Some(before), Some(after)) if differ.covers(after, before) => {
            if !differ.describes() || differ.covers(before, after) {
                return;
            }
            Kind::NotTypeNarrowed
        }
        (Some(_), Some(_)) => Kind::NotTypeExtended,
    };
    differ.difference(kind, &["not"], places.0.or(Some(original)), places.1.or(Some(update)), || {
        if kind == Kind::NotTypeNarrowed { "`not` excludes less" } else { "`not` excludes more" }.into()
    });
}

/// Whether two schemas have the same text, whatever the order of their members. The rules may take schemas for equal
/// that differ in what they do not look at.
fn is_written_alike(before: View<'_>, after: View<'_>) -> bool {
    before.canonical() == after.canonical()
}

/// Keywords that registries do not look at. Only a change that could narrow is told.
fn uncompared<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    if !differ.describes() {
        return;
    }
    let mut changed = Vec::new();
    for name in ["format", "contentEncoding", "contentMediaType"] {
        let (before, after) = (original.keyword(name), update.keyword(name));
        if after.is_some() && before.and_then(View::text) != after.and_then(View::text) {
            changed.push(name);
        }
    }
    for name in ["propertyNames", "contains", "unevaluatedItems"] {
        let (before, after) = (original.keyword(name), update.keyword(name));
        if let Some(after) = after
            && !before.is_some_and(|before| is_written_alike(before, after) && differ.covers(before, after))
        {
            changed.push(name);
        }
    }
    if let Some(condition) = update.keyword("if") {
        let before = original.keyword("if");
        if !before.is_some_and(|before| is_written_alike(before, condition)) || !differ.equal(before, Some(condition)) {
            changed.push("if");
        } else {
            for name in ["then", "else"] {
                let (before, after) = (original.keyword(name), update.keyword(name));
                if let Some(after) = after
                    && !before.is_some_and(|before| is_written_alike(before, after) && differ.covers(before, after))
                {
                    changed.push(name);
                }
            }
        }
    }
    for name in changed {
        let places = (original.keyword(name).or(Some(original)), update.keyword(name).or(Some(update)));
        differ.difference(Kind::KeywordNotCompared, &[name], places.0, places.1, || {
            format!("`{name}` was added or changed")
        });
    }
}
