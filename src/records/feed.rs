//! Files cut into pieces of whole records, in order, by one thread; others look into them.

use super::array::ArrayReader;
use super::avro_file::{AvroReader, Writer};
use super::failure::Place;
use super::lines::LineReader;
use crate::error::Error;
use crate::input::avro::Blocks;
use crate::input::csv::CsvOptions;
use crate::input::csv::rows::{RowChunk, RowReader};
use crate::input::source::Input;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a piece.
pub const PIECE: usize = 512 << 10;

/// Records of a piece: what is said of them is kept until all in front of them is written.
pub const MOST_RECORDS: usize = 2_048;

/// Bytes that are kept of a record that is too long.
pub const HEAD: usize = 64 << 10;

/// Formats of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A record a line.
    Lines,
    /// An array of records.
    Array,
    /// One record, on as many lines as it likes.
    Document,
    /// A record a row.
    Csv,
    /// Avro object container files.
    Avro,
}

impl Format {
    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "jsonl" | "ndjson" => Format::Lines,
            "array" => Format::Array,
            "json" => Format::Document,
            "csv" | "tsv" => Format::Csv,
            "avro" => Format::Avro,
            _ => return None,
        })
    }
}

/// Names for [`Format::named`].
pub const FORMAT_NAMES: [&str; 5] = ["jsonl", "array", "json", "csv", "avro"];

/// A record in the bytes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its bytes.
    pub range: Range<usize>,
    /// How many are in front of it in the file.
    pub index: u64,
    /// The line it starts on.
    pub line: u64,
}

/// Whole records.
pub enum Content {
    /// Lines, the first of which has this number.
    Lines(Vec<u8>, u64),
    /// Items of an array.
    Elements(Vec<u8>, Vec<Element>),
    /// Rows of CSV.
    Rows(RowChunk, Arc<[String]>),
    /// Blocks of an Avro file, and how many records are in front of them.
    Blocks(Blocks, u64, Arc<Writer>),
    /// Something that is no record.
    Broken(Broken),
}

/// Something that is no record: a failure, not trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where.
    pub place: Place,
    /// `syntax` or `size`.
    pub keyword: &'static str,
    /// What is wrong.
    pub message: String,
    /// The first bytes of it.
    pub head: Vec<u8>,
}

impl Broken {
    /// A record that has more bytes than are read.
    pub fn too_long(place: Place, limit: usize, head: Vec<u8>) -> Self {
        Self { place, keyword: "size", message: format!("has more than {limit} bytes"), head }
    }
}

/// A piece of a file.
pub struct Task {
    /// The file among those that are read.
    pub file: usize,
    /// What is in it.
    pub content: Content,
}

/// Gives pieces of a file.
pub trait Pieces: Send {
    /// The next piece; `None` at the end.
    fn read(&mut self) -> Result<Option<Content>, Error>;
}

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct FeedOptions {
    /// The format, when contents and names do not tell.
    pub format: Option<Format>,
    /// Bytes of a record.
    pub record_bytes: usize,
    /// CSV.
    pub csv: CsvOptions,
}

/// The format of an input; `None` for one without bytes.
pub fn format_of(input: &Input, options: &FeedOptions) -> Result<Option<Format>, Error> {
    let head = input.head(PIECE)?;
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    if start.starts_with(b"Obj\x01") {
        return Ok(Some(Format::Avro));
    }
    if options.format.is_some() {
        return Ok(options.format);
    }
    let extension = input.plain_name().rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    Ok(Some(match (extension.as_str(), start.first()) {
        (_, None) => return Ok(None),
        ("jsonl" | "ndjson" | "jsonlines", _) => Format::Lines,
        ("csv" | "tsv", _) => Format::Csv,
        (_, Some(b'[')) => Format::Array,
        (_, Some(b'{')) if extension == "json" && !starts_with_lines(start) => Format::Document,
        (_, Some(b'{')) => Format::Lines,
        _ => {
            let names = FORMAT_NAMES.join(", ");
            let path = crate::error::shown(&input.path);
            return Err(Error::Option(format!(
                "{path}: cannot tell what records these are; name it with --input-format ({names})"
            )));
        }
    }))
}

/// Whether the first line is an object as a whole.
fn starts_with_lines(start: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', start) else { return false };
    serde_json::from_slice::<serde::de::IgnoredAny>(&start[..end]).is_ok()
}

/// An input, and the header that good rows of CSV need.
pub type Opened = (Box<dyn Pieces>, Option<Vec<u8>>);

/// Opens an input.
pub fn open(input: &Input, options: &FeedOptions) -> Result<Opened, Error> {
    let limit = options.record_bytes;
    Ok(match format_of(input, options)? {
        None => (Box::new(Nothing), None),
        Some(Format::Lines) => (Box::new(LineReader::open(input, limit)?), None),
        Some(Format::Array) => (Box::new(ArrayReader::open(input, limit)?), None),
        Some(Format::Document) => (Box::new(DocumentReader { input: input.clone(), limit, done: false }), None),
        Some(Format::Avro) => (Box::new(AvroReader::open(input)?), None),
        Some(Format::Csv) => {
            let reader = RowReader::open(input, &options.csv)?;
            let header = reader.header().to_vec();
            let names = reader.names().into();
            (Box::new(CsvReader { reader, names }), Some(header))
        }
    })
}

/// An input without bytes.
struct Nothing;

impl Pieces for Nothing {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        Ok(None)
    }
}

struct CsvReader {
    reader: RowReader,
    names: Arc<[String]>,
}

impl Pieces for CsvReader {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        Ok(self.reader.read()?.map(|rows| Content::Rows(rows, self.names.clone())))
    }
}

/// One record.
struct DocumentReader {
    input: Input,
    limit: usize,
    done: bool,
}

impl Pieces for DocumentReader {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let reader = self.input.reader()?;
        reader.take(self.limit as u64 + 4).read_to_end(&mut bytes).map_err(|error| self.input.trouble(error))?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if bytes.len() > self.limit {
            bytes.truncate(HEAD);
            return Ok(Some(Content::Broken(Broken::too_long(Place::Index(0), self.limit, bytes))));
        }
        let whole = Element { range: 0..bytes.len(), index: 0, line: 1 };
        Ok(Some(Content::Elements(bytes, vec![whole])))
    }
}
