//! JSON text with the position of every value, for documents whose mistakes are shown to people.
//!
//! The values lie in an arena: reading, walking and dropping them takes no recursion, so that no
//! nesting ends the program.

use crate::span::{LineIndex, Span};
use std::collections::HashSet;
use std::sync::OnceLock;

mod read;

/// A value of a document; only that document knows what it stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(u32);

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number; its text is at its span, because no type of ours holds every number of JSON.
    Number,
    /// A string, escapes replaced. Half a surrogate pair becomes U+FFFD, as no text holds it.
    Text(String),
    /// `[...]`
    Array(Vec<NodeId>),
    /// `{...}`: all members in their order, those of a repeated name among them.
    Object(Vec<Member>),
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name, escapes replaced.
    pub name: String,
    /// Where the name stands, quotes included.
    pub name_span: Span,
    /// What it names.
    pub value: NodeId,
}

/// Why a text is no JSON: its first mistake.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Mistake {
    /// A sentence fragment without values of the text.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// What is read as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// Whether `// ...` and `/* ... */` are skipped before and inside the value; behind it nothing may follow.
    pub comments: bool,
    /// How many arrays and objects may lie inside each other.
    pub most_depth: usize,
    /// How long a text may be.
    pub most_bytes: usize,
}

impl Default for Syntax {
    /// RFC 8259 without a byte order mark, 65,536 levels, 64 MiB.
    fn default() -> Self {
        Self { comments: false, most_depth: 65_536, most_bytes: 64 << 20 }
    }
}

/// How deep a value may be that becomes a [`serde_json::Value`], whose own code is recursive.
const MOST_CONVERTED_DEPTH: usize = 512;

/// A text that is JSON.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    nodes: Vec<Node>,
    root: NodeId,
    depth: usize,
    /// Made for the first position that is asked for: most documents have no mistakes.
    lines: OnceLock<LineIndex>,
}

#[derive(Clone, Debug)]
struct Node {
    value: Value,
    start: u32,
    end: u32,
    /// Itself for the root.
    parent: NodeId,
    /// The place among the parent's elements or members.
    place: u32,
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The first mistake: what RFC 8259 does not allow, a byte order mark, text behind the value, or
    /// a text beyond the limits of `syntax` (or of 8,388,608 values).
    pub fn parse(text: &str, syntax: Syntax) -> Result<Document, Mistake> {
        read::document(text, syntax)
    }

    /// The value that is the whole document.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// What a value is; `null` for one of another document.
    pub fn value(&self, node: NodeId) -> &Value {
        self.nodes.get(node.0 as usize).map_or(&Value::Null, |node| &node.value)
    }

    /// Where a value stands.
    pub fn span(&self, node: NodeId) -> Span {
        self.nodes
            .get(node.0 as usize)
            .map_or(Span::default(), |node| Span::new(node.start as usize, node.end as usize))
    }

    /// A member's value. Of equal names the last one counts, as for Jackson and serde_json; `None`
    /// for what is no object.
    pub fn get(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.member(node, name).map(|member| member.value)
    }

    /// A member with the place of its name; of equal names the last.
    pub fn member(&self, node: NodeId, name: &str) -> Option<&Member> {
        let Value::Object(members) = self.value(node) else { return None };
        members.iter().rev().find(|member| member.name == name)
    }

    /// The content of a string, `None` for other values.
    pub fn text(&self, node: NodeId) -> Option<&str> {
        let Value::Text(text) = self.value(node) else { return None };
        Some(text)
    }

    /// A number as written, `None` for other values.
    pub fn number(&self, node: NodeId) -> Option<&str> {
        matches!(self.value(node), Value::Number).then(|| self.text.get(self.span(node).range())).flatten()
    }

    /// The elements of an array, none for other values.
    pub fn elements(&self, node: NodeId) -> &[NodeId] {
        if let Value::Array(elements) = self.value(node) { elements } else { &[] }
    }

    /// The members of an object, none for other values.
    pub fn members(&self, node: NodeId) -> &[Member] {
        if let Value::Object(members) = self.value(node) { members } else { &[] }
    }

    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// Line and column of the first character of a span, both from 1.
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.lines.get_or_init(|| LineIndex::new(&self.text)).position(span.start)
    }

    /// How many arrays and objects lie inside each other: 0 for a text, 1 for `[]`.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The value at a JSON pointer (RFC 6901); `""` is the root.
    pub fn at(&self, pointer: &str) -> Option<NodeId> {
        let mut node = self.root;
        let mut steps = pointer.split('/');
        if steps.next() != Some("") {
            return None;
        }
        for step in steps {
            node = match self.value(node) {
                Value::Object(_) => self.get(node, &step.replace("~1", "/").replace("~0", "~"))?,
                Value::Array(elements) => {
                    let plain = step == "0" || !step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit());
                    *elements.get(step.parse::<usize>().ok().filter(|_| plain)?)?
                }
                _ => return None,
            };
        }
        Some(node)
    }

    /// The JSON pointer of a value. A member that another one of its name follows has no pointer of
    /// its own and shares that one's.
    pub fn pointer(&self, node: NodeId) -> String {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(Node { parent, place, .. }) = self.nodes.get(at.0 as usize)
            && *parent != at
        {
            steps.push(match self.value(*parent) {
                Value::Object(members) => {
                    members.get(*place as usize).map_or(String::new(), |member| escaped_step(&member.name))
                }
                _ => place.to_string(),
            });
            at = *parent;
        }
        steps.iter().rev().fold(String::new(), |pointer, step| pointer + "/" + step)
    }

    /// Where names stand that their object has already had, in the order of the text.
    pub fn duplicate_names(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for node in &self.nodes {
            let Value::Object(members) = &node.value else { continue };
            let mut seen = HashSet::new();
            spans.extend(members.iter().filter(|member| !seen.insert(&member.name)).map(|member| member.name_span));
        }
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// A value as serde_json has it: of equal names the last.
    ///
    /// # Errors
    ///
    /// More than 512 levels, and numbers beyond a double.
    pub fn to_json(&self, node: NodeId) -> Result<serde_json::Value, Mistake> {
        self.converted(node, MOST_CONVERTED_DEPTH)
    }

    fn converted(&self, node: NodeId, levels: usize) -> Result<serde_json::Value, Mistake> {
        let mistake = |message: String| Mistake { message, span: self.span(node) };
        let Some(deeper) = levels.checked_sub(1) else {
            return Err(mistake(format!("nested deeper than {MOST_CONVERTED_DEPTH} levels")));
        };
        Ok(match self.value(node) {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => serde_json::Value::Bool(*truth),
            Value::Number => self
                .number(node)
                .and_then(|number| serde_json::from_str(number).ok())
                .ok_or_else(|| mistake("this number is beyond the range of a double".to_string()))?,
            Value::Text(text) => serde_json::Value::String(text.clone()),
            Value::Array(elements) => {
                let elements = elements.iter().map(|element| self.converted(*element, deeper));
                serde_json::Value::Array(elements.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let mut map = serde_json::Map::with_capacity(members.len());
                for member in members {
                    map.insert(member.name.clone(), self.converted(member.value, deeper)?);
                }
                serde_json::Value::Object(map)
            }
        })
    }
}

/// A member's name as a step of a JSON pointer.
pub fn escaped_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Document {
        Document::parse(text, Syntax::default()).expect("JSON")
    }

    #[test]
    fn every_value_knows_where_it_stands_and_what_it_is_called() {
        let document = parsed("{\n  \"a/b\": [1.50, {\"~\": \"x\"}],\n  \"é\": true\n}");
        let number = document.at("/a~1b/0").expect("a number");
        assert_eq!(document.number(number), Some("1.50"));
        assert_eq!(document.position(document.span(number)), (2, 11));
        let text = document.at("/a~1b/1/~0").expect("a text");
        assert_eq!((document.text(text), document.pointer(text).as_str()), (Some("x"), "/a~1b/1/~0"));
        let truth = document.at("/é").expect("a truth");
        assert_eq!(document.position(document.span(truth)), (3, 8));
        assert_eq!(document.at(""), Some(document.root()));
        for absent in ["a", "/x", "/a~1b/2", "/a~1b/00", "/a~1b/-1", "/a~1b/0/0", "/a~1b/+1", "/a~1b/"] {
            assert_eq!(document.at(absent), None, "{absent}");
        }
        assert_eq!(document.depth(), 3);
        assert_eq!(document.pointer(document.root()), "");
    }

    #[test]
    fn of_equal_names_the_last_counts_and_the_others_stay_visible() {
        let document = parsed(r#"{"a": 1, "b": 2, "a": 3}"#);
        assert_eq!(document.get(document.root(), "a").and_then(|node| document.number(node)), Some("3"));
        assert_eq!(document.members(document.root()).len(), 3);
        let twice: Vec<_> = document.duplicate_names().iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(twice, [(17, 20)]);
        assert_eq!(document.to_json(document.root()).expect("JSON"), serde_json::json!({"a": 3, "b": 2}));
    }

    #[test]
    fn strings_are_read_with_their_escapes_and_halves_of_pairs_are_replaced() {
        let cases = [
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e9\u4E2d""#, "é中"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00x""#, "\u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83dA""#, "\u{fffd}A"),
            ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"),
        ];
        for (text, content) in cases {
            let document = parsed(text);
            assert_eq!(document.text(document.root()), Some(content), "{text}");
        }
    }

    #[test]
    fn whatever_the_grammar_does_not_have_is_refused_at_its_place() {
        let cases = [
            ("", 0),
            ("  ", 2),
            ("\u{feff}1", 0),
            ("1 x", 2),
            ("{}{}", 2),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{a: 1}", 1),
            ("{'a': 1}", 1),
            ("{1: 1}", 1),
            ("[", 1),
            ("{\"a\"", 4),
            ("{\"a\":", 5),
            ("]", 0),
            ("[}", 1),
            ("{]", 1),
            ("nul", 0),
            ("nulll", 4),
            ("True", 0),
            ("NaN", 0),
            ("-Infinity", 1),
            ("01", 1),
            ("-", 1),
            ("+1", 0),
            (".5", 0),
            ("1.", 2),
            ("1.e1", 2),
            ("1e", 2),
            ("1e+", 3),
            ("0x1", 1),
            ("\"a", 2),
            ("\"\n\"", 1),
            ("\"\\x\"", 1),
            ("\"\\u12\"", 1),
            ("\"\\u12g4\"", 1),
            ("\"\\", 1),
            ("\u{a0}1", 0),
            ("// c\n1", 0),
            ("# c\n1", 0),
        ];
        for (text, at) in cases {
            let mistake = Document::parse(text, Syntax::default()).expect_err(text);
            assert_eq!(mistake.span.start, at, "{text:?}: {mistake}");
            assert!(mistake.span.end <= text.len() + 1, "{text:?}");
        }
    }

    #[test]
    fn comments_are_skipped_where_they_are_asked_for_but_never_behind_the_value() {
        let syntax = Syntax { comments: true, ..Syntax::default() };
        for text in ["// c\n1", "/* a */ /* b\n */1", "[1/**/,// x\n2]", "{/*x*/\"a\"/*:*/:/*}*/1/**/}", "\"//\""] {
            assert!(Document::parse(text, syntax).is_ok(), "{text}");
        }
        for text in ["1 // c", "1 /* c */", "/* c", "/ 1", "/*/ 1", "//"] {
            assert!(Document::parse(text, syntax).is_err(), "{text}");
        }
    }

    #[test]
    fn a_million_brackets_are_refused_with_a_message_and_allowed_depths_are_walked() {
        for bracket in ["[", "{\"a\":"] {
            let mistake = Document::parse(&bracket.repeat(1_000_000), Syntax::default()).expect_err("too deep");
            assert!(mistake.message.contains("65536 levels"), "{mistake}");
        }
        let deep = Syntax { most_depth: 2_000_000, ..Syntax::default() };
        let document = Document::parse(&("[".repeat(1_000_000) + &"]".repeat(1_000_000)), deep).expect("JSON");
        assert_eq!(document.depth(), 1_000_000);
        assert!(document.to_json(document.root()).is_err());
        let mut node = document.root();
        while let Some(inner) = document.elements(node).first() {
            node = *inner;
        }
        assert_eq!(document.pointer(node).len(), 2 * 999_999);
        drop(document);
        assert!(Document::parse(&"[".repeat(1_000_000), deep).is_err());
    }

    #[test]
    fn a_text_beyond_the_limit_is_not_read() {
        let small = Syntax { most_bytes: 4, ..Syntax::default() };
        assert!(Document::parse("1234", small).is_ok());
        assert!(Document::parse("12345", small).expect_err("too long").message.contains("4 bytes"));
    }

    #[test]
    fn numbers_keep_their_digits_until_a_double_is_asked_for() {
        let document = parsed("[12345678901234567890123, 1e400, -0, 1E-2]");
        let written: Vec<_> = document.elements(document.root()).iter().map(|node| document.number(*node)).collect();
        assert_eq!(written, [Some("12345678901234567890123"), Some("1e400"), Some("-0"), Some("1E-2")]);
        assert!(document.to_json(document.at("/1").expect("a number")).is_err());
        assert!(document.to_json(document.at("/0").expect("a number")).is_ok());
    }
}
