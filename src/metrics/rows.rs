//! Metrics row by row: one bit per row, whether it satisfies.
//!
//! The tests are those that the counts are made of, so rows and counts never disagree. Distinct values of a
//! dictionary are judged once.

use super::frequencies::value_keys;
use super::lookup::{KeyTable, Lookup};
use super::test::{CompiledTest, TestError};
use super::{Family, Metric};
use crate::error::Error;
use crate::unevaluated::Unevaluated;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType};
use std::sync::Arc;

/// What is asked of each row.
#[derive(Debug)]
pub struct RowTest {
    kind: Kind,
    /// The metric's filter, if no other rows may be shown to the test.
    filter: Option<Arc<str>>,
}

#[derive(Debug)]
enum Kind {
    NonNull,
    Passing(CompiledTest),
    /// The key is found, and the compared values agree.
    Found(Arc<Lookup>, Arc<KeyTable>),
    /// The key is not among those that occur more than once.
    Unrepeated(Arc<KeyTable>),
}

/// What is known of the values of a dictionary, from batch to batch.
#[derive(Debug)]
pub struct JudgedDictionary {
    values: ArrayRef,
    satisfying: Vec<bool>,
}

/// Why rows cannot be judged.
#[derive(Debug, Clone)]
pub enum RowError {
    /// The test of another crate failed on them.
    Custom(Arc<Unevaluated>),
    /// A mistake of the engine.
    Internal(String),
}

impl From<ArrowError> for RowError {
    fn from(error: ArrowError) -> Self {
        RowError::Internal(error.to_string())
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Custom(reason) => Error::Custom(reason.message.clone()),
            RowError::Internal(message) => Error::Internal(message),
        }
    }
}

impl RowTest {
    /// The test of a metric over columns of these types, and the keys it needs: those it looks up, or those that
    /// occur more than once. `None` for metrics that do not judge rows.
    pub fn new(metric: &Metric, types: &[DataType], keys: Option<Arc<KeyTable>>) -> Result<Option<Self>, TestError> {
        let kind = match (&metric.family, types.first(), keys) {
            (Family::NonNull, _, _) => Kind::NonNull,
            (Family::Passing(test), Some(data_type), _) => Kind::Passing(CompiledTest::new(test, data_type)?),
            (Family::Lookup(lookup), _, Some(table)) => Kind::Found(lookup.clone(), table),
            (Family::Distinct | Family::Frequencies, _, Some(table)) => Kind::Unrepeated(table),
            _ => return Ok(None),
        };
        let custom = matches!(&kind, Kind::Passing(test) if test.is_custom());
        Ok(Some(Self { kind, filter: metric.filter.clone().filter(|_| custom) }))
    }

    /// The filter outside of which rows are not shown to the test; `None` if all may be.
    pub fn filter(&self) -> Option<&Arc<str>> {
        self.filter.as_ref()
    }

    /// Whether a metric judges rows at all.
    pub fn exists(family: &Family) -> bool {
        matches!(
            family,
            Family::NonNull | Family::Passing(_) | Family::Lookup(_) | Family::Distinct | Family::Frequencies
        )
    }

    /// Whether a metric needs keys to judge rows.
    pub fn needs_keys(family: &Family) -> bool {
        matches!(family, Family::Lookup(_) | Family::Distinct | Family::Frequencies)
    }

    /// One bit per row of the metric's columns, in its order. `judged` keeps what is known of a dictionary. Rows that
    /// are not `selected` by the test's own [`RowTest::filter`] satisfy.
    pub fn mask(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        selected: Option<&BooleanBuffer>,
        judged: &mut Option<JudgedDictionary>,
    ) -> Result<BooleanBuffer, RowError> {
        if let Kind::Passing(test) = &self.kind
            && test.is_custom()
        {
            return of_selected(test, columns, rows, selected);
        }
        if let Kind::NonNull = self.kind {
            return Ok(match columns.first().and_then(|column| column.logical_nulls()) {
                Some(nulls) => nulls.inner().clone(),
                None => BooleanBuffer::new_set(rows),
            });
        }
        if let [column] = columns
            && let Some(encoded) = column.as_dictionary_opt::<Int32Type>()
        {
            return self.encoded(encoded, judged);
        }
        let plain = plain(columns)?;
        Ok(match &self.kind {
            Kind::NonNull => BooleanBuffer::new_unset(rows),
            Kind::Passing(test) => test.judge(&plain).map_err(RowError::Custom)?,
            Kind::Found(lookup, table) => lookup.found(table, &plain),
            Kind::Unrepeated(table) => {
                let keys = value_keys(&plain);
                BooleanBuffer::collect_bool(rows, |row| {
                    keys.get(row).copied().flatten().is_none_or(|key| table.get(key).is_none())
                })
            }
        })
    }

    fn encoded(
        &self,
        encoded: &DictionaryArray<Int32Type>,
        judged: &mut Option<JudgedDictionary>,
    ) -> Result<BooleanBuffer, RowError> {
        let known = judged.as_ref().is_some_and(|judged| Arc::ptr_eq(&judged.values, encoded.values()));
        if !known {
            let values = encoded.values();
            let null = arrow_array::new_null_array(values.data_type(), 1);
            let with_null = arrow_select::concat::concat(&[values.as_ref(), null.as_ref()])?;
            let satisfying = self.mask(&[with_null], values.len() + 1, None, &mut None)?.iter().collect();
            *judged = Some(JudgedDictionary { values: values.clone(), satisfying });
        }
        let satisfying = judged.as_ref().map_or(&[][..], |judged| &judged.satisfying);
        let null = satisfying.len().saturating_sub(1);
        if satisfying.iter().all(|satisfies| *satisfies) {
            return Ok(BooleanBuffer::new_set(encoded.len()));
        }
        let keys = encoded.keys().values();
        let at = |position: usize| satisfying.get(position).copied().unwrap_or(false);
        Ok(match encoded.keys().nulls() {
            None => BooleanBuffer::collect_bool(keys.len(), |row| at(keys[row] as usize)),
            Some(nulls) => BooleanBuffer::collect_bool(keys.len(), |row| {
                at(if nulls.is_null(row) { null } else { keys[row] as usize })
            }),
        })
    }
}

/// Bits of a test that is shown selected rows only; the others satisfy.
fn of_selected(
    test: &CompiledTest,
    columns: &[ArrayRef],
    rows: usize,
    selected: Option<&BooleanBuffer>,
) -> Result<BooleanBuffer, RowError> {
    let Some(selected) = selected else { return test.judge(columns).map_err(RowError::Custom) };
    let mask = BooleanArray::new(selected.clone(), None);
    let shown = columns.iter().map(|column| arrow_select::filter::filter(column, &mask));
    let answers = test.judge(&shown.collect::<Result<Vec<_>, _>>()?).map_err(RowError::Custom)?;
    let mut answers = answers.iter();
    Ok(BooleanBuffer::collect_bool(rows, |row| !selected.value(row) || answers.next().unwrap_or(false)))
}

/// The keys of rows as uniqueness sees them, dictionaries resolved: `None` where all key columns are NULL.
pub fn keys_of_rows(columns: &[ArrayRef]) -> Result<Vec<Option<u128>>, ArrowError> {
    Ok(value_keys(&plain(columns)?))
}

/// Dictionaries resolved.
fn plain(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
    let plain = columns.iter().map(|column| match column.data_type() {
        DataType::Dictionary(_, values) => arrow_cast::cast(column, values),
        _ => Ok(column.clone()),
    });
    plain.collect()
}
