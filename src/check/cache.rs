//! States of single files, kept from run to run: only what changed is read again.
//!
//! Every data file has an entry in the cache's directory, named by a hash of the file's whole name and of how it was
//! read. An entry is a file of states ([`crate::states`]); it counts if the data file has the size and the time of
//! change, or the version in its object store, that it had then, and its states count if the columns they are of have
//! the types they had then. What is damaged, or of another version of the program, is as good as not there. Entries
//! are replaced at once, so runs need not know of each other: who comes last wins, and all are right.
//!
//! Besides, the states of all files that did not change are kept joined, since joining many takes time too. They
//! count if all their files are still the same; where one of many files changes in every run, a run reads that file
//! and two states.
//!
//! A file that was changed a moment before it was read is measured, but its entry does not last: clocks of file
//! systems tick slowly, and another change might look the same.

use super::states::{source_file, summary, unwritten};
use super::{CheckOptions, Plan};
use crate::error::{Error, escape_controls};
use crate::input::{Dataset, ReadOptions};
use crate::metrics::{Count, Finished, MemoryBudget, Metric};
use crate::plan::{MetricId, MetricSet, Results};
use crate::redaction::Redaction;
use crate::scan::{Gathered, Piece, ScanError, ScanOptions, Scanned, Sources, gather, scan};
use crate::sql::Predicate;
use crate::states::{Circumstances, SourceFile, StateFile, StateWriter, Summary, columns_of, keys};
use crate::unevaluated::Unevaluated;
use arrow_schema::SchemaRef;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_128;

/// A change that is younger than this when a file is read may be followed by one at the same time.
const RECENT: Duration = Duration::from_millis(100);

/// The ending of entries.
const ENDING: &str = "dqs";

/// A metric that states are kept of.
struct Kept {
    id: MetricId,
    keys: Vec<String>,
    /// Columns that it reads, those of its filter included.
    columns: Vec<String>,
}

/// A data file and its entry.
struct CachedFile {
    source: SourceFile,
    path: PathBuf,
    entry: Option<StateFile>,
    /// Whether the entry may stay.
    lasting: bool,
}

/// An entry that is being written, and the rows it is of.
struct Writing {
    writer: StateWriter,
    rows: u64,
}

/// The cache of one run.
struct Cache<'a> {
    schema: &'a SchemaRef,
    kept: Vec<Kept>,
    files: Vec<CachedFile>,
    notes: Mutex<Vec<String>>,
}

/// Measures all metrics of a plan: from entries what they have, from the data the rest, which becomes entries.
pub fn scanned(
    sources: &Sources<'_>,
    plan: &Plan,
    options: &ScanOptions<'_>,
    check: &CheckOptions,
    directory: &Path,
    circumstances: &Circumstances,
) -> Result<(Scanned, Vec<String>), ScanError> {
    std::fs::create_dir_all(directory).map_err(|error| unwritten(directory, error))?;
    // Where entries go that do not last.
    let scratch = tempfile::tempdir().map_err(|error| unwritten(&std::env::temp_dir(), error))?;
    let reading = reading(&check.read);
    let dataset = sources.primary;
    let mut cache = Cache::open(dataset, plan, circumstances, directory, scratch.path(), &reading);
    let merged = directory.join(format!("merged-{}.{ENDING}", place_of(dataset, &reading)));
    let joined = Joined::open(&merged, &cache);
    let missing: Vec<Vec<MetricId>> = (0..cache.files.len())
        .map(|at| if joined.as_ref().is_some_and(|joined| joined.has(at)) { Vec::new() } else { cache.missing(at) })
        .collect();
    let read: BTreeSet<usize> = (0..missing.len()).filter(|at| !missing[*at].is_empty()).collect();
    if let Some(progress) = options.progress {
        let known = cache.files.iter().enumerate().filter(|(at, _)| !read.contains(at));
        let bytes = known.map(|(_, file)| file.source.bytes).sum();
        progress.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }
    let columns = cache.read(&read, &missing, sources, plan, options, circumstances.now)?;
    if options.aborted() {
        return Ok((interrupted(plan), cache.into_notes()));
    }
    let count = cache.files.len();
    let (some, were) = (read.len(), if read.len() == 1 { "was" } else { "were" });
    cache.note(format!("{some} of {count} files {were} read; failing rows are not shown"));
    let mut finished = cache.join(&read, joined.as_ref(), &merged, plan, options, circumstances.now)?;
    let rest = measure_rest(&mut finished, sources, plan, options)?;
    let lost = || Finished::Failed(Arc::new(Unevaluated::internal("a metric was not measured")));
    let results = Results(finished.into_iter().map(|finished| finished.unwrap_or_else(lost)).collect());
    let columns_read = columns.max(rest);
    let scanned = Scanned { results, columns_read, keys: HashMap::new(), failing_parts: HashMap::new() };
    Ok((scanned, cache.into_notes()))
}

/// How data is read, as far as it may matter to what is in it, and by which program.
fn reading(options: &ReadOptions) -> String {
    // Types are compared column by column; how values are hidden matters to messages only.
    let plain = ReadOptions { inferred_types: BTreeMap::new(), redaction: Redaction::Off, ..options.clone() };
    format!("{} {plain:?}", env!("CARGO_PKG_VERSION"))
}

fn digits(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    format!("{:032x}", xxh3_128(&bytes))
}

/// What tells datasets apart whose states are kept joined: where their first file is, and how they are read.
fn place_of(dataset: &Dataset, reading: &str) -> String {
    let first = dataset.inputs().next().map(|input| source_file(input).name).unwrap_or_default();
    let place = Path::new(&first).parent().map(|place| place.to_string_lossy().into_owned());
    digits(&[&place.unwrap_or_default(), reading])
}

/// Whether a file was changed so lately that it may be changed once more without a trace.
fn is_recent(file: &SourceFile) -> bool {
    let Some(nanoseconds) = file.version.as_ref().and_then(|version| version.parse::<u64>().ok()) else { return false };
    let changed = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    // A file of the future is never old enough.
    SystemTime::now().duration_since(changed).is_ok_and(|age| age < RECENT) || changed > SystemTime::now()
}

impl<'a> Cache<'a> {
    fn open(
        dataset: &'a Dataset,
        plan: &Plan,
        circumstances: &Circumstances,
        directory: &Path,
        scratch: &Path,
        reading: &str,
    ) -> Self {
        let mut kept = Vec::new();
        for (id, metric) in plan.metrics.as_slice().iter().enumerate() {
            let Ok(keys) = keys(metric, circumstances) else { continue };
            let filter = metric.filter.as_ref().and_then(|text| plan.predicates.get(text));
            let filters = filter.into_iter().flat_map(Predicate::columns).map(str::to_string);
            let columns = metric.columns.iter().map(|column| column.to_string()).chain(filters).collect();
            kept.push(Kept { id: MetricId(id), keys, columns });
        }
        let mut cache = Self { schema: dataset.schema(), kept, files: Vec::new(), notes: Mutex::default() };
        for (at, input) in dataset.inputs().enumerate() {
            let source = source_file(input);
            let lasting = source.version.is_some();
            let name = format!("{}.{ENDING}", digits(&[&source.name, reading]));
            let own = directory.join(name);
            let entry = if lasting { cache.entry(&own, &source) } else { None };
            // An entry that was written too soon is written again.
            let lasting = lasting && !is_recent(&source);
            let path = if lasting { own } else { scratch.join(format!("{at}.{ENDING}")) };
            cache.files.push(CachedFile { source, path, entry, lasting });
        }
        cache
    }

    fn note(&self, note: String) {
        lock(&self.notes).push(format!("cache: {note}"));
    }

    /// Removes what cannot be read, so that it is made anew.
    fn give_up(&self, path: &Path, error: &Error) {
        self.note(format!("an entry is not used: {}", escape_controls(&error.to_string())));
        // Somebody else may have done it.
        let _ = std::fs::remove_file(path);
    }

    fn into_notes(self) -> Vec<String> {
        self.notes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of a file, if it is of the file as it is now.
    fn entry(&self, path: &Path, source: &SourceFile) -> Option<StateFile> {
        if !path.exists() {
            return None;
        }
        match StateFile::open(path) {
            Ok(entry) => (entry.summary().files == std::slice::from_ref(source)).then_some(entry),
            Err(error) => {
                self.give_up(path, &error);
                None
            }
        }
    }

    /// Whether states have a metric, of columns as they are now.
    fn has(&self, states: &StateFile, kept: &Kept) -> bool {
        let same = |name: &String| {
            let [then, now] = [states.schema(), self.schema].map(|schema| schema.field_with_name(name).ok());
            matches!((then, now), (Some(then), Some(now)) if then.data_type() == now.data_type())
        };
        states.find(&kept.keys).is_some() && kept.columns.iter().all(same)
    }

    /// The metrics that a file's entry does not have.
    fn missing(&self, at: usize) -> Vec<MetricId> {
        let entry = self.files.get(at).and_then(|file| file.entry.as_ref());
        let known = |kept: &&Kept| entry.is_some_and(|entry| self.has(entry, kept));
        self.kept.iter().filter(|kept| !known(kept)).map(|kept| kept.id).collect()
    }

    /// Measures what is missing of files, and makes entries of it. Gives how many columns were decoded.
    fn read(
        &mut self,
        read: &BTreeSet<usize>,
        missing: &[Vec<MetricId>],
        sources: &Sources<'_>,
        plan: &Plan,
        options: &ScanOptions<'_>,
        now: DateTime<Utc>,
    ) -> Result<usize, ScanError> {
        let files: Vec<(usize, &CachedFile)> = read.iter().map(|at| (*at, &self.files[*at])).collect();
        let mut pieces = Vec::new();
        for (at, _) in &files {
            let dataset = sources.primary.only(*at);
            let dataset = dataset.ok_or_else(|| Error::Internal(format!("there is no file {at}")))?;
            pieces.push(Piece { dataset, metrics: missing[*at].clone() });
        }
        let keys: HashMap<MetricId, &str> =
            self.kept.iter().filter_map(|kept| Some((kept.id, kept.keys.first()?.as_str()))).collect();
        // One for each piece that is being measured: not all at once.
        let writing: Vec<Mutex<Option<Writing>>> = files.iter().map(|_| Mutex::new(None)).collect();
        let entries: Mutex<Vec<(usize, StateFile)>> = Mutex::default();
        let columns = gather(sources, &plan.metrics, &pieces, options, &|piece, measured| {
            let (at, file) = files[piece];
            let failed = |error| unwritten(&file.path, error);
            let mut slot = lock(&writing[piece]);
            let mut own = match slot.take() {
                Some(own) => own,
                None => Writing {
                    writer: StateWriter::create(&file.path).map_err(failed)?,
                    rows: file.entry.as_ref().map_or(0, |entry| entry.summary().rows),
                },
            };
            if let Some((id, mut gathered)) = measured {
                if id == plan.rows {
                    own.rows = rows_in(&gathered);
                }
                if let (Some(key), Some(metric)) = (keys.get(&id), plan.metrics.as_slice().get(id.0)) {
                    own.writer.metric(key, &metric.family, &mut gathered).map_err(failed)?;
                }
                *slot = Some(own);
                return Ok(());
            }
            if let Some(entry) = &file.entry {
                self.copy(entry, &missing[at], &mut own.writer).map_err(failed)?;
            }
            let of = summary(&pieces[piece].dataset, own.rows, 0, now);
            let of = Summary { files: vec![file.source.clone()], ..of };
            own.writer.finish(&of, self.schema).map_err(failed)?;
            let entry = StateFile::open(&file.path)?;
            lock(&entries).push((at, entry));
            Ok(())
        })?;
        for (at, entry) in entries.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.files[at].entry = Some(entry);
        }
        Ok(columns)
    }

    /// Takes over what an earlier entry has: all of it if its columns are those of now, else what is asked for now.
    fn copy(&self, entry: &StateFile, missing: &[MetricId], writer: &mut StateWriter) -> std::io::Result<()> {
        let wanted = self.kept.iter().filter(|kept| !missing.contains(&kept.id));
        let mut known: Vec<&str> = wanted.filter_map(|kept| entry.find(&kept.keys)).collect();
        if columns_of(entry.schema()) == columns_of(self.schema) {
            let measured = self.kept.iter().filter(|kept| missing.contains(&kept.id));
            let measured: Vec<&str> = measured.filter_map(|kept| kept.keys.first()).map(String::as_str).collect();
            known.extend(entry.keys().into_iter().filter(|key| !measured.contains(key)));
        }
        known.sort_unstable();
        known.dedup();
        for key in known {
            match writer.copy(entry, key) {
                // What is damaged is measured when it is asked for.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {}
                copied => copied?,
            }
        }
        Ok(())
    }

    /// Joins the states of all files, metric by metric, and keeps those joined of the files that were not read.
    fn join(
        &self,
        read: &BTreeSet<usize>,
        joined: Option<&Joined>,
        path: &Path,
        plan: &Plan,
        options: &ScanOptions<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Finished>>, ScanError> {
        let metrics = plan.metrics.as_slice();
        let mut finished: Vec<Option<Finished>> = vec![None; metrics.len()];
        let unchanged: Vec<usize> =
            (0..self.files.len()).filter(|at| !read.contains(at) && self.files[*at].lasting).collect();
        let open: Vec<usize> =
            (0..self.files.len()).filter(|at| joined.is_none_or(|joined| !joined.has(*at))).collect();
        let (first, last): (Vec<usize>, Vec<usize>) = open.into_iter().partition(|at| unchanged.contains(at));
        // Joined already, or nothing to join.
        let mut writer = if first.is_empty() || unchanged.len() < 2 {
            None
        } else {
            Some(StateWriter::create(path).map_err(|error| unwritten(path, error))?)
        };
        let mut rows = 0;
        for kept in &self.kept {
            let metric = &metrics[kept.id.0];
            let budget = Arc::new(MemoryBudget::new(options.memory_bytes / 2));
            let mut whole = match joined {
                Some(joined) => Sum::Of(self.of_joined(joined, kept, metric, options.memory_bytes, &budget)),
                None => Sum::Nothing,
            };
            for at in &first {
                whole.add(self.of_file(*at, kept, metric, options.memory_bytes, &budget))?;
            }
            if let (Some(writer), Sum::Of(Some(gathered)), Some(key)) = (&mut writer, &mut whole, kept.keys.first()) {
                if kept.id == plan.rows {
                    rows = rows_in(gathered);
                }
                // In the file, data files have the numbers of its own list.
                renumber(gathered, |at| unchanged.binary_search(&at).unwrap_or(0));
                writer.metric(key, &metric.family, gathered).map_err(|error| unwritten(path, error))?;
                renumber(gathered, |at| unchanged.get(at).copied().unwrap_or(0));
            }
            for at in &last {
                whole.add(self.of_file(*at, kept, metric, options.memory_bytes, &budget))?;
            }
            let Sum::Of(Some(mut gathered)) = whole else { continue };
            if let Some(sink) = options.states {
                renumber(&mut gathered, |at| at);
                sink.take(metric, &mut gathered)?;
            }
            let mut done = gathered.finish(&metric.family, options.threads);
            if let Finished::Found(found) = &mut done {
                found.redact(options.redaction);
            }
            finished[kept.id.0] = Some(done);
        }
        if let Some(writer) = writer {
            let files = unchanged.iter().map(|at| self.files[*at].source.clone()).collect();
            let summary = Summary { files, rows, columns_read: 0, started: now, notes: Vec::new() };
            writer.finish(&summary, self.schema).map_err(|error| unwritten(path, error))?;
        }
        Ok(finished)
    }

    /// What the entry of a file has of a metric.
    fn of_file(
        &self,
        at: usize,
        kept: &Kept,
        metric: &Metric,
        most: u64,
        budget: &Arc<MemoryBudget>,
    ) -> Option<Gathered> {
        let entry = self.files.get(at)?.entry.as_ref().filter(|entry| self.has(entry, kept))?;
        let states = entry.metric(entry.find(&kept.keys)?, &metric.family, at, most, budget);
        states.unwrap_or_else(|error| {
            self.give_up(entry.path(), &error);
            None
        })
    }
}

impl Cache<'_> {
    /// What was joined of a metric.
    fn of_joined(
        &self,
        joined: &Joined,
        kept: &Kept,
        metric: &Metric,
        most: u64,
        budget: &Arc<MemoryBudget>,
    ) -> Option<Gathered> {
        joined.metric(kept, metric, most, budget).unwrap_or_else(|error| {
            self.give_up(joined.states.path(), &error);
            None
        })
    }
}

/// What is known of a metric over several files.
enum Sum {
    /// Of no file yet.
    Nothing,
    /// Of all so far; `None` if it is not known of one of them.
    Of(Option<Gathered>),
}

impl Sum {
    fn add(&mut self, found: Option<Gathered>) -> Result<(), Error> {
        match (&mut *self, found) {
            (Sum::Of(None), _) => {}
            (_, None) => *self = Sum::Of(None),
            (Sum::Nothing, found) => *self = Sum::Of(found),
            (Sum::Of(Some(own)), Some(found)) => own.join(found)?,
        }
        Ok(())
    }
}

/// Rows that a count has seen.
fn rows_in(gathered: &Gathered) -> u64 {
    match gathered {
        Gathered::States(states) => states.iter().map(|(_, state)| state.least_rows()).sum(),
        Gathered::Undecided | Gathered::Failed(_) => 0,
    }
}

/// Gives the files of states other numbers, and puts them in the order of these.
fn renumber(gathered: &mut Gathered, number: impl Fn(usize) -> usize) {
    if let Gathered::States(states) = gathered {
        states.iter_mut().for_each(|(file, _)| *file = number(*file));
        states.sort_by_key(|(file, _)| *file);
    }
}

/// Metrics that no entry has: those that are no states, and those whose states were not gathered.
fn measure_rest(
    finished: &mut [Option<Finished>],
    sources: &Sources<'_>,
    plan: &Plan,
    options: &ScanOptions<'_>,
) -> Result<usize, ScanError> {
    let mut rest = MetricSet::default();
    let mut ids = Vec::new();
    for (id, metric) in plan.metrics.as_slice().iter().enumerate().filter(|(id, _)| finished[*id].is_none()) {
        rest.ask(metric.clone());
        ids.push(id);
    }
    if ids.is_empty() {
        return Ok(0);
    }
    let options = ScanOptions { progress: None, keep_keys: &[], ..*options };
    let scanned = scan(sources, &rest, &options)?;
    for (id, measured) in ids.into_iter().zip(scanned.results.0) {
        finished[id] = Some(measured);
    }
    Ok(scanned.columns_read)
}

/// Of a run that was ended early nothing is known.
fn interrupted(plan: &Plan) -> Scanned {
    let reason = Arc::new(Unevaluated::new("interrupted", "The run was interrupted"));
    let of = |id: usize| match MetricId(id) {
        rows if rows == plan.rows => Finished::Count(Count(0)),
        _ => Finished::Failed(reason.clone()),
    };
    let results = Results((0..plan.metrics.as_slice().len()).map(of).collect());
    Scanned { results, columns_read: 0, keys: HashMap::new(), failing_parts: HashMap::new() }
}

/// The states of several files, joined in an earlier run.
struct Joined {
    states: StateFile,
    /// Which files of the data they are of, in their order.
    places: Vec<usize>,
}

impl Joined {
    /// Opens what was joined, if all its files are as they were and it has all that is asked for.
    fn open(path: &Path, cache: &Cache<'_>) -> Option<Self> {
        let states = if path.exists() { StateFile::open(path).ok()? } else { return None };
        let place: HashMap<&SourceFile, usize> = cache
            .files
            .iter()
            .enumerate()
            .filter(|(_, file)| file.lasting)
            .map(|(at, file)| (&file.source, at))
            .collect();
        let places: Vec<usize> =
            states.summary().files.iter().map(|file| place.get(file).copied()).collect::<Option<_>>()?;
        // In the order of the data, each once.
        let in_order = places.windows(2).all(|pair| pair[0] < pair[1]);
        let has_all = cache.kept.iter().all(|kept| cache.has(&states, kept));
        (in_order && has_all && !places.is_empty()).then_some(Self { states, places })
    }

    /// Whether a file of the data is among them.
    fn has(&self, file: usize) -> bool {
        self.places.binary_search(&file).is_ok()
    }

    fn metric(
        &self,
        kept: &Kept,
        metric: &Metric,
        most: u64,
        budget: &Arc<MemoryBudget>,
    ) -> Result<Option<Gathered>, Error> {
        let Some(key) = self.states.find(&kept.keys) else { return Ok(None) };
        let mut gathered = self.states.metric(key, &metric.family, 0, most, budget)?;
        if let Some(gathered) = &mut gathered {
            renumber(gathered, |own| self.places.get(own).copied().unwrap_or(0));
        }
        Ok(gathered)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
