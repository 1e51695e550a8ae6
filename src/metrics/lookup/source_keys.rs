//! The keys of a source: read part by part, on disk where they are too many for memory.
//!
//! Keys on disk are looked up piece by piece: a piece is all keys whose hashes start alike, and the
//! data is read once for each of them.

use super::super::frequencies::{Key, Partition, Spill, empty_partitions, row_keys};
use super::super::memory::MemoryBudget;
use super::common_type::conformed;
use super::{Lookup, cells};
use crate::sample::Cell;
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes that a table takes for each key, at most: the key itself while it is built, and slots twice to
/// four times as many. Compared values take as much again.
const BYTES_PER_KEY: u64 = 16 + SLOT_BYTES_PER_KEY;

/// Bytes of the slots alone.
const SLOT_BYTES_PER_KEY: u64 = 16 * 4;

/// Keys that may repeat are freed of repetitions whenever so many more have come.
const REPETITIVE: usize = 1 << 20;

/// Keys of one part of the source, in row order unless they may repeat, and hashes of the compared values.
#[derive(Debug, Default)]
pub struct SourceKeys {
    pub(super) keys: Vec<u128>,
    pub(super) compared: Vec<u128>,
    /// The key of the first row in which it is or contains NULL.
    pub(super) first_null: Option<Vec<Cell>>,
    /// Keys when repetitions were last removed.
    distinct: usize,
}

impl From<Vec<u128>> for SourceKeys {
    fn from(keys: Vec<u128>) -> Self {
        Self { keys, ..Self::default() }
    }
}

impl SourceKeys {
    /// Adds rows of the source: the lookup's columns, in its order, in types of their own.
    pub fn add(&mut self, lookup: &Lookup, types: &[DataType], columns: &[ArrayRef]) {
        let columns: Vec<_> = columns.iter().zip(types).map(|(array, common)| conformed(array, common)).collect();
        let (key, compared) = columns.split_at(columns.len() - lookup.compared);
        let keys = row_keys(key, lookup.null_is_value);
        if self.first_null.is_none()
            && let Some(row) = keys.iter().position(Option::is_none)
        {
            self.first_null = Some(cells(key, row));
        }
        if !compared.is_empty() {
            let hashes = row_keys(compared, true);
            self.compared.extend(keys.iter().zip(hashes).filter(|(key, _)| key.is_some()).filter_map(|(_, hash)| hash));
        }
        self.keys.extend(keys.into_iter().flatten());
        if !lookup.unique_keys && compared.is_empty() && self.keys.len() >= self.distinct * 2 + REPETITIVE {
            self.keys.sort_unstable();
            self.keys.dedup();
            self.distinct = self.keys.len();
        }
    }

    /// Bytes that the table will need for these keys, at most.
    pub fn bytes(&self) -> u64 {
        (self.keys.len() + self.compared.len()) as u64 * BYTES_PER_KEY
    }

    /// The key of the first row in which it is or contains NULL; it is told once.
    pub fn take_first_null(&mut self) -> Option<Vec<Cell>> {
        self.first_null.take()
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.keys.iter().enumerate().map(|(row, key)| (*key, self.compared.get(row).copied().unwrap_or(0)))
    }
}

/// A key and the hash of its compared values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
struct Pair {
    key: u128,
    compared: u128,
}

impl Key for Pair {
    const BYTES: usize = 32;

    fn mixed(self) -> u64 {
        self.key.mixed()
    }

    fn write(self, writer: &mut impl Write) -> io::Result<()> {
        self.key.write(writer)?;
        self.compared.write(writer)
    }

    fn read(bytes: &[u8]) -> Self {
        let (key, compared) = bytes.split_at_checked(16).unwrap_or((bytes, &[]));
        Self { key: u128::read(key), compared: u128::read(compared) }
    }
}

/// Keys on disk.
#[derive(Debug)]
pub struct SpilledKeys {
    compared: bool,
    spills: Vec<Spill>,
    budget: Arc<MemoryBudget>,
    keys: u64,
    /// The least and the greatest key, as 64 bits with a sign.
    extent: Option<(i64, i64)>,
}

impl SpilledKeys {
    /// Without keys, in the temporary file of a budget.
    pub fn new(lookup: &Lookup, budget: Arc<MemoryBudget>) -> Self {
        Self { compared: lookup.compared > 0, spills: Vec::new(), budget, keys: 0, extent: None }
    }

    /// Writes keys.
    pub fn add(&mut self, keys: &SourceKeys) -> io::Result<()> {
        if keys.keys.is_empty() {
            return Ok(());
        }
        self.spills.push(if self.compared {
            written(keys.pairs().map(|(key, compared)| Pair { key, compared }), &self.budget)?
        } else {
            written(keys.keys.iter().copied(), &self.budget)?
        });
        self.keys += keys.keys.len() as u64;
        for key in keys.keys.iter().map(|key| *key as u64 as i64) {
            self.extent = Some(self.extent.map_or((key, key), |(least, most)| (least.min(key), most.max(key))));
        }
        Ok(())
    }

    /// How many keys there are, repeated ones as often as they were written.
    pub fn count(&self) -> u64 {
        self.keys
    }

    /// The least and the greatest key, as 64 bits with a sign.
    pub fn extent(&self) -> Option<(i64, i64)> {
        self.extent
    }

    /// The pieces in which tables take at most about so many bytes.
    pub fn pieces(&self, bytes: u64) -> Pieces {
        // Unlike keys in memory, these are not held besides the table.
        let each = if self.compared { 2 * SLOT_BYTES_PER_KEY } else { SLOT_BYTES_PER_KEY };
        let pieces = self.keys.saturating_mul(each).div_ceil(bytes.max(1)).clamp(1, 1 << 16);
        Pieces { bits: pieces.next_power_of_two().trailing_zeros() }
    }

    /// Calls `visit` with the keys of a piece and the hashes of their compared values.
    pub fn each(&self, piece: Piece, mut visit: impl FnMut(u128, u128)) -> io::Result<()> {
        let partitions = match piece.pieces.bits {
            0 => 0..256,
            bits @ 1..=8 => piece.at << (8 - bits)..(piece.at + 1) << (8 - bits),
            bits => piece.at >> (bits - 8)..(piece.at >> (bits - 8)) + 1,
        };
        for partition in partitions {
            for spill in &self.spills {
                if self.compared {
                    let pair = |Pair { key, compared }, _| {
                        if piece.holds(key) {
                            visit(key, compared)
                        }
                    };
                    spill.each(partition, &self.budget, pair)?;
                } else {
                    let plain = |key, _| {
                        if piece.holds(key) {
                            visit(key, 0)
                        }
                    };
                    spill.each(partition, &self.budget, plain)?;
                }
            }
        }
        Ok(())
    }
}

fn written<K: Key>(keys: impl Iterator<Item = K>, budget: &MemoryBudget) -> io::Result<Spill> {
    let mut partitions: Vec<Partition<K>> = empty_partitions();
    for key in keys {
        partitions[(key.mixed() >> 56) as usize].push(key);
    }
    Spill::write(&partitions, budget)
}

/// Into how many pieces keys are cut: a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pieces {
    bits: u32,
}

impl Pieces {
    /// How many there are.
    pub fn count(self) -> usize {
        1 << self.bits
    }

    /// The piece of that number.
    pub fn piece(self, at: usize) -> Piece {
        Piece { pieces: self, at }
    }
}

/// All keys whose hashes start alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Piece {
    pieces: Pieces,
    at: usize,
}

impl Piece {
    /// Whether a key belongs here.
    #[inline]
    pub fn holds(self, key: u128) -> bool {
        self.pieces.bits == 0 || (key.mixed() >> (64 - self.pieces.bits)) as usize == self.at
    }

    /// Whether rows that have no key are judged with this piece.
    pub fn is_first(self) -> bool {
        self.at == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeySource;
    use super::*;
    use arrow_array::Int64Array;
    use std::collections::BTreeMap;

    #[test]
    fn every_key_on_disk_is_in_exactly_one_piece() {
        for compared in [0, 1] {
            let columns: Vec<Arc<str>> = ["k".into(), "v".into()][..=compared].to_vec();
            let source = KeySource::Dataset("r".into());
            let lookup = Lookup { source, columns, compared, null_is_value: false, unique_keys: compared > 0 };
            let array: ArrayRef = Arc::new(Int64Array::from_iter_values(-3000..3000));
            let arrays = vec![array; compared + 1];
            let mut keys = SourceKeys::default();
            keys.add(&lookup, &[DataType::Int64, DataType::Int64], &arrays);
            let expected: BTreeMap<u128, u128> = keys.pairs().collect();
            let mut spilled = SpilledKeys::new(&lookup, Arc::default());
            spilled.add(&keys).expect("a temporary file");
            assert_eq!((spilled.count(), spilled.extent()), (6000, Some((-3000, 2999))));
            for bytes in [u64::MAX, 100_000, 9_000, 300] {
                let pieces = spilled.pieces(bytes);
                let mut seen = Vec::new();
                for at in 0..pieces.count() {
                    let piece = pieces.piece(at);
                    spilled.each(piece, |key, value| seen.push((key, value))).expect("readable");
                }
                assert_eq!(seen.len(), 6000, "{pieces:?}");
                assert_eq!(seen.into_iter().collect::<BTreeMap<_, _>>(), expected, "{pieces:?}");
            }
            assert!(spilled.pieces(300).count() > 256);
        }
    }
}
