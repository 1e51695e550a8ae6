//! The plan: which metrics are measured, and how rules read them.
//!
//! Rules ask a [`MetricSet`] for metrics by key; asking twice gives the same
//! [`MetricId`], so shared work is shared without anyone arranging it. What a rule
//! then looks at is a closed set of [`Measure`]s, bundled in an [`Observation`]. This
//! room knows no rule name and compares nothing.

pub mod explain;
mod observation;

pub use observation::{Clause, Expectation, MessageLine, Observation, Reported};

use crate::metrics::{Distribution, Finished, Metric, NoValue, Reading, Statistic};
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use std::collections::HashMap;

/// A metric of a [`MetricSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub usize);

/// Metrics without duplicates, in the order they were first asked for.
#[derive(Debug, Clone, Default)]
pub struct MetricSet {
    metrics: Vec<Metric>,
    ids: HashMap<Metric, MetricId>,
}

impl MetricSet {
    /// The id of a metric, added if it is new.
    pub fn ask(&mut self, metric: Metric) -> MetricId {
        if let Some(id) = self.ids.get(&metric) {
            return *id;
        }
        let id = MetricId(self.metrics.len());
        self.metrics.push(metric.clone());
        self.ids.insert(metric, id);
        id
    }

    /// All metrics; the position is the id.
    pub fn as_slice(&self) -> &[Metric] {
        &self.metrics
    }
}

/// One number that a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// Known without data: from the schema.
    Known(Number),
    /// One number of one metric.
    Statistic(MetricId, Statistic),
    /// One count over another; no data when the whole is 0.
    Share {
        /// Counted.
        part: MetricId,
        /// Among these.
        whole: MetricId,
    },
    /// One number over another.
    Ratio {
        /// Divided.
        over: Box<Measure>,
        /// By this.
        under: Box<Measure>,
        /// What stands for a number that is not there, and for a quotient by zero.
        division: Division,
    },
    /// No number, but how values are spread; only analyzers show it.
    Distribution {
        /// The metric.
        metric: MetricId,
        /// The type of the values, in Spark's name.
        data_type: &'static str,
    },
}

/// How two numbers are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// As doubles: by zero gives infinity, zero by zero NaN.
    Plain,
    /// As Glue divides aggregates: an aggregate of no values is 0, 0 over 0 is 1, anything else
    /// over 0 is 0.
    Aggregates,
}

impl Measure {
    /// The metrics it reads.
    pub fn metrics(&self) -> Vec<MetricId> {
        match self {
            Measure::Known(_) => Vec::new(),
            Measure::Statistic(id, _) => vec![*id],
            Measure::Share { part, whole } => vec![*part, *whole],
            Measure::Distribution { metric, .. } => vec![*metric],
            Measure::Ratio { over, under, .. } => over.metrics().into_iter().chain(under.metrics()).collect(),
        }
    }
}

/// Finished metrics, by id.
#[derive(Debug, Clone, Default)]
pub struct Results(pub Vec<Finished>);

impl Results {
    /// The number of a measure.
    pub fn read(&self, measure: &Measure) -> Reading {
        match measure {
            Measure::Known(number) => Ok(*number),
            Measure::Statistic(id, statistic) => self.0.get(id.0).ok_or(NoValue::NotInFamily)?.statistic(*statistic),
            Measure::Share { part, whole } => {
                let (part, whole) = (self.count(*part)?, self.count(*whole)?);
                if whole == 0 { Err(NoValue::NoData) } else { Ok(Number::Float(part as f64 / whole as f64)) }
            }
            Measure::Distribution { .. } => Err(NoValue::NotInFamily),
            Measure::Ratio { over, under, division } => {
                let number = |measure: &Measure| match (self.read(measure), division) {
                    (Ok(number), _) => Ok(number.to_f64()),
                    (Err(NoValue::NoData), Division::Aggregates) => Ok(0.0),
                    (Err(reason), _) => Err(reason),
                };
                let (over, under) = (number(over)?, number(under)?);
                Ok(Number::Float(match division {
                    Division::Aggregates if under == 0.0 && !over.is_nan() => f64::from(u8::from(over == 0.0)),
                    _ => over / under,
                }))
            }
        }
    }

    /// Rows that a metric judged, where it counts how often values occur.
    pub fn occurrences(&self, id: MetricId) -> Option<u64> {
        match self.0.get(id.0)? {
            Finished::Occurrences(occurrences) => Some(occurrences.rows + occurrences.nulls),
            _ => None,
        }
    }

    /// Why a measure has no number, when measuring failed.
    pub fn failure(&self, measure: &Measure) -> Option<&Unevaluated> {
        measure.metrics().into_iter().find_map(|id| match self.0.get(id.0)? {
            Finished::Failed(reason) => Some(&**reason),
            _ => None,
        })
    }

    /// The first row or file that does not satisfy a metric, for messages.
    pub fn example(&self, id: MetricId) -> Option<String> {
        match self.0.get(id.0)? {
            Finished::Found(found) => found.example(),
            Finished::Files(facts) => facts.offender.clone(),
            _ => None,
        }
    }

    /// A finished distribution.
    pub fn distribution(&self, id: MetricId) -> Option<&Distribution> {
        match self.0.get(id.0)? {
            Finished::Distribution(distribution) => Some(distribution),
            _ => None,
        }
    }

    /// Whether a measure of extremes saw a NaN.
    pub fn has_nan(&self, measure: &Measure) -> bool {
        measure.metrics().iter().any(|id| matches!(self.0.get(id.0), Some(Finished::Extent(extent)) if extent.nan > 0))
    }

    /// The rows of a counting metric.
    pub fn count(&self, id: MetricId) -> Result<u64, NoValue> {
        self.0.get(id.0).ok_or(NoValue::NotInFamily)?.count()
    }
}
