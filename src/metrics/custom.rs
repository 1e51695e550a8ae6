//! Metrics and tests of other crates.
//!
//! A [`CustomMetric`] folds columns into a state that gives one number in the end; a [`CustomTest`] judges rows one
//! by one, and their share is the number. Rule types ask the compiler for them, with `Compiler::custom_metric` and
//! `Compiler::custom_test`: nothing is registered here, and what two rules ask for is measured once.
//!
//! Both are shown exactly the rows that their rule looks at, in batches of any size, as arrays without dictionary
//! encoding; all text comes as [`StringArray`](arrow_array::StringArray), however it is stored. A file's own
//! metadata never answers for them. What they say is a result like any other; where they fail or panic, their rules
//! are ERROR, with their name and words, and no others are touched (a program that is built to abort on panics
//! aborts). Words are cut and escaped, and left out where values of the data are hidden; of several failures one is
//! told.

mod metric;
mod test;

pub use metric::{AnyMetric, CustomState};
pub use test::AnyTest;

use crate::guard::{guarded, quoted};
use crate::redaction::Redaction;
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_schema::{ArrowError, DataType};
use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

/// The code of rules whose metric or test of another crate failed.
pub const FAILED: &str = "custom_metric";

/// Why a metric or test of another crate has no answer. A text becomes one: `Err("no such table".into())`.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A metric of another crate: what it measures, and how its states behave.
///
/// The laws of all metrics hold for it: a fresh state changes nothing when it is merged, before or behind another;
/// merging is associative; folding rows in parts and merging the states is folding them at once, whatever the parts.
/// Measuring must hang on nothing but the columns, the name and the parameters. States are not counted against
/// `--memory-limit`: they should stay small.
///
/// ```
/// use arrow_array::{Array, ArrayRef};
/// use arrow_schema::DataType;
/// use dq::metrics::custom::{CustomMetric, Failure};
/// use dq::value::Number;
///
/// /// How often NULL follows NULL.
/// struct NullPairs;
///
/// /// Pairs, and whether the first and the last row were NULL; `None` before any row.
/// type Seen = Option<(bool, i128, bool)>;
///
/// impl CustomMetric for NullPairs {
///     type State = Seen;
///
///     fn name(&self) -> &'static str {
///         "docs.null_pairs"
///     }
///
///     fn accepts(&self, _: usize, _: &DataType) -> Result<(), &'static str> {
///         Ok(())
///     }
///
///     fn start(&self) -> Seen {
///         None
///     }
///
///     fn update(&self, state: &mut Seen, columns: &[ArrayRef]) -> Result<(), Failure> {
///         for row in 0..columns[0].len() {
///             let null = columns[0].is_null(row);
///             self.merge(state, Some((null, 0, null)))?;
///         }
///         Ok(())
///     }
///
///     fn merge(&self, state: &mut Seen, later: Seen) -> Result<(), Failure> {
///         *state = match (*state, later) {
///             (Some((first, own, last)), Some((next, other, end))) => {
///                 Some((first, own + other + i128::from(last && next), end))
///             }
///             (own, other) => own.or(other),
///         };
///         Ok(())
///     }
///
///     fn finish(&self, state: Seen) -> Result<Option<Number>, Failure> {
///         Ok(state.map(|(_, pairs, _)| Number::integer(pairs)))
///     }
/// }
/// ```
pub trait CustomMetric: Send + Sync + 'static {
    /// What has been seen of some rows.
    type State: Clone + Send + Sync + 'static;

    /// The stable name, under which states are also kept in files: letters and digits of ASCII, `.`, `_` and `-`,
    /// begun by the name of the crate. Another meaning, or another layout of the bytes, needs another name.
    fn name(&self) -> &'static str;

    /// All that tells metrics of this name apart: equal parameters say that they measure the same. None by default.
    fn parameters(&self) -> String {
        String::new()
    }

    /// Whether the column at that position, from 0, may have that type; else what is expected, in the words of
    /// `Expected type of column amount to be a number`. Types are those that [`CustomMetric::update`] gets.
    fn accepts(&self, position: usize, data_type: &DataType) -> Result<(), &'static str>;

    /// Whether the result may hang on the order in which states are merged, as sums of doubles do in their last bits.
    /// If so (the default), every part of the data has a state of its own, and they are merged in the order of the
    /// data: results are the same at any number of threads. Otherwise each worker folds on from part to part, which
    /// is better for large states.
    fn is_ordered(&self) -> bool {
        true
    }

    /// The state before any row.
    fn start(&self) -> Self::State;

    /// Folds rows, at least one: as many arrays as the rule named columns, in its order, of one length. NULL is among
    /// the values.
    fn update(&self, state: &mut Self::State, columns: &[ArrayRef]) -> Result<(), Failure>;

    /// Joins the state of later rows.
    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), Failure>;

    /// The number; `None` where no row had anything to measure: the rule is ERROR then, as with all-NULL columns.
    /// NaN satisfies no condition. Without any row the rule is not judged, whatever this gives.
    fn finish(&self, state: Self::State) -> Result<Option<Number>, Failure>;

    /// The bytes of a state, equal for equal states; `None`, the default, of every state if states cannot be kept:
    /// rules are ERROR in `dq merge` then, and measured over all data in spite of `--cache`.
    fn write(&self, state: &Self::State) -> Option<Vec<u8>> {
        let _ = state;
        None
    }

    /// The state that wrote these bytes. They come from a file: it may be of another version of the crate, or forged.
    fn read(&self, bytes: &[u8]) -> Result<Self::State, Failure> {
        let _ = bytes;
        Err("it reads no states".into())
    }
}

/// A test of another crate: whether rows are good, one by one.
///
/// Everything that judges rows works with it: samples, files of rows, masks, gates, counts. Its states are counts, so
/// they can be kept and joined. A value that occurs often may be shown once for all; a row's answer must hang on
/// nothing but its values, the name and the parameters.
///
/// ```
/// use arrow_array::cast::AsArray;
/// use arrow_array::{ArrayRef, BooleanArray};
/// use arrow_schema::DataType;
/// use dq::metrics::custom::{CustomTest, Failure};
///
/// /// Texts that are the same backwards.
/// struct Palindrome;
///
/// impl CustomTest for Palindrome {
///     fn name(&self) -> &'static str {
///         "docs.palindrome"
///     }
///
///     fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
///         if *data_type == DataType::Utf8 { Ok(()) } else { Err("text") }
///     }
///
///     fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure> {
///         let texts = columns[0].as_string::<i32>();
///         Ok(texts.iter().map(|text| text.map(|text| text.chars().eq(text.chars().rev()))).collect())
///     }
/// }
/// ```
pub trait CustomTest: Send + Sync + 'static {
    /// The stable name, as [`CustomMetric::name`] has it.
    fn name(&self) -> &'static str;

    /// All that tells tests of this name apart: equal parameters say that they judge alike. None by default.
    fn parameters(&self) -> String {
        String::new()
    }

    /// Whether the column at that position, from 0, may have that type; else what is expected, in the words of
    /// `Expected type of column card to be text`. Types are those that [`CustomTest::judge`] gets.
    fn accepts(&self, position: usize, data_type: &DataType) -> Result<(), &'static str>;

    /// One answer per row: whether it is good; NULL says no. There is at least one row: as many arrays as the rule
    /// named columns, in its order, of one length. NULL is among the values.
    fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure>;
}

/// The type in which other crates get a column: no dictionaries, one layout of text.
pub(crate) fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}

/// Columns as other crates get them.
fn plain(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
    let plain = columns.iter().map(|column| {
        let wanted = plain_type(column.data_type());
        if *column.data_type() == wanted { Ok(column.clone()) } else { arrow_cast::cast(column, &wanted) }
    });
    plain.collect()
}

/// What tells metrics, or tests, of other crates apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    /// Two crates may have chosen one name.
    code: TypeId,
    name: &'static str,
    parameters: Arc<str>,
}

impl Identity {
    fn new(code: TypeId, name: &'static str, parameters: String) -> Result<Self, Unevaluated> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(fine) {
            let name = quoted(name);
            let message = format!("`{name}` is no name of a metric: letters and digits of ASCII, `.`, `_` and `-`");
            return Err(Unevaluated::new(FAILED, message));
        }
        Ok(Self { code, name, parameters: parameters.into() })
    }

    /// Whether both would have the same states in files without being the same.
    fn is_double(&self, other: &Self) -> bool {
        self.code != other.code && self.name == other.name && self.parameters == other.parameters
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.parameters.is_empty() { Ok(()) } else { write!(f, " {}", quoted(&self.parameters)) }
    }
}

/// How the words of other crates are quoted.
#[derive(Debug, Clone, Copy)]
struct Words {
    /// Whether they may quote values of the data.
    open: bool,
}

impl Words {
    fn new(redaction: &Redaction) -> Self {
        Self { open: redaction.is_off() }
    }

    /// Runs code of a crate that is called `who`.
    fn run<T>(self, who: fmt::Arguments<'_>, code: impl FnOnce() -> Result<T, Failure>) -> Result<T, Arc<Unevaluated>> {
        let words = match guarded(|| code().map_err(|failure| failure.to_string())) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(words)) => words,
            Err(panic) => format!("it panicked: {panic}"),
        };
        let message = if self.open {
            format!("{who} failed: {}", quoted(&words))
        } else {
            format!("{who} failed; its words are hidden, as they may quote values")
        };
        Err(Arc::new(Unevaluated::new(FAILED, message)))
    }
}
