//! Our own JSON.

use super::Report;
use crate::compat::gate::{Entry, Located, Run};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report.run))?;
    writeln!(out)
}

fn document(run: &Run) -> Value {
    json!({
        "version": VERSION,
        "tool": { "name": "dq", "version": env!("CARGO_PKG_VERSION") },
        "mode": run.mode.as_str(),
        "against": run.against,
        "compatible": run.is_compatible(),
        "complete": !run.is_incomplete(),
        "summary": {
            "schemas": run.schemas.len(),
            "comparisons": run.comparisons(),
            "errors": run.count(crate::compat::finding::Severity::Error),
            "warnings": run.count(crate::compat::finding::Severity::Warning),
            "info": run.count(crate::compat::finding::Severity::Information),
            "accepted": run.accepted(),
        },
        "findings": run.entries.iter().map(finding).collect::<Vec<_>>(),
        "schemas": run.schemas.iter().map(|schema| json!({
            "name": schema.name,
            "file": schema.file,
            "language": schema.language.map(crate::compat::Language::as_str),
            "state": schema.state.as_str(),
            "comparisons": schema.comparisons.iter().map(|(direction, version, compatible)| json!({
                "direction": direction.map(crate::compat::mode::Direction::as_str),
                "version": version,
                "compatible": compatible,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn finding(entry: &Entry) -> Value {
    let finding = &entry.finding;
    let mut object = Map::new();
    object.insert("type".into(), finding.kind.name().into());
    object.insert("location".into(), finding.location.clone().into());
    object.insert("severity".into(), finding.severity.as_str().into());
    object.insert("message".into(), finding.message.clone().into());
    object.insert("description".into(), finding.kind.description().into());
    object.insert("reader".into(), entry.reader.as_ref().map_or(Value::Null, place));
    object.insert("writer".into(), entry.writer.as_ref().map_or(Value::Null, place));
    object.insert("version".into(), entry.version.clone().into());
    object.insert("direction".into(), entry.direction.map(crate::compat::mode::Direction::as_str).into());
    object.insert("schema".into(), entry.schema.clone().into());
    object.insert("file".into(), entry.place.file.clone().into());
    object.insert("line".into(), entry.place.start.map(|(line, _)| line).into());
    object.insert("column".into(), entry.place.start.map(|(_, column)| column).into());
    object.insert("hint".into(), finding.hint.clone().into());
    object.insert("example".into(), finding.example.clone().unwrap_or(Value::Null));
    let accepted = entry.accepted.as_ref();
    object.insert(
        "accepted".into(),
        accepted.map_or(
            Value::Null,
            |accepted| json!({ "reason": accepted.reason, "expires": accepted.expires.map(|day| day.to_string()) }),
        ),
    );
    object.into()
}

fn place(place: &Located) -> Value {
    json!({
        "file": place.file,
        "line": place.start.map(|(line, _)| line),
        "column": place.start.map(|(_, column)| column),
        "pointer": place.pointer,
        "version": place.version,
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};
    use serde_json::{Value, json};

    #[test]
    fn findings_have_both_places_and_say_what_counts() {
        let document: Value = serde_json::from_str(&written("json", &run())).expect("JSON");
        assert_eq!((&document["mode"], &document["compatible"]), (&json!("BACKWARD"), &json!(false)));
        let finding = &document["findings"][0];
        assert_eq!((&finding["type"], &finding["severity"]), (&json!("TYPE_MISMATCH"), &json!("error")));
        let reader = json!({ "file": "schemas/user.avsc", "line": 3, "column": 5, "pointer": "/fields/0/type", "version": null });
        assert_eq!(finding["reader"], reader);
        assert_eq!(finding["writer"]["version"], "v1.avsc");
        assert_eq!(document["findings"][2]["accepted"], json!({ "reason": "agreed", "expires": "2027-01-31" }));
        assert_eq!(
            document["schemas"][0]["comparisons"][0],
            json!({ "direction": "BACKWARD", "version": "v1.avsc", "compatible": false })
        );
    }
}
