//! States without data: what a file's own metadata already proves.
//!
//! A proof gives exactly the state that folding the rows would give, or nothing.

use super::accumulator::{Kernel, State};
use super::counts::Count;
use super::extent::Extent;
use super::frequencies::{KeyRange, is_narrow};
use super::{Family, is_numeric};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

/// What is certain of a column in some rows.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Values that are NULL.
    pub nulls: u64,
    /// Exactly the smallest and the largest value, as arrays of one row.
    pub range: Option<(ArrayRef, ArrayRef)>,
}

impl Kernel {
    /// The state over `rows` rows, all of them, whose column has these facts; `None` when only
    /// the data can tell.
    pub fn prove(&self, rows: u64, facts: Option<&Facts>) -> Option<State> {
        if matches!(self.family(), Family::Rows) {
            return Some(State::Count(Count(rows)));
        }
        if self.is_custom() {
            return None;
        }
        let (Some(facts), [data_type]) = (facts, self.types()) else { return None };
        let values = rows.checked_sub(facts.nulls)?;
        let weighed = match self.family() {
            Family::NonNull | Family::Passing(_) | Family::Lengths | Family::Frequencies | Family::Distinct => true,
            Family::Distribution { .. } => !is_numeric(data_type),
            _ => false,
        };
        if values == 0 {
            return match self.family() {
                _ if weighed => Some(self.weighed(&new_empty_array(data_type), &[], facts.nulls)),
                Family::Extent | Family::Moments | Family::Quantiles => Some(self.accumulator().into_state()),
                _ => None,
            };
        }
        if matches!(self.family(), Family::NonNull) {
            return Some(State::Count(Count(values)));
        }
        let (low, high) = facts.range.as_ref().filter(|_| !data_type.is_floating())?;
        if weighed && low.to_data() == high.to_data() {
            return Some(self.weighed(low, &[values], facts.nulls));
        }
        match self.family() {
            Family::Passing(_) => {
                let (whole_low, whole_high) = (whole_number(low)?, whole_number(high)?);
                let test = self.test()?;
                let passing = if test.all_within(whole_low, whole_high)? { values } else { 0 };
                Some(State::Count(Count(passing + if test.passes_null() { facts.nulls } else { 0 })))
            }
            Family::Extent => {
                let mut extent = Extent::default();
                extent.update(low);
                extent.update(high);
                Some(State::Extent(extent))
            }
            _ => None,
        }
    }

    fn weighed(&self, values: &ArrayRef, weights: &[u64], nulls: u64) -> State {
        let mut accumulator = self.accumulator();
        accumulator.weigh(values, weights, nulls);
        accumulator.into_state()
    }
}

/// The keys of a column of whole numbers of up to 64 bits whose parts have these facts; `None` where a
/// part does not tell.
pub fn key_range(data_type: &DataType, facts: impl IntoIterator<Item = Option<Facts>>) -> Option<KeyRange> {
    if !is_narrow(data_type) {
        return None;
    }
    let mut bounds: Option<(i256, i256)> = None;
    for facts in facts {
        let (low, high) = facts?.range?;
        let (low, high) = (whole_number(&low)?, whole_number(&high)?);
        bounds = Some(bounds.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
    }
    let (low, high) = bounds?;
    let span = u64::try_from(high.checked_sub(low)?.to_i128()?).ok()?.checked_add(1)?;
    Some(KeyRange { base: low.to_i128()? as u64, span })
}

/// The value of an array of one row in the whole numbers that conditions are made of: numbers, days,
/// instants in their unit, decimals in units of their scale.
fn whole_number(array: &ArrayRef) -> Option<i256> {
    fn first<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<i256>
    where
        T::Native: Into<i128>,
    {
        Some(i256::from_i128((*array.as_primitive::<T>().values().first()?).into()))
    }
    if array.len() != 1 || array.is_null(0) {
        return None;
    }
    match array.data_type() {
        DataType::Int8 => first::<Int8Type>(array),
        DataType::Int16 => first::<Int16Type>(array),
        DataType::Int32 => first::<Int32Type>(array),
        DataType::Int64 => first::<Int64Type>(array),
        DataType::UInt8 => first::<UInt8Type>(array),
        DataType::UInt16 => first::<UInt16Type>(array),
        DataType::UInt32 => first::<UInt32Type>(array),
        DataType::UInt64 => first::<UInt64Type>(array),
        DataType::Date32 => first::<Date32Type>(array),
        DataType::Date64 => first::<Date64Type>(array),
        DataType::Timestamp(TimeUnit::Second, _) => first::<TimestampSecondType>(array),
        DataType::Timestamp(TimeUnit::Millisecond, _) => first::<TimestampMillisecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => first::<TimestampMicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => first::<TimestampNanosecondType>(array),
        DataType::Decimal32(_, _) => first::<Decimal32Type>(array),
        DataType::Decimal64(_, _) => first::<Decimal64Type>(array),
        DataType::Decimal128(_, _) => first::<Decimal128Type>(array),
        DataType::Decimal256(_, _) => array.as_primitive::<Decimal256Type>().values().first().copied(),
        _ => None,
    }
}
