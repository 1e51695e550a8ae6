//! Tables: whether a reader of one Arrow schema reads files that were written with another, as
//! readers of Parquet, Arrow and Iceberg files do that find columns by name.
//!
//! A reader fills columns that a file lacks with nulls and leaves columns alone that it does
//! not know. So a column may be added if it takes nulls, and may go, which is a warning: whoever
//! still asks for it gets nulls or an error. The other direction is the same question with the
//! sides exchanged: an earlier reader of a later file misses a column that has gone, which is an
//! error where it takes no nulls.
//!
//! Types may be widened as Iceberg widens them
//! (<https://iceberg.apache.org/spec/#schema-evolution>): see `types.rs`. Metadata of fields and
//! schemas is not looked at, ids of fields in it neither: a renamed column is another column.

mod types;

use super::finding::{Finding, Incomparable, Kind, Place, Severity};
use crate::error::escape_controls;
use crate::span::Span;
use arrow_schema::{Field, FieldRef, Fields, SchemaRef};
use std::collections::HashMap;
use types::Form;

/// The columns of a file or of a table.
#[derive(Debug, Clone)]
pub struct TableSchema {
    /// As Arrow has it.
    pub schema: SchemaRef,
}

/// Structures in structures.
const MOST_DEPTH: usize = 10_000;
/// Findings, and bytes of their locations, that are listed.
const MOST_FINDINGS: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;

/// Everything that stands in the way of reading with `reader` what `writer` describes, and what
/// is good to know. Equal schemas have no findings; two without columns neither.
///
/// # Errors
///
/// Columns are nested more than 10,000 levels deep: nothing is said of the pair.
pub fn can_read(reader: &TableSchema, writer: &TableSchema) -> Result<Vec<Finding>, Incomparable> {
    let mut comparison = Comparison::default();
    comparison.fields(reader.schema.fields(), writer.schema.fields());
    if comparison.too_deep {
        return Err(Incomparable { message: format!("columns are nested more than {MOST_DEPTH} levels deep") });
    }
    if let Some(severity) = comparison.omitted.1 {
        let message = format!("{} more differences are not listed", comparison.omitted.0);
        comparison.findings.push(Finding::new(Kind::FindingsOmitted, "/", message).severity(severity));
    }
    Ok(comparison.findings)
}

/// Fields with their positions.
type ByName<'a> = HashMap<&'a str, (usize, &'a FieldRef)>;

#[derive(Default)]
struct Comparison {
    findings: Vec<Finding>,
    path: Vec<String>,
    bytes: usize,
    omitted: (usize, Option<Severity>),
    too_deep: bool,
}

impl Comparison {
    fn note(&mut self, kind: Kind, message: impl Into<String>) {
        self.note_with(kind, message, None);
    }

    fn note_with(&mut self, kind: Kind, message: impl Into<String>, hint: Option<&str>) {
        if self.findings.len() >= MOST_FINDINGS || self.bytes >= MOST_BYTES {
            self.omitted = (self.omitted.0 + 1, Some(kind.severity()).max(self.omitted.1));
            return;
        }
        let location = format!("/{}", self.path.join("/"));
        let place = Place { pointer: location.clone(), span: Span::default() };
        self.bytes += location.len() * 3;
        let mut finding = Finding::new(kind, location, message).reader(place.clone()).writer(place);
        if let Some(hint) = hint {
            finding = finding.hint(hint);
        }
        self.findings.push(finding);
    }

    /// Goes one step down.
    fn below(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        if self.path.len() >= MOST_DEPTH {
            self.too_deep = true;
            return;
        }
        self.path.push(step.replace('~', "~0").replace('/', "~1"));
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || look(self));
        self.path.pop();
    }

    /// Compares the columns of two tables, or the fields of two structures.
    fn fields(&mut self, reader: &Fields, writer: &Fields) {
        let written = self.named(writer);
        let read = self.named(reader);
        for field in reader {
            match written.get(field.name().as_str()) {
                Some((_, from)) => self.below(field.name(), |below| below.field(field, from)),
                None => self.below(field.name(), |below| below.added(field)),
            }
        }
        for field in writer.iter().filter(|field| !read.contains_key(field.name().as_str())) {
            self.below(field.name(), |below| {
                below.note_with(
                    Kind::FieldDeleted,
                    "the reader does not read this column",
                    Some("keep the column as long as anyone asks for it"),
                );
            });
        }
        self.spelling(reader, writer, (&read, &written));
        self.order(reader, &written);
    }

    /// Fields by name, with their place.
    fn named<'a>(&mut self, fields: &'a Fields) -> HashMap<&'a str, (usize, &'a FieldRef)> {
        let mut named = HashMap::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            if named.insert(field.name().as_str(), (index, field)).is_some() {
                self.below(field.name(), |below| {
                    below.note(Kind::FieldAmbiguous, "two columns have this name, and readers find columns by name");
                });
            }
        }
        named
    }

    fn added(&mut self, field: &Field) {
        if field.is_nullable() {
            self.note(Kind::FieldAdded, "older data has no such column and is read as null");
        } else {
            self.note_with(
                Kind::RequiredFieldAdded,
                "the reader needs a value here, and the data has no such column",
                Some("let the column be nullable"),
            );
        }
    }

    /// Names that differ in case only: one column to Spark, two to most others.
    fn spelling(&mut self, reader: &Fields, writer: &Fields, (read, written): (&ByName<'_>, &ByName<'_>)) {
        let gone = writer.iter().filter(|field| !read.contains_key(field.name().as_str()));
        let folded: HashMap<String, &str> =
            gone.map(|field| (field.name().to_lowercase(), field.name().as_str())).collect();
        for field in reader.iter().filter(|field| !written.contains_key(field.name().as_str())) {
            let Some(before) = folded.get(&field.name().to_lowercase()) else { continue };
            let message = format!("the data has this column as `{}`", escape_controls(before));
            let hint = format!("write `{}`, which all readers find", escape_controls(before));
            self.below(field.name(), |below| below.note_with(Kind::FieldCaseChanged, message, Some(hint.as_str())));
        }
    }

    /// One finding for a table or a structure whose common columns have another order.
    fn order(&mut self, reader: &Fields, written: &HashMap<&str, (usize, &FieldRef)>) {
        let common = reader.iter().filter_map(|field| Some((field, written.get(field.name().as_str())?.0)));
        let common: Vec<(&FieldRef, usize)> = common.collect();
        let moved = common.iter().zip(common.iter().skip(1)).find(|(one, next)| one.1 > next.1).map(|(_, next)| next.0);
        if let Some(field) = moved {
            let name = escape_controls(field.name());
            self.note_with(
                Kind::FieldReordered,
                format!("columns have another order, first seen at `{name}`"),
                Some("append new columns at the end; CSV files and readers by position rely on the order"),
            );
        }
    }

    /// Compares two fields of one name.
    fn field(&mut self, reader: &Field, writer: &Field) {
        match (writer.is_nullable(), reader.is_nullable()) {
            (true, false) => self.note_with(
                Kind::NullableToNonNullable,
                "the data may hold nulls, and the reader takes none",
                Some("let the column be nullable"),
            ),
            (false, true) => self.note(Kind::NonNullableToNullable, "nulls are allowed now"),
            _ => {}
        }
        self.types(&Form::of(reader.data_type()), &Form::of(writer.data_type()));
    }

    fn types(&mut self, reader: &Form<'_>, writer: &Form<'_>) {
        match (reader, writer) {
            (Form::Struct(reader), Form::Struct(writer)) => self.fields(reader, writer),
            (Form::List(reader, read), Form::List(writer, written)) => {
                if read.is_some() && read != written {
                    let message = format!("{} became {}", types::list_name(*written), types::list_name(*read));
                    self.note(Kind::UnsupportedTypeChange, message);
                } else if read.is_none() && written.is_some() {
                    self.note(Kind::TypeWidened, "a list of fixed length may have any length now");
                }
                self.below("element", |below| below.field(reader, writer));
            }
            (Form::Map(reader), Form::Map(writer)) => self.maps(reader, writer),
            (reader, writer) => {
                if let Some((kind, message)) = types::difference(reader, writer) {
                    let unsupported = matches!(kind, Kind::UnsupportedTypeChange | Kind::TypeMismatch);
                    self.note_with(kind, message, unsupported.then_some("add a new column of the new type"));
                }
            }
        }
    }

    /// The entries of maps: a structure of key and value, whatever they are called.
    fn maps(&mut self, reader: &Field, writer: &Field) {
        let (Some((read_key, read_value)), Some((key, value))) = (types::entry(reader), types::entry(writer)) else {
            return self.note(Kind::MapKeyTypeMismatch, "the entries of a map are not keys and values");
        };
        self.below("key", |below| {
            let outer = std::mem::take(&mut below.findings);
            below.field(read_key, key);
            let found = std::mem::replace(&mut below.findings, outer);
            // Fields of a key decide which keys are equal.
            let breaks = |finding: &Finding| {
                finding.severity == Severity::Error || matches!(finding.kind, Kind::FieldAdded | Kind::FieldDeleted)
            };
            let breaking = found.iter().any(breaks);
            below.findings.extend(found.into_iter().filter(|finding| !breaks(finding)));
            if breaking {
                below.note_with(
                    Kind::MapKeyTypeMismatch,
                    format!(
                        "keys of {} are read as {}",
                        types::name(key.data_type()),
                        types::name(read_key.data_type())
                    ),
                    Some("keys decide which entries are equal: keep their type"),
                );
            }
        });
        self.below("value", |below| below.field(read_value, value));
    }
}
