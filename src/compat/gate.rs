//! All schemas of a run: what was found, what of it an allow-file accepts, what that means.

use super::allow::{Acceptance, Allowances};
use super::finding::{Finding, Kind, Place, Severity};
use super::mode::{Direction, Mode};
use super::{Language, Options, Position, Schema, Version, compare};
use crate::json_text::Document;
use std::path::Path;

/// A schema with its earlier versions.
pub struct Subject {
    /// Its name, of the old version if it is gone.
    pub name: String,
    /// Its file, spelt as code hosts spell it; where it was, if it is gone.
    pub file: Option<String>,
    /// The version to be judged; `None` if it is gone.
    pub new: Option<Schema>,
    /// Earlier versions, newest first; none if it is new.
    pub previous: Vec<Version>,
    /// The version that was there, if it is gone.
    pub last: Option<String>,
}

impl Subject {
    /// A schema and its earlier versions, newest first. What was read from no file is shown under its name.
    pub fn new(schema: Schema, previous: Vec<Version>) -> Self {
        let name = schema.name.clone();
        let file = schema.file.as_deref().map_or_else(|| name.clone(), spelt);
        Self { name, file: Some(file), new: Some(schema), previous, last: None }
    }
}

/// A place that reports can show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located {
    /// The file; of git, its path in the repository.
    pub file: Option<String>,
    /// The old version it is in; `None` for the new one.
    pub version: Option<String>,
    /// JSON pointer, or names of columns.
    pub pointer: String,
    /// First character; `None` where there is no text.
    pub start: Option<Position>,
    /// Behind the last character.
    pub end: Option<Position>,
}

/// A finding in its run.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was found.
    pub finding: Finding,
    /// Name of the schema; empty for what is about the run.
    pub schema: String,
    /// Who reads, where that matters.
    pub direction: Option<Direction>,
    /// The old version it was found with.
    pub version: Option<String>,
    /// Where in the schema that reads.
    pub reader: Option<Located>,
    /// Where in the schema that data was written with.
    pub writer: Option<Located>,
    /// Where to look: in the new version, if it is there.
    pub place: Located,
    /// Why it does not count.
    pub accepted: Option<Acceptance>,
}

impl Entry {
    fn new(finding: Finding, subject: &Subject) -> Self {
        let place = Located { file: subject.file.clone(), ..Located::default() };
        let schema = subject.name.clone();
        Self { finding, schema, direction: None, version: None, reader: None, writer: None, place, accepted: None }
    }

    /// About the run or one of its files, not about a schema.
    pub fn of_file(finding: Finding, file: Option<String>, line: Option<usize>) -> Self {
        let start = line.map(|line| (line, 1));
        let place = Located { file, start, end: start, ..Located::default() };
        let schema = String::new();
        Self { finding, schema, direction: None, version: None, reader: None, writer: None, place, accepted: None }
    }
}

/// What became of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was there before.
    Kept,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

impl State {
    /// For reports.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Kept => "kept",
            State::Added => "added",
            State::Removed => "removed",
        }
    }
}

/// A schema of a run.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: Option<String>,
    /// Its language; `None` if it is gone.
    pub language: Option<Language>,
    /// What became of it.
    pub state: State,
    /// Versions it was compared with: direction, name, whether they are compatible.
    pub comparisons: Vec<(Option<Direction>, String, bool)>,
}

/// All that a run found.
#[derive(Debug, Clone)]
pub struct Run {
    /// How it was compared.
    pub mode: Mode,
    /// What with, in the words of the call.
    pub against: String,
    /// All schemas, in order of their files.
    pub schemas: Vec<Judged>,
    /// Findings: what counts before what is accepted, the worst first.
    pub entries: Vec<Entry>,
}

impl Run {
    /// Findings of a severity that count.
    pub fn count(&self, severity: Severity) -> usize {
        let counts = |entry: &&Entry| entry.accepted.is_none() && entry.finding.severity == severity;
        self.entries.iter().filter(counts).count()
    }

    /// Findings that the allow-file accepts.
    pub fn accepted(&self) -> usize {
        self.entries.iter().filter(|entry| entry.accepted.is_some()).count()
    }

    /// The worst finding that counts.
    pub fn worst(&self) -> Option<Severity> {
        self.entries.iter().filter(|entry| entry.accepted.is_none()).map(|entry| entry.finding.severity).max()
    }

    /// Whether no error counts.
    pub fn is_compatible(&self) -> bool {
        self.worst() < Some(Severity::Error)
    }

    /// Whether nothing could be said about some pair of versions.
    pub fn is_incomplete(&self) -> bool {
        self.entries.iter().any(|entry| entry.finding.kind == Kind::NotCompared)
    }

    /// Pairs of versions that were compared.
    pub fn comparisons(&self) -> usize {
        self.schemas.iter().map(|schema| schema.comparisons.len()).sum()
    }
}

/// A path as code hosts and allow-files spell it: with slashes, without `./`.
pub fn spelt(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    text.strip_prefix("./").map_or(text.clone(), str::to_string)
}

/// Compares every subject. What cannot be compared becomes a finding that nothing accepts, so that the
/// others are reported too. `notes` are findings that are known before.
pub fn judge(
    subjects: &[Subject],
    options: &Options,
    against: &str,
    allowances: Option<&Allowances>,
    notes: Vec<Entry>,
) -> Run {
    let mut entries = notes;
    let mut schemas = Vec::with_capacity(subjects.len());
    for subject in subjects {
        schemas.push(judge_one(subject, options, &mut entries));
    }
    if let Some(allowances) = allowances {
        allowances.apply(&mut entries, &schemas);
    }
    let rank = |entry: &Entry| (entry.accepted.is_some(), std::cmp::Reverse(entry.finding.severity));
    entries.sort_by_key(rank);
    Run { mode: options.mode, against: against.to_string(), schemas, entries }
}

fn judge_one(subject: &Subject, options: &Options, entries: &mut Vec<Entry>) -> Judged {
    let mut judged = Judged {
        name: subject.name.clone(),
        file: subject.file.clone(),
        language: subject.new.as_ref().map(Schema::language),
        state: State::Kept,
        comparisons: Vec::new(),
    };
    let compares = options.mode != Mode::None;
    let Some(new) = &subject.new else {
        judged.state = State::Removed;
        if compares {
            let hint = "keep the file, or accept its end in the allow-file";
            let mut entry =
                Entry::new(Finding::new(Kind::SubjectRemoved, "/", subject.name.clone()).hint(hint), subject);
            entry.version = subject.last.clone();
            entries.push(entry);
        }
        return judged;
    };
    if subject.previous.is_empty() {
        judged.state = State::Added;
        if compares {
            let mut entry = Entry::new(Finding::new(Kind::SubjectAdded, "/", subject.name.clone()), subject);
            entry.place = root_of(new, subject);
            entries.push(entry);
        }
        return judged;
    }
    let outcome = match compare(new, &subject.previous, options) {
        Ok(outcome) => outcome,
        Err(reason) => {
            let mut entry = Entry::new(Finding::new(Kind::NotCompared, "/", reason.message), subject);
            entry.place = root_of(new, subject);
            entries.push(entry);
            return judged;
        }
    };
    for comparison in outcome.comparisons {
        let Some(old) = subject.previous.get(comparison.version) else { continue };
        let compatible = comparison.findings.iter().all(|finding| finding.severity < Severity::Error);
        judged.comparisons.push((comparison.direction, old.name.clone(), compatible));
        for finding in comparison.findings {
            entries.push(located(finding, subject, new, old, comparison.direction));
        }
    }
    judged
}

fn located(finding: Finding, subject: &Subject, new: &Schema, old: &Version, direction: Option<Direction>) -> Entry {
    let of_new = |place: &Place| place_in(new, place, subject.file.clone(), None);
    let of_old = |place: &Place| {
        let file = old.schema.file.as_deref().map(spelt);
        place_in(&old.schema, place, file, Some(old.name.clone()))
    };
    let (reader, writer) = (finding.reader.as_ref(), finding.writer.as_ref());
    let (reader, writer) = match direction {
        Some(Direction::Forward) => (reader.map(of_old), writer.map(of_new)),
        Some(Direction::Backward) | None => (reader.map(of_new), writer.map(of_old)),
    };
    let newer = if direction == Some(Direction::Forward) { &writer } else { &reader };
    let place = newer.clone().unwrap_or_else(|| root_of(new, subject));
    let mut entry = Entry::new(finding, subject);
    entry.direction = direction;
    entry.version = Some(old.name.clone());
    entry.reader = reader;
    entry.writer = writer;
    entry.place = place;
    entry
}

fn place_in(schema: &Schema, place: &Place, file: Option<String>, version: Option<String>) -> Located {
    let positions = schema.positions(place);
    Located {
        file,
        version,
        pointer: place.pointer.clone(),
        start: positions.map(|(start, _)| start),
        end: positions.map(|(_, end)| end),
    }
}

/// The first character of a schema: marking all of it would hide the rest.
fn root_of(schema: &Schema, subject: &Subject) -> Located {
    let first = |document: &Document| document.position(document.span(document.root()));
    let start = schema.document().map(first);
    Located { file: subject.file.clone(), start, end: start, ..Located::default() }
}
