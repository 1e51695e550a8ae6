//! The plan as text, for `dq explain`.

use super::{MetricId, MetricSet};
use crate::metrics::Family;
use serde::Serialize;
use std::sync::Arc;

/// A plan laid open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Columns read, in order of first use, of how many the data has.
    pub columns_read: Vec<String>,
    /// Columns of the data.
    pub columns_total: usize,
    /// Predicates, each judged once per batch.
    pub predicates: Vec<ExplainedPredicate>,
    /// Keys that are read from elsewhere, and rows looked up in them.
    pub joins: Vec<ExplainedJoin>,
    /// Metrics by id.
    pub metrics: Vec<String>,
    /// Rules and the metrics each reads.
    pub rules: Vec<ExplainedRule>,
}

/// A predicate in a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedPredicate {
    /// In normal form.
    pub predicate: String,
    /// The columns it reads.
    pub columns: Vec<String>,
    /// Ids of the metrics over the rows it selects.
    pub metrics: Vec<usize>,
}

/// A join in a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedJoin {
    /// Columns of the data.
    pub columns: Vec<String>,
    /// What they are looked up in.
    pub lookup: String,
    /// Ids of the metrics it feeds.
    pub metrics: Vec<usize>,
}

/// A rule or analyzer in a plan.
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
    /// Describes `metrics`, in how many parts of the data each is answered by the files' metadata, and the
    /// rules that read them. `predicate` gives the columns of a filter.
    pub fn new(
        metrics: &MetricSet,
        proved: &[(usize, usize)],
        columns_read: Vec<String>,
        columns_total: usize,
        predicate: impl Fn(&Arc<str>) -> Option<Vec<String>>,
        rules: impl IntoIterator<Item = (String, Vec<MetricId>, Option<String>)>,
    ) -> Self {
        let mut predicates: Vec<ExplainedPredicate> = Vec::new();
        let mut joins: Vec<ExplainedJoin> = Vec::new();
        for (id, metric) in metrics.as_slice().iter().enumerate() {
            if let Some(filter) = &metric.filter {
                match predicates.iter_mut().find(|known| *known.predicate == **filter) {
                    Some(known) => known.metrics.push(id),
                    None => {
                        let mut columns = predicate(filter).unwrap_or_default();
                        columns.sort_unstable();
                        columns.dedup();
                        predicates.push(ExplainedPredicate {
                            predicate: filter.to_string(),
                            columns,
                            metrics: vec![id],
                        });
                    }
                }
            }
            if let Family::Lookup(lookup) = &metric.family {
                let columns = metric.columns.iter().map(ToString::to_string).collect();
                joins.push(ExplainedJoin { columns, lookup: lookup.to_string(), metrics: vec![id] });
            }
        }
        Self {
            columns_read,
            columns_total,
            predicates,
            joins,
            metrics: metrics
                .as_slice()
                .iter()
                .zip(proved)
                .map(|(metric, (proofs, parts))| match (*proofs, *parts) {
                    (0, _) => metric.to_string(),
                    (proofs, parts) if proofs == parts => format!("{metric} <- file metadata"),
                    (proofs, parts) => format!("{metric} <- file metadata in {proofs} of {parts} parts"),
                })
                .collect(),
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
