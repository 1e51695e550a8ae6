//! Texts to Arrow arrays: what values of each type are written like in CSV and JSON.

use crate::text_cast::is_date_shaped;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, new_null_array};
use arrow_schema::DataType;
use std::sync::Arc;

/// How the type of a column was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user named it.
    Named,
    /// From the values of the sample.
    Inferred,
    /// The sample has no values: text, until one is found.
    Unseen,
}

/// An array of one column under construction.
pub enum ColumnBuilder {
    /// `text`
    Text(StringBuilder),
    /// `boolean`
    Boolean(BooleanBuilder),
    /// `int`
    Integer(Int64Builder),
    /// `float`
    Float(Float64Builder),
    /// `date`
    Date(Date32Builder),
    /// `timestamp` without zone
    Timestamp(TimestampMicrosecondBuilder),
    /// `timestamp` with a zone, with its type
    ZonedTimestamp(TimestampMicrosecondBuilder),
    /// `decimal(p,s)`
    Decimal(Decimal128Builder, u8, i8),
    /// A type that CSV does not have: every value misfits.
    Other(DataType, usize),
}

impl ColumnBuilder {
    /// For a column of a type.
    pub fn new(data_type: &DataType, rows: usize) -> Self {
        match data_type {
            DataType::Utf8 => ColumnBuilder::Text(StringBuilder::with_capacity(rows, rows * 16)),
            DataType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Int64 => ColumnBuilder::Integer(Int64Builder::with_capacity(rows)),
            DataType::Float64 => ColumnBuilder::Float(Float64Builder::with_capacity(rows)),
            DataType::Date32 => ColumnBuilder::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(_, None) => ColumnBuilder::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows)),
            DataType::Timestamp(_, Some(_)) => ColumnBuilder::ZonedTimestamp(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type.clone()),
            ),
            DataType::Decimal128(precision, scale) => ColumnBuilder::Decimal(
                Decimal128Builder::with_capacity(rows).with_data_type(data_type.clone()),
                *precision,
                *scale,
            ),
            other => ColumnBuilder::Other(other.clone(), 0),
        }
    }

    /// Whether values are kept as they are.
    pub fn is_text(&self) -> bool {
        matches!(self, ColumnBuilder::Text(_))
    }

    /// Appends a text to a text column.
    pub fn append_text(&mut self, text: &str) {
        if let ColumnBuilder::Text(builder) = self {
            builder.append_value(text);
        }
    }

    /// Appends the empty string to a text column.
    pub fn append_empty(&mut self) {
        self.append_text("");
    }

    /// Appends a NULL.
    pub fn append_null(&mut self) {
        match self {
            ColumnBuilder::Text(builder) => builder.append_null(),
            ColumnBuilder::Boolean(builder) => builder.append_null(),
            ColumnBuilder::Integer(builder) => builder.append_null(),
            ColumnBuilder::Float(builder) => builder.append_null(),
            ColumnBuilder::Date(builder) => builder.append_null(),
            ColumnBuilder::Timestamp(builder) | ColumnBuilder::ZonedTimestamp(builder) => builder.append_null(),
            ColumnBuilder::Decimal(builder, _, _) => builder.append_null(),
            ColumnBuilder::Other(_, rows) => *rows += 1,
        }
    }

    /// Appends a value; `false` if the type cannot hold it.
    pub fn append(&mut self, value: &[u8]) -> bool {
        fn push<T>(value: Option<T>, append: impl FnOnce(T)) -> bool {
            value.map(append).is_some()
        }
        match self {
            ColumnBuilder::Text(builder) => push(std::str::from_utf8(value).ok(), |text| builder.append_value(text)),
            ColumnBuilder::Boolean(builder) => push(boolean(value), |value| builder.append_value(value)),
            ColumnBuilder::Integer(builder) => push(integer(value), |value| builder.append_value(value)),
            ColumnBuilder::Float(builder) => push(float(value), |value| builder.append_value(value)),
            ColumnBuilder::Date(builder) => push(date(value), |value| builder.append_value(value)),
            ColumnBuilder::Timestamp(builder) | ColumnBuilder::ZonedTimestamp(builder) => {
                push(timestamp(value), |(micros, _)| builder.append_value(micros))
            }
            ColumnBuilder::Decimal(builder, precision, scale) => {
                push(decimal(value, *precision, *scale), |value| builder.append_value(value))
            }
            ColumnBuilder::Other(_, _) => false,
        }
    }

    /// The array.
    pub fn finish(self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Boolean(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Integer(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Float(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Date(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Timestamp(mut builder) | ColumnBuilder::ZonedTimestamp(mut builder) => {
                Arc::new(builder.finish())
            }
            ColumnBuilder::Decimal(mut builder, _, _) => Arc::new(builder.finish()),
            ColumnBuilder::Other(data_type, rows) => new_null_array(&data_type, rows),
        }
    }
}

fn trimmed(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value.trim_ascii()).ok()
}

/// `true` or `false` in any case.
pub fn boolean(value: &[u8]) -> Option<bool> {
    let value = value.trim_ascii();
    if value.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if value.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// A whole number of 64 bits, blanks around it ignored.
pub fn integer(value: &[u8]) -> Option<i64> {
    let value = value.trim_ascii();
    if value.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A number with optional fraction and exponent, or `NaN` and infinities.
pub fn float(value: &[u8]) -> Option<f64> {
    let value = trimmed(value)?;
    let numeric = value.bytes().any(|byte| byte.is_ascii_digit());
    let special = ["nan", "inf", "infinity", "-inf", "-infinity"].iter().any(|word| word.eq_ignore_ascii_case(value));
    if numeric || special { value.parse().ok() } else { None }
}

/// `yyyy-mm-dd`
pub fn date(value: &[u8]) -> Option<i32> {
    let value = trimmed(value)?;
    if !is_date_shaped(value.as_bytes()) {
        return None;
    }
    crate::text_cast::date(value)
}

/// A date with an optional time and zone, in microseconds; and whether it named a zone.
pub fn timestamp(value: &[u8]) -> Option<(i64, bool)> {
    let value = trimmed(value)?;
    let bytes = value.as_bytes();
    if bytes.len() < 10 || !is_date_shaped(&bytes[..10]) || bytes.len() > 10 && !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    let micros = crate::text_cast::timestamp(value, chrono_tz::UTC)?;
    let clock = value[10..].trim_start_matches([' ', 'T']);
    let zoned = clock.contains(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'));
    Some((micros, zoned))
}

/// Digits of a decimal in units of its scale; more digits behind the point than the scale must be zeros.
pub fn decimal(value: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let value = trimmed(value)?;
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let scale = usize::try_from(scale).ok()?;
    if whole.is_empty() && fraction.is_empty()
        || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let (kept, rest) = fraction.split_at(fraction.len().min(scale));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let digits = format!("{whole}{kept:0<scale$}");
    if digits.trim_start_matches('0').len() > usize::from(precision) {
        return None;
    }
    let magnitude: i128 = digits.parse().ok()?;
    Some(if value.starts_with('-') { -magnitude } else { magnitude })
}

/// A whole number written with up to 18 digits, no blanks and no leading zero.
pub fn plain_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Powers of ten that doubles hold exactly.
const EXACT_POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number that starts with a digit, without leading zeros before others: not 007, not NaN.
pub fn plain_float(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0', b'0'..=b'9', ..] => return None,
        [b'0'..=b'9', ..] if digits.len() <= 16 => {}
        [b'0'..=b'9', ..] => return fast_float2::parse(bytes).ok(),
        _ => return None,
    }
    let (mut whole, mut behind, mut point) = (0u64, 0usize, false);
    for byte in digits {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => {
                whole = whole * 10 + u64::from(digit);
                behind += usize::from(point);
            }
            _ if *byte == b'.' && !point => point = true,
            _ => return fast_float2::parse(bytes).ok(),
        }
    }
    // Up to 15 digits are a whole number that a double holds exactly; then one division rounds once.
    if digits.len() > 15 + usize::from(point) {
        return fast_float2::parse(bytes).ok();
    }
    let value = whole as f64 / EXACT_POWERS[behind];
    Some(if negative { -value } else { value })
}

/// Whether a number is written as codes are: 007.
pub fn has_leading_zero(value: &[u8]) -> bool {
    let digits = value.trim_ascii();
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// A type in words for messages.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean (true or false)".into(),
        DataType::Int64 => "whole number".into(),
        DataType::Float64 => "number".into(),
        DataType::Date32 => "date (yyyy-mm-dd)".into(),
        DataType::Timestamp(_, _) => "timestamp (yyyy-mm-dd hh:mm:ss)".into(),
        DataType::Decimal128(precision, scale) => format!("decimal of {precision} digits, {scale} behind the point"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_plainly_means_the_same_in_the_general_way(text in "[-+]?[0-9]{0,20}([.][0-9]{0,14})?(e[0-9])?") {
            let bytes = text.as_bytes();
            if let Some(value) = plain_integer(bytes) {
                prop_assert_eq!(integer(bytes), Some(value));
                prop_assert!(!has_leading_zero(bytes));
            }
            if let Some(value) = plain_float(bytes) {
                prop_assert_eq!(float(bytes), Some(value));
                prop_assert!(!has_leading_zero(bytes));
            }
        }
    }
}
