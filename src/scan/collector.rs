//! Keys that come from several threads: in memory, or on disk where they are too many for it.

use super::lock;
use crate::metrics::MemoryBudget;
use crate::metrics::lookup::{Lookup, SourceKeys, SpilledKeys};
use crate::sample::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The keys of a source, as read.
pub enum Collected {
    /// In the order of its parts.
    Held(Vec<SourceKeys>),
    /// On disk, and the first key with NULL.
    Spilled { keys: SpilledKeys, first_null: Option<Vec<Cell>> },
}

/// Keys that come part by part, from several threads.
pub struct Collector<'a> {
    lookup: &'a Lookup,
    /// Bytes they may take.
    bytes: u64,
    budget: &'a Arc<MemoryBudget>,
    held: AtomicU64,
    parts: Mutex<BTreeMap<usize, SourceKeys>>,
    spilled: Mutex<Option<SpilledKeys>>,
    first_null: Mutex<Option<(usize, Vec<Cell>)>>,
}

impl<'a> Collector<'a> {
    /// For keys of a lookup, which may take so many bytes.
    pub fn new(lookup: &'a Lookup, bytes: u64, budget: &'a Arc<MemoryBudget>) -> Self {
        Self {
            lookup,
            bytes,
            budget,
            held: AtomicU64::new(0),
            parts: Mutex::default(),
            spilled: Mutex::default(),
            first_null: Mutex::default(),
        }
    }

    /// Counts what a part has grown by from `counted` bytes; writes its keys, and those of finished parts, to
    /// disk if that is too much.
    pub fn grown(&self, part: usize, keys: &mut SourceKeys, counted: &mut u64) -> io::Result<()> {
        let bytes = keys.bytes();
        let before = std::mem::replace(counted, bytes);
        self.held.fetch_sub(before, Ordering::Relaxed);
        if self.held.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes {
            for (part, keys) in std::mem::take(&mut *lock(&self.parts)) {
                self.spill(part, keys)?;
            }
            *counted = 0;
            self.spill(part, std::mem::take(keys))?;
        }
        Ok(())
    }

    /// Takes the keys of a part that is read.
    pub fn insert(&self, part: usize, keys: SourceKeys) {
        lock(&self.parts).insert(part, keys);
    }

    fn spill(&self, part: usize, mut keys: SourceKeys) -> io::Result<()> {
        self.held.fetch_sub(keys.bytes(), Ordering::Relaxed);
        if let Some(null) = keys.take_first_null() {
            let mut first = lock(&self.first_null);
            // A part may be written in several pieces, the first one first.
            if first.as_ref().is_none_or(|(earlier, _)| part < *earlier) {
                *first = Some((part, null));
            }
        }
        let mut spilled = lock(&self.spilled);
        spilled.get_or_insert_with(|| SpilledKeys::new(self.lookup, self.budget.clone())).add(&keys)
    }

    /// All keys.
    pub fn finish(self) -> io::Result<Collected> {
        let parts = std::mem::take(&mut *lock(&self.parts));
        if lock(&self.spilled).is_none() {
            return Ok(Collected::Held(parts.into_values().collect()));
        }
        for (part, keys) in parts {
            self.spill(part, keys)?;
        }
        let keys = lock(&self.spilled).take();
        let first_null = lock(&self.first_null).take().map(|(_, null)| null);
        Ok(match keys {
            Some(keys) => Collected::Spilled { keys, first_null },
            None => Collected::Held(Vec::new()),
        })
    }
}
