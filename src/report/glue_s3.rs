//! The lines that Glue writes to `resultsS3Prefix`: one JSON object per rule, for Athena and the like.

use super::Report;
use super::glue::run_digits;
use super::json::metrics_json;
use crate::verdict::Verdict;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::io::{self, Write};
use std::path::PathBuf;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run_id = run_id(report);
    let table = report.table();
    for outcome in report.run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip) {
        let mut line = Map::new();
        let mut text = |key: &str, value: &str| line.insert(key.to_string(), Value::from(value));
        text("catalogId", report.catalog());
        text("databaseName", report.database());
        text("tableName", &table);
        text("dqRunId", &run_id);
        text("evaluationStartedOn", &time(report.run.started));
        text("evaluationCompletedOn", &time(report.completed()));
        text("rule", &outcome.rule);
        // Glue knows two outcomes: what could not be evaluated failed, for the reason that follows.
        text("outcome", if outcome.verdict == Verdict::Pass { "Passed" } else { "Failed" });
        if let Some(message) = &outcome.message {
            text("failureReason", message);
        }
        line.insert("evaluatedMetrics".into(), metrics_json(&outcome.metrics).into());
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The file of a run below a directory, in the partitions that Glue writes.
pub(super) fn file_below(report: &Report<'_>) -> PathBuf {
    let day = report.run.started.format("year=%Y/month=%m/day=%d").to_string();
    PathBuf::from(day).join(format!("{}.jsonl", run_id(report)))
}

fn run_id(report: &Report<'_>) -> String {
    format!("dqrun-{}", run_digits(report))
}

/// A time that columns of type `timestamp` take: they read no `T` and no `Z`.
fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example::{self, HOSTILE};
    use crate::report::{FORMATS, Publication, file_below as file_of};
    use serde_json::json;

    #[test]
    fn a_rule_is_a_line_with_the_fields_of_glue() {
        let run = example::run(vec![
            example::measured(HOSTILE, Verdict::Fail, "Column.a.Completeness", 0.8),
            example::outcome("RowCount > 1", Verdict::Skip),
            example::outcome("RowCount > 2", Verdict::Error),
            example::outcome("RowCount > 3", Verdict::Pass),
        ]);
        let text = example::written(&run, &Publication::default(), write).expect("a report");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 3);
        let expected = json!({
            "catalogId": "local",
            "databaseName": "default",
            "tableName": "t",
            "dqRunId": lines[0]["dqRunId"],
            "evaluationStartedOn": "2026-01-01 00:00:00.000",
            "evaluationCompletedOn": "2026-01-01 00:00:00.500",
            "rule": HOSTILE,
            "outcome": "Failed",
            "failureReason": format!("about {HOSTILE}"),
            "evaluatedMetrics": { "Column.a.Completeness": 0.8 },
        });
        assert_eq!(lines[0], expected);
        assert_eq!([&lines[1]["outcome"], &lines[2]["outcome"]], ["Failed", "Passed"]);
        assert!(lines[2].get("failureReason").is_none(), "there is none");
    }

    #[test]
    fn below_a_directory_files_lie_in_partitions_of_days() {
        let run = example::run(Vec::new());
        let file = |name: &str| {
            let format = FORMATS.iter().find(|format| format.name == name).expect("a format");
            example::with_report(&run, &Publication::default(), |report| file_of(format, report))
        };
        let path = file("glue-s3").expect("a path");
        assert!(path.starts_with("year=2026/month=01/day=01"), "{}", path.display());
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(name.starts_with("dqrun-") && name.ends_with(".jsonl"), "{name}");
        assert_eq!(file("json"), None);
    }
}
