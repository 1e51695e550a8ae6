//! Spark's SQL in the planner's terms: the tree is rewritten before it is planned.
//!
//! Spark without ANSI mode, as Glue runs it: casts that fail give NULL, and so does a
//! division by zero (see `functions`).

use super::rewrite::{expand, expressions, name_of, plain_arguments, rename, string_literal, text, whole_literal};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, JoinOperator, Select, SetExpr, Subscript, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Functions that only have another name.
const RENAMED: &[(&str, &str)] = &[
    ("any_value", "first_value"),
    ("element_at", "array_element"),
    ("every", "bool_and"),
    ("some", "bool_or"),
    ("first", "first_value"),
    ("ifnull", "coalesce"),
    ("last", "last_value"),
    ("lcase", "lower"),
    ("len", "character_length"),
    ("nvl", "coalesce"),
    ("percentile", "percentile_cont"),
    ("std", "stddev"),
    ("ucase", "upper"),
];

/// Functions in terms of others: name, number of arguments, template.
const TEMPLATES: &[(&str, usize, &str)] = &[
    ("add_months", 2, "add_months(TRY_CAST($1 AS DATE), TRY_CAST($2 AS INT))"),
    ("approx_count_distinct", 1, "count(DISTINCT $1)"),
    ("approx_percentile", 2, PERCENTILE),
    ("approx_percentile", 3, PERCENTILE),
    ("array_size", 1, "size($1)"),
    ("bigint", 1, "TRY_CAST($1 AS BIGINT)"),
    ("boolean", 1, "TRY_CAST($1 AS BOOLEAN)"),
    ("count_if", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("date", 1, "TRY_CAST($1 AS DATE)"),
    ("date_add", 2, "date_add(TRY_CAST($1 AS DATE), TRY_CAST($2 AS INT))"),
    ("date_diff", 2, "date_diff(TRY_CAST($1 AS DATE), TRY_CAST($2 AS DATE))"),
    ("date_sub", 2, "date_sub(TRY_CAST($1 AS DATE), TRY_CAST($2 AS INT))"),
    ("date_trunc", 2, "date_trunc($1, TRY_CAST($2 AS TIMESTAMP))"),
    ("datediff", 2, "date_diff(TRY_CAST($1 AS DATE), TRY_CAST($2 AS DATE))"),
    ("day", 1, "date_part('day', TRY_CAST($1 AS TIMESTAMP))"),
    ("dayofmonth", 1, "date_part('day', TRY_CAST($1 AS TIMESTAMP))"),
    ("dayofweek", 1, "date_part('dayofweek', TRY_CAST($1 AS TIMESTAMP))"),
    ("dayofyear", 1, "date_part('doy', TRY_CAST($1 AS TIMESTAMP))"),
    ("decimal", 1, "TRY_CAST($1 AS DECIMAL(10, 0))"),
    ("double", 1, "TRY_CAST($1 AS DOUBLE)"),
    ("float", 1, "TRY_CAST($1 AS REAL)"),
    ("hour", 1, "date_part('hour', TRY_CAST($1 AS TIMESTAMP))"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("int", 1, "TRY_CAST($1 AS INT)"),
    ("isnotnull", 1, "$1 IS NOT NULL"),
    ("isnull", 1, "$1 IS NULL"),
    ("last_day", 1, "last_day(TRY_CAST($1 AS DATE))"),
    ("locate", 2, "strpos($2, $1)"),
    ("minute", 1, "date_part('minute', TRY_CAST($1 AS TIMESTAMP))"),
    ("month", 1, "date_part('month', TRY_CAST($1 AS TIMESTAMP))"),
    ("next_day", 2, "next_day(TRY_CAST($1 AS DATE), $2)"),
    ("nvl2", 3, "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END"),
    ("percentile_approx", 2, PERCENTILE),
    ("percentile_approx", 3, PERCENTILE),
    ("quarter", 1, "date_part('quarter', TRY_CAST($1 AS TIMESTAMP))"),
    ("regexp", 2, "regexp_like($1, $2)"),
    ("second", 1, "TRY_CAST(floor(date_part('second', TRY_CAST($1 AS TIMESTAMP))) AS INT)"),
    ("smallint", 1, "TRY_CAST($1 AS SMALLINT)"),
    ("string", 1, "TRY_CAST($1 AS VARCHAR)"),
    ("timestamp", 1, "TRY_CAST($1 AS TIMESTAMP)"),
    ("tinyint", 1, "TRY_CAST($1 AS TINYINT)"),
    ("to_date", 1, "TRY_CAST($1 AS DATE)"),
    ("to_timestamp", 1, "TRY_CAST($1 AS TIMESTAMP)"),
    ("trunc", 2, "trunc(TRY_CAST($1 AS DATE), $2)"),
    ("try_add", 2, "$1 + $2"),
    ("try_divide", 2, "$1 / $2"),
    ("try_multiply", 2, "$1 * $2"),
    ("try_subtract", 2, "$1 - $2"),
    ("unix_timestamp", 1, "to_unixtime(TRY_CAST($1 AS TIMESTAMP))"),
    ("weekofyear", 1, "date_part('week', TRY_CAST($1 AS TIMESTAMP))"),
    ("year", 1, "date_part('year', TRY_CAST($1 AS TIMESTAMP))"),
];

/// The smallest value whose rank reaches the share, as Spark's approximation gives it where it is exact.
const PERCENTILE: &str = "array_element(array_sort(array_agg($1) FILTER (WHERE $1 IS NOT NULL)), \
                          greatest(CAST(ceil($2 * count($1)) AS BIGINT), 1))";

/// Letters of Java's date patterns and their counterparts, longest first.
const PATTERN_LETTERS: &[(&str, &str)] = &[
    ("yyyy", "%Y"),
    ("SSSSSS", "%6f"),
    ("SSS", "%3f"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("EEEE", "%A"),
    ("EEE", "%a"),
    ("DDD", "%j"),
    ("yy", "%y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("a", "%p"),
    ("M", "%-m"),
    ("d", "%-d"),
    ("H", "%-H"),
    ("y", "%Y"),
    ("E", "%a"),
];

/// A Java date pattern in the notation of the planner's functions; `None` when a letter has no counterpart.
fn date_pattern(java: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut rest = java;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (literal, after) = rest[1..].split_once('\'')?;
            pattern.push_str(&if literal.is_empty() { "'".to_string() } else { literal.replace('%', "%%") });
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let run = rest.find(|letter| letter != first).unwrap_or(rest.len());
            let (_, counterpart) = PATTERN_LETTERS.iter().find(|(letters, _)| *letters == &rest[..run])?;
            pattern.push_str(counterpart);
            rest = &rest[run..];
        } else {
            pattern.push(first);
            if first == '%' {
                pattern.push('%');
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(pattern)
}

/// What cannot be said in the planner's terms.
struct Rewriter;

/// Rewrites a tree; an error says what has no counterpart.
pub fn rewrite(tree: &mut impl VisitMut) -> Result<(), String> {
    match tree.visit(&mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(message) => Err(message),
    }
}

impl VisitorMut for Rewriter {
    type Break = String;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
            join.join_operator = match std::mem::replace(&mut join.join_operator, JoinOperator::CrossApply) {
                JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
                JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
                operator => operator,
            };
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut datafusion::sql::sqlparser::ast::Query) -> ControlFlow<String> {
        fn minus(body: &mut SetExpr) {
            if let SetExpr::SetOperation { left, op, right, .. } = body {
                use datafusion::sql::sqlparser::ast::SetOperator;
                if *op == SetOperator::Minus {
                    *op = SetOperator::Except;
                }
                minus(left);
                minus(right);
            }
        }
        minus(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<String> {
        if let Some(rewritten) = rewritten(expression) {
            match rewritten {
                Ok(rewritten) => *expression = rewritten,
                Err(message) => return ControlFlow::Break(message),
            }
        }
        ControlFlow::Continue(())
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

fn rewritten(expression: &mut Expr) -> Option<Result<Expr, String>> {
    match expression {
        Expr::RLike { negated, expr, pattern, .. } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            Some(Ok(binary((**expr).clone(), op, (**pattern).clone())))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Spaceship, right } => {
            Some(Ok(Expr::Nested(Box::new(Expr::IsNotDistinctFrom(left.clone(), right.clone())))))
        }
        Expr::Cast { kind, data_type, .. } => {
            if *kind == CastKind::Cast || *kind == CastKind::DoubleColon {
                *kind = CastKind::TryCast;
            }
            spark_type(data_type);
            None
        }
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.as_slice() {
            // Spark counts from 0.
            [AccessExpr::Subscript(Subscript::Index { index })] => {
                let arguments = [(**root).clone(), index.clone()];
                expand("array_element($1, $2 + 1)", &arguments).map(Ok)
            }
            _ => None,
        },
        Expr::Function(function) => call(function),
        _ => None,
    }
}

/// Type names of Spark that the planner does not know.
fn spark_type(data_type: &mut DataType) {
    if let DataType::Custom(name, arguments) = data_type
        && arguments.is_empty()
    {
        match name.to_string().to_lowercase().as_str() {
            "long" => *data_type = DataType::BigInt(None),
            "short" => *data_type = DataType::SmallInt(None),
            "byte" => *data_type = DataType::TinyInt(None),
            _ => {}
        }
    }
    if let DataType::Decimal(info @ ExactNumberInfo::None) | DataType::Dec(info @ ExactNumberInfo::None) = data_type {
        *info = ExactNumberInfo::PrecisionAndScale(10, 0);
    }
}

fn call(function: &mut Function) -> Option<Result<Expr, String>> {
    let name = name_of(function)?;
    if name == "count" {
        return distinct_tuples(function).map(Ok);
    }
    if let Some((_, planner)) = RENAMED.iter().find(|(spark, _)| *spark == name) {
        rename(function, planner);
        return None;
    }
    let arguments = plain_arguments(function)?;
    if let Some((_, _, template)) =
        TEMPLATES.iter().find(|(spark, count, _)| *spark == name && *count == arguments.len())
    {
        return expand(template, &arguments).map(Ok);
    }
    match (name.as_str(), arguments.as_slice()) {
        ("to_date" | "to_timestamp" | "date_format", [value, pattern]) => {
            let Some(java) = string_literal(pattern) else {
                return Some(Err(format!("the pattern of {name} must be a text")));
            };
            let Some(pattern) = date_pattern(java) else {
                return Some(Err(format!("{name} does not know all letters of the pattern '{java}'")));
            };
            let template = match name.as_str() {
                "to_date" => "TRY_CAST(parse_timestamp($1, $2) AS DATE)",
                "to_timestamp" => "parse_timestamp($1, $2)",
                _ => "to_char(TRY_CAST($1 AS TIMESTAMP), $2)",
            };
            expand(template, &[value.clone(), text(&pattern)]).map(Ok)
        }
        ("regexp_replace", [value, pattern, replacement]) => {
            let arguments = [value.clone(), pattern.clone(), replacement.clone()];
            expand("regexp_replace($1, $2, $3, 'g')", &arguments).map(Ok)
        }
        ("split", [value, pattern]) => {
            let Some(separator) = string_literal(pattern).and_then(plain_separator) else {
                return Some(Err("split takes a plain separator here, not a pattern".into()));
            };
            expand("string_to_array($1, $2)", &[value.clone(), text(&separator)]).map(Ok)
        }
        ("regexp_extract", [value, pattern, group @ ..]) => {
            let group = group.first().map_or(Some(1), whole_literal);
            let (Some(source), Some(group)) = (string_literal(pattern), group) else {
                return Some(Err("regexp_extract takes a text and a number for pattern and group".into()));
            };
            // The whole match is group 1 of the pattern in parentheses.
            let pattern = text(&format!("({source})"));
            let group = Expr::value(datafusion::sql::sqlparser::ast::Value::Number((group + 1).to_string(), false));
            let template = "CASE WHEN $1 IS NOT NULL THEN coalesce(array_element(regexp_match($1, $2), $3), '') END";
            expand(template, &[value.clone(), pattern, group]).map(Ok)
        }
        _ => None,
    }
}

/// The separator that a pattern stands for, when it stands for one text only.
fn plain_separator(pattern: &str) -> Option<String> {
    let mut separator = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => separator.push(characters.next().filter(|next| !next.is_ascii_alphanumeric())?),
            '.' | '*' | '+' | '?' | '|' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' if pattern.len() > 1 => {
                return None;
            }
            '.' | '|' | '^' | '$' => return None,
            other => separator.push(other),
        }
    }
    (!separator.is_empty()).then_some(separator)
}

/// `count(DISTINCT a, b)`: tuples without NULL.
fn distinct_tuples(function: &mut Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    if list.args.len() < 2 {
        return None;
    }
    let arguments = expressions(&list.args)?;
    let places: Vec<_> = (1..=arguments.len()).map(|at| format!("${at}")).collect();
    let present = places.iter().map(|place| format!("{place} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let template = if distinct {
        format!("CASE WHEN {present} THEN struct({}) END", places.join(", "))
    } else {
        format!("CASE WHEN {present} THEN 1 END")
    };
    let tuple = expand(&template, &arguments)?;
    list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(tuple))];
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_patterns_of_java_have_counterparts_or_none() {
        assert_eq!(date_pattern("yyyy-MM-dd").as_deref(), Some("%Y-%m-%d"));
        assert_eq!(date_pattern("dd/MM/yyyy HH:mm:ss").as_deref(), Some("%d/%m/%Y %H:%M:%S"));
        assert_eq!(date_pattern("yyyy-MM-dd'T'HH").as_deref(), Some("%Y-%m-%dT%H"));
        assert_eq!(date_pattern("QQQ"), None);
    }

    #[test]
    fn separators_are_texts_and_not_patterns() {
        assert_eq!(plain_separator("-").as_deref(), Some("-"));
        assert_eq!(plain_separator("\\|").as_deref(), Some("|"));
        assert_eq!(plain_separator("[,;]"), None);
        assert_eq!(plain_separator("\\s"), None);
    }
}
