//! Damaged files must not end the process: a decoder that panics on them gives an error.

use crate::error::Error;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs a decoder whose panic will become an error: a panic hook may
/// stay silent then.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a decoder of a library over a file. What it was decoding must not be used after an error.
pub fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(false);
    outcome.unwrap_or_else(|_| {
        let message = "is damaged: its contents contradict each other".to_string();
        Err(Error::Format { path: path.to_path_buf(), message })
    })
}
