//! The contract file, `dq.toml`: which data, ruleset, schema and compatibility mode belong together.
//!
//! ```toml
//! [[contract]]
//! name = "orders"
//! data = ["data/orders-*.parquet"]
//! ruleset = "rulesets/orders.dqdl"
//! [contract.schema]
//! file = "schemas/order.avsc"
//! mode = "BACKWARD"
//! against = "merge-base:main"
//! records = ["data/orders.jsonl"]
//! ```
//!
//! Here it is only read; who runs it joins paths to the directory of the file.

use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::error::escape_controls;
use crate::span::Span;
use std::collections::HashSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name that is looked for in the working directory.
pub const FILE_NAME: &str = "dq.toml";

/// Bytes of a contract file.
pub const MOST_BYTES: u64 = 4 << 20;

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contract {
    /// Its name; no other contract of the file has it.
    pub name: Text,
    /// Files, directories, patterns or URLs that the ruleset checks as one dataset.
    pub data: Vec<Text>,
    /// The ruleset.
    pub ruleset: Option<Text>,
    /// The schema.
    pub schema: Option<SchemaPart>,
}

/// A schema and what must agree with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaPart {
    /// The file of the schema.
    pub file: Text,
    /// The compatibility mode; what is usual when missing.
    pub mode: Option<Text>,
    /// Earlier versions it must be compatible with.
    pub against: Option<Text>,
    /// Records that must be valid.
    pub records: Vec<Text>,
}

/// Reads the text of a contract file, or says all that is wrong with it. A key that is not known is a
/// mistake: a contract that is misspelt would hold whatever the data is.
pub fn parse(text: &str) -> Result<Vec<Contract>, Vec<Diagnostic>> {
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        vec![mistake("contract::syntax", span, error.message(), "here")]
    })?;
    let mut reader = Reader::default();
    let contracts = reader.document(document.get_ref(), text.len());
    if reader.mistakes.is_empty() {
        return Ok(contracts);
    }
    reader.mistakes.sort_by_key(|mistake| mistake.span.start);
    Err(reader.mistakes)
}

fn mistake(code: &'static str, span: Range<usize>, message: &str, label: &str) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        message: escape_controls(message),
        span: Span::new(span.start, span.end),
        label: label.to_string(),
        help: None,
    }
}

#[derive(Default)]
struct Reader {
    mistakes: Vec<Diagnostic>,
}

impl Reader {
    fn document(&mut self, document: &DeTable<'_>, end: usize) -> Vec<Contract> {
        self.known(document, "the file", &["contract"]);
        let tables = match document.iter().find(|(key, _)| **key.get_ref() == *"contract").map(|(_, value)| value) {
            None => {
                let diagnostic = mistake("contract::empty", end..end, "there is no [[contract]]", "nothing to check");
                self.mistakes.push(diagnostic.help("begin each contract with a line [[contract]]"));
                return Vec::new();
            }
            Some(value) => match value.get_ref() {
                DeValue::Array(tables) => tables.iter().collect::<Vec<_>>(),
                _ => {
                    let diagnostic =
                        mistake("contract::type", value.span(), "`contract` is no array of tables", "this");
                    self.mistakes.push(diagnostic.help("write [[contract]], with two brackets"));
                    return Vec::new();
                }
            },
        };
        let mut names = HashSet::new();
        let mut contracts = Vec::new();
        for table in tables {
            let DeValue::Table(members) = table.get_ref() else {
                self.mistakes.push(mistake("contract::type", table.span(), "a contract is a table", "this is none"));
                continue;
            };
            let contract = self.contract(members, table.span());
            if !contract.name.text.is_empty() && !names.insert(contract.name.text.clone()) {
                let span = contract.name.span.range();
                let message = format!("two contracts are called `{}`", contract.name.text);
                self.mistakes.push(mistake("contract::name", span, &message, "second time"));
            }
            contracts.push(contract);
        }
        contracts
    }

    fn contract(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Contract {
        self.known(table, "a contract", &["name", "data", "ruleset", "schema"]);
        let mut contract =
            Contract { data: self.texts(table, "data"), ruleset: self.text(table, "ruleset"), ..Contract::default() };
        match self.text(table, "name") {
            Some(name) => contract.name = name,
            None => self.missing(span.clone(), "a contract needs a name", "name = \"orders\""),
        }
        if let Some(value) = member(table, "schema") {
            match value.get_ref() {
                DeValue::Table(schema) => contract.schema = Some(self.schema(schema, value.span())),
                _ => self.mistakes.push(mistake("contract::type", value.span(), "`schema` is a table", "this is none")),
            }
        }
        match (&contract.ruleset, contract.data.is_empty()) {
            (Some(ruleset), true) => {
                let span = ruleset.span.range();
                self.missing(span, "a ruleset needs data to check", "data = [\"data/orders-*.parquet\"]");
            }
            (None, false) => {
                let span = contract.data[0].span.range();
                self.missing(span, "data needs a ruleset that checks it", "ruleset = \"rulesets/orders.dqdl\"");
            }
            (None, true) if contract.schema.is_none() => {
                self.missing(span, "a contract needs a ruleset or a schema", "ruleset = \"rulesets/orders.dqdl\"");
            }
            _ => {}
        }
        contract
    }

    fn schema(&mut self, table: &DeTable<'_>, span: Range<usize>) -> SchemaPart {
        self.known(table, "a schema", &["file", "mode", "against", "records"]);
        let file = self.text(table, "file");
        if file.is_none() {
            self.missing(span.clone(), "a schema needs a file", "file = \"schemas/order.avsc\"");
        }
        let part = SchemaPart {
            file: file.unwrap_or_default(),
            mode: self.text(table, "mode"),
            against: self.text(table, "against"),
            records: self.texts(table, "records"),
        };
        if let (Some(mode), None) = (&part.mode, &part.against) {
            let span = mode.span.range();
            self.missing(span, "a mode needs versions to compare with", "against = \"merge-base:main\"");
        } else if part.against.is_none() && part.records.is_empty() {
            self.missing(span, "nothing is compared with the schema", "records = [\"data/orders.jsonl\"]");
        }
        part
    }

    fn missing(&mut self, span: Range<usize>, message: &str, line: &str) {
        let diagnostic = mistake("contract::missing", span, message, "here");
        self.mistakes.push(diagnostic.help(format!("write for example: {line}")));
    }

    /// Refuses keys that are none of these.
    fn known(&mut self, table: &DeTable<'_>, place: &str, keys: &[&str]) {
        for (key, _) in table {
            let name: &str = key.get_ref();
            if keys.contains(&name) {
                continue;
            }
            let message = format!("{place} has no key `{name}`");
            let help = nearest(name, keys.iter().copied())
                .map_or_else(|| format!("keys are {}", keys.join(", ")), |near| format!("did you mean `{near}`?"));
            self.mistakes.push(mistake("contract::unknown_key", key.span(), &message, "not known").help(help));
        }
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str) -> Option<Text> {
        let value = member(table, key)?;
        self.as_text(value, key)
    }

    fn as_text(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Text> {
        let problem = match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => {
                let span = Span::new(value.span().start, value.span().end);
                return Some(Text { text: text.to_string(), span });
            }
            DeValue::String(_) => "is empty",
            _ => "is no text in quotes",
        };
        self.mistakes.push(mistake("contract::type", value.span(), &format!("`{key}` {problem}"), "this"));
        None
    }

    /// A list of texts, or one.
    fn texts(&mut self, table: &DeTable<'_>, key: &str) -> Vec<Text> {
        let Some(value) = member(table, key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(values) => {
                if values.is_empty() {
                    let message = format!("`{key}` has no entry");
                    self.mistakes.push(mistake("contract::missing", value.span(), &message, "empty"));
                }
                values.iter().filter_map(|value| self.as_text(value, key)).collect()
            }
            _ => self.as_text(value, key).into_iter().collect(),
        }
    }
}

fn member<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.iter().find(|(key, _)| **key.get_ref() == *name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "[[contract]]\nname = \"orders\"\ndata = [\"a-*.parquet\", \"b.csv\"]\nruleset = \"r.dqdl\"\n\
        [contract.schema]\nfile = \"s.avsc\"\nmode = \"BACKWARD\"\nagainst = \"merge-base:main\"\nrecords = \"o.jsonl\"\n\
        [[contract]]\nname = \"customers\"\nschema = { file = \"c.json\", records = [\"c.jsonl\"] }\n";

    #[test]
    fn a_contract_is_read_as_it_is_written() {
        let contracts = parse(WHOLE).expect("contracts");
        assert_eq!(contracts.len(), 2);
        assert_eq!(contracts[0].data.len(), 2);
        let schema = contracts[0].schema.as_ref().expect("a schema");
        assert_eq!(schema.records[0].text, "o.jsonl");
        assert_eq!(schema.mode.as_ref().map(|mode| mode.text.as_str()), Some("BACKWARD"));
        assert_eq!(&WHOLE[schema.file.span.range()], "\"s.avsc\"");
        assert!(contracts[1].ruleset.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let whole = "[[contract]]\nname = \"a\"\n";
        for (text, code, part) in [
            ("", "contract::empty", ""),
            ("[contract]\nname = \"a\"", "contract::type", ""),
            ("[[contract]]\nnmae = \"a\"\ndata = [\"x\"]\nruleset = \"r\"", "contract::unknown_key", "nmae"),
            (whole, "contract::missing", ""),
            ("[[contract]]\nname = 1\ndata = [\"x\"]\nruleset = \"r\"", "contract::type", "1"),
            ("[[contract]]\nname = \"a\"\ndata = []\nruleset = \"r\"", "contract::missing", "[]"),
            ("[[contract]]\nname = \"a\"\ndata = [\"x\"]", "contract::missing", "\"x\""),
            ("[[contract]]\nname = \"a\"\nschema = { file = \"s\" }", "contract::missing", ""),
            ("[[contract]]\nname = ", "contract::syntax", ""),
        ] {
            let mistakes = parse(text).expect_err("mistakes");
            let found = mistakes.iter().find(|mistake| mistake.code == code);
            let found = found.unwrap_or_else(|| panic!("{text}: {mistakes:?}"));
            assert!(part.is_empty() || &text[found.span.range()] == part, "{text}: {found:?}");
        }
        let twice = "[[contract]]\nname = \"a\"\ndata = \"x\"\nruleset = \"r\"\n".repeat(2);
        assert_eq!(parse(&twice).expect_err("mistakes")[0].code, "contract::name");
        let misspelt = parse("[[contract]]\nname = \"a\"\ndata = \"x\"\nrulset = \"r\"").expect_err("mistakes");
        assert!(misspelt.iter().any(|found| found.help.as_deref() == Some("did you mean `ruleset`?")), "{misspelt:?}");
    }
}
