//! Markdown for job summaries and comments of GitHub and GitLab.
//!
//! Everything that comes from rules or data stands in code, where neither links nor mentions
//! nor HTML work; the only HTML is written here.

use super::Report;
use super::finding::cut;
use super::text::{counted, explained, facts, observed, samples};
use crate::sample::Samples;
use crate::verdict::{Outcome, Verdict};
use std::io::{self, Write};
use std::path::PathBuf;

/// Characters of a cell; the ruleset has the whole rule.
const CELL: usize = 300;

/// Lines of a message in a cell.
const LINES: usize = 6;

/// Bytes behind which nothing more is shown: GitHub refuses summaries of more than 1 MiB.
const LONGEST: usize = 900 << 10;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(document(report).as_bytes())
}

fn document(report: &Report<'_>) -> String {
    let run = report.run;
    let (overall, counts) = counted(run);
    let mut text = format!("## {}: {counts}\n\n", overall.as_str());
    text.push_str(&format!("{}: {}\n", code(&cut(report.ruleset, CELL)), facts(report)));
    for note in &run.notes {
        text.push_str(&format!("\n- {}\n", code(&cut(note, CELL))));
    }
    let mut rest = 0;
    let mut add = |text: &mut String, part: String| {
        if text.len() + part.len() <= LONGEST {
            text.push_str(&part);
        } else {
            rest += 1;
        }
    };
    let numbered = || run.outcomes.iter().enumerate().map(|(position, outcome)| (position + 1, outcome));
    let bad = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Fail | Verdict::Error);
    if run.outcomes.iter().any(bad) {
        text.push_str("\n| | Rule | Line | Expected | Observed |\n|---|---|--:|---|---|\n");
        for verdict in [Verdict::Error, Verdict::Fail] {
            for (number, outcome) in numbered().filter(|(_, outcome)| outcome.verdict == verdict) {
                add(&mut text, row(report, number, outcome));
            }
        }
    }
    for (number, outcome) in numbered().filter(|(_, outcome)| bad(outcome)) {
        if let Some(samples) = outcome.samples.as_ref().filter(|samples| !samples.rows.is_empty()) {
            add(&mut text, rows(&format!("Rule_{number}"), samples, &run.files));
        }
        // Rows of a composite stand with its operands, which may be composites too.
        let mut operands: Vec<&Outcome> = outcome.operands.iter().rev().collect();
        while let Some(operand) = operands.pop() {
            operands.extend(operand.operands.iter().rev());
            if let Some(samples) = operand.samples.as_ref().filter(|samples| !samples.rows.is_empty()) {
                let name = format!("Rule_{number}, {}", html_code(&cut(&operand.rule, CELL)));
                add(&mut text, rows(&name, samples, &run.files));
            }
        }
    }
    if report.style.show_all && run.outcomes.iter().any(|outcome| !bad(outcome)) {
        let mut table = "\n<details><summary>Other rules</summary>\n\n| | Rule | Line | Expected | Observed |\n\
                         |---|---|--:|---|---|\n"
            .to_string();
        numbered()
            .filter(|(_, outcome)| !bad(outcome))
            .for_each(|(number, outcome)| table.push_str(&row(report, number, outcome)));
        table.push_str("\n</details>\n");
        add(&mut text, table);
    }
    if !run.analyzers.is_empty() {
        add(&mut text, analyzers(report));
    }
    if rest > 0 {
        let (parts, are) = if rest == 1 { ("part", "is") } else { ("parts", "are") };
        text.push_str(&format!("\n{rest} more {parts} of the report {are} too long to be shown here.\n"));
    }
    text
}

fn row(report: &Report<'_>, number: usize, outcome: &Outcome) -> String {
    let (line, _) = report.lines.position(outcome.span.start);
    let seen = match observed(outcome) {
        Some(observed) if outcome.message.is_none() && outcome.operands.is_empty() => observed,
        _ => explained(outcome, &report.run.files, false),
    };
    let mut lines: Vec<_> = seen
        .lines()
        .take(LINES)
        .map(|line| line.strip_prefix("observed: ").unwrap_or(line))
        .map(|line| code(&cut(line, CELL)))
        .collect();
    match seen.lines().count().saturating_sub(LINES) {
        0 => {}
        more => lines.push(format!("... {more} more lines")),
    }
    format!(
        "| {} | Rule_{number} | {line} | {} | {} |\n",
        outcome.verdict.as_str(),
        code(&cut(&outcome.rule, CELL)),
        lines.join("<br>")
    )
}

/// Failing rows behind a heading that unfolds them; `name` is Markdown or HTML already.
fn rows(name: &str, found: &Samples, files: &[PathBuf]) -> String {
    let columns = samples::columns(&found.rows, files);
    let mut text = format!(
        "\n<details><summary>{name}: {} of {} failing {}</summary>\n\n",
        found.rows.len(),
        found.failing,
        if found.failing == 1 { "row" } else { "rows" }
    );
    for column in &columns {
        text.push_str(&format!("| {} ", code(&column.head)));
    }
    text.push_str("|\n");
    for column in &columns {
        text.push_str(if column.right { "|--:" } else { "|---" });
    }
    text.push_str("|\n");
    for position in 0..found.rows.len() {
        for column in &columns {
            text.push_str(&format!("| {} ", column.cells.get(position).map_or(String::new(), |cell| code(cell))));
        }
        text.push_str("|\n");
    }
    text.push_str("\n</details>\n");
    text
}

fn analyzers(report: &Report<'_>) -> String {
    let mut text =
        "\n<details><summary>Analyzers</summary>\n\n| Analyzer | Metric | Value |\n|---|---|--:|\n".to_string();
    for analyzer in &report.run.analyzers {
        let name = code(&cut(&analyzer.analyzer, CELL));
        if let Some(message) = &analyzer.message {
            text.push_str(&format!("| {name} | ERROR | {} |\n", code(&cut(message, CELL))));
        }
        for (metric, value) in &analyzer.metrics {
            text.push_str(&format!("| {name} | {} | {value} |\n", code(&cut(metric, CELL))));
        }
        for (metric, distribution, _) in &analyzer.distributions {
            let parts = distribution.counts.len();
            text.push_str(&format!("| {name} | {} | {parts} bins or values |\n", code(&cut(metric, CELL))));
        }
    }
    text.push_str("\n</details>\n");
    text
}

/// Text as code, in a table or elsewhere. In a code span nothing has a meaning but backticks, which
/// more backticks enclose; a bar would end the cell even there, so such texts are HTML.
pub(super) fn code(text: &str) -> String {
    let text = crate::error::escape_controls(text);
    if text.is_empty() {
        return String::new();
    }
    if text.contains('|') {
        return html_code(&text);
    }
    let longest = text.split(|character: char| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One blank on each side is taken away where there is one on both.
    let blank = text.starts_with(' ') && text.ends_with(' ') && text.trim() != "";
    let pad = if text.starts_with('`') || text.ends_with('`') || blank { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text as code in HTML: all punctuation becomes references, which mean nothing to Markdown either.
fn html_code(text: &str) -> String {
    let mut escaped = String::from("<code>");
    for character in crate::error::escape_controls(text).chars() {
        if character.is_ascii_punctuation() {
            escaped.push_str(&format!("&#{};", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped.push_str("</code>");
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::finding::examples::{checked, written};
    use super::*;

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a``"), "``` `a`` ```");
        assert_eq!(code("<script>[x](http://y)\n"), "`<script>[x](http://y)\\u{a}`");
        assert_eq!(code("a|b\\|`"), "<code>a&#124;b&#92;&#124;&#96;</code>");
        assert_eq!(code(" a "), "`  a  `");
        assert_eq!(code(""), "");
        assert_eq!(html_code("</code><b>@me"), "<code>&#60;&#47;code&#62;&#60;b&#62;&#64;me</code>");
    }

    #[test]
    fn failures_stand_in_a_table_with_their_rows_below() {
        let rules = "Rules = [\n RowCount = 2,\n ColumnValues \"a\" in [\"x\"],\n IsComplete \"zz\" ]";
        let (run, lines) = checked(rules, b"a\n</details><script>|`\nx\n");
        let text = written("markdown", &run, &lines, "shop.dqdl");
        assert!(text.starts_with("## ERROR: 1 passed, 1 failed, 1 could not be evaluated, score 33.33 %\n"), "{text}");
        assert!(
            text.contains("| FAIL | Rule_2 | 3 | `ColumnValues \"a\" in [\"x\"]` | `1 of 2 rows satisfy"),
            "{text}"
        );
        assert!(text.contains("<details><summary>Rule_2: 1 of 1 failing row</summary>"), "{text}");
        assert!(!text.contains("<script") && text.matches("</details>").count() == 1, "{text}");
        assert!(text.find("| ERROR |") < text.find("| FAIL |"), "{text}");
    }
}
