//! Bytes for the Parquet reader: from the source, or fetched ahead.

use crate::input::pool::Pool;
use crate::input::source::{Cursor, Source, bytes_at};
use bytes::Buf;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::errors::Result;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, BufReader, Read};
use std::sync::Arc;

/// Footers are rarely longer; a longer one costs another request.
const TAIL: u64 = 64 << 10;

/// A source and ranges of it that are here already.
#[derive(Clone)]
pub struct RangeReader {
    source: Arc<dyn Source>,
    cached: Vec<(u64, Bytes)>,
    pool: Pool,
}

impl RangeReader {
    /// Without anything cached.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, cached: Vec::new(), pool: Pool::default() }
    }

    /// With the end of a source that is far away, where the footer is.
    pub fn with_tail(mut self) -> io::Result<Self> {
        if self.is_remote() {
            let start = self.source.length().saturating_sub(TAIL);
            self.cached = vec![(start, bytes_at(&*self.source, start, self.source.length() - start)?)];
        }
        Ok(self)
    }

    /// Without anything cached.
    pub fn without_cache(self) -> Self {
        Self::new(self.source)
    }

    /// Whether every request costs a round trip.
    pub fn is_remote(&self) -> bool {
        self.source.is_remote()
    }

    /// With the columns of a row group, if they are far away: all are fetched at once.
    pub fn with_columns(&self, group: &RowGroupMetaData, mask: &ProjectionMask) -> io::Result<Self> {
        if !self.is_remote() {
            return Ok(self.clone());
        }
        let columns = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
        let ranges: Vec<_> = columns
            .map(|(_, column)| {
                let (start, length) = column.byte_range();
                start..start.saturating_add(length)
            })
            .collect();
        let fetched = self.source.read_ranges(&ranges)?;
        let cached = ranges.into_iter().map(|range| range.start).zip(fetched).collect();
        Ok(Self { source: self.source.clone(), cached, pool: self.pool.clone() })
    }

    fn cached(&self, start: u64, length: u64) -> Option<Bytes> {
        let end = start.checked_add(length)?;
        let (at, bytes) = self.cached.iter().find(|(at, bytes)| *at <= start && end <= *at + bytes.len() as u64)?;
        let from = usize::try_from(start - at).ok()?;
        Some(bytes.slice(from..from + usize::try_from(length).ok()?))
    }
}

impl Length for RangeReader {
    fn len(&self) -> u64 {
        self.source.length()
    }
}

impl ChunkReader for RangeReader {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        if let Some((at, bytes)) =
            self.cached.iter().find(|(at, bytes)| *at <= start && start < *at + bytes.len() as u64)
        {
            return Ok(Box::new(bytes.slice(usize::try_from(start - at).unwrap_or(0)..).reader()));
        }
        Ok(Box::new(BufReader::new(Cursor { source: self.source.clone(), position: start })))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if let Some(bytes) = self.cached(start, length as u64) {
            return Ok(bytes);
        }
        // Nothing is allocated for bytes that are not there.
        if start.checked_add(length as u64).is_none_or(|end| end > self.source.length()) {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        let mut buffer = self.pool.take(length);
        self.source.read_at(start, &mut buffer[..length])?;
        Ok(self.pool.bytes(buffer, length))
    }
}
