//! The keys of another dataset: built once, probed by every worker.
//!
//! Whole numbers and days in a dense range are a bitmap. Everything else is a table of
//! 128-bit keys in 256 partitions, each probed linearly and at most half full.

use super::super::frequencies::{Key, row_keys};
use super::common_type::conformed;
use super::source_keys::{Piece, SourceKeys, SpilledKeys};
use super::{Lookup, cells};
use crate::sample::Cell;
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use std::io;
use std::ops::ControlFlow;
use std::panic::resume_unwind;

const PARTITIONS: usize = 256;

/// A bitmap may have so many bits per key: beyond, hashing is smaller.
const BITS_PER_KEY: u64 = 128;

/// Why keys cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfitKeys {
    /// A key that must be unique occurs twice: the smallest hash of such a key, whatever order they came in.
    Repeated(u128),
    /// A key that must be complete has a NULL.
    Null(Vec<Cell>),
}

/// The keys of a source: all of them, or one piece.
#[derive(Debug)]
pub struct KeyTable {
    /// Types in which both sides are compared, per pair of columns.
    pub types: Vec<DataType>,
    /// Which keys it knows about: of others it cannot say whether they are there.
    pub piece: Piece,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Bitmap(Bitmap),
    Hashed(Vec<Slots>),
}

/// A bit for every whole number of a range.
#[derive(Debug)]
struct Bitmap {
    first: i64,
    bits: Vec<u64>,
}

impl Bitmap {
    /// For the numbers of a range, unless there are too many of them for so many keys.
    fn over(first: i64, last: i64, keys: u64) -> Option<Self> {
        let width = last.abs_diff(first).checked_add(1)?;
        if width > keys.saturating_mul(BITS_PER_KEY).max(1 << 16) {
            return None;
        }
        Some(Self { first, bits: vec![0; usize::try_from(width.div_ceil(64)).ok()?] })
    }

    /// Sets the bit of a number, which must be in the range.
    fn set(&mut self, value: i64) {
        let at = value.abs_diff(self.first);
        self.bits[(at / 64) as usize] |= 1 << (at % 64);
    }

    fn has(&self, value: i64) -> bool {
        let at = value.checked_sub(self.first).and_then(|at| u64::try_from(at).ok());
        at.is_some_and(|at| self.bits.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1))
    }
}

/// Open addressing; key 0 marks a free slot, so the key 0 itself stands apart.
#[derive(Debug, Default)]
struct Slots {
    keys: Vec<u128>,
    compared: Vec<u128>,
    zero: Option<u128>,
}

impl Slots {
    fn with_room_for(count: usize, compared: bool) -> Self {
        let slots = (count * 2).next_power_of_two().max(2);
        Self { keys: vec![0; slots], compared: if compared { vec![0; slots] } else { Vec::new() }, zero: None }
    }

    fn with_room_for_all(counts: &[usize], lookup: &Lookup) -> Vec<Self> {
        counts.iter().map(|count| Self::with_room_for(*count, lookup.compared > 0)).collect()
    }

    fn slot(&self, key: u128) -> usize {
        let mask = self.keys.len() - 1;
        let mut slot = key.mixed() as usize & mask;
        while self.keys[slot] != key && self.keys[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Whether the key is new.
    fn insert(&mut self, key: u128, compared: u128) -> bool {
        if key == 0 {
            return self.zero.replace(compared).is_none();
        }
        let slot = self.slot(key);
        let new = self.keys[slot] == 0;
        self.keys[slot] = key;
        if let Some(value) = self.compared.get_mut(slot) {
            *value = compared;
        }
        new
    }

    /// The hash of the compared values, if the key is there.
    fn get(&self, key: u128) -> Option<u128> {
        if key == 0 {
            return self.zero;
        }
        let slot = self.slot(key);
        (self.keys[slot] == key).then(|| self.compared.get(slot).copied().unwrap_or(0))
    }
}

fn partition_of(key: u128) -> usize {
    (key.mixed() >> 56) as usize
}

impl KeyTable {
    /// Joins the keys of all parts of a source, given in order, on up to `threads` threads.
    pub fn new(
        lookup: &Lookup,
        types: Vec<DataType>,
        parts: Vec<SourceKeys>,
        threads: usize,
    ) -> Result<Self, UnfitKeys> {
        if lookup.unique_keys
            && let Some(null) = parts.iter().find_map(|part| part.first_null.clone())
        {
            return Err(UnfitKeys::Null(null));
        }
        let values = || parts.iter().flat_map(|part| &part.keys).map(|key| *key as u64 as i64);
        let count = parts.iter().map(|part| part.keys.len() as u64).sum::<u64>();
        if may_be_dense(lookup, &types)
            && let (Some(first), Some(last)) = (values().min(), values().max())
            && let Some(mut bitmap) = Bitmap::over(first, last, count)
        {
            values().for_each(|value| bitmap.set(value));
            return Ok(Self { types, piece: Piece::default(), keys: Keys::Bitmap(bitmap) });
        }
        // Slots of one partition after the other: each fits the cache while it is filled.
        let mut partitions: Vec<(Vec<u128>, Vec<u128>)> = vec![<_>::default(); PARTITIONS];
        for part in parts {
            for (row, key) in part.keys.iter().enumerate() {
                let (keys, compared) = &mut partitions[partition_of(*key)];
                keys.push(*key);
                compared.extend(part.compared.get(row));
            }
        }
        let filled = |partitions: &[(Vec<u128>, Vec<u128>)]| -> Vec<(Slots, Option<u128>)> {
            let filled = partitions.iter().map(|(keys, compared)| {
                let mut slots = Slots::with_room_for(keys.len(), lookup.compared > 0);
                let values = compared.iter().copied().chain(std::iter::repeat(0));
                let repeated = keys.iter().zip(values).filter(|(key, value)| !slots.insert(**key, *value));
                let repeated = repeated.map(|(key, _)| *key).min();
                (slots, repeated)
            });
            filled.collect()
        };
        let groups = partitions.chunks(PARTITIONS.div_ceil(threads.clamp(1, PARTITIONS)));
        let filled: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = groups.map(|group| scope.spawn(|| filled(group))).collect();
            // A worker that panicked lost its keys: so does the caller.
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        match filled.iter().filter_map(|(_, repeated)| *repeated).min().filter(|_| lookup.unique_keys) {
            Some(key) => Err(UnfitKeys::Repeated(key)),
            None => {
                let slots = filled.into_iter().map(|(slots, _)| slots).collect();
                Ok(Self { types, piece: Piece::default(), keys: Keys::Hashed(slots) })
            }
        }
    }

    /// Without keys.
    pub fn empty(types: Vec<DataType>) -> Self {
        Self { types, piece: Piece::default(), keys: Keys::Bitmap(Bitmap { first: 0, bits: Vec::new() }) }
    }

    /// Bits for all keys on disk, if they are whole numbers close together for which that takes no more than
    /// so many bytes.
    pub fn dense(lookup: &Lookup, types: &[DataType], spilled: &SpilledKeys, bytes: u64) -> io::Result<Option<Self>> {
        let Some((first, last)) = spilled.extent().filter(|_| may_be_dense(lookup, types)) else { return Ok(None) };
        let Some(mut bitmap) = Bitmap::over(first, last, spilled.count().min(bytes / 16)) else { return Ok(None) };
        spilled.each(Piece::default(), |key, _| bitmap.set(key as u64 as i64))?;
        Ok(Some(Self { types: types.to_vec(), piece: Piece::default(), keys: Keys::Bitmap(bitmap) }))
    }

    /// One piece of keys on disk.
    pub fn of_piece(
        lookup: &Lookup,
        types: Vec<DataType>,
        spilled: &SpilledKeys,
        piece: Piece,
    ) -> io::Result<Result<Self, UnfitKeys>> {
        let mut counts = [0usize; PARTITIONS];
        spilled.each(piece, |key, _| counts[partition_of(key)] += 1)?;
        let mut slots = Slots::with_room_for_all(&counts, lookup);
        let mut repeated: Option<u128> = None;
        spilled.each(piece, |key, compared| {
            if !slots[partition_of(key)].insert(key, compared) && lookup.unique_keys {
                repeated = Some(repeated.map_or(key, |least| least.min(key)));
            }
        })?;
        Ok(match repeated {
            Some(key) => Err(UnfitKeys::Repeated(key)),
            None => Ok(Self { types, piece, keys: Keys::Hashed(slots) }),
        })
    }

    /// Whether a key is there, and with which compared values.
    pub fn get(&self, key: u128) -> Option<u128> {
        match &self.keys {
            Keys::Bitmap(bitmap) => bitmap.has(key as u64 as i64).then_some(0),
            Keys::Hashed(slots) => slots[partition_of(key)].get(key),
        }
    }
}

/// Whether keys are whole numbers of 64 bits of which only their presence is asked.
fn may_be_dense(lookup: &Lookup, types: &[DataType]) -> bool {
    let whole = matches!(types, [one] if one.is_signed_integer() || matches!(one, DataType::Date32));
    whole && lookup.compared == 0 && !lookup.unique_keys && !lookup.null_is_value
}

/// A row to be shown: its key and its compared values.
pub type RowCells = (Vec<Cell>, Vec<Cell>);

/// Looks for the first row with a key.
pub fn find_row(lookup: &Lookup, types: &[DataType], columns: &[ArrayRef], key: u128) -> ControlFlow<RowCells> {
    let conformed: Vec<_> = columns.iter().zip(types).map(|(array, common)| conformed(array, common)).collect();
    let keys = columns.len() - lookup.compared;
    match row_keys(&conformed[..keys], lookup.null_is_value).iter().position(|own| *own == Some(key)) {
        Some(row) => ControlFlow::Break((cells(&columns[..keys], row), cells(&columns[keys..], row))),
        None => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeySource;
    use super::*;
    use arrow_array::Int64Array;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::Arc;

    fn lookup() -> Lookup {
        Lookup {
            source: KeySource::Dataset("r".into()),
            columns: vec!["k".into()],
            compared: 0,
            null_is_value: false,
            unique_keys: false,
        }
    }

    fn table(values: &[i64]) -> KeyTable {
        let mut keys = SourceKeys::default();
        let array: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        keys.add(&lookup(), &[DataType::Int64], &[array]);
        KeyTable::new(&lookup(), vec![DataType::Int64], vec![keys], 1).expect("keys")
    }

    proptest! {
        #[test]
        fn bitmaps_and_hashes_know_exactly_the_keys_they_hold(
            values in prop::collection::vec(prop_oneof![-40i64..40, any::<i64>()], 0..200),
            dense in prop::collection::vec(-300i64..300, 0..200),
            probes in prop::collection::vec(prop_oneof![-400i64..400, any::<i64>()], 0..100),
        ) {
            for values in [values, dense] {
                let (table, model) = (table(&values), values.iter().copied().collect::<HashSet<_>>());
                for probe in probes.iter().chain(&values) {
                    prop_assert_eq!(table.get(u128::from(*probe as u64)).is_some(), model.contains(probe), "{}", probe);
                }
            }
        }
    }

    #[test]
    fn repeated_and_incomplete_keys_are_refused_where_they_must_be_unique() {
        let lookup = Lookup { unique_keys: true, ..lookup() };
        let build = |values: Vec<Option<i64>>| {
            let mut keys = SourceKeys::default();
            keys.add(&lookup, &[DataType::Int64], &[Arc::new(Int64Array::from(values))]);
            KeyTable::new(&lookup, vec![DataType::Int64], vec![keys], 1).map(|_| ())
        };
        assert_eq!(build(vec![Some(1), Some(2)]), Ok(()));
        assert_eq!(build(vec![Some(1), Some(1)]), Err(UnfitKeys::Repeated(1)));
        assert_eq!(build(vec![Some(1), None]), Err(UnfitKeys::Null(vec![Cell::Null])));
    }
}
