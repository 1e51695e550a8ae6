//! What an Avro text defines and what it takes from elsewhere, so that files are read in the order in
//! which they need each other. Mistakes are no matter here: the parser names them.

use crate::json_text::{Document, NodeId, Value};
use std::collections::BTreeSet;
use std::rc::Rc;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Bytes of a namespace, which is repeated in every name: what has a longer one is not looked into.
const MOST_NAMESPACE: usize = 1_024;

/// Full names of an Avro text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// Of the type that the text is, if that has a name.
    pub name: Option<String>,
    /// Of all types in it.
    pub defines: BTreeSet<String>,
    /// Of types it refers to, its own among them. A name without a namespace may also mean the one
    /// without any, so both are here.
    pub uses: BTreeSet<String>,
}

/// Reads the names of a text. Walks without recursion.
pub(super) fn links(document: &Document) -> Links {
    let mut links = Links::default();
    let root = document.root();
    // Namespaces are kept once each; nodes hold their number.
    let mut namespaces: Vec<Rc<str>> = vec![Rc::from("")];
    let mut nodes = vec![(root, 0_usize)];
    while let Some((node, namespace)) = nodes.pop() {
        let enclosing = namespaces.get(namespace).map_or_else(|| Rc::from(""), Rc::clone);
        match document.value(node) {
            Value::Text(name) => refer(name, &enclosing, &mut links),
            Value::Array(branches) => nodes.extend(branches.iter().map(|branch| (*branch, namespace))),
            Value::Object(_) => {
                let Some(of_type) = document.get(node, "type") else { continue };
                match document.text(of_type) {
                    Some("record" | "error" | "enum" | "fixed") => {
                        let own = namespace_of(document, node, &enclosing);
                        if own.len() > MOST_NAMESPACE {
                            continue;
                        }
                        if let Some(full) = full_name(document, node, &own) {
                            if node == root {
                                links.name = Some(full.clone());
                            }
                            links.defines.insert(full);
                        }
                        let number = if *own == *enclosing {
                            namespace
                        } else {
                            namespaces.push(Rc::from(own));
                            namespaces.len() - 1
                        };
                        nodes.extend(types_of_fields(document, node).map(|of_field| (of_field, number)));
                    }
                    Some("array") => nodes.extend(document.get(node, "items").map(|items| (items, namespace))),
                    Some("map") => nodes.extend(document.get(node, "values").map(|values| (values, namespace))),
                    _ => nodes.push((of_type, namespace)),
                }
            }
            _ => {}
        }
    }
    links
}

fn refer(name: &str, namespace: &str, links: &mut Links) {
    if PRIMITIVES.contains(&name) {
        return;
    }
    if !name.contains('.') && !namespace.is_empty() {
        links.uses.insert(format!("{namespace}.{name}"));
    }
    links.uses.insert(name.to_string());
}

fn types_of_fields(document: &Document, record: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let fields = match document.get(record, "fields").map(|fields| document.value(fields)) {
        Some(Value::Array(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().filter_map(|field| document.get(*field, "type"))
}

/// The namespace inside a definition.
fn namespace_of(document: &Document, node: NodeId, enclosing: &str) -> String {
    let text = |key: &str| document.get(node, key).and_then(|value| document.text(value));
    match (text("name").and_then(|name| name.rsplit_once('.')), text("namespace")) {
        (Some((namespace, _)), _) => namespace.to_string(),
        (None, Some(namespace)) => namespace.to_string(),
        (None, None) => enclosing.to_string(),
    }
}

fn full_name(document: &Document, node: NodeId, namespace: &str) -> Option<String> {
    let name = document.get(node, "name").and_then(|name| document.text(name))?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    Some(if namespace.is_empty() { name.to_string() } else { format!("{namespace}.{name}") })
}

/// Whether a JSON text is an Avro schema rather than a JSON Schema, where its file does not tell: a list, a
/// name, or an object of a type that only Avro has.
pub(super) fn looks_like_avro(document: &Document) -> bool {
    let root = document.root();
    match document.value(root) {
        Value::Text(_) | Value::Array(_) => true,
        Value::Object(_) => {
            let of_type = document.get(root, "type").and_then(|value| document.text(value));
            let has = |name: &str| document.get(root, name).is_some();
            match of_type {
                Some("record" | "error" | "enum" | "fixed" | "map" | "bytes" | "int" | "long" | "float" | "double") => {
                    true
                }
                Some("array" | "string" | "boolean" | "null") => has("logicalType") || has("avro.java.string"),
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_text::Syntax;

    fn document(text: &str) -> Document {
        Document::parse(text, Syntax::default()).expect("JSON")
    }

    #[test]
    fn names_are_full_and_taken_from_all_depths() {
        let text = r#"{"type":"record","name":"A","namespace":"n","fields":[
            {"name":"x","type":["null",{"type":"map","values":"B"}]},
            {"name":"y","type":{"type":"enum","name":"m.E","symbols":["S"]}},
            {"name":"z","type":{"type":"array","items":{"type":"other.C"}}},
            {"name":"w","type":{"type":"record","name":"R","namespace":"","fields":[{"name":"v","type":"D"}]}}]}"#;
        let links = links(&document(text));
        assert_eq!(links.name.as_deref(), Some("n.A"));
        assert_eq!(links.defines.iter().map(String::as_str).collect::<Vec<_>>(), ["R", "m.E", "n.A"]);
        assert_eq!(links.uses.iter().map(String::as_str).collect::<Vec<_>>(), ["B", "D", "n.B", "other.C"]);
    }

    #[test]
    fn avro_is_told_from_json_schema_by_its_types() {
        for avro in
            [r#"{"type":"record","name":"A","fields":[]}"#, r#"["null","int"]"#, r#""int""#, r#"{"type":"long"}"#]
        {
            assert!(looks_like_avro(&document(avro)), "{avro}");
        }
        for json in
            [r#"{"type":"object"}"#, r#"{"type":"array","items":{}}"#, r#"{"type":["null","object"]}"#, "true", "{}"]
        {
            assert!(!looks_like_avro(&document(json)), "{json}");
        }
    }
}
