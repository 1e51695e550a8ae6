//! Functions that Spark has and the planner has not, or has otherwise.

use super::casts::is_text;
use crate::metrics::pattern::{Extent, Pattern};
use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_datafusion_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

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
            // What stays in between keeps the planner from comparing a decimal before it is rounded.
            (Some(own), Some(argument)) if !is_text(&own) && !own.is_decimal() => {
                ExprSimplifyResult::Simplified(argument)
            }
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
