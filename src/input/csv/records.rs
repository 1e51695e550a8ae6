//! Records and fields of a CSV file, with line numbers.

use crate::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// The largest record: beyond it a quote was probably left open.
const RECORD_LIMIT: usize = 64 << 20;

/// Reads a file record by record; one record is held at a time.
pub struct Records {
    path: PathBuf,
    file: File,
    delimiter: u8,
    quote: u8,
    buffer: Vec<u8>,
    /// Where the next record starts in the buffer.
    position: usize,
    at_end: bool,
    /// The line the current record starts on, from 1, and the lines it spans.
    line: u64,
    lines_in_record: u64,
    /// Contents of the fields of the current record, without quotes.
    content: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

enum Step {
    Record,
    End,
    NeedMore,
}

impl Records {
    /// Starts at the first record, behind a byte order mark.
    pub fn open(path: &Path, delimiter: u8, quote: u8) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        let mut records = Self {
            path: path.to_path_buf(),
            file,
            delimiter,
            quote,
            buffer: Vec::new(),
            position: 0,
            at_end: false,
            line: 1,
            lines_in_record: 0,
            content: Vec::new(),
            ends: Vec::new(),
        };
        records.fill()?;
        if records.buffer.starts_with(b"\xef\xbb\xbf") {
            records.position = 3;
        }
        Ok(records)
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.drain(..self.position);
        self.position = 0;
        let start = self.buffer.len();
        self.buffer.resize(start + CHUNK.max(start), 0);
        let mut filled = start;
        while filled < self.buffer.len() {
            match self.file.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { path: self.path.clone(), source }),
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    /// Moves to the next record that is not a blank line; `false` at the end.
    pub fn next_record(&mut self) -> Result<bool, Error> {
        loop {
            self.line += self.lines_in_record;
            self.lines_in_record = 0;
            match self.step()? {
                Step::End => return Ok(false),
                Step::Record if self.ends.len() == 1 && self.content.is_empty() && !self.ends[0].1 => {}
                Step::Record => return Ok(true),
                Step::NeedMore => {
                    self.lines_in_record = 0;
                    if self.buffer.len() - self.position > RECORD_LIMIT {
                        return Err(self.error(format!(
                            "this record is longer than {} MiB: is a quote left open?",
                            RECORD_LIMIT >> 20
                        )));
                    }
                    self.fill()?;
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        self.content.clear();
        self.ends.clear();
        let bytes = &self.buffer[self.position..];
        if bytes.is_empty() {
            return Ok(if self.at_end { Step::End } else { Step::NeedMore });
        }
        let mut at = 0;
        loop {
            let quoted = bytes.get(at) == Some(&self.quote);
            if quoted {
                at += 1;
                loop {
                    let Some(length) = memchr::memchr(self.quote, &bytes[at..]) else {
                        return if self.at_end {
                            Err(self.error("a quoted field is never closed".into()))
                        } else {
                            Ok(Step::NeedMore)
                        };
                    };
                    let part = &bytes[at..at + length];
                    self.lines_in_record += memchr::memchr_iter(b'\n', part).count() as u64;
                    self.content.extend_from_slice(part);
                    at += length + 1;
                    match bytes.get(at) {
                        Some(byte) if *byte == self.quote => {
                            self.content.push(self.quote);
                            at += 1;
                        }
                        None if !self.at_end => return Ok(Step::NeedMore),
                        _ => break,
                    }
                }
            } else {
                let length = match memchr::memchr3(self.delimiter, b'\n', b'\r', &bytes[at..]) {
                    Some(length) => length,
                    None if self.at_end => bytes.len() - at,
                    None => return Ok(Step::NeedMore),
                };
                let field = &bytes[at..at + length];
                at += length;
                self.content.extend_from_slice(field);
            }
            self.ends.push((self.content.len(), quoted));
            match bytes.get(at) {
                Some(byte) if *byte == self.delimiter => at += 1,
                Some(b'\n') => {
                    at += 1;
                    break;
                }
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    at += 2;
                    break;
                }
                Some(b'\r') if at + 1 == bytes.len() && !self.at_end => return Ok(Step::NeedMore),
                // Old files end lines with a carriage return alone.
                Some(b'\r') => {
                    at += 1;
                    break;
                }
                None if self.at_end => break,
                None => return Ok(Step::NeedMore),
                Some(_) => return Err(self.error(format!("field {}: text behind the closing quote", self.ends.len()))),
            }
        }
        self.lines_in_record += 1;
        self.position += at;
        Ok(Step::Record)
    }

    /// Fields of the current record.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The line the current record starts on.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The bytes of a field, without quotes.
    pub fn field(&self, position: usize) -> &[u8] {
        let start = if position == 0 { 0 } else { self.ends[position - 1].0 };
        &self.content[start..self.ends[position].0]
    }

    /// A field as text.
    pub fn text(&self, position: usize) -> Result<&str, Error> {
        std::str::from_utf8(self.field(position))
            .map_err(|_| self.error(format!("field {}: the text is not UTF-8", position + 1)))
    }

    /// Whether a field is NULL: empty or spelled so, and not quoted.
    pub fn is_null(&self, position: usize, nulls: &[String]) -> bool {
        let field = self.field(position);
        !self.ends[position].1 && (field.is_empty() || nulls.iter().any(|null| null.as_bytes() == field))
    }

    /// Refuses a record with more or fewer fields than the header.
    pub fn expect_fields(&self, expected: usize) -> Result<(), Error> {
        match self.len() {
            found if found == expected => Ok(()),
            found => Err(self
                .error(format!("has {found} field{}, the header has {expected}", if found == 1 { "" } else { "s" }))),
        }
    }

    /// Something wrong with the current record.
    pub fn error(&self, message: String) -> Error {
        Error::Line { path: self.path.clone(), line: self.line, message }
    }
}

/// The delimiter that occurs most often in the first line, outside quotes; a comma if none does.
pub fn sniff_delimiter(path: &Path, quote: u8) -> Result<u8, Error> {
    let mut file = File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let mut head = vec![0; 64 << 10];
    let length = file.read(&mut head).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut inside = false;
    for byte in &head[..length] {
        match *byte {
            byte if byte == quote => inside = !inside,
            b'\n' | b'\r' if !inside => break,
            byte if !inside => {
                counts.iter_mut().filter(|(delimiter, _)| *delimiter == byte).for_each(|(_, count)| *count += 1)
            }
            _ => {}
        }
    }
    // The first of equals wins, so the comma is the default.
    Ok(counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(content).expect("written");
        file
    }

    fn all(content: &[u8]) -> Result<Vec<Vec<String>>, Error> {
        let file = file(content);
        let mut records = Records::open(file.path(), b',', b'"')?;
        let mut rows = Vec::new();
        while records.next_record()? {
            rows.push(
                (0..records.len())
                    .map(|position| String::from_utf8_lossy(records.field(position)).into_owned())
                    .collect(),
            );
        }
        Ok(rows)
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_ends() {
        let rows = all(b"a,b\r\n\"x,1\",\"say \"\"hi\"\"\nthere\"\n\n,\n").expect("readable");
        assert_eq!(rows, [vec!["a", "b"], vec!["x,1", "say \"hi\"\nthere"], vec!["", ""]]);
    }

    #[test]
    fn a_last_line_without_end_counts() {
        assert_eq!(all(b"a\n1").expect("readable"), [vec!["a"], vec!["1"]]);
        assert_eq!(all(b"a\r1\r2\r").expect("readable"), [vec!["a"], vec!["1"], vec!["2"]]);
        assert_eq!(all(b"a\n\"1\"\r").expect("readable"), [vec!["a"], vec!["1"]]);
    }

    #[test]
    fn mistakes_name_the_line_the_record_starts_on() {
        let line = |content: &[u8]| match all(content) {
            Err(Error::Line { line, message, .. }) => (line, message),
            other => panic!("{other:?}"),
        };
        assert_eq!(line(b"a\n\"x\ny\"\n\"open").0, 4);
        assert_eq!(line(b"a\n\"x\"y\n"), (2, "field 1: text behind the closing quote".into()));
    }

    #[test]
    fn the_commonest_delimiter_of_the_first_line_is_taken() {
        for (content, delimiter) in [
            (&b"a;b;c\n"[..], b';'),
            (b"a\tb\n", b'\t'),
            (b"a\n", b','),
            (b"\"a;b;c\",d\n", b','),
            (b"a|b\n1,2,3\n", b'|'),
        ] {
            assert_eq!(sniff_delimiter(file(content).path(), b'"').expect("readable"), delimiter);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_quoted_is_read_back(rows in prop::collection::vec(prop::collection::vec("[a,\"\n\r é]{0,6}", 2..3), 1..20)) {
            let line = |row: &Vec<String>| row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            let content = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
            prop_assert_eq!(all(content.as_bytes()).expect("readable"), rows);
        }
    }
}
