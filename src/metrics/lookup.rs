//! Rows that are found elsewhere: keys of another dataset, or rows of a query.

mod common_type;
mod key_table;

pub use common_type::common_type;
pub use key_table::{KeyTable, RowText, SourceKeys, UnfitKeys, find_row};

use super::frequencies::{Frequencies, row_keys};
use super::{NoValue, Reading, Statistic};
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use common_type::conformed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What rows are looked up in, and how. The columns of the metric pair with `columns` by position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// Where the keys come from.
    pub source: KeySource,
    /// The columns there.
    pub columns: Vec<Arc<str>>,
    /// So many of the last pairs are compared once the key is found; NULL equals NULL among them.
    pub compared: usize,
    /// Whether a NULL in a key is a value like others; else a row with NULL is never found.
    pub null_is_value: bool,
    /// Whether keys must be unique and complete on both sides.
    pub unique_keys: bool,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// The dataset of that alias.
    Dataset(Arc<str>),
    /// The rows that a query gives.
    Query(Arc<str>),
}

impl std::fmt::Display for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match &self.source {
            KeySource::Dataset(alias) => alias,
            KeySource::Query(query) => query,
        };
        let (keys, compared) = self.columns.split_at(self.columns.len() - self.compared);
        write!(f, "in {source} ({})", keys.join(", "))?;
        if compared.is_empty() { Ok(()) } else { write!(f, " comparing ({})", compared.join(", ")) }
    }
}

/// The type without its encoding.
pub(crate) fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}

/// Characters of a value shown in a message.
const SHOWN: usize = 60;

/// The values of a row, for messages: shortened, text in quotes.
fn texts(columns: &[ArrayRef], row: usize) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    columns
        .iter()
        .map(|column| {
            let shown = ArrayFormatter::try_new(column.as_ref(), &options)
                .map_or_else(|_| String::new(), |formatter| formatter.value(row).to_string());
            let text = super::is_text(column.data_type()) && !column.is_null(row);
            let quote = if text { "\"" } else { "" };
            match shown.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{quote}{}...{quote}", &shown[..end]),
                None => format!("{quote}{shown}{quote}"),
            }
        })
        .collect()
}

/// A row that was not found, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    /// Its key.
    pub key: Vec<String>,
    /// Its compared values.
    pub compared: Vec<String>,
    /// Identifies the key in the source; `None` when it has NULL.
    pub hash: Option<u128>,
}

/// How many rows were found. Counts, and the first row of each kind of failure.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Found {
    /// Rows whose key is there and whose compared values agree.
    pub found: u64,
    /// Rows whose key is not there.
    pub absent: u64,
    /// Those of them whose key has NULL, where NULL is never found.
    pub absent_null: u64,
    /// Rows whose key is there with other values.
    pub different: u64,
    /// The first row whose key is not there.
    pub first_absent: Option<LookedUp>,
    /// The first row whose key is there with other values.
    pub first_different: Option<LookedUp>,
    /// The first row whose key has NULL, where keys must be complete.
    pub first_null: Option<String>,
    /// What differs in the first row with other values, once that was looked up.
    pub note: String,
    /// All keys, where they must be unique.
    keys: Option<Frequencies>,
}

impl Found {
    /// Before any row.
    pub fn new(lookup: &Lookup) -> Self {
        // Keys are folded as one hash.
        let keys = lookup.unique_keys.then(|| Frequencies::new(&[DataType::Utf8], Arc::default()));
        Self { keys, ..Self::default() }
    }

    /// Folds rows: the metric's columns, in its order.
    pub fn update(&mut self, lookup: &Lookup, table: &KeyTable, columns: &[ArrayRef]) {
        let conformed: Vec<_> =
            columns.iter().zip(&table.types).map(|(array, common)| conformed(array, common)).collect();
        let split = columns.len() - lookup.compared;
        let keys = row_keys(&conformed[..split], lookup.null_is_value);
        let compared = if lookup.compared == 0 { Vec::new() } else { row_keys(&conformed[split..], true) };
        let looked_up = |row: usize, hash| LookedUp {
            key: texts(&columns[..split], row),
            compared: texts(&columns[split..], row),
            hash,
        };
        for (row, key) in keys.into_iter().enumerate() {
            match key.and_then(|key| table.get(key)) {
                Some(hash) if compared.get(row).is_none_or(|own| *own == Some(hash)) => self.found += 1,
                Some(_) => {
                    self.different += 1;
                    self.first_different.get_or_insert_with(|| looked_up(row, key));
                }
                None => {
                    self.absent += 1;
                    self.absent_null += u64::from(key.is_none());
                    self.first_absent.get_or_insert_with(|| looked_up(row, key));
                }
            }
            if let Some(frequencies) = &mut self.keys {
                match key {
                    Some(key) => frequencies.add_hash(key),
                    None => {
                        self.first_null.get_or_insert_with(|| texts(&columns[..split], row).join(", "));
                    }
                }
            }
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs, of a lookup of one column.
    pub fn weigh(&mut self, table: &KeyTable, values: &ArrayRef, weights: &[u64], nulls: u64) {
        let [common] = table.types.as_slice() else { return };
        for (row, key) in row_keys(&[conformed(values, common)], false).into_iter().enumerate() {
            let weight = weights.get(row).copied().unwrap_or(0);
            if key.and_then(|key| table.get(key)).is_some() {
                self.found += weight;
            } else if weight > 0 {
                self.absent += weight;
                let key_text = || texts(std::slice::from_ref(values), row);
                self.first_absent.get_or_insert_with(|| LookedUp { key: key_text(), compared: Vec::new(), hash: key });
            }
        }
        self.absent += nulls;
        self.absent_null += nulls;
    }

    /// Joins what a later partition found.
    pub fn merge(&mut self, later: Self) {
        self.found += later.found;
        self.absent += later.absent;
        self.absent_null += later.absent_null;
        self.different += later.different;
        self.first_absent = self.first_absent.take().or(later.first_absent);
        self.first_different = self.first_different.take().or(later.first_different);
        self.first_null = self.first_null.take().or(later.first_null);
        match (&mut self.keys, later.keys) {
            (Some(own), Some(later)) => own.merge(later),
            (own @ None, later) => *own = later,
            (Some(_), None) => {}
        }
    }

    /// The first row that was not found, and how many are like it.
    pub fn example(&self) -> Option<String> {
        let tuple = |values: &[String]| match values {
            [value] => value.clone(),
            values => format!("({})", values.join(", ")),
        };
        let count = |rows: u64| if rows == 1 { "1 row".to_string() } else { format!("{rows} rows") };
        let absent = self.first_absent.as_ref().map(|row| {
            let nulls = match self.absent_null {
                0 => String::new(),
                nulls if nulls == self.absent => " (NULL)".into(),
                nulls => format!(" ({nulls} with NULL)"),
            };
            format!("{} not found{nulls}, the first is {}", count(self.absent), tuple(&row.key))
        });
        let different = self.first_different.as_ref().map(|row| {
            format!("{} found with other values, the first is {}{}", count(self.different), tuple(&row.key), self.note)
        });
        let lines: Vec<_> = absent.into_iter().chain(different).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// A key that occurs more than once although it must not; gives up the keys.
    pub fn take_repeated(&mut self) -> Result<Option<u128>, Unevaluated> {
        self.keys.take().map_or(Ok(None), Frequencies::any_repeated)
    }

    /// [`Statistic::Count`]: rows that were found.
    pub fn statistic(&self, statistic: Statistic) -> Reading {
        match statistic {
            Statistic::Count => Ok(Number::integer(self.found.into())),
            _ => Err(NoValue::NotInFamily),
        }
    }
}
