//! Requests to CloudWatch's `PutMetricData`, one per line, each small enough for the service:
//! `aws cloudwatch put-metric-data --cli-input-json` takes a line as it is.

pub(super) mod limits;
pub(super) mod points;

use super::Report;
use chrono::{DateTime, Utc};
use limits::Dimensions;
use points::{Point, Points};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let namespace = namespace(report)?;
    let time = time(report)?.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let mut request = Request::new(namespace);
    for group in Points::of(report).groups() {
        for point in &group.points {
            let bytes = form_bytes(&group.dimensions, point);
            if !request.takes(bytes) {
                request.write(out)?;
                request = Request::new(namespace);
            }
            request.bytes += bytes;
            request.data.push(datum(&group.dimensions, point, &time));
        }
    }
    request.write(out)
}

/// The namespace, if the service takes it.
pub(super) fn namespace<'a>(report: &Report<'a>) -> io::Result<&'a str> {
    limits::namespace(&report.publication.namespace).map_err(refused)
}

/// The time of all values, if the service takes it.
pub(super) fn time(report: &Report<'_>) -> io::Result<DateTime<Utc>> {
    let time = report.completed();
    limits::time(time, report.publication.sent.unwrap_or(time)).map_err(refused)
}

fn refused(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// A request that grows until it is full.
struct Request<'a> {
    namespace: &'a str,
    data: Vec<Value>,
    bytes: usize,
}

impl<'a> Request<'a> {
    fn new(namespace: &'a str) -> Self {
        // The action, its version and the namespace.
        Self { namespace, data: Vec::new(), bytes: 256 + form_text(namespace) }
    }

    fn takes(&self, bytes: usize) -> bool {
        self.data.len() < limits::METRICS_PER_REQUEST
            && (self.data.is_empty() || self.bytes + bytes <= limits::REQUEST_BYTES)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &json!({ "Namespace": self.namespace, "MetricData": self.data }))?;
        writeln!(out)
    }
}

fn datum(dimensions: &Dimensions, point: &Point, time: &str) -> Value {
    let dimensions: Vec<_> = dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    json!({
        "MetricName": point.name,
        "Dimensions": dimensions,
        "Timestamp": time,
        // One value: a datum may hold 150, and needs no more.
        "Value": point.json(),
        "Unit": point.unit.as_str(),
    })
}

/// Bytes of a value in a request, in the largest form that clients send: that of the query protocol, where each
/// member carries its whole path. JSON and CBOR take less.
fn form_bytes(dimensions: &Dimensions, point: &Point) -> usize {
    const MEMBER: usize = "&MetricData.member.1000.".len();
    const DIMENSION: usize = 2 * MEMBER + "Dimensions.member.30.Name=Dimensions.member.30.Value=".len();
    const OTHERS: usize = 4 * MEMBER + "MetricName=Timestamp=Value=Unit=".len() + 40 + 32 + 16;
    let dimensions: usize = dimensions.iter().map(|(name, value)| DIMENSION + form_text(name) + form_text(value)).sum();
    OTHERS + form_text(&point.name) + dimensions
}

/// Bytes of a text in a form: what is no letter, digit or one of `-_.~` takes three.
fn form_text(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) { 1 } else { 3 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Run;
    use crate::report::example::{self, HOSTILE};
    use crate::report::{Publication, emf};
    use crate::verdict::{Outcome, Verdict};
    use chrono::TimeDelta;
    use std::collections::HashSet;

    fn requests(run: &Run, publication: &Publication) -> Vec<Value> {
        let text = example::written(run, publication, write).expect("a report");
        assert!(text.lines().all(|line| line.len() <= limits::REQUEST_BYTES));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn every_metric() -> Publication {
        Publication { every_metric: true, ..Publication::default() }
    }

    fn data(request: &Value) -> &[Value] {
        request["MetricData"].as_array().expect("data")
    }

    /// Rules that differ in the end of a text.
    fn rules(count: usize, text: &str) -> Run {
        let rule = |number: usize| -> Outcome { example::outcome(&format!("{text} {number}"), Verdict::Pass) };
        example::run((0..count).map(rule).collect())
    }

    #[test]
    fn one_request_holds_what_alarms_read() {
        let found = requests(&rules(3, "RowCount >"), &Publication::default());
        let datum = |name: &str, value: u64| {
            json!({
                "MetricName": name,
                "Dimensions": [
                    { "Name": "CatalogId", "Value": "local" },
                    { "Name": "Database", "Value": "default" },
                    { "Name": "Ruleset", "Value": "rs" },
                    { "Name": "Table", "Value": "t" },
                ],
                "Timestamp": "2026-01-01T00:00:00.500Z",
                "Value": value,
                "Unit": "Count",
            })
        };
        let expected = json!({
            "Namespace": "Glue Data Quality",
            "MetricData": [datum("glue.data.quality.rules.passed", 3), datum("glue.data.quality.rules.failed", 0)],
        });
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_request_has_at_most_1000_metrics() {
        let found = requests(&rules(2000, "RowCount >"), &every_metric());
        let sizes: Vec<_> = found.iter().map(|request| data(request).len()).collect();
        assert_eq!(sizes, [1000, 1000, 7]);
        let names: HashSet<_> = found.iter().flat_map(data).map(|datum| datum["Dimensions"].to_string()).collect();
        assert_eq!(names.len(), 2001, "nothing is lost between requests");
    }

    #[test]
    fn a_request_has_at_most_a_megabyte_in_any_protocol() {
        let found = requests(&rules(900, &"é".repeat(1000)), &every_metric());
        assert!(found.len() > 1);
        assert_eq!(found.iter().map(|request| data(request).len()).sum::<usize>(), 907);
        for request in &found {
            let values = data(request).iter().flat_map(|datum| datum["Dimensions"].as_array().expect("dimensions"));
            let bytes: usize = values.map(|value| form_text(value["Value"].as_str().expect("a text"))).sum();
            assert!(bytes <= limits::REQUEST_BYTES, "{bytes}");
        }
    }

    #[test]
    fn a_form_is_larger_than_json() {
        for text in ["a", HOSTILE, "\"\\".repeat(500).as_str()] {
            let dimensions = limits::dimensions([("Rule", text)]);
            let point = Point { name: limits::name(text, 255), value: 1.0 / 3.0, unit: limits::Unit::None };
            let json = datum(&dimensions, &point, "2026-01-01T00:00:00.500Z").to_string();
            assert!(json.len() < form_bytes(&dimensions, &point), "{json}");
        }
    }

    #[test]
    fn a_datum_has_one_value_and_names_the_service_takes() {
        let mut run = rules(1, HOSTILE);
        run.outcomes.push(example::measured(HOSTILE, Verdict::Fail, &format!("Column.{HOSTILE}.Sum"), 0.1));
        let publication = Publication {
            table: Some(HOSTILE.into()),
            database: Some(" ".into()),
            catalog: Some(String::new()),
            ruleset: Some("ö".repeat(999)),
            ..every_metric()
        };
        for datum in requests(&run, &publication).iter().flat_map(data) {
            let members: Vec<_> = datum.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(members, ["MetricName", "Dimensions", "Timestamp", "Value", "Unit"]);
            let dimensions = datum["Dimensions"].as_array().expect("dimensions");
            let texts = dimensions.iter().flat_map(|dimension| [&dimension["Name"], &dimension["Value"]]);
            for text in texts.chain([&datum["MetricName"]]).map(|text| text.as_str().expect("a text")) {
                assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) && text.trim() == text, "{text}");
                assert!((1..=1024).contains(&text.len()), "{text}");
            }
        }
    }

    #[test]
    fn runs_of_another_time_and_wrong_namespaces_are_refused_as_a_whole() {
        let run = rules(1, "RowCount >");
        let sent =
            |days: i64| Publication { sent: Some(run.started + TimeDelta::days(days)), ..Publication::default() };
        let wrong = Publication { namespace: "AWS/Glue".into(), ..Publication::default() };
        for format in [write, emf::write] {
            assert!(example::written(&run, &sent(13), format).is_ok());
            for publication in [&sent(15), &sent(-1), &wrong] {
                assert!(example::written(&run, publication, format).is_err());
            }
        }
    }
}
