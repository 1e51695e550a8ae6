//! Questions about files: which they are, and what becomes of them.

use crate::error::{Error, shown};
use crate::input::Dataset;
use crate::input::files::{FileEntry, checksum, list};
use crate::metrics::files::{Algorithm, FileFacts, FileQuestion, FileTest, Selection};
use crate::metrics::pattern::{Extent, Pattern};
use crate::metrics::test::CompiledTest;
use crate::unevaluated::Unevaluated;
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::i256;
use arrow_schema::DataType;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

fn unreadable(error: &Error) -> Unevaluated {
    let reason = Unevaluated::new("unreadable_file", error.to_string());
    match error.help() {
        Some(help) => reason.help(help),
        None => reason,
    }
}

fn hash(path: &Path, algorithm: Algorithm) -> Result<String, Unevaluated> {
    match algorithm {
        Algorithm::Md5 => checksum::<md5::Md5>(path),
        Algorithm::Sha1 => checksum::<sha1::Sha1>(path),
        Algorithm::Sha256 => checksum::<sha2::Sha256>(path),
    }
    .map_err(|error| unreadable(&error))
}

/// Looks at the files of a question.
pub fn answer(question: &FileQuestion, primary: &Dataset) -> Result<FileFacts, Unevaluated> {
    let files = match &question.path {
        Some(path) => list(path),
        None => Ok(primary.inputs().map(FileEntry::from).collect()),
    };
    let files = selected(files.map_err(|error| unreadable(&error))?, &question.selection)?;
    let mut facts = FileFacts { files: files.len() as u64, ..FileFacts::default() };
    facts.smallest = files.iter().map(|file| file.size).min().unwrap_or(0);
    facts.largest = files.iter().map(|file| file.size).max().unwrap_or(0);
    if files.is_empty() {
        return Err(Unevaluated::new("no_files", "No files: there is nothing to judge")
            .help("check the path, and the tags recentFiles and uriRegex"));
    }
    let mut judge = Judge::new(question, &files)?;
    for file in &files {
        match judge.offence(file)? {
            None => facts.satisfying += 1,
            Some(offence) => {
                facts.offender.get_or_insert_with(|| format!("{} {offence}", shown(&file.path)));
                if question.fail_fast {
                    // One bad file is the answer: there is no share to compute.
                    facts.satisfying = 0;
                    break;
                }
            }
        }
    }
    if let Some(missing) = judge.unmatched() {
        facts.satisfying = facts.satisfying.min(facts.files - 1);
        facts.offender.get_or_insert(missing);
    }
    Ok(facts)
}

/// The files that the tags leave, by path.
fn selected(files: Vec<FileEntry>, selection: &Selection) -> Result<Vec<FileEntry>, Unevaluated> {
    let pattern =
        selection.pattern.as_deref().map(|source| Pattern::new(source, Extent::Part)).transpose().map_err(|error| {
            Unevaluated::new("invalid_pattern", format!("uriRegex does not compile: {}", error.message))
        })?;
    let matching = |files: Vec<FileEntry>| -> Vec<FileEntry> {
        let Some(pattern) = &pattern else { return files };
        files.into_iter().filter(|file| pattern.is_match(&file.path.to_string_lossy()) == Some(true)).collect()
    };
    let newest = |mut files: Vec<FileEntry>| -> Vec<FileEntry> {
        if let Some(recent) = selection.recent {
            files.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
            files.truncate(recent);
            files.sort_by(|left, right| left.path.cmp(&right.path));
        }
        files
    };
    Ok(if selection.pattern_first { newest(matching(files)) } else { matching(newest(files)) })
}

/// Identifies a file by contents and, if asked, by name.
type Identity = (String, Option<String>);

fn identity(file: &FileEntry, algorithm: Algorithm, names: bool) -> Result<Identity, Unevaluated> {
    let name =
        names.then(|| file.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()));
    Ok((hash(&file.path, algorithm)?, name))
}

enum Judge<'a> {
    Modified(&'a crate::intervals::Intervals),
    Size(&'a crate::intervals::Intervals),
    Checksum(Algorithm, CompiledTest),
    Unique {
        names: bool,
        seen: HashMap<Identity, String>,
    },
    /// Files of the other path that no file was matched with yet.
    SameAs {
        algorithm: Algorithm,
        names: bool,
        others: HashMap<Identity, Vec<String>>,
        place: &'a str,
    },
}

impl<'a> Judge<'a> {
    fn new(question: &'a FileQuestion, files: &[FileEntry]) -> Result<Self, Unevaluated> {
        Ok(match &question.test {
            FileTest::Modified(intervals) => Judge::Modified(intervals),
            FileTest::Size(intervals) => Judge::Size(intervals),
            FileTest::Checksum(algorithm, test) => {
                let test = CompiledTest::new(test, &DataType::Utf8)
                    .map_err(|error| Unevaluated::new("condition", error.to_string()))?;
                Judge::Checksum(*algorithm, test)
            }
            FileTest::Unique { names } => Judge::Unique { names: *names, seen: HashMap::with_capacity(files.len()) },
            FileTest::SameAs { path, algorithm, names } => {
                let theirs = list(path).map_err(|error| unreadable(&error))?;
                let mut others: HashMap<Identity, Vec<String>> = HashMap::new();
                for file in selected(theirs, &question.selection)?.iter().rev() {
                    others.entry(identity(file, *algorithm, *names)?).or_default().push(shown(&file.path));
                }
                Judge::SameAs { algorithm: *algorithm, names: *names, others, place: path }
            }
        })
    }

    /// What is wrong with a file.
    fn offence(&mut self, file: &FileEntry) -> Result<Option<String>, Unevaluated> {
        Ok(match self {
            Judge::Modified(intervals) => (!intervals.contains(i256::from_i128(file.modified.into()))).then(|| {
                let time = chrono::DateTime::from_timestamp_micros(file.modified)
                    .map_or_else(String::new, |time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
                format!("was last modified {time}")
            }),
            Judge::Size(intervals) => {
                (!intervals.contains(i256::from_i128(file.size.into()))).then(|| format!("has {} bytes", file.size))
            }
            Judge::Checksum(algorithm, test) => {
                let sum = hash(&file.path, *algorithm)?;
                let array: ArrayRef = Arc::new(StringArray::from(vec![sum.as_str()]));
                (test.count(&array) == 0).then(|| format!("has the checksum {sum}"))
            }
            Judge::Unique { names, seen } => match seen.entry(identity(file, Algorithm::default(), *names)?) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    Some(format!("holds the same as {}", first.get()))
                }
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(shown(&file.path));
                    None
                }
            },
            Judge::SameAs { algorithm, names, others, place } => {
                match others.get_mut(&identity(file, *algorithm, *names)?).and_then(Vec::pop) {
                    Some(_) => None,
                    None => Some(format!("has no counterpart in {}", crate::error::escape_controls(place))),
                }
            }
        })
    }

    /// The first file elsewhere that no file was matched with.
    fn unmatched(self) -> Option<String> {
        let Judge::SameAs { others, .. } = self else { return None };
        let first = others.into_values().flatten().min()?;
        Some(format!("{first} has no counterpart"))
    }
}
