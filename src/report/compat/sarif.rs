//! SARIF 2.1.0, which code scanning reads: a result per finding, at its place in the new version.
//! What is accepted is a suppressed result.

use super::{Report, circumstances, counts, is_about_the_run, sentence, verdict};
use crate::compat::finding::{Kind, Severity};
use crate::compat::gate::{Entry, Located};
use crate::report::finding::{path, uri};
use crate::report::sarif::{SCHEMA, message};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, Write};
use xxhash_rust::xxh3::xxh3_128;

/// Results that code hosts take from one run.
const MOST_RESULTS: usize = 25_000;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let (notes, findings): (Vec<&Entry>, Vec<&Entry>) = run.entries.iter().partition(|entry| is_note(entry));
    let mut kinds: Vec<Kind> = findings.iter().map(|entry| entry.finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut repetitions = HashMap::new();
    let results: Vec<Value> =
        findings.iter().take(MOST_RESULTS).map(|entry| result(entry, &kinds, &mut repetitions)).collect();
    let code = match verdict(report) {
        "PASS" => 0,
        "FAIL" => 1,
        _ => 2,
    };
    let notifications: Vec<Value> = notes
        .iter()
        .map(|entry| json!({ "level": level(entry.finding.severity), "message": message(&sentence(entry)) }))
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dq compat",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": kinds.iter().map(|kind| descriptor(*kind)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": code != 2,
                "exitCode": code,
                "exitCodeDescription": format!("{}: {}", verdict(report), counts(run)),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
            "properties": {
                "mode": run.mode.as_str(),
                "against": run.against,
                "compatible": run.is_compatible(),
                "schemas": run.schemas.len(),
                "comparisons": run.comparisons(),
            },
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// What says something of the run, without a line that somebody could change.
fn is_note(entry: &Entry) -> bool {
    is_about_the_run(entry) && entry.place.start.is_none()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Information => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn descriptor(kind: Kind) -> Value {
    json!({
        "id": kind.name(),
        "name": kind.name(),
        "shortDescription": message(kind.description()),
        "defaultConfiguration": { "level": level(kind.severity()) },
        "properties": { "tags": ["schema-compatibility"] },
    })
}

fn result(entry: &Entry, kinds: &[Kind], repetitions: &mut HashMap<String, usize>) -> Value {
    let finding = &entry.finding;
    let mut text = sentence(entry);
    for line in circumstances(entry).into_iter().chain(finding.hint.as_ref().map(|hint| format!("help: {hint}"))) {
        text.push('\n');
        text.push_str(&line);
    }
    // Versions come and go, and lines move: neither makes it another finding.
    let direction = entry.direction.map_or("", crate::compat::mode::Direction::as_str);
    let identity = format!("{}\0{}\0{}\0{direction}", finding.kind.name(), entry.schema, finding.location);
    let repetition = repetitions.entry(identity.clone()).or_default();
    *repetition += 1;
    let fingerprint = format!("{:032x}", xxh3_128(format!("{identity}\0{repetition}").as_bytes()));
    let mut object = Map::new();
    object.insert("ruleId".into(), finding.kind.name().into());
    object.insert("ruleIndex".into(), kinds.binary_search(&finding.kind).unwrap_or(0).into());
    object.insert("kind".into(), "fail".into());
    object.insert("level".into(), level(finding.severity).into());
    object.insert("message".into(), message(&text));
    let logical = json!([{ "fullyQualifiedName": format!("{}{}", entry.schema, finding.location), "kind": "member" }]);
    if let Some(place) = physical(&entry.place) {
        object.insert("locations".into(), json!([{ "physicalLocation": place, "logicalLocations": logical }]));
    }
    object.insert("partialFingerprints".into(), json!({ "dqCompat/v1": fingerprint }));
    if let Some(accepted) = &entry.accepted {
        let suppression = json!({ "kind": "external", "status": "accepted", "justification": accepted.reason });
        object.insert("suppressions".into(), json!([suppression]));
    }
    object.insert(
        "properties".into(),
        json!({
            "schema": entry.schema,
            "location": finding.location,
            "version": entry.version,
            "direction": entry.direction.map(crate::compat::mode::Direction::as_str),
        }),
    );
    object.into()
}

fn physical(place: &Located) -> Option<Value> {
    let path = path(place.file.as_deref()?)?;
    let artifact = if path.starts_with('/') {
        json!({ "uri": uri(&path) })
    } else {
        json!({ "uri": uri(&path), "uriBaseId": "%SRCROOT%" })
    };
    let mut region = Map::new();
    if let Some((line, column)) = place.start {
        region.insert("startLine".into(), line.into());
        region.insert("startColumn".into(), column.into());
        // The end of a region never lies before its start.
        if let Some((end_line, end_column)) = place.end.filter(|end| *end >= (line, column)) {
            region.insert("endLine".into(), end_line.into());
            region.insert("endColumn".into(), end_column.into());
        }
    } else {
        region.insert("startLine".into(), 1.into());
    }
    Some(json!({ "artifactLocation": artifact, "region": region }))
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};
    use serde_json::{Value, json};

    #[test]
    fn results_stand_at_their_places_and_what_is_accepted_is_suppressed() {
        let document: Value = serde_json::from_str(&written("sarif", &run())).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.len(), 3);
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(document["runs"][0]["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"], json!({ "uri": "schemas/user.avsc", "uriBaseId": "%SRCROOT%" }));
        assert_eq!(place["region"]["startLine"], 3);
        assert_eq!(results[2]["suppressions"][0]["justification"], "agreed");
        assert!(results[0].get("suppressions").is_none());
    }
}
