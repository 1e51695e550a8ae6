//! What a comparison of schemas finds: kinds, severities, places.

mod kind;

pub use kind::{KINDS, Kind};

use crate::span::Span;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Information,
    /// Readable, but probably not as meant; registries accept it.
    Warning,
    /// Not readable.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`, as reports and options spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Information => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where in one of two schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// JSON pointer into that schema's document; of tables, names of columns: `/address/street`.
    pub pointer: String,
    /// Its bytes in the document's text; empty for tables, which have none.
    pub span: Span,
}

/// One thing that a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// How bad it is here.
    pub severity: Severity,
    /// Where, as Avro Java 1.12 spells it: into the reader, behind a union by the writer's branch; `/` is the root.
    pub location: String,
    /// What was seen, in a few words; for Avro those of Java.
    pub message: String,
    /// Where in the schema that reads.
    pub reader: Option<Place>,
    /// Where in the schema that data was written with.
    pub writer: Option<Place>,
    /// What to write instead.
    pub hint: Option<String>,
    /// A document that is valid for the writer and not for the reader, or a schema of such documents.
    pub example: Option<Value>,
}

impl Finding {
    /// A finding as bad as its kind, without places.
    pub fn new(kind: Kind, location: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            location: location.into(),
            message: message.into(),
            reader: None,
            writer: None,
            hint: None,
            example: None,
        }
    }

    /// Says where in the reader.
    pub fn reader(mut self, place: Place) -> Self {
        self.reader = Some(place);
        self
    }

    /// Says where in the writer.
    pub fn writer(mut self, place: Place) -> Self {
        self.writer = Some(place);
        self
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shows data that is no longer read.
    pub fn example(mut self, example: Value) -> Self {
        self.example = Some(example);
        self
    }

    /// Makes it better or worse than its kind.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// Why two schemas cannot be compared: nothing is said about the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomparable {
    /// The reason, in a sentence.
    pub message: String,
}

impl fmt::Display for Incomparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Incomparable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered_from_good_to_bad() {
        assert!(Severity::Information < Severity::Warning && Severity::Warning < Severity::Error);
        assert_eq!(serde_json::json!(Severity::Information), "info");
    }
}
