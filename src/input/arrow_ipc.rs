//! Arrow IPC: files, whose record batches have places, and streams, whose batches follow one another.

use super::Format;
use super::guard::guarded;
use super::source::{Input, Source};
use super::table::{Batches, Chunk, Chunks, Parts, Table};
use crate::error::Error;
use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::Block;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamReader, read_footer_length};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) static FORMAT: Format = Format {
    name: "arrow",
    extensions: &["arrow", "feather", "ipc", "arrows"],
    recognises: |head| head.starts_with(b"ARROW1") || is_stream(head),
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
    let mut names = std::collections::HashSet::new();
    if let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) {
        let name = crate::error::escape_controls(twice.name());
        return Err(Error::Format { path: path.to_path_buf(), message: format!("has two columns named `{name}`") });
    }
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

/// A batch in the types of the table.
fn conformed(path: &Path, batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let strict = arrow_cast::CastOptions { safe: false, ..arrow_cast::CastOptions::default() };
    let column = |(column, field): (&arrow_array::ArrayRef, &Arc<Field>)| {
        let data_type = kept(field.data_type());
        if data_type == *column.data_type() {
            Ok(column.clone())
        } else {
            arrow_cast::cast_with_options(column, &data_type, &strict)
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

/// A batch cut into batches of at most so many rows.
fn sliced<'a>(batch: RecordBatch, batch_rows: usize) -> Batches<'a> {
    let rows = batch.num_rows();
    let starts = (0..rows).step_by(batch_rows.max(1));
    Box::new(starts.map(move |start| Ok(batch.slice(start, batch_rows.min(rows - start)))))
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
        Ok(batch.map_or_else(|| Box::new(std::iter::empty()) as Batches<'_>, |batch| sliced(batch, batch_rows)))
    }

    fn stream(&self, _: &[usize], _: usize) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        Err(Error::Internal("the batches of an Arrow file have places".into()))
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

type Bytes = BufReader<Box<dyn Read + Send>>;

struct IpcStream {
    input: Input,
    schema: SchemaRef,
}

impl IpcStream {
    fn open(input: &Input) -> Result<Self, Error> {
        let reader = Self::reader(input, None)?;
        let schema = checked(&input.path, &reader.schema())?;
        Ok(Self { input: input.clone(), schema })
    }

    fn reader(input: &Input, columns: Option<Vec<usize>>) -> Result<StreamReader<Bytes>, Error> {
        let bytes = BufReader::with_capacity(1 << 20, input.reader()?);
        guarded(&input.path, || StreamReader::try_new(bytes, columns).map_err(|error| unreadable(&input.path, &error)))
    }
}

impl Table for IpcStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn read(&self, _: usize, _: &[usize], _: usize) -> Result<Batches<'_>, Error> {
        Err(Error::Internal("the batches of an Arrow stream have no places".into()))
    }

    fn stream(&self, columns: &[usize], batch_rows: usize) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        let reader = Self::reader(&self.input, Some(columns.to_vec()))?;
        Ok(Box::new(IpcBatches { path: self.input.path.clone(), reader, batch_rows }))
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

struct IpcBatches {
    path: PathBuf,
    reader: StreamReader<Bytes>,
    batch_rows: usize,
}

impl<'a> Chunks<'a> for IpcBatches {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let path = &self.path;
        let reader = &mut self.reader;
        let batch =
            guarded(path, || reader.next().transpose().map_err(|error| unreadable(path, &error))).transpose()?;
        let (path, batch_rows) = (self.path.clone(), self.batch_rows);
        Some(batch.map(|batch| Chunk {
            bytes: batch.get_array_memory_size() as u64,
            decode: Box::new(move || {
                guarded(&path, || conformed(&path, &batch)).map(|batch| sliced(batch, batch_rows))
            }),
        }))
    }
}
