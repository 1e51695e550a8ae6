//! Operators and functions as Spark has them, and limits on what a function may make.

use super::casts;
use crate::metrics::pattern::{Extent, Pattern};
use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::common::{
    DFSchema, Result, ScalarValue, exec_datafusion_err, exec_err, plan_datafusion_err, resources_datafusion_err,
};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, binary_expr, lit, try_cast, when,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that one call of a function over one batch may make.
const MOST_BYTES: u64 = 256 << 20;

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

impl ExprPlanner for SparkOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let types = [expr.left.get_type(schema)?, expr.right.get_type(schema)?];
        let as_double = |side: Expr| casts::to_type(side, &DataType::Float64, self.zone);
        let as_long = |side: Expr| casts::to_type(side, &DataType::Int64, self.zone);
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
                if types.iter().any(is_text) && types.iter().all(|own| own.is_numeric() || is_text(own)) =>
            {
                let side = |side: Expr, own: &DataType| if is_text(own) { as_double(side) } else { side };
                let operator = match expr.op {
                    BinaryOperator::Plus => Operator::Plus,
                    BinaryOperator::Minus => Operator::Minus,
                    _ => Operator::Multiply,
                };
                binary_expr(side(left, &types[0]), operator, side(right, &types[1]))
            }
            ref op => {
                let Some(operator) = comparison(op) else { return Ok(PlannerResult::Original(expr)) };
                match (is_text(&types[0]), is_text(&types[1])) {
                    (true, false) => match text_beside(&types[1]) {
                        Some(target) => binary_expr(casts::to_type(left, &target, self.zone), operator, right),
                        None => return Ok(PlannerResult::Original(expr)),
                    },
                    (false, true) => match text_beside(&types[0]) {
                        Some(target) => binary_expr(left, operator, casts::to_type(right, &target, self.zone)),
                        None => return Ok(PlannerResult::Original(expr)),
                    },
                    _ => return Ok(PlannerResult::Original(expr)),
                }
            }
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

/// `rlike(text, pattern)`: whether the pattern is found, in Java's syntax.
#[derive(Debug)]
struct Rlike {
    signature: Signature,
    /// Patterns compiled so far.
    patterns: Mutex<HashMap<String, Arc<Pattern>>>,
}

impl PartialEq for Rlike {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for Rlike {}

impl Hash for Rlike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

/// Patterns kept; beyond, they are compiled for every batch.
const MOST_PATTERNS: usize = 256;

/// Texts in which a pattern is found.
pub fn rlike() -> ScalarUDF {
    ScalarUDF::new_from_impl(Rlike {
        signature: Signature::string(2, Volatility::Immutable),
        patterns: Mutex::default(),
    })
}

impl Rlike {
    fn pattern(&self, source: &str) -> Result<Arc<Pattern>> {
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = patterns.get(source) {
            return Ok(known.clone());
        }
        let compiled = Pattern::new(source, Extent::Part)
            .map_err(|error| plan_datafusion_err!("the pattern '{source}' does not compile: {}", error.message))?;
        let compiled = Arc::new(compiled);
        if patterns.len() < MOST_PATTERNS {
            patterns.insert(source.to_string(), compiled.clone());
        }
        Ok(compiled)
    }
}

impl ScalarUDFImpl for Rlike {
    fn name(&self) -> &str {
        "rlike"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [value, pattern] = arguments.args.as_slice() else { return exec_err!("rlike takes a text and a pattern") };
        let array = value.clone().into_array(rows)?;
        let mut found = BooleanBuilder::with_capacity(array.len());
        let decide = |pattern: &Pattern, text: &str| {
            pattern.is_match(text).ok_or_else(|| {
                exec_datafusion_err!(
                    "the pattern needed more steps for a value than it may take; write it without nested repetitions"
                )
            })
        };
        let mut trouble = None;
        if let ColumnarValue::Scalar(source) = pattern {
            let Some(source) = source.try_as_str().flatten() else {
                return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
            };
            let pattern = self.pattern(source)?;
            crate::metrics::test::text_rows(&array, |text| match text.map(|text| decide(&pattern, text)).transpose() {
                Ok(decided) => found.append_option(decided),
                Err(error) => drop(trouble.get_or_insert(error)),
            });
        } else {
            let sources = arrow_cast::cast(&pattern.clone().into_array(rows)?, &DataType::Utf8)?;
            let sources: &StringArray = sources.as_string();
            let mut sources = sources.iter();
            crate::metrics::test::text_rows(&array, |text| {
                let decided = match (text, sources.next().flatten()) {
                    (Some(text), Some(source)) => {
                        self.pattern(source).and_then(|pattern| decide(&pattern, text)).map(Some)
                    }
                    _ => Ok(None),
                };
                match decided {
                    Ok(decided) => found.append_option(decided),
                    Err(error) => drop(trouble.get_or_insert(error)),
                }
            });
        }
        match trouble {
            Some(error) => Err(error),
            None => Ok(ColumnarValue::Array(Arc::new(found.finish()))),
        }
    }
}

/// `trimmed(value)`: text without blanks around it, other values as they are.
/// `decimal_text(value)`: the same, and without exponents.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Trimmed {
    exponents: bool,
    signature: Signature,
}

/// Text ready to be cast to whole numbers, and to decimals.
pub fn trimmed() -> [ScalarUDF; 2] {
    let signature = || Signature::any(1, Volatility::Immutable);
    [true, false].map(|exponents| ScalarUDF::new_from_impl(Trimmed { exponents, signature: signature() }))
}

impl ScalarUDFImpl for Trimmed {
    fn name(&self) -> &str {
        if self.exponents { "trimmed" } else { "decimal_text" }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types {
            [own] if is_text(own) => DataType::Utf8,
            [own] => own.clone(),
            _ => DataType::Null,
        })
    }
    fn simplify(&self, mut arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let own = arguments.first().map(|argument| context.get_data_type(argument)).transpose()?;
        Ok(match (own, arguments.pop()) {
            (Some(own), Some(argument)) if !is_text(&own) => ExprSimplifyResult::Simplified(argument),
            (_, argument) => ExprSimplifyResult::Original(argument.into_iter().collect()),
        })
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some(array) = arrays.first() else { return exec_err!("{} takes a value", self.name()) };
        if !is_text(array.data_type()) {
            return Ok(ColumnarValue::Array(array.clone()));
        }
        let texts = arrow_cast::cast(array, &DataType::Utf8)?;
        let texts: &StringArray = texts.as_string();
        let plain = |text: &str| match crate::text_cast::double(text) {
            // Digits are kept as they are; only exponents must go.
            Some(value) if !self.exponents && text.contains(['e', 'E']) && value.is_finite() => value.to_string(),
            _ => text.to_string(),
        };
        let texts: StringArray = texts.iter().map(|text| text.map(|text| plain(text.trim()))).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
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
