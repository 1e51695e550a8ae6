//! CSV: records of CSV files as they are, other rows as text.

use super::columns::{from_arrow, kept};
use super::lists::Texts;
use super::target::Target;
use super::{Extra, Plan, RowWriter, Sink, Verdicts};
use crate::error::{Error, escape_controls, shown};
use crate::input::{FileOrigin, Records, Whole, WholeRows, remote};
use arrow_array::Array;
use arrow_buffer::BooleanBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};
use std::io::{self, BufWriter, Write};

pub(super) static SINK: Sink = Sink {
    name: "csv",
    extensions: &["csv", "tsv", "txt"],
    takes: |origin, extension| match origin {
        FileOrigin::Csv { delimiter, .. } => extension != "tsv" || *delimiter == b'\t',
        _ => false,
    },
    open: |target, plan| Ok(Box::new(CsvRows::open(target, plan)?)),
};

struct CsvRows {
    out: BufWriter<Target>,
    dialect: Dialect,
    line_end: Vec<u8>,
    /// Whether the last record was written without a line end, as the last one of a file may be.
    open_end: bool,
    texts: Option<Texts>,
    /// The columns, where rows are not taken as records.
    columns: Option<SchemaRef>,
}

#[derive(Clone, Copy)]
struct Dialect {
    delimiter: u8,
    quote: u8,
}

impl CsvRows {
    fn open(target: Target, plan: &Plan<'_>) -> Result<Self, Error> {
        let dialect = match plan.origin {
            Some(FileOrigin::Csv { delimiter, quote, .. }) if plan.whole => {
                Dialect { delimiter: *delimiter, quote: *quote }
            }
            _ => Dialect { delimiter: if plan.extension == "tsv" { b'\t' } else { b',' }, quote: b'"' },
        };
        if !plan.whole
            && let Some(field) = plan.columns.fields().iter().find(|field| !is_plain(field.data_type()))
        {
            return Err(Error::Option(format!(
                "{}: column `{}` is of type {}, which CSV cannot hold: write Parquet, Arrow or JSON Lines",
                shown(&remote::shown_name(plan.path)),
                escape_controls(field.name()),
                field.data_type()
            )));
        }
        let render = move |values: &[super::lists::Value]| {
            let mut text = Vec::new();
            for value in values {
                text.push(dialect.delimiter);
                dialect.write(&mut text, value.text.as_bytes());
            }
            text
        };
        let mut rows = Self {
            out: BufWriter::with_capacity(1 << 18, target),
            dialect,
            line_end: b"\n".to_vec(),
            open_end: false,
            texts: (plan.extra != Extra::None).then(|| Texts::new(plan.extra, plan.rules, render)),
            columns: (!plan.whole).then(|| plan.columns.clone()),
        };
        let path = remote::shown_name(plan.path);
        rows.header(plan).map_err(|source| Error::Write { path, source })?;
        Ok(rows)
    }

    fn header(&mut self, plan: &Plan<'_>) -> io::Result<()> {
        let mut line = Vec::new();
        match plan.origin {
            Some(FileOrigin::Csv { header, .. }) if plan.whole => {
                // Without names in the data there are none of what is added.
                let Some(header) = header else { return Ok(()) };
                line.extend_from_slice(header);
            }
            _ => {
                for (position, field) in plan.columns.fields().iter().enumerate() {
                    if position > 0 {
                        line.push(self.dialect.delimiter);
                    }
                    self.dialect.write(&mut line, field.name().as_bytes());
                }
                line.push(b'\n');
            }
        }
        let mut names = Vec::new();
        for name in plan.extra.names() {
            names.push(self.dialect.delimiter);
            self.dialect.write(&mut names, name.as_bytes());
        }
        self.record(&line, &names)
    }

    /// Writes a record with what is added to it.
    fn record(&mut self, record: &[u8], added: &[u8]) -> io::Result<()> {
        if self.open_end {
            self.out.write_all(&self.line_end)?;
        }
        let (body, end) = record.split_at(record.len() - line_end(record));
        self.out.write_all(body)?;
        self.out.write_all(added)?;
        self.out.write_all(end)?;
        self.open_end = end.is_empty();
        if !end.is_empty() && self.line_end != end {
            self.line_end = end.to_vec();
        }
        Ok(())
    }

    fn records(&mut self, records: &Records, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        let Some(mut texts) = self.texts.take() else {
            return keep.set_indices().try_for_each(|row| self.record(records.record(row), b""));
        };
        let patterns = texts.patterns(verdicts);
        let written =
            keep.set_indices().try_for_each(|row| self.record(records.record(row), texts.of(patterns.row(row))));
        self.texts = Some(texts);
        written
    }

    /// Rows from columns.
    fn typed(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        let Some(columns) = self.columns.clone() else { return Err(io::Error::other("rows come without records")) };
        let batch = kept(rows, keep, &columns, false).map_err(from_arrow)?;
        let options = FormatOptions::new().with_display_error(false);
        let formatters: Result<Vec<_>, _> =
            batch.columns().iter().map(|array| ArrayFormatter::try_new(array.as_ref(), &options)).collect();
        let formatters = formatters.map_err(from_arrow)?;
        let patterns = self.texts.as_ref().map(|texts| texts.patterns(verdicts));
        let (mut line, mut text) = (Vec::new(), String::new());
        for (place, row) in keep.set_indices().enumerate() {
            line.clear();
            for (position, (formatter, array)) in formatters.iter().zip(batch.columns()).enumerate() {
                if position > 0 {
                    line.push(self.dialect.delimiter);
                }
                text.clear();
                if !array.is_null(place) {
                    formatter.value(place).write(&mut text).map_err(from_arrow)?;
                    self.dialect.write_value(&mut line, text.as_bytes(), array.data_type());
                }
            }
            if let (Some(texts), Some(patterns)) = (&mut self.texts, &patterns) {
                line.extend_from_slice(texts.of(patterns.row(row)));
            }
            if line.is_empty() {
                // A blank line would be no record.
                line.extend([self.dialect.quote; 2]);
            }
            line.push(b'\n');
            self.out.write_all(&line)?;
        }
        Ok(())
    }
}

impl RowWriter for CsvRows {
    fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        match &rows.whole {
            Some(Whole::Records(records)) if self.columns.is_none() => self.records(records, keep, verdicts),
            _ => self.typed(rows, keep, verdicts),
        }
    }

    fn finish(self: Box<Self>) -> io::Result<Target> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Dialect {
    /// Writes a field, in quotes where it needs them.
    fn write(self, line: &mut Vec<u8>, text: &[u8]) {
        let special = |byte: &u8| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r');
        if text.iter().any(special) { self.write_quoted(line, text) } else { line.extend_from_slice(text) }
    }

    /// Writes a value that is not NULL: nothing between delimiters would be.
    fn write_value(self, line: &mut Vec<u8>, text: &[u8], data_type: &DataType) {
        let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if text.is_empty() && is_text { self.write_quoted(line, text) } else { self.write(line, text) }
    }

    fn write_quoted(self, line: &mut Vec<u8>, text: &[u8]) {
        line.push(self.quote);
        for byte in text {
            line.push(*byte);
            if *byte == self.quote {
                line.push(*byte);
            }
        }
        line.push(self.quote);
    }
}

/// Bytes of the line end of a record.
fn line_end(record: &[u8]) -> usize {
    match record {
        [.., b'\r', b'\n'] => 2,
        [.., b'\r' | b'\n'] => 1,
        _ => 0,
    }
}

/// Whether values of this type are one text.
fn is_plain(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_plain(values),
        other => !other.is_nested(),
    }
}
