//! States of parts, joined in the order of the parts.

use super::worker::PartStates;
use crate::error::Error;
use crate::metrics::State;
use std::collections::BTreeMap;

/// Merges the states of one program as parts become available; those that are early wait.
#[derive(Default)]
pub struct Merger {
    merged: PartStates,
    next: usize,
    waiting: BTreeMap<usize, PartStates>,
}

impl Merger {
    /// Hands in the states of a part.
    pub fn add(&mut self, part: usize, states: PartStates) -> Result<(), Error> {
        self.waiting.insert(part, states);
        while let Some(states) = self.waiting.remove(&self.next) {
            if self.merged.is_empty() {
                self.merged = states;
            } else {
                for (merged, state) in self.merged.iter_mut().zip(states) {
                    join(merged, state)?;
                }
            }
            self.next += 1;
        }
        Ok(())
    }

    /// The states of all parts.
    pub fn finish(self, parts: usize) -> Result<PartStates, Error> {
        if self.next == parts && self.waiting.is_empty() {
            Ok(self.merged)
        } else {
            Err(Error::Internal(format!("{} of {parts} parts were merged", self.next)))
        }
    }
}

/// Joins a later state to an earlier one.
pub fn join(merged: &mut Option<State>, later: Option<State>) -> Result<(), Error> {
    match (merged.as_mut(), later) {
        (Some(merged), Some(later)) => merged.merge(later).map_err(|error| Error::Internal(error.to_string())),
        (None, later) => {
            *merged = later;
            Ok(())
        }
        (Some(_), None) => Ok(()),
    }
}
