//! The keys that rows are looked up in: read once, before the pass.

use super::{ScanOptions, Sources, Trouble, each_part, lock};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::Metric;
use crate::metrics::lookup::{
    Found, KeySource, KeyTable, Lookup, RowText, SourceKeys, UnfitKeys, common_type, find_row,
};
use crate::unevaluated::Unevaluated;
use arrow_schema::{DataType, Schema};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Tables by what they hold and by the types they are probed with.
#[derive(Default)]
pub struct Tables {
    built: HashMap<(Lookup, Vec<DataType>), Arc<KeyTable>>,
}

fn types_of(schema: &Schema, columns: &[Arc<str>]) -> Result<Vec<DataType>, Unevaluated> {
    columns
        .iter()
        .map(|name| schema.field_with_name(name).map(|field| field.data_type().clone()))
        .collect::<Result<_, _>>()
        .map_err(Unevaluated::internal)
}

fn too_large(limit: u64) -> Unevaluated {
    Unevaluated::new(
        "memory_limit",
        format!("the keys of the reference need more than the {limit} bytes they may take"),
    )
    .help("raise --memory-limit")
}

impl Tables {
    /// The table of a lookup whose metric reads columns of these types.
    pub fn get(&self, lookup: &Lookup, own: &[DataType]) -> Option<Arc<KeyTable>> {
        self.built.get(&(lookup.clone(), own.to_vec())).cloned()
    }

    /// Reads the keys that a metric looks for, unless that was done.
    pub(super) fn build(
        &mut self,
        lookup: &Lookup,
        metric: &Metric,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<(), Trouble> {
        let own = types_of(sources.primary.schema(), &metric.columns).map_err(Trouble::Unevaluated)?;
        if self.get(lookup, &own).is_some() {
            return Ok(());
        }
        let table = match &lookup.source {
            KeySource::Dataset(alias) => from_dataset(lookup, alias, &own, sources, options)?,
            KeySource::Query(query) => from_query(lookup, query, &own, sources, options)?,
        };
        self.built.insert((lookup.clone(), own), Arc::new(table));
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
        if let Some(null) = &found.first_null {
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
        if let (Some(different), KeySource::Dataset(alias)) = (&found.first_different, &lookup.source)
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

fn from_dataset(
    lookup: &Lookup,
    alias: &Arc<str>,
    own: &[DataType],
    sources: &Sources<'_>,
    options: &ScanOptions<'_>,
) -> Result<KeyTable, Trouble> {
    let dataset = match sources.references.get(alias) {
        Some(Ok(dataset)) => dataset,
        Some(Err(reason)) => return Err(Trouble::Unevaluated(reason.clone())),
        None => return Err(Trouble::Unevaluated(Unevaluated::internal(format!("no dataset {alias}")))),
    };
    let theirs = types_of(dataset.schema(), &lookup.columns).map_err(Trouble::Unevaluated)?;
    let types = common_types(lookup, own, &theirs).map_err(Trouble::Unevaluated)?;
    let positions = positions(dataset, &lookup.columns).map_err(|error| Trouble::reference(alias, error))?;
    let parts: Mutex<BTreeMap<usize, SourceKeys>> = Mutex::default();
    let bytes = AtomicU64::new(0);
    each_part(dataset, &positions, options, |part, batches| {
        let mut keys = SourceKeys::default();
        let mut counted = 0;
        for batch in batches {
            keys.add(lookup, &types, &batch?.arrays);
            let more = keys.bytes() - counted;
            counted += more;
            if bytes.fetch_add(more, Ordering::Relaxed) + more > options.memory_bytes {
                return Ok(());
            }
        }
        lock(&parts).insert(part, keys);
        Ok(())
    })
    .map_err(|error| Trouble::reference(alias, error))?;
    if bytes.into_inner() > options.memory_bytes {
        return Err(Trouble::Unevaluated(too_large(options.memory_bytes)));
    }
    let parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    match KeyTable::new(lookup, types.clone(), parts.into_values().collect()) {
        Ok(table) => Ok(table),
        Err(UnfitKeys::Null(key)) => {
            let keys = &lookup.columns[..lookup.columns.len() - lookup.compared];
            Err(Trouble::Unevaluated(null_key(&format!("'{alias}'"), keys, &key)))
        }
        Err(UnfitKeys::Repeated(key)) => {
            let keys = &lookup.columns[..lookup.columns.len() - lookup.compared];
            let row = search(dataset, lookup, &lookup.columns, &types, key, options)
                .map_err(|error| Trouble::reference(alias, error))?;
            Err(Trouble::Unevaluated(repeated_key(&format!("'{alias}'"), keys, row)))
        }
    }
}

fn from_query(
    lookup: &Lookup,
    query: &str,
    own: &[DataType],
    sources: &Sources<'_>,
    options: &ScanOptions<'_>,
) -> Result<KeyTable, Trouble> {
    let mut keys = SourceKeys::default();
    let mut types = own.to_vec();
    sources.sql.rows(query, &mut |batch| {
        let theirs: Vec<_> = batch.columns().iter().map(|column| column.data_type().clone()).collect();
        types = common_types(lookup, own, &theirs)?;
        keys.add(lookup, &types, batch.columns());
        if keys.bytes() > options.memory_bytes { Err(too_large(options.memory_bytes)) } else { Ok(()) }
    })?;
    KeyTable::new(lookup, types, vec![keys])
        .map_err(|_| Trouble::Unevaluated(Unevaluated::internal("rows of a query have no unique keys")))
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
