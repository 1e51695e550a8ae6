//! DetectAnomalies and observations, as users see them: a history of past runs, a check, what is said of it.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A directory with a history and data.
struct Place(tempfile::TempDir);

const NOW: &str = "2026-11-21T12:00:00Z";

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes runs of the days before today, the first the oldest, each with these numbers.
    fn past(&self, runs: &[Value]) {
        let today = chrono::DateTime::parse_from_rfc3339(NOW).expect("a time");
        let lines = runs.iter().enumerate().map(|(position, points)| {
            let time = today - chrono::Duration::days((runs.len() - position) as i64);
            let line = json!({
                "dq_history": 1,
                "dataset": "sales",
                "run": format!("{:040x}", position + 1),
                "time": time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
                "ruleset": "rules.dqdl",
                "rows": 100,
                "points": points,
            });
            format!("{line}\n")
        });
        std::fs::write(self.path("history.jsonl"), lines.collect::<String>()).expect("written");
    }

    /// Past runs of about a hundred rows.
    fn rows_of(&self, days: usize) {
        let points = |day: usize| json!([{ "metric": "Dataset.*.RowCount", "value": 98 + day * 7 % 5 }]);
        self.past(&(0..days).map(points).collect::<Vec<_>>());
    }

    fn data(&self, content: &str) {
        std::fs::write(self.path("sales.csv"), content).expect("written");
    }

    fn numbers(&self, count: usize) {
        let lines: String = (0..count).map(|number| format!("{number}\n")).collect();
        self.data(&format!("a\n{lines}"));
    }

    /// Checks the data with rules, and with the history unless told otherwise.
    fn check(&self, rules: &str, arguments: &[&str]) -> Ran {
        self.document(&format!("Rules = [ {rules} ]"), true, arguments)
    }

    fn document(&self, document: &str, history: bool, arguments: &[&str]) -> Ran {
        std::fs::write(self.path("rules.dqdl"), document).expect("written");
        let mut all = vec!["check", "--ruleset", "rules.dqdl", "--dataset", "sales", "--now", NOW, "--quiet"];
        if history {
            all.extend(["--history", "history.jsonl", "--no-record"]);
        }
        all.extend(arguments);
        all.push("sales.csv");
        self.dq(&all)
    }

    fn dq(&self, arguments: &[&str]) -> Ran {
        dq(self.0.path(), arguments)
    }
}

fn dq(directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(directory).args(arguments).env_remove("NO_COLOR");
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

#[test]
fn a_value_as_before_passes_and_another_one_fails_with_its_band() {
    let place = Place::new();
    place.rows_of(30);
    place.numbers(100);
    let usual = place.check("DetectAnomalies \"RowCount\"", &["--format", "json"]);
    assert_eq!(usual.code, 0, "{}", usual.stdout);
    let seen = &usual.json()["observations"][0];
    assert_eq!((&seen["anomalous"], &seen["actual"], &seen["points"]), (&json!(false), &json!(100.0), &json!(30)));

    place.numbers(5);
    let odd = place.check("DetectAnomalies \"RowCount\"", &["--format", "json"]);
    assert_eq!(odd.code, 1, "{}", odd.stdout);
    let result = odd.json();
    let seen = &result["observations"][0];
    assert_eq!(seen["metric"], "Dataset.*.RowCount");
    assert_eq!(seen["anomalous"], true);
    let number = |name: &str| seen[name].as_f64().unwrap_or_else(|| panic!("{name} in {seen}"));
    assert!(number("lower") > 80.0 && number("upper") < 120.0, "{seen}");
    assert!(number("lower") < number("expected") && number("expected") < number("upper"), "{seen}");
    assert_eq!(result["rules"][0]["message"], seen["description"]);
    assert_eq!(result["rules"][0]["metrics"]["Dataset.*.RowCount"], 5.0);
    assert_eq!(result["rules"][0]["code"], Value::Null);

    let text = place.check("DetectAnomalies \"RowCount\"", &[]).stdout;
    assert!(text.contains("RowCount of the data is 5, outside of "), "{text}");
    assert!(text.contains("a rule for it: RowCount between "), "{text}");
}

#[test]
fn two_past_values_are_too_few_and_that_is_said() {
    let place = Place::new();
    place.rows_of(2);
    place.numbers(5);
    let ran = place.check("DetectAnomalies \"RowCount\"", &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let result = ran.json();
    assert_eq!(result["rules"][0]["verdict"], "PASS");
    let said = "RowCount of the data is 5: needs more data, 2 of 3 past values";
    assert_eq!(result["rules"][0]["message"], said);
    let seen = &result["observations"][0];
    assert_eq!(
        (&seen["needs_more_data"], &seen["expected"], &seen["anomalous"]),
        (&json!(true), &Value::Null, &json!(false))
    );
    let text = place.check("DetectAnomalies \"RowCount\"", &[]).stdout;
    assert!(text.contains("note: 1 metric needs more past values"), "{text}");
}

#[test]
fn without_a_history_nothing_is_judged() {
    let place = Place::new();
    place.numbers(5);
    let ran = place.document("Rules = [ DetectAnomalies \"RowCount\", RowCount = 5 ]", false, &["--format", "json"]);
    assert_eq!(ran.code, 3);
    let result = ran.json();
    assert_eq!(result["rules"][0]["code"], "no_history");
    assert!(result["rules"][0]["help"].as_str().is_some_and(|help| help.contains("--history")));
    assert_eq!(result["rules"][1]["verdict"], "PASS");
    assert_eq!(result.get("observations"), None);
    let usage = place.document("Rules = [ RowCount = 5 ]", false, &["--observe", "all"]);
    assert_eq!(usage.code, 2);
    assert!(usage.stderr.contains("--history"), "{}", usage.stderr);
}

#[test]
fn a_wrong_inner_type_is_shown_with_its_place_and_spoils_only_its_rule() {
    let place = Place::new();
    place.rows_of(5);
    place.numbers(5);
    let rules = "DetectAnomalies \"Completness\" \"a\", DetectAnomalies \"RowCount\" \"a\", \
                 DetectAnomalies of \"Mean\" of \"zz\", DetectAnomalies \"IsComplete\" \"a\", RowCount = 5";
    let ran = place.check(rules, &["--format", "json"]);
    assert_eq!(ran.code, 3);
    let result = ran.json();
    let codes: Vec<_> = (0..5).map(|rule| result["rules"][rule]["code"].clone()).collect();
    assert_eq!(
        codes,
        [json!("inner_type"), json!("inner_type"), json!("unknown_column"), json!("inner_type"), Value::Null]
    );
    assert_eq!(result["rules"][4]["verdict"], "PASS");
    let lint = place.dq(&["lint", "--format", "json", "rules.dqdl"]);
    assert_eq!(lint.stdout.matches("rules::not_evaluated").count(), 3, "{}", lint.stdout);
    assert!(lint.stdout.contains("did you mean `Completeness`?"), "{}", lint.stdout);
    assert!(lint.stdout.contains("RowCount takes 0 parameters, 1 is given"), "{}", lint.stdout);
}

#[test]
fn of_several_metrics_none_may_be_anomalous() {
    let place = Place::new();
    let points = |day: usize| {
        json!([
            { "metric": "Column.a.Minimum", "value": day % 2 },
            { "metric": "Column.a.Maximum", "value": 50 + day % 3 },
        ])
    };
    place.past(&(0..20).map(points).collect::<Vec<_>>());
    place.data("a\n0\n51\n");
    assert_eq!(place.check("DetectAnomalies \"ColumnValues\" \"a\"", &[]).code, 0);
    place.data("a\n0\n900\n");
    let ran = place.check("DetectAnomalies \"ColumnValues\" \"a\"", &["--format", "json"]);
    assert_eq!(ran.code, 1);
    let seen = ran.json()["observations"].clone();
    assert_eq!((&seen[0]["metric"], &seen[0]["anomalous"]), (&json!("Column.a.Maximum"), &json!(true)));
    assert_eq!((&seen[1]["metric"], &seen[1]["anomalous"]), (&json!("Column.a.Minimum"), &json!(false)));
}

#[test]
fn queries_columns_lengths_and_correlations_are_watched() {
    let place = Place::new();
    let query = "select count(*) from primary where a > 1";
    let points = |day: usize| {
        json!([
            { "metric": "Dataset.*.CustomSQL", "detail": query, "value": 1 },
            { "metric": "Dataset.*.ColumnCount", "value": 3 },
            { "metric": "Column.t.MaximumLength", "value": 4 },
            { "metric": "Column.t.MinimumLength", "value": 1 },
            { "metric": "Multicolumn.a,b.ColumnCorrelation", "value": 1.0 },
            { "metric": "Column.a.Mean", "value": 1.5 + (day % 2) as f64 / 10.0 },
        ])
    };
    place.past(&(0..20).map(points).collect::<Vec<_>>());
    place.data("a,b,t\n1,1,x\n2,2,abcd\n");
    let rules = format!(
        "DetectAnomalies \"CustomSQL\" \"{query}\", DetectAnomalies \"CustomSql\" \"{query}\", \
         DetectAnomalies of ColumnCount, DetectAnomalies \"ColumnLength\" \"t\", \
         DetectAnomalies of \"ColumnCorrelation\" of \"a\" and \"b\", DetectAnomalies of Mean of \"a\""
    );
    let ran = place.check(&rules, &["--format", "json"]);
    let result = ran.json();
    for (number, verdict) in ["PASS", "PASS", "PASS", "PASS", "PASS", "PASS"].iter().enumerate() {
        assert_eq!(&result["rules"][number]["verdict"], verdict, "{}", result["rules"][number]);
    }
    let counted: Vec<_> =
        result["observations"].as_array().expect("a list").iter().map(|seen| seen["points"].clone()).collect();
    // Each number once, though two rules ask for the query's.
    assert_eq!(counted, vec![json!(20); 6]);
    place.data("a,b,t,u\n1,9,xy,1\n2,2,abcd,1\n100,0,abcdefghijkl,1\n");
    let result = place.check(&rules, &["--format", "json"]).json();
    for number in 0..6 {
        assert_eq!(result["rules"][number]["verdict"], "FAIL", "{}", result["rules"][number]);
    }
}

#[test]
fn all_numbers_are_watched_on_demand_without_a_verdict() {
    let place = Place::new();
    let points = |_: usize| {
        json!([
            { "metric": "Dataset.*.RowCount", "value": 4 },
            { "metric": "Column.a.Completeness", "value": 1.0 },
            { "metric": "Column.a.Mean", "value": 1000.0 },
        ])
    };
    place.past(&(0..20).map(points).collect::<Vec<_>>());
    place.data("i,a\n1,1\n2,\n3,\n4,1\n");
    let document = "Rules = [ RowCount = 4 ]\nAnalyzers = [ Completeness \"a\", Mean \"a\", ColumnCount ]";
    let silent = place.document(document, true, &["--format", "json"]);
    assert_eq!((silent.code, silent.json().get("observations")), (0, None));
    let ran = place.document(document, true, &["--format", "json", "--observe", "all"]);
    assert_eq!(ran.code, 0, "observations change no verdict");
    let result = ran.json();
    assert_eq!(result["score"], 1.0);
    // The mean generates none in Glue, and the number of columns was never recorded.
    let seen: Vec<_> = result["observations"].as_array().expect("a list").iter().collect();
    assert_eq!(seen.len(), 2, "{result}");
    assert_eq!((&seen[0]["metric"], &seen[0]["anomalous"]), (&json!("Column.a.Completeness"), &json!(true)));
    assert_eq!(seen[1]["metric"], "Dataset.*.RowCount");
}

#[test]
fn observations_stand_in_every_report_and_a_saved_one_gives_the_same() {
    let place = Place::new();
    place.rows_of(30);
    place.numbers(5);
    let rules = "DetectAnomalies \"RowCount\", DetectAnomalies \"Mean\" \"a\"";
    let of_format = |format: &str| place.check(rules, &["--format", format]).stdout;
    let glue: Value = serde_json::from_str(&of_format("glue")).expect("JSON");
    let seen = &glue["Observations"][0];
    let values = &seen["MetricBasedObservation"]["MetricValues"];
    assert_eq!(seen["MetricBasedObservation"]["MetricName"], "Dataset.*.RowCount");
    assert_eq!(values["ActualValue"], 5.0);
    for name in ["ExpectedValue", "LowerLimit", "UpperLimit"] {
        assert!(values[name].is_f64(), "{seen}");
    }
    assert!(seen["MetricBasedObservation"]["NewRules"][0].as_str().is_some_and(|rule| rule.starts_with("RowCount ")));
    assert!(glue["Observations"][1]["Description"].as_str().is_some_and(|text| text.contains("needs more data")));
    let html = of_format("html");
    assert!(html.contains("<section id=\"observations\"") && html.contains("<svg class=\"past\""), "{html}");
    assert!(html.contains("role=\"img\" aria-label=\"30 past values from 2026-10-22 to 2026-11-20; "), "{html}");

    std::fs::write(place.path("saved.json"), of_format("json")).expect("written");
    // That one is made of files below a directory.
    for format in dq::report::FORMATS.iter().filter(|format| format.name != "glue-s3") {
        let again = place.dq(&["report", "--dataset", "sales", "--format", format.name, "saved.json"]).stdout;
        assert_eq!(again, of_format(format.name), "{}", format.name);
    }
}

#[test]
fn json_with_observations_follows_its_schema() {
    let place = Place::new();
    place.rows_of(30);
    place.numbers(5);
    let schema = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/result.schema.json"));
    let schema: Value = serde_json::from_str(&schema.expect("a schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let result =
        place.check("DetectAnomalies \"RowCount\", DetectAnomalies \"Mean\" \"a\"", &["--format", "json"]).json();
    let errors: Vec<_> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn damaged_observations_of_a_saved_report_are_refused_with_their_place() {
    let place = Place::new();
    place.rows_of(30);
    place.numbers(5);
    let sound = place.check("DetectAnomalies \"RowCount\"", &["--format", "json"]).json();
    let refused = |pointer: &str, value: Value| {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(pointer).expect("a field") = value;
        std::fs::write(place.path("saved.json"), damaged.to_string()).expect("written");
        let ran = place.dq(&["report", "saved.json"]);
        assert_eq!(ran.code, 3, "{pointer}: {}", ran.stdout);
        ran.stderr
    };
    assert!(refused("/observations/0/lower", json!("x")).contains("observations[0].lower: a number"));
    assert!(refused("/observations/0/lower", Value::Null).contains("with none of them"));
    assert!(refused("/observations/0/lower", json!(1e9)).contains("not above the upper one"));
    assert!(refused("/observations/0/past/3/time", json!("never")).contains("observations[0].past[3].time: a time"));
    let one = sound["observations"][0].clone();
    assert!(refused("/observations", Value::Array(vec![one; 51])).contains("at most 50 observations"));
}

#[test]
fn composites_know_anomalies_too() {
    let place = Place::new();
    place.rows_of(30);
    place.numbers(5);
    assert_eq!(place.check("(DetectAnomalies \"RowCount\") or (RowCount = 5)", &[]).code, 0);
    let ran = place.check("(DetectAnomalies \"RowCount\") and (RowCount = 5)", &["--format", "json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["observations"][0]["anomalous"], true);
}

#[test]
fn what_is_recorded_is_what_is_expected_later() {
    let place = Place::new();
    std::fs::write(place.path("rules.dqdl"), "Rules = [ DetectAnomalies \"RowCount\" ]").expect("written");
    let verdict = |day: usize, rows: usize| {
        place.numbers(rows);
        let now = format!("2026-11-{day:02}T06:00:00Z");
        let arguments = ["check", "-r", "rules.dqdl", "-q", "--history", "history.jsonl", "--dataset", "sales"];
        place.dq(&[&arguments[..], &["--now", &now, "sales.csv"]].concat()).code
    };
    for day in 1..=12 {
        assert_eq!(verdict(day, 100 + day % 3), 0, "day {day}");
    }
    assert_eq!(verdict(13, 0), 1, "an empty delivery");
    // Past anomalies move nothing.
    assert_eq!(verdict(14, 101), 0);
    assert_eq!(verdict(15, 1_000), 1);
}
