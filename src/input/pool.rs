//! Buffers that are used again: memory fresh from the system costs more than what is read into it.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers kept for later.
const MOST: usize = 32;

/// The largest buffer that is kept.
const LARGEST: usize = 8 << 20;

/// Buffers of bytes, all initialised.
#[derive(Debug, Clone, Default)]
pub struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// A buffer of so many bytes, whatever they are.
    pub fn take(&self, length: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        // Only what the buffer never had is written: shrinking and growing again costs nothing.
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        buffer
    }

    /// Takes a buffer back, as long as it ever was.
    pub fn give(&self, buffer: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST && buffer.capacity() <= LARGEST {
            kept.push(buffer);
        }
    }

    /// The first bytes of a buffer of this pool, which takes it back once nobody needs them.
    pub fn bytes(&self, buffer: Vec<u8>, length: usize) -> Bytes {
        Bytes::from_owner(Lent { buffer, pool: self.clone() }).slice(..length)
    }
}

struct Lent {
    buffer: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.buffer));
    }
}
