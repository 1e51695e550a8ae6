//! Rules that hold as long as values stay in a band.

use super::Key;
use super::anomaly::Forecast;

/// Larger bounds are no bounds that anybody wants to read.
const LARGEST: f64 = 1e15;

/// Rules in DQDL for the values of a metric. None where the language has no rule for it, or where a name or a
/// predicate cannot stand in a rule as it is.
pub(super) fn rules(key: &Key, forecast: &Forecast) -> Vec<String> {
    rule(key, forecast).into_iter().collect()
}

fn rule(key: &Key, forecast: &Forecast) -> Option<String> {
    let (entity, rest) = key.metric.split_once('.')?;
    let (subject, metric) = rest.rsplit_once('.')?;
    if key.detail.is_some() || forecast.lower.abs().max(forecast.upper.abs()) > LARGEST {
        return None;
    }
    let column = || (entity == "Column").then(|| quoted(subject)).flatten();
    let (lower, upper) = (forecast.lower, forecast.upper);
    let text = match metric {
        "RowCount" => format!("RowCount {}", whole(lower, upper)),
        "ColumnCount" => format!("ColumnCount {}", whole(lower, upper)),
        "DistinctValuesCount" => format!("DistinctValuesCount {} {}", column()?, whole(lower, upper)),
        "Completeness" | "Uniqueness" | "UniqueValueRatio" => {
            format!("{metric} {} {}", column()?, share(lower, upper)?)
        }
        "Mean" | "Sum" | "StandardDeviation" | "Entropy" => {
            format!("{metric} {} {}", column()?, between(outwards(lower, false), outwards(upper, true)))
        }
        "Minimum" => format!("ColumnValues {} >= {}", column()?, outwards(lower, false)),
        "Maximum" => format!("ColumnValues {} <= {}", column()?, outwards(upper, true)),
        "MinimumLength" => format!("ColumnLength {} >= {}", column()?, plain(lower.ceil())),
        "MaximumLength" => format!("ColumnLength {} <= {}", column()?, plain(upper.floor())),
        "ColumnCorrelation" => {
            // The names of more than two columns, or of columns with commas, cannot be told apart.
            let (one, other) = subject.split_once(',').filter(|(_, other)| !other.contains(','))?;
            let bounds = between(outwards(lower, false), outwards(upper, true));
            format!("ColumnCorrelation {} {} {bounds}", quoted(one)?, quoted(other)?)
        }
        _ => return None,
    };
    match &key.filter {
        None => Some(text),
        Some(_) if metric == "ColumnCount" => None,
        Some(filter) => Some(format!("{text} where {}", quoted(filter)?)),
    }
}

/// A text as a string of the language, if it can stand there without escapes.
fn quoted(text: &str) -> Option<String> {
    let fine = !text.is_empty() && !text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '$'));
    fine.then(|| format!("\"{text}\""))
}

/// Whole numbers from the first to the last; `between` excludes its ends.
fn whole(lower: f64, upper: f64) -> String {
    let (lower, upper) = (lower.ceil(), upper.floor());
    if lower >= upper {
        return format!("= {}", plain(upper.max(lower)));
    }
    if lower <= 0.0 {
        return format!("<= {}", plain(upper));
    }
    between(plain(lower - 1.0), plain(upper + 1.0))
}

/// `None` where every share fits.
fn share(lower: f64, upper: f64) -> Option<String> {
    match (lower > 0.0, upper < 1.0) {
        (true, true) => Some(between(outwards(lower, false), outwards(upper, true))),
        (true, false) => Some(format!(">= {}", outwards(lower, false))),
        (false, true) => Some(format!("<= {}", outwards(upper, true))),
        (false, false) => None,
    }
}

fn between(lower: String, upper: String) -> String {
    if lower == upper { format!("= {lower}") } else { format!("between {lower} and {upper}") }
}

/// A bound in four digits that leaves the whole band inside.
fn outwards(bound: f64, up: bool) -> String {
    if bound == 0.0 {
        return "0".into();
    }
    let digits = (3.0 - bound.abs().log10().floor()).clamp(-12.0, 12.0);
    let unit = 10_f64.powf(digits.abs());
    let scaled = if digits < 0.0 { bound / unit } else { bound * unit };
    // What is round already stays as it is, in spite of the last bits.
    let near = scaled.round();
    let rounded = if (scaled - near).abs() < 1e-6 {
        near
    } else if up {
        scaled.ceil()
    } else {
        scaled.floor()
    };
    plain(if digits < 0.0 { rounded * unit } else { rounded / unit })
}

/// Decimal digits; never `-0`.
fn plain(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Ruleset;
    use crate::rules::{BindOptions, Target};
    use proptest::prelude::*;

    fn suggested(metric: &str, lower: f64, upper: f64) -> Option<String> {
        let key = Key { metric: metric.into(), detail: None, filter: None };
        let expected = lower / 2.0 + upper / 2.0;
        let found = rules(&key, &Forecast { expected, lower, upper, method: "level", points: 9 });
        for rule in &found {
            assert_accepted(rule);
        }
        found.into_iter().next()
    }

    fn assert_accepted(rule: &str) {
        let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let ruleset = Ruleset::parse(&format!("Rules = [ {rule} ]"), &BindOptions { now, target: Target::Glue });
        assert!(!ruleset.has_errors(), "{rule}: {:?}", ruleset.diagnostics());
        assert_eq!(ruleset.rules().len(), 1, "{rule}");
    }

    #[test]
    fn bounds_are_round_and_hold_the_band() {
        for (metric, lower, upper, rule) in [
            ("Dataset.*.RowCount", 90.3, 109.8, "RowCount between 90 and 110"),
            ("Dataset.*.RowCount", 0.0, 109.8, "RowCount <= 109"),
            ("Dataset.*.ColumnCount", 7.0, 7.0, "ColumnCount = 7"),
            ("Column.a b.Completeness", 0.95678, 1.0, "Completeness \"a b\" >= 0.9567"),
            ("Column.a.Completeness", 0.2, 0.4, "Completeness \"a\" between 0.2 and 0.4"),
            ("Column.a.Mean", -12.3456, 0.0, "Mean \"a\" between -12.35 and 0"),
            ("Column.a.Minimum", 1234.56, 9999.0, "ColumnValues \"a\" >= 1234"),
            ("Column.a.Maximum", 1.0, 123_456.0, "ColumnValues \"a\" <= 123500"),
            ("Column.a.MaximumLength", 3.2, 8.9, "ColumnLength \"a\" <= 8"),
            ("Multicolumn.a,b.ColumnCorrelation", 0.5, 0.9, "ColumnCorrelation \"a\" \"b\" between 0.5 and 0.9"),
        ] {
            assert_eq!(suggested(metric, lower, upper).as_deref(), Some(rule));
        }
        for nothing in ["Dataset.*.CustomSQL", "odd", "Column.a\"b.Mean", "Multicolumn.a,b,c.ColumnCorrelation"] {
            assert_eq!(suggested(nothing, 1.0, 2.0), None, "{nothing}");
        }
        assert_eq!(suggested("Column.a.Completeness", 0.0, 1.0), None);
        let filtered = Key { metric: "Dataset.*.RowCount".into(), detail: None, filter: Some("a > 1".into()) };
        let found = rules(&filtered, &Forecast { expected: 6.0, lower: 5.0, upper: 7.0, method: "level", points: 9 });
        assert_eq!(found, ["RowCount between 4 and 8 where \"a > 1\""]);
    }

    proptest! {
        #[test]
        fn every_suggestion_is_a_rule_of_the_language(
            column in "\\PC{0,12}",
            metric in prop_oneof![
                Just("Completeness"), Just("DistinctValuesCount"), Just("Mean"), Just("Sum"), Just("Minimum"),
                Just("Maximum"), Just("MinimumLength"), Just("MaximumLength"), Just("RowCount"), Just("Entropy"),
            ],
            ends in (-1e16..1e16_f64, 0.0..1e16_f64),
            scale in -20i32..3,
        ) {
            let factor = 10_f64.powi(scale);
            suggested(&format!("Column.{column}.{metric}"), ends.0 * factor, (ends.0 + ends.1) * factor);
        }
    }
}
