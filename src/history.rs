//! Numbers of past runs, remembered by dataset, metric and filter.
//!
//! A [`Repository`] is where they are: one SQLite file, one file of JSON Lines, or a directory (here or in an object
//! store) with an object per run. [`open`] tells them apart by the path. A run is recorded whole or not at all, and
//! once, however often it is recorded; what is there never changes but for the flag that a point is excluded.
//!
//! Histories are input as any other: what is damaged, foreign or of a newer version is refused with a reason.

pub mod anomaly;
mod directory;
mod error;
mod jsonl;
mod key;
mod ledger;
mod line;
mod nature;
mod number;
pub mod observation;
mod past;
mod selection;
#[cfg(feature = "history")]
mod sqlite;
mod suggestion;

pub use error::HistoryError;
pub use key::{Key, RunId};
pub use line::export;
pub use observation::Observation;
pub use past::{DatasetSummary, Past, Point, Recorded, Retention, RunRecord};
pub use selection::{Pattern, Selection};

use crate::error::escape_controls;
use crate::input::remote;
use chrono::{DateTime, Utc};
use std::io;
use std::path::Path;

/// Where numbers of past runs are kept.
///
/// Times are kept in microseconds: finer digits are cut off, in what is recorded and in what is asked for.
pub trait Repository: Send {
    /// The newest `most_points` values of every key that were recorded by runs strictly before a time, excluded ones
    /// left out. A dataset that is not there has none.
    ///
    /// # Errors
    ///
    /// The history cannot be read, or is none.
    fn load(&self, dataset: &str, before: DateTime<Utc>, most_points: usize) -> Result<Past, HistoryError>;

    /// Adds a run, and removes what is older than is to be kept. A run that is there changes nothing.
    /// Values that are NaN or infinite are left out; of several values of one key the first counts.
    ///
    /// # Errors
    ///
    /// The history cannot be written; then nothing of the run is in it.
    fn record(&mut self, record: &RunRecord, retention: Retention) -> Result<Recorded, HistoryError>;

    /// What is remembered, by name.
    ///
    /// # Errors
    ///
    /// The history cannot be read, or is none.
    fn datasets(&self) -> Result<Vec<DatasetSummary>, HistoryError>;

    /// All values of a dataset, by key; oldest first, excluded ones among them.
    ///
    /// # Errors
    ///
    /// The history cannot be read, or is none.
    fn series(&self, dataset: &str) -> Result<Vec<(Key, Vec<Point>)>, HistoryError>;

    /// All runs of a dataset as they were recorded, oldest first; which points are excluded is not in them.
    ///
    /// # Errors
    ///
    /// The history cannot be read, or is none.
    fn runs(&self, dataset: &str) -> Result<Vec<RunRecord>, HistoryError>;

    /// Leaves points out of what is loaded, or takes them in again; how many points changed.
    ///
    /// # Errors
    ///
    /// The history cannot be written; then nothing has changed.
    fn set_excluded(&mut self, dataset: &str, selection: &Selection, excluded: bool) -> Result<u64, HistoryError>;
}

/// Opens the history at a path, which need not be there: it is made when the first run is recorded.
///
/// URLs of object stores, directories and paths that end as directories do hold an object per run; `*.jsonl` is a
/// file with a line per run; anything else is an SQLite file.
///
/// # Errors
///
/// The path can be no history, or what is there is none.
pub fn open(path: &Path) -> Result<Box<dyn Repository>, HistoryError> {
    if let Some(url) = remote::url(path) {
        return Ok(Box::new(directory::Directory::far(url)?));
    }
    let text = path.to_string_lossy();
    if text.is_empty() {
        return Err(HistoryError::Place("a history needs a path".into()));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(HistoryError::Place(format!("there is no history at {}://", escape_controls(scheme))));
    }
    if path.is_dir() || text.ends_with(std::path::is_separator) {
        return Ok(Box::new(directory::Directory::here(path)));
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl")) {
        return Ok(Box::new(jsonl::JsonLines::open(path)?));
    }
    in_sqlite(path)
}

#[cfg(feature = "history")]
fn in_sqlite(path: &Path) -> Result<Box<dyn Repository>, HistoryError> {
    Ok(Box::new(sqlite::Sqlite::open(path)?))
}

#[cfg(not(feature = "history"))]
fn in_sqlite(path: &Path) -> Result<Box<dyn Repository>, HistoryError> {
    Err(HistoryError::Place(format!(
        "{}: built without the feature history, which reads and writes SQLite; a path that ends in .jsonl, or a \
         directory, is a history too",
        crate::error::shown(path)
    )))
}

/// A record as it is kept: a time in microseconds; what would be no history is refused.
fn checked(record: &RunRecord) -> io::Result<RunRecord> {
    let wrong = |message: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, message.to_string()));
    if !record.run.is_valid() {
        return wrong("a run is named by forty hexadecimal digits");
    }
    if record.dataset.is_empty() {
        return wrong("a dataset needs a name");
    }
    Ok(RunRecord { time: past::kept_time(record.time), ..record.clone() })
}
