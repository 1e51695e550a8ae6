//! Operators as Spark has them.

use super::casts::{self, is_text};
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, ScalarUDF, binary_expr, lit, try_cast, when};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::sync::Arc;

/// Operators as Spark without ANSI mode has them: division, `||` as a function, and what becomes
/// of text that is compared or reckoned with.
#[derive(Debug)]
pub struct SparkOperators {
    /// Joins texts; knows its limit.
    pub concat: Arc<ScalarUDF>,
    /// Zone of texts that name none.
    pub zone: chrono_tz::Tz,
}

/// The type that text becomes beside a value of another type; `None` where it stays text.
fn text_beside(other: &DataType) -> Option<DataType> {
    match other {
        other if other.is_integer() || other.is_floating() => Some(other.clone()),
        other if is_decimal(other) => Some(DataType::Float64),
        DataType::Boolean | DataType::Date32 => Some(other.clone()),
        DataType::Timestamp(_, _) => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => None,
    }
}

/// Digits of a number type: precision and scale as Spark counts them.
fn digits(data_type: &DataType) -> (i16, i16) {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (i16::from(*precision), i16::from(*scale))
        }
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        _ => (20, 0),
    }
}

/// Digits behind the point of a quotient of decimals, as Spark keeps them.
fn quotient_scale(left: &DataType, right: &DataType) -> i8 {
    let ((precision, scale), (other_precision, other_scale)) = (digits(left), digits(right));
    let behind = (scale + other_precision + 1).max(6);
    let whole = precision - scale + other_scale;
    let kept = if whole + behind > 38 { (38 - whole).max(behind.min(6)) } else { behind };
    i8::try_from(kept.clamp(0, 37)).unwrap_or(6)
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _) | DataType::Decimal256(_, _))
}

/// NULL instead of a divisor of zero.
fn without_zero(divisor: Expr) -> Result<Expr> {
    when(divisor.clone().eq(lit(0)), lit(ScalarValue::Null)).otherwise(divisor)
}

fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

fn is_day(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64)
}

/// A literal such as 0.5 as the decimal that was written.
fn written_decimal(expression: &Expr) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Float64(Some(value)), _) = expression else { return None };
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18)?;
    (unscaled.unsigned_abs() < 10u128.pow(37)).then(|| lit(ScalarValue::Decimal128(Some(unscaled), 38, scale)))
}

impl SparkOperators {
    /// Text as it is compared with a value of another type; `None` where it stays text.
    fn beside(&self, text: Expr, other: &DataType) -> Option<Expr> {
        let target = text_beside(other)?;
        Some(match other {
            // Text names an instant in the zone of the run; a timestamp without a zone is as it stands.
            DataType::Timestamp(_, Some(_)) => {
                let instant = casts::to_type(text, &target, self.zone);
                try_cast(instant, DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())))
            }
            _ => casts::to_type(text, &target, chrono_tz::UTC),
        })
    }
}

impl ExprPlanner for SparkOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let types = [expr.left.get_type(schema)?, expr.right.get_type(schema)?];
        let as_double = |side: Expr| casts::to_type(side, &DataType::Float64, chrono_tz::UTC);
        let as_long = |side: Expr| casts::to_type(side, &DataType::Int64, chrono_tz::UTC);
        let (left, right) = (expr.left.clone(), expr.right.clone());
        let planned = match expr.op {
            BinaryOperator::Divide => {
                if !types.iter().all(|own| own.is_numeric() || is_text(own) || own.is_null()) {
                    return Ok(PlannerResult::Original(expr));
                }
                let quotient = binary_expr(as_double(left), Operator::Divide, without_zero(as_double(right))?);
                let decimal =
                    types.iter().any(is_decimal) && types.iter().all(|own| is_decimal(own) || own.is_integer());
                if decimal {
                    try_cast(quotient, DataType::Decimal128(38, quotient_scale(&types[0], &types[1])))
                } else {
                    quotient
                }
            }
            BinaryOperator::MyIntegerDivide | BinaryOperator::DuckIntegerDivide => {
                binary_expr(as_long(left), Operator::Divide, without_zero(as_long(right))?)
            }
            BinaryOperator::Modulo if types.iter().all(DataType::is_numeric) => {
                binary_expr(left, Operator::Modulo, without_zero(right)?)
            }
            BinaryOperator::StringConcat if types.iter().any(is_text) => {
                let side =
                    |side: Expr, own: &DataType| if is_text(own) { side } else { try_cast(side, DataType::Utf8) };
                // A chain is one call: types of nested calls would be worked out again at every level.
                let mut sides = match left {
                    Expr::ScalarFunction(call) if call.func == self.concat => call.args,
                    left => vec![side(left, &types[0])],
                };
                sides.push(side(right, &types[1]));
                Expr::ScalarFunction(ScalarFunction::new_udf(self.concat.clone(), sides))
            }
            BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply
                if (types.iter().any(is_text)
                    || types.iter().any(is_decimal) && types.iter().any(DataType::is_floating))
                    && types.iter().all(|own| own.is_numeric() || is_text(own)) =>
            {
                let side = |side: Expr, own: &DataType| {
                    if is_text(own) || is_decimal(own) { as_double(side) } else { side }
                };
                let operator = match expr.op {
                    BinaryOperator::Plus => Operator::Plus,
                    BinaryOperator::Minus => Operator::Minus,
                    _ => Operator::Multiply,
                };
                binary_expr(side(left, &types[0]), operator, side(right, &types[1]))
            }
            ref op => {
                let Some(operator) = comparison(op) else { return Ok(PlannerResult::Original(expr)) };
                match (&types[0], &types[1]) {
                    (own, other) if is_text(own) && !is_text(other) => match self.beside(left, other) {
                        Some(left) => binary_expr(left, operator, right),
                        None => return Ok(PlannerResult::Original(expr)),
                    },
                    (own, other) if is_text(other) && !is_text(own) => match self.beside(right, own) {
                        Some(right) => binary_expr(left, operator, right),
                        None => return Ok(PlannerResult::Original(expr)),
                    },
                    (own, other) if is_day(own) && other.is_numeric() || own.is_numeric() && is_day(other) => {
                        return plan_err!("a date is compared with a number; a date stands in quotes: '2024-01-31'");
                    }
                    // A number that was written beside a decimal is one; a double makes doubles of both.
                    (own, other) if own.is_floating() && is_decimal(other) => match written_decimal(&left) {
                        Some(left) => binary_expr(left, operator, right),
                        None => binary_expr(left, operator, as_double(right)),
                    },
                    (own, other) if is_decimal(own) && other.is_floating() => match written_decimal(&right) {
                        Some(right) => binary_expr(left, operator, right),
                        None => binary_expr(as_double(left), operator, right),
                    },
                    _ => return Ok(PlannerResult::Original(expr)),
                }
            }
        };
        Ok(PlannerResult::Planned(planned))
    }
}
