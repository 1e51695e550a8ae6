//! A value of a JSON document that knows where it stands in it.

use super::MAX_BYTES;
use crate::error::escape_controls;
use serde::Deserialize;
use serde_json::Value;

/// Brackets inside each other: a composite takes two for each level, and the language has at most 128.
const DEPTH: usize = 300;

/// The largest count: every whole number up to it is a double, and sums of many do not overflow.
const COUNT: u64 = 1 << 53;

/// Characters of a wrong value that are shown.
const SHOWN: usize = 40;

/// Reads a document that may come from anywhere.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("a saved result has at most {} MiB", MAX_BYTES >> 20));
    }
    // The parser calls itself for each bracket; its own limit is too small for deep composites.
    if depth(bytes) > DEPTH {
        return Err(format!("brackets are more than {DEPTH} deep; this is no result of dq"));
    }
    let wrong = |error: serde_json::Error| format!("not JSON: {error}");
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    parser.disable_recursion_limit();
    let value = Value::deserialize(&mut parser).map_err(wrong)?;
    parser.end().map_err(wrong)?;
    Ok(value)
}

/// How many brackets are open at once, those in texts left out.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut most, mut text, mut escaped) = (0usize, 0, false, false);
    for &byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                open += 1;
                most = most.max(open);
            }
            b']' | b'}' if !text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// A value and the way to it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    value: &'a Value,
    step: Step<'a>,
    parent: Option<&'a Field<'a>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Name(&'a str),
    Position(usize),
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, step: Step::Root, parent: None }
    }

    /// `rules[3].verdict`
    fn path(&self) -> String {
        let mut path = self.parent.map_or(String::new(), Field::path);
        match self.step {
            Step::Root => {}
            Step::Position(position) => path.push_str(&format!("[{position}]")),
            Step::Name(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Name(name) => path.push_str(&format!("[\"{}\"]", shown(name))),
        }
        path
    }

    /// Says what should stand here.
    pub(super) fn wrong<T>(&self, wanted: &str) -> Result<T, String> {
        let found = match self.value {
            Value::Array(_) => "a list".to_string(),
            Value::Object(_) => "an object".to_string(),
            Value::String(text) => format!("\"{}\"", shown(text)),
            other => other.to_string(),
        };
        let path = self.path();
        Err(format!("{}{wanted}, not {found}", if path.is_empty() { path } else { format!("{path}: ") }))
    }

    /// A field that must be there.
    pub(super) fn get<'s>(&'s self, name: &'s str) -> Result<Field<'s>, String> {
        let Value::Object(object) = self.value else { return self.wrong("an object") };
        match object.get(name) {
            Some(value) => Ok(Field { value, step: Step::Name(name), parent: Some(self) }),
            None => {
                let path = self.path();
                Err(format!("{path}{}{name} is missing", if path.is_empty() { "" } else { "." }))
            }
        }
    }

    /// A field that may be missing or null.
    pub(super) fn find<'s>(&'s self, name: &'s str) -> Result<Option<Field<'s>>, String> {
        let Value::Object(object) = self.value else { return self.wrong("an object") };
        let value = object.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Field { value, step: Step::Name(name), parent: Some(self) }))
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Result<Vec<Field<'_>>, String> {
        let Value::Array(list) = self.value else { return self.wrong("a list") };
        let field = |(position, value)| Field { value, step: Step::Position(position), parent: Some(self) };
        Ok(list.iter().enumerate().map(field).collect())
    }

    /// The fields of an object whose names are data.
    pub(super) fn entries<'s>(&'s self) -> Result<Vec<(&'s str, Field<'s>)>, String> {
        let Value::Object(object) = self.value else { return self.wrong("an object") };
        let field = |(name, value): (&'s String, &'s Value)| {
            (name.as_str(), Field { value, step: Step::Name(name), parent: Some(self) })
        };
        Ok(object.iter().map(field).collect())
    }

    /// Whether it is null.
    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, String> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => self.wrong("a text"),
        }
    }

    /// A text, or null.
    pub(super) fn null_or_text(&self) -> Result<Option<&'a str>, String> {
        if self.is_null() { Ok(None) } else { self.text().map(Some) }
    }

    /// A field that is a text, null, or missing.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, String> {
        self.find(name)?.map(|field| field.text().map(str::to_string)).transpose()
    }

    /// A list of texts.
    pub(super) fn texts(&self) -> Result<Vec<String>, String> {
        self.items()?.iter().map(|item| item.text().map(str::to_string)).collect()
    }

    /// A number, which in JSON is finite.
    pub(super) fn number(&self) -> Result<f64, String> {
        match self.value.as_f64() {
            Some(number) => Ok(number),
            None => self.wrong("a number"),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Result<u64, String> {
        match self.value.as_u64().filter(|count| *count <= COUNT) {
            Some(count) => Ok(count),
            None => self.wrong("a count"),
        }
    }

    /// A count of things in memory.
    pub(super) fn size(&self) -> Result<usize, String> {
        match usize::try_from(self.count()?) {
            Ok(size) => Ok(size),
            Err(_) => self.wrong("a count"),
        }
    }

    /// A line, a column, the number of a group.
    pub(super) fn position(&self) -> Result<usize, String> {
        match self.size()? {
            0 => self.wrong("a number from 1"),
            position => Ok(position),
        }
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            _ => self.wrong("true or false"),
        }
    }
}

/// The start of a text, without control characters.
fn shown(text: &str) -> String {
    escape_controls(&super::super::finding::cut(text, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_are_no_depth() {
        assert_eq!(depth(br#"{"a[[[\"[": [[1], {"b": "]"}]}"#), 3);
        assert_eq!(depth(b"]]]["), 1);
    }

    #[test]
    fn paths_lead_to_the_field() {
        let document = serde_json::json!({ "rules": [{ "metrics": { "Column.a.Sum": true } }] });
        let root = Field::root(&document);
        let rules = root.get("rules").expect("there");
        let first = rules.items().expect("a list")[0];
        let metrics = first.get("metrics").expect("there");
        let (_, value) = metrics.entries().expect("an object")[0];
        assert_eq!(value.number(), Err("rules[0].metrics[\"Column.a.Sum\"]: a number, not true".into()));
        assert_eq!(root.number(), Err("a number, not an object".into()));
    }
}
