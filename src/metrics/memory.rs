//! How much memory the states that grow with the data may hold together.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes that growing states share. Who exceeds them writes what it holds to a temporary file.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
    /// One file without a name for all states: it is gone with the process, however that ends.
    spilled: Mutex<Option<File>>,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0), spilled: Mutex::default() }
    }

    /// All of it.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Lets `write` append to the temporary file; gives where its bytes start.
    pub fn append(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<u64> {
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *spilled {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let start = file.seek(SeekFrom::End(0))?;
        write(file)?;
        Ok(start)
    }

    /// Reads bytes of the temporary file.
    pub fn read_back(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let file = spilled.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }

    /// Counts bytes that were allocated; gives whether there are too many now.
    pub fn grow(&self, bytes: u64) -> bool {
        self.used.fetch_add(bytes, Ordering::Relaxed) + bytes > self.limit
    }

    /// Bytes that are held now.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Counts bytes that were freed.
    pub fn shrink(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}
