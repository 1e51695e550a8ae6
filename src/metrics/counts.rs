//! Counting rows: all, those with a value, those that pass a test.

use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use serde::{Deserialize, Serialize};

/// A number of rows. Empty input counts 0; NULL and NaN count as the family says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count(pub u64);

impl Count {
    /// Adds the rows of another state.
    pub fn merge(&mut self, later: &Self) {
        self.0 += later.0;
    }

    /// Only [`Statistic::Count`].
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        match statistic {
            Statistic::Count => Ok(Number::integer(self.0.into())),
            _ => Err(NoValue::NotInFamily),
        }
    }
}
