//! Queries: what may be asked, and what makes an answer.

use super::SqlMistake;
use super::text::SqlTokens;
use crate::value::Number;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::collections::HashMap;
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
    if let ControlFlow::Break(what) = query.visit(&mut Inspection::of_what_is_done()) {
        return Err(refused(&what));
    }
    if expanded(&query) > MOST_TABLES {
        let message = format!("the query reads tables more than {MOST_TABLES} times, as its WITH clauses multiply");
        return Err(SqlMistake::new("sql_too_large", message));
    }
    Ok(*query)
}

/// Tables of a query, once every WITH clause is put where its name stands.
const MOST_TABLES: u64 = 1_000;

/// Rounds in which sizes of WITH clauses that need each other become known.
const ROUNDS: usize = 4;

/// How many tables a query reads: the planner copies a WITH clause to every place that names it.
fn expanded(query: &Query) -> u64 {
    let mut sizes = Inspection::of_sizes(HashMap::new());
    for _ in 0..ROUNDS {
        let _ = query.visit(&mut sizes);
    }
    sizes.size_of(query)
}

fn refused(what: &str) -> SqlMistake {
    SqlMistake::new("sql_refused", what).help("CustomSql runs one SELECT over primary and the aliases of --reference")
}

/// The words that a statement begins with.
fn kind(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// A walk over a tree that changes nothing. One type for all walks: the code of a walk over all of
/// SQL is large.
struct Inspection {
    aim: Aim,
    /// Tables that each WITH clause stands for, by name.
    sizes: HashMap<String, u64>,
    /// Tables counted in this walk.
    tables: u64,
}

#[derive(PartialEq, Eq)]
enum Aim {
    /// Whether the query only reads what it may.
    Deeds,
    /// How many tables each WITH clause stands for.
    Sizes,
    /// How many tables there are.
    Tables,
    /// Whether there is a query at all.
    Queries,
}

impl Inspection {
    fn of_what_is_done() -> Self {
        Self { aim: Aim::Deeds, sizes: HashMap::new(), tables: 0 }
    }

    fn of_sizes(sizes: HashMap<String, u64>) -> Self {
        Self { aim: Aim::Sizes, sizes, tables: 0 }
    }

    /// Tables of a query, as far as its WITH clauses are known.
    fn size_of(&mut self, query: &Query) -> u64 {
        let mut count = Self { aim: Aim::Tables, sizes: std::mem::take(&mut self.sizes), tables: 0 };
        let _ = query.visit(&mut count);
        self.sizes = count.sizes;
        count.tables
    }
}

/// Whether an expression holds a query.
pub fn has_subquery(expression: &Expr) -> bool {
    let mut inspection = Inspection { aim: Aim::Queries, sizes: HashMap::new(), tables: 0 };
    expression.visit(&mut inspection).is_break()
}

impl Visitor for Inspection {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        fn writes(body: &SetExpr) -> bool {
            match body {
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
                SetExpr::SetOperation { left, right, .. } => writes(left) || writes(right),
                _ => false,
            }
        }
        match self.aim {
            Aim::Queries => ControlFlow::Break("a subquery".into()),
            Aim::Deeds if writes(&query.body) => {
                ControlFlow::Break("a query must not hold statements that write".into())
            }
            Aim::Deeds if !query.locks.is_empty() => ControlFlow::Break("a query must not lock rows".into()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if self.aim == Aim::Sizes {
            for clause in query.with.iter().flat_map(|with| &with.cte_tables) {
                let name = clause.alias.name.to_string().to_lowercase();
                // A clause that names itself is run step by step, not copied.
                self.sizes.remove(&name);
                let size = self.size_of(&clause.query);
                self.sizes.insert(name, size);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<String> {
        if self.aim == Aim::Tables {
            let size = self.sizes.get(&name.to_string().to_lowercase()).copied().unwrap_or(1);
            self.tables = self.tables.saturating_add(size);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if self.aim == Aim::Deeds && select.into.is_some() {
            return ControlFlow::Break("SELECT INTO writes a table".into());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: Some(_), name, .. } if self.aim == Aim::Deeds => {
                ControlFlow::Break(format!("{name} is a table function; only primary and the aliases can be read"))
            }
            TableFactor::TableFunction { .. } | TableFactor::Function { .. } if self.aim == Aim::Deeds => {
                ControlFlow::Break("table functions are not read; only primary and the aliases are".into())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_statement(&mut self, _statement: &Statement) -> ControlFlow<String> {
        match self.aim {
            Aim::Deeds => ControlFlow::Break("a query must not hold other statements".into()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// A second look, at the plan: whatever the text was, only queries pass.
pub fn is_read_only(plan: &LogicalPlan) -> bool {
    use datafusion::common::tree_node::TreeNodeRecursion;
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
