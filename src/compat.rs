//! Schemas against their earlier versions: whether data written with one is read with the other.
//!
//! # The words
//!
//! A *reader* is the schema that data is decoded or validated with, a *writer* the one it was
//! written with. BACKWARD: the new version reads what old ones wrote, so consumers go first.
//! FORWARD: old versions read what the new one writes, so producers go first. FULL: both. The
//! same comparison answers all of them, with the roles swapped.
//!
//! # The way of a comparison
//!
//! Names on the command line become versions ([`sources`]: files, directories, git) → texts
//! become schemas of one [`Language`] ([`avro`], [`json_schema`], [`table`]), every node with its
//! place → [`compare`] says which versions a [`mode::Mode`] asks for and in which direction →
//! each direction gives [`finding::Finding`]s → [`gate`] does so for all schemas of a run and
//! takes out what an allow-file accepts ([`allow`]) → reports.
//!
//! A gate must not succeed because it looked at nothing: what cannot be read, parsed or compared
//! is never a success, and says why.

pub mod allow;
pub mod avro;
pub mod finding;
pub mod gate;
pub mod json_schema;
pub mod mode;
pub mod sources;
pub mod table;

use crate::json_text::Document;
use crate::span::Span;
use arrow_schema::SchemaRef;
use finding::{Finding, Incomparable, Kind, Place};
use mode::{Direction, Mode};
use sources::Refusal;
use std::path::{Path, PathBuf};

/// What a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Avro, in JSON.
    Avro,
    /// JSON Schema.
    JsonSchema,
    /// Columns of a Parquet or Arrow file.
    Table,
}

impl Language {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Avro => "Avro",
            Language::JsonSchema => "JSON Schema",
            Language::Table => "table",
        }
    }
}

/// A parsed schema.
pub struct Schema {
    /// Full name of an Avro type, `$id` of a JSON Schema; without one, the path.
    pub name: String,
    /// Where it was read from; of git, its path in the repository.
    pub file: Option<PathBuf>,
    /// The schema.
    pub content: Content,
}

/// A schema in its language.
pub enum Content {
    /// Avro.
    Avro(avro::AvroSchema),
    /// JSON Schema.
    JsonSchema(json_schema::JsonSchema),
    /// Columns of a Parquet or Arrow file.
    Table(table::TableSchema),
}

/// Line and column, both from 1.
pub type Position = (usize, usize);

impl Schema {
    /// Columns that code has, under a name for messages.
    pub fn of_columns(name: impl Into<String>, columns: SchemaRef) -> Self {
        Self { name: name.into(), file: None, content: Content::Table(table::TableSchema { schema: columns }) }
    }

    /// A schema that code has as text, read as the file of this name would be: `order.avsc`. It refers to no others.
    ///
    /// # Errors
    ///
    /// All mistakes in the text, with their places.
    pub fn of_text(file: &str, text: &str) -> Result<Self, Refusal> {
        sources::alone(Path::new(file), Some(text))
    }

    /// The schema of a file: Avro, JSON Schema, or the columns of Parquet and Arrow. It refers to no other files.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no schema.
    pub fn load(file: &Path) -> Result<Self, Refusal> {
        sources::alone(file, None)
    }

    /// What it is written in.
    pub fn language(&self) -> Language {
        match self.content {
            Content::Avro(_) => Language::Avro,
            Content::JsonSchema(_) => Language::JsonSchema,
            Content::Table(_) => Language::Table,
        }
    }

    /// Its text; tables have none.
    pub fn document(&self) -> Option<&Document> {
        match &self.content {
            Content::Avro(schema) => Some(schema.document()),
            Content::JsonSchema(schema) => Some(schema.document()),
            Content::Table(_) => None,
        }
    }

    /// First and behind the last character of a place; `None` of tables.
    pub fn positions(&self, place: &Place) -> Option<(Position, Position)> {
        let document = self.document()?;
        let behind = Span::new(place.span.end, place.span.end);
        Some((document.position(place.span), document.position(behind)))
    }

    /// Whether both say the same, blanks and line ends aside.
    fn says_the_same(&self, other: &Schema) -> bool {
        match (&self.content, &other.content) {
            (Content::Table(one), Content::Table(two)) => one.schema.fields() == two.schema.fields(),
            _ => match (self.document(), other.document()) {
                (Some(one), Some(two)) => significant(one.source()).eq(significant(two.source())),
                _ => false,
            },
        }
    }
}

/// The characters of a JSON text that are not between its parts.
fn significant(text: &str) -> impl Iterator<Item = char> + '_ {
    let (mut in_string, mut escaped) = (false, false);
    text.chars().filter(move |character| {
        if in_string {
            in_string = escaped || *character != '"';
            escaped = *character == '\\' && !escaped;
            return true;
        }
        in_string = *character == '"';
        !matches!(character, ' ' | '\t' | '\n' | '\r')
    })
}

/// An earlier version of a schema.
pub struct Version {
    /// `v1.avsc`, `main:schemas/user.avsc`.
    pub name: String,
    /// As it was then.
    pub schema: Schema,
}

/// How schemas are compared.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which versions, and in which direction.
    pub mode: Mode,
    /// What of Avro is an error.
    pub profile: avro::Profile,
    /// What of JSON Schema is an error.
    pub policy: json_schema::Policy,
}

impl Default for Options {
    /// Whether the new version reads data of the newest old one, by the rules of registries.
    fn default() -> Self {
        let (profile, policy) = (avro::Profile::default(), json_schema::Policy::default());
        Self { mode: Mode::Backward, profile, policy }
    }
}

/// What one version said.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Who reads; `None` where no data is thought of, as in mode DISABLED.
    pub direction: Option<Direction>,
    /// Position of the old version among those given.
    pub version: usize,
    /// All that was found.
    pub findings: Vec<Finding>,
}

/// What all versions said, newest first.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Each version that the mode asks for, in each of its directions.
    pub comparisons: Vec<Comparison>,
}

/// Compares a schema with its earlier versions, newest first: with the newest one, or with all if
/// the mode is transitive. Without earlier versions, and in mode NONE, nothing is compared.
///
/// # Errors
///
/// When nothing can be said about a pair; the message names the version.
pub fn compare(new: &Schema, previous: &[Version], options: &Options) -> Result<Outcome, Incomparable> {
    let asked = if options.mode.is_transitive() { previous.len() } else { previous.len().min(1) };
    let mut outcome = Outcome::default();
    for (version, old) in previous.iter().take(asked).enumerate() {
        if options.mode == Mode::Disabled {
            let changed = !new.says_the_same(&old.schema);
            let findings = changed.then(|| changed_finding(new)).into_iter().collect();
            outcome.comparisons.push(Comparison { direction: None, version, findings });
        }
        for direction in options.mode.directions() {
            let (reader, writer) = match direction {
                Direction::Backward => (new, &old.schema),
                Direction::Forward => (&old.schema, new),
            };
            let mut findings = can_read(reader, writer, options)
                .map_err(|reason| Incomparable { message: format!("with {}: {}", old.name, reason.message) })?;
            if *direction == Direction::Forward {
                findings.iter_mut().for_each(mend_the_writer);
            }
            outcome.comparisons.push(Comparison { direction: Some(*direction), version, findings });
        }
    }
    Ok(outcome)
}

/// Where an earlier version reads, only what is written can be mended.
fn mend_the_writer(finding: &mut Finding) {
    let hint = match finding.kind {
        Kind::ReaderFieldMissingDefaultValue => "keep the field: earlier versions read it and have no default for it",
        Kind::MissingEnumSymbols => "do not write these symbols yet: earlier versions know neither them nor a default",
        Kind::MissingUnionBranch => "do not write this type yet: earlier versions have no branch for it",
        Kind::TypeMismatch => "keep the type that earlier versions read",
        Kind::NameMismatch => "keep the name that earlier versions read",
        Kind::FixedSizeMismatch => "keep the size that earlier versions read",
        _ => return,
    };
    finding.hint = Some(hint.into());
}

fn changed_finding(new: &Schema) -> Finding {
    Finding::new(Kind::SchemaChanged, "/", new.language().as_str())
        .hint("take the change back, or choose another mode for this schema")
}

fn can_read(reader: &Schema, writer: &Schema, options: &Options) -> Result<Vec<Finding>, Incomparable> {
    match (&reader.content, &writer.content) {
        (Content::Avro(reader), Content::Avro(writer)) => avro::can_read(reader, writer, options.profile),
        (Content::JsonSchema(reader), Content::JsonSchema(writer)) => {
            json_schema::can_read(reader, writer, options.policy)
        }
        (Content::Table(reader), Content::Table(writer)) => table::can_read(reader, writer),
        _ => {
            let (reads, written) = (reader.language().as_str(), writer.language().as_str());
            let message = format!("the reader is {reads}, the writer {written}");
            let hint = "keep the language of a schema, or give the new one a name of its own";
            Ok(vec![Finding::new(Kind::SchemaTypeChanged, "/", message).hint(hint)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_the_parts_of_a_text_mean_nothing() {
        let same = |one: &str, two: &str| significant(one).eq(significant(two));
        assert!(same("{\"a\": [1, 2]}\r\n", "{\n\t\"a\":[1,2] }"));
        assert!(!same(r#"{"a b": 1}"#, r#"{"ab": 1}"#));
        assert!(!same(r#"["\" x"]"#, r#"["\"x"]"#));
        assert!(same(r#"["\\" , " x"]"#, r#"["\\"," x"]"#));
    }
}
