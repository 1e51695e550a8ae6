//! A message for a web hook: what Slack shows, which other chat programs take too, and the same as data for
//! programs, under `dq`.

use super::Report;
use super::finding::{Finding, cut, findings};
use super::text::counted;
use crate::error::escape_controls;
use crate::verdict::Verdict;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::{self, Write};

/// Rules that a message names; people read the report for the others.
const RULES: usize = 10;

/// Characters of a rule's text and of what was seen; Slack takes 3,000 in a section.
const TEXT: usize = 250;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let (overall, counts) = counted(run);
    let dataset = escape_controls(&report.dataset());
    let headline = format!("{} {}: {counts}", overall.as_str(), cut(&dataset, TEXT));
    let mut found = findings(report);
    // Only the first are shown: what could not be evaluated, then what matters most, then as in the ruleset.
    found.sort_by_key(|finding| (finding.verdict != Verdict::Error, Reverse(finding.severity)));
    let mut blocks = vec![section(&format!("*{}*", escaped(&headline)))];
    blocks.extend(found.iter().take(RULES).map(|finding| section(&shown(finding))));
    if found.len() > RULES {
        blocks.push(section(&format!("and {} more", found.len() - RULES)));
    }
    let failures: Vec<_> = found.iter().take(RULES).map(failure).collect();
    let message = json!({
        "text": escaped(&headline),
        "blocks": blocks,
        "dq": {
            "dataset": report.dataset(),
            "ruleset": report.ruleset_name(),
            "verdict": overall.as_str(),
            "score": run.score,
            "rows": run.rows,
            "started": run.started.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "passed": run.count(Verdict::Pass),
            "failed": run.count(Verdict::Fail),
            "errors": run.count(Verdict::Error),
            "skipped": run.count(Verdict::Skip),
            "failures": failures,
            "more_failures": found.len().saturating_sub(RULES),
        },
    });
    serde_json::to_writer(&mut *out, &message)?;
    writeln!(out)
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// What is special in Slack's texts, where `<` would begin a link or a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// In code, nothing is special but the character that ends it.
fn code(text: &str) -> String {
    format!("`{}`", escaped(&cut(&escape_controls(text), TEXT).replace('`', "'").replace('\n', " ")))
}

fn shown(finding: &Finding<'_>) -> String {
    let seen: Vec<_> = finding.explanation.lines().map(str::trim).collect();
    let owner = finding.outcome.and_then(|outcome| outcome.label("owner"));
    let owner = owner.map_or(String::new(), |owner| format!(", owner {}", code(owner)));
    format!("{} {} {}{owner}\n{}", finding.verdict.as_str(), finding.name, code(finding.rule), code(&seen.join("; ")))
}

fn failure(finding: &Finding<'_>) -> Value {
    json!({
        "name": finding.name,
        "rule": cut(finding.rule, TEXT),
        "verdict": finding.verdict.as_str(),
        "severity": finding.severity.as_str(),
        "owner": finding.outcome.and_then(|outcome| outcome.label("owner")),
        "line": finding.start.0,
        "observed": cut(&finding.explanation, TEXT),
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use serde_json::Value;

    #[test]
    fn messages_say_what_failed_and_mention_nobody() {
        let rules = "Rules = [ RowCount = 1, ColumnValues \"a\" in [\"<!channel>`\"] labels=[\"owner\"=\"@data\"] ]";
        let (run, lines) = checked(rules, b"a\nx\ny\n");
        let text = written("webhook", &run, &lines, "r.dqdl");
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["dq"]["failed"], 2);
        assert_eq!(message["dq"]["failures"][1]["owner"], "@data");
        assert_eq!(message["dq"]["failures"][0]["severity"], "major");
        let shown = message["blocks"].to_string() + &message["text"].to_string();
        assert!(shown.contains("&lt;!channel&gt;'") && !shown.contains("<!channel>"), "{shown}");
    }

    #[test]
    fn what_matters_most_stands_first() {
        let rules = r#"Rules = [
            RowCount = 2, RowCount = 3 labels=["severity"="minor"], RowCount = 4 labels=["severity"="blocker"],
            RowCount = 5, IsComplete "zz" labels=["severity"="low"]
        ]"#;
        let (run, lines) = checked(rules, b"a\n1\n");
        let message: Value = serde_json::from_str(&written("webhook", &run, &lines, "r.dqdl")).unwrap();
        let names: Vec<_> = message["dq"]["failures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|failure| failure["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Rule_5", "Rule_3", "Rule_1", "Rule_4", "Rule_2"]);
        assert!(message["blocks"][1]["text"]["text"].as_str().unwrap().starts_with("ERROR Rule_5"));
    }

    #[test]
    fn messages_stay_small_whatever_fails() {
        let rules: Vec<_> = (0..200).map(|number| format!("RowCount > {}", 1_000 + number)).collect();
        let (run, lines) = checked(&format!("Rules = [ {} ]", rules.join(", ")), b"a\n1\n");
        let text = written("webhook", &run, &lines, "r.dqdl");
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["dq"]["more_failures"], 190);
        assert!(message["blocks"].as_array().unwrap().len() <= 50 && text.len() < 40_000);
    }
}
