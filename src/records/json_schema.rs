//! Records against a JSON Schema, drafts 4 to 2020-12, by the `jsonschema` crate.
//!
//! A valid record costs one pass without allocations; only one that is not is looked at again for
//! what is wrong. Nothing is fetched: references lead to files below the schema's directory, or below
//! directories that the user named.

use super::arena::{Arena, Id};
use super::failure::Failure;
use super::message::message;
use super::node::{RecordJson, RecordNode};
use super::references::LocalFiles;
use crate::error::{escape_controls, shown};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Bytes of a schema.
const MOST_BYTES: u64 = 64 << 20;

/// Values of a record beyond which only its first failure is looked for: the library collects all, and
/// a hostile record can have as many as it has values.
const MOST_VALUES: usize = 1 << 16;

/// Comparisons that a record may cost which is looked at for what is wrong with it: the library collects what
/// every branch of every `anyOf` and `oneOf` says, of values within values.
const MOST_BRANCHES: f64 = 50_000.0;

/// Whether texts are held to the `format` of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formats {
    /// As the draft says: up to draft 7 they are, from 2019-09 on `format` is a remark.
    #[default]
    ByDraft,
    /// Always.
    Checked,
    /// Never.
    Ignored,
}

/// A schema that cannot be used: the user's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaMistake {
    /// What is wrong and where.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl SchemaMistake {
    /// A mistake in the schema at a path.
    pub fn at(path: &Path, message: &str) -> Self {
        Self { message: format!("{}: {}", shown(path), escape_controls(message)), help: None }
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A compiled schema.
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator<RecordJson>,
    document: Value,
    draft: &'static str,
    /// Levels of a record at which all failures are looked for.
    most_levels: usize,
}

impl JsonSchema {
    /// Reads and compiles a schema. References may lead below `allowed` directories too.
    pub fn load(path: &Path, allowed: &[PathBuf], formats: Formats) -> Result<Self, SchemaMistake> {
        let text = read(path)?;
        let document: Value =
            serde_json::from_str(&text).map_err(|error| SchemaMistake::at(path, &format!("is no JSON: {error}")))?;
        if !matches!(document, Value::Object(_) | Value::Bool(_)) {
            return Err(SchemaMistake::at(path, "a JSON Schema is an object, true or false"));
        }
        let files = LocalFiles::new(path, allowed, &document)
            .map_err(|error| SchemaMistake::at(path, &format!("cannot be found again: {error}")))?;
        let mut options = jsonschema::options_for::<RecordJson>().with_base_uri(files.base()).with_retriever(files);
        options = match formats {
            Formats::ByDraft => options,
            Formats::Checked => options.should_validate_formats(true),
            Formats::Ignored => options.should_validate_formats(false),
        };
        let validator = options.build(&document).map_err(|error| unusable(path, &error))?;
        let draft = match validator.draft() {
            Draft::Draft4 => "draft 4",
            Draft::Draft6 => "draft 6",
            Draft::Draft7 => "draft 7",
            Draft::Draft201909 => "2019-09",
            Draft::Draft202012 => "2020-12",
            _ => "of another dialect",
        };
        let most_levels = most_levels(&document);
        Ok(Self { validator, document, draft, most_levels })
    }

    /// The draft, for people.
    pub fn draft(&self) -> &'static str {
        self.draft
    }

    /// The schema as written.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Whether a record is valid.
    pub fn is_valid(&self, arena: &Arena<'_>, root: Id) -> bool {
        self.validator.is_valid(RecordNode::new(arena, root))
    }

    /// What is wrong with a record that is not valid, at most so many failures, and whether there may be more.
    pub fn failures(&self, arena: &Arena<'_>, root: Id, most: usize, show_values: bool) -> (Vec<Failure>, bool) {
        let node = RecordNode::new(arena, root);
        if arena.depth(root) > self.most_levels {
            let message = "does not satisfy the schema; it is too deep for its failures to be told apart";
            return (vec![Failure::new("", "schema", message)], true);
        }
        let (mut errors, mut more): (Vec<ValidationError<'_>>, bool) = if arena.len() > MOST_VALUES {
            (self.validator.validate(node).err().into_iter().collect(), true)
        } else {
            (self.validator.iter_errors(node).collect(), false)
        };
        // The library goes through some keywords in the order of a hash table.
        errors.sort_by(|one, other| place(one).cmp(&place(other)));
        more |= errors.len() > most;
        let failure = |error: &ValidationError<'_>| {
            let value = arena.at(root, error.instance_path().as_str());
            let text = message(error.kind(), value.map(|value| (arena, value)));
            let keyword = error.kind().keyword().to_string();
            let failure = Failure::new(error.instance_path().as_str(), keyword, &text);
            match value.filter(|_| show_values) {
                Some(value) => failure.showing(arena, value),
                None => failure,
            }
        };
        let mut failures: Vec<Failure> = errors.iter().take(most).map(failure).collect();
        if failures.is_empty() {
            failures.push(Failure::new("", "schema", "does not satisfy the schema"));
        }
        (failures, more)
    }
}

/// How deep a record may be for the branches of `anyOf` and `oneOf` to stay few when references lead from one
/// into another: without references, or without branches, no number of levels is too large.
fn most_levels(document: &Value) -> usize {
    let (mut branches, mut refers) = (1, false);
    let mut values = vec![document];
    while let Some(value) = values.pop() {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    refers |= name.ends_with("Ref") || name == "$ref";
                    // What stands in another file is not looked at.
                    if name == "$ref" && value.as_str().is_some_and(|target| !target.starts_with('#')) {
                        branches = branches.max(8);
                    }
                    if let ("anyOf" | "oneOf", Value::Array(items)) = (name.as_str(), value) {
                        branches = branches.max(items.len());
                    }
                    values.push(value);
                }
            }
            Value::Array(items) => values.extend(items),
            _ => {}
        }
    }
    if !refers || branches < 2 {
        return usize::MAX;
    }
    (MOST_BRANCHES.ln() / (branches as f64).ln()) as usize
}

/// By which errors are put in order.
fn place<'e>(error: &'e ValidationError<'_>) -> (&'e str, &'e str) {
    (error.instance_path().as_str(), error.schema_path().as_str())
}

/// The text of a schema.
pub fn read(path: &Path) -> Result<String, SchemaMistake> {
    use std::io::Read;
    let trouble = |error: std::io::Error| {
        let error = crate::error::Error::Read { path: path.to_path_buf(), source: error };
        SchemaMistake { message: error.to_string(), help: error.help() }
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(trouble)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(trouble)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SchemaMistake::at(path, &format!("a schema has at most {} MiB", MOST_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| SchemaMistake::at(path, "is no text in UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// A schema that the library refuses.
fn unusable(path: &Path, error: &ValidationError<'_>) -> SchemaMistake {
    let said = super::failure::shortened(&error.to_string(), 500).into_owned();
    let pointer = error.instance_path().as_str();
    let message = if pointer.is_empty() { said } else { format!("at {pointer}: {said}") };
    let mistake = SchemaMistake::at(path, &message);
    if said_of_meta_schema(&message) {
        return mistake.help("$schema names a draft: 4, 6, 7, 2019-09 or 2020-12");
    }
    mistake
}

fn said_of_meta_schema(message: &str) -> bool {
    message.to_lowercase().contains("meta-schema") || message.contains("specification")
}
