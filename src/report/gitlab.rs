//! Code Quality of GitLab: what a merge request shows beside the lines of the ruleset.

use super::Report;
use super::finding::{Finding, Severity, cut, findings, path};
use crate::error::escape_controls;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Characters of a rule's text in a description, which is one line.
const RULE: usize = 200;

/// Characters of a description.
const DESCRIPTION: usize = 1_000;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let path = path(report.ruleset).unwrap_or_else(|| "stdin".into());
    let issues: Vec<_> = findings(report).iter().map(|finding| issue(&path, finding)).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

fn issue(path: &str, finding: &Finding<'_>) -> Value {
    let severity = match finding.severity {
        Severity::Information => "info",
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Critical => "critical",
        Severity::Blocker => "blocker",
    };
    let seen: Vec<_> = finding.explanation.lines().map(str::trim).collect();
    let rule = cut(&escape_controls(finding.rule), RULE);
    let description = format!("{} {}: {rule}: {}", finding.verdict.as_str(), finding.name, seen.join("; "));
    json!({
        "description": cut(&description, DESCRIPTION),
        "check_name": finding.kind,
        "fingerprint": finding.fingerprint,
        "severity": severity,
        "location": { "path": path, "lines": { "begin": finding.start.0, "end": finding.end.0 } },
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use serde_json::Value;

    #[test]
    fn issues_have_what_gitlab_requires_and_no_findings_are_an_empty_list() {
        let rules = "Rules = [\n RowCount = 7 labels=[\"severity\"=\"blocker\"], RowCount = 1 ]";
        let (run, lines) = checked(rules, b"a\n1\n");
        let issues: Value = serde_json::from_str(&written("gitlab", &run, &lines, "./shop.dqdl")).expect("JSON");
        assert_eq!(issues.as_array().map(Vec::len), Some(1));
        assert_eq!(
            issues[0]["location"],
            serde_json::json!({ "path": "shop.dqdl", "lines": { "begin": 2, "end": 2 } })
        );
        assert_eq!((&issues[0]["severity"], &issues[0]["check_name"]), (&"blocker".into(), &"RowCount".into()));
        assert!(issues[0]["fingerprint"].as_str().is_some_and(|print| print.len() == 32));
        let text = issues[0]["description"].as_str().expect("a text");
        assert!(text.starts_with("FAIL Rule_1: RowCount = 7") && text.contains("Dataset.*.RowCount = 1"), "{text}");
        let (run, lines) = checked("Rules = [ RowCount = 1 ]", b"a\n1\n");
        assert_eq!(written("gitlab", &run, &lines, "shop.dqdl"), "[]\n");
    }
}
