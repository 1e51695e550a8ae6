//! Arrays: lists whose items are alike, and tuples, whose items have a schema each. Tuples have
//! a content model as objects do.

use super::dialect::Dialect;
use super::differ::Differ;
use super::objects::{Rest, RestKinds, rest};
use super::scalars::{Limit, limits};
use super::view::{Nature, View};
use crate::compat::finding::Kind;
use crate::json_text::Value;

const COUNTS: [Limit; 2] = [
    Limit {
        keyword: "maxItems",
        added: Kind::MaxItemsAdded,
        removed: Kind::MaxItemsRemoved,
        increased: Kind::MaxItemsIncreased,
        decreased: Kind::MaxItemsDecreased,
    },
    Limit {
        keyword: "minItems",
        added: Kind::MinItemsAdded,
        removed: Kind::MinItemsRemoved,
        increased: Kind::MinItemsIncreased,
        decreased: Kind::MinItemsDecreased,
    },
];

/// Without `contains` they limit nothing; absent, `minContains` is 1.
const CONTAINED: [Limit; 2] = [
    Limit {
        keyword: "maxContains",
        added: Kind::MaxContainsAdded,
        removed: Kind::MaxContainsRemoved,
        increased: Kind::MaxContainsIncreased,
        decreased: Kind::MaxContainsDecreased,
    },
    Limit {
        keyword: "minContains",
        added: Kind::MinContainsAdded,
        removed: Kind::MinContainsRemoved,
        increased: Kind::MinContainsIncreased,
        decreased: Kind::MinContainsDecreased,
    },
];

/// The items of one side.
struct Items<'a> {
    /// The first items, one schema each.
    first: Vec<View<'a>>,
    /// The schema of all others.
    others: Option<View<'a>>,
    /// The keyword of the others.
    keyword: &'static str,
}

impl<'a> Items<'a> {
    fn new(view: View<'a>) -> Self {
        let items = view.keyword("items");
        let is_list = |items: &View<'a>| matches!(items.value(), Value::Array(_));
        if view.dialect() >= Dialect::Draft202012 {
            let first = view.keyword("prefixItems").map_or(Vec::new(), View::items);
            return Self { first, others: items, keyword: "items" };
        }
        match items.filter(is_list) {
            Some(list) => {
                Self { first: list.items(), others: view.keyword("additionalItems"), keyword: "additionalItems" }
            }
            None => Self { first: Vec::new(), others: items, keyword: "items" },
        }
    }
}

pub(super) fn compare<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let (before, after) = (Items::new(original), Items::new(update));
    if before.first.is_empty() && after.first.is_empty() {
        lists(differ, (original, before.others), (update, after.others));
    } else {
        tuples(differ, (original, &before), (update, &after));
    }
    limits(differ, &COUNTS, original, update);
    if original.keyword("contains").is_some() && update.keyword("contains").is_some() {
        limits(differ, &CONTAINED, original, update);
    }
    let (unique, stays) = (original.keyword("uniqueItems"), update.keyword("uniqueItems"));
    let kind = match (unique.is_some_and(View::is_true), stays.is_some_and(View::is_true)) {
        (false, true) => Kind::UniqueItemsAdded,
        (true, false) => Kind::UniqueItemsRemoved,
        _ => return,
    };
    differ.difference(kind, &["uniqueItems"], unique.or(Some(original)), stays.or(Some(update)), || {
        if kind == Kind::UniqueItemsAdded { "items must differ now" } else { "items may be equal now" }.into()
    });
}

fn lists<'a>(differ: &mut Differ, original: (View<'a>, Option<View<'a>>), update: (View<'a>, Option<View<'a>>)) {
    match (original.1, update.1) {
        (None, None) => {}
        (Some(before), Some(after)) => differ.below(&["items"], before, after),
        (None, Some(after)) if after.resolved().nature() == Nature::Always => {}
        (None, Some(after)) => {
            differ.difference(Kind::SubschemaAdded, &["items"], Some(original.0), Some(after), || {
                "items were anything, and have a schema now".into()
            })
        }
        (Some(before), None) => {
            differ.difference(Kind::SubschemaRemoved, &["items"], Some(before), Some(update.0), || {
                "items may be anything now".into()
            })
        }
    }
}

fn tuples<'a>(differ: &mut Differ, original: (View<'a>, &Items<'a>), update: (View<'a>, &Items<'a>)) {
    let (before, after) = (original.1, update.1);
    for index in 0..before.first.len().max(after.first.len()) {
        let step = index.to_string();
        let steps = ["items", step.as_str()];
        match (before.first.get(index), after.first.get(index)) {
            (Some(old), Some(new)) => differ.below(&steps, *old, *new),
            (Some(old), None) => {
                let kind = removed(differ, *old, Rest::of(after.others));
                differ.difference(kind, &steps, Some(*old), Some(update.0), || "an item was removed".into());
            }
            (None, Some(new)) => {
                let kind = added(differ, *new, Rest::of(before.others));
                differ.difference(kind, &steps, Some(original.0), Some(*new), || "an item was added".into());
            }
            (None, None) => {}
        }
    }
    let kinds = RestKinds {
        keyword: after.keyword,
        added: Kind::AdditionalItemsAdded,
        removed: Kind::AdditionalItemsRemoved,
        extended: Kind::AdditionalItemsExtended,
        narrowed: Kind::AdditionalItemsNarrowed,
    };
    rest(differ, &kinds, (original.0, update.0), Rest::of(before.others), Rest::of(after.others));
}

fn removed<'a>(differ: &mut Differ, item: View<'a>, rest: Rest<'a>) -> Kind {
    match rest {
        Rest::Open => Kind::ItemRemovedFromOpenContentModel,
        Rest::Closed if item.resolved().nature() == Nature::Never => Kind::ItemWithFalseRemovedFromClosedContentModel,
        Rest::Closed => Kind::ItemRemovedFromClosedContentModel,
        Rest::Partial(schema) if differ.covers(item, schema) => Kind::ItemRemovedIsCoveredByPartiallyOpenContentModel,
        Rest::Partial(_) => Kind::ItemRemovedNotCoveredByPartiallyOpenContentModel,
    }
}

fn added<'a>(differ: &mut Differ, item: View<'a>, rest: Rest<'a>) -> Kind {
    match rest {
        Rest::Open if item.resolved().nature() == Nature::Always => Kind::ItemWithEmptySchemaAddedToOpenContentModel,
        Rest::Open => Kind::ItemAddedToOpenContentModel,
        Rest::Closed => Kind::ItemAddedToClosedContentModel,
        Rest::Partial(schema) if differ.covers(schema, item) => Kind::ItemAddedIsCoveredByPartiallyOpenContentModel,
        Rest::Partial(_) => Kind::ItemAddedNotCoveredByPartiallyOpenContentModel,
    }
}
