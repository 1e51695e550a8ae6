//! Avro object container files: blocks as they are stored, and the schema that reads them.

use super::avro_decode::{long, take};
use super::avro_plan::Plan;
use super::feed::{Content, Pieces};
use crate::error::{Error, escape_controls};
use crate::input::avro::BlockReader;
use crate::input::guarded;
use crate::input::source::Input;
use apache_avro::{Codec, Schema};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// What the library may allocate for a block.
const MOST_BYTES: usize = 256 << 20;

/// Magic bytes.
const MAGIC: usize = 4;

/// What a file says of its records.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    codec: Codec,
    /// The schema they were written with.
    pub plan: Plan,
}

impl Writer {
    fn of(path: &Path, header: &[u8]) -> Result<Self, Error> {
        apache_avro::util::max_allocation_bytes(MOST_BYTES);
        let damaged = |message: &str| format(path, &format!("its header is damaged: {message}"));
        let mut rest = header.get(MAGIC..).unwrap_or_default();
        let (mut schema, mut codec) = (None, None);
        loop {
            let count = long(&mut rest).map_err(damaged)?;
            if count < 0 {
                long(&mut rest).map_err(damaged)?;
            }
            for _ in 0..count.unsigned_abs() {
                let name = bytes(&mut rest).map_err(damaged)?;
                let value = bytes(&mut rest).map_err(damaged)?;
                match name {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = Some(value),
                    _ => {}
                }
            }
            if count == 0 {
                break;
            }
        }
        let schema = schema.and_then(|schema| std::str::from_utf8(schema).ok());
        let schema = schema.ok_or_else(|| damaged("it has no schema"))?;
        let schema = guarded(path, || Ok(Schema::parse_str(schema)))?;
        let schema = schema.map_err(|error| format(path, &format!("its schema cannot be read: {error}")))?;
        let codec = std::str::from_utf8(codec.unwrap_or(b"null")).unwrap_or("");
        let codec = Codec::from_str(codec)
            .map_err(|_| format(path, &format!("is compressed with `{codec}`, which cannot be read")))?;
        let plan = Plan::of(&schema).map_err(|message| format(path, &message))?;
        Ok(Self { path: path.to_path_buf(), codec, plan })
    }

    /// Contents of a block.
    pub fn decompressed(&self, stored: &[u8]) -> Result<Vec<u8>, Error> {
        guarded(&self.path, || {
            let mut bytes = stored.to_vec();
            let codec = self.codec;
            let done = codec.decompress(&mut bytes);
            done.map_err(|error| format(&self.path, &format!("a block cannot be decompressed: {error}")))?;
            Ok(bytes)
        })
    }

    /// Something wrong with the contents of a block.
    pub fn damaged(&self, message: &str) -> Error {
        format(&self.path, &format!("cannot be read as Avro: {message}"))
    }
}

fn format(path: &Path, message: &str) -> Error {
    Error::Format { path: path.to_path_buf(), message: escape_controls(message) }
}

/// A length and as many bytes.
fn bytes<'t>(rest: &mut &'t [u8]) -> Result<&'t [u8], &'static str> {
    let length = usize::try_from(long(rest)?).map_err(|_| "a length is negative")?;
    take(rest, length)
}

/// Reads a file in whole blocks.
pub struct AvroReader {
    reader: BlockReader,
    writer: Arc<Writer>,
    index: u64,
}

impl AvroReader {
    /// Reads the header.
    pub fn open(input: &Input) -> Result<Self, Error> {
        let reader = BlockReader::open(input)?;
        let writer = Arc::new(Writer::of(&input.path, reader.header())?);
        Ok(Self { reader, writer, index: 0 })
    }
}

impl Pieces for AvroReader {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        let Some(blocks) = self.reader.read()? else { return Ok(None) };
        let index = self.index;
        self.index += blocks.rows();
        Ok(Some(Content::Blocks(blocks, index, self.writer.clone())))
    }
}
