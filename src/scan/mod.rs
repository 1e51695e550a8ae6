//! One pass over the data: parts to workers, batches to accumulators, states merged.
//!
//! Workers take tasks from a queue: a part of the data, cut by columns where columns can be
//! read apart. What a file's metadata proves is not read. States whose bits depend on an
//! order, such as sums of doubles, are folded part by part and merged in the order of
//! parts; all others are folded worker by worker. So the same data gives the same bits at
//! any number of threads. Every part is counted; a part that got lost is an error, never a
//! result over part of the data.
//!
//! What a metric needs besides the data is made ready before: the keys of lookups are
//! read from their source once. Queries and questions about files are no part of the pass.

mod collector;
mod files;
mod fold;
mod gather;
mod lookups;
mod merge;
pub mod push;
mod row_bits;
pub mod rows;
mod tasks;
mod worker;

use crate::error::Error;
use crate::input::{ColumnBatches, Dataset};
use crate::metrics::{Family, Finished, MemoryBudget, Metric};
use crate::plan::{MetricId, MetricSet, Results};
use crate::redaction::Redaction;
use crate::sql::{Engine, Predicate, SqlError};
use crate::unevaluated::Unevaluated;
pub use fold::proved;
use fold::{Folded, fold};
pub use gather::{Gathered, Leaves, Piece, StateSink, gather};
pub use lookups::{ComparedCell, Prepared, compared_cells};
use lookups::{Tables, types_of};
pub use row_bits::RowBits;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How far a scan is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Rows read, or proved.
    pub rows: AtomicU64,
    /// Stored bytes that are done, of [`Progress::total_bytes`]. Compressed text is counted unpacked.
    pub bytes: AtomicU64,
    /// Stored bytes of the data.
    pub total_bytes: AtomicU64,
}

impl Progress {
    fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Back to the start: types were widened, everything is read again.
    pub fn restart(&self, total_bytes: u64) {
        self.rows.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
    }
}

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Workers; at least one.
    pub threads: usize,
    /// Rows per batch: enough to amortise a call, few enough to stay in the cache.
    pub batch_rows: usize,
    /// Bytes that all may take. States that grow with the data go to disk beyond half of it, keys that
    /// are looked up beyond a quarter.
    pub memory_bytes: u64,
    /// Counts what is done, for progress bars.
    pub progress: Option<&'a Progress>,
    /// Ends the scan early once it is set: results are of part of the data then.
    pub stop: Option<&'a AtomicBool>,
    /// Metrics whose keys are kept to judge rows with: of lookups those looked up, of others those that occur
    /// more than once.
    pub keep_keys: &'a [MetricId],
    /// How values of the data are hidden in what is said of them.
    pub redaction: &'a Redaction,
    /// Is given the metrics of the checked data before they are finished.
    pub states: Option<&'a dyn StateSink>,
}

impl ScanOptions<'_> {
    /// Whether the scan was ended early.
    pub fn aborted(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch_rows: 8192,
            memory_bytes: 4 << 30,
            progress: None,
            stop: None,
            keep_keys: &[],
            redaction: &Redaction::Off,
            states: None,
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

/// What a scan found.
pub struct Scanned {
    /// All metrics.
    pub results: Results,
    /// Columns of the checked data that were decoded; what metadata answers is not.
    pub columns_read: usize,
    /// Keys to judge rows with, of the metrics they were asked of.
    pub keys: HashMap<MetricId, Prepared>,
    /// The first parts, at most a thousand, with rows that do not satisfy, of metrics of the checked data that
    /// judge rows one by one.
    pub failing_parts: HashMap<MetricId, Vec<usize>>,
}

/// Measures all metrics of a set.
pub fn scan(sources: &Sources<'_>, metrics: &MetricSet, options: &ScanOptions<'_>) -> Result<Scanned, ScanError> {
    let mut columns_read = 0;
    let mut finished: Vec<Option<Finished>> = vec![None; metrics.as_slice().len()];
    // The other half is for what is not counted: keys that are looked up, batches, tables of keys while they
    // are counted, and memory that was freed but that the allocator has not given back.
    let budget = Arc::new(MemoryBudget::new(options.memory_bytes / 2));
    let mut tables = Tables::new(metrics.as_slice(), budget.clone(), options);
    // In how many passes the keys of lookups are looked up.
    let mut passes: Vec<usize> = vec![1; finished.len()];
    for ((metric, slot), passes) in metrics.as_slice().iter().zip(&mut finished).zip(&mut passes) {
        let outcome = match &metric.family {
            Family::Query(query) => sources.sql.number(query).map(Finished::Number).map_err(Trouble::from),
            Family::Files(question) => {
                files::answer(question, sources.primary).map(Finished::Files).map_err(Trouble::Unevaluated)
            }
            Family::Lookup(lookup) => match tables.build(lookup, metric, sources, options) {
                Ok(pieces) => {
                    *passes = pieces;
                    continue;
                }
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
    let most = passes.iter().copied().max().unwrap_or(1);
    if let Some(progress) = options.progress {
        progress
            .total_bytes
            .fetch_add(progress.total_bytes.load(Ordering::Relaxed) * (most as u64 - 1), Ordering::Relaxed);
    }
    let (mut keys, mut failing_parts) = (HashMap::new(), HashMap::new());
    let mut by_dataset: BTreeMap<Option<Arc<str>>, Vec<MetricId>> = BTreeMap::new();
    for (id, metric) in metrics.as_slice().iter().enumerate().filter(|(id, _)| finished[*id].is_none()) {
        by_dataset.entry(metric.dataset.clone()).or_default().push(MetricId(id));
    }
    for (alias, ids) in by_dataset {
        let own: Vec<&Metric> = ids.iter().map(|id| &metrics.as_slice()[id.0]).collect();
        let measured = match &alias {
            None => {
                let keep: Vec<usize> = (0..ids.len()).filter(|at| options.keep_keys.contains(&ids[*at])).collect();
                let folded = fold(sources.primary, &own, &keep, sources, &tables, &budget, options)?;
                columns_read = folded.columns_read;
                let of = |(at, parts): (usize, Vec<usize>)| (ids[at], parts);
                failing_parts.extend(folded.failing_parts.into_iter().map(of));
                keys.extend(folded.repeated.into_iter().map(|(at, prepared)| (ids[at], prepared)));
                folded.finished
            }
            Some(alias) => {
                let dataset = match sources.references.get(alias) {
                    Some(Ok(dataset)) => Ok(dataset),
                    Some(Err(reason)) => Err(reason.clone()),
                    None => Err(Unevaluated::internal(format!("no dataset {alias}"))),
                };
                let quiet = ScanOptions { progress: None, states: None, ..*options };
                let folded = dataset.map_err(Trouble::Unevaluated).and_then(|dataset| {
                    fold(dataset, &own, &[], sources, &tables, &budget, &quiet)
                        .map_err(|error| Trouble::reference(alias, error))
                });
                match folded {
                    Ok(Folded { finished, .. }) => finished,
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
    for pass in 1..most {
        if options.aborted() {
            break;
        }
        let open: Vec<usize> = (0..finished.len()).filter(|id| passes[*id] > pass).collect();
        look_up_again(pass, &open, metrics, &mut finished, &mut tables, (sources, &budget, options))?;
    }
    for (metric, slot) in metrics.as_slice().iter().zip(&mut finished) {
        if let (Family::Lookup(lookup), Some(Finished::Found(found))) = (&metric.family, slot.as_mut()) {
            let unfit = tables.explain(lookup, metric, found, sources, options)?;
            found.redact(options.redaction);
            if let Some(reason) = unfit {
                *slot = Some(Finished::Failed(Arc::new(reason)));
            }
        }
    }
    for id in options.keep_keys {
        let Some(metric) = metrics.as_slice().get(id.0) else { continue };
        if let Family::Lookup(lookup) = &metric.family
            && let Ok(own) = types_of(sources.primary.schema(), &metric.columns)
        {
            keys.extend(tables.prepared_keys(lookup, &own).map(|prepared| (*id, prepared)));
        }
    }
    // A part that fails in one pass only is not known of the others.
    failing_parts.retain(|id: &MetricId, _| passes.get(id.0).is_none_or(|passes| *passes == 1));
    let lost = || Finished::Failed(Arc::new(Unevaluated::internal("a metric was not measured")));
    let results = Results(finished.into_iter().map(|finished| finished.unwrap_or_else(lost)).collect());
    Ok(Scanned { results, columns_read, keys, failing_parts })
}

/// Looks up another piece of the keys of lookups, given by their metrics, in all of the data.
fn look_up_again(
    pass: usize,
    open: &[usize],
    metrics: &MetricSet,
    finished: &mut [Option<Finished>],
    tables: &mut Tables,
    scan: (&Sources<'_>, &Arc<MemoryBudget>, &ScanOptions<'_>),
) -> Result<(), ScanError> {
    let (sources, budget, options) = scan;
    let mut ready = Vec::with_capacity(open.len());
    for id in open {
        let metric = &metrics.as_slice()[*id];
        let (Family::Lookup(lookup), Some(Finished::Found(_))) = (&metric.family, &finished[*id]) else { continue };
        match tables.turn(lookup, metric, pass, sources, options) {
            Ok(()) => ready.push((*id, metric)),
            Err(Trouble::Unevaluated(reason)) => finished[*id] = Some(Finished::Failed(Arc::new(reason))),
            Err(Trouble::Again(error)) => return Err(error),
        }
    }
    let own: Vec<&Metric> = ready.iter().map(|(_, metric)| *metric).collect();
    let options = ScanOptions { states: None, ..*options };
    let measured = fold(sources.primary, &own, &[], sources, tables, budget, &options)?.finished;
    for ((id, _), measured) in ready.into_iter().zip(measured) {
        match (&mut finished[id], measured) {
            (Some(Finished::Found(found)), Finished::Found(other)) => found.join(*other),
            (slot, other) => *slot = Some(other),
        }
    }
    Ok(())
}

/// Calls `work` with the batches of every part, on several threads. The first failure in the
/// order of parts is reported, whichever thread met it first.
fn each_part(
    dataset: &Dataset,
    columns: &[usize],
    options: &ScanOptions<'_>,
    work: impl Fn(usize, ColumnBatches<'_>) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let batch_rows = options.batch_rows.max(1);
    let parts = Mutex::new((dataset.pass(columns, batch_rows), 0));
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let worker = || {
        while lock(&failed).is_none() {
            let (number, part) = {
                let mut parts = lock(&parts);
                let Some(part) = parts.0.next() else { return };
                parts.1 += 1;
                (parts.1 - 1, part)
            };
            let outcome =
                part.and_then(|part| part.read(columns, batch_rows)).and_then(|batches| work(number, batches));
            if let Err(error) = outcome {
                let mut failed = lock(&failed);
                if failed.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    *failed = Some((number, error));
                }
            }
        }
    };
    if options.threads <= 1 {
        worker();
    } else {
        std::thread::scope(|scope| (0..options.threads).for_each(|_| drop(scope.spawn(worker))));
    }
    lock(&failed).take().map_or(Ok(()), |(_, error)| Err(error))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
