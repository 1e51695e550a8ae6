//! A pass over rows: batches in the order of the data, with one bit per row and test.
//!
//! Workers take parts in order and judge their batches side by side; whoever asked gets them one after the
//! other, as if they had been read by one thread. What is ready early waits, up to a share of the memory.

use super::{ScanOptions, Sources, lock};
use crate::error::Error;
use crate::input::{Columns, Dataset, Part, WholeRows};
use crate::metrics::Metric;
use crate::metrics::lookup::KeyTable;
use crate::metrics::rows::{JudgedDictionary, RowTest};
use crate::scan::row_bits::RowBits;
use crate::sql::{Conjunct, JudgedValues, Predicate};
use arrow_buffer::BooleanBuffer;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

/// Batches that wait for those before them, at most: beyond, a worker does.
const MOST_WAITING: u64 = 256;

/// Bytes of a value, about, to tell how many batches fit the memory.
const VALUE_BYTES: u64 = 16;

/// Rows with what is known of them.
pub struct RowBatch {
    /// Which file of the dataset they are in, from 0.
    pub file: usize,
    /// The place of the first one in its file, from 0.
    pub first: u64,
    /// The columns asked for, in that order, and the rows as their file has them if that was asked for.
    pub rows: WholeRows,
    /// One bit per row for each test, in the order they were asked for.
    pub tests: Vec<BooleanBuffer>,
    /// One bit per row for each filter: whether it selects the row.
    pub filters: Vec<BooleanBuffer>,
}

/// Where a test gets its bits from.
enum Source {
    /// The columns, by their place among those read.
    Columns(RowTest, Vec<usize>),
    /// They are known.
    Known(RowBits),
}

/// Which rows a predicate selects.
pub(super) struct Filter {
    text: Arc<str>,
    conjuncts: Vec<(Arc<Conjunct>, Vec<usize>)>,
}

/// What is asked of rows.
pub struct RowPass<'a> {
    dataset: &'a Dataset,
    tests: Vec<Source>,
    /// Tests that nobody asks any more.
    closed: Vec<AtomicBool>,
    filters: Vec<Filter>,
    /// Columns that are read, by position in the schema: those asked for first.
    columns: Vec<usize>,
    asked: usize,
    whole: bool,
}

/// Bits of a batch before its place is known.
struct Judged {
    file: usize,
    part: usize,
    rows: WholeRows,
    tests: Vec<Option<BooleanBuffer>>,
    filters: Vec<BooleanBuffer>,
    /// Rows that nobody asked for, instead of all that.
    left_out: u64,
}

impl Judged {
    fn left_out(file: usize, part: usize, rows: u64) -> Self {
        let rows_of_none = WholeRows { columns: Columns { arrays: Vec::new(), rows: 0 }, whole: None };
        Self { file, part, rows: rows_of_none, tests: Vec::new(), filters: Vec::new(), left_out: rows }
    }
}

impl<'a> RowPass<'a> {
    /// Asks for columns of the checked data, by position.
    pub fn new(dataset: &'a Dataset, columns: &[usize]) -> Self {
        Self {
            dataset,
            tests: Vec::new(),
            closed: Vec::new(),
            filters: Vec::new(),
            columns: columns.to_vec(),
            asked: columns.len(),
            whole: false,
        }
    }

    /// Asks for the rows as their files have them, besides.
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    fn place(&mut self, name: &str) -> Result<usize, Error> {
        let position = self.dataset.schema().index_of(name).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(self.columns.iter().position(|own| *own == position).unwrap_or_else(|| {
            self.columns.push(position);
            self.columns.len() - 1
        }))
    }

    /// Asks whether rows satisfy a metric, whose filter is left aside; gives the place of the test. Keys are those
    /// that the metric looks up, or those that occur more than once.
    pub fn test(&mut self, metric: &Metric, keys: Option<Arc<KeyTable>>) -> Result<usize, Error> {
        let internal = || Error::Internal(format!("{metric} does not judge rows"));
        let mut places = Vec::with_capacity(metric.columns.len());
        let mut types = Vec::with_capacity(metric.columns.len());
        for name in &metric.columns {
            places.push(self.place(name)?);
            let field = self.dataset.schema().field_with_name(name);
            types.push(field.map_err(|error| Error::Internal(error.to_string()))?.data_type().clone());
        }
        let test = RowTest::new(metric, &types, keys).map_err(|error| Error::Internal(format!("{metric}: {error}")))?;
        self.tests.push(Source::Columns(test.ok_or_else(internal)?, places));
        self.closed.push(AtomicBool::new(false));
        Ok(self.tests.len() - 1)
    }

    /// Adds a test whose answers are known; gives its place.
    pub fn known(&mut self, bits: RowBits) -> usize {
        self.tests.push(Source::Known(bits));
        self.closed.push(AtomicBool::new(false));
        self.tests.len() - 1
    }

    /// Says that the answers to a test are not needed any more: no row satisfies it from some batch on.
    pub fn close(&self, test: usize) {
        if let Some(closed) = self.closed.get(test) {
            closed.store(true, Ordering::Relaxed);
        }
    }

    /// Asks which rows a filter selects, given by its text; gives its place.
    pub fn filter(&mut self, text: &str, sources: &Sources<'_>) -> Result<usize, Error> {
        let predicate = sources
            .predicates
            .get(text)
            .ok_or_else(|| Error::Internal(format!("the predicate {text} was not compiled")))?;
        let filter = Filter::new(predicate, |name| self.place(name))?;
        self.filters.push(filter);
        Ok(self.filters.len() - 1)
    }

    /// Hands over all rows, in the order of the data, until `consume` has seen enough. The number of a
    /// batch's part comes with it. Parts that are not `wanted` are left out where their rows are known.
    pub fn run(
        &self,
        options: &ScanOptions<'_>,
        wanted: Option<&BTreeSet<usize>>,
        mut consume: impl FnMut(usize, RowBatch) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let threads = options.threads.max(1);
        let halted = AtomicBool::new(false);
        let stop = || halted.load(Ordering::Relaxed) || options.aborted();
        // Parts in order, each with the batches that a worker gives.
        let (parts, ordered) = channel::<Receiver<Result<Judged, Error>>>();
        let pass = self.dataset.pass(&self.columns, options.batch_rows.max(1));
        let pass = Mutex::new((if self.whole { pass.whole() } else { pass }, 0));
        let waiting = self.waiting(options, threads);
        let work = |parts: Sender<Receiver<Result<Judged, Error>>>| {
            while !stop() {
                let (part, number, batches) = {
                    let mut pass = lock(&pass);
                    let Some(part) = pass.0.next() else { return };
                    let number = pass.1;
                    pass.1 += 1;
                    let (batches, receiver) = sync_channel(waiting);
                    // Handed over while nobody else can take a part: so they come in order.
                    if parts.send(receiver).is_err() {
                        return;
                    }
                    (part, number, batches)
                };
                let left_out = wanted.is_some_and(|wanted| !wanted.contains(&number));
                let judged = part.and_then(|part| match part.rows().filter(|_| left_out) {
                    Some(rows) => {
                        // Only counted, for the places of the rows behind it.
                        let _ = batches.send(Ok(Judged::left_out(part.file(), number, rows)));
                        Ok(())
                    }
                    None => self.judge_part(part, number, &batches, options, &stop),
                });
                if let Err(error) = judged {
                    // Nobody listens once something went wrong before.
                    let _ = batches.send(Err(error));
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let (work, parts) = (&work, parts.clone());
                    scope.spawn(move || work(parts))
                })
                .collect();
            // The end of the parts is the end of those who send them.
            drop(parts);
            let outcome = self.collect(&ordered, &mut consume, options);
            halted.store(true, Ordering::Relaxed);
            // Workers that wait for room are let go.
            drop(ordered);
            for worker in workers {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
            outcome
        })
    }

    fn collect(
        &self,
        ordered: &Receiver<Receiver<Result<Judged, Error>>>,
        consume: &mut impl FnMut(usize, RowBatch) -> Result<ControlFlow<()>, Error>,
        options: &ScanOptions<'_>,
    ) -> Result<(), Error> {
        let (mut file, mut first) = (0, 0);
        let (mut part, mut within) = (0, 0);
        for batches in ordered {
            for judged in batches {
                let judged = judged?;
                if judged.file != file {
                    (file, first) = (judged.file, 0);
                }
                if judged.part != part {
                    (part, within) = (judged.part, 0);
                }
                if judged.left_out > 0 {
                    first += judged.left_out;
                    continue;
                }
                let rows = judged.rows.columns.rows;
                let mut tests = Vec::with_capacity(judged.tests.len());
                for (bits, source) in judged.tests.into_iter().zip(&self.tests) {
                    let known = || match source {
                        Source::Known(bits) => bits.slice(judged.part, within, rows),
                        Source::Columns(_, _) => None,
                    };
                    let lost = || Error::Internal("rows have no bits: did the data change?".into());
                    tests.push(bits.or_else(known).ok_or_else(lost)?);
                }
                let batch = RowBatch { file: judged.file, first, rows: judged.rows, tests, filters: judged.filters };
                if let Some(progress) = options.progress {
                    progress.add(rows as u64, 0);
                }
                if consume(judged.part, batch)?.is_break() || options.aborted() {
                    return Ok(());
                }
                first += rows as u64;
                within += rows;
            }
        }
        Ok(())
    }

    fn waiting(&self, options: &ScanOptions<'_>, threads: usize) -> usize {
        let columns = if self.whole { self.dataset.schema().fields().len() } else { 0 } + self.columns.len().max(1);
        let values = (columns * options.batch_rows.max(1)) as u64;
        let room = options.memory_bytes / 8 / threads as u64;
        (room / (values * VALUE_BYTES).max(1)).clamp(2, MOST_WAITING) as usize
    }

    fn judge_part(
        &self,
        part: Part<'_>,
        number: usize,
        batches: &SyncSender<Result<Judged, Error>>,
        options: &ScanOptions<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let file = part.file();
        let bytes = part.stored_bytes();
        let mut dictionaries: Vec<Option<JudgedDictionary>> = self.tests.iter().map(|_| None).collect();
        let mut values: Vec<Vec<Option<JudgedValues>>> =
            self.filters.iter().map(|filter| filter.conjuncts.iter().map(|_| None).collect()).collect();
        for batch in part.read_whole(&self.columns, options.batch_rows.max(1), self.whole)? {
            let WholeRows { mut columns, whole } = batch?;
            let filters = self.filters.iter().zip(&mut values);
            let filters: Vec<BooleanBuffer> = filters.map(|(filter, judged)| filter.mask(&columns, judged)).collect();
            let mut tests = Vec::with_capacity(self.tests.len());
            for ((source, dictionary), closed) in self.tests.iter().zip(&mut dictionaries).zip(&self.closed) {
                tests.push(match source {
                    _ if closed.load(Ordering::Relaxed) => Some(BooleanBuffer::new_unset(columns.rows)),
                    Source::Known(_) => None,
                    Source::Columns(test, places) => {
                        let own: Vec<_> = places.iter().map(|place| columns.arrays[*place].clone()).collect();
                        let selected = selected_for(test, &self.filters, &filters);
                        Some(test.mask(&own, columns.rows, selected, dictionary)?)
                    }
                });
            }
            columns.arrays.truncate(self.asked);
            let rows = WholeRows { columns, whole };
            let judged = Judged { file, part: number, rows, tests, filters, left_out: 0 };
            if batches.send(Ok(judged)).is_err() || stop() {
                return Ok(());
            }
        }
        if let Some(progress) = options.progress {
            progress.add(0, bytes);
        }
        Ok(())
    }
}

/// The rows that may be shown to a test, if not all: those of its filter, one of these.
pub(super) fn selected_for<'m>(
    test: &RowTest,
    filters: &[Filter],
    masks: &'m [BooleanBuffer],
) -> Option<&'m BooleanBuffer> {
    let text = test.filter()?;
    masks.get(filters.iter().position(|filter| filter.text == *text)?)
}

impl Filter {
    /// Of a predicate; `place` tells where a column is among those of a batch.
    pub(super) fn new(
        predicate: &Predicate,
        mut place: impl FnMut(&str) -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        let mut conjuncts = Vec::new();
        for conjunct in predicate.conjuncts() {
            let places = conjunct.columns().iter().map(|name| place(name)).collect::<Result<_, _>>()?;
            conjuncts.push((conjunct.clone(), places));
        }
        Ok(Self { text: predicate.text().clone(), conjuncts })
    }

    /// Conditions that it is made of.
    pub(super) fn len(&self) -> usize {
        self.conjuncts.len()
    }

    /// The rows it selects. A condition that cannot be judged selects none: its rules are ERROR then, and
    /// judge no row.
    pub(super) fn mask(&self, columns: &Columns, judged: &mut [Option<JudgedValues>]) -> BooleanBuffer {
        let mut selected: Option<BooleanBuffer> = None;
        for ((conjunct, places), judged) in self.conjuncts.iter().zip(judged) {
            let own: Vec<_> = places.iter().map(|place| columns.arrays[*place].clone()).collect();
            let Ok(mask) = conjunct.mask(&own, columns.rows, judged) else {
                return BooleanBuffer::new_unset(columns.rows);
            };
            selected = Some(selected.map_or_else(|| mask.clone(), |selected| &selected & &mask));
        }
        selected.unwrap_or_else(|| BooleanBuffer::new_set(columns.rows))
    }
}
