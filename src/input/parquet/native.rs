//! Rows as a Parquet file has them: all columns, in the Arrow types the file was written from.

use super::{ParquetTable, unreadable};
use crate::error::{Error, escape_controls, shown};
use crate::input::guard::guarded;
use crate::input::rows_only;
use crate::input::table::Batches;
use crate::input::whole::{FileOrigin, nested_int96};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type as PhysicalType};
use std::path::Path;

/// What the file is, for writing rows back.
pub(super) fn origin(table: &ParquetTable) -> FileOrigin {
    let metadata = table.metadata.metadata();
    let first = metadata.row_groups().first().and_then(|group| group.columns().first());
    FileOrigin::Parquet {
        // Timestamps of the type INT96 are microseconds here: no other type holds all of them.
        schema: table.schema.clone(),
        descriptor: metadata.file_metadata().schema_descr_ptr(),
        metadata: metadata.file_metadata().key_value_metadata().cloned().unwrap_or_default(),
        compression: first.map_or(Compression::SNAPPY, |column| column.compression()),
    }
}

/// The batches of a row group with all columns.
pub(super) fn batches(table: &ParquetTable, part: usize, batch_rows: usize) -> Result<Batches<'_>, Error> {
    let path = table.path.as_path();
    if let Some(column) = nested_int96(table.metadata.parquet_schema()) {
        return Err(Error::Option(format!(
            "column `{}` of {} has timestamps of the old type INT96 in lists or structs, which are not written back: \
             convert the file to TIMESTAMP first",
            escape_controls(column),
            shown(path)
        )));
    }
    let rows = usize::try_from(table.metadata.metadata().row_group(part).num_rows()).unwrap_or(0);
    if table.schema.fields().is_empty() {
        return rows_only(rows);
    }
    let old = int96_columns(table);
    let all: Vec<usize> = (0..table.schema.fields().len()).collect();
    if old.is_empty() {
        let reader = guarded(path, || reader(table, part, &all, batch_rows, table.metadata.clone()))?;
        return Ok(table.batches(part, reader, rows));
    }
    let with = |options: ArrowReaderOptions| {
        ArrowReaderMetadata::try_new(table.metadata.metadata().clone(), options)
            .map_err(|error| unreadable(path, &error))
    };
    let (natives, nanoseconds) = guarded(path, || {
        let micros = with(ArrowReaderOptions::new().with_schema(table.schema.clone()))?;
        let nanos = with(ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
        Ok((reader(table, part, &all, batch_rows, micros)?, reader(table, part, &old, batch_rows, nanos)?))
    })?;
    let mut nanoseconds = table.batches(part, nanoseconds, rows);
    let natives = table.batches(part, natives, rows);
    Ok(Box::new(natives.map(move |batch| {
        let batch = batch?;
        if let Some(exact) = nanoseconds.next().transpose()? {
            must_be_exact(path, &batch, &old, &exact)?;
        }
        Ok(batch)
    })))
}

fn reader(
    table: &ParquetTable,
    part: usize,
    columns: &[usize],
    batch_rows: usize,
    metadata: ArrowReaderMetadata,
) -> Result<ParquetRecordBatchReader, Error> {
    let mask = ProjectionMask::roots(table.metadata.parquet_schema(), columns.iter().copied());
    let source = table.source.with_columns(table.metadata.metadata().row_group(part), &mask);
    let source = source.map_err(|source| Error::Read { path: table.path.clone(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata);
    let reader = builder.with_row_groups(vec![part]).with_projection(mask).with_batch_size(batch_rows).build();
    reader.map_err(|error| unreadable(&table.path, &error))
}

/// Columns of the type INT96.
fn int96_columns(table: &ParquetTable) -> Vec<usize> {
    let columns = table.metadata.parquet_schema().columns();
    let is_old = |leaf: &Option<usize>| {
        leaf.and_then(|leaf| columns.get(leaf)).is_some_and(|column| column.physical_type() == PhysicalType::INT96)
    };
    table.leaves.iter().enumerate().filter(|(_, leaf)| is_old(leaf)).map(|(column, _)| column).collect()
}

/// Refuses timestamps that lose digits. Nanoseconds may have wrapped around, and do so alike on both sides: what
/// is left out shows all the same.
fn must_be_exact(path: &Path, batch: &RecordBatch, old: &[usize], exact: &RecordBatch) -> Result<(), Error> {
    for (column, exact) in old.iter().zip(exact.columns()) {
        let Some(exact) = exact.as_primitive_opt::<TimestampNanosecondType>() else { continue };
        let Some((values, factor)) = whole_units(batch.column(*column)) else { continue };
        let same = |row: usize| exact.is_null(row) || values.value(row).wrapping_mul(factor) == exact.value(row);
        if !(0..exact.len().min(values.len())).all(same) {
            return Err(Error::Option(format!(
                "column `{}` of {} has timestamps of the old type INT96 with parts of a microsecond, which no type of \
                 Parquet today holds for all years: convert the file to TIMESTAMP first",
                escape_controls(batch.schema().field(*column).name()),
                shown(path)
            )));
        }
    }
    Ok(())
}

/// Timestamps as numbers, and how many nanoseconds one is.
fn whole_units(array: &ArrayRef) -> Option<(PrimitiveArray<Int64Type>, i64)> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    Some(match unit {
        TimeUnit::Second => (array.as_primitive_opt::<TimestampSecondType>()?.reinterpret_cast(), 1_000_000_000),
        TimeUnit::Millisecond => (array.as_primitive_opt::<TimestampMillisecondType>()?.reinterpret_cast(), 1_000_000),
        TimeUnit::Microsecond => (array.as_primitive_opt::<TimestampMicrosecondType>()?.reinterpret_cast(), 1_000),
        TimeUnit::Nanosecond => (array.as_primitive_opt::<TimestampNanosecondType>()?.reinterpret_cast(), 1),
    })
}
