//! For people: what counts first, one block a finding, its place first as compilers put it.

use super::{Report, acceptance, circumstances, counts, facts, old_spot, sentence, spot, verdict};
use crate::compat::finding::Severity;
use crate::compat::gate::Entry;
use crate::error::escape_controls;
use crate::report::text::wrapped;
use std::io::{self, Write};

/// Characters of an example.
const EXAMPLE: usize = 300;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for entry in &report.run.entries {
        block(report, entry, out)?;
    }
    let word = verdict(report);
    let colour = match word {
        "PASS" => "32",
        "FAIL" => "1;31",
        _ => "1;33",
    };
    writeln!(out, "{} {}", paint(report, colour, &format!("{word:<5}")), counts(report.run))?;
    writeln!(out, "      {}", escape_controls(&facts(report.run)))
}

fn block(report: &Report<'_>, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let finding = &entry.finding;
    let colour = match finding.severity {
        _ if entry.accepted.is_some() => "2",
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Information => "1;36",
    };
    let label = paint(report, colour, &format!("{}[{}]", finding.severity.as_str(), finding.kind.name()));
    // The first line is one line, however long: tools take the place from it.
    writeln!(out, "{}: {label} {}", escape_controls(&spot(&entry.place)), escape_controls(&sentence(entry)))?;
    let mut lines = Vec::new();
    if !entry.schema.is_empty() && finding.location != "/" {
        lines.push(format!("at {} of {}", finding.location, entry.schema));
    }
    lines.extend(circumstances(entry));
    lines.extend(old_spot(entry).map(|old| format!("before: {old}")));
    lines.extend(
        finding
            .example
            .as_ref()
            .map(|example| format!("example: {}", crate::report::finding::cut(&example.to_string(), EXAMPLE))),
    );
    lines.extend(finding.hint.as_ref().map(|hint| format!("help: {hint}")));
    lines.extend(acceptance(entry));
    for line in lines {
        for part in wrapped(&line, report.style.width.saturating_sub(2)) {
            writeln!(out, "  {part}")?;
        }
    }
    Ok(())
}

fn paint(report: &Report<'_>, code: &str, text: &str) -> String {
    if report.style.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};

    #[test]
    fn findings_stand_with_their_place_first_and_what_counts_before_what_is_accepted() {
        let text = written("text", &run());
        let first = text.lines().next().unwrap_or("");
        assert!(first.starts_with("schemas/user.avsc:3:5: error[TYPE_MISMATCH] the writer's type"), "{text}");
        assert!(text.contains("\n  BACKWARD: reading data of v1.avsc\n  before: v1.avsc:2:7\n"), "{text}");
        assert!(text.contains("\n  help: keep the type\n"), "{text}");
        assert!(text.find("error[TYPE_MISMATCH]") < text.find("accepted, until 2027-01-31: agreed"), "{text}");
        assert!(
            text.ends_with(
                "FAIL  1 error, 1 note, 1 accepted\n      1 schema against v1.avsc, BACKWARD, 1 comparison\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn hostile_names_move_no_cursor() {
        let mut run = run();
        run.against = "\u{1b}[2J".into();
        for entry in &mut run.entries {
            entry.schema = "a\u{1b}[31m\n\u{202e}".into();
            entry.place.file = Some("a\nb\u{1b}.avsc".into());
        }
        let text = written("text", &run);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        assert!(text.starts_with("a\\u{a}b\\u{1b}.avsc:3:5: "), "{text}");
    }
}
