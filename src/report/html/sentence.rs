//! What became of a rule, in one plain sentence.

use super::markup::word;
use super::scale::{expected, observed, percent};
use crate::report::text::{grouped, plain};
use crate::verdict::{Outcome, Verdict};

/// Columns that are named.
const NAMED: usize = 4;

/// The sentence, not escaped.
pub(super) fn sentence(outcome: &Outcome) -> String {
    let first = || outcome.message.as_deref().and_then(|message| message.lines().next()).map(plain);
    match outcome.verdict {
        Verdict::Error => return first().unwrap_or_else(|| "It could not be evaluated.".into()),
        Verdict::Skip => return "It was deselected.".into(),
        Verdict::Pass | Verdict::Fail => {}
    }
    if let Some(sentence) = rows(outcome) {
        return sentence;
    }
    if !outcome.operands.is_empty() {
        let failed = outcome.operands.iter().filter(|operand| operand.verdict == Verdict::Fail).count();
        let (parts, verb) = (outcome.operands.len(), word(failed as u64, "fails", "fail"));
        return if failed == 0 {
            "None of its parts fails.".into()
        } else {
            format!("{failed} of its {parts} parts {verb}.")
        };
    }
    let unmet = outcome.compared.iter().find(|compared| !compared.met).filter(|_| outcome.verdict == Verdict::Fail);
    match unmet.or(outcome.compared.first()) {
        // A yes or a no is said better by its message.
        Some(compared) if !(compared.share && compared.observed.to_f64() == 0.0 && outcome.message.is_some()) => {
            let metric = outcome.metrics.iter().find(|(_, value)| *value == compared.observed);
            let subject = metric.map_or("What was measured".into(), |(name, _)| spoken(name));
            let joint = if compared.met { "as expected:" } else { "but expected is" };
            format!("{subject} is {}, {joint} {}.", observed(compared), expected(compared))
        }
        _ if outcome.verdict == Verdict::Pass => first().unwrap_or_else(|| "It passes.".into()),
        _ => first().unwrap_or_else(|| "It fails.".into()),
    }
}

/// How many rows fail, for rules that judge rows.
fn rows(outcome: &Outcome) -> Option<String> {
    let (failed, judged) = match (outcome.rows, outcome.row_counts) {
        (Some((passed, judged)), _) => (judged.saturating_sub(passed), judged),
        (None, Some(counts)) => (counts.failed, counts.passed + counts.failed),
        (None, None) => return None,
    };
    // Others than rows can decide: the sentence is about what failed.
    if judged == 0 || (failed == 0 && outcome.verdict == Verdict::Fail) {
        return None;
    }
    let place = match outcome.columns.as_slice() {
        [] => String::new(),
        [column] => format!("In column {column}, "),
        columns if columns.len() <= NAMED => format!("In columns {}, ", columns.join(", ")),
        columns => format!("In columns {} and {} more, ", columns[..NAMED].join(", "), columns.len() - NAMED),
    };
    let rows = word(judged, "row", "rows");
    if failed == 0 {
        let all = if judged == 1 { "the only row passes".into() } else { format!("all {} rows pass", grouped(judged)) };
        return Some(capital(&format!("{place}{all}.")));
    }
    let share = percent(failed as f64 / judged as f64, failed == judged);
    let verb = word(failed, "fails", "fail");
    let allowed = if outcome.verdict == Verdict::Pass { ", which the rule allows" } else { "" };
    Some(capital(&format!("{place}{} of {} {rows} {verb} ({share}){allowed}.", grouped(failed), grouped(judged))))
}

/// `Column.price.Mean` as `Mean of price`.
fn spoken(metric: &str) -> String {
    let Some((kind, rest)) = metric.split_once('.') else { return metric.to_string() };
    match (kind, rest.rsplit_once('.')) {
        ("Dataset", Some(("*", name))) => format!("{name} of the data"),
        ("Dataset" | "Column" | "Multicolumn", Some((subject, name))) => format!("{name} of {subject}"),
        _ => metric.to_string(),
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_spoken_about_and_not_spelled() {
        assert_eq!(spoken("Column.a.b.Mean"), "Mean of a.b");
        assert_eq!(spoken("Dataset.*.RowCount"), "RowCount of the data");
        assert_eq!(spoken("odd"), "odd");
    }
}
