//! The data, the other datasets, and what is learnt about their types while they are read.

use super::CheckOptions;
use crate::error::Error;
use crate::input::{DataFile, Dataset, ReadOptions, data_files};
use crate::rules::compile::ReferenceSchemas;
use crate::scan::{References, ScanError, unreadable};
use crate::sql::{Engine, PRIMARY, SqlOptions};
use crate::unevaluated::Unevaluated;
use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The data that is checked, and what rules may look at besides.
pub struct Inputs {
    /// The data that is checked.
    pub primary: Arc<Dataset>,
    /// The other datasets.
    pub references: References,
    /// Their columns.
    pub schemas: ReferenceSchemas,
    /// What compiles predicates and runs queries.
    pub sql: Engine,
}

/// The files of all datasets.
pub struct Files {
    primary: Vec<DataFile>,
    references: BTreeMap<Arc<str>, Result<Vec<DataFile>, Unevaluated>>,
}

impl Files {
    /// Finds the files that names stand for; a reference without any is the ERROR of the rules that
    /// need it.
    pub fn find(data: &[PathBuf], options: &CheckOptions) -> Result<Self, Error> {
        let columns = !options.read.no_partition_columns;
        let reference = |(alias, names): (&String, &Vec<PathBuf>)| {
            let files = data_files(names, columns).map_err(|error| unreadable(alias, &error));
            (alias.as_str().into(), files)
        };
        Ok(Self { primary: data_files(data, columns)?, references: options.references.iter().map(reference).collect() })
    }
}

/// How each dataset is read; inferred types are learnt while reading.
pub struct Readings {
    primary: ReadOptions,
    references: BTreeMap<String, ReadOptions>,
}

impl Readings {
    /// As the options say.
    pub fn new(options: &CheckOptions) -> Self {
        // `alias.column` names the type of a column of another dataset.
        let read = ReadOptions { redaction: options.redaction, ..options.read.clone() };
        let (mut primary, mut references) = (read.clone(), BTreeMap::new());
        for alias in options.references.keys() {
            let mut own = ReadOptions { column_types: BTreeMap::new(), ..read.clone() };
            primary.column_types.retain(|name, data_type| {
                match name.strip_prefix(alias.as_str()).and_then(|rest| rest.strip_prefix('.')) {
                    Some(column) => drop(own.column_types.insert(column.to_string(), data_type.clone())),
                    None => return true,
                }
                false
            });
            references.insert(alias.clone(), own);
        }
        Self { primary, references }
    }

    fn of(&mut self, dataset: Option<&str>) -> &mut ReadOptions {
        match dataset {
            Some(alias) => self.references.entry(alias.to_string()).or_default(),
            None => &mut self.primary,
        }
    }
}

impl Inputs {
    /// Opens all files; a reference that cannot be read is the ERROR of the rules that need it.
    pub fn open(
        files: &Files,
        options: &CheckOptions,
        readings: &Readings,
        now: DateTime<Utc>,
    ) -> Result<Self, ScanError> {
        let primary = Dataset::open(&files.primary, &readings.primary, options.threads)?;
        Self::around(primary, files, options, readings, now)
    }

    /// Opens the other datasets.
    pub fn around(
        primary: Dataset,
        files: &Files,
        options: &CheckOptions,
        readings: &Readings,
        now: DateTime<Utc>,
    ) -> Result<Self, ScanError> {
        let primary = Arc::new(primary);
        let mut references = References::new();
        for (alias, files) in &files.references {
            let alias = alias.clone();
            let reading = readings.references.get(&*alias).unwrap_or(&readings.primary);
            let opened = match files {
                Err(reason) => Err(reason.clone()),
                Ok(files) => match Dataset::open(files, reading, options.threads) {
                    Ok(dataset) => Ok(Arc::new(dataset)),
                    Err(error @ Error::Widen { .. }) => return Err(ScanError { dataset: Some(alias), error }),
                    Err(error) => Err(unreadable(&alias, &error)),
                },
            };
            references.insert(alias, opened);
        }
        let opened = references
            .iter()
            .filter_map(|(alias, opened)| opened.as_ref().ok().map(|dataset| (alias.clone(), dataset.clone())));
        let tables = std::iter::once((Arc::from(PRIMARY), primary.clone())).chain(opened).collect();
        // The data may be compared with itself.
        references.insert(PRIMARY.into(), Ok(primary.clone()));
        let schemas = references
            .iter()
            .map(|(alias, opened)| {
                (alias.clone(), opened.as_ref().map(|dataset| dataset.schema().clone()).map_err(Clone::clone))
            })
            .collect();
        let sql = Engine::new(
            tables,
            SqlOptions {
                now,
                zone: options.zone,
                timeout: options.sql_timeout,
                memory_bytes: options.memory_bytes,
                batch_rows: options.batch_rows,
                redaction: options.redaction,
            },
        );
        Ok(Self { primary, references, schemas, sql })
    }

    /// Opens everything with the types that hold in all files.
    pub fn open_unified(data: &[PathBuf], options: &CheckOptions, now: DateTime<Utc>) -> Result<Self, Error> {
        let files = Files::find(data, options)?;
        let mut readings = Readings::new(options);
        loop {
            match Self::open(&files, options, &readings, now) {
                Ok(inputs) => return Ok(inputs),
                Err(trouble) => widen(trouble, &mut readings, &mut Vec::new())?,
            }
        }
    }
}

/// Takes a wider type for a column into the options, or gives the error back. Every round widens a
/// column, so there are at most a few rounds per column.
pub fn widen(trouble: ScanError, readings: &mut Readings, notes: &mut Vec<String>) -> Result<(), Error> {
    let read = readings.of(trouble.dataset.as_deref());
    match trouble.error {
        Error::Widen { column, data_type, reason } if read.inferred_types.get(&column) != Some(&*data_type) => {
            let name = crate::error::escape_controls(&column);
            let whose = trouble.dataset.map_or(String::new(), |alias| format!(" of {alias}"));
            let subject = format!("column `{name}`{whose} ");
            notes.retain(|note: &String| !note.starts_with(&subject));
            notes.push(format!("{subject}is read as {}, because of {reason}", widened_name(&data_type)));
            read.inferred_types.insert(column, *data_type);
            Ok(())
        }
        error => Err(error),
    }
}

fn widened_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 => "text",
        DataType::Float64 => "float",
        DataType::Int64 => "int",
        DataType::Decimal128(_, _) => "decimal",
        DataType::Boolean => "boolean",
        DataType::Date32 => "date",
        DataType::Timestamp(_, _) => "timestamp",
        _ => "another type",
    }
}
