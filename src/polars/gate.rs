//! A gate in a lazy frame: good rows pass on, bad rows go aside, the verdict comes before the commit.

use super::frame::batches;
use super::query::{Frames, Query};
use super::row_mask;
use crate::check::{CheckOptions, Ruleset, Run};
use crate::checker::{self, Checker, GateCounts, Refused, State};
use crate::error::Error;
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::SchemaRef;
use polars::prelude::{BooleanChunked, DataFrame, LazyFrame};

/// An iterator of frames with the good rows of a lazy frame, in their order, while its query runs once.
///
/// A row is good when it fails no rule that judges rows; what a rule does not judge, such as a row that its filter
/// leaves out, it does not hold back. Rules about uniqueness hold no row back: a later row may repeat a key. Their
/// verdicts are exact, and [`Gate::unjudged_rows`] names them; [`split`](super::split) judges rows by them, too, with
/// all rows in memory. Frames have at most 65,536 rows; those without a good row are left out, those without a bad one
/// pass as they are.
///
/// Bad rows go to a sink as soon as they are seen. Whether the data as a whole is good is known once all of it
/// came by: write to a place that is not final, then ask [`Gate::commit`] before making it so.
///
/// ```
/// # use dq::check::{CheckOptions, Ruleset};
/// # use dq::error::Error;
/// # use dq::polars::Gate;
/// # use dq::rules::BindOptions;
/// use dq::polars::polars::prelude::{DataFrame, IntoLazy, df};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = r#"Rules = [ ColumnValues "age" < 130 with threshold > 0.6 ]"#;
/// let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
/// let query = df!("age" => [31, 131, 5])?.lazy();
///
/// let mut bad = Vec::new();
/// let sink = |rows: DataFrame| -> Result<(), Error> { Ok(bad.push(rows)) };
/// let mut gate = Gate::new(query, &ruleset, &CheckOptions::default(), sink)?;
/// let good: Vec<DataFrame> = gate.by_ref().collect::<Result<_, Error>>()?;
/// let run = gate.commit()?;
/// assert_eq!((good[0].height(), bad[0].height(), run.rows), (2, 1, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gate<S> {
    gate: checker::Gate<Frames, S>,
    /// The columns as batches have them.
    schema: SchemaRef,
    batch_rows: usize,
}

impl<S> Gate<S> {
    /// Puts a check between a query and whoever asks for its rows; bad rows go to `bad`. The query is started, and
    /// held up until frames are asked for.
    ///
    /// Refused is what [`Checker::new`] refuses, and columns without a type in Arrow; a query that cannot be resolved
    /// is [`Error::Rows`].
    pub fn new(frame: LazyFrame, ruleset: &Ruleset, options: &CheckOptions, bad: S) -> Result<Self, Error> {
        let query = Query::new(frame)?;
        let schema = query.columns().clone();
        let checker = Checker::new(ruleset, &schema, options)?;
        Ok(Self { gate: checker::Gate::new(checker, query.run()?, bad), schema, batch_rows: options.batch_rows })
    }

    /// Rules by which rows are not held back, in canonical text: those about uniqueness, and those that cannot be
    /// evaluated.
    pub fn unjudged_rows(&self) -> &[String] {
        self.gate.unjudged_rows()
    }

    /// Rows so far.
    pub fn counts(&self) -> GateCounts {
        self.gate.counts()
    }

    /// The verdicts. If frames are left, or something went wrong, the run is incomplete and every rule is ERROR.
    pub fn finish(self) -> Result<Run, Error> {
        self.gate.finish()
    }

    /// The verdicts, if every rule that was not deselected passes and every analyzer has its values; the reason to stop
    /// otherwise.
    pub fn commit(self) -> Result<Run, Refused> {
        self.gate.commit()
    }
}

impl<S, E> Gate<S>
where
    S: FnMut(DataFrame) -> Result<(), E>,
    E: From<Error>,
{
    /// Checks a frame, sends its bad rows to the sink and gives the good ones, if there are any.
    fn sorted(&mut self, frame: Result<DataFrame, Error>) -> Result<Option<DataFrame>, E> {
        let frame = frame?;
        let bits = self.judged(&frame)?;
        let (rows, good) = (bits.len() as u64, bits.count_set_bits() as u64);
        if good == rows {
            self.gate.counts.good += rows;
            return Ok(Some(frame).filter(|_| rows > 0));
        }
        let mask = row_mask(&bits)?;
        let some = |mask: &BooleanChunked| frame.filter(mask).map_err(Error::from);
        let bad = if good == 0 { frame.clone() } else { some(&!&mask)? };
        (self.gate.sink)(bad)?;
        self.gate.counts.bad += rows - good;
        if good == 0 {
            return Ok(None);
        }
        let passing = some(&mask)?;
        self.gate.counts.good += good;
        Ok(Some(passing))
    }
}

impl<S> Gate<S> {
    /// A bit a row: whether it fails no rule.
    fn judged(&mut self, frame: &DataFrame) -> Result<BooleanBuffer, Error> {
        let columns: Vec<usize> = (0..frame.width()).collect();
        let mut bits = BooleanBufferBuilder::new(frame.height());
        for batch in batches(frame, &columns, 0..frame.height(), self.schema.clone(), self.batch_rows)? {
            bits.append_buffer(self.gate.checker.push_rows(&batch?)?.good().values());
        }
        Ok(bits.finish())
    }
}

impl<S, E> Iterator for Gate<S>
where
    S: FnMut(DataFrame) -> Result<(), E>,
    E: From<Error>,
{
    type Item = Result<DataFrame, E>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.gate.state == State::Open {
            // Not open again after an error, nor after a panic of the sink: both lose rows.
            self.gate.state = State::Broken;
            let Some(frame) = self.gate.batches.next() else {
                self.gate.state = State::Complete;
                break;
            };
            match self.sorted(frame) {
                Ok(good) => {
                    self.gate.state = State::Open;
                    if let Some(good) = good {
                        return Some(Ok(good));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
