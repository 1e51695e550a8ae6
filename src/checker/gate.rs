//! A gate in a stream of batches: good rows pass on, bad rows go aside, the verdict comes before the commit.

use super::Checker;
use crate::check::Run;
use crate::error::{Error, escape_controls};
use crate::verdict::Verdict;
use arrow_array::RecordBatch;
use arrow_select::filter::filter_record_batch;

/// An iterator of batches with the good rows of another one.
///
/// A row is good when it fails no rule that judges rows; what a rule does not judge, such as a row that its filter
/// leaves out, it does not hold back. Batches without a good row are left out, batches without a bad one pass as they
/// are, without a copy. Bad rows go to a sink as soon as they are seen, in their order.
///
/// Whether the data as a whole is good is known once all of it came by: write to a place that is not final, then ask
/// [`Gate::commit`] before making it so.
///
/// ```
/// # use arrow_array::{Int64Array, RecordBatch};
/// # use dq::check::{CheckOptions, Ruleset};
/// # use dq::checker::{Checker, Gate};
/// # use dq::error::Error;
/// # use dq::rules::BindOptions;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = r#"Rules = [ ColumnValues "age" < 130 with threshold > 0.6 ]"#;
/// let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
/// let ages = std::sync::Arc::new(Int64Array::from(vec![31, 131, 5]));
/// let batch = RecordBatch::try_from_iter([("age", ages as _)])?;
/// let checker = Checker::new(&ruleset, &batch.schema(), &CheckOptions::default())?;
///
/// let mut bad = Vec::new();
/// let sink = |rows: RecordBatch| -> Result<(), Error> { Ok(bad.push(rows)) };
/// let mut gate = Gate::new(checker, [Ok(batch)].into_iter(), sink);
/// let good: Vec<RecordBatch> = gate.by_ref().collect::<Result<_, Error>>()?;
/// let run = gate.commit()?;
/// assert_eq!((good[0].num_rows(), bad[0].num_rows(), run.rows), (2, 1, 3));
/// # Ok(())
/// # }
/// ```
///
/// With the feature `stream`, a gate of an async stream of batches and an async sink is a `Stream` itself.
#[derive(Debug)]
pub struct Gate<I, S> {
    pub(crate) checker: Checker,
    pub(crate) batches: I,
    pub(crate) sink: S,
    pub(crate) counts: GateCounts,
    pub(crate) state: State,
    #[cfg(feature = "stream")]
    pub(super) held: super::stream::Held,
}

/// Rows that came to a gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// Rows that passed on.
    pub good: u64,
    /// Rows that went to the sink.
    pub bad: u64,
}

/// How far a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// All batches came by.
    Complete,
    /// Something went wrong: rows are missing.
    Broken,
}

/// The rows of a batch, sorted; `None` where there are none.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) good: Option<RecordBatch>,
    pub(super) bad: Option<RecordBatch>,
}

/// Data that must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Rules fail, cannot be evaluated, or did not see all rows.
    #[error("{}", summary(run))]
    Rules {
        /// What was found.
        run: Box<Run>,
    },
    /// The rules could not be judged at all.
    #[error(transparent)]
    Trouble(#[from] Error),
}

impl<I, S> Gate<I, S> {
    /// Puts a checker between batches and whoever asks for them; bad rows go to `sink`.
    pub fn new(checker: Checker, batches: I, sink: S) -> Self {
        Self {
            checker,
            batches,
            sink,
            counts: GateCounts::default(),
            state: State::Open,
            #[cfg(feature = "stream")]
            held: super::stream::Held::default(),
        }
    }

    /// Rules by which rows are not held back: see [`Checker::unjudged_rows`].
    pub fn unjudged_rows(&self) -> &[String] {
        self.checker.unjudged_rows()
    }

    /// Checks one batch and sorts its rows.
    pub(super) fn sorted(&mut self, batch: RecordBatch) -> Result<Sorted, Error> {
        let mask = self.checker.push_rows(&batch)?;
        let rows_of = |mask| filter_record_batch(&batch, &mask).map_err(|error| Error::Internal(error.to_string()));
        let (good, bad) = (mask.good_rows(), mask.bad_rows());
        let aside = match (good, bad) {
            (_, 0) => None,
            (0, _) => Some(batch.clone()),
            _ => Some(rows_of(mask.bad())?),
        };
        let passing = match (good, bad) {
            (0, _) => None,
            (_, 0) => Some(batch),
            _ => Some(rows_of(mask.good())?),
        };
        Ok(Sorted { good: passing, bad: aside })
    }

    /// Rows so far.
    pub fn counts(&self) -> GateCounts {
        self.counts
    }

    /// The verdicts. If batches are left, or something went wrong, the run is incomplete and every rule is ERROR.
    pub fn finish(self) -> Result<Run, Error> {
        match self.state {
            State::Complete => self.checker.finish(),
            State::Open | State::Broken => self.checker.interrupt(),
        }
    }

    /// The verdicts, if every rule that was not deselected passes and every analyzer has its values; the reason to stop
    /// otherwise. Severities are not looked at. A document without rules has nothing against any data.
    pub fn commit(self) -> Result<Run, Refused> {
        let run = self.finish()?;
        match run.verdict() {
            Verdict::Pass | Verdict::Skip => Ok(run),
            Verdict::Fail | Verdict::Error => Err(Refused::Rules { run: Box::new(run) }),
        }
    }
}

impl<I, S, E> Gate<I, S>
where
    S: FnMut(RecordBatch) -> Result<(), E>,
    E: From<Error>,
{
    /// Checks one batch, sends its bad rows to the sink and gives the good ones, if there are any. This is all that
    /// an adapter of another kind of stream needs; it says [`Gate::complete`] when the last one was sorted.
    pub fn sort(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, E> {
        // Not open again after an error, nor after a panic of the sink: both lose rows.
        let before = std::mem::replace(&mut self.state, State::Broken);
        let passing = self.passing(batch)?;
        self.state = before;
        Ok(passing)
    }

    fn passing(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, E> {
        let Sorted { good, bad } = self.sorted(batch)?;
        if let Some(bad) = bad {
            let rows = bad.num_rows() as u64;
            (self.sink)(bad)?;
            self.counts.bad += rows;
        }
        self.counts.good += good.as_ref().map_or(0, |good| good.num_rows() as u64);
        Ok(good)
    }

    /// Says that all batches were sorted. An iterator says so itself.
    pub fn complete(&mut self) {
        if self.state == State::Open {
            self.state = State::Complete;
        }
    }
}

impl<I, S, E> Iterator for Gate<I, S>
where
    I: Iterator<Item = Result<RecordBatch, E>>,
    S: FnMut(RecordBatch) -> Result<(), E>,
    E: From<Error>,
{
    type Item = Result<RecordBatch, E>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state == State::Open {
            self.state = State::Broken;
            match self.batches.next() {
                None => self.state = State::Complete,
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(batch)) => {
                    self.state = State::Open;
                    if let Some(good) = self.sort(batch).transpose() {
                        return Some(good);
                    }
                }
            }
        }
        None
    }
}

/// One sentence for logs; reports say more.
fn summary(run: &Run) -> String {
    if run.incomplete {
        return "not all rows were checked".into();
    }
    let unmeasured = || run.analyzers.iter().filter(|analyzer| analyzer.message.is_some());
    let (failed, errors) = (run.count(Verdict::Fail), run.count(Verdict::Error) + unmeasured().count());
    let unmet = run.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Fail | Verdict::Error));
    let first = unmet.map(|outcome| &outcome.rule).chain(unmeasured().map(|analyzer| &analyzer.analyzer)).next();
    let first = first.map_or(String::new(), |text| format!(", first: {}", escape_controls(text)));
    format!("{failed} rules fail and {errors} could not be evaluated{first}")
}
