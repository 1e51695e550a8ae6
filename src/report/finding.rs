//! What reports for code hosts say of each rule that did not pass: where it stands, how much
//! it matters, and a fingerprint that stays when lines move.

use super::Report;
use super::text::explained;
pub use crate::verdict::Severity;
use crate::verdict::{Outcome, Verdict};
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_128;

/// A rule that did not pass, or an analyzer without a value.
pub(super) struct Finding<'a> {
    /// `Rule_3` or `Analyzer_1`
    pub name: String,
    /// The rule type, `Composite` or `Analyzer`.
    pub kind: &'static str,
    /// Canonical text.
    pub rule: &'a str,
    /// FAIL or ERROR.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// Line and column of the rule's first character.
    pub start: (usize, usize),
    /// Line and column behind its last character.
    pub end: (usize, usize),
    /// All that is known of a rule; none of an analyzer.
    pub outcome: Option<&'a Outcome>,
    /// What was seen, in lines without control characters; failing rows are not among it.
    pub explanation: String,
    /// The same for the same rule in the same ruleset, wherever it stands in it.
    pub fingerprint: String,
}

/// Everything that did not pass, in the order of the ruleset.
pub(super) fn findings<'a>(report: &Report<'a>) -> Vec<Finding<'a>> {
    let run = report.run;
    let path = path(report.ruleset).unwrap_or_default();
    let mut repetitions: HashMap<&'a str, usize> = HashMap::new();
    let mut fingerprint = |text: &'a str| {
        let repetition = repetitions.entry(text).or_default();
        *repetition += 1;
        format!("{:032x}", xxh3_128(format!("{path}\0{text}\0{repetition}").as_bytes()))
    };
    let mut found = Vec::new();
    for (position, outcome) in run.outcomes.iter().enumerate() {
        // Counted for passed rules too: that one of two equal rules passes changes nothing for the other.
        let fingerprint = fingerprint(&outcome.rule);
        if matches!(outcome.verdict, Verdict::Pass | Verdict::Skip) {
            continue;
        }
        found.push(Finding {
            name: format!("Rule_{}", position + 1),
            kind: outcome.rule_type.unwrap_or("Composite"),
            rule: &outcome.rule,
            verdict: outcome.verdict,
            severity: Severity::of(outcome),
            start: report.lines.position(outcome.span.start),
            end: report.lines.position(outcome.span.end),
            outcome: Some(outcome),
            explanation: explained(outcome, &run.files, false),
            fingerprint,
        });
    }
    for (position, analyzer) in run.analyzers.iter().enumerate() {
        let fingerprint = fingerprint(&analyzer.analyzer);
        let Some(message) = &analyzer.message else { continue };
        let help = analyzer.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
        let lines: Vec<_> = format!("{message}{help}").lines().map(crate::error::escape_controls).collect();
        found.push(Finding {
            name: format!("Analyzer_{}", position + 1),
            kind: "Analyzer",
            rule: &analyzer.analyzer,
            verdict: Verdict::Error,
            severity: Severity::Major,
            // Nobody keeps where analyzers stand.
            start: (1, 1),
            end: (1, 1),
            outcome: None,
            explanation: lines.join("\n"),
            fingerprint,
        });
    }
    found
}

/// A path as code hosts spell it: with slashes, without `./`. `None` for standard input.
pub(super) fn path(ruleset: &str) -> Option<String> {
    let path = if cfg!(windows) { ruleset.replace('\\', "/") } else { ruleset.to_string() };
    let path = path.trim_start_matches("./").to_string();
    (path != "-" && !path.is_empty()).then_some(path)
}

/// A path as a URI reference, all but unreserved characters and slashes escaped.
pub(super) fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len() + 8);
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// At most `limit` characters, the rest replaced by dots.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

/// A run for the tests of formats.
#[cfg(test)]
pub(super) mod examples {
    use crate::check::{CheckOptions, Ruleset, Run, Watch, check};
    use crate::report::{Format, Report, Style};
    use crate::rules::{BindOptions, Target};
    use crate::span::LineIndex;
    use std::io::Write;

    /// Rules over `data`, a CSV file.
    pub(in crate::report) fn checked(rules: &str, data: &[u8]) -> (Run, LineIndex) {
        let now = chrono::DateTime::from_timestamp(1_795_262_400, 0).expect("a time");
        let ruleset = Ruleset::parse(rules, &BindOptions { now, target: Target::Dq });
        assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
        file.write_all(data).expect("written");
        let data = [file.path().to_path_buf()];
        let mut run = check(&ruleset, &data, &CheckOptions::default(), Watch::default()).expect("readable");
        run.files = vec!["data.csv".into()];
        (run, LineIndex::new(rules))
    }

    /// What a format writes of a run, without times.
    pub(in crate::report) fn written(format: &str, run: &Run, lines: &LineIndex, ruleset: &str) -> String {
        let format: &Format = crate::report::find(format).expect("a format");
        let publication = crate::report::Publication::default();
        let report = Report { run, ruleset, lines, timed: false, style: Style::default(), publication: &publication };
        let mut bytes = Vec::new();
        (format.write)(&report, &mut bytes).expect("written");
        String::from_utf8(bytes).expect("UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references_that_cannot_be_taken_for_anything_else() {
        assert_eq!(path("./rules/a.dqdl").as_deref(), Some("rules/a.dqdl"));
        assert_eq!(path("-"), None);
        assert_eq!(uri("rules/a b#ü.dqdl"), "rules/a%20b%23%C3%BC.dqdl");
        assert_eq!(uri("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(uri("/tmp/a.dqdl"), "file:///tmp/a.dqdl");
    }

    #[test]
    fn fingerprints_stay_when_lines_move_and_differ_for_repeated_rules() {
        let prints = |rules: &str| {
            let (run, lines) = examples::checked(rules, b"a\n1\n");
            let publication = crate::report::Publication::default();
            let (run, lines, publication) = (&run, &lines, &publication);
            let report = Report { run, ruleset: "r.dqdl", lines, timed: false, style: Default::default(), publication };
            findings(&report).into_iter().map(|finding| finding.fingerprint).collect::<Vec<_>>()
        };
        let one = prints("Rules = [ RowCount = 2, RowCount = 2 ]");
        assert_ne!(one[0], one[1]);
        assert_eq!(one, prints("Rules = [ RowCount = 1,\n\n RowCount = 2, # moved\n RowCount = 2 ]"));
    }

    #[test]
    fn severities_come_from_the_label_and_errors_are_never_minor() {
        let rules = r#"Rules = [
            RowCount = 2 labels=["severity"="Warning"], RowCount = 3, IsComplete "zz" labels=["severity"="low"],
            RowCount = 4 labels=["severity"="critical"]
        ]"#;
        let (run, _) = examples::checked(rules, b"a\n1\n");
        let severities: Vec<_> = run.outcomes.iter().map(Severity::of).collect();
        assert_eq!(severities, [Severity::Minor, Severity::Major, Severity::Major, Severity::Critical]);
    }
}
