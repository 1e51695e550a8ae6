//! Breaks that somebody accepts: a file in the repository, reviewed as the schemas are.
//!
//! ```toml
//! [[allow]]
//! kind = "TYPE_MISMATCH"
//! schema = "shop.User"            # the full name, or a pattern for paths: schemas/**/user.avsc
//! location = "/fields/3/type"     # optional: everywhere without it
//! reason = "nobody has read this field since 2024"
//! expires = "2027-01-31"          # optional: the last day
//! ```
//!
//! What is accepted is still listed. Entries that accept nothing are reported.

use super::finding::{Finding, Kind, Severity};
use super::gate::{Entry, Judged};
use crate::span::LineIndex;
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The file that is read when it is there and no other is named.
pub const DEFAULT_NAME: &str = "dq-compat-allow.toml";

/// Bytes of the largest allow-file.
pub const MAX_BYTES: usize = 4 << 20;

/// What stands for a reason in a file that was written by the program.
const REASON_MISSING: &str = "written by --write-allow: say here why this break is accepted";

/// Why a finding does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// In the words of who accepts it.
    pub reason: String,
    /// The last day.
    pub expires: Option<NaiveDate>,
}

/// An allow-file.
#[derive(Debug, Clone)]
pub struct Allowances {
    file: String,
    today: NaiveDate,
    /// Whether a run looks at all schemas, so that entries for others are of no use.
    whole: bool,
    entries: Vec<Allowance>,
}

#[derive(Debug, Clone)]
struct Allowance {
    line: usize,
    kind: Kind,
    schema: String,
    pattern: Option<glob::Pattern>,
    location: Option<String>,
    acceptance: Acceptance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    allow: Vec<toml::Spanned<EntryText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    kind: String,
    schema: String,
    location: Option<String>,
    reason: String,
    expires: Option<toml::Value>,
}

/// A mistake in an allow-file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Allowances {
    /// Reads the text of `file`. `today` decides what has expired; `whole` whether the run looks at all
    /// schemas of the place.
    ///
    /// # Errors
    ///
    /// The first mistake: no TOML, an unknown key or kind, no reason, no such day.
    pub fn parse(text: &str, file: &str, today: NaiveDate, whole: bool) -> Result<Self, Mistake> {
        let lines = LineIndex::new(text);
        let line_of = |at: usize| lines.position(at).0;
        let parsed: FileText = toml::from_str(text).map_err(|error| Mistake {
            line: error.span().map_or(1, |span| line_of(span.start)),
            message: error.message().trim().to_string(),
        })?;
        let mut entries = Vec::with_capacity(parsed.allow.len());
        for spanned in parsed.allow {
            let line = line_of(spanned.span().start);
            let entry = Allowance::read(spanned.into_inner(), line).map_err(|message| Mistake { line, message })?;
            entries.push(entry);
        }
        Ok(Self { file: file.to_string(), today, whole, entries })
    }

    /// Accepts findings, and adds those about entries that accept nothing.
    pub(super) fn apply(&self, findings: &mut Vec<Entry>, schemas: &[Judged]) {
        let mut used = vec![false; self.entries.len()];
        for finding in findings.iter_mut().filter(|finding| is_acceptable(finding)) {
            for (position, entry) in self.entries.iter().enumerate() {
                if self.has_expired(entry) || !entry.covers(finding) {
                    continue;
                }
                if let Some(used) = used.get_mut(position) {
                    *used = true;
                }
                finding.accepted.get_or_insert_with(|| entry.acceptance.clone());
            }
        }
        for (entry, used) in self.entries.iter().zip(used) {
            let concerned =
                self.whole || schemas.iter().any(|schema| entry.names(&schema.name, schema.file.as_deref()));
            let what = format!("{} of {}", entry.kind.name(), entry.schema);
            let note = if self.has_expired(entry) {
                let day = entry.acceptance.expires.map_or(String::new(), |day| format!(", on {day}"));
                Finding::new(Kind::AllowanceExpired, "/", format!("{what}{day}"))
                    .hint("decide again: remove the entry, or give it another day")
            } else if !used && concerned {
                Finding::new(Kind::AllowanceUnused, "/", what).hint("remove the entry")
            } else {
                continue;
            };
            findings.push(Entry::of_file(note, Some(self.file.clone()), Some(entry.line)));
        }
    }

    fn has_expired(&self, entry: &Allowance) -> bool {
        entry.acceptance.expires.is_some_and(|day| day < self.today)
    }
}

impl Allowance {
    fn read(text: EntryText, line: usize) -> Result<Self, String> {
        let kind = Kind::find(text.kind.trim()).ok_or_else(|| {
            let near = crate::diagnostic::nearest(&text.kind, super::finding::KINDS.iter().map(|kind| kind.name()));
            let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            format!("there is no kind of finding `{}`{near}", text.kind)
        })?;
        if text.reason.trim().is_empty() {
            return Err("the reason is empty: say why the break is accepted".into());
        }
        if text.schema.trim().is_empty() {
            return Err("schema is empty: give a full name, or a pattern for paths".into());
        }
        let expires = text.expires.map(|day| day_of(&day)).transpose()?;
        let pattern = glob::Pattern::new(text.schema.strip_prefix("./").unwrap_or(&text.schema)).ok();
        let acceptance = Acceptance { reason: text.reason.trim().to_string(), expires };
        Ok(Self { line, kind, schema: text.schema, pattern, location: text.location, acceptance })
    }

    fn covers(&self, found: &Entry) -> bool {
        self.kind == found.finding.kind
            && self.location.as_ref().is_none_or(|location| *location == found.finding.location)
            && self.names(&found.schema, found.place.file.as_deref())
    }

    fn names(&self, schema: &str, file: Option<&str>) -> bool {
        let literally = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        self.schema == schema
            || file.is_some_and(|file| {
                file == self.schema
                    || self.pattern.as_ref().is_some_and(|pattern| pattern.matches_with(file, literally))
            })
    }
}

/// A date of TOML, or a text that is one.
fn day_of(value: &toml::Value) -> Result<NaiveDate, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(day) => day.to_string(),
        _ => return Err("expires is a day such as \"2027-01-31\"".into()),
    };
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d")
        .map_err(|_| format!("expires is a day such as \"2027-01-31\", not `{text}`"))
}

/// Whether somebody may accept it: not what is only said, and not that nothing is known.
fn is_acceptable(entry: &Entry) -> bool {
    let kind = entry.finding.kind;
    // What is not listed cannot have been looked at.
    let unknown = matches!(kind, Kind::NotCompared | Kind::FindingsOmitted);
    let of_the_file = matches!(kind, Kind::AllowanceUnused | Kind::AllowanceExpired);
    !unknown && !of_the_file && entry.finding.severity > Severity::Information
}

/// Entries that accept all findings from a severity on that are not accepted yet, as TOML. Reasons and days
/// are for people to write.
pub fn written(findings: &[Entry], least: Severity) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for entry in findings {
        let finding = &entry.finding;
        if entry.accepted.is_some() || !is_acceptable(entry) || finding.severity < least {
            continue;
        }
        if !seen.insert((finding.kind, entry.schema.clone(), finding.location.clone())) {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}[[allow]]\nkind = {}\nschema = {}\nlocation = {}\nreason = {}\n",
            if text.is_empty() { "" } else { "\n" },
            quoted(finding.kind.name()),
            quoted(&entry.schema),
            quoted(&finding.location),
            quoted(REASON_MISSING)
        );
    }
    text
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // Characters that are not shown, or change what is shown, are spelt out.
            _ if crate::error::escape_controls(character.encode_utf8(&mut [0; 4])).len() != character.len_utf8() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").expect("a day")
    }

    fn parsed(text: &str) -> Result<Allowances, Mistake> {
        Allowances::parse(text, "allow.toml", day("2026-11-21"), true)
    }

    fn found(kind: Kind, schema: &str, file: &str, location: &str) -> Entry {
        let mut entry = Entry::of_file(Finding::new(kind, location, "m"), Some(file.into()), Some(1));
        entry.schema = schema.into();
        entry
    }

    #[test]
    fn entries_accept_by_name_or_path_and_location_until_their_day_is_over() {
        let text = |extra: &str, schema: &str| {
            format!("[[allow]]\nkind = \"type_mismatch\"\nschema = \"{schema}\"\nreason = \"r\"\n{extra}")
        };
        let cases = [
            ("", "shop.User", true),
            ("", "s/**/*.avsc", true),
            ("", "s/*/user.avsc", true),
            ("", "*/user.avsc", false),
            ("", "User", false),
            ("location = \"/fields/3\"", "shop.User", true),
            ("location = \"/fields/4\"", "shop.User", false),
            ("expires = \"2026-11-21\"", "shop.User", true),
            ("expires = 2026-11-21", "shop.User", true),
            ("expires = \"2026-11-20\"", "shop.User", false),
        ];
        for (extra, schema, accepted) in cases {
            let mut entries = vec![found(Kind::TypeMismatch, "shop.User", "s/a/user.avsc", "/fields/3")];
            parsed(&text(extra, schema)).expect("an allow-file").apply(&mut entries, &[]);
            assert_eq!(entries[0].accepted.is_some(), accepted, "{extra} {schema}");
            let noted = entries.get(1).map(|entry| entry.finding.kind);
            let expected = match (accepted, extra.contains("20\"")) {
                (true, _) => None,
                (false, true) => Some(Kind::AllowanceExpired),
                (false, false) => Some(Kind::AllowanceUnused),
            };
            assert_eq!(noted, expected, "{extra} {schema}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let entry = "[[allow]]\nkind = \"TYPE_MISMATCH\"\nschema = \"a\"\n";
        let cases = [
            (format!("{entry}reason = \" \"\n"), 1, "the reason is empty"),
            (entry.to_string(), 1, "missing field `reason`"),
            (format!("{entry}reason = \"r\"\nexpires = \"2026-02-30\"\n"), 1, "not `2026-02-30`"),
            (format!("{entry}reason = \"r\"\nreasons = \"r\"\n"), 5, "unknown field `reasons`"),
            ("\n[[allow]]\nkind = \"TYPE_MISMATHC\"\nschema = \"a\"\nreason = \"r\"\n".into(), 2, "did you mean"),
        ];
        for (text, line, part) in cases {
            let mistake = parsed(&text).expect_err("a mistake");
            assert_eq!(mistake.line, line, "{text}: {}", mistake.message);
            assert!(mistake.message.contains(part), "{text}: {}", mistake.message);
        }
        assert!(parsed("").is_ok());
    }

    #[test]
    fn what_is_written_is_read_and_accepts_what_it_was_written_for() {
        let mut entries = vec![
            found(Kind::TypeMismatch, "a\"b\\c\n\u{7f}\u{202e}", "x", "/fields/1"),
            found(Kind::TypeMismatch, "a\"b\\c\n\u{7f}\u{202e}", "x", "/fields/1"),
            found(Kind::NotCompared, "shop.User", "x", "/"),
            found(Kind::DefaultChanged, "shop.User", "x", "/"),
        ];
        let text = written(&entries, Severity::Information);
        assert_eq!(text.matches("[[allow]]").count(), 1, "{text}");
        parsed(&text).expect("an allow-file").apply(&mut entries, &[]);
        let accepted: Vec<_> = entries.iter().map(|entry| entry.accepted.is_some()).collect();
        assert_eq!(accepted, [true, true, false, false]);
    }
}
