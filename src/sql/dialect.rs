//! Spark's SQL in the planner's terms: the tree is rewritten before it is planned.
//!
//! Spark without ANSI mode, as Glue runs it: casts that fail give NULL, and so does a
//! division by zero (see `functions`).

use super::bounds::WITHOUT_LIMIT;
use super::rewrite::{
    Walk, expand, expressions, name_of, plain_arguments, rename, string_literal, text, whole_literal,
};
use crate::metrics::pattern::{Extent, Pattern};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, JoinOperator, OrderByExpr, Query, Select, SetExpr, SetOperator, SetQuantifier,
    Subscript, Value, VisitMut,
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
    ("any", "bool_or"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("sign", "signum"),
    ("variance", "var_samp"),
    ("lcase", "lower"),
    ("len", "character_length"),
    ("nvl", "coalesce"),
    ("std", "stddev"),
    ("ucase", "upper"),
];

/// Functions in terms of others: name, number of arguments, template.
const TEMPLATES: &[(&str, usize, &str)] = &[
    ("add_months", 2, "add_months(cast_date($1), cast_int($2))"),
    ("approx_count_distinct", 1, "count(DISTINCT $1)"),
    ("approx_percentile", 2, PERCENTILE),
    ("approx_percentile", 3, PERCENTILE),
    ("array_size", 1, "size($1)"),
    ("bigint", 1, "cast_bigint($1)"),
    ("boolean", 1, "cast_boolean($1)"),
    ("count_if", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("date", 1, "cast_date($1)"),
    ("date_add", 2, "date_add(cast_date($1), cast_int($2))"),
    ("date_diff", 2, "date_diff(cast_date($1), cast_date($2))"),
    ("date_sub", 2, "date_sub(cast_date($1), cast_int($2))"),
    ("date_trunc", 2, "date_trunc($1, cast_timestamp($2))"),
    ("datediff", 2, "date_diff(cast_date($1), cast_date($2))"),
    ("day", 1, "date_part('day', cast_timestamp($1))"),
    ("dayofmonth", 1, "date_part('day', cast_timestamp($1))"),
    ("dayofweek", 1, "date_part('dayofweek', cast_timestamp($1))"),
    ("dayofyear", 1, "date_part('doy', cast_timestamp($1))"),
    ("decimal", 1, "TRY_CAST($1 AS DECIMAL(10, 0))"),
    ("double", 1, "cast_double($1)"),
    ("float", 1, "cast_real($1)"),
    ("hour", 1, "date_part('hour', cast_timestamp($1))"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("int", 1, "cast_int($1)"),
    ("isnotnull", 1, "$1 IS NOT NULL"),
    ("isnull", 1, "$1 IS NULL"),
    ("ln", 1, "CASE WHEN $1 > 0 THEN ln($1) END"),
    ("log", 1, "CASE WHEN $1 > 0 THEN ln($1) END"),
    ("log10", 1, "CASE WHEN $1 > 0 THEN log10($1) END"),
    ("log2", 1, "CASE WHEN $1 > 0 THEN log2($1) END"),
    ("max_by", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    ("min_by", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    ("percentile", 2, INTERPOLATED),
    ("sqrt", 1, "CASE WHEN $1 >= 0 THEN sqrt($1) WHEN $1 < 0 THEN cast_double('NaN') END"),
    ("last_day", 1, "last_day(cast_date($1))"),
    ("locate", 2, "strpos($2, $1)"),
    ("minute", 1, "date_part('minute', cast_timestamp($1))"),
    ("month", 1, "date_part('month', cast_timestamp($1))"),
    ("next_day", 2, "next_day(cast_date($1), $2)"),
    ("nvl2", 3, "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END"),
    ("percentile_approx", 2, PERCENTILE),
    ("percentile_approx", 3, PERCENTILE),
    ("position", 2, "strpos($2, $1)"),
    ("quarter", 1, "date_part('quarter', cast_timestamp($1))"),
    ("regexp", 2, "regexp_like($1, $2)"),
    ("second", 1, "cast_int(floor(date_part('second', cast_timestamp($1))))"),
    ("smallint", 1, "cast_smallint($1)"),
    ("string", 1, "TRY_CAST($1 AS VARCHAR)"),
    ("timestamp", 1, "cast_timestamp($1)"),
    ("tinyint", 1, "cast_tinyint($1)"),
    ("to_date", 1, "cast_date($1)"),
    ("to_timestamp", 1, "cast_timestamp($1)"),
    ("trunc", 2, "trunc(cast_date($1), $2)"),
    ("try_add", 2, "$1 + $2"),
    ("try_divide", 2, "$1 / $2"),
    ("try_multiply", 2, "$1 * $2"),
    ("try_subtract", 2, "$1 - $2"),
    ("unix_timestamp", 1, "to_unixtime(cast_timestamp($1))"),
    ("weekofyear", 1, "date_part('week', cast_timestamp($1))"),
    ("year", 1, "date_part('year', cast_timestamp($1))"),
];

/// Functions that also have forms which the planner knows itself, or which are rewritten apart.
const EITHER_WAY: &[&str] = &["to_date", "to_timestamp", "date_part", "log", "position"];

/// Between the two nearest ranks, as Spark's `percentile`; the planner's own rounds the share.
const INTERPOLATED: &str = "array_element(array_sort(array_agg(cast_double($1)) FILTER (WHERE $1 IS NOT NULL)), \
                            CAST(floor(cast_double($2) * (count($1) - 1)) AS BIGINT) + 1) \
                            + (cast_double($2) * (count($1) - 1) - floor(cast_double($2) * (count($1) - 1))) \
                            * (array_element(array_sort(array_agg(cast_double($1)) FILTER (WHERE $1 IS NOT NULL)), \
                            CAST(ceil(cast_double($2) * (count($1) - 1)) AS BIGINT) + 1) \
                            - array_element(array_sort(array_agg(cast_double($1)) FILTER (WHERE $1 IS NOT NULL)), \
                            CAST(floor(cast_double($2) * (count($1) - 1)) AS BIGINT) + 1))";

/// The smallest value whose rank reaches the share, as Spark's approximation gives it where it is exact.
const PERCENTILE: &str = "array_element(array_sort(array_agg($1) FILTER (WHERE $1 IS NOT NULL)), \
                          greatest(CAST(ceil(cast_double($2) * count($1)) AS BIGINT), 1))";

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

/// Rewrites a tree; an error says what has no counterpart.
pub fn rewrite(tree: &mut impl VisitMut) -> Result<(), String> {
    let mut expression = |part: &mut Expr| match rewritten(part) {
        Some(Ok(rewritten)) => {
            *part = rewritten;
            // What stands for a function may name its arguments several times.
            if size(part) > LARGEST {
                return ControlFlow::Break("functions are nested too deeply: written out they are too large".into());
            }
            ControlFlow::Continue(())
        }
        Some(Err(message)) => ControlFlow::Break(message),
        None => ControlFlow::Continue(()),
    };
    match tree.visit(&mut Walk { expression: &mut expression, select: joins, query: set_operators }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(message) => Err(message),
    }
}

/// Parts of an expression, once functions are written in terms of others.
const LARGEST: usize = 20_000;

/// How many expressions an expression holds.
fn size(expression: &mut Expr) -> usize {
    let mut parts = 0;
    let mut count = |_: &mut Expr| {
        parts += 1;
        ControlFlow::Continue(())
    };
    let (select, query) = (|_: &mut Select| ControlFlow::Continue(()), |_: &mut Query| ControlFlow::Continue(()));
    let _ = expression.visit(&mut Walk { expression: &mut count, select, query });
    parts
}

/// Joins that name no side are left joins.
fn joins(select: &mut Select) -> ControlFlow<String> {
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        join.join_operator = match std::mem::replace(&mut join.join_operator, JoinOperator::CrossApply) {
            JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
            JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
            operator => operator,
        };
    }
    ControlFlow::Continue(())
}

/// MINUS is EXCEPT; of the operators that count rows there is only UNION ALL.
fn set_operators(query: &mut Query) -> ControlFlow<String> {
    fn set_operations(body: &mut SetExpr) -> Result<(), String> {
        let SetExpr::SetOperation { left, op, right, set_quantifier } = body else { return Ok(()) };
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        if *set_quantifier == SetQuantifier::All && *op != SetOperator::Union {
            // The planner would not count how often a row occurs.
            return Err(format!("{op} ALL is not supported; group the rows and compare their counts"));
        }
        set_operations(left)?;
        set_operations(right)
    }
    match set_operations(&mut query.body) {
        Ok(()) => ControlFlow::Continue(()),
        Err(message) => ControlFlow::Break(message),
    }
}

fn rewritten(expression: &mut Expr) -> Option<Result<Expr, String>> {
    match expression {
        Expr::RLike { negated, expr, pattern, .. } => {
            if let Some(source) = string_literal(pattern)
                && let Err(error) = Pattern::new(source, Extent::Part)
            {
                return Some(Err(format!("the pattern '{source}' does not compile: {}", error.message)));
            }
            let template = if *negated { "NOT rlike($1, $2)" } else { "rlike($1, $2)" };
            expand(template, &[(**expr).clone(), (**pattern).clone()]).map(Ok)
        }
        // The planner gives these types of its own choice to both sides; a comparison is planned as Spark does.
        Expr::Between { expr, negated, low, high } => {
            let template = if *negated { "NOT ($1 >= $2 AND $1 <= $3)" } else { "$1 >= $2 AND $1 <= $3" };
            expand(template, &[(**expr).clone(), (**low).clone(), (**high).clone()]).map(Ok)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Spaceship, right } => {
            Some(Ok(Expr::Nested(Box::new(Expr::IsNotDistinctFrom(left.clone(), right.clone())))))
        }
        // The planner would make a decimal of it.
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) if number.contains(['e', 'E']) => {
                expand("cast_double($1)", &[text(number)]).map(Ok)
            }
            _ => None,
        },
        Expr::Cast { kind, data_type, expr, .. } => {
            spark_type(data_type);
            // TRY_CAST reads whole numbers strictly, CAST cuts off a fraction.
            let strict = *kind == CastKind::TryCast;
            *kind = CastKind::TryCast;
            let function = match data_type {
                DataType::BigInt(_)
                | DataType::Int(_)
                | DataType::Integer(_)
                | DataType::SmallInt(_)
                | DataType::TinyInt(_)
                    if strict =>
                {
                    if let Some(trimmed) = expand("trimmed($1)", &[(**expr).clone()]) {
                        **expr = trimmed;
                    }
                    return None;
                }
                DataType::BigInt(None) => "cast_bigint($1)",
                DataType::Boolean | DataType::Bool => "cast_boolean($1)",
                DataType::Date => "cast_date($1)",
                DataType::Double(_) | DataType::DoublePrecision => "cast_double($1)",
                DataType::Int(None) | DataType::Integer(None) => "cast_int($1)",
                DataType::Float(_) | DataType::Real => "cast_real($1)",
                DataType::SmallInt(None) => "cast_smallint($1)",
                DataType::Timestamp(None, _) => "cast_timestamp($1)",
                DataType::TinyInt(None) => "cast_tinyint($1)",
                DataType::Decimal(_) | DataType::Dec(_) | DataType::Numeric(_) => {
                    if let Some(trimmed) = expand("decimal_text($1)", &[(**expr).clone()]) {
                        **expr = trimmed;
                    }
                    // Around the cast too, or the planner would compare the number before it is rounded.
                    return expand("decimal_text($1)", std::slice::from_ref(expression)).map(Ok);
                }
                _ => return None,
            };
            expand(function, &[(**expr).clone()]).map(Ok)
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
    if name == "percentile_cont"
        && let [OrderByExpr { expr, .. }] = function.within_group.as_slice()
        && let FunctionArguments::List(list) = &function.args
        && let Some([share]) = expressions(&list.args).as_deref()
        && function.over.is_none()
        && function.filter.is_none()
    {
        return expand(INTERPOLATED, &[expr.clone(), share.clone()]).map(Ok);
    }
    let arguments = plain_arguments(function)?;
    if let Some((_, _, template)) =
        TEMPLATES.iter().find(|(spark, count, _)| *spark == name && *count == arguments.len())
    {
        return expand(template, &arguments).map(Ok);
    }
    if let Some((_, count, _)) = TEMPLATES.iter().find(|(spark, _, _)| *spark == name && !EITHER_WAY.contains(spark)) {
        let counted = if *count == 1 { "1 argument".to_string() } else { format!("{count} arguments") };
        return Some(Err(format!("{name} takes {counted} here, {} are given", arguments.len())));
    }
    if WITHOUT_LIMIT.contains(&name.as_str()) {
        return Some(Err(format!("{name} is not available: what it gives is not bounded, or differs every time")));
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
                "to_date" => "cast_date(parse_timestamp($1, $2))",
                "to_timestamp" => "parse_timestamp($1, $2)",
                _ => "to_char(cast_timestamp($1), $2)",
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
            let template = "CASE WHEN $1 = '' THEN make_array('') ELSE string_to_array($1, $2) END";
            expand(template, &[value.clone(), text(&separator)]).map(Ok)
        }
        ("regexp_extract", [value, pattern, group @ ..]) => {
            let group = group.first().map_or(Some(1), whole_literal);
            let (Some(source), Some(group)) = (string_literal(pattern), group) else {
                return Some(Err("regexp_extract takes a text and a number for pattern and group".into()));
            };
            // The whole match is group 1 of the pattern in parentheses.
            let pattern = text(&format!("({source})"));
            let group = Expr::value(Value::Number((group + 1).to_string(), false));
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
