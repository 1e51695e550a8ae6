//! Every column that a rule or analyzer looks at: its rules, its NULLs, its values.

use super::markup::{bar, escape, short, table, words};
use super::scale::percent;
use super::spread::{Spread, spreads};
use crate::check::Run;
use crate::report::text::grouped;
use crate::scorecard::Scorecard;
use crate::verdict::Outcome;
use std::collections::HashMap;

/// Columns that are shown.
const COLUMNS: usize = 500;

/// Characters of a name or value.
const NAME: usize = 80;

/// Parts of a bar.
const PARTS: u64 = 1_000_000_000;

/// What is known of a column.
#[derive(Default)]
struct Known<'a> {
    rules: Option<(u64, u64)>,
    completeness: Option<f64>,
    spread: Option<Spread<'a>>,
}

impl Known<'_> {
    /// The share of rows with a value: as a distribution counts them, or as a metric says.
    fn filled(&self) -> Option<f64> {
        let counted = self.spread.as_ref().map(|spread| (spread.present(), spread.nulls));
        let counted = counted.filter(|(present, nulls)| present + nulls > 0);
        counted
            .map(|(present, nulls)| present as f64 / (present + nulls) as f64)
            .or(self.completeness)
            .filter(|share| (0.0..=1.0).contains(share))
    }
}

/// Columns in the order in which they are met.
#[derive(Default)]
struct Columns<'a> {
    all: Vec<(&'a str, Known<'a>)>,
    positions: HashMap<&'a str, usize>,
}

impl<'a> Columns<'a> {
    fn known(&mut self, name: &'a str) -> Option<&mut Known<'a>> {
        let position = *self.positions.entry(name).or_insert_with(|| {
            self.all.push((name, Known::default()));
            self.all.len() - 1
        });
        self.all.get_mut(position).map(|(_, known)| known)
    }

    fn completeness(&mut self, metric: &'a str, share: f64) {
        if let Some(known) = named(metric, ".Completeness").and_then(|name| self.known(name)) {
            known.completeness = Some(share);
        }
    }

    /// What a rule over all rows says of NULLs; one with a filter speaks of some rows only.
    fn outcome(&mut self, outcome: &'a Outcome, rows: u64) {
        if outcome.rows.is_some_and(|(_, judged)| judged == rows) {
            outcome.metrics.iter().for_each(|(metric, value)| self.completeness(metric, value.to_f64()));
        }
        outcome.operands.iter().for_each(|operand| self.outcome(operand, rows));
    }
}

/// The column of a metric.
fn named<'a>(metric: &'a str, kind: &str) -> Option<&'a str> {
    metric.strip_prefix("Column.")?.strip_suffix(kind)
}

pub(super) fn section(run: &Run, scorecard: &Scorecard) -> String {
    let mut columns = Columns::default();
    for (name, passed, judged) in &scorecard.columns {
        if let Some(known) = columns.known(name) {
            known.rules = Some((*passed, *judged));
        }
    }
    run.outcomes.iter().for_each(|outcome| columns.outcome(outcome, run.rows));
    // What an analyzer with a filter measures is not the column.
    for analyzer in run.analyzers.iter().filter(|analyzer| !analyzer.analyzer.contains(" where ")) {
        analyzer.metrics.iter().for_each(|(metric, value)| columns.completeness(metric, value.to_f64()));
        for (metric, spread) in spreads(analyzer) {
            if let Some(known) = named(metric, ".Distribution").and_then(|name| columns.known(name)) {
                known.spread = Some(spread);
            }
        }
    }
    if columns.all.is_empty() {
        return String::new();
    }
    // What was measured of no column has no place in the table.
    let parts = Parts {
        filled: columns.all.iter().any(|(_, known)| known.filled().is_some()),
        values: columns.all.iter().any(|(_, known)| known.spread.is_some()),
    };
    let rows: String = columns.all.iter().take(COLUMNS).map(|(name, known)| row(name, known, parts)).collect();
    let mut caption = format!("{} of {} columns are looked at", columns.all.len().min(run.columns), run.columns);
    if columns.all.len() > COLUMNS {
        caption.push_str(&format!("; the first {COLUMNS} are shown"));
    }
    let mut heads = vec![words("Column"), words("Rules that pass")];
    heads.extend(parts.filled.then(|| words("Filled")));
    heads.extend(parts.values.then(|| words("Values")));
    table("Table of columns", &caption, &heads, &rows)
}

/// What the table has besides names and rules.
#[derive(Clone, Copy)]
struct Parts {
    filled: bool,
    values: bool,
}

/// What is not known.
const UNKNOWN: &str = "<span class=\"muted\">not measured</span>";

fn row(name: &str, known: &Known<'_>, parts: Parts) -> String {
    let rules = known.rules.map_or("<span class=\"muted\">none</span>".to_string(), |(passed, judged)| {
        let bar = bar(&[("pass", passed), ("fail", judged.saturating_sub(passed))]);
        format!("{bar}<span>{} of {}</span>", grouped(passed), grouped(judged))
    });
    let mut row =
        format!("<tr><th scope=\"row\"><code>{}</code></th><td class=\"barred\">{rules}</td>", short(name, NAME));
    if parts.filled {
        let filled = known.filled().map_or(UNKNOWN.to_string(), |share| {
            // Cut, not rounded: a NULL among many values is seen.
            let values = (share * PARTS as f64) as u64;
            let bar = bar(&[("value", values.max(u64::from(share > 0.0))), ("null", PARTS.saturating_sub(values))]);
            format!("{bar}<span>{}</span>", escape(&percent(share, share >= 1.0)))
        });
        row.push_str(&format!("<td class=\"barred\">{filled}</td>"));
    }
    if parts.values {
        let values = known.spread.as_ref().map_or(UNKNOWN.to_string(), Spread::small);
        row.push_str(&format!("<td class=\"barred\">{values}</td>"));
    }
    row.push_str("</tr>\n");
    row
}
