//! Rows of CSV text as they are written, without types.

use super::records::{Records, sniff_delimiter};
use super::{CsvOptions, cutter};
use crate::error::Error;
use crate::input::cutter::{Cutter, TextChunk};
use crate::input::refuse_twins;
use crate::input::source::Input;
use std::path::PathBuf;

/// Cuts a file into chunks of whole rows.
pub struct RowReader {
    path: PathBuf,
    cutter: Cutter,
    /// The chunk that the header is in.
    first: Option<RowChunk>,
    delimiter: u8,
    quote: u8,
    names: Vec<String>,
    header: Vec<u8>,
}

/// Whole rows.
pub struct RowChunk {
    path: PathBuf,
    chunk: TextChunk,
    place: (usize, u64),
    delimiter: u8,
    quote: u8,
}

impl RowChunk {
    /// Goes through them.
    pub fn records(&self) -> Records<'_> {
        Records::at(&self.path, self.chunk.bytes(), self.place, self.delimiter, self.quote)
    }

    /// Bytes that rows are ranges of.
    pub fn bytes(&self) -> &[u8] {
        self.chunk.bytes()
    }
}

impl RowReader {
    /// Reads the header. A file without any byte has no columns and no rows.
    pub fn open(input: &Input, options: &CsvOptions) -> Result<Self, Error> {
        let quote = options.quote;
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => sniff_delimiter(&input.head(64 << 10)?, quote),
        };
        if delimiter == quote {
            return Err(Error::Option("the delimiter and the quote of a CSV file cannot be the same character".into()));
        }
        let mut cutter = cutter(input, delimiter, quote)?;
        let path = input.path.clone();
        let Some(chunk) = cutter.next()? else {
            return Ok(Self { path, cutter, first: None, delimiter, quote, names: Vec::new(), header: Vec::new() });
        };
        let place = (0, chunk.line);
        let mut first = RowChunk { path: path.clone(), chunk, place, delimiter, quote };
        let mut records = first.records();
        let mut names = Vec::new();
        let mut header = Vec::new();
        if records.next_record()? {
            for position in 0..records.len() {
                names.push(match options.header {
                    true => records.text(position)?.to_string(),
                    false => format!("_c{position}"),
                });
            }
            refuse_twins(&path, names.iter().map(String::as_str))?;
            if options.header {
                header = first.bytes()[..records.place().0].to_vec();
                let place = records.place();
                first.place = place;
            }
        }
        Ok(Self { path, cutter, first: Some(first), delimiter, quote, names, header })
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The bytes of the header, its line end included; empty without one.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The next rows; `None` at the end.
    pub fn read(&mut self) -> Result<Option<RowChunk>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(chunk) = self.cutter.next()? else { return Ok(None) };
        let place = (0, chunk.line);
        Ok(Some(RowChunk { path: self.path.clone(), chunk, place, delimiter: self.delimiter, quote: self.quote }))
    }
}
