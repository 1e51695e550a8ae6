//! Some of the rows that fail a rule, as they pass by.

use super::CheckOptions;
use crate::error::Error;
use crate::metrics::lookup::{KeySource, Lookup};
use crate::metrics::rows::keys_of_rows;
use crate::plan::MetricId;
use crate::redaction::Redaction;
use crate::sample::{Cell, SampleRow};
use crate::scan::rows::RowBatch;
use crate::scan::{ComparedCell, ScanOptions, Sources, compared_cells};
use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use std::sync::Arc;

/// What ties failing rows together, or to rows elsewhere.
pub enum Ties {
    /// Nothing.
    None,
    /// Their keys are equal: the metric that says so, and the places of the key's columns among those read.
    Repeated(MetricId, Vec<usize>),
    /// Their keys are there in another dataset with other values: the places of all columns that are looked up, and
    /// the types they are compared in.
    Compared(Arc<Lookup>, Vec<usize>, Vec<DataType>),
}

/// Whose samples they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Of the leaf rule of that number.
    Leaf(usize),
    /// Of the top-level rule of that number.
    Rule(usize),
}

/// The samples of one rule.
pub struct Sampling {
    target: Target,
    wanted: usize,
    redaction: Redaction,
    /// Columns that tell rows apart, by place among those read.
    key: Vec<(String, usize)>,
    /// Columns that the rule reads.
    cells: Vec<(String, usize)>,
    ties: Ties,
    rows: Vec<SampleRow>,
    /// The first keys that repeat, in order, and the first rows of each.
    groups: Vec<(u128, Vec<SampleRow>)>,
    /// Of each row, what finds its other side, and its compared cells.
    others: Vec<(Option<u128>, Vec<ComparedCell>)>,
}

impl Sampling {
    /// Before any row.
    pub fn new(
        target: Target,
        options: &CheckOptions,
        key: Vec<(String, usize)>,
        cells: Vec<(String, usize)>,
        ties: Ties,
    ) -> Self {
        Self {
            target,
            wanted: options.samples,
            redaction: options.redaction,
            key,
            cells,
            ties,
            rows: Vec::new(),
            groups: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Whose samples they are.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The metric that says which keys repeat.
    pub fn repeating(&self) -> Option<MetricId> {
        if let Ties::Repeated(metric, _) = &self.ties { Some(*metric) } else { None }
    }

    /// Whether later rows may belong to the samples: the last row may repeat the key of the first.
    pub fn is_open(&self) -> bool {
        matches!(self.ties, Ties::Repeated(_, _)) || self.rows.len() < self.wanted
    }

    fn row(&self, batch: &RowBatch, row: usize, group: Option<usize>) -> SampleRow {
        let show = |columns: &[(String, usize)]| {
            let cell = |place: usize| {
                let array = batch.rows.columns.arrays.get(place);
                self.redaction.cell(&array.map_or(Cell::Null, |array| Cell::of(array, row)))
            };
            columns.iter().map(|(name, place)| (name.clone(), cell(*place))).collect()
        };
        SampleRow {
            file: batch.file,
            row: batch.first + row as u64 + 1,
            key: show(&self.key),
            cells: show(&self.cells),
            reference: Vec::new(),
            group,
        }
    }

    /// Takes rows of a batch that fail, if they are among the first ones; `unrepeated` are those whose key
    /// occurs once.
    pub fn take(
        &mut self,
        fail: &BooleanBuffer,
        unrepeated: Option<&BooleanBuffer>,
        batch: &RowBatch,
    ) -> Result<(), Error> {
        if !self.is_open() || fail.count_set_bits() == 0 {
            return Ok(());
        }
        let arrays = &batch.rows.columns.arrays;
        let own = |places: &[usize]| -> Vec<ArrayRef> {
            places.iter().filter_map(|place| arrays.get(*place).cloned()).collect()
        };
        let room = self.wanted.saturating_sub(self.rows.len());
        let first: Vec<usize> = fail.set_indices().take(room).collect();
        match &self.ties {
            Ties::None => {}
            Ties::Repeated(_, places) => {
                let keys = keys_of_rows(&own(places)).map_err(|error| Error::Internal(error.to_string()))?;
                return self.take_repeated(fail, unrepeated, batch, &keys);
            }
            Ties::Compared(lookup, places, types) => {
                let own = own(places);
                let keys = lookup.keys_in(types, &own).0;
                let cells = |row: usize| lookup.compared_cells(types, &own, row);
                self.others.extend(first.iter().map(|row| (keys.get(*row).copied().flatten(), cells(*row))));
            }
        }
        let rows: Vec<_> = first.iter().map(|row| self.row(batch, *row, None)).collect();
        self.rows.extend(rows);
        Ok(())
    }

    fn take_repeated(
        &mut self,
        fail: &BooleanBuffer,
        unrepeated: Option<&BooleanBuffer>,
        batch: &RowBatch,
        keys: &[Option<u128>],
    ) -> Result<(), Error> {
        for row in fail.set_indices() {
            // A row whose key occurs once fails for another reason, and is tied to no other.
            let alone = unrepeated.is_some_and(|unrepeated| unrepeated.value(row));
            let Some(key) = keys.get(row).copied().flatten().filter(|_| !alone) else {
                if self.rows.len() < self.wanted {
                    self.rows.push(self.row(batch, row, None));
                }
                continue;
            };
            let known = self.groups.iter().position(|(own, _)| *own == key);
            match known {
                None if self.groups.len() < self.wanted => {
                    let shown = self.row(batch, row, Some(self.groups.len()));
                    self.groups.push((key, vec![shown]));
                }
                Some(at) if self.groups[at].1.len() < self.wanted => {
                    let shown = self.row(batch, row, Some(at));
                    self.groups[at].1.push(shown);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The samples: rows in the order of the data, but for those with equal keys, which stand together.
    pub fn finish(mut self, sources: &Sources<'_>, options: &ScanOptions<'_>) -> Result<Vec<SampleRow>, Error> {
        let mut rows: Vec<SampleRow> = Vec::new();
        let mut single = std::mem::take(&mut self.rows).into_iter().peekable();
        for (_, group) in std::mem::take(&mut self.groups) {
            let place = |row: &SampleRow| (row.file, row.row);
            let first = group.first().map(place);
            while let Some(row) = single.next_if(|row| Some(place(row)) < first) {
                rows.push(row);
            }
            rows.extend(group);
        }
        rows.extend(single);
        rows.truncate(self.wanted);
        if let Ties::Compared(lookup, _, types) = &self.ties
            && let KeySource::Dataset(alias) = &lookup.source
            && let Some(Ok(dataset)) = sources.references.get(alias)
        {
            let wanted = self.others.iter().filter_map(|(key, _)| *key).collect();
            let found = compared_cells(dataset, lookup, types, &wanted, options)?;
            let first = self.cells.len().saturating_sub(lookup.compared);
            for (row, (key, own)) in rows.iter_mut().zip(&self.others) {
                // Of a key that is not there, the key says all.
                let other = key.and_then(|key| found.get(&key));
                let compared = row.cells.split_off(first.min(row.cells.len()));
                let Some(other) = other else { continue };
                for ((cell, (_, own)), (shown, other)) in compared.into_iter().zip(own).zip(other) {
                    if own != other {
                        // Under the name of the cell it is compared with.
                        row.reference.push((cell.0.clone(), self.redaction.cell(shown)));
                        row.cells.push(cell);
                    }
                }
            }
        }
        Ok(rows)
    }
}
