//! Exact quantiles: every value is kept.

use super::float_blocks::each_double;
use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

/// All values that are not NULL, as doubles: 8 bytes a row. A NaN makes the quantiles NaN.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Quantiles {
    values: Vec<f64>,
}

impl Quantiles {
    /// Folds a numeric array; other types change nothing.
    pub fn update(&mut self, array: &ArrayRef) {
        each_double(array, |value| self.values.extend(value));
    }

    /// Brings the values into order.
    pub fn seal(&mut self) {
        self.values.sort_unstable_by(f64::total_cmp);
    }

    /// Values seen.
    pub fn count(&self) -> u64 {
        self.values.len() as u64
    }

    /// Joins the values of a later partition.
    pub fn merge(&mut self, later: &Self) {
        self.values.extend_from_slice(&later.values);
    }

    /// Only [`Statistic::InterquartileRange`].
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        if statistic != Statistic::InterquartileRange {
            return Err(NoValue::NotInFamily);
        }
        if self.values.is_empty() {
            return Err(NoValue::NoData);
        }
        if self.values.iter().any(|value| value.is_nan()) {
            return Ok(Number::Float(f64::NAN));
        }
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Number::Float(quantile(&sorted, 0.75) - quantile(&sorted, 0.25)))
    }
}

/// Linear interpolation between the two nearest ranks, as Spark's `percentile`.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    if low == high { sorted[low] } else { sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64) }
}
