//! Strings, numbers, lists of values, and every keyword that is one limit.

use super::decimal::Decimal;
use super::dialect::Dialect;
use super::differ::Differ;
use super::view::View;
use crate::compat::finding::Kind;
use std::cmp::Ordering;

/// A keyword whose number limits something.
pub(super) struct Limit {
    pub(super) keyword: &'static str,
    pub(super) added: Kind,
    pub(super) removed: Kind,
    pub(super) increased: Kind,
    pub(super) decreased: Kind,
}

const LENGTHS: [Limit; 2] = [
    Limit {
        keyword: "maxLength",
        added: Kind::MaxLengthAdded,
        removed: Kind::MaxLengthRemoved,
        increased: Kind::MaxLengthIncreased,
        decreased: Kind::MaxLengthDecreased,
    },
    Limit {
        keyword: "minLength",
        added: Kind::MinLengthAdded,
        removed: Kind::MinLengthRemoved,
        increased: Kind::MinLengthIncreased,
        decreased: Kind::MinLengthDecreased,
    },
];

const MAXIMUM: Limit = Limit {
    keyword: "maximum",
    added: Kind::MaximumAdded,
    removed: Kind::MaximumRemoved,
    increased: Kind::MaximumIncreased,
    decreased: Kind::MaximumDecreased,
};

const MINIMUM: Limit = Limit {
    keyword: "minimum",
    added: Kind::MinimumAdded,
    removed: Kind::MinimumRemoved,
    increased: Kind::MinimumIncreased,
    decreased: Kind::MinimumDecreased,
};

const EXCLUSIVE_MAXIMUM: Limit = Limit {
    keyword: "exclusiveMaximum",
    added: Kind::ExclusiveMaximumAdded,
    removed: Kind::ExclusiveMaximumRemoved,
    increased: Kind::ExclusiveMaximumIncreased,
    decreased: Kind::ExclusiveMaximumDecreased,
};

const EXCLUSIVE_MINIMUM: Limit = Limit {
    keyword: "exclusiveMinimum",
    added: Kind::ExclusiveMinimumAdded,
    removed: Kind::ExclusiveMinimumRemoved,
    increased: Kind::ExclusiveMinimumIncreased,
    decreased: Kind::ExclusiveMinimumDecreased,
};

/// Compares the numbers of one keyword, wherever each stands.
fn limit<'a>(
    differ: &mut Differ,
    limit: &Limit,
    schemas: (View<'a>, View<'a>),
    before: Option<View<'a>>,
    after: Option<View<'a>>,
) {
    let numbers = (before.and_then(View::number), after.and_then(View::number));
    let keyword = limit.keyword;
    let (kind, message) = match &numbers {
        (None, None) => return,
        (None, Some(_)) => (limit.added, format!("`{keyword}` was added")),
        (Some(_), None) => (limit.removed, format!("`{keyword}` was removed")),
        (Some(old), Some(new)) => {
            let written = |view: Option<View<'_>>| view.map_or(String::new(), View::written);
            let change = format!("from {} to {}", written(before), written(after));
            match new.cmp(old) {
                Ordering::Equal => return,
                Ordering::Greater => (limit.increased, format!("`{keyword}` was increased {change}")),
                Ordering::Less => (limit.decreased, format!("`{keyword}` was decreased {change}")),
            }
        }
    };
    differ.difference(kind, &[keyword], before.or(Some(schemas.0)), after.or(Some(schemas.1)), || message);
}

/// Compares keywords that are one limit each.
pub(super) fn limits<'a>(differ: &mut Differ, list: &[Limit], original: View<'a>, update: View<'a>) {
    for one in list {
        limit(differ, one, (original, update), original.keyword(one.keyword), update.keyword(one.keyword));
    }
}

/// Length and pattern.
pub(super) fn strings<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    limits(differ, &LENGTHS, original, update);
    let (before, after) = (original.keyword("pattern"), update.keyword("pattern"));
    let (kind, change) = match (before.and_then(View::text), after.and_then(View::text)) {
        (None, Some(_)) => (Kind::PatternAdded, "added"),
        (Some(_), None) => (Kind::PatternRemoved, "removed"),
        (Some(old), Some(new)) if old != new => (Kind::PatternChanged, "changed"),
        _ => return,
    };
    differ.difference(kind, &["pattern"], before.or(Some(original)), after.or(Some(update)), || {
        format!("`pattern` was {change}")
    });
}

/// The inclusive and the exclusive bound. In draft 4 the exclusive one is a flag beside the other.
fn bounds<'a>(view: View<'a>, inclusive: &str, exclusive: &str) -> (Option<View<'a>>, Option<View<'a>>) {
    let (bound, other) = (view.keyword(inclusive), view.keyword(exclusive));
    if view.dialect() > Dialect::Draft4 {
        return (bound, other);
    }
    if other.is_some_and(View::is_true) { (None, bound) } else { (bound, None) }
}

/// Bounds and divisor.
pub(super) fn numbers<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    for (inclusive, exclusive) in [(MAXIMUM, EXCLUSIVE_MAXIMUM), (MINIMUM, EXCLUSIVE_MINIMUM)] {
        let before = bounds(original, inclusive.keyword, exclusive.keyword);
        let after = bounds(update, inclusive.keyword, exclusive.keyword);
        limit(differ, &inclusive, (original, update), before.0, after.0);
        limit(differ, &exclusive, (original, update), before.1, after.1);
    }
    let (before, after) = (original.keyword("multipleOf"), update.keyword("multipleOf"));
    let divides = |number: &Decimal, divisor: &Decimal| number.is_multiple_of(divisor) == Some(true);
    let kind = match (before.and_then(View::number), after.and_then(View::number)) {
        (None, None) => return,
        (None, Some(_)) => Kind::MultipleOfAdded,
        (Some(_), None) => Kind::MultipleOfRemoved,
        (Some(old), Some(new)) if old == new => return,
        (Some(old), Some(new)) if divides(&old, &new) => Kind::MultipleOfReduced,
        (Some(old), Some(new)) if divides(&new, &old) => Kind::MultipleOfExpanded,
        (Some(_), Some(_)) => Kind::MultipleOfChanged,
    };
    differ.difference(kind, &["multipleOf"], before.or(Some(original)), after.or(Some(update)), || {
        "`multipleOf` was added, removed or changed".into()
    });
}

/// Values that a message names.
const MOST_NAMED: usize = 5;

/// `enum` and `const`, on both sides.
pub(super) fn values<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>) {
    let (Some(old), Some(new)) = (original.values(), update.values()) else { return };
    let lost: Vec<&View<'a>> =
        old.iter().filter(|(value, _)| !new.contains_key(*value)).map(|(_, view)| view).collect();
    let gained = new.keys().any(|value| !old.contains_key(value));
    let constants = original.keyword("const").is_some() && update.keyword("const").is_some();
    let kind = match (lost.is_empty(), gained) {
        (true, false) => return,
        (true, true) => Kind::EnumArrayExtended,
        _ if constants => Kind::ConstChanged,
        (false, false) => Kind::EnumArrayNarrowed,
        (false, true) => Kind::EnumArrayChanged,
    };
    let listed = |view: View<'a>| view.keyword("const").or(view.keyword("enum"));
    let step = if constants { "const" } else { "enum" };
    differ.difference(kind, &[step], listed(original), listed(update), || {
        if lost.is_empty() {
            return "values were added".into();
        }
        let named: Vec<String> = lost.iter().take(MOST_NAMED).map(|view| view.written()).collect();
        let more = lost.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("no longer allowed: {}{more}", named.join(", "))
    });
}
