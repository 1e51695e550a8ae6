//! JSON Lines, cut behind line ends.

use super::failure::Place;
use super::feed::{Broken, Content, HEAD, MOST_RECORDS, PIECE, Pieces};
use crate::error::Error;
use crate::input::source::Input;
use std::io::{ErrorKind, Read};

/// Reads an input in whole lines.
pub struct LineReader {
    input: Input,
    reader: Box<dyn Read + Send>,
    /// Bytes that were read and not given out.
    buffer: Vec<u8>,
    at_end: bool,
    /// The line that the buffer starts with.
    line: u64,
    limit: usize,
}

impl LineReader {
    /// Starts behind a byte order mark. Lines of more than `limit` bytes are no records.
    pub fn open(input: &Input, limit: usize) -> Result<Self, Error> {
        let reader = input.reader()?;
        let mut lines =
            Self { input: input.clone(), reader, buffer: Vec::new(), at_end: false, line: 1, limit: limit.max(1) };
        lines.fill(PIECE)?;
        if lines.buffer.starts_with(b"\xef\xbb\xbf") {
            lines.buffer.drain(..3);
        }
        Ok(lines)
    }

    /// Reads until the buffer has so many bytes.
    fn fill(&mut self, wanted: usize) -> Result<(), Error> {
        fill(&self.input, &mut self.reader, &mut self.buffer, wanted).map(|at_end| self.at_end |= at_end)
    }

    /// Gives out the first bytes.
    fn give(&mut self, end: usize, lines: u64) -> Option<Content> {
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let line = self.line;
        self.line += lines;
        Some(Content::Lines(bytes, line))
    }

    /// A line that is longer than the limit: its head is kept, the rest of it is passed over.
    fn pass_over(&mut self) -> Result<Option<Content>, Error> {
        let head = self.buffer[..self.buffer.len().min(HEAD)].to_vec();
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                self.buffer.drain(..=end);
                break;
            }
            self.buffer.clear();
            if self.at_end {
                break;
            }
            self.fill(PIECE)?;
        }
        let place = Place::Line(self.line);
        self.line += 1;
        Ok(Some(Content::Broken(Broken::too_long(place, self.limit, head))))
    }
}

impl Pieces for LineReader {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        let mut searched = 0;
        let mut wanted = PIECE;
        loop {
            if !self.at_end {
                self.fill(wanted)?;
            }
            let mut lines = 0;
            let mut end = None;
            for found in memchr::memchr_iter(b'\n', &self.buffer[searched..]).take(MOST_RECORDS) {
                lines += 1;
                end = Some(searched + found + 1);
            }
            // The first line may be as long as the buffer.
            let first = memchr::memchr(b'\n', &self.buffer[searched..]).map_or(self.buffer.len(), |at| searched + at);
            if first > self.limit {
                return self.pass_over();
            }
            match end {
                Some(end) => return Ok(self.give(end, lines)),
                None if self.at_end && self.buffer.is_empty() => return Ok(None),
                None if self.at_end => return Ok(self.give(self.buffer.len(), 1)),
                None => {
                    searched = self.buffer.len();
                    wanted = self.buffer.len().saturating_mul(2).min(self.limit.saturating_add(1)).max(searched + 1);
                }
            }
        }
    }
}

/// Reads until a buffer has so many bytes; tells whether the input ended.
pub fn fill(input: &Input, reader: &mut dyn Read, buffer: &mut Vec<u8>, wanted: usize) -> Result<bool, Error> {
    let mut filled = buffer.len();
    if filled >= wanted {
        return Ok(false);
    }
    buffer.resize(wanted, 0);
    let outcome = loop {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break Ok(filled < wanted),
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(input.trouble(error)),
        }
        if filled == wanted {
            break Ok(false);
        }
    };
    buffer.truncate(filled);
    outcome
}
