//! One pass over the data: partitions to workers, batches to accumulators, states
//! merged in partition order.
//!
//! Workers take partitions from a queue. Each partition folds into fresh states, and
//! states are merged in the order of partitions as they become available: the same
//! data gives the same bits at any number of threads. Every partition is counted; a
//! partition that got lost is an error, never a result over part of the data.

mod merge;
mod worker;

use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::{Finished, Kernel, State};
use crate::plan::{MetricSet, Results};
use merge::Merger;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use worker::Program;

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Workers; at least one.
    pub threads: usize,
    /// Rows per batch: enough to amortise a call, few enough to stay in the cache.
    pub batch_rows: usize,
    /// Counts rows as they are read, for progress bars.
    pub progress: Option<&'a AtomicU64>,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from), batch_rows: 8192, progress: None }
    }
}

/// Measures all metrics of a set over a dataset.
pub fn scan(dataset: &Dataset, metrics: &MetricSet, options: &ScanOptions<'_>) -> Result<Results, Error> {
    let program = Program::new(dataset.schema(), metrics)?;
    let merger =
        Mutex::new(Merger::new(program.kernels().iter().map(|kernel| kernel.accumulator().into_state()).collect()));
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let partitions = if metrics.as_slice().is_empty() { 0 } else { dataset.partitions() };
    let work = || {
        loop {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= partitions {
                return;
            }
            let outcome =
                program.run(dataset, partition, options).and_then(|states| lock(&merger).add(partition, states));
            if let Err(error) = outcome {
                // The first failure in partition order is reported, whichever thread met it first.
                let mut failed = lock(&failed);
                if failed.as_ref().is_none_or(|(earlier, _)| partition < *earlier) {
                    *failed = Some((partition, error));
                }
                next.store(partitions, Ordering::Relaxed);
            }
        }
    };
    let threads = options.threads.clamp(1, partitions.max(1));
    if threads == 1 {
        work();
    } else {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }
    if let Some((_, error)) = lock(&failed).take() {
        return Err(error);
    }
    let states = merger.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).finish(partitions)?;
    let finish = |(state, kernel): (State, &Kernel)| {
        if kernel.gave_up() { Finished::Undecided } else { state.finish(options.threads.max(1)) }
    };
    Ok(Results(states.into_iter().zip(program.kernels()).map(finish).collect()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The states of a partition, in metric order.
type States = Vec<State>;

/// Kernels of all metrics for the columns of a schema.
fn kernels(schema: &arrow_schema::Schema, metrics: &MetricSet) -> Result<Vec<Kernel>, Error> {
    let kernel = |metric: &crate::metrics::Metric| {
        let types =
            metric.columns.iter().map(|column| schema.field_with_name(column).map(|field| field.data_type().clone()));
        let types = types.collect::<Result<Vec<_>, _>>().map_err(|error| Error::Internal(error.to_string()))?;
        Kernel::new(metric, types).map_err(|error| Error::Internal(format!("{metric}: {error}")))
    };
    metrics.as_slice().iter().map(kernel).collect()
}
