//! A chunk of records to Arrow arrays: column by column where the chunk is regular, record by
//! record where it is not.

use super::index::{FieldIndex, RawField};
use super::records::Records;
use super::{CsvTable, infer};
use crate::error::Error;
use crate::input::columns::{self, ColumnBuilder, Origin, plain_float, plain_integer};
use crate::input::cutter::{TextChunk, lines};
use crate::input::shown_value;
use crate::input::table::Decoded;
use crate::input::whole::{self, Whole};
use crate::text_cast::{date_of_digits, plain_timestamp};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Where a record starts in a chunk, and on which line.
type Place = (usize, u64);

/// Decodes one chunk in batches.
pub struct ChunkDecoder<'a> {
    pub table: &'a CsvTable,
    pub chunk: Arc<TextChunk>,
    /// Positions of the columns.
    pub columns: Vec<usize>,
    /// The schema of those.
    pub schema: SchemaRef,
    pub batch_rows: usize,
    /// Whether batches keep their records.
    pub whole: bool,
}

impl<'a> ChunkDecoder<'a> {
    /// The batches of the chunk.
    pub fn batches(self) -> Decoded<'a> {
        let width = self.table.schema.fields().len();
        let (delimiter, quote) = (self.table.delimiter, self.table.options.quote);
        match FieldIndex::new(self.chunk.bytes(), delimiter, quote, width) {
            Some(index) => {
                let mut row = 0;
                Box::new(std::iter::from_fn(move || {
                    let end = index.rows().min(row + self.batch_rows);
                    let rows = row..end;
                    row = end;
                    (!rows.is_empty()).then(|| {
                        let batch = self.regular(&index, rows.clone());
                        row = if batch.is_err() { index.rows() } else { row };
                        let length = self.chunk.bytes().len();
                        let place = |row: usize| index.start(row) as u32..index.start(row + 1).min(length) as u32;
                        batch.map(|batch| (batch, self.whole.then(|| self.kept(rows.map(place).collect()))))
                    })
                }))
            }
            None => {
                let mut place = Some((0, self.chunk.line));
                Box::new(std::iter::from_fn(move || {
                    let (batch, next) = self.irregular(place?);
                    place = next;
                    batch
                }))
            }
        }
    }

    /// Records as they stand in the chunk.
    fn kept(&self, places: Vec<Range<u32>>) -> Whole {
        Whole::Records(whole::Records::new(self.chunk.clone(), places))
    }

    fn finish(&self, builders: Vec<ColumnBuilder>, rows: usize) -> Result<RecordBatch, Error> {
        let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| Error::Internal(error.to_string()))
    }

    fn builders(&self, rows: usize) -> Vec<ColumnBuilder> {
        self.schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type(), rows)).collect()
    }

    /// Rows of a chunk whose fields are known.
    fn regular(&self, index: &FieldIndex, rows: Range<usize>) -> Result<RecordBatch, Error> {
        let bytes = self.chunk.bytes();
        // Checked as a whole, so that fields are only cut out of it.
        let text = std::str::from_utf8(bytes).ok();
        let mut builders = self.builders(rows.len());
        let mut failed: Option<(usize, usize, Error)> = None;
        for (builder, column) in builders.iter_mut().zip(&self.columns) {
            let fields = Fields { bytes, text, index, column: *column };
            if let Err((row, error)) = self.fill(builder, rows.clone(), &fields) {
                // The first row that is wrong is reported, as when reading record by record.
                if failed.as_ref().is_none_or(|(first, at, _)| (row, *column) < (*first, *at)) {
                    failed = Some((row, *column, error));
                }
            }
        }
        match failed {
            Some((_, _, error)) => Err(error),
            None => self.finish(builders, rows.len()),
        }
    }

    fn fill(&self, builder: &mut ColumnBuilder, rows: Range<usize>, fields: &Fields<'_>) -> Result<(), (usize, Error)> {
        let (options, bytes, column) = (&self.table.options, fields.bytes, fields.column);
        let field = |row: usize| fields.index.field(bytes, options.quote, row, column);
        // What is not written plainly is for the general way.
        let general = |builder: &mut ColumnBuilder, row: usize, field: RawField| {
            let raw = field.of(bytes);
            let value = if field.quoted { unquoted(raw, options.quote) } else { Cow::Borrowed(raw) };
            let null = !field.quoted && (raw.is_empty() || options.nulls.iter().any(|null| null.as_bytes() == raw));
            let line = || self.chunk.line + lines(&bytes[..fields.index.start(row)]);
            self.table.append(builder, column, &value, null, line).map_err(|error| (row, error))
        };
        if self.table.origins[column] == Origin::Unseen || !options.nulls.is_empty() {
            return rows.into_iter().try_for_each(|row| general(builder, row, field(row)));
        }
        macro_rules! plain {
            ($variant:ident, $parse:expr) => {
                for row in rows {
                    let own = field(row);
                    match builder {
                        ColumnBuilder::$variant(inner) => match $parse(own.of(bytes)) {
                            Some(value) => inner.append_value(value),
                            None if own.is_blank() => inner.append_null(),
                            None => general(builder, row, own)?,
                        },
                        _ => general(builder, row, own)?,
                    }
                }
            };
        }
        match builder {
            ColumnBuilder::Text(_) => {
                for row in rows {
                    let own = field(row);
                    let doubled =
                        fields.index.has_doubled_quotes && own.quoted && own.of(bytes).contains(&options.quote);
                    let text = fields.text.and_then(|text| text.get(own.start..own.end));
                    match (&mut *builder, text) {
                        (ColumnBuilder::Text(inner), Some(text)) if own.start < own.end && !doubled => {
                            inner.append_value(text);
                        }
                        _ => general(builder, row, own)?,
                    }
                }
            }
            ColumnBuilder::Integer(_) => plain!(Integer, plain_integer),
            ColumnBuilder::Float(_) => plain!(Float, plain_float),
            ColumnBuilder::Date(_) => plain!(Date, date_of_digits),
            ColumnBuilder::Timestamp(_) => plain!(Timestamp, plain_timestamp),
            ColumnBuilder::Boolean(_) => plain!(Boolean, columns::boolean),
            _ => rows.into_iter().try_for_each(|row| general(builder, row, field(row)))?,
        }
        Ok(())
    }

    /// One batch of a chunk that is not regular, and where the next one starts.
    fn irregular(&self, place: Place) -> (Option<Result<WholeBatch, Error>>, Option<Place>) {
        match self.records(place) {
            Ok((None, _)) => (None, None),
            Ok((Some(batch), next)) => (Some(Ok(batch)), Some(next)),
            Err(error) => (Some(Err(error)), None),
        }
    }

    fn records(&self, place: Place) -> Result<(Option<WholeBatch>, Place), Error> {
        let table = self.table;
        let mut records = Records::at(&table.path, self.chunk.bytes(), place, table.delimiter, table.options.quote);
        let mut builders = self.builders(self.batch_rows);
        let mut rows = 0;
        let mut places = Vec::new();
        while rows < self.batch_rows && records.next_record()? {
            records.expect_fields(table.schema.fields().len())?;
            for (builder, column) in builders.iter_mut().zip(&self.columns) {
                let null = records.is_null(*column, &table.options.nulls);
                if builder.is_text() && !null {
                    records.text(*column)?;
                }
                table.append(builder, *column, records.field(*column), null, || records.line())?;
            }
            if self.whole {
                places.push(records.range().start as u32..records.range().end as u32);
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok((None, records.place()));
        }
        let batch = self.finish(builders, rows)?;
        Ok((Some((batch, self.whole.then(|| self.kept(places)))), records.place()))
    }
}

/// A batch, and its rows as the file has them if that was asked for.
type WholeBatch = (RecordBatch, Option<Whole>);

/// The fields of a column in a chunk.
struct Fields<'a> {
    bytes: &'a [u8],
    /// The same bytes, if all of them are text in UTF-8.
    text: Option<&'a str>,
    index: &'a FieldIndex,
    column: usize,
}

/// A quoted field's text: doubled quotes are one.
fn unquoted(bytes: &[u8], quote: u8) -> Cow<'_, [u8]> {
    if !bytes.contains(&quote) {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        text.push(*byte);
        if *byte == quote {
            rest.next();
        }
    }
    Cow::Owned(text)
}

/// What kind of trouble a value is, for a column that was inferred.
pub fn widened(table: &CsvTable, column: usize, value: &[u8], line: u64) -> Error {
    let field = table.schema.field(column);
    let shown = shown_value(&infer::shown(value), &table.redaction);
    if table.origins[column] == Origin::Named {
        let name = crate::error::escape_controls(field.name());
        let message = format!("column `{name}`: {shown} is no {}", columns::type_name(field.data_type()));
        return Error::Line { path: table.path.clone(), line, message };
    }
    let mut inference = match table.origins[column] {
        Origin::Unseen => infer::Inference::default(),
        _ => infer::Inference::of(field.data_type()),
    };
    inference.see(value, line);
    Error::Widen {
        column: field.name().clone(),
        data_type: Box::new(inference.data_type()),
        reason: format!("{shown} in line {line}"),
    }
}
