//! Keys and their counts, partitioned by hash.

use super::Visitor;
use super::spill::Spill;
use crate::metrics::memory::MemoryBudget;
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Distinct keys up to which one small map counts them: its table stays in the second-level cache.
const SMALL: usize = 4096;

/// Partitions: at 10 million keys each counts 39 thousand, a table of about a megabyte.
const PARTITIONS: usize = 256;

/// Keys per chunk of a partition.
const CHUNK: usize = 1024;

/// Less than this is not worth a file.
const LEAST_SPILL: u64 = 4 << 20;

/// A key, already spread or to be spread by [`Key::mixed`].
pub trait Key: Copy + Eq + Ord + Default + Send + Sync + std::hash::Hash {
    /// Bytes of a key on disk.
    const BYTES: usize;

    /// 64 well-mixed bits: the top ones choose the partition, the low ones the slot.
    fn mixed(self) -> u64;

    /// Writes [`Key::BYTES`] bytes.
    fn write(self, writer: &mut impl Write) -> io::Result<()>;

    /// Reads [`Key::BYTES`] bytes.
    fn read(bytes: &[u8]) -> Self;
}

impl Key for u64 {
    const BYTES: usize = 8;

    fn mixed(self) -> u64 {
        // The finaliser of MurmurHash3: a bijection, so distinct values stay distinct.
        let mut bits = self;
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        bits ^ (bits >> 33)
    }

    fn write(self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.to_le_bytes())
    }

    fn read(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(0, u64::from_le_bytes)
    }
}

impl Key for u128 {
    const BYTES: usize = 16;

    fn mixed(self) -> u64 {
        // Most are hashes already; numbers are spread over the upper half of a product.
        (self.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 64) as u64
    }

    fn write(self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.to_le_bytes())
    }

    fn read(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(0, u128::from_le_bytes)
    }
}

/// Hands the mixed bits of a key to the map unchanged.
#[derive(Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).mixed();
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = value.mixed();
    }
}

type SmallMap<K> = hashbrown::HashMap<K, u64, BuildHasherDefault<Mixed>>;

/// Keys seen so far.
#[derive(Debug)]
pub struct Groups<K> {
    small: SmallMap<K>,
    /// Empty until `small` overflows.
    partitions: Vec<Partition<K>>,
    spills: Vec<Spill>,
    budget: Arc<MemoryBudget>,
    /// Bytes counted in the budget.
    held: u64,
    /// Why keys are lost: the counts are worth nothing then.
    failed: Option<String>,
}

/// Keys whose hashes start alike.
#[derive(Debug, Clone, Default)]
pub struct Partition<K> {
    /// One entry a row. The last chunk grows; merging hands chunks over without copying.
    pub chunks: Vec<Vec<K>>,
    /// Keys that occur more than once, with their counts.
    pub counted: Vec<(K, u64)>,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self::within(Arc::default())
    }
}

impl<K> Groups<K> {
    /// Without keys; what exceeds the budget goes to disk.
    pub fn within(budget: Arc<MemoryBudget>) -> Self {
        Self { small: SmallMap::default(), partitions: Vec::new(), spills: Vec::new(), budget, held: 0, failed: None }
    }
}

impl<K: Clone> Clone for Groups<K> {
    fn clone(&self) -> Self {
        self.budget.grow(self.held);
        Self {
            small: self.small.clone(),
            partitions: self.partitions.clone(),
            spills: self.spills.clone(),
            budget: self.budget.clone(),
            held: self.held,
            failed: self.failed.clone(),
        }
    }
}

impl<K> Drop for Groups<K> {
    fn drop(&mut self) {
        self.budget.shrink(self.held);
    }
}

impl<K: Key> Groups<K> {
    /// Counts `key` as often as `weight` says; 0 changes nothing.
    #[inline]
    pub fn add(&mut self, key: K, weight: u64) {
        if weight == 0 {
            return;
        }
        if self.partitions.is_empty() {
            return self.add_small(key, weight);
        }
        let partition = &mut self.partitions[(key.mixed() >> 56) as usize];
        let bytes = if weight == 1 {
            partition.push(key)
        } else {
            partition.counted.push((key, weight));
            size_of::<(K, u64)>() as u64
        };
        if bytes > 0 {
            self.grow(bytes);
        }
    }

    fn add_small(&mut self, key: K, weight: u64) {
        *self.small.entry(key).or_insert(0) += weight;
        if self.small.len() > SMALL {
            self.spread();
        }
    }

    #[cold]
    fn grow(&mut self, bytes: u64) {
        self.held += bytes;
        if self.budget.grow(bytes) && self.held >= LEAST_SPILL {
            self.spill();
        }
    }

    /// Writes everything to disk and frees it.
    fn spill(&mut self) {
        let partitions = std::mem::replace(&mut self.partitions, empty_partitions());
        self.budget.shrink(std::mem::take(&mut self.held));
        match Spill::write(&partitions, &self.budget) {
            Ok(spill) => self.spills.push(spill),
            Err(error) => self.failed = Some(format!("keys cannot be written to a temporary file: {error}")),
        }
    }

    fn spread(&mut self) {
        self.partitions = empty_partitions();
        for (key, weight) in std::mem::take(&mut self.small) {
            self.partitions[(key.mixed() >> 56) as usize].counted.push((key, weight));
        }
    }

    /// Takes over the keys of another partition of the data.
    pub fn merge(&mut self, mut later: Self) {
        self.failed = self.failed.take().or(later.failed.take());
        if !later.spills.is_empty() && !Arc::ptr_eq(&self.budget, &later.budget) {
            // What it wrote is in another file.
            match later.into_sorted() {
                Ok(sorted) => sorted.into_iter().for_each(|(key, weight)| self.add(key, weight)),
                Err(error) => self.fail(error.to_string()),
            }
            return;
        }
        self.spills.append(&mut later.spills);
        if later.partitions.is_empty() {
            std::mem::take(&mut later.small).into_iter().for_each(|(key, weight)| self.add(key, weight));
            return;
        }
        if self.partitions.is_empty() {
            self.spread();
        }
        for (own, other) in self.partitions.iter_mut().zip(std::mem::take(&mut later.partitions)) {
            // Chunks that are full go first: only the last one grows.
            let tail = own.chunks.pop();
            own.chunks.extend(other.chunks);
            own.chunks.extend(tail);
            own.counted.extend(other.counted);
        }
        // The bytes stay in the budget; who holds them has changed.
        self.held += std::mem::take(&mut later.held);
        self.grow(0);
    }

    /// Counts every partition on up to `threads` threads and gives what `summarise` makes of the
    /// groups of each. Groups come in no particular order; a partition that is too large for
    /// the budget is summarised in several pieces.
    fn summarised<R: Send>(
        mut self,
        threads: usize,
        summarise: impl Fn(&mut dyn Iterator<Item = (K, u64)>) -> R + Sync,
    ) -> io::Result<Vec<R>> {
        if let Some(failed) = self.failed.take() {
            return Err(io::Error::other(failed));
        }
        if self.partitions.is_empty() && self.spills.is_empty() {
            return Ok(vec![summarise(&mut std::mem::take(&mut self.small).into_iter())]);
        }
        if self.partitions.is_empty() {
            self.spread();
        }
        let threads = threads.clamp(1, PARTITIONS);
        let next = AtomicUsize::new(0);
        // A worker takes a partition's keys away and so frees them when they are counted.
        let partitions: Vec<_> = std::mem::take(&mut self.partitions).into_iter().map(Mutex::new).collect();
        let work = || {
            let mut table = Table::default();
            let mut summaries = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(partition) = partitions.get(at) else { return Ok(summaries) };
                let partition = std::mem::take(&mut *partition.lock().unwrap_or_else(PoisonError::into_inner));
                let source = Counted { partition: &partition, spills: &self.spills, budget: &self.budget, at };
                let pieces = source.pieces(self.budget.limit() / threads as u64 / 4);
                for piece in 0..pieces {
                    table.count(&source, piece, pieces)?;
                    summaries.push((at, summarise(&mut table.groups())));
                }
            }
        };
        let mut summaries: Vec<(usize, R)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            // A worker only counts; if it panicked, so must the caller rather than lose its keys.
            let joined = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect::<io::Result<Vec<_>>>().map(|summaries| summaries.into_iter().flatten().collect())
        })?;
        summaries.sort_by_key(|(at, _)| *at);
        Ok(summaries.into_iter().map(|(_, summary)| summary).collect())
    }

    /// How many keys occur how often; those that occur more than once are handed to `repeated`.
    pub fn occurrences(self, threads: usize, repeated: Option<Visitor<'_>>) -> io::Result<BTreeMap<u64, u64>>
    where
        K: Into<u128>,
    {
        let summaries = self.summarised(threads, |groups| {
            // Most keys of a large set occur once; they do not go through the tree.
            let mut once = 0;
            let mut counts = BTreeMap::new();
            let mut keys = Vec::new();
            for (key, count) in groups {
                if count == 1 {
                    once += 1;
                } else {
                    *counts.entry(count).or_insert(0u64) += 1;
                    if repeated.is_some() {
                        keys.push(key.into());
                    }
                }
            }
            if once > 0 {
                counts.insert(1, once);
            }
            repeated.map_or(Ok(()), |visit| visit(keys)).map(|()| counts)
        })?;
        let mut total = BTreeMap::new();
        for counts in summaries {
            for (count, keys) in counts? {
                *total.entry(count).or_insert(0) += keys;
            }
        }
        Ok(total)
    }

    /// The smallest key that was counted more than once.
    pub fn smallest_repeated(self) -> io::Result<Option<K>> {
        let repeated = |groups: &mut dyn Iterator<Item = (K, u64)>| {
            groups.filter(|(_, count)| *count > 1).map(|(key, _)| key).min()
        };
        Ok(self.summarised(1, |mut groups| repeated(&mut groups))?.into_iter().flatten().min())
    }

    /// Calls `visit` with every group: in the same order for the same groups, wherever they are held. One
    /// partition at a time is counted.
    pub fn each_group(&self, mut visit: impl FnMut(K, u64) -> io::Result<()>) -> io::Result<()> {
        if let Some(failed) = &self.failed {
            return Err(io::Error::other(failed.clone()));
        }
        let mut small: Vec<(K, u64)> = self.small.iter().map(|(key, count)| (*key, *count)).collect();
        small.sort_unstable_by_key(|(key, _)| (key.mixed() >> 56, *key));
        if self.partitions.is_empty() && self.spills.is_empty() {
            return small.into_iter().try_for_each(|(key, count)| visit(key, count));
        }
        let empty = Partition { chunks: Vec::new(), counted: Vec::new() };
        let mut table = Table::default();
        let mut rest = small.as_slice();
        for at in 0..PARTITIONS {
            let partition = self.partitions.get(at).unwrap_or(&empty);
            let source = Counted { partition, spills: &self.spills, budget: &self.budget, at };
            table.count(&source, 0, 1)?;
            let (own, later) = rest.split_at(rest.partition_point(|(key, _)| (key.mixed() >> 56) as usize <= at));
            own.iter().for_each(|(key, count)| table.add(*key, *count));
            rest = later;
            let mut groups: Vec<(K, u64)> = table.groups().collect();
            groups.sort_unstable();
            groups.into_iter().try_for_each(|(key, count)| visit(key, count))?;
        }
        Ok(())
    }

    /// All groups in key order: the same bytes for the same counts.
    pub fn into_sorted(self) -> io::Result<Vec<(K, u64)>> {
        let mut groups: Vec<_> =
            self.summarised(1, |groups| groups.collect::<Vec<_>>())?.into_iter().flatten().collect();
        groups.sort_unstable();
        Ok(groups)
    }

    /// Whether there are too many keys for the small map.
    pub fn is_large(&self) -> bool {
        !self.partitions.is_empty()
    }

    /// Says that keys are lost.
    pub fn fail(&mut self, reason: String) {
        self.failed = Some(reason);
    }
}

impl<K: Key> FromIterator<(K, u64)> for Groups<K> {
    fn from_iter<I: IntoIterator<Item = (K, u64)>>(groups: I) -> Self {
        let mut collected = Self::default();
        groups.into_iter().for_each(|(key, weight)| collected.add(key, weight));
        collected
    }
}

/// A partition for each first byte of mixed bits.
pub fn empty_partitions<K>() -> Vec<Partition<K>> {
    (0..PARTITIONS).map(|_| Partition { chunks: Vec::new(), counted: Vec::new() }).collect()
}

impl<K> Partition<K> {
    /// Adds a key that counts once; gives the bytes that were allocated for it.
    #[inline]
    pub fn push(&mut self, key: K) -> u64 {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => {
                chunk.push(key);
                0
            }
            _ => {
                self.chunks.push(chunk_with(key));
                (CHUNK * size_of::<K>()) as u64
            }
        }
    }
}

/// A chunk never grows: growing would copy its keys and touch new memory for them.
#[cold]
fn chunk_with<K>(key: K) -> Vec<K> {
    let mut chunk = Vec::with_capacity(CHUNK);
    chunk.push(key);
    chunk
}

/// All keys of one partition, in memory and on disk.
struct Counted<'a, K> {
    partition: &'a Partition<K>,
    spills: &'a [Spill],
    budget: &'a MemoryBudget,
    at: usize,
}

impl<K: Key> Counted<'_, K> {
    fn keys(&self) -> u64 {
        let held = self.partition.counted.len() + self.partition.chunks.iter().map(Vec::len).sum::<usize>();
        held as u64 + self.spills.iter().map(|spill| spill.keys_in(self.at)).sum::<u64>()
    }

    /// In how many pieces, a power of two, the keys are counted so that a table takes about so many bytes.
    fn pieces(&self, bytes: u64) -> u64 {
        let table = self.keys().saturating_mul(2 * size_of::<(K, u64)>() as u64);
        table.div_ceil(bytes.max(1 << 20)).next_power_of_two().min(256)
    }

    fn each(&self, mut visit: impl FnMut(K, u64)) -> io::Result<()> {
        self.partition.counted.iter().for_each(|(key, weight)| visit(*key, *weight));
        self.partition.chunks.iter().flatten().for_each(|key| visit(*key, 1));
        self.spills.iter().try_for_each(|spill| spill.each(self.at, self.budget, &mut visit))
    }
}

/// Linear probing over half as many slots again as there are keys, at least; a count of 0 marks a free slot. The
/// memory is used again for every partition.
#[derive(Default)]
struct Table<K> {
    slots: Vec<(K, u64)>,
    filled: usize,
}

impl<K: Key> Table<K> {
    fn count(&mut self, source: &Counted<'_, K>, piece: u64, pieces: u64) -> io::Result<()> {
        let keys = usize::try_from(source.keys() / pieces).unwrap_or(usize::MAX >> 8);
        self.reset((keys + keys / 2).next_power_of_two().max(2));
        if pieces == 1 {
            return source.each(|key, weight| self.add(key, weight));
        }
        source.each(|key, weight| {
            if (key.mixed() >> 40) & (pieces - 1) == piece {
                self.add(key, weight);
            }
        })
    }

    fn reset(&mut self, slots: usize) {
        self.slots.clear();
        self.slots.resize(slots, (K::default(), 0));
        self.filled = 0;
    }

    #[inline]
    fn add(&mut self, key: K, weight: u64) {
        let mask = self.slots.len() - 1;
        let mut slot = key.mixed() as usize & mask;
        loop {
            let entry = &mut self.slots[slot];
            if entry.1 == 0 {
                *entry = (key, weight);
                self.filled += 1;
                if self.filled * 4 > self.slots.len() * 3 {
                    self.double();
                }
                return;
            }
            if entry.0 == key {
                entry.1 += weight;
                return;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// A piece may hold more keys than its share.
    #[cold]
    fn double(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.reset(old.len() * 2);
        old.into_iter().filter(|(_, count)| *count > 0).for_each(|(key, count)| self.add(key, count));
    }

    fn groups(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.slots.iter().copied().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn model(keys: &[u64]) -> Vec<(u64, u64)> {
        let mut model: HashMap<u64, u64> = HashMap::new();
        keys.iter().for_each(|key| *model.entry(*key).or_default() += 1);
        let mut expected: Vec<_> = model.into_iter().collect();
        expected.sort_unstable();
        expected
    }

    proptest! {
        #[test]
        fn counts_agree_with_a_plain_map_below_and_beyond_the_small_map(keys in prop::collection::vec(0u64..20_000, 0..12_000), cut in 0usize..12_000, threads in 1usize..4) {
            let cut = cut.min(keys.len());
            let mut left = Groups::default();
            let mut right = Groups::default();
            keys[..cut].iter().for_each(|key| left.add(*key, 1));
            keys[cut..].iter().for_each(|key| right.add(*key, 1));
            left.merge(right);
            let expected = model(&keys);
            prop_assert_eq!(left.clone().into_sorted().expect("in memory"), expected.clone());
            let mut occurrences = BTreeMap::new();
            expected.iter().for_each(|(_, count)| *occurrences.entry(*count).or_insert(0) += 1);
            prop_assert_eq!(left.occurrences(threads, None).expect("in memory"), occurrences);
        }
    }

    #[test]
    fn what_exceeds_the_budget_is_counted_from_disk() {
        let budget = Arc::new(MemoryBudget::new(1 << 20));
        let keys: Vec<u64> = (0..1_500_000u64).map(|at| at.mixed() % 1_000_000).collect();
        let (mut left, mut right) = (Groups::within(budget.clone()), Groups::within(budget.clone()));
        let (early, late) = keys.split_at(900_000);
        early.iter().for_each(|key| left.add(*key, 1));
        late.iter().for_each(|key| right.add(*key, 1));
        (0..5_000u64).for_each(|key| right.add(key, 3));
        assert!(!left.spills.is_empty() && !right.spills.is_empty());
        left.merge(right);
        let mut all = keys.clone();
        all.extend((0..5_000u64).flat_map(|key| [key; 3]));
        let expected = model(&all);
        assert_eq!(left.clone().into_sorted().expect("readable"), expected);
        let mut occurrences = BTreeMap::new();
        expected.iter().for_each(|(_, count)| *occurrences.entry(*count).or_insert(0) += 1);
        assert_eq!(left.occurrences(2, None).expect("readable"), occurrences);
        assert_eq!(budget.used_bytes(), 0, "everything is given back");
    }
}
