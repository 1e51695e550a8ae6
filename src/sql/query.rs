//! Queries: what may be asked, and what makes an answer.

use super::SqlMistake;
use super::text::SqlTokens;
use crate::value::Number;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::ops::ControlFlow;

/// Reads the one statement of a text, which must be a query that only reads.
pub fn parse(tokens: &SqlTokens) -> Result<Query, SqlMistake> {
    let statement = tokens.parse(|parser| {
        let statement = parser.parse_statement()?;
        while parser.consume_token(&Token::SemiColon) {}
        Ok(statement)
    })?;
    let Statement::Query(query) = statement else {
        return Err(refused(&format!("{} is no query", kind(&statement))));
    };
    match query.visit(&mut ReadOnly) {
        ControlFlow::Continue(()) => Ok(*query),
        ControlFlow::Break(what) => Err(refused(&what)),
    }
}

fn refused(what: &str) -> SqlMistake {
    SqlMistake::new("sql_refused", what).help("CustomSql runs one SELECT over primary and the aliases of --reference")
}

/// The words that a statement begins with.
fn kind(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

struct ReadOnly;

impl Visitor for ReadOnly {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        fn writes(body: &SetExpr) -> bool {
            match body {
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
                SetExpr::SetOperation { left, right, .. } => writes(left) || writes(right),
                _ => false,
            }
        }
        if writes(&query.body) {
            return ControlFlow::Break("a query must not hold statements that write".into());
        }
        if !query.locks.is_empty() {
            return ControlFlow::Break("a query must not lock rows".into());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO writes a table".into());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: Some(_), name, .. } => {
                ControlFlow::Break(format!("{name} is a table function; only primary and the aliases can be read"))
            }
            TableFactor::TableFunction { .. } | TableFactor::Function { .. } => {
                ControlFlow::Break("table functions are not read; only primary and the aliases are".into())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_statement(&mut self, _statement: &Statement) -> ControlFlow<String> {
        ControlFlow::Break("a query must not hold other statements".into())
    }
}

/// A second look, at the plan: whatever the text was, only queries pass.
pub fn is_read_only(plan: &LogicalPlan) -> bool {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    let mut read_only = true;
    let walked = plan.apply_with_subqueries(|node| {
        read_only &= !matches!(
            node,
            LogicalPlan::Dml(_)
                | LogicalPlan::Ddl(_)
                | LogicalPlan::Copy(_)
                | LogicalPlan::Statement(_)
                | LogicalPlan::Explain(_)
                | LogicalPlan::Analyze(_)
                | LogicalPlan::DescribeTable(_)
        );
        Ok(if read_only { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    let _ = plan.exists(|_| Ok(false));
    walked.is_ok() && read_only
}

/// A value as a number: whole numbers and decimals exactly, truth values as 1 and 0, text as it
/// reads. `None` for NULL and for what is no number.
pub fn number(value: &ScalarValue) -> Option<Number> {
    match value {
        ScalarValue::Boolean(value) => value.map(|value| Number::integer(i128::from(value))),
        ScalarValue::Float16(Some(value)) => Some(Number::Float(value.to_f64())),
        ScalarValue::Float32(Some(value)) => Some(Number::Float(f64::from(*value))),
        ScalarValue::Float64(Some(value)) => Some(Number::Float(*value)),
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Number::parse(text.trim())
        }
        value if value.is_null() => None,
        value if value.data_type().is_integer() => Number::parse(&value.to_string()),
        ScalarValue::Decimal32(Some(unscaled), _, scale) => decimal(i128::from(*unscaled), *scale),
        ScalarValue::Decimal64(Some(unscaled), _, scale) => decimal(i128::from(*unscaled), *scale),
        ScalarValue::Decimal128(Some(unscaled), _, scale) => decimal(*unscaled, *scale),
        ScalarValue::Decimal256(_, _, _) => Number::parse(&value.to_string()),
        _ => None,
    }
}

fn decimal(unscaled: i128, scale: i8) -> Option<Number> {
    let scale = u8::try_from(scale).ok()?;
    Some(Number::Exact { unscaled: arrow_buffer::i256::from_i128(unscaled), scale })
}
