//! Values as keys: equal values give equal keys, different values different ones.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use xxhash_rust::xxh3::xxh3_128;

/// Whether one value of the type fits 64 bits.
pub fn is_narrow(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Decimal32, Decimal64, Duration, Time32, Time64, Timestamp};
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(
            data_type,
            Boolean
                | Date32
                | Date64
                | Time32(_)
                | Time64(_)
                | Timestamp(_, _)
                | Duration(_)
                | Decimal32(_, _)
                | Decimal64(_, _)
        )
}

fn float_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// Calls `visit` with the key of every value that is not NULL.
pub fn each_narrow(array: &ArrayRef, mut visit: impl FnMut(u64)) {
    each_narrow_or_null(array, |key| {
        if let Some(key) = key {
            visit(key);
        }
    });
}

/// Calls `visit` for every row with the key of its value of up to 64 bits, or `None` for NULL.
pub fn each_narrow_or_null(array: &ArrayRef, mut visit: impl FnMut(Option<u64>)) {
    fn run<T: ArrowPrimitiveType>(
        array: &ArrayRef,
        key: impl Fn(T::Native) -> u64,
        visit: &mut impl FnMut(Option<u64>),
    ) {
        let array = array.as_primitive::<T>();
        if array.null_count() == 0 {
            array.values().iter().for_each(|value| visit(Some(key(*value))));
        } else {
            array.iter().for_each(|value| visit(value.map(&key)));
        }
    }
    let visit = &mut visit;
    match array.data_type() {
        DataType::Int8 => run::<Int8Type>(array, |value| i64::from(value) as u64, visit),
        DataType::Int16 => run::<Int16Type>(array, |value| i64::from(value) as u64, visit),
        DataType::Int32 => run::<Int32Type>(array, |value| i64::from(value) as u64, visit),
        DataType::Int64 => run::<Int64Type>(array, |value| value as u64, visit),
        DataType::UInt8 => run::<UInt8Type>(array, u64::from, visit),
        DataType::UInt16 => run::<UInt16Type>(array, u64::from, visit),
        DataType::UInt32 => run::<UInt32Type>(array, u64::from, visit),
        DataType::UInt64 => run::<UInt64Type>(array, |value| value, visit),
        DataType::Float16 => run::<Float16Type>(array, |value| float_bits(value.to_f64()), visit),
        DataType::Float32 => run::<Float32Type>(array, |value| float_bits(value.into()), visit),
        DataType::Float64 => run::<Float64Type>(array, float_bits, visit),
        DataType::Boolean => array.as_boolean().iter().for_each(|value| visit(value.map(u64::from))),
        DataType::Decimal32(_, _) => run::<Decimal32Type>(array, |value| i64::from(value) as u64, visit),
        DataType::Decimal64(_, _) => run::<Decimal64Type>(array, |value| value as u64, visit),
        DataType::Date32 => run::<Date32Type>(array, |value| i64::from(value) as u64, visit),
        DataType::Date64 => run::<Date64Type>(array, |value| value as u64, visit),
        DataType::Time32(TimeUnit::Second) => run::<Time32SecondType>(array, |value| i64::from(value) as u64, visit),
        DataType::Time32(_) => run::<Time32MillisecondType>(array, |value| i64::from(value) as u64, visit),
        DataType::Time64(TimeUnit::Nanosecond) => run::<Time64NanosecondType>(array, |value| value as u64, visit),
        DataType::Time64(_) => run::<Time64MicrosecondType>(array, |value| value as u64, visit),
        DataType::Timestamp(TimeUnit::Second, _) => run::<TimestampSecondType>(array, |value| value as u64, visit),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            run::<TimestampMillisecondType>(array, |value| value as u64, visit)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            run::<TimestampMicrosecondType>(array, |value| value as u64, visit)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            run::<TimestampNanosecondType>(array, |value| value as u64, visit)
        }
        DataType::Duration(TimeUnit::Second) => run::<DurationSecondType>(array, |value| value as u64, visit),
        DataType::Duration(TimeUnit::Millisecond) => run::<DurationMillisecondType>(array, |value| value as u64, visit),
        DataType::Duration(TimeUnit::Microsecond) => run::<DurationMicrosecondType>(array, |value| value as u64, visit),
        DataType::Duration(TimeUnit::Nanosecond) => run::<DurationNanosecondType>(array, |value| value as u64, visit),
        _ => {}
    }
}

/// Calls `visit` for every row with the key of its value, or `None` for NULL. Types without
/// an order of their own (lists, structs, maps) give nothing.
pub fn each_wide(array: &ArrayRef, mut visit: impl FnMut(Option<u128>)) {
    if is_narrow(array.data_type()) {
        return each_narrow_or_null(array, |key| visit(key.map(u128::from)));
    }
    match array.data_type() {
        DataType::Utf8 => {
            array.as_string::<i32>().iter().for_each(|text| visit(text.map(|text| xxh3_128(text.as_bytes()))))
        }
        DataType::LargeUtf8 => {
            array.as_string::<i64>().iter().for_each(|text| visit(text.map(|text| xxh3_128(text.as_bytes()))))
        }
        DataType::Utf8View => {
            array.as_string_view().iter().for_each(|text| visit(text.map(|text| xxh3_128(text.as_bytes()))))
        }
        DataType::Binary => array.as_binary::<i32>().iter().for_each(|bytes| visit(bytes.map(xxh3_128))),
        DataType::LargeBinary => array.as_binary::<i64>().iter().for_each(|bytes| visit(bytes.map(xxh3_128))),
        DataType::BinaryView => array.as_binary_view().iter().for_each(|bytes| visit(bytes.map(xxh3_128))),
        DataType::FixedSizeBinary(_) => {
            array.as_fixed_size_binary().iter().for_each(|bytes| visit(bytes.map(xxh3_128)))
        }
        DataType::Decimal128(_, _) => {
            array.as_primitive::<Decimal128Type>().iter().for_each(|value| visit(value.map(|value| value as u128)))
        }
        DataType::Decimal256(_, _) => array
            .as_primitive::<Decimal256Type>()
            .iter()
            .for_each(|value| visit(value.map(|value| xxh3_128(&value.to_le_bytes())))),
        DataType::Interval(IntervalUnit::YearMonth) => array
            .as_primitive::<IntervalYearMonthType>()
            .iter()
            .for_each(|value| visit(value.map(|value| value as u128))),
        DataType::Interval(IntervalUnit::DayTime) => {
            array.as_primitive::<IntervalDayTimeType>().iter().for_each(|value| {
                visit(value.map(|value| u128::from(value.days as u32) << 32 | u128::from(value.milliseconds as u32)))
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            array.as_primitive::<IntervalMonthDayNanoType>().iter().for_each(|value| {
                visit(value.map(|value| {
                    u128::from(value.months as u32) << 96
                        | u128::from(value.days as u32) << 64
                        | u128::from(value.nanoseconds as u64)
                }));
            })
        }
        DataType::Null => (0..array.len()).for_each(|_| visit(None)),
        _ => {}
    }
}

/// Whether values of the type can be compared for equality here.
pub fn is_comparable(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Decimal128, Decimal256, FixedSizeBinary, Interval, LargeBinary, Null};
    is_narrow(data_type)
        || super::super::is_text(data_type)
        || matches!(
            data_type,
            Binary
                | LargeBinary
                | BinaryView
                | FixedSizeBinary(_)
                | Decimal128(_, _)
                | Decimal256(_, _)
                | Interval(_)
                | Null
        )
}

/// Calls `visit` with the key of every tuple that is not all NULL; gives how many are.
pub fn each_tuple(columns: &[ArrayRef], mut visit: impl FnMut(u128)) -> u64 {
    let mut nulls = 0;
    each_row(columns, |present, bytes| {
        if present > 0 {
            visit(xxh3_128(bytes));
        } else {
            nulls += 1;
        }
    });
    nulls
}

/// The key of every row; a row with NULL has one only if `null_is_value`.
pub fn row_keys(columns: &[ArrayRef], null_is_value: bool) -> Vec<Option<u128>> {
    let mut keys = Vec::with_capacity(columns.first().map_or(0, Array::len));
    match columns {
        [column] if !null_is_value => each_wide(column, |key| keys.push(key)),
        columns => each_row(columns, |present, bytes| {
            keys.push((null_is_value || present == columns.len()).then(|| xxh3_128(bytes)));
        }),
    }
    keys
}

/// The key of every row as [`super::Frequencies`] counts it: `None` for NULL, and for tuples of nothing else.
pub fn value_keys(columns: &[ArrayRef]) -> Vec<Option<u128>> {
    let mut keys = Vec::with_capacity(columns.first().map_or(0, Array::len));
    match columns {
        [column] => each_wide(column, |key| keys.push(key)),
        columns => each_row(columns, |present, bytes| keys.push((present > 0).then(|| xxh3_128(bytes)))),
    }
    keys
}

/// Calls `visit` for every row with the number of its values that are not NULL and with bytes
/// that are the same for the same values.
fn each_row(columns: &[ArrayRef], mut visit: impl FnMut(usize, &[u8])) {
    let Some(rows) = columns.first().map(Array::len) else { return };
    let width = columns.len() * 17;
    // Per row and column: a marker byte and 16 bytes of key, so NULL differs from every value.
    let mut buffer = vec![0u8; rows * width];
    let mut present = vec![0usize; rows];
    for (position, column) in columns.iter().enumerate() {
        let mut row = 0;
        each_wide(column, |key| {
            if let Some(key) = key {
                let at = row * width + position * 17;
                buffer[at] = 1;
                buffer[at + 1..at + 17].copy_from_slice(&key.to_le_bytes());
                present[row] += 1;
            }
            row += 1;
        });
    }
    buffer.chunks_exact(width).zip(present).for_each(|(bytes, present)| visit(present, bytes));
}
