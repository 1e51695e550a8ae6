//! What names may be, and the types that other files define.

use super::schema::{AvroSchema, TypeId};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Letters and digits of Java's `Character.isLetter` and `isLetterOrDigit`, which Avro Java asks for
/// every UTF-16 unit: characters beyond U+FFFF are never letters.
static NAME: LazyLock<Option<regex::Regex>> =
    LazyLock::new(|| regex::Regex::new(r"^[\p{L}_&&[\x{0}-\x{FFFF}]][\p{L}\p{Nd}_&&[\x{0}-\x{FFFF}]]*$").ok());

/// Why Avro does not take a name without dots.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let Some(first) = name.bytes().next() else { return Some("is empty") };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.bytes().all(plain) && !first.is_ascii_digit() {
        return None;
    }
    if NAME.as_ref().is_some_and(|pattern| pattern.is_match(name)) {
        return None;
    }
    Some("is not made of letters, digits and underscores, a digit not first")
}

/// Why Avro does not take a namespace; none for the empty one.
pub(super) fn namespace_fault(namespace: &str) -> Option<&'static str> {
    if namespace.is_empty() { None } else { namespace.split('.').find_map(fault) }
}

/// A name's namespace and short name: a dotted name has its own namespace, whatever surrounds it.
pub(super) fn split<'a>(name: &'a str, surrounding: &'a str) -> (&'a str, &'a str) {
    name.rsplit_once('.').unwrap_or((surrounding, name))
}

/// The full name of both.
pub(super) fn joined(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_string() } else { format!("{namespace}.{name}") }
}

/// Types that several schemas share: a schema may use what was added before it was read.
#[derive(Clone, Debug, Default)]
pub struct Names {
    schemas: Vec<AvroSchema>,
    definitions: HashMap<String, (usize, TypeId)>,
}

impl Names {
    /// Adds all types that the schema's document defines. Of two definitions of one name the first counts.
    pub fn add(&mut self, schema: &AvroSchema) {
        let index = self.schemas.len();
        for (name, id) in schema.defined.iter() {
            self.definitions.entry(name.clone()).or_insert((index, *id));
        }
        self.schemas.push(schema.clone());
    }

    /// How many types are known.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether no type is known.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    pub(super) fn find(&self, full: &str) -> Option<(&AvroSchema, TypeId)> {
        let (index, id) = self.definitions.get(full)?;
        Some((self.schemas.get(*index)?, *id))
    }

    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_underscores_of_any_script() {
        for name in ["a", "_", "A1_", "ä1_", "a٣", "ªº", "中"] {
            assert_eq!(fault(name), None, "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "A B", "$a", "a²", "Ⅷ", "a\u{301}", "𝒳", "a𝒳", "٣a"] {
            assert!(fault(name).is_some(), "{name}");
        }
        for (namespace, fine) in
            [("", true), ("a.b", true), ("a.", false), (".a", false), ("a..b", false), ("a-b.c", false)]
        {
            assert_eq!(namespace_fault(namespace).is_none(), fine, "{namespace}");
        }
    }
}
