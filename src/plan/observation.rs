//! What a rule looks at, in a closed vocabulary that one judge understands.

use super::{Measure, MetricId, MetricSet};
use crate::metrics::rows::RowTest;
use std::sync::Arc;

/// All that is needed to judge a rule once its metrics are finished.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observation {
    /// All must hold.
    pub clauses: Vec<Clause>,
    /// The metrics shown with the result, under their public names.
    pub reported: Vec<Reported>,
    /// Rows the rule judges. When there are none, nothing was judged. `None` for rules that
    /// have an answer for an empty dataset.
    pub judged_rows: Option<MetricId>,
    /// What a failure says; without lines, the value of each clause that does not hold.
    pub message: Vec<MessageLine>,
    /// Columns the rule reads, as the data spells them.
    pub columns: Vec<String>,
    /// Normal form of the predicate that chooses the rows; `None` for all rows.
    pub filter: Option<Arc<str>>,
}

impl Observation {
    /// The metrics it reads, in order, without duplicates.
    pub fn metrics(&self) -> Vec<MetricId> {
        let lines = self.message.iter().filter_map(|line| match line {
            MessageLine::Value(measure)
            | MessageLine::Share(measure)
            | MessageLine::RowsPassed(measure)
            | MessageLine::Named { measure, .. } => Some(measure),
            MessageLine::Nulls { .. } | MessageLine::Text(_) | MessageLine::Example { .. } => None,
        });
        let measures = self
            .clauses
            .iter()
            .map(|clause| &clause.measure)
            .chain(self.reported.iter().map(|reported| &reported.measure))
            .chain(lines);
        let mut ids: Vec<_> = measures.flat_map(Measure::metrics).chain(self.judged_rows).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Observation {
    /// The metrics that judge single rows: a row is good when it satisfies all of them. `None` when some clause is
    /// about the dataset as a whole.
    pub fn row_metrics(&self, metrics: &MetricSet) -> Option<Vec<MetricId>> {
        use crate::metrics::Statistic::{DuplicateRows, UniqueValueRatio, Uniqueness};
        let of_clause = |clause: &Clause| match &clause.measure {
            Measure::Share { part, .. } => Some(*part),
            Measure::Statistic(id, Uniqueness | UniqueValueRatio | DuplicateRows) => Some(*id),
            _ => None,
        };
        let ids: Vec<MetricId> = self.clauses.iter().map(of_clause).collect::<Option<_>>()?;
        let judges = |id: &MetricId| metrics.as_slice().get(id.0).is_some_and(|own| RowTest::exists(&own.family));
        (!ids.is_empty() && ids.iter().all(judges)).then_some(ids)
    }
}

/// A measure and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// The number.
    pub measure: Measure,
    /// What it must satisfy.
    pub expectation: Expectation,
}

/// What a number must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// The rule's own condition.
    Condition,
    /// The rule's threshold; without one, all: the share must be exactly 1.
    Threshold,
    /// Exactly 1, whatever the rule says.
    All,
    /// What past runs let expect.
    AsBefore,
}

/// A metric with its public name.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// `Column.age.Completeness`
    pub name: String,
    /// Its number.
    pub measure: Measure,
}

/// One line of a failure message.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageLine {
    /// `Value: 5.0 does not meet the constraint requirement!`
    Value(Measure),
    /// `Value: NULL ...`, if any judged row is NULL.
    Nulls {
        /// Rows with a value.
        present: MetricId,
        /// All judged rows.
        rows: MetricId,
    },
    /// `Value: 0.75 does not meet the constraint requirement!`, for a share compared with a threshold.
    Share(Measure),
    /// `80.00 % of rows passed the threshold`
    RowsPassed(Measure),
    /// The first row or file of a metric that does not satisfy.
    Example {
        /// The metric.
        metric: MetricId,
        /// What the example is about; stands before it.
        subject: String,
    },
    /// `name = 5`, whatever the verdict hangs on.
    Named {
        /// What the number is.
        name: String,
        /// The number.
        measure: Measure,
    },
    /// Fixed words.
    Text(String),
}
