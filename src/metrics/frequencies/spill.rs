//! Keys on disk, in files without a name: they are gone with the process, however it ends.

use super::groups::Key;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

/// Keys of one hash partition, one behind the other.
#[derive(Debug, Clone, Copy)]
struct Segment {
    partition: usize,
    offset: u64,
    keys: u64,
    /// Whether a count follows each key.
    counted: bool,
}

/// Keys that were written out at once.
#[derive(Debug, Clone)]
pub struct Spill {
    /// Readers share one cursor.
    file: Arc<Mutex<File>>,
    segments: Vec<Segment>,
}

/// Writes the partitions of one spill.
pub struct SpillWriter {
    writer: BufWriter<File>,
    position: u64,
    segments: Vec<Segment>,
}

impl SpillWriter {
    /// Starts a temporary file.
    pub fn new() -> io::Result<Self> {
        Ok(Self { writer: BufWriter::with_capacity(1 << 20, tempfile::tempfile()?), position: 0, segments: Vec::new() })
    }

    /// Writes keys of a partition that occur once each.
    pub fn keys<K: Key>(&mut self, partition: usize, chunks: &[Vec<K>]) -> io::Result<()> {
        let mut keys = 0;
        for chunk in chunks {
            chunk.iter().try_for_each(|key| key.write(&mut self.writer))?;
            keys += chunk.len() as u64;
        }
        self.close(partition, keys, K::BYTES, false);
        Ok(())
    }

    /// Writes keys of a partition with their counts.
    pub fn counted<K: Key>(&mut self, partition: usize, counted: &[(K, u64)]) -> io::Result<()> {
        for (key, count) in counted {
            key.write(&mut self.writer)?;
            self.writer.write_all(&count.to_le_bytes())?;
        }
        self.close(partition, counted.len() as u64, K::BYTES + 8, true);
        Ok(())
    }

    fn close(&mut self, partition: usize, keys: u64, width: usize, counted: bool) {
        if keys > 0 {
            self.segments.push(Segment { partition, offset: self.position, keys, counted });
            self.position += keys * width as u64;
        }
    }

    /// Ends the file.
    pub fn finish(self) -> io::Result<Spill> {
        let file = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Spill { file: Arc::new(Mutex::new(file)), segments: self.segments })
    }
}

impl Spill {
    /// Keys of a partition.
    pub fn keys_in(&self, partition: usize) -> u64 {
        self.segments.iter().filter(|segment| segment.partition == partition).map(|segment| segment.keys).sum()
    }

    /// Calls `visit` with every key of a partition and its count.
    pub fn each<K: Key>(&self, partition: usize, mut visit: impl FnMut(K, u64)) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        for segment in self.segments.iter().filter(|segment| segment.partition == partition) {
            let width = K::BYTES + if segment.counted { 8 } else { 0 };
            let (mut offset, mut rest) = (segment.offset, segment.keys);
            while rest > 0 {
                let keys = rest.min((BUFFER / width) as u64);
                let bytes = &mut buffer[..keys as usize * width];
                let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(bytes)?;
                drop(file);
                for entry in bytes.chunks_exact(width) {
                    let (key, count) = entry.split_at(K::BYTES);
                    let count = count.try_into().map_or(1, u64::from_le_bytes);
                    visit(K::read(key), count);
                }
                offset += keys * width as u64;
                rest -= keys;
            }
        }
        Ok(())
    }
}
