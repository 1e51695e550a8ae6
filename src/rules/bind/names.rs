//! Dictionaries, variables and labels.

use super::Binder;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::dqdl::ast::{Document, Labels, TextOrList};
use crate::span::Span;
use std::collections::BTreeMap;

/// Limits of labels: the language's.
const LABELS: usize = 10;
const LABEL_KEY: usize = 128;
const LABEL_VALUE: usize = 256;

impl<'a> Binder<'a> {
    pub(super) fn dictionaries(&mut self, document: &Document) {
        for (name, dictionary, keys) in [
            ("Metadata", &document.metadata, &["Version"][..]),
            ("DataSources", &document.data_sources, &["Primary", "AdditionalDataSources"]),
        ] {
            let Some(dictionary) = dictionary else { continue };
            if dictionary.entries.is_empty() {
                self.error(
                    Code::Dictionary,
                    dictionary.span,
                    format!("`{name}` is empty"),
                    format!("give it {}, or remove the section", keys.join(" and ")),
                );
            }
            for (position, (key, value)) in dictionary.entries.iter().enumerate() {
                if !keys.contains(&key.raw.as_str()) {
                    let help = nearest(&key.raw, keys.iter().copied())
                        .map_or(format!("known keys: {}", keys.join(", ")), |near| format!("did you mean \"{near}\"?"));
                    self.error(
                        Code::Dictionary,
                        key.span,
                        format!("`{name}` has no key \"{}\"", key.raw.escape_debug()),
                        help,
                    );
                } else if dictionary.entries[..position].iter().any(|(earlier, _)| earlier.raw == key.raw) {
                    self.error(
                        Code::Dictionary,
                        key.span,
                        format!("key \"{}\" is given twice", key.raw),
                        "remove one of them",
                    );
                }
                let list = matches!(value, TextOrList::List(_, _));
                if list != (key.raw == "AdditionalDataSources") && keys.contains(&key.raw.as_str()) {
                    let kind = if list { "one name, not a list" } else { "a list of names" };
                    self.error(
                        Code::Dictionary,
                        value.span(),
                        format!("\"{}\" takes {kind}", key.raw),
                        if list { "write \"name\"" } else { "write [ \"name\" ]" },
                    );
                }
            }
        }
    }

    pub(super) fn variables(&mut self, document: &'a Document) {
        for variable in &document.variables {
            let name = &variable.name;
            if name.text.starts_with(['.', '_']) {
                self.error(
                    Code::VariableName,
                    name.span,
                    format!("a variable cannot be called `{}`", name.text),
                    "start the name with a letter or digit",
                );
            }
            let texts: Vec<_> = match &variable.value {
                TextOrList::Text(text) => vec![text],
                TextOrList::List(texts, _) => texts.iter().collect(),
            };
            for text in texts {
                let nested = text
                    .raw
                    .as_bytes()
                    .windows(2)
                    .any(|pair| pair[0] == b'$' && (pair[1].is_ascii_alphabetic() || pair[1] == b'_'));
                if nested {
                    self.error(
                        Code::NestedVariable,
                        text.span,
                        "a value cannot refer to another variable",
                        "write the text out; variables are not replaced inside strings",
                    );
                }
            }
            if self.variables.insert(name.text.clone(), &variable.value).is_some() {
                self.error(
                    Code::VariableName,
                    name.span,
                    format!("variable `{}` is declared twice", name.text),
                    "rename or remove one of them",
                );
            }
        }
    }

    pub(super) fn lookup(&self, name: &str, span: Span) -> Result<&'a TextOrList, Diagnostic> {
        self.used.borrow_mut().insert(name.to_string());
        self.variables.get(name).copied().ok_or_else(|| {
            let finding = Diagnostic::error(Code::UnknownVariable, span, format!("variable `${name}` is not declared"));
            match nearest(name, self.variables.keys().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `${near}`?")),
                None => finding.help(format!("declare it before Rules: {name} = \"...\"")),
            }
        })
    }

    pub(super) fn labels(&mut self, labels: &Labels) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for (key, value) in &labels.labels {
            if key.raw.is_empty() {
                self.error(Code::Label, key.span, "the key of a label cannot be empty", "name the label");
            }
            for (text, limit, what) in [(key, LABEL_KEY, "key"), (value, LABEL_VALUE, "value")] {
                if text.raw.chars().count() > limit {
                    self.error(
                        Code::Label,
                        text.span,
                        format!("the {what} of a label has at most {limit} characters"),
                        "shorten it",
                    );
                }
            }
            if map.insert(key.raw.clone(), value.raw.clone()).is_some() {
                self.error(
                    Code::Label,
                    key.span,
                    format!("label \"{}\" is given twice", key.raw.escape_debug()),
                    "remove one of them",
                );
            }
        }
        map
    }

    /// Default labels overridden by a rule's own.
    pub(super) fn merged_labels(&mut self, own: Option<&Labels>) -> BTreeMap<String, String> {
        let mut merged = self.defaults.clone();
        if let Some(own) = own {
            merged.extend(self.labels(own));
            if merged.len() > LABELS {
                self.error(
                    Code::Label,
                    own.span,
                    format!(
                        "a rule has at most {LABELS} labels, default labels included; this one has {}",
                        merged.len()
                    ),
                    "remove some",
                );
            }
        }
        merged
    }
}
