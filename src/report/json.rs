//! Our own JSON, described by `docs/result.schema.json`.

use super::Report;
use crate::check::AnalyzerOutcome;
use crate::dimension::Dimension;
use crate::history::Observation;
use crate::sample::{Cell, SampleRow, Samples};
use crate::scorecard::Scorecard;
use crate::value::Number;
use crate::verdict::{Compared, Outcome, Verdict};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::io::{self, Write};

/// Changes when a field changes its meaning or goes away.
pub(super) const VERSION: u32 = 1;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report))?;
    writeln!(out)
}

/// The whole result.
pub(super) fn document(report: &Report<'_>) -> Value {
    let run = report.run;
    let mut document = json!({
        "version": VERSION,
        "tool": { "name": "dq", "version": env!("CARGO_PKG_VERSION") },
        "ruleset": report.ruleset,
        "data": {
            "files": run.files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
            "rows": run.rows,
            "columns": run.columns,
            "columns_read": run.columns_read,
            "bytes": run.bytes,
        },
        "started": time(run.started),
        "score": run.score,
        "summary": {
            "rules": run.outcomes.len(),
            "passed": run.count(Verdict::Pass),
            "failed": run.count(Verdict::Fail),
            "errors": run.count(Verdict::Error),
            "skipped": run.count(Verdict::Skip),
        },
        "scorecard": scorecard_json(&Scorecard::of(run)),
        "rules": run.outcomes.iter().enumerate().map(|(position, outcome)| {
            let mut rule = outcome_json(report, outcome);
            rule.shift_insert(0, "name".into(), format!("Rule_{}", position + 1).into());
            Value::Object(rule)
        }).collect::<Vec<_>>(),
        "analyzers": run.analyzers.iter().map(analyzer_json).collect::<Vec<_>>(),
        "notes": run.notes,
    });
    if !run.observations.is_empty()
        && let Some(object) = document.as_object_mut()
    {
        object.insert("observations".into(), run.observations.iter().map(observation_json).collect::<Vec<_>>().into());
    }
    if report.timed
        && let Some(object) = document.as_object_mut()
    {
        object.insert("elapsed_seconds".into(), run.elapsed.as_secs_f64().into());
    }
    if run.incomplete
        && let Some(object) = document.as_object_mut()
    {
        object.insert("incomplete".into(), true.into());
    }
    document
}

/// Scores by quality dimension and by column.
fn scorecard_json(card: &Scorecard) -> Value {
    let counts = |key: &str, name: &str, passed: u64, judged: u64| json!({ key: name, "passed": passed, "judged": judged, "score": passed as f64 / judged as f64 });
    let of_dimension =
        |(dimension, passed, judged): &(Dimension, u64, u64)| counts("dimension", dimension.name(), *passed, *judged);
    let of_column = |(column, passed, judged): &(String, u64, u64)| counts("column", column, *passed, *judged);
    json!({
        "dimensions": card.dimensions.iter().map(of_dimension).collect::<Vec<_>>(),
        "columns": card.columns.iter().map(of_column).collect::<Vec<_>>(),
    })
}

/// Milliseconds, and more digits only where there are more: nothing of the time is lost.
fn time(time: DateTime<Utc>) -> String {
    let whole = time.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    time.to_rfc3339_opts(if whole { SecondsFormat::Millis } else { SecondsFormat::AutoSi }, true)
}

fn outcome_json(report: &Report<'_>, outcome: &Outcome) -> Map<String, Value> {
    let (line, column) = report.lines.position(outcome.span.start);
    let (end_line, end_column) = report.lines.position(outcome.span.end);
    let mut object = Map::new();
    object.insert("rule".into(), outcome.rule.clone().into());
    object.insert("type".into(), outcome.rule_type.unwrap_or("Composite").into());
    object.insert("line".into(), line.into());
    object.insert("column".into(), column.into());
    object.insert("end_line".into(), end_line.into());
    object.insert("end_column".into(), end_column.into());
    object.insert("verdict".into(), outcome.verdict.as_str().into());
    object.insert("code".into(), outcome.code.into());
    object.insert("message".into(), outcome.message.clone().into());
    object.insert("help".into(), outcome.help.clone().into());
    object.insert("metrics".into(), metrics_json(&outcome.metrics).into());
    object.extend(digits_json(&outcome.metrics));
    object.insert(
        "rows".into(),
        outcome.rows.map_or(Value::Null, |(passed, total)| json!({ "satisfying": passed, "judged": total })),
    );
    object.insert(
        "row_counts".into(),
        outcome.row_counts.map_or(
            Value::Null,
            |counts| json!({ "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped }),
        ),
    );
    object.insert(
        "samples".into(),
        outcome.samples.as_ref().map_or(Value::Null, |samples| samples_json(report, samples)),
    );
    object.insert("columns".into(), outcome.columns.clone().into());
    object.insert(
        "labels".into(),
        outcome
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.clone())))
            .collect::<Map<_, _>>()
            .into(),
    );
    if let Some(evaluated) = &outcome.evaluated {
        object.insert("evaluated".into(), evaluated.clone().into());
    }
    if !outcome.compared.is_empty() {
        object.insert("compared".into(), outcome.compared.iter().map(compared_json).collect::<Vec<_>>().into());
    }
    if !outcome.operands.is_empty() {
        object.insert(
            "operands".into(),
            outcome
                .operands
                .iter()
                .map(|operand| Value::Object(outcome_json(report, operand)))
                .collect::<Vec<_>>()
                .into(),
        );
    }
    object
}

/// A comparison, its numbers as text: JSON has neither NaN nor all digits of some sums.
fn compared_json(compared: &Compared) -> Value {
    json!({
        "observed": compared.observed.to_string(),
        "satisfying": compared.counts.map(|(satisfying, _)| satisfying),
        "judged": compared.counts.map(|(_, judged)| judged),
        "share": compared.share,
        "operator": compared.operator.as_str(),
        "operands": compared.operands.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "met": compared.met,
    })
}

fn samples_json(report: &Report<'_>, samples: &Samples) -> Value {
    // Cells as texts: JSON has no NaN, and its numbers lose digits in many readers.
    let cells = |cells: &[(String, Cell)]| -> Map<String, Value> {
        cells.iter().map(|(name, cell)| (name.clone(), cell.as_str().into())).collect()
    };
    let row = |row: &SampleRow| {
        json!({
            "file": report.run.files.get(row.file).map(|file| file.to_string_lossy()),
            "row": row.row,
            "key": cells(&row.key),
            "cells": cells(&row.cells),
            "reference": cells(&row.reference),
            "group": row.group.map(|group| group + 1),
        })
    };
    let mut object = Map::new();
    object.insert("failing".into(), samples.failing.into());
    object.insert("shown".into(), samples.rows.len().into());
    object.insert("rows".into(), samples.rows.iter().map(row).collect::<Vec<_>>().into());
    let texts = json!({
        "key": texts(samples.rows.iter().flat_map(|row| &row.key)),
        "cells": texts(samples.rows.iter().flat_map(|row| &row.cells)),
        "reference": texts(samples.rows.iter().flat_map(|row| &row.reference)),
    });
    object.insert("texts".into(), texts);
    object.into()
}

/// Columns whose values are texts: as texts of JSON, numbers look like them.
fn texts<'a>(cells: impl Iterator<Item = &'a (String, Cell)>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let text = |(name, cell): &'a (String, Cell)| {
        (matches!(cell, Cell::Text(_)) && seen.insert(name.as_str())).then_some(name.as_str())
    };
    cells.filter_map(text).collect()
}

fn analyzer_json(analyzer: &AnalyzerOutcome) -> Value {
    let distributions: Map<_, _> = analyzer
        .distributions
        .iter()
        .map(|(name, distribution, data_type)| {
            let value = json!({
                "data_type": data_type,
                "edges": distribution.edges,
                "values": distribution.values,
                "counts": distribution.counts,
                "nulls": distribution.nulls,
                "others": distribution.others,
            });
            (name.clone(), value)
        })
        .collect();
    let mut object = Map::new();
    object.insert("analyzer".into(), analyzer.analyzer.clone().into());
    object.insert("metrics".into(), metrics_json(&analyzer.metrics).into());
    object.extend(digits_json(&analyzer.metrics));
    object.insert("distributions".into(), distributions.into());
    object.insert("message".into(), analyzer.message.clone().into());
    object.insert("help".into(), analyzer.help.clone().into());
    object.into()
}

/// A number against its past.
fn observation_json(observation: &Observation) -> Value {
    let past = |(at, value): &(DateTime<Utc>, f64)| json!({ "time": time(*at), "value": value });
    json!({
        "metric": observation.key.metric,
        "detail": observation.key.detail,
        "filter": observation.key.filter,
        "description": observation.description,
        "actual": observation.actual,
        "expected": observation.expected,
        "lower": observation.lower,
        "upper": observation.upper,
        "method": observation.method,
        "anomalous": observation.anomalous,
        "needs_more_data": observation.needs_more_data,
        "points": observation.points,
        "past": observation.past.iter().map(past).collect::<Vec<_>>(),
        "suggested_rules": observation.suggested_rules,
    })
}

/// All digits of the metrics whose double does not have them, under `digits`.
fn digits_json(metrics: &[(String, Number)]) -> Option<(String, Value)> {
    let lossy = metrics.iter().filter(|(_, value)| value.to_string() != value.to_f64().to_string());
    let digits: Map<_, _> = lossy.map(|(name, value)| (name.clone(), value.to_string().into())).collect();
    (!digits.is_empty()).then(|| ("digits".to_string(), digits.into()))
}

/// Metrics as doubles; those that are not finite are not among them.
pub(super) fn metrics_json(metrics: &[(String, Number)]) -> Map<String, Value> {
    metrics
        .iter()
        .map(|(name, value)| {
            (name.clone(), serde_json::Number::from_f64(value.to_f64()).map_or(Value::Null, Value::Number))
        })
        .collect()
}
