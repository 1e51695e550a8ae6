//! Records against a schema: JSON Lines, JSON arrays, CSV rows and Avro files against a JSON Schema or
//! an Avro schema, record by record.
//!
//! One thread cuts files into pieces of whole records ([`feed`]), others judge them, and what they
//! found is put together in the order of the records: the outcome does not depend on how many there
//! are. A record that is no JSON is a failure like any other; the run goes on. No message has a value
//! of the data in it unless values are asked for.
//!
//! ```
//! use dq::records::{Formats, Options, Schema, check_records};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = |name: &str| directory.path().join(name);
//! std::fs::write(path("s.json"), r#"{"required": ["id"]}"#)?;
//! std::fs::write(path("r.jsonl"), "{\"id\": 1}\n{\"no\": 1}\n")?;
//! let schema = Schema::load(&path("s.json"), &[], Formats::ByDraft)?;
//! let run = check_records(&schema, &[path("r.jsonl")], &Options::default(), None)?;
//! assert_eq!((run.tally.records, run.tally.failed), (2, 1));
//! assert_eq!(run.tally.details[0].failures[0].message, "\"id\" is missing");
//! # Ok(())
//! # }
//! ```

pub mod arena;
mod array;
mod avro_decode;
mod avro_file;
mod avro_judge;
mod avro_plan;
mod columns;
mod dead_letter;
pub mod failure;
pub mod feed;
mod in_order;
mod json_schema;
mod lines;
mod message;
mod node;
mod outputs;
mod parse;
mod references;
mod tally;
mod worker;

pub use avro_plan::Plan;
pub use json_schema::{Formats, JsonSchema, SchemaMistake};
pub use tally::{MOST_PAIRS, Tally};

use crate::error::Error;
use crate::input::source::Input;
use crate::input::{data_files, guarded, remote};
use columns::Accepts;
use feed::{FeedOptions, Pieces, Task};
use outputs::Outputs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use worker::{Job, Judged};

/// A compiled schema.
#[derive(Debug)]
pub enum Schema {
    /// JSON Schema.
    Json(JsonSchema),
    /// Avro.
    Avro(Plan),
}

impl Schema {
    /// Reads a schema: Avro from files that end with `.avsc`, JSON Schema from others.
    pub fn load(path: &Path, allowed: &[PathBuf], formats: Formats) -> Result<Self, SchemaMistake> {
        let is_avro = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("avsc"));
        Ok(if is_avro {
            Schema::Avro(Plan::load(path)?)
        } else {
            Schema::Json(JsonSchema::load(path, allowed, formats)?)
        })
    }

    /// What it is, for people: `JSON Schema draft 7`, `Avro schema sales.Order`.
    pub fn described(&self) -> String {
        match self {
            Schema::Json(schema) => format!("JSON Schema {}", schema.draft()),
            Schema::Avro(plan) => format!("Avro schema {}", plan.name(plan.root())),
        }
    }

    fn accepts(&self, column: &str) -> Accepts {
        match self {
            Schema::Json(schema) => Accepts::by_json_schema(schema.document(), column),
            Schema::Avro(plan) => Accepts::by_avro(plan, column),
        }
    }
}

/// How records are judged and what is kept of them.
#[derive(Debug, Clone)]
pub struct Options {
    /// How files are read.
    pub feed: FeedOptions,
    /// Threads that judge records.
    pub threads: usize,
    /// Failed records that are reported one by one; all are counted.
    pub most_details: usize,
    /// Failures that are looked for in one record.
    pub most_failures_of_a_record: usize,
    /// Whether messages have values of the data.
    pub show_values: bool,
    /// Whether the first failed record ends the run.
    pub fail_fast: bool,
    /// Whether the input is dead letters of an earlier run.
    pub from_dead_letters: bool,
    /// Where valid records go.
    pub good: Option<PathBuf>,
    /// Where the others go.
    pub dead_letter: Option<PathBuf>,
    /// The time of the run, for dead letters.
    pub timestamp: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            feed: FeedOptions { record_bytes: 16 << 20, ..FeedOptions::default() },
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            most_details: 20,
            most_failures_of_a_record: 100,
            show_values: false,
            fail_fast: false,
            from_dead_letters: false,
            good: None,
            dead_letter: None,
            timestamp: String::new(),
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Run {
    /// The schema, for people.
    pub schema: String,
    /// Names of files, in the order they were read.
    pub files: Vec<String>,
    /// Counts and details.
    pub tally: Tally,
    /// Whether the run ended before the last record because of a failed one.
    pub stopped: bool,
    /// Whether somebody interrupted it; nothing was written then.
    pub interrupted: bool,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl Run {
    /// Whether all records were looked at and are valid.
    pub fn is_clean(&self) -> bool {
        self.tally.failed == 0 && !self.interrupted
    }
}

/// Judges all records of data files, directories, patterns and URLs. `stop` ends the run when it is set.
///
/// No record at all is a run without failures; names that stand for no file are an error, as is a file
/// that cannot be read to its end. Outputs appear when all records were judged, all at once, and not
/// when the run ends with an error.
pub fn check_records(
    schema: &Schema,
    names: &[PathBuf],
    options: &Options,
    stop: Option<&AtomicBool>,
) -> Result<Run, Error> {
    let paths: Vec<PathBuf> = data_files(names, false)?.into_iter().map(|file| file.path).collect();
    let files: Vec<String> = paths.iter().map(|path| remote::shown_name(path).to_string_lossy().into_owned()).collect();
    let mut outputs = Outputs::create(options.good.as_deref(), options.dead_letter.as_deref())?;
    let stopped_by_user = || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
    let job = Job { schema, options, files: &files };
    let mut tally = Tally::default();
    let mut looks_dead = false;
    let feed = Feed { paths: &paths, options: &options.feed, file: 0, pieces: None, header: None };
    let mut feed = HeaderCheck { feed, wanted: options.good.is_some() };
    let next = || if stopped_by_user() { Ok(None) } else { feed.next() };
    let judge = |task: (Task, Option<Vec<u8>>)| -> Result<(Judged, Option<Vec<u8>>), Error> {
        let (task, header) = task;
        let path = worker::path_of(&job, task.file).to_path_buf();
        Ok((guarded(&path, || job.judge(task))?, header))
    };
    let take = |(judged, header): (Judged, Option<Vec<u8>>)| -> Result<ControlFlow<()>, Error> {
        if let Some(header) = header {
            outputs.good(&header)?;
        }
        outputs.good(&judged.good)?;
        outputs.dead(&judged.dead)?;
        looks_dead |= judged.looks_dead;
        tally.add(judged.tally, options.most_details);
        let ends = options.fail_fast && tally.failed > 0;
        Ok(if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    in_order::in_order(options.threads, next, judge, take)?;
    let interrupted = stopped_by_user();
    let mut notes = Vec::new();
    if looks_dead {
        notes.push("the records look like dead letters; --from-dead-letter judges what is in them".to_string());
    }
    if interrupted {
        notes.push("the run was interrupted: not all records were judged, and no output was written".to_string());
    } else {
        outputs.commit()?;
    }
    let stopped = options.fail_fast && tally.failed > 0;
    Ok(Run { schema: schema.described(), files, tally, stopped, interrupted, notes })
}

/// Pieces of all files, one file behind the other.
struct Feed<'f> {
    paths: &'f [PathBuf],
    options: &'f FeedOptions,
    file: usize,
    pieces: Option<Box<dyn Pieces>>,
    /// The header of the file that was opened, if it is CSV.
    header: Option<Vec<u8>>,
}

impl Feed<'_> {
    fn next(&mut self) -> Result<Option<Task>, Error> {
        loop {
            if let Some(pieces) = &mut self.pieces {
                if let Some(content) = pieces.read()? {
                    return Ok(Some(Task { file: self.file, content }));
                }
                self.pieces = None;
                self.file += 1;
            }
            let Some(path) = self.paths.get(self.file) else { return Ok(None) };
            let (pieces, header) = feed::open(&Input::open(path)?, self.options)?;
            self.pieces = Some(pieces);
            self.header = header.or(self.header.take());
        }
    }
}

/// A piece, the first one with the header of its file.
type Headed = (Task, Option<Vec<u8>>);

/// Good rows of several CSV files go behind one header, which must be that of all.
struct HeaderCheck<'f> {
    feed: Feed<'f>,
    wanted: bool,
}

impl HeaderCheck<'_> {
    /// The next piece.
    fn next(&mut self) -> Result<Option<Headed>, Error> {
        let before = self.feed.header.clone();
        let Some(task) = self.feed.next()? else { return Ok(None) };
        if !self.wanted {
            return Ok(Some((task, None)));
        }
        let header = self.feed.header.clone();
        match (before, &header) {
            (None, Some(_)) => Ok(Some((task, header))),
            (Some(before), Some(header)) if before.trim_ascii() != header.trim_ascii() => {
                let path = self.feed.paths.get(task.file).cloned().unwrap_or_default();
                let message = "has another header than the files in front of it; --good takes rows of one header only";
                Err(Error::Schema { path: remote::shown_name(&path), message: message.into() })
            }
            _ => Ok(Some((task, None))),
        }
    }
}
