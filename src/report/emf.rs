//! CloudWatch's embedded metric format: log events that are metrics too, one per line.
//!
//! An event has one set of dimensions, so rules have events of their own.

use super::Report;
use super::cloudwatch::points::{Group, Point, Points};
use super::cloudwatch::{limits, namespace, time};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Metrics without a value that are named; the others are counted by `dq.metrics.dropped`.
const NAMED: usize = 20;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let namespace = namespace(report)?;
    let time = time(report)?.timestamp_millis();
    let points = Points::of(report);
    let mut dropped = points.dropped();
    for group in points.groups() {
        for chunk in group.points.chunks(limits::METRICS_PER_EVENT) {
            let mut event = event(namespace, time, group, chunk);
            if !dropped.is_empty() {
                // Once, in the first event: that of the run.
                let names: Vec<_> = dropped.iter().take(NAMED).collect();
                event.insert("notes".into(), json!([{ "not finite, or too large for CloudWatch": names }]));
                dropped = &[];
            }
            serde_json::to_writer(&mut *out, &event)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn event(namespace: &str, time: i64, group: &Group, points: &[Point]) -> Map<String, Value> {
    let names: Vec<_> = group.dimensions.iter().map(|(name, _)| name).collect();
    let metrics: Vec<_> =
        points.iter().map(|point| json!({ "Name": point.name, "Unit": point.unit.as_str() })).collect();
    let directive = json!({ "Namespace": namespace, "Dimensions": [names], "Metrics": metrics });
    let mut event = Map::new();
    event.insert("_aws".into(), json!({ "Timestamp": time, "CloudWatchMetrics": [directive] }));
    // Names of metrics have dots, which names of dimensions have not: nothing is overwritten.
    for (name, value) in &group.dimensions {
        event.insert(name.clone(), value.clone().into());
    }
    for point in points {
        event.insert(point.name.clone(), point.json());
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::example::{self, HOSTILE};
    use crate::report::{Publication, cloudwatch};
    use crate::value::Number;
    use crate::verdict::Verdict;

    fn events(run: &Run, publication: &Publication) -> Vec<Value> {
        let text = example::written(run, publication, write).expect("a report");
        assert!(text.lines().all(|line| line.len() < 256 << 10), "an event is too large");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn every_metric() -> Publication {
        Publication { every_metric: true, ..Publication::default() }
    }

    fn directive(event: &Value) -> &Value {
        &event["_aws"]["CloudWatchMetrics"][0]
    }

    /// What the events say, checked on the way: every name that is referred to has its target on the root.
    fn read_back(events: &[Value]) -> Vec<(String, String, Value)> {
        let mut found = Vec::new();
        for event in events {
            assert!(event["_aws"]["Timestamp"].is_i64());
            let dimensions = directive(event)["Dimensions"].as_array().expect("sets");
            assert!(dimensions.len() == 1 && dimensions[0].as_array().expect("names").len() <= 30);
            let mut set = String::new();
            for name in dimensions[0].as_array().expect("names") {
                let value = event[name.as_str().expect("a name")].as_str().expect("a dimension is a text");
                assert!((1..=1024).contains(&value.len()));
                set.push_str(&format!("{}={value};", name.as_str().expect("a name")));
            }
            let metrics = directive(event)["Metrics"].as_array().expect("metrics");
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                let name = metric["Name"].as_str().expect("a name");
                assert!(event[name].is_number(), "{name}");
                found.push((set.clone(), name.to_string(), event[name].clone()));
            }
        }
        found
    }

    #[test]
    fn the_run_is_one_event() {
        let run = example::run(vec![example::outcome("RowCount > 1", Verdict::Fail)]);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_767_225_600_500_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Glue Data Quality",
                    "Dimensions": [["CatalogId", "Database", "Ruleset", "Table"]],
                    "Metrics": [
                        { "Name": "glue.data.quality.rules.passed", "Unit": "Count" },
                        { "Name": "glue.data.quality.rules.failed", "Unit": "Count" },
                    ],
                }],
            },
            "CatalogId": "local",
            "Database": "default",
            "Ruleset": "rs",
            "Table": "t",
            "glue.data.quality.rules.passed": 0,
            "glue.data.quality.rules.failed": 1,
        });
        assert_eq!(events(&run, &Publication::default()), [expected]);
    }

    #[test]
    fn an_event_has_at_most_100_metrics_and_stays_small() {
        let mut rule = example::outcome(&HOSTILE.repeat(100), Verdict::Pass);
        let name = |number: usize| format!("Column.{}.{number}", "\"".repeat(300));
        rule.metrics = (0..250).map(|number| (name(number), Number::integer(number as i128))).collect();
        let publication = Publication { table: Some("\\".repeat(5000)), ..every_metric() };
        let found = events(&example::run(vec![rule]), &publication);
        let sizes: Vec<_> = found.iter().map(|event| directive(event)["Metrics"].as_array().map(Vec::len)).collect();
        assert_eq!(sizes, [Some(7), Some(100), Some(100), Some(51)]);
        assert_eq!(read_back(&found).len(), 258);
    }

    #[test]
    fn both_formats_of_cloudwatch_say_the_same() {
        let mut run = example::run(vec![
            example::measured(HOSTILE, Verdict::Fail, &format!("Column.{HOSTILE}.Sum"), 0.25),
            example::outcome("RowCount > 1", Verdict::Pass),
        ]);
        run.analyzers = vec![example::analyzer("Mean \"a\"", "Column.a.Mean", 2.5)];
        let request = example::written(&run, &every_metric(), cloudwatch::write).expect("a report");
        let request: Value = serde_json::from_str(&request).expect("one request");
        let data = request["MetricData"].as_array().expect("data");
        let of_request: Vec<_> = data
            .iter()
            .map(|datum| {
                let dimensions = datum["Dimensions"].as_array().expect("dimensions").iter();
                let text = |value: &Value| value.as_str().expect("a text").to_string();
                let set: String =
                    dimensions.map(|pair| format!("{}={};", text(&pair["Name"]), text(&pair["Value"]))).collect();
                (set, text(&datum["MetricName"]), datum["Value"].clone())
            })
            .collect();
        assert_eq!(read_back(&events(&run, &every_metric())), of_request);
    }

    #[test]
    fn values_that_are_left_out_are_named() {
        let run = example::run(vec![
            example::measured("Sum \"a\" > 1", Verdict::Fail, "Column.a.Sum", f64::INFINITY),
            example::outcome("RowCount > 1", Verdict::Pass),
        ]);
        let found = events(&run, &every_metric());
        assert_eq!(found[0]["dq.metrics.dropped"], 1);
        assert!(found[0]["notes"].to_string().contains("Column.a.Sum"), "{}", found[0]["notes"]);
        assert!(found[1..].iter().all(|event| event["notes"].is_null()));
    }
}
