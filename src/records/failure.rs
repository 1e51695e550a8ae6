//! What is wrong with a record, and where the record is.

use super::arena::{Arena, Id};
use crate::error::escape_controls;
use std::borrow::Cow;

/// Characters of a message.
const LONGEST_MESSAGE: usize = 300;

/// Characters of a pointer: names in a record are as long as its writer likes.
const LONGEST_POINTER: usize = 300;

/// Characters of a value, where values are shown.
const LONGEST_VALUE: usize = 80;

/// Where a record is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The line it starts on, from 1.
    Line(u64),
    /// How many records are in front of it.
    Index(u64),
}

impl Place {
    /// The word and the number.
    pub fn parts(self) -> (&'static str, u64) {
        match self {
            Place::Line(line) => ("line", line),
            Place::Index(index) => ("index", index),
        }
    }
}

/// Something wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// JSON pointer to the value; empty for the record itself.
    pub pointer: String,
    /// The keyword of the schema; `syntax`, `size` and `fields` for what is no record at all.
    pub keyword: Cow<'static, str>,
    /// What is wrong, without the value unless values are shown.
    pub message: String,
}

impl Failure {
    /// A failure, its texts bounded and without control characters.
    pub fn new(pointer: &str, keyword: impl Into<Cow<'static, str>>, message: &str) -> Self {
        Self {
            pointer: escape_controls(&shortened(pointer, LONGEST_POINTER)),
            keyword: keyword.into(),
            message: escape_controls(&shortened(message, LONGEST_MESSAGE)),
        }
    }

    /// Says what the value is.
    pub fn showing(mut self, arena: &Arena<'_>, value: Id) -> Self {
        let mut text = Vec::new();
        arena.write(value, &mut text);
        let text = String::from_utf8_lossy(&text);
        self.message = format!("{}: got {}", self.message, escape_controls(&shortened(&text, LONGEST_VALUE)));
        self
    }

    /// The pointer with `*` for every position in an array, so that failures of all items count together.
    pub fn path(&self) -> String {
        let is_position = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !self.pointer.split('/').any(is_position) {
            return self.pointer.clone();
        }
        let parts: Vec<&str> = self.pointer.split('/').map(|part| if is_position(part) { "*" } else { part }).collect();
        parts.join("/")
    }
}

/// A record that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRecord {
    /// The file among those that were read.
    pub file: usize,
    /// Where in it.
    pub place: Place,
    /// What is wrong, by pointer.
    pub failures: Vec<Failure>,
    /// Whether more is wrong than is listed.
    pub more: bool,
}

/// A text of at most so many characters.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A pointer one level deeper.
pub fn deeper(pointer: &str, name: &str) -> String {
    if name.contains(['~', '/']) {
        return format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    }
    format!("{pointer}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_arrays_count_together() {
        let path = |pointer: &str| Failure::new(pointer, "type", "").path();
        assert_eq!(path("/items/12/price"), "/items/*/price");
        assert_eq!(path("/2/3"), "/*/*");
        assert_eq!(path("/a1"), "/a1");
        assert_eq!(path(""), "");
    }

    #[test]
    fn texts_are_bounded_and_escaped() {
        let failure = Failure::new("/a", "type", &"\u{1b}[31m".repeat(1000));
        assert!(failure.message.chars().count() < 4_000 && !failure.message.contains('\u{1b}'));
        assert_eq!(deeper("/a", "b/c~"), "/a/b~1c~0");
    }
}
