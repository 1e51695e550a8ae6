//! Metrics before they are finished: states that can be kept, and joined with those of other data.

use super::fold::{Means, measure};
use super::lookups::Tables;
use super::merge::merge;
use super::{ScanError, ScanOptions, Sources, Trouble, lock};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::{Family, Finished, MemoryBudget, Metric, State};
use crate::plan::{MetricId, MetricSet};
use crate::unevaluated::Unevaluated;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// States of one metric with the numbers of their files, in order: one a file where the bits of the result depend
/// on the order, else one of all files.
pub type Leaves = Vec<(usize, State)>;

/// What was measured of a metric.
#[derive(Debug, Clone)]
pub enum Gathered {
    /// States.
    States(Leaves),
    /// A test gave up on a value.
    Undecided,
    /// The filter, or what another crate measures, failed on some row.
    Failed(Arc<Unevaluated>),
}

impl Gathered {
    /// States; where one of them failed, only why.
    pub(super) fn of(leaves: Leaves) -> Self {
        let failure = leaves.iter().find_map(|(_, state)| state.failure()).cloned();
        failure.map_or(Gathered::States(leaves), Gathered::Failed)
    }

    /// Joins what was measured of later files. Why measuring failed first is what counts.
    pub fn join(&mut self, later: Self) -> Result<(), Error> {
        match (&mut *self, later) {
            (Gathered::Failed(_), _) => {}
            (_, later @ Gathered::Failed(_)) => *self = later,
            (Gathered::Undecided, _) => {}
            (_, Gathered::Undecided) => *self = Gathered::Undecided,
            (Gathered::States(own), Gathered::States(later)) => {
                for (file, state) in later {
                    match own.first_mut().filter(|_| !state.is_ordered()) {
                        Some((_, first)) => merge(first, state)?,
                        None => own.push((file, state)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends measuring a metric of the family, whose files are put in order; on up to `threads` threads. Without any
    /// state nothing is known.
    pub fn finish(self, family: &Family, threads: usize) -> Finished {
        let failed = |reason: Unevaluated| Finished::Failed(Arc::new(reason));
        match self {
            Gathered::Undecided => Finished::Undecided,
            Gathered::Failed(reason) => Finished::Failed(reason),
            Gathered::States(mut leaves) => {
                leaves.sort_by_key(|(file, _)| *file);
                match whole(leaves) {
                    Ok(Some(state)) => state.finish(family, threads.max(1)),
                    Ok(None) => failed(Unevaluated::internal("a metric has no state")),
                    Err(error) => failed(Unevaluated::internal(error)),
                }
            }
        }
    }
}

/// The states of all files as one.
pub(super) fn whole(leaves: Leaves) -> Result<Option<State>, Error> {
    let mut leaves = leaves.into_iter();
    let Some((_, mut first)) = leaves.next() else { return Ok(None) };
    for (_, later) in leaves {
        merge(&mut first, later)?;
    }
    Ok(Some(first))
}

/// Takes the metrics of the checked data as they are measured, before they are finished.
pub trait StateSink: Sync + std::fmt::Debug {
    /// Takes a metric. States that order matters to are sealed and one a file; the others may be sealed.
    fn take(&self, metric: &Metric, gathered: &mut Gathered) -> Result<(), Error>;
}

/// Some of the data, and what is measured of it.
pub struct Piece {
    /// Its files.
    pub dataset: Dataset,
    /// Metrics of the checked data.
    pub metrics: Vec<MetricId>,
}

/// Measures pieces of the data apart, several at a time, and hands over what was measured by piece; nothing, once a
/// piece is complete. Metrics whose keys are looked up in several passes, or cannot be read, are left out. Gives how
/// many columns were decoded, at most, of a piece.
pub fn gather(
    sources: &Sources<'_>,
    metrics: &MetricSet,
    pieces: &[Piece],
    options: &ScanOptions<'_>,
    take: &(dyn Fn(usize, Option<(MetricId, Gathered)>) -> Result<(), Error> + Sync),
) -> Result<usize, ScanError> {
    let wanted: HashSet<MetricId> = pieces.iter().flat_map(|piece| &piece.metrics).copied().collect();
    let keys = Arc::new(MemoryBudget::new(options.memory_bytes / 2));
    let mut tables = Tables::new(metrics.as_slice(), keys, options);
    let mut left_out: HashSet<MetricId> = HashSet::new();
    for (id, metric) in metrics.as_slice().iter().enumerate().filter(|(id, _)| wanted.contains(&MetricId(*id))) {
        let Family::Lookup(lookup) = &metric.family else { continue };
        match tables.build(lookup, metric, sources, options) {
            Ok(1) => {}
            Ok(_) | Err(Trouble::Unevaluated(_)) => {
                left_out.insert(MetricId(id));
            }
            Err(Trouble::Again(error)) => return Err(error),
        }
    }
    let workers = options.threads.clamp(1, pieces.len().max(1));
    let own = ScanOptions { threads: (options.threads / workers).max(1), states: None, ..*options };
    let next = AtomicUsize::new(0);
    let columns = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let measure_piece = |at: usize, piece: &Piece| -> Result<(), Error> {
        let ids: Vec<MetricId> = piece.metrics.iter().filter(|id| !left_out.contains(*id)).copied().collect();
        let own_metrics: Vec<&Metric> = ids.iter().filter_map(|id| metrics.as_slice().get(id.0)).collect();
        // Each holds its share of the memory.
        let budget = Arc::new(MemoryBudget::new(options.memory_bytes / 2 / workers as u64));
        let means = Means { sources, tables: &tables, budget: &budget, options: &own };
        let read = measure(&piece.dataset, &own_metrics, true, means, &mut |position, _, gathered, _| match ids
            .get(position)
        {
            Some(id) if !own.aborted() => take(at, Some((*id, gathered))),
            _ => Ok(()),
        })?;
        columns.fetch_max(read, Ordering::Relaxed);
        if own.aborted() { Ok(()) } else { take(at, None) }
    };
    let work = || {
        while !own.aborted() && lock(&failed).is_none() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(at) else { return };
            if let Err(error) = measure_piece(at, piece) {
                let mut failed = lock(&failed);
                if failed.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
                    *failed = Some((at, error));
                }
            }
        }
    };
    if workers == 1 {
        work();
    } else {
        std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    }
    match lock(&failed).take() {
        Some((_, error)) => Err(error.into()),
        None => Ok(columns.into_inner()),
    }
}
