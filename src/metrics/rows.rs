//! Metrics row by row: one bit per row, whether it satisfies.
//!
//! The tests are those that the counts are made of, so rows and counts never disagree. Distinct values of a
//! dictionary are judged once.

use super::frequencies::value_keys;
use super::lookup::{KeyTable, Lookup};
use super::test::{CompiledTest, TestError};
use super::{Family, Metric};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType};
use std::sync::Arc;

/// What is asked of each row.
#[derive(Debug)]
pub struct RowTest {
    kind: Kind,
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
        Ok(Some(Self { kind }))
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

    /// One bit per row of the metric's columns, in its order. `judged` keeps what is known of a dictionary.
    pub fn mask(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        judged: &mut Option<JudgedDictionary>,
    ) -> Result<BooleanBuffer, ArrowError> {
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
            Kind::Passing(test) => match plain.as_slice() {
                [column] => test.mask(column),
                _ => BooleanBuffer::new_unset(rows),
            },
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
    ) -> Result<BooleanBuffer, ArrowError> {
        let known = judged.as_ref().is_some_and(|judged| Arc::ptr_eq(&judged.values, encoded.values()));
        if !known {
            let values = encoded.values();
            let null = arrow_array::new_null_array(values.data_type(), 1);
            let with_null = arrow_select::concat::concat(&[values.as_ref(), null.as_ref()])?;
            let satisfying = self.mask(&[with_null], values.len() + 1, &mut None)?.iter().collect();
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
