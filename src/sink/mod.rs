//! Where checked rows go: files in the format of the data or another one.
//!
//! A [`Sink`] is a file of this room and a line of [`SINKS`]. Rows of the same format are written as their
//! file has them: text byte by byte, columns in the file's own types. [`Output`] is one file that is being
//! written; [`Output::finish`] completes it, [`Finished::commit`] gives it its name. Dropped before that, it
//! leaves nothing behind.

mod arrow_ipc;
pub mod atomic;
mod columns;
mod csv;
mod json_lines;
mod lists;
mod parquet;
pub mod target;

pub use lists::{FAILED_RULES, OUTCOMES};

use crate::error::{Error, escape_controls, shown};
use crate::input::{FileOrigin, Whole, WholeRows, remote};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{Field, Schema, SchemaRef};
use columns::{has_dictionary, is_placeholder, without_notes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use target::Target;

/// All formats that rows are written in.
pub static SINKS: &[&Sink] = &[&parquet::SINK, &arrow_ipc::SINK, &json_lines::SINK, &csv::SINK];

/// A format that rows are written in.
#[derive(Debug)]
pub struct Sink {
    /// Its word.
    pub name: &'static str,
    /// Endings of file names, without the dot.
    pub extensions: &'static [&'static str],
    /// Whether rows of a file can be written as that file has them, to a file of such an ending.
    takes: fn(&FileOrigin, &str) -> bool,
    open: Open,
}

/// Starts a file.
type Open = fn(Target, &Plan<'_>) -> Result<Box<dyn RowWriter>, Error>;

/// What rows carry besides their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Nothing: good rows.
    None,
    /// `_dq_failed_rules`: the texts of failed rules.
    FailedRules,
    /// The four columns of Glue's rowLevelOutcomes.
    Outcomes,
}

/// Row verdicts of a batch, one pair of bitmaps per rule; neither bit: the rule skips the row.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'a> {
    /// The texts of the rules.
    pub rules: &'a [String],
    /// For each rule, the rows that pass.
    pub pass: &'a [BooleanBuffer],
    /// For each rule, the rows that fail.
    pub fail: &'a [BooleanBuffer],
    /// Rows of the batch.
    pub rows: usize,
}

/// Writes rows in one format.
trait RowWriter: Send {
    /// Writes the rows whose bit is set; there is at least one.
    fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()>;

    /// Ends the file.
    fn finish(self: Box<Self>) -> io::Result<Target>;
}

/// What a format knows before the first row.
struct Plan<'a> {
    path: &'a Path,
    /// The ending of the file's name.
    extension: &'a str,
    extra: Extra,
    rules: &'a [String],
    /// The columns of the dataset.
    columns: SchemaRef,
    /// The file that rows come from.
    origin: Option<&'a FileOrigin>,
    /// Whether rows come as that file has them.
    whole: bool,
}

/// Where rows go.
pub struct Output {
    path: PathBuf,
    writer: Box<dyn RowWriter>,
    takes_whole: bool,
    rows: u64,
}

impl Output {
    /// Creates the file, which has no name yet. The format is that named, or else that of the path's ending, or
    /// else the origin's. `columns` is the schema of the dataset. With an origin of the same format and the same
    /// columns, rows are written as the file has them.
    pub fn create(
        path: &Path,
        format: Option<&str>,
        extra: Extra,
        columns: &SchemaRef,
        origin: Option<&FileOrigin>,
        rules: &[String],
    ) -> Result<Self, Error> {
        let extension = extension(path);
        let sink = sink_of(path, &extension, format, origin)?;
        refuse_clashes(columns, extra)?;
        let whole = origin.is_some_and(|origin| (sink.takes)(origin, &extension) && has_all(origin, columns));
        if !whole && let Some(field) = columns.fields().iter().find(|field| is_placeholder(field.data_type())) {
            return Err(Error::Option(format!(
                "{}: column `{}` holds objects or arrays of JSON, which are written as JSON Lines only: name the file \
                 .jsonl",
                shown(&remote::shown_name(path)),
                escape_controls(field.name())
            )));
        }
        let columns = without_notes(columns);
        let plan = Plan { path, extension: &extension, extra, rules, columns, origin, whole };
        let writer = (sink.open)(Target::create(path)?, &plan)?;
        Ok(Self { path: remote::shown_name(path), writer, takes_whole: whole, rows: 0 })
    }

    /// Whether `write` wants [`WholeRows::whole`]; else it wants all columns of the dataset, in order, in
    /// [`WholeRows::columns`].
    pub fn takes_whole(&self) -> bool {
        self.takes_whole
    }

    /// Writes the rows whose bit is set.
    pub fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> Result<(), Error> {
        let kept = keep.count_set_bits();
        if kept == 0 {
            return Ok(());
        }
        let whole = rows.whole.as_ref().map(Whole::rows);
        if (self.takes_whole && whole != Some(keep.len())) || rows.columns.rows != keep.len() {
            return Err(Error::Internal("rows to be written do not fit their verdicts".into()));
        }
        self.writer.write(rows, keep, verdicts).map_err(|source| Error::Write { path: self.path.clone(), source })?;
        self.rows += kept as u64;
        Ok(())
    }

    /// Ends the file and syncs it; nothing has a name yet.
    pub fn finish(self) -> Result<Finished, Error> {
        let finish = || -> io::Result<Target> {
            let mut target = self.writer.finish()?;
            target.sync()?;
            Ok(target)
        };
        let target = finish().map_err(|source| Error::Write { path: self.path.clone(), source })?;
        Ok(Finished { target, rows: self.rows })
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("path", &self.path).field("rows", &self.rows).finish()
    }
}

/// A complete file without its name.
#[derive(Debug)]
pub struct Finished {
    target: Target,
    rows: u64,
}

impl Finished {
    /// Gives it its name, replacing what is there, at once.
    pub fn commit(self) -> Result<(), Error> {
        self.target.commit()
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// The word for the format of a file, if rows are written in it.
pub fn format_of(origin: &FileOrigin) -> Option<&'static str> {
    SINKS.iter().find(|sink| (sink.takes)(origin, "")).map(|sink| sink.name)
}

/// Whether the ending of a file's name tells a format that rows are written in.
pub fn names_format(path: &Path) -> bool {
    let extension = extension(path);
    SINKS.iter().any(|sink| sink.extensions.contains(&extension.as_str()))
}

/// Whether rows of all these files can be written to one file as they are.
pub fn agree(origins: &[FileOrigin]) -> bool {
    let Some((first, others)) = origins.split_first() else { return true };
    others.iter().all(|other| match (first, other) {
        (
            FileOrigin::Csv { header, delimiter, quote },
            FileOrigin::Csv { header: other_header, delimiter: other_delimiter, quote: other_quote },
        ) => (header, delimiter, quote) == (other_header, other_delimiter, other_quote),
        (FileOrigin::JsonLines, FileOrigin::JsonLines) => true,
        (FileOrigin::Parquet { schema, .. }, FileOrigin::Parquet { schema: other, .. }) => {
            schema.fields() == other.fields()
        }
        (FileOrigin::Arrow { schema, stream }, FileOrigin::Arrow { schema: other, stream: other_stream }) => {
            // An Arrow file has one dictionary a column, and files of a dataset each have their own.
            let one_dictionary = !stream && schema.fields().iter().any(|field| has_dictionary(field.data_type()));
            schema.fields() == other.fields() && stream == other_stream && !one_dictionary
        }
        _ => false,
    })
}

/// The ending of a file's name in lower case, without the dot.
fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.unwrap_or("").to_lowercase()
}

fn sink_of(
    path: &Path,
    extension: &str,
    format: Option<&str>,
    origin: Option<&FileOrigin>,
) -> Result<&'static Sink, Error> {
    let find = |word: &str| SINKS.iter().find(|sink| sink.name == word || sink.extensions.contains(&word)).copied();
    let names = || SINKS.iter().map(|sink| sink.name).collect::<Vec<_>>().join(", ");
    if ["gz", "gzip", "bz2", "zst", "zstd", "sz", "snappy", "xz"].contains(&extension) {
        let path = shown(&remote::shown_name(path));
        return Err(Error::Option(format!(
            "{path}: rows are not written compressed; leave .{extension} out and compress the file then, or write \
             Parquet"
        )));
    }
    if let Some(format) = format.filter(|_| !crate::input::is_format_name(extension)) {
        return find(format).ok_or_else(|| {
            let format = escape_controls(format);
            Error::Option(format!("rows cannot be written as `{format}`; formats are {}", names()))
        });
    }
    let only_read = crate::input::is_format_name(extension) && find(extension).is_none();
    let own = origin.and_then(format_of).and_then(find).filter(|_| !only_read);
    find(extension).or(own).ok_or_else(|| {
        let path = shown(&remote::shown_name(path));
        Error::Option(format!(
            "{path}: rows are not written in the format of the data; end the name with the ending of another format \
             ({})",
            names()
        ))
    })
}

/// Refuses columns that are called like those that are added.
fn refuse_clashes(columns: &Schema, extra: Extra) -> Result<(), Error> {
    let added = |field: &&Arc<Field>| extra.names().iter().any(|name| field.name().eq_ignore_ascii_case(name));
    match columns.fields().iter().find(added) {
        None => Ok(()),
        Some(field) => Err(Error::Option(format!(
            "the data has a column `{}`, which would be added to its rows: was it written by an earlier run? Leave the \
             column out or rename it",
            escape_controls(field.name())
        ))),
    }
}

/// Whether a file has all columns of the dataset, as far as it says: others have those of other files, or of the
/// names of directories.
fn has_all(origin: &FileOrigin, columns: &Schema) -> bool {
    match origin {
        FileOrigin::Parquet { schema, .. } | FileOrigin::Arrow { schema, .. } => {
            let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
            names(schema) == names(columns)
        }
        _ => true,
    }
}
