//! The keys that rows are looked up in: read once, before the pass.
//!
//! Keys that need more memory than they may take go to disk. The first pass over the data then looks
//! up one piece of them, and each other piece takes a pass of its own over the columns looked up.

use super::{ScanOptions, Sources, Trouble, each_part, lock};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::lookup::{
    Found, KeySource, KeyTable, Lookup, Pieces, RowText, SourceKeys, SpilledKeys, UnfitKeys, common_type, find_row,
};
use crate::metrics::{Family, MemoryBudget, Metric};
use crate::unevaluated::Unevaluated;
use arrow_schema::{DataType, Schema};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Keys are not cut finer than this: every piece takes a pass over the data.
const LEAST_TABLE: u64 = 8 << 20;

/// Tables by what they hold and by the types they are probed with.
pub struct Tables {
    built: HashMap<(Lookup, Vec<DataType>), Prepared>,
    /// Bytes that each table may take.
    bytes: u64,
    /// Whose temporary file takes the keys that are too many.
    budget: Arc<MemoryBudget>,
}

/// A table of all keys, or of one piece and what the others are made from.
struct Prepared {
    table: Arc<KeyTable>,
    spilled: Option<(SpilledKeys, Pieces)>,
}

fn types_of(schema: &Schema, columns: &[Arc<str>]) -> Result<Vec<DataType>, Unevaluated> {
    columns
        .iter()
        .map(|name| schema.field_with_name(name).map(|field| field.data_type().clone()))
        .collect::<Result<_, _>>()
        .map_err(Unevaluated::internal)
}

fn unwritable(error: io::Error) -> Unevaluated {
    let message = format!("the keys of the reference need a temporary file: {error}");
    Unevaluated::new("temporary_file", message)
        .help("give temporary files room (TMPDIR names their directory), or raise --memory-limit to need none")
}

impl Tables {
    /// For the lookups among these metrics, which share a quarter of the memory.
    pub(super) fn new(metrics: &[Metric], budget: Arc<MemoryBudget>, options: &ScanOptions<'_>) -> Self {
        let lookups = metrics.iter().filter(|metric| matches!(metric.family, Family::Lookup(_))).count() as u64;
        let bytes = (options.memory_bytes / 4 / lookups.max(1)).max(LEAST_TABLE);
        Self { built: HashMap::new(), bytes, budget }
    }

    /// The table of a lookup whose metric reads columns of these types: all of it, or the piece that
    /// was made last.
    pub fn get(&self, lookup: &Lookup, own: &[DataType]) -> Option<Arc<KeyTable>> {
        self.built.get(&(lookup.clone(), own.to_vec())).map(|prepared| prepared.table.clone())
    }

    /// Reads the keys that a metric looks for, unless that was done. Gives in how many pieces they
    /// are looked up; the first one is ready.
    pub(super) fn build(
        &mut self,
        lookup: &Lookup,
        metric: &Metric,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<usize, Trouble> {
        let own = types_of(sources.primary.schema(), &metric.columns).map_err(Trouble::Unevaluated)?;
        let key = (lookup.clone(), own);
        if !self.built.contains_key(&key) {
            let (keys, types) = match &lookup.source {
                KeySource::Dataset(alias) => self.keys_of_dataset(lookup, alias, &key.1, sources, options)?,
                KeySource::Query(query) => self.keys_of_query(lookup, query, &key.1, sources)?,
            };
            let prepared = self.prepare(lookup, keys, types, sources, options)?;
            self.built.insert(key.clone(), prepared);
        }
        let pieces = self.built.get(&key).and_then(|prepared| prepared.spilled.as_ref());
        Ok(pieces.map_or(1, |(_, pieces)| pieces.count()))
    }

    fn prepare(
        &self,
        lookup: &Lookup,
        keys: Collected,
        types: Vec<DataType>,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<Prepared, Trouble> {
        let unwritable = |error| Trouble::Unevaluated(unwritable(error));
        let built = match keys {
            Collected::Held(parts) => {
                KeyTable::new(lookup, types.clone(), parts, options.threads).map(|table| (table, None))
            }
            Collected::Spilled { first_null: Some(null), .. } if lookup.unique_keys => Err(UnfitKeys::Null(null)),
            Collected::Spilled { keys, .. } => match KeyTable::dense(lookup, &types, &keys, self.bytes) {
                Ok(Some(table)) => Ok((table, None)),
                Ok(None) => {
                    let pieces = keys.pieces(self.bytes);
                    let first = KeyTable::of_piece(lookup, types.clone(), &keys, pieces.piece(0));
                    first.map_err(unwritable)?.map(|table| (table, Some((keys, pieces))))
                }
                Err(error) => return Err(unwritable(error)),
            },
        };
        match built {
            Ok((table, spilled)) => Ok(Prepared { table: Arc::new(table), spilled }),
            Err(unfit) => Err(unfit_keys(lookup, &types, unfit, sources, options)),
        }
    }

    /// Makes another piece of a metric's keys ready; the one before is given up.
    pub(super) fn turn(
        &mut self,
        lookup: &Lookup,
        metric: &Metric,
        at: usize,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<(), Trouble> {
        let own = types_of(sources.primary.schema(), &metric.columns).map_err(Trouble::Unevaluated)?;
        let Some(prepared) = self.built.get_mut(&(lookup.clone(), own)) else { return Ok(()) };
        let Some((keys, pieces)) = &prepared.spilled else { return Ok(()) };
        let piece = pieces.piece(at);
        if prepared.table.piece == piece {
            return Ok(());
        }
        let types = prepared.table.types.clone();
        // Two tables at once would be more than there is room for.
        prepared.table = Arc::new(KeyTable::empty(types.clone()));
        let table = KeyTable::of_piece(lookup, types.clone(), keys, piece);
        match table.map_err(|error| Trouble::Unevaluated(unwritable(error)))? {
            Ok(table) => prepared.table = Arc::new(table),
            Err(unfit) => return Err(unfit_keys(lookup, &types, unfit, sources, options)),
        }
        Ok(())
    }

    /// Completes what a lookup found: which columns differ in the first row with other values,
    /// or why keys that must be unique and complete are not.
    pub(super) fn explain(
        &self,
        lookup: &Lookup,
        metric: &Metric,
        found: &mut Found,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<Option<Unevaluated>, Error> {
        let Ok(own) = types_of(sources.primary.schema(), &metric.columns) else { return Ok(None) };
        let Some(table) = self.get(lookup, &own) else { return Ok(None) };
        let keys = metric.columns.len() - lookup.compared;
        if let Some(null) = found.first_null() {
            return Ok(Some(null_key("the data", &metric.columns[..keys], null)));
        }
        let repeated = match found.take_repeated() {
            Ok(repeated) => repeated,
            Err(reason) => return Ok(Some(reason)),
        };
        if let Some(repeated) = repeated {
            let row = search(sources.primary, lookup, &metric.columns, &table.types, repeated, options)?;
            return Ok(Some(repeated_key("the data", &metric.columns[..keys], row)));
        }
        if let (Some(different), KeySource::Dataset(alias)) = (found.first_different(), &lookup.source)
            && let (Some(hash), Some(Ok(dataset))) = (different.hash, sources.references.get(alias))
            && let Some((_, theirs)) = search(dataset, lookup, &lookup.columns, &table.types, hash, options)?
        {
            let pairs = metric.columns[keys..].iter().zip(different.compared.iter().zip(&theirs));
            let differing: Vec<_> = pairs
                .filter(|(_, (own, theirs))| own != theirs)
                .take(3)
                .map(|(column, (own, theirs))| format!("{column} is {own}, in {alias} {theirs}"))
                .collect();
            if !differing.is_empty() {
                found.note = format!(": {}", differing.join("; "));
            }
        }
        Ok(None)
    }
}

fn null_key(place: &str, columns: &[Arc<str>], key: &str) -> Unevaluated {
    Unevaluated::new("unfit_key", format!("a key ({}) in {place} is not complete: {key}", columns.join(", ")))
        .help("rows are matched by keys that are unique and never NULL on both sides")
}

fn repeated_key(place: &str, columns: &[Arc<str>], row: Option<RowText>) -> Unevaluated {
    let key = row.map_or_else(String::new, |(key, _)| format!(": {}", key.join(", ")));
    Unevaluated::new("unfit_key", format!("a key ({}) occurs more than once in {place}{key}", columns.join(", ")))
        .help("rows are matched by keys that are unique and never NULL on both sides")
}

/// Types in which both sides are compared; the rules saw to it that there are such.
fn common_types(lookup: &Lookup, own: &[DataType], theirs: &[DataType]) -> Result<Vec<DataType>, Unevaluated> {
    own.iter()
        .zip(theirs)
        .zip(&lookup.columns)
        .map(|((own, theirs), column)| {
            common_type(own, theirs).ok_or_else(|| {
                Unevaluated::new(
                    "column_type",
                    format!("values of type {own} cannot be compared with {column}, which is {theirs}"),
                )
            })
        })
        .collect()
}

/// Why the keys of a source cannot be looked up, with the key that says so.
fn unfit_keys(
    lookup: &Lookup,
    types: &[DataType],
    unfit: UnfitKeys,
    sources: &Sources<'_>,
    options: &ScanOptions<'_>,
) -> Trouble {
    let KeySource::Dataset(alias) = &lookup.source else {
        return Trouble::Unevaluated(Unevaluated::internal("rows of a query have no unique keys"));
    };
    let keys = &lookup.columns[..lookup.columns.len() - lookup.compared];
    let place = format!("'{alias}'");
    let repeated = match unfit {
        UnfitKeys::Null(key) => return Trouble::Unevaluated(null_key(&place, keys, &key)),
        UnfitKeys::Repeated(key) => key,
    };
    let row = match sources.references.get(alias) {
        Some(Ok(dataset)) => search(dataset, lookup, &lookup.columns, types, repeated, options),
        _ => Ok(None),
    };
    match row {
        Ok(row) => Trouble::Unevaluated(repeated_key(&place, keys, row)),
        Err(error) => Trouble::reference(alias, error),
    }
}

/// The keys of a source, as read.
enum Collected {
    /// In the order of its parts.
    Held(Vec<SourceKeys>),
    /// On disk, and the first key with NULL.
    Spilled { keys: SpilledKeys, first_null: Option<String> },
}

/// Keys that come part by part, from several threads.
struct Collector<'a> {
    lookup: &'a Lookup,
    /// Bytes they may take.
    bytes: u64,
    budget: &'a Arc<MemoryBudget>,
    held: AtomicU64,
    parts: Mutex<BTreeMap<usize, SourceKeys>>,
    spilled: Mutex<Option<SpilledKeys>>,
    first_null: Mutex<Option<(usize, String)>>,
}

impl<'a> Collector<'a> {
    fn new(lookup: &'a Lookup, tables: &'a Tables) -> Self {
        Self {
            lookup,
            bytes: tables.bytes,
            budget: &tables.budget,
            held: AtomicU64::new(0),
            parts: Mutex::default(),
            spilled: Mutex::default(),
            first_null: Mutex::default(),
        }
    }

    /// Counts what a part has grown by from `counted` bytes; writes its keys, and those of finished parts, to
    /// disk if that is too much.
    fn grown(&self, part: usize, keys: &mut SourceKeys, counted: &mut u64) -> io::Result<()> {
        let bytes = keys.bytes();
        let before = std::mem::replace(counted, bytes);
        self.held.fetch_sub(before, Ordering::Relaxed);
        if self.held.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes {
            for (part, keys) in std::mem::take(&mut *lock(&self.parts)) {
                self.spill(part, keys)?;
            }
            *counted = 0;
            self.spill(part, std::mem::take(keys))?;
        }
        Ok(())
    }

    fn spill(&self, part: usize, mut keys: SourceKeys) -> io::Result<()> {
        self.held.fetch_sub(keys.bytes(), Ordering::Relaxed);
        if let Some(null) = keys.take_first_null() {
            let mut first = lock(&self.first_null);
            // A part may be written in several pieces, the first one first.
            if first.as_ref().is_none_or(|(earlier, _)| part < *earlier) {
                *first = Some((part, null));
            }
        }
        let mut spilled = lock(&self.spilled);
        spilled.get_or_insert_with(|| SpilledKeys::new(self.lookup, self.budget.clone())).add(&keys)
    }

    fn finish(self) -> io::Result<Collected> {
        let parts = std::mem::take(&mut *lock(&self.parts));
        if lock(&self.spilled).is_none() {
            return Ok(Collected::Held(parts.into_values().collect()));
        }
        for (part, keys) in parts {
            self.spill(part, keys)?;
        }
        let keys = lock(&self.spilled).take();
        let first_null = lock(&self.first_null).take().map(|(_, null)| null);
        Ok(match keys {
            Some(keys) => Collected::Spilled { keys, first_null },
            None => Collected::Held(Vec::new()),
        })
    }
}

impl Tables {
    fn keys_of_dataset(
        &self,
        lookup: &Lookup,
        alias: &Arc<str>,
        own: &[DataType],
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<(Collected, Vec<DataType>), Trouble> {
        let dataset = match sources.references.get(alias) {
            Some(Ok(dataset)) => dataset,
            Some(Err(reason)) => return Err(Trouble::Unevaluated(reason.clone())),
            None => return Err(Trouble::Unevaluated(Unevaluated::internal(format!("no dataset {alias}")))),
        };
        let theirs = types_of(dataset.schema(), &lookup.columns).map_err(Trouble::Unevaluated)?;
        let types = common_types(lookup, own, &theirs).map_err(Trouble::Unevaluated)?;
        let positions = positions(dataset, &lookup.columns).map_err(|error| Trouble::reference(alias, error))?;
        let collector = Collector::new(lookup, self);
        let unwritten: Mutex<Option<io::Error>> = Mutex::new(None);
        each_part(dataset, &positions, options, |part, batches| {
            let (mut keys, mut counted) = (SourceKeys::default(), 0);
            for batch in batches {
                keys.add(lookup, &types, &batch?.arrays);
                if let Err(error) = collector.grown(part, &mut keys, &mut counted) {
                    *lock(&unwritten) = Some(error);
                }
                if lock(&unwritten).is_some() {
                    return Ok(());
                }
            }
            lock(&collector.parts).insert(part, keys);
            Ok(())
        })
        .map_err(|error| Trouble::reference(alias, error))?;
        let failed = lock(&unwritten).take();
        let collected = failed.map_or_else(|| collector.finish(), Err);
        Ok((collected.map_err(|error| Trouble::Unevaluated(unwritable(error)))?, types))
    }

    fn keys_of_query(
        &self,
        lookup: &Lookup,
        query: &str,
        own: &[DataType],
        sources: &Sources<'_>,
    ) -> Result<(Collected, Vec<DataType>), Trouble> {
        let collector = Collector::new(lookup, self);
        let (mut keys, mut counted) = (SourceKeys::default(), 0);
        let mut types = own.to_vec();
        sources.sql.rows(query, &mut |batch| {
            let theirs: Vec<_> = batch.columns().iter().map(|column| column.data_type().clone()).collect();
            types = common_types(lookup, own, &theirs)?;
            keys.add(lookup, &types, batch.columns());
            collector.grown(0, &mut keys, &mut counted).map_err(unwritable)
        })?;
        lock(&collector.parts).insert(0, keys);
        Ok((collector.finish().map_err(|error| Trouble::Unevaluated(unwritable(error)))?, types))
    }
}

fn positions(dataset: &Dataset, columns: &[Arc<str>]) -> Result<Vec<usize>, Error> {
    columns
        .iter()
        .map(|name| dataset.schema().index_of(name).map_err(|error| Error::Internal(error.to_string())))
        .collect()
}

/// The first row with a key, as text: its key and its compared values.
fn search(
    dataset: &Dataset,
    lookup: &Lookup,
    columns: &[Arc<str>],
    types: &[DataType],
    key: u128,
    options: &ScanOptions<'_>,
) -> Result<Option<RowText>, Error> {
    let positions = positions(dataset, columns)?;
    for batch in dataset.batches(&positions, options.batch_rows.max(1)) {
        if let ControlFlow::Break(row) = find_row(lookup, types, &batch?.arrays, key) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}
