//! One part: batches to the accumulators of all metrics of a program.
//!
//! Metrics are grouped by filter; a filter's rows are selected once per batch. A
//! dictionary-encoded column is not unpacked: keys are counted, and when the
//! dictionary ends its distinct values go to the metrics once, with their counts.
//! Metrics that the file's own metadata answers for a part are not folded, and columns
//! that only they read are not decoded. Pages that the metadata answers are not read either.

mod pages;

pub use pages::PageProofs;

use super::lock;
use super::lookups::Tables;
use crate::error::Error;
use crate::input::{ColumnFacts, Columns, Part};
use crate::metrics::{Accumulator, Facts, Family, Kernel, Metric, State};
use crate::sql::{Conjunct, JudgedValues, Predicate};
use crate::unevaluated::Unevaluated;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, SchemaRef};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

/// States whose order matters, of one part: by metric, `None` for the others.
pub type PartStates = Vec<Option<State>>;

/// Metrics that share columns or filters, and so must be measured together. What workers share.
pub struct Program {
    kernels: Vec<Kernel>,
    groups: Vec<Group>,
    /// Conditions that filters are made of; each is judged once per batch, whoever needs it.
    conjuncts: Vec<SharedConjunct>,
    /// Columns that are read, by position in the schema.
    columns: Vec<usize>,
    /// The first parts with rows that do not satisfy, by metric.
    failing: Vec<Mutex<BTreeSet<usize>>>,
}

/// A worker's states of a program.
pub struct Folding {
    accumulators: Vec<Accumulator>,
    /// How many rows satisfied, by metric, when the last part ended.
    satisfying: Vec<u64>,
}

/// Parts with failing rows that are remembered of each metric: enough to find as many such rows in.
const MOST_FAILING: usize = 1000;

struct SharedConjunct {
    conjunct: Arc<Conjunct>,
    /// Its columns, by position in [`Program::columns`].
    columns: Vec<usize>,
    /// The first failure in partition order.
    failed: Mutex<Option<(usize, Unevaluated)>>,
}

/// Metrics over the same rows.
struct Group {
    /// All must hold: positions in [`Program::conjuncts`]. All rows if there are none.
    filter: Vec<usize>,
    /// Columns of the group, by position in [`Program::columns`].
    columns: Vec<usize>,
    metrics: Vec<GroupMetric>,
    /// For each column of the group, the metrics that fold it as distinct values.
    weighed: Vec<Vec<usize>>,
}

struct GroupMetric {
    /// Position among all metrics.
    metric: usize,
    /// Columns, by position in [`Group::columns`].
    columns: Vec<usize>,
    takes_weights: bool,
}

fn position_or_push<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    list.iter().position(|existing| *existing == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    })
}

impl Program {
    /// Prepares metrics for the columns of a schema.
    pub fn new(
        schema: &SchemaRef,
        metrics: &[&Metric],
        predicates: &HashMap<Arc<str>, Predicate>,
        mut kernel: impl FnMut(&Metric) -> Result<Kernel, Error>,
    ) -> Result<Self, Error> {
        let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
        let mut program = Self {
            kernels: Vec::new(),
            groups: Vec::new(),
            conjuncts: Vec::new(),
            columns: Vec::new(),
            failing: metrics.iter().map(|_| Mutex::default()).collect(),
        };
        let mut filters: Vec<Option<Arc<str>>> = Vec::new();
        for (id, metric) in metrics.iter().enumerate() {
            let kernel = kernel(metric)?;
            let at = position_or_push(&mut filters, metric.filter.clone());
            if at == program.groups.len() {
                let filter = match &metric.filter {
                    None => Vec::new(),
                    Some(text) => {
                        let predicate = predicates
                            .get(text)
                            .ok_or_else(|| Error::Internal(format!("the predicate {text} was not compiled")))?;
                        program.filter(schema, predicate)?
                    }
                };
                program.groups.push(Group { filter, columns: Vec::new(), metrics: Vec::new(), weighed: Vec::new() });
            }
            let group = &mut program.groups[at];
            let mut own = Vec::new();
            for name in &metric.columns {
                let read = position_or_push(&mut program.columns, schema.index_of(name).map_err(internal)?);
                own.push(position_or_push(&mut group.columns, read));
            }
            group.metrics.push(GroupMetric { metric: id, columns: own, takes_weights: kernel.takes_weights() });
            program.kernels.push(kernel);
        }
        for group in &mut program.groups {
            group.weighed = vec![Vec::new(); group.columns.len()];
            for metric in group.metrics.iter().filter(|metric| metric.takes_weights) {
                group.weighed[metric.columns[0]].push(metric.metric);
            }
        }
        Ok(program)
    }

    /// The conjuncts of a predicate, added if they are new.
    fn filter(&mut self, schema: &SchemaRef, predicate: &Predicate) -> Result<Vec<usize>, Error> {
        let mut filter = Vec::new();
        for conjunct in predicate.conjuncts() {
            let known = self.conjuncts.iter().position(|shared| shared.conjunct.text() == conjunct.text());
            let at = match known {
                Some(at) => at,
                None => {
                    let mut columns = Vec::new();
                    for name in conjunct.columns() {
                        let position = schema.index_of(name).map_err(|error| Error::Internal(error.to_string()))?;
                        columns.push(position_or_push(&mut self.columns, position));
                    }
                    self.conjuncts.push(SharedConjunct {
                        conjunct: conjunct.clone(),
                        columns,
                        failed: Mutex::new(None),
                    });
                    self.conjuncts.len() - 1
                }
            };
            filter.push(at);
        }
        Ok(filter)
    }

    /// Why a metric has no number, if its filter or its test failed on some row.
    pub fn failure(&self, metric: usize) -> Option<Arc<Unevaluated>> {
        let group = self.groups.iter().find(|group| group.metrics.iter().any(|own| own.metric == metric))?;
        let reason =
            |at: &usize| lock(&self.conjuncts[*at].failed).as_ref().map(|(_, reason)| Arc::new(reason.clone()));
        group.filter.iter().find_map(reason).or_else(|| self.kernels.get(metric)?.failure().cloned())
    }

    /// The kernels, in metric order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Columns that are read, by position in the schema.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The first parts, at most a thousand, with rows that do not satisfy a metric; `None` if it does not judge
    /// rows one by one.
    pub fn failing_parts(&self, metric: usize) -> Option<Vec<usize>> {
        let judges =
            matches!(self.kernels.get(metric)?.family(), Family::NonNull | Family::Passing(_) | Family::Lookup(_));
        judges.then(|| lock(&self.failing[metric]).iter().copied().collect())
    }

    /// Starts a worker's states.
    pub fn folding(&self) -> Folding {
        let accumulators: Vec<_> = self.kernels.iter().map(Kernel::accumulator).collect();
        Folding { satisfying: vec![0; accumulators.len()], accumulators }
    }

    /// What the file's metadata proves of a part, by metric.
    pub fn proofs(&self, part: &Part<'_>) -> PartStates {
        let mut proofs: PartStates = vec![None; self.kernels.len()];
        let Some(rows) = part.rows() else { return proofs };
        let mut known: HashMap<usize, Option<Facts>> = HashMap::new();
        for group in self.groups.iter().filter(|group| group.filter.is_empty()) {
            for metric in &group.metrics {
                let facts = match metric.columns.as_slice() {
                    [column] => {
                        let column = self.columns[group.columns[*column]];
                        known.entry(column).or_insert_with(|| part.facts(column).map(facts)).as_ref()
                    }
                    _ => None,
                };
                proofs[metric.metric] = self.kernels[metric.metric].prove(rows, facts);
            }
        }
        proofs
    }

    /// The columns, by position in the schema, that must be read for metrics that are not proved; `None`
    /// when all are.
    pub fn needed(&self, proofs: &PartStates) -> Option<Vec<usize>> {
        let mut needed: Vec<usize> = Vec::new();
        let mut open = false;
        for group in &self.groups {
            let unproved = group.metrics.iter().filter(|metric| proofs[metric.metric].is_none());
            for metric in unproved {
                open = true;
                needed.extend(metric.columns.iter().map(|column| self.columns[group.columns[*column]]));
                let filters = group.filter.iter().flat_map(|at| &self.conjuncts[*at].columns);
                needed.extend(filters.map(|column| self.columns[*column]));
            }
        }
        needed.sort_unstable();
        needed.dedup();
        open.then_some(needed)
    }

    /// Starts folding a part: takes what is proved of it and of pages that will not come, and is ready for
    /// batches of the `available` columns, given by position in the schema.
    pub fn start(&self, part: usize, proofs: PartStates, pages: PartStates, available: &[usize]) -> PartFold {
        let place = |column: &usize| available.iter().position(|own| own == column);
        PartFold {
            part,
            places: self.columns.iter().map(place).collect(),
            dictionaries: self.groups.iter().map(|group| group.columns.iter().map(|_| None).collect()).collect(),
            judged: self.conjuncts.iter().map(|_| None).collect(),
            failed: vec![false; self.conjuncts.len()],
            rows: vec![0; self.groups.len()],
            proofs,
            pages,
        }
    }
}

/// What a file says of a column, as metrics take it.
pub fn facts(facts: ColumnFacts) -> Facts {
    Facts { nulls: facts.nulls, range: facts.range }
}

/// A part while it is folded; every call takes the program that started it.
pub struct PartFold {
    part: usize,
    /// Where each of the program's columns is in the batches, if it is there.
    places: Vec<Option<usize>>,
    dictionaries: Vec<Vec<Option<Dictionary>>>,
    judged: Vec<Option<JudgedValues>>,
    failed: Vec<bool>,
    /// Rows of batches that each group judged.
    rows: Vec<u64>,
    proofs: PartStates,
    /// States over rows that no batch has, of metrics whose order does not matter; empty without such rows.
    pages: PartStates,
}

impl PartFold {
    /// Folds a batch.
    pub fn batch(&mut self, program: &Program, batch: &Columns, folding: &mut Folding) -> Result<(), Error> {
        let columns: Vec<Option<&ArrayRef>> =
            self.places.iter().map(|place| place.and_then(|place| batch.arrays.get(place))).collect();
        let mut masks: Vec<Option<BooleanBuffer>> = Vec::with_capacity(program.conjuncts.len());
        for ((shared, judged), failed) in program.conjuncts.iter().zip(&mut self.judged).zip(&mut self.failed) {
            masks.push(if *failed { None } else { shared.mask(&columns, batch.rows, judged, self.part) });
            *failed |= masks.last().is_some_and(Option::is_none);
        }
        let groups = program.groups.iter().zip(&mut self.dictionaries).zip(&mut self.rows);
        for ((group, dictionaries), rows) in groups {
            let fold = GroupFold { group, proofs: &self.proofs, accumulators: &mut folding.accumulators };
            *rows += fold.batch(&columns, &masks, batch.rows, dictionaries)? as u64;
        }
        Ok(())
    }

    /// Ends the part, which has so many rows if they are known: gives its states whose order matters.
    pub fn finish(mut self, program: &Program, known: Option<u64>, folding: &mut Folding) -> Result<PartStates, Error> {
        for (group, dictionaries) in program.groups.iter().zip(&mut self.dictionaries) {
            for (column, dictionary) in dictionaries.iter_mut().enumerate() {
                flush(dictionary.take(), &group.weighed[column], &self.proofs, &mut folding.accumulators);
            }
        }
        // What was not read was judged too, all of it.
        let mut known_rows: Vec<Option<u64>> = vec![None; program.kernels.len()];
        for (metric, (state, accumulator)) in self.pages.into_iter().zip(&mut folding.accumulators).enumerate() {
            if let Some(state) = state {
                accumulator.merge(state).map_err(|error| Error::Internal(error.to_string()))?;
                known_rows[metric] = known;
            }
        }
        let mut ordered: PartStates = vec![None; program.kernels.len()];
        for (metric, proof) in self.proofs.into_iter().enumerate() {
            let Some(state) = proof else { continue };
            if program.kernels[metric].is_ordered() {
                ordered[metric] = Some(state);
            } else {
                folding.accumulators[metric].merge(state).map_err(|error| Error::Internal(error.to_string()))?;
                known_rows[metric] = known;
            }
        }
        for (group, rows) in program.groups.iter().zip(self.rows) {
            for GroupMetric { metric, .. } in &group.metrics {
                let Some(satisfying) = folding.accumulators[*metric].satisfying() else { continue };
                let before = std::mem::replace(&mut folding.satisfying[*metric], satisfying);
                if satisfying - before < known_rows[*metric].unwrap_or(rows) {
                    let mut failing = lock(&program.failing[*metric]);
                    failing.insert(self.part);
                    if failing.len() > MOST_FAILING {
                        failing.pop_last();
                    }
                }
            }
        }
        for (metric, kernel) in program.kernels.iter().enumerate() {
            if kernel.is_ordered() && ordered[metric].is_none() {
                ordered[metric] = Some(folding.accumulators[metric].take_state());
                folding.satisfying[metric] = 0;
            }
        }
        Ok(ordered)
    }
}

impl Folding {
    /// Joins the states of later rows of the same program; those whose order matters go with their parts.
    pub fn merge(&mut self, later: Self) -> Result<(), Error> {
        for (own, later) in self.accumulators.iter_mut().zip(later.accumulators) {
            own.merge(later.into_state()).map_err(|error| Error::Internal(error.to_string()))?;
        }
        for (own, later) in self.satisfying.iter_mut().zip(later.satisfying) {
            *own += later;
        }
        Ok(())
    }

    /// The states, by metric; those whose order matters went with their parts.
    pub fn into_states(self) -> Vec<State> {
        self.accumulators.into_iter().map(Accumulator::into_state).collect()
    }
}

/// The metric at work for the columns of a schema.
pub fn kernel(schema: &SchemaRef, metric: &Metric, tables: &Tables) -> Result<Kernel, Error> {
    let types =
        metric.columns.iter().map(|column| schema.field_with_name(column).map(|field| field.data_type().clone()));
    let types = types.collect::<Result<Vec<_>, _>>().map_err(|error| Error::Internal(error.to_string()))?;
    let table = match &metric.family {
        Family::Lookup(lookup) => {
            Some(tables.get(lookup, &types).ok_or_else(|| Error::Internal(format!("{metric}: no keys")))?)
        }
        _ => None,
    };
    let kernel = Kernel::new(metric, types).map_err(|error| Error::Internal(format!("{metric}: {error}")))?;
    Ok(match table {
        Some(table) => kernel.with_table(table),
        None => kernel,
    })
}

impl SharedConjunct {
    /// The rows for which it is true; `None` when it cannot be judged.
    fn mask(
        &self,
        columns: &[Option<&ArrayRef>],
        rows: usize,
        judged: &mut Option<JudgedValues>,
        part: usize,
    ) -> Option<BooleanBuffer> {
        let own: Option<Vec<ArrayRef>> = self.columns.iter().map(|column| columns[*column].cloned()).collect();
        match self.conjunct.mask(&own?, rows, judged) {
            Ok(mask) => Some(mask),
            Err(reason) => {
                let mut failed = lock(&self.failed);
                if failed.as_ref().is_none_or(|(earlier, _)| part < *earlier) {
                    *failed = Some((part, reason));
                }
                None
            }
        }
    }
}

/// The metrics of a group that the data must answer.
struct GroupFold<'a> {
    group: &'a Group,
    proofs: &'a PartStates,
    accumulators: &'a mut [Accumulator],
}

impl GroupFold<'_> {
    /// Folds a batch; gives how many of its rows were judged.
    fn batch(
        self,
        columns: &[Option<&ArrayRef>],
        masks: &[Option<BooleanBuffer>],
        rows: usize,
        dictionaries: &mut [Option<Dictionary>],
    ) -> Result<usize, Error> {
        let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
        let group = self.group;
        let mut mask: Option<BooleanBuffer> = None;
        for at in &group.filter {
            // A filter that cannot be judged selects nothing; its metrics fail.
            let Some(own) = &masks[*at] else { return Ok(0) };
            mask = Some(mask.map_or_else(|| own.clone(), |mask| &mask & own));
        }
        let own = group.columns.iter().map(|column| columns[*column]);
        let (arrays, rows) = match mask {
            None => (own.map(Option::<&ArrayRef>::cloned).collect::<Vec<_>>(), rows),
            Some(mask) => {
                let selected = mask.count_set_bits();
                if selected == 0 {
                    return Ok(0);
                }
                let mask = BooleanArray::new(mask, None);
                let filter = arrow_select::filter::FilterBuilder::new(&mask).optimize().build();
                let arrays = own.map(|column| column.map(|column| filter.filter(column)).transpose().map_err(internal));
                (arrays.collect::<Result<Vec<_>, _>>()?, selected)
            }
        };
        for (position, array) in arrays.iter().enumerate() {
            if let Some(encoded) = array.as_ref().and_then(countable)
                && !group.weighed[position].is_empty()
            {
                let metrics = &group.weighed[position];
                count_keys(encoded, &mut dictionaries[position], metrics, self.proofs, self.accumulators);
            }
        }
        let mut plain: Vec<Option<ArrayRef>> = vec![None; arrays.len()];
        for metric in group.metrics.iter().filter(|metric| self.proofs[metric.metric].is_none()) {
            let mut inputs: Vec<ArrayRef> = Vec::with_capacity(metric.columns.len());
            for column in &metric.columns {
                let Some(array) = &arrays[*column] else {
                    return Err(Error::Internal("a column was not read".into()));
                };
                let encoded = countable(array).is_some();
                if metric.takes_weights && encoded {
                    break;
                }
                let own = match &mut plain[*column] {
                    Some(own) => own,
                    none => none.insert(unpacked(array)?),
                };
                inputs.push(own.clone());
            }
            if inputs.len() == metric.columns.len() {
                self.accumulators[metric.metric].update(&inputs, rows);
            }
        }
        Ok(rows)
    }
}

/// A dictionary whose keys can be counted in place of its rows. Where a value is NULL, keys do not tell which rows are.
fn countable(array: &ArrayRef) -> Option<&DictionaryArray<Int32Type>> {
    array.as_dictionary_opt::<Int32Type>().filter(|encoded| encoded.values().null_count() == 0)
}

/// Distinct values and how often each was seen.
struct Dictionary {
    values: ArrayRef,
    counts: Vec<u64>,
    nulls: u64,
}

fn count_keys(
    array: &DictionaryArray<Int32Type>,
    current: &mut Option<Dictionary>,
    metrics: &[usize],
    proofs: &PartStates,
    accumulators: &mut [Accumulator],
) {
    let same = current.as_ref().is_some_and(|dictionary| Arc::ptr_eq(&dictionary.values, array.values()));
    if !same {
        flush(current.take(), metrics, proofs, accumulators);
    }
    let dictionary = current.get_or_insert_with(|| Dictionary {
        values: array.values().clone(),
        counts: vec![0; array.values().len()],
        nulls: 0,
    });
    let keys = array.keys();
    dictionary.nulls += keys.null_count() as u64;
    if keys.null_count() == 0 {
        for key in keys.values() {
            dictionary.counts[*key as usize] += 1;
        }
    } else {
        keys.iter().flatten().for_each(|key| dictionary.counts[key as usize] += 1);
    }
}

fn flush(dictionary: Option<Dictionary>, metrics: &[usize], proofs: &PartStates, accumulators: &mut [Accumulator]) {
    if let Some(Dictionary { values, counts, nulls }) = dictionary {
        for metric in metrics.iter().filter(|metric| proofs[**metric].is_none()) {
            accumulators[*metric].weigh(&values, &counts, nulls);
        }
    }
}

/// Dictionary encoding resolved.
fn unpacked(array: &ArrayRef) -> Result<ArrayRef, Error> {
    match array.data_type() {
        DataType::Dictionary(_, values) => {
            arrow_cast::cast(array, values).map_err(|error| Error::Internal(error.to_string()))
        }
        _ => Ok(array.clone()),
    }
}
