//! JSON Lines: an object a line, a column a key; types inferred.
//!
//! Types come from a sample of rows, as for CSV: a later value that does not fit makes the reader
//! start again with a wider type, and the report says so. Strings stay text, whatever they look
//! like. Objects and arrays are there or NULL. Columns that no rule reads are not looked into.

mod infer;
mod lines;

use super::columns::{self, ColumnBuilder, Origin};
use super::cutter::{Cutter, TextChunk, lines as count_lines};
use super::source::Input;
use super::table::{Chunk, Chunks, Decoded, Parts, Table};
use super::whole::{FileOrigin, Records, Whole};
use super::{Format, ReadOptions, shown_value};
use crate::error::{Error, escape_controls};
use crate::redaction::Redaction;
use crate::sample::{Cell, LONGEST};
use crate::text_cast::TEXT_BECAUSE;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use infer::{Inference, nested_type};
use lines::{Kind, LineReader, Token, Trouble};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "json",
    extensions: &["jsonl", "ndjson", "json"],
    recognises: |head| {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        head.strip_prefix(b"{").is_some_and(|rest| matches!(rest.trim_ascii_start(), [] | [b'"' | b'}', ..]))
    },
    certain: false,
    open: |input, options| Ok(Box::new(JsonTable::open(input, options)?)),
};

/// Keys beyond which a file is no table.
const MOST_COLUMNS: usize = 20_000;

struct JsonTable {
    input: Input,
    schema: SchemaRef,
    origins: Vec<Origin>,
    /// Positions of columns by key.
    positions: HashMap<String, usize>,
    redaction: Redaction,
}

fn cutter(input: &Input) -> Result<Cutter, Error> {
    Cutter::new(input, Box::new(|bytes| memchr::memrchr(b'\n', bytes).map(|at| at + 1)))
}

impl JsonTable {
    fn open(input: &Input, options: &ReadOptions) -> Result<Self, Error> {
        let mut names: Vec<String> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut inferred: Vec<Inference> = Vec::new();
        let mut because: Vec<Option<String>> = Vec::new();
        let mut cutter = cutter(input)?;
        let mut rows = 0;
        // A key behind the sample was found while reading: now all lines are the sample.
        let mut sample_rows = options.csv.sample_rows;
        loop {
            let late = options.inferred_types.keys().any(|name| !positions.contains_key(name));
            let Some(chunk) = (if rows < sample_rows || late { cutter.next()? } else { None }) else { break };
            if rows >= sample_rows {
                sample_rows = usize::MAX;
            }
            // Keys of the chunk that are new become columns before its values are looked at.
            let mut at = 0;
            let mut new_keys = Vec::new();
            while rows < sample_rows && at < chunk.bytes().len() {
                let end = memchr::memchr(b'\n', &chunk.bytes()[at..]).map_or(chunk.bytes().len(), |end| at + end + 1);
                lines::each_key(&chunk.bytes()[at..end], |key| {
                    if !positions.contains_key(&key) {
                        new_keys.push(key);
                    }
                });
                for key in new_keys.drain(..) {
                    if !positions.contains_key(&key) {
                        positions.insert(key.clone(), names.len());
                        names.push(key);
                    }
                }
                if names.len() > MOST_COLUMNS {
                    let message = format!("has more than {MOST_COLUMNS} different keys");
                    return Err(Error::Format { path: input.path.clone(), message });
                }
                at = end;
            }
            inferred.resize_with(names.len(), Inference::default);
            because.resize_with(names.len(), || None);
            let (mut at, mut line) = (0, chunk.line);
            let mut reader = LineReader::new(chunk.bytes(), &positions);
            while rows < sample_rows && at < chunk.bytes().len() {
                let read = reader.line(at, |column, token| {
                    let before = inferred[column];
                    inferred[column].see(token, chunk.bytes());
                    let mixed = !before.is_empty() && before.data_type() != DataType::Utf8;
                    if mixed && inferred[column].data_type() == DataType::Utf8 {
                        let value = shown_value(&shown(token, chunk.bytes()), &options.redaction);
                        because[column] = Some(format!("{value} in line {line}"));
                    }
                });
                let (next, blank) = read.map_err(|trouble| {
                    let message = match trouble {
                        Trouble::Malformed(message) => message,
                        Trouble::Unknown(..) => "a key cannot be read".into(),
                    };
                    Error::Line { path: input.path.clone(), line, message }
                })?;
                rows += usize::from(!blank);
                line += 1;
                at = next;
            }
        }
        // Keys of other files of the dataset.
        for name in options.inferred_types.keys().filter(|name| !positions.contains_key(*name)).collect::<Vec<_>>() {
            positions.insert(name.clone(), names.len());
            names.push(name.clone());
            inferred.push(Inference::default());
            because.push(None);
        }
        if names.is_empty() && rows == 0 {
            let message = "is empty: there is no object in it, so no columns are known".to_string();
            return Err(Error::Format { path: input.path.clone(), message });
        }
        let mut origins = Vec::with_capacity(names.len());
        let mut fields = Vec::with_capacity(names.len());
        for ((name, inference), because) in names.iter().zip(inferred).zip(because) {
            let (data_type, origin) = match (options.column_types.get(name), options.inferred_types.get(name)) {
                (Some(named), _) => (named.clone(), Origin::Named),
                (None, Some(wider)) => (wider.clone(), Origin::Inferred),
                (None, None) if inference.is_empty() => (inference.data_type(), Origin::Unseen),
                (None, None) => (inference.data_type(), Origin::Inferred),
            };
            let because = because.filter(|_| data_type == DataType::Utf8 && origin == Origin::Inferred);
            let metadata = because.map(|because| (TEXT_BECAUSE.to_string(), because)).into_iter().collect();
            fields.push(Field::new(name, data_type, true).with_metadata(metadata));
            origins.push(origin);
        }
        Ok(Self {
            input: input.clone(),
            schema: Arc::new(Schema::new(fields)),
            origins,
            positions,
            redaction: options.redaction,
        })
    }

    /// A value that the column's type cannot hold.
    fn misfit(&self, column: usize, token: Token, bytes: &[u8], line: u64) -> Error {
        let field = self.schema.field(column);
        let shown = shown_value(&shown(token, bytes), &self.redaction);
        let wrong = match token.kind {
            Kind::Number if columns::float(token.of(bytes)).is_none() => Some("is no number"),
            Kind::Text | Kind::Escaped if lines::text(token, bytes).is_none() => {
                Some("is no text in UTF-8, or has a wrong escape")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let message = format!("column `{}`: {shown} {wrong}", escape_controls(field.name()));
            return Error::Line { path: self.input.path.clone(), line, message };
        }
        if self.origins[column] == Origin::Named {
            let name = escape_controls(field.name());
            let message = format!("column `{name}`: {shown} is no {}", columns::type_name(field.data_type()));
            return Error::Line { path: self.input.path.clone(), line, message };
        }
        let mut inference = match self.origins[column] {
            Origin::Unseen => Inference::default(),
            _ => Inference::of(field.data_type()),
        };
        inference.see(token, bytes);
        Error::Widen {
            column: field.name().clone(),
            data_type: Box::new(inference.data_type()),
            reason: format!("{shown} in line {line}"),
        }
    }
}

/// A value for messages, as it is written. Not more of it is looked at than is shown.
fn shown(token: Token, bytes: &[u8]) -> Cell {
    let raw = token.of(bytes);
    let text = String::from_utf8_lossy(&raw[..raw.len().min(4 * (LONGEST + 1))]);
    if matches!(token.kind, Kind::Text | Kind::Escaped) { Cell::text(&text) } else { Cell::value(&text) }
}

impl Table for JsonTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn stream(&self, columns: &[usize], batch_rows: usize, whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let schema = self.schema.project(columns).map_err(|error| Error::Internal(error.to_string()))?;
        let mut slots = vec![None; self.schema.fields().len()];
        columns.iter().enumerate().for_each(|(slot, column)| slots[*column] = Some(slot));
        let shared = Arc::new(Wanted { columns: columns.to_vec(), slots, schema: Arc::new(schema), batch_rows, whole });
        Ok(Box::new(JsonChunks { table: self, cutter: cutter(&self.input)?, wanted: shared }))
    }

    fn origin(&self) -> FileOrigin {
        FileOrigin::JsonLines
    }

    fn infers_types(&self) -> bool {
        true
    }

    fn unified(&self, column: usize, other: &DataType) -> Option<DataType> {
        match self.origins.get(column)? {
            Origin::Named => None,
            Origin::Unseen => Some(other.clone()),
            Origin::Inferred => {
                Some(Inference::of(other).and(&Inference::of(self.schema.field(column).data_type())).data_type())
            }
        }
    }
}

/// The columns that are read.
struct Wanted {
    columns: Vec<usize>,
    /// For each column of the file, its place among those.
    slots: Vec<Option<usize>>,
    schema: SchemaRef,
    batch_rows: usize,
    /// Whether batches keep their lines.
    whole: bool,
}

struct JsonChunks<'a> {
    table: &'a JsonTable,
    cutter: Cutter,
    wanted: Arc<Wanted>,
}

impl<'a> Chunks<'a> for JsonChunks<'a> {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let chunk = match self.cutter.next().transpose()? {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(error)),
        };
        let bytes = chunk.bytes().len() as u64;
        let (table, wanted, chunk) = (self.table, self.wanted.clone(), Arc::new(chunk));
        let mut decoder = Decoder { table, wanted, chunk, at: 0, failed: false };
        let decode = Box::new(move || -> Result<Decoded<'a>, Error> {
            Ok(Box::new(std::iter::from_fn(move || decoder.batch().transpose())))
        });
        Some(Ok(Chunk { bytes, decode }))
    }
}

/// Decodes one chunk in batches.
struct Decoder<'a> {
    table: &'a JsonTable,
    wanted: Arc<Wanted>,
    chunk: Arc<TextChunk>,
    /// Where the next line starts.
    at: usize,
    failed: bool,
}

impl Decoder<'_> {
    fn line_of(&self, at: usize) -> u64 {
        self.chunk.line + count_lines(&self.chunk.bytes()[..at])
    }

    fn batch(&mut self) -> Result<Option<(RecordBatch, Option<Whole>)>, Error> {
        if self.failed {
            return Ok(None);
        }
        let batch = self.read();
        self.failed = batch.is_err();
        batch
    }

    fn read(&mut self) -> Result<Option<(RecordBatch, Option<Whole>)>, Error> {
        let width = self.wanted.columns.len();
        let mut tokens: Vec<Token> = Vec::with_capacity(width * self.wanted.batch_rows.min(4096));
        let mut starts: Vec<u32> = Vec::new();
        let mut places = Vec::new();
        let mut reader = LineReader::new(self.chunk.bytes(), &self.table.positions);
        while starts.len() < self.wanted.batch_rows && self.at < self.chunk.bytes().len() {
            let base = tokens.len();
            tokens.resize(base + width, Token::default());
            let read = reader.line(self.at, |column, token| {
                if let Some(slot) = self.wanted.slots[column] {
                    tokens[base + slot] = token;
                }
            });
            match read {
                Ok((next, true)) => {
                    tokens.truncate(base);
                    self.at = next;
                }
                Ok((next, false)) => {
                    starts.push(self.at as u32);
                    if self.wanted.whole {
                        places.push(self.at as u32..next as u32);
                    }
                    self.at = next;
                }
                Err(Trouble::Malformed(message)) => {
                    let line = self.line_of(self.at);
                    return Err(Error::Line { path: self.table.input.path.clone(), line, message });
                }
                Err(Trouble::Unknown(name, token)) => {
                    let mut inference = Inference::default();
                    inference.see(token, self.chunk.bytes());
                    let reason = format!("line {}, where the key is seen first", self.line_of(self.at));
                    return Err(Error::Widen { column: name, data_type: Box::new(inference.data_type()), reason });
                }
            }
        }
        if starts.is_empty() {
            return Ok(None);
        }
        // Checked as a whole, so that strings are only cut out of it.
        let text = std::str::from_utf8(self.chunk.bytes()).ok();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(width);
        let mut failed: Option<(usize, Token, usize)> = None;
        for (slot, column) in self.wanted.columns.iter().enumerate() {
            let own = tokens.iter().skip(slot).step_by(width.max(1)).copied();
            match self.array(*column, own, starts.len(), text) {
                Ok(array) => arrays.push(array),
                // The first row that is wrong is reported.
                Err((row, token)) => {
                    if failed.is_none_or(|(first, _, _)| row < first) {
                        failed = Some((row, token, *column));
                    }
                }
            }
        }
        if let Some((row, token, column)) = failed {
            let line = self.line_of(starts[row] as usize);
            return Err(self.table.misfit(column, token, self.chunk.bytes(), line));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(starts.len()));
        RecordBatch::try_new_with_options(self.wanted.schema.clone(), arrays, &options)
            .map(|batch| {
                let kept = || Whole::Records(Records::new(self.chunk.clone(), places));
                Some((batch, self.wanted.whole.then(kept)))
            })
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// The array of a column, or the first row whose value does not fit.
    fn array(
        &self,
        column: usize,
        tokens: impl Iterator<Item = Token>,
        rows: usize,
        text: Option<&str>,
    ) -> Result<ArrayRef, (usize, Token)> {
        let bytes = self.chunk.bytes();
        let data_type = self.table.schema.field(column).data_type();
        let unseen = self.table.origins[column] == Origin::Unseen;
        if *data_type == nested_type() {
            let mut present = Vec::with_capacity(rows);
            for (row, token) in tokens.enumerate() {
                if !matches!(token.kind, Kind::Nested | Kind::Null) {
                    return Err((row, token));
                }
                present.push(token.kind == Kind::Nested);
            }
            return Ok(Arc::new(StructArray::new_empty_fields(rows, Some(NullBuffer::from(present)))));
        }
        let named = self.table.origins[column] == Origin::Named;
        let mut builder = ColumnBuilder::new(data_type, rows);
        for (row, token) in tokens.enumerate() {
            let fits = match (&mut builder, token.kind) {
                (builder, Kind::Null) => {
                    builder.append_null();
                    true
                }
                _ if unseen => false,
                (ColumnBuilder::Integer(inner), Kind::Number) => match columns::plain_integer(token.of(bytes)) {
                    Some(value) => {
                        inner.append_value(value);
                        true
                    }
                    None => builder.append(token.of(bytes)),
                },
                (ColumnBuilder::Float(inner), Kind::Number) => match columns::plain_float(token.of(bytes)) {
                    Some(value) => {
                        inner.append_value(value);
                        true
                    }
                    None => builder.append(token.of(bytes)),
                },
                (builder @ ColumnBuilder::Text(_), Kind::Escaped) => match lines::text(token, bytes) {
                    Some(text) => {
                        builder.append_text(&text);
                        true
                    }
                    None => false,
                },
                (ColumnBuilder::Text(inner), _) => {
                    let own = match text {
                        Some(text) => text.get(token.start as usize..token.end as usize),
                        None => std::str::from_utf8(token.of(bytes)).ok(),
                    };
                    own.map(|own| inner.append_value(own)).is_some()
                }
                (builder, Kind::Number) => builder.append(token.of(bytes)),
                (builder @ ColumnBuilder::Boolean(_), Kind::True | Kind::False) => builder.append(token.of(bytes)),
                // A type that the user named may be written as a string.
                (builder, Kind::Text) if named => builder.append(token.of(bytes)),
                _ => false,
            };
            if !fits {
                return Err((row, token));
            }
        }
        Ok(builder.finish())
    }
}
