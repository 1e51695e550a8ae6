//! Text against sets, patterns, lengths and dates.

use crate::intervals::Intervals;
use crate::metrics::lengths::characters;
use crate::metrics::pattern::Pattern;
use crate::text_cast;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayAccessor, ArrayRef};
use arrow_buffer::{BooleanBuffer, Buffer, i256};
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
        match array.data_type() {
            DataType::Utf8 => self.mask_of(array.as_string::<i32>()),
            DataType::LargeUtf8 => self.mask_of(array.as_string::<i64>()),
            DataType::Utf8View => self.mask_of(array.as_string_view()),
            _ => BooleanBuffer::new_unset(array.len()),
        }
    }

    fn mask_of<'a>(&self, texts: impl ArrayAccessor<Item = &'a str>) -> BooleanBuffer {
        let rows = texts.len();
        let each = |passes: &dyn Fn(&str) -> bool| BooleanBuffer::collect_bool(rows, |row| passes(texts.value(row)));
        match self {
            TextMatcher::Length(ranges) => match ranges.as_slice() {
                [(low, high)] => BooleanBuffer::collect_bool(rows, |row| {
                    let length = characters(texts.value(row)) as u64;
                    *low <= length && length <= *high
                }),
                ranges => each(&|text| {
                    let length = characters(text) as u64;
                    ranges.iter().any(|(low, high)| (*low..=*high).contains(&length))
                }),
            },
            TextMatcher::OneOf { set, member } => {
                BooleanBuffer::collect_bool(rows, |row| set.contains(texts.value(row)) == *member)
            }
            TextMatcher::Matches { pattern, member } => matches(texts, pattern, *member),
            TextMatcher::Date(intervals) => each(&|text| within(intervals, text_cast::date(text).map(i64::from))),
            TextMatcher::Timestamp(intervals, zone) => {
                each(&|text| within(intervals, text_cast::timestamp(text, *zone)))
            }
        }
    }
}

/// One bit per row: whether it matches, or does not. Texts that cannot be decided do neither.
fn matches<'a>(texts: impl ArrayAccessor<Item = &'a str>, pattern: &Pattern, member: bool) -> BooleanBuffer {
    let rows = texts.len();
    let mut bits = Vec::with_capacity(rows.div_ceil(64));
    for start in (0..rows).step_by(64) {
        let end = rows.min(start + 64);
        let mut word = 0u64;
        let mut row = start;
        while row < end {
            let four = if row + 4 <= end {
                pattern.four_match(std::array::from_fn(|lane| texts.value(row + lane)))
            } else {
                None
            };
            match four {
                Some(found) => {
                    for (lane, found) in found.into_iter().enumerate() {
                        word |= u64::from(found == member) << (row - start + lane);
                    }
                    row += 4;
                }
                None => {
                    word |= u64::from(pattern.is_match(texts.value(row)) == Some(member)) << (row - start);
                    row += 1;
                }
            }
        }
        bits.push(word);
    }
    BooleanBuffer::new(Buffer::from_vec(bits), 0, rows)
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
