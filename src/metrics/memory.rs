//! How much memory the states that grow with the data may hold together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that growing states share. Who exceeds them writes what it holds to a temporary file.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    /// All of it.
    pub fn limit(&self) -> u64 {
        self.limit
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
