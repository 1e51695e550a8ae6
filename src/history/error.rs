//! Why a history cannot be used.

use crate::error::{Error, shown};
use std::io;
use std::path::{Path, PathBuf};

/// A history that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// It cannot be read.
    #[error("cannot read the history {}: {source}", shown(path))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the history {}: {source}", shown(path))]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It can be read, but not written.
    #[error("cannot write the history {}: it is read-only", shown(path))]
    ReadOnly {
        /// Which.
        path: PathBuf,
    },
    /// What is there is no history, or a damaged one.
    #[error("{}: {message}", shown(path))]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A later version of this program wrote it.
    #[error(
        "{}: a history of version {version}, and this program knows versions up to {known}: use a newer one",
        shown(path)
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The newest that is known.
        known: i64,
    },
    /// A path at which there can be no history.
    #[error("{0}")]
    Place(String),
}

impl HistoryError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        HistoryError::Read { path: path.to_path_buf(), source }
    }

    /// Not written; a file that may only be read says so.
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem if path.exists() => {
                HistoryError::ReadOnly { path }
            }
            _ => HistoryError::Write { path, source },
        }
    }

    pub(super) fn foreign(path: &Path, message: impl Into<String>) -> Self {
        HistoryError::Foreign { path: path.to_path_buf(), message: message.into() }
    }

    /// Trouble of reading, told by the rooms that read.
    pub(super) fn reading(error: Error, path: &Path) -> Self {
        match error {
            Error::Read { path, source } => HistoryError::Read { path, source },
            Error::Option(message) => HistoryError::Place(message),
            other => HistoryError::read(path, io::Error::other(other.to_string())),
        }
    }

    /// Trouble of writing, told by the rooms that write.
    pub(super) fn writing(error: Error, path: &Path) -> Self {
        match error {
            Error::Write { source, .. } => HistoryError::write(path, source),
            Error::Option(message) => HistoryError::Place(message),
            other => HistoryError::Write { path: path.to_path_buf(), source: io::Error::other(other.to_string()) },
        }
    }
}

/// As trouble of the whole program: it decides the exit code.
impl From<HistoryError> for Error {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Read { path, source } => Error::Read { path, source },
            HistoryError::Write { path, source } => Error::Write { path, source },
            HistoryError::ReadOnly { path } => {
                let message = "the history is read-only";
                Error::Write { path, source: io::Error::new(io::ErrorKind::PermissionDenied, message) }
            }
            HistoryError::Foreign { path, message } => Error::Format { path, message },
            HistoryError::Newer { path, version, known } => {
                let message = format!(
                    "a history of version {version}, and this program knows versions up to {known}: use a newer one"
                );
                Error::Format { path, message }
            }
            HistoryError::Place(message) => Error::Option(message),
        }
    }
}
