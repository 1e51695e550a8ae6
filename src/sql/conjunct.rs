//! One condition of a predicate, judged over the columns it reads.

use crate::unevaluated::Unevaluated;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;

#[cfg(feature = "sql")]
pub use super::expression::JudgedValues;
#[cfg(feature = "sql")]
use super::expression::{Expression, judge_encoded};
#[cfg(feature = "sql")]
use arrow_array::{cast::AsArray, types::Int32Type};

/// Nothing is judged by value without the SQL engine.
#[cfg(not(feature = "sql"))]
#[derive(Debug)]
pub struct JudgedValues;

/// A condition and its columns.
#[derive(Debug)]
pub struct Conjunct {
    text: String,
    columns: Vec<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The column is NULL, or is not.
    Null(bool),
    #[cfg(feature = "sql")]
    Expression(Expression),
}

impl Conjunct {
    /// `column IS NULL`, or `IS NOT NULL`.
    pub fn null_test(column: &str, null: bool) -> Self {
        let text = format!("\"{column}\" IS {}NULL", if null { "" } else { "NOT " });
        Self { text, columns: vec![column.to_string()], kind: Kind::Null(null) }
    }

    /// An expression over the columns of its schema.
    #[cfg(feature = "sql")]
    pub fn expression(text: String, expression: Expression) -> Self {
        let columns = expression.schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { text, columns, kind: Kind::Expression(expression) }
    }

    /// Identifies the condition.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns it reads, as the data spells them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows for which it is true, given its columns. Rows for which it is NULL are not among
    /// them. `judged` keeps what is known of the values of a dictionary from batch to batch.
    pub fn mask(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        judged: &mut Option<JudgedValues>,
    ) -> Result<BooleanBuffer, Unevaluated> {
        #[cfg(not(feature = "sql"))]
        let _ = judged;
        match (&self.kind, columns) {
            (Kind::Null(null), [column]) => Ok(match (column.logical_nulls(), null) {
                (Some(nulls), true) => !nulls.inner(),
                (Some(nulls), false) => nulls.inner().clone(),
                (None, true) => BooleanBuffer::new_unset(rows),
                (None, false) => BooleanBuffer::new_set(rows),
            }),
            (Kind::Null(_), _) => Err(Unevaluated::internal("a NULL test has one column")),
            #[cfg(feature = "sql")]
            (Kind::Expression(expression), [column]) => match column.as_dictionary_opt::<Int32Type>() {
                Some(encoded) => judge_encoded(expression, encoded, judged),
                None => expression.judge(columns, rows),
            },
            #[cfg(feature = "sql")]
            (Kind::Expression(expression), columns) => expression.judge(columns, rows),
        }
    }
}
