//! The whole run at a glance: score, counts, dimensions.

use super::markup::{bar, widths, word};
use super::scale::percent;
use crate::report::Report;
use crate::report::text::grouped;
use crate::scorecard::Scorecard;
use crate::verdict::Verdict;

/// Radius of the ring, and its length.
const RADIUS: f64 = 52.0;
const AROUND: f64 = 2.0 * std::f64::consts::PI * RADIUS;

pub(super) fn section(report: &Report<'_>, scorecard: &Scorecard) -> String {
    let run = report.run;
    let [passed, failed, errors, skipped] = [Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Skip]
        .map(|verdict| (super::markup::class(verdict), run.count(verdict) as u64));
    let judged = passed.1 + failed.1 + errors.1;
    let words = [(passed, "passed"), (failed, "failed"), (errors, "could not be evaluated"), (skipped, "skipped")];
    let counts: String = words
        .iter()
        .filter(|((class, count), _)| *count > 0 || *class == "pass")
        .map(|((class, count), what)| {
            format!(
                "<li class=\"{class}\"><strong>{}</strong> {} {what}</li>",
                grouped(*count),
                word(*count, "rule", "rules")
            )
        })
        .collect();
    let unmeasured = run.analyzers.iter().filter(|analyzer| analyzer.message.is_some()).count() as u64;
    let analyzers = match unmeasured {
        0 => String::new(),
        count => format!(
            "<li class=\"error\"><strong>{}</strong> {} without a value</li>",
            grouped(count),
            word(count, "analyzer", "analyzers")
        ),
    };
    let interrupted = if run.incomplete {
        "<p class=\"warning\"><strong>The run was interrupted</strong> before all rows were read: \
         nothing is concluded from what was seen.</p>\n"
    } else {
        ""
    };
    format!(
        "{interrupted}<div class=\"glance\">\n{ring}<div>\n<p class=\"verdict\">{verdict}</p>\n\
         <ul class=\"counts\">{counts}{analyzers}</ul>\n</div>\n{dimensions}</div>\n",
        ring = ring([passed, failed, errors], judged),
        verdict = match run.verdict() {
            Verdict::Pass => "The data satisfies every rule.",
            Verdict::Fail => "The data does not satisfy every rule.",
            Verdict::Error => "Not everything could be evaluated.",
            Verdict::Skip => "Nothing was judged.",
        },
        dimensions = dimensions(scorecard),
    )
}

/// The score as a ring of what passed, failed and could not be evaluated.
fn ring(parts: [(&str, u64); 3], judged: u64) -> String {
    let passed = parts[0].1;
    let score = if judged == 0 { "none".to_string() } else { percent(passed as f64 / judged as f64, passed == judged) };
    let said = super::markup::escape(&score);
    let mut arcs = String::new();
    let mut at = 0.0;
    for ((class, _), width) in parts.iter().zip(widths(&parts.map(|(_, count)| count))) {
        if width > 0.0 {
            let length = width / 100.0 * AROUND;
            arcs.push_str(&format!(
                "<circle class=\"{class}\" cx=\"64\" cy=\"64\" r=\"{RADIUS}\" stroke-dasharray=\"{length:.2} {AROUND:.2}\" \
                 stroke-dashoffset=\"{:.2}\"/>",
                -at / 100.0 * AROUND
            ));
        }
        at += width;
    }
    format!(
        "<svg class=\"ring\" viewBox=\"0 0 128 128\" role=\"img\" aria-label=\"Score {said}: {} of {} rules pass\">\
         <circle class=\"empty\" cx=\"64\" cy=\"64\" r=\"{RADIUS}\"/><g transform=\"rotate(-90 64 64)\">{arcs}</g>\
         <text x=\"64\" y=\"66\">{said}</text><text class=\"unit\" x=\"64\" y=\"84\">score</text></svg>\n",
        grouped(passed),
        grouped(judged)
    )
}

/// A bar for each quality dimension.
fn dimensions(scorecard: &Scorecard) -> String {
    if scorecard.dimensions.is_empty() {
        return String::new();
    }
    let rows: String = scorecard
        .dimensions
        .iter()
        .map(|(dimension, passed, judged)| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{} of {}</td></tr>\n",
                dimension.name(),
                bar(&[("pass", *passed), ("fail", judged - passed)]),
                super::markup::escape(&percent(*passed as f64 / *judged as f64, passed == judged)),
                grouped(*passed),
                grouped(*judged)
            )
        })
        .collect();
    format!(
        "<table class=\"dimensions\">\n<caption>Quality dimensions</caption>\n<thead class=\"unseen\"><tr>\
         <th scope=\"col\">Dimension</th><th scope=\"col\">Bar</th><th scope=\"col\">Score</th>\
         <th scope=\"col\">Rules that pass</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}
