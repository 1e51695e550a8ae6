//! Metrics for Prometheus, as a file for the textfile collector of its node exporter.
//!
//! Names are fixed; rules, columns and datasets are labels. Samples carry no time, which the collector refuses.

use super::Report;
use crate::verdict::Verdict;
use std::collections::HashSet;
use std::io::{self, Write};

type Labels = Vec<(&'static str, String)>;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for family in families(report) {
        family.write(out)?;
    }
    Ok(())
}

/// All samples of one metric.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, samples: Vec::new() }
    }

    /// Of a metric with one sample.
    fn of(name: &'static str, help: &'static str, labels: &Labels, value: f64) -> Self {
        Self { name, help, samples: vec![(labels.clone(), value)] }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.samples.is_empty() {
            return Ok(());
        }
        writeln!(out, "# HELP {} {}", self.name, self.help)?;
        writeln!(out, "# TYPE {} gauge", self.name)?;
        // One series twice, and the collector refuses the whole file.
        let mut written = HashSet::new();
        for (labels, value) in &self.samples {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let series = format!("{}{{{}}}", self.name, labels.join(","));
            if !written.contains(&series) {
                writeln!(out, "{series} {}", number(*value))?;
                written.insert(series);
            }
        }
        Ok(())
    }
}

fn families(report: &Report<'_>) -> Vec<Family> {
    let run = report.run;
    let own: Labels = vec![("dataset", report.dataset()), ("ruleset", report.ruleset_name())];
    let with = |more: &[(&'static str, &str)]| -> Labels {
        own.iter().cloned().chain(more.iter().map(|(name, value)| (*name, value.to_string()))).collect()
    };

    let mut verdicts = Family::new("dq_rules", "Rules by verdict.");
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Skip] {
        let label = verdict.as_str().to_ascii_lowercase();
        verdicts.samples.push((with(&[("verdict", label.as_str())]), run.count(verdict) as f64));
    }
    let mut passed = Family::new("dq_rule_passed", "Whether a rule passed; what could not be evaluated did not.");
    let mut rows = Family::new("dq_rule_rows", "Rows by what became of them under a rule.");
    let mut measured = Family::new("dq_metric", "What was measured of the data for a rule or an analyzer.");
    for (position, outcome) in run.outcomes.iter().enumerate().filter(|(_, rule)| rule.verdict != Verdict::Skip) {
        let name = format!("Rule_{}", position + 1);
        let rule = [("name", name.as_str()), ("rule", outcome.rule.as_str())];
        passed.samples.push((with(&rule), f64::from(outcome.verdict == Verdict::Pass)));
        if let Some(counts) = outcome.row_counts {
            for (what, count) in [("passed", counts.passed), ("failed", counts.failed), ("skipped", counts.skipped)] {
                rows.samples.push((with(&[rule[0], rule[1], ("outcome", what)]), count as f64));
            }
        }
        for (metric, value) in &outcome.metrics {
            measured.samples.push((with(&[rule[0], rule[1], ("metric", metric.as_str())]), value.to_f64()));
        }
    }
    for (position, analyzer) in run.analyzers.iter().enumerate() {
        let name = format!("Analyzer_{}", position + 1);
        for (metric, value) in &analyzer.metrics {
            let of = [("name", name.as_str()), ("rule", analyzer.analyzer.as_str()), ("metric", metric.as_str())];
            measured.samples.push((with(&of), value.to_f64()));
        }
    }

    let finished = report.completed().timestamp_millis() as f64 / 1000.0;
    let complete = f64::from(!run.incomplete);
    let mut families = vec![verdicts];
    families.extend(run.score.map(|score| Family::of("dq_score", "Rules that passed over rules judged.", &own, score)));
    families.push(Family::of("dq_rows", "Rows of the data.", &own, run.rows as f64));
    families.push(Family::of("dq_run_timestamp_seconds", "When the run ended, in Unix time.", &own, finished));
    families.push(Family::of("dq_run_complete", "Whether all rows were read.", &own, complete));
    if report.timed {
        let seconds = run.elapsed.as_secs_f64();
        families.push(Family::of("dq_run_duration_seconds", "How long the run took.", &own, seconds));
    }
    families.extend([passed, rows, measured]);
    families
}

/// A label's value between its quotes.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A sample's value; readers take those that are not finite too.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else if value == 0.0 || (1e-6..1e15).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::Publication;
    use crate::report::example::{self, HOSTILE};

    fn text(run: &Run) -> String {
        example::written(run, &Publication::default(), write).expect("a report")
    }

    #[test]
    fn every_metric_has_help_type_and_samples() {
        let mut run = example::run(vec![
            example::measured("IsComplete \"a\"", Verdict::Fail, "Column.a.Completeness", 0.8),
            example::outcome("RowCount > 1", Verdict::Skip),
        ]);
        run.analyzers = vec![example::analyzer("Mean \"a\"", "Column.a.Mean", 2.5)];
        let expected = r#"# HELP dq_rules Rules by verdict.
# TYPE dq_rules gauge
dq_rules{dataset="t",ruleset="rs",verdict="pass"} 0
dq_rules{dataset="t",ruleset="rs",verdict="fail"} 1
dq_rules{dataset="t",ruleset="rs",verdict="error"} 0
dq_rules{dataset="t",ruleset="rs",verdict="skip"} 1
# HELP dq_score Rules that passed over rules judged.
# TYPE dq_score gauge
dq_score{dataset="t",ruleset="rs"} 0
# HELP dq_rows Rows of the data.
# TYPE dq_rows gauge
dq_rows{dataset="t",ruleset="rs"} 10
# HELP dq_run_timestamp_seconds When the run ended, in Unix time.
# TYPE dq_run_timestamp_seconds gauge
dq_run_timestamp_seconds{dataset="t",ruleset="rs"} 1767225600.5
# HELP dq_run_complete Whether all rows were read.
# TYPE dq_run_complete gauge
dq_run_complete{dataset="t",ruleset="rs"} 1
# HELP dq_run_duration_seconds How long the run took.
# TYPE dq_run_duration_seconds gauge
dq_run_duration_seconds{dataset="t",ruleset="rs"} 0.5
# HELP dq_rule_passed Whether a rule passed; what could not be evaluated did not.
# TYPE dq_rule_passed gauge
dq_rule_passed{dataset="t",ruleset="rs",name="Rule_1",rule="IsComplete \"a\""} 0
# HELP dq_rule_rows Rows by what became of them under a rule.
# TYPE dq_rule_rows gauge
dq_rule_rows{dataset="t",ruleset="rs",name="Rule_1",rule="IsComplete \"a\"",outcome="passed"} 8
dq_rule_rows{dataset="t",ruleset="rs",name="Rule_1",rule="IsComplete \"a\"",outcome="failed"} 2
dq_rule_rows{dataset="t",ruleset="rs",name="Rule_1",rule="IsComplete \"a\"",outcome="skipped"} 0
# HELP dq_metric What was measured of the data for a rule or an analyzer.
# TYPE dq_metric gauge
dq_metric{dataset="t",ruleset="rs",name="Rule_1",rule="IsComplete \"a\"",metric="Column.a.Completeness"} 0.8
dq_metric{dataset="t",ruleset="rs",name="Analyzer_1",rule="Mean \"a\"",metric="Column.a.Mean"} 2.5
"#;
        assert_eq!(text(&run), expected);
    }

    #[test]
    fn labels_hold_any_text_in_one_line() {
        assert_eq!(escaped("a\\b\"c\nd{}"), "a\\\\b\\\"c\\nd{}");
        let run =
            example::run(vec![example::measured(HOSTILE, Verdict::Fail, &format!("Column.{HOSTILE}.Sum"), 1e300)]);
        for line in text(&run).lines() {
            assert!(line.starts_with("# ") || line.starts_with("dq_"), "{line}");
        }
    }

    #[test]
    fn a_series_stands_once() {
        let mut rule = example::measured("IsComplete \"a\"", Verdict::Fail, "Column.a.Completeness", 0.8);
        rule.metrics = [rule.metrics.clone(), rule.metrics].concat();
        let text = text(&example::run(vec![rule]));
        assert_eq!(text.lines().filter(|line| line.starts_with("dq_metric{")).count(), 1);
    }

    #[test]
    fn numbers_are_those_that_go_reads() {
        let numbers = [3.0, 0.1, 0.0, 1e300, 2.5e-9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(number);
        assert_eq!(numbers, ["3", "0.1", "0", "1e300", "2.5e-9", "NaN", "+Inf", "-Inf"]);
    }
}
