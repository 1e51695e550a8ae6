//! Files to Arrow batches.
//!
//! A [`Format`] is one file of this room and one line of [`FORMATS`]. It opens a file
//! as a [`Table`]: a schema and partitions that can be read apart. A [`Dataset`] is one
//! or more tables with the same columns, read as one.

pub mod csv;
mod dataset;
pub mod files;
mod guard;
mod parquet;

pub use dataset::Dataset;
pub use guard::is_guarded;

use crate::error::Error;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// All formats, in the order they are tried.
pub static FORMATS: &[&Format] = &[&parquet::FORMAT, &csv::FORMAT];

/// Opens a file as a table.
pub type OpenTable = fn(&Path, &ReadOptions) -> Result<Box<dyn Table>, Error>;

/// A file format.
#[derive(Debug)]
pub struct Format {
    /// The word for `--input-format`.
    pub name: &'static str,
    /// Endings of file names, without the dot.
    pub extensions: &'static [&'static str],
    /// Whether the first bytes of a file can only be this format.
    pub recognises: fn(&[u8]) -> bool,
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
    /// Types that were inferred from more than one file's sample; a value that does not fit widens them.
    pub inferred_types: BTreeMap<String, DataType>,
}

/// Batches of one partition.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send + 'a>;

/// An opened file.
pub trait Table: Send + Sync {
    /// Its columns.
    fn schema(&self) -> SchemaRef;

    /// How many parts can be read apart, in order. A file without rows may have none.
    fn partitions(&self) -> usize;

    /// Reads columns, given by increasing position, of one partition in batches of at most
    /// `batch_rows` rows. Text may come dictionary-encoded. Without columns, batches carry
    /// only their number of rows.
    fn read(&self, partition: usize, columns: &[usize], batch_rows: usize) -> Result<Batches<'_>, Error>;

    /// Whether types were inferred from a sample, so that other rows may widen them.
    fn infers_types(&self) -> bool {
        false
    }

    /// A type for a column of this file that also holds values of another type, if the file's own
    /// type was only inferred.
    fn unified(&self, _column: usize, _other: &DataType) -> Option<DataType> {
        None
    }

    /// Rows, where the file itself tells.
    fn rows(&self) -> Option<u64>;
}

/// Opens a file, as the format that the options, its first bytes or its name say.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Table>, Error> {
    let mut head = [0u8; 16];
    let read_error = |source| Error::Read { path: path.to_path_buf(), source };
    let kind = std::fs::metadata(path).map_err(read_error)?;
    if kind.is_dir() {
        return Err(read_error(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    // Files are read more than once: a pipe would give each reader a part.
    if !kind.is_file() {
        let message =
            "is no regular file; data cannot come from a pipe or device, write it to a file first".to_string();
        return Err(Error::Format { path: path.to_path_buf(), message });
    }
    let mut file = File::open(path).map_err(read_error)?;
    let length = file.read(&mut head).map_err(read_error)?;
    (format_of(path, &head[..length], options)?.open)(path, options)
}

fn format_of(path: &Path, head: &[u8], options: &ReadOptions) -> Result<&'static Format, Error> {
    let names = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    if let Some(name) = &options.format {
        return FORMATS
            .iter()
            .find(|format| format.name == name)
            .copied()
            .ok_or_else(|| Error::Option(format!("there is no input format `{name}`; formats are {}", names())));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
    let by_content = FORMATS.iter().find(|format| (format.recognises)(head));
    let by_name = FORMATS.iter().find(|format| format.extensions.contains(&extension.as_str()));
    by_content.or(by_name).copied().ok_or_else(|| Error::Format {
        path: path.to_path_buf(),
        message: format!("cannot tell the format of this file; name it with --input-format ({})", names()),
    })
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
