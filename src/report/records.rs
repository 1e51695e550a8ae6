//! What was found in records: for people, and as JSON.

use super::text::Style;
use crate::error::escape_controls;
use crate::records::failure::{FailedRecord, Place};
use crate::records::{MOST_PAIRS, Run};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Keywords and paths that the text lists.
const LISTED: usize = 10;

/// Formats: words for `--format`, and what writes them.
pub static FORMATS: &[(&str, WriteRecords)] = &[("text", text), ("json", json)];

/// Writes a report.
pub type WriteRecords = fn(&Run, Style, &mut dyn Write) -> io::Result<()>;

/// The writer of a format.
pub fn find(name: &str) -> Option<WriteRecords> {
    FORMATS.iter().find(|(own, _)| *own == name).map(|(_, write)| *write)
}

/// One line that says how it went.
pub fn summary(run: &Run) -> String {
    let (tally, files) = (&run.tally, run.files.len());
    let of = format!("{} in {}", counted(tally.records, "record", "records"), counted(files as u64, "file", "files"));
    let end = match (run.interrupted, run.stopped) {
        (true, _) => ", interrupted",
        (_, true) => ", stopped at the first failure",
        _ => "",
    };
    if tally.records == 0 {
        return format!("nothing to judge: no records in {}{end}", counted(files as u64, "file", "files"));
    }
    format!("{} of {of} failed, against {}{end}", tally.failed, escape_controls(&run.schema))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// For people: the first failed records, then what fails most, then the sum.
pub fn text(run: &Run, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let tally = &run.tally;
    for record in &tally.details {
        writeln!(out, "{}", place(run, record))?;
        for failure in &record.failures {
            let at = if failure.pointer.is_empty() { "(record)" } else { &failure.pointer };
            writeln!(out, "  {at}  {}: {}", escape_controls(&failure.keyword), failure.message)?;
        }
        if record.more {
            writeln!(out, "  and more")?;
        }
    }
    let unlisted = tally.failed - tally.details.len() as u64;
    if unlisted > 0 && !tally.details.is_empty() {
        writeln!(out, "and {}; --max-failures shows more", counted(unlisted, "failed record", "failed records"))?;
    }
    let pairs = tally.by_path();
    if !pairs.is_empty() {
        writeln!(out, "\nFailures by keyword and path")?;
        for ((keyword, path), count) in pairs.iter().take(LISTED) {
            let path = if path.is_empty() { "(record)" } else { path };
            writeln!(out, "{count:>10}  {}  {path}", escape_controls(keyword))?;
        }
        let rest: u64 = pairs.iter().skip(LISTED).map(|(_, count)| count).sum::<u64>() + tally.others;
        if rest > 0 {
            writeln!(out, "{rest:>10}  others; --format json lists {MOST_PAIRS} of them")?;
        }
        writeln!(out)?;
    }
    if let Some((file, first)) = tally.first_duplicate {
        let (word, number) = first.parts();
        let name = run.files.get(file).map_or("", String::as_str);
        let records = counted(tally.duplicates, "record gives", "records give");
        writeln!(
            out,
            "note: {records} a member twice, first in {}, {word} {number}; the last one counted",
            escape_controls(name)
        )?;
    }
    for note in &run.notes {
        writeln!(out, "note: {}", escape_controls(note))?;
    }
    let colour = if run.is_clean() { "32" } else { "1;31" };
    let line = summary(run);
    if style.colour { writeln!(out, "\u{1b}[{colour}m{line}\u{1b}[0m") } else { writeln!(out, "{line}") }
}

fn place(run: &Run, record: &FailedRecord) -> String {
    let name = escape_controls(run.files.get(record.file).map_or("", String::as_str));
    match record.place {
        Place::Line(line) => format!("{name}:{line}"),
        Place::Index(index) => format!("{name}[{index}]"),
    }
}

/// As JSON.
pub fn json(run: &Run, _: Style, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(run))?;
    writeln!(out)
}

/// The JSON document.
pub fn document(run: &Run) -> Value {
    let tally = &run.tally;
    let position = |file: usize, place: Place| {
        let (word, number) = place.parts();
        json!({ "file": run.files.get(file), word: number })
    };
    let failures = |record: &FailedRecord| -> Value {
        record
            .failures
            .iter()
            .map(
                |failure| json!({ "pointer": failure.pointer, "keyword": failure.keyword, "message": failure.message }),
            )
            .collect()
    };
    let details: Vec<Value> = tally
        .details
        .iter()
        .map(|record| {
            json!({
                "position": position(record.file, record.place),
                "errors": failures(record),
                "more_errors": record.more,
            })
        })
        .collect();
    let keywords: Vec<Value> = tally
        .by_keyword()
        .into_iter()
        .map(|(keyword, count)| json!({ "keyword": keyword, "failures": count }))
        .collect();
    let paths: Vec<Value> = tally
        .by_path()
        .into_iter()
        .map(|((keyword, path), count)| json!({ "keyword": keyword, "path": path, "failures": count }))
        .collect();
    json!({
        "version": 1,
        "schema": run.schema,
        "files": run.files,
        "valid": run.is_clean(),
        "records": { "total": tally.records, "valid": tally.records - tally.failed, "failed": tally.failed },
        "failures": { "total": tally.failures, "by_keyword": keywords, "by_path": paths, "other": tally.others },
        "failed_records": details,
        "failed_records_not_listed": tally.failed - tally.details.len() as u64,
        "duplicate_names": {
            "records": tally.duplicates,
            "first": tally.first_duplicate.map(|(file, place)| position(file, place)),
        },
        "stopped": run.stopped,
        "interrupted": run.interrupted,
        "notes": run.notes,
    })
}
