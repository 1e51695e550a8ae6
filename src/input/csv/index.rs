//! Where the fields of regular CSV are, found 64 bytes at a time.
//!
//! Regular means: every record has the same number of fields, quotes stand only around whole fields
//! or doubled within them, lines end with a line feed or both bytes. What is not regular is left to
//! the plain reader, which decides what it means.

use crate::input::structural::{each_block, parity};

/// Fields of a chunk.
pub struct FieldIndex {
    /// The byte behind each field, in order.
    ends: Vec<u32>,
    columns: usize,
}

/// A field as it stands in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawField<'a> {
    /// Its bytes, without the quotes around it; doubled quotes are still doubled.
    pub bytes: &'a [u8],
    /// Whether there were quotes around it.
    pub quoted: bool,
}

impl FieldIndex {
    /// Finds the fields of whole records; `None` when they are not regular.
    pub fn new(bytes: &[u8], delimiter: u8, quote: u8, columns: usize) -> Option<Self> {
        if bytes.len() >= u32::MAX as usize {
            return None;
        }
        let mut finder = Finder {
            bytes,
            quote,
            columns,
            ends: Vec::with_capacity(bytes.len() / 8),
            start: 0,
            fields: 0,
            quotes: 0,
            regular: true,
        };
        let (mut inside, mut feed_expected) = (0u64, false);
        each_block(bytes, [delimiter, b'\n', b'\r', quote], |at, [delimiters, feeds, returns, quotes]| {
            // After each quote the meaning of what follows is turned over.
            let quoted = parity(quotes) ^ inside;
            inside = ((quoted as i64) >> 63) as u64;
            let returns = returns & !quoted;
            let before_feed = returns << 1 | u64::from(feed_expected);
            finder.regular &= before_feed & !feeds == 0;
            feed_expected = returns >> 63 == 1;
            let mut separators = (delimiters | feeds) & !quoted;
            if quotes == 0 {
                while separators != 0 {
                    finder.end(at + separators.trailing_zeros() as usize, 0);
                    separators &= separators - 1;
                }
            } else {
                let mut rest = quotes;
                while separators != 0 {
                    let bit = separators.trailing_zeros();
                    let below = (1u64 << bit) - 1;
                    finder.end(at + bit as usize, (rest & below).count_ones());
                    rest &= !below;
                    separators &= separators - 1;
                }
                finder.quotes += rest.count_ones();
            }
        });
        finder.regular &= inside == 0 && !(feed_expected && bytes.last() != Some(&b'\r'));
        // A last line without an end.
        if finder.start < bytes.len() {
            finder.end(bytes.len(), 0);
        }
        let whole = finder.regular && finder.fields == 0 && !feed_expected;
        whole.then_some(Self { ends: finder.ends, columns })
    }

    /// Records.
    pub fn rows(&self) -> usize {
        self.ends.len() / self.columns.max(1)
    }

    /// A field.
    #[inline]
    pub fn field<'a>(&self, bytes: &'a [u8], quote: u8, row: usize, column: usize) -> RawField<'a> {
        let at = row * self.columns + column;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize + 1 };
        let mut field = &bytes[start..self.ends[at] as usize];
        if column + 1 == self.columns
            && let [head @ .., b'\r'] = field
        {
            field = head;
        }
        match field {
            [first, inner @ .., last] if *first == quote && *last == quote => RawField { bytes: inner, quoted: true },
            _ => RawField { bytes: field, quoted: false },
        }
    }

    /// The position of a record's first byte.
    pub fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row * self.columns - 1] as usize + 1 }
    }
}

struct Finder<'a> {
    bytes: &'a [u8],
    quote: u8,
    columns: usize,
    ends: Vec<u32>,
    /// Where the current field starts.
    start: usize,
    /// Fields of the current record that have ended.
    fields: usize,
    /// Quotes in the current field in earlier blocks.
    quotes: u32,
    regular: bool,
}

impl Finder<'_> {
    /// The current field ends before a separator; `quotes` of it are in this block.
    #[inline]
    fn end(&mut self, end: usize, quotes: u32) {
        let quotes = std::mem::take(&mut self.quotes) + quotes;
        if quotes > 0 {
            self.regular &= is_regular(&self.bytes[self.start..end], self.quote, quotes);
        }
        self.ends.push(end as u32);
        self.fields += 1;
        if self.bytes.get(end).is_none_or(|byte| *byte == b'\n') {
            // A blank line is no record.
            let blank = self.fields == 1 && matches!(&self.bytes[self.start..end], [] | [b'\r']);
            self.regular &= self.fields == self.columns && !blank;
            self.fields = 0;
        }
        self.start = end + 1;
    }
}

/// Whether quotes in a field stand around it and, doubled, within it.
fn is_regular(field: &[u8], quote: u8, quotes: u32) -> bool {
    let field = field.strip_suffix(b"\r").unwrap_or(field);
    match field {
        [first, inner @ .., last] if *first == quote && *last == quote => {
            quotes == 2 || {
                let mut rest = inner.iter();
                while let Some(byte) = rest.next() {
                    if *byte == quote && rest.next() != Some(&quote) {
                        return false;
                    }
                }
                true
            }
        }
        _ => false,
    }
}
