//! Expressions written in terms of others: `$1` in a template stands for the first argument.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select,
    Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// What a walk over a tree does to its parts; every part comes after the parts it holds. One type
/// for all walks: the code of a walk over all of SQL is large.
pub struct Walk<'a> {
    /// Called with every expression.
    pub expression: &'a mut dyn FnMut(&mut Expr) -> ControlFlow<String>,
    /// Called with every SELECT, before its parts.
    pub select: fn(&mut Select) -> ControlFlow<String>,
    /// Called with every query, before its parts.
    pub query: fn(&mut Query) -> ControlFlow<String>,
}

impl VisitorMut for Walk<'_> {
    type Break = String;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        (self.select)(select)
    }
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<String> {
        (self.query)(query)
    }
    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<String> {
        (self.expression)(expression)
    }
}

/// The name of a function, in lower case.
pub fn name_of(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
    }
}

/// Gives a function another name.
pub fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
}

/// The arguments of a function that is called with nothing but plain arguments.
pub fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    if function.filter.is_some() || function.over.is_some() || !function.within_group.is_empty() {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    expressions(&list.args)
}

/// Arguments that are expressions.
pub fn expressions(arguments: &[FunctionArg]) -> Option<Vec<Expr>> {
    let expression = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
        _ => None,
    };
    arguments.iter().map(expression).collect()
}

/// The text of a string literal.
pub fn string_literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The number of a literal.
pub fn whole_literal(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// A string literal.
pub fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_string()))
}

/// The template with its placeholders replaced, in parentheses; `None` if it does not parse.
pub fn expand(template: &str, arguments: &[Expr]) -> Option<Expr> {
    // `$1` is a placeholder value of the parser.
    let mut expression = Parser::new(&GenericDialect {}).try_with_sql(template).ok()?.parse_expr().ok()?;
    let mut replace = |part: &mut Expr| {
        if let Expr::Value(value) = part
            && let Value::Placeholder(name) = &value.value
            && let Some(argument) = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok())
            && let Some(argument) = arguments.get(argument - 1)
        {
            *part = Expr::Nested(Box::new(argument.clone()));
        }
        ControlFlow::Continue(())
    };
    let (select, query) = (|_: &mut Select| ControlFlow::Continue(()), |_: &mut Query| ControlFlow::Continue(()));
    let _ = expression.visit(&mut Walk { expression: &mut replace, select, query });
    Some(Expr::Nested(Box::new(expression)))
}
