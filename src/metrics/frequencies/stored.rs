//! Counts as bytes, group by group: neither who writes nor who reads holds all of them.

use super::groups::{Groups, Key};
use super::{Frequencies, Keys};
use crate::metrics::memory::MemoryBudget;
use std::io::{self, Read, Write};
use std::sync::Arc;

impl Frequencies {
    /// Rows with a value and without.
    pub fn all_rows(&self) -> u64 {
        self.rows.saturating_add(self.nulls)
    }

    /// Writes the counts, `most` for larger ones: the same bytes for the same counts.
    pub fn write(&self, most: u64, out: &mut dyn Write) -> io::Result<()> {
        let width = if matches!(self.keys, Keys::Wide(_)) { u128::BYTES } else { u64::BYTES };
        out.write_all(&[width as u8])?;
        write_number(self.rows, out)?;
        write_number(self.nulls, out)?;
        match &self.keys {
            Keys::Narrow(groups) => write_groups(groups, most, out)?,
            Keys::Wide(groups) => write_groups(groups, most, out)?,
            Keys::Dense(dense) => write_groups(&dense.clone().into_groups(), most, out)?,
            Keys::Ascending(keys) => write_groups(&keys.clone().into_groups(), most, out)?,
        }
        // No key occurs 0 times: the end.
        write_number(0, out)
    }

    /// Reads counts; what exceeds the budget goes to disk. Counts of more rows than there are said to be are an
    /// error of kind `InvalidData`.
    pub fn read(input: &mut dyn Read, budget: Arc<MemoryBudget>) -> io::Result<Self> {
        let mut width = [0];
        input.read_exact(&mut width)?;
        let rows = read_number(input)?;
        let nulls = read_number(input)?;
        let keys = match usize::from(width[0]) {
            u64::BYTES => Keys::Narrow(read_groups(input, rows, budget)?),
            u128::BYTES => Keys::Wide(read_groups(input, rows, budget)?),
            _ => return Err(damaged()),
        };
        Ok(Self { keys, undecided: None, rows, nulls })
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the counts are damaged")
}

fn write_groups<K: Key>(groups: &Groups<K>, most: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut out = out;
    groups.each_group(|key, count| {
        write_number(count.min(most), &mut out)?;
        key.write(&mut out)
    })
}

fn read_groups<K: Key>(input: &mut dyn Read, rows: u64, budget: Arc<MemoryBudget>) -> io::Result<Groups<K>> {
    let mut groups = Groups::within(budget);
    let mut left = rows;
    let mut buffer = [0; 16];
    loop {
        let count = read_number(input)?;
        if count == 0 {
            return Ok(groups);
        }
        left = left.checked_sub(count).ok_or_else(damaged)?;
        let bytes = &mut buffer[..K::BYTES];
        input.read_exact(bytes)?;
        groups.add(K::read(bytes), count);
    }
}

/// Seven bits a byte, the lowest first.
fn write_number(mut number: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut bytes = [0; 10];
    let mut length = 0;
    while number >= 0x80 {
        bytes[length] = number as u8 | 0x80;
        number >>= 7;
        length += 1;
    }
    bytes[length] = number as u8;
    out.write_all(&bytes[..=length])
}

fn read_number(input: &mut dyn Read) -> io::Result<u64> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        let bits = u64::from(byte[0] & 0x7f);
        if shift > 63 || shift == 63 && bits > 1 {
            return Err(damaged());
        }
        number |= bits << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(groups: Groups<u64>, rows: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let own = Frequencies { keys: Keys::Narrow(groups), undecided: None, rows, nulls: 3 };
        own.write(u64::MAX, &mut bytes).expect("written");
        bytes
    }

    proptest! {
        #[test]
        fn the_same_counts_have_the_same_bytes_and_come_back(
            keys in prop::collection::vec(0u64..9_000, 0..12_000), cut in 0usize..12_000,
        ) {
            let counted = |keys: &[u64]| {
                let mut groups = Groups::default();
                keys.iter().for_each(|key| groups.add(*key, 1));
                groups
            };
            let rows = keys.len() as u64;
            let whole = bytes(counted(&keys), rows);
            let (early, late) = keys.split_at(cut.min(keys.len()));
            let mut joined = counted(late);
            joined.merge(counted(early));
            prop_assert_eq!(&bytes(joined, rows), &whole);
            let read = Frequencies::read(&mut whole.as_slice(), Arc::default()).expect("readable");
            prop_assert_eq!(read.all_rows(), rows + 3);
            let mut again = Vec::new();
            read.write(u64::MAX, &mut again).expect("written");
            prop_assert_eq!(again, whole);
        }

        #[test]
        fn hostile_bytes_are_an_error_or_sound_counts(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(read) = Frequencies::read(&mut bytes.as_slice(), Arc::default()) {
                let occurrences = read.occurrences(1).expect("in memory");
                let seen = occurrences.values.iter().fold(0u128, |sum, (count, keys)| {
                    sum + u128::from(*count) * u128::from(*keys)
                });
                prop_assert!(seen <= u128::from(occurrences.rows));
            }
        }
    }
}
