//! SQL: predicates of `where` over batches, and queries over datasets.
//!
//! A [`Predicate`] is a conjunction of [`Conjunct`]s, each compiled once and judged once
//! per batch for all metrics that need it. Conjunctions of `column IS [NOT] NULL` need no
//! SQL engine; everything else is compiled by DataFusion, in a dialect that takes Spark's
//! texts (`docs/sql.md`). With the feature `sql` off, such rules are ERROR.
//!
//! Queries are read-only: a statement that is no query, or that reads anything but the
//! named datasets, is refused before it is planned. Time and memory are bounded.

mod conjunct;
mod null_tests;

#[cfg(feature = "sql")]
mod bounds;
#[cfg(feature = "sql")]
mod casts;
#[cfg(feature = "sql")]
mod dialect;
#[cfg(feature = "sql")]
mod engine;
#[cfg(feature = "sql")]
mod expression;
#[cfg(feature = "sql")]
mod functions;
#[cfg(feature = "sql")]
mod operators;
#[cfg(feature = "sql")]
mod query;
#[cfg(feature = "sql")]
mod rewrite;
#[cfg(feature = "sql")]
mod session;
#[cfg(feature = "sql")]
mod tables;
#[cfg(feature = "sql")]
mod text;

#[cfg(not(feature = "sql"))]
mod absent;

#[cfg(not(feature = "sql"))]
pub use absent::{Engine, check_predicate, check_query};
pub use conjunct::{Conjunct, JudgedValues};
#[cfg(feature = "sql")]
pub use engine::Engine;
#[cfg(feature = "sql")]
pub use session::{check_predicate, check_query};

use crate::error::Error;
use crate::redaction::Redaction;
use crate::unevaluated::Unevaluated;
use arrow_schema::Schema;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// SQL that cannot be run, and where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlMistake {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The byte of the text where it goes wrong, where that is known.
    pub offset: Option<usize>,
}

impl SqlMistake {
    /// A mistake without a place.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, offset: None }
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A query that was run and gave no answer.
#[derive(Debug)]
pub enum SqlError {
    /// A dataset cannot be read.
    Read {
        /// Its alias; `None` for the data that is checked.
        dataset: Option<Arc<str>>,
        /// Why.
        error: Error,
    },
    /// The rule that asked is ERROR.
    Unevaluated(Unevaluated),
}

/// How queries are run.
#[derive(Debug, Clone, Copy)]
pub struct SqlOptions {
    /// The time of the run: `now()` and `current_date`.
    pub now: DateTime<Utc>,
    /// Zone of timestamps that name none.
    pub zone: chrono_tz::Tz,
    /// How long one query may take.
    pub timeout: Duration,
    /// Bytes that all queries together may hold.
    pub memory_bytes: u64,
    /// Rows per batch.
    pub batch_rows: usize,
    /// How values are hidden in what is said of a query.
    pub redaction: Redaction,
}

/// The alias of the data that is checked.
pub const PRIMARY: &str = "primary";

/// A predicate ready for batches of one schema.
#[derive(Debug, Clone)]
pub struct Predicate {
    text: Arc<str>,
    conjuncts: Vec<Arc<Conjunct>>,
}

impl Predicate {
    /// The predicate in normal form: texts that differ only in blanks agree.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// All must be true for a row to be selected.
    pub fn conjuncts(&self) -> &[Arc<Conjunct>] {
        &self.conjuncts
    }

    /// The columns it reads, as the data spells them.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.conjuncts.iter().flat_map(|conjunct| conjunct.columns()).map(String::as_str)
    }

    /// Reads a conjunction of NULL tests; `None` if the text is anything else.
    fn of_null_tests(text: &str, schema: &Schema) -> Option<Result<Self, SqlMistake>> {
        // Escapes, and names that differ only in case, are the engine's business.
        if text.contains('\\') {
            return None;
        }
        let tests = null_tests::parse(text)?;
        let alike =
            |column: &str| schema.fields().iter().filter(|field| field.name().eq_ignore_ascii_case(column)).count();
        if tests.iter().any(|test| alike(&test.column) > 1) {
            return None;
        }
        let mut conjuncts = Vec::new();
        for test in tests {
            let exact = schema.fields().iter().find(|field| *field.name() == test.column);
            let any_case = || schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&test.column));
            let Some(field) = exact.or_else(any_case) else {
                let names = schema.fields().iter().map(|field| field.name().as_str());
                return Some(Err(unknown_column(&test.column, names, text.find(&test.column))));
            };
            conjuncts.push(Arc::new(Conjunct::null_test(field.name(), test.null)));
        }
        let text = conjuncts.iter().map(|conjunct| conjunct.text()).collect::<Vec<_>>().join(" AND ");
        Some(Ok(Self { text: text.as_str().into(), conjuncts }))
    }
}

/// A backslash inside a text that Spark drops although a pattern was probably meant: `'\d+'`.
pub fn lost_backslash(sql: &str) -> Option<SqlMistake> {
    let (mut inside, mut characters) = (false, sql.char_indices().peekable());
    while let Some((offset, character)) = characters.next() {
        match character {
            '\'' => inside = !inside,
            '\\' => {
                let next = characters.next().map(|(_, next)| next);
                if inside && next.is_some_and(|next| "dDwWsSbB.+*?()[]{}|^$".contains(next)) {
                    let mistake = SqlMistake::new("lost_backslash", "this backslash is dropped, as Spark drops it");
                    return Some(SqlMistake { offset: Some(offset), ..mistake }.help("write two backslashes"));
                }
            }
            _ => {}
        }
    }
    None
}

/// A name that is no column.
fn unknown_column<'n>(name: &str, names: impl Iterator<Item = &'n str>, offset: Option<usize>) -> SqlMistake {
    let mistake = SqlMistake { offset, ..SqlMistake::new("unknown_column", format!("there is no column {name}")) };
    match crate::diagnostic::nearest(name, names) {
        Some(near) => mistake.help(format!("did you mean {near}?")),
        None => mistake.help("names with blanks or dots stand in `back-ticks`, texts in 'single quotes'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_backslashes_of_patterns_are_noticed_inside_texts_only() {
        let offset = |sql| lost_backslash(sql).and_then(|mistake| mistake.offset);
        assert_eq!(offset(r"a rlike '^\\d+$'"), None);
        assert_eq!(offset(r"a rlike '^\\d\\.\\d'"), None);
        assert_eq!(offset(r"a rlike '^\d+$'"), Some(10));
        assert_eq!(offset(r"a rlike '^\\d' and b rlike '\d'"), Some(28));
        assert_eq!(offset(r#"\"a b\" = 'x'"#), None);
    }
}
