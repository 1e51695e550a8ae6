//! Casts of text as Spark does them: NULL for what cannot be read, blanks around it ignored.

use crate::text_cast;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, BooleanArray, StringArray};
use arrow_array::{
    Date32Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, TimestampMicrosecondArray,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, try_cast,
};
use std::sync::Arc;

/// Functions and the types they cast to.
pub const TARGETS: &[(&str, DataType)] = &[
    ("cast_bigint", DataType::Int64),
    ("cast_boolean", DataType::Boolean),
    ("cast_date", DataType::Date32),
    ("cast_double", DataType::Float64),
    ("cast_int", DataType::Int32),
    ("cast_real", DataType::Float32),
    ("cast_smallint", DataType::Int16),
    ("cast_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("cast_tinyint", DataType::Int8),
];

/// One of [`TARGETS`].
#[derive(Debug, PartialEq, Eq, Hash)]
struct SparkCast {
    name: &'static str,
    target: DataType,
    zone: chrono_tz::Tz,
    signature: Signature,
}

/// All casts; texts without a zone are in `zone`.
pub fn all(zone: chrono_tz::Tz) -> impl Iterator<Item = ScalarUDF> {
    TARGETS.iter().map(move |(name, target)| cast(name, target.clone(), zone))
}

fn cast(name: &'static str, target: DataType, zone: chrono_tz::Tz) -> ScalarUDF {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(SparkCast { name, target, zone, signature })
}

/// An expression cast to one of the types of [`TARGETS`]; others are cast as the planner does.
pub fn to_type(expression: Expr, target: &DataType, zone: chrono_tz::Tz) -> Expr {
    match TARGETS.iter().find(|(_, own)| own == target) {
        Some((name, target)) => cast(name, target.clone(), zone).call(vec![expression]),
        None => try_cast(expression, target.clone()),
    }
}

/// Text in one of the planner's layouts.
pub fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, _))
}

impl ScalarUDFImpl for SparkCast {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }
    fn simplify(&self, mut arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let own = arguments.first().map(|argument| context.get_data_type(argument)).transpose()?;
        Ok(match (own, arguments.pop()) {
            (Some(own), Some(argument)) if own == self.target => ExprSimplifyResult::Simplified(argument),
            // The planner would compare a decimal before it is cut, and count microseconds for seconds.
            (Some(own), Some(argument)) if !is_text(&own) && !own.is_decimal() && !is_instant(&own) => {
                ExprSimplifyResult::Simplified(try_cast(argument, self.target.clone()))
            }
            (_, argument) => ExprSimplifyResult::Original(argument.into_iter().collect()),
        })
    }
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(arguments.args.as_slice(), [ColumnarValue::Scalar(_)]);
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some(array) = arrays.first() else { return datafusion::common::exec_err!("{} takes a value", self.name) };
        let cast = self.cast(array)?;
        Ok(if scalar {
            ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&cast, 0)?)
        } else {
            ColumnarValue::Array(cast)
        })
    }
}

impl SparkCast {
    fn cast(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let lenient = CastOptions { safe: true, ..CastOptions::default() };
        if is_instant(array.data_type()) && self.target.is_numeric() {
            // Spark counts seconds.
            let micros = cast_with_options(array, &DataType::Timestamp(TimeUnit::Microsecond, None), &lenient)?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>();
            let seconds: ArrayRef = if self.target.is_floating() {
                Arc::new(micros.iter().map(|micros| Some(micros? as f64 / 1e6)).collect::<Float64Array>())
            } else {
                Arc::new(micros.iter().map(|micros| Some(micros?.div_euclid(1_000_000))).collect::<Int64Array>())
            };
            return Ok(cast_with_options(&seconds, &self.target, &lenient)?);
        }
        if !is_text(array.data_type()) {
            return Ok(cast_with_options(array, &self.target, &lenient)?);
        }
        let texts = arrow_cast::cast(array, &DataType::Utf8)?;
        let texts: &StringArray = texts.as_string();
        let texts = || texts.iter();
        let long = |text: Option<&str>| text.and_then(|text| text_cast::long(text.trim()));
        Ok(match self.target {
            DataType::Boolean => {
                Arc::new(texts().map(|text| text_cast::boolean(text?.trim())).collect::<BooleanArray>())
            }
            DataType::Date32 => Arc::new(texts().map(|text| text_cast::date(text?.trim())).collect::<Date32Array>()),
            DataType::Float32 => {
                Arc::new(texts().map(|text| Some(text_cast::double(text?.trim())? as f32)).collect::<Float32Array>())
            }
            DataType::Float64 => {
                Arc::new(texts().map(|text| text_cast::double(text?.trim())).collect::<Float64Array>())
            }
            DataType::Int8 => Arc::new(texts().map(|text| long(text)?.try_into().ok()).collect::<Int8Array>()),
            DataType::Int16 => Arc::new(texts().map(|text| long(text)?.try_into().ok()).collect::<Int16Array>()),
            DataType::Int32 => Arc::new(texts().map(|text| long(text)?.try_into().ok()).collect::<Int32Array>()),
            DataType::Int64 => Arc::new(texts().map(long).collect::<Int64Array>()),
            _ => Arc::new(
                texts()
                    .map(|text| text_cast::timestamp(text?.trim(), self.zone))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        })
    }
}
