//! A schema document with the documents it refers to: every reference is resolved while it
//! is loaded, so that a comparison cannot meet one that leads nowhere.
//!
//! Documents are walked with a list of places to visit, not by recursion.

use super::address::{resolved, split_fragment, without_dots};
use super::dialect::{Dialect, Shape};
use crate::diagnostic::nearest;
use crate::error::escape_controls;
use crate::json_text::{Document, Mistake, NodeId, Value};
use crate::span::Span;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Documents that schemas may refer to, by file name or address. Nothing else is ever opened.
#[derive(Clone, Default)]
pub struct References {
    documents: BTreeMap<String, Arc<Document>>,
}

impl References {
    /// No documents: references can lead into the schema itself only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document under a name as `$ref` writes it, or under its address without fragment.
    /// A later document of the same name replaces the earlier.
    pub fn add(&mut self, name: impl Into<String>, document: Arc<Document>) {
        let name = name.into();
        self.documents.insert(without_dots(name.trim_end_matches('#')), document);
    }

    fn find(&self, name: &str) -> Option<(&str, &Arc<Document>)> {
        self.documents.get_key_value(name).map(|(name, document)| (name.as_str(), document))
    }
}

/// A node of one of the documents of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    /// Which document; 0 is the schema itself.
    pub(super) text: usize,
    pub(super) node: NodeId,
}

/// A document and how it is read.
pub(super) struct Text {
    /// Name or address it was found under; empty for the schema itself.
    pub(super) name: String,
    /// The address its references name.
    pub(super) address: String,
    pub(super) document: Arc<Document>,
    pub(super) dialect: Dialect,
}

/// How a node is reached from its parent.
enum Step {
    Member(usize),
    Item(usize),
}

/// A JSON Schema whose references all lead somewhere.
pub struct JsonSchema {
    pub(super) texts: Vec<Text>,
    /// By the text of a reference: the schema it means. Bundled meta-schemas have none.
    targets: HashMap<Spot, Spot>,
    /// Of the schema's own document.
    parents: HashMap<NodeId, (NodeId, Step)>,
    /// Nodes of all documents.
    pub(super) nodes: usize,
}

impl JsonSchema {
    /// The schema's own document: positions of findings are positions in it.
    pub fn document(&self) -> &Document {
        &self.texts[0].document
    }

    /// The draft it is written in; 2020-12 without `$schema`.
    pub fn dialect(&self) -> Dialect {
        self.texts[0].dialect
    }

    /// The address it gives itself, or else its title.
    pub fn name(&self) -> Option<&str> {
        let document = self.document();
        let text = |name: &str| document.get(document.root(), name).and_then(|node| document.text(node));
        text(self.dialect().id_keyword()).or_else(|| text("title"))
    }

    pub(super) fn root(&self) -> Spot {
        Spot { text: 0, node: self.document().root() }
    }

    /// Whether the schema has more than `most` nodes once every reference is replaced by what it
    /// means; one to a schema it stands in is not.
    pub(super) fn unfolds_beyond(&self, most: usize) -> bool {
        enum Walk {
            Node(Spot),
            Target(Spot),
            Done(Spot),
        }
        let mut inside = HashSet::new();
        let mut count = 0;
        let mut work = vec![Walk::Target(self.root())];
        while let Some(walk) = work.pop() {
            let spot = match walk {
                Walk::Node(spot) => spot,
                Walk::Target(spot) => {
                    if inside.insert(spot) {
                        work.extend([Walk::Done(spot), Walk::Node(spot)]);
                    }
                    continue;
                }
                Walk::Done(spot) => {
                    inside.remove(&spot);
                    continue;
                }
            };
            count += 1;
            if count > most {
                return true;
            }
            let child = |node: NodeId| Spot { text: spot.text, node };
            match self.texts[spot.text].document.value(spot.node) {
                Value::Object(members) => work.extend(members.iter().map(|member| Walk::Node(child(member.value)))),
                Value::Array(items) => work.extend(items.iter().map(|item| Walk::Node(child(*item)))),
                Value::Text(_) => work.extend(self.target(spot).map(Walk::Target)),
                _ => {}
            }
        }
        false
    }

    pub(super) fn target(&self, reference: Spot) -> Option<Spot> {
        self.targets.get(&reference).copied()
    }

    /// The JSON pointer of a node of the schema's own document.
    pub(super) fn pointer(&self, node: NodeId) -> String {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some((parent, step)) = self.parents.get(&at) {
            steps.push(match (step, self.document().value(*parent)) {
                (Step::Member(index), Value::Object(members)) => {
                    members.get(*index).map_or(String::new(), |member| pointer_step(&member.name))
                }
                (Step::Member(index) | Step::Item(index), _) => index.to_string(),
            });
            at = *parent;
        }
        steps.iter().rev().fold(String::new(), |pointer, step| pointer + "/" + step)
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchema").field("name", &self.name()).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.documents.keys()).finish()
    }
}

/// A name as a step of a JSON pointer.
pub(super) fn pointer_step(name: &str) -> String {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1") } else { name.to_string() }
}

/// A place to visit, and what is known on the way to it.
struct Visit {
    spot: Spot,
    /// Address of the schema resource it stands in.
    base: Arc<str>,
    /// The node of the schema's own document that led here.
    via: NodeId,
}

/// A reference whose target is to be found.
struct Wanted {
    holder: Spot,
    base: Arc<str>,
    via: NodeId,
}

struct Loader<'a> {
    references: &'a References,
    texts: Vec<Text>,
    /// Schemas by their address.
    resources: HashMap<String, Spot>,
    anchors: HashMap<(String, String), Spot>,
    /// Base address of every schema that was visited.
    visited: HashMap<Spot, Arc<str>>,
    work: Vec<Visit>,
    wanted: Vec<Wanted>,
    targets: HashMap<Spot, Spot>,
    mistakes: Vec<Mistake>,
}

/// More mistakes are not collected.
const MOST_MISTAKES: usize = 100;

impl JsonSchema {
    /// Loads a schema and what it refers to.
    ///
    /// # Errors
    ///
    /// All mistakes, with their positions in `document`: an unknown `$schema`, a keyword with a
    /// value that its draft does not allow, a reference that leads nowhere. What is wrong in
    /// another document is told at the reference that led there.
    pub fn parse(document: Document, references: &References) -> Result<Self, Vec<Mistake>> {
        let document = Arc::new(document);
        let dialect = dialect_of(&document, Dialect::Draft202012).map_err(|mistake| vec![mistake])?;
        let root = document.root();
        let (parents, own_nodes) = parents(&document);
        let mut loader = Loader {
            references,
            texts: vec![Text { name: String::new(), address: String::new(), document: Arc::clone(&document), dialect }],
            resources: HashMap::new(),
            anchors: HashMap::new(),
            visited: HashMap::new(),
            work: Vec::new(),
            wanted: Vec::new(),
            targets: HashMap::new(),
            mistakes: Vec::new(),
        };
        let spot = Spot { text: 0, node: root };
        loader.resources.insert(String::new(), spot);
        loader.work.push(Visit { spot, base: Arc::from(""), via: root });
        loader.load();
        if loader.mistakes.is_empty() {
            loader.compare_with_meta_schemas();
        }
        if !loader.mistakes.is_empty() {
            loader.mistakes.sort_by_key(|mistake| mistake.span.start);
            return Err(loader.mistakes);
        }
        let others: usize = loader.texts.iter().skip(1).map(|text| node_count(&text.document)).sum();
        Ok(Self { texts: loader.texts, targets: loader.targets, parents, nodes: own_nodes + others })
    }
}

/// The draft that `$schema` names.
fn dialect_of(document: &Document, otherwise: Dialect) -> Result<Dialect, Mistake> {
    let Some(declared) = document.get(document.root(), "$schema") else { return Ok(otherwise) };
    let span = document.span(declared);
    let Some(uri) = document.text(declared) else {
        return Err(Mistake { message: "`$schema` is the address of a draft, a text".into(), span });
    };
    Dialect::of_schema(uri).ok_or_else(|| Mistake {
        message: format!(
            "`$schema` names no known draft: {}; known are 4, 6, 7, 2019-09 and 2020-12",
            escape_controls(uri)
        ),
        span,
    })
}

/// Every node's parent, and the number of nodes.
fn parents(document: &Document) -> (HashMap<NodeId, (NodeId, Step)>, usize) {
    let mut parents = HashMap::new();
    let mut work = vec![document.root()];
    while let Some(node) = work.pop() {
        match document.value(node) {
            Value::Object(members) => {
                for (index, member) in members.iter().enumerate() {
                    parents.insert(member.value, (node, Step::Member(index)));
                    work.push(member.value);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    parents.insert(*item, (node, Step::Item(index)));
                    work.push(*item);
                }
            }
            _ => {}
        }
    }
    let count = parents.len() + 1;
    (parents, count)
}

fn node_count(document: &Document) -> usize {
    let mut work = vec![document.root()];
    let mut count = 0;
    while let Some(node) = work.pop() {
        count += 1;
        match document.value(node) {
            Value::Object(members) => work.extend(members.iter().map(|member| member.value)),
            Value::Array(items) => work.extend(items),
            _ => {}
        }
    }
    count
}

impl Loader<'_> {
    fn load(&mut self) {
        loop {
            // Addresses and anchors first: a reference may name what stands behind it.
            while let Some(visit) = self.work.pop() {
                if self.mistakes.len() >= MOST_MISTAKES {
                    return;
                }
                self.visit(&visit);
            }
            let Some(wanted) = self.wanted.pop() else { return };
            self.find(wanted);
        }
    }

    fn mistake(&mut self, spot: Spot, via: NodeId, message: String) {
        let own = &self.texts[0].document;
        self.mistakes.push(if spot.text == 0 {
            Mistake { message, span: own.span(spot.node) }
        } else {
            let other = &self.texts[spot.text];
            let (line, column) = other.document.position(other.document.span(spot.node));
            let name = escape_controls(&other.name);
            Mistake { message: format!("in {name}, line {line}, column {column}: {message}"), span: own.span(via) }
        });
    }

    fn visit(&mut self, visit: &Visit) {
        let spot = visit.spot;
        if self.visited.contains_key(&spot) {
            return;
        }
        let document = Arc::clone(&self.texts[spot.text].document);
        let dialect = self.texts[spot.text].dialect;
        let members = match document.value(spot.node) {
            Value::Object(members) => members,
            Value::Bool(_) => {
                self.visited.insert(spot, Arc::clone(&visit.base));
                return;
            }
            _ => return self.mistake(spot, visit.via, "a schema is an object, true or false".into()),
        };
        let base = self.address(&document, spot, dialect, &visit.base);
        self.visited.insert(spot, Arc::clone(&base));
        for member in members {
            let Some(shape) = dialect.shape(&member.name) else { continue };
            let value = Spot { text: spot.text, node: member.value };
            let via = if spot.text == 0 { member.value } else { visit.via };
            if let Some(expected) = dialect.misshapen(&document, member.value, shape) {
                let message = format!("`{}` takes {expected}", member.name);
                self.mistake(value, via, message);
                continue;
            }
            if matches!(member.name.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") {
                self.wanted.push(Wanted { holder: value, base: Arc::clone(&base), via });
            }
            for child in subschemas(&document, member.value, shape) {
                let child = Spot { text: spot.text, node: child };
                let via = if spot.text == 0 { child.node } else { via };
                self.work.push(Visit { spot: child, base: Arc::clone(&base), via });
            }
        }
    }

    /// The address of a schema, which it may give itself; its anchors are noted with it.
    fn address(&mut self, document: &Document, spot: Spot, dialect: Dialect, outer: &Arc<str>) -> Arc<str> {
        let text = |name: &str| document.get(spot.node, name).and_then(|node| document.text(node));
        let mut base = Arc::clone(outer);
        let hidden = dialect.reference_stands_alone() && text("$ref").is_some();
        if let Some(id) = text(dialect.id_keyword()).filter(|_| !hidden) {
            let (address, fragment) = split_fragment(id);
            if !address.is_empty() {
                base = Arc::from(resolved(outer, address));
                self.resources.insert(base.to_string(), spot);
            }
            if !fragment.is_empty() && dialect.reference_stands_alone() {
                self.anchors.insert((base.to_string(), fragment), spot);
            }
        }
        if !dialect.reference_stands_alone() {
            for anchor in ["$anchor", "$dynamicAnchor"].into_iter().filter_map(text) {
                self.anchors.insert((base.to_string(), anchor.to_string()), spot);
            }
        }
        base
    }

    fn find(&mut self, wanted: Wanted) {
        let document = Arc::clone(&self.texts[wanted.holder.text].document);
        let Some(reference) = document.text(wanted.holder.node) else { return };
        let (address, fragment) = split_fragment(reference);
        let absolute = resolved(&wanted.base, address);
        let Some(resource) = self.resources.get(&absolute).copied() else {
            return self.load_reference(wanted, &absolute, address);
        };
        // A document may call itself something else than the name it was found by.
        let base = self.visited.get(&resource).cloned().unwrap_or_else(|| Arc::from(absolute));
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            self.pointed(resource, &fragment)
        } else {
            self.anchors.get(&(base.to_string(), fragment)).copied()
        };
        let Some(target) = target else {
            let message = format!("the reference `{}` leads nowhere", escape_controls(reference));
            return self.mistake(wanted.holder, wanted.via, message);
        };
        self.targets.insert(wanted.holder, target);
        let via = if target.text == 0 { target.node } else { wanted.via };
        self.work.push(Visit { spot: target, base, via });
    }

    /// The node below `start` that a JSON pointer names.
    fn pointed(&self, start: Spot, pointer: &str) -> Option<Spot> {
        let document = &self.texts[start.text].document;
        let mut node = start.node;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            node = match document.value(node) {
                Value::Array(items) => *items.get(step.parse::<usize>().ok()?)?,
                _ => document.get(node, &step)?,
            };
        }
        Some(Spot { text: start.text, node })
    }

    /// Takes in the document that a reference names, by its address or as written.
    fn load_reference(&mut self, wanted: Wanted, absolute: &str, written: &str) {
        let written = without_dots(written);
        let found = self.references.find(absolute).or_else(|| self.references.find(&written));
        let Some((name, document)) = found.map(|(name, document)| (name.to_string(), Arc::clone(document))) else {
            // What the drafts say of themselves is known to every validator.
            if absolute.split_once("://").is_some_and(|(_, rest)| rest.starts_with("json-schema.org/draft")) {
                return;
            }
            let known = nearest(&written, self.references.documents.keys().map(String::as_str));
            let hint = known.map_or(String::new(), |name| format!("; did you mean `{}`?", escape_controls(name)));
            let shown = escape_controls(&written);
            let message =
                format!("the reference `{shown}` names a document that was not given; nothing is fetched{hint}");
            return self.mistake(wanted.holder, wanted.via, message);
        };
        let text = self.texts.len();
        let known = self.texts.iter().position(|text| text.name == name);
        let index = known.unwrap_or(text);
        let spot = Spot { text: index, node: document.root() };
        self.resources.insert(absolute.to_string(), spot);
        if known.is_none() {
            match dialect_of(&document, self.texts[wanted.holder.text].dialect) {
                Ok(dialect) => self.texts.push(Text { name, address: absolute.to_string(), document, dialect }),
                Err(mistake) => {
                    let message = format!("in {}: {}", escape_controls(&name), mistake.message);
                    return self.mistake(wanted.holder, wanted.via, message);
                }
            }
            self.work.push(Visit { spot, base: Arc::from(absolute), via: wanted.via });
        }
        self.wanted.push(wanted);
    }

    /// What the meta-schema of its draft says of each document; our own look at keywords has
    /// found most of it, with better words. Documents too deep for the validator are left at that.
    fn compare_with_meta_schemas(&mut self) {
        for index in 0..self.texts.len() {
            let document = Arc::clone(&self.texts[index].document);
            let dialect = self.texts[index].dialect;
            for (pointer, keyword) in super::semantic::meta_schema_errors(&document, dialect, MOST_MISTAKES) {
                let node = document.at(&pointer).unwrap_or_else(|| document.root());
                let message = format!("not a schema of {}: breaks `{keyword}` of its meta-schema", dialect.name());
                let via = self.texts[0].document.root();
                self.mistake(Spot { text: index, node }, via, message);
            }
        }
        let mut seen = HashSet::new();
        self.mistakes.retain(|mistake| {
            let Span { start, end } = mistake.span;
            seen.insert((start, end, mistake.message.clone()))
        });
    }
}

/// The schemas in the value of a keyword.
fn subschemas(document: &Document, node: NodeId, shape: Shape) -> Vec<NodeId> {
    let is_list = |node: &NodeId| matches!(document.value(*node), Value::Array(_));
    match (shape, document.value(node)) {
        (Shape::Schema | Shape::SchemaOrSchemas, Value::Object(_) | Value::Bool(_)) => vec![node],
        (Shape::Schemas | Shape::SchemaOrSchemas, Value::Array(items)) => items.clone(),
        (Shape::NamedSchemas | Shape::Dependencies, Value::Object(members)) => {
            members.iter().map(|member| member.value).filter(|value| !is_list(value)).collect()
        }
        _ => Vec::new(),
    }
}
