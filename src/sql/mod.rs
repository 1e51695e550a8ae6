//! Predicates of `where`.
//!
//! This version evaluates conjunctions of `column IS [NOT] NULL`, which need no SQL
//! engine; every other predicate is refused with a reason, so that its rule is an ERROR.

mod null_tests;

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::Schema;

/// A predicate ready for batches of one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    tests: Vec<null_tests::NullTest>,
}

/// Why a predicate cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// Needs the SQL engine.
    #[error("this `where` needs the SQL engine, which this version does not have: {0}")]
    NeedsEngine(String),
    /// Names a column the data does not have.
    #[error("the where clause names column {0}, which the data does not have")]
    UnknownColumn(String),
}

impl PredicateError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            PredicateError::NeedsEngine(_) => "not_supported",
            PredicateError::UnknownColumn(_) => "unknown_column",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            PredicateError::NeedsEngine(_) => Some("predicates of the form `a IS NOT NULL AND b IS NULL` work".into()),
            PredicateError::UnknownColumn(_) => {
                Some("check the spelling; names are quoted with `back-ticks` or double quotes".into())
            }
        }
    }
}

impl Predicate {
    /// Reads a predicate over the columns of `schema`.
    pub fn new(text: &str, schema: &Schema) -> Result<Self, PredicateError> {
        let mut tests =
            null_tests::parse(text).ok_or_else(|| PredicateError::NeedsEngine(text.chars().take(80).collect()))?;
        for test in &mut tests {
            let exact = schema.fields().iter().find(|field| *field.name() == test.column);
            let any_case = || schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&test.column));
            match exact.or_else(any_case) {
                Some(field) => test.column = field.name().clone(),
                None => return Err(PredicateError::UnknownColumn(test.column.clone())),
            }
        }
        Ok(Self { tests })
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.tests.iter().map(|test| test.column.as_str())
    }

    /// One value per row: whether it is selected. Never NULL here; a row whose predicate is NULL is not selected.
    pub fn mask(&self, batch: &RecordBatch) -> BooleanArray {
        let mut selected = BooleanBuffer::new_set(batch.num_rows());
        for test in &self.tests {
            let nulls = batch.column_by_name(&test.column).and_then(|column| column.logical_nulls());
            let passes = match (nulls, test.null) {
                (Some(nulls), true) => !nulls.inner(),
                (Some(nulls), false) => nulls.inner().clone(),
                (None, true) => BooleanBuffer::new_unset(batch.num_rows()),
                (None, false) => continue,
            };
            selected = &selected & &passes;
        }
        BooleanArray::new(selected, None)
    }
}
