//! Dead letters: records that are not valid, with what is wrong with them, one JSON object a line.
//!
//! A letter has the record as it is (`record`), or its text where that is no JSON (`raw`; of what is not
//! UTF-8 also `raw_hex`, which loses nothing), `errors`, the `position` it was first read from, the
//! `timestamp` of the run and how many `attempts` were made. Somebody mends `record` and reads the file
//! again with `--from-dead-letter`.

use super::arena::{Arena, Id, Shape, write_text};
use super::failure::{FailedRecord, Failure};
use std::ops::Range;

/// The record of a letter.
pub enum Contents<'r> {
    /// JSON, which may be on several lines.
    Json(&'r [u8]),
    /// A value that was made of something else.
    Value(&'r Arena<'r>, Id),
    /// A value that was made of a text, in which numbers may have more digits.
    Row(&'r Arena<'r>, Id, &'r [u8]),
    /// Something that is no JSON.
    Raw(&'r [u8]),
}

/// What earlier attempts left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Earlier<'r> {
    /// The `position`, as JSON.
    pub position: Option<&'r str>,
    /// How many there were.
    pub attempts: u64,
}

/// Writes a letter.
pub fn write(
    contents: &Contents<'_>,
    record: &FailedRecord,
    file: &str,
    earlier: Earlier<'_>,
    timestamp: &str,
    out: &mut Vec<u8>,
) {
    match contents {
        Contents::Json(text) => {
            out.extend(b"{\"record\":");
            one_line(text, out);
        }
        Contents::Value(arena, id) => {
            out.extend(b"{\"record\":");
            arena.write(*id, out);
        }
        Contents::Row(arena, id, bytes) => {
            out.extend(b"{\"record\":");
            arena.write(*id, out);
            out.extend(b",\"raw\":");
            write_text(&String::from_utf8_lossy(bytes), out);
        }
        Contents::Raw(bytes) => {
            out.extend(b"{\"raw\":");
            write_text(&String::from_utf8_lossy(bytes), out);
            if std::str::from_utf8(bytes).is_err() {
                out.extend(b",\"raw_hex\":\"");
                for byte in *bytes {
                    out.extend(format!("{byte:02x}").as_bytes());
                }
                out.push(b'"');
            }
        }
    }
    out.extend(b",\"errors\":[");
    for (position, failure) in record.failures.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_failure(failure, out);
    }
    out.extend(b"],\"position\":");
    match earlier.position {
        Some(position) => one_line(position.as_bytes(), out),
        None => {
            let (word, number) = record.place.parts();
            out.extend(b"{\"file\":");
            write_text(file, out);
            out.extend(format!(",\"{word}\":{number}}}").as_bytes());
        }
    }
    out.extend(b",\"timestamp\":");
    write_text(timestamp, out);
    out.extend(format!(",\"attempts\":{}}}\n", earlier.attempts.saturating_add(1)).as_bytes());
}

fn write_failure(failure: &Failure, out: &mut Vec<u8>) {
    out.extend(b"{\"pointer\":");
    write_text(&failure.pointer, out);
    out.extend(b",\"keyword\":");
    write_text(&failure.keyword, out);
    out.extend(b",\"message\":");
    write_text(&failure.message, out);
    out.push(b'}');
}

/// Writes JSON on one line: in JSON, line ends are between values only.
pub fn one_line(text: &[u8], out: &mut Vec<u8>) {
    let text = text.trim_ascii();
    if memchr::memchr2(b'\n', b'\r', text).is_none() {
        out.extend(text);
        return;
    }
    out.extend(text.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
}

/// Whether a record has the members of a letter.
pub fn is_letter(arena: &Arena<'_>, root: Id) -> bool {
    let has = |name: &str| arena.get(root, name).is_some();
    (has("record") || has("raw")) && has("errors") && has("position") && has("attempts")
}

/// What a letter says, as far as it says it.
pub struct Letter<'t> {
    /// The record, as JSON.
    pub record: Option<&'t str>,
    /// The text of what was no JSON.
    pub raw: Option<String>,
    /// Why `raw` is no record, whatever it looks like: it is a part of one, or not what was read.
    pub partial: Option<&'static str>,
    /// The bytes of `raw`, where that does not have all of them.
    pub bytes: Option<Vec<u8>>,
    /// What earlier attempts left.
    pub earlier: Earlier<'t>,
}

/// Reads a letter from its line, which was read into an arena before; `None` for what is none.
pub fn read<'t>(line: &'t str, arena: &Arena<'_>, root: Id) -> Option<Letter<'t>> {
    let record = member(line, "record").and_then(|range| line.get(range));
    let raw = match arena.get(root, "raw").map(|raw| arena.shape(raw)) {
        Some(Shape::Text(raw)) => Some(raw.to_string()),
        _ => None,
    };
    if record.is_none() && raw.is_none() {
        return None;
    }
    let position = member(line, "position").and_then(|range| line.get(range));
    let attempts = match arena.get(root, "attempts").map(|attempts| arena.shape(attempts)) {
        Some(Shape::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    };
    let bytes = match arena.get(root, "raw_hex").map(|raw| arena.shape(raw)) {
        Some(Shape::Text(hex)) => unhex(hex),
        _ => None,
    };
    let partial = record.is_none().then(|| partial(arena, root, bytes.is_some())).flatten();
    Some(Letter { record, raw, partial, bytes, earlier: Earlier { position, attempts } })
}

/// Why the text of a letter without a record is none.
fn partial(arena: &Arena<'_>, root: Id, has_bytes: bool) -> Option<&'static str> {
    let failed = |keyword: &str| {
        let errors = arena.get(root, "errors").and_then(|errors| arena.at(errors, "/0/keyword"));
        errors.is_some_and(|own| matches!(arena.shape(own), Shape::Text(text) if text == keyword))
    };
    if has_bytes {
        return Some("syntax");
    }
    ["size", "fields"].into_iter().find(|keyword| failed(keyword))
}

/// Bytes from pairs of hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if digits.len().is_multiple_of(2) { digits.chunks(2).map(pair).collect() } else { None }
}

/// Where the value of a member is in the text of an object; the last of members with one name. The text
/// is known to be JSON.
fn member(object: &str, name: &str) -> Option<Range<usize>> {
    let bytes = object.as_bytes();
    let mut found = None;
    let mut depth = 0_usize;
    let mut at = 0;
    let mut own_name: Option<&str> = None;
    let mut start = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let from = at + 1;
                at = from;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                if depth == 1 && own_name.is_none() {
                    own_name = object.get(from..at.min(bytes.len()));
                }
            }
            b':' if depth == 1 => start = at + 1,
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' => {
                if depth == 1 {
                    if own_name == Some(name) {
                        found = Some(start..at);
                    }
                    own_name = None;
                }
                if *byte != b',' {
                    depth = depth.saturating_sub(1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::failure::Place;
    use serde_json::{Value, json};

    #[test]
    fn a_letter_is_read_as_it_was_written() {
        let record = FailedRecord {
            file: 0,
            place: Place::Line(7),
            failures: vec![Failure::new("/a", "type", "is string, not integer")],
            more: false,
        };
        let text = "{\"a\": \"}],\\\"\",\n \"record\": [1, {\"record\": 2}], \"big\": 123456789012345678901234567890}";
        let mut line = Vec::new();
        write(
            &Contents::Json(text.as_bytes()),
            &record,
            "in.jsonl",
            Earlier::default(),
            "2026-01-01T00:00:00Z",
            &mut line,
        );
        let line = String::from_utf8(line).expect("UTF-8");
        assert_eq!(line.lines().count(), 1);
        let letter: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(letter["position"], json!({"file": "in.jsonl", "line": 7}));
        assert_eq!(letter["attempts"], 1);
        assert_eq!(letter["errors"][0]["pointer"], "/a");
        let mut arena = Arena::default();
        let root = arena.parse(&line).expect("JSON");
        assert!(is_letter(&arena, root));
        let read = read(&line, &arena, root).expect("a letter");
        assert_eq!(read.record.map(str::trim), Some(text.replace('\n', " ").as_str()));
        assert_eq!((read.earlier.attempts, read.earlier.position), (1, Some("{\"file\":\"in.jsonl\",\"line\":7}")));
    }

    #[test]
    fn what_is_no_text_keeps_its_bytes() {
        let record = FailedRecord { file: 0, place: Place::Line(1), failures: Vec::new(), more: false };
        let mut line = Vec::new();
        write(&Contents::Raw(b"{\xff"), &record, "x", Earlier::default(), "t", &mut line);
        let letter: Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!(letter["raw_hex"], "7bff");
    }
}
