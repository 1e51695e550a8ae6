//! A line of a history in JSON Lines: a run, or points that are excluded or count again.

use super::error::HistoryError;
use super::key::{Key, RunId};
use super::number::{Stored, from_json};
use super::past::{Point, RunRecord, kept_time};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The version of lines, in each of them.
pub(super) const VERSION: u32 = 1;

/// What every line starts with, those of later versions too.
const START: &[u8] = b"{\"dq_history\":";

/// The longest line that is read.
const MOST_BYTES: usize = 64 << 20;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Run(RunRecord),
    Exclusion(Exclusion),
}

/// Points that do not count, or count again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exclusion {
    pub(super) dataset: String,
    pub(super) excluded: bool,
    pub(super) runs: Vec<Named>,
}

/// Points of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) run: RunId,
    /// All of them if there is none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<BTreeSet<Key>>,
}

#[derive(Serialize)]
struct WrittenRun<'a> {
    dq_history: u32,
    dataset: &'a str,
    run: &'a RunId,
    time: String,
    ruleset: &'a str,
    rows: u64,
    points: Vec<WrittenPoint>,
}

#[derive(Serialize, Deserialize)]
struct WrittenPoint {
    #[serde(flatten)]
    key: Key,
    value: Value,
}

#[derive(Serialize)]
struct WrittenExclusion<'a> {
    dq_history: u32,
    dataset: &'a str,
    excluded: bool,
    runs: &'a [Named],
}

/// Either kind, as it is found.
#[derive(Deserialize)]
struct Found {
    dq_history: i64,
    dataset: String,
    run: Option<RunId>,
    time: Option<String>,
    #[serde(default)]
    ruleset: String,
    #[serde(default)]
    rows: u64,
    #[serde(default)]
    points: Vec<WrittenPoint>,
    excluded: Option<bool>,
    #[serde(default)]
    runs: Vec<Named>,
}

/// What lines of all versions have.
#[derive(Deserialize)]
struct Head {
    dq_history: i64,
}

impl Line {
    /// Its bytes, the line end among them.
    pub(super) fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = match self {
            Line::Run(record) => serde_json::to_vec(&WrittenRun {
                dq_history: VERSION,
                dataset: &record.dataset,
                run: &record.run,
                time: kept_time(record.time).to_rfc3339_opts(SecondsFormat::Micros, true),
                ruleset: &record.ruleset,
                rows: record.rows,
                points: written_points(record),
            })?,
            Line::Exclusion(exclusion) => serde_json::to_vec(&WrittenExclusion {
                dq_history: VERSION,
                dataset: &exclusion.dataset,
                excluded: exclusion.excluded,
                runs: &exclusion.runs,
            })?,
        };
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What a line says; `None` if it was cut short while it was written, which spoils nothing but that line.
    ///
    /// # Errors
    ///
    /// It is something else, or of a later version. Lines are counted from 1.
    pub(super) fn parse(bytes: &[u8], path: &Path, number: usize) -> Result<Option<Self>, HistoryError> {
        let wrong = |what: &str| HistoryError::foreign(path, format!("line {number}: {what}"));
        if bytes.len() > MOST_BYTES {
            return Err(wrong("more than 64 MiB: no line of a history"));
        }
        let conflict = [&b"<<<<<<<"[..], b"=======", b">>>>>>>", b"|||||||"];
        if conflict.iter().any(|mark| bytes.starts_with(mark)) {
            return Err(wrong("the mark of a merge conflict: delete it, the lines of both sides may stay"));
        }
        // Zeros are what a machine that lost its power may leave in place of what was written.
        let written = bytes.split(|byte| *byte == 0).next().unwrap_or(bytes);
        if START.starts_with(written) {
            return Ok(None);
        }
        if !bytes.starts_with(START) {
            return Err(wrong("no line of a history"));
        }
        if written.len() < bytes.len() {
            return Ok(None);
        }
        let newer = |version| HistoryError::Newer { path: path.to_path_buf(), version, known: VERSION.into() };
        let known = |version| (1..=i64::from(VERSION)).contains(&version);
        let found: Found = match serde_json::from_slice(bytes) {
            Ok(found) => found,
            Err(error) if error.is_eof() => return Ok(None),
            Err(error) => {
                return match serde_json::from_slice::<Head>(bytes) {
                    Ok(Head { dq_history }) if !known(dq_history) => Err(newer(dq_history)),
                    _ => Err(wrong(&format!("no line of a history: {error}"))),
                };
            }
        };
        if !known(found.dq_history) {
            return Err(newer(found.dq_history));
        }
        found.line().map(Some).map_err(wrong)
    }
}

fn written_points(record: &RunRecord) -> Vec<WrittenPoint> {
    let mut seen = BTreeSet::new();
    let finite = record.points.iter().filter_map(|(key, value)| Some((key, Stored::new(*value)?)));
    finite
        .filter(|(key, _)| seen.insert(*key))
        .map(|(key, value)| WrittenPoint { key: key.clone(), value: value.json() })
        .collect()
}

impl Found {
    fn line(self) -> Result<Line, &'static str> {
        let mut named = self.run.iter().chain(self.runs.iter().map(|named| &named.run));
        if named.any(|run| !run.is_valid()) {
            return Err("a run is named by forty hexadecimal digits");
        }
        match (self.run, self.excluded) {
            (Some(run), None) => {
                let time = self.time.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                let time = kept_time(time.ok_or("there is no time such as 2026-01-31T12:00:00Z")?.with_timezone(&Utc));
                let mut points = Vec::with_capacity(self.points.len());
                for WrittenPoint { key, value } in self.points {
                    points.push((key, from_json(&value).ok_or("a value is no number")?));
                }
                let (dataset, ruleset, rows) = (self.dataset, self.ruleset, self.rows);
                Ok(Line::Run(RunRecord { run, dataset, time, ruleset, rows, points }))
            }
            (None, Some(excluded)) => {
                Ok(Line::Exclusion(Exclusion { dataset: self.dataset, excluded, runs: self.runs }))
            }
            _ => Err("neither a run nor an exclusion"),
        }
    }
}

/// All lines of a text that were not cut short.
pub(super) fn lines(bytes: &[u8], path: &Path) -> Result<Vec<Line>, HistoryError> {
    let mut found = Vec::new();
    for (position, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty()
            && let Some(line) = Line::parse(line, path, position + 1)?
        {
            found.push(line);
        }
    }
    Ok(found)
}

/// A dataset as a history in JSON Lines: its runs, oldest first, and what is excluded of them. In a file `*.jsonl`
/// it is a history again.
///
/// # Errors
///
/// None that is known: text takes all that is written.
pub fn export(dataset: &str, runs: &[RunRecord], series: &[(Key, Vec<Point>)]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in runs {
        bytes.extend(Line::Run(record.clone()).bytes()?);
    }
    let mut excluded: BTreeMap<&RunId, BTreeSet<Key>> = BTreeMap::new();
    for (key, points) in series {
        for point in points.iter().filter(|point| point.excluded) {
            excluded.entry(&point.run).or_default().insert(key.clone());
        }
    }
    if !excluded.is_empty() {
        let runs = excluded.into_iter().map(|(run, keys)| Named { run: run.clone(), keys: Some(keys) }).collect();
        bytes.extend(Line::Exclusion(Exclusion { dataset: dataset.into(), excluded: true, runs }).bytes()?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;
    use proptest::prelude::*;

    fn record() -> RunRecord {
        let filtered = Key { filter: Some("b > 1".into()), ..Key::new("Column.a\u{1b}.Mean") };
        RunRecord {
            run: RunId("0123456789".repeat(4)),
            dataset: "orders".into(),
            time: DateTime::from_timestamp_micros(1_767_225_600_000_001).unwrap(),
            ruleset: "orders\n".into(),
            rows: u64::MAX,
            points: vec![(Key::new("Dataset.*.RowCount"), Number::integer(200)), (filtered, Number::Float(0.5))],
        }
    }

    fn parse(text: &[u8]) -> Result<Option<Line>, HistoryError> {
        Line::parse(text, Path::new("h.jsonl"), 7)
    }

    #[test]
    fn lines_are_json_that_people_read_and_come_back_as_they_were() {
        let bytes = Line::Run(record()).bytes().unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            "{\"dq_history\":1,\"dataset\":\"orders\",\"run\":\"0123456789012345678901234567890123456789\",\
             \"time\":\"2026-01-01T00:00:00.000001Z\",\"ruleset\":\"orders\\n\",\"rows\":18446744073709551615,\
             \"points\":[{\"metric\":\"Dataset.*.RowCount\",\"value\":200},\
             {\"metric\":\"Column.a\\u001b.Mean\",\"filter\":\"b > 1\",\"value\":0.5}]}\n"
        );
        assert_eq!(parse(bytes.trim_ascii()).unwrap(), Some(Line::Run(record())));
        let keys = Some(BTreeSet::from([Key::new("m")]));
        let named = vec![Named { run: record().run, keys }, Named { run: record().run, keys: None }];
        let exclusion = Line::Exclusion(Exclusion { dataset: "orders".into(), excluded: false, runs: named });
        assert_eq!(parse(exclusion.bytes().unwrap().trim_ascii()).unwrap(), Some(exclusion));
    }

    #[test]
    fn values_that_are_no_numbers_and_second_ones_are_left_out() {
        let mut record = record();
        record.points.push((Key::new("Dataset.*.RowCount"), Number::integer(7)));
        record.points.push((Key::new("nan"), Number::Float(f64::NAN)));
        let bytes = Line::Run(record).bytes().unwrap();
        assert_eq!(parse(bytes.trim_ascii()).unwrap(), Some(Line::Run(self::record())));
    }

    #[test]
    fn a_line_that_was_cut_short_anywhere_is_none() {
        let bytes = Line::Run(record()).bytes().unwrap();
        let whole = bytes.trim_ascii();
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(parse(b"{\"dq_history\":1\0\0\0").unwrap(), None);
    }

    #[test]
    fn what_is_no_line_of_a_history_is_refused_with_its_number() {
        for (text, expected) in [
            ("hello", "line 7: no line of a history"),
            ("{\"id\":1}", "line 7: no line of a history"),
            ("<<<<<<< HEAD", "merge conflict"),
            ("{\"dq_history\":1,\"dataset\":\"d\"}", "neither a run nor an exclusion"),
            ("{\"dq_history\":1,\"dataset\":\"d\",\"run\":\"../../x\"}", "forty hexadecimal digits"),
            ("{\"dq_history\":2,\"of\":\"tomorrow\"}", "version 2"),
            ("{\"dq_history\":1,\"dataset\":[]}", "invalid type"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("h.jsonl: ") && error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_more_than_be_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), after: bool) {
            let mut text = if after { START.to_vec() } else { Vec::new() };
            text.extend(bytes);
            let _ = lines(&text, Path::new("h.jsonl"));
        }
    }
}
