//! Verdicts from metric states: of all their data, as if it had been read at once.

use super::checked::Checked;
use super::inputs::{Files, Inputs, Readings, widen};
use super::row_run::RowContext;
use super::states::{circumstances, is_primary, rows_of, sources};
use super::{CheckOptions, Plan, Ruleset, Run, Watch, judged};
use crate::error::{Error, escape_controls, shown};
use crate::input::Dataset;
use crate::metrics::custom::FAILED;
use crate::metrics::{Finished, MemoryBudget, Metric};
use crate::plan::{MetricSet, Results};
use crate::scan::{Gathered, ScanError, ScanOptions, Scanned, scan};
use crate::states::{Circumstances, StateFile, columns_of, keys};
use crate::unevaluated::Unevaluated;
use arrow_schema::SchemaRef;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Judges a ruleset without errors by files of metric states, joined in the order given. A rule that needs a metric
/// which they do not have is ERROR; an error means that a file cannot be read, or that they do not belong together.
/// No rows are shown, and none written: there are none.
pub fn merge(ruleset: &Ruleset, states: &[PathBuf], options: &CheckOptions, watch: Watch<'_>) -> Result<Run, Error> {
    let clock = Instant::now();
    ruleset.refuse_gaps(options)?;
    if states.is_empty() {
        return Err(Error::Option("no states: name at least one file that --state-out wrote".into()));
    }
    if options.writes_rows() || options.composite_rows {
        return Err(Error::Option("states have no rows: they cannot be written, nor judged one by one".into()));
    }
    let options = &CheckOptions { samples: 0, key: Vec::new(), ..options.clone() };
    let opened: Vec<StateFile> = states.iter().map(|path| StateFile::open(path)).collect::<Result<_, _>>()?;
    refuse_twins(&opened)?;
    let schema = common_schema(&opened)?;
    let files = Files::find(&[], options)?;
    let mut readings = Readings::new(options);
    let mut notes = Vec::new();
    let checked = loop {
        match attempt(ruleset, &opened, &schema, &files, &readings, options, watch) {
            Ok(checked) => break checked,
            Err(trouble) => widen(trouble, &mut readings, &mut notes)?,
        }
    };
    let mut own_notes: Vec<String> = Vec::new();
    for note in opened.iter().flat_map(|state| &state.summary().notes) {
        if !own_notes.contains(note) {
            own_notes.push(note.clone());
        }
    }
    own_notes.extend(notes);
    let sources = || opened.iter().flat_map(|state| &state.summary().files);
    Ok(Run {
        files: sources().map(|file| PathBuf::from(&file.name)).collect(),
        bytes: sources().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        columns_read: opened.iter().map(|state| state.summary().columns_read).max().unwrap_or(0),
        elapsed: clock.elapsed(),
        incomplete: watch.stopped(),
        ..checked.into_run(ruleset, options, own_notes)
    })
}

/// Refuses states of the same data: its rows would count twice.
fn refuse_twins(states: &[StateFile]) -> Result<(), Error> {
    let mut seen: HashMap<(&str, u64, &str), &StateFile> = HashMap::new();
    let mut paths = HashSet::new();
    for state in states {
        let whole = std::fs::canonicalize(state.path()).unwrap_or_else(|_| state.path().to_path_buf());
        if !paths.insert(whole) {
            return Err(Error::Option(format!("{} is named twice: its rows would count twice", shown(state.path()))));
        }
        for file in &state.summary().files {
            let Some(version) = &file.version else { continue };
            if let Some(earlier) = seen.insert((&file.name, file.bytes, version), state) {
                return Err(Error::Option(format!(
                    "{} and {} both have {}: its rows would count twice",
                    shown(earlier.path()),
                    shown(state.path()),
                    escape_controls(&file.name)
                )));
            }
        }
    }
    Ok(())
}

/// The columns of all states, as the first has them.
fn common_schema(states: &[StateFile]) -> Result<SchemaRef, Error> {
    let Some((first, others)) = states.split_first() else {
        return Err(Error::Internal("no states".into()));
    };
    let own = columns_of(first.schema());
    for other in others {
        let theirs = columns_of(other.schema());
        let differs = |message: String| Error::Schema { path: other.path().to_path_buf(), message };
        let place = shown(first.path());
        for (name, data_type) in &own {
            let shown_name = escape_controls(name);
            match theirs.iter().find(|(their_name, _)| their_name == name) {
                None => return Err(differs(format!("has no column `{shown_name}`, which {place} has"))),
                Some((_, found)) if found != data_type => {
                    return Err(differs(format!(
                        "column `{shown_name}` was read as {found}, in {place} as {data_type}: states are joined only \
                         if all values were read as one type. Check both again, with --column-type for CSV and JSON \
                         Lines"
                    )));
                }
                Some(_) => {}
            }
        }
        if let Some((name, _)) = theirs.iter().find(|(name, _)| own.iter().all(|(own, _)| own != name)) {
            return Err(differs(format!("has a column `{}`, which {place} does not have", escape_controls(name))));
        }
    }
    Ok(first.schema().clone())
}

fn attempt(
    ruleset: &Ruleset,
    states: &[StateFile],
    schema: &SchemaRef,
    files: &Files,
    readings: &Readings,
    options: &CheckOptions,
    watch: Watch<'_>,
) -> Result<Checked, ScanError> {
    let primary = Dataset::without_files(schema.clone());
    let inputs = Inputs::around(primary, files, options, readings, ruleset.now)?;
    let plan = Plan::new(ruleset, &inputs, options);
    let scan_options = ScanOptions {
        threads: options.threads,
        batch_rows: options.batch_rows,
        memory_bytes: options.memory_bytes,
        stop: watch.stop,
        redaction: &options.redaction,
        ..ScanOptions::default()
    };
    let circumstances = circumstances(&inputs.references, options.zone, ruleset.now);
    let metrics = plan.metrics.as_slice();
    let mut finished: Vec<Option<Finished>> = vec![None; metrics.len()];
    // Other datasets are here, and are measured here.
    let mut elsewhere = MetricSet::default();
    let mut ids = Vec::new();
    for (id, metric) in metrics.iter().enumerate() {
        match &metric.dataset {
            Some(alias) if !is_primary(alias) => {
                elsewhere.ask(metric.clone());
                ids.push(id);
            }
            _ => finished[id] = Some(joined(metric, states, &circumstances, options)?),
        }
    }
    let measured = scan(&sources(&inputs, &plan), &elsewhere, &scan_options)?;
    for (id, measured) in ids.into_iter().zip(measured.results.0) {
        finished[id] = Some(measured);
    }
    let lost = || Finished::Failed(Arc::new(Unevaluated::internal("a metric was not joined")));
    let results = Results(finished.into_iter().map(|finished| finished.unwrap_or_else(lost)).collect());
    let rows = rows_of(&plan, &results)?;
    let mut outcomes = judged(ruleset, &plan, &results, options);
    let scanned = Scanned { results, columns_read: 0, keys: HashMap::new(), failing_parts: HashMap::new() };
    // Rows are counted as in a check that shows none: without reading any.
    let context = RowContext {
        plan: &plan,
        sources: &sources(&inputs, &plan),
        keys: &scanned.keys,
        failing_parts: &scanned.failing_parts,
        scan: &scan_options,
        options,
        rows,
    };
    let notes = context.run(ruleset, &scanned.results, &mut outcomes, None)?;
    Ok(Checked { primary: inputs.primary.clone(), plan: Arc::new(plan), scanned, outcomes, rows, notes })
}

/// A metric of all states.
fn joined(
    metric: &Metric,
    states: &[StateFile],
    circumstances: &Circumstances,
    options: &CheckOptions,
) -> Result<Finished, Error> {
    let failed = |reason: Unevaluated| Ok(Finished::Failed(Arc::new(reason)));
    let keys = match keys(metric, circumstances) {
        Ok(keys) => keys,
        Err(reason) => {
            let message = format!("This cannot be told from metric states: {reason}");
            return failed(Unevaluated::new("not_mergeable", message).help("check the data itself"));
        }
    };
    // Each metric has the memory of all: the one before is finished.
    let budget = Arc::new(MemoryBudget::new(options.memory_bytes / 2));
    let mut gathered: Option<Gathered> = None;
    let mut first_file = 0;
    for state in states {
        let found = match state.find(&keys) {
            Some(key) => match state.metric(key, &metric.family, first_file, options.memory_bytes, &budget) {
                // The bytes are those that were written: only rules of this metric suffer.
                Err(Error::Custom(message)) => return failed(Unevaluated::new(FAILED, message)),
                found => found?,
            },
            None => None,
        };
        let Some(found) = found else { return failed(missing(metric, state, &keys, options)) };
        match &mut gathered {
            Some(gathered) => gathered.join(found)?,
            none => *none = Some(found),
        }
        first_file += state.summary().files.len().max(1);
    }
    let Some(gathered) = gathered else { return failed(Unevaluated::internal("no states")) };
    let mut finished = gathered.finish(&metric.family, options.threads);
    if let Finished::Found(found) = &mut finished {
        found.redact(&options.redaction);
    }
    Ok(finished)
}

/// Why a state does not have a metric.
fn missing(metric: &Metric, state: &StateFile, keys: &[String], options: &CheckOptions) -> Unevaluated {
    let place = shown(state.path());
    let refused = keys.iter().find_map(|key| state.refusal(key));
    // What was said then may quote values.
    let said = refused.filter(|_| options.redaction.is_off());
    let message = match said {
        Some(reason) => format!("The state {place} does not have {metric}: {}", escape_controls(&reason)),
        None => format!("The state {place} does not have {metric}"),
    };
    Unevaluated::new("missing_state", message).help(
        "check the data again with this ruleset and --state-out; rules about ages, and filters with now(), need the \
         same --now, rules about references the same files",
    )
}
