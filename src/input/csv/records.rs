//! Records and fields of CSV, one by one, with line numbers: what every CSV means.

use super::index::last_regular_end;
use crate::error::Error;
use crate::input::cutter::TextChunk;
use std::path::Path;

/// Goes through whole records.
pub struct Records<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    delimiter: u8,
    quote: u8,
    /// Where the current record starts.
    start: usize,
    /// Where the next record starts.
    position: usize,
    /// The line the current record starts on, from 1, and the lines it spans.
    line: u64,
    lines_in_record: u64,
    /// Contents of the fields of the current record, without quotes.
    content: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl<'a> Records<'a> {
    /// Starts at the first record of a chunk.
    pub fn new(path: &'a Path, chunk: &'a TextChunk, delimiter: u8, quote: u8) -> Self {
        Self::at(path, chunk.bytes(), (0, chunk.line), delimiter, quote)
    }

    /// Starts at the record at a position, on a line.
    pub fn at(path: &'a Path, bytes: &'a [u8], (position, line): (usize, u64), delimiter: u8, quote: u8) -> Self {
        Self {
            path,
            bytes,
            delimiter,
            quote,
            start: position,
            position,
            line,
            lines_in_record: 0,
            content: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Where the next record starts, and on which line.
    pub fn place(&self) -> (usize, u64) {
        (self.position, self.line + self.lines_in_record)
    }

    /// Where the current record is, its line end included.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.position
    }

    /// Moves to the next record that is not a blank line; `false` at the end.
    pub fn next_record(&mut self) -> Result<bool, Error> {
        loop {
            self.line += self.lines_in_record;
            self.lines_in_record = 0;
            if self.position == self.bytes.len() {
                return Ok(false);
            }
            self.start = self.position;
            self.step()?;
            if self.ends.len() != 1 || !self.content.is_empty() || self.ends[0].1 {
                return Ok(true);
            }
        }
    }

    fn step(&mut self) -> Result<(), Error> {
        self.content.clear();
        self.ends.clear();
        let bytes = &self.bytes[self.position..];
        let mut at = 0;
        loop {
            let quoted = bytes.get(at) == Some(&self.quote);
            if quoted {
                at += 1;
                loop {
                    let Some(length) = memchr::memchr(self.quote, &bytes[at..]) else {
                        return Err(self.error("a quoted field is never closed".into()));
                    };
                    let part = &bytes[at..at + length];
                    self.lines_in_record += memchr::memchr_iter(b'\n', part).count() as u64;
                    self.content.extend_from_slice(part);
                    at += length + 1;
                    if bytes.get(at) != Some(&self.quote) {
                        break;
                    }
                    self.content.push(self.quote);
                    at += 1;
                }
            } else {
                let rest = &bytes[at..];
                let length = memchr::memchr3(self.delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
                self.content.extend_from_slice(&rest[..length]);
                at += length;
            }
            self.ends.push((self.content.len(), quoted));
            match bytes.get(at) {
                Some(byte) if *byte == self.delimiter => at += 1,
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    at += 2;
                    break;
                }
                // Old files end lines with a carriage return alone.
                Some(b'\n' | b'\r') => {
                    at += 1;
                    break;
                }
                None => break,
                Some(_) => return Err(self.error(format!("field {}: text behind the closing quote", self.ends.len()))),
            }
        }
        self.lines_in_record += 1;
        self.position += at;
        Ok(())
    }

    /// Fields of the current record.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the current record has no field.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
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
        Error::Line { path: self.path.to_path_buf(), line: self.line, message }
    }
}

/// Where the last whole record ends in bytes that start with a record; `None` when none does.
pub fn last_end(bytes: &[u8], delimiter: u8, quote: u8) -> Option<usize> {
    if let Some(end) = last_regular_end(bytes, delimiter, quote) {
        return Some(end);
    }
    // A carriage return at the very end may belong to a line feed that was not read yet.
    let line_end = |bytes: &[u8], whole: bool| {
        let feed = memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        feed.or_else(|| {
            let bytes = if whole { bytes } else { bytes.split_last().map_or(bytes, |(_, head)| head) };
            memchr::memrchr(b'\r', bytes).map(|at| at + 1)
        })
    };
    let mut start = 0;
    let mut last = None;
    loop {
        // Up to the next quote, every line is a record.
        let Some(next) = memchr::memchr(quote, &bytes[start..]) else {
            return line_end(&bytes[start..], false).map(|end| start + end).or(last);
        };
        if let Some(end) = line_end(&bytes[start..start + next], true) {
            last = Some(start + end);
            start += end;
        }
        match record_length(&bytes[start..], delimiter, quote) {
            Some(length) => {
                start += length;
                last = Some(start);
            }
            None => return last,
        }
    }
}

/// Bytes of the first record with its line end; `None` when its end is not there.
fn record_length(bytes: &[u8], delimiter: u8, quote: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&quote) {
            at += 1;
            loop {
                at += memchr::memchr(quote, bytes.get(at..)?)? + 1;
                if *bytes.get(at)? != quote {
                    break;
                }
                at += 1;
            }
        }
        at += memchr::memchr3(delimiter, b'\n', b'\r', bytes.get(at..)?)?;
        match (bytes[at], bytes.get(at + 1)) {
            (b'\n', _) => return Some(at + 1),
            (b'\r', Some(b'\n')) => return Some(at + 2),
            (b'\r', next) => return next.map(|_| at + 1),
            _ => at += 1,
        }
    }
}

/// The delimiter that occurs most often in the first line, outside quotes; a comma if none does.
pub fn sniff_delimiter(head: &[u8], quote: u8) -> u8 {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut inside = false;
    for byte in head {
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
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(content: &[u8]) -> Result<Vec<Vec<String>>, Error> {
        let chunk = TextChunk::from(content);
        let mut records = Records::new(Path::new("a.csv"), &chunk, b',', b'"');
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
            assert_eq!(sniff_delimiter(content, b'"'), delimiter);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_quoted_is_read_back(rows in prop::collection::vec(prop::collection::vec("[a,\"\n\r é]{0,6}", 2..3), 1..20)) {
            let line = |row: &Vec<String>| row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            let content = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
            prop_assert_eq!(all(content.as_bytes()).expect("readable"), rows);
        }

        #[test]
        fn cut_at_the_last_end_nothing_changes(content in "[a,\"\n\r]{0,40}", cut in 0usize..40) {
            let content = content.as_bytes();
            let head = &content[..cut.min(content.len())];
            let Ok(whole) = all(content) else { return Ok(()) };
            if let Some(end) = last_end(head, b',', b'"') {
                let mut parts = all(&content[..end]).expect("whole records");
                parts.extend(all(&content[end..]).expect("whole records"));
                prop_assert_eq!(parts, whole);
            }
        }

        #[test]
        fn what_is_indexed_is_what_is_read(content in "[ab,\"\n\r]{0,160}", columns in 1usize..4) {
            let content = content.as_bytes();
            if let Some(index) = super::super::index::FieldIndex::new(content, b',', b'"', columns) {
                let rows: Vec<Vec<String>> = (0..index.rows())
                    .map(|row| {
                        (0..columns)
                            .map(|column| {
                                let field = index.field(content, b'"', row, column);
                                let text = String::from_utf8_lossy(field.of(content)).into_owned();
                                if field.quoted { text.replace("\"\"", "\"") } else { text }
                            })
                            .collect()
                    })
                    .collect();
                prop_assert_eq!(all(content).expect("regular"), rows);
            }
        }

        #[test]
        fn regular_records_are_indexed(rows in prop::collection::vec(prop::collection::vec("[a,\"\n\r é]{0,90}", 2..3), 1..20), feed in prop_oneof![Just("\n"), Just("\r\n")]) {
            let line = |row: &Vec<String>| row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            let content = rows.iter().map(|row| line(row) + feed).collect::<String>();
            let index = super::super::index::FieldIndex::new(content.as_bytes(), b',', b'"', 2).expect("regular");
            prop_assert_eq!(index.rows(), rows.len());
        }
    }
}
