//! One partition: batches to the accumulators of all metrics.
//!
//! Metrics are grouped by filter; a filter's rows are selected once per batch. A
//! dictionary-encoded column is not unpacked: keys are counted, and when the
//! dictionary ends its distinct values go to the metrics once, with their counts.

use super::{ScanOptions, States, kernels};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::{Accumulator, Kernel};
use crate::plan::MetricSet;
use crate::sql::Predicate;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Everything workers share.
pub struct Program {
    schema: SchemaRef,
    kernels: Vec<Kernel>,
    groups: Vec<Group>,
    /// Columns that are read, by position in the schema.
    columns: Vec<usize>,
}

/// Metrics over the same rows.
struct Group {
    filter: Option<Predicate>,
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
    /// Prepares a set of metrics for the columns of a schema.
    pub fn new(schema: &SchemaRef, metrics: &MetricSet) -> Result<Self, Error> {
        let kernels = kernels(schema, metrics)?;
        let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
        let mut columns = Vec::new();
        let mut filters: Vec<Option<Arc<str>>> = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for (id, (metric, kernel)) in metrics.as_slice().iter().zip(&kernels).enumerate() {
            let at = position_or_push(&mut filters, metric.filter.clone());
            if at == groups.len() {
                let filter = metric
                    .filter
                    .as_ref()
                    .map(|text| Predicate::new(text, schema))
                    .transpose()
                    .map_err(|error| Error::Internal(error.to_string()))?;
                groups.push(Group { filter, columns: Vec::new(), metrics: Vec::new(), weighed: Vec::new() });
            }
            let group = &mut groups[at];
            let mut own = Vec::new();
            for name in &metric.columns {
                let read = position_or_push(&mut columns, schema.index_of(name).map_err(internal)?);
                own.push(position_or_push(&mut group.columns, read));
            }
            group.metrics.push(GroupMetric { metric: id, columns: own, takes_weights: kernel.takes_weights() });
        }
        for group in &mut groups {
            group.weighed = vec![Vec::new(); group.columns.len()];
            for metric in group.metrics.iter().filter(|metric| metric.takes_weights) {
                group.weighed[metric.columns[0]].push(metric.metric);
            }
            for name in group.filter.iter().flat_map(Predicate::columns) {
                position_or_push(&mut columns, schema.index_of(name).map_err(internal)?);
            }
        }
        Ok(Self { schema: schema.clone(), kernels, groups, columns })
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
        for batch in batches {
            let batch = batch?;
            let columns: Vec<ArrayRef> = order.iter().map(|position| batch.column(*position).clone()).collect();
            for (group, dictionaries) in self.groups.iter().zip(&mut dictionaries) {
                self.fold(group, &columns, batch.num_rows(), &mut accumulators, dictionaries)?;
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

    fn fold(
        &self,
        group: &Group,
        columns: &[ArrayRef],
        rows: usize,
        accumulators: &mut [Accumulator],
        dictionaries: &mut [Option<Dictionary>],
    ) -> Result<(), Error> {
        let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
        let (arrays, rows) = match &group.filter {
            None => (group.columns.iter().map(|column| columns[*column].clone()).collect::<Vec<_>>(), rows),
            Some(filter) => {
                let mask = filter.mask(&self.filter_batch(filter, columns, rows)?);
                let selected = mask.true_count();
                let arrays = group
                    .columns
                    .iter()
                    .map(|column| arrow_select::filter::filter(&columns[*column], &mask).map_err(internal));
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

    /// The columns of a filter as a batch.
    fn filter_batch(&self, filter: &Predicate, columns: &[ArrayRef], rows: usize) -> Result<RecordBatch, Error> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (position, array) in self.columns.iter().zip(columns) {
            let field = self.schema.field(*position);
            if filter.columns().any(|name| name == field.name()) {
                fields.push(field.clone().with_data_type(array.data_type().clone()));
                arrays.push(array.clone());
            }
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| Error::Internal(error.to_string()))
    }
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
