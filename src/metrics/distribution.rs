//! How the values of a column are spread.

use super::{NoValue, Reading, Statistic};
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Distinct values of a column that is not numeric, beyond which there is no distribution.
const LARGEST_LISTING: usize = 1 << 20;

/// Values seen so far. NULL is counted apart; numbers that are not finite are in no bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Spread {
    /// All finite numbers, 8 bytes a row: the bins are known only when all have been seen.
    Numbers {
        /// The numbers.
        values: Vec<f64>,
        /// Numbers that are not finite.
        infinite: u64,
        /// NULLs.
        nulls: u64,
    },
    /// Distinct values as text, and how often each occurs; `None` when they are too many.
    Values {
        /// Occurrences by value.
        counts: Option<BTreeMap<String, u64>>,
        /// NULLs.
        nulls: u64,
    },
}

/// A histogram, or a list of the commonest values.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Bounds of the bins, one more than bins; a bin holds its lower bound, the last also its upper.
    /// Empty for values that are not numbers.
    pub edges: Vec<f64>,
    /// The listed values, commonest first, then in order of the text. Empty for numbers.
    pub values: Vec<String>,
    /// How many values are in each bin, or equal each listed value.
    pub counts: Vec<u64>,
    /// NULLs.
    pub nulls: u64,
    /// Values in no bin and not listed.
    pub others: u64,
}

impl Spread {
    /// For a column of this type.
    pub fn new(data_type: Option<&DataType>) -> Self {
        if data_type.is_some_and(super::is_numeric) {
            Spread::Numbers { values: Vec::new(), infinite: 0, nulls: 0 }
        } else {
            Spread::Values { counts: Some(BTreeMap::new()), nulls: 0 }
        }
    }

    /// Folds a column.
    pub fn update(&mut self, array: &ArrayRef) {
        match self {
            Spread::Numbers { values, infinite, nulls } => super::doubles(array, |value| match value {
                Some(value) if value.is_finite() => values.push(value),
                Some(_) => *infinite += 1,
                None => *nulls += 1,
            }),
            Spread::Values { .. } => {
                let rows = array.len();
                self.weigh(array, |_| 1, rows);
            }
        }
    }

    /// Folds the first `rows` of distinct values, each as often as `weight` says.
    pub fn weigh(&mut self, array: &ArrayRef, weight: impl Fn(usize) -> u64, rows: usize) {
        let Spread::Values { counts, nulls } = self else { return };
        let options = FormatOptions::default();
        let Ok(formatter) = ArrayFormatter::try_new(array.as_ref(), &options) else { return };
        let validity = array.logical_nulls();
        for row in 0..rows {
            if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
                *nulls += weight(row);
            } else if weight(row) > 0
                && let Some(listed) = counts
            {
                *listed.entry(formatter.value(row).to_string()).or_insert(0) += weight(row);
                if listed.len() > LARGEST_LISTING {
                    *counts = None;
                }
            }
        }
    }

    /// Counts NULLs that are not among the values.
    pub fn add_nulls(&mut self, more: u64) {
        match self {
            Spread::Numbers { nulls, .. } | Spread::Values { nulls, .. } => *nulls += more,
        }
    }

    /// Brings the values into order.
    pub fn seal(&mut self) {
        if let Spread::Numbers { values, .. } = self {
            values.sort_unstable_by(f64::total_cmp);
        }
    }

    /// Rows seen, where they are known.
    pub fn rows(&self) -> u64 {
        match self {
            Spread::Numbers { values, infinite, nulls } => {
                (values.len() as u64).saturating_add(*infinite).saturating_add(*nulls)
            }
            Spread::Values { counts, nulls } => {
                counts.iter().flat_map(|counts| counts.values()).fold(*nulls, |sum, count| sum.saturating_add(*count))
            }
        }
    }

    /// Joins the values of a later partition.
    pub fn merge(&mut self, later: Self) {
        match (self, later) {
            (
                Spread::Numbers { values, infinite, nulls },
                Spread::Numbers { values: later, infinite: more, nulls: later_nulls },
            ) => {
                values.extend(later);
                *infinite += more;
                *nulls += later_nulls;
            }
            (Spread::Values { counts, nulls }, Spread::Values { counts: later, nulls: later_nulls }) => {
                *nulls += later_nulls;
                match (counts.as_mut(), later) {
                    (Some(own), Some(later)) => {
                        later.into_iter().for_each(|(value, count)| *own.entry(value).or_insert(0) += count);
                        if own.len() > LARGEST_LISTING {
                            *counts = None;
                        }
                    }
                    _ => *counts = None,
                }
            }
            _ => {}
        }
    }

    /// The distribution in so many bins or listed values.
    pub fn finish(self, bins: usize) -> Result<Distribution, Unevaluated> {
        let bins = bins.max(1);
        match self {
            Spread::Numbers { values, infinite, nulls } => {
                let (edges, counts) = histogram(&values, bins);
                Ok(Distribution { edges, values: Vec::new(), counts, nulls, others: infinite })
            }
            Spread::Values { counts: None, .. } => Err(Unevaluated::new(
                "too_many_values",
                format!("more than {LARGEST_LISTING} distinct values: no distribution is kept"),
            )),
            Spread::Values { counts: Some(counts), nulls } => {
                let total: u64 = counts.values().sum();
                let mut listed: Vec<_> = counts.into_iter().collect();
                // The map is in order of the text, and the sort is stable.
                listed.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                listed.truncate(bins);
                let (values, counts): (Vec<_>, Vec<_>) = listed.into_iter().unzip();
                let others = total - counts.iter().sum::<u64>();
                Ok(Distribution { edges: Vec::new(), values, counts, nulls, others })
            }
        }
    }
}

fn histogram(values: &[f64], bins: usize) -> (Vec<f64>, Vec<u64>) {
    let bounds = values.iter().fold(None, |bounds: Option<(f64, f64)>, value| {
        Some(bounds.map_or((*value, *value), |(low, high)| (low.min(*value), high.max(*value))))
    });
    let Some((low, high)) = bounds else { return (Vec::new(), Vec::new()) };
    if low == high {
        return (vec![low, high], vec![values.len() as u64]);
    }
    // Halves first: the distance of two finite doubles may not be finite.
    let width = (high / 2.0 - low / 2.0) / bins as f64 * 2.0;
    let mut edges: Vec<f64> = (0..bins).map(|bin| low + width * bin as f64).collect();
    edges.push(high);
    let mut counts = vec![0; bins];
    for value in values {
        counts[edges[1..bins].partition_point(|edge| edge <= value)] += 1;
    }
    (edges, counts)
}

impl Distribution {
    /// [`Statistic::Count`]: values that are not NULL.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        match statistic {
            Statistic::Count => Ok(Number::integer((self.counts.iter().sum::<u64>() + self.others).into())),
            _ => Err(NoValue::NotInFamily),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn bins_are_equally_wide_and_the_last_holds_the_maximum() {
        let mut spread = Spread::new(Some(&DataType::Float64));
        let values = vec![Some(0.0), Some(1.0), Some(2.5), Some(10.0), None, Some(f64::NAN), Some(5.0)];
        spread.update(&(Arc::new(Float64Array::from(values)) as ArrayRef));
        let found = spread.finish(4).expect("a distribution");
        assert_eq!(found.edges, [0.0, 2.5, 5.0, 7.5, 10.0]);
        assert_eq!((found.counts.as_slice(), found.nulls, found.others), (&[2, 1, 1, 1][..], 1, 1));
    }

    #[test]
    fn one_value_is_one_bin_and_no_value_is_none() {
        let mut spread = Spread::new(Some(&DataType::Float64));
        assert!(spread.clone().finish(20).expect("empty").edges.is_empty());
        spread.update(&(Arc::new(Float64Array::from(vec![3.0, 3.0])) as ArrayRef));
        let found = spread.finish(20).expect("a distribution");
        assert_eq!((found.edges.as_slice(), found.counts.as_slice()), (&[3.0, 3.0][..], &[2][..]));
    }

    #[test]
    fn the_commonest_values_come_first_and_ties_in_order_of_the_text() {
        let mut spread = Spread::new(Some(&DataType::Utf8));
        let values = vec![Some("b"), Some("a"), Some("c"), Some("c"), None, Some("d")];
        spread.update(&(Arc::new(StringArray::from(values)) as ArrayRef));
        let found = spread.finish(2).expect("a distribution");
        assert_eq!(found.values, ["c", "a"]);
        assert_eq!((found.counts.as_slice(), found.nulls, found.others), (&[2, 1][..], 1, 2));
    }
}
