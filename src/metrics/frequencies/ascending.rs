//! Keys that arrive in ascending order: no two of a run are equal, so nothing needs to be counted.
//!
//! Keys are kept as their distances, one to four bytes for most, in case that other runs turn out to
//! overlap: then they are counted like all others.

use super::groups::Groups;
use crate::metrics::memory::MemoryBudget;
use std::sync::Arc;

/// Bytes per piece of memory.
const CHUNK: usize = 1 << 16;

/// Bytes of the longest distance.
const LONGEST: usize = 10;

/// A run that is shorter on average is no order worth the name.
const SHORTEST_RUN: u64 = 1 << 12;

/// Keys from `first` to `last`, each larger than the one before.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    keys: u64,
}

/// Runs of ascending keys.
#[derive(Debug)]
pub struct Ascending {
    runs: Vec<Run>,
    /// Distances between the keys of all runs, in their order: seven bits a byte, the lowest first. None is
    /// cut by the end of a chunk.
    distances: Vec<Vec<u8>>,
    keys: u64,
    budget: Arc<MemoryBudget>,
    /// Whether the budget was exceeded.
    exceeded: bool,
}

impl Ascending {
    /// Without keys.
    pub fn within(budget: Arc<MemoryBudget>) -> Self {
        Self { runs: Vec::new(), distances: Vec::new(), keys: 0, budget, exceeded: false }
    }

    /// Adds a key; one that is not larger than the last starts another run.
    #[inline]
    pub fn add(&mut self, key: u64) {
        self.keys += 1;
        match self.runs.last_mut() {
            Some(run) if key > run.last => {
                let distance = key - run.last;
                run.last = key;
                run.keys += 1;
                self.push(distance);
            }
            _ => self.runs.push(Run { first: key, last: key, keys: 1 }),
        }
    }

    #[inline]
    fn push(&mut self, mut distance: u64) {
        let chunk = match self.distances.last_mut() {
            Some(chunk) if chunk.len() + LONGEST <= CHUNK => chunk,
            _ => {
                self.exceeded |= self.budget.grow(CHUNK as u64);
                self.distances.push(Vec::with_capacity(CHUNK));
                match self.distances.last_mut() {
                    Some(chunk) => chunk,
                    None => return,
                }
            }
        };
        while distance >= 0x80 {
            chunk.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        chunk.push(distance as u8);
    }

    /// Whether the keys are better counted like all others: they are in no order, or there is no room for them.
    pub fn is_vain(&self) -> bool {
        self.exceeded || self.runs.len() as u64 > 64 + self.keys / SHORTEST_RUN
    }

    /// Takes over the runs of another partition of the data.
    pub fn merge(&mut self, mut later: Self) {
        self.runs.append(&mut later.runs);
        self.distances.append(&mut later.distances);
        self.keys += later.keys;
        self.exceeded |= later.exceeded;
    }

    /// How many keys there are, if no two are equal because no two runs overlap.
    pub fn distinct(&self) -> Option<u64> {
        let mut runs = self.runs.clone();
        runs.sort_unstable_by_key(|run| run.first);
        runs.windows(2).all(|pair| pair[0].last < pair[1].first).then_some(self.keys)
    }

    /// The keys, to be counted.
    pub fn into_groups(mut self) -> Groups<u64> {
        let mut groups = Groups::within(self.budget.clone());
        let mut runs = std::mem::take(&mut self.runs).into_iter();
        let mut rest = 0;
        let mut last = 0;
        let mut next = |distance: Option<u64>| {
            if let Some(distance) = distance {
                last += distance;
                rest -= 1;
                groups.add(last, 1);
            }
            // A run of one key has no distance.
            while rest == 0
                && let Some(run) = runs.next()
            {
                last = run.first;
                rest = run.keys - 1;
                groups.add(last, 1);
            }
        };
        next(None);
        for chunk in std::mem::take(&mut self.distances) {
            let (mut distance, mut shift) = (0u64, 0);
            for byte in chunk {
                distance |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    next(Some(distance));
                    (distance, shift) = (0, 0);
                }
            }
            // What is counted is freed at once.
            self.budget.shrink(CHUNK as u64);
        }
        groups
    }
}

impl Clone for Ascending {
    fn clone(&self) -> Self {
        self.budget.grow((self.distances.len() * CHUNK) as u64);
        Self {
            runs: self.runs.clone(),
            distances: self.distances.clone(),
            keys: self.keys,
            budget: self.budget.clone(),
            exceeded: self.exceeded,
        }
    }
}

impl Drop for Ascending {
    fn drop(&mut self) {
        self.budget.shrink((self.distances.len() * CHUNK) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn runs_hold_exactly_the_keys_that_were_added(
            keys in prop::collection::vec(prop_oneof![0u64..300, any::<u64>()], 0..400),
            sorted in any::<bool>(), cut in 0usize..400,
        ) {
            let mut keys = keys;
            if sorted {
                keys.sort_unstable();
            }
            let budget = Arc::new(MemoryBudget::new(1 << 30));
            let (early, late) = keys.split_at(cut.min(keys.len()));
            let [mut own, mut later] = [early, late].map(|keys| {
                let mut ascending = Ascending::within(budget.clone());
                keys.iter().for_each(|key| ascending.add(*key));
                ascending
            });
            let more = later.clone();
            own.merge(std::mem::replace(&mut later, more));
            drop(later);
            let mut model: BTreeMap<u64, u64> = BTreeMap::new();
            keys.iter().for_each(|key| *model.entry(*key).or_default() += 1);
            let repeated = model.len() < keys.len();
            match own.distinct() {
                Some(distinct) => prop_assert!(!repeated && distinct == keys.len() as u64),
                None => prop_assert!(repeated || !sorted),
            }
            let found = own.into_groups().into_sorted().expect("in memory");
            prop_assert_eq!(found, model.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(budget.used_bytes(), 0);
        }
    }
}
