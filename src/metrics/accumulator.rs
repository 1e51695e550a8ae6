//! A metric at work: its kernel, made for the types of its columns, and its state.

use super::correlation::CoMoments;
use super::counts::Count;
use super::custom::CustomState;
use super::distribution::{Distribution, Spread};
use super::extent::Extent;
use super::files::FileFacts;
use super::frequencies::{Frequencies, KeyRange, Occurrences, is_narrow};
use super::lengths::Lengths;
use super::lookup::{Found, KeyTable};
use super::moments::Moments;
use super::quantiles::Quantiles;
use super::test::{CompiledTest, TestError};
use super::{Family, MemoryBudget, Metric, NoValue, Reading, Statistic};
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

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
    /// [`Family::Frequencies`], [`Family::Distinct`]
    Frequencies(Box<Frequencies>),
    /// [`Family::Quantiles`]
    Quantiles(Quantiles),
    /// [`Family::Distribution`]
    Spread(Spread),
    /// [`Family::Lookup`]
    Found(Box<Found>),
    /// [`Family::Custom`]: writes its own bytes.
    #[serde(skip)]
    Custom(CustomState),
}

/// Two states that are not of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("states of different metrics cannot be merged")]
pub struct StateMismatch;

impl State {
    /// Joins the state of a later partition.
    pub fn merge(&mut self, later: State) -> Result<(), StateMismatch> {
        match (self, later) {
            (State::Count(own), State::Count(later)) => own.merge(&later),
            (State::Extent(own), State::Extent(later)) => own.merge(&later),
            (State::Lengths(own), State::Lengths(later)) => own.merge(&later),
            (State::Moments(own), State::Moments(later)) => own.merge(&later),
            (State::CoMoments(own), State::CoMoments(later)) => own.merge(&later),
            (State::Frequencies(own), State::Frequencies(later)) => own.merge(*later),
            (State::Quantiles(own), State::Quantiles(later)) => own.merge(&later),
            (State::Spread(own), State::Spread(later)) => own.merge(later),
            (State::Found(own), State::Found(later)) => own.merge(*later),
            (State::Custom(own), State::Custom(later)) if own.metric() == later.metric() => own.merge(later),
            _ => return Err(StateMismatch),
        }
        Ok(())
    }

    /// Brings a state into the form in which it is kept: the same bytes for the same contents, in whatever order
    /// workers came. It is merged from then on; no number changes, not even its last bit.
    pub fn seal(&mut self) {
        match self {
            State::Moments(state) => state.seal(),
            State::CoMoments(state) => state.seal(),
            State::Quantiles(state) => state.seal(),
            State::Spread(state) => state.seal(),
            State::Count(_)
            | State::Extent(_)
            | State::Lengths(_)
            | State::Frequencies(_)
            | State::Found(_)
            | State::Custom(_) => {}
        }
    }

    /// Whether the bits of the result depend on the order in which states are merged.
    pub fn is_ordered(&self) -> bool {
        match self {
            State::Moments(_) | State::CoMoments(_) | State::Found(_) => true,
            State::Custom(state) => state.metric().is_ordered(),
            _ => false,
        }
    }

    /// Why there will be no number, if that is certain.
    pub fn failure(&self) -> Option<&Arc<Unevaluated>> {
        if let State::Custom(state) = self { state.failure() } else { None }
    }

    /// At least so many rows were seen.
    pub fn least_rows(&self) -> u64 {
        match self {
            State::Count(state) => state.0,
            State::Extent(state) => state.nan,
            State::Lengths(_) | State::CoMoments(_) | State::Custom(_) => 0,
            State::Moments(state) => state.values(),
            State::Frequencies(state) => state.all_rows(),
            State::Quantiles(state) => state.count(),
            State::Spread(state) => state.rows(),
            State::Found(state) => state.rows(),
        }
    }

    /// Whether a metric of the family has states of this kind.
    pub fn is_of(&self, family: &Family) -> bool {
        match self {
            State::Count(_) => matches!(family, Family::Rows | Family::NonNull | Family::Passing(_)),
            State::Extent(_) => matches!(family, Family::Extent),
            State::Lengths(_) => matches!(family, Family::Lengths),
            State::Moments(_) => matches!(family, Family::Moments),
            State::CoMoments(_) => matches!(family, Family::CoMoments),
            State::Frequencies(_) => matches!(family, Family::Frequencies | Family::Distinct),
            State::Quantiles(_) => matches!(family, Family::Quantiles),
            State::Spread(_) => matches!(family, Family::Distribution { .. }),
            State::Found(_) => matches!(family, Family::Lookup(_)),
            State::Custom(state) => matches!(family, Family::Custom(metric) if metric == state.metric()),
        }
    }

    /// Ends the folding of a metric of this family, on up to `threads` threads.
    pub fn finish(self, family: &Family, threads: usize) -> Finished {
        match self {
            State::Count(state) => Finished::Count(state),
            State::Extent(state) => Finished::Extent(state),
            State::Lengths(state) => Finished::Lengths(state),
            State::Moments(state) => Finished::Moments(state),
            State::CoMoments(state) => Finished::CoMoments(state),
            State::Frequencies(state) => state
                .occurrences(threads)
                .map_or_else(|reason| Finished::Failed(Arc::new(reason)), Finished::Occurrences),
            State::Quantiles(state) => Finished::Quantiles(state),
            State::Spread(state) => {
                let bins = if let Family::Distribution { bins } = family { *bins } else { 1 };
                state.finish(bins).map_or_else(|reason| Finished::Failed(Arc::new(reason)), Finished::Distribution)
            }
            State::Found(state) => Finished::Found(state),
            State::Custom(state) => state.finish().map_or_else(Finished::Failed, Finished::Custom),
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
    /// A histogram or the commonest values.
    Distribution(Distribution),
    /// Rows that were found elsewhere.
    Found(Box<Found>),
    /// What a query gave.
    Number(Number),
    /// Files.
    Files(FileFacts),
    /// What a metric of another crate gave; nothing where there was nothing to measure.
    Custom(Option<Number>),
    /// A test gave up on a value.
    Undecided,
    /// Measuring failed.
    Failed(Arc<Unevaluated>),
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
            Finished::Distribution(state) => state.statistic(statistic),
            Finished::Found(state) => state.statistic(statistic),
            Finished::Number(number) if statistic == Statistic::QueryResult => Ok(*number),
            Finished::Number(_) => Err(NoValue::NotInFamily),
            Finished::Files(facts) => facts.statistic(statistic),
            Finished::Custom(number) if statistic == Statistic::Value => number.ok_or(NoValue::NoData),
            Finished::Custom(_) => Err(NoValue::NotInFamily),
            Finished::Undecided => Err(NoValue::Undecided),
            Finished::Failed(_) => Err(NoValue::Failed),
        }
    }

    /// The count of a counting metric.
    pub fn count(&self) -> Result<u64, NoValue> {
        match self {
            Finished::Count(Count(rows)) => Ok(*rows),
            Finished::Found(found) => Ok(found.found),
            Finished::Files(facts) => Ok(facts.files),
            Finished::Undecided => Err(NoValue::Undecided),
            Finished::Failed(_) => Err(NoValue::Failed),
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
    table: Option<Arc<KeyTable>>,
    budget: Arc<MemoryBudget>,
    range: Option<KeyRange>,
    /// Why the test failed, on whichever worker did so first.
    failed: Arc<OnceLock<Arc<Unevaluated>>>,
}

impl Kernel {
    /// Prepares a metric for columns of these types, in the metric's order.
    pub fn new(metric: &Metric, types: Vec<DataType>) -> Result<Self, TestError> {
        let test = match (&metric.family, types.first()) {
            (Family::Passing(test), Some(data_type)) => Some(Arc::new(CompiledTest::new(test, data_type)?)),
            _ => None,
        };
        Ok(Self {
            family: metric.family.clone(),
            types,
            test,
            table: None,
            budget: Arc::default(),
            range: None,
            failed: Arc::default(),
        })
    }

    /// Gives a lookup the keys it looks in.
    pub fn with_table(self, table: Arc<KeyTable>) -> Self {
        Self { table: Some(table), ..self }
    }

    /// Lets states that grow with the data hold no more than a budget in memory.
    pub fn within(self, budget: Arc<MemoryBudget>) -> Self {
        Self { budget, ..self }
    }

    /// Tells [`Family::Distinct`] between which keys the values of its column lie, all or most of them.
    pub fn with_range(self, range: KeyRange) -> Self {
        Self { range: Some(range), ..self }
    }

    /// The types of the metric's columns.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The test of [`Family::Passing`].
    pub(super) fn test(&self) -> Option<&CompiledTest> {
        self.test.as_deref()
    }

    /// Whether the bits of the result depend on the order in which parts are merged, as sums of doubles
    /// do and the first row of a kind.
    pub fn is_ordered(&self) -> bool {
        match &self.family {
            Family::Moments | Family::CoMoments | Family::Lookup(_) => true,
            Family::Custom(metric) => metric.is_ordered(),
            _ => false,
        }
    }

    /// Whether code of another crate measures: only the data can tell what it says.
    pub fn is_custom(&self) -> bool {
        match &self.family {
            Family::Custom(_) => true,
            Family::Passing(test) => test.is_custom(),
            _ => false,
        }
    }

    /// Whether states are a few numbers, whatever they have seen, and merge in any order: making many of them
    /// costs next to nothing.
    pub fn is_small(&self) -> bool {
        matches!(self.family, Family::Rows | Family::NonNull | Family::Passing(_) | Family::Extent | Family::Lengths)
    }

    /// The family.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Whether the metric can fold distinct values with their counts instead of rows.
    pub fn takes_weights(&self) -> bool {
        if self.types.len() != 1 {
            return false;
        }
        match &self.family {
            Family::NonNull
            | Family::Passing(_)
            | Family::Lengths
            | Family::Frequencies
            | Family::Distinct
            | Family::Distribution { .. } => true,
            Family::Lookup(lookup) => !lookup.unique_keys && !lookup.null_is_value,
            _ => false,
        }
    }

    /// Whether some value could not be decided, so that the metric has no number.
    pub fn gave_up(&self) -> bool {
        self.test.as_ref().is_some_and(|test| test.gave_up())
    }

    /// Why some row could not be judged, so that the metric has no number.
    pub fn failure(&self) -> Option<&Arc<Unevaluated>> {
        self.failed.get()
    }

    /// Says that some row could not be judged; the first reason stays.
    pub fn fail(&self, reason: Arc<Unevaluated>) {
        // Others had a reason before.
        let _ = self.failed.set(reason);
    }

    /// How many rows pass the test, as it answers; none once it failed.
    fn passing(&self, ask: impl FnOnce(&CompiledTest) -> Result<u64, Arc<Unevaluated>>) -> u64 {
        let Some(test) = self.test.as_ref().filter(|_| self.failed.get().is_none()) else { return 0 };
        ask(test).unwrap_or_else(|reason| {
            self.fail(reason);
            0
        })
    }

    /// Starts folding.
    pub fn accumulator(&self) -> Accumulator {
        Accumulator { kernel: self.clone(), state: self.fresh() }
    }

    /// The state before any row.
    fn fresh(&self) -> State {
        match &self.family {
            Family::Rows | Family::NonNull | Family::Passing(_) | Family::Query(_) | Family::Files(_) => {
                State::Count(Count::default())
            }
            Family::Extent => State::Extent(Extent::default()),
            Family::Lengths => State::Lengths(Lengths::default()),
            Family::Moments => State::Moments(Moments::default()),
            Family::CoMoments => State::CoMoments(CoMoments::default()),
            Family::Frequencies => State::Frequencies(Box::new(Frequencies::new(&self.types, self.budget.clone()))),
            Family::Distinct => State::Frequencies(Box::new(match self.range {
                Some(range) => Frequencies::dense(range, self.budget.clone()),
                None if matches!(self.types.as_slice(), [one] if is_narrow(one)) => {
                    Frequencies::undecided(is_whole(&self.types), self.budget.clone())
                }
                None => Frequencies::new(&self.types, self.budget.clone()),
            })),
            Family::Quantiles => State::Quantiles(Quantiles::default()),
            Family::Distribution { .. } => State::Spread(Spread::new(self.types.first())),
            Family::Lookup(lookup) => State::Found(Box::new(Found::new(lookup, self.budget.clone()))),
            Family::Custom(metric) => State::Custom(CustomState::new(metric)),
        }
    }
}

/// One column of whole numbers of at most 64 bits.
fn is_whole(types: &[DataType]) -> bool {
    matches!(types, [one] if one.is_integer() || matches!(one, DataType::Date32))
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
            (State::Count(Count(count)), _, columns) => {
                *count += self.kernel.passing(|test| Ok(test.judge(columns)?.count_set_bits() as u64))
            }
            (State::Extent(state), _, [column]) => state.update(column),
            (State::Lengths(state), _, [column]) => state.update(column),
            (State::Moments(state), _, [column]) => state.update(column),
            (State::CoMoments(state), _, [x, y]) => state.update(x, y),
            (State::Frequencies(state), _, columns) => state.update(columns),
            (State::Quantiles(state), _, [column]) => state.update(column),
            (State::Spread(state), _, [column]) => state.update(column),
            (State::Found(state), Family::Lookup(lookup), columns) => {
                if let Some(table) = &self.kernel.table {
                    state.update(lookup, table, columns);
                }
            }
            (State::Custom(state), _, columns) => state.update(columns),
            _ => {}
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs. Only for metrics
    /// whose kernel [`Kernel::takes_weights`].
    pub fn weigh(&mut self, values: &ArrayRef, weights: &[u64], nulls: u64) {
        match (&mut self.state, &self.kernel.family) {
            (State::Count(Count(count)), Family::NonNull) => *count += weights.iter().sum::<u64>(),
            (State::Count(Count(count)), _) => *count += self.kernel.passing(|test| test.weigh(values, weights, nulls)),
            (State::Lengths(state), _) => state.weigh(values, weights, nulls),
            (State::Frequencies(state), _) => state.weigh(values, weights, nulls),
            (State::Spread(state), _) => {
                state.weigh(values, |row| weights.get(row).copied().unwrap_or(0), values.len());
                state.add_nulls(nulls);
            }
            (State::Found(state), _) => {
                if let Some(table) = &self.kernel.table {
                    state.weigh(table, values, weights, nulls);
                }
            }
            _ => {}
        }
    }

    /// Rows so far that satisfy, of metrics that judge rows one by one.
    pub fn satisfying(&self) -> Option<u64> {
        match (&self.state, &self.kernel.family) {
            (State::Count(Count(rows)), Family::NonNull | Family::Passing(_)) => Some(*rows),
            (State::Found(state), _) => Some(state.found),
            _ => None,
        }
    }

    /// Joins a state of the same metric.
    pub fn merge(&mut self, later: State) -> Result<(), StateMismatch> {
        self.state.merge(later)
    }

    /// Takes the state away and starts anew.
    pub fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, self.kernel.fresh())
    }

    /// The state.
    pub fn into_state(self) -> State {
        self.state
    }
}
