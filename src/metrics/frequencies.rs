//! How often each value occurs: uniqueness, distinct counts, entropy.
//!
//! Few distinct values are counted in a small hash map. Beyond a few thousand of them, keys
//! are only appended to partitions by their hash, and each partition is counted at the
//! end in a table that fits the cache: no shared map, no growth by rehashing.
//! Everything asked of the counts needs only how many values occur how often
//! ([`Occurrences`]), so results do not depend on any order.

mod groups;
mod keys;

use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use groups::Groups;
pub use groups::Key;
pub use keys::{each_wide, is_comparable, row_keys};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Counts of values, or of tuples of values.
///
/// A NULL value is no value, except within a tuple, where NULL equals NULL; tuples of
/// only NULLs are left out. 0.0 and -0.0 are one value, all NaNs are one value. Text and
/// tuples are compared by 128-bit hashes, everything else by the value itself.
#[derive(Debug, Clone)]
pub struct Frequencies {
    keys: Keys,
    nulls: u64,
}

#[derive(Debug, Clone)]
enum Keys {
    /// Values of at most 64 bits.
    Narrow(Groups<u64>),
    /// Wider values and hashes.
    Wide(Groups<u128>),
}

/// How many distinct values occur how often, and the rows without a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occurrences {
    /// Occurrences of a value → number of values that occur so often.
    pub values: BTreeMap<u64, u64>,
    /// Rows left out because all key columns are NULL.
    pub nulls: u64,
}

impl Frequencies {
    /// For key columns of these types.
    pub fn new(types: &[arrow_schema::DataType]) -> Self {
        let narrow = matches!(types, [one] if keys::is_narrow(one));
        Self { keys: if narrow { Keys::Narrow(Groups::default()) } else { Keys::Wide(Groups::default()) }, nulls: 0 }
    }

    /// Folds the key columns, all of one length.
    pub fn update(&mut self, columns: &[ArrayRef]) {
        match (&mut self.keys, columns) {
            (Keys::Narrow(groups), [column]) => {
                self.nulls += column.logical_null_count() as u64;
                keys::each_narrow(column, |key| groups.add(key, 1));
            }
            (Keys::Wide(groups), [column]) => {
                self.nulls += column.logical_null_count() as u64;
                keys::each_wide(column, |key| groups.add(key.unwrap_or_default(), u64::from(key.is_some())));
            }
            (Keys::Wide(groups), columns) => self.nulls += keys::each_tuple(columns, |key| groups.add(key, 1)),
            (Keys::Narrow(_), _) => {}
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs.
    pub fn weigh(&mut self, values: &ArrayRef, weights: &[u64], nulls: u64) {
        self.nulls += nulls;
        let mut weights = weights.iter();
        if let Keys::Wide(groups) = &mut self.keys {
            keys::each_wide(values, |key| {
                let weight = weights.next().copied().unwrap_or(0);
                match key {
                    Some(key) => groups.add(key, weight),
                    None => self.nulls += weight,
                }
            });
        }
    }

    /// Folds one value, given as its hash.
    pub fn add_hash(&mut self, hash: u128) {
        if let Keys::Wide(groups) = &mut self.keys {
            groups.add(hash, 1);
        }
    }

    /// The smallest hash of a value that occurs more than once.
    pub fn any_repeated(self) -> Option<u128> {
        match self.keys {
            Keys::Wide(groups) => groups.smallest_repeated(),
            Keys::Narrow(groups) => groups.smallest_repeated().map(u128::from),
        }
    }

    /// Joins the counts of another partition.
    pub fn merge(&mut self, later: Self) {
        self.nulls += later.nulls;
        match (&mut self.keys, later.keys) {
            (Keys::Narrow(own), Keys::Narrow(other)) => own.merge(other),
            (Keys::Wide(own), Keys::Wide(other)) => own.merge(other),
            // Partitions of one metric have one type of key; a state from elsewhere may not.
            (Keys::Wide(own), Keys::Narrow(other)) => widened(other).for_each(|(key, count)| own.add(key, count)),
            (own @ Keys::Narrow(_), Keys::Wide(mut wide)) => {
                if let Keys::Narrow(narrow) = own {
                    widened(std::mem::take(narrow)).for_each(|(key, count)| wide.add(key, count));
                }
                *own = Keys::Wide(wide);
            }
        }
    }

    /// Counts the groups on up to `threads` threads.
    pub fn occurrences(self, threads: usize) -> Occurrences {
        let values = match self.keys {
            Keys::Narrow(groups) => groups.occurrences(threads),
            Keys::Wide(groups) => groups.occurrences(threads),
        };
        Occurrences { values, nulls: self.nulls }
    }
}

fn widened(groups: Groups<u64>) -> impl Iterator<Item = (u128, u64)> {
    groups.into_sorted().into_iter().map(|(key, count)| (u128::from(key), count))
}

impl Occurrences {
    /// Rows with a value.
    pub fn rows(&self) -> u64 {
        self.values.iter().map(|(occurrences, values)| occurrences * values).sum()
    }

    /// The uniqueness family and entropy.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        let distinct: u64 = self.values.values().sum();
        let rows = self.rows();
        let once = self.values.get(&1).copied().unwrap_or(0);
        match statistic {
            Statistic::DistinctValues => Ok(Number::integer((distinct + u64::from(self.nulls > 0)).into())),
            Statistic::DuplicateRows => Ok(Number::integer((rows - once).into())),
            Statistic::Count => Ok(Number::integer(rows.into())),
            Statistic::Uniqueness | Statistic::UniqueValueRatio | Statistic::Entropy if rows == 0 => {
                Err(NoValue::NoData)
            }
            Statistic::Uniqueness => Ok(Number::Float(once as f64 / rows as f64)),
            Statistic::UniqueValueRatio => Ok(Number::Float(once as f64 / distinct as f64)),
            Statistic::Entropy => {
                let total = rows as f64;
                let sum: f64 = self
                    .values
                    .iter()
                    .map(|(occurrences, values)| {
                        (*values as f64) * (*occurrences as f64 / total) * (*occurrences as f64 / total).ln()
                    })
                    .sum();
                Ok(Number::Float((-sum).max(0.0)))
            }
            _ => Err(NoValue::NotInFamily),
        }
    }
}

/// Serialised as groups, so that a state is no larger than its distinct values.
#[derive(Serialize, Deserialize)]
enum Stored {
    Narrow(Vec<(u64, u64)>, u64),
    Wide(Vec<(u128, u64)>, u64),
}

impl Serialize for Frequencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.keys {
            Keys::Narrow(groups) => Stored::Narrow(groups.clone().into_sorted(), self.nulls),
            Keys::Wide(groups) => Stored::Wide(groups.clone().into_sorted(), self.nulls),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Frequencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Narrow(groups, nulls) => Self { keys: Keys::Narrow(groups.into_iter().collect()), nulls },
            Stored::Wide(groups, nulls) => Self { keys: Keys::Wide(groups.into_iter().collect()), nulls },
        })
    }
}
