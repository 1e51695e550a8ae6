//! Avro object container files: blocks are cut one behind the other and decoded side by side.

use super::Format;
use super::guard::guarded;
use super::source::Input;
use super::table::{Batches, Chunk, Chunks, Parts, Table};
use crate::error::{Error, escape_controls};
use arrow_avro::reader::{Reader, ReaderBuilder};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "avro",
    extensions: &["avro"],
    recognises: |head| head.starts_with(MAGIC),
    open: |input, _| Ok(Box::new(AvroTable::open(input)?)),
};

const MAGIC: &[u8] = b"Obj\x01";

/// Bytes of blocks decoded together.
const CHUNK: usize = 1 << 20;

/// The largest header and the largest block; writers make blocks of kilobytes.
const LONGEST: u64 = 256 << 20;

/// Ends the header and every block.
const MARKER: usize = 16;

struct AvroTable {
    input: Input,
    /// The bytes in front of the first block.
    header: Arc<[u8]>,
    schema: SchemaRef,
}

fn damaged(input: &Input, what: &str) -> Error {
    let message = format!("is no whole Avro file: {what}; damaged, cut off, or still being written?");
    Error::Format { path: input.path.clone(), message }
}

fn unreadable(input: &Input, error: &ArrowError) -> Error {
    let text = escape_controls(&error.to_string());
    Error::Format { path: input.path.clone(), message: format!("cannot be read as Avro: {text}") }
}

impl AvroTable {
    fn open(input: &Input) -> Result<Self, Error> {
        let header: Arc<[u8]> = read_header(input, &mut BufReader::new(input.reader()?))?.into();
        let own: Arc<[u8]> = header.clone();
        let schema = guarded(&input.path, || {
            let reader = decoder(own, None, 1).map_err(|error| unreadable(input, &error))?;
            Ok(reader.schema())
        })?;
        let mut names = std::collections::HashSet::new();
        if let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) {
            let message = format!("has two columns named `{}`", escape_controls(twice.name()));
            return Err(Error::Format { path: input.path.clone(), message });
        }
        let fields: Vec<_> =
            schema.fields().iter().map(|field| Field::new(field.name(), field.data_type().clone(), true)).collect();
        Ok(Self { input: input.clone(), header, schema: Arc::new(Schema::new(fields)) })
    }
}

type Decoder = Reader<BufReader<Cursor<Arc<[u8]>>>>;

fn decoder(bytes: Arc<[u8]>, columns: Option<Vec<usize>>, batch_rows: usize) -> Result<Decoder, ArrowError> {
    let builder = ReaderBuilder::new().with_batch_size(batch_rows.max(1));
    let builder = match columns {
        Some(columns) => builder.with_projection(columns),
        None => builder,
    };
    builder.build(BufReader::new(Cursor::new(bytes)))
}

/// Bytes of a file, kept while they are read.
struct Recorder<'a, R> {
    input: &'a Input,
    reader: R,
    bytes: Vec<u8>,
}

impl<R: Read> Recorder<'_, R> {
    /// The next byte; `None` at the end of the file.
    fn byte(&mut self) -> Result<Option<u8>, Error> {
        let mut byte = [0];
        let read = self.reader.read(&mut byte).map_err(|error| self.input.trouble(error))?;
        self.bytes.extend(&byte[..read]);
        Ok((read == 1).then_some(byte[0]))
    }

    /// A number in Avro's variable-length zigzag form; `None` when the file ends before it.
    fn long(&mut self) -> Result<Option<i64>, Error> {
        let Some(mut byte) = self.byte()? else { return Ok(None) };
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(Some((value >> 1) as i64 ^ -((value & 1) as i64)));
            }
            byte = self.byte()?.ok_or_else(|| damaged(self.input, "a number is cut off"))?;
        }
        Err(damaged(self.input, "a number is too long"))
    }

    /// So many bytes.
    fn skip(&mut self, length: u64) -> Result<(), Error> {
        if length > LONGEST || self.bytes.len() as u64 + length > 2 * LONGEST {
            return Err(damaged(self.input, &format!("a block of {length} bytes is larger than any writer makes")));
        }
        let read = (&mut self.reader).take(length).read_to_end(&mut self.bytes);
        let read = read.map_err(|error| self.input.trouble(error))?;
        if (read as u64) < length { Err(damaged(self.input, "a block is cut off")) } else { Ok(()) }
    }
}

/// Magic, metadata and marker.
fn read_header(input: &Input, reader: &mut impl Read) -> Result<Vec<u8>, Error> {
    let mut recorder = Recorder { input, reader, bytes: Vec::new() };
    let cut = || damaged(input, "its header is cut off");
    recorder.skip(MAGIC.len() as u64)?;
    if recorder.bytes != MAGIC {
        return Err(damaged(input, "it does not start as one"));
    }
    loop {
        let entries = recorder.long()?.ok_or_else(cut)?;
        if entries < 0 {
            // A negative count is followed by the size of the entries.
            recorder.long()?.ok_or_else(cut)?;
        }
        for _ in 0..entries.unsigned_abs().checked_mul(2).ok_or_else(cut)? {
            let length = recorder.long()?.ok_or_else(cut)?;
            recorder.skip(u64::try_from(length).map_err(|_| cut())?)?;
        }
        if entries == 0 {
            break;
        }
    }
    recorder.skip(MARKER as u64)?;
    Ok(recorder.bytes)
}

impl Table for AvroTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn read(&self, _: usize, _: &[usize], _: usize) -> Result<Batches<'_>, Error> {
        Err(Error::Internal("the blocks of an Avro file have no places".into()))
    }

    fn stream(&self, columns: &[usize], batch_rows: usize) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let mut reader = BufReader::with_capacity(CHUNK, self.input.reader()?);
        read_header(&self.input, &mut reader)?;
        Ok(Box::new(AvroChunks { table: self, reader, columns: columns.to_vec(), batch_rows }))
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

struct AvroChunks<'a> {
    table: &'a AvroTable,
    reader: BufReader<Box<dyn Read + Send>>,
    columns: Vec<usize>,
    batch_rows: usize,
}

impl<'a> AvroChunks<'a> {
    /// The next blocks behind the header, and their rows.
    fn blocks(&mut self) -> Result<Option<(Vec<u8>, u64)>, Error> {
        let input = &self.table.input;
        let header = &self.table.header;
        let mut recorder = Recorder { input, reader: &mut self.reader, bytes: header.to_vec() };
        let mut rows = 0;
        while recorder.bytes.len() < header.len() + CHUNK {
            let Some(count) = recorder.long()? else { break };
            let size = recorder.long()?.ok_or_else(|| damaged(input, "a block is cut off"))?;
            let (Ok(count), Ok(size)) = (u64::try_from(count), u64::try_from(size)) else {
                return Err(damaged(input, "a block has a negative size"));
            };
            recorder.skip(size)?;
            recorder.skip(MARKER as u64)?;
            if !recorder.bytes.ends_with(&header[header.len() - MARKER..]) {
                return Err(damaged(input, "a block does not end with the file's marker"));
            }
            rows += count;
        }
        Ok((recorder.bytes.len() > header.len()).then_some((recorder.bytes, rows)))
    }
}

impl<'a> Chunks<'a> for AvroChunks<'a> {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let (bytes, rows) = match self.blocks().transpose()? {
            Ok(blocks) => blocks,
            Err(error) => return Some(Err(error)),
        };
        let input = &self.table.input;
        let stored = (bytes.len() - self.table.header.len()) as u64;
        let (columns, batch_rows) = (self.columns.clone(), self.batch_rows);
        let decode = Box::new(move || -> Result<Batches<'a>, Error> {
            if columns.is_empty() {
                return super::rows_only(usize::try_from(rows).unwrap_or(usize::MAX));
            }
            let mut reader = guarded(&input.path, || {
                decoder(bytes.into(), Some(columns), batch_rows).map_err(|error| unreadable(input, &error))
            })?;
            let mut seen = 0;
            let mut ended = false;
            Ok(Box::new(std::iter::from_fn(move || {
                if ended {
                    return None;
                }
                let batch =
                    guarded(&input.path, || reader.next().transpose().map_err(|error| unreadable(input, &error)));
                let batch = batch.and_then(|batch| {
                    seen += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
                    if batch.is_none() && seen != rows {
                        return Err(damaged(input, &format!("blocks that say they have {rows} rows have {seen}")));
                    }
                    Ok(batch)
                });
                ended = !matches!(batch, Ok(Some(_)));
                batch.transpose()
            })))
        });
        Some(Ok(Chunk { bytes: stored, decode }))
    }
}
