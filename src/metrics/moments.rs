//! Sum, mean, variance, skewness and kurtosis.

use super::extent::decimal;
use super::float_blocks::{BLOCK, decimal_divisor, each_double, each_value, lane_sum, wide_to_f64};
use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_buffer::i256;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

/// Central moments of the values seen so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Central {
    count: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Central {
    /// Two passes over one block.
    fn of_block(values: &[f64]) -> Self {
        let count = values.len() as f64;
        // Distances from the first value: a constant block has no spread, not even by rounding.
        let origin = values.first().copied().unwrap_or(0.0);
        let mean = origin + lane_sum(values, |value| value - origin) / count;
        Self {
            count,
            mean,
            m2: lane_sum(values, |value| (value - mean) * (value - mean)),
            m3: lane_sum(values, |value| (value - mean) * (value - mean) * (value - mean)),
            m4: lane_sum(values, |value| {
                let square = (value - mean) * (value - mean);
                square * square
            }),
        }
    }

    /// Joins two sets of values: the pairwise update of Chan et al., third and fourth moment after Pébay.
    fn join(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let (a, b) = (self.count, other.count);
        let n = a + b;
        let delta = other.mean - self.mean;
        let step = delta / n;
        Self {
            count: n,
            mean: self.mean + step * b,
            m2: self.m2 + other.m2 + delta * step * a * b,
            m3: self.m3 + other.m3 + delta * step * step * a * b * (a - b) + 3.0 * step * (a * other.m2 - b * self.m2),
            m4: self.m4
                + other.m4
                + delta * step * step * step * a * b * (a * a - a * b + b * b)
                + 6.0 * step * step * (a * a * other.m2 + b * b * self.m2)
                + 4.0 * step * (a * other.m3 - b * self.m3),
        }
    }
}

/// Sum and central moments. NULL is ignored; one NaN makes every statistic NaN. The
/// sum of integers and decimals is exact; the sum of doubles is taken in row order
/// and partition order, as Spark does. No values: no data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    exact: Option<Number>,
    float: f64,
    /// The first integer or decimal, with its scale. Moments are those of the distances from it:
    /// large neighbours that are one double stay apart.
    origin: Option<(i128, i8)>,
    central: Central,
    pending: Vec<f64>,
}

impl Moments {
    /// Folds a numeric array; other types change nothing.
    pub fn update(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Int8 => self.whole::<Int8Type>(array, 0, i128::from),
            DataType::Int16 => self.whole::<Int16Type>(array, 0, i128::from),
            DataType::Int32 => self.whole::<Int32Type>(array, 0, i128::from),
            DataType::Int64 => self.whole::<Int64Type>(array, 0, i128::from),
            DataType::UInt8 => self.whole::<UInt8Type>(array, 0, i128::from),
            DataType::UInt16 => self.whole::<UInt16Type>(array, 0, i128::from),
            DataType::UInt32 => self.whole::<UInt32Type>(array, 0, i128::from),
            DataType::UInt64 => self.whole::<UInt64Type>(array, 0, i128::from),
            DataType::Decimal32(_, scale) => self.whole::<Decimal32Type>(array, *scale, i128::from),
            DataType::Decimal64(_, scale) => self.whole::<Decimal64Type>(array, *scale, i128::from),
            DataType::Decimal128(_, scale) => self.whole::<Decimal128Type>(array, *scale, |value| value),
            DataType::Decimal256(_, scale) => {
                let array = array.as_primitive::<Decimal256Type>();
                let mut sum = Some(i256::ZERO);
                each_value(array, |value| sum = sum.and_then(|sum| sum.checked_add(value)));
                self.add_exact(sum.map_or_else(
                    || {
                        // More than 76 digits: the nearest doubles are added instead.
                        let mut total = 0.0;
                        each_value(array, |value| total += wide_to_f64(value));
                        Number::Float(total / 10f64.powi(i32::from(*scale)))
                    },
                    |sum| decimal(sum, *scale),
                ));
            }
            _ => {}
        }
        let float = array.data_type().is_floating();
        if float || matches!(array.data_type(), DataType::Decimal256(_, _)) {
            each_double(array, |value| {
                if let Some(value) = value {
                    if float {
                        self.float += value;
                    }
                    self.push(value);
                }
            });
        }
    }

    fn whole<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, scale: i8, widen: impl Fn(T::Native) -> i128) {
        let mut total = i256::ZERO;
        let mut sum = 0i128;
        let divisor = decimal_divisor(scale);
        each_value(array.as_primitive::<T>(), |value| {
            let value = widen(value);
            let (origin, _) = *self.origin.get_or_insert((value, scale));
            let distance = match value.checked_sub(origin) {
                // Converting 64 bits is one instruction, converting 128 a call.
                Some(distance) => i64::try_from(distance).map_or(distance as f64, |distance| distance as f64),
                None => value as f64 - origin as f64,
            };
            self.push(distance / divisor);
            match sum.checked_add(value) {
                Some(next) => sum = next,
                None => {
                    total = total.wrapping_add(i256::from_i128(sum));
                    sum = value;
                }
            }
        });
        self.add_exact(decimal(total.wrapping_add(i256::from_i128(sum)), scale));
    }

    fn add_exact(&mut self, value: Number) {
        self.exact = Some(self.exact.map_or(value, |sum| sum.plus(value)));
    }

    fn push(&mut self, value: f64) {
        self.count += 1;
        self.pending.push(value);
        if self.pending.len() == BLOCK {
            self.central = self.central.join(Central::of_block(&self.pending));
            self.pending.clear();
        }
    }

    /// What distances are counted from.
    fn offset(&self) -> Number {
        self.origin.map_or(Number::integer(0), |(origin, scale)| decimal(i256::from_i128(origin), scale))
    }

    fn total(&self) -> Central {
        if self.pending.is_empty() { self.central } else { self.central.join(Central::of_block(&self.pending)) }
    }

    /// Takes the last values in, as joining others would: no number changes by that.
    pub fn seal(&mut self) {
        self.central = self.total();
        self.pending = Vec::new();
    }

    /// Values seen.
    pub fn values(&self) -> u64 {
        self.count
    }

    /// Joins the moments of a later partition.
    pub fn merge(&mut self, later: &Self) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = later.clone();
            return;
        }
        let mut other = later.total();
        other.mean += later.offset().minus(self.offset()).to_f64();
        self.central = self.total().join(other);
        self.pending.clear();
        self.count += later.count;
        self.float += later.float;
        if let Some(exact) = later.exact {
            self.add_exact(exact);
        }
    }

    /// Sum, mean and the population's standard deviation, variance, skewness and excess kurtosis.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        if self.count == 0 {
            return Err(NoValue::NoData);
        }
        let count = self.count as f64;
        let central = self.total();
        let float = |value: f64| Ok(Number::Float(value));
        match statistic {
            Statistic::Sum => Ok(self.exact.unwrap_or(Number::Float(self.float))),
            Statistic::Mean => match self.exact {
                Some(Number::Exact { unscaled, scale }) => {
                    float(wide_to_f64(unscaled) / (count * 10f64.powi(i32::from(scale))))
                }
                Some(Number::Float(sum)) => float(sum / count),
                None => float(self.float / count),
            },
            Statistic::Variance => float(nan_or(central.m2 / count, |variance| variance.max(0.0))),
            Statistic::StandardDeviation => float(nan_or(central.m2 / count, |variance| variance.max(0.0).sqrt())),
            // A constant column has no shape: 0 / 0 is NaN.
            Statistic::Skewness => float(count.sqrt() * central.m3 / central.m2.powf(1.5)),
            Statistic::Kurtosis => float(count * central.m4 / (central.m2 * central.m2) - 3.0),
            _ => Err(NoValue::NotInFamily),
        }
    }
}

fn nan_or(value: f64, function: impl Fn(f64) -> f64) -> f64 {
    if value.is_nan() { value } else { function(value) }
}
