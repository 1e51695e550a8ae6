//! Tests of single values: what a row must satisfy.
//!
//! A [`Test`] is a plain key; [`CompiledTest`] is the same test made ready for the
//! type of a column. It gives one bit per row, so that counting and row-level results
//! are the same computation.

mod cast;
mod ranges;
mod text;

pub use cast::CastTarget;
pub use text::{TextSet, text_rows};

use super::custom::AnyTest;
use crate::intervals::Intervals;
use crate::unevaluated::Unevaluated;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use std::fmt;
use std::sync::Arc;
use text::TextMatcher;

/// What a value must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// NULL and values are told apart, nothing else: works for every type.
    Null {
        /// Whether NULL passes.
        null: bool,
        /// Whether values pass.
        value: bool,
    },
    /// Whole numbers in the column's own units, or keys of doubles ([`crate::intervals::float_key`]).
    Within {
        /// The numbers that pass.
        intervals: Intervals,
        /// Whether NULL passes.
        null: bool,
        /// Whether NaN passes.
        nan: bool,
    },
    /// Lengths of text in code points; NULL has length 0.
    Length(Intervals),
    /// Texts of a set.
    OneOf {
        /// The set.
        set: TextSet,
        /// Whether texts of the set pass, or all others.
        member: bool,
        /// Whether NULL passes.
        null: bool,
    },
    /// Texts that match a pattern as a whole, or do not. NULL never passes.
    Matches {
        /// In Java's syntax.
        pattern: Arc<str>,
        /// Whether matching texts pass, or the others.
        member: bool,
    },
    /// Texts read as dates, in days since 1970. What is no date never passes.
    DateText {
        /// The days that pass.
        intervals: Intervals,
        /// Whether NULL passes.
        null: bool,
    },
    /// Texts read as timestamps, in microseconds since 1970 UTC. What is none never passes.
    TimestampText {
        /// The instants that pass.
        intervals: Intervals,
        /// Zone of texts that name none.
        zone: chrono_tz::Tz,
    },
    /// Values that Spark can cast to a type; NULL cannot.
    Castable {
        /// The type.
        target: CastTarget,
        /// Whether values that can be cast pass, or the others and NULL.
        member: bool,
        /// Zone of texts that name none.
        zone: chrono_tz::Tz,
    },
    /// What another crate asks of rows, of one column or several.
    Custom(AnyTest),
}

impl Test {
    /// Whether code of another crate judges.
    pub fn is_custom(&self) -> bool {
        matches!(self, Test::Custom(_))
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let null = |null: &bool| if *null { " or NULL" } else { "" };
        match self {
            Test::Null { null, value } => match (null, value) {
                (true, false) => f.write_str("is NULL"),
                (false, true) => f.write_str("is not NULL"),
                (true, true) => f.write_str("is anything"),
                (false, false) => f.write_str("is nothing"),
            },
            Test::Within { intervals, null: n, nan } => {
                write!(f, "in {}{}{}", Ranges(intervals), if *nan { " or NaN" } else { "" }, null(n))
            }
            Test::Length(intervals) => write!(f, "length in {}", Ranges(intervals)),
            Test::OneOf { set, member, null: n } => {
                write!(f, "{}one of {} texts{}", if *member { "" } else { "not " }, set.len(), null(n))
            }
            Test::Matches { pattern, member } => {
                write!(f, "{}matches \"{}\"", if *member { "" } else { "not " }, pattern.escape_debug())
            }
            Test::DateText { intervals, null: n } => write!(f, "date in {}{}", Ranges(intervals), null(n)),
            Test::TimestampText { intervals, .. } => write!(f, "instant in {}", Ranges(intervals)),
            Test::Castable { target, member, .. } => {
                write!(f, "{}castable to {target}", if *member { "" } else { "not " })
            }
            Test::Custom(test) => write!(f, "{test}"),
        }
    }
}

struct Ranges<'a>(&'a Intervals);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use arrow_buffer::i256;
        let slice = self.0.as_slice();
        for (position, (low, high)) in slice.iter().take(4).enumerate() {
            let end = |value: &i256, infinity: i256, sign: &str| {
                if *value == infinity { sign.to_string() } else { value.to_string() }
            };
            write!(
                f,
                "{}{}..{}",
                if position > 0 { "|" } else { "" },
                end(low, i256::MIN, ""),
                end(high, i256::MAX, "")
            )?;
        }
        if slice.is_empty() {
            f.write_str("nothing")?;
        }
        if slice.len() > 4 { write!(f, "|... {} ranges", slice.len()) } else { Ok(()) }
    }
}

/// A test that does not fit the type of a column, or a pattern that does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// The test cannot judge values of this type.
    #[error("this test cannot judge values of type {0}")]
    Type(DataType),
    /// The pattern is not one.
    #[error("{}", .0.message)]
    Pattern(super::pattern::PatternError),
}

/// A test ready for one type of column.
#[derive(Debug)]
pub struct CompiledTest {
    matcher: Matcher,
    null: bool,
    /// The whole numbers that pass, if the test is about numbers.
    intervals: Option<Intervals>,
}

#[derive(Debug)]
enum Matcher {
    Constant(bool),
    Ranges(ranges::Ranges),
    Text(TextMatcher),
    Cast(cast::Cast),
    Custom(AnyTest),
}

impl CompiledTest {
    /// Prepares `test` for a column of `data_type`.
    pub fn new(test: &Test, data_type: &DataType) -> Result<Self, TestError> {
        let fits = |fits: bool| if fits { Ok(()) } else { Err(TestError::Type(data_type.clone())) };
        let text = |null: bool, matcher: TextMatcher| {
            fits(super::is_text(data_type))?;
            Ok(Self { matcher: Matcher::Text(matcher), null, intervals: None })
        };
        match test {
            Test::Null { null, value } => Ok(Self { matcher: Matcher::Constant(*value), null: *null, intervals: None }),
            Test::Within { intervals, null, nan } => {
                let ranges = ranges::Ranges::new(intervals, *nan, data_type)
                    .ok_or_else(|| TestError::Type(data_type.clone()))?;
                Ok(Self { matcher: Matcher::Ranges(ranges), null: *null, intervals: Some(intervals.clone()) })
            }
            Test::Length(intervals) => {
                text(intervals.contains(arrow_buffer::i256::ZERO), TextMatcher::Length(text::lengths(intervals)))
            }
            Test::OneOf { set, member, null } => {
                text(*null, TextMatcher::OneOf { set: text::Lookup::new(set), member: *member })
            }
            Test::Matches { pattern, member } => {
                let compiled =
                    super::pattern::Pattern::new(pattern, super::pattern::Extent::Whole).map_err(TestError::Pattern)?;
                text(false, TextMatcher::Matches { pattern: Box::new(compiled), member: *member })
            }
            Test::DateText { intervals, null } => text(*null, TextMatcher::Date(intervals.clone())),
            Test::TimestampText { intervals, zone } => text(false, TextMatcher::Timestamp(intervals.clone(), *zone)),
            Test::Castable { target, member, zone } => {
                let cast = cast::Cast::new(target, *member, *zone, data_type)
                    .ok_or_else(|| TestError::Type(data_type.clone()))?;
                Ok(Self { matcher: Matcher::Cast(cast), null: !*member, intervals: None })
            }
            Test::Custom(test) => Ok(Self { matcher: Matcher::Custom(test.clone()), null: false, intervals: None }),
        }
    }

    /// Whether all values between two whole numbers pass, or none of them does; `None` when some might,
    /// or when this is no test of numbers.
    pub(super) fn all_within(&self, low: arrow_buffer::i256, high: arrow_buffer::i256) -> Option<bool> {
        let ranges = self.intervals.as_ref()?.as_slice();
        if ranges.iter().any(|(from, to)| *from <= low && high <= *to) {
            return Some(true);
        }
        ranges.iter().all(|(from, to)| high < *from || *to < low).then_some(false)
    }

    /// Whether NULL passes.
    pub(super) fn passes_null(&self) -> bool {
        self.null
    }

    /// Whether some value so far could not be decided.
    pub fn gave_up(&self) -> bool {
        matches!(&self.matcher, Matcher::Text(matcher) if matcher.gave_up())
    }

    /// Whether code of another crate judges.
    pub(super) fn is_custom(&self) -> bool {
        matches!(self.matcher, Matcher::Custom(_))
    }

    /// One bit per row of the metric's columns: whether it passes. Only code of another crate can fail.
    pub fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanBuffer, Arc<Unevaluated>> {
        match (&self.matcher, columns) {
            (Matcher::Custom(test), columns) => test.judge(columns),
            (_, [column]) => Ok(self.mask(column)),
            // All others are of one column.
            (_, columns) => Ok(BooleanBuffer::new_unset(columns.first().map_or(0, |column| column.len()))),
        }
    }

    /// One bit per row: whether it passes. Tests that may fail are asked by [`CompiledTest::judge`].
    fn mask(&self, array: &ArrayRef) -> BooleanBuffer {
        let values = match &self.matcher {
            Matcher::Constant(value) => {
                if *value {
                    BooleanBuffer::new_set(array.len())
                } else {
                    BooleanBuffer::new_unset(array.len())
                }
            }
            Matcher::Ranges(ranges) => ranges.mask(array),
            Matcher::Text(matcher) => matcher.mask(array),
            Matcher::Cast(cast) => cast.mask(array),
            Matcher::Custom(_) => BooleanBuffer::new_unset(array.len()),
        };
        match array.logical_nulls() {
            None => values,
            Some(nulls) if self.null => &values | &!nulls.inner(),
            Some(nulls) => &values & nulls.inner(),
        }
    }

    /// How many rows pass.
    pub fn count(&self, array: &ArrayRef) -> u64 {
        self.mask(array).count_set_bits() as u64
    }

    /// How many rows pass, given distinct values that occur `weights` times and `nulls` NULLs.
    pub fn weigh(&self, values: &ArrayRef, weights: &[u64], nulls: u64) -> Result<u64, Arc<Unevaluated>> {
        if let Matcher::Custom(test) = &self.matcher {
            return test.weigh(values, weights, nulls);
        }
        let passing: u64 = self.mask(values).set_indices().map(|at| weights.get(at).copied().unwrap_or(0)).sum();
        Ok(passing + if self.null { nulls } else { 0 })
    }
}
