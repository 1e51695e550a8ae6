//! From a document to types whose names are resolved, with every mistake on the way.
//!
//! Java validates a default when its field is read: what is defined below counts as known then,
//! what encloses it as open, what comes later as a record without fields. After the last name was
//! resolved all defaults are validated again. We do the same, because it decides what is accepted.

use super::defaults::{self, Answer, Validator};
use super::logical::logical;
use super::names::{Names, joined};
use super::schema::{AvroSchema, DefaultValue, FullName, Shape, Tag, Type, TypeId, Use};
use super::{MOST_LEVELS, Mistake, Strictness};
use crate::diagnostic::nearest;
use crate::error::escape_controls;
use crate::json_text::{Document, NodeId, Value};
use crate::span::Span;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

mod definitions;
mod import;

/// The code of names that nobody defines.
pub(super) const UNDEFINED: &str = "avro::undefined_name";

/// Mistakes that one schema reports.
const MOST_MISTAKES: usize = 1_000;

/// Names among which a misspelt one is looked for.
const COMPARED_NAMES: usize = 1_000;

pub(super) struct Parser<'a> {
    document: &'a Document,
    documents: Vec<Arc<Document>>,
    names: &'a Names,
    strictness: Strictness,
    types: Vec<Type>,
    /// Definitions of the document, by full name; of equal ones the first.
    known: HashMap<String, TypeId>,
    /// Named types without custom properties, which may be defined again.
    bare: HashSet<TypeId>,
    /// Records whose fields are being read.
    open: HashSet<TypeId>,
    /// References to what is not defined yet, with the full name they mean.
    forward: Vec<(TypeId, String)>,
    /// Types of other files, by the document and the place of their definition.
    imported: HashMap<(u32, NodeId), TypeId>,
    unions: Vec<Use>,
    defaults: Vec<(String, Use, DefaultValue)>,
    validator: Validator,
    mistakes: Vec<Mistake>,
}

impl<'a> Parser<'a> {
    pub(super) fn parse(document: Document, names: &Names, strictness: Strictness) -> Result<AvroSchema, Vec<Mistake>> {
        let document = Arc::new(document);
        let mut parser = Parser {
            document: &document,
            documents: vec![Arc::clone(&document)],
            names,
            strictness,
            types: Vec::new(),
            known: HashMap::new(),
            bare: HashSet::new(),
            open: HashSet::new(),
            forward: Vec::new(),
            imported: HashMap::new(),
            unions: Vec::new(),
            defaults: Vec::new(),
            validator: Validator::default(),
            mistakes: Vec::new(),
        };
        let mut root = parser.schema(document.root(), "", 0);
        parser.resolve(&mut root);
        let Parser { documents, types, known, mut mistakes, .. } = parser;
        if mistakes.is_empty() {
            return Ok(AvroSchema { documents, types: Arc::new(types), root, defined: Arc::new(known) });
        }
        mistakes.sort_by_key(|mistake| mistake.span.start);
        Err(mistakes)
    }

    fn mistake(&mut self, code: &'static str, span: Span, message: impl Into<String>, hint: Option<&str>) {
        if self.mistakes.len() < MOST_MISTAKES {
            self.mistakes.push(Mistake { code, message: message.into(), span, hint: hint.map(str::to_string) });
        }
    }

    fn push(&mut self, shape: Shape, name: Option<FullName>, node: NodeId) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(Type { shape, name, logical: None, node, origin: (0, node) });
        id
    }

    fn plain(&mut self, tag: Tag, node: NodeId) -> Use {
        Use { id: self.push(Shape::Plain(tag), None, node), node }
    }

    fn shape(&mut self, id: TypeId, shape: Shape) {
        self.types[id.0 as usize].shape = shape;
    }

    fn schema(&mut self, node: NodeId, space: &str, level: usize) -> Use {
        if level > MOST_LEVELS {
            let message = format!("types are nested deeper than {MOST_LEVELS} levels");
            self.mistake("avro::too_deep", self.document.span(node), message, None);
            return self.plain(Tag::Unknown, node);
        }
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.schema_here(node, space, level))
    }

    fn schema_here(&mut self, node: NodeId, space: &str, level: usize) -> Use {
        let document = self.document;
        match document.value(node) {
            Value::Text(name) => self.by_name(name, node, space),
            Value::Array(branches) => {
                let id = self.push(Shape::Plain(Tag::Unknown), None, node);
                let branches = branches.iter().map(|branch| self.schema(*branch, space, level + 1)).collect();
                self.shape(id, Shape::Union(branches));
                self.unions.push(Use { id, node });
                Use { id, node }
            }
            Value::Object(_) => self.object(node, space, level),
            _ => {
                let hint = "write the name of a type, a union in `[...]`, or an object with \"type\"";
                self.mistake("avro::no_schema", document.span(node), "this is no schema", Some(hint));
                self.plain(Tag::Unknown, node)
            }
        }
    }

    /// A primitive type, or a definition by its name.
    fn by_name(&mut self, name: &str, node: NodeId, space: &str) -> Use {
        if let Some(tag) = Tag::primitive(name) {
            return self.plain(tag, node);
        }
        let full = if name.contains('.') { name.to_string() } else { joined(space, name) };
        for candidate in [full.as_str(), name] {
            if let Some(id) = self.known.get(candidate) {
                return Use { id: *id, node };
            }
            let names = self.names;
            if let Some((schema, id)) = names.find(candidate) {
                return Use { id: self.import(schema, id, node), node };
            }
        }
        let id = self.push(Shape::Plain(Tag::Named), None, node);
        self.forward.push((id, full));
        Use { id, node }
    }

    fn object(&mut self, node: NodeId, space: &str, level: usize) -> Use {
        let document = self.document;
        let Some(word) = document.get(node, "type").and_then(|word| document.text(word)) else {
            let at = document.get(node, "type").unwrap_or(node);
            let hint =
                "\"type\" is the name of a type; a nested definition or a union stands without the object around it";
            self.mistake("avro::no_type", document.span(at), "an object without the name of its type", Some(hint));
            return self.plain(Tag::Unknown, node);
        };
        match word {
            "record" | "error" | "enum" | "fixed" => self.named(node, word, space, level),
            "array" | "map" => {
                let key = if word == "array" { "items" } else { "values" };
                let id = self.push(Shape::Plain(Tag::Unknown), None, node);
                let Some(inner) = document.get(node, key) else {
                    let hint = format!("add \"{key}\": the type of its {key}");
                    let message = format!("a type `{word}` without \"{key}\"");
                    self.mistake("avro::no_items", document.span(node), message, Some(&hint));
                    return Use { id, node };
                };
                let inner = self.schema(inner, space, level + 1);
                self.shape(id, if word == "array" { Shape::Array(inner) } else { Shape::Map(inner) });
                Use { id, node }
            }
            _ => {
                let at = document.get(node, "type").unwrap_or(node);
                let named = self.by_name(word, at, space);
                if let Some(tag) = Tag::primitive(word) {
                    self.types[named.id.0 as usize].logical = logical(document, node, tag, None);
                }
                Use { id: named.id, node }
            }
        }
    }

    fn invalid_default(&mut self, name: &str, schema: Use, default: DefaultValue, answer: Answer) {
        let name = escape_controls(name);
        let wanted = &self.types[schema.id.0 as usize];
        let (message, hint) = match answer {
            Answer::Open => (
                format!("the default of `{name}` is a value of a record that encloses it, which Avro cannot validate"),
                "make the field nullable and its default null".to_string(),
            ),
            Answer::Endless => (
                format!("the default of `{name}` never ends: it is filled with defaults that need each other"),
                "make one of the fields nullable and its default null".to_string(),
            ),
            _ => (
                format!("the default of `{name}` is no value of its type `{}`", escape_controls(wanted.called())),
                defaults::wanted(&self.types, schema),
            ),
        };
        self.mistake("avro::invalid_default", self.document.span(default.node), message, Some(&hint));
    }

    /// Replaces references by definitions; then everything can be judged that needs them.
    fn resolve(&mut self, root: &mut Use) {
        let mut targets = HashMap::new();
        let mut undefined = Vec::new();
        for (id, full) in std::mem::take(&mut self.forward) {
            match self.known.get(&full) {
                Some(target) => _ = targets.insert(id, *target),
                None => undefined.push((id, full)),
            }
        }
        self.undefined(undefined);
        if !targets.is_empty() {
            let mend = |used: &mut Use| {
                if let Some(target) = targets.get(&used.id) {
                    used.id = *target;
                }
            };
            mend(root);
            for schema in &mut self.types {
                match &mut schema.shape {
                    Shape::Array(inner) | Shape::Map(inner) => mend(inner),
                    Shape::Union(branches) => branches.iter_mut().for_each(mend),
                    Shape::Record(record) => record.fields.iter_mut().for_each(|field| mend(&mut field.schema)),
                    _ => {}
                }
            }
            self.validator = Validator::default();
            for (name, mut schema, default) in std::mem::take(&mut self.defaults) {
                mend(&mut schema);
                let answer = self.validator.field(&self.types, &self.documents, None, schema, default);
                if answer != Answer::Valid {
                    self.invalid_default(&name, schema, default, answer);
                }
            }
        }
        for union in std::mem::take(&mut self.unions) {
            self.union(union);
        }
    }

    /// Names that nobody defines.
    fn undefined(&mut self, references: Vec<(TypeId, String)>) {
        if references.is_empty() {
            return;
        }
        let candidates = self.known.keys().map(String::as_str).chain(self.names.known());
        let mut candidates: Vec<String> = candidates.map(str::to_string).collect();
        candidates.sort_unstable();
        candidates.truncate(COMPARED_NAMES);
        for (id, full) in references.into_iter().take(MOST_MISTAKES) {
            let shown: String = full.chars().take(200).collect();
            let message = format!("no type `{}` is defined", escape_controls(&shown));
            let near = nearest(&full, candidates.iter().map(String::as_str));
            let hint = near
                .map_or("define it in the schema, or name the file that defines it too".to_string(), |near| {
                    format!("did you mean `{}`?", escape_controls(near))
                });
            let span = self.document.span(self.types[id.0 as usize].node);
            self.mistake(UNDEFINED, span, message, Some(&hint));
        }
    }

    fn union(&mut self, union: Use) {
        let branches: Vec<Use> = self.types[union.id.0 as usize].branches().to_vec();
        let mut seen = HashSet::new();
        for branch in branches {
            let schema = &self.types[branch.id.0 as usize];
            let (tag, called) = (schema.tag(), schema.called().to_string());
            let span = self.document.span(branch.node);
            if tag == Tag::Union {
                let hint = "list the inner union's types in the outer one";
                self.mistake("avro::nested_union", span, "a union directly inside a union", Some(hint));
            } else if !matches!(tag, Tag::Unknown | Tag::Named) && !seen.insert(called.clone()) {
                let message = format!("the union has `{}` twice", escape_controls(&called));
                let hint = "a union has every type once; a logical type does not make it another one";
                self.mistake("avro::duplicate_branch", span, message, Some(hint));
            }
        }
    }
}
