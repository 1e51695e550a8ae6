//! Formats for services and tools that collect results, read back by readers of their own and compared with the
//! JSON report of the same run.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NOW: &str = "2026-11-21T12:00:00Z";
const RULESET: &str = "rulesets/customers.dqdl";
const DATA: &str = "fixtures/data/customers.csv";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn dq() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(root());
    // Where these tests run must not show in what is printed.
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Exit code, stdout and stderr.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Every format of one run, the JSON report among them.
struct Reports(BTreeMap<String, String>);

const FORMATS: [&str; 8] =
    ["json", "cloudwatch", "emf", "eventbridge", "glue-s3", "jsonl", "openlineage", "prometheus"];

impl Reports {
    fn new(ruleset: &Path, data: &Path, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = dq();
        command.args(["check", "--quiet", "--now", NOW, "--ruleset"]).arg(ruleset).arg(data).args(arguments);
        for format in FORMATS {
            command.arg("--output").arg(format!("{format}={}", directory.path().join(format).display()));
        }
        let (code, _, stderr) = run(&mut command);
        assert_eq!(code, 1, "{stderr}");
        let read = |format: &str| std::fs::read_to_string(directory.path().join(format)).expect("a report");
        Self(FORMATS.iter().map(|format| (format.to_string(), read(format))).collect())
    }

    fn customers(arguments: &[&str]) -> Self {
        Self::new(Path::new(RULESET), Path::new(DATA), arguments)
    }

    /// A data set whose columns and rules have names that formats could stumble over.
    fn hostile() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("t.csv");
        std::fs::write(&data, "\"gr\u{f6}\u{df}e, \"\"cm\"\"\",a{b=1}\n1,x\n,y\n3,\n").expect("written");
        let ruleset = directory.path().join("r.dqdl");
        let rules = r#"Rules = [
            IsComplete "größe, \"cm\"",
            ColumnValues "a{b=1}" matches "[\\\"{}=,%<>&']+ ö" labels=["why"="\"</script>\""],
            IsComplete "a{b=1}",
            IsComplete "a{b=1}",
            RowCount = 3
        ]"#;
        std::fs::write(&ruleset, rules).expect("written");
        Self::new(&ruleset, &data, &["--metrics", "all"])
    }

    fn text(&self, format: &str) -> &str {
        self.0.get(format).expect("a format")
    }

    fn document(&self, format: &str) -> Value {
        serde_json::from_str(self.text(format)).expect("one JSON document")
    }

    fn lines(&self, format: &str) -> Vec<Value> {
        self.text(format).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Text, verdict and metrics of each rule in the JSON report.
    fn rules(&self) -> Vec<(String, bool, Value)> {
        let document = self.document("json");
        list(&document["rules"])
            .iter()
            .map(|rule| (text(&rule["rule"]), rule["verdict"] == "PASS", rule["metrics"].clone()))
            .collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_string()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// What `PutMetricData` would store.
fn from_requests(reports: &Reports) -> Series {
    let mut series = Series::new();
    for request in reports.lines("cloudwatch") {
        assert_eq!(request["Namespace"], "Glue Data Quality");
        for datum in list(&request["MetricData"]) {
            assert_eq!(datum["Timestamp"], "2026-11-21T12:00:00.000Z");
            let pairs = list(&datum["Dimensions"]).iter().map(|pair| (text(&pair["Name"]), text(&pair["Value"])));
            let key = (text(&datum["MetricName"]), pairs.collect());
            assert_eq!(series.insert(key, number(&datum["Value"])), None, "one value per series: {datum}");
        }
    }
    series
}

/// What CloudWatch Logs would make of the events.
fn from_events(reports: &Reports) -> Series {
    let mut series = Series::new();
    for event in reports.lines("emf") {
        assert_eq!(event["_aws"]["Timestamp"], 1_795_262_400_000_i64);
        for directive in list(&event["_aws"]["CloudWatchMetrics"]) {
            for set in list(&directive["Dimensions"]) {
                let names = list(set).iter().map(text);
                let dimensions: BTreeMap<_, _> = names.map(|name| (name.clone(), text(&event[&name]))).collect();
                for metric in list(&directive["Metrics"]) {
                    let name = text(&metric["Name"]);
                    let value = number(&event[&name]);
                    assert_eq!(series.insert((name, dimensions.clone()), value), None, "one value per series");
                }
            }
        }
    }
    series
}

fn dimensions(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn cloudwatch_gets_the_metrics_of_glue() {
    let reports = Reports::customers(&[]);
    let document = reports.document("json");
    let summary = &document["summary"];
    let own = dimensions(&[
        ("CatalogId", "local"),
        ("Database", "default"),
        ("Ruleset", "customers"),
        ("Table", "customers"),
    ]);
    let expected: Series = [("passed", &summary["passed"]), ("failed", &summary["failed"])]
        .into_iter()
        .map(|(name, value)| ((format!("glue.data.quality.rules.{name}"), own.clone()), number(value)))
        .collect();
    assert_eq!(summary["failed"], 3);
    assert_eq!(from_requests(&reports), expected);
    assert_eq!(from_events(&reports), expected);
}

#[test]
fn cloudwatch_gets_every_metric_if_asked_for() {
    for (reports, catalog) in [
        (Reports::customers(&["--metrics", "all", "--dataset", "1.shop.customers", "--ruleset-name", "r"]), "1"),
        (Reports::hostile(), "local"),
    ] {
        let found = from_requests(&reports);
        assert_eq!(found, from_events(&reports));
        assert!(found.keys().all(|(_, dimensions)| dimensions["CatalogId"] == catalog));
        let document = reports.document("json");
        let of_run = |name: &str| {
            let mut values = found.iter().filter(|((metric, set), _)| metric == name && set.len() == 4);
            values.next().map(|(_, value)| *value).expect("a metric of the run")
        };
        assert_eq!(of_run("dq.score"), number(&document["score"]));
        assert_eq!(of_run("dq.rows"), number(&document["data"]["rows"]));
        // Each rule has a set of dimensions, and in it its verdict and its metrics; equal rules share one.
        let rules: BTreeMap<_, _> =
            reports.rules().into_iter().map(|(rule, passed, metrics)| (rule, (passed, metrics))).collect();
        let sets: BTreeSet<_> = found.keys().map(|(_, set)| set).filter(|set| set.contains_key("Rule")).collect();
        assert_eq!(sets.len(), rules.len());
        let mut verdicts = 0;
        for (rule, (passed, metrics)) in &rules {
            // Other texts stand there escaped.
            if !rule.is_ascii() {
                continue;
            }
            let values: BTreeMap<_, _> = found
                .iter()
                .filter(|((_, set), _)| set.get("Rule") == Some(rule))
                .map(|((name, _), value)| (name.as_str(), *value))
                .collect();
            assert_eq!(values.get("dq.rule.passed"), Some(&f64::from(*passed)), "{rule}");
            for (name, value) in metrics.as_object().expect("metrics") {
                assert_eq!(values.get(name.as_str()), Some(&number(value)), "{rule}");
            }
            verdicts += 1;
        }
        assert!(verdicts >= 2);
    }
}

#[test]
fn the_event_is_that_of_glue_and_names_the_same_result() {
    let arguments = ["--job", "nightly", "--event-source", "shop.quality", "--event-bus", "quality"];
    let reports = Reports::customers(&arguments);
    let document = reports.document("json");
    let event = reports.document("eventbridge");
    let entry = &event["Entries"][0];
    assert_eq!([&entry["Source"], &entry["EventBusName"]], ["shop.quality", "quality"]);
    let detail: Value = serde_json::from_str(&text(&entry["Detail"])).expect("JSON");
    assert_eq!(detail["context"]["jobName"], "nightly");
    assert_eq!(detail["rulesetNames"], json!(["customers"]));
    assert_eq!(detail["score"], document["score"]);
    assert_eq!([&detail["numRulesSucceeded"], &detail["numRulesFailed"]], [19, 3]);
    let glue = run(dq().args(["check", "--now", NOW, "--format", "glue", "--ruleset", RULESET, DATA])).1;
    let glue: Value = serde_json::from_str(&glue).expect("JSON");
    assert_eq!(detail["resultId"], glue["ResultId"]);
}

#[test]
fn lines_for_s3_are_the_rules_and_lie_in_partitions() {
    for reports in [Reports::customers(&[]), Reports::hostile()] {
        let lines = reports.lines("glue-s3");
        let found: Vec<_> = lines
            .iter()
            .map(|line| (text(&line["rule"]), line["outcome"] == "Passed", line["evaluatedMetrics"].clone()))
            .collect();
        assert_eq!(found, reports.rules());
        for line in &lines {
            assert_eq!(line["evaluationStartedOn"], "2026-11-21 12:00:00.000");
            assert_eq!(line.get("failureReason").is_some(), line["outcome"] == "Failed", "{line}");
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let output = format!("glue-s3={}/results/", directory.path().display());
        let (code, _, stderr) =
            run(dq().args(["check", "-q", "--now", NOW, "--output", &output, "--ruleset", RULESET, DATA]));
        assert_eq!(code, 1, "{stderr}");
    }
    let day = directory.path().join("results/year=2026/month=11/day=21");
    let files: Vec<_> = std::fs::read_dir(day).expect("partitions").map(|file| file.expect("a file").path()).collect();
    let [file] = files.as_slice() else { panic!("the same run is one file, not {files:?}") };
    assert_eq!(std::fs::read_to_string(file).expect("a file").lines().count(), 22);
    // Other formats are files.
    let output = format!("json={}/", directory.path().display());
    assert_eq!(run(dq().args(["check", "-q", "--output", &output, "--ruleset", RULESET, DATA])).0, 4);
}

#[test]
fn lines_are_the_json_report_in_pieces() {
    for reports in [Reports::customers(&[]), Reports::hostile()] {
        let document = reports.document("json");
        let lines = reports.lines("jsonl");
        let (last, rules) = lines.split_last().expect("lines");
        assert_eq!(rules.len(), list(&document["rules"]).len());
        for (line, rule) in rules.iter().zip(list(&document["rules"])) {
            let members = rule.as_object().expect("an object");
            assert!(members.iter().all(|(name, value)| line[name] == *value), "{line}");
            assert_eq!(line["kind"], "rule");
        }
        assert_eq!(last["kind"], "run");
        for name in ["summary", "data", "score", "tool", "version", "started", "ruleset"] {
            assert_eq!(last[name], document[name], "{name}");
        }
    }
}

/// A reader of Prometheus' text: name, labels and value of a sample.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (name, mut rest) = line.split_once('{').expect("labels");
    let mut labels = BTreeMap::new();
    while !rest.starts_with('}') {
        let (label, quoted) = rest.trim_start_matches(',').split_once("=\"").expect("a label");
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match characters.next().expect("an escaped character").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("\\{c} in {line}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert_eq!(labels.insert(label.to_string(), value), None, "{line}");
        rest = &quoted[end + 1..];
    }
    let value = rest.trim_start_matches('}').trim();
    (name.to_string(), labels, value.parse().expect("a number"))
}

#[test]
fn prometheus_reads_the_rules_and_their_metrics() {
    for reports in [Reports::customers(&[]), Reports::hostile()] {
        let content = reports.text("prometheus");
        assert!(content.ends_with('\n'));
        let typed: BTreeSet<_> =
            content.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")).collect();
        let mut samples = BTreeMap::new();
        for line in content.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels, value) = sample(line);
            assert!(typed.contains(name.as_str()), "{name} has a type");
            assert_eq!(samples.insert((name, labels), value), None, "one sample per series: {line}");
        }
        let document = reports.document("json");
        let find = |name: &str, wanted: &[(&str, &str)]| {
            let wanted = |labels: &BTreeMap<String, String>| {
                wanted.iter().all(|(label, value)| labels.get(*label).is_some_and(|own| own == value))
            };
            samples.iter().find(|((own, labels), _)| own == name && wanted(labels)).map(|(_, value)| *value)
        };
        assert_eq!(find("dq_score", &[]), Some(number(&document["score"])));
        assert_eq!(find("dq_rules", &[("verdict", "fail")]), Some(number(&document["summary"]["failed"])));
        assert_eq!(find("dq_run_timestamp_seconds", &[]), Some(1_795_262_400.0));
        assert_eq!(find("dq_run_duration_seconds", &[]), None, "with --now, no times that differ");
        for (position, (rule, passed, metrics)) in reports.rules().iter().enumerate() {
            let name = format!("Rule_{}", position + 1);
            let of_rule = [("name", name.as_str()), ("rule", rule.as_str())];
            assert_eq!(find("dq_rule_passed", &of_rule), Some(f64::from(*passed)), "{rule}");
            for (metric, value) in metrics.as_object().expect("metrics") {
                let labels = [of_rule[0], of_rule[1], ("metric", metric.as_str())];
                assert_eq!(find("dq_metric", &labels), Some(number(value)), "{rule}");
            }
        }
    }
}

#[test]
fn lineage_has_the_rules_as_assertions() {
    for (reports, name) in [(Reports::customers(&[]), Some(DATA)), (Reports::hostile(), None)] {
        let event = reports.document("openlineage");
        assert_eq!(event["eventType"], "COMPLETE");
        assert_eq!(event["eventTime"], "2026-11-21T12:00:00.000Z");
        let input = &event["inputs"][0];
        assert!(name.is_none_or(|name| input["name"] == name));
        let facets = &input["inputFacets"];
        let found: Vec<_> = list(&facets["dataQualityAssertions"]["assertions"])
            .iter()
            .map(|assertion| (text(&assertion["assertion"]), assertion["success"] == true))
            .collect();
        let rules: Vec<_> = reports.rules().into_iter().map(|(rule, passed, _)| (rule, passed)).collect();
        assert_eq!(found, rules);
        let metrics = &facets["dataQualityMetrics"];
        assert_eq!(metrics["rowCount"], reports.document("json")["data"]["rows"]);
        if name.is_some() {
            assert_eq!(metrics["columnMetrics"]["country"]["nullCount"], 2);
        }
        for facet in facets.as_object().expect("facets").values() {
            assert!(facet["_producer"].is_string() && facet["_schemaURL"].is_string());
        }
    }
}

#[test]
fn names_that_services_refuse_are_refused_before_anything_is_read() {
    for arguments in [
        ["--cloudwatch-namespace", "AWS/Glue"],
        ["--event-source", "aws.glue-dataquality"],
        ["--event-bus", "a bus"],
        ["--region", "here!"],
        ["--dataset", "a..b"],
        ["--job", " "],
        ["--metrics", "some"],
    ] {
        let (code, stdout, stderr) = run(dq().args(["check", "--ruleset", RULESET, "nowhere.csv"]).args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
    }
}

#[test]
fn reports_follow_their_schemas() {
    let schema = |name: &str| -> Value {
        let path = root().join("docs/schemas").join(format!("{name}.schema.json"));
        serde_json::from_str(&std::fs::read_to_string(path).expect("a schema")).expect("JSON")
    };
    let valid = |schema: &Value, document: &Value| {
        let validator = jsonschema::validator_for(schema).expect("a schema");
        let errors: Vec<_> =
            validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}");
    };
    let everything = ["--metrics", "all", "--dataset", "123456789012.shop.customers", "--region", "eu-central-1"];
    for reports in [Reports::customers(&everything), Reports::customers(&["--job", "nightly"]), Reports::hostile()] {
        for format in ["cloudwatch", "emf"] {
            reports.lines(format).iter().for_each(|line| valid(&schema(format), line));
        }
        let (events, document) = (schema("eventbridge"), reports.document("eventbridge"));
        valid(&events, &document);
        let detail: Value = serde_json::from_str(&text(&document["Entries"][0]["Detail"])).expect("JSON");
        valid(&events["$defs"]["detail"], &detail);
    }
    let broken = json!({ "Namespace": "AWS/Glue", "MetricData": [] });
    assert!(!jsonschema::is_valid(&schema("cloudwatch"), &broken), "the schema tells right from wrong");
}
