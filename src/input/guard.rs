//! Damaged files must not end the process: a decoder that panics on them gives an error.

use crate::error::Error;
use std::path::Path;

/// Runs a decoder of a library over a file. What it was decoding must not be used after an error.
pub fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    crate::guard::guarded(decode).unwrap_or_else(|_| {
        let message = "is damaged: its contents contradict each other".to_string();
        Err(Error::Format { path: path.to_path_buf(), message })
    })
}
