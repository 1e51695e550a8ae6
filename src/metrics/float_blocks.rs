//! Numbers in blocks of a fixed length, so that results depend on the order of the
//! values and never on how they were cut into batches.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::DataType;

/// Values per block. A block's two passes run in the first-level cache.
pub const BLOCK: usize = 1024;

/// Ten to the power of a decimal's scale, as a divisor.
pub fn decimal_divisor(scale: i8) -> f64 {
    10f64.powi(i32::from(scale))
}

/// Calls `visit` with every value that is not NULL, in order.
pub fn each_value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, mut visit: impl FnMut(T::Native)) {
    if array.null_count() == 0 {
        array.values().iter().for_each(|value| visit(*value));
        return;
    }
    let values = array.values();
    if let Some(nulls) = array.nulls() {
        nulls.valid_indices().for_each(|row| visit(values[row]));
    }
}

/// Calls `visit` with every value of a numeric array as an optional double, NULL included.
/// Arrays of other types give nothing.
pub fn each_double(array: &ArrayRef, mut visit: impl FnMut(Option<f64>)) {
    fn run<T: ArrowPrimitiveType>(
        array: &ArrayRef,
        convert: impl Fn(T::Native) -> f64,
        visit: &mut impl FnMut(Option<f64>),
    ) {
        let array = array.as_primitive::<T>();
        if array.null_count() == 0 {
            array.values().iter().for_each(|value| visit(Some(convert(*value))));
        } else {
            array.iter().for_each(|value| visit(value.map(&convert)));
        }
    }
    let visit = &mut visit;
    match array.data_type() {
        DataType::Int8 => run::<Int8Type>(array, f64::from, visit),
        DataType::Int16 => run::<Int16Type>(array, f64::from, visit),
        DataType::Int32 => run::<Int32Type>(array, f64::from, visit),
        DataType::Int64 => run::<Int64Type>(array, |value| value as f64, visit),
        DataType::UInt8 => run::<UInt8Type>(array, f64::from, visit),
        DataType::UInt16 => run::<UInt16Type>(array, f64::from, visit),
        DataType::UInt32 => run::<UInt32Type>(array, f64::from, visit),
        DataType::UInt64 => run::<UInt64Type>(array, |value| value as f64, visit),
        DataType::Float16 => run::<Float16Type>(array, |value| value.to_f64(), visit),
        DataType::Float32 => run::<Float32Type>(array, f64::from, visit),
        DataType::Float64 => run::<Float64Type>(array, |value| value, visit),
        DataType::Decimal32(_, scale) => {
            let divisor = decimal_divisor(*scale);
            run::<Decimal32Type>(array, |value| f64::from(value) / divisor, visit);
        }
        DataType::Decimal64(_, scale) => {
            let divisor = decimal_divisor(*scale);
            run::<Decimal64Type>(array, |value| value as f64 / divisor, visit);
        }
        DataType::Decimal128(_, scale) => {
            let divisor = decimal_divisor(*scale);
            run::<Decimal128Type>(array, |value| value as f64 / divisor, visit);
        }
        DataType::Decimal256(_, scale) => {
            let divisor = decimal_divisor(*scale);
            run::<Decimal256Type>(array, |value| wide_to_f64(value) / divisor, visit);
        }
        _ => {}
    }
}

/// Calls `visit` with every timestamp in its own unit, NULL included; other types give nothing.
pub fn each_timestamp(array: &ArrayRef, visit: impl FnMut(Option<i64>)) {
    use arrow_array::types::{
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    };
    use arrow_schema::TimeUnit;
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive::<TimestampSecondType>().iter().for_each(visit),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().iter().for_each(visit)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().iter().for_each(visit)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().iter().for_each(visit)
        }
        _ => {}
    }
}

/// The nearest double of a 256-bit integer.
pub fn wide_to_f64(value: arrow_buffer::i256) -> f64 {
    match value.to_i128() {
        Some(value) => value as f64,
        None => value.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// Sums `term(value)` over a block in eight independent lanes, joined in a fixed order:
/// fast, and the same on every machine.
pub fn lane_sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let tail = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(*value);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(tail) {
        *lane += term(*value);
    }
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}
