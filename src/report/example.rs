//! Runs that the tests of formats show.

use super::{Publication, Report, Style};
use crate::check::{AnalyzerOutcome, Run};
use crate::sample::RowCounts;
use crate::span::{LineIndex, Span};
use crate::value::Number;
use crate::verdict::{Outcome, Verdict};
use chrono::DateTime;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// A text with everything in it that a format could stumble over.
pub(super) const HOSTILE: &str = "ColumnValues \"a\\b\n{x=\"1\"},'ö' \u{1}\u{202e}</script>\" = \"%\"";

/// A rule without metrics.
pub(super) fn outcome(rule: &str, verdict: Verdict) -> Outcome {
    Outcome {
        rule: rule.into(),
        evaluated: None,
        rule_type: Some("IsComplete"),
        verdict,
        code: None,
        message: (verdict != Verdict::Pass).then(|| format!("about {rule}")),
        help: None,
        metrics: Vec::new(),
        rows: None,
        row_counts: None,
        compared: Vec::new(),
        samples: None,
        columns: Vec::new(),
        labels: BTreeMap::new(),
        span: Span::new(0, 0),
        operands: Vec::new(),
    }
}

/// A rule that reports one value and how many rows fail.
pub(super) fn measured(rule: &str, verdict: Verdict, name: &str, value: f64) -> Outcome {
    Outcome {
        metrics: vec![(name.into(), Number::Float(value))],
        row_counts: Some(RowCounts { passed: 8, failed: 2, skipped: 0 }),
        columns: vec!["a".into()],
        ..outcome(rule, verdict)
    }
}

/// An analyzer that reports one value.
pub(super) fn analyzer(text: &str, name: &str, value: f64) -> AnalyzerOutcome {
    AnalyzerOutcome {
        analyzer: text.into(),
        metrics: vec![(name.into(), Number::Float(value))],
        distributions: Vec::new(),
        message: None,
        help: None,
    }
}

/// A run of half a second over ten rows at the turn of a year.
pub(super) fn run(outcomes: Vec<Outcome>) -> Run {
    let judged = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip).count();
    let passed = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass).count();
    Run {
        outcomes,
        analyzers: Vec::new(),
        observations: Vec::new(),
        score: (judged > 0).then(|| passed as f64 / judged as f64),
        rows: 10,
        columns: 3,
        columns_read: 2,
        bytes: 1000,
        files: vec!["data/t.csv".into()],
        started: DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default(),
        elapsed: Duration::from_millis(500),
        notes: Vec::new(),
        incomplete: false,
        sql_mistakes: Vec::new(),
        measured: Vec::new(),
    }
}

/// What `look` sees of a run.
pub(super) fn with_report<T>(run: &Run, publication: &Publication, look: impl FnOnce(&Report<'_>) -> T) -> T {
    let lines = LineIndex::new("");
    look(&Report { run, ruleset: "rules/rs.dqdl", lines: &lines, timed: true, style: Style::default(), publication })
}

/// What a format writes, or why it does not.
pub(super) fn written(
    run: &Run,
    publication: &Publication,
    write: fn(&Report<'_>, &mut dyn Write) -> io::Result<()>,
) -> Result<String, String> {
    let mut bytes = Vec::new();
    with_report(run, publication, |report| write(report, &mut bytes)).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
