//! One partition: batches to the accumulators of all metrics.
//!
//! Metrics are grouped by filter; a filter's rows are selected once per batch. A
//! dictionary-encoded column is not unpacked: keys are counted, and when the
//! dictionary ends its distinct values go to the metrics once, with their counts.

use super::lookups::Tables;
use super::{ScanOptions, States, lock};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::{Accumulator, Family, Kernel, Metric};
use crate::sql::{Conjunct, JudgedValues, Predicate};
use crate::unevaluated::Unevaluated;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, SchemaRef};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Everything workers share.
pub struct Program {
    kernels: Vec<Kernel>,
    groups: Vec<Group>,
    /// Conditions that filters are made of; each is judged once per batch, whoever needs it.
    conjuncts: Vec<SharedConjunct>,
    /// Columns that are read, by position in the schema.
    columns: Vec<usize>,
}

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
        tables: &Tables,
    ) -> Result<Self, Error> {
        let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
        let mut program = Self { kernels: Vec::new(), groups: Vec::new(), conjuncts: Vec::new(), columns: Vec::new() };
        let mut filters: Vec<Option<Arc<str>>> = Vec::new();
        for (id, metric) in metrics.iter().enumerate() {
            let kernel = kernel(schema, metric, tables)?;
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

    /// Why a metric has no number, if its filter failed on some row.
    pub fn failure(&self, metric: usize) -> Option<Unevaluated> {
        let group = self.groups.iter().find(|group| group.metrics.iter().any(|own| own.metric == metric))?;
        group.filter.iter().find_map(|at| lock(&self.conjuncts[*at].failed).as_ref().map(|(_, reason)| reason.clone()))
    }

    /// The kernels, in metric order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// Folds one partition.
    pub fn run(&self, dataset: &Dataset, partition: usize, options: &ScanOptions<'_>) -> Result<States, Error> {
        let mut accumulators: Vec<Accumulator> = self.kernels.iter().map(Kernel::accumulator).collect();
        let mut dictionaries: Vec<Vec<Option<Dictionary>>> =
            self.groups.iter().map(|group| group.columns.iter().map(|_| None).collect()).collect();
        let (batches, order) = dataset.read(partition, &self.columns, options.batch_rows.max(1))?;
        let mut judged: Vec<Option<JudgedValues>> = self.conjuncts.iter().map(|_| None).collect();
        let mut failed = vec![false; self.conjuncts.len()];
        for batch in batches {
            let batch = batch?;
            let columns: Vec<ArrayRef> = order.iter().map(|position| batch.column(*position).clone()).collect();
            let mut masks: Vec<Option<BooleanBuffer>> = Vec::with_capacity(self.conjuncts.len());
            for ((shared, judged), failed) in self.conjuncts.iter().zip(&mut judged).zip(&mut failed) {
                masks.push(if *failed { None } else { shared.mask(&columns, batch.num_rows(), judged, partition) });
                *failed |= masks.last().is_some_and(Option::is_none);
            }
            for (group, dictionaries) in self.groups.iter().zip(&mut dictionaries) {
                fold(group, &columns, &masks, batch.num_rows(), &mut accumulators, dictionaries)?;
            }
            if let Some(progress) = options.progress {
                progress.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            }
        }
        for (group, dictionaries) in self.groups.iter().zip(&mut dictionaries) {
            for (column, dictionary) in dictionaries.iter_mut().enumerate() {
                flush(dictionary.take(), &group.weighed[column], &mut accumulators);
            }
        }
        Ok(accumulators.into_iter().map(Accumulator::into_state).collect())
    }
}

/// The metric at work for the columns of a schema.
fn kernel(schema: &SchemaRef, metric: &Metric, tables: &Tables) -> Result<Kernel, Error> {
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
        columns: &[ArrayRef],
        rows: usize,
        judged: &mut Option<JudgedValues>,
        partition: usize,
    ) -> Option<BooleanBuffer> {
        let own: Vec<ArrayRef> = self.columns.iter().map(|column| columns[*column].clone()).collect();
        match self.conjunct.mask(&own, rows, judged) {
            Ok(mask) => Some(mask),
            Err(reason) => {
                let mut failed = lock(&self.failed);
                if failed.as_ref().is_none_or(|(earlier, _)| partition < *earlier) {
                    *failed = Some((partition, reason));
                }
                None
            }
        }
    }
}

fn fold(
    group: &Group,
    columns: &[ArrayRef],
    masks: &[Option<BooleanBuffer>],
    rows: usize,
    accumulators: &mut [Accumulator],
    dictionaries: &mut [Option<Dictionary>],
) -> Result<(), Error> {
    let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
    let mut mask: Option<BooleanBuffer> = None;
    for at in &group.filter {
        // A filter that cannot be judged selects nothing; its metrics fail.
        let Some(own) = &masks[*at] else { return Ok(()) };
        mask = Some(mask.map_or_else(|| own.clone(), |mask| &mask & own));
    }
    let (arrays, rows) = match mask {
        None => (group.columns.iter().map(|column| columns[*column].clone()).collect::<Vec<_>>(), rows),
        Some(mask) => {
            let selected = mask.count_set_bits();
            if selected == 0 {
                return Ok(());
            }
            let mask = BooleanArray::new(mask, None);
            let filter = arrow_select::filter::FilterBuilder::new(&mask).optimize().build();
            let arrays = group.columns.iter().map(|column| filter.filter(&columns[*column]).map_err(internal));
            (arrays.collect::<Result<Vec<_>, _>>()?, selected)
        }
    };
    for (position, array) in arrays.iter().enumerate() {
        if let Some(encoded) = array.as_dictionary_opt::<Int32Type>()
            && !group.weighed[position].is_empty()
        {
            count_keys(encoded, &mut dictionaries[position], &group.weighed[position], accumulators);
        }
    }
    let mut plain: Vec<Option<ArrayRef>> = vec![None; arrays.len()];
    for metric in &group.metrics {
        let encoded = metric
            .columns
            .first()
            .is_some_and(|column| matches!(arrays[*column].data_type(), DataType::Dictionary(_, _)));
        if metric.takes_weights && encoded {
            continue;
        }
        for column in &metric.columns {
            if plain[*column].is_none() {
                plain[*column] = Some(unpacked(&arrays[*column])?);
            }
        }
        let inputs: Vec<ArrayRef> = metric.columns.iter().filter_map(|column| plain[*column].clone()).collect();
        accumulators[metric.metric].update(&inputs, rows);
    }
    Ok(())
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
    accumulators: &mut [Accumulator],
) {
    let same = current.as_ref().is_some_and(|dictionary| Arc::ptr_eq(&dictionary.values, array.values()));
    if !same {
        flush(current.take(), metrics, accumulators);
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

fn flush(dictionary: Option<Dictionary>, metrics: &[usize], accumulators: &mut [Accumulator]) {
    if let Some(Dictionary { values, counts, nulls }) = dictionary {
        for metric in metrics {
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
