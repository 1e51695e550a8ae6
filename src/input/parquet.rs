//! Parquet: a partition per row group, only the columns asked for, dictionaries kept.

use super::guard::guarded;
use super::{Batches, Format, ReadOptions, Table};
use crate::error::Error;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    extensions: &["parquet", "parq", "pq"],
    recognises: |head| head.starts_with(b"PAR1"),
    open: |path, options| Ok(Box::new(ParquetTable::open(path, options)?)),
};

struct ParquetTable {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
}

impl ParquetTable {
    fn open(path: &Path, _: &ReadOptions) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        let length = file.metadata().map_err(|source| Error::Read { path: path.to_path_buf(), source })?.len();
        if length < 12 {
            return Err(Error::Format {
                path: path.to_path_buf(),
                message: format!("has {length} bytes; a Parquet file has at least 12: empty, or still being written?"),
            });
        }
        let load =
            || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| unreadable(path, &error));
        let metadata = guarded(path, load)?;
        let schema = in_micros(&metadata);
        let groups: i64 = metadata.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).sum();
        if groups != metadata.metadata().file_metadata().num_rows()
            || metadata.metadata().row_groups().iter().any(|group| group.num_rows() < 0)
        {
            let message = format!(
                "is damaged: its row groups have {groups} rows, its footer says {}",
                metadata.metadata().file_metadata().num_rows()
            );
            return Err(Error::Format { path: path.to_path_buf(), message });
        }
        let mut names = std::collections::HashSet::new();
        if let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) {
            return Err(Error::Format {
                path: path.to_path_buf(),
                message: format!("has two columns named `{}`", crate::error::escape_controls(twice.name())),
            });
        }
        Ok(Self { path: path.to_path_buf(), metadata, schema })
    }

    fn reader(
        &self,
        file: File,
        partition: usize,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let options =
            ArrowReaderOptions::new().with_schema(self.reading_schema(self.metadata.metadata().row_group(partition)));
        // A schema the reader refuses costs only the encoding.
        let metadata = ArrowReaderMetadata::try_new(self.metadata.metadata().clone(), options)
            .unwrap_or_else(|_| self.metadata.clone());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let reader = builder.with_row_groups(vec![partition]).with_projection(mask).with_batch_size(batch_rows).build();
        reader.map_err(|error| unreadable(&self.path, &error))
    }

    /// The schema that one row group is read with. Text whose pages are all dictionary-encoded
    /// stays so: its distinct values are judged once. Mixed columns are twice as fast as plain text.
    fn reading_schema(&self, group: &RowGroupMetaData) -> SchemaRef {
        let mut leaf = 0;
        let fields = self.schema.fields().iter().map(|field| {
            let column = group.columns().get(leaf);
            leaf += leaves(field.data_type());
            let data_type = match field.data_type() {
                text if is_text(text)
                    && column.is_some_and(|column| {
                        column.page_encoding_stats_mask().is_some_and(|mask| {
                            mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
                        })
                    }) =>
                {
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
                }
                text if is_text(text) => DataType::Utf8View,
                DataType::Dictionary(_, values) => (**values).clone(),
                other => other.clone(),
            };
            Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone())
        });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), self.schema.metadata().clone()))
    }
}

/// The schema with INT96 timestamps in microseconds: in nanoseconds, dates beyond 2262 wrap around.
fn in_micros(metadata: &ArrowReaderMetadata) -> SchemaRef {
    let columns = metadata.parquet_schema().columns();
    let mut leaf = 0;
    let fields = metadata.schema().fields().iter().map(|field| {
        let column = columns.get(leaf);
        leaf += leaves(field.data_type());
        match field.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, zone)
                if column.is_some_and(|column| column.physical_type() == PhysicalType::INT96) =>
            {
                field.as_ref().clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            _ => field.as_ref().clone(),
        }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata.schema().metadata().clone()))
}

/// Primitive columns below a field, in the order Parquet stores them.
fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => leaves(field.data_type()),
        DataType::Dictionary(_, values) => leaves(values),
        _ => 1,
    }
}

fn unreadable(path: &Path, error: &parquet::errors::ParquetError) -> Error {
    let text = crate::error::escape_controls(&error.to_string());
    let text = text.trim_start_matches("Parquet error: ").trim_start_matches("EOF: ");
    let lower = text.to_lowercase();
    let message = if lower.contains("corrupt footer") || lower.contains("invalid parquet file") {
        format!("is no complete Parquet file, its end is missing: cut off, or still being written? ({text})")
    } else {
        format!("cannot be read as Parquet: {text}")
    };
    Error::Format { path: path.to_path_buf(), message }
}

impl Table for ParquetTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn partitions(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    fn read(&self, partition: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let rows = usize::try_from(self.metadata.metadata().row_group(partition).num_rows()).unwrap_or(0);
        if columns.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
            return Ok(Box::new(std::iter::once(batch.map_err(|error| Error::Internal(error.to_string())))));
        }
        // A handle of its own: duplicated handles share one position, which threads would race for.
        let file = File::open(&self.path).map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let mut reader = guarded(&self.path, || self.reader(file, partition, columns, batch_rows))?;
        let mut damaged = false;
        let mut seen = 0;
        let next = move || {
            if damaged {
                return None;
            }
            let batch = guarded(&self.path, || {
                reader.next().transpose().map_err(|error| unreadable(&self.path, &error.into()))
            });
            let batch = batch.and_then(|batch| {
                seen += batch.as_ref().map_or(0, RecordBatch::num_rows);
                if batch.is_some() || seen == rows {
                    return Ok(batch);
                }
                let message = format!("is damaged: row group {partition} has {seen} rows, the footer says {rows}");
                Err(Error::Format { path: self.path.clone(), message })
            });
            damaged = !matches!(batch, Ok(Some(_)));
            batch.transpose()
        };
        Ok(Box::new(std::iter::from_fn(next)))
    }

    fn rows(&self) -> Option<u64> {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).ok()
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}
