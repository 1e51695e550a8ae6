//! Our own JSON, described by `docs/result.schema.json`.

use super::Report;
use crate::check::AnalyzerOutcome;
use crate::sample::{Cell, SampleRow, Samples};
use crate::value::Number;
use crate::verdict::{Outcome, Verdict};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

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
        "started": run.started.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "score": run.score,
        "summary": {
            "rules": run.outcomes.len(),
            "passed": run.count(Verdict::Pass),
            "failed": run.count(Verdict::Fail),
            "errors": run.count(Verdict::Error),
            "skipped": run.count(Verdict::Skip),
        },
        "rules": run.outcomes.iter().enumerate().map(|(position, outcome)| {
            let mut rule = outcome_json(report, outcome);
            rule.shift_insert(0, "name".into(), format!("Rule_{}", position + 1).into());
            Value::Object(rule)
        }).collect::<Vec<_>>(),
        "analyzers": run.analyzers.iter().map(analyzer_json).collect::<Vec<_>>(),
        "notes": run.notes,
    });
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

fn outcome_json(report: &Report<'_>, outcome: &Outcome) -> Map<String, Value> {
    let (line, column) = report.lines.position(outcome.span.start);
    let mut object = Map::new();
    object.insert("rule".into(), outcome.rule.clone().into());
    object.insert("type".into(), outcome.rule_type.unwrap_or("Composite").into());
    object.insert("line".into(), line.into());
    object.insert("column".into(), column.into());
    object.insert("verdict".into(), outcome.verdict.as_str().into());
    object.insert("code".into(), outcome.code.into());
    object.insert("message".into(), outcome.message.clone().into());
    object.insert("help".into(), outcome.help.clone().into());
    object.insert("metrics".into(), metrics_json(&outcome.metrics).into());
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
    json!({
        "failing": samples.failing,
        "shown": samples.rows.len(),
        "rows": samples.rows.iter().map(row).collect::<Vec<_>>(),
    })
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
    json!({
        "analyzer": analyzer.analyzer,
        "metrics": metrics_json(&analyzer.metrics),
        "distributions": distributions,
        "message": analyzer.message,
        "help": analyzer.help,
    })
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
