//! Columns on their way to a writer.

use crate::error::escape_controls;
use crate::input::{Whole, WholeRows};
use crate::text_cast::TEXT_BECAUSE;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::filter::FilterBuilder;
use std::io;
use std::sync::Arc;

/// Whether there are dictionaries in a type.
pub(super) fn has_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(..))
        || children(data_type).iter().any(|field| has_dictionary(field.data_type()))
}

/// The fields within a type.
fn children(data_type: &DataType) -> Vec<&Arc<Field>> {
    match data_type {
        DataType::Struct(fields) => fields.iter().collect(),
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field).collect(),
        DataType::RunEndEncoded(_, field)
        | DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => vec![field],
        _ => Vec::new(),
    }
}

/// Whether values of this type are only known to be there.
pub(super) fn is_placeholder(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Struct(fields) if fields.is_empty())
        || children(data_type).iter().any(|field| is_placeholder(field.data_type()))
}

/// The columns without what was noted on how their types were found.
pub(super) fn without_notes(columns: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let mut metadata = field.metadata().clone();
        metadata.remove(TEXT_BECAUSE);
        field.as_ref().clone().with_metadata(metadata)
    };
    Arc::new(Schema::new(columns.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The kept rows in the types of a schema. Fields may hold NULL, whatever the schema says: that is for the
/// format to know.
pub(super) fn kept(
    rows: &WholeRows,
    keep: &BooleanBuffer,
    schema: &Schema,
    whole: bool,
) -> Result<RecordBatch, ArrowError> {
    let arrays = match &rows.whole {
        Some(Whole::Native(batch)) if whole => batch.columns(),
        _ => rows.columns.arrays.as_slice(),
    };
    if arrays.len() != schema.fields().len() {
        return Err(ArrowError::SchemaError(format!(
            "{} columns where {} are expected",
            arrays.len(),
            schema.fields().len()
        )));
    }
    let count = keep.count_set_bits();
    let filter = (count < keep.len()).then(|| FilterBuilder::new(&BooleanArray::new(keep.clone(), None)).optimize());
    let filter = filter.map(FilterBuilder::build);
    let strict = arrow_cast::CastOptions { safe: false, ..arrow_cast::CastOptions::default() };
    let column = |(array, field): (&ArrayRef, &Arc<Field>)| {
        let array = match &filter {
            Some(filter) => filter.filter(array)?,
            None => array.clone(),
        };
        match array.data_type().equals_datatype(field.data_type()) {
            true => Ok(array),
            false => arrow_cast::cast_with_options(&array, field.data_type(), &strict),
        }
    };
    let columns = arrays.iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    batch_of(schema.fields().iter().map(|field| field.name().as_str()), columns, count)
}

/// A batch of columns in the types they have.
pub(super) fn batch_of<'a>(
    names: impl Iterator<Item = &'a str>,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let fields = names.zip(&columns).map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new_with_options(schema, columns, &RecordBatchOptions::new().with_row_count(Some(rows)))
}

/// What Arrow says of writing; trouble of the machine stays what it is.
pub(super) fn from_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, source) => source,
        other => io::Error::other(escape_controls(&other.to_string())),
    }
}
