//! States of parts, joined in the order of the parts: those of a file first, then file by file, so that
//! files measured apart and joined later give the same bits.

use super::gather::Leaves;
use super::worker::PartStates;
use crate::error::Error;
use crate::metrics::State;
use std::collections::BTreeMap;

/// Merges the states of one program as parts become available; those that are early wait.
#[derive(Default)]
pub struct Merger {
    /// Of the parts of a file so far.
    current: PartStates,
    file: usize,
    /// Of the files before it.
    files: Vec<Leaves>,
    /// Whether each file's states are kept apart.
    apart: bool,
    next: usize,
    waiting: BTreeMap<usize, (usize, PartStates)>,
}

impl Merger {
    /// Before any part; keeps the states of files `apart`, or joins them.
    pub fn new(apart: bool) -> Self {
        Self { apart, ..Self::default() }
    }

    /// Hands in the states of a part of a file.
    pub fn add(&mut self, part: usize, file: usize, states: PartStates) -> Result<(), Error> {
        self.waiting.insert(part, (file, states));
        while let Some((file, states)) = self.waiting.remove(&self.next) {
            if file != self.file {
                self.close()?;
                self.file = file;
            }
            if self.current.is_empty() {
                self.current = states;
            } else {
                for (current, state) in self.current.iter_mut().zip(states) {
                    join(current, state)?;
                }
            }
            self.next += 1;
        }
        Ok(())
    }

    /// The parts of a file are complete.
    fn close(&mut self) -> Result<(), Error> {
        let current = std::mem::take(&mut self.current);
        self.files.resize_with(self.files.len().max(current.len()), Leaves::new);
        for (leaves, state) in self.files.iter_mut().zip(current) {
            let Some(mut state) = state else { continue };
            match leaves.first_mut().filter(|_| !self.apart) {
                Some((_, earlier)) => merge(earlier, state)?,
                None => {
                    if self.apart {
                        // What is kept of many files should be small.
                        state.seal();
                    }
                    leaves.push((self.file, state));
                }
            }
        }
        Ok(())
    }

    /// The states of all parts, by metric.
    pub fn finish(mut self, parts: usize) -> Result<Vec<Leaves>, Error> {
        self.close()?;
        if self.next == parts && self.waiting.is_empty() {
            Ok(self.files)
        } else {
            Err(Error::Internal(format!("{} of {parts} parts were merged", self.next)))
        }
    }
}

/// Joins a later state to an earlier one.
pub fn merge(earlier: &mut State, later: State) -> Result<(), Error> {
    earlier.merge(later).map_err(|error| Error::Internal(error.to_string()))
}

/// Joins a later state to an earlier one, if there is one.
pub(super) fn join(merged: &mut Option<State>, later: Option<State>) -> Result<(), Error> {
    match (merged.as_mut(), later) {
        (Some(merged), Some(later)) => merge(merged, later),
        (None, later) => {
            *merged = later;
            Ok(())
        }
        (Some(_), None) => Ok(()),
    }
}
