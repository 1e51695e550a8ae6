//! The schema files of one side, read together: Avro schemas find the types that other files define.

use super::links::{Links, links, looks_like_avro};
use super::pairing::Known;
use super::{MOST_BYTES, Mistake, Refusal};
use crate::compat::gate::spelt;
use crate::compat::table::TableSchema;
use crate::compat::{Content, Language, Schema, avro, json_schema};
use crate::error::Error;
use crate::input::source::Input;
use crate::json_text::{Document, Syntax};
use crate::span::LineIndex;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the bytes of a file are.
pub(super) enum Bytes {
    /// Here.
    Held(Vec<u8>),
    /// In a file of tables, whose schema is a small part of it.
    At(PathBuf),
}

/// A file of one side.
pub(super) struct File {
    /// Its path, comparable with those of the other side.
    pub path: PathBuf,
    /// For messages and reports: the path, of old ones with the revision.
    pub shown: String,
    /// Its text.
    pub bytes: Bytes,
    /// Whether it is compared, not only referred to.
    pub compared: bool,
}

/// How the files of a side are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The language of all files.
    pub language: Option<Language>,
    /// Whether rules are relaxed that new schemas have to keep.
    pub lenient: bool,
}

/// All files of a side.
pub(super) struct Tree {
    reading: Reading,
    files: Vec<File>,
    facts: Vec<Facts>,
    /// Files by the full names they define, in order of paths.
    definers: BTreeMap<String, Vec<usize>>,
    /// What JSON Schemas of a directory can refer to.
    references: RefCell<BTreeMap<PathBuf, json_schema::References>>,
}

struct Facts {
    language: Language,
    links: Links,
    name: Option<String>,
    /// What others may refer to.
    json: Option<Arc<Document>>,
}

impl Tree {
    pub(super) fn new(files: Vec<File>, reading: Reading) -> Self {
        let facts: Vec<Facts> = files.iter().map(|file| facts(file, reading)).collect();
        let mut definers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (position, fact) in facts.iter().enumerate() {
            for name in &fact.links.defines {
                definers.entry(name.clone()).or_default().push(position);
            }
        }
        Self { reading, files, facts, definers, references: RefCell::default() }
    }

    /// Positions of files that are compared.
    pub(super) fn compared(&self) -> Vec<usize> {
        (0..self.files.len()).filter(|position| self.files[*position].compared).collect()
    }

    pub(super) fn file(&self, position: usize) -> &File {
        &self.files[position]
    }

    pub(super) fn known(&self, position: usize) -> Known {
        Known { path: self.files[position].path.clone(), name: self.facts[position].name.clone() }
    }

    /// The full name, or the path of what has none.
    pub(super) fn name(&self, position: usize) -> String {
        self.facts[position].name.clone().unwrap_or_else(|| spelt(&self.files[position].path))
    }

    /// Whether a file takes types from others, or may do so.
    pub(super) fn has_references(&self, position: usize) -> bool {
        let json = self.facts[position].json.as_ref();
        json.is_some_and(|document| document.source().contains("\"$ref\"")) || !self.needed_by(position).is_empty()
    }

    /// Parses one of the files.
    pub(super) fn parse(&self, position: usize) -> Result<Schema, Vec<Mistake>> {
        let file = &self.files[position];
        let content = match self.facts[position].language {
            Language::Table => Content::Table(TableSchema { schema: table(file)? }),
            Language::Avro => Content::Avro(self.avro(position)?),
            Language::JsonSchema => Content::JsonSchema(self.json_schema(position)?),
        };
        Ok(Schema { name: self.name(position), file: Some(file.path.clone()), content })
    }

    fn avro(&self, position: usize) -> Result<avro::AvroSchema, Vec<Mistake>> {
        let strictness = if self.reading.lenient { avro::Strictness::Lenient } else { avro::Strictness::Strict };
        let mut names = avro::Names::default();
        let parsed = |file: &File, names: &avro::Names| {
            let document = document(file, Language::Avro).map_err(|mistake| vec![mistake])?;
            avro::AvroSchema::parse(document, names, strictness).map_err(|mistakes| {
                let mistakes = mistakes.iter().map(|mistake| (mistake.message.as_str(), mistake.span.start));
                located(file, mistakes)
            })
        };
        for needed in self.needed_by(position) {
            names.add(&parsed(&self.files[needed], &names)?);
        }
        parsed(&self.files[position], &names)
    }

    fn json_schema(&self, position: usize) -> Result<json_schema::JsonSchema, Vec<Mistake>> {
        let file = &self.files[position];
        let document = document(file, Language::JsonSchema).map_err(|mistake| vec![mistake])?;
        let directory = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut kept = self.references.borrow_mut();
        let references = kept.entry(directory).or_insert_with_key(|directory| self.references_from(directory));
        json_schema::JsonSchema::parse(document, references).map_err(|mistakes| {
            let mistakes = mistakes.iter().map(|mistake| (mistake.message.as_str(), mistake.span.start));
            located(file, mistakes)
        })
    }

    /// All documents, by how a file of a directory would name them, and by the names they give themselves.
    fn references_from(&self, directory: &Path) -> json_schema::References {
        let mut references = json_schema::References::new();
        for (file, facts) in self.files.iter().zip(&self.facts) {
            let Some(document) = &facts.json else { continue };
            references.add(relative(&file.path, directory), Arc::clone(document));
            if let Some(name) = &facts.name {
                references.add(name.clone(), Arc::clone(document));
            }
        }
        references
    }

    /// The files whose types a file takes, those that are taken from first. Files that need each other come in
    /// some order, and the parser says which name is missing.
    fn needed_by(&self, position: usize) -> Vec<usize> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.files.len()];
        let mut steps = vec![(position, false)];
        while let Some((at, done)) = steps.pop() {
            if done {
                if at != position {
                    order.push(at);
                }
                continue;
            }
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            steps.push((at, true));
            let links = &self.facts[at].links;
            for name in links.uses.difference(&links.defines) {
                steps.extend(self.definer(name, at).map(|definer| (definer, false)));
            }
        }
        order
    }

    /// The file that defines a name for another file: one beside it, else the first.
    fn definer(&self, name: &str, of: usize) -> Option<usize> {
        let all = self.definers.get(name)?;
        let directory = self.files[of].path.parent();
        let beside = all.iter().find(|position| **position != of && self.files[**position].path.parent() == directory);
        beside.or_else(|| all.iter().find(|position| **position != of)).copied()
    }
}

/// A path as a reference in a file of a directory has it.
fn relative(path: &Path, directory: &Path) -> String {
    let (path, directory): (Vec<_>, Vec<_>) = (path.components().collect(), directory.components().collect());
    let common = path.iter().zip(&directory).take_while(|(one, other)| one == other).count();
    let up = directory.iter().skip(common).map(|_| "..".to_string());
    let down = path.iter().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Mistakes of a parser, each with its first byte, at their lines and columns.
fn located<'m>(file: &File, mistakes: impl Iterator<Item = (&'m str, usize)>) -> Vec<Mistake> {
    let text = bytes_of(file).unwrap_or_default();
    let lines = LineIndex::new(&String::from_utf8_lossy(&text));
    let one = |(message, start): (&str, usize)| Mistake {
        file: file.shown.clone(),
        position: Some(lines.position(start)),
        message: message.to_string(),
    };
    mistakes.map(one).collect()
}

/// What can be known of a file without parsing it as a schema.
fn facts(file: &File, reading: Reading) -> Facts {
    let unknown = |language| Facts { language, links: Links::default(), name: None, json: None };
    let by_name = reading.language.or_else(|| language_of(&file.path));
    if by_name == Some(Language::Table) {
        return unknown(Language::Table);
    }
    let Ok(document) = document(file, by_name.unwrap_or(Language::Avro)) else {
        return unknown(by_name.unwrap_or(Language::JsonSchema));
    };
    let language = by_name.unwrap_or_else(|| match looks_like_avro(&document) {
        true => Language::Avro,
        false => Language::JsonSchema,
    });
    if language == Language::Avro {
        let links = links(&document);
        return Facts { language, name: links.name.clone(), links, json: None };
    }
    let id = |key: &str| document.get(document.root(), key).and_then(|id| document.text(id)).map(str::to_string);
    let name = id("$id").or_else(|| id("id"));
    Facts { language, links: Links::default(), name, json: Some(Arc::new(document)) }
}

/// The language that a file's name tells; `.json` may be either.
pub(super) fn language_of(path: &Path) -> Option<Language> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "avsc" => Some(Language::Avro),
        "jsonschema" => Some(Language::JsonSchema),
        "parquet" | "pq" | "arrow" | "arrows" | "feather" | "ipc" => Some(Language::Table),
        _ => None,
    }
}

fn document(file: &File, language: Language) -> Result<Document, Mistake> {
    let wrong = |message: String| Mistake { file: file.shown.clone(), position: None, message };
    let bytes = bytes_of(file).map_err(|refusal| wrong(refusal.message))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| wrong(format!("not a text in UTF-8, from byte {}", error.valid_up_to())))?;
    let syntax = if language == Language::Avro { avro::syntax() } else { Syntax::default() };
    Document::parse(text, syntax).map_err(|mistake| {
        let position = Some(LineIndex::new(text).position(mistake.span.start));
        Mistake { file: file.shown.clone(), position, message: mistake.message }
    })
}

fn bytes_of(file: &File) -> Result<Cow<'_, [u8]>, Refusal> {
    match &file.bytes {
        Bytes::Held(bytes) => Ok(Cow::Borrowed(bytes)),
        Bytes::At(path) => read(path).map(Cow::Owned),
    }
}

/// A file's bytes, never more than the largest schema has.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    use std::io::Read;
    let trouble = |source| Refusal::from(Error::Read { path: path.to_path_buf(), source });
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(trouble)?;
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("{}: a schema has at most {} MiB", crate::error::shown(path), MOST_BYTES >> 20);
        return Err(Refusal::new(message).help("is this a file of data?"));
    }
    Ok(bytes)
}

/// Columns of a file of tables. What git holds goes through a temporary file, which its readers need.
fn table(file: &File) -> Result<arrow_schema::SchemaRef, Vec<Mistake>> {
    let wrong = |message: String| vec![Mistake { file: file.shown.clone(), position: None, message }];
    let opened = |path: &Path| {
        let input = Input::open(path)?;
        crate::input::open(&input, &crate::input::ReadOptions::default()).map(|table| table.schema())
    };
    match &file.bytes {
        Bytes::At(path) => opened(path).map_err(|error| wrong(error.to_string())),
        Bytes::Held(bytes) => {
            let ending = file.path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
            let mut temporary = tempfile::Builder::new()
                .suffix(ending.as_deref().unwrap_or(""))
                .tempfile()
                .map_err(|error| wrong(format!("cannot make a temporary file: {error}")))?;
            temporary.write_all(bytes).map_err(|error| wrong(format!("cannot write a temporary file: {error}")))?;
            opened(temporary.path()).map_err(|error| match error {
                // The temporary file is nobody's business.
                Error::Format { message, .. } => wrong(message),
                error => wrong(error.to_string()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File {
            path: path.into(),
            shown: (*path).to_string(),
            bytes: Bytes::Held(text.as_bytes().to_vec()),
            compared: true,
        };
        Tree::new(files.iter().map(file).collect(), Reading { language: None, lenient: false })
    }

    fn record(name: &str, of_type: &str) -> String {
        format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"x","type":"{of_type}"}}]}}"#)
    }

    #[test]
    fn files_come_after_those_they_take_types_from() {
        let (a, b, c) = (record("A", "B"), record("B", "C"), record("C", "int"));
        let tree = tree(&[("a.avsc", &a), ("b.avsc", &b), ("c.avsc", &c)]);
        assert_eq!(tree.needed_by(0), [2, 1]);
        assert!(tree.needed_by(2).is_empty());
        assert!(tree.parse(0).is_ok());
    }

    #[test]
    fn types_are_taken_from_the_file_beside_and_circles_end() {
        let (a, b, c) = (record("A", "B"), record("B", "A"), record("C", "int"));
        let tree = tree(&[("x/b.avsc", &b), ("y/a.avsc", &a), ("y/b.avsc", &b), ("y/c.avsc", &c)]);
        assert_eq!(tree.needed_by(1), [2]);
        assert!(!tree.has_references(3));
    }

    #[test]
    fn json_schemas_refer_to_files_from_where_they_are() {
        let cases = [("a/b.json", "a", "b.json"), ("b.json", "a/c", "../../b.json"), ("a/b/c.json", "a", "b/c.json")];
        for (path, directory, expected) in cases {
            assert_eq!(relative(Path::new(path), Path::new(directory)), expected);
        }
        let referring =
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"../b.schema.json#/definitions/x"}"#;
        let tree = tree(&[("s/a.schema.json", referring), ("b.schema.json", r#"{"definitions":{"x":{}}}"#)]);
        assert!(tree.parse(0).is_ok());
    }

    #[test]
    fn what_is_no_text_is_a_mistake_of_its_file() {
        let files = vec![File {
            path: "a.avsc".into(),
            shown: "a.avsc".into(),
            bytes: Bytes::Held(vec![b'"', 0xff]),
            compared: true,
        }];
        let tree = Tree::new(files, Reading { language: None, lenient: false });
        let mistakes = tree.parse(0).err().expect("mistakes");
        assert_eq!(mistakes[0].message, "not a text in UTF-8, from byte 1");
    }
}
