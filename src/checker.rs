//! A check of batches that somebody else reads: compiled once, pushed batch by batch, judged in the end.
//!
//! ```
//! use arrow_array::{Int64Array, RecordBatch};
//! use dq::check::{CheckOptions, Ruleset};
//! use dq::checker::Checker;
//! use dq::rules::BindOptions;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = r#"Rules = [ RowCount = 3, ColumnValues "age" < 130 ]"#;
//! let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
//! let ages = Arc::new(Int64Array::from(vec![Some(31), Some(131), None]));
//! let batch = RecordBatch::try_from_iter([("age", ages as _)])?;
//!
//! let mut checker = Checker::new(&ruleset, &batch.schema(), &CheckOptions::default())?;
//! let mask = checker.push_rows(&batch)?;
//! assert_eq!(mask.good_rows(), 1);
//! let run = checker.finish()?;
//! assert_eq!(run.score, Some(0.5));
//! # Ok(())
//! # }
//! ```
//!
//! Verdicts and numbers are those that [`check`](crate::check::check) gives for files of the same rows: kernels,
//! states and judge are the same. What needs all rows at once cannot be pushed: queries, and data compared with
//! itself, are ERROR with the code `needs_all_rows`. No async runtime is needed; async streams of batches are taken
//! with the feature `stream`, whichever runtime polls them.

mod gate;
mod mask;
mod schema;
#[cfg(feature = "stream")]
mod stream;

use crate::check::checked::Checked;
use crate::check::inputs::{Files, Inputs, Readings, widen};
use crate::check::row_run::RowContext;
use crate::check::states::{rows_of, sources};
use crate::check::{CheckOptions, Plan, Ruleset, Run, judged};
use crate::error::Error;
use crate::input::{Columns, Dataset};
use crate::scan::push::{PushMemory, PushPlan, PushProgram, PushStates};
use crate::scan::{ScanError, ScanOptions, Scanned};
use crate::verdict::Outcome;
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
#[cfg(feature = "polars")]
pub(crate) use gate::State;
pub use gate::{Gate, GateCounts, Refused};
use mask::Masks;
pub use mask::{RowMask, RuleRows};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Everything that is made once.
struct Compiled {
    ruleset: Ruleset,
    options: CheckOptions,
    inputs: Inputs,
    plan: Arc<Plan>,
    push: PushPlan,
    masks: Masks,
    notes: Vec<String>,
}

/// A ruleset at work on batches of one schema.
///
/// One checker belongs to one thread at a time; [`Checker::fork`] gives others of the same check.
pub struct Checker {
    compiled: Arc<Compiled>,
    program: Arc<PushProgram>,
    states: PushStates,
    memory: PushMemory,
    rows: u64,
    /// Whether some batch was not folded, or not whole.
    incomplete: bool,
    clock: Instant,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Checker {
    /// Compiles a ruleset for the columns of a schema; reads the keys of references that the options name.
    ///
    /// Columns are nullable whatever the schema says, and dictionary encoding is no type of its own. A rule that
    /// does not fit the columns is ERROR in the end, as in any check. Refused are rulesets with errors, schemas with
    /// two columns of one name, and options about rows that are not read here: files of rows and of states, and
    /// composites judged row by row. No failing rows are kept as samples.
    pub fn new(ruleset: &Ruleset, schema: &Schema, options: &CheckOptions) -> Result<Self, Error> {
        refuse(ruleset, options)?;
        let clock = Instant::now();
        let options = CheckOptions { samples: 0, key: Vec::new(), ..options.clone() };
        let schema = schema::resolved(schema)?;
        let files = Files::find(&[], &options)?;
        let mut readings = Readings::new(&options);
        let mut notes = Vec::new();
        let (inputs, plan, push) = loop {
            match attempt(ruleset, &schema, &files, &readings, &options) {
                Ok(compiled) => break compiled,
                Err(trouble) => widen(trouble, &mut readings, &mut notes)?,
            }
        };
        let masks = Masks::new(ruleset, &plan, &push, &options)?;
        let compiled = Compiled { ruleset: ruleset.clone(), options, inputs, plan: Arc::new(plan), push, masks, notes };
        Self::of(Arc::new(compiled), clock)
    }

    fn of(compiled: Arc<Compiled>, clock: Instant) -> Result<Self, Error> {
        let program = Arc::new(compiled.push.program()?);
        let states = program.states();
        Ok(Self { compiled, program, states, memory: PushMemory::default(), rows: 0, incomplete: false, clock })
    }

    /// The columns that batches must have, in this order.
    pub fn schema(&self) -> &SchemaRef {
        self.compiled.push.schema()
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rules, in canonical text, by which rows cannot be judged while they are pushed, though they are about rows:
    /// those about uniqueness, for a later row may repeat a key, and those that cannot be evaluated.
    pub fn unjudged_rows(&self) -> &[String] {
        &self.compiled.masks.unjudged
    }

    /// Folds a batch. A batch without rows changes nothing. After an error rows are missing, also those of a batch
    /// that was refused for its columns: [`Checker::finish`] says so, and every rule is ERROR.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.whole(|own| own.fold(batch).map(|_| ()))
    }

    /// Folds a batch as [`Checker::push`] does, and judges each of its rows.
    pub fn push_rows(&mut self, batch: &RecordBatch) -> Result<RowMask, Error> {
        self.whole(|own| {
            let columns = own.fold(batch)?;
            own.compiled.masks.judge(&columns, &mut own.memory, &own.program)
        })
    }

    fn fold(&mut self, batch: &RecordBatch) -> Result<Columns, Error> {
        let columns = schema::conformed(batch, self.schema())?;
        self.states.push(&self.program, &columns)?;
        self.rows += batch.num_rows() as u64;
        Ok(columns)
    }

    /// Does what must be done to its end: an error, a panic or a future that is dropped loses rows.
    fn whole<T, E>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = std::mem::replace(&mut self.incomplete, true);
        let done = work(self)?;
        self.incomplete = before;
        Ok(done)
    }

    /// Another checker of the same check, before any batch, for another thread; to be joined by [`Checker::merge`].
    /// A fork that is given up is not counted, but where a predicate or pattern failed on its rows, the rule is ERROR.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            compiled: self.compiled.clone(),
            program: self.program.clone(),
            states: self.program.states(),
            memory: PushMemory::default(),
            rows: 0,
            incomplete: false,
            clock: self.clock,
        }
    }

    /// An independent checker of the same ruleset and columns, before any batch: for the next window of a stream, or
    /// the next table. The time that `now()` means stays that of the ruleset.
    pub fn renew(&self) -> Result<Self, Error> {
        Self::of(self.compiled.clone(), Instant::now())
    }

    /// Joins a fork, as if its batches had come behind those of this checker. Results hang on the order of merges
    /// only in the last bits of doubles and in which row is shown as an example.
    pub fn merge(&mut self, later: Self) -> Result<(), Error> {
        self.whole(|own| {
            if !Arc::ptr_eq(&own.program, &later.program) {
                let message = "only forks of one checker can be merged: make the other one with Checker::fork";
                return Err(Error::Option(message.into()));
            }
            own.states.merge(&own.program, later.states)?;
            own.rows += later.rows;
            Ok(())
        })?;
        self.incomplete |= later.incomplete;
        Ok(())
    }

    /// Judges the rules by all batches so far. Without any row, rules about rows are ERROR, unless the options
    /// allow empty data. If an earlier call ended with an error, the run is incomplete and every rule is ERROR.
    pub fn finish(self) -> Result<Run, Error> {
        if self.incomplete { self.interrupt() } else { self.conclude() }
    }

    fn conclude(self) -> Result<Run, Error> {
        let Self { compiled, program, states, clock, .. } = self;
        let Compiled { ruleset, options, inputs, plan, push, notes, .. } = &*compiled;
        let sources = sources(inputs, plan);
        let scan = scan_options(options);
        let results = push.finish(&program, states, &sources, &scan)?;
        let rows = rows_of(plan, &results)?;
        let mut outcomes = judged(ruleset, plan, &results, options);
        let columns_read = program.columns_read();
        let scanned = Scanned { results, columns_read, keys: HashMap::new(), failing_parts: HashMap::new() };
        let context = RowContext {
            plan,
            sources: &sources,
            keys: &scanned.keys,
            failing_parts: &scanned.failing_parts,
            scan: &scan,
            options,
            rows,
        };
        let row_notes = context.run(ruleset, &scanned.results, &mut outcomes, None)?;
        let primary = inputs.primary.clone();
        let checked = Checked { primary, plan: plan.clone(), scanned, outcomes, rows, notes: row_notes };
        Ok(Run { elapsed: clock.elapsed(), ..checked.into_run(ruleset, options, notes.clone()) })
    }

    /// What is known when batches are missing: every rule is ERROR, with what was seen so far.
    pub(crate) fn interrupt(self) -> Result<Run, Error> {
        let mut run = self.conclude()?;
        run.outcomes.iter_mut().for_each(Outcome::interrupt);
        run.observations.clear();
        Ok(Run { incomplete: true, score: Some(0.0).filter(|_| run.score.is_some()), ..run })
    }
}

/// Refuses what no pushed batch can do.
fn refuse(ruleset: &Ruleset, options: &CheckOptions) -> Result<(), Error> {
    ruleset.refuse_gaps(options)?;
    if options.writes_rows() {
        return Err(Error::Option("pushed rows are not written to files: take them from Gate, or by RowMask".into()));
    }
    if options.composite_rows {
        return Err(Error::Option("composites are not judged row by row while rows are pushed".into()));
    }
    if options.states.out.is_some() || options.states.cache.is_some() {
        return Err(Error::Option("metric states are of files: pushed rows have none; merge checkers instead".into()));
    }
    Ok(())
}

fn scan_options(options: &CheckOptions) -> ScanOptions<'_> {
    ScanOptions {
        threads: options.threads,
        batch_rows: options.batch_rows,
        memory_bytes: options.memory_bytes,
        redaction: &options.redaction,
        ..ScanOptions::default()
    }
}

fn attempt(
    ruleset: &Ruleset,
    schema: &SchemaRef,
    files: &Files,
    readings: &Readings,
    options: &CheckOptions,
) -> Result<(Inputs, Plan, PushPlan), ScanError> {
    let primary = Dataset::without_files(schema.clone());
    let inputs = Inputs::around(primary, files, options, readings, ruleset.now())?;
    let plan = Plan::new(ruleset, &inputs, options);
    let push = PushPlan::new(&sources(&inputs, &plan), &plan.metrics, &scan_options(options))?;
    Ok((inputs, plan, push))
}
