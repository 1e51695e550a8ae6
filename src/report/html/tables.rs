//! All rules, and what analyzers measured.

use super::card::has_card;
use super::markup::{badge, escape, lines, numbers, short, table, word, words};
use super::sentence::sentence;
use super::spread::spreads;
use crate::check::{AnalyzerOutcome, Run};
use crate::report::Report;
use crate::report::text::{grouped, past_notes};
use crate::scorecard::dimensions;
use crate::verdict::Verdict;

/// Rows of the table of rules.
const RULES: usize = 2_000;

/// Analyzers, and lines of all of them together.
const ANALYZERS: usize = 200;
const LINES: usize = 10_000;

/// Lines that a distribution takes, at most.
const SPREAD: usize = 24;

/// Characters of a rule's text, of a sentence, of a name.
const TEXT: usize = 300;

pub(super) fn rules(report: &Report<'_>) -> String {
    let outcomes = &report.run.outcomes;
    if outcomes.is_empty() {
        return String::new();
    }
    let (mut rows, mut ranks) = (String::new(), std::collections::HashMap::new());
    for (position, outcome) in outcomes.iter().take(RULES).enumerate() {
        let rank = ranks.entry(outcome.verdict).or_insert(0_usize);
        let number = position + 1;
        let name = if has_card(outcome.verdict, *rank) {
            format!("<a href=\"#rule-{number}\">Rule_{number}</a>")
        } else {
            format!("Rule_{number}")
        };
        *rank += 1;
        let broken = outcome.operands.iter().any(|operand| operand.verdict == Verdict::Error);
        // A composite can pass without knowing all of its parts.
        let mut note = String::new();
        if broken && outcome.verdict == Verdict::Pass {
            note.push_str(" A part could not be evaluated.");
        }
        // A rule that passes has no card that says what it was compared with, and how much of the past is known.
        let evaluated = outcome.evaluated.as_ref().map_or_else(String::new, |text| {
            format!(" <span class=\"muted\">evaluated as</span> <code>{}</code>", short(text, TEXT))
        });
        for line in past_notes(outcome) {
            note.push_str(&format!(" {}.", short(line, TEXT)));
        }
        let judges = dimensions(outcome).iter().map(|dimension| dimension.name()).collect::<Vec<_>>().join(", ");
        rows.push_str(&format!(
            "<tr><th scope=\"row\">{name}</th><td>{}</td><td><code>{}</code>{evaluated}</td><td>{}{note}</td>\
             <td>{judges}</td>\
             <td class=\"number\">{}</td></tr>\n",
            badge(outcome.verdict),
            short(&outcome.rule, TEXT),
            short(&sentence(outcome), TEXT),
            report.lines.position(outcome.span.start).0
        ));
    }
    let mut caption = format!("{} rules in the order of the ruleset", grouped(outcomes.len() as u64));
    if outcomes.len() > RULES {
        caption.push_str(&format!("; the first {} are shown", grouped(RULES as u64)));
    }
    let mut heads = ["Name", "Verdict", "Rule", "What was seen", "Dimension"].map(words).to_vec();
    heads.push(numbers("Line"));
    table("Table of all rules", &caption, &heads, &rows)
}

pub(super) fn analyzers(run: &Run) -> String {
    let mut room = LINES;
    let shown = run.analyzers.iter().take(ANALYZERS).enumerate();
    let mut all: String = shown.map(|(position, one)| analyzer(position + 1, one, &mut room)).collect();
    if run.analyzers.len() > ANALYZERS {
        all.push_str(&format!(
            "<p class=\"muted\">{} more are in the JSON report.</p>\n",
            grouped((run.analyzers.len() - ANALYZERS) as u64)
        ));
    }
    all
}

/// One analyzer; what measures much is folded. `room` is how many lines the page still takes.
fn analyzer(number: usize, analyzer: &AnalyzerOutcome, room: &mut usize) -> String {
    let name = short(&analyzer.analyzer, TEXT);
    let mut body = String::new();
    if let Some(message) = &analyzer.message {
        body.push_str(&format!("<p class=\"message\">{} {}</p>\n", badge(Verdict::Error), lines(message, TEXT * 4)));
    }
    if let Some(help) = &analyzer.help {
        body.push_str(&format!("<p class=\"help\"><strong>Help:</strong> {}</p>\n", lines(help, TEXT * 4)));
    }
    let metrics = analyzer.metrics.len().min(*room);
    *room -= metrics;
    if metrics > 0 {
        let rows: String = analyzer
            .metrics
            .iter()
            .take(metrics)
            .map(|(metric, value)| {
                format!(
                    "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td></tr>\n",
                    short(metric, TEXT),
                    escape(&value.to_string())
                )
            })
            .collect();
        let caption = format!("{} {}", grouped(metrics as u64), word(metrics as u64, "metric", "metrics"));
        body.push_str(&table(
            &format!("Metrics of analyzer {number}"),
            &caption,
            &[words("Metric"), numbers("Value")],
            &rows,
        ));
    }
    let distributions = analyzer.distributions.len().min(*room / SPREAD);
    *room -= distributions * SPREAD;
    spreads(analyzer).take(distributions).for_each(|(metric, spread)| body.push_str(&spread.listed(number, metric)));
    let left = analyzer.metrics.len() + analyzer.distributions.len() - metrics - distributions;
    if left > 0 {
        body.push_str(&format!(
            "<p class=\"muted\">{} more {} in the JSON report.</p>\n",
            grouped(left as u64),
            word(left as u64, "is", "are")
        ));
    }
    let open = if analyzer.metrics.len() + analyzer.distributions.len() <= 3 { " open" } else { "" };
    format!("<details{open}>\n<summary><code>{name}</code></summary>\n{body}</details>\n")
}
