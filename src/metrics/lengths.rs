//! Shortest and longest text.

use super::test::text_rows;
use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

/// Lengths in Unicode code points; NULL has length 0. No rows: no data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lengths {
    extent: Option<(u64, u64)>,
}

/// Code points of a text: continuation bytes are the ones that do not start a character.
pub fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

impl Lengths {
    /// Folds a text array; other types change nothing.
    pub fn update(&mut self, array: &ArrayRef) {
        text_rows(array, |text| self.include(text.map_or(0, characters) as u64));
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs.
    pub fn weigh(&mut self, values: &ArrayRef, weights: &[u64], nulls: u64) {
        let mut weights = weights.iter();
        text_rows(values, |text| {
            if weights.next().is_some_and(|weight| *weight > 0) {
                self.include(text.map_or(0, characters) as u64);
            }
        });
        if nulls > 0 {
            self.include(0);
        }
    }

    fn include(&mut self, length: u64) {
        self.extent = Some(self.extent.map_or((length, length), |(low, high)| (low.min(length), high.max(length))));
    }

    /// Joins the lengths of a later partition.
    pub fn merge(&mut self, later: &Self) {
        if let Some((low, high)) = later.extent {
            self.include(low);
            self.include(high);
        }
    }

    /// Minimum and maximum length.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        let (low, high) = self.extent.ok_or(NoValue::NoData)?;
        match statistic {
            Statistic::MinimumLength => Ok(Number::integer(low.into())),
            Statistic::MaximumLength => Ok(Number::integer(high.into())),
            _ => Err(NoValue::NotInFamily),
        }
    }
}
