//! A JSON array, cut behind its items: it may be larger than the memory.
//!
//! Only strings, brackets and commas are looked at here. Whether an item is JSON, who reads it finds out.

use super::failure::Place;
use super::feed::{Broken, Content, Element, HEAD, MOST_RECORDS, PIECE, Pieces};
use super::lines::fill;
use crate::error::Error;
use crate::input::source::Input;
use std::io::Read;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In front of the array.
    Before,
    /// In an item, or in front of one.
    Item,
    /// Behind the array.
    Behind,
    /// Nothing more is read.
    Done,
}

/// What was come across.
enum Found {
    /// An item ends in front of this position; whether it is the last.
    Item(usize, bool),
    /// Something is wrong with the array itself.
    Wrong(&'static str),
    /// No more bytes.
    Nothing,
}

/// Reads an array in whole items.
pub struct ArrayReader {
    input: Input,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at_end: bool,
    limit: usize,
    state: State,
    /// Where the next byte to look at is.
    at: usize,
    /// Where the item starts, and on which line.
    start: usize,
    start_line: u64,
    line: u64,
    index: u64,
    depth: usize,
    in_text: bool,
    /// Whether the item is longer than the limit: its head is in the buffer.
    too_long: bool,
    /// Items that are complete.
    ready: Vec<Element>,
}

impl ArrayReader {
    /// Starts in front of the array. Items of more than `limit` bytes are no records.
    pub fn open(input: &Input, limit: usize) -> Result<Self, Error> {
        Ok(Self {
            input: input.clone(),
            reader: input.reader()?,
            buffer: Vec::new(),
            at_end: false,
            limit: limit.max(HEAD),
            state: State::Before,
            at: 0,
            start: 0,
            start_line: 1,
            line: 1,
            index: 0,
            depth: 0,
            in_text: false,
            too_long: false,
            ready: Vec::new(),
        })
    }

    /// Looks at bytes until something is come across.
    fn look(&mut self) -> Found {
        while let Some(byte) = self.buffer.get(self.at).copied() {
            if self.in_text {
                match memchr::memchr3(b'"', b'\\', b'\n', &self.buffer[self.at..]) {
                    None => self.at = self.buffer.len(),
                    Some(found) => {
                        self.at += found;
                        match self.buffer[self.at] {
                            b'"' => self.in_text = false,
                            b'\n' => self.line += 1,
                            // What follows may not have been read.
                            _ if self.at + 1 == self.buffer.len() && !self.at_end => return Found::Nothing,
                            _ => self.at += 1,
                        }
                        self.at += 1;
                    }
                }
                continue;
            }
            if byte == b'\n' {
                self.line += 1;
            }
            match (self.state, byte) {
                (State::Before, b'[') => {
                    self.state = State::Item;
                    self.open_item(self.at + 1);
                }
                (State::Before | State::Behind, b' ' | b'\t' | b'\r' | b'\n') => {}
                (State::Before, 0xef | 0xbb | 0xbf) if self.at < 3 => {}
                (State::Before, _) => return Found::Wrong("this is no array"),
                (State::Behind | State::Done, _) => return Found::Wrong("there is text behind the array"),
                (State::Item, b'"') => self.in_text = true,
                (State::Item, b'{' | b'[') => self.depth += 1,
                (State::Item, b',' | b']') if self.depth == 0 => {
                    let end = self.at;
                    self.at += 1;
                    return Found::Item(end, byte == b']');
                }
                (State::Item, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                (State::Item, _) => {}
            }
            self.at += 1;
        }
        Found::Nothing
    }

    fn open_item(&mut self, start: usize) {
        self.start = start;
        self.start_line = self.line;
        self.depth = 0;
        self.too_long = false;
    }

    /// Gives out complete items.
    fn give(&mut self) -> Option<Content> {
        let elements = std::mem::take(&mut self.ready);
        let end = elements.last()?.range.end;
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        self.at -= end;
        self.start = self.start.saturating_sub(end);
        Some(Content::Elements(bytes, elements))
    }

    /// Something that is no item.
    fn broken(&mut self, broken: Broken) -> Option<Content> {
        self.index += 1;
        Some(Content::Broken(broken))
    }

    /// Forgets the bytes in front of a position.
    fn forget(&mut self, end: usize) {
        self.buffer.drain(..end.min(self.buffer.len()));
        self.at = self.at.saturating_sub(end);
        self.start = self.start.saturating_sub(end);
    }

    /// What follows once an item ended.
    fn item(&mut self, end: usize, last: bool) -> Option<Content> {
        let blank = self.buffer[self.start..end].trim_ascii().is_empty();
        let nothing = last && blank && self.index == 0 && self.ready.is_empty();
        let mut given = None;
        if self.too_long {
            let head = self.buffer[self.start..end].to_vec();
            given = self.broken(Broken::too_long(Place::Index(self.index), self.limit, head));
            self.forget(end);
        } else if !nothing {
            self.ready.push(Element { range: self.start..end, index: self.index, line: self.start_line });
            self.index += 1;
        }
        self.open_item(self.at);
        if last {
            self.state = State::Behind;
        }
        given
    }
}

impl Pieces for ArrayReader {
    fn read(&mut self) -> Result<Option<Content>, Error> {
        loop {
            if self.state == State::Done {
                return Ok(None);
            }
            let enough = self.ready.last().is_some_and(|last| last.range.end >= PIECE);
            if enough || self.ready.len() >= MOST_RECORDS {
                return Ok(self.give());
            }
            match self.look() {
                Found::Item(end, last) => {
                    if let Some(content) = self.item(end, last) {
                        return Ok(Some(content));
                    }
                }
                Found::Wrong(message) => {
                    if !self.ready.is_empty() {
                        return Ok(self.give());
                    }
                    self.state = State::Done;
                    let head = self.buffer[self.at..].iter().take(HEAD).copied().collect();
                    let (place, message) = (Place::Index(self.index), format!("{message}, on line {}", self.line));
                    return Ok(self.broken(Broken { place, keyword: "syntax", message, head }));
                }
                Found::Nothing if self.at_end => {
                    if !self.ready.is_empty() {
                        return Ok(self.give());
                    }
                    let closed = self.state == State::Behind;
                    self.state = State::Done;
                    if closed {
                        return Ok(None);
                    }
                    let head = self.buffer[self.start..].iter().take(HEAD).copied().collect();
                    let message = format!("the array is not closed; its last item starts on line {}", self.start_line);
                    let place = Place::Index(self.index);
                    return Ok(self.broken(Broken { place, keyword: "syntax", message, head }));
                }
                Found::Nothing => {
                    // Complete items go first, so that only the one that is open takes room.
                    if !self.ready.is_empty() {
                        return Ok(self.give());
                    }
                    self.forget(if self.state == State::Item { self.start } else { self.at });
                    if self.buffer.len() > self.limit {
                        self.too_long = true;
                    }
                    if self.too_long && self.at > HEAD {
                        // The last byte may be a backslash that is looked at again.
                        let rest = self.buffer.split_off(self.at);
                        self.buffer.truncate(HEAD);
                        self.buffer.extend(rest);
                        self.at = HEAD;
                    }
                    let wanted = self.buffer.len() + PIECE;
                    self.at_end = fill(&self.input, &mut *self.reader, &mut self.buffer, wanted)?;
                }
            }
        }
    }
}
