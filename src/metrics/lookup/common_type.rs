//! Types in which the values of two columns can be compared.

use super::super::frequencies::each_wide;
use super::super::is_text;
use arrow_array::builder::Decimal128Builder;
use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

/// Digits before and behind the point of a whole number or decimal.
fn digits(data_type: &DataType) -> Option<(u8, i8)> {
    Some(match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (precision.saturating_sub((*scale).max(0) as u8), *scale),
        other if other.is_integer() => (20, 0),
        _ => return None,
    })
}

/// Instants of different units, as whole nanoseconds since 1970: every one of them fits.
const INSTANT: DataType = DataType::Decimal128(38, 0);

/// Nanoseconds per unit of a date or timestamp.
fn nanoseconds(data_type: &DataType) -> Option<i128> {
    Some(match data_type {
        DataType::Date32 => 86_400_000_000_000,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
        _ => return None,
    })
}

/// The type that holds the values of both, so that equal values compare equal; `None` when
/// values of one never mean values of the other (text and numbers, say).
pub fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = (super::plain_type(left), super::plain_type(right));
    if left == right {
        return super::super::is_comparable(&left).then_some(left);
    }
    if is_text(&left) && is_text(&right) {
        return Some(DataType::Utf8View);
    }
    if left.is_integer() && right.is_integer() {
        let unsigned = [&left, &right].contains(&&DataType::UInt64);
        return Some(if unsigned { DataType::Decimal128(20, 0) } else { DataType::Int64 });
    }
    if let (Some(own), Some(other)) = (digits(&left), digits(&right)) {
        let scale = own.1.max(other.1).max(0);
        let precision = u32::from(own.0.max(other.0)) + scale.unsigned_abs() as u32;
        return Some(if precision <= 38 {
            DataType::Decimal128(precision as u8, scale)
        } else {
            DataType::Decimal256(precision.min(76) as u8, scale)
        });
    }
    if left.is_numeric() && right.is_numeric() {
        return Some(DataType::Float64);
    }
    if nanoseconds(&left).is_some() && nanoseconds(&right).is_some() {
        return Some(INSTANT);
    }
    match (&left, &right) {
        (
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_),
        ) => Some(DataType::BinaryView),
        _ => None,
    }
}

/// An array in a type that [`common_type`] gave. Values that the type cannot hold become NULL.
pub fn conformed(array: &ArrayRef, common: &DataType) -> ArrayRef {
    if *common == INSTANT
        && let Some(unit) = nanoseconds(array.data_type())
    {
        let mut instants = Decimal128Builder::with_capacity(array.len()).with_data_type(INSTANT);
        each_wide(array, |key| instants.append_option(key.map(|key| i128::from(key as u64 as i64) * unit)));
        return Arc::new(instants.finish());
    }
    let target = match (array.data_type(), common) {
        (own, common) if own == common || is_text(own) && !matches!(own, DataType::Dictionary(_, _)) => {
            return array.clone();
        }
        (DataType::Dictionary(_, values), _) if is_text(values) => (**values).clone(),
        (_, common) => common.clone(),
    };
    let lenient = CastOptions { safe: true, ..CastOptions::default() };
    cast_with_options(array, &target, &lenient).unwrap_or_else(|_| arrow_array::new_null_array(&target, array.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_beyond_the_nanoseconds_of_64_bits_stay_what_they_are() {
        let day: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![Some(2_932_896), None]));
        let micros: ArrayRef =
            Arc::new(arrow_array::TimestampMicrosecondArray::from(vec![Some(2_932_896 * 86_400_000_000), None]));
        let [day, micros] = [day, micros].map(|array| conformed(&array, &INSTANT));
        assert_eq!(&day, &micros);
        assert_eq!(day.null_count(), 1);
    }

    #[test]
    fn equal_values_of_different_types_have_a_common_type_or_none() {
        let timestamp = |unit| DataType::Timestamp(unit, None);
        let table = [
            (DataType::Int32, DataType::Int64, Some(DataType::Int64)),
            (DataType::Int64, DataType::UInt64, Some(DataType::Decimal128(20, 0))),
            (DataType::Int64, DataType::Decimal128(10, 2), Some(DataType::Decimal128(22, 2))),
            (DataType::Decimal128(10, 2), DataType::Decimal128(12, 4), Some(DataType::Decimal128(12, 4))),
            (DataType::Int64, DataType::Float32, Some(DataType::Float64)),
            (DataType::Utf8, DataType::Utf8View, Some(DataType::Utf8View)),
            (DataType::Date32, timestamp(TimeUnit::Second), Some(INSTANT)),
            (timestamp(TimeUnit::Second), timestamp(TimeUnit::Nanosecond), Some(INSTANT)),
            (DataType::Utf8, DataType::Int64, None),
            (DataType::Boolean, DataType::Int64, None),
        ];
        for (left, right, expected) in table {
            assert_eq!(common_type(&left, &right), expected, "{left} and {right}");
        }
    }
}
