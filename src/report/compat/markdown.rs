//! Markdown for job summaries and comments of GitHub and GitLab. What comes from schemas stands in code.

use super::{Report, acceptance, circumstances, counts, facts, sentence, spot, verdict};
use crate::compat::gate::Entry;
use crate::report::finding::cut;
use crate::report::markdown::code;
use std::io::{self, Write};

/// Characters of a cell.
const CELL: usize = 300;

/// Bytes behind which nothing more is shown: GitHub refuses summaries of more than 1 MiB.
const LONGEST: usize = 900 << 10;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let mut text = format!("## {}: {}\n\n{}\n", verdict(report), counts(run), code(&cut(&facts(run), CELL)));
    let mut rest = 0;
    for (title, accepted) in [("", false), ("Accepted", true)] {
        let entries: Vec<&Entry> = run.entries.iter().filter(|entry| entry.accepted.is_some() == accepted).collect();
        if entries.is_empty() {
            continue;
        }
        if accepted {
            text.push_str(&format!("\n<details><summary>{title}: {}</summary>\n", entries.len()));
        }
        text.push_str("\n| | Finding | Place | What |\n|---|---|---|---|\n");
        for entry in entries {
            let row = row(entry);
            if text.len() + row.len() <= LONGEST {
                text.push_str(&row);
            } else {
                rest += 1;
            }
        }
        if accepted {
            text.push_str("\n</details>\n");
        }
    }
    if rest > 0 {
        text.push_str(&format!("\n{rest} more findings are too many to be shown here.\n"));
    }
    out.write_all(text.as_bytes())
}

fn row(entry: &Entry) -> String {
    let finding = &entry.finding;
    let mut lines = vec![sentence(entry)];
    lines.extend(circumstances(entry));
    lines.extend(finding.hint.as_ref().map(|hint| format!("help: {hint}")));
    lines.extend(acceptance(entry));
    let lines: Vec<String> = lines.iter().map(|line| code(&cut(line, CELL))).collect();
    format!(
        "| {} | {} | {} | {} |\n",
        finding.severity.as_str(),
        code(finding.kind.name()),
        code(&cut(&spot(&entry.place), CELL)),
        lines.join("<br>")
    )
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};

    #[test]
    fn findings_stand_in_a_table_and_names_mean_nothing_to_markdown() {
        let mut run = run();
        run.entries[0].finding.message = "a|b <script>`@me".into();
        let text = written("markdown", &run);
        assert!(text.starts_with("## FAIL: 1 error, 1 note, 1 accepted\n"), "{text}");
        assert!(text.contains("| error | `TYPE_MISMATCH` | `schemas/user.avsc:3:5` | <code>"), "{text}");
        assert!(!text.contains("<script") && text.contains("<details><summary>Accepted: 1</summary>"), "{text}");
    }
}
