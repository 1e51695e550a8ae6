//! JUnit's XML, which systems for continuous integration show as test results: a suite per
//! ruleset, a case per rule and analyzer.
//!
//! Operands of composites are no cases of their own, since one may fail and the composite pass;
//! they stand in the composite's text.

use super::Report;
use super::finding::{cut, path};
use super::text::{counted, explained};
use crate::check::AnalyzerOutcome;
use crate::verdict::{Outcome, Verdict};
use std::io::{self, Write};
use std::path::Path;

/// Characters of a rule's text in the name of its case; the whole text is below it.
const NAME: usize = 200;

/// Files that are named one by one.
const FILES: usize = 100;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let unmeasured = run.analyzers.iter().filter(|analyzer| analyzer.message.is_some()).count();
    let mut totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        run.outcomes.len() + run.analyzers.len(),
        run.count(Verdict::Fail),
        run.count(Verdict::Error) + unmeasured,
        run.count(Verdict::Skip)
    );
    if report.timed {
        totals.push_str(&format!(" time=\"{:.6}\"", run.elapsed.as_secs_f64()));
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"dq\" {totals}>")?;
    let started = run.started.format("%Y-%m-%dT%H:%M:%S");
    writeln!(out, "  <testsuite name=\"{}\" {totals} timestamp=\"{started}\">", attribute(report.ruleset))?;
    suite_properties(report, out)?;
    for (position, outcome) in run.outcomes.iter().enumerate() {
        rule_case(report, position, outcome, out)?;
    }
    for (position, analyzer) in run.analyzers.iter().enumerate() {
        analyzer_case(report, position, analyzer, out)?;
    }
    if !run.notes.is_empty() {
        writeln!(out, "    <system-out>{}</system-out>", content(&run.notes.join("\n")))?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn suite_properties(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let mut properties = Vec::new();
    properties.extend(run.score.map(|score| ("score", score.to_string())));
    properties.push(("result", counted(run).1));
    properties.push(("rows", run.rows.to_string()));
    properties.push(("columns", run.columns.to_string()));
    properties.push(("columns_read", run.columns_read.to_string()));
    properties.push(("bytes", run.bytes.to_string()));
    properties.push(("files", run.files.len().to_string()));
    properties.extend(run.files.iter().take(FILES).map(|file| ("file", file.to_string_lossy().into_owned())));
    if run.incomplete {
        properties.push(("incomplete", "true".to_string()));
    }
    writeln!(out, "    <properties>")?;
    for (name, value) in properties {
        writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", attribute(&value))?;
    }
    writeln!(out, "    </properties>")
}

fn rule_case(report: &Report<'_>, position: usize, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let (line, _) = report.lines.position(outcome.span.start);
    let file = path(report.ruleset).map_or(String::new(), |path| format!(" file=\"{}\"", attribute(&path)));
    let name = format!("Rule_{}: {}", position + 1, cut(&outcome.rule, NAME));
    writeln!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\"{file} line=\"{line}\">",
        attribute(&name),
        attribute(&class(report.ruleset))
    )?;
    if !outcome.labels.is_empty() {
        writeln!(out, "      <properties>")?;
        for (key, value) in &outcome.labels {
            writeln!(out, "        <property name=\"{}\" value=\"{}\"/>", attribute(key), attribute(value))?;
        }
        writeln!(out, "      </properties>")?;
    }
    let text = explained(outcome, &report.run.files, true);
    let first = first_line(&explained(outcome, &report.run.files, false));
    let body = content(&format!("{}\n{text}", outcome.rule));
    match outcome.verdict {
        Verdict::Pass if text.is_empty() => {}
        Verdict::Pass => writeln!(out, "      <system-out>{}</system-out>", content(&text))?,
        Verdict::Fail => {
            writeln!(out, "      <failure message=\"{}\" type=\"FAIL\">{body}</failure>", attribute(&first))?;
        }
        Verdict::Error => {
            let code = attribute(outcome.code.unwrap_or("ERROR"));
            writeln!(out, "      <error message=\"{}\" type=\"{code}\">{body}</error>", attribute(&first))?;
        }
        Verdict::Skip => {
            let message = outcome.message.as_deref().unwrap_or("skipped");
            writeln!(out, "      <skipped message=\"{}\"/>", attribute(message))?;
        }
    }
    writeln!(out, "    </testcase>")
}

fn analyzer_case(
    report: &Report<'_>,
    position: usize,
    analyzer: &AnalyzerOutcome,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = format!("Analyzer_{}: {}", position + 1, cut(&analyzer.analyzer, NAME));
    let class = attribute(&class(report.ruleset));
    writeln!(out, "    <testcase name=\"{}\" classname=\"{class}\">", attribute(&name))?;
    if let Some(message) = &analyzer.message {
        let help = analyzer.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
        let body = content(&format!("{}\n{message}{help}", analyzer.analyzer));
        writeln!(out, "      <error message=\"{}\" type=\"no_value\">{body}</error>", attribute(&first_line(message)))?;
    }
    let metrics: Vec<_> = analyzer.metrics.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if !metrics.is_empty() {
        writeln!(out, "      <system-out>{}</system-out>", content(&metrics.join("\n")))?;
    }
    writeln!(out, "    </testcase>")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").to_string()
}

/// The ruleset's name without its directory: dots and slashes would become packages.
fn class(ruleset: &str) -> String {
    match Path::new(ruleset).file_stem() {
        Some(stem) if ruleset != "-" => stem.to_string_lossy().into_owned(),
        _ => "stdin".into(),
    }
}

/// Text between quotes: line ends would become blanks there.
pub(super) fn attribute(text: &str) -> String {
    content(text).replace('\t', "&#9;").replace('\n', "&#10;")
}

/// Text between tags. Characters that XML 1.0 cannot hold, not even as references, are spelt out.
pub(super) fn content(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(character.escape_unicode()),
            _ if character.is_control() => escaped.extend(character.escape_unicode()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use super::*;

    #[test]
    fn characters_that_xml_cannot_hold_are_spelt_out() {
        assert_eq!(
            content("a<b>&\"'\u{0}\u{1b}\u{ffff}\r\n"),
            "a&lt;b&gt;&amp;&quot;&apos;\\u{0}\\u{1b}\\u{ffff}&#13;\n"
        );
        assert_eq!(attribute("a\nb\tc"), "a&#10;b&#9;c");
        assert_eq!(content("]]>"), "]]&gt;");
    }

    #[test]
    fn every_rule_is_a_case_and_operands_stand_in_the_text() {
        let rules = "Rules = [\n RowCount = 1,\n (RowCount = 1) and (RowCount = 7),\n IsComplete \"zz\" ]";
        let (run, lines) = checked(rules, b"a\n1\n");
        let xml = written("junit", &run, &lines, "rules/shop.dqdl");
        assert!(
            xml.contains("<testsuites name=\"dq\" tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\">"),
            "{xml}"
        );
        assert!(xml.contains("classname=\"shop\" file=\"rules/shop.dqdl\" line=\"3\""), "{xml}");
        assert!(xml.contains("type=\"FAIL\">(RowCount = 1) AND (RowCount = 7)\n"), "{xml}");
        assert!(xml.contains("FAIL  RowCount = 7\n"), "{xml}");
        assert!(xml.contains("type=\"unknown_column\""), "{xml}");
        assert!(!xml.contains(" time="), "{xml}");
    }
}
