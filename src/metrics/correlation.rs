//! Pearson correlation of two columns.

use super::float_blocks::{BLOCK, each_double, lane_sum};
use super::{NoValue, Reading, Statistic};
use crate::value::Number;
use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

/// Co-moments of the pairs seen so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Joint {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Joint {
    fn of_block(xs: &[f64], ys: &[f64]) -> Self {
        let count = xs.len() as f64;
        // Distances from the first value: a constant block has no spread, not even by rounding.
        let mean = |values: &[f64]| {
            let origin = values.first().copied().unwrap_or(0.0);
            origin + lane_sum(values, |value| value - origin) / count
        };
        let (mean_x, mean_y) = (mean(xs), mean(ys));
        let products: Vec<f64> = xs.iter().zip(ys).map(|(x, y)| (x - mean_x) * (y - mean_y)).collect();
        Self {
            count,
            mean_x,
            mean_y,
            xx: lane_sum(xs, |x| (x - mean_x) * (x - mean_x)),
            yy: lane_sum(ys, |y| (y - mean_y) * (y - mean_y)),
            xy: lane_sum(&products, |product| product),
        }
    }

    fn join(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let n = self.count + other.count;
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let weight = self.count * other.count / n;
        Self {
            count: n,
            mean_x: self.mean_x + dx * other.count / n,
            mean_y: self.mean_y + dy * other.count / n,
            xx: self.xx + other.xx + dx * dx * weight,
            yy: self.yy + other.yy + dy * dy * weight,
            xy: self.xy + other.xy + dx * dy * weight,
        }
    }
}

/// Co-moments over rows where both values are there. A constant column, or one row,
/// gives NaN; no such row gives no data; a NaN gives NaN.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CoMoments {
    joint: Joint,
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl CoMoments {
    /// Folds two numeric arrays of one length.
    pub fn update(&mut self, x: &ArrayRef, y: &ArrayRef) {
        let mut left = Vec::with_capacity(x.len());
        each_double(x, |value| left.push(value));
        let mut left = left.into_iter();
        each_double(y, |y| {
            if let (Some(Some(x)), Some(y)) = (left.next(), y) {
                self.push(x, y);
            }
        });
    }

    fn push(&mut self, x: f64, y: f64) {
        self.xs.push(x);
        self.ys.push(y);
        if self.xs.len() == BLOCK {
            self.joint = self.total();
            self.xs.clear();
            self.ys.clear();
        }
    }

    fn total(&self) -> Joint {
        if self.xs.is_empty() { self.joint } else { self.joint.join(Joint::of_block(&self.xs, &self.ys)) }
    }

    /// Takes the last pairs in, as joining others would: no number changes by that.
    pub fn seal(&mut self) {
        self.joint = self.total();
        self.xs = Vec::new();
        self.ys = Vec::new();
    }

    /// Joins the pairs of a later partition.
    pub fn merge(&mut self, later: &Self) {
        if self.joint.count == 0.0 && self.xs.is_empty() {
            *self = later.clone();
            return;
        }
        if later.joint.count == 0.0 && later.xs.is_empty() {
            return;
        }
        self.joint = self.total().join(later.total());
        self.xs.clear();
        self.ys.clear();
    }

    /// Only [`Statistic::Correlation`], within -1 and 1.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        let joint = self.total();
        match statistic {
            Statistic::Correlation if joint.count == 0.0 => Err(NoValue::NoData),
            Statistic::Correlation if joint.xx == 0.0 || joint.yy == 0.0 => Ok(Number::Float(f64::NAN)),
            Statistic::Correlation => {
                let correlation = joint.xy / (joint.xx.sqrt() * joint.yy.sqrt());
                Ok(Number::Float(if correlation.is_nan() { correlation } else { correlation.clamp(-1.0, 1.0) }))
            }
            _ => Err(NoValue::NotInFamily),
        }
    }
}
