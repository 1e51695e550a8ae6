//! A history in one file of JSON Lines, which any number of programs may add to at once.
//!
//! A line is added in one piece, under a lock. What a program that was killed left of one is skipped, and stands on a
//! line of its own. Only retention writes the file anew: another file takes its name at once, and whoever waited for
//! the lock of the old one opens the new one.

use super::error::HistoryError;
use super::key::Key;
use super::ledger::Ledger;
use super::line::{Exclusion, Line, lines};
use super::past::{DatasetSummary, Past, Point, Recorded, Retention, RunRecord, kept_time};
use super::selection::Selection;
use super::{Repository, checked};
use crate::sink::atomic::replace;
use chrono::{DateTime, Utc};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// Times that a file may be replaced while it is opened.
const MOST_OPENED: usize = 1_000;

/// A history in a file, which need not be there yet.
pub(super) struct JsonLines {
    path: PathBuf,
}

impl JsonLines {
    pub(super) fn open(path: &Path) -> Result<Self, HistoryError> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => Err(HistoryError::foreign(path, "a pipe or a device is no history")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HistoryError::read(path, error)),
            _ => Ok(Self { path: path.to_path_buf() }),
        }
    }

    fn ledger(&self) -> Result<Ledger, HistoryError> {
        let bytes = match File::open(&self.path) {
            Ok(mut file) => contents(&mut file).map_err(|error| HistoryError::read(&self.path, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(HistoryError::read(&self.path, error)),
        };
        Ok(Ledger::new(lines(&bytes, &self.path)?))
    }

    /// The file, locked, and what is in it.
    fn locked(&self) -> Result<(File, Vec<u8>), HistoryError> {
        let mut file = locked(&self.path).map_err(|error| HistoryError::write(&self.path, error))?;
        let bytes = contents(&mut file).map_err(|error| HistoryError::read(&self.path, error))?;
        Ok((file, bytes))
    }

    fn line(&self, line: &Line) -> Result<Vec<u8>, HistoryError> {
        line.bytes().map_err(|error| HistoryError::write(&self.path, error.into()))
    }

    /// Adds a line to a file that ends as it was read.
    fn append(&self, file: &mut File, before: &[u8], line: &[u8]) -> Result<(), HistoryError> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        if before.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
        // Reading moved the place; lines that are added go to the end wherever it is.
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| HistoryError::write(&self.path, error))
    }

    /// The lines of a file but for those of runs that are not kept.
    fn without(
        &self,
        lines: Vec<Line>,
        dataset: &str,
        expired: impl Fn(&Line) -> bool,
    ) -> Result<Vec<u8>, HistoryError> {
        let mut bytes = Vec::new();
        for line in lines {
            let own = match &line {
                Line::Run(record) => record.dataset == dataset,
                Line::Exclusion(exclusion) => exclusion.dataset == dataset,
            };
            if !own || !expired(&line) {
                bytes.extend(self.line(&line)?);
            }
        }
        Ok(bytes)
    }
}

impl Repository for JsonLines {
    fn load(&self, dataset: &str, before: DateTime<Utc>, most_points: usize) -> Result<Past, HistoryError> {
        Ok(self.ledger()?.past(dataset, kept_time(before), most_points))
    }

    fn record(&mut self, record: &RunRecord, retention: Retention) -> Result<Recorded, HistoryError> {
        let record = checked(record).map_err(|error| HistoryError::write(&self.path, error))?;
        let (mut file, bytes) = self.locked()?;
        let mut found = lines(&bytes, &self.path)?;
        let new = Line::Run(record.clone());
        let ledger = Ledger::new(found.iter().cloned());
        if ledger.contains(&record.dataset, &record.run) {
            return Ok(Recorded::Already);
        }
        let mut times = ledger.times(&record.dataset);
        times.push((record.time, record.run.clone()));
        let expired = retention.expired(times);
        if expired.is_empty() {
            self.append(&mut file, &bytes, &self.line(&new)?)?;
            return Ok(Recorded::New);
        }
        found.push(new);
        let gone = |line: &Line| match line {
            Line::Run(record) => expired.contains(&record.run),
            Line::Exclusion(exclusion) => exclusion.runs.iter().all(|named| expired.contains(&named.run)),
        };
        let left = self.without(found, &record.dataset, gone)?;
        replace(&self.path, &left).map_err(|error| HistoryError::write(&self.path, error))?;
        drop(file);
        Ok(Recorded::New)
    }

    fn datasets(&self) -> Result<Vec<DatasetSummary>, HistoryError> {
        Ok(self.ledger()?.summaries())
    }

    fn series(&self, dataset: &str) -> Result<Vec<(Key, Vec<Point>)>, HistoryError> {
        Ok(self.ledger()?.series(dataset))
    }

    fn runs(&self, dataset: &str) -> Result<Vec<RunRecord>, HistoryError> {
        Ok(self.ledger()?.records(dataset))
    }

    fn set_excluded(&mut self, dataset: &str, selection: &Selection, excluded: bool) -> Result<u64, HistoryError> {
        if !self.path.exists() {
            return Ok(0);
        }
        let (mut file, bytes) = self.locked()?;
        let ledger = Ledger::new(lines(&bytes, &self.path)?);
        let (exclusion, changed): (Exclusion, u64) = ledger.exclusion(dataset, selection, excluded);
        if changed > 0 {
            self.append(&mut file, &bytes, &self.line(&Line::Exclusion(exclusion))?)?;
        }
        Ok(changed)
    }
}

/// All of a file, unless that is too much.
fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    if file.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 GiB: keep it in SQLite"));
    }
    Ok(bytes)
}

/// The file at a path, made where it is not there, and locked: whoever replaces it holds the same lock.
fn locked(path: &Path) -> io::Result<File> {
    for _ in 0..MOST_OPENED {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.lock()?;
        if is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(io::Error::other("other programs replace the file again and again"))
}

/// Whether a file still has its name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(own), Ok(named)) if identity(&own) == identity(&named))
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
