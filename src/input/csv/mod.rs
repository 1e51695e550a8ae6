//! CSV: records by RFC 4180 with a chosen delimiter and quote; types inferred.
//!
//! Types are inferred from a sample of rows. When a later value does not fit, reading
//! stops with [`Error::Widen`], and the caller reads again with the wider type: the
//! result is as if all rows had been the sample. Types that the user named never widen;
//! a value that does not fit them is an error with its line.

mod decode;
mod index;
pub(super) mod infer;
mod records;
pub mod rows;

use super::source::Input;
use super::table::{Chunk, Chunks, Parts, Table};
use super::whole::FileOrigin;
use super::{Format, ReadOptions, refuse_twins};
use crate::error::Error;
use crate::input::columns::{self, ColumnBuilder, Origin};
use crate::input::cutter::Cutter;
use crate::redaction::Redaction;
use crate::text_cast::TEXT_BECAUSE;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use decode::ChunkDecoder;
pub use records::Records;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv", "tsv", "txt"],
    recognises: |_| false,
    certain: false,
    open: |input, options| Ok(Box::new(CsvTable::open(input, options)?)),
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
    input: Input,
    path: PathBuf,
    options: CsvOptions,
    delimiter: u8,
    /// The bytes before the first record, if these name the columns.
    header: Option<Vec<u8>>,
    schema: SchemaRef,
    /// Per column, how its type was found.
    origins: Vec<Origin>,
    redaction: Redaction,
}

impl CsvTable {
    fn open(input: &Input, options: &ReadOptions) -> Result<Self, Error> {
        let csv = options.csv.clone();
        let path = input.path.as_path();
        let delimiter = match csv.delimiter {
            Some(delimiter) => delimiter,
            None => records::sniff_delimiter(&input.head(64 << 10)?, csv.quote),
        };
        if delimiter == csv.quote {
            return Err(Error::Option("the delimiter and the quote of a CSV file cannot be the same character".into()));
        }
        let mut cutter = cutter(input, delimiter, csv.quote)?;
        let mut chunk = cutter.next()?.unwrap_or_default();
        let mut records = Records::new(path, &chunk, delimiter, csv.quote);
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
        refuse_twins(path, names.iter().map(String::as_str))?;
        let header = csv.header.then(|| {
            let mark: &[u8] = if cutter.has_mark() { b"\xef\xbb\xbf" } else { b"" };
            [mark, &chunk.bytes()[..records.place().0]].concat()
        });
        let mut inferred = vec![infer::Inference::default(); names.len()];
        let mut rows = 0;
        let mut place = if csv.header { records.place() } else { (0, chunk.line) };
        'sample: loop {
            let mut records = Records::at(path, chunk.bytes(), place, delimiter, csv.quote);
            while rows < csv.sample_rows {
                if !records.next_record()? {
                    match cutter.next()? {
                        Some(next) => chunk = next,
                        None => break 'sample,
                    }
                    place = (0, chunk.line);
                    continue 'sample;
                }
                records.expect_fields(names.len())?;
                for (position, inference) in inferred.iter_mut().enumerate() {
                    if !records.is_null(position, &csv.nulls) {
                        inference.see(records.field(position), records.line());
                    }
                }
                rows += 1;
            }
            break;
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
            let because = inference
                .because(&options.redaction)
                .filter(|_| data_type == DataType::Utf8 && origin == Origin::Inferred);
            let metadata = because.map(|because| (TEXT_BECAUSE.to_string(), because)).into_iter().collect();
            fields.push(Field::new(name, data_type, true).with_metadata(metadata));
            origins.push(origin);
        }
        Ok(Self {
            input: input.clone(),
            path: path.to_path_buf(),
            options: csv,
            delimiter,
            header,
            schema: Arc::new(Schema::new(fields)),
            origins,
            redaction: options.redaction,
        })
    }

    /// Appends a value that was read in the general way.
    fn append(
        &self,
        builder: &mut ColumnBuilder,
        column: usize,
        value: &[u8],
        null: bool,
        line: impl Fn() -> u64,
    ) -> Result<(), Error> {
        if null && self.options.blank_is_text && builder.is_text() && value.is_empty() {
            builder.append_empty();
        } else if null {
            builder.append_null();
        } else if self.origins[column] == Origin::Unseen {
            return Err(decode::widened(self, column, value, line()));
        } else if builder.is_text() {
            let Ok(text) = std::str::from_utf8(value) else {
                let message = format!("field {}: the text is not UTF-8", column + 1);
                return Err(Error::Line { path: self.path.clone(), line: line(), message });
            };
            builder.append_text(text);
        } else if self.contradicts(column, value) || !builder.append(value) {
            return Err(decode::widened(self, column, value, line()));
        }
        Ok(())
    }

    /// Whether a value can be read as the inferred type but shows that it is another: a code such as
    /// 007 among numbers, a timestamp with a zone among those without.
    fn contradicts(&self, column: usize, value: &[u8]) -> bool {
        self.origins[column] == Origin::Inferred
            && match self.schema.field(column).data_type() {
                DataType::Timestamp(_, zone) => {
                    columns::timestamp(value).is_none_or(|(_, zoned)| zoned != zone.is_some())
                }
                other => other.is_numeric() && columns::has_leading_zero(value),
            }
    }
}

fn cutter(input: &Input, delimiter: u8, quote: u8) -> Result<Cutter, Error> {
    Cutter::new(input, Box::new(move |bytes| records::last_end(bytes, delimiter, quote)))
}

/// Chunks of a file; the first one has the header.
struct CsvChunks<'a> {
    table: &'a CsvTable,
    cutter: Cutter,
    columns: Vec<usize>,
    schema: SchemaRef,
    batch_rows: usize,
    header: bool,
    whole: bool,
}

impl<'a> CsvChunks<'a> {
    fn cut(&mut self) -> Result<Option<Chunk<'a>>, Error> {
        let Some(mut chunk) = self.cutter.next()? else { return Ok(None) };
        let bytes = chunk.bytes().len() as u64;
        if std::mem::take(&mut self.header) {
            let table = self.table;
            let mut records = Records::new(&table.path, &chunk, table.delimiter, table.options.quote);
            records.next_record()?;
            let (position, line) = records.place();
            chunk.skip(position, line);
        }
        let decoder = ChunkDecoder {
            table: self.table,
            chunk: Arc::new(chunk),
            columns: self.columns.clone(),
            schema: self.schema.clone(),
            batch_rows: self.batch_rows,
            whole: self.whole,
        };
        Ok(Some(Chunk { bytes, decode: Box::new(move || Ok(decoder.batches())) }))
    }
}

impl<'a> Chunks<'a> for CsvChunks<'a> {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        self.cut().transpose()
    }
}

impl Table for CsvTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn stream(&self, columns: &[usize], batch_rows: usize, whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let schema = Arc::new(self.schema.project(columns).map_err(|error| Error::Internal(error.to_string()))?);
        Ok(Box::new(CsvChunks {
            table: self,
            cutter: cutter(&self.input, self.delimiter, self.options.quote)?,
            columns: columns.to_vec(),
            schema,
            batch_rows,
            header: self.options.header,
            whole,
        }))
    }

    fn origin(&self) -> FileOrigin {
        FileOrigin::Csv { header: self.header.clone(), delimiter: self.delimiter, quote: self.options.quote }
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
}
