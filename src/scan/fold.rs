//! Metrics of one dataset, measured in one pass by several workers.

use super::gather::{Gathered, Leaves, whole};
use super::lookups::{Prepared, Tables};
use super::merge::{Merger, merge};
use super::tasks::{Assignment, Task, Tasks};
use super::worker::{Folding, Program, facts as facts_of, kernel};
use super::{ScanOptions, Sources, lock};
use crate::error::Error;
use crate::input::{Dataset, Part};
use crate::metrics::{
    Family, Finished, Frequencies, Kernel, KeyRange, MemoryBudget, Metric, State, Visitor, key_range,
};
use crate::plan::MetricSet;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bits of a range of keys per row up to which they cost less than the keys themselves.
const SPARSEST: u64 = 16;

/// For each metric of the checked data, in how many parts the files' own metadata answers it, and of how
/// many; nothing is read.
pub fn proved(dataset: &Dataset, metrics: &MetricSet) -> Vec<(usize, usize)> {
    let kernel = |metric: &Metric| {
        let measurable = !matches!(metric.family, Family::Lookup(_) | Family::Query(_) | Family::Files(_));
        if metric.filter.is_some() || metric.dataset.is_some() || !measurable {
            return None;
        }
        let positions: Option<Vec<usize>> =
            metric.columns.iter().map(|column| dataset.schema().index_of(column).ok()).collect();
        let types = positions.as_ref()?.iter().map(|at| dataset.schema().field(*at).data_type().clone()).collect();
        Some((Kernel::new(metric, types).ok()?, positions?))
    };
    let kernels: Vec<_> = metrics.as_slice().iter().map(kernel).collect();
    let mut proved = vec![(0, 0); kernels.len()];
    if !dataset.is_placed() {
        return proved;
    }
    let mut pass = dataset.pass(&[], 1);
    while let Some(Ok(part)) = pass.next() {
        for (kernel, (proofs, parts)) in kernels.iter().zip(&mut proved) {
            *parts += 1;
            let (Some((kernel, positions)), Some(rows)) = (kernel, part.rows()) else { continue };
            let facts = match positions.as_slice() {
                [column] => part.facts(*column).map(facts_of),
                _ => None,
            };
            *proofs += usize::from(kernel.prove(rows, facts.as_ref()).is_some());
        }
    }
    proved
}

/// Measured metrics, and how many columns were decoded for them.
pub struct Folded {
    /// In the order of the metrics.
    pub finished: Vec<Finished>,
    /// Columns that at least one part was decoded of.
    pub columns_read: usize,
    /// The keys that occur more than once, by position of the metrics they were asked of.
    pub repeated: Vec<(usize, Prepared)>,
    /// The first parts with rows that do not satisfy, by position of metrics that judge rows one by one.
    pub failing_parts: Vec<(usize, Vec<usize>)>,
}

/// Measures metrics of a dataset. `keep` has the positions of those whose repeated keys are asked for.
pub fn fold(
    dataset: &Dataset,
    metrics: &[&Metric],
    keep: &[usize],
    sources: &Sources<'_>,
    tables: &Tables,
    budget: &Arc<MemoryBudget>,
    options: &ScanOptions<'_>,
) -> Result<Folded, Error> {
    let keep: Vec<usize> = keep.iter().map(|at| twin(metrics, *at).unwrap_or(*at)).collect();
    let (mut repeated, mut failing_parts) = (Vec::new(), Vec::new());
    let mut finished: Vec<Option<Finished>> = vec![None; metrics.len()];
    let means = Means { sources, tables, budget, options };
    let threads = options.threads.max(1);
    let columns_read =
        measure(dataset, metrics, options.states.is_some(), means, &mut |at, kernel, gathered, failing| {
            failing_parts.extend(failing.map(|parts| (at, parts)));
            let mut gathered = gathered;
            if let Some(states) = options.states
                && !tables.in_pieces(kernel)
            {
                states.take(metrics[at], &mut gathered)?;
            }
            finished[at] = Some(match gathered {
                Gathered::States(leaves) if keep.contains(&at) => match whole(leaves)? {
                    Some(State::Frequencies(state)) => {
                        let visit = |visitor: Visitor<'_>| state.occurrences_and_repeated(threads, visitor);
                        match tables.repeated(kernel.types(), threads, visit) {
                            Ok((occurrences, keys)) => {
                                repeated.push((at, keys));
                                Finished::Occurrences(occurrences)
                            }
                            Err(reason) => Finished::Failed(Arc::new(reason)),
                        }
                    }
                    Some(state) => state.finish(kernel.family(), threads),
                    None => return Err(Error::Internal("a metric has no state".into())),
                },
                gathered => gathered.finish(kernel.family(), threads),
            });
            Ok(())
        })?;
    for at in 0..metrics.len() {
        if let Some(twin) = twin(metrics, at) {
            finished[at] = finished[twin].clone();
            let keys = repeated.iter().find(|(own, _)| *own == twin).map(|(_, keys)| (at, keys.clone()));
            repeated.extend(keys);
        }
    }
    let lost = || Error::Internal("a metric was not measured".into());
    let finished = finished.into_iter().map(|finished| finished.ok_or_else(lost)).collect::<Result<_, _>>()?;
    Ok(Folded { finished, columns_read, repeated, failing_parts })
}

/// What data is measured with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Predicates.
    pub sources: &'a Sources<'a>,
    /// Keys that are looked up.
    pub tables: &'a Tables,
    /// Memory that states share.
    pub budget: &'a Arc<MemoryBudget>,
    /// Threads and the like.
    pub options: &'a ScanOptions<'a>,
}

/// Takes a metric by its position, and the first parts with rows that do not satisfy where it judges single rows.
type Take<'t> = &'t mut dyn FnMut(usize, &Kernel, Gathered, Option<Vec<usize>>) -> Result<(), Error>;

/// Measures metrics of a dataset, but for those that are told by others ([`twin`]), and hands them over one by one;
/// states that order matters to come one a file if `apart`. Gives how many columns were decoded.
pub fn measure(
    dataset: &Dataset,
    metrics: &[&Metric],
    apart: bool,
    means: Means<'_>,
    take: Take<'_>,
) -> Result<usize, Error> {
    let Means { sources, tables, budget, options } = means;
    let own: Vec<usize> = (0..metrics.len()).filter(|at| twin(metrics, *at).is_none()).collect();
    let mut ranges = Ranges::new(dataset, options.threads, budget);
    let mut programs = Vec::new();
    let components = components(metrics, &own, sources);
    for component in &components {
        let members: Vec<&Metric> = component.iter().map(|at| metrics[*at]).collect();
        let make = |metric: &Metric| -> Result<Kernel, Error> {
            let kernel = kernel(dataset.schema(), metric, tables)?.within(budget.clone());
            Ok(match ranges.of(metric) {
                Some(range) => kernel.with_range(range),
                None => kernel,
            })
        };
        programs.push(Program::new(dataset.schema(), &members, sources.predicates, make)?);
    }
    let (states, columns_read) = run(dataset, &programs, apart, options)?;
    for ((component, program), states) in components.iter().zip(&programs).zip(states) {
        for ((position, at), leaves) in component.iter().enumerate().zip(states) {
            let kernel = &program.kernels()[position];
            let gathered = match program.failure(position) {
                Some(reason) => Gathered::Failed(reason),
                None if kernel.gave_up() => Gathered::Undecided,
                None => Gathered::of(leaves),
            };
            take(*at, kernel, gathered, program.failing_parts(position))?;
        }
    }
    Ok(columns_read)
}

/// The metric that counts all frequencies, if one that needs less is asked for besides.
pub(super) fn twin(metrics: &[&Metric], at: usize) -> Option<usize> {
    let metric = metrics[at];
    if metric.family != Family::Distinct {
        return None;
    }
    metrics.iter().position(|other| {
        other.family == Family::Frequencies && other.columns == metric.columns && other.filter == metric.filter
    })
}

/// Metrics that share no column and no filter can be measured apart: sets of positions, in order.
fn components(metrics: &[&Metric], own: &[usize], sources: &Sources<'_>) -> Vec<Vec<usize>> {
    let mut components: Vec<Vec<usize>> = Vec::new();
    let mut of_column: HashMap<&str, usize> = HashMap::new();
    // Where a component went that was joined to an earlier one.
    let mut joined: Vec<usize> = Vec::new();
    fn root(joined: &[usize], mut at: usize) -> usize {
        while joined[at] != at {
            at = joined[at];
        }
        at
    }
    for at in own {
        let metric = metrics[*at];
        let filter = metric.filter.as_ref().and_then(|text| sources.predicates.get(text));
        let filters = filter.iter().flat_map(|predicate| predicate.columns());
        let columns: Vec<&str> = metric.columns.iter().map(|column| &**column).chain(filters).collect();
        let mut roots: Vec<usize> =
            columns.iter().filter_map(|column| of_column.get(column)).map(|at| root(&joined, *at)).collect();
        if columns.is_empty() {
            roots.extend(of_column.get("").map(|at| root(&joined, *at)));
        }
        roots.sort_unstable();
        roots.dedup();
        let home = match roots.first() {
            Some(home) => *home,
            None => {
                components.push(Vec::new());
                joined.push(joined.len());
                joined.len() - 1
            }
        };
        for other in roots.into_iter().skip(1) {
            let members = std::mem::take(&mut components[other]);
            components[home].extend(members);
            joined[other] = home;
        }
        components[home].push(*at);
        if columns.is_empty() {
            of_column.insert("", home);
        }
        of_column.extend(columns.into_iter().map(|column| (column, home)));
    }
    components.iter_mut().for_each(|component| component.sort_unstable());
    components.retain(|component| !component.is_empty());
    components
}

/// Between which values columns lie, where the files tell of all rows.
struct Ranges<'a> {
    dataset: &'a Dataset,
    parts: Vec<Part<'a>>,
    threads: u64,
    /// Bytes that ranges may take: the rest is for keys.
    bytes: u64,
}

impl<'a> Ranges<'a> {
    fn new(dataset: &'a Dataset, threads: usize, budget: &MemoryBudget) -> Self {
        let mut parts = Vec::new();
        if dataset.is_placed() {
            let mut pass = dataset.pass(&[], 1);
            while let Some(Ok(part)) = pass.next() {
                parts.push(part);
            }
        }
        Self { dataset, parts, threads: threads.max(1) as u64, bytes: budget.limit() / 4 }
    }

    /// The range of a metric's only column, if bits for all of it are cheaper than keys.
    fn of(&mut self, metric: &Metric) -> Option<KeyRange> {
        let [column] = metric.columns.as_slice() else { return None };
        let rows = self.dataset.rows().filter(|_| metric.family == Family::Distinct && !self.parts.is_empty())?;
        let position = self.dataset.schema().index_of(column).ok()?;
        let data_type = self.dataset.schema().field(position).data_type();
        let facts = self.parts.iter().map(|part| part.facts(position)).filter(|facts| {
            // Parts without a value have no range, and need none.
            facts.as_ref().is_none_or(|facts| facts.range.is_some() || facts.nulls == 0)
        });
        let range = key_range(data_type, facts.map(|facts| facts.map(facts_of)))?;
        let bytes = Frequencies::dense_bytes(range).checked_mul(self.threads)?;
        if range.span > rows.saturating_mul(SPARSEST) || bytes > self.bytes {
            return None;
        }
        self.bytes -= bytes;
        Some(range)
    }
}

/// Runs programs over all parts; gives their states, and how many columns were decoded.
fn run(
    dataset: &Dataset,
    programs: &[Program],
    apart: bool,
    options: &ScanOptions<'_>,
) -> Result<(Vec<Vec<Leaves>>, usize), Error> {
    if programs.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let never = AtomicBool::new(false);
    let stop = options.stop.unwrap_or(&never);
    let tasks = Mutex::new(Tasks::new(dataset, programs, options.batch_rows.max(1), stop));
    let mergers: Vec<Mutex<Merger>> = programs.iter().map(|_| Mutex::new(Merger::new(apart))).collect();
    let failed: Mutex<Option<((usize, usize), Error)>> = Mutex::new(None);
    let halted = AtomicBool::new(false);
    let fail = |place: (usize, usize), error: Error| {
        let mut failed = lock(&failed);
        if failed.as_ref().is_none_or(|(earlier, _)| place < *earlier) {
            *failed = Some((place, error));
        }
        halted.store(true, Ordering::Relaxed);
    };
    let work = || {
        let mut foldings: Vec<Folding> = programs.iter().map(Program::folding).collect();
        while !halted.load(Ordering::Relaxed) {
            let next = lock(&tasks).next();
            match next {
                None => break,
                Some(Err((part, error))) => fail((part, 0), error),
                Some(Ok(task)) => {
                    let place = (task.part, task.cut);
                    if let Err(error) = carry_out(task, programs, &mut foldings, &mergers, options) {
                        fail(place, error);
                    }
                }
            }
        }
        foldings
    };
    let threads = options.threads.max(1);
    let workers: Vec<Vec<Folding>> = if threads == 1 {
        vec![work()]
    } else {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            // A worker that panicked lost its states: so does the caller.
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    };
    if let Some((_, error)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let tasks = tasks.into_inner().unwrap_or_else(PoisonError::into_inner);
    let parts = tasks.parts();
    let mut states = Vec::with_capacity(programs.len());
    for (merger, program) in mergers.into_iter().zip(programs) {
        let mut merged = merger.into_inner().unwrap_or_else(PoisonError::into_inner).finish(parts)?;
        merged.resize_with(program.kernels().len(), Leaves::new);
        states.push(merged);
    }
    for foldings in workers {
        for ((folding, merged), program) in foldings.into_iter().zip(&mut states).zip(programs) {
            for ((state, merged), kernel) in folding.into_states().into_iter().zip(merged).zip(program.kernels()) {
                // Those whose order matters came with their parts; without parts, fresh ones are left.
                match merged.first_mut() {
                    None => merged.push((0, state)),
                    Some(_) if kernel.is_ordered() => {}
                    Some((_, merged)) => merge(merged, state)?,
                }
            }
        }
    }
    Ok((states, tasks.columns_read()))
}

fn carry_out(
    task: Task<'_>,
    programs: &[Program],
    foldings: &mut [Folding],
    mergers: &[Mutex<Merger>],
    options: &ScanOptions<'_>,
) -> Result<(), Error> {
    let columns = task.read.as_ref().map(|reading| reading.columns.clone()).unwrap_or_default();
    let mut folds = Vec::with_capacity(task.programs.len());
    for Assignment { program, proofs, pages } in task.programs {
        folds.push((program, programs[program].start(task.part, proofs, pages, &columns)));
    }
    let known = task.rows;
    let mut rows = 0;
    if let Some(reading) = task.read {
        for batch in reading.batches(options.batch_rows.max(1))? {
            let batch = batch?;
            rows += batch.rows as u64;
            for (at, fold) in &mut folds {
                fold.batch(&programs[*at], &batch, &mut foldings[*at])?;
            }
            if options.aborted() {
                break;
            }
        }
    }
    if let Some(progress) = options.progress {
        progress.add(if task.first { known.unwrap_or(rows) } else { 0 }, task.bytes);
    }
    for (at, fold) in folds {
        let states = fold.finish(&programs[at], known, &mut foldings[at])?;
        lock(&mergers[at]).add(task.part, task.file, states)?;
    }
    Ok(())
}
