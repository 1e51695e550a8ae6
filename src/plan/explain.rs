//! The plan as text, for `dq explain`.

use super::{MetricId, MetricSet};
use serde::Serialize;

/// A plan laid open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Columns read, in order of first use, of how many the data has.
    pub columns_read: Vec<String>,
    /// Columns of the data.
    pub columns_total: usize,
    /// Metrics by id.
    pub metrics: Vec<String>,
    /// Rules and the metrics each reads.
    pub rules: Vec<ExplainedRule>,
}

/// A rule in a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedRule {
    /// Canonical text.
    pub rule: String,
    /// Ids of its metrics.
    pub metrics: Vec<usize>,
    /// Why it will not be evaluated, if so.
    pub error: Option<String>,
}

impl Explanation {
    /// Describes `metrics` and the rules that read them.
    pub fn new(
        metrics: &MetricSet,
        columns_total: usize,
        rules: impl IntoIterator<Item = (String, Vec<MetricId>, Option<String>)>,
    ) -> Self {
        Self {
            columns_read: metrics.columns().into_iter().map(str::to_string).collect(),
            columns_total,
            metrics: metrics.as_slice().iter().map(ToString::to_string).collect(),
            rules: rules
                .into_iter()
                .map(|(rule, ids, error)| ExplainedRule {
                    rule,
                    metrics: ids.into_iter().map(|id| id.0).collect(),
                    error,
                })
                .collect(),
        }
    }
}
