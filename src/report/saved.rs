//! Our own JSON back into a run, to be rendered again in any format.
//!
//! What a format shows is in the JSON, so that `dq report` gives the same bytes as `dq check`
//! did; `tests/outputs_reports.rs` holds every format to that. Of a metric, formats may use the
//! double and the digits. The file may come from anywhere: its size, its depth and its
//! numbers are bounded, and what is wrong with it is said with the path of the field.

mod field;
mod observation;
mod outcome;

use super::json::VERSION;
use super::{Publication, Report, Style};
use crate::check::Run;
use crate::span::LineIndex;
use chrono::{DateTime, Utc};
use field::Field;
use outcome::{Reader, analyzer};
use std::path::PathBuf;
use std::time::Duration;

/// Larger files are refused.
pub const MAX_BYTES: usize = 64 << 20;

/// The longest run, in seconds: some thirty years.
const LONGEST: f64 = 1e9;

/// A run that was read back, with all that its reports need.
#[derive(Debug, Clone)]
pub struct Saved {
    /// What was found.
    pub run: Run,
    /// Name of the ruleset.
    pub ruleset: String,
    /// Where its rules stand.
    pub lines: LineIndex,
    /// Whether the time that the run took was saved.
    pub timed: bool,
}

impl Saved {
    /// Reads a report of `--format json`. The message says what is wrong and where.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let document = field::parse(bytes)?;
        let root = Field::root(&document);
        let version = root.get("version").map_err(|missing| {
            format!("{missing}; this is no result of dq check --format json, nor of --output json=PATH")
        })?;
        if version.count()? != u64::from(VERSION) {
            return version.wrong(&format!("version {VERSION} is what this program reads"));
        }
        let tool = root.get("tool")?;
        let name = tool.get("name")?;
        if name.text()? != "dq" {
            return name.wrong("a result of dq");
        }
        let data = root.get("data")?;
        let files = data.get("files")?.texts()?;
        let mut reader = Reader::new(&files);
        let elapsed = root.find("elapsed_seconds")?.map(|field| elapsed(&field)).transpose()?;
        let run = Run {
            outcomes: reader.rules(&root.get("rules")?)?,
            analyzers: root.get("analyzers")?.items()?.iter().map(analyzer).collect::<Result<_, _>>()?,
            observations: observation::all(&root)?,
            score: root.find("score")?.map(|field| score(&field)).transpose()?,
            rows: data.get("rows")?.count()?,
            columns: data.get("columns")?.size()?,
            columns_read: data.get("columns_read")?.size()?,
            bytes: data.get("bytes")?.count()?,
            files: files.into_iter().map(PathBuf::from).collect(),
            started: started(&root.get("started")?)?,
            elapsed: elapsed.unwrap_or_default(),
            notes: root.get("notes")?.texts()?,
            incomplete: root.find("incomplete")?.map(|field| field.boolean()).transpose()?.unwrap_or(false),
            sql_mistakes: Vec::new(),
            measured: Vec::new(),
        };
        Ok(Self {
            run,
            ruleset: root.get("ruleset")?.text()?.to_string(),
            lines: LineIndex::of_positions(reader.positions),
            timed: elapsed.is_some(),
        })
    }

    /// What formats write.
    pub fn report<'a>(&'a self, style: Style, publication: &'a Publication) -> Report<'a> {
        let (run, ruleset, lines) = (&self.run, self.ruleset.as_str(), &self.lines);
        Report { run, ruleset, lines, timed: self.timed, style, publication }
    }
}

fn score(field: &Field<'_>) -> Result<f64, String> {
    let score = field.number()?;
    if (0.0..=1.0).contains(&score) { Ok(score) } else { field.wrong("a number from 0 to 1") }
}

fn elapsed(field: &Field<'_>) -> Result<Duration, String> {
    let seconds = field.number()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(elapsed) if seconds <= LONGEST => Ok(elapsed),
        _ => field.wrong("seconds that a run may take"),
    }
}

/// A time of a run.
fn started(field: &Field<'_>) -> Result<DateTime<Utc>, String> {
    match DateTime::parse_from_rfc3339(field.text()?) {
        Ok(time) => Ok(time.with_timezone(&Utc)),
        Err(_) => field.wrong("a time such as 2026-01-31T12:00:00.000Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use super::*;
    use serde_json::{Value, json};

    const RULES: &str = "Rules = [\n RowCount = 1,\n (IsUnique \"a\") and (ColumnValues \"a\" > 5),\n IsComplete \"zz\",\n \
                         Sum \"b\" > 1000 ]\nAnalyzers = [ Distribution \"c\", Mean \"zz\" ]";
    const DATA: &[u8] = b"a,b,c\n1,1.50,x\n1,2.25,y\n9,12345678901234567890.25,x\n";

    fn document() -> Value {
        let (run, lines) = checked(RULES, DATA);
        serde_json::from_str(&written("json", &run, &lines, "r.dqdl")).expect("JSON")
    }

    fn trouble(document: &Value) -> String {
        Saved::read(document.to_string().as_bytes()).expect_err("refused")
    }

    #[test]
    fn every_format_is_the_same_after_the_way_through_json() {
        let (run, lines) = checked(RULES, DATA);
        let saved = Saved::read(written("json", &run, &lines, "r.dqdl").as_bytes()).expect("our own");
        assert!(!saved.timed);
        for format in crate::report::FORMATS {
            let before = written(format.name, &run, &lines, "r.dqdl");
            let after = written(format.name, &saved.run, &saved.lines, &saved.ruleset);
            assert_eq!(before, after, "{}", format.name);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_path() {
        assert!(Saved::read(b"{}").expect_err("refused").starts_with("version is missing; this is no result of dq"));
        assert!(Saved::read(b"[1").expect_err("refused").contains("not JSON"));
        let changed = |pointer: &str, value: Value| {
            let mut document = document();
            *document.pointer_mut(pointer).expect("a field") = value;
            trouble(&document)
        };
        for (pointer, value, message) in [
            ("/version", json!(2), "version: version 1 is what this program reads, not 2"),
            ("/tool/name", json!("x"), "tool.name: a result of dq, not \"x\""),
            ("/rules/1/verdict", json!("pass"), "rules[1].verdict: PASS, FAIL, ERROR or SKIP, not \"pass\""),
            ("/rules/0/type", json!("Row"), "rules[0].type: a rule type of this version of dq, not \"Row\""),
            ("/rules/0/line", json!(0), "rules[0].line: a number from 1, not 0"),
            ("/rules/0/name", json!("Rule_2"), "rules[0].name: Rule_1, not \"Rule_2\""),
            ("/data/rows", json!(-1), "data.rows: a count, not -1"),
            ("/data/rows", json!(1u64 << 60), "data.rows: a count, not 1152921504606846976"),
            ("/started", json!([1]), "started: a text, not a list"),
            ("/score", json!(1.5), "score: a number from 0 to 1, not 1.5"),
            ("/rules/2/code", json!("a b"), "rules[2].code: a word of dq, not \"a b\""),
            (
                "/rules/1/operands/0/samples/rows/0/file",
                json!("other.csv"),
                "rules[1].operands[0].samples.rows[0].file: one of data.files, not \"other.csv\"",
            ),
            (
                "/rules/3/metrics/Column.b.Sum",
                json!("7"),
                "rules[3].digits[\"Column.b.Sum\"]: the digits of a number, not \"x\"",
            ),
        ] {
            if pointer.contains("metrics") {
                let mut document = document();
                document["rules"][3]["digits"]["Column.b.Sum"] = json!("x");
                assert_eq!(trouble(&document), message);
            } else {
                assert_eq!(changed(pointer, value), message);
            }
        }
        let mut missing = document();
        missing["rules"][0].as_object_mut().expect("an object").shift_remove("rule");
        assert_eq!(trouble(&missing), "rules[0].rule is missing");
    }

    #[test]
    fn hostile_files_are_refused_and_not_followed() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(Saved::read(deep.as_bytes()).expect_err("refused").contains("deep"));
        let mut many = document();
        let cells: serde_json::Map<_, _> = (0..=10_000).map(|column| (format!("c{column}"), json!("1"))).collect();
        many["rules"][1]["operands"][0]["samples"]["rows"][0]["cells"] = cells.into();
        assert!(trouble(&many).contains("at most 10000 columns"));
        let mut endless = document();
        endless["elapsed_seconds"] = json!(1e300);
        assert!(trouble(&endless).starts_with("elapsed_seconds: "));
    }
}
