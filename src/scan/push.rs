//! Batches that are pushed instead of read: the same programs, states and tests as a pass over files.
//!
//! What one checker gets is one part, so numbers do not hang on how rows are cut into batches. There is no metadata, so
//! nothing is proved and every column is there.

use super::fold::twin;
use super::lookups::{Prepared, Tables};
use super::merge::{join, merge};
use super::rows::{Filter, selected_for};
use super::worker::{Folding, PartFold, PartStates, Program, kernel};
use super::{ScanError, ScanOptions, Sources, Trouble, files};
use crate::error::Error;
use crate::input::Columns;
use crate::metrics::lookup::KeySource;
use crate::metrics::rows::{JudgedDictionary, RowError, RowTest};
use crate::metrics::{Family, Finished, MemoryBudget, Metric};
use crate::plan::{MetricId, MetricSet, Results};
use crate::sql::{JudgedValues, PRIMARY, Predicate};
use crate::unevaluated::Unevaluated;
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Metrics made ready for batches of one schema.
pub struct PushPlan {
    schema: SchemaRef,
    metrics: MetricSet,
    predicates: HashMap<Arc<str>, Predicate>,
    tables: Tables,
    budget_bytes: u64,
    /// What is known before any batch: metrics of other datasets, and those that batches cannot answer.
    known: Vec<Option<Finished>>,
    /// Metrics that are folded, in the order of the program.
    folded: Vec<MetricId>,
}

/// Programs of metrics that are folded together: shared by all whose states are joined in the end.
pub struct PushProgram {
    program: Program,
    /// The metrics of its kernels.
    ids: Vec<MetricId>,
    /// Every column, by position in the schema.
    available: Vec<usize>,
    /// How many states were made.
    forks: AtomicUsize,
}

/// States of the batches so far.
pub struct PushStates {
    folding: Folding,
    ordered: PartStates,
    /// All batches since the last merge: dictionaries that batches share are counted once.
    part: Option<PartFold>,
    /// Of several failures the one with the least number is told, whichever came first.
    number: usize,
}

impl PushPlan {
    /// Reads the keys that metrics look up, and measures the metrics of other datasets.
    pub fn new(sources: &Sources<'_>, metrics: &MetricSet, options: &ScanOptions<'_>) -> Result<Self, ScanError> {
        let all = metrics.as_slice();
        let budget = Arc::new(MemoryBudget::new(options.memory_bytes / 2));
        let mut tables = Tables::new(all, budget, options);
        let mut known: Vec<Option<Finished>> = vec![None; all.len()];
        let mut folded = Vec::new();
        let mut elsewhere = MetricSet::default();
        let mut ids = Vec::new();
        for (id, metric) in all.iter().enumerate() {
            let failed = |reason: Unevaluated| Some(Finished::Failed(Arc::new(reason)));
            match (&metric.dataset, &metric.family) {
                (Some(alias), _) if **alias == *PRIMARY => known[id] = failed(needs_all_rows("the data a second time")),
                // What another dataset is looked up in is not there either.
                (Some(_), Family::Lookup(lookup)) if asks_data(&lookup.source) => {
                    known[id] = failed(needs_all_rows("keys"));
                }
                (Some(_), Family::Query(_)) => known[id] = failed(needs_all_rows("a query")),
                (Some(_), _) => {
                    elsewhere.ask(metric.clone());
                    ids.push(id);
                }
                (None, Family::Query(_)) => known[id] = failed(needs_all_rows("a query")),
                (None, Family::Files(question)) => {
                    known[id] = match files::answer(question, sources.primary) {
                        Ok(facts) => Some(Finished::Files(facts)),
                        Err(reason) => failed(reason),
                    };
                }
                (None, Family::Lookup(lookup)) => {
                    if asks_data(&lookup.source) {
                        known[id] = failed(needs_all_rows("keys"));
                        continue;
                    }
                    match tables.build(lookup, metric, sources, options) {
                        Ok(1) => folded.push(MetricId(id)),
                        Ok(_) => known[id] = failed(too_many_keys()),
                        Err(Trouble::Unevaluated(reason)) => known[id] = failed(reason),
                        Err(Trouble::Again(error)) => return Err(error),
                    }
                }
                (None, _) => folded.push(MetricId(id)),
            }
        }
        // A set has each metric once, so the order is that of the ids.
        let measured = super::scan(sources, &elsewhere, options)?;
        for (id, measured) in ids.into_iter().zip(measured.results.0) {
            known[id] = Some(measured);
        }
        Ok(Self {
            schema: sources.primary.schema().clone(),
            metrics: metrics.clone(),
            predicates: sources.predicates.clone(),
            tables,
            budget_bytes: options.memory_bytes / 2,
            known,
            folded,
        })
    }

    /// The columns of batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn metric(&self, id: MetricId) -> Result<&Metric, Error> {
        self.metrics.as_slice().get(id.0).ok_or_else(|| Error::Internal("a metric is not in its set".into()))
    }

    /// The metrics that are folded, but for those that are told by others, and their positions among all folded.
    fn own(&self) -> Result<(Vec<&Metric>, Vec<usize>), Error> {
        let folded = self.folded.iter().map(|id| self.metric(*id)).collect::<Result<Vec<_>, _>>()?;
        let own = (0..folded.len()).filter(|at| twin(&folded, *at).is_none()).collect();
        Ok((folded, own))
    }

    /// Makes a program: whoever shares it can be joined in the end. States that grow share the memory.
    pub fn program(&self) -> Result<PushProgram, Error> {
        let budget = Arc::new(MemoryBudget::new(self.budget_bytes));
        let (folded, own) = self.own()?;
        let members: Vec<&Metric> = own.iter().map(|at| folded[*at]).collect();
        let make = |metric: &Metric| Ok(kernel(&self.schema, metric, &self.tables)?.within(budget.clone()));
        let program = Program::new(&self.schema, &members, &self.predicates, make)?;
        let ids = own.iter().map(|at| self.folded[*at]).collect();
        let available = (0..self.schema.fields().len()).collect();
        Ok(PushProgram { program, ids, available, forks: AtomicUsize::new(0) })
    }

    /// All metrics, once every state was joined.
    pub fn finish(
        &self,
        program: &PushProgram,
        mut states: PushStates,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<Results, Error> {
        states.close(program)?;
        let mut finished = self.known.clone();
        let (folded, own) = self.own()?;
        let unordered = states.folding.into_states();
        for ((position, at), (mut state, ordered)) in
            own.iter().enumerate().zip(unordered.into_iter().zip(states.ordered))
        {
            let kernel = &program.program.kernels()[position];
            if let Some(mut ordered) = ordered {
                // What is left of a state that went with its batches is empty.
                merge(&mut ordered, state)?;
                state = ordered;
            }
            let mut measured = match program.program.failure(position) {
                Some(reason) => Finished::Failed(reason),
                None if kernel.gave_up() => Finished::Undecided,
                None => state.finish(kernel.family(), options.threads.max(1)),
            };
            if let (Family::Lookup(lookup), Finished::Found(found)) = (kernel.family(), &mut measured) {
                let unfit = self.tables.explain(lookup, folded[*at], found, sources, options)?;
                found.redact(options.redaction);
                if let Some(reason) = unfit {
                    measured = Finished::Failed(Arc::new(reason));
                }
            }
            finished[self.folded[*at].0] = Some(measured);
        }
        for (at, id) in self.folded.iter().enumerate() {
            if let Some(twin) = twin(&folded, at) {
                finished[id.0] = finished[self.folded[twin].0].clone();
            }
        }
        let lost = || Finished::Failed(Arc::new(Unevaluated::internal("a metric was not measured")));
        Ok(Results(finished.into_iter().map(|finished| finished.unwrap_or_else(lost)).collect()))
    }

    /// Whether the keys that a metric looks up are there.
    pub fn has_keys(&self, id: MetricId) -> bool {
        let open = self.known.get(id.0).is_some_and(Option::is_none);
        open && self.metric(id).is_ok_and(|metric| self.keys(metric).is_some())
    }

    /// The keys that a metric looks up.
    fn keys(&self, metric: &Metric) -> Option<Prepared> {
        let Family::Lookup(lookup) = &metric.family else { return None };
        let own = super::lookups::types_of(&self.schema, &metric.columns).ok()?;
        self.tables.prepared_keys(lookup, &own)
    }
}

impl PushProgram {
    /// Columns that are looked at.
    pub fn columns_read(&self) -> usize {
        self.program.columns().len()
    }

    /// States before any batch.
    pub fn states(&self) -> PushStates {
        let folding = self.program.folding();
        let number = self.forks.fetch_add(1, Ordering::Relaxed);
        PushStates { folding, ordered: self.nothing(), part: None, number }
    }

    fn start(&self, number: usize) -> PartFold {
        self.program.start(number, self.nothing(), self.nothing(), &self.available)
    }

    /// Says that a metric could not judge some row.
    fn fail(&self, metric: MetricId, reason: Arc<Unevaluated>) {
        let position = self.ids.iter().position(|own| *own == metric);
        if let Some(kernel) = position.and_then(|position| self.program.kernels().get(position)) {
            kernel.fail(reason);
        }
    }

    fn nothing(&self) -> PartStates {
        self.program.kernels().iter().map(|_| None).collect()
    }
}

impl PushStates {
    /// Folds a batch, which has every column of the schema.
    pub fn push(&mut self, program: &PushProgram, batch: &Columns) -> Result<(), Error> {
        let part = self.part.get_or_insert_with(|| program.start(self.number));
        part.batch(&program.program, batch, &mut self.folding)
    }

    /// Ends what is open: later batches are another part.
    fn close(&mut self, program: &PushProgram) -> Result<(), Error> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let states = part.finish(&program.program, None, &mut self.folding)?;
        self.ordered.iter_mut().zip(states).try_for_each(|(ordered, state)| join(ordered, state))
    }

    /// Joins states of later batches, of the same program.
    pub fn merge(&mut self, program: &PushProgram, mut later: Self) -> Result<(), Error> {
        self.close(program)?;
        later.close(program)?;
        self.folding.merge(later.folding)?;
        self.ordered.iter_mut().zip(later.ordered).try_for_each(|(ordered, state)| join(ordered, state))
    }
}

/// What is asked of each row of a batch.
pub struct PushRows {
    tests: Vec<(MetricId, RowTest, Vec<usize>)>,
    filters: Vec<Filter>,
}

/// What is known of dictionaries and filters from batch to batch.
#[derive(Default)]
pub struct PushMemory {
    dictionaries: Vec<Option<JudgedDictionary>>,
    values: Vec<Vec<Option<JudgedValues>>>,
}

/// Bits of the rows of a batch.
pub struct PushBits {
    /// For each test, in the order asked for.
    pub tests: Vec<BooleanBuffer>,
    /// For each filter: whether it selects the row.
    pub filters: Vec<BooleanBuffer>,
}

impl PushRows {
    /// Asks whether rows satisfy metrics, whose filters are left aside, and which rows filters select.
    pub fn new(plan: &PushPlan, tests: &[MetricId], filters: &[Arc<str>]) -> Result<Self, Error> {
        let place = |name: &str| plan.schema.index_of(name).map_err(|error| Error::Internal(error.to_string()));
        let mut own = Self { tests: Vec::new(), filters: Vec::new() };
        for id in tests {
            let metric = plan.metric(*id)?;
            let internal = |why: &dyn std::fmt::Display| Error::Internal(format!("{metric}: {why}"));
            let places = metric.columns.iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
            let types: Vec<_> = places.iter().map(|at| plan.schema.field(*at).data_type().clone()).collect();
            let keys = plan.keys(metric).map(|prepared| prepared.table().clone());
            let test = RowTest::new(metric, &types, keys).map_err(|error| internal(&error))?;
            own.tests.push((*id, test.ok_or_else(|| internal(&"does not judge rows"))?, places));
        }
        for text in filters {
            let predicate = plan.predicates.get(text);
            let predicate = predicate.ok_or_else(|| Error::Internal(format!("{text} was not compiled")))?;
            own.filters.push(Filter::new(predicate, place)?);
        }
        Ok(own)
    }

    /// Judges the rows of a batch. Rows satisfy a test of another crate that fails on them: its rules will be ERROR.
    pub fn judge(&self, batch: &Columns, memory: &mut PushMemory, program: &PushProgram) -> Result<PushBits, Error> {
        memory.dictionaries.resize_with(self.tests.len(), || None);
        memory.values.resize_with(self.filters.len(), Vec::new);
        let filters = self.filters.iter().zip(&mut memory.values).map(|(filter, judged)| {
            judged.resize_with(filter.len(), || None);
            filter.mask(batch, judged)
        });
        let filters: Vec<BooleanBuffer> = filters.collect();
        let mut tests = Vec::with_capacity(self.tests.len());
        for ((id, test, places), judged) in self.tests.iter().zip(&mut memory.dictionaries) {
            let own: Vec<_> = places.iter().filter_map(|place| batch.arrays.get(*place).cloned()).collect();
            let selected = selected_for(test, &self.filters, &filters);
            tests.push(match test.mask(&own, batch.rows, selected, judged) {
                Err(RowError::Custom(reason)) => {
                    program.fail(*id, reason);
                    BooleanBuffer::new_set(batch.rows)
                }
                bits => bits?,
            });
        }
        Ok(PushBits { tests, filters })
    }
}

/// Whether keys come from the data itself, or may do so.
fn asks_data(source: &KeySource) -> bool {
    match source {
        KeySource::Dataset(alias) => **alias == *PRIMARY,
        KeySource::Query(_) => true,
    }
}

fn needs_all_rows(what: &str) -> Unevaluated {
    let message = format!("Rows that are pushed cannot be asked again: the rule needs {what}, over all rows");
    Unevaluated::new("needs_all_rows", message).help("check the data where it is stored: `dq check`, dq::check::check")
}

fn too_many_keys() -> Unevaluated {
    Unevaluated::new("memory_limit", "The keys of the reference need more than one pass over the data")
        .help("raise the memory limit: a quarter of it is for such keys")
}
