//! SARIF 2.1.0, which code scanning reads: a result per rule that did not pass, at its place in
//! the ruleset. Where in the data rows fail is a property; their values are not in it.

use super::Report;
use super::finding::{Finding, Severity, findings, path, uri};
use super::json::metrics_json;
use super::text::counted;
use crate::rules::RuleType;
use crate::verdict::{Outcome, Verdict};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Where the schema of the format is, as its readers know it.
pub(super) const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Failing rows whose positions are listed, operands included.
const ROWS: usize = 1_000;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    // Analyzers judge nothing: those without a value are notifications.
    let (results, unmeasured): (Vec<_>, Vec<_>) =
        findings(report).into_iter().partition(|finding| finding.outcome.is_some());
    let mut kinds: Vec<&'static str> = results.iter().map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dq",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": kinds.iter().map(|kind| descriptor(kind)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(report, &unmeasured)],
            "results": results.iter().map(|finding| result(report, &kinds, finding)).collect::<Vec<_>>(),
            "properties": {
                "ruleset": report.ruleset,
                "result": counted(run).1,
                "score": run.score,
                "rows": run.rows,
                "columns": run.columns,
                "columns_read": run.columns_read,
                "bytes": run.bytes,
                "files": run.files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "incomplete": run.incomplete,
            },
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// What a rule type says about itself.
fn descriptor(kind: &str) -> Value {
    let (summary, help) = match crate::rules::find(kind) {
        Some(rule_type) => (rule_type.summary.to_string(), manual(rule_type)),
        None => (
            "Rules joined by and, or".to_string(),
            "Passes or fails when its operands decide it; is an error when the answer hangs on an operand that could \
             not be evaluated."
                .to_string(),
        ),
    };
    json!({
        "id": kind,
        "name": kind,
        "shortDescription": message(&summary),
        "fullDescription": message(&help),
        "help": message(&help),
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["data-quality"] },
    })
}

fn manual(rule_type: &RuleType) -> String {
    let examples: Vec<_> = rule_type.examples.iter().map(|example| format!("  {}", example.rule)).collect();
    format!("{}.\n\n{}\n\nExamples:\n{}", rule_type.summary, rule_type.manual, examples.join("\n"))
}

fn invocation(report: &Report<'_>, unmeasured: &[Finding<'_>]) -> Value {
    let run = report.run;
    let (overall, counts) = counted(run);
    // What the program exits with if nothing else decides it.
    let code = match overall {
        _ if run.incomplete => 3,
        Verdict::Error => 3,
        Verdict::Fail => 1,
        Verdict::Pass | Verdict::Skip => 0,
    };
    let mut object = Map::new();
    object.insert("executionSuccessful".into(), (code != 3).into());
    object.insert("exitCode".into(), code.into());
    object.insert("exitCodeDescription".into(), format!("{}: {counts}", overall.as_str()).into());
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    object.insert("startTimeUtc".into(), time(run.started).into());
    if report.timed {
        object.insert("endTimeUtc".into(), time(run.started + run.elapsed).into());
    }
    let notes = run.notes.iter().map(|note| json!({ "level": "note", "message": message(note) }));
    let errors = unmeasured.iter().map(|finding| {
        let text = format!("{}, {}: {}", finding.name, finding.rule, finding.explanation);
        json!({ "level": "error", "message": message(&text) })
    });
    object.insert("toolExecutionNotifications".into(), notes.chain(errors).collect::<Vec<_>>().into());
    object.into()
}

fn result(report: &Report<'_>, kinds: &[&'static str], finding: &Finding<'_>) -> Value {
    let level = match finding.severity {
        Severity::Information => "note",
        Severity::Minor => "warning",
        Severity::Major | Severity::Critical | Severity::Blocker => "error",
    };
    let verb = if finding.verdict == Verdict::Error { "could not be evaluated" } else { "failed" };
    let text = match finding.explanation.as_str() {
        "" => format!("{} {verb}", finding.name),
        explanation => format!("{} {verb}\n{explanation}", finding.name),
    };
    let mut object = Map::new();
    object.insert("ruleId".into(), finding.kind.into());
    object.insert("ruleIndex".into(), kinds.binary_search(&finding.kind).unwrap_or(0).into());
    object.insert("kind".into(), "fail".into());
    object.insert("level".into(), level.into());
    object.insert("message".into(), message(&text));
    let place = physical(report, finding.start, finding.end, finding.rule);
    let logical = json!([{ "name": finding.name, "fullyQualifiedName": finding.name, "kind": "member" }]);
    object.insert("locations".into(), json!([{ "physicalLocation": place, "logicalLocations": logical }]));
    let related: Vec<_> = finding.outcome.iter().flat_map(|outcome| operands(report, outcome)).collect();
    if !related.is_empty() {
        object.insert("relatedLocations".into(), related.into());
    }
    object.insert("partialFingerprints".into(), json!({ "dqRule/v1": finding.fingerprint }));
    object
        .insert("properties".into(), finding.outcome.map_or(json!({}), |outcome| properties(report, finding, outcome)));
    object.into()
}

/// Where operands of a composite stand that did not pass.
fn operands(report: &Report<'_>, outcome: &Outcome) -> Vec<Value> {
    let bad = outcome.operands.iter().filter(|operand| matches!(operand.verdict, Verdict::Fail | Verdict::Error));
    bad.map(|operand| {
        let (start, end) = (report.lines.position(operand.span.start), report.lines.position(operand.span.end));
        json!({
            "physicalLocation": physical(report, start, end, &operand.rule),
            "message": message(&format!("{} {}", operand.verdict.as_str(), operand.rule)),
        })
    })
    .collect()
}

fn physical(report: &Report<'_>, start: (usize, usize), end: (usize, usize), rule: &str) -> Value {
    let artifact = match path(report.ruleset) {
        None => json!({ "uri": "stdin", "description": { "text": "standard input" } }),
        Some(path) if path.starts_with('/') => json!({ "uri": uri(&path) }),
        Some(path) => json!({ "uri": uri(&path), "uriBaseId": "%SRCROOT%" }),
    };
    let mut region = Map::new();
    region.insert("startLine".into(), start.0.into());
    region.insert("startColumn".into(), start.1.into());
    // The end of a region never lies before its start.
    if end >= start {
        region.insert("endLine".into(), end.0.into());
        region.insert("endColumn".into(), end.1.into());
    }
    region.insert("snippet".into(), json!({ "text": rule }));
    json!({ "artifactLocation": artifact, "region": region })
}

fn properties(report: &Report<'_>, finding: &Finding<'_>, outcome: &Outcome) -> Value {
    let mut positions = Vec::new();
    let mut outcomes = vec![outcome];
    while let Some(outcome) = outcomes.pop() {
        outcomes.extend(outcome.operands.iter().rev());
        if let Some(samples) = &outcome.samples {
            positions.extend(samples.rows.iter().map(|row| {
                let file = report.run.files.get(row.file).map(|file| file.to_string_lossy());
                json!({ "file": file, "row": row.row })
            }));
        }
    }
    positions.truncate(ROWS);
    json!({
        "name": finding.name,
        "rule": outcome.rule,
        "verdict": outcome.verdict.as_str(),
        "code": outcome.code,
        "columns": outcome.columns,
        "metrics": metrics_json(&outcome.metrics),
        "rows": outcome.rows.map(|(satisfying, judged)| json!({ "satisfying": satisfying, "judged": judged })),
        "row_counts": outcome.row_counts.map(
            |counts| json!({ "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped })
        ),
        "failing_rows": outcome.samples.as_ref().map(|samples| samples.failing),
        "samples": positions,
        "labels": outcome.labels,
    })
}

/// A message: braces are placeholders and brackets before parentheses links, unless they are escaped.
pub(super) fn message(text: &str) -> Value {
    json!({ "text": text.replace('{', "{{").replace('}', "}}").replace("](", "] (") })
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use super::*;

    fn text(value: &Value) -> &str {
        value.as_str().expect("a text")
    }

    fn sarif(rules: &str, data: &[u8], ruleset: &str) -> Value {
        let (run, lines) = checked(rules, data);
        serde_json::from_str(&written("sarif", &run, &lines, ruleset)).expect("JSON")
    }

    #[test]
    fn results_stand_at_their_rules_and_name_positions_of_rows() {
        let rules =
            "Rules = [\n RowCount = 1,\n ColumnValues \"a\" > 5 labels=[\"severity\"=\"minor\"],\n IsComplete \"b\" ]";
        let document = sarif(rules, b"a\n1\n9\n2\n", "my rules/a.dqdl");
        let run = &document["runs"][0];
        let results = run["results"].as_array().expect("a list");
        let ids: Vec<_> = results.iter().map(|result| (text(&result["ruleId"]), text(&result["level"]))).collect();
        assert_eq!(ids, [("RowCount", "error"), ("ColumnValues", "warning"), ("IsComplete", "error")]);
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let place = &results[1]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"], json!({ "uri": "my%20rules/a.dqdl", "uriBaseId": "%SRCROOT%" }));
        assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&json!(3), &json!(2)));
        assert_eq!(results[1]["properties"]["failing_rows"], 2);
        assert_eq!(results[1]["properties"]["samples"][1], json!({ "file": "data.csv", "row": 3 }));
        assert_eq!(run["invocations"][0]["exitCode"], 3);
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn messages_have_neither_placeholders_nor_links() {
        assert_eq!(message("{0} [x](http://y)"), json!({ "text": "{{0}} [x] (http://y)" }));
    }

    #[test]
    fn operands_that_fail_are_related_places() {
        let document = sarif("Rules = [ (RowCount = 1) and (RowCount = 2) ]", b"a\n1\n", "-");
        let result = &document["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "Composite");
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "FAIL RowCount = 2");
        assert_eq!(result["relatedLocations"].as_array().map(Vec::len), Some(1));
    }
}
