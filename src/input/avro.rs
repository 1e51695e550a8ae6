//! Avro object container files: blocks are cut one behind the other and decoded side by side.

use super::guard::guarded;
use super::source::Input;
use super::table::{Batches, Chunk, Chunks, Decoded, Parts, Table};
use super::{Format, refuse_twins, sliced};
use crate::error::{Error, escape_controls};
use arrow_array::RecordBatch;
use arrow_avro::reader::{Reader, ReaderBuilder};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;

pub(super) static FORMAT: Format = Format {
    name: "avro",
    extensions: &["avro"],
    recognises: |head| head.starts_with(MAGIC),
    certain: true,
    open: |input, _| Ok(Box::new(AvroTable::open(input)?)),
};

const MAGIC: &[u8] = b"Obj\x01";

/// Bytes of blocks decoded together.
const CHUNK: usize = 1 << 20;

/// The largest header and the largest block; writers make blocks of kilobytes.
const LONGEST: u64 = 256 << 20;

/// Rows of one block; writers start a new one after kilobytes.
const MOST_ROWS: u64 = 1 << 24;

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
        refuse_twins(&input.path, schema.fields().iter().map(|field| field.name().as_str()))?;
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

    fn stream(&self, columns: &[usize], batch_rows: usize, _whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let mut reader = BufReader::with_capacity(CHUNK, self.input.reader()?);
        read_header(&self.input, &mut reader)?;
        Ok(Box::new(AvroChunks { table: self, reader, columns: columns.to_vec(), batch_rows }))
    }
}

/// Reads the blocks of a file one behind the other, without decoding them.
pub struct BlockReader {
    input: Input,
    header: Arc<[u8]>,
    reader: BufReader<Box<dyn Read + Send>>,
}

impl BlockReader {
    /// Reads the header; what does not start as an Avro file is an error.
    pub fn open(input: &Input) -> Result<Self, Error> {
        let mut reader = BufReader::with_capacity(CHUNK, input.reader()?);
        let header = read_header(input, &mut reader)?.into();
        Ok(Self { input: input.clone(), header, reader })
    }

    /// Magic, metadata and marker.
    pub fn header(&self) -> &Arc<[u8]> {
        &self.header
    }

    /// The next blocks, about a chunk of them; none at the end. A file that is cut off or damaged is an error.
    pub fn read(&mut self) -> Result<Option<Blocks>, Error> {
        let blocks = next_blocks(&self.input, &self.header, &mut self.reader)?;
        Ok((!blocks.ends.is_empty()).then_some(blocks))
    }
}

struct AvroChunks<'a> {
    table: &'a AvroTable,
    reader: BufReader<Box<dyn Read + Send>>,
    columns: Vec<usize>,
    batch_rows: usize,
}

/// Blocks that are decoded together.
#[derive(Debug, Default)]
pub struct Blocks {
    bytes: Vec<u8>,
    /// Where each block ends, and how many rows it says it has.
    ends: Vec<(usize, u64)>,
}

impl Blocks {
    /// How many rows each block says it has, and its contents as they are compressed.
    pub fn contents(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(end, rows)| {
            let mut block = &self.bytes[start..end.saturating_sub(MARKER)];
            start = *end;
            // In front of the contents are two numbers, which were read before.
            for _ in 0..2 {
                let length = block.iter().position(|byte| *byte < 0x80).map_or(block.len(), |last| last + 1);
                block = &block[length..];
            }
            (*rows, block)
        })
    }

    /// Rows they say they have.
    pub fn rows(&self) -> u64 {
        self.ends.iter().map(|(_, rows)| *rows).sum()
    }
}

impl AvroChunks<'_> {
    /// The next blocks, about a chunk of them; none at the end.
    fn blocks(&mut self) -> Result<Blocks, Error> {
        next_blocks(&self.table.input, &self.table.header, &mut self.reader)
    }
}

fn next_blocks(input: &Input, header: &[u8], reader: &mut impl Read) -> Result<Blocks, Error> {
    let mut recorder = Recorder { input, reader, bytes: Vec::new() };
    let mut ends = Vec::new();
    while recorder.bytes.len() < CHUNK {
        let Some(count) = recorder.long()? else { break };
        let size = recorder.long()?.ok_or_else(|| damaged(input, "a block is cut off"))?;
        let (Ok(count), Ok(size)) = (u64::try_from(count), u64::try_from(size)) else {
            return Err(damaged(input, "a block has a negative size"));
        };
        if count > MOST_ROWS {
            return Err(damaged(input, &format!("a block says it has {count} rows, more than any writer puts in one")));
        }
        recorder.skip(size)?;
        recorder.skip(MARKER as u64)?;
        if !recorder.bytes.ends_with(&header[header.len() - MARKER..]) {
            return Err(damaged(input, "a block does not end with the file's marker"));
        }
        ends.push((recorder.bytes.len(), count));
    }
    Ok(Blocks { bytes: recorder.bytes, ends })
}

/// Decodes one block. The decoder is asked for exactly the rows that the block says it has: it would wait
/// for ever for more where bytes are left, and no count is believed before it is decoded.
fn decoded(table: &AvroTable, block: &[u8], rows: u64, columns: &[usize]) -> Result<Option<RecordBatch>, Error> {
    let input = &table.input;
    if rows == 0 {
        return Ok(None);
    }
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    // Without columns, the first one tells how many rows there are.
    let wanted = if columns.is_empty() { vec![0] } else { columns.to_vec() };
    let bytes: Arc<[u8]> = [&table.header, block].concat().into();
    guarded(&input.path, || {
        let mut reader = decoder(bytes, Some(wanted), rows).map_err(|error| unreadable(input, &error))?;
        let batch = reader.next().transpose().map_err(|error| unreadable(input, &error))?;
        let found = batch.as_ref().map_or(0, RecordBatch::num_rows);
        let Some(batch) = batch.filter(|_| found == rows) else {
            return Err(damaged(input, &format!("a block that says it has {rows} rows has {found}")));
        };
        if columns.is_empty() {
            return batch.project(&[]).map(Some).map_err(|error| unreadable(input, &error));
        }
        Ok(Some(batch))
    })
}

impl<'a> Chunks<'a> for AvroChunks<'a> {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let blocks = match self.blocks() {
            Ok(blocks) if blocks.ends.is_empty() => return None,
            Ok(blocks) => blocks,
            Err(error) => return Some(Err(error)),
        };
        let bytes = blocks.bytes.len() as u64;
        let (table, columns, batch_rows) = (self.table, self.columns.clone(), self.batch_rows);
        let decode = Box::new(move || -> Result<Decoded<'a>, Error> {
            let mut start = 0;
            let mut ends = blocks.ends.into_iter();
            let batches = std::iter::from_fn(move || {
                let (end, rows) = ends.next()?;
                let block = &blocks.bytes[start..end];
                start = end;
                Some(decoded(table, block, rows, &columns))
            });
            let pieces = move |batch: Result<Option<RecordBatch>, Error>| -> Batches<'a> {
                match batch {
                    Ok(None) => Box::new(std::iter::empty()),
                    Err(error) => Box::new(std::iter::once(Err(error))),
                    Ok(Some(batch)) => Box::new(sliced(batch, batch_rows).map(Ok)),
                }
            };
            let mut failed = false;
            let batches =
                batches.flat_map(pieces).take_while(move |batch| !std::mem::replace(&mut failed, batch.is_err()));
            Ok(Box::new(batches.map(|batch| batch.map(|batch| (batch, None)))))
        });
        Some(Ok(Chunk { bytes, decode }))
    }
}
