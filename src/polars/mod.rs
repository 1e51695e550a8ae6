//! Frames of Polars, checked where they are: no column is copied on the way.
//!
//! ```
//! use dq::check::{CheckOptions, Ruleset};
//! use dq::polars::polars::prelude::{IntoColumn, df};
//! use dq::polars::{mask, split};
//! use dq::rules::BindOptions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = r#"Rules = [ IsUnique "id", ColumnValues "age" < 130 ]"#;
//! let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
//! let mut frame = df!("id" => [1, 2, 2, 3], "age" => [Some(31), Some(12), Some(40), None])?;
//!
//! let parts = split(&frame, &ruleset, &CheckOptions::default())?;
//! assert_eq!((parts.good.height(), parts.bad.height(), parts.run.score), (1, 3, Some(0.0)));
//!
//! let good = mask(&frame, &ruleset, &CheckOptions::default())?.good;
//! frame.with_column(good.with_name("is_good".into()).into_column())?;
//! # Ok(())
//! # }
//! ```
//!
//! | to | of a `DataFrame` | of a `LazyFrame` |
//! |---|---|---|
//! | judge rules | [`check`] | [`check_lazy`] |
//! | tell good rows from bad ones | [`mask`], [`split`] | [`Gate`] |
//!
//! A check of a frame is a check of a file with the same rows: the same numbers and verdicts, failing rows as
//! [`CheckOptions::samples`] says, queries over `primary`. Only files are missing: rules about them are ERROR. Results do
//! not hang on how columns are chunked, nor on threads, of which [`CheckOptions::threads`] work beside those of Polars.
//!
//! # Types, and what is copied
//!
//! Arrays pass over Arrow's C data interface, which shares their buffers; a frame in many chunks is not joined. Rules
//! see
//!
//! | Polars | as | copied |
//! |---|---|---|
//! | `Boolean`, `Int8` to `Int64`, `UInt8` to `UInt64`, `Float16` to `Float64` | the same; NaN is no NULL | no |
//! | `String` | text | no |
//! | `Binary` | binary | no |
//! | `Date` | date | no |
//! | `Datetime` in milli-, micro- or nanoseconds | timestamp with the same unit and zone | no |
//! | `Decimal` | decimal of the same digits | no |
//! | `Duration`, `Time` | themselves: completeness and uniqueness, no comparison | no |
//! | `Categorical`, `Enum` | text, each distinct value judged once a part | keys, and the texts that occur |
//! | `List`, `Array`, `Struct` | nested: completeness only | no |
//! | `Null` | a column without any value | no |
//! | extension types | what they are stored as | no |
//! | `Int128`, `UInt128`, `Object`, also within others | refused, by the name of the column: drop it, or cast it | |
//!
//! A constant column, of which Polars keeps one value, is written out for the 65,536 rows that are looked at. Bits of
//! validity are copied where they start at another place of a byte than their values; buffers that an allocator did not
//! align as Arrow's kernels need them are copied as well. Types of this table beyond Polars' own feature `dtype-slim`,
//! categories and decimals are features of the crate `polars`.
//!
//! A frame of very many chunks with a few rows each is checked slowly: join them before, by
//! [`rechunk_mut`](polars::prelude::DataFrame::rechunk_mut).

mod frame;
mod gate;
mod interchange;
mod query;

use crate::check::{CheckOptions, Ruleset, Run, Watch, check_table, judge_table};
use crate::error::Error;
use crate::input::Table;
use ::polars::prelude::{BooleanChunked, DataFrame, LazyFrame, PlSmallStr, PolarsError};
use arrow_buffer::BooleanBuffer;
use frame::Frame;
pub use gate::Gate;
use polars_arrow::bitmap::Bitmap;
use query::Query;
use std::sync::Arc;

/// The crate, in the version that frames must be of.
pub use ::polars;

/// Which rows of a frame are good.
#[derive(Debug, Clone)]
pub struct Mask {
    /// Rows that fail no rule: a column named `good`, as long as the frame, without NULL.
    pub good: BooleanChunked,
    /// The verdicts.
    pub run: Run,
}

/// A frame in two.
#[derive(Debug, Clone)]
pub struct Split {
    /// The rows that fail no rule, in their order.
    pub good: DataFrame,
    /// The others, in their order.
    pub bad: DataFrame,
    /// The verdicts.
    pub run: Run,
}

/// Checks a frame. Without rows, rules about rows are ERROR, unless the options allow empty data.
///
/// Refused are rulesets with errors, columns without a type in Arrow, and options about metric states.
pub fn check(frame: &DataFrame, ruleset: &Ruleset, options: &CheckOptions) -> Result<Run, Error> {
    check_table(ruleset, &table(frame)?, options, Watch::default())
}

/// Checks the rows of a query while Polars' streaming engine runs it; they need not fit the memory. Only columns that
/// rules look at are asked for, so that a scan of files reads no others.
///
/// The query is run once, and again where rows are needed again: to show failing rows (with [`CheckOptions::samples`] 0
/// they are not), for each query of a rule, for keys of references that do not fit the memory. Its rows should come in
/// the same order each time; if their number differs, the check fails. The checked rows wait for whoever is slower: at
/// most one frame of 65,536 rows for each thread, and one more, besides what the query itself holds: Polars reads some row
/// groups of several files ahead.
///
/// A query that cannot be resolved or run, or in which Polars panics, is [`Error::Rows`], whatever was checked before.
/// Refused is what [`check`] refuses. It blocks: on an async runtime, call it where that is allowed.
pub fn check_lazy(frame: LazyFrame, ruleset: &Ruleset, options: &CheckOptions) -> Result<Run, Error> {
    let table: Arc<dyn Table> = Arc::new(Query::new(frame)?);
    check_table(ruleset, &table, options, Watch::default())
}

/// Checks a frame and tells its good rows, as a mask.
///
/// A row is good when it fails no rule that judges rows: as in the files of good and bad rows, by uniqueness with all
/// rows in view (each row of a repeated key fails), by rules that are ERROR not at all, and good where a rule's filter
/// leaves it out. Rules about the frame as a whole make no row bad.
pub fn mask(frame: &DataFrame, ruleset: &Ruleset, options: &CheckOptions) -> Result<Mask, Error> {
    let (run, good) = judge_table(ruleset, &table(frame)?, options, Watch::default())?;
    Ok(Mask { good: row_mask(&good)?, run })
}

/// Checks a frame and parts its good rows from its bad ones, which are told as in [`mask`].
pub fn split(frame: &DataFrame, ruleset: &Ruleset, options: &CheckOptions) -> Result<Split, Error> {
    let Mask { good, run } = mask(frame, ruleset, options)?;
    Ok(Split { good: frame.filter(&good)?, bad: frame.filter(&!&good)?, run })
}

fn table(frame: &DataFrame) -> Result<Arc<dyn Table>, Error> {
    Ok(Arc::new(Frame::new(frame)?))
}

/// Bits as a column of Polars.
fn row_mask(bits: &BooleanBuffer) -> Result<BooleanChunked, Error> {
    let bytes = bits.sliced().as_slice().to_vec();
    Ok(BooleanChunked::from_bitmap(PlSmallStr::from_static("good"), Bitmap::try_new(bytes, bits.len())?))
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Error::Rows { engine: "Polars", source: Box::new(error) }
    }
}
