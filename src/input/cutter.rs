//! Text in chunks that end where a record ends, read one behind the other and parsed side by side.

use super::source::Input;
use crate::error::Error;
use std::io::Read;

/// Bytes read for a chunk: small enough for a second-level cache, large enough to be worth a task.
const CHUNK: usize = 1 << 20;

/// The largest record: beyond it a quote was probably left open.
const RECORD_LIMIT: usize = 64 << 20;

/// Whole records.
#[derive(Debug, Default)]
pub struct TextChunk {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// The line of the file the first record starts on, from 1.
    pub line: u64,
}

/// Finds where the last whole record ends in bytes that start with a record; `None` when none does.
pub type LastEnd = Box<dyn Fn(&[u8]) -> Option<usize> + Send>;

/// Cuts the bytes of an input.
pub struct Cutter {
    input: Input,
    reader: Box<dyn Read + Send>,
    last_end: LastEnd,
    /// The start of a record whose end was not seen yet.
    rest: Vec<u8>,
    line: u64,
    at_end: bool,
}

impl Cutter {
    /// Starts at the first byte behind a byte order mark.
    pub fn new(input: &Input, last_end: LastEnd) -> Result<Self, Error> {
        let reader = input.reader()?;
        let mut cutter = Self { input: input.clone(), reader, last_end, rest: Vec::new(), line: 1, at_end: false };
        cutter.rest = cutter.more(Vec::new())?;
        if cutter.rest.starts_with(b"\xef\xbb\xbf") {
            cutter.rest.drain(..3);
        }
        Ok(cutter)
    }

    /// Reads another chunk behind the bytes.
    fn more(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let wanted = CHUNK.max(bytes.len());
        bytes.reserve_exact(wanted);
        let before = bytes.len();
        let read = (&mut self.reader).take(wanted as u64).read_to_end(&mut bytes);
        read.map_err(|error| self.input.trouble(error))?;
        self.at_end = bytes.len() - before < wanted;
        Ok(bytes)
    }

    /// The next chunk; `None` at the end.
    pub fn next(&mut self) -> Result<Option<TextChunk>, Error> {
        let mut bytes = std::mem::take(&mut self.rest);
        if !self.at_end && bytes.len() < CHUNK {
            bytes = self.more(bytes)?;
        }
        let end = loop {
            if self.at_end {
                break bytes.len();
            }
            if let Some(end) = (self.last_end)(&bytes) {
                break end;
            }
            if bytes.len() > RECORD_LIMIT {
                return Err(Error::Line {
                    path: self.input.path.clone(),
                    line: self.line,
                    message: format!("this record is longer than {} MiB: is a quote left open?", RECORD_LIMIT >> 20),
                });
            }
            bytes = self.more(bytes)?;
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        self.rest = bytes[end..].to_vec();
        bytes.truncate(end);
        let line = self.line;
        self.line += lines(&bytes);
        Ok(Some(TextChunk { bytes, line }))
    }
}

/// Line ends in a text: line feeds or, where there are none, carriage returns.
pub fn lines(bytes: &[u8]) -> u64 {
    match memchr::memchr_iter(b'\n', bytes).count() {
        0 => memchr::memchr_iter(b'\r', bytes).count() as u64,
        feeds => feeds as u64,
    }
}
