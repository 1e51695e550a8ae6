//! Operators and functions as Spark has them, and limits on what a function may make.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, resources_datafusion_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, binary_expr, lit, try_cast, when,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::sync::Arc;

/// Bytes that one call of a function over one batch may make.
const MOST_BYTES: u64 = 256 << 20;

/// Division as Spark without ANSI mode does it, `||` as a function.
#[derive(Debug)]
pub struct SparkOperators {
    /// Joins texts; knows its limit.
    pub concat: Arc<ScalarUDF>,
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _) | DataType::Decimal256(_, _))
}

/// NULL instead of a divisor of zero.
fn without_zero(divisor: Expr) -> Result<Expr> {
    when(divisor.clone().eq(lit(0)), lit(ScalarValue::Null)).otherwise(divisor)
}

impl ExprPlanner for SparkOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let types = [expr.left.get_type(schema)?, expr.right.get_type(schema)?];
        let as_double = |side: Expr| try_cast(side, DataType::Float64);
        let as_long = |side: Expr| try_cast(side, DataType::Int64);
        let (left, right) = (expr.left.clone(), expr.right.clone());
        let planned = match expr.op {
            BinaryOperator::Divide => {
                let decimal =
                    types.iter().any(is_decimal) && types.iter().all(|own| is_decimal(own) || own.is_integer());
                if decimal {
                    binary_expr(left, Operator::Divide, without_zero(right)?)
                } else if types.iter().all(|own| own.is_numeric() || is_text(own) || own.is_null()) {
                    binary_expr(as_double(left), Operator::Divide, without_zero(as_double(right))?)
                } else {
                    return Ok(PlannerResult::Original(expr));
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
                let sides = vec![side(left, &types[0]), side(right, &types[1])];
                Expr::ScalarFunction(ScalarFunction::new_udf(self.concat.clone(), sides))
            }
            _ => return Ok(PlannerResult::Original(expr)),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

/// Estimates the bytes that a call makes.
type Estimate = fn(&ScalarFunctionArgs) -> u64;

/// Functions whose result may be much larger than their arguments.
const GROWING: &[(&str, Estimate)] = &[
    ("concat", joined),
    ("concat_ws", joined),
    ("lpad", padded),
    ("repeat", repeated),
    ("replace", replaced),
    ("regexp_replace", replaced),
    ("rpad", padded),
    ("space", spaced),
];

/// Functions that make lists or texts of any length out of nothing; no check of rows needs them.
pub const WITHOUT_LIMIT: &[&str] = &[
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "format_string",
    "printf",
    "gen_series",
    "generate_series",
    "range",
    "sequence",
    "random",
    "rand",
    "randn",
    "uuid",
    "shuffle",
    "array_concat",
    "array_cat",
    "list_concat",
    "list_cat",
    "arrow_cast",
    "arrow_try_cast",
];

/// The largest number among an argument's values.
fn largest(value: &ColumnarValue, rows: usize) -> u64 {
    let Ok(array) = value.cast_to(&DataType::Int64, None).and_then(|value| value.into_array(rows)) else { return 0 };
    let numbers = array.as_primitive::<arrow_array::types::Int64Type>();
    numbers.iter().flatten().max().map_or(0, |most| most.max(0) as u64)
}

/// Bytes of an argument over all rows.
fn bytes(value: &ColumnarValue, rows: usize) -> u64 {
    match value {
        ColumnarValue::Scalar(value) => value.size() as u64 * rows.max(1) as u64,
        ColumnarValue::Array(array) => array.get_array_memory_size() as u64,
    }
}

fn argument(arguments: &ScalarFunctionArgs, position: usize, measure: fn(&ColumnarValue, usize) -> u64) -> u64 {
    arguments.args.get(position).map_or(0, |value| measure(value, arguments.number_rows))
}

fn joined(arguments: &ScalarFunctionArgs) -> u64 {
    arguments.args.iter().map(|value| bytes(value, arguments.number_rows)).sum()
}

fn repeated(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 0, bytes).saturating_mul(argument(arguments, 1, largest))
}

fn padded(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 1, largest).saturating_mul(arguments.number_rows.max(1) as u64)
}

fn spaced(arguments: &ScalarFunctionArgs) -> u64 {
    argument(arguments, 0, largest).saturating_mul(arguments.number_rows.max(1) as u64)
}

fn replaced(arguments: &ScalarFunctionArgs) -> u64 {
    let replacement = match arguments.args.get(2) {
        Some(ColumnarValue::Scalar(value)) => value.to_string().len() as u64,
        _ => argument(arguments, 2, bytes),
    };
    argument(arguments, 0, bytes).saturating_mul(replacement.max(1))
}

/// A function that refuses to make more than it may.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    position: usize,
}

/// The function with its limit, if it needs one.
pub fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match GROWING.iter().position(|(name, _)| *name == function.name()) {
        Some(position) => Arc::new(ScalarUDF::new_from_impl(Bounded { inner: function, position })),
        None => function,
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<arrow_schema::FieldRef> {
        self.inner.return_field_from_args(arguments)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }
    fn simplify(&self, arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // The inner function might put itself in its place, without the limit.
        Ok(ExprSimplifyResult::Original(arguments))
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let estimate = GROWING.get(self.position).map_or(0, |(_, estimate)| estimate(&arguments));
        if estimate > MOST_BYTES {
            return Err(resources_datafusion_err!(
                "{} would make up to {} MiB at once, the limit is {} MiB",
                self.name(),
                estimate >> 20,
                MOST_BYTES >> 20
            ));
        }
        self.inner.invoke_with_args(arguments)
    }
}

/// `parse_timestamp(text, pattern)`: NULL where the text does not fit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ParseTimestamp {
    signature: Signature,
}

/// Texts to timestamps by a pattern of chrono.
pub fn parse_timestamp() -> ScalarUDF {
    ScalarUDF::new_from_impl(ParseTimestamp { signature: Signature::any(2, Volatility::Immutable) })
}

/// A date and time, or the midnight of a date.
fn read_timestamp(text: &str, pattern: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(text, pattern)
        .or_else(|_| NaiveDate::parse_from_str(text, pattern).map(|date| date.and_time(chrono::NaiveTime::MIN)));
    let time = time.ok().or_else(|| {
        // A month without a day is its first.
        let date = NaiveDate::parse_from_str(&format!("{text} 01"), &format!("{pattern} %d")).ok()?;
        Some(date.and_time(chrono::NaiveTime::MIN))
    });
    Some(time?.and_utc().timestamp_micros())
}

impl ScalarUDFImpl for ParseTimestamp {
    fn name(&self) -> &str {
        "parse_timestamp"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [value, ColumnarValue::Scalar(pattern)] = arguments.args.as_slice() else {
            return exec_err!("parse_timestamp takes a text and a pattern");
        };
        let Some(pattern) = pattern.try_as_str().flatten() else { return exec_err!("the pattern is no text") };
        let array = value.clone().into_array(rows)?;
        if matches!(array.data_type(), DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _)) {
            let target = DataType::Timestamp(TimeUnit::Microsecond, None);
            return Ok(ColumnarValue::Array(arrow_cast::cast(&array, &target)?));
        }
        let texts = arrow_cast::cast(&array, &DataType::Utf8)?;
        let texts: &StringArray = texts.as_string();
        let parsed: TimestampMicrosecondArray =
            texts.iter().map(|text| text.and_then(|text| read_timestamp(text, pattern))).collect();
        Ok(ColumnarValue::Array(Arc::new(parsed) as ArrayRef))
    }
}
