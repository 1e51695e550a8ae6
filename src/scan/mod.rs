//! One pass over the data: partitions to workers, batches to accumulators, states
//! merged in partition order.
//!
//! Workers take partitions from a queue. Each partition folds into fresh states, and
//! states are merged in the order of partitions as they become available: the same
//! data gives the same bits at any number of threads. Every partition is counted; a
//! partition that got lost is an error, never a result over part of the data.
//!
//! What a metric needs besides the data is made ready before: the keys of lookups are
//! read from their source once. Queries and questions about files are no part of the pass.

mod files;
mod lookups;
mod merge;
mod worker;

use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::{Family, Finished, Metric, State};
use crate::plan::{MetricId, MetricSet, Results};
use crate::sql::{Engine, Predicate, SqlError};
use crate::unevaluated::Unevaluated;
use lookups::Tables;
use merge::Merger;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use worker::Program;

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Workers; at least one.
    pub threads: usize,
    /// Rows per batch: enough to amortise a call, few enough to stay in the cache.
    pub batch_rows: usize,
    /// Bytes that the keys of lookups may take.
    pub memory_bytes: u64,
    /// Counts rows as they are read, for progress bars.
    pub progress: Option<&'a AtomicU64>,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch_rows: 8192,
            memory_bytes: 4 << 30,
            progress: None,
        }
    }
}

/// Datasets by alias; one that cannot be opened is the ERROR of the rules that need it.
pub type References = BTreeMap<Arc<str>, Result<Arc<Dataset>, Unevaluated>>;

/// Everything metrics are measured on.
pub struct Sources<'a> {
    /// The data that is checked.
    pub primary: &'a Dataset,
    /// The other datasets.
    pub references: &'a References,
    /// Compiled predicates of the metrics' filters, by their text.
    pub predicates: &'a HashMap<Arc<str>, Predicate>,
    /// What runs queries.
    pub sql: &'a Engine,
}

/// Data that cannot be read: whose, and why.
#[derive(Debug)]
pub struct ScanError {
    /// The alias; `None` for the data that is checked.
    pub dataset: Option<Arc<str>>,
    /// What happened.
    pub error: Error,
}

impl From<Error> for ScanError {
    fn from(error: Error) -> Self {
        Self { dataset: None, error }
    }
}

/// What became of data that is needed for some rules only.
enum Trouble {
    /// A type must be widened, then everything read again.
    Again(ScanError),
    /// The rules that need it are ERROR.
    Unevaluated(Unevaluated),
}

impl Trouble {
    /// Data of an alias that cannot be read.
    fn reference(alias: &Arc<str>, error: Error) -> Self {
        match error {
            Error::Widen { .. } => Trouble::Again(ScanError { dataset: Some(alias.clone()), error }),
            error => Trouble::Unevaluated(unreadable(alias, &error)),
        }
    }
}

impl From<SqlError> for Trouble {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Read { dataset, error } => match dataset {
                Some(alias) => Trouble::reference(&alias, error),
                None => Trouble::Again(error.into()),
            },
            SqlError::Unevaluated(reason) => Trouble::Unevaluated(reason),
        }
    }
}

/// The reason of rules that need a dataset which cannot be read.
pub fn unreadable(alias: &str, error: &Error) -> Unevaluated {
    let reason =
        Unevaluated::new("unreadable_reference", format!("Reference dataset '{alias}' cannot be read: {error}"));
    match error.help() {
        Some(help) => reason.help(help),
        None => reason,
    }
}

/// Measures all metrics of a set.
pub fn scan(sources: &Sources<'_>, metrics: &MetricSet, options: &ScanOptions<'_>) -> Result<Results, ScanError> {
    let mut finished: Vec<Option<Finished>> = vec![None; metrics.as_slice().len()];
    let mut tables = Tables::default();
    for (metric, slot) in metrics.as_slice().iter().zip(&mut finished) {
        let outcome = match &metric.family {
            Family::Query(query) => sources.sql.number(query).map(Finished::Number).map_err(Trouble::from),
            Family::Files(question) => {
                files::answer(question, sources.primary).map(Finished::Files).map_err(Trouble::Unevaluated)
            }
            Family::Lookup(lookup) => match tables.build(lookup, metric, sources, options) {
                Ok(()) => continue,
                Err(trouble) => Err(trouble),
            },
            _ => continue,
        };
        *slot = Some(match outcome {
            Ok(finished) => finished,
            Err(Trouble::Unevaluated(reason)) => Finished::Failed(Arc::new(reason)),
            Err(Trouble::Again(error)) => return Err(error),
        });
    }
    let mut by_dataset: BTreeMap<Option<Arc<str>>, Vec<MetricId>> = BTreeMap::new();
    for (id, metric) in metrics.as_slice().iter().enumerate().filter(|(id, _)| finished[*id].is_none()) {
        by_dataset.entry(metric.dataset.clone()).or_default().push(MetricId(id));
    }
    for (alias, ids) in by_dataset {
        let own: Vec<&Metric> = ids.iter().map(|id| &metrics.as_slice()[id.0]).collect();
        let measured = match &alias {
            None => fold(sources.primary, &own, sources, &tables, options)?,
            Some(alias) => {
                let dataset = match sources.references.get(alias) {
                    Some(Ok(dataset)) => Ok(dataset),
                    Some(Err(reason)) => Err(reason.clone()),
                    None => Err(Unevaluated::internal(format!("no dataset {alias}"))),
                };
                let quiet = ScanOptions { progress: None, ..*options };
                let folded = dataset.map_err(Trouble::Unevaluated).and_then(|dataset| {
                    fold(dataset, &own, sources, &tables, &quiet).map_err(|error| Trouble::reference(alias, error))
                });
                match folded {
                    Ok(measured) => measured,
                    Err(Trouble::Unevaluated(reason)) => {
                        let reason = Arc::new(reason);
                        own.iter().map(|_| Finished::Failed(reason.clone())).collect()
                    }
                    Err(Trouble::Again(error)) => return Err(error),
                }
            }
        };
        for (id, measured) in ids.iter().zip(measured) {
            finished[id.0] = Some(measured);
        }
    }
    for (metric, slot) in metrics.as_slice().iter().zip(&mut finished) {
        if let (Family::Lookup(lookup), Some(Finished::Found(found))) = (&metric.family, slot.as_mut())
            && let Some(reason) = tables.explain(lookup, metric, found, sources, options)?
        {
            *slot = Some(Finished::Failed(Arc::new(reason)));
        }
    }
    let lost = || Finished::Failed(Arc::new(Unevaluated::internal("a metric was not measured")));
    Ok(Results(finished.into_iter().map(|finished| finished.unwrap_or_else(lost)).collect()))
}

/// Measures metrics of one dataset in one pass.
fn fold(
    dataset: &Dataset,
    metrics: &[&Metric],
    sources: &Sources<'_>,
    tables: &Tables,
    options: &ScanOptions<'_>,
) -> Result<Vec<Finished>, Error> {
    let program = Program::new(dataset.schema(), metrics, sources.predicates, tables)?;
    let fresh = program.kernels().iter().map(|kernel| kernel.accumulator().into_state()).collect();
    let merger = Mutex::new(Merger::new(fresh));
    let partitions = if metrics.is_empty() { 0 } else { dataset.partitions() };
    each_partition(partitions, options.threads, |partition| {
        let states = program.run(dataset, partition, options)?;
        lock(&merger).add(partition, states)
    })?;
    let states = merger.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).finish(partitions)?;
    Ok(states
        .into_iter()
        .zip(program.kernels())
        .enumerate()
        .map(|(position, (state, kernel)): (usize, (State, _))| match program.failure(position) {
            Some(reason) => Finished::Failed(Arc::new(reason)),
            None if kernel.gave_up() => Finished::Undecided,
            None => state.finish(kernel.family(), options.threads.max(1)),
        })
        .collect())
}

/// Calls `work` with every partition, on several threads. The first failure in partition order
/// is reported, whichever thread met it first.
fn each_partition(
    partitions: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let worker = || {
        loop {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= partitions {
                return;
            }
            if let Err(error) = work(partition) {
                let mut failed = lock(&failed);
                if failed.as_ref().is_none_or(|(earlier, _)| partition < *earlier) {
                    *failed = Some((partition, error));
                }
                next.store(partitions, Ordering::Relaxed);
            }
        }
    };
    let threads = threads.clamp(1, partitions.max(1));
    if threads == 1 {
        worker();
    } else {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    }
    lock(&failed).take().map_or(Ok(()), |(_, error)| Err(error))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The states of a partition, in metric order.
type States = Vec<State>;
