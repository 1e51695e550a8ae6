//! Where the verdicts come from: data, ruleset, time, program.

use super::markup::{escape, lines};
use crate::error::shown;
use crate::report::Report;
use crate::report::text::{bytes_text, grouped, seconds};

/// Files and notes that are listed.
const LISTED: usize = 50;

/// Characters of a note.
const TEXT: usize = 1_000;

pub(super) fn section(report: &Report<'_>) -> String {
    let run = report.run;
    let mut facts = String::from("<dl class=\"facts\">\n");
    let mut add = |name: &str, value: String| {
        facts.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    };
    let files = run.files.iter().take(LISTED).map(|file| format!("<code>{}</code>", escape(&shown(file))));
    let mut files = files.collect::<Vec<_>>().join("<br>");
    if run.files.len() > LISTED {
        files.push_str(&format!("<br>and {} more", grouped((run.files.len() - LISTED) as u64)));
    }
    add(if run.files.len() == 1 { "File" } else { "Files" }, files);
    add("Rows", grouped(run.rows));
    add("Columns", format!("{}, {} read", grouped(run.columns as u64), grouped(run.columns_read as u64)));
    add("Size", bytes_text(run.bytes));
    add(
        "Ruleset",
        format!("<code>{}</code>", escape(if report.ruleset == "-" { "standard input" } else { report.ruleset })),
    );
    add("Started", run.started.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    if report.timed {
        add("Took", seconds(run.elapsed.as_secs_f64()));
    }
    add("Program", format!("dq {}", env!("CARGO_PKG_VERSION")));
    facts.push_str("</dl>\n");
    if !run.notes.is_empty() {
        let notes: String =
            run.notes.iter().take(LISTED).map(|note| format!("<li>{}</li>\n", lines(note, TEXT))).collect();
        facts.push_str(&format!("<h3>Notes</h3>\n<ul class=\"notes\">\n{notes}</ul>\n"));
        if run.notes.len() > LISTED {
            facts.push_str(&format!("<p class=\"muted\">and {} more notes</p>\n", run.notes.len() - LISTED));
        }
    }
    facts
}
