//! Metric states in files: what was measured of some data, to be joined with what was measured of other data.
//!
//! A file of states has the columns of the data, the files it came from, and for each metric, under a key that holds
//! anywhere ([`keys`]), its states. Whatever is wrong with the bytes of such a file shows when they are read: every
//! section, and the list of all sections, carries a hash. Sections are written and read one by one, and counts of
//! values within them group by group, so a file may be larger than the memory.
//!
//! A file of states holds values of the data: extremes, listed values, numbers whose quantiles are asked for. Nothing
//! hides them there.

mod key;
mod layout;
mod reader;
mod writer;

pub use key::{Circumstances, keys};
pub use reader::StateFile;
pub use writer::StateWriter;

use arrow_schema::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A data file that states are of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name; a URL without its secrets.
    pub name: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// What tells its contents from those at other times.
    pub version: Option<String>,
}

/// What states are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The data files, in order.
    pub files: Vec<SourceFile>,
    /// Their rows.
    pub rows: u64,
    /// Columns that were decoded.
    pub columns_read: usize,
    /// The time of the run.
    pub started: DateTime<Utc>,
    /// Things worth knowing about how the data was read.
    pub notes: Vec<String>,
}

/// Names and types of columns, without what else a schema may say.
pub fn columns_of(schema: &SchemaRef) -> Vec<(&str, &arrow_schema::DataType)> {
    schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect()
}
