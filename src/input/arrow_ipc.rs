//! Arrow IPC: files, whose record batches have places, and streams, whose batches follow one another.

use super::guard::guarded;
use super::source::{Input, Source};
use super::table::{Batches, Chunk, Chunks, Decoded, Parts, Table};
use super::whole::{FileOrigin, Whole};
use super::{Format, cast_strictly, refuse_twins, sliced};
use crate::error::Error;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::Block;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) static FORMAT: Format = Format {
    name: "arrow",
    extensions: &["arrow", "feather", "ipc", "arrows"],
    recognises: |head| head.starts_with(b"ARROW1") || is_stream(head),
    certain: true,
    open: |input, _| {
        let head = input.head(8)?;
        if head.starts_with(b"ARROW1") {
            return Ok(Box::new(IpcFile::open(input)?));
        }
        Ok(Box::new(IpcStream::open(input)?))
    },
};

/// A stream starts with a marker and the length of its schema, a multiple of 8.
fn is_stream(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xff, 0xff, 0xff, low, _, _, 0, ..] if low % 8 == 0)
}

fn unreadable(path: &Path, error: &ArrowError) -> Error {
    let text = crate::error::escape_controls(&error.to_string());
    Error::Format {
        path: path.to_path_buf(),
        message: format!("cannot be read as Arrow: {text}; damaged, cut off, or still being written?"),
    }
}

/// The columns, dictionaries resolved but those that are kept.
fn checked(path: &Path, schema: &Schema) -> Result<SchemaRef, Error> {
    refuse_twins(path, schema.fields().iter().map(|field| field.name().as_str()))?;
    let fields: Vec<_> =
        schema.fields().iter().map(|field| Field::new(field.name(), kept(field.data_type()), true)).collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// Text may stay dictionary-encoded, with keys of 32 bits.
fn kept(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(keys, values) if **keys == DataType::Int32 && **values == DataType::Utf8 => {
            data_type.clone()
        }
        DataType::Dictionary(_, values) => kept(values),
        other => other.clone(),
    }
}

/// Bytes that the buffers of one batch may unpack to.
const MOST_UNPACKED: u64 = 8 << 30;

/// Refuses a message whose compressed buffers claim lengths that no batch has: they would be allocated.
fn check_lengths(message: &arrow_ipc::Message<'_>, body: &[u8]) -> Result<(), ArrowError> {
    let damaged = || ArrowError::ParseError("a buffer claims a length that cannot be".into());
    let batch = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or(batch) else { return Ok(()) };
    if batch.compression().is_none() {
        return Ok(());
    }
    let mut total = 0u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(start), Ok(length)) = (usize::try_from(buffer.offset()), usize::try_from(buffer.length())) else {
            return Err(damaged());
        };
        let stored = start.checked_add(length).and_then(|end| body.get(start..end)).ok_or_else(damaged)?;
        let Some(prefix) = stored.first_chunk::<8>() else { continue };
        // -1 marks a buffer that is not compressed.
        let claimed = u64::try_from(i64::from_le_bytes(*prefix)).unwrap_or(0);
        // No codec packs more than some thousand bytes into one.
        if claimed > (length as u64).saturating_mul(1 << 15) {
            return Err(damaged());
        }
        total = total.saturating_add(claimed);
    }
    if total > MOST_UNPACKED { Err(damaged()) } else { Ok(()) }
}

/// The message at the start of a block: a marker that old files lack, a length, the message.
fn message_of(block: &[u8]) -> Result<arrow_ipc::Message<'_>, ArrowError> {
    let cut = || ArrowError::ParseError("a message is cut off".into());
    let rest = block.strip_prefix(&MARKER).unwrap_or(block);
    let bytes = rest.get(4..).ok_or_else(cut)?;
    arrow_ipc::root_as_message(bytes).map_err(|error| ArrowError::ParseError(error.to_string()))
}

/// Stands before every message.
const MARKER: [u8; 4] = [0xff; 4];

/// A batch in the types of the table.
fn conformed(path: &Path, batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let column = |(column, field): (&arrow_array::ArrayRef, &Arc<Field>)| -> Result<arrow_array::ArrayRef, ArrowError> {
        let data_type = kept(field.data_type());
        let encoded = column.as_dictionary_opt::<Int32Type>();
        if encoded.is_some_and(|encoded| encoded.values().null_count() > 0) {
            // NULL stands among the values; it belongs among the keys.
            let plain = cast_strictly(column, &DataType::Utf8)?;
            cast_strictly(&plain, &data_type)
        } else if data_type == *column.data_type() {
            Ok(column.clone())
        } else {
            cast_strictly(column, &data_type)
        }
    };
    let schema = batch.schema();
    let fields: Vec<_> =
        schema.fields().iter().map(|field| Field::new(field.name(), kept(field.data_type()), true)).collect();
    let columns = batch.columns().iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>, _>>();
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    columns
        .and_then(|columns| RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options))
        .map_err(|error| unreadable(path, &error))
}

struct IpcFile {
    path: PathBuf,
    source: Arc<dyn Source>,
    schema: SchemaRef,
    footer: Footer,
    /// Decoders by the columns they read; each has read the dictionaries once.
    decoders: Mutex<HashMap<Vec<usize>, Arc<FileDecoder>>>,
}

struct Footer {
    schema: SchemaRef,
    version: arrow_ipc::MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

impl IpcFile {
    fn open(input: &Input) -> Result<Self, Error> {
        let source = input.random_access()?;
        let path = input.path.clone();
        let footer = guarded(&path, || read_footer(&*source).map_err(|error| unreadable(&path, &error)))?;
        let schema = checked(&path, &footer.schema)?;
        Ok(Self { path, source, schema, footer, decoders: Mutex::default() })
    }

    fn decoder(&self, columns: &[usize]) -> Result<Arc<FileDecoder>, ArrowError> {
        let mut decoders = self.decoders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(decoder) = decoders.get(columns) {
            return Ok(decoder.clone());
        }
        let mut decoder =
            FileDecoder::new(self.footer.schema.clone(), self.footer.version).with_projection(columns.to_vec());
        for block in &self.footer.dictionaries {
            decoder.read_dictionary(block, &read_block(&*self.source, block)?)?;
        }
        let decoder = Arc::new(decoder);
        decoders.insert(columns.to_vec(), decoder.clone());
        Ok(decoder)
    }

    fn batch(&self, part: usize, columns: &[usize]) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(block) = self.footer.batches.get(part) else { return Ok(None) };
        let decoder = self.decoder(columns)?;
        decoder.read_record_batch(block, &read_block(&*self.source, block)?)
    }
}

fn read_footer(source: &dyn Source) -> Result<Footer, ArrowError> {
    let end = source.length();
    let start = end.checked_sub(10).ok_or(std::io::ErrorKind::UnexpectedEof).map_err(std::io::Error::from)?;
    let mut tail = [0; 10];
    source.read_at(start, &mut tail)?;
    let length = read_footer_length(tail)?;
    let at = start
        .checked_sub(length as u64)
        .ok_or_else(|| ArrowError::ParseError("the footer is longer than the file".into()))?;
    let mut bytes = vec![0; length];
    source.read_at(at, &mut bytes)?;
    let footer = arrow_ipc::root_as_footer(&bytes).map_err(|error| ArrowError::ParseError(error.to_string()))?;
    let schema = footer.schema().ok_or_else(|| ArrowError::ParseError("the footer has no schema".into()))?;
    if !schema.endianness().equals_to_target_endianness() {
        return Err(ArrowError::IpcError("its byte order is that of another kind of machine".into()));
    }
    let dictionaries = footer.dictionaries().map_or_else(Vec::new, |blocks| blocks.iter().copied().collect());
    let batches = footer.recordBatches().map_or_else(Vec::new, |blocks| blocks.iter().copied().collect());
    Ok(Footer { schema: Arc::new(fb_to_schema(schema)), version: footer.version(), dictionaries, batches })
}

fn read_block(source: &dyn Source, block: &Block) -> Result<Buffer, ArrowError> {
    let damaged = || ArrowError::ParseError("a block lies outside the file".into());
    let offset = u64::try_from(block.offset()).map_err(|_| damaged())?;
    let metadata = u64::try_from(block.metaDataLength()).map_err(|_| damaged())?;
    let length =
        u64::try_from(block.bodyLength()).ok().and_then(|body| body.checked_add(metadata)).ok_or_else(damaged)?;
    // Nothing is allocated for bytes that are not there.
    if offset.checked_add(length).is_none_or(|end| end > source.length()) {
        return Err(damaged());
    }
    let mut buffer = MutableBuffer::from_len_zeroed(usize::try_from(length).map_err(|_| damaged())?);
    source.read_at(offset, buffer.as_slice_mut())?;
    let (message, body) =
        buffer.as_slice().split_at_checked(usize::try_from(metadata).map_err(|_| damaged())?).ok_or_else(damaged)?;
    check_lengths(&message_of(message)?, body)?;
    Ok(buffer.into())
}

impl Table for IpcFile {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Placed(self.footer.batches.len())
    }

    fn read(&self, part: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error> {
        let batch = guarded(&self.path, || {
            let batch = self.batch(part, columns).map_err(|error| unreadable(&self.path, &error))?;
            batch.map(|batch| conformed(&self.path, &batch)).transpose()
        })?;
        Ok(batch.map_or_else(
            || Box::new(std::iter::empty()) as Batches<'_>,
            |batch| Box::new(sliced(batch, batch_rows).map(Ok)),
        ))
    }

    fn read_native(&self, part: usize, batch_rows: usize) -> Result<Batches<'_>, Error> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let read = || self.batch(part, &all).map_err(|error| unreadable(&self.path, &error));
        Ok(match guarded(&self.path, read)? {
            Some(batch) => Box::new(sliced(batch, batch_rows).map(Ok)),
            None => Box::new(std::iter::empty()),
        })
    }

    fn origin(&self) -> FileOrigin {
        FileOrigin::Arrow { schema: self.footer.schema.clone(), stream: false }
    }
}

/// The largest schema or list of buffers.
const LONGEST_MESSAGE: u32 = 256 << 20;

/// The mark of the end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Messages of a stream, each checked before it is decoded.
struct Messages {
    reader: Box<dyn Read + Send>,
    decoder: StreamDecoder,
}

impl Messages {
    fn new(input: &Input) -> Result<Self, Error> {
        let reader = Box::new(BufReader::with_capacity(1 << 18, input.reader()?));
        Ok(Self { reader, decoder: StreamDecoder::new() })
    }

    /// The next batch; `None` at the end. With `schema_only`, stops once the schema is known.
    fn next(&mut self, schema_only: bool) -> Result<Option<RecordBatch>, ArrowError> {
        while !(schema_only && self.decoder.schema().is_some()) {
            let Some(message) = self.message()? else {
                // A schema is taken once something comes behind it, if only the mark of the end.
                self.decoder.decode(&mut Buffer::from(&END))?;
                return Ok(None);
            };
            let mut buffer = Buffer::from(message);
            while !buffer.is_empty() {
                if let Some(batch) = self.decoder.decode(&mut buffer)? {
                    return Ok(Some(batch));
                }
            }
        }
        Ok(None)
    }

    /// The bytes of the next message and its body; `None` at the end.
    fn message(&mut self) -> Result<Option<Vec<u8>>, ArrowError> {
        let damaged = |what: &str| ArrowError::ParseError(format!("a message {what}"));
        let mut bytes = Vec::new();
        match (&mut self.reader).take(8).read_to_end(&mut bytes)? {
            // The end may be marked, or simply be there.
            0 => return Ok(None),
            8 if bytes == END => return Ok(None),
            8 if bytes.starts_with(&MARKER) => {}
            _ => return Err(damaged("does not start as one")),
        }
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if length > LONGEST_MESSAGE {
            return Err(damaged("is longer than any writer makes"));
        }
        let read = (&mut self.reader).take(u64::from(length)).read_to_end(&mut bytes)?;
        let body = message_of(&bytes)?.bodyLength();
        let body = u64::try_from(body).map_err(|_| damaged("has a negative length"))?;
        let start = bytes.len();
        // Grows with what is there, whatever length is claimed.
        let body_read = (&mut self.reader).take(body).read_to_end(&mut bytes)?;
        if read as u64 != u64::from(length) || body_read as u64 != body {
            return Err(damaged("is cut off"));
        }
        check_lengths(&message_of(&bytes[..start])?, &bytes[start..])?;
        Ok(Some(bytes))
    }
}

struct IpcStream {
    input: Input,
    /// As the stream has it.
    native: SchemaRef,
    schema: SchemaRef,
}

impl IpcStream {
    fn open(input: &Input) -> Result<Self, Error> {
        let mut messages = Messages::new(input)?;
        let path = &input.path;
        guarded(path, || messages.next(true).map_err(|error| unreadable(path, &error)))?;
        let schema = messages.decoder.schema();
        let schema = schema.ok_or_else(|| unreadable(path, &ArrowError::ParseError("there is no schema".into())))?;
        Ok(Self { input: input.clone(), schema: checked(path, &schema)?, native: schema })
    }
}

impl Table for IpcStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn stream(&self, columns: &[usize], batch_rows: usize, whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let messages = Messages::new(&self.input)?;
        let (path, columns) = (self.input.path.clone(), columns.to_vec());
        Ok(Box::new(IpcBatches { path, messages, columns, batch_rows, whole }))
    }

    fn origin(&self) -> FileOrigin {
        FileOrigin::Arrow { schema: self.native.clone(), stream: true }
    }
}

struct IpcBatches {
    path: PathBuf,
    messages: Messages,
    columns: Vec<usize>,
    batch_rows: usize,
    /// Whether batches keep all columns as the stream has them.
    whole: bool,
}

impl<'a> Chunks<'a> for IpcBatches {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let (path, messages, columns) = (&self.path, &mut self.messages, &self.columns);
        let next = guarded(path, || {
            let batch = messages.next(false).map_err(|error| unreadable(path, &error))?;
            let Some(native) = batch else { return Ok(None) };
            let batch = native.project(columns).map_err(|error| unreadable(path, &error))?;
            Ok(Some((batch, native)))
        });
        let (path, batch_rows, whole) = (self.path.clone(), self.batch_rows, self.whole);
        Some(next.transpose()?.map(|(batch, native)| {
            let native = whole.then_some(native);
            Chunk {
                bytes: batch.get_array_memory_size() as u64,
                decode: Box::new(move || {
                    let batch = guarded(&path, || conformed(&path, &batch))?;
                    let mut start = 0;
                    Ok(Box::new(sliced(batch, batch_rows).map(move |batch| {
                        let own = native.as_ref().map(|native| native.slice(start, batch.num_rows()));
                        start += batch.num_rows();
                        Ok((batch, own.map(Whole::Native)))
                    })) as Decoded<'_>)
                }),
            }
        }))
    }
}
