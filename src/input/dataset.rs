//! Several files as one table.

use super::{Batches, ReadOptions, Table, open};
use crate::error::{Error, escape_controls, shown};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One or more files with the same columns, aligned by name to the first.
pub struct Dataset {
    schema: SchemaRef,
    files: Vec<OpenFile>,
    /// Partitions of all files, in file order.
    partitions: Vec<(usize, usize)>,
}

struct OpenFile {
    path: PathBuf,
    table: Box<dyn Table>,
    bytes: u64,
    /// Position in the file of every column of the dataset.
    positions: Vec<usize>,
}

/// Dictionary encoding and the layout of text are how a column is stored, not what it is.
fn logical(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => logical(values),
        DataType::LargeUtf8 | DataType::Utf8View => &DataType::Utf8,
        other => other,
    }
}

impl Dataset {
    /// Opens all files; reads footers and samples, no data.
    pub fn open(paths: &[PathBuf], options: &ReadOptions) -> Result<Self, Error> {
        let mut schema: Option<SchemaRef> = None;
        let mut files = Vec::with_capacity(paths.len());
        let mut partitions = Vec::new();
        for path in paths {
            let table = open(path, options)?;
            let own = table.schema();
            let schema = schema.get_or_insert_with(|| {
                let fields: Vec<_> = own
                    .fields()
                    .iter()
                    .map(|field| {
                        Field::new(field.name(), logical(field.data_type()).clone(), true)
                            .with_metadata(field.metadata().clone())
                    })
                    .collect();
                Arc::new(Schema::new(fields))
            });
            let earliest = files.first().map(|file: &OpenFile| file.table.as_ref());
            let positions = align(schema, earliest, table.as_ref(), path)?;
            let bytes = std::fs::metadata(path).map(|metadata| metadata.len()).unwrap_or(0);
            partitions.extend((0..table.partitions()).map(|partition| (files.len(), partition)));
            files.push(OpenFile { path: path.clone(), table, bytes, positions });
        }
        let schema = schema.ok_or_else(|| Error::Option("no data: name at least one file".into()))?;
        if let Some(stranger) = options.column_types.keys().find(|name| schema.field_with_name(name).is_err()) {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let hint = crate::diagnostic::nearest(stranger, names)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(Error::Option(format!(
                "a type is given for column `{stranger}`, which the data does not have{hint}"
            )));
        }
        Ok(Self { schema, files, partitions })
    }

    /// The columns, dictionary encoding resolved.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether reading may find that a column's type must be wider.
    pub fn infers_types(&self) -> bool {
        self.files.iter().any(|file| file.table.infers_types())
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Size of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Rows, where all files tell.
    pub fn rows(&self) -> Option<u64> {
        self.files.iter().map(|file| file.table.rows()).sum()
    }

    /// The files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &std::path::Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Reads columns of one partition; gives the batches and, for every asked column, its
    /// position in them.
    pub fn read(
        &self,
        partition: usize,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<(Batches<'_>, Vec<usize>), Error> {
        let (file, part) =
            *self.partitions.get(partition).ok_or_else(|| Error::Internal(format!("no partition {partition}")))?;
        let file = &self.files[file];
        let wanted: Vec<usize> = columns.iter().map(|column| file.positions[*column]).collect();
        let mut sorted = wanted.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let order = wanted.iter().map(|position| sorted.binary_search(position).unwrap_or(0)).collect();
        Ok((file.table.read(part, &sorted, batch_rows)?, order))
    }
}

/// Where the file has each column of the dataset.
fn align(schema: &Schema, earliest: Option<&dyn Table>, table: &dyn Table, path: &Path) -> Result<Vec<usize>, Error> {
    let own = table.schema();
    let mismatch = |message: String| Error::Schema { path: path.to_path_buf(), message };
    let positions = schema.fields().iter().map(|field| {
        let name = escape_controls(field.name());
        let (position, found) = own
            .fields()
            .find(field.name())
            .ok_or_else(|| mismatch(format!("has no column `{name}`, which the first file has")))?;
        let (found, first) = (logical(found.data_type()), field.data_type());
        if found == first {
            return Ok(position);
        }
        let earlier = earliest.and_then(|file| file.unified(schema.index_of(field.name()).ok()?, found));
        match common_type(first, found, earlier, table.unified(position, first)) {
            Some(data_type) => Err(Error::Widen {
                column: field.name().clone(),
                data_type: Box::new(data_type),
                reason: format!("its values in {}", shown(path)),
            }),
            None => Err(mismatch(format!("column `{name}` has type {found}, in the first file it has type {first}"))),
        }
    });
    let positions: Vec<usize> = positions.collect::<Result<_, _>>()?;
    match own.fields().iter().find(|field| schema.field_with_name(field.name()).is_err()) {
        Some(extra) => Err(mismatch(format!(
            "has a column `{}`, which the first file does not have",
            escape_controls(extra.name())
        ))),
        None => Ok(positions),
    }
}

/// The type that holds a column in two files, given what each could read it as. A file that can
/// read only its own type decides; a file without values takes any type, which shows as the
/// narrower of two answers.
fn common_type(
    first: &DataType,
    found: &DataType,
    earlier: Option<DataType>,
    later: Option<DataType>,
) -> Option<DataType> {
    match (earlier, later) {
        (Some(DataType::Utf8), Some(later)) => Some(later),
        (Some(earlier), Some(_)) => Some(earlier),
        (Some(earlier), None) => (earlier == *found).then_some(earlier),
        (None, Some(later)) => (later == *first).then_some(later),
        (None, None) => None,
    }
}
