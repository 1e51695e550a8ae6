//! A metric at work: its kernel, made for the types of its columns, and its state.

use super::correlation::CoMoments;
use super::counts::Count;
use super::extent::Extent;
use super::frequencies::{Frequencies, Occurrences};
use super::lengths::Lengths;
use super::moments::Moments;
use super::quantiles::Quantiles;
use super::test::{CompiledTest, TestError};
use super::{Family, Metric, NoValue, Reading, Statistic};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What has been seen so far, one variant per kind of state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum State {
    /// [`Family::Rows`], [`Family::NonNull`], [`Family::Passing`]
    Count(Count),
    /// [`Family::Extent`]
    Extent(Extent),
    /// [`Family::Lengths`]
    Lengths(Lengths),
    /// [`Family::Moments`]
    Moments(Moments),
    /// [`Family::CoMoments`]
    CoMoments(CoMoments),
    /// [`Family::Frequencies`]
    Frequencies(Frequencies),
    /// [`Family::Quantiles`]
    Quantiles(Quantiles),
}

/// Two states that are not of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("states of different metrics cannot be merged")]
pub struct StateMismatch;

impl State {
    /// The state of a metric before any row.
    pub fn new(family: &Family, types: &[DataType]) -> Self {
        match family {
            Family::Rows | Family::NonNull | Family::Passing(_) => State::Count(Count::default()),
            Family::Extent => State::Extent(Extent::default()),
            Family::Lengths => State::Lengths(Lengths::default()),
            Family::Moments => State::Moments(Moments::default()),
            Family::CoMoments => State::CoMoments(CoMoments::default()),
            Family::Frequencies => State::Frequencies(Frequencies::new(types)),
            Family::Quantiles => State::Quantiles(Quantiles::default()),
        }
    }

    /// Joins the state of a later partition.
    pub fn merge(&mut self, later: State) -> Result<(), StateMismatch> {
        match (self, later) {
            (State::Count(own), State::Count(later)) => own.merge(&later),
            (State::Extent(own), State::Extent(later)) => own.merge(&later),
            (State::Lengths(own), State::Lengths(later)) => own.merge(&later),
            (State::Moments(own), State::Moments(later)) => own.merge(&later),
            (State::CoMoments(own), State::CoMoments(later)) => own.merge(&later),
            (State::Frequencies(own), State::Frequencies(later)) => own.merge(later),
            (State::Quantiles(own), State::Quantiles(later)) => own.merge(&later),
            _ => return Err(StateMismatch),
        }
        Ok(())
    }

    /// Ends the folding, on up to `threads` threads.
    pub fn finish(self, threads: usize) -> Finished {
        match self {
            State::Count(state) => Finished::Count(state),
            State::Extent(state) => Finished::Extent(state),
            State::Lengths(state) => Finished::Lengths(state),
            State::Moments(state) => Finished::Moments(state),
            State::CoMoments(state) => Finished::CoMoments(state),
            State::Frequencies(state) => Finished::Occurrences(state.occurrences(threads)),
            State::Quantiles(state) => Finished::Quantiles(state),
        }
    }
}

/// A state that has seen everything and answers.
#[derive(Debug, Clone)]
pub enum Finished {
    /// Rows.
    Count(Count),
    /// Smallest and largest.
    Extent(Extent),
    /// Shortest and longest.
    Lengths(Lengths),
    /// Moments.
    Moments(Moments),
    /// Co-moments.
    CoMoments(CoMoments),
    /// How many values occur how often.
    Occurrences(Occurrences),
    /// All values.
    Quantiles(Quantiles),
    /// A test gave up on a value.
    Undecided,
}

impl Finished {
    /// One number of the metric.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        match self {
            Finished::Count(state) => state.statistic(statistic),
            Finished::Extent(state) => state.statistic(statistic),
            Finished::Lengths(state) => state.statistic(statistic),
            Finished::Moments(state) => state.statistic(statistic),
            Finished::CoMoments(state) => state.statistic(statistic),
            Finished::Occurrences(state) => state.statistic(statistic),
            Finished::Quantiles(state) => state.statistic(statistic),
            Finished::Undecided => Err(NoValue::Undecided),
        }
    }

    /// The count of a counting metric.
    pub fn count(&self) -> Result<u64, NoValue> {
        match self {
            Finished::Count(Count(rows)) => Ok(*rows),
            Finished::Undecided => Err(NoValue::Undecided),
            _ => Err(NoValue::NotInFamily),
        }
    }
}

/// Everything about a metric that does not change while it folds: shared by all workers.
#[derive(Debug, Clone)]
pub struct Kernel {
    family: Family,
    types: Vec<DataType>,
    test: Option<Arc<CompiledTest>>,
}

impl Kernel {
    /// Prepares a metric for columns of these types, in the metric's order.
    pub fn new(metric: &Metric, types: Vec<DataType>) -> Result<Self, TestError> {
        let test = match (&metric.family, types.first()) {
            (Family::Passing(test), Some(data_type)) => Some(Arc::new(CompiledTest::new(test, data_type)?)),
            _ => None,
        };
        Ok(Self { family: metric.family.clone(), types, test })
    }

    /// Whether the metric can fold distinct values with their counts instead of rows.
    pub fn takes_weights(&self) -> bool {
        self.types.len() == 1
            && matches!(self.family, Family::NonNull | Family::Passing(_) | Family::Lengths | Family::Frequencies)
    }

    /// Whether some value could not be decided, so that the metric has no number.
    pub fn gave_up(&self) -> bool {
        self.test.as_ref().is_some_and(|test| test.gave_up())
    }

    /// Starts folding.
    pub fn accumulator(&self) -> Accumulator {
        Accumulator { kernel: self.clone(), state: State::new(&self.family, &self.types) }
    }
}

/// A kernel and the state it folds into.
#[derive(Debug)]
pub struct Accumulator {
    kernel: Kernel,
    state: State,
}

impl Accumulator {
    /// Folds `rows` rows of the metric's columns, in the metric's order.
    pub fn update(&mut self, columns: &[ArrayRef], rows: usize) {
        match (&mut self.state, &self.kernel.family, columns) {
            (State::Count(Count(count)), Family::Rows, _) => *count += rows as u64,
            (State::Count(Count(count)), Family::NonNull, [column]) => {
                *count += (column.len() - column.logical_null_count()) as u64
            }
            (State::Count(Count(count)), _, [column]) => {
                *count += self.kernel.test.as_ref().map_or(0, |test| test.count(column))
            }
            (State::Extent(state), _, [column]) => state.update(column),
            (State::Lengths(state), _, [column]) => state.update(column),
            (State::Moments(state), _, [column]) => state.update(column),
            (State::CoMoments(state), _, [x, y]) => state.update(x, y),
            (State::Frequencies(state), _, columns) => state.update(columns),
            (State::Quantiles(state), _, [column]) => state.update(column),
            _ => {}
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs. Only for metrics
    /// whose kernel [`Kernel::takes_weights`].
    pub fn weigh(&mut self, values: &ArrayRef, weights: &[u64], nulls: u64) {
        match (&mut self.state, &self.kernel.family) {
            (State::Count(Count(count)), Family::NonNull) => *count += weights.iter().sum::<u64>(),
            (State::Count(Count(count)), _) => {
                *count += self.kernel.test.as_ref().map_or(0, |test| test.weigh(values, weights, nulls))
            }
            (State::Lengths(state), _) => state.weigh(values, weights, nulls),
            (State::Frequencies(state), _) => state.weigh(values, weights, nulls),
            _ => {}
        }
    }

    /// The state.
    pub fn into_state(self) -> State {
        self.state
    }
}
