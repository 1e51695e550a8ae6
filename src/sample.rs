//! Rows that fail, ready to be shown, and how many there are.
//!
//! What looks for them and what shows them are different rooms; this is what they hand over.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of a value that are shown.
pub const LONGEST: usize = 60;

/// What is shown instead of the rest of a longer value.
pub const REST: &str = "...";

/// A cell of a row, ready to be shown: cut, not yet escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// No value.
    Null,
    /// Text, shown in quotes.
    Text(String),
    /// Numbers, dates and everything else that is shown as it is.
    Value(String),
}

impl Cell {
    /// Text, cut.
    pub fn text(text: &str) -> Self {
        Cell::Text(cut(text))
    }

    /// A value that is no text, cut.
    pub fn value(text: &str) -> Self {
        Cell::Value(cut(text))
    }

    /// What is shown, without quotes; nothing for NULL.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Cell::Null => None,
            Cell::Text(text) | Cell::Value(text) => Some(text),
        }
    }
}

/// With quotes around texts: the text `NULL` is not NULL, the text `1` is no number.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("NULL"),
            Cell::Text(text) => write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Cell::Value(text) => f.write_str(text),
        }
    }
}

/// The start of a text, cut between characters.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}{REST}", &text[..end]),
        None => text.to_string(),
    }
}

/// One row that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRow {
    /// Its file, by position among the files of the run.
    pub file: usize,
    /// Its number among the rows of data in that file, from 1; a header is no row.
    pub row: u64,
    /// The columns that tell rows apart, as the user chose them.
    pub key: Vec<(String, Cell)>,
    /// The cells that the rule judged.
    pub cells: Vec<(String, Cell)>,
    /// The cells of the other side where two datasets are compared, paired with `cells` by name.
    pub reference: Vec<(String, Cell)>,
    /// Where rows must differ: which group of equal rows it belongs to, from 0.
    pub group: Option<usize>,
}

/// Failing rows of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// All rows that fail.
    pub failing: u64,
    /// Some of them.
    pub rows: Vec<SampleRow>,
}

/// What became of the rows under a rule; together these are all rows of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCounts {
    /// Rows that pass.
    pub passed: u64,
    /// Rows that fail.
    pub failed: u64,
    /// Rows that were not judged.
    pub skipped: u64,
}

impl RowCounts {
    /// All rows.
    pub fn total(&self) -> u64 {
        self.passed + self.failed + self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_short_ones_are_not() {
        assert_eq!(Cell::text("ab"), Cell::Text("ab".into()));
        let whole = "é".repeat(LONGEST);
        assert_eq!(Cell::text(&whole), Cell::Text(whole.clone()));
        assert_eq!(Cell::text(&format!("{whole}x")), Cell::Text(format!("{whole}{REST}")));
    }

    #[test]
    fn texts_that_look_like_other_things_are_told_apart_by_quotes() {
        let shown = [Cell::Null, Cell::text("NULL"), Cell::text("1"), Cell::value("1")].map(|cell| cell.to_string());
        assert_eq!(shown, ["NULL", "\"NULL\"", "\"1\"", "1"]);
    }
}
