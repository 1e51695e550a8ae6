//! States of partitions, joined in partition order.

use super::States;
use crate::error::Error;
use std::collections::BTreeMap;

/// Merges as partitions become available; those that are early wait.
pub struct Merger {
    merged: States,
    next: usize,
    waiting: BTreeMap<usize, States>,
}

impl Merger {
    /// Starts with fresh states.
    pub fn new(fresh: States) -> Self {
        Self { merged: fresh, next: 0, waiting: BTreeMap::new() }
    }

    /// Hands in the states of a partition.
    pub fn add(&mut self, partition: usize, states: States) -> Result<(), Error> {
        self.waiting.insert(partition, states);
        while let Some(states) = self.waiting.remove(&self.next) {
            for (merged, state) in self.merged.iter_mut().zip(states) {
                merged.merge(state).map_err(|error| Error::Internal(error.to_string()))?;
            }
            self.next += 1;
        }
        Ok(())
    }

    /// The states of all partitions.
    pub fn finish(self, partitions: usize) -> Result<States, Error> {
        if self.next == partitions && self.waiting.is_empty() {
            Ok(self.merged)
        } else {
            Err(Error::Internal(format!("{} of {partitions} partitions were merged", self.next)))
        }
    }
}
