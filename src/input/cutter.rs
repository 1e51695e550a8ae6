//! Text in chunks that end where a record ends, read one behind the other and parsed side by side.

use super::pool::Pool;
use super::source::Input;
use crate::error::Error;
use std::io::Read;
use std::ops::Range;

/// Bytes read for a chunk: small enough for a second-level cache, large enough to be worth a task.
const CHUNK: usize = 1 << 19;

/// The largest record: beyond it a quote was probably left open.
const RECORD_LIMIT: usize = 64 << 20;

/// Whole records.
#[derive(Debug, Default)]
pub struct TextChunk {
    buffer: Vec<u8>,
    range: Range<usize>,
    pool: Pool,
    /// The line of the file the first record starts on, from 1.
    pub line: u64,
}

impl TextChunk {
    /// Their bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }

    /// Leaves the first bytes out; the next line is the first one then.
    pub fn skip(&mut self, bytes: usize, line: u64) {
        self.range.start += bytes;
        self.line = line;
    }
}

#[cfg(test)]
impl From<&[u8]> for TextChunk {
    fn from(bytes: &[u8]) -> Self {
        Self { buffer: bytes.to_vec(), range: 0..bytes.len(), pool: Pool::default(), line: 1 }
    }
}

impl Drop for TextChunk {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.buffer));
    }
}

/// Finds where the last whole record ends in bytes that start with a record; `None` when none does.
pub type LastEnd = Box<dyn Fn(&[u8]) -> Option<usize> + Send>;

/// Cuts the bytes of an input.
pub struct Cutter {
    input: Input,
    reader: Box<dyn Read + Send>,
    last_end: LastEnd,
    pool: Pool,
    /// Bytes that were read and not yet handed out, up to `filled`.
    buffer: Vec<u8>,
    filled: usize,
    line: u64,
    at_end: bool,
    /// Whether the input starts with a byte order mark.
    has_mark: bool,
}

impl Cutter {
    /// Starts at the first byte behind a byte order mark.
    pub fn new(input: &Input, last_end: LastEnd) -> Result<Self, Error> {
        let reader = input.reader()?;
        let pool = Pool::default();
        let buffer = pool.take(CHUNK);
        let mut cutter = Self {
            input: input.clone(),
            reader,
            last_end,
            pool,
            buffer,
            filled: 0,
            line: 1,
            at_end: false,
            has_mark: false,
        };
        cutter.fill()?;
        if cutter.buffer[..cutter.filled].starts_with(b"\xef\xbb\xbf") {
            cutter.buffer.copy_within(3..cutter.filled, 0);
            cutter.filled -= 3;
            cutter.has_mark = true;
        }
        Ok(cutter)
    }

    /// Whether the input starts with a byte order mark.
    pub fn has_mark(&self) -> bool {
        self.has_mark
    }

    /// Reads until the buffer is full or the input ends.
    fn fill(&mut self) -> Result<(), Error> {
        while self.filled < self.buffer.len() && !self.at_end {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.input.trouble(error)),
            }
        }
        Ok(())
    }

    /// The next chunk; `None` at the end.
    pub fn next(&mut self) -> Result<Option<TextChunk>, Error> {
        self.fill()?;
        let end = loop {
            if self.at_end {
                break self.filled;
            }
            if let Some(end) = (self.last_end)(&self.buffer[..self.filled]) {
                break end;
            }
            if self.filled > RECORD_LIMIT {
                return Err(Error::Line {
                    path: self.input.path.clone(),
                    line: self.line,
                    message: format!("this record is longer than {} MiB: is a quote left open?", RECORD_LIMIT >> 20),
                });
            }
            self.buffer.resize(self.filled * 2, 0);
            self.fill()?;
        };
        if end == 0 {
            return Ok(None);
        }
        let rest = self.filled - end;
        let mut next = self.pool.take(CHUNK.max(rest));
        next[..rest].copy_from_slice(&self.buffer[end..self.filled]);
        let buffer = std::mem::replace(&mut self.buffer, next);
        self.filled = rest;
        let line = self.line;
        self.line += lines(&buffer[..end]);
        Ok(Some(TextChunk { buffer, range: 0..end, pool: self.pool.clone(), line }))
    }
}

/// Line ends in a text: line feeds or, where there are none, carriage returns.
pub fn lines(bytes: &[u8]) -> u64 {
    match memchr::memchr_iter(b'\n', bytes).count() {
        0 => memchr::memchr_iter(b'\r', bytes).count() as u64,
        feeds => feeds as u64,
    }
}
