//! The result of Glue's `GetDataQualityResult`, for tools that read it.
//!
//! Lengths are those of the API's model; longer texts are cut. Fields that only the
//! service can fill are left out.

use super::Report;
use super::json::metrics_json;
use crate::check::AnalyzerOutcome;
use crate::history::Observation;
use crate::value::java_double;
use crate::verdict::{Outcome, Verdict};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use xxhash_rust::xxh3::xxh3_128;

/// Bytes of descriptions and messages.
const TEXT: usize = 2048;
/// Bytes of names, label keys and label values.
const NAME: usize = 255;
/// Observations of a result.
const OBSERVATIONS: usize = 50;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut document = Map::new();
    document.insert("ResultId".into(), format!("dqresult-{}", run_digits(report)).into());
    if let Some(score) = run.score {
        document.insert("Score".into(), score.into());
    }
    if report.publication.table.is_some() {
        let name = |name: &str| cut(&plain(name), NAME);
        let table = json!({
            "DatabaseName": name(report.database()),
            "TableName": name(&report.table()),
            "CatalogId": name(report.catalog()),
        });
        document.insert("DataSource".into(), json!({ "GlueTable": table }));
    }
    let ruleset = cut(&plain(&report.ruleset_name()), NAME);
    let job = report.publication.job.as_ref().map(|job| cut(&plain(job), NAME));
    // A job is found by its name and its context, as in CloudWatch and EventBridge.
    let context = if job.is_some() { ruleset.clone() } else { "dq".to_string() };
    document.insert("RulesetName".into(), ruleset.into());
    document.insert("EvaluationContext".into(), context.into());
    document.insert("StartedOn".into(), time(run.started).into());
    document.insert("CompletedOn".into(), time(report.completed()).into());
    if let Some(job) = job {
        document.insert("JobName".into(), job.into());
    }
    let rules = run.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.verdict != Verdict::Skip);
    document.insert(
        "RuleResults".into(),
        rules.map(|(position, outcome)| rule_result(position, outcome)).collect::<Vec<_>>().into(),
    );
    if !run.analyzers.is_empty() {
        let analyzers =
            run.analyzers.iter().enumerate().map(|(position, analyzer)| analyzer_result(position, analyzer));
        document.insert("AnalyzerResults".into(), analyzers.collect::<Vec<_>>().into());
    }
    // What is as it used to be is no news there.
    let news = run.observations.iter().filter(|observation| observation.anomalous || observation.needs_more_data);
    let observations: Vec<_> = news.take(OBSERVATIONS).map(observed).collect();
    if !observations.is_empty() {
        document.insert("Observations".into(), observations.into());
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn rule_result(position: usize, outcome: &Outcome) -> Value {
    let mut result = Map::new();
    result.insert("Name".into(), format!("Rule_{}", position + 1).into());
    result.insert("Description".into(), cut(&outcome.rule, TEXT).into());
    if let Some(message) = &outcome.message {
        result.insert("EvaluationMessage".into(), cut(message, TEXT).into());
    }
    result.insert("Result".into(), outcome.verdict.as_str().into());
    let metrics: Map<_, _> =
        metrics_json(&outcome.metrics).into_iter().map(|(name, value)| (cut(&name, NAME), value)).collect();
    result.insert("EvaluatedMetrics".into(), metrics.into());
    result.insert("EvaluatedRule".into(), cut(outcome.evaluated.as_ref().unwrap_or(&outcome.rule), TEXT).into());
    if let Some(counts) = outcome.row_counts {
        // The model has the map; the names in it are those of the documentation, run together.
        let metrics = [
            ("RowsPassed", counts.passed),
            ("RowsFailed", counts.failed),
            ("RowsSkipped", counts.skipped),
            ("TotalRowsProcessed", counts.total()),
        ];
        let metrics: Map<_, _> =
            metrics.iter().map(|(name, rows)| (name.to_string(), Value::from(*rows as f64))).collect();
        result.insert("RuleMetrics".into(), metrics.into());
    }
    // The model wants label values of at least one byte.
    let labels: Map<_, _> = outcome
        .labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (cut(key, NAME), cut(value, NAME).into()))
        .collect();
    if !labels.is_empty() {
        result.insert("Labels".into(), labels.into());
    }
    result.into()
}

fn analyzer_result(position: usize, analyzer: &AnalyzerOutcome) -> Value {
    let mut result = Map::new();
    result.insert("Name".into(), format!("Analyzer_{}", position + 1).into());
    result.insert("Description".into(), cut(&analyzer.analyzer, TEXT).into());
    if let Some(message) = &analyzer.message {
        result.insert("EvaluationMessage".into(), cut(message, TEXT).into());
    }
    let metrics: Map<_, _> =
        metrics_json(&analyzer.metrics).into_iter().map(|(name, value)| (cut(&name, NAME), value)).collect();
    result.insert("EvaluatedMetrics".into(), metrics.into());
    if !analyzer.distributions.is_empty() {
        let distributions: Map<_, _> = analyzer
            .distributions
            .iter()
            .map(|(name, distribution, data_type)| {
                // Bins of numbers have bounds; other values name themselves.
                let edges: Vec<String> = match distribution.edges.as_slice() {
                    [] => distribution.values.clone(),
                    edges => edges.iter().map(|edge| java_double(*edge)).collect(),
                };
                let value = json!({ "BinEdges": edges, "Count": distribution.counts, "DataType": data_type });
                (cut(name, NAME), value)
            })
            .collect();
        result.insert("EvaluatedDistributions".into(), distributions.into());
    }
    result.into()
}

fn observed(observation: &Observation) -> Value {
    let values = [
        ("ActualValue", Some(observation.actual)),
        ("ExpectedValue", observation.expected),
        ("LowerLimit", observation.lower),
        ("UpperLimit", observation.upper),
    ];
    let values: Map<_, _> =
        values.iter().filter_map(|(name, value)| Some((name.to_string(), Value::from((*value)?)))).collect();
    let mut metric = Map::new();
    metric.insert("MetricName".into(), cut(&observation.key.metric, NAME).into());
    metric.insert("MetricValues".into(), values.into());
    // A rule that was cut would be none.
    let rules: Vec<&String> = observation.suggested_rules.iter().filter(|rule| rule.len() <= NAME).collect();
    if !rules.is_empty() {
        metric.insert("NewRules".into(), json!(rules));
    }
    json!({ "Description": cut(&observation.description, TEXT), "MetricBasedObservation": metric })
}

/// Forty hexadecimal digits that name the run: the same for the same rules, files and time.
pub(super) fn run_digits(report: &Report<'_>) -> String {
    let mut seed = format!("{}\n{}\n", report.ruleset, report.run.started.to_rfc3339());
    for outcome in &report.run.outcomes {
        seed.push_str(&outcome.rule);
        seed.push('\n');
    }
    report.run.files.iter().for_each(|file| seed.push_str(&file.to_string_lossy()));
    let hash = xxh3_128(seed.as_bytes());
    format!("{hash:032x}{:08x}", (hash >> 64) as u32 ^ hash as u32)
}

/// A name without line ends and control characters.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect()
}

/// At most `limit` bytes, cut between characters.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_string();
    }
    let end = (0..=limit - 3).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("short", 10), "short");
        let cut = cut(&"é".repeat(20), 10);
        assert!(cut.len() <= 10 && cut.ends_with("...") && cut.starts_with("éé"));
    }
}
