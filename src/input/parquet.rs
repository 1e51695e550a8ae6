//! Parquet: a part per row group, only the columns asked for, dictionaries kept.

mod facts;
mod native;
mod pages;
mod ranges;

use super::guard::guarded;
use super::source::Input;
use super::table::{Batches, ColumnFacts, PageFacts, Parts, Table};
use super::whole::FileOrigin;
use super::{Format, ReadOptions, is_text, refuse_twins};
use crate::error::Error;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use ranges::RangeReader;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    extensions: &["parquet", "parq", "pq"],
    recognises: |head| head.starts_with(b"PAR1"),
    certain: true,
    open: |input, options| Ok(Box::new(ParquetTable::open(input, options)?)),
};

struct ParquetTable {
    path: PathBuf,
    source: RangeReader,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
    /// For each column, the place of its only primitive column among all of the file.
    leaves: Vec<Option<usize>>,
    /// Metadata to read row groups with, by which columns keep their dictionaries: made once, not
    /// for every row group.
    reading: Mutex<HashMap<Vec<bool>, ArrowReaderMetadata>>,
}

impl ParquetTable {
    fn open(input: &Input, _: &ReadOptions) -> Result<Self, Error> {
        let path = input.path.as_path();
        let bytes = input.random_access()?;
        let length = bytes.length();
        if length < 12 {
            return Err(Error::Format {
                path: path.to_path_buf(),
                message: format!("has {length} bytes; a Parquet file has at least 12: empty, or still being written?"),
            });
        }
        let source = RangeReader::new(bytes).with_tail().map_err(|error| input.trouble(error))?;
        let load =
            || ArrowReaderMetadata::load(&source, ArrowReaderOptions::new()).map_err(|error| unreadable(path, &error));
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
        refuse_twins(path, schema.fields().iter().map(|field| field.name().as_str()))?;
        let mut leaf = 0;
        let place = |field: &Arc<Field>| {
            let own = leaf;
            leaf += leaves(field.data_type());
            (!field.data_type().is_nested()).then_some(own)
        };
        let leaves = schema.fields().iter().map(place).collect();
        Ok(Self {
            path: path.to_path_buf(),
            source: source.without_cache(),
            metadata,
            schema,
            leaves,
            reading: Mutex::default(),
        })
    }

    fn reader(&self, part: usize, columns: &[usize], batch_rows: usize) -> Result<ParquetRecordBatchReader, Error> {
        let metadata = self.reading_metadata(self.metadata.metadata().row_group(part));
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        let source = self.source.with_columns(self.metadata.metadata().row_group(part), &mask);
        let source = source.map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata);
        let reader = builder.with_row_groups(vec![part]).with_projection(mask).with_batch_size(batch_rows).build();
        reader.map_err(|error| unreadable(&self.path, &error))
    }

    /// Text whose pages are all dictionary-encoded stays so: its distinct values are judged once.
    /// Mixed columns are twice as fast as plain text.
    fn reading_metadata(&self, group: &RowGroupMetaData) -> ArrowReaderMetadata {
        let dictionary = |(field, leaf): (&Arc<Field>, &Option<usize>)| {
            let column = leaf.and_then(|leaf| group.columns().get(leaf));
            is_text(field.data_type())
                && column.and_then(|column| column.page_encoding_stats_mask()).is_some_and(|mask| {
                    mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
                })
        };
        let dictionaries: Vec<bool> = self.schema.fields().iter().zip(&self.leaves).map(dictionary).collect();
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = reading.get(&dictionaries) {
            return metadata.clone();
        }
        let options = ArrowReaderOptions::new().with_schema(self.reading_schema(&dictionaries));
        // A schema the reader refuses costs only the encoding.
        let metadata = ArrowReaderMetadata::try_new(self.metadata.metadata().clone(), options)
            .unwrap_or_else(|_| self.metadata.clone());
        if reading.len() < 64 {
            reading.insert(dictionaries, metadata.clone());
        }
        metadata
    }

    /// The schema that row groups are read with.
    fn reading_schema(&self, dictionaries: &[bool]) -> SchemaRef {
        let fields = self.schema.fields().iter().zip(dictionaries);
        let fields: Vec<_> = fields.map(|(field, dictionary)| reading_field(field, *dictionary)).collect();
        Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()))
    }

    /// Batches of a reader over so many rows of a row group.
    fn batches(&self, part: usize, mut reader: ParquetRecordBatchReader, rows: usize) -> Batches<'_> {
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
                let message = format!("is damaged: row group {part} gives {seen} rows where its metadata says {rows}");
                Err(Error::Format { path: self.path.clone(), message })
            });
            damaged = !matches!(batch, Ok(Some(_)));
            batch.transpose()
        };
        Box::new(std::iter::from_fn(next))
    }
}

/// A field as row groups are read: text with or without its dictionary, all else unpacked.
fn reading_field(field: &Field, dictionary: bool) -> Field {
    let data_type = match field.data_type() {
        _ if dictionary => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        text if is_text(text) => DataType::Utf8View,
        DataType::Dictionary(_, values) => (**values).clone(),
        other => other.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone())
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

    fn parts(&self) -> Parts {
        Parts::Placed(self.metadata.metadata().num_row_groups())
    }

    fn part_rows(&self, part: usize) -> Option<u64> {
        u64::try_from(self.metadata.metadata().row_groups().get(part)?.num_rows()).ok()
    }

    fn facts(&self, part: usize, column: usize) -> Option<ColumnFacts> {
        let leaf = (*self.leaves.get(column)?)?;
        facts::of(&self.metadata, &self.schema, part, column, leaf)
    }

    fn column_bytes(&self, part: usize, column: usize) -> Option<u64> {
        // Far away, columns are fetched together: one round trip instead of many.
        if self.source.is_remote() {
            return None;
        }
        let leaf = (*self.leaves.get(column)?)?;
        let bytes = self.metadata.metadata().row_groups().get(part)?.columns().get(leaf)?.compressed_size();
        u64::try_from(bytes).ok()
    }

    fn read(&self, part: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let rows = usize::try_from(self.metadata.metadata().row_group(part).num_rows()).unwrap_or(0);
        if columns.is_empty() {
            return super::rows_only(rows);
        }
        let reader = guarded(&self.path, || self.reader(part, columns, batch_rows))?;
        Ok(self.batches(part, reader, rows))
    }

    fn read_native(&self, part: usize, batch_rows: usize) -> Result<Batches<'_>, Error> {
        native::batches(self, part, batch_rows)
    }

    fn origin(&self) -> FileOrigin {
        native::origin(self)
    }

    fn pages(&self, part: usize, column: usize) -> Option<Vec<PageFacts>> {
        let leaf = (*self.leaves.get(column)?)?;
        // Far away, two indexes are two more round trips for a column that costs one.
        if self.source.is_remote() {
            return None;
        }
        // Damage is an error only where data is read.
        guarded(&self.path, || Ok(pages::of(self, part, column, leaf))).ok().flatten()
    }

    fn read_rows(
        &self,
        part: usize,
        column: usize,
        rows: &[Range<u64>],
        batch_rows: usize,
    ) -> Result<Batches<'_>, Error> {
        let wanted: u64 = rows.iter().map(|rows| rows.end - rows.start).sum();
        let reader = guarded(&self.path, || pages::reader(self, part, column, rows, batch_rows))?;
        Ok(self.batches(part, reader, usize::try_from(wanted).unwrap_or(usize::MAX)))
    }

    fn rows(&self) -> Option<u64> {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).ok()
    }
}
