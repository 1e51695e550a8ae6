//! What stands for the SQL engine when the program is built without it.

use super::{Predicate, SqlError, SqlMistake, SqlOptions};
use crate::input::Dataset;
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use std::sync::Arc;

fn built_without() -> SqlMistake {
    SqlMistake::new("no_sql", "this program was built without sql").help("build it with the feature `sql`")
}

fn unevaluated() -> SqlError {
    let mistake = built_without();
    SqlError::Unevaluated(Unevaluated { help: mistake.help, ..Unevaluated::new(mistake.code, mistake.message) })
}

/// Accepts every text: mistakes in SQL are found by the engine alone.
pub fn check_predicate(_text: &str) -> Result<(), SqlMistake> {
    Ok(())
}

/// Accepts every text.
pub fn check_query(_text: &str) -> Result<(), SqlMistake> {
    Ok(())
}

/// Knows NULL tests and nothing else.
pub struct Engine;

impl Engine {
    /// Takes what the engine takes.
    pub fn new(_tables: Vec<(Arc<str>, Arc<Dataset>)>, _options: SqlOptions) -> Self {
        Self
    }

    /// Compiles a conjunction of NULL tests.
    pub fn predicate(&self, text: &str, schema: &Schema) -> Result<Predicate, SqlMistake> {
        Predicate::of_null_tests(text, schema).unwrap_or_else(|| Err(built_without()))
    }

    /// No query can be planned.
    pub fn columns(&self, _sql: &str) -> Result<Vec<(String, DataType)>, SqlMistake> {
        Err(built_without())
    }

    /// No query can be run.
    pub fn number(&self, _sql: &str) -> Result<Number, SqlError> {
        Err(unevaluated())
    }

    /// No query can be run.
    pub fn rows(
        &self,
        _sql: &str,
        _visit: &mut dyn FnMut(&RecordBatch) -> Result<(), Unevaluated>,
    ) -> Result<(), SqlError> {
        Err(unevaluated())
    }
}
