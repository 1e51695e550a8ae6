//! The keys that rows are looked up in: read once, before the pass.
//!
//! Keys that need more memory than they may take go to disk. The first pass over the data then looks
//! up one piece of them, and each other piece takes a pass of its own over the columns looked up.

use super::collector::{Collected, Collector};
use super::{ScanOptions, Sources, Trouble, each_part, lock};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::lookup::{
    Found, KeySource, KeyTable, Lookup, Pieces, RowCells, SourceKeys, SpilledKeys, UnfitKeys, common_type, find_row,
    listed,
};
use crate::metrics::{Family, Kernel, MemoryBudget, Metric};
use crate::redaction::Redaction;
use crate::sample::Cell;
use crate::unevaluated::Unevaluated;
use arrow_schema::{DataType, Schema};
use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
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
#[derive(Debug, Clone)]
pub struct Prepared {
    table: Arc<KeyTable>,
    spilled: Option<(Arc<SpilledKeys>, Pieces)>,
}

impl Prepared {
    /// The table of all keys or of the piece that was made last.
    pub fn table(&self) -> &Arc<KeyTable> {
        &self.table
    }

    /// In how many pieces the keys are looked up.
    pub fn pieces(&self) -> usize {
        self.spilled.as_ref().map_or(1, |(_, pieces)| pieces.count())
    }

    /// Makes another piece ready; the one before is given up.
    pub fn turn(&mut self, lookup: &Lookup, at: usize) -> io::Result<Result<(), UnfitKeys>> {
        let Some((keys, pieces)) = &self.spilled else { return Ok(Ok(())) };
        let piece = pieces.piece(at);
        if self.table.piece == piece {
            return Ok(Ok(()));
        }
        let types = self.table.types.clone();
        // Two tables at once would be more than there is room for.
        self.table = Arc::new(KeyTable::empty(types.clone()));
        Ok(KeyTable::of_piece(lookup, types, keys, piece)?.map(|table| self.table = Arc::new(table)))
    }
}

pub(super) fn types_of(schema: &Schema, columns: &[Arc<str>]) -> Result<Vec<DataType>, Unevaluated> {
    columns
        .iter()
        .map(|name| schema.field_with_name(name).map(|field| field.data_type().clone()))
        .collect::<Result<_, _>>()
        .map_err(Unevaluated::internal)
}

/// Keys of which only the presence is asked.
pub fn presence() -> Lookup {
    let source = KeySource::Query("".into());
    Lookup { source, columns: vec!["".into()], compared: 0, null_is_value: false, unique_keys: false }
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
        self.prepared_keys(lookup, own).map(|prepared| prepared.table)
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
        Ok(self.built.get(&key).map_or(1, Prepared::pieces))
    }

    /// The keys that occur more than once, as a table: they come from `visit`, which hands them over.
    pub(super) fn repeated<T>(
        &self,
        types: &[DataType],
        threads: usize,
        visit: impl FnOnce(&(dyn Fn(Vec<u128>) -> io::Result<()> + Sync)) -> Result<T, Unevaluated>,
    ) -> Result<(T, Prepared), Unevaluated> {
        let presence = presence();
        let collector = Collector::new(&presence, self.bytes, &self.budget);
        let part = AtomicUsize::new(0);
        let visited = visit(&|keys| {
            let part = part.fetch_add(1, Ordering::Relaxed);
            let mut keys = SourceKeys::from(keys);
            collector.grown(part, &mut keys, &mut 0)?;
            collector.insert(part, keys);
            Ok(())
        })?;
        let keys = collector.finish().map_err(unwritable)?;
        match self.prepared(&presence, keys, types.to_vec(), threads).map_err(unwritable)? {
            Ok(prepared) => Ok((visited, prepared)),
            Err(_) => Err(Unevaluated::internal("keys need not be unique")),
        }
    }

    fn prepared(
        &self,
        lookup: &Lookup,
        keys: Collected,
        types: Vec<DataType>,
        threads: usize,
    ) -> io::Result<Result<Prepared, UnfitKeys>> {
        Ok(match keys {
            Collected::Held(parts) => KeyTable::new(lookup, types, parts, threads).map(|table| (table, None)),
            Collected::Spilled { first_null: Some(null), .. } if lookup.unique_keys => Err(UnfitKeys::Null(null)),
            Collected::Spilled { keys, .. } => match KeyTable::dense(lookup, &types, &keys, self.bytes)? {
                Some(table) => Ok((table, None)),
                None => {
                    let pieces = keys.pieces(self.bytes);
                    let first = KeyTable::of_piece(lookup, types, &keys, pieces.piece(0))?;
                    first.map(|table| (table, Some((Arc::new(keys), pieces))))
                }
            },
        }
        .map(|(table, spilled)| Prepared { table: Arc::new(table), spilled }))
    }

    fn prepare(
        &self,
        lookup: &Lookup,
        keys: Collected,
        types: Vec<DataType>,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<Prepared, Trouble> {
        match self.prepared(lookup, keys, types.clone(), options.threads) {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(unfit)) => Err(unfit_keys(lookup, &types, unfit, sources, options)),
            Err(error) => Err(Trouble::Unevaluated(unwritable(error))),
        }
    }

    /// The keys of a lookup, ready to judge rows with.
    pub(super) fn prepared_keys(&self, lookup: &Lookup, own: &[DataType]) -> Option<Prepared> {
        self.built.get(&(lookup.clone(), own.to_vec())).cloned()
    }

    /// Whether one pass cannot look up all keys of a metric.
    pub(super) fn in_pieces(&self, kernel: &Kernel) -> bool {
        let Family::Lookup(lookup) = kernel.family() else { return false };
        self.prepared_keys(lookup, kernel.types()).is_some_and(|prepared| prepared.pieces() > 1)
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
        match prepared.turn(lookup, at) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(unfit)) => {
                let types = prepared.table.types.clone();
                Err(unfit_keys(lookup, &types, unfit, sources, options))
            }
            Err(error) => Err(Trouble::Unevaluated(unwritable(error))),
        }
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
            return Ok(Some(null_key("the data", &metric.columns[..keys], null, options.redaction)));
        }
        let repeated = match found.take_repeated() {
            Ok(repeated) => repeated,
            Err(reason) => return Ok(Some(reason)),
        };
        if let Some(repeated) = repeated {
            let row = search(sources.primary, lookup, &metric.columns, &table.types, repeated, options)?;
            return Ok(Some(repeated_key("the data", &metric.columns[..keys], row, options.redaction)));
        }
        if let (Some(different), KeySource::Dataset(alias)) = (found.first_different(), &lookup.source)
            && let (Some(hash), Some(Ok(dataset))) = (different.hash, sources.references.get(alias))
        {
            let wanted = HashSet::from([hash]);
            let own = Lookup { columns: metric.columns.clone(), ..lookup.clone() };
            let own = compared_cells(sources.primary, &own, &table.types, &wanted, options)?.remove(&hash);
            let theirs = compared_cells(dataset, lookup, &table.types, &wanted, options)?.remove(&hash);
            let cells = own.unwrap_or_default().into_iter().zip(theirs.unwrap_or_default());
            let shown = |cell: &Cell| options.redaction.shown(cell);
            let differing: Vec<_> = metric.columns[keys..]
                .iter()
                .zip(cells)
                .filter(|(_, ((_, own), (_, theirs)))| own != theirs)
                .take(3)
                .map(|(column, ((own, _), (theirs, _)))| {
                    format!("{column} is {}, in {alias} {}", shown(&own), shown(&theirs))
                })
                .collect();
            if !differing.is_empty() {
                found.note = format!(": {}", differing.join("; "));
            }
        }
        Ok(None)
    }
}

/// Values of a row as they may stand in a message.
fn hidden(cells: &[Cell], redaction: &Redaction) -> String {
    listed(&cells.iter().map(|cell| redaction.cell(cell)).collect::<Vec<_>>())
}

fn null_key(place: &str, columns: &[Arc<str>], key: &[Cell], redaction: &Redaction) -> Unevaluated {
    let key = hidden(key, redaction);
    Unevaluated::new("unfit_key", format!("a key ({}) in {place} is not complete: {key}", columns.join(", ")))
        .help("rows are matched by keys that are unique and never NULL on both sides")
}

fn repeated_key(place: &str, columns: &[Arc<str>], row: Option<RowCells>, redaction: &Redaction) -> Unevaluated {
    let key = row.map_or_else(String::new, |(key, _)| format!(": {}", hidden(&key, redaction)));
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
        UnfitKeys::Null(key) => return Trouble::Unevaluated(null_key(&place, keys, &key, options.redaction)),
        UnfitKeys::Repeated(key) => key,
    };
    let row = match sources.references.get(alias) {
        Some(Ok(dataset)) => search(dataset, lookup, &lookup.columns, types, repeated, options),
        _ => Ok(None),
    };
    match row {
        Ok(row) => Trouble::Unevaluated(repeated_key(&place, keys, row, options.redaction)),
        Err(error) => Trouble::reference(alias, error),
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
        let collector = Collector::new(lookup, self.bytes, &self.budget);
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
            collector.insert(part, keys);
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
        let collector = Collector::new(lookup, self.bytes, &self.budget);
        let (mut keys, mut counted) = (SourceKeys::default(), 0);
        let mut types = own.to_vec();
        sources.sql.rows(query, &mut |batch| {
            let theirs: Vec<_> = batch.columns().iter().map(|column| column.data_type().clone()).collect();
            types = common_types(lookup, own, &theirs)?;
            keys.add(lookup, &types, batch.columns());
            collector.grown(0, &mut keys, &mut counted).map_err(unwritable)
        })?;
        collector.insert(0, keys);
        Ok((collector.finish().map_err(|error| Trouble::Unevaluated(unwritable(error)))?, types))
    }
}

fn positions(dataset: &Dataset, columns: &[Arc<str>]) -> Result<Vec<usize>, Error> {
    columns
        .iter()
        .map(|name| dataset.schema().index_of(name).map_err(|error| Error::Internal(error.to_string())))
        .collect()
}

/// The first row with a key: its key and its compared values.
fn search(
    dataset: &Dataset,
    lookup: &Lookup,
    columns: &[Arc<str>],
    types: &[DataType],
    key: u128,
    options: &ScanOptions<'_>,
) -> Result<Option<RowCells>, Error> {
    let positions = positions(dataset, columns)?;
    for batch in dataset.batches(&positions, options.batch_rows.max(1)) {
        if let ControlFlow::Break(row) = find_row(lookup, types, &batch?.arrays, key) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// A cell as it is shown, and what tells it from others.
pub type ComparedCell = (Cell, Option<u128>);

/// The compared cells of the first row of each key, of those that are there.
pub fn compared_cells(
    dataset: &Dataset,
    lookup: &Lookup,
    types: &[DataType],
    wanted: &HashSet<u128>,
    options: &ScanOptions<'_>,
) -> Result<HashMap<u128, Vec<ComparedCell>>, Error> {
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let positions = positions(dataset, &lookup.columns)?;
    for batch in dataset.batches(&positions, options.batch_rows.max(1)) {
        let arrays = batch?.arrays;
        for (row, key) in lookup.keys_in(types, &arrays).0.into_iter().enumerate() {
            if let Some(key) = key.filter(|key| wanted.contains(key) && !found.contains_key(key)) {
                found.insert(key, lookup.compared_cells(types, &arrays, row));
            }
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}
