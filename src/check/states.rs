//! Metric states of a check: where they are written.

use super::inputs::Inputs;
use super::{CheckOptions, Plan, cache};
use crate::error::Error;
use crate::input::Dataset;
use crate::input::source::Input;
use crate::metrics::{Family, Metric};
use crate::plan::{Measure, Results};
use crate::scan::{Gathered, References, ScanError, ScanOptions, Scanned, Sources, StateSink, scan};
use crate::states::{Circumstances, SourceFile, StateWriter, Summary, keys};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where metric states go and come from.
#[derive(Debug, Clone, Default)]
pub struct StateOptions {
    /// The file that the states of all data are written to.
    pub out: Option<PathBuf>,
    /// The directory where the states of single files are kept: those of files that are still the same are taken
    /// from there. No failing rows are shown then.
    pub cache: Option<PathBuf>,
}

/// The options as far as they fit together: rows that are not read cannot be shown, and not be written.
pub fn fitting(options: &CheckOptions) -> Result<Cow<'_, CheckOptions>, Error> {
    if options.states.cache.is_none() {
        return Ok(Cow::Borrowed(options));
    }
    let needs = [(options.writes_rows(), "files of rows"), (options.composite_rows, "composites judged row by row")];
    if let Some((_, what)) = needs.iter().find(|(asked, _)| *asked) {
        return Err(Error::Option(format!("{what} need all rows, which a check with a cache does not read")));
    }
    Ok(Cow::Owned(CheckOptions { samples: 0, ..options.clone() }))
}

/// Something that could not be written.
pub fn unwritten(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_path_buf(), source }
}

/// What tells the contents of references.
pub fn circumstances(references: &References, zone: chrono_tz::Tz, now: DateTime<Utc>) -> Circumstances {
    let identity = |dataset: &Dataset| {
        let file = |input| {
            let SourceFile { name, bytes, version } = source_file(input);
            Some(format!("{name:?} {bytes} {:?}", version?))
        };
        let files: Option<Vec<String>> = dataset.inputs().map(file).collect();
        // Types may hang on more than contents: those that were widened, or named by the user.
        Some(format!("{} {}", files?.join(", "), types(dataset)))
    };
    let known = references.iter().filter(|(alias, _)| &***alias != super::PRIMARY);
    let known = known.filter_map(|(alias, dataset)| Some((alias.clone(), identity(dataset.as_ref().ok()?)?)));
    Circumstances { zone, now, references: known.collect::<BTreeMap<_, _>>() }
}

/// Columns and their types.
fn types(dataset: &Dataset) -> String {
    let fields = dataset.schema().fields().iter();
    fields.map(|field| format!("{:?} {}", field.name(), field.data_type())).collect::<Vec<_>>().join(", ")
}

/// A data file as states name it.
pub fn source_file(input: &Input) -> SourceFile {
    let local = crate::input::remote::url(&input.path).is_none();
    let whole = if local { std::path::absolute(&input.path).ok() } else { None };
    let name = whole.as_deref().unwrap_or(&input.path).to_string_lossy().into_owned();
    SourceFile { name, bytes: input.stored_bytes(), version: input.version() }
}

/// What states of a dataset are of.
pub fn summary(dataset: &Dataset, rows: u64, columns_read: usize, started: DateTime<Utc>) -> Summary {
    let files = dataset.inputs().map(|input| SourceFile {
        // As in reports: states may be merged elsewhere.
        name: input.path.to_string_lossy().into_owned(),
        ..source_file(input)
    });
    Summary { files: files.collect(), rows, columns_read, started, notes: dataset.notes().to_vec() }
}

/// Measures all metrics of a plan, from the data or from states that are kept, and keeps states as the options say.
/// Gives notes, too.
pub fn scanned(
    sources: &Sources<'_>,
    plan: &Plan,
    options: &ScanOptions<'_>,
    check: &CheckOptions,
    now: DateTime<Utc>,
) -> Result<(Scanned, Vec<String>), ScanError> {
    let here = || circumstances(sources.references, check.zone, now);
    let recorder = match &check.states.out {
        Some(path) => Some(Recorder::create(path, here())?),
        None => None,
    };
    let recording = ScanOptions { states: recorder.as_ref().map(|recorder| recorder as &dyn StateSink), ..*options };
    let (scanned, mut notes) = match &check.states.cache {
        Some(directory) => cache::scanned(sources, plan, &recording, check, directory, &here())?,
        None => (scan(sources, &plan.metrics, &recording)?, Vec::new()),
    };
    if let Some(recorder) = recorder {
        if options.aborted() {
            notes.push("no states were written: the run was interrupted".into());
        } else {
            let rows = rows_of(plan, &scanned.results)?;
            let summary = summary(sources.primary, rows, scanned.columns_read, now);
            recorder.finish(plan.metrics.as_slice(), &summary, sources.primary)?;
        }
    }
    Ok((scanned, notes))
}

/// Rows of the data.
pub fn rows_of(plan: &Plan, results: &Results) -> Result<u64, Error> {
    let rows = results.read(&Measure::Statistic(plan.rows, crate::metrics::Statistic::Count));
    rows.map(|rows| rows.to_f64() as u64).map_err(|_| Error::Internal("rows were not counted".into()))
}

/// Writes the states of a scan as they come.
#[derive(Debug)]
struct Recorder {
    path: PathBuf,
    circumstances: Circumstances,
    state: Mutex<Recording>,
}

#[derive(Debug)]
struct Recording {
    writer: StateWriter,
    /// Keys that were written or refused.
    done: HashSet<String>,
}

impl Recorder {
    fn create(path: &Path, circumstances: Circumstances) -> Result<Self, Error> {
        let writer = StateWriter::create(path).map_err(|error| unwritten(path, error))?;
        let state = Mutex::new(Recording { writer, done: HashSet::new() });
        Ok(Self { path: path.to_path_buf(), circumstances, state })
    }

    fn finish(self, metrics: &[Metric], summary: &Summary, dataset: &Dataset) -> Result<(), Error> {
        let Recording { mut writer, done } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unwritten = |error| unwritten(&self.path, error);
        for metric in metrics.iter().filter(|metric| metric.dataset.is_none()) {
            match keys(metric, &self.circumstances) {
                Err(reason) => writer.refuse(&metric.to_string(), reason).map_err(unwritten)?,
                Ok(keys) if keys.iter().any(|key| done.contains(key)) => {}
                Ok(keys) => {
                    let reason = match &metric.family {
                        Family::Lookup(_) => "its keys need more than one pass over the data: raise --memory-limit",
                        _ => "it was not measured",
                    };
                    if let Some(key) = keys.first() {
                        writer.refuse(key, reason).map_err(unwritten)?;
                    }
                }
            }
        }
        writer.finish(summary, dataset.schema()).map_err(unwritten)
    }
}

impl StateSink for Recorder {
    fn take(&self, metric: &Metric, gathered: &mut Gathered) -> Result<(), Error> {
        let Some(key) = keys(metric, &self.circumstances).ok().and_then(|keys| keys.into_iter().next()) else {
            return Ok(());
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &*gathered {
            Gathered::Failed(reason) => state.writer.refuse(&key, &reason.message),
            _ => state.writer.metric(&key, &metric.family, gathered),
        };
        written.map_err(|error| unwritten(&self.path, error))?;
        state.done.insert(key);
        Ok(())
    }
}

/// The references as sources of metrics.
pub fn sources<'a>(inputs: &'a Inputs, plan: &'a Plan) -> Sources<'a> {
    Sources { primary: &inputs.primary, references: &inputs.references, predicates: &plan.predicates, sql: &inputs.sql }
}

/// An alias that is there for states too.
pub fn is_primary(alias: &Arc<str>) -> bool {
    **alias == *super::PRIMARY
}
