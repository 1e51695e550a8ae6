//! Metrics: what is measured, the states that measure it, and what they say.
//!
//! A [`Metric`] is a plain key: a family, its columns and a filter. Asking for the
//! same key twice is asking once. An [`Accumulator`] folds Arrow arrays into a
//! [`State`]; states merge, so partitions can be scanned apart:
//!
//! * a fresh state is the identity of `merge`;
//! * `merge` is associative;
//! * `update(a ++ b)` equals `update(a)` merged with `update(b)`;
//! * results do not depend on batch sizes, nor on threads when partitions are merged in order.
//!
//! The laws are property-tested for every family in `tests/metric_laws.rs`. Nothing
//! here knows rules, conditions or files; everything that looks into an Arrow array
//! lives here.

mod accumulator;
mod cell;
pub mod codec;
mod correlation;
mod counts;
pub mod custom;
pub mod distribution;
mod extent;
pub mod files;
mod float_blocks;
mod frequencies;
mod lengths;
pub mod lookup;
mod memory;
mod moments;
pub mod pattern;
mod proof;
mod quantiles;
pub mod rows;
pub mod test;

pub use accumulator::{Accumulator, Finished, Kernel, State, StateMismatch};
pub use correlation::CoMoments;
pub use counts::Count;
pub use custom::{AnyMetric, CustomState};
pub use distribution::Distribution;
pub use extent::Extent;
pub use files::FileQuestion;
use float_blocks::{each_double as doubles, each_timestamp as timestamps};
pub use frequencies::{Frequencies, KeyRange, Occurrences, Visitor, is_comparable};
pub use lengths::Lengths;
pub use lookup::Lookup;
pub use memory::MemoryBudget;
pub use moments::Moments;
pub use proof::{Facts, key_range};
pub use quantiles::Quantiles;

use crate::value::Number;
use arrow_schema::DataType;
use std::sync::Arc;
use test::Test;

/// The key of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Metric {
    /// What is measured.
    pub family: Family,
    /// The columns it reads, as the data spells them; none for [`Family::Rows`].
    pub columns: Vec<Arc<str>>,
    /// The predicate that selects rows, in normal form.
    pub filter: Option<Arc<str>>,
    /// The alias of the dataset it is measured on; `None` for the data that is checked.
    pub dataset: Option<Arc<str>>,
}

impl Metric {
    /// A metric over all rows of the data that is checked.
    pub fn new(family: Family, columns: Vec<Arc<str>>) -> Self {
        Self { family, columns, filter: None, dataset: None }
    }
}

/// Families of metrics; each is one file of this room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Family {
    /// Rows, whatever they hold.
    Rows,
    /// Rows whose value is not NULL.
    NonNull,
    /// Rows that pass a test.
    Passing(Arc<Test>),
    /// Smallest and largest number.
    Extent,
    /// Shortest and longest text, in characters; NULL has length 0.
    Lengths,
    /// Sum, mean and central moments of numbers.
    Moments,
    /// Co-moments of two numeric columns.
    CoMoments,
    /// How often each value, or tuple of values, occurs.
    Frequencies,
    /// Which values, or tuples of values, occur once and which more often: all that is asked of most
    /// frequencies, and cheaper. Measured as [`Family::Frequencies`] where those are asked for too.
    Distinct,
    /// All numbers, for exact quantiles.
    Quantiles,
    /// A histogram of numbers, or the commonest of other values.
    Distribution {
        /// Bins of the histogram, and values that are listed; at least one.
        bins: usize,
    },
    /// Rows whose key, and whose compared values, are found elsewhere.
    Lookup(Arc<Lookup>),
    /// The one number that a query gives. Reads no column itself.
    Query(Arc<str>),
    /// Files, whatever is in them. Reads no column.
    Files(Arc<FileQuestion>),
    /// What another crate measures. Its tests of rows are [`Family::Passing`].
    Custom(AnyMetric),
}

impl Family {
    /// The word for `dq explain`.
    pub fn name(&self) -> &'static str {
        match self {
            Family::Rows => "rows",
            Family::NonNull => "non_null",
            Family::Passing(_) => "passing",
            Family::Extent => "extent",
            Family::Lengths => "lengths",
            Family::Moments => "moments",
            Family::CoMoments => "co_moments",
            Family::Frequencies => "frequencies",
            Family::Distinct => "distinct",
            Family::Quantiles => "quantiles",
            Family::Distribution { .. } => "distribution",
            Family::Lookup(_) => "lookup",
            Family::Query(_) => "query",
            Family::Files(_) => "files",
            Family::Custom(_) => "custom",
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.family.name())?;
        if !self.columns.is_empty() {
            write!(f, "({})", self.columns.join(", "))?;
        }
        match &self.family {
            Family::Passing(test) => write!(f, " {test}")?,
            Family::Lookup(lookup) => write!(f, " {lookup}")?,
            Family::Query(query) => write!(f, " {query}")?,
            Family::Files(question) => write!(f, " {question}")?,
            Family::Custom(metric) => write!(f, " {metric}")?,
            _ => {}
        }
        if let Some(dataset) = &self.dataset {
            write!(f, " of {dataset}")?;
        }
        match &self.filter {
            Some(filter) => write!(f, " where {filter}"),
            None => Ok(()),
        }
    }
}

/// One number that a finished state can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// Rows counted.
    Count,
    /// Smallest number.
    Minimum,
    /// Largest number.
    Maximum,
    /// Largest less smallest number.
    Range,
    /// Shortest text.
    MinimumLength,
    /// Longest text.
    MaximumLength,
    /// Sum of numbers.
    Sum,
    /// Sum over count.
    Mean,
    /// Population standard deviation.
    StandardDeviation,
    /// Population variance.
    Variance,
    /// Population skewness.
    Skewness,
    /// Excess kurtosis of the population.
    Kurtosis,
    /// Pearson correlation.
    Correlation,
    /// Share of rows whose value occurs once, among rows that are not all NULL.
    Uniqueness,
    /// Values that occur once over distinct values, NULL left out.
    UniqueValueRatio,
    /// Distinct values, NULL counted as one.
    DistinctValues,
    /// Shannon entropy in nats over values that are not NULL.
    Entropy,
    /// Rows whose value occurs more than once.
    DuplicateRows,
    /// Third less first quartile, interpolated.
    InterquartileRange,
    /// What a query gave.
    QueryResult,
    /// Files that satisfy over all files.
    FileCompliance,
    /// Size of the smallest file, in bytes.
    MinimumFileSize,
    /// Size of the largest file, in bytes.
    MaximumFileSize,
    /// What a metric of another crate gives.
    Value,
}

/// Why a state has no number to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// The state saw no row that counts.
    NoData,
    /// A pattern needed more steps for a value than it may take, so its rows are not known.
    Undecided,
    /// The family does not have that statistic: a mistake of the engine.
    NotInFamily,
    /// Measuring failed; the finished metric says why.
    Failed,
}

/// What a statistic is: a number or the reason there is none.
pub type Reading = Result<Number, NoValue>;

/// Whether values of this type are whole numbers, decimals or doubles.
pub fn is_numeric(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Whether values of this type are text, plain or dictionary-encoded.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}
