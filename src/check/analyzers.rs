//! What analyzers measured.

use super::AnalyzerOutcome;
use crate::metrics::Distribution;
use crate::plan::{Measure, Reported, Results};
use crate::redaction::Redaction;
use crate::rules::bind::BoundRule;
use crate::sample::Cell;
use crate::unevaluated::Unevaluated;

/// The values of an analyzer.
pub fn analyzed(
    analyzer: &BoundRule,
    reported: &Result<Vec<Reported>, Unevaluated>,
    results: &Results,
    redaction: &Redaction,
) -> AnalyzerOutcome {
    let mut outcome = AnalyzerOutcome {
        analyzer: analyzer.text.clone(),
        metrics: Vec::new(),
        distributions: Vec::new(),
        message: None,
        help: None,
    };
    let mut missing = |reason: &Unevaluated| {
        outcome.message.get_or_insert_with(|| reason.message.clone());
        outcome.help = outcome.help.take().or_else(|| reason.help.clone());
    };
    match reported {
        Err(reason) => missing(reason),
        Ok(reported) => {
            for Reported { name, measure } in reported {
                if let Some(reason) = results.failure(measure) {
                    missing(reason);
                } else if let Measure::Distribution { metric, data_type } = measure {
                    let found = results.distribution(*metric);
                    outcome
                        .distributions
                        .extend(found.map(|found| (name.clone(), hidden(found, data_type, redaction), *data_type)));
                } else if let Ok(value) = results.read(measure)
                    && value.to_f64().is_finite()
                {
                    outcome.metrics.push((name.clone(), value));
                }
            }
        }
    }
    if outcome.metrics.is_empty() && outcome.distributions.is_empty() && outcome.message.is_none() {
        outcome.message = Some("There are no values to measure".into());
    }
    outcome
}

/// A distribution whose listed values may be shown; bounds of bins are computed and stay.
fn hidden(found: &Distribution, data_type: &str, redaction: &Redaction) -> Distribution {
    let mut found = found.clone();
    if !redaction.is_off() {
        let cell = |value: &str| if data_type == "StringType" { Cell::text(value) } else { Cell::value(value) };
        found.values.iter_mut().for_each(|value| *value = redaction.shown(&cell(value)));
    }
    found
}
