//! Keys and their counts, partitioned by hash.

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Distinct keys up to which one small map counts them: its table stays in the second-level cache.
const SMALL: usize = 4096;

/// Partitions: at 10 million keys each counts 39 thousand, a table of about a megabyte.
const PARTITIONS: usize = 256;

/// Keys per chunk of a partition.
const CHUNK: usize = 1024;

/// A key, already spread or to be spread by [`Key::mixed`].
pub trait Key: Copy + Eq + Ord + Default + Send + Sync + std::hash::Hash {
    /// 64 well-mixed bits: the top ones choose the partition, the low ones the slot.
    fn mixed(self) -> u64;
}

impl Key for u64 {
    fn mixed(self) -> u64 {
        // The finaliser of MurmurHash3: a bijection, so distinct values stay distinct.
        let mut bits = self;
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        bits ^ (bits >> 33)
    }
}

impl Key for u128 {
    fn mixed(self) -> u64 {
        ((self as u64) ^ ((self >> 64) as u64).rotate_left(32)).mixed()
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
#[derive(Debug, Clone)]
pub struct Groups<K> {
    small: SmallMap<K>,
    /// Empty until `small` overflows.
    partitions: Vec<Partition<K>>,
}

#[derive(Debug, Clone, Default)]
struct Partition<K> {
    /// One entry a row. The last chunk grows; merging hands chunks over without copying.
    chunks: Vec<Vec<K>>,
    counted: Vec<(K, u64)>,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self { small: SmallMap::default(), partitions: Vec::new() }
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
            *self.small.entry(key).or_insert(0) += weight;
            if self.small.len() > SMALL {
                self.spread();
            }
            return;
        }
        let partition = &mut self.partitions[(key.mixed() >> 56) as usize];
        match (weight, partition.chunks.last_mut()) {
            (1, Some(chunk)) if chunk.len() < chunk.capacity() => chunk.push(key),
            (1, _) => partition.chunks.push(chunk_with(key)),
            _ => partition.counted.push((key, weight)),
        }
    }

    fn spread(&mut self) {
        self.partitions = (0..PARTITIONS).map(|_| Partition::default()).collect();
        for (key, weight) in std::mem::take(&mut self.small) {
            self.partitions[(key.mixed() >> 56) as usize].counted.push((key, weight));
        }
    }

    /// Takes over the keys of another partition of the data.
    pub fn merge(&mut self, mut later: Self) {
        if self.partitions.is_empty() && later.partitions.is_empty() {
            later.small.into_iter().for_each(|(key, weight)| self.add(key, weight));
            return;
        }
        if self.partitions.is_empty() {
            self.spread();
        }
        if later.partitions.is_empty() {
            later.spread();
        }
        for (own, other) in self.partitions.iter_mut().zip(later.partitions) {
            own.chunks.extend(other.chunks);
            own.counted.extend(other.counted);
        }
    }

    /// Counts every partition on up to `threads` threads and gives what `summarise` makes of the
    /// groups of each, in partition order. Groups come in no particular order.
    fn summarised<R: Send>(
        self,
        threads: usize,
        summarise: impl Fn(&mut dyn Iterator<Item = (K, u64)>) -> R + Sync,
    ) -> Vec<R> {
        if self.partitions.is_empty() {
            return vec![summarise(&mut self.small.into_iter())];
        }
        let next = AtomicUsize::new(0);
        // A worker takes a partition's keys away and so frees them when they are counted.
        let partitions: Vec<_> = self.partitions.into_iter().map(Mutex::new).collect();
        let work = || {
            let mut table = Table::default();
            let mut summaries = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(partition) = partitions.get(at) else { return summaries };
                let partition = std::mem::take(&mut *partition.lock().unwrap_or_else(PoisonError::into_inner));
                table.count(&partition);
                summaries.push((at, summarise(&mut table.groups())));
            }
        };
        let mut summaries: Vec<(usize, R)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.clamp(1, PARTITIONS)).map(|_| scope.spawn(work)).collect();
            // A worker only counts; if it panicked, so must the caller rather than lose its keys.
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        summaries.sort_unstable_by_key(|(at, _)| *at);
        summaries.into_iter().map(|(_, summary)| summary).collect()
    }

    /// How many keys occur how often.
    pub fn occurrences(self, threads: usize) -> BTreeMap<u64, u64> {
        let summaries = self.summarised(threads, |groups| {
            // Most keys of a large set occur once; they do not go through the tree.
            let mut once = 0;
            let mut counts = BTreeMap::new();
            for (_, count) in groups {
                if count == 1 {
                    once += 1;
                } else {
                    *counts.entry(count).or_insert(0u64) += 1;
                }
            }
            if once > 0 {
                counts.insert(1, once);
            }
            counts
        });
        let mut total = BTreeMap::new();
        for (count, keys) in summaries.into_iter().flatten() {
            *total.entry(count).or_insert(0) += keys;
        }
        total
    }

    /// The smallest key that was counted more than once.
    pub fn smallest_repeated(self) -> Option<K> {
        let repeated = |groups: &mut dyn Iterator<Item = (K, u64)>| {
            groups.filter(|(_, count)| *count > 1).map(|(key, _)| key).min()
        };
        self.summarised(1, |mut groups| repeated(&mut groups)).into_iter().flatten().min()
    }

    /// All groups in key order: the same bytes for the same counts.
    pub fn into_sorted(self) -> Vec<(K, u64)> {
        let mut groups: Vec<_> =
            self.summarised(1, |groups| groups.collect::<Vec<_>>()).into_iter().flatten().collect();
        groups.sort_unstable();
        groups
    }
}

impl<K: Key> FromIterator<(K, u64)> for Groups<K> {
    fn from_iter<I: IntoIterator<Item = (K, u64)>>(groups: I) -> Self {
        let mut collected = Self::default();
        groups.into_iter().for_each(|(key, weight)| collected.add(key, weight));
        collected
    }
}

/// A chunk never grows: growing would copy its keys and touch new memory for them.
#[cold]
fn chunk_with<K>(key: K) -> Vec<K> {
    let mut chunk = Vec::with_capacity(CHUNK);
    chunk.push(key);
    chunk
}

/// Linear probing over slots twice as many as the keys; a count of 0 marks a free slot. The
/// memory is used again for every partition.
#[derive(Default)]
struct Table<K> {
    slots: Vec<(K, u64)>,
}

impl<K: Key> Table<K> {
    fn count(&mut self, partition: &Partition<K>) {
        let keys = partition.counted.len() + partition.chunks.iter().map(Vec::len).sum::<usize>();
        let mask = (keys * 2).next_power_of_two().max(2) - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, (K::default(), 0));
        let mut add = |key: K, weight: u64| {
            let mut slot = key.mixed() as usize & mask;
            loop {
                let entry = &mut self.slots[slot];
                if entry.1 == 0 {
                    *entry = (key, weight);
                    return;
                }
                if entry.0 == key {
                    entry.1 += weight;
                    return;
                }
                slot = (slot + 1) & mask;
            }
        };
        partition.counted.iter().for_each(|(key, weight)| add(*key, *weight));
        partition.chunks.iter().flatten().for_each(|key| add(*key, 1));
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

    proptest! {
        #[test]
        fn counts_agree_with_a_plain_map_below_and_beyond_the_small_map(keys in prop::collection::vec(0u64..20_000, 0..12_000), cut in 0usize..12_000, threads in 1usize..4) {
            let cut = cut.min(keys.len());
            let mut left = Groups::default();
            let mut right = Groups::default();
            keys[..cut].iter().for_each(|key| left.add(*key, 1));
            keys[cut..].iter().for_each(|key| right.add(*key, 1));
            left.merge(right);
            let mut model: HashMap<u64, u64> = HashMap::new();
            keys.iter().for_each(|key| *model.entry(*key).or_default() += 1);
            let mut expected: Vec<_> = model.into_iter().collect();
            expected.sort_unstable();
            prop_assert_eq!(left.clone().into_sorted(), expected.clone());
            let mut occurrences = BTreeMap::new();
            expected.iter().for_each(|(_, count)| *occurrences.entry(*count).or_insert(0) += 1);
            prop_assert_eq!(left.occurrences(threads), occurrences);
        }
    }
}
