//! Comparisons of schemas to bytes. A format is one file of this room and one line of [`FORMATS`].
//!
//! Texts of schemas are never shown: findings name places in them.

mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use super::rendered;
use super::text::{Style, grouped};
use crate::compat::finding::{Kind, Severity};
use crate::compat::gate::{Entry, Located, Run, State};
use crate::compat::mode::{Direction, Mode};
use std::io::{self, Write};

/// Everything a format may show.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// What was found.
    pub run: &'a Run,
    /// How to show it to people.
    pub style: Style,
    /// The severity from which on findings fail the run.
    pub fail_on: Severity,
}

impl<'a> Report<'a> {
    /// Of a run, without colours; errors fail it.
    pub fn new(run: &'a Run) -> Self {
        Self { run, style: Style::default(), fail_on: Severity::Error }
    }

    /// The text of a format of [`FORMATS`], such as `text`.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput`: there is no such format.
    pub fn render(&self, format: &str) -> io::Result<String> {
        let write = find(format).map(|format| |out: &mut dyn Write| (format.write)(self, out));
        rendered(format, write, FORMATS.iter().map(|format| format.name))
    }
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
    Format { name: "sarif", write: sarif::write },
    Format { name: "junit", write: junit::write },
    Format { name: "github", write: github::write },
    Format { name: "markdown", write: markdown::write },
];

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// What it is, in a sentence without its end.
fn sentence(entry: &Entry) -> String {
    let description = entry.finding.kind.description();
    match entry.finding.message.as_str() {
        "" => description.to_string(),
        message => format!("{description}: {message}"),
    }
}

/// With which version, and who cannot read whose data.
fn circumstances(entry: &Entry) -> Option<String> {
    let version = entry.version.as_deref()?;
    Some(match entry.direction {
        Some(Direction::Backward) => format!("BACKWARD: reading data of {version}"),
        Some(Direction::Forward) => format!("FORWARD: {version} reading data of the new version"),
        None => format!("compared with {version}"),
    })
}

/// `file:line:column` of a place.
fn spot(place: &Located) -> String {
    let file = place.file.as_deref().unwrap_or("-");
    match place.start {
        Some((line, column)) => format!("{file}:{line}:{column}"),
        None if place.pointer.is_empty() => file.to_string(),
        None => format!("{file}:{}", place.pointer),
    }
}

/// Where the same is in the old version.
fn old_spot(entry: &Entry) -> Option<String> {
    let old = [&entry.reader, &entry.writer].into_iter().flatten().find(|place| place.version.is_some())?;
    let version = old.version.as_deref().unwrap_or_default();
    Some(match old.start {
        Some((line, column)) => format!("{version}:{line}:{column}"),
        None => format!("{version}:{}", old.pointer),
    })
}

/// Why it does not count.
fn acceptance(entry: &Entry) -> Option<String> {
    let accepted = entry.accepted.as_ref()?;
    let until = accepted.expires.map_or(String::new(), |day| format!(", until {day}"));
    Some(format!("accepted{until}: {}", accepted.reason))
}

/// The word for all of it.
fn verdict(report: &Report<'_>) -> &'static str {
    match report.run.worst() {
        _ if report.run.is_incomplete() => "ERROR",
        Some(worst) if worst >= report.fail_on => "FAIL",
        _ => "PASS",
    }
}

/// `1 error, 2 warnings, 1 accepted`
fn counts(run: &Run) -> String {
    let many = |count: usize, one: &str, more: &str| {
        (count > 0).then(|| format!("{} {}", grouped(count as u64), if count == 1 { one } else { more }))
    };
    let parts: Vec<String> = [
        many(run.count(Severity::Error), "error", "errors"),
        many(run.count(Severity::Warning), "warning", "warnings"),
        many(run.count(Severity::Information), "note", "notes"),
        many(run.accepted(), "accepted", "accepted"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "no findings".to_string() } else { parts.join(", ") }
}

/// What was compared with what.
fn facts(run: &Run) -> String {
    let state = |state: State| run.schemas.iter().filter(|schema| schema.state == state).count();
    let number =
        |count: usize, word: &str| format!("{} {word}{}", grouped(count as u64), if count == 1 { "" } else { "s" });
    let schemas = number(run.schemas.len(), "schema");
    let against = &run.against;
    if run.mode == Mode::None {
        return format!("{schemas} not compared, as mode NONE wants it");
    }
    let mut parts = vec![format!("{schemas} against {against}, {}", run.mode)];
    parts.push(number(run.comparisons(), "comparison"));
    parts.extend([State::Added, State::Removed].into_iter().filter_map(|which| {
        let count = state(which);
        (count > 0).then(|| format!("{count} {}", which.as_str()))
    }));
    parts.join(", ")
}

/// Whether a finding is about the run, not about a schema.
fn is_about_the_run(entry: &Entry) -> bool {
    entry.schema.is_empty()
        || matches!(entry.finding.kind, Kind::AllowanceUnused | Kind::AllowanceExpired | Kind::VersionSkipped)
}

#[cfg(test)]
mod example;
