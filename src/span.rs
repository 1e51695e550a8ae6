//! Byte positions inside a source text.

use std::hash::{Hash, Hasher};

/// A half-open byte range of a source text.
///
/// Positions are no part of what a syntax tree means: two spans always compare
/// equal and hash alike, so trees can be compared structurally. Tests that care
/// about positions compare [`Span::range`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// As a range, for slicing and for comparing positions.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl Hash for Span {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Maps byte offsets to lines and columns.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<usize>,
    text: String,
    ascii: bool,
    /// Positions that are known without a text.
    known: Vec<(usize, usize)>,
}

/// Columns beyond this many bytes of a line count bytes.
const COUNTED: usize = 64 << 10;

impl LineIndex {
    /// Indexes the line starts of `text`.
    pub fn new(text: &str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { starts, text: text.to_string(), ascii: text.is_ascii(), known: Vec::new() }
    }

    /// An index without a text, of lines and columns from elsewhere: the offset `n` stands for the n-th of them.
    pub fn of_positions(known: Vec<(usize, usize)>) -> Self {
        Self { known, ..Self::new("") }
    }

    /// The first byte of a line, from 1; for lines behind the last, `usize::MAX`.
    pub fn start_of(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(usize::MAX)
    }

    /// Line and column of a byte offset, both from 1; the column counts characters, a byte order
    /// mark not among them.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        if let Some(position) = self.known.get(offset) {
            return *position;
        }
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).filter(|before| !self.ascii && before.len() <= COUNTED);
        (line, before.map_or(offset - start, |before| before.chars().filter(|c| *c != '\u{feff}').count()) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_and_restart_on_every_line() {
        let index = LineIndex::new("ab\nc\n");
        assert_eq!(index.position(0), (1, 1));
        assert_eq!(index.position(3), (2, 1));
        assert_eq!(index.position(5), (3, 1));
        assert_eq!(LineIndex::new("\u{feff}éa").position(5), (1, 2));
        let known = LineIndex::of_positions(vec![(7, 3), (9, 1)]);
        assert_eq!([known.position(0), known.position(1)], [(7, 3), (9, 1)]);
    }
}
