//! For people: failures first, 80 columns, nothing rounded to 100 %.

pub(super) mod samples;

use super::Report;
use super::finding::cut;
use crate::check::{AnalyzerOutcome, Run};
use crate::dimension::Dimension;
use crate::error::escape_controls;
use crate::history::Observation;
use crate::history::observation::spoken;
use crate::scorecard::Scorecard;
use crate::value::Number;
use crate::verdict::{Outcome, Verdict};
use std::io::{self, Write};
use std::path::PathBuf;

/// How text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colour.
    pub colour: bool,
    /// Whether to list passed rules one by one.
    pub show_all: bool,
    /// Columns of the screen.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, show_all: false, width: 80 }
    }
}

impl Style {
    /// `text` in a colour, if colours are used.
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }

    fn verdict(self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "1;31",
            Verdict::Error => "1;33",
            Verdict::Skip => "2",
        };
        self.paint(code, &format!("{:<5}", verdict.as_str()))
    }
}

/// Lines of a message shown before it is cut; other formats have all of it.
const MESSAGE_LINES: usize = 12;

/// Lines of a rule's text shown before it is cut.
const RULE_LINES: usize = 6;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (run, style) = (report.run, report.style);
    for verdict in [Verdict::Error, Verdict::Fail] {
        for (position, outcome) in run.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.verdict == verdict) {
            entry(report, position, outcome, out)?;
        }
    }
    for note in &run.notes {
        for line in wrapped(&format!("note: {}", escape_controls(note)), style.width) {
            writeln!(out, "{line}")?;
        }
    }
    if style.show_all {
        for (position, outcome) in run
            .outcomes
            .iter()
            .enumerate()
            .filter(|(_, outcome)| matches!(outcome.verdict, Verdict::Pass | Verdict::Skip))
        {
            entry(report, position, outcome, out)?;
        }
    }
    for (position, outcome) in run.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.verdict == Verdict::Pass) {
        if let Some(operand) = outcome.operands.iter().find(|operand| operand.verdict == Verdict::Error) {
            let reason = operand.message.as_deref().unwrap_or("");
            for line in wrapped(
                &format!("note: Rule_{} passes, but an operand could not be evaluated: {reason}", position + 1),
                style.width,
            ) {
                writeln!(out, "{line}")?;
            }
        }
    }
    if !style.show_all {
        // What passes only because little is known of the past is not passed over.
        for (position, outcome) in run.outcomes.iter().enumerate() {
            for note in past_notes(outcome) {
                for line in wrapped(&format!("note: Rule_{} passes. {note}", position + 1), style.width) {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    for analyzer in &run.analyzers {
        analyzed(analyzer, style, out)?;
    }
    for observation in run.observations.iter().filter(|one| one.anomalous || style.show_all) {
        observed_before(run, observation, style, out)?;
    }
    let young = run.observations.iter().filter(|observation| observation.needs_more_data).count();
    if young > 0 && !style.show_all {
        let what =
            if young == 1 { "1 metric needs".to_string() } else { format!("{} metrics need", grouped(young as u64)) };
        writeln!(out, "note: {what} more past values before anything is expected")?;
    }
    summary(report, out)
}

/// What is said of the past values of a rule that passes, or of the parts of one.
pub(super) fn past_notes(outcome: &Outcome) -> Vec<&str> {
    if outcome.verdict != Verdict::Pass {
        return Vec::new();
    }
    let own = outcome.message.as_deref().filter(|_| outcome.evaluated.is_some() && outcome.operands.is_empty());
    own.into_iter().flat_map(str::lines).chain(outcome.operands.iter().flat_map(past_notes)).collect()
}

fn entry(report: &Report<'_>, position: usize, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let style = report.style;
    let (line, _) = report.lines.position(outcome.span.start);
    let place = format!("{}:{line} Rule_{}", escape_controls(report.ruleset), position + 1);
    writeln!(out, "{} {}", style.verdict(outcome.verdict), style.paint("2", &place))?;
    let rule = wrapped(&outcome.rule, style.width.saturating_sub(6));
    for text in rule.iter().take(RULE_LINES) {
        writeln!(out, "      {}", style.paint("1", text))?;
    }
    if rule.len() > RULE_LINES {
        writeln!(out, "      ... {} more lines", rule.len() - RULE_LINES)?;
    }
    if let Some(line) = responsible(outcome) {
        writeln!(out, "      {}", style.paint("2", &line))?;
    }
    details(outcome, &report.run.files, 6, style, out)
}

/// How much the rule matters, and to whom, where default labels say so: its own stand in its text.
fn responsible(outcome: &Outcome) -> Option<String> {
    let own = outcome.rule.to_lowercase();
    let part = |name: &str| {
        let value = outcome.label(name).filter(|value| !value.trim().is_empty())?;
        let said = own.contains(&format!("\"{name}\"=")) || (name == "severity" && value.eq_ignore_ascii_case("major"));
        (!said).then(|| format!("{name} {value}"))
    };
    let parts: Vec<_> = ["severity", "owner"].into_iter().filter_map(part).collect();
    let line = wrapped(&parts.join(", ").replace('\n', " "), usize::MAX).concat();
    (!parts.is_empty()).then(|| cut(&line, 74))
}

fn details(outcome: &Outcome, files: &[PathBuf], indent: usize, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let pad = " ".repeat(indent);
    let say = |out: &mut dyn Write, text: &str| {
        let lines = wrapped(text, style.width.saturating_sub(indent));
        lines.iter().take(MESSAGE_LINES).try_for_each(|line| writeln!(out, "{pad}{line}"))?;
        if lines.len() > MESSAGE_LINES {
            writeln!(out, "{pad}... {} more lines", lines.len() - MESSAGE_LINES)
        } else {
            Ok(())
        }
    };
    if !outcome.operands.is_empty() {
        for operand in &outcome.operands {
            let rule = wrapped(&operand.rule, style.width.saturating_sub(indent + 6));
            writeln!(
                out,
                "{pad}{} {}{}",
                style.verdict(operand.verdict),
                rule.first().map_or("", String::as_str),
                if rule.len() > 1 { " ..." } else { "" }
            )?;
            if operand.verdict != Verdict::Pass {
                details(operand, files, indent + 6, style, out)?;
            }
        }
        return failing(outcome, files, indent, style, out);
    }
    if let Some(evaluated) = &outcome.evaluated {
        say(out, &format!("evaluated: {evaluated}"))?;
    }
    if let Some(observed) = observed(outcome) {
        say(out, &format!("observed: {observed}"))?;
    }
    // The number of Glue's sentence already stands in what was observed.
    let repeated = |line: &str| {
        outcome.verdict == Verdict::Fail
            && line.starts_with("Value: ")
            && !line.contains("NULL")
            && !line.contains("NaN")
    };
    let observed_something = observed(outcome).is_some();
    for line in
        outcome.message.iter().flat_map(|message| message.lines()).filter(|line| !observed_something || !repeated(line))
    {
        say(out, &plain(line))?;
    }
    if let Some(help) = &outcome.help {
        say(out, &format!("help: {help}"))?;
    }
    failing(outcome, files, indent, style, out)
}

/// Columns of reports that nobody reads on a screen of known width.
const WIDE: usize = 10_000;

/// All that is said of a rule, below its text; with its failing rows if `samples`.
pub(super) fn explained(outcome: &Outcome, files: &[PathBuf], samples: bool) -> String {
    let style = Style { colour: false, show_all: true, width: WIDE };
    let bare;
    let outcome = if samples {
        outcome
    } else {
        bare = without_samples(outcome);
        &bare
    };
    let mut bytes = Vec::new();
    // Memory takes all that is written.
    let _ = details(outcome, files, 0, style, &mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_string()
}

fn without_samples(outcome: &Outcome) -> Outcome {
    let operands = outcome.operands.iter().map(without_samples).collect();
    Outcome { samples: None, operands, ..outcome.clone() }
}

/// Rows that fail, where they were looked for.
fn failing(outcome: &Outcome, files: &[PathBuf], indent: usize, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match &outcome.samples {
        // A rule may pass although rows fail, which then is said.
        Some(samples) if outcome.verdict != Verdict::Pass || samples.failing > 0 => {
            samples::write(samples, files, indent, style, out)
        }
        _ => Ok(()),
    }
}

/// Characters of the longest bar of a histogram.
const BAR: u64 = 30;

/// What an analyzer measured: one line per metric, one per bin or value of a distribution.
fn analyzed(analyzer: &AnalyzerOutcome, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (position, line) in wrapped(&analyzer.analyzer, style.width.saturating_sub(6)).iter().enumerate() {
        let lead = match (position, &analyzer.message) {
            (0, None) => style.paint("36", "INFO "),
            (0, Some(_)) => style.verdict(Verdict::Error),
            _ => "     ".into(),
        };
        writeln!(out, "{lead} {}", style.paint("1", line))?;
    }
    for (name, value) in &analyzer.metrics {
        writeln!(out, "      {} = {value}", escape_controls(name))?;
    }
    for (name, distribution, _) in &analyzer.distributions {
        writeln!(out, "      {}", escape_controls(name))?;
        let labels: Vec<String> = match distribution.edges.as_slice() {
            [] => distribution.values.iter().map(|value| escape_controls(value)).collect(),
            edges => edges.windows(2).map(|bounds| format!("{} to {}", short(bounds[0]), short(bounds[1]))).collect(),
        };
        let most = distribution.counts.iter().copied().max().unwrap_or(0).max(1);
        for (label, count) in labels.iter().zip(&distribution.counts) {
            let label: String = label.chars().take(24).collect();
            let bar = "#".repeat((u128::from(*count) * u128::from(BAR)).div_ceil(u128::from(most)) as usize);
            writeln!(out, "        {label:<24} {:>10} {bar}", grouped(*count))?;
        }
        for (count, what) in [(distribution.others, "other values"), (distribution.nulls, "NULL")] {
            if count > 0 {
                writeln!(out, "        {what:<24} {:>10}", grouped(count))?;
            }
        }
    }
    for (lead, text) in [("", &analyzer.message), ("help: ", &analyzer.help)] {
        if let Some(text) = text {
            for line in wrapped(&format!("{lead}{text}"), style.width.saturating_sub(6)) {
                writeln!(out, "      {line}")?;
            }
        }
    }
    Ok(())
}

/// A number against its past, and rules that would hold it there.
fn observed_before(run: &Run, observation: &Observation, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (code, word) = if observation.anomalous { ("1;33", "ODD  ") } else { ("36", "INFO ") };
    // A rule that failed for it has said it all.
    let said =
        |outcome: &Outcome| outcome.message.as_ref().is_some_and(|message| message.contains(&observation.description));
    let told = run.outcomes.iter().any(|outcome| outcome.verdict == Verdict::Fail && said(outcome));
    let text = if told { spoken(&observation.key) } else { observation.description.clone() };
    for (position, line) in wrapped(&text, style.width.saturating_sub(6)).iter().enumerate() {
        let lead = if position == 0 { style.paint(code, word) } else { "     ".into() };
        writeln!(out, "{lead} {line}")?;
    }
    for rule in observation.suggested_rules.iter().filter(|_| observation.anomalous) {
        for line in wrapped(&format!("a rule for it: {rule}"), style.width.saturating_sub(6)) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

/// A bound of a bin in six digits.
pub(super) fn short(bound: f64) -> String {
    let plain = format!("{bound}");
    let rounded = format!("{bound:.5e}").parse().unwrap_or(bound);
    match rounded.abs() {
        _ if plain.len() <= 9 => plain,
        1e-4..1e9 => format!("{rounded}"),
        _ => format!("{rounded:e}"),
    }
}

/// Glue's sentences in fewer words where the number stands right above.
pub(super) fn plain(line: &str) -> String {
    match line {
        "Value: NULL does not meet the constraint requirement!" => "NULL does not satisfy this rule".into(),
        "Value: NaN does not meet the constraint requirement!" => "NaN does not satisfy this rule".into(),
        other => other.to_string(),
    }
}

/// What was seen: rows that satisfy, and the metrics that say more than their share.
pub(super) fn observed(outcome: &Outcome) -> Option<String> {
    let mut parts = Vec::new();
    if let Some((passed, total)) = outcome.rows {
        parts.push(format!("{} of {} rows satisfy ({})", grouped(passed), grouped(total), percent(passed, total)));
    }
    let share =
        outcome.rows.filter(|(_, total)| *total > 0).map(|(passed, total)| Number::Float(passed as f64 / total as f64));
    parts.extend(
        outcome
            .metrics
            .iter()
            .filter(|(_, value)| Some(*value) != share)
            .map(|(name, value)| format!("{name} = {value}")),
    );
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A share in percent; neither a failure nor a success is rounded away.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "no rows".into();
    }
    let text = format!("{:.2}", part as f64 * 100.0 / whole as f64);
    match text.as_str() {
        "100.00" if part < whole => ">99.99 %".into(),
        "0.00" if part > 0 => "<0.01 %".into(),
        _ => format!("{text} %"),
    }
}

fn summary(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (overall, counts) = counted(report.run);
    writeln!(out, "{} {counts}", report.style.verdict(overall))?;
    // Dimensions without a failure say nothing that the counts do not.
    let part = |(dimension, passed, judged): &(Dimension, u64, u64)| {
        (passed < judged).then(|| format!("{} {}/{}", dimension.name(), grouped(*passed), grouped(*judged)))
    };
    let parts: Vec<_> = Scorecard::of(report.run).dimensions.iter().filter_map(part).collect();
    if !parts.is_empty() {
        for line in wrapped(&parts.join(", "), report.style.width.saturating_sub(6)) {
            writeln!(out, "      {line}")?;
        }
    }
    writeln!(out, "      {}", facts(report))
}

/// The verdict over all rules, with the counts it comes from and the score.
pub(super) fn counted(run: &Run) -> (Verdict, String) {
    let [passed, failed, errors, skipped] =
        [Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Skip].map(|verdict| run.count(verdict));
    let unmeasured = run.analyzers.iter().filter(|analyzer| analyzer.message.is_some()).count();
    let mut counts = vec![format!("{} passed", grouped(passed as u64))];
    counts.extend(
        [(failed, "failed"), (errors, "could not be evaluated"), (skipped, "skipped")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(*count as u64))),
    );
    match unmeasured {
        0 => {}
        1 => counts.push("1 analyzer without a value".into()),
        many => counts.push(format!("{many} analyzers without a value")),
    }
    let score = run.score.map_or("no score".to_string(), |_| {
        format!("score {}", percent(passed as u64, (passed + failed + errors) as u64))
    });
    (run.verdict(), format!("{}, {score}", counts.join(", ")))
}

/// How much was read, and how long it took.
pub(super) fn facts(report: &Report<'_>) -> String {
    let run = report.run;
    let took = if report.timed { format!(" in {}", seconds(run.elapsed.as_secs_f64())) } else { String::new() };
    format!(
        "{}{} row{}, {} of {} columns read, {}{took}",
        if run.incomplete { "INTERRUPTED after " } else { "" },
        grouped(run.rows),
        if run.rows == 1 { "" } else { "s" },
        run.columns_read,
        run.columns,
        bytes_text(run.bytes)
    )
}

/// `4.2 ms`, `1.70 s`
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// `1,234,567`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MB`, powers of 1024.
pub fn bytes_text(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TB")
}

/// Breaks text at blanks into lines of at most `width` characters; longer words are cut.
/// Control characters are escaped, line ends kept.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut length = 0;
        for word in escape_controls(paragraph).split(' ') {
            let characters = word.chars().count();
            if length > 0 && length + 1 + characters > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            } else if length > 0 {
                line.push(' ');
                length += 1;
            }
            for character in word.chars() {
                if length == width {
                    lines.push(std::mem::take(&mut line));
                    length = 0;
                }
                line.push(character);
                length += 1;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_is_rounded_to_all_and_no_success_to_nothing() {
        assert_eq!(percent(999_999, 1_000_000), ">99.99 %");
        assert_eq!(percent(1, 1_000_000), "<0.01 %");
        assert_eq!(percent(1, 2), "50.00 %");
        assert_eq!(percent(2, 2), "100.00 %");
    }

    #[test]
    fn lines_keep_the_width_and_escape_controls() {
        let lines = wrapped(&format!("ab {} cd\u{1b}[31m", "x".repeat(50)), 20);
        assert!(lines.iter().all(|line| line.chars().count() <= 20), "{lines:?}");
        assert!(!lines.concat().contains('\u{1b}'));
        assert_eq!(wrapped("a b", 20), ["a b"]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([10, 2048, 3 << 20].map(bytes_text), ["10 B", "2.0 KB", "3.0 MB"]);
    }
}
