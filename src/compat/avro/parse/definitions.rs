//! Definitions: records, enums and fixed with their names, fields and symbols.

use super::Parser;
use crate::compat::avro::Strictness;
use crate::compat::avro::defaults::Answer;
use crate::compat::avro::logical::logical;
use crate::compat::avro::names::{fault, joined, namespace_fault, split};
use crate::compat::avro::schema::{DefaultValue, Enum, Field, FullName, Record, Shape, Tag, TypeId, Use};
use crate::error::escape_controls;
use crate::json_text::{NodeId, Value};
use std::collections::HashSet;

/// The longest fixed that Java can hold.
const MOST_FIXED: u32 = 2_147_483_639;

/// What Java keeps of a named type apart from its custom properties.
const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];

impl<'a> Parser<'a> {
    /// A record, enum or fixed.
    pub(super) fn named(&mut self, node: NodeId, word: &str, space: &str, level: usize) -> Use {
        let document = self.document;
        let Some((name, space)) = self.full_name(node, word, space) else {
            let id = self.push(Shape::Plain(Tag::Unknown), None, node);
            // Read for their mistakes.
            if matches!(word, "record" | "error") {
                self.fields(node, space, level);
            }
            return Use { id, node };
        };
        let id = match word {
            "enum" => {
                let shape = self.symbols(node);
                self.push(shape, Some(name), node)
            }
            "fixed" => {
                let shape = self.size(node);
                self.push(shape, Some(name), node)
            }
            _ => self.push(Shape::Record(Record::default()), Some(name), node),
        };
        self.define(id);
        if matches!(word, "record" | "error") {
            self.open.insert(id);
            let record = self.fields(node, &space, level);
            self.shape(id, Shape::Record(record));
            self.open.remove(&id);
        }
        let size = if let Shape::Fixed { size, .. } = &self.types[id.0 as usize].shape { Some(*size) } else { None };
        self.types[id.0 as usize].logical = logical(document, node, self.types[id.0 as usize].tag(), size);
        let custom = |name: &str| !(RESERVED.contains(&name) || word == "enum" && name == "default");
        if document.members(node).iter().any(|member| custom(&member.name)) {
            self.bare.remove(&id);
        }
        Use { id, node }
    }

    /// The name of a definition, and the namespace of what it holds.
    fn full_name(&mut self, node: NodeId, word: &str, space: &str) -> Option<(FullName, String)> {
        let document = self.document;
        let Some(name_node) = document.get(node, "name").filter(|name| document.text(*name).is_some()) else {
            let message = format!("a type `{word}` without a name");
            self.mistake("avro::no_name", document.span(node), message, Some("add \"name\": \"...\""));
            return None;
        };
        let name = document.text(name_node).unwrap_or_default();
        let space_node = document.get(node, "namespace").filter(|space| document.text(*space).is_some());
        let surrounding = space_node.and_then(|space| document.text(space)).unwrap_or(space);
        let (namespace, short) = split(name, surrounding);
        let full = joined(namespace, short);
        if self.strictness == Strictness::Strict {
            if let Some(fault) = fault(short) {
                self.illegal_name("name", short, fault, name_node);
            }
            if let Some(fault) = namespace_fault(namespace) {
                let at = if name.contains('.') { name_node } else { space_node.unwrap_or(name_node) };
                let message = format!("a part of the namespace `{}` {fault}", escape_controls(namespace));
                self.mistake("avro::illegal_namespace", document.span(at), message, Some("write `a.b.c`"));
            }
        }
        if Tag::primitive(&full).is_some() {
            let message = format!("`{full}` is a primitive type, no type may be called so");
            self.mistake("avro::primitive_name", document.span(name_node), message, Some("give the type another name"));
        }
        let mut aliases = HashSet::new();
        for (alias, at) in self.aliases(node) {
            let (alias_space, alias) = split(alias, namespace);
            if let Some(fault) = fault(alias).filter(|_| self.strictness == Strictness::Strict) {
                self.illegal_name("alias", alias, fault, at);
            }
            aliases.insert(joined(alias_space, alias));
        }
        Some((FullName { short: short.to_string(), full, aliases, node: name_node }, namespace.to_string()))
    }

    fn illegal_name(&mut self, what: &str, name: &str, fault: &str, node: NodeId) {
        let shown: String = name.chars().take(100).collect();
        let message = format!("the {what} `{}` {fault}", escape_controls(&shown));
        let hint = "names are letters, digits and underscores and begin with no digit";
        self.mistake("avro::illegal_name", self.document.span(node), message, Some(hint));
    }

    /// The aliases of a type or field, with their places.
    fn aliases(&mut self, node: NodeId) -> Vec<(&'a str, NodeId)> {
        let document = self.document;
        let Some(list) = document.get(node, "aliases") else { return Vec::new() };
        let hint = "write \"aliases\": [\"name\"]";
        if !matches!(document.value(list), Value::Array(_)) {
            self.mistake("avro::aliases", document.span(list), "\"aliases\" is not a list", Some(hint));
        }
        let mut found = Vec::new();
        for alias in document.elements(list) {
            match document.text(*alias) {
                Some(text) => found.push((text, *alias)),
                None => self.mistake("avro::aliases", document.span(*alias), "an alias that is no string", Some(hint)),
            }
        }
        found
    }

    /// Makes a definition known, unless one of its name is.
    fn define(&mut self, id: TypeId) {
        let Some(name) = &self.types[id.0 as usize].name else { return };
        let (full, node) = (name.full.clone(), name.node);
        let Some(first) = self.known.get(&full).copied() else {
            self.known.insert(full, id);
            self.bare.insert(id);
            return;
        };
        // Java compares both, at a time when nothing is known of the second but what follows.
        let same = match (&self.types[first.0 as usize].shape, &self.types[id.0 as usize].shape) {
            (Shape::Record(_), Shape::Record(_)) => self.open.contains(&first),
            (Shape::Enum(one), Shape::Enum(other)) => one.symbols == other.symbols,
            (Shape::Fixed { size: one, .. }, Shape::Fixed { size: other, .. }) => one == other,
            _ => false,
        };
        if !same || !self.bare.contains(&first) {
            let message = format!("`{}` is defined a second time", escape_controls(&full));
            let hint = "use the first definition by its name, or give this one another name";
            self.mistake("avro::duplicate_name", self.document.span(node), message, Some(hint));
        }
    }

    fn symbols(&mut self, node: NodeId) -> Shape {
        let document = self.document;
        let list = document.get(node, "symbols");
        let Some(list) = list.filter(|list| matches!(document.value(*list), Value::Array(_))) else {
            let at = document.span(list.unwrap_or(node));
            self.mistake("avro::no_symbols", at, "an enum without a list of symbols", Some("add \"symbols\": [\"A\"]"));
            return Shape::Enum(Enum { symbols: Vec::new(), default: None, node });
        };
        let mut symbols = Vec::new();
        let mut seen = HashSet::new();
        for symbol in document.elements(list) {
            let Some(text) = document.text(*symbol) else {
                let hint = "write symbols in double quotes";
                self.mistake("avro::symbol", document.span(*symbol), "a symbol that is no string", Some(hint));
                continue;
            };
            if let Some(fault) = fault(text).filter(|_| self.strictness == Strictness::Strict) {
                self.illegal_name("symbol", text, fault, *symbol);
            }
            if !seen.insert(text) {
                let message = format!("the symbol `{}` stands twice", escape_controls(text));
                self.mistake("avro::duplicate_symbol", document.span(*symbol), message, Some("remove one"));
            }
            symbols.push(text.to_string());
        }
        // A default that is no string is ignored, as by Java.
        let default = document.get(node, "default").and_then(|default| Some((default, document.text(default)?)));
        let mut valid = None;
        if let Some((at, default)) = default {
            if seen.contains(default) {
                valid = Some(default.to_string());
            } else if self.strictness == Strictness::Strict {
                let hint = "the default is one of the symbols: add it to them or take another";
                self.mistake("avro::enum_default", document.span(at), "the enum's default is no symbol", Some(hint));
            }
        }
        Shape::Enum(Enum { symbols, default: valid, node: list })
    }

    fn size(&mut self, node: NodeId) -> Shape {
        let document = self.document;
        let at = document.get(node, "size");
        let size: Option<u32> = at.and_then(|at| document.number(at)).and_then(|size| {
            // `-0` is a whole number for Java too.
            if size == "-0" { Some(0) } else { size.parse().ok() }
        });
        let node = at.unwrap_or(node);
        match size.filter(|size| *size <= MOST_FIXED) {
            Some(size) => Shape::Fixed { size, node },
            None => {
                let message = format!("a fixed without a size from 0 to {MOST_FIXED}");
                self.mistake("avro::size", document.span(node), message, Some("add \"size\": the number of bytes"));
                Shape::Fixed { size: 0, node }
            }
        }
    }

    fn fields(&mut self, node: NodeId, space: &str, level: usize) -> Record {
        let document = self.document;
        let list = document.get(node, "fields");
        let Some(list) = list.filter(|list| matches!(document.value(*list), Value::Array(_))) else {
            let at = document.span(list.unwrap_or(node));
            self.mistake("avro::no_fields", at, "a record without a list of fields", Some("add \"fields\": []"));
            return Record::default();
        };
        let mut record = Record::default();
        for field in document.elements(list) {
            let Some(field) = self.field(*field, space, level) else { continue };
            if record.by_name.contains_key(&field.name) {
                let at = document.get(field.node, "name").unwrap_or(field.node);
                let message = format!("the field `{}` stands twice", escape_controls(&field.name));
                self.mistake("avro::duplicate_field", document.span(at), message, Some("give one another name"));
                continue;
            }
            record.by_name.insert(field.name.clone(), record.fields.len());
            record.fields.push(field);
        }
        record
    }

    fn field(&mut self, node: NodeId, space: &str, level: usize) -> Option<Field> {
        let document = self.document;
        let name_node = document.get(node, "name");
        let name = name_node.and_then(|name| document.text(name));
        match (name, name_node) {
            (Some(name), Some(at)) => {
                if let Some(fault) = fault(name).filter(|_| self.strictness == Strictness::Strict) {
                    self.illegal_name("field name", name, fault, at);
                }
            }
            _ => self.mistake(
                "avro::no_name",
                document.span(node),
                "a field without a name",
                Some("add \"name\": \"...\""),
            ),
        }
        let Some(schema) = document.get(node, "type") else {
            self.mistake("avro::no_type", document.span(node), "a field without a type", Some("add \"type\": \"...\""));
            return None;
        };
        let schema = self.schema(schema, space, level + 1);
        if let Some(order) = document.get(node, "order") {
            let known = ["ascending", "descending", "ignore"];
            let text = document.text(order).map(str::to_lowercase);
            if !text.is_some_and(|text| known.contains(&text.as_str())) {
                let hint = "write \"ascending\", \"descending\" or \"ignore\", or leave it out";
                self.mistake("avro::order", document.span(order), "\"order\" is no order of Avro", Some(hint));
            }
        }
        let mut seen = HashSet::new();
        let aliases = self.aliases(node).into_iter().map(|(alias, _)| alias.to_string());
        let aliases = aliases.filter(|alias| seen.insert(alias.clone())).collect();
        let default = document.get(node, "default").map(|node| DefaultValue { document: 0, node });
        let name = name?.to_string();
        if let Some(default) = default.filter(|_| self.strictness == Strictness::Strict) {
            let answer = self.validator.field(&self.types, &self.documents, Some(&self.open), schema, default);
            if answer == Answer::Valid {
                self.defaults.push((name.clone(), schema, default));
            } else {
                self.invalid_default(&name, schema, default, answer);
            }
        }
        Some(Field { name, aliases, schema, default, node })
    }
}
