//! Pieces of markup, and the one way into it for texts from outside.

use crate::error::escape_controls;
use crate::report::text::grouped;
use crate::verdict::Verdict;

/// Text for elements and for attributes in quotes; control and direction-changing characters are shown as escapes.
pub(super) fn escape(text: &str) -> String {
    let text = escape_controls(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text of several lines, cut to a number of characters; what was cut is counted.
pub(super) fn lines(text: &str, most: usize) -> String {
    let (kept, rest) = cut(text, most);
    let escaped: Vec<_> =
        kept.split('\n').map(|line| escape(&line.strip_suffix('\r').unwrap_or(line).replace('\t', "    "))).collect();
    let rest = if rest > 0 { format!("... {} more characters", grouped(rest)) } else { String::new() };
    escaped.join("\n") + &rest
}

/// Text of one line, cut to a number of characters.
pub(super) fn short(text: &str, most: usize) -> String {
    let (kept, rest) = cut(text, most);
    escape(kept) + if rest > 0 { "..." } else { "" }
}

/// The first characters, and how many are left out.
fn cut(text: &str, most: usize) -> (&str, u64) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (&text[..end], text[end..].chars().count() as u64),
        None => (text, 0),
    }
}

/// One or many.
pub(super) fn word(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// The class of what has a verdict.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
        Verdict::Skip => "skip",
    }
}

/// A verdict in its colour.
pub(super) fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {}\">{}</span>", class(verdict), verdict.as_str())
}

/// Parts of a bar that are not empty are this wide at least, of 100: a failure is seen.
const LEAST: f64 = 2.0;

/// Widths out of 100 in the proportion of counts, none of which vanishes.
pub(super) fn widths(counts: &[u64]) -> Vec<f64> {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let wide = |count: &u64| if total == 0 { 0.0 } else { *count as f64 * 100.0 / total as f64 };
    let least = |(count, width): (&u64, f64)| if *count > 0 { width.max(LEAST) } else { 0.0 };
    let mut widths: Vec<f64> = counts.iter().map(|count| least((count, wide(count)))).collect();
    let excess = widths.iter().sum::<f64>() - 100.0;
    if total > 0
        && let Some(widest) = widths.iter_mut().max_by(|one, other| one.total_cmp(other))
    {
        *widest -= excess;
    }
    widths
}

/// A bar of parts side by side. The text beside it says the same.
pub(super) fn bar(parts: &[(&str, u64)]) -> String {
    let counts: Vec<u64> = parts.iter().map(|(_, count)| *count).collect();
    let mut bar = String::from(
        "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"empty\" width=\"100\" height=\"6\"/>",
    );
    let mut at = 0.0;
    for ((class, _), width) in parts.iter().zip(widths(&counts)) {
        if width > 0.0 {
            bar.push_str(&format!("<rect class=\"{class}\" x=\"{at:.2}\" width=\"{width:.2}\" height=\"6\"/>"));
        }
        at += width;
    }
    bar.push_str("</svg>");
    bar
}

/// The head of a column of words.
pub(super) fn words(head: &str) -> String {
    format!("<th scope=\"col\">{head}</th>")
}

/// The head of a column of numbers.
pub(super) fn numbers(head: &str) -> String {
    format!("<th scope=\"col\" class=\"number\">{head}</th>")
}

/// A table that can be scrolled by keyboard where it is wider than the page. Label, caption and heads are markup.
pub(super) fn table(label: &str, caption: &str, heads: &[String], rows: &str) -> String {
    let heads = heads.concat();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\n<table>\n\
         <caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}
