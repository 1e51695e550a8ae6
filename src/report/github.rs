//! Workflow commands of GitHub: one annotation per rule that did not pass, at its line of the
//! ruleset. GitHub shows ten errors, ten warnings and ten notices of a step; the log has all.

use super::Report;
use super::finding::{Finding, Severity, cut, findings, path};
use super::text::{counted, explained, facts};
use crate::error::escape_controls;
use std::io::{self, Write};

/// Characters of a message; GitHub cuts longer ones somewhere.
const MESSAGE: usize = 4_000;

/// Characters of a title.
const TITLE: usize = 200;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings(report) {
        writeln!(out, "{}", command(report, &finding))?;
    }
    let (overall, counts) = counted(report.run);
    // Words of our own and numbers: none of it is taken for a command.
    writeln!(out, "{} {counts}; {}", overall.as_str(), facts(report))
}

fn command(report: &Report<'_>, finding: &Finding<'_>) -> String {
    let word = match finding.severity {
        Severity::Information => "notice",
        Severity::Minor => "warning",
        Severity::Major | Severity::Critical | Severity::Blocker => "error",
    };
    let mut properties = Vec::new();
    if let Some(path) = path(report.ruleset) {
        let ((line, column), (end_line, end_column)) = (finding.start, finding.end);
        properties.push(format!("file={}", property(&path)));
        properties.push(format!("line={line}"));
        properties.push(format!("endLine={end_line}"));
        // Columns say something within one line only.
        if line == end_line && end_column > column {
            properties.push(format!("col={column}"));
            properties.push(format!("endColumn={end_column}"));
        }
    }
    let title = format!("{}: {}", finding.name, cut(&escape_controls(finding.rule), TITLE));
    properties.push(format!("title={}", property(&title)));
    let text =
        finding.outcome.map_or(finding.explanation.clone(), |outcome| explained(outcome, &report.run.files, true));
    let text = if text.is_empty() { finding.verdict.as_str().to_string() } else { text };
    format!("::{word} {}::{}", properties.join(","), data(&cut(&text, MESSAGE)))
}

/// Text behind the second `::`.
pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, between commas.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use super::*;

    #[test]
    fn what_ends_a_property_or_a_command_is_escaped() {
        assert_eq!(data("100 %\r\n::error::x"), "100 %25%0D%0A::error::x");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn every_finding_is_one_line_and_the_summary_is_no_command() {
        let rules = "Rules = [\n RowCount = 1,\n ColumnValues \"a\" in [\"x\"] labels=[\"severity\"=\"minor\"],\n RowCount = 7 ]";
        let (run, lines) = checked(rules, b"a\n\"::error file=x::y\n::warning::z\"\n");
        let text = written("github", &run, &lines, "rules/shop,1.dqdl");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("::warning file=rules/shop%2C1.dqdl,line=3,endLine=3,col=2,"), "{text}");
        assert!(lines[1].starts_with("::error file=rules/shop%2C1.dqdl,line=4,"), "{text}");
        assert!(lines[1].contains("title=Rule_3%3A RowCount = 7::observed: "), "{text}");
        assert!(lines[2].starts_with("FAIL 1 passed, 2 failed"), "{text}");
    }

    #[test]
    fn rules_from_standard_input_have_no_file() {
        let (run, lines) = checked("Rules = [ RowCount = 7 ]", b"a\n1\n");
        assert!(written("github", &run, &lines, "-").starts_with("::error title=Rule_1%3A RowCount = 7::"));
    }
}
