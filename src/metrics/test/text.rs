//! Text against sets, patterns, lengths and dates.

use crate::intervals::Intervals;
use crate::metrics::lengths::characters;
use crate::metrics::pattern::Pattern;
use crate::text_cast;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, i256};
use arrow_schema::DataType;
use std::collections::{BTreeSet, HashSet};

/// Texts by value and by kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TextSet {
    /// The texts themselves; folded to lower case when `ignore_case`.
    pub values: BTreeSet<String>,
    /// Every text of at least one character, all of them Unicode white space.
    pub whitespaces: bool,
    /// Whether case counts.
    pub ignore_case: bool,
}

impl TextSet {
    /// How many members, white space as one.
    pub fn len(&self) -> usize {
        self.values.len() + usize::from(self.whitespaces)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A [`TextSet`] that is quick to ask.
#[derive(Debug)]
pub struct Lookup {
    values: Values,
    whitespaces: bool,
    ignore_case: bool,
}

#[derive(Debug)]
enum Values {
    /// Compared one by one: cheaper than hashing.
    Few(Vec<String>),
    Many(HashSet<String>),
}

impl Lookup {
    /// Prepares a set.
    pub fn new(set: &TextSet) -> Self {
        let values = if set.values.len() <= 8 {
            Values::Few(set.values.iter().cloned().collect())
        } else {
            Values::Many(set.values.iter().cloned().collect())
        };
        Self { values, whitespaces: set.whitespaces, ignore_case: set.ignore_case }
    }

    fn contains(&self, text: &str) -> bool {
        if self.whitespaces && !text.is_empty() && text.chars().all(char::is_whitespace) {
            return true;
        }
        if self.ignore_case { self.has(&text.to_lowercase()) } else { self.has(text) }
    }

    fn has(&self, text: &str) -> bool {
        match &self.values {
            Values::Few(values) => values.iter().any(|value| value == text),
            Values::Many(values) => values.contains(text),
        }
    }
}

/// Lengths that pass, as closed ranges.
pub fn lengths(intervals: &Intervals) -> Vec<(u64, u64)> {
    let bound = |value: i256| {
        value.max(i256::ZERO).to_i128().map_or(u64::MAX, |value| u64::try_from(value).unwrap_or(u64::MAX))
    };
    intervals
        .as_slice()
        .iter()
        .filter(|(_, high)| *high >= i256::ZERO)
        .map(|(low, high)| (bound(*low), bound(*high)))
        .collect()
}

/// A test of text.
#[derive(Debug)]
pub enum TextMatcher {
    /// Lengths in code points.
    Length(Vec<(u64, u64)>),
    /// Membership.
    OneOf {
        /// The set.
        set: Lookup,
        /// Whether members pass.
        member: bool,
    },
    /// A pattern.
    Matches {
        /// Compiled.
        pattern: Box<Pattern>,
        /// Whether matching texts pass.
        member: bool,
    },
    /// Dates in days.
    Date(Intervals),
    /// Instants in microseconds.
    Timestamp(Intervals, chrono_tz::Tz),
}

impl TextMatcher {
    /// Whether some text could not be decided.
    pub fn gave_up(&self) -> bool {
        matches!(self, TextMatcher::Matches { pattern, .. } if pattern.gave_up())
    }

    /// One bit per row; bits of NULL rows say nothing.
    pub fn mask(&self, array: &ArrayRef) -> BooleanBuffer {
        let mut mask = BooleanBufferBuilder::new(array.len());
        match self {
            TextMatcher::Length(ranges) => text_rows(array, |text| {
                let length = text.map_or(0, characters) as u64;
                mask.append(ranges.iter().any(|(low, high)| (*low..=*high).contains(&length)));
            }),
            TextMatcher::OneOf { set, member } => {
                text_rows(array, |text| mask.append(text.is_some_and(|text| set.contains(text) == *member)))
            }
            TextMatcher::Matches { pattern, member } => {
                text_rows(array, |text| mask.append(text.is_some_and(|text| pattern.is_match(text) == Some(*member))))
            }
            TextMatcher::Date(intervals) => {
                text_rows(array, |text| mask.append(within(intervals, text.and_then(text_cast::date).map(i64::from))))
            }
            TextMatcher::Timestamp(intervals, zone) => text_rows(array, |text| {
                mask.append(within(intervals, text.and_then(|text| text_cast::timestamp(text, *zone))))
            }),
        }
        mask.finish()
    }
}

fn within(intervals: &Intervals, value: Option<i64>) -> bool {
    value.is_some_and(|value| intervals.contains(i256::from_i128(value.into())))
}

/// Calls `visit` for every row of a text array, NULL as `None`; other types give nothing.
pub fn text_rows(array: &ArrayRef, visit: impl FnMut(Option<&str>)) {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().for_each(visit),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().for_each(visit),
        DataType::Utf8View => array.as_string_view().iter().for_each(visit),
        _ => {}
    }
}
