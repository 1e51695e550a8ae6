//! A history in a directory, here or in an object store: a folder per dataset, an object of one line per run.
//!
//! Objects appear whole, and none is ever written again, so that copies of a history can be merged by copying and
//! programs need no lock. An exclusion is an object of its own; they are numbered, and the last one counts.

use super::error::HistoryError;
use super::key::{Key, RunId};
use super::ledger::Ledger;
use super::line::{Line, lines};
use super::past::{DatasetSummary, Past, Point, Recorded, Retention, RunRecord, kept_time};
use super::selection::Selection;
use super::{Repository, checked};
use crate::error::Error;
use crate::input::remote;
use crate::sink::target::Target;
use chrono::{DateTime, Utc};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of an object that is read.
const MOST_BYTES: u64 = 64 << 20;

/// Objects of a history.
const MOST_OBJECTS: usize = 1_000_000;

/// Objects far away that are read at once.
const AT_ONCE: usize = 16;

/// The start of names of exclusions; those of runs start with their time.
const EXCLUSION: &str = "exclusion-";

/// The ending of all names.
const ENDING: &str = ".jsonl";

/// A history in a directory, which need not be there yet.
pub(super) struct Directory {
    /// A directory, or a URL that ends as one.
    root: PathBuf,
    far: bool,
}

/// An object of a history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    folder: String,
    name: String,
    place: PathBuf,
}

impl Directory {
    pub(super) fn here(path: &Path) -> Self {
        Self { root: path.to_path_buf(), far: false }
    }

    pub(super) fn far(url: &str) -> Result<Self, HistoryError> {
        let mut root = url.to_string();
        if !root.ends_with('/') {
            root.push('/');
        }
        if root.contains(['*', '?', '[', '#']) {
            let message = format!("{}: a history is at one place, without wildcards", remote::shown_url(url));
            return Err(HistoryError::Place(crate::error::escape_controls(&message)));
        }
        // No history is where no object can be.
        remote::check_upload(&format!("{root}run{ENDING}")).map_err(|error| match error {
            Error::Write { path, source } => HistoryError::read(&path, source),
            other => HistoryError::reading(other, Path::new(&root)),
        })?;
        Ok(Self { root: PathBuf::from(root), far: true })
    }

    fn shown(&self) -> PathBuf {
        remote::shown_name(&self.root)
    }

    /// The objects of a dataset, or of all, by name: exclusions in the order that they were made in.
    fn objects(&self, dataset: Option<&str>) -> Result<Vec<Object>, HistoryError> {
        let folder = dataset.map(folder);
        let mut found = if self.far { self.objects_far(folder.as_deref())? } else { self.objects_here(folder)? };
        found.retain(|object| object.name.ends_with(ENDING) && !object.name.starts_with('.'));
        if found.len() > MOST_OBJECTS {
            return Err(HistoryError::foreign(&self.shown(), "more than a million objects: keep it in SQLite"));
        }
        found.sort();
        Ok(found)
    }

    fn objects_far(&self, folder: Option<&str>) -> Result<Vec<Object>, HistoryError> {
        let root = self.root.to_string_lossy();
        let prefix = folder.map_or_else(|| root.to_string(), |folder| format!("{root}{folder}/"));
        let listed = match remote::list(&prefix) {
            Ok(listed) => listed,
            // Nothing is there yet.
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(HistoryError::reading(error, &self.shown())),
        };
        let object = |url: String| {
            let mut parts = url.rsplit('/').map(str::to_string);
            let (name, folder) = parts.next().zip(parts.next())?;
            Some(Object { folder, name, place: PathBuf::from(url) })
        };
        Ok(listed.into_iter().filter_map(|listed| object(listed.url)).collect())
    }

    fn objects_here(&self, folder: Option<String>) -> Result<Vec<Object>, HistoryError> {
        let folders = match folder {
            Some(folder) => vec![folder],
            None => {
                let entries = names(&self.root).map_err(|error| HistoryError::read(&self.root, error))?;
                entries.into_iter().filter(|name| self.root.join(name).is_dir()).collect()
            }
        };
        let mut found = Vec::new();
        for folder in folders {
            let place = self.root.join(&folder);
            for name in names(&place).map_err(|error| HistoryError::read(&place, error))? {
                found.push(Object { folder: folder.clone(), place: place.join(&name), name });
            }
        }
        Ok(found)
    }

    fn lines_of(&self, object: &Object) -> Result<Vec<Line>, HistoryError> {
        let shown = remote::shown_name(&object.place);
        let mut bytes = Vec::new();
        let read = |bytes: &mut Vec<u8>, reader: &mut dyn Read| reader.take(MOST_BYTES + 1).read_to_end(bytes);
        let length = if self.far {
            let source = remote::open(&object.place.to_string_lossy());
            let mut reader = source.map_err(|error| HistoryError::reading(error, &shown))?.reader();
            read(&mut bytes, &mut reader)
        } else {
            match fs::metadata(&object.place) {
                Ok(found) if !found.is_file() => return Ok(Vec::new()),
                _ => File::open(&object.place).and_then(|mut file| read(&mut bytes, &mut file)),
            }
        };
        match length {
            Ok(length) if length as u64 > MOST_BYTES => Err(HistoryError::foreign(&shown, "more than 64 MiB")),
            Ok(_) => lines(&bytes, &shown),
            // Another program has removed it: it is not kept any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(HistoryError::read(&shown, error)),
        }
    }

    fn ledger(&self, dataset: Option<&str>) -> Result<Ledger, HistoryError> {
        let objects = self.objects(dataset)?;
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut read = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(object) = objects.get(position) else { return read };
                read.push((position, self.lines_of(object)));
            }
        };
        let workers = if self.far { AT_ONCE.min(objects.len()) } else { 0 };
        let mut read = std::thread::scope(|scope| {
            let others: Vec<_> = (1..workers).map(|_| scope.spawn(worker)).collect();
            let mut read = worker();
            others.into_iter().for_each(|other| read.extend(other.join().unwrap_or_default()));
            read
        });
        if read.len() < objects.len() {
            return Err(HistoryError::read(&self.shown(), io::Error::other("a thread that read it ended early")));
        }
        read.sort_by_key(|(position, _)| *position);
        let mut all = Vec::new();
        for (_, lines) in read {
            all.extend(lines?);
        }
        Ok(Ledger::new(all))
    }

    /// Writes an object whole.
    fn write(&self, dataset: &str, name: &str, line: &Line) -> Result<(), HistoryError> {
        let root = self.shown();
        let bytes = line.bytes().map_err(|error| HistoryError::write(&root, error.into()))?;
        let place = if self.far {
            PathBuf::from(format!("{}{}/{name}", self.root.to_string_lossy(), folder(dataset)))
        } else {
            let directory = self.root.join(folder(dataset));
            fs::create_dir_all(&directory).map_err(|error| HistoryError::write(&root, error))?;
            directory.join(name)
        };
        let mut target = Target::create(&place).map_err(|error| HistoryError::writing(error, &root))?;
        let stored = target.write_all(&bytes).and_then(|()| target.sync());
        stored.map_err(|error| HistoryError::write(&root, error))?;
        target.commit().map_err(|error| HistoryError::writing(error, &root))
    }
}

impl Repository for Directory {
    fn load(&self, dataset: &str, before: DateTime<Utc>, most_points: usize) -> Result<Past, HistoryError> {
        Ok(self.ledger(Some(dataset))?.past(dataset, kept_time(before), most_points))
    }

    fn record(&mut self, record: &RunRecord, retention: Retention) -> Result<Recorded, HistoryError> {
        let record = checked(record).map_err(|error| HistoryError::write(&self.shown(), error))?;
        if self.far && !retention.keeps_all() {
            let message = "objects far away are not removed: let a rule of the bucket do it, in place of --keep-runs and \
                           --keep-days";
            return Err(HistoryError::Place(message.into()));
        }
        let objects = self.objects(Some(&record.dataset))?;
        let ending = format!("-{}{ENDING}", record.run.0);
        if objects.iter().any(|object| object.name.ends_with(&ending)) {
            return Ok(Recorded::Already);
        }
        let name = format!("{}{ending}", record.time.format("%Y%m%dT%H%M%S%.6fZ"));
        self.write(&record.dataset, &name, &Line::Run(record.clone()))?;
        if !retention.keeps_all() {
            // What others recorded meanwhile counts too.
            let expired = retention.expired(self.ledger(Some(&record.dataset))?.times(&record.dataset));
            let gone = |object: &&Object| expired.iter().any(|run| is_of(&object.name, run));
            for object in self.objects(Some(&record.dataset))?.iter().filter(gone) {
                match fs::remove_file(&object.place) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(HistoryError::write(&object.place, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(Recorded::New)
    }

    fn datasets(&self) -> Result<Vec<DatasetSummary>, HistoryError> {
        Ok(self.ledger(None)?.summaries())
    }

    fn series(&self, dataset: &str) -> Result<Vec<(Key, Vec<Point>)>, HistoryError> {
        Ok(self.ledger(Some(dataset))?.series(dataset))
    }

    fn runs(&self, dataset: &str) -> Result<Vec<RunRecord>, HistoryError> {
        Ok(self.ledger(Some(dataset))?.records(dataset))
    }

    fn set_excluded(&mut self, dataset: &str, selection: &Selection, excluded: bool) -> Result<u64, HistoryError> {
        let (exclusion, changed) = self.ledger(Some(dataset))?.exclusion(dataset, selection, excluded);
        if changed == 0 {
            return Ok(0);
        }
        let number = |object: &Object| object.name.strip_prefix(EXCLUSION)?.split('-').next()?.parse::<u64>().ok();
        let last = self.objects(Some(dataset))?.iter().filter_map(number).max().unwrap_or(0);
        let line = Line::Exclusion(exclusion);
        // Two programs may take one number; the names still differ, unless both say the same.
        let bytes = line.bytes().map_err(|error| HistoryError::write(&self.shown(), error.into()))?;
        let name = format!("{EXCLUSION}{:09}-{:016x}{ENDING}", last.saturating_add(1), xxh3_64(&bytes));
        self.write(dataset, &name, &line)?;
        Ok(changed)
    }
}

/// Whether an object is the one of a run.
fn is_of(name: &str, run: &RunId) -> bool {
    name.strip_suffix(ENDING).and_then(|name| name.strip_suffix(run.0.as_str())).is_some_and(|time| time.ends_with('-'))
}

/// The folder of a dataset: what people recognise of its name, and what tells it apart from all others, in characters
/// that every store and file system takes.
fn folder(dataset: &str) -> String {
    let plain = |character: char| match character {
        'a'..='z' | '0'..='9' | '.' | '_' => character,
        'A'..='Z' => character.to_ascii_lowercase(),
        _ => '_',
    };
    let name: String = dataset.chars().take(40).map(plain).collect();
    format!("{}-{:016x}", name.trim_matches('.'), xxh3_64(dataset.as_bytes()))
}

/// Names in a directory; none if there is no such directory.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // Names that are no text are not ours.
        names.extend(entry?.file_name().into_string());
        if names.len() > MOST_OBJECTS {
            return Err(io::Error::other("more than a million files"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_tell_datasets_apart_and_stay_below_the_directory() {
        let names = ["orders", "Orders", "../../etc/passwd", "..", "", "a/b", "a\\b", "é", &"x".repeat(500)];
        let folders: std::collections::BTreeSet<_> = names.iter().map(|name| folder(name)).collect();
        assert_eq!(folders.len(), names.len());
        for folder in folders {
            assert!(folder.len() < 64 && !folder.starts_with('.') && !folder.contains(['/', '\\']), "{folder}");
            assert_eq!(folder, folder.to_lowercase());
        }
        assert!(folder("sales.orders").starts_with("sales.orders-"));
    }

    #[test]
    fn urls_without_place_for_objects_are_refused() {
        for url in ["https://example.com/history", "s3://bucket/a*/", "s3://"] {
            assert!(Directory::far(url).is_err(), "{url}");
        }
    }
}
