//! Workflow commands of GitHub: an annotation per finding, at its line of the new version.
//! GitHub shows ten errors, ten warnings and ten notices of a step; the log has all.

use super::{Report, acceptance, circumstances, counts, facts, old_spot, sentence, verdict};
use crate::compat::finding::Severity;
use crate::compat::gate::Entry;
use crate::error::escape_controls;
use crate::report::finding::{cut, path};
use crate::report::github::{data, property};
use std::io::{self, Write};

/// Characters of a message; GitHub cuts longer ones somewhere.
const MESSAGE: usize = 4_000;

/// Characters of a title.
const TITLE: usize = 200;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for entry in &report.run.entries {
        writeln!(out, "{}", command(entry))?;
    }
    // Our own word comes first: what follows is taken for no command.
    writeln!(out, "{} {}; {}", verdict(report), counts(report.run), escape_controls(&facts(report.run)))
}

fn command(entry: &Entry) -> String {
    let word = match entry.finding.severity {
        // What is accepted is told, not held up.
        _ if entry.accepted.is_some() => "notice",
        Severity::Information => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut properties = Vec::new();
    if let Some(file) = entry.place.file.as_deref().and_then(path) {
        properties.push(format!("file={}", property(&escape_controls(&file))));
        if let Some((line, column)) = entry.place.start {
            properties.push(format!("line={line}"));
            // Columns say something within one line only.
            if let Some((_, end)) = entry.place.end.filter(|end| end.0 == line && end.1 > column) {
                properties.push(format!("endLine={line},col={column},endColumn={end}"));
            }
        }
    }
    let name = if entry.schema.is_empty() { String::new() } else { format!(" {}", entry.schema) };
    let title = format!("{}{name}", entry.finding.kind.name());
    properties.push(format!("title={}", property(&cut(&escape_controls(&title), TITLE))));
    let mut lines = vec![sentence(entry)];
    lines.extend(circumstances(entry));
    lines.extend(old_spot(entry).map(|old| format!("before: {old}")));
    lines.extend(entry.finding.hint.as_ref().map(|hint| format!("help: {hint}")));
    lines.extend(acceptance(entry));
    let lines: Vec<String> = lines.iter().map(|line| escape_controls(line)).collect();
    format!("::{word} {}::{}", properties.join(","), data(&cut(&lines.join("\n"), MESSAGE)))
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};

    #[test]
    fn every_finding_is_one_line_at_its_place() {
        let mut run = run();
        run.entries[1].schema = "a\n::error::x".into();
        let text = written("github", &run);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        let start =
            "::error file=schemas/user.avsc,line=3,endLine=3,col=5,endColumn=9,title=TYPE_MISMATCH shop.User::the";
        assert!(lines[0].starts_with(start), "{text}");
        assert!(lines[2].starts_with("::notice ") && lines[2].contains("accepted, until 2027-01-31"), "{text}");
        assert!(lines[3].starts_with("FAIL 1 error"), "{text}");
    }
}
