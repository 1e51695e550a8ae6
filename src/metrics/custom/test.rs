//! A test of another crate without its type.

use super::{CustomTest, Failure, Identity, Words, plain};
use crate::redaction::Redaction;
use crate::unevaluated::Unevaluated;
use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_buffer::BooleanBuffer;
use arrow_select::concat::concat;
use arrow_select::filter::filter;
use std::any::TypeId;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A [`CustomTest`] of any type. Two are equal if their types, names and parameters are.
#[derive(Clone)]
pub struct AnyTest {
    test: Arc<dyn CustomTest>,
    identity: Identity,
    words: Words,
}

impl AnyTest {
    /// Of a test. Refused if its name cannot be one.
    pub fn new<T: CustomTest>(test: T, redaction: &Redaction) -> Result<Self, Unevaluated> {
        let identity = Identity::new(TypeId::of::<T>(), test.name(), test.parameters())?;
        Ok(Self { test: Arc::new(test), identity, words: Words::new(redaction) })
    }

    /// Its stable name.
    pub fn name(&self) -> &'static str {
        self.identity.name
    }

    /// What tells it from others of its name.
    pub fn parameters(&self) -> &str {
        &self.identity.parameters
    }

    /// Whether another crate's test has the same name and parameters.
    pub(crate) fn is_double(&self, other: &Self) -> bool {
        self.identity.is_double(&other.identity)
    }

    /// One bit per row: whether it is good.
    pub(crate) fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanBuffer, Arc<Unevaluated>> {
        let rows = columns.first().map_or(0, |column| column.len());
        if rows == 0 {
            return Ok(BooleanBuffer::new_unset(0));
        }
        self.run(|test| {
            let answers = test.judge(&plain(columns)?)?;
            if answers.len() != rows {
                return Err(format!("it gave {} answers for {rows} rows", answers.len()).into());
            }
            Ok(match answers.nulls() {
                None => answers.values().clone(),
                Some(nulls) => answers.values() & nulls.inner(),
            })
        })
    }

    /// How many rows are good, given distinct values of one column that occur `weights` times and `nulls` NULLs.
    /// Values that do not occur are not shown to the test.
    pub(crate) fn weigh(&self, values: &ArrayRef, weights: &[u64], nulls: u64) -> Result<u64, Arc<Unevaluated>> {
        let occurs = |row: usize| weights.get(row).is_some_and(|weight| *weight > 0);
        let occurring = BooleanArray::new(BooleanBuffer::collect_bool(values.len(), occurs), None);
        let mut weights: Vec<u64> = weights.iter().copied().filter(|weight| *weight > 0).collect();
        let shown = self.run(|_| {
            let shown = filter(values, &occurring)?;
            let null = new_null_array(values.data_type(), 1);
            Ok(if nulls > 0 { concat(&[shown.as_ref(), null.as_ref()])? } else { shown })
        })?;
        weights.push(nulls);
        let good = self.judge(std::slice::from_ref(&shown))?;
        Ok(good.set_indices().filter_map(|row| weights.get(row)).sum())
    }

    fn run<T>(&self, code: impl FnOnce(&dyn CustomTest) -> Result<T, Failure>) -> Result<T, Arc<Unevaluated>> {
        self.words.run(format_args!("Custom test {}", self.identity.name), || code(&*self.test))
    }
}

impl PartialEq for AnyTest {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for AnyTest {}

impl Hash for AnyTest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl fmt::Debug for AnyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTest").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl fmt::Display for AnyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.identity, f)
    }
}
