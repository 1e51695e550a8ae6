//! Where schemas and their earlier versions come from: names on the command line to subjects.
//!
//! `files` reads files and directories of versions, `git` asks the git program for texts of
//! other revisions, without checkout; `revisions` decides which of them are versions of what. A
//! `tree` holds the texts that belong together on one side, so that Avro schemas find the types
//! that other files define (`links`). `pairing` says which old schema a new one comes from: the
//! full name decides, then the path.

mod files;
mod git;
mod links;
mod pairing;
mod revisions;
mod tree;

use super::finding::{Finding, Kind};
use super::gate::{Entry, Subject, spelt};
use super::{Language, Schema};
use crate::error::escape_controls;
use std::fmt;
use std::path::{Path, PathBuf};
use tree::{Bytes, File, Reading, Tree};

/// Bytes of the largest schema.
pub const MOST_BYTES: u64 = 64 << 20;

/// Schemas compared in one run.
pub const MOST_SCHEMAS: usize = 100_000;

/// Versions of one schema, the newest first.
pub const MOST_VERSIONS: usize = 1_000;

/// What schemas are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// One old file and one new one.
    Files {
        /// The earlier version.
        old: PathBuf,
        /// The version to be judged.
        new: PathBuf,
    },
    /// A file, or a directory of versions.
    Path(PathBuf),
    /// A revision of the repository.
    Revision {
        /// In the words of git.
        revision: String,
        /// The file or directory there, when it is not the one given.
        path: Option<PathBuf>,
    },
    /// Where the branch that is checked out left another one.
    MergeBase(String),
    /// What a push adds: where the second revision left the first, up to the second.
    Push {
        /// What is there already.
        from: String,
        /// What is pushed.
        to: String,
    },
}

impl Base {
    /// Reads `git:REV`, `git:REV:PATH`, `merge-base:BRANCH`, a path that exists, or a revision.
    pub fn parse(text: &str) -> Self {
        if let Some(rest) = text.strip_prefix("git:") {
            let (revision, path) = match rest.split_once(':') {
                Some((revision, path)) if !path.is_empty() => (revision, Some(PathBuf::from(path))),
                Some((revision, _)) => (revision, None),
                None => (rest, None),
            };
            return Base::Revision { revision: revision.to_string(), path };
        }
        if let Some(branch) = text.strip_prefix("merge-base:") {
            return Base::MergeBase(branch.to_string());
        }
        let path = Path::new(text);
        // What looks like a path is meant as one, whether it is there or not.
        let is_path = path.exists() || text.starts_with(['.', '/']) || files::is_schema_name(path, None);
        if is_path {
            return Base::Path(path.to_path_buf());
        }
        Base::Revision { revision: text.to_string(), path: None }
    }
}

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct Request {
    /// Files, directories and patterns of the new versions; all schemas of the repository when empty.
    pub schemas: Vec<PathBuf>,
    /// What with.
    pub base: Base,
    /// The language of all files, when names and contents do not tell.
    pub language: Option<Language>,
    /// Whether the new versions are those that are staged for the next commit.
    pub staged: bool,
    /// The revision that has the new versions, instead of the files on disk.
    pub new_revision: Option<String>,
    /// Whether old versions may break rules that new ones have to keep, and are left out when they cannot be read.
    pub lenient_old: bool,
    /// Whether all earlier versions are asked for, not only the newest.
    pub every_version: bool,
    /// Files and directories with types that schemas refer to, not compared themselves.
    pub references: Vec<PathBuf>,
}

/// Schemas with their earlier versions.
pub struct Loaded {
    /// One for each schema, in order of their files.
    pub subjects: Vec<Subject>,
    /// What is to be said about the run.
    pub notes: Vec<Entry>,
    /// Whether all schemas of a place were looked at, so that one that is not there is gone.
    pub whole: bool,
    /// What it is compared with, for people.
    pub against: String,
}

/// A mistake in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, with its version if that is an old one.
    pub file: String,
    /// Line and column, where there are such.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
}

/// Why nothing is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Schemas that cannot be read, all of them.
    pub mistakes: Vec<Mistake>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, mistakes: Vec::new() }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn of(mistakes: Vec<Mistake>) -> Self {
        let message = match mistakes.len() {
            1 => "a schema cannot be read".to_string(),
            many => format!("{many} mistakes: schemas cannot be read"),
        };
        Self { message, help: None, mistakes }
    }
}

impl fmt::Display for Refusal {
    /// The message, then each mistake and the help, in lines of their own.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&escape_controls(&self.message))?;
        for mistake in &self.mistakes {
            let place = mistake.position.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
            write!(out, "\n  {}{place}: {}", escape_controls(&mistake.file), escape_controls(&mistake.message))?;
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(out, "\n  help: {}", escape_controls(help)))
    }
}

impl std::error::Error for Refusal {}

impl From<crate::error::Error> for Refusal {
    fn from(error: crate::error::Error) -> Self {
        let refusal = Refusal::new(error.to_string());
        match error.help() {
            Some(help) => refusal.help(help),
            None => refusal,
        }
    }
}

/// Reads all that a run compares. Nothing is written, checked out or fetched.
///
/// # Errors
///
/// When a file, a revision or a schema cannot be read, and when there is nothing to compare.
pub fn load(request: &Request) -> Result<Loaded, Refusal> {
    let mut loaded = match &request.base {
        Base::Files { old, new } => files::two(old, new, request)?,
        Base::Path(path) => files::versions(path, request)?,
        Base::Revision { .. } | Base::MergeBase(_) | Base::Push { .. } => revisions::load(request)?,
    };
    if loaded.subjects.is_empty() {
        let help = "name schema files, directories or patterns; files that end otherwise need --type";
        return Err(Refusal::new("nothing was compared: there is no schema here").help(help));
    }
    for subject in &mut loaded.subjects {
        if subject.previous.len() > MOST_VERSIONS {
            subject.previous.truncate(MOST_VERSIONS);
            let message = format!("{}: only the newest {MOST_VERSIONS} versions are compared", subject.name);
            loaded.notes.push(skipped(message, subject.file.clone()));
        }
    }
    Ok(loaded)
}

/// One schema that refers to no others: that of a file, or of the text that would be in it.
pub(super) fn alone(path: &Path, text: Option<&str>) -> Result<Schema, Refusal> {
    let file = match text {
        Some(text) => {
            let (bytes, shown) = (Bytes::Held(text.as_bytes().to_vec()), spelt(path));
            File { path: path.to_path_buf(), shown, bytes, compared: true }
        }
        None => files::file(path.to_path_buf(), true, None)?,
    };
    Tree::new(vec![file], Reading { language: None, lenient: false }).parse(0).map_err(Refusal::of)
}

/// Says that an old version was not compared.
fn skipped(message: String, file: Option<String>) -> Entry {
    Entry::of_file(Finding::new(Kind::VersionSkipped, "/", message), file, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_their_words() {
        let revision = |revision: &str, path: Option<&str>| Base::Revision {
            revision: revision.into(),
            path: path.map(PathBuf::from),
        };
        let cases = [
            ("git:main", revision("main", None)),
            ("git:HEAD~2:schemas/user.avsc", revision("HEAD~2", Some("schemas/user.avsc"))),
            ("git:main:", revision("main", None)),
            ("merge-base:origin/main", Base::MergeBase("origin/main".into())),
            ("v1.2.3", revision("v1.2.3", None)),
            ("./nowhere", Base::Path("./nowhere".into())),
            ("nowhere.avsc", Base::Path("nowhere.avsc".into())),
            ("/", Base::Path("/".into())),
        ];
        for (text, base) in cases {
            assert_eq!(Base::parse(text), base, "{text}");
        }
    }
}
