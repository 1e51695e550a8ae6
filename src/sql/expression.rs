//! A compiled condition at work: on columns, and on the distinct values of a dictionary.

use crate::redaction::Redaction;
use crate::unevaluated::Unevaluated;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray};
use arrow_buffer::BooleanBuffer;
use std::sync::Arc;

/// A compiled expression and the columns as it expects them.
#[derive(Debug)]
pub struct Expression {
    /// Gives a boolean per row.
    pub physical: Arc<dyn datafusion::physical_plan::PhysicalExpr>,
    /// Its columns, in order.
    pub schema: arrow_schema::SchemaRef,
    /// How values are hidden when it fails.
    pub redaction: Redaction,
}

/// A conjunct judged for the distinct values of a dictionary.
#[derive(Debug)]
pub struct JudgedValues {
    values: ArrayRef,
    /// One bit per value, and one more for NULL.
    selected: BooleanBuffer,
}

/// Judges every distinct value once, then looks up each row's.
pub fn judge_encoded(
    expression: &Expression,
    encoded: &DictionaryArray<Int32Type>,
    judged: &mut Option<JudgedValues>,
) -> Result<BooleanBuffer, Unevaluated> {
    let known = judged.as_ref().is_some_and(|judged| Arc::ptr_eq(&judged.values, encoded.values()));
    if !known {
        let values = encoded.values();
        let null = arrow_array::new_null_array(values.data_type(), 1);
        let with_null =
            arrow_select::concat::concat(&[values.as_ref(), null.as_ref()]).map_err(Unevaluated::internal)?;
        let selected = expression.judge(&[with_null], values.len() + 1)?;
        *judged = Some(JudgedValues { values: values.clone(), selected });
    }
    let Some(JudgedValues { values, selected }) = judged else {
        return Err(Unevaluated::internal("values were not judged"));
    };
    let (keys, null) = (encoded.keys(), values.len());
    let table: Vec<bool> = selected.iter().collect();
    Ok(match keys.nulls() {
        None => {
            let keys = keys.values();
            BooleanBuffer::collect_bool(keys.len(), |row| table[keys[row] as usize])
        }
        Some(nulls) => {
            let keys = keys.values();
            BooleanBuffer::collect_bool(keys.len(), |row| {
                table[if nulls.is_null(row) { null } else { keys[row] as usize }]
            })
        }
    })
}

impl Expression {
    /// The rows for which it is true, given its columns.
    pub fn judge(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanBuffer, Unevaluated> {
        let columns = columns.iter().zip(self.schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(column.clone())
            } else {
                arrow_cast::cast(column, field.data_type()).map_err(Unevaluated::internal)
            }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = arrow_array::RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(Unevaluated::internal)?;
        let failed = |error: datafusion::error::DataFusionError| {
            Unevaluated::new(
                "where_failed",
                format!("The where clause cannot be evaluated: {}", super::session::failure(&error, &self.redaction)),
            )
        };
        let judged = self.physical.evaluate(&batch).and_then(|value| value.into_array(rows)).map_err(failed)?;
        let Some(judged) = judged.as_boolean_opt() else {
            // A predicate of the type NULL selects nothing.
            return Ok(BooleanBuffer::new_unset(rows));
        };
        Ok(match judged.nulls() {
            None => judged.values().clone(),
            Some(nulls) => judged.values() & nulls.inner(),
        })
    }
}
