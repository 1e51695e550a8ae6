//! Rows as their file has them, and what a file is, so that rows can be written back unchanged.

use super::cutter::TextChunk;
use super::dataset::{ColumnBatches, Columns};
use super::table::Batches;
use crate::error::Error;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::file::metadata::KeyValue;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows as their file has them.
#[derive(Debug, Clone)]
pub enum Whole {
    /// Bytes of records, line ends included.
    Records(Records),
    /// All columns in the file's own types.
    Native(RecordBatch),
}

impl Whole {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Whole::Records(records) => records.len(),
            Whole::Native(batch) => batch.num_rows(),
        }
    }
}

/// Some records of a text file.
#[derive(Debug, Clone, Default)]
pub struct Records {
    chunk: Arc<TextChunk>,
    /// Where each record is in the chunk: blank lines between records belong to none.
    places: Vec<Range<u32>>,
}

impl Records {
    pub(super) fn new(chunk: Arc<TextChunk>, places: Vec<Range<u32>>) -> Self {
        Self { chunk, places }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The bytes of a record with its line end; the last one of a file may have none.
    pub fn record(&self, row: usize) -> &[u8] {
        let place = self.places.get(row).cloned().unwrap_or_default();
        self.chunk.bytes().get(place.start as usize..place.end as usize).unwrap_or_default()
    }
}

/// Columns of some rows and, where asked for, the same rows as the file has them.
#[derive(Debug, Clone)]
pub struct WholeRows {
    /// The columns that were asked for, in the types of the dataset.
    pub columns: Columns,
    /// The same rows as the file has them; `None` where nobody asked, or the file cannot give them.
    pub whole: Option<Whole>,
}

/// Batches of one part with their rows as the file has them.
pub type WholeRowBatches<'a> = Box<dyn Iterator<Item = Result<WholeRows, Error>> + Send + 'a>;

/// What a file is and how its rows are written back unchanged.
#[derive(Debug, Clone)]
pub enum FileOrigin {
    /// Records of [`Records`].
    Csv {
        /// The bytes before the first record: byte order mark, names of columns, line end.
        header: Option<Vec<u8>>,
        /// Between fields.
        delimiter: u8,
        /// Around fields that need it.
        quote: u8,
    },
    /// Lines of [`Records`].
    JsonLines,
    /// Batches of all columns.
    Parquet {
        /// The columns in Arrow's types, with the metadata of file and fields.
        schema: SchemaRef,
        /// The columns in Parquet's own types.
        descriptor: SchemaDescPtr,
        /// What the file says of itself besides.
        metadata: Vec<KeyValue>,
        /// How its pages are packed.
        compression: Compression,
    },
    /// Batches of all columns.
    Arrow {
        /// The columns.
        schema: SchemaRef,
        /// Whether it is a stream and no file.
        stream: bool,
    },
    /// Nothing that rows can be written back to.
    Other,
}

/// The first column with INT96 timestamps below lists or structs: these cannot be told to be exact.
pub fn nested_int96(descriptor: &SchemaDescriptor) -> Option<&str> {
    let leaf = |leaf: &usize| {
        let column = descriptor.column(*leaf);
        column.physical_type() == PhysicalType::INT96 && !descriptor.get_column_root(*leaf).is_primitive()
    };
    (0..descriptor.num_columns()).find(leaf).map(|leaf| descriptor.get_column_root(leaf).name())
}

/// Pairs the columns of a part with its rows as the file has them: both are read side by side, in batches
/// that need not end at the same row.
pub(super) struct Lockstep<'a> {
    path: PathBuf,
    columns: ColumnBatches<'a>,
    native: Batches<'a>,
    columns_left: Option<Columns>,
    native_left: Option<RecordBatch>,
    done: bool,
}

impl<'a> Lockstep<'a> {
    pub(super) fn new(path: PathBuf, columns: ColumnBatches<'a>, native: Batches<'a>) -> Self {
        Self { path, columns, native, columns_left: None, native_left: None, done: false }
    }

    fn step(&mut self) -> Result<Option<WholeRows>, Error> {
        let columns = match self.columns_left.take() {
            Some(left) => Some(left),
            None => {
                self.columns.by_ref().find(|batch| batch.as_ref().map_or(true, |batch| batch.rows > 0)).transpose()?
            }
        };
        let native = match self.native_left.take() {
            Some(left) => Some(left),
            None => self
                .native
                .by_ref()
                .find(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0))
                .transpose()?,
        };
        let (columns, native) = match (columns, native) {
            (None, None) => return Ok(None),
            (Some(columns), Some(native)) => (columns, native),
            _ => {
                let message = "is damaged: its columns have different numbers of rows".to_string();
                return Err(Error::Format { path: self.path.clone(), message });
            }
        };
        let rows = columns.rows.min(native.num_rows());
        self.columns_left = (rows < columns.rows).then(|| columns.slice(rows, columns.rows - rows));
        self.native_left = (rows < native.num_rows()).then(|| native.slice(rows, native.num_rows() - rows));
        Ok(Some(WholeRows { columns: columns.slice(0, rows), whole: Some(Whole::Native(native.slice(0, rows))) }))
    }
}

impl Iterator for Lockstep<'_> {
    type Item = Result<WholeRows, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{DataFile, Dataset, ReadOptions};

    /// The records of a file, read with some columns and rows of batches.
    fn records(name: &str, content: &[u8], columns: &[usize], batch_rows: usize) -> (FileOrigin, Vec<Vec<u8>>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        let files = [DataFile::from(path.as_path())];
        let dataset = Dataset::open(&files, &ReadOptions::default(), 1).unwrap();
        let mut found = Vec::new();
        let mut pass = dataset.pass(columns, batch_rows).whole();
        while let Some(part) = pass.next() {
            let part = part.unwrap();
            assert_eq!(part.file(), 0);
            for rows in part.read_whole(columns, batch_rows, true).unwrap() {
                let rows = rows.unwrap();
                let Some(Whole::Records(records)) = rows.whole else { panic!("no records") };
                assert_eq!(records.len(), rows.columns.rows);
                found.extend((0..records.len()).map(|row| records.record(row).to_vec()));
            }
        }
        (dataset.origin(0), found)
    }

    #[test]
    fn records_of_csv_keep_their_bytes() {
        for (content, rows) in [
            (
                &b"\xef\xbb\xbfa,b\r\n1,x\r\n\"2\",\"y\nz\"\r\n3,"[..],
                vec![&b"1,x\r\n"[..], b"\"2\",\"y\nz\"\r\n", b"3,"],
            ),
            // A quote within a field and blank lines are not regular.
            (b"\xef\xbb\xbfa,b\r\n1,x\"\n\n\n2,\"y\n\"\n\n", vec![&b"1,x\"\n"[..], b"2,\"y\n\"\n"]),
            (b"\xef\xbb\xbfa,b\r\n", vec![]),
        ] {
            for batch_rows in [1, 2, 100] {
                let (origin, found) = records("a.csv", content, &[0], batch_rows);
                assert_eq!(found, rows);
                let FileOrigin::Csv { header, delimiter, quote } = origin else { panic!("no CSV") };
                assert_eq!(header.as_deref(), Some(&b"\xef\xbb\xbfa,b\r\n"[..]));
                assert_eq!((delimiter, quote), (b',', b'"'));
            }
        }
    }

    #[test]
    fn lines_of_json_keep_their_bytes() {
        let content = b"{\"a\":1}\n\n {\"a\": 2 } \r\n{}";
        for batch_rows in [1, 2, 100] {
            let (origin, found) = records("a.jsonl", content, &[], batch_rows);
            assert_eq!(found, [&b"{\"a\":1}\n"[..], b" {\"a\": 2 } \r\n", b"{}"]);
            assert!(matches!(origin, FileOrigin::JsonLines));
        }
    }

    #[test]
    fn batches_of_two_readers_meet_at_every_row() {
        let data = |rows: std::ops::Range<i64>| -> arrow_array::ArrayRef {
            Arc::new(arrow_array::Int64Array::from_iter_values(rows))
        };
        let columns = |rows: std::ops::Range<i64>| {
            Ok(Columns { rows: (rows.end - rows.start) as usize, arrays: vec![data(rows)] })
        };
        let native = |rows| Ok(RecordBatch::try_from_iter([("a", data(rows))]).unwrap());
        let pairs = Lockstep::new(
            PathBuf::from("a"),
            Box::new([columns(0..0), columns(0..5), columns(5..6), columns(6..10)].into_iter()),
            Box::new([native(0..2), native(2..2), native(2..9), native(9..10)].into_iter()),
        );
        let mut seen = 0;
        for rows in pairs {
            let WholeRows { columns, whole: Some(Whole::Native(batch)) } = rows.unwrap() else { panic!("no batch") };
            assert_eq!(&columns.arrays[0], batch.column(0));
            seen += columns.rows;
        }
        assert_eq!(seen, 10);
        let uneven = Lockstep::new(
            PathBuf::from("a"),
            Box::new([columns(0..3)].into_iter()),
            Box::new([native(0..2)].into_iter()),
        );
        assert!(uneven.last().unwrap().is_err());
    }
}
