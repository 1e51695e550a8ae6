//! How often each value occurs: uniqueness, distinct counts, entropy.
//!
//! Few distinct values are counted in a small hash map. Beyond a few thousand of them, keys
//! are only appended to partitions by their hash, and each partition is counted at the
//! end in a table that fits the cache: no shared map, no growth by rehashing.
//! Everything asked of the counts needs only how many values occur how often
//! ([`Occurrences`]), so results do not depend on any order.

mod ascending;
mod dense;
mod groups;
mod keys;
mod spill;
mod stored;

use super::memory::MemoryBudget;
use super::{NoValue, Reading, Statistic};
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use ascending::Ascending;
use dense::Dense;
use groups::Groups;
pub use groups::{Key, Partition, empty_partitions};
pub use keys::{each_wide, is_comparable, is_narrow, row_keys, value_keys};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use spill::Spill;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of values, or of tuples of values.
///
/// A NULL value is no value, except within a tuple, where NULL equals NULL; tuples of
/// only NULLs are left out. 0.0 and -0.0 are one value, all NaNs are one value. Text and
/// tuples are compared by 128-bit hashes, everything else by the value itself.
#[derive(Debug, Clone)]
pub struct Frequencies {
    keys: Keys,
    /// Until enough narrow keys were seen to tell how they are best held.
    undecided: Option<Undecided>,
    /// Rows with a value.
    rows: u64,
    nulls: u64,
}

#[derive(Debug, Clone)]
enum Keys {
    /// Whole numbers close together, where it only matters whether they occur once.
    Dense(Dense),
    /// Values of at most 64 bits that come in order, where it only matters whether they occur once.
    Ascending(Ascending),
    /// Values of at most 64 bits.
    Narrow(Groups<u64>),
    /// Wider values and hashes.
    Wide(Groups<u128>),
}

/// What the first narrow keys tell of those to come.
#[derive(Debug, Clone)]
struct Undecided {
    budget: Arc<MemoryBudget>,
    /// Whether bits may stand for them: they are whole numbers.
    whole: bool,
    /// Whether each is larger than the one before.
    ascending: bool,
    last: Option<u64>,
}

impl Undecided {
    fn see(&mut self, key: u64) {
        self.ascending &= self.last.is_none_or(|last| last < key);
        self.last = Some(key);
    }

    /// The keys as they are best held from now on.
    fn decide(self, groups: Groups<u64>) -> Keys {
        let around = if self.whole { Dense::around(groups, &self.budget) } else { Err(groups) };
        match around {
            Ok(dense) => Keys::Dense(dense),
            Err(groups) if self.ascending => match groups.clone().into_sorted() {
                Ok(sorted) => {
                    let mut ascending = Ascending::within(self.budget);
                    sorted.into_iter().for_each(|(key, _)| ascending.add(key));
                    Keys::Ascending(ascending)
                }
                Err(_) => Keys::Narrow(groups),
            },
            Err(groups) => Keys::Narrow(groups),
        }
    }
}

/// How many distinct values occur how often, and the rows without a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occurrences {
    /// Occurrences of a value → number of values that occur so often. Where only distinct values
    /// were asked for, 2 stands for any larger number.
    pub values: BTreeMap<u64, u64>,
    /// Rows with a value.
    pub rows: u64,
    /// Rows left out because all key columns are NULL.
    pub nulls: u64,
}

/// The keys, among all of 64 bits, that values of a column lie between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRange {
    /// The first.
    pub base: u64,
    /// How many there are.
    pub span: u64,
}

impl Frequencies {
    /// For key columns of these types; what exceeds the budget goes to disk.
    pub fn new(types: &[arrow_schema::DataType], budget: Arc<MemoryBudget>) -> Self {
        let narrow = matches!(types, [one] if keys::is_narrow(one));
        let keys = if narrow { Keys::Narrow(Groups::within(budget)) } else { Keys::Wide(Groups::within(budget)) };
        Self { keys, undecided: None, rows: 0, nulls: 0 }
    }

    /// For one column of whole numbers whose keys are expected in a range, if it only matters
    /// whether a value occurs once.
    pub fn dense(range: KeyRange, budget: Arc<MemoryBudget>) -> Self {
        let keys = Keys::Dense(Dense::new(range.base, range.span, budget));
        Self { keys, undecided: None, rows: 0, nulls: 0 }
    }

    /// For one column of narrow values, `whole` numbers or others, if it only matters whether a value occurs
    /// once and nothing is known of their range.
    pub fn undecided(whole: bool, budget: Arc<MemoryBudget>) -> Self {
        let keys = Keys::Narrow(Groups::within(budget.clone()));
        Self { keys, undecided: Some(Undecided { budget, whole, ascending: true, last: None }), rows: 0, nulls: 0 }
    }

    /// Bytes that a range of keys takes.
    pub fn dense_bytes(range: KeyRange) -> u64 {
        Dense::bytes(range.span)
    }

    /// Folds the key columns, all of one length.
    pub fn update(&mut self, columns: &[ArrayRef]) {
        if let Keys::Narrow(groups) = &mut self.keys
            && groups.is_large()
            && let Some(undecided) = self.undecided.take()
        {
            self.keys = undecided.decide(std::mem::take(groups));
        }
        let rows = columns.first().map_or(0, |column| column.len() as u64);
        let nulls = match (&mut self.keys, columns) {
            (Keys::Dense(dense), [column]) => {
                keys::each_narrow(column, |key| dense.add(key, 1));
                column.logical_null_count() as u64
            }
            (Keys::Ascending(ascending), [column]) => {
                keys::each_narrow(column, |key| ascending.add(key));
                column.logical_null_count() as u64
            }
            (Keys::Narrow(groups), [column]) => {
                match &mut self.undecided {
                    Some(undecided) => keys::each_narrow(column, |key| {
                        undecided.see(key);
                        groups.add(key, 1);
                    }),
                    None => keys::each_narrow(column, |key| groups.add(key, 1)),
                }
                column.logical_null_count() as u64
            }
            (Keys::Wide(groups), [column]) => {
                keys::each_wide(column, |key| groups.add(key.unwrap_or_default(), u64::from(key.is_some())));
                column.logical_null_count() as u64
            }
            (Keys::Wide(groups), columns) => keys::each_tuple(columns, |key| groups.add(key, 1)),
            (Keys::Dense(_) | Keys::Ascending(_) | Keys::Narrow(_), _) => rows,
        };
        self.nulls += nulls;
        self.rows += rows - nulls;
        if let Keys::Ascending(ascending) = &self.keys
            && ascending.is_vain()
        {
            self.disorder();
        }
    }

    /// Counts keys like all others that were expected to ascend.
    fn disorder(&mut self) {
        self.undecided = None;
        if let Keys::Ascending(ascending) = &mut self.keys {
            let nothing = Ascending::within(Arc::default());
            self.keys = Keys::Narrow(std::mem::replace(ascending, nothing).into_groups());
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs.
    pub fn weigh(&mut self, values: &ArrayRef, weights: &[u64], nulls: u64) {
        self.disorder();
        let mut own = weights.iter();
        let mut missing = nulls;
        let mut weight = |is_null: bool| {
            let weight = own.next().copied().unwrap_or(0);
            missing += if is_null { weight } else { 0 };
            weight
        };
        match &mut self.keys {
            Keys::Dense(dense) => keys::each_narrow_or_null(values, |key| {
                let weight = weight(key.is_none());
                key.into_iter().for_each(|key| dense.add(key, weight));
            }),
            Keys::Narrow(groups) => keys::each_narrow_or_null(values, |key| {
                let weight = weight(key.is_none());
                key.into_iter().for_each(|key| groups.add(key, weight));
            }),
            Keys::Wide(groups) => keys::each_wide(values, |key| {
                let weight = weight(key.is_none());
                key.into_iter().for_each(|key| groups.add(key, weight));
            }),
            Keys::Ascending(_) => {}
        }
        self.rows += weights.iter().sum::<u64>() + nulls - missing;
        self.nulls += missing;
    }

    /// Folds one value, given as its hash.
    pub fn add_hash(&mut self, hash: u128) {
        if let Keys::Wide(groups) = &mut self.keys {
            groups.add(hash, 1);
            self.rows += 1;
        }
    }

    /// The smallest hash of a value that occurs more than once.
    pub fn any_repeated(self) -> Result<Option<u128>, Unevaluated> {
        match self.keys {
            Keys::Wide(groups) => groups.smallest_repeated(),
            Keys::Narrow(groups) => groups.smallest_repeated().map(|key| key.map(u128::from)),
            Keys::Dense(dense) => dense.into_groups().smallest_repeated().map(|key| key.map(u128::from)),
            Keys::Ascending(keys) => keys.into_groups().smallest_repeated().map(|key| key.map(u128::from)),
        }
        .map_err(lost)
    }

    /// Joins the counts of another partition.
    pub fn merge(&mut self, mut later: Self) {
        // Without keys there is nothing to join.
        if later.rows == 0 {
            self.nulls += later.nulls;
            return;
        }
        if self.rows == 0 && !matches!(self.keys, Keys::Dense(_)) {
            later.nulls += self.nulls;
            *self = later;
            return;
        }
        self.nulls += later.nulls;
        self.rows += later.rows;
        self.undecided = None;
        if !matches!((&self.keys, &later.keys), (Keys::Ascending(_), Keys::Ascending(_))) {
            self.disorder();
            later.disorder();
        }
        match (&mut self.keys, later.keys) {
            (Keys::Ascending(own), Keys::Ascending(other)) => own.merge(other),
            (Keys::Ascending(_), _) | (_, Keys::Ascending(_)) => {}
            (Keys::Dense(own), Keys::Dense(other)) => own.merge(other),
            (Keys::Dense(own), Keys::Narrow(other)) => own.absorb(other),
            (Keys::Narrow(own), Keys::Narrow(other)) => own.merge(other),
            (Keys::Narrow(own), Keys::Dense(other)) => own.merge(other.into_groups()),
            (Keys::Wide(own), Keys::Wide(other)) => own.merge(other),
            // Partitions of one metric have one type of key; a state from elsewhere may not.
            (Keys::Wide(own), Keys::Narrow(other)) => widened(other, own),
            (Keys::Wide(own), Keys::Dense(other)) => widened(other.into_groups(), own),
            (own, Keys::Wide(mut wide)) => {
                match std::mem::replace(own, Keys::Narrow(Groups::default())) {
                    Keys::Narrow(narrow) => widened(narrow, &mut wide),
                    Keys::Dense(dense) => widened(dense.into_groups(), &mut wide),
                    Keys::Wide(other) => wide.merge(other),
                    Keys::Ascending(ascending) => widened(ascending.into_groups(), &mut wide),
                }
                *own = Keys::Wide(wide);
            }
        }
    }

    /// Counts the groups on up to `threads` threads. Fails when keys that were written to disk
    /// cannot be read again.
    pub fn occurrences(self, threads: usize) -> Result<Occurrences, Unevaluated> {
        self.counted(threads, None)
    }

    /// Like [`Frequencies::occurrences`]; hands the keys that occur more than once to `repeated`, in no
    /// order: 64-bit values as they are counted, hashes of all else.
    pub fn occurrences_and_repeated(
        self,
        threads: usize,
        repeated: &(dyn Fn(Vec<u128>) -> std::io::Result<()> + Sync),
    ) -> Result<Occurrences, Unevaluated> {
        self.counted(threads, Some(repeated))
    }

    fn counted(self, threads: usize, repeated: Option<Visitor<'_>>) -> Result<Occurrences, Unevaluated> {
        let values = match self.keys {
            Keys::Narrow(groups) => groups.occurrences(threads, repeated),
            Keys::Wide(groups) => groups.occurrences(threads, repeated),
            Keys::Ascending(keys) => match keys.distinct() {
                Some(distinct) => Ok(BTreeMap::from([(1, distinct)])),
                None => keys.into_groups().occurrences(threads, repeated),
            },
            Keys::Dense(dense) => {
                let told = repeated.map_or(Ok(()), |visit| dense.each_repeated(visit));
                let (once, twice, outside) = dense.counts();
                told.and_then(|()| outside.occurrences(threads, repeated)).map(|elsewhere| {
                    let mut values = BTreeMap::new();
                    let counts = elsewhere.into_iter().map(|(count, keys)| (count.min(2), keys));
                    for (count, keys) in counts.chain([(1, once), (2, twice)]).filter(|(_, keys)| *keys > 0) {
                        *values.entry(count).or_insert(0) += keys;
                    }
                    values
                })
            }
        };
        Ok(Occurrences { values: values.map_err(lost)?, rows: self.rows, nulls: self.nulls })
    }
}

/// Takes keys that occur more than once.
pub type Visitor<'a> = &'a (dyn Fn(Vec<u128>) -> std::io::Result<()> + Sync);

fn lost(error: std::io::Error) -> Unevaluated {
    Unevaluated::new("temporary_file", format!("distinct values could not be counted: {error}"))
        .help("give temporary files room (TMPDIR names their directory), or raise --memory-limit to need none")
}

fn widened(groups: Groups<u64>, into: &mut Groups<u128>) {
    match groups.into_sorted() {
        Ok(sorted) => sorted.into_iter().for_each(|(key, count)| into.add(u128::from(key), count)),
        Err(error) => into.fail(error.to_string()),
    }
}

impl Occurrences {
    /// The uniqueness family and entropy.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        let distinct: u64 = self.values.values().sum();
        let rows = self.rows;
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
struct Stored {
    groups: StoredGroups,
    rows: u64,
    nulls: u64,
}

#[derive(Serialize, Deserialize)]
enum StoredGroups {
    Narrow(Vec<(u64, u64)>),
    Wide(Vec<(u128, u64)>),
}

impl Serialize for Frequencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = match &self.keys {
            Keys::Dense(dense) => dense.clone().into_groups().into_sorted().map(StoredGroups::Narrow),
            Keys::Ascending(keys) => keys.clone().into_groups().into_sorted().map(StoredGroups::Narrow),
            Keys::Narrow(groups) => groups.clone().into_sorted().map(StoredGroups::Narrow),
            Keys::Wide(groups) => groups.clone().into_sorted().map(StoredGroups::Wide),
        };
        let groups = groups.map_err(serde::ser::Error::custom)?;
        Stored { groups, rows: self.rows, nulls: self.nulls }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Frequencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { groups, rows, nulls } = Stored::deserialize(deserializer)?;
        let keys = match groups {
            StoredGroups::Narrow(groups) => Keys::Narrow(groups.into_iter().collect()),
            StoredGroups::Wide(groups) => Keys::Wide(groups.into_iter().collect()),
        };
        Ok(Self { keys, undecided: None, rows, nulls })
    }
}
