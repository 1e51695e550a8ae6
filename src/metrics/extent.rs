//! Smallest and largest number of a column.

use super::float_blocks::each_value;
use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_buffer::i256;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Smallest and largest value. NULL is ignored; NaN is neither, but counted, because
/// it keeps a column from satisfying any comparison. No values: no data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Extent {
    minimum: Option<Number>,
    maximum: Option<Number>,
    /// How many values are NaN.
    pub nan: u64,
}

impl Extent {
    /// Folds a numeric array; other types change nothing.
    pub fn update(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Int8 => self.whole::<Int8Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::Int16 => self.whole::<Int16Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::Int32 => self.whole::<Int32Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::Int64 => self.whole::<Int64Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::UInt8 => self.whole::<UInt8Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::UInt16 => self.whole::<UInt16Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::UInt32 => self.whole::<UInt32Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::UInt64 => self.whole::<UInt64Type>(array, 0, |value| i256::from_i128(value.into())),
            DataType::Decimal32(_, scale) => {
                self.whole::<Decimal32Type>(array, *scale, |value| i256::from_i128(value.into()))
            }
            DataType::Decimal64(_, scale) => {
                self.whole::<Decimal64Type>(array, *scale, |value| i256::from_i128(value.into()))
            }
            DataType::Decimal128(_, scale) => self.whole::<Decimal128Type>(array, *scale, i256::from_i128),
            DataType::Decimal256(_, scale) => self.whole::<Decimal256Type>(array, *scale, |value| value),
            DataType::Float16 => self.float::<Float16Type>(array, |value| value.to_f64()),
            // The shortest digits of a float are what people see in their data.
            DataType::Float32 => {
                self.float::<Float32Type>(array, |value| value.to_string().parse().unwrap_or(f64::NAN))
            }
            DataType::Float64 => self.float::<Float64Type>(array, |value| value),
            _ => {}
        }
    }

    fn whole<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, scale: i8, widen: impl Fn(T::Native) -> i256)
    where
        T::Native: Ord,
    {
        let mut extent: Option<(T::Native, T::Native)> = None;
        each_value(array.as_primitive::<T>(), |value| {
            extent = Some(extent.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        });
        if let Some((low, high)) = extent {
            self.include(decimal(widen(low), scale));
            self.include(decimal(widen(high), scale));
        }
    }

    fn float<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, convert: impl Fn(T::Native) -> f64)
    where
        T::Native: PartialOrd,
    {
        let mut extent: Option<(T::Native, T::Native)> = None;
        let mut nan = 0;
        each_value(array.as_primitive::<T>(), |value| {
            if value.partial_cmp(&value).is_none() {
                nan += 1;
                return;
            }
            extent = Some(extent.map_or((value, value), |(low, high)| {
                (if value < low { value } else { low }, if value > high { value } else { high })
            }));
        });
        self.nan += nan;
        if let Some((low, high)) = extent {
            self.include(Number::Float(convert(low)));
            self.include(Number::Float(convert(high)));
        }
    }

    fn include(&mut self, value: Number) {
        // Of two zeros the first would win: the order of rows must not show.
        let value = if let Number::Float(float) = value { Number::Float(float + 0.0) } else { value };
        if self.minimum.is_none_or(|minimum| value.compare(minimum) == Some(Ordering::Less)) {
            self.minimum = Some(value);
        }
        if self.maximum.is_none_or(|maximum| value.compare(maximum) == Some(Ordering::Greater)) {
            self.maximum = Some(value);
        }
    }

    /// Joins the extent of a later partition.
    pub fn merge(&mut self, later: &Self) {
        self.nan += later.nan;
        later.minimum.into_iter().chain(later.maximum).for_each(|value| self.include(value));
    }

    /// Minimum, maximum and range.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        let (Some(minimum), Some(maximum)) = (self.minimum, self.maximum) else {
            return if self.nan > 0 { Ok(Number::Float(f64::NAN)) } else { Err(NoValue::NoData) };
        };
        match statistic {
            Statistic::Minimum => Ok(minimum),
            Statistic::Maximum => Ok(maximum),
            Statistic::Range if self.nan > 0 => Ok(Number::Float(f64::NAN)),
            Statistic::Range => Ok(maximum.minus(minimum)),
            _ => Err(NoValue::NotInFamily),
        }
    }
}

/// A decimal from its parts; negative scales become trailing zeros.
pub fn decimal(unscaled: i256, scale: i8) -> Number {
    match u8::try_from(scale) {
        Ok(scale) => Number::Exact { unscaled, scale },
        Err(_) => {
            let factor = crate::value::power_of_ten(u32::from(scale.unsigned_abs()))
                .and_then(|factor| unscaled.checked_mul(factor));
            factor.map_or(Number::Float(f64::NAN), |unscaled| Number::Exact { unscaled, scale: 0 })
        }
    }
}
