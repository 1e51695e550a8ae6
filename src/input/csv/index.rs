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
    /// Whether some quoted field holds a quote.
    pub has_doubled_quotes: bool,
}

/// A field as it stands in the chunk: its place without the quotes around it. Doubled quotes are still
/// doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawField {
    pub start: usize,
    pub end: usize,
    /// Whether there were quotes around it.
    pub quoted: bool,
}

impl RawField {
    /// Its bytes.
    #[inline]
    pub fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing was written.
    #[inline]
    pub fn is_blank(&self) -> bool {
        self.start == self.end && !self.quoted
    }
}

impl FieldIndex {
    /// Finds the fields of whole records; `None` when they are not regular.
    pub fn new(bytes: &[u8], delimiter: u8, quote: u8, columns: usize) -> Option<Self> {
        if bytes.len() >= u32::MAX as usize {
            return None;
        }
        let mut finder =
            Finder { bytes, columns, ends: Vec::with_capacity(bytes.len() / 8), start: 0, fields: 0, regular: true };
        let mut quotes = Quotes::default();
        let mut feed_expected = false;
        each_block(bytes, [delimiter, b'\n', b'\r', quote], |at, masks| {
            let (separators, returns) = quotes.block(masks);
            let before_feed = returns << 1 | u64::from(feed_expected);
            finder.regular &= before_feed & !masks[1] == 0;
            feed_expected = returns >> 63 == 1;
            let mut rest = separators;
            while rest != 0 {
                finder.end(at + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        });
        // A last line without an end.
        if finder.start < bytes.len() {
            finder.end(bytes.len());
        }
        let whole = finder.regular && finder.fields == 0 && !feed_expected && quotes.end(bytes.last() == Some(&quote));
        whole.then_some(Self { ends: finder.ends, columns, has_doubled_quotes: quotes.doubled })
    }

    /// Records.
    pub fn rows(&self) -> usize {
        self.ends.len() / self.columns.max(1)
    }

    /// A field.
    #[inline]
    pub fn field(&self, bytes: &[u8], quote: u8, row: usize, column: usize) -> RawField {
        let at = row * self.columns + column;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize + 1 };
        let mut end = self.ends[at] as usize;
        if column + 1 == self.columns && end > start && bytes[end - 1] == b'\r' {
            end -= 1;
        }
        // A regular field that starts with a quote ends with one.
        if bytes.get(start) == Some(&quote) && end >= start + 2 {
            RawField { start: start + 1, end: end - 1, quoted: true }
        } else {
            RawField { start, end, quoted: false }
        }
    }

    /// The position of a record's first byte.
    pub fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row * self.columns - 1] as usize + 1 }
    }
}

/// Keeps track of quotes from block to block.
pub struct Quotes {
    /// All bits, if the block starts within quotes.
    inside: u64,
    /// The lowest bit, if a quoted field may start with the block.
    opening_allowed: u64,
    /// Whether the block before ended with a closing quote.
    closed: bool,
    /// Whether all quotes so far stand around whole fields or doubled within them.
    regular: bool,
    /// Whether there are doubled ones.
    doubled: bool,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { inside: 0, opening_allowed: 1, closed: false, regular: true, doubled: false }
    }
}

impl Quotes {
    /// For the places of delimiters, line feeds, carriage returns and quotes in a block: those of
    /// separators and carriage returns that stand outside quotes.
    #[inline]
    pub fn block(&mut self, [delimiters, feeds, returns, quotes]: [u64; 4]) -> (u64, u64) {
        if quotes == 0 && self.inside == 0 {
            let (separators, ends) = (delimiters | feeds, delimiters | feeds | returns);
            self.regular &= !self.closed || ends & 1 == 1;
            self.closed = false;
            self.opening_allowed = ends >> 63;
            return (separators, returns);
        }
        // After each quote the meaning of what follows is turned over.
        let quoted = parity(quotes) ^ self.inside;
        let (opening, closing) = (quotes & quoted, quotes & !quoted);
        let separators = (delimiters | feeds) & !quoted;
        let returns = returns & !quoted;
        let ends = separators | returns;
        // A field starts behind a separator; within quotes, a quote follows the one that doubles it.
        self.regular &= opening & !((ends | closing) << 1 | self.opening_allowed) == 0;
        self.doubled |= opening & (closing << 1 | u64::from(self.closed)) != 0;
        // A closing quote ends the field or is doubled.
        let follows = ends | opening;
        self.regular &= !self.closed || follows & 1 == 1;
        self.regular &= closing & !(follows >> 1) & !(1 << 63) == 0;
        self.closed = closing >> 63 == 1;
        self.opening_allowed = (ends | closing) >> 63;
        self.inside = ((quoted as i64) >> 63) as u64;
        (separators, returns)
    }

    /// Whether all quotes were regular and closed; text may end with a closing quote.
    pub fn end(&self, last_is_quote: bool) -> bool {
        self.regular && self.inside == 0 && (!self.closed || last_is_quote)
    }

    /// Whether all quotes so far were regular.
    pub fn is_regular(&self) -> bool {
        self.regular
    }
}

/// Where the last record ends with a line feed; `None` when there is none or quotes are not regular.
pub fn last_regular_end(bytes: &[u8], delimiter: u8, quote: u8) -> Option<usize> {
    let mut quotes = Quotes::default();
    let mut last = None;
    each_block(bytes, [delimiter, b'\n', b'\r', quote], |at, masks| {
        let (separators, _) = quotes.block(masks);
        let feeds = separators & masks[1];
        if feeds != 0 {
            last = Some(at + 64 - feeds.leading_zeros() as usize);
        }
    });
    last.filter(|_| quotes.is_regular())
}

struct Finder<'a> {
    bytes: &'a [u8],
    columns: usize,
    ends: Vec<u32>,
    /// Where the current field starts.
    start: usize,
    /// Fields of the current record that have ended.
    fields: usize,
    regular: bool,
}

impl Finder<'_> {
    /// The current field ends before a separator.
    #[inline]
    fn end(&mut self, end: usize) {
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
