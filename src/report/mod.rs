//! Runs to bytes. Reports compute nothing: what they show is in the [`Run`].
//!
//! A format is one file of this room and one line of [`FORMATS`]. What it shows is in our JSON
//! too: [`saved`] reads that back, and every format is the same again.

mod cloudwatch;
#[cfg(feature = "contracts")]
pub mod compat;
mod emf;
mod eventbridge;
mod finding;
mod github;
mod gitlab;
mod glue;
mod glue_s3;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod openlineage;
mod prometheus;
mod publication;
#[cfg(feature = "contracts")]
pub mod records;
mod sarif;
pub mod saved;
mod text;
mod webhook;

pub use finding::Severity;
pub use publication::Publication;
pub use text::{Style, bytes_text, percent, wrapped};

use crate::check::{Ruleset, Run};
use crate::span::LineIndex;
use std::io::{self, Write};
use std::path::PathBuf;

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
    /// Names for services and tools that collect results.
    pub publication: &'a Publication,
}

impl<'a> Report<'a> {
    /// Of a run under a ruleset, called `name`: with times, without colours.
    pub fn new(run: &'a Run, ruleset: &'a Ruleset, name: &'a str, publication: &'a Publication) -> Self {
        Self { run, ruleset: name, lines: ruleset.lines(), timed: true, style: Style::default(), publication }
    }

    /// The text of a format of [`FORMATS`], such as `json` or `emf`.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput`: there is no such format, or a service would not take what the report says.
    pub fn render(&self, format: &str) -> io::Result<String> {
        let write = find(format).map(|format| |out: &mut dyn Write| (format.write)(self, out));
        rendered(format, write, FORMATS.iter().map(|format| format.name))
    }
}

/// The text that a format writes; `names` are those that there are.
fn rendered(
    format: &str,
    write: Option<impl FnOnce(&mut dyn Write) -> io::Result<()>>,
    names: impl Iterator<Item = &'static str>,
) -> io::Result<String> {
    let Some(write) = write else {
        let names = names.collect::<Vec<_>>().join(", ");
        let message = format!("there is no report format `{format}`; formats are {names}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
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
    Format { name: "glue-s3", write: glue_s3::write },
    Format { name: "cloudwatch", write: cloudwatch::write },
    Format { name: "emf", write: emf::write },
    Format { name: "eventbridge", write: eventbridge::write },
    Format { name: "jsonl", write: jsonl::write },
    Format { name: "openlineage", write: openlineage::write },
    Format { name: "prometheus", write: prometheus::write },
    Format { name: "html", write: html::write },
    Format { name: "junit", write: junit::write },
    Format { name: "sarif", write: sarif::write },
    Format { name: "markdown", write: markdown::write },
    Format { name: "github", write: github::write },
    Format { name: "gitlab", write: gitlab::write },
    Format { name: "webhook", write: webhook::write },
];

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The file that a report becomes below a directory, of formats that are read by directory.
pub fn file_below(format: &Format, report: &Report<'_>) -> Option<PathBuf> {
    (format.name == "glue-s3").then(|| glue_s3::file_below(report))
}

#[cfg(test)]
mod example;
