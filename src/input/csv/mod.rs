//! CSV: records by RFC 4180 with a chosen delimiter and quote; types inferred.
//!
//! Types are inferred from a sample of rows. When a later value does not fit, reading
//! stops with [`Error::Widen`], and the caller reads again with the wider type: the
//! result is as if all rows had been the sample. Types that the user named never widen;
//! a value that does not fit them is an error with its line.

mod columns;
mod infer;
mod records;

use super::{Batches, Format, ReadOptions, Table};
use crate::error::Error;
use crate::text_cast::TEXT_BECAUSE;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use columns::ColumnBuilder;
use records::Records;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv", "tsv", "txt"],
    recognises: |_| false,
    open: |path, options| Ok(Box::new(CsvTable::open(path, options)?)),
};

/// How CSV files are written.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// Whether the first record names the columns; without, they are `_c0`, `_c1`, ...
    pub header: bool,
    /// Between fields; found out from the first line when not given.
    pub delimiter: Option<u8>,
    /// Around fields that hold delimiters, quotes or line ends.
    pub quote: u8,
    /// Unquoted spellings of NULL, besides the empty field.
    pub nulls: Vec<String>,
    /// Whether an empty unquoted field in a text column is the empty string, as when Glue reads a dynamic frame.
    pub blank_is_text: bool,
    /// Rows that types are inferred from.
    pub sample_rows: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: None,
            quote: b'"',
            nulls: Vec::new(),
            blank_is_text: false,
            sample_rows: 10_000,
        }
    }
}

struct CsvTable {
    path: PathBuf,
    options: CsvOptions,
    delimiter: u8,
    schema: SchemaRef,
    /// Per column, how its type was found.
    origins: Vec<Origin>,
}

/// How the type of a column was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The user named it.
    Named,
    /// From the values of the sample.
    Inferred,
    /// The sample has no values: text, until one is found.
    Unseen,
}

impl CsvTable {
    fn open(path: &Path, options: &ReadOptions) -> Result<Self, Error> {
        let csv = options.csv.clone();
        let delimiter = match csv.delimiter {
            Some(delimiter) => delimiter,
            None => records::sniff_delimiter(path, csv.quote)?,
        };
        if delimiter == csv.quote {
            return Err(Error::Option("the delimiter and the quote of a CSV file cannot be the same character".into()));
        }
        let mut records = Records::open(path, delimiter, csv.quote)?;
        if !records.next_record()? {
            return Err(Error::Format {
                path: path.to_path_buf(),
                message: "is empty: a CSV file has at least a header line".into(),
            });
        }
        if (0..records.len()).any(|position| records.field(position).contains(&0)) {
            let message = "holds NUL bytes: is it in UTF-16? Convert it to UTF-8".to_string();
            return Err(Error::Format { path: path.to_path_buf(), message });
        }
        let names: Vec<String> = if csv.header {
            let names: Result<Vec<_>, _> =
                (0..records.len()).map(|position| records.text(position).map(str::to_string)).collect();
            names?
        } else {
            (0..records.len()).map(|position| format!("_c{position}")).collect()
        };
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::Format {
                path: path.to_path_buf(),
                message: format!("has two columns named `{}`", crate::error::escape_controls(twice)),
            });
        }
        let mut inferred = vec![infer::Inference::default(); names.len()];
        let mut rows = 0;
        let mut more = if csv.header { records.next_record()? } else { true };
        while more && rows < csv.sample_rows {
            records.expect_fields(names.len())?;
            for (position, inference) in inferred.iter_mut().enumerate() {
                if !records.is_null(position, &csv.nulls) {
                    inference.see(records.field(position), records.line());
                }
            }
            rows += 1;
            more = records.next_record()?;
        }
        let mut origins = Vec::with_capacity(names.len());
        let mut fields = Vec::with_capacity(names.len());
        for (name, inference) in names.iter().zip(inferred) {
            let (data_type, origin) = match (options.column_types.get(name), options.inferred_types.get(name)) {
                (Some(named), _) => (named.clone(), Origin::Named),
                (None, Some(wider)) => (wider.clone(), Origin::Inferred),
                (None, None) if inference.is_empty() => (inference.data_type(), Origin::Unseen),
                (None, None) => (inference.data_type(), Origin::Inferred),
            };
            let because = inference.because().filter(|_| data_type == DataType::Utf8 && origin == Origin::Inferred);
            let metadata = because.map(|because| (TEXT_BECAUSE.to_string(), because.to_string())).into_iter().collect();
            fields.push(Field::new(name, data_type, true).with_metadata(metadata));
            origins.push(origin);
        }
        Ok(Self { path: path.to_path_buf(), options: csv, delimiter, schema: Arc::new(Schema::new(fields)), origins })
    }
}

impl Table for CsvTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn partitions(&self) -> usize {
        1
    }

    fn read(&self, _: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let mut records = Records::open(&self.path, self.delimiter, self.options.quote)?;
        if self.options.header {
            records.next_record()?;
        }
        let schema = Arc::new(self.schema.project(columns).map_err(|error| Error::Internal(error.to_string()))?);
        let reader = CsvReader { table: self, records, columns: columns.to_vec(), schema, batch_rows, done: false };
        Ok(Box::new(reader))
    }

    fn infers_types(&self) -> bool {
        self.origins.iter().any(|origin| *origin != Origin::Named)
    }

    fn unified(&self, column: usize, other: &DataType) -> Option<DataType> {
        match self.origins.get(column)? {
            Origin::Named => None,
            Origin::Unseen => Some(other.clone()),
            Origin::Inferred => Some(
                infer::Inference::of(other)
                    .and(&infer::Inference::of(self.schema.field(column).data_type()))
                    .data_type(),
            ),
        }
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

struct CsvReader<'a> {
    table: &'a CsvTable,
    records: Records,
    columns: Vec<usize>,
    schema: SchemaRef,
    batch_rows: usize,
    done: bool,
}

impl CsvReader<'_> {
    fn batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let mut builders: Vec<_> =
            self.schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type(), self.batch_rows)).collect();
        let mut rows = 0;
        while rows < self.batch_rows && self.records.next_record()? {
            self.records.expect_fields(self.table.schema.fields().len())?;
            for (builder, position) in builders.iter_mut().zip(&self.columns) {
                let null = self.records.is_null(*position, &self.table.options.nulls);
                if null
                    && self.table.options.blank_is_text
                    && builder.is_text()
                    && self.records.field(*position).is_empty()
                {
                    builder.append_empty();
                } else if null {
                    builder.append_null();
                } else if self.table.origins[*position] == Origin::Unseen {
                    return Err(self.misfit(*position));
                } else if builder.is_text() {
                    builder.append_text(self.records.text(*position)?);
                } else if self.contradicts(*position) || !builder.append(self.records.field(*position)) {
                    return Err(self.misfit(*position));
                }
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map(Some)
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Whether a value can be read as the inferred type but shows that it is another: a code such as
    /// 007 among numbers, a timestamp with a zone among those without.
    fn contradicts(&self, position: usize) -> bool {
        let value = self.records.field(position);
        self.table.origins[position] == Origin::Inferred
            && match self.table.schema.field(position).data_type() {
                DataType::Timestamp(_, zone) => {
                    columns::timestamp(value).is_none_or(|(_, zoned)| zoned != zone.is_some())
                }
                other => other.is_numeric() && infer::has_leading_zero(value),
            }
    }

    /// A value that the column's type cannot hold.
    fn misfit(&self, position: usize) -> Error {
        let field = self.table.schema.field(position);
        let value = self.records.field(position);
        let shown = infer::shown(value);
        if self.table.origins[position] == Origin::Named {
            let name = crate::error::escape_controls(field.name());
            return self
                .records
                .error(format!("column `{name}`: \"{shown}\" is no {}", infer::type_name(field.data_type())));
        }
        let mut inference = match self.table.origins[position] {
            Origin::Unseen => infer::Inference::default(),
            _ => infer::Inference::of(field.data_type()),
        };
        inference.see(value, self.records.line());
        Error::Widen {
            column: field.name().clone(),
            data_type: Box::new(inference.data_type()),
            reason: format!("\"{shown}\" in line {}", self.records.line()),
        }
    }
}

impl Iterator for CsvReader<'_> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.batch();
        self.done = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }
}
