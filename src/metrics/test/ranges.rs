//! Numbers, dates and times against intervals.

use crate::intervals::{Intervals, float_of_key};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, i256};
use arrow_schema::{DataType, TimeUnit};

/// Intervals cut to the domain of a type.
#[derive(Debug)]
pub enum Ranges {
    /// Types of up to 64 signed bits.
    Narrow(Vec<(i64, i64)>),
    /// Unsigned 64 bits.
    Unsigned(Vec<(u64, u64)>),
    /// Decimals of up to 38 digits.
    Wide(Vec<(i128, i128)>),
    /// Decimals of up to 76 digits.
    Widest(Vec<(i256, i256)>),
    /// Doubles, and whether NaN passes.
    Float(Vec<(f64, f64)>, bool),
}

impl Ranges {
    /// `None` when values of the type are no numbers, dates or timestamps.
    pub fn new(intervals: &Intervals, nan: bool, data_type: &DataType) -> Option<Self> {
        let narrow = || {
            cut(intervals, i64::MIN.into(), i64::MAX.into())
                .filter_map(|(low, high)| Some((low.to_i128()?.try_into().ok()?, high.to_i128()?.try_into().ok()?)))
                .collect()
        };
        Some(match data_type {
            DataType::UInt64 => Ranges::Unsigned(
                cut(intervals, 0, u64::MAX.into())
                    .filter_map(|(low, high)| Some((low.to_i128()?.try_into().ok()?, high.to_i128()?.try_into().ok()?)))
                    .collect(),
            ),
            DataType::Decimal128(_, _) => Ranges::Wide(
                cut(intervals, i128::MIN, i128::MAX)
                    .filter_map(|(low, high)| Some((low.to_i128()?, high.to_i128()?)))
                    .collect(),
            ),
            DataType::Decimal256(_, _) => Ranges::Widest(intervals.as_slice().to_vec()),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let key = |value: i256| value.to_i128().and_then(|value| i64::try_from(value).ok());
                Ranges::Float(
                    cut(intervals, i64::MIN.into(), i64::MAX.into())
                        .filter_map(|(low, high)| Some((float_of_key(key(low)?), float_of_key(key(high)?))))
                        .collect(),
                    nan,
                )
            }
            DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(_, _)
            | DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _) => Ranges::Narrow(narrow()),
            other if other.is_integer() => Ranges::Narrow(narrow()),
            _ => return None,
        })
    }

    /// One bit per row; bits of NULL rows say nothing.
    pub fn mask(&self, array: &ArrayRef) -> BooleanBuffer {
        match (self, array.data_type()) {
            (Ranges::Narrow(ranges), DataType::Int8) => judge::<Int8Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Int16) => judge::<Int16Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Int32) => judge::<Int32Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Int64) => judge::<Int64Type, _>(array, ranges, |value| value),
            (Ranges::Narrow(ranges), DataType::UInt8) => judge::<UInt8Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::UInt16) => judge::<UInt16Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::UInt32) => judge::<UInt32Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Decimal32(_, _)) => judge::<Decimal32Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Decimal64(_, _)) => {
                judge::<Decimal64Type, _>(array, ranges, |value| value)
            }
            (Ranges::Narrow(ranges), DataType::Date32) => judge::<Date32Type, _>(array, ranges, i64::from),
            (Ranges::Narrow(ranges), DataType::Date64) => judge::<Date64Type, _>(array, ranges, |value| value),
            (Ranges::Narrow(ranges), DataType::Timestamp(TimeUnit::Second, _)) => {
                judge::<TimestampSecondType, _>(array, ranges, |value| value)
            }
            (Ranges::Narrow(ranges), DataType::Timestamp(TimeUnit::Millisecond, _)) => {
                judge::<TimestampMillisecondType, _>(array, ranges, |value| value)
            }
            (Ranges::Narrow(ranges), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                judge::<TimestampMicrosecondType, _>(array, ranges, |value| value)
            }
            (Ranges::Narrow(ranges), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
                judge::<TimestampNanosecondType, _>(array, ranges, |value| value)
            }
            (Ranges::Unsigned(ranges), DataType::UInt64) => judge::<UInt64Type, _>(array, ranges, |value| value),
            (Ranges::Wide(ranges), DataType::Decimal128(_, _)) => {
                judge::<Decimal128Type, _>(array, ranges, |value| value)
            }
            (Ranges::Widest(ranges), DataType::Decimal256(_, _)) => {
                judge::<Decimal256Type, _>(array, ranges, |value| value)
            }
            (Ranges::Float(ranges, nan), DataType::Float16) => {
                float::<Float16Type>(array, ranges, *nan, |value| value.to_f64())
            }
            (Ranges::Float(ranges, nan), DataType::Float32) => float::<Float32Type>(array, ranges, *nan, f64::from),
            (Ranges::Float(ranges, nan), DataType::Float64) => float::<Float64Type>(array, ranges, *nan, |value| value),
            // The type was checked when the test was compiled.
            _ => BooleanBuffer::new_unset(array.len()),
        }
    }
}

fn cut(intervals: &Intervals, minimum: i128, maximum: i128) -> impl Iterator<Item = (i256, i256)> {
    let (minimum, maximum) = (i256::from_i128(minimum), i256::from_i128(maximum));
    intervals
        .as_slice()
        .iter()
        .map(move |(low, high)| ((*low).max(minimum), (*high).min(maximum)))
        .filter(|(low, high)| low <= high)
}

fn judge<T: ArrowPrimitiveType, D: PartialOrd + Copy>(
    array: &ArrayRef,
    ranges: &[(D, D)],
    domain: impl Fn(T::Native) -> D,
) -> BooleanBuffer {
    let values = array.as_primitive::<T>().values();
    // The usual shapes have one or two ranges; their loops have no branch per value.
    match ranges {
        [] => BooleanBuffer::new_unset(values.len()),
        [(low, high)] => BooleanBuffer::collect_bool(values.len(), |row| {
            let value = domain(values[row]);
            (value >= *low) & (value <= *high)
        }),
        [(a, b), (c, d)] => BooleanBuffer::collect_bool(values.len(), |row| {
            let value = domain(values[row]);
            ((value >= *a) & (value <= *b)) | ((value >= *c) & (value <= *d))
        }),
        ranges => BooleanBuffer::collect_bool(values.len(), |row| {
            let value = domain(values[row]);
            let at = ranges.partition_point(|(_, high)| *high < value);
            ranges.get(at).is_some_and(|(low, _)| *low <= value)
        }),
    }
}

fn float<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    ranges: &[(f64, f64)],
    nan: bool,
    domain: impl Fn(T::Native) -> f64,
) -> BooleanBuffer {
    let inside = judge::<T, f64>(array, ranges, &domain);
    if !nan && ranges.len() <= 2 {
        // Comparisons with NaN are false, so NaN is outside every range.
        return inside;
    }
    let values = array.as_primitive::<T>().values();
    let is_nan = BooleanBuffer::collect_bool(values.len(), |row| domain(values[row]).is_nan());
    if nan { &inside | &is_nan } else { &inside & &!&is_nan }
}
