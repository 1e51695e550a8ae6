//! Files to Arrow batches.
//!
//! [`layout`] turns names into data files, [`source`] gives their bytes wherever they are and
//! however they are compressed. A [`Format`] is one file of this room and one line of
//! [`FORMATS`]; it opens an input as a [`Table`]: a schema and parts that can be read apart. A
//! [`Dataset`] is one or more tables, their columns aligned by name, read as one.

mod align;
mod arrow_ipc;
pub mod avro;
mod columns;
pub mod csv;
mod cutter;
mod dataset;
pub mod files;
mod framing;
mod guard;
mod json_lines;
pub mod layout;
#[cfg(feature = "cloud")]
mod object_store;
mod parquet;
mod pool;
pub mod remote;
pub mod source;
mod structural;
mod table;
mod whole;

pub(crate) use align::logical;
pub use dataset::{ColumnBatches, Columns, Dataset, Part, Pass};
pub use guard::guarded;
pub use layout::{DataFile, data_files};
pub use table::{Batches, Chunk, Chunks, ColumnFacts, Decoded, PageFacts, Parts, Table};
pub use whole::{FileOrigin, Records, Whole, WholeRowBatches, WholeRows, nested_int96};

use crate::error::{Error, escape_controls};
use crate::redaction::Redaction;
use crate::sample::Cell;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Schema};
use source::Input;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// All formats, in the order they are tried.
pub static FORMATS: &[&Format] =
    &[&parquet::FORMAT, &arrow_ipc::FORMAT, &avro::FORMAT, &json_lines::FORMAT, &csv::FORMAT];

/// Whether a word is the name of a format that is read, or the ending of its files.
pub fn is_format_name(word: &str) -> bool {
    FORMATS.iter().any(|format| format.name == word || format.extensions.contains(&word))
}

/// Opens a file as a table.
pub type OpenTable = fn(&Input, &ReadOptions) -> Result<Box<dyn Table>, Error>;

/// A file format.
#[derive(Debug)]
pub struct Format {
    /// The word for `--input-format`.
    pub name: &'static str,
    /// Endings of file names, without the dot.
    pub extensions: &'static [&'static str],
    /// Whether the first bytes of a file are those of this format.
    pub recognises: fn(&[u8]) -> bool,
    /// Whether they can be those of no other, so that the user need not, and cannot, name the format.
    pub certain: bool,
    /// Opens a file.
    pub open: OpenTable,
}

/// How to read files; formats ignore what is not theirs.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format, when names and contents do not tell.
    pub format: Option<String>,
    /// CSV.
    pub csv: csv::CsvOptions,
    /// Types of columns that the user named; a value that does not fit is an error.
    pub column_types: BTreeMap<String, DataType>,
    /// What a column means that some of the files do not have.
    pub missing_columns: MissingColumns,
    /// Whether `name=value` directories are no columns.
    pub no_partition_columns: bool,
    /// Whether minima, maxima and NULL counts that files state of themselves are not believed.
    pub ignore_statistics: bool,
    /// Types that were inferred from more than one file's sample; a value that does not fit widens them.
    pub inferred_types: BTreeMap<String, DataType>,
    /// How values are hidden in what is said of them; a check hides them as its own options say.
    pub redaction: Redaction,
}

/// What a column means that some files of a dataset do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingColumns {
    /// Its values are NULL there.
    #[default]
    Null,
    /// The files do not belong together.
    Error,
}

/// Opens an input as a table, in the format that the options, its first bytes or its name say.
pub fn open(input: &Input, options: &ReadOptions) -> Result<Box<dyn Table>, Error> {
    let head = input.head(16)?;
    (format_of(input, &head, options)?.open)(input, options)
}

fn format_of(input: &Input, head: &[u8], options: &ReadOptions) -> Result<&'static Format, Error> {
    if head.is_empty() {
        let message = "is empty: there is not even a header in it".to_string();
        return Err(Error::Format { path: input.path.clone(), message });
    }
    let names = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    let by_content = FORMATS.iter().find(|format| (format.recognises)(head));
    let by_option = match &options.format {
        None => None,
        Some(name) => Some(
            FORMATS
                .iter()
                .find(|format| format.name == name || format.extensions.contains(&name.as_str()))
                .ok_or_else(|| Error::Option(format!("there is no input format `{name}`; formats are {}", names())))?,
        ),
    };
    if let Some(certain) = by_content.filter(|format| format.certain) {
        return Ok(certain);
    }
    let extension = input.plain_name().rsplit_once('.').map_or("", |(_, extension)| extension).to_lowercase();
    let by_name = FORMATS.iter().find(|format| format.extensions.contains(&extension.as_str()));
    by_option.or(by_content).or(by_name).copied().ok_or_else(|| Error::Format {
        path: input.path.clone(),
        message: format!("cannot tell the format of this file; name it with --input-format ({})", names()),
    })
}

/// Whether values of this type are text, however stored.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// A value for messages, escaped.
fn shown_value(value: &Cell, redaction: &Redaction) -> String {
    escape_controls(&redaction.shown(value))
}

/// Refuses a file with two columns of one name: rules could not tell them apart.
fn refuse_twins<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(twice) => {
            let message = format!("has two columns named `{}`", escape_controls(twice));
            Err(Error::Format { path: path.to_path_buf(), message })
        }
    }
}

/// The values of an array in another type; one that does not fit is an error, never a NULL.
fn cast_strictly(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let strict = arrow_cast::CastOptions { safe: false, ..arrow_cast::CastOptions::default() };
    arrow_cast::cast_with_options(array, data_type, &strict)
}

/// A batch cut into batches of at most so many rows.
fn sliced(batch: RecordBatch, batch_rows: usize) -> impl Iterator<Item = RecordBatch> + Send {
    let (rows, step) = (batch.num_rows(), batch_rows.max(1));
    (0..rows).step_by(step).map(move |start| batch.slice(start, step.min(rows - start)))
}

/// One batch without columns.
fn rows_only<'a>(rows: usize) -> Result<Batches<'a>, Error> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
    Ok(Box::new(std::iter::once(batch.map_err(|error| Error::Internal(error.to_string())))))
}

/// A type as users spell it for a column: `text`, `int`, `float`, `decimal(10,2)`, `boolean`, `date`, `timestamp`.
pub fn parse_type(name: &str) -> Option<DataType> {
    let name = name.trim().to_lowercase();
    Some(match name.as_str() {
        "text" | "string" => DataType::Utf8,
        "int" | "integer" | "long" => DataType::Int64,
        "float" | "double" => DataType::Float64,
        "boolean" | "bool" => DataType::Boolean,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None),
        _ => {
            let (precision, scale) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            if !(1..=38).contains(&precision) || scale < 0 || scale as u8 > precision {
                return None;
            }
            DataType::Decimal128(precision, scale)
        }
    })
}
