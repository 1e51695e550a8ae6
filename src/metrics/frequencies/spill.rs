//! Keys on disk, in the temporary file of a memory budget.

use super::groups::{Key, Partition};
use crate::metrics::memory::MemoryBudget;
use std::io::{self, BufWriter, Write};

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
    segments: Vec<Segment>,
}

impl Spill {
    /// Writes all partitions.
    pub fn write<K: Key>(partitions: &[Partition<K>], budget: &MemoryBudget) -> io::Result<Self> {
        let mut segments = Vec::new();
        let start = budget.append(|file| {
            let mut writer = BufWriter::with_capacity(1 << 20, file);
            let mut offset = 0;
            for (partition, own) in partitions.iter().enumerate() {
                let mut segment = |keys: usize, width: usize, counted: bool| {
                    if keys > 0 {
                        segments.push(Segment { partition, offset, keys: keys as u64, counted });
                        offset += (keys * width) as u64;
                    }
                };
                segment(own.chunks.iter().map(Vec::len).sum(), K::BYTES, false);
                segment(own.counted.len(), K::BYTES + 8, true);
                own.chunks.iter().flatten().try_for_each(|key| key.write(&mut writer))?;
                for (key, count) in &own.counted {
                    key.write(&mut writer)?;
                    writer.write_all(&count.to_le_bytes())?;
                }
            }
            writer.flush()
        })?;
        segments.iter_mut().for_each(|segment| segment.offset += start);
        Ok(Self { segments })
    }

    /// Keys of a partition.
    pub fn keys_in(&self, partition: usize) -> u64 {
        self.of(partition).map(|segment| segment.keys).sum()
    }

    fn of(&self, partition: usize) -> impl Iterator<Item = &Segment> {
        // Segments are in the order of partitions.
        let first = self.segments.partition_point(|segment| segment.partition < partition);
        self.segments[first..].iter().take_while(move |segment| segment.partition == partition)
    }

    /// Calls `visit` with every key of a partition and its count.
    pub fn each<K: Key>(
        &self,
        partition: usize,
        budget: &MemoryBudget,
        mut visit: impl FnMut(K, u64),
    ) -> io::Result<()> {
        let mut buffer = Vec::new();
        for segment in self.of(partition) {
            buffer.resize(BUFFER, 0);
            let width = K::BYTES + if segment.counted { 8 } else { 0 };
            let (mut offset, mut rest) = (segment.offset, segment.keys);
            while rest > 0 {
                let keys = rest.min((BUFFER / width) as u64);
                let bytes = &mut buffer[..keys as usize * width];
                budget.read_back(offset, bytes)?;
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
