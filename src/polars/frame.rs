//! A frame in memory as a table of the engine.

use super::interchange::{arrays, schema};
use crate::error::Error;
use crate::input::{Batches, Parts, Table};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use polars::prelude::DataFrame;
use std::collections::VecDeque;
use std::ops::Range;

/// Rows of a part: enough for a thread to be worth its while, and few enough to lie in memory for each thread. Results
/// are joined part by part, so they do not hang on threads, nor on how a frame is chunked.
pub const PART_ROWS: usize = 1 << 16;

/// Bytes of a value, about, to share columns out among threads.
const VALUE_BYTES: u64 = 16;

/// A frame and its columns. It shares the rows of the frame that it is made of.
pub struct Frame {
    frame: DataFrame,
    schema: SchemaRef,
}

impl Frame {
    /// Of a frame whose columns all have a type in Arrow.
    pub fn new(frame: &DataFrame) -> Result<Self, Error> {
        let schema = schema(frame.columns().iter().map(|column| (column.name(), column.dtype())))?;
        Ok(Self { frame: frame.clone(), schema })
    }

    /// Rows of a part; none for one that is not there.
    fn rows_of(&self, part: usize) -> Range<usize> {
        let end = |part: usize| part.saturating_mul(PART_ROWS).min(self.frame.height());
        end(part)..end(part.saturating_add(1))
    }
}

impl Table for Frame {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Placed(self.frame.height().div_ceil(PART_ROWS))
    }

    fn read(&self, part: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let schema = self.schema.project(columns).map_err(internal)?;
        Ok(Box::new(batches(&self.frame, columns, self.rows_of(part), schema.into(), batch_rows)?))
    }

    fn part_rows(&self, part: usize) -> Option<u64> {
        Some(self.rows_of(part).len() as u64)
    }

    fn column_bytes(&self, part: usize, _column: usize) -> Option<u64> {
        Some(self.rows_of(part).len() as u64 * VALUE_BYTES)
    }

    fn rows(&self) -> Option<u64> {
        Some(self.frame.height() as u64)
    }
}

/// Rows of columns, given by position, as batches of at most `batch_rows` rows. Where a column changes its chunk a
/// batch ends: chunks are sliced, not joined.
pub fn batches(
    frame: &DataFrame,
    columns: &[usize],
    rows: Range<usize>,
    schema: SchemaRef,
    batch_rows: usize,
) -> Result<Cut, Error> {
    let offset = i64::try_from(rows.start).map_err(|error| Error::Internal(error.to_string()))?;
    let mut chunks = Vec::with_capacity(columns.len());
    for position in columns {
        let column = frame.columns().get(*position);
        let column = column.ok_or_else(|| Error::Internal(format!("a frame has no column {position}")))?;
        // Of a column with one value, only these rows are made.
        let own = arrays(&column.slice(offset, rows.len()).take_materialized_series())?;
        let length: usize = own.iter().map(|array| array.len()).sum();
        if length != rows.len() {
            return Err(Error::Internal(format!("a column has {length} rows of {}", rows.len())));
        }
        chunks.push(own);
    }
    Ok(Cut { schema, chunks, left: rows.len(), batch_rows: batch_rows.max(1) })
}

/// Columns in chunks, cut into batches.
#[derive(Debug)]
pub struct Cut {
    schema: SchemaRef,
    /// Chunks of each column that are left; none is empty.
    chunks: Vec<VecDeque<ArrayRef>>,
    /// Rows that are left.
    left: usize,
    batch_rows: usize,
}

impl Iterator for Cut {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let heads = self.chunks.iter().filter_map(|chunks| chunks.front()).map(|chunk| chunk.len());
        let rows = heads.fold(self.left.min(self.batch_rows), usize::min);
        let columns = self.chunks.iter_mut().filter_map(|chunks| taken(chunks, rows)).collect();
        self.left -= rows;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(internal))
    }
}

/// The first rows of chunks, which the first of them has.
fn taken(chunks: &mut VecDeque<ArrayRef>, rows: usize) -> Option<ArrayRef> {
    let chunk = chunks.pop_front()?;
    if chunk.len() == rows {
        return Some(chunk);
    }
    chunks.push_front(chunk.slice(rows, chunk.len() - rows));
    Some(chunk.slice(0, rows))
}

pub fn internal(error: ArrowError) -> Error {
    Error::Internal(error.to_string())
}
