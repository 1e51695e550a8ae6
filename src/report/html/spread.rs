//! How the values of a column are spread: small for the list of columns, and one line per bin or value.

use super::markup::{bar, numbers, short, table, words};
use crate::check::AnalyzerOutcome;
use crate::report::text::{grouped, short as short_number};

/// Characters of a value in a sentence, and in a table.
const SAID: usize = 40;
const LISTED: usize = 300;

/// Size of the small drawing.
const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 24.0;

/// A histogram, or the commonest values.
pub(super) struct Spread<'a> {
    edges: &'a [f64],
    values: &'a [String],
    counts: &'a [u64],
    others: u64,
    /// NULLs.
    pub(super) nulls: u64,
    /// The type of the values.
    data_type: &'static str,
}

/// The distributions of an analyzer, by the name of the metric.
pub(super) fn spreads(analyzer: &AnalyzerOutcome) -> impl Iterator<Item = (&str, Spread<'_>)> {
    analyzer.distributions.iter().map(|(metric, found, data_type)| {
        let spread = Spread {
            edges: &found.edges,
            values: &found.values,
            counts: &found.counts,
            others: found.others,
            nulls: found.nulls,
            data_type,
        };
        (metric.as_str(), spread)
    })
}

impl Spread<'_> {
    /// Values that are not NULL.
    pub(super) fn present(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.others
    }

    /// A small drawing, and what it says.
    pub(super) fn small(&self) -> String {
        let most = self.counts.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return format!("<span class=\"muted\">{}, no values</span>", self.data_type);
        }
        let said = match (self.edges, self.values) {
            ([from, .., to], _) => format!("{} to {}", short_number(*from), short_number(*to)),
            (_, [common, ..]) => format!("mostly {common}"),
            _ => String::new(),
        };
        let said = short(&said, SAID);
        let width = WIDTH / self.counts.len() as f64;
        let mut bars = String::new();
        for (position, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let height = (*count as f64 / most as f64 * HEIGHT).max(1.0);
            bars.push_str(&format!(
                "<rect class=\"value\" x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\"/>",
                position as f64 * width,
                HEIGHT - height,
                (width - 1.0).max(0.5)
            ));
        }
        format!(
            "<svg class=\"spread\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"Distribution: {said}\">{bars}</svg><span>{}, {said}</span>",
            self.data_type
        )
    }

    /// One line per bin or value; `number` is that of the analyzer.
    pub(super) fn listed(&self, number: usize, metric: &str) -> String {
        let labels: Vec<String> = match self.edges {
            [] => self.values.to_vec(),
            edges => {
                edges.windows(2).map(|pair| format!("{} to {}", short_number(pair[0]), short_number(pair[1]))).collect()
            }
        };
        let most = self.counts.iter().copied().max().unwrap_or(0);
        let line = |label: &str, count: u64, bar: &str| {
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"wide\">{bar}</td></tr>\n",
                short(label, LISTED),
                grouped(count)
            )
        };
        let mut rows = String::new();
        for (label, count) in labels.iter().zip(self.counts) {
            rows.push_str(&line(label, *count, &bar(&[("value", *count), ("empty", most.saturating_sub(*count))])));
        }
        for (count, what) in [(self.others, "other values"), (self.nulls, "NULL")] {
            if count > 0 {
                rows.push_str(&line(what, count, ""));
            }
        }
        let heads = [words("Values"), numbers("Rows"), words("Against the largest")];
        let metric = short(metric, LISTED);
        table(&format!("Rows of analyzer {number} by {metric}"), &metric, &heads, &rows)
    }
}
