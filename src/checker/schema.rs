//! Batches in the columns that a checker was made for.

use crate::error::{Error, escape_controls};
use crate::input::{Columns, logical};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::collections::HashSet;
use std::sync::Arc;

/// The columns that rules see: dictionary encoding and the layout of text resolved, every column nullable. Names must
/// differ.
pub fn resolved(schema: &Schema) -> Result<SchemaRef, Error> {
    let mut names = HashSet::new();
    for field in schema.fields() {
        if !names.insert(field.name()) {
            let name = escape_controls(field.name());
            return Err(Error::Option(format!("the schema has two columns `{name}`: rules could not tell them apart")));
        }
    }
    let fields = schema.fields().iter();
    let fields: Vec<_> =
        fields.map(|field| Field::new(field.name(), logical(field.data_type()).clone(), true)).collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns of a batch as kernels take them. Only dictionaries that kernels do not know are unpacked: nothing
/// else is copied.
pub fn conformed(batch: &RecordBatch, schema: &Schema) -> Result<Columns, Error> {
    let found = batch.schema_ref();
    if found.fields().len() != schema.fields().len() {
        let (found, wanted) = (found.fields().len(), schema.fields().len());
        return Err(Error::Option(format!("a batch has {found} columns, but the check was made for {wanted}")));
    }
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for ((array, own), wanted) in batch.columns().iter().zip(found.fields()).zip(schema.fields()) {
        let (name, wanted_name) = (escape_controls(own.name()), escape_controls(wanted.name()));
        if own.name() != wanted.name() {
            return Err(Error::Option(format!(
                "a batch has column `{name}` where the check was made for `{wanted_name}`: select the columns in order"
            )));
        }
        if logical(array.data_type()) != wanted.data_type() {
            let shown = |data_type: &DataType| escape_controls(&data_type.to_string());
            let (found, wanted) = (shown(array.data_type()), shown(wanted.data_type()));
            return Err(Error::Option(format!(
                "column `{name}` of a batch is {found}, but the check was made for {wanted}: cast it"
            )));
        }
        arrays.push(known(array).map_err(|error| Error::Option(format!("column `{name}`: {error}")))?);
    }
    Ok(Columns { arrays, rows: batch.num_rows() })
}

/// An array in an encoding that kernels know: dictionaries of text with keys of 32 bits and no NULL among values.
fn known(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Dictionary(_, own) = array.data_type() else { return Ok(array.clone()) };
    let kept = **own == DataType::Utf8
        && array.as_dictionary_opt::<Int32Type>().is_some_and(|encoded| encoded.values().null_count() == 0);
    if kept { Ok(array.clone()) } else { arrow_cast::cast(array, logical(own)) }
}
