//! The run as an OpenLineage event: the job, its input, and what was found of it in the two facets about data
//! quality.

use super::Report;
use super::glue::run_digits;
use crate::value::Number;
use crate::verdict::{Outcome, Verdict};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

const PRODUCER: &str = concat!("urn:dq:", env!("CARGO_PKG_VERSION"));
const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const METRICS: &str = "https://openlineage.io/spec/facets/1-0-2/DataQualityMetricsInputDatasetFacet.json\
    #/$defs/DataQualityMetricsInputDatasetFacet";
const ASSERTIONS: &str = "https://openlineage.io/spec/facets/1-0-1/DataQualityAssertionsDatasetFacet.json\
    #/$defs/DataQualityAssertionsDatasetFacet";

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run;
    let (namespace, name) = dataset(report);
    let job = report.publication.job.clone().unwrap_or_else(|| report.ruleset_name());
    let assertions: Vec<_> =
        run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Skip).map(assertion).collect();
    let event = json!({
        "eventTime": report.completed().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "eventType": if run.incomplete { "ABORT" } else { "COMPLETE" },
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": { "runId": uuid(&run_digits(report)), "facets": {} },
        "job": { "namespace": "dq", "name": job, "facets": {} },
        "inputs": [{
            "namespace": namespace,
            "name": name,
            "facets": {},
            "inputFacets": {
                "dataQualityMetrics": {
                    "_producer": PRODUCER,
                    "_schemaURL": METRICS,
                    "rowCount": run.rows,
                    "bytes": run.bytes,
                    "fileCount": run.files.len(),
                    "columnMetrics": column_metrics(report),
                },
                "dataQualityAssertions": {
                    "_producer": PRODUCER,
                    "_schemaURL": ASSERTIONS,
                    "assertions": assertions,
                },
            },
        }],
        "outputs": [],
    });
    serde_json::to_writer_pretty(&mut *out, &event)?;
    writeln!(out)
}

fn assertion(outcome: &Outcome) -> Value {
    let mut assertion = Map::new();
    assertion.insert("assertion".into(), outcome.rule.clone().into());
    assertion.insert("success".into(), (outcome.verdict == Verdict::Pass).into());
    if let [column] = outcome.columns.as_slice() {
        assertion.insert("column".into(), column.clone().into());
    }
    assertion.into()
}

/// What rules and analyzers measured of whole columns.
fn column_metrics(report: &Report<'_>) -> Map<String, Value> {
    let mut columns = Map::new();
    let mut take = |text: &str, metrics: &[(String, Number)]| {
        // With a filter, a value is not one of the column.
        if text.contains(" where ") {
            return;
        }
        for (name, value) in metrics {
            let Some((column, metric)) = name.strip_prefix("Column.").and_then(|rest| rest.rsplit_once('.')) else {
                continue;
            };
            let value = value.to_f64();
            let Some((key, value)) = facet_metric(metric, value, report.run.rows) else { continue };
            let known = columns.entry(column).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(known) = known {
                known.insert(key.into(), value);
            }
        }
    };
    report.run.outcomes.iter().for_each(|outcome| each_leaf(outcome, &mut |leaf| take(&leaf.rule, &leaf.metrics)));
    report.run.analyzers.iter().for_each(|analyzer| take(&analyzer.analyzer, &analyzer.metrics));
    columns
}

/// A metric as the facet has it, if it does.
fn facet_metric(metric: &str, value: f64, rows: u64) -> Option<(&'static str, Value)> {
    if !value.is_finite() {
        return None;
    }
    Some(match metric {
        "Completeness" => ("nullCount", Value::from(((1.0 - value) * rows as f64).round() as u64)),
        "DistinctValuesCount" => ("distinctCount", Value::from(value as u64)),
        "Sum" => ("sum", Value::from(value)),
        "Minimum" => ("min", Value::from(value)),
        "Maximum" => ("max", Value::from(value)),
        _ => return None,
    })
}

fn each_leaf(outcome: &Outcome, visit: &mut dyn FnMut(&Outcome)) {
    if outcome.operands.is_empty() {
        visit(outcome);
    }
    outcome.operands.iter().for_each(|operand| each_leaf(operand, visit));
}

/// Namespace and name of the data, by OpenLineage's rules for Glue tables, stores and files.
fn dataset(report: &Report<'_>) -> (String, String) {
    let publication = report.publication;
    if publication.table.is_some() {
        return match (&publication.region, &publication.catalog) {
            (Some(region), Some(account)) => {
                (format!("arn:aws:glue:{region}:{account}"), format!("table/{}/{}", report.database(), report.table()))
            }
            _ => (report.catalog().to_string(), format!("{}.{}", report.database(), report.table())),
        };
    }
    let path = report.common_path().to_string_lossy().into_owned();
    match path.split_once("://") {
        Some((scheme, rest)) => {
            let (bucket, name) = rest.split_once('/').unwrap_or((rest, "/"));
            (format!("{scheme}://{bucket}"), name.to_string())
        }
        None => ("file".into(), path),
    }
}

/// A run's digits as a UUID of version 8, which leaves its bits to who makes it.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::Publication;
    use crate::report::example::{self, HOSTILE};

    fn event(run: &Run, publication: &Publication) -> Value {
        serde_json::from_str(&example::written(run, publication, write).expect("a report")).expect("JSON")
    }

    #[test]
    fn rules_are_assertions_and_their_metrics_those_of_columns() {
        let mut composite = example::outcome("(A) AND (B)", Verdict::Pass);
        composite.operands = vec![
            example::measured("ColumnValues \"x.y\" > 1", Verdict::Pass, "Column.x.y.Minimum", 2.0),
            example::measured("Mean \"a\" > 1", Verdict::Pass, "Column.a.Mean", 2.0),
        ];
        let mut run = example::run(vec![
            example::measured("IsComplete \"a\"", Verdict::Fail, "Column.a.Completeness", 0.8),
            example::measured("Sum \"a\" > 1 where \"b\"", Verdict::Pass, "Column.a.Sum", 7.0),
            composite,
            example::outcome(HOSTILE, Verdict::Error),
            example::outcome("RowCount > 1", Verdict::Skip),
        ]);
        run.analyzers = vec![example::analyzer("DistinctValuesCount \"a\"", "Column.a.DistinctValuesCount", 4.0)];
        let found = event(&run, &Publication::default());
        assert_eq!(found["eventType"], "COMPLETE");
        assert_eq!(found["job"]["name"], "rs");
        let input = &found["inputs"][0];
        assert_eq!((&input["namespace"], &input["name"]), (&json!("file"), &json!("data/t.csv")));
        let metrics = &input["inputFacets"]["dataQualityMetrics"];
        assert_eq!(metrics["rowCount"], 10);
        let expected = json!({ "a": { "nullCount": 2, "distinctCount": 4 }, "x.y": { "min": 2.0 } });
        assert_eq!(metrics["columnMetrics"], expected);
        let expected = json!([
            { "assertion": "IsComplete \"a\"", "success": false, "column": "a" },
            { "assertion": "Sum \"a\" > 1 where \"b\"", "success": true, "column": "a" },
            { "assertion": "(A) AND (B)", "success": true },
            { "assertion": HOSTILE, "success": false },
        ]);
        assert_eq!(input["inputFacets"]["dataQualityAssertions"]["assertions"], expected);
    }

    #[test]
    fn datasets_are_named_as_lineage_names_them() {
        let mut run = example::run(Vec::new());
        run.files = vec!["s3://bucket/lake/orders/a.csv".into(), "s3://bucket/lake/orders/b.csv".into()];
        let name = |publication: &Publication| {
            let input = event(&run, publication)["inputs"][0].clone();
            [input["namespace"].as_str().unwrap_or("").to_string(), input["name"].as_str().unwrap_or("").to_string()]
        };
        let mut publication = Publication::default();
        assert_eq!(name(&publication), ["s3://bucket", "lake/orders"]);
        publication.table = Some("orders".into());
        assert_eq!(name(&publication), ["local", "default.orders"]);
        publication.catalog = Some("123456789012".into());
        publication.region = Some("eu-central-1".into());
        assert_eq!(name(&publication), ["arn:aws:glue:eu-central-1:123456789012", "table/default/orders"]);
    }

    #[test]
    fn interrupted_runs_are_aborted_and_runs_have_ids() {
        let mut run = example::run(Vec::new());
        run.incomplete = true;
        let found = event(&run, &Publication::default());
        assert_eq!(found["eventType"], "ABORT");
        let id = found["run"]["runId"].as_str().expect("an id");
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert!(id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()));
        assert_eq!((id.as_bytes()[14], id.as_bytes()[19]), (b'8', b'8'));
    }
}
