//! Runs to bytes. Reports compute nothing: what they show is in the [`Run`].
//!
//! A format is one file of this room and one line of [`FORMATS`].

mod glue;
mod json;
mod text;

pub use text::{Style, bytes_text, wrapped};

use crate::check::Run;
use crate::span::LineIndex;
use std::io::{self, Write};

/// Everything a format may show.
pub struct Report<'a> {
    /// What was found.
    pub run: &'a Run,
    /// Name of the ruleset: its path, or `-`.
    pub ruleset: &'a str,
    /// Lines of the ruleset's text.
    pub lines: &'a LineIndex,
    /// Whether to show times that differ between runs.
    pub timed: bool,
    /// How to show it to people.
    pub style: Style,
}

/// A report format.
pub struct Format {
    /// The word for `--format` and `--output`.
    pub name: &'static str,
    /// Writes a report.
    pub write: fn(&Report<'_>, &mut dyn Write) -> io::Result<()>,
}

/// All formats.
pub static FORMATS: &[Format] = &[
    Format { name: "text", write: text::write },
    Format { name: "json", write: json::write },
    Format { name: "glue", write: glue::write },
];

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
