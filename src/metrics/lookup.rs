//! Rows that are found elsewhere: keys of another dataset, or rows of a query.

mod common_type;
mod key_table;
mod source_keys;

pub use common_type::common_type;
pub use key_table::{KeyTable, RowCells, UnfitKeys, find_row};
pub use source_keys::{Piece, Pieces, SourceKeys, SpilledKeys};

use super::frequencies::{Frequencies, row_keys};
use super::{MemoryBudget, NoValue, Reading, Statistic};
use crate::redaction::Redaction;
use crate::sample::Cell;
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
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

impl Lookup {
    /// One bit per row of the metric's columns, in its order: whether its key is found and its compared
    /// values agree. The table must hold all keys.
    pub fn found(&self, table: &KeyTable, columns: &[ArrayRef]) -> BooleanBuffer {
        let (keys, compared) = self.keys(table, columns);
        BooleanBuffer::collect_bool(keys.len(), |row| {
            keys[row]
                .and_then(|key| table.get(key))
                .is_some_and(|hash| compared.get(row).is_none_or(|own| *own == Some(hash)))
        })
    }

    /// Keys of rows, and hashes of their compared values where there are such.
    pub fn keys(&self, table: &KeyTable, columns: &[ArrayRef]) -> (Vec<Option<u128>>, Vec<Option<u128>>) {
        self.keys_in(&table.types, columns)
    }

    /// The compared cells of a row, each with what tells it from others; NULL equals NULL.
    pub fn compared_cells(&self, types: &[DataType], columns: &[ArrayRef], row: usize) -> Vec<(Cell, Option<u128>)> {
        let first = columns.len() - self.compared;
        let compared = columns[first..].iter().zip(types.iter().skip(first));
        let cell = |(array, common): (&ArrayRef, &DataType)| {
            let one = conformed(&array.slice(row, 1), common);
            (Cell::of(array, row), row_keys(&[one], false).first().copied().flatten())
        };
        compared.map(cell).collect()
    }

    /// The same, in types that both sides share.
    pub fn keys_in(&self, types: &[DataType], columns: &[ArrayRef]) -> (Vec<Option<u128>>, Vec<Option<u128>>) {
        let conformed: Vec<_> = columns.iter().zip(types).map(|(array, common)| conformed(array, common)).collect();
        let (keys, compared) = conformed.split_at(columns.len() - self.compared);
        let compared = if compared.is_empty() { Vec::new() } else { row_keys(compared, true) };
        (row_keys(keys, self.null_is_value), compared)
    }
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

/// The values of a row, for messages.
fn cells(columns: &[ArrayRef], row: usize) -> Vec<Cell> {
    columns.iter().map(|column| Cell::of(column, row)).collect()
}

/// Values of a row in a message.
pub fn listed(cells: &[Cell]) -> String {
    cells.iter().map(Cell::to_string).collect::<Vec<_>>().join(", ")
}

/// A row that was not found, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    /// Its key.
    pub key: Vec<Cell>,
    /// Identifies the key in the source; `None` when it has NULL.
    pub hash: Option<u128>,
}

/// Which of two rows comes first: rows folded before its batch, then its place there.
type Place = (u64, u64);

/// The first of some rows, and where it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct First<T>(Option<(Place, T)>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> First<T> {
    /// Keeps a row that is told in the order of rows.
    fn offer(&mut self, place: Place, row: impl FnOnce() -> T) {
        self.0.get_or_insert_with(|| (place, row()));
    }

    /// Joins the first of rows that come `before` rows later.
    fn merge(&mut self, later: Self, before: u64) {
        if self.0.is_none() {
            self.0 = later.0.map(|((rows, row), first)| ((rows + before, row), first));
        }
    }

    /// Joins the first of other rows of the same data.
    fn join(&mut self, other: Self) {
        self.0 = [self.0.take(), other.0].into_iter().flatten().min_by_key(|(place, _)| *place);
    }

    fn row(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, row)| row)
    }
}

/// How many rows were found. Counts, and the first row of each kind of failure.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Found {
    /// Rows whose key is there and whose compared values agree.
    pub found: u64,
    /// Rows whose key is not there.
    absent: u64,
    /// Those of them whose key has NULL, where NULL is never found.
    absent_null: u64,
    /// Rows whose key is there with other values.
    different: u64,
    first_absent: First<LookedUp>,
    first_different: First<LookedUp>,
    /// The first row whose key has NULL, where keys must be complete.
    first_null: First<Vec<Cell>>,
    /// What differs in the first row with other values, once that was looked up.
    pub note: String,
    /// All keys, where they must be unique.
    keys: Option<Frequencies>,
    /// Rows that were folded, those of other pieces too.
    rows: u64,
}

impl Found {
    /// Before any row. Keys that must be unique are held within a budget.
    pub fn new(lookup: &Lookup, budget: Arc<MemoryBudget>) -> Self {
        // Keys are folded as one hash.
        let keys = lookup.unique_keys.then(|| Frequencies::new(&[DataType::Utf8], budget));
        Self { keys, ..Self::default() }
    }

    /// Folds rows: the metric's columns, in its order. Rows whose key belongs to another piece
    /// than the table's are left out.
    pub fn update(&mut self, lookup: &Lookup, table: &KeyTable, columns: &[ArrayRef]) {
        let split = columns.len() - lookup.compared;
        let (keys, compared) = lookup.keys(table, columns);
        let looked_up = |row: usize, hash| LookedUp { key: cells(&columns[..split], row), hash };
        let before = self.rows;
        self.rows += keys.len() as u64;
        for (row, key) in keys.into_iter().enumerate() {
            if !key.map_or(table.piece.is_first(), |key| table.piece.holds(key)) {
                continue;
            }
            let place = (before, row as u64);
            match key.and_then(|key| table.get(key)) {
                Some(hash) if compared.get(row).is_none_or(|own| *own == Some(hash)) => self.found += 1,
                Some(_) => {
                    self.different += 1;
                    self.first_different.offer(place, || looked_up(row, key));
                }
                None => {
                    self.absent += 1;
                    self.absent_null += u64::from(key.is_none());
                    self.first_absent.offer(place, || looked_up(row, key));
                }
            }
            if let Some(frequencies) = &mut self.keys {
                match key {
                    Some(key) => frequencies.add_hash(key),
                    None => self.first_null.offer(place, || cells(&columns[..split], row)),
                }
            }
        }
    }

    /// Folds distinct values that occur `weights` times, and `nulls` NULLs, of a lookup of one column.
    pub fn weigh(&mut self, table: &KeyTable, values: &ArrayRef, weights: &[u64], nulls: u64) {
        let [common] = table.types.as_slice() else { return };
        let before = self.rows;
        for (row, key) in row_keys(&[conformed(values, common)], false).into_iter().enumerate() {
            let weight = weights.get(row).copied().unwrap_or(0);
            self.rows += weight;
            if !key.map_or(table.piece.is_first(), |key| table.piece.holds(key)) {
                continue;
            }
            if key.and_then(|key| table.get(key)).is_some() {
                self.found += weight;
            } else if weight > 0 {
                self.absent += weight;
                let key_cells = || cells(std::slice::from_ref(values), row);
                let place = (before, row as u64);
                self.first_absent.offer(place, || LookedUp { key: key_cells(), hash: key });
            }
        }
        self.rows += nulls;
        if table.piece.is_first() {
            self.absent += nulls;
            self.absent_null += nulls;
        }
    }

    /// Joins what a later part found.
    pub fn merge(&mut self, later: Self) {
        self.first_absent.merge(later.first_absent, self.rows);
        self.first_different.merge(later.first_different, self.rows);
        self.first_null.merge(later.first_null, self.rows);
        self.count(later.found, later.absent, later.absent_null, later.different);
        self.rows += later.rows;
        self.join_keys(later.keys);
    }

    /// Joins what was found of another piece of the keys in the same rows.
    pub fn join(&mut self, other: Self) {
        self.first_absent.join(other.first_absent);
        self.first_different.join(other.first_different);
        self.first_null.join(other.first_null);
        self.count(other.found, other.absent, other.absent_null, other.different);
        self.join_keys(other.keys);
    }

    fn count(&mut self, found: u64, absent: u64, absent_null: u64, different: u64) {
        self.found += found;
        self.absent += absent;
        self.absent_null += absent_null;
        self.different += different;
    }

    fn join_keys(&mut self, later: Option<Frequencies>) {
        match (&mut self.keys, later) {
            (Some(own), Some(later)) => own.merge(later),
            (own @ None, later) => *own = later,
            (Some(_), None) => {}
        }
    }

    /// Rows seen.
    pub fn rows(&self) -> u64 {
        let kinds = [self.found, self.absent, self.different].into_iter().fold(0, u64::saturating_add);
        let firsts = [&self.first_absent, &self.first_different].into_iter().filter_map(|first| first.0.as_ref());
        let places =
            firsts.map(|((before, _), _)| *before).chain(self.first_null.0.as_ref().map(|((before, _), _)| *before));
        places.fold(self.rows.max(kinds).max(self.absent_null), u64::max)
    }

    /// The first row whose key is there with other values.
    pub fn first_different(&self) -> Option<&LookedUp> {
        self.first_different.row()
    }

    /// The first row whose key has NULL, where keys must be complete.
    pub fn first_null(&self) -> Option<&[Cell]> {
        self.first_null.row().map(Vec::as_slice)
    }

    /// Hides the values of rows that are shown, once nothing is to be compared with them any more.
    pub fn redact(&mut self, redaction: &Redaction) {
        let hide = |cells: &mut [Cell]| cells.iter_mut().for_each(|cell| *cell = redaction.cell(cell));
        for first in [&mut self.first_absent, &mut self.first_different] {
            if let Some((_, row)) = &mut first.0 {
                hide(&mut row.key);
            }
        }
        if let Some((_, key)) = &mut self.first_null.0 {
            hide(key);
        }
    }

    /// The first row that was not found, and how many are like it.
    pub fn example(&self) -> Option<String> {
        let tuple = |values: &[Cell]| match values {
            [value] => value.to_string(),
            values => format!("({})", listed(values)),
        };
        let count = |rows: u64| if rows == 1 { "1 row".to_string() } else { format!("{rows} rows") };
        let absent = self.first_absent.row().map(|row| {
            let nulls = match self.absent_null {
                0 => String::new(),
                nulls if nulls == self.absent => " (NULL)".into(),
                nulls => format!(" ({nulls} with NULL)"),
            };
            format!("{} not found{nulls}, the first is {}", count(self.absent), tuple(&row.key))
        });
        let different = self.first_different.row().map(|row| {
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
