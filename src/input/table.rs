//! What a format gives: a schema and parts that can be read apart.

use super::whole::{FileOrigin, Whole};
use crate::error::Error;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use std::ops::Range;

/// Batches of one part.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send + 'a>;

/// Batches of one part that was cut while reading, with the rows as the file has them where those were asked for.
pub type Decoded<'a> = Box<dyn Iterator<Item = Result<(RecordBatch, Option<Whole>), Error>> + Send + 'a>;

/// A part of a file that is cut while it is read: its bytes are here and can be decoded by any thread.
pub struct Chunk<'a> {
    /// Bytes that were read for it, for progress.
    pub bytes: u64,
    /// Decodes it.
    pub decode: Box<dyn FnOnce() -> Result<Decoded<'a>, Error> + Send + 'a>,
}

/// The parts of a file whose places are only known once it is read, in order.
pub trait Chunks<'a>: Send {
    /// The next part: its bytes are read, but not yet decoded.
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>>;
}

/// How a file can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// So many parts, each at its place; [`Table::read`] reads them in any order.
    Placed(usize),
    /// One part behind the other; [`Table::stream`] cuts them.
    Streamed,
}

/// What is known of a column in a part without decoding it. Only what is certain is here.
#[derive(Debug, Clone)]
pub struct ColumnFacts {
    /// How many values are NULL.
    pub nulls: u64,
    /// Exactly the smallest and the largest value, as arrays of one row in the column's type.
    /// Unknown for doubles, whose statistics leave NaN out.
    pub range: Option<(ArrayRef, ArrayRef)>,
}

/// Rows of a part that are stored together, and what is known of a column in them without decoding it.
#[derive(Debug, Clone)]
pub struct PageFacts {
    /// The rows, counted from the first of the part.
    pub rows: Range<u64>,
    /// What is certain of them.
    pub facts: ColumnFacts,
}

/// An opened file.
pub trait Table: Send + Sync {
    /// Its columns.
    fn schema(&self) -> SchemaRef;

    /// How it can be read.
    fn parts(&self) -> Parts;

    /// Reads columns, given by increasing position, of a placed part in batches of at most
    /// `batch_rows` rows. Text may come dictionary-encoded. Without columns, batches carry
    /// only their number of rows.
    fn read(&self, part: usize, _columns: &[usize], _batch_rows: usize) -> Result<Batches<'_>, Error> {
        Err(Error::Internal(format!("part {part} of a streamed file has no place")))
    }

    /// Reads all columns of a placed part in the file's own types, in batches of at most `batch_rows` rows.
    fn read_native(&self, part: usize, _batch_rows: usize) -> Result<Batches<'_>, Error> {
        Err(Error::Internal(format!("part {part} of a streamed file has no place")))
    }

    /// Starts reading columns, given by increasing position, from the first row of a streamed file. With
    /// `whole`, batches come with their rows as the file has them, unless its origin is [`FileOrigin::Other`].
    fn stream(&self, _columns: &[usize], _batch_rows: usize, _whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        Err(Error::Internal("a file of placed parts is not streamed".into()))
    }

    /// What the file is, for writing rows back.
    fn origin(&self) -> FileOrigin {
        FileOrigin::Other
    }

    /// Rows of a placed part, where the file tells.
    fn part_rows(&self, _part: usize) -> Option<u64> {
        None
    }

    /// What the file's metadata says of a column in a placed part.
    fn facts(&self, _part: usize, _column: usize) -> Option<ColumnFacts> {
        None
    }

    /// What the file's metadata says of a column page by page: pages that have all rows of a placed part, in
    /// order, and that [`Table::read_rows`] reads apart. To tell costs a read, of metadata alone.
    fn pages(&self, _part: usize, _column: usize) -> Option<Vec<PageFacts>> {
        None
    }

    /// Reads some rows of a column in batches of at most `batch_rows` rows: increasing ranges, made of pages
    /// that [`Table::pages`] tells of.
    fn read_rows(
        &self,
        part: usize,
        _column: usize,
        _rows: &[Range<u64>],
        _batch_rows: usize,
    ) -> Result<Batches<'_>, Error> {
        Err(Error::Internal(format!("part {part} of a file without pages has no place for rows")))
    }

    /// Stored bytes of a column in a placed part if columns can be read apart at no extra cost.
    fn column_bytes(&self, _part: usize, _column: usize) -> Option<u64> {
        None
    }

    /// Whether types were inferred from a sample, so that other rows may widen them.
    fn infers_types(&self) -> bool {
        false
    }

    /// A type for a column of this file that also holds values of another type, if the file's own
    /// type was only inferred.
    fn unified(&self, _column: usize, _other: &DataType) -> Option<DataType> {
        None
    }

    /// Rows, where the file itself tells.
    fn rows(&self) -> Option<u64> {
        None
    }
}
