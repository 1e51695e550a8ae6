//! Data that is no file: columns in memory, rows of a query.

use super::inputs::{Files, Inputs, Readings};
use super::outputs::GoodRows;
use super::{CheckOptions, Ruleset, Run, Watch, carried_out};
use crate::error::Error;
use crate::input::{Dataset, Table};
use crate::scan::ScanError;
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Checks a table that is no file as [`check`](fn@super::check) checks files: the same numbers and verdicts, failing
/// rows, queries. Rules about files are ERROR, sizes and names of files are not there.
///
/// Parts of a table that is [streamed](crate::input::Parts::Streamed) are asked for more than once where rows are
/// needed again: for failing rows that are shown, for queries, for keys of a reference that do not fit the memory.
///
/// Refused are rulesets with errors, tables with two columns of one name, and options about metric states.
pub fn check_table(
    ruleset: &Ruleset,
    table: &Arc<dyn Table>,
    options: &CheckOptions,
    watch: Watch<'_>,
) -> Result<Run, Error> {
    of_table(ruleset, table, options, watch, None)
}

/// Checks a table as [`check_table`] does, and judges each of its rows: gives a bit a row besides, set if the row fails
/// no rule. Rows are judged as in the files of good and bad rows: uniqueness with all rows in view, rules that are
/// ERROR not at all. A check that was stopped judges no rows, or not all.
pub fn judge_table(
    ruleset: &Ruleset,
    table: &Arc<dyn Table>,
    options: &CheckOptions,
    watch: Watch<'_>,
) -> Result<(Run, BooleanBuffer), Error> {
    let good = GoodRows::default();
    let run = of_table(ruleset, table, options, watch, Some(&good))?;
    let parts = std::mem::take(&mut *good.lock().unwrap_or_else(PoisonError::into_inner));
    let mut bits = BooleanBufferBuilder::new(parts.iter().map(BooleanBuffer::len).sum());
    parts.iter().for_each(|part| bits.append_buffer(part));
    Ok((run, bits.finish()))
}

fn of_table(
    ruleset: &Ruleset,
    table: &Arc<dyn Table>,
    options: &CheckOptions,
    watch: Watch<'_>,
    good: Option<&GoodRows>,
) -> Result<Run, Error> {
    let clock = Instant::now();
    if options.states.out.is_some() || options.states.cache.is_some() {
        return Err(Error::Option("metric states are of files: a table that is no file has none".into()));
    }
    let files = Files::find(&[], options)?;
    let open = |readings: &Readings| -> Result<Inputs, ScanError> {
        let primary = Dataset::of_table(table.clone())?;
        Inputs::around(primary, &files, options, readings, ruleset.now())
    };
    carried_out(ruleset, &open, options, watch, good, clock)
}
