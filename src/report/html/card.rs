//! Rules that failed or could not be evaluated, one card each.

use super::markup::{badge, class, escape, lines, short};
use super::samples::samples;
use super::scale::compared;
use super::sentence::sentence;
use crate::report::Report;
use crate::report::text::{grouped, plain};
use crate::verdict::{Outcome, Verdict};

/// Cards of one kind; the table of all rules has the others.
const CARDS: usize = 100;

/// Characters of a rule's text, and of all lines of its message.
const TEXT: usize = 2_000;

/// Parts of a composite that are shown one by one.
const OPERANDS: usize = 20;

/// Labels of a rule, and characters of each.
const LABELS: (usize, usize) = (12, 80);

/// Comparisons of a rule that are shown.
const COMPARED: usize = 4;

/// The cards of all rules with a verdict; nothing when there are none.
pub(super) fn section(report: &Report<'_>, verdict: Verdict) -> String {
    let all = report.run.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.verdict == verdict);
    let mut cards: String = all.take(CARDS).map(|(position, outcome)| card(report, position, outcome)).collect();
    let count = report.run.count(verdict);
    if count > CARDS {
        cards.push_str(&format!(
            "<p class=\"muted\">{} more are in the table of <a href=\"#rules\">all rules</a>; \
             the JSON report has all of each.</p>\n",
            grouped((count - CARDS) as u64)
        ));
    }
    cards
}

/// Whether the rule of this position among those of its verdict has a card.
pub(super) fn has_card(verdict: Verdict, rank: usize) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Error) && rank < CARDS
}

fn card(report: &Report<'_>, position: usize, outcome: &Outcome) -> String {
    let number = position + 1;
    let name = format!("Rule_{number}");
    let (line, _) = report.lines.position(outcome.span.start);
    let labels: String = outcome
        .labels
        .iter()
        .take(LABELS.0)
        .map(|(key, value)| format!("<li>{}: {}</li>", short(key, LABELS.1), short(value, LABELS.1)))
        .collect();
    let labels = if labels.is_empty() { labels } else { format!("<ul class=\"labels\">{labels}</ul>\n") };
    let operands = if outcome.operands.is_empty() { String::new() } else { operands(report, &name, outcome) };
    format!(
        "<article class=\"card {class}\" id=\"rule-{number}\" aria-labelledby=\"rule-{number}-title\">\n\
         <h3 id=\"rule-{number}-title\">{badge} Rule_{number} <span class=\"type\">{rule_type}</span></h3>\n\
         <p class=\"sentence\">{sentence}</p>\n\
         <figure class=\"source\"><pre><code>{rule}</code></pre>\
         <figcaption>{ruleset}, line {line}</figcaption></figure>\n{evaluated}{labels}{details}{operands}</article>\n",
        class = class(outcome.verdict),
        badge = badge(outcome.verdict),
        rule_type = escape(outcome.rule_type.unwrap_or("Composite")),
        sentence = short(&sentence(outcome), TEXT),
        rule = lines(&outcome.rule, TEXT),
        evaluated = evaluated(outcome),
        ruleset = escape(if report.ruleset == "-" { "standard input" } else { report.ruleset }),
        details = details(report, &name, outcome),
    )
}

/// The rule with numbers in place of past values.
fn evaluated(outcome: &Outcome) -> String {
    let text = outcome.evaluated.as_ref();
    text.map_or_else(String::new, |text| format!("<p>Evaluated as <code>{}</code></p>\n", short(text, TEXT)))
}

/// Scale, message, help and rows of what has this name.
fn details(report: &Report<'_>, name: &str, outcome: &Outcome) -> String {
    let mut details = String::new();
    let unmet = outcome.compared.iter().filter(|one| !one.met && outcome.verdict == Verdict::Fail);
    unmet.take(COMPARED).for_each(|one| details.push_str(&compared(one)));
    let message = message(outcome);
    if !message.is_empty() {
        details.push_str(&format!("<p class=\"message\">{}</p>\n", lines(&message, TEXT)));
    }
    if let Some(help) = &outcome.help {
        details.push_str(&format!("<p class=\"help\"><strong>Help:</strong> {}</p>\n", lines(help, TEXT)));
    }
    if let Some(found) = outcome.samples.as_ref().filter(|found| found.failing > 0) {
        details.push_str(&samples(found, &report.run.files, name));
    }
    details
}

/// The lines of a message that say more than the sentence and the scale.
fn message(outcome: &Outcome) -> String {
    // Those of the operands stand there with the operands.
    if !outcome.operands.is_empty() {
        return String::new();
    }
    let sentence = sentence(outcome);
    let said = |line: &str| {
        sentence == plain(line)
            || (!outcome.compared.is_empty()
                && line.starts_with("Value: ")
                && !line.contains("NULL")
                && !line.contains("NaN"))
    };
    let message = outcome.message.as_deref().unwrap_or("");
    message.lines().filter(|line| !said(line)).map(plain).collect::<Vec<_>>().join("\n")
}

/// The parts of a composite of this name.
fn operands(report: &Report<'_>, name: &str, outcome: &Outcome) -> String {
    let mut list = String::from("<ul class=\"operands\">\n");
    for (position, operand) in outcome.operands.iter().take(OPERANDS).enumerate() {
        let name = format!("{name}, part {}", position + 1);
        list.push_str(&format!(
            "<li class=\"{}\">\n<p>{} <code>{}</code></p>\n<p class=\"sentence\">{}</p>\n",
            class(operand.verdict),
            badge(operand.verdict),
            short(&operand.rule, TEXT / 4),
            short(&sentence(operand), TEXT / 4)
        ));
        list.push_str(&evaluated(operand));
        if operand.verdict != Verdict::Pass {
            list.push_str(&details(report, &name, operand));
            if !operand.operands.is_empty() {
                list.push_str(&operands(report, &name, operand));
            }
        }
        list.push_str("</li>\n");
    }
    list.push_str("</ul>\n");
    if outcome.operands.len() > OPERANDS {
        list.push_str(&format!("<p class=\"muted\">{} more parts</p>\n", outcome.operands.len() - OPERANDS));
    }
    list
}
