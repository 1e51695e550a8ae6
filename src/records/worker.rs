//! A piece of a file, record by record: valid or not, counted, and written for those who want it.

use super::arena::{Arena, Id};
use super::avro_decode::decode;
use super::avro_file::Writer;
use super::avro_judge::AvroJudge;
use super::columns::Accepts;
use super::dead_letter::{self, Contents, Earlier};
use super::failure::{FailedRecord, Failure, Place};
use super::feed::{Broken, Content, Element, HEAD, Task};
use super::json_schema::JsonSchema;
use super::tally::{Tally, unreadable};
use super::{Options, Schema};
use crate::error::Error;
use crate::input::avro::Blocks;
use crate::input::csv::rows::RowChunk;
use std::borrow::Cow;
use std::path::Path;
use std::str::from_utf8;
use std::sync::Arc;

/// What was found in a piece.
#[derive(Debug, Default)]
pub struct Judged {
    /// Counts.
    pub tally: Tally,
    /// Valid records.
    pub good: Vec<u8>,
    /// Letters of the others.
    pub dead: Vec<u8>,
    /// Whether the first record of the file looks like a dead letter, which nobody said it would be.
    pub looks_dead: bool,
}

/// What all pieces share.
pub struct Job<'s> {
    /// The schema.
    pub schema: &'s Schema,
    /// How records are judged.
    pub options: &'s Options,
    /// Names of files, for letters.
    pub files: &'s [String],
}

/// Judges records one after the other.
enum Judge<'s> {
    Json(&'s JsonSchema),
    Avro(AvroJudge<'s>),
}

impl Judge<'_> {
    fn is_valid(&mut self, arena: &Arena<'_>, root: Id) -> bool {
        match self {
            Judge::Json(schema) => schema.is_valid(arena, root),
            Judge::Avro(judge) => judge.is_valid(arena, root),
        }
    }

    fn failures(&mut self, arena: &Arena<'_>, root: Id, options: &Options) -> (Vec<Failure>, bool) {
        let (most, show) = (options.most_failures_of_a_record, options.show_values);
        match self {
            Judge::Json(schema) => schema.failures(arena, root, most, show),
            Judge::Avro(judge) => judge.failures(arena, root, most, show),
        }
    }
}

/// A piece on its way.
struct Work<'s> {
    job: &'s Job<'s>,
    judge: Judge<'s>,
    file: usize,
    judged: Judged,
}

impl Job<'_> {
    /// Looks into a piece.
    pub fn judge(&self, task: Task) -> Result<Judged, Error> {
        let judge = match self.schema {
            Schema::Json(schema) => Judge::Json(schema),
            Schema::Avro(plan) => Judge::Avro(AvroJudge::new(plan)),
        };
        let mut work = Work { job: self, judge, file: task.file, judged: Judged::default() };
        match task.content {
            Content::Lines(bytes, line) => work.lines(&bytes, line),
            Content::Elements(bytes, elements) => work.elements(&bytes, &elements),
            Content::Rows(rows, names) => work.rows(&rows, &names)?,
            Content::Blocks(blocks, index, writer) => work.blocks(&blocks, index, &writer)?,
            Content::Broken(broken) => work.broken(&broken, Earlier::default()),
        }
        Ok(work.judged)
    }

    fn file_name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", String::as_str)
    }
}

impl Work<'_> {
    /// Whether nothing more is to be looked at.
    fn is_done(&self) -> bool {
        self.job.options.fail_fast && self.judged.tally.failed > 0
    }

    /// Something that is no record.
    fn broken(&mut self, broken: &Broken, earlier: Earlier<'_>) {
        self.judged.tally.records += 1;
        let record = unreadable(self.file, broken.place, broken.keyword, &broken.message);
        self.letter(&Contents::Raw(&broken.head), &record, earlier);
        self.judged.tally.fail(record, self.job.options.most_details);
    }

    fn letter(&mut self, contents: &Contents<'_>, record: &FailedRecord, earlier: Earlier<'_>) {
        let options = self.job.options;
        if options.dead_letter.is_some() {
            let file = self.job.file_name(self.file);
            dead_letter::write(contents, record, file, earlier, &options.timestamp, &mut self.judged.dead);
        }
    }

    /// Judges a record; tells whether it is valid.
    fn record(
        &mut self,
        arena: &Arena<'_>,
        root: Id,
        place: Place,
        contents: &Contents<'_>,
        earlier: Earlier<'_>,
    ) -> bool {
        self.judged.tally.records += 1;
        if arena.duplicates() > 0 {
            self.judged.tally.duplicates += 1;
            self.judged.tally.first_duplicate.get_or_insert((self.file, place));
        }
        if self.judge.is_valid(arena, root) {
            return true;
        }
        let (failures, more) = self.judge.failures(arena, root, self.job.options);
        let record = FailedRecord { file: self.file, place, failures, more };
        self.letter(contents, &record, earlier);
        self.judged.tally.fail(record, self.job.options.most_details);
        false
    }

    fn lines(&mut self, bytes: &[u8], first: u64) {
        let mut arena = Arena::default();
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1);
        let rest = (bytes.last().is_some_and(|last| *last != b'\n')).then_some(bytes.len());
        for (number, end) in ends.chain(rest).enumerate() {
            let line = &bytes[start..end];
            start = end;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let place = Place::Line(first + number as u64);
            self.text(line, place, None, &mut arena);
            if self.is_done() {
                return;
            }
        }
    }

    fn elements(&mut self, bytes: &[u8], elements: &[Element]) {
        let mut arena = Arena::default();
        for element in elements {
            let text = bytes.get(element.range.clone()).unwrap_or_default();
            self.text(text, Place::Index(element.index), Some(element.line), &mut arena);
            if self.is_done() {
                return;
            }
        }
    }

    /// A record in a text; `line` is where that starts, if its place does not tell.
    fn text<'t>(&mut self, bytes: &'t [u8], place: Place, line: Option<u64>, arena: &mut Arena<'t>) {
        let options = self.job.options;
        let none = Earlier::default();
        let limit = options.feed.record_bytes;
        if bytes.trim_ascii_end().len() > limit {
            let head = bytes[..bytes.len().min(HEAD)].to_vec();
            return self.broken(&Broken::too_long(place, limit, head), none);
        }
        let broken = |message: String| Broken { place, keyword: "syntax", message, head: line_of(bytes).to_vec() };
        let text = match from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let column = error.valid_up_to() + 1;
                return self.broken(&broken(format!("is not UTF-8, from byte {column} on")), none);
            }
        };
        arena.clear();
        let root = match arena.parse(text) {
            Ok(root) => root,
            Err(error) => {
                let column = error.column;
                let at = match line {
                    // An array's item may go over several lines.
                    Some(line) => format!("line {}, column {column}", line + error.line as u64 - 1),
                    None => format!("column {column}"),
                };
                return self.broken(&broken(format!("is no JSON: {} at {at}", error.message)), none);
            }
        };
        if options.from_dead_letters {
            return self.letter_again(text, arena, root, place);
        }
        if self.judged.tally.records == 0 && matches!(place, Place::Line(1)) {
            self.judged.looks_dead = dead_letter::is_letter(arena, root);
        }
        let valid = self.record(arena, root, place, &Contents::Json(bytes), none);
        if valid && options.good.is_some() {
            self.good(bytes, line.is_some());
        }
    }

    /// A record that is valid: a line as it is, an item of an array on a line of its own.
    fn good(&mut self, bytes: &[u8], join: bool) {
        let good = &mut self.judged.good;
        if join {
            dead_letter::one_line(bytes, good);
        } else {
            good.extend(bytes);
        }
        if good.last() != Some(&b'\n') {
            good.push(b'\n');
        }
    }

    /// The record of a letter.
    fn letter_again(&mut self, text: &str, letter: &Arena<'_>, root: Id, place: Place) {
        let none = Earlier::default();
        let Some(found) = dead_letter::read(text, letter, root) else {
            let message = "is no dead letter: it has neither record nor raw".to_string();
            let head = text.as_bytes().to_vec();
            return self.broken(&Broken { place, keyword: "letter", message, head }, none);
        };
        if let Some(keyword) = found.partial {
            let message = "is not the whole record: put what is right under `record`".to_string();
            let head = found.bytes.unwrap_or_else(|| found.raw.unwrap_or_default().into_bytes());
            return self.broken(&Broken { place, keyword, message, head }, found.earlier);
        }
        let record: Cow<'_, str> = match (found.record, found.raw) {
            (Some(record), _) => Cow::Borrowed(record.trim()),
            (None, raw) => Cow::Owned(raw.unwrap_or_default()),
        };
        let mut arena = Arena::default();
        match arena.parse(&record) {
            Err(error) => {
                let message = format!("is no JSON: {} at column {}", error.message, error.column);
                let head = record.as_bytes().to_vec();
                self.broken(&Broken { place, keyword: "syntax", message, head }, found.earlier);
            }
            Ok(root) => {
                let contents = Contents::Json(record.as_bytes());
                if self.record(&arena, root, place, &contents, found.earlier) && self.job.options.good.is_some() {
                    self.good(record.as_bytes(), true);
                }
            }
        }
    }

    fn rows(&mut self, rows: &RowChunk, names: &Arc<[String]>) -> Result<(), Error> {
        let options = self.job.options;
        let accepts: Vec<Accepts> = names.iter().map(|name| self.job.schema.accepts(name)).collect();
        let mut records = rows.records();
        while !self.is_done() && records.next_record()? {
            let place = Place::Line(records.line());
            let raw = rows.bytes().get(records.range()).unwrap_or_default();
            let broken = |keyword: &'static str, message: String| {
                let head = line_of(raw).iter().take(HEAD).copied().collect();
                Broken { place, keyword, message, head }
            };
            if raw.len() > options.feed.record_bytes {
                let head = raw[..HEAD.min(raw.len())].to_vec();
                self.broken(&Broken::too_long(place, options.feed.record_bytes, head), Earlier::default());
                continue;
            }
            if records.len() != names.len() {
                let message = format!("has {} fields, the header has {}", records.len(), names.len());
                self.broken(&broken("fields", message), Earlier::default());
                continue;
            }
            let mut arena = Arena::default();
            let opened = arena.open_object();
            let mut wrong = None;
            for (position, (name, accepts)) in names.iter().zip(&accepts).enumerate() {
                let Ok(field) = from_utf8(records.field(position)) else {
                    wrong = Some(format!("field {}: the text is not UTF-8", position + 1));
                    break;
                };
                let is_null = records.is_null(position, &options.feed.csv.nulls);
                if let Some(shape) = accepts.value(field, is_null) {
                    let value = arena.push(shape);
                    arena.member(Cow::Borrowed(name.as_str()), value);
                }
            }
            if let Some(message) = wrong {
                self.broken(&broken("syntax", message), Earlier::default());
                continue;
            }
            let root = arena.close_object(opened);
            let valid =
                self.record(&arena, root, place, &Contents::Row(&arena, root, line_of(raw)), Earlier::default());
            if valid && options.good.is_some() {
                self.good(raw, false);
            }
        }
        Ok(())
    }

    fn blocks(&mut self, blocks: &Blocks, first: u64, writer: &Writer) -> Result<(), Error> {
        let mut index = first;
        for (rows, stored) in blocks.contents() {
            let bytes = writer.decompressed(stored)?;
            let mut rest = bytes.as_slice();
            let mut arena = Arena::default();
            for _ in 0..rows {
                arena.clear();
                let root = decode(&writer.plan, &mut rest, &mut arena).map_err(|message| writer.damaged(message))?;
                let place = Place::Index(index);
                index += 1;
                let contents = Contents::Value(&arena, root);
                if self.record(&arena, root, place, &contents, Earlier::default()) && self.job.options.good.is_some() {
                    arena.write(root, &mut self.judged.good);
                    self.judged.good.push(b'\n');
                }
                if self.is_done() {
                    return Ok(());
                }
            }
            if !rest.is_empty() {
                return Err(writer.damaged("a block has bytes behind its records"));
            }
        }
        Ok(())
    }
}

/// A line without its end.
fn line_of(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// For messages of trouble with a piece.
pub fn path_of<'j>(job: &'j Job<'_>, file: usize) -> &'j Path {
    Path::new(job.file_name(file))
}
