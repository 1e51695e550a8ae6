//! Operands with past values, from the command line: what they come to, what is said when there
//! is too little, what is remembered, and that every report shows it.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::rules::{BindOptions, Target};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn dq(arguments: &[&str], stdin: &str) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.env_remove("NO_COLOR");
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    let output = command.args(arguments).write_stdin(stdin).output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// A directory with data of three rows and a history that is not there yet.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().expect("a directory") };
        std::fs::write(place.path("t.csv"), "a,s\n1,7\n2,x\n3,\n").expect("written");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn history(&self) -> PathBuf {
        self.path("history.jsonl")
    }

    /// Adds a run of a day of January 2026 to the history of the dataset `t`.
    fn remember(&self, day: u32, points: Value) {
        let line = json!({
            "dq_history": 1,
            "dataset": "t",
            "run": format!("{day:040x}"),
            "time": format!("2026-01-{day:02}T00:00:00.000000Z"),
            "ruleset": "rules",
            "rows": 3,
            "points": points,
        });
        let mut file = std::fs::File::options().create(true).append(true).open(self.history()).expect("a file");
        // The order of members is part of the format.
        writeln!(file, "{line}").expect("written");
    }

    /// Checks rules on the day after January with these arguments.
    fn check(&self, rules: &str, arguments: &[&str]) -> Ran {
        let data = self.path("t.csv").display().to_string();
        let own = ["check", "--ruleset", "-", data.as_str()];
        let text = if rules.contains("Rules =") { rules.to_string() } else { format!("Rules = [ {rules} ]") };
        dq(&[&own[..], arguments].concat(), &text)
    }

    /// The same with the history, which is not changed.
    fn with_past(&self, rules: &str, arguments: &[&str]) -> Ran {
        let history = self.history().display().to_string();
        let own = ["--history", history.as_str(), "--no-record", "--now", "2026-02-01T00:00:00Z"];
        self.check(rules, &[&own[..], arguments].concat())
    }

    /// The first rule of the JSON report.
    fn outcome(&self, rule: &str) -> Value {
        let ran = self.with_past(rule, &["--format", "json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{rule}: {}", ran.stderr));
        report["rules"][0].clone()
    }

    /// A run of a day that is remembered.
    fn run(&self, rules: &str, day: &str, arguments: &[&str]) -> Ran {
        let history = self.history().display().to_string();
        let now = format!("{day}T00:00:00Z");
        self.check(rules, &[&["--history", history.as_str(), "--now", now.as_str()][..], arguments].concat())
    }
}

/// Row counts of three days, the newest of which is 10.
fn three_days() -> Place {
    let place = Place::new();
    for (day, rows) in [(1, 60), (2, 20), (3, 10)] {
        place.remember(day, json!([{ "metric": "Dataset.*.RowCount", "value": rows }]));
    }
    place
}

#[test]
fn every_function_works_on_what_past_runs_measured() {
    let place = three_days();
    for (rule, verdict, evaluated) in [
        ("RowCount < last()", "PASS", "RowCount < 10"),
        ("RowCount < avg(last(3))", "PASS", "RowCount < 30"),
        ("RowCount = median(last(3)) - 17", "PASS", "RowCount = 3"),
        ("RowCount between min(last(3)) - 10 and max(last(3))", "PASS", "RowCount between 0 and 60"),
        ("RowCount not between 1 and index(last(3), 1)", "FAIL", "RowCount not between 1 and 20"),
        ("RowCount in [last(), 3, index(last(3), 1)]", "PASS", "RowCount in [10,3,20]"),
        ("RowCount > sum(last(2))", "FAIL", "RowCount > 30"),
        ("RowCount < std(last(2))", "PASS", "RowCount < 5"),
        ("RowCount > abs(last() - index(last(3), 2)) / 10", "FAIL", "RowCount > 5"),
        // From left to right: (10 + 2) * 0.25
        ("RowCount >= last() + 2 * 0.25", "PASS", "RowCount >= 3"),
        ("RowCount >= last() + (2 * 0.25)", "FAIL", "RowCount >= 10.5"),
    ] {
        let outcome = place.outcome(rule);
        assert_eq!(outcome["verdict"], verdict, "{rule}: {outcome}");
        assert_eq!(outcome["evaluated"], evaluated, "{rule}");
        let note = outcome["message"].as_str().unwrap_or("");
        assert!(!note.contains("past run"), "nothing is missing: {note}");
        // The evaluated text is a rule again, with the same verdict.
        assert_eq!(place.outcome(evaluated)["verdict"], verdict, "{evaluated}");
    }
}

#[test]
fn operands_without_a_number_are_errors() {
    let place = three_days();
    for (rule, code) in [
        ("RowCount > last(3)", "operand"),
        ("RowCount > 2 * last(3)", "operand"),
        ("RowCount > percentile(last(3), 0.9)", "operand"),
        ("RowCount > avg(last(3), last(2))", "operand"),
        ("RowCount > avg(last(3)) + NULL", "operand"),
        ("RowCount > index(last(9), 5)", "past_values"),
        ("RowCount > 1 / (last() - 10)", "past_values"),
        ("RowCount != (last() - 10) / (last() - 10)", "past_values"),
        (r#"ColumnValues "a" > last()"#, "operand"),
        (r#"ColumnValues "a" > 0 with threshold > last()"#, "operand"),
        (r#"ColumnLength "s" < avg(last(3))"#, "operand"),
    ] {
        let outcome = place.outcome(rule);
        assert_eq!((&outcome["verdict"], &outcome["code"]), (&json!("ERROR"), &json!(code)), "{rule}: {outcome}");
        assert_eq!(outcome.get("evaluated"), None, "{rule}");
    }
    let far = place.outcome("RowCount > index(last(9), 5)");
    assert_eq!(far["message"], "`index(last(9),5)`: there is no value at position 5 among those of 3 past runs");
}

#[test]
fn without_a_history_nothing_is_guessed() {
    let place = Place::new();
    let ran = place.check("RowCount > avg(last(3)), RowCount = 3", &["--format", "json"]);
    assert_eq!(ran.code, 3);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["rules"][0]["code"], "no_history");
    assert!(report["rules"][0]["help"].as_str().expect("help").contains("--history"));
    assert_eq!(report["rules"][1]["verdict"], "PASS", "the other rule is not touched");
    // What asks for no past value needs none.
    assert_eq!(place.check("RowCount = abs(0 - 3)", &[]).code, 0);
}

#[test]
fn runs_are_remembered_once_and_too_few_of_them_are_a_note() {
    let place = Place::new();
    let rules = "RowCount > avg(last(2)) - 1";
    let first = place.run(rules, "2026-01-01", &[]);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let note = "note: Rule_1 passes. No past run has a value: last(2) is 0";
    assert!(first.stdout.contains(note), "{}", first.stdout);
    let second = place.run(rules, "2026-01-02", &["--format", "json"]);
    let report: Value = serde_json::from_str(&second.stdout).expect("JSON");
    assert_eq!(report["rules"][0]["evaluated"], "RowCount > 2");
    assert_eq!(report["rules"][0]["message"], "last(2) has only the value of 1 past run");
    let remembered = std::fs::read(place.history()).expect("a history");
    // The same run again sees the same past and leaves the same history.
    let again = place.run(rules, "2026-01-02", &["--format", "json"]);
    assert_eq!(again.stdout, second.stdout);
    assert_eq!(std::fs::read(place.history()).expect("a history"), remembered);
    let third = place.run("RowCount < avg(last(2))", "2026-01-03", &["--no-record"]);
    assert_eq!(third.code, 1);
    assert!(third.stdout.contains("evaluated: RowCount < 3"), "{}", third.stdout);
    assert!(!third.stdout.contains("past run"), "{}", third.stdout);
    assert_eq!(std::fs::read(place.history()).expect("a history"), remembered, "--no-record");
}

#[test]
fn runs_of_the_same_time_and_later_are_not_past() {
    let place = three_days();
    let sum = |day: &str| {
        let ran = place.run("RowCount < sum(last(9))", day, &["--no-record", "--format", "json"]);
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        report["rules"][0]["evaluated"].clone()
    };
    assert_eq!(sum("2026-01-04"), "RowCount < 90");
    assert_eq!(sum("2026-01-03"), "RowCount < 80");
    assert_eq!(sum("2026-01-01"), "RowCount < 0");
}

#[test]
fn old_runs_are_dropped_where_few_are_kept() {
    let place = Place::new();
    for day in ["2026-01-01", "2026-01-02", "2026-01-03"] {
        assert_eq!(place.run("RowCount = 3", day, &["--keep-runs", "2"]).code, 0);
    }
    let outcome = place.outcome("RowCount < sum(last(9))");
    assert_eq!(outcome["evaluated"], "RowCount < 6");
}

#[test]
fn composites_and_thresholds_show_what_their_parts_came_to() {
    let place = three_days();
    let rule = r#"((RowCount > last()) or (IsComplete "a")) labels = ["team" = "x"]"#;
    let outcome = place.outcome(rule);
    assert_eq!(outcome["verdict"], "PASS");
    assert_eq!(outcome["evaluated"], r#"((RowCount > 10) OR (IsComplete "a")) labels=["team"="x"]"#);
    assert_eq!(outcome["operands"][0]["evaluated"], "RowCount > 10");
    assert_eq!(outcome["operands"][1].get("evaluated"), None);

    let share = |value: f64| {
        json!([{
            "metric": "Column.s.ColumnDataType.Compliance",
            "detail": "= \"Integer\"",
            "value": value,
        }])
    };
    place.remember(4, share(0.5));
    place.remember(5, share(0.25));
    let outcome = place.outcome(r#"ColumnDataType "s" = "Integer" with threshold < avg(last(2))"#);
    assert_eq!(outcome["evaluated"], r#"ColumnDataType "s" = "Integer" with threshold < 0.375"#);
    assert_eq!(outcome["verdict"], "PASS", "one of three: {outcome}");
    // Another type is another number.
    let outcome = place.outcome(r#"ColumnDataType "s" = "Double" with threshold > avg(last(2))"#);
    assert_eq!(outcome["evaluated"], r#"ColumnDataType "s" = "Double" with threshold > 0"#);
}

#[cfg(feature = "sql")]
#[test]
fn numbers_of_one_name_have_their_own_past() {
    let place = Place::new();
    let rules = r#"
        CustomSql "select count(*) from primary" >= last(),
        CustomSql "select min(a) from primary" >= last(),
        RowCount >= last() where "a > 1",
        RowCount >= last()"#;
    assert_eq!(place.run(rules, "2026-01-01", &[]).code, 0);
    let ran = place.run(rules, "2026-01-02", &["--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let evaluated: Vec<_> = report["rules"].as_array().expect("rules").iter().map(|rule| &rule["evaluated"]).collect();
    assert_eq!(
        evaluated,
        [
            r#"CustomSql "select count(*) from primary" >= 3"#,
            r#"CustomSql "select min(a) from primary" >= 1"#,
            r#"RowCount >= 2 where "a > 1""#,
            "RowCount >= 3",
        ]
    );
}

#[test]
fn every_report_shows_it_and_shows_it_again() {
    let place = three_days();
    let rules = r#"Rules = [
        RowCount < avg(last(5)), RowCount > last(), Completeness "s" > last(3),
        (RowCount < last()) and (Completeness "s" >= avg(last(4)))
    ]"#;
    let saved = place.path("saved.json");
    std::fs::write(&saved, place.with_past(rules, &["--format", "json"]).stdout).expect("written");
    for format in dq::report::FORMATS {
        let before = place.with_past(rules, &["--format", format.name]);
        let after = dq(&["report", "--format", format.name, saved.to_str().expect("UTF-8")], "");
        assert_eq!(before.stdout, after.stdout, "{}", format.name);
    }
    let glue: Value = serde_json::from_str(&place.with_past(rules, &["--format", "glue"]).stdout).expect("JSON");
    let results = glue["RuleResults"].as_array().expect("results");
    let evaluated: Vec<_> = results.iter().map(|result| result["EvaluatedRule"].as_str().unwrap_or("")).collect();
    assert_eq!(
        evaluated,
        [
            "RowCount < 30",
            "RowCount > 10",
            r#"Completeness "s" > last(3)"#,
            r#"(RowCount < 10) AND (Completeness "s" >= 0)"#
        ]
    );
    assert_eq!(results[1]["Description"], "RowCount > last()");
    assert_eq!(results[0]["EvaluationMessage"], "last(5) has only the values of 3 past runs");
    let page = place.with_past(rules, &["--format", "html"]).stdout;
    for text in ["RowCount &lt; 30", "RowCount &gt; 10", "last(5) has only the values of 3 past runs"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn histories_that_cannot_be_used_have_their_exit_codes() {
    let place = Place::new();
    std::fs::write(place.history(), "no history\n").expect("written");
    let ran = place.run("RowCount = 3", "2026-01-01", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "nothing is checked: {}", ran.stderr);
    let ran = place.check("RowCount = 3", &["--history", "/nowhere/at/all.jsonl"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stdout.contains("PASS"), "the report is written: {}", ran.stdout);
    assert_eq!(place.check("RowCount = 3", &["--no-record"]).code, 2);
    assert_eq!(place.check("RowCount = 3", &["--history", "x.jsonl", "--keep-runs", "0"]).code, 2);
    let data = place.path("t.csv").display().to_string();
    let ran = place.check("RowCount = 3", &["--history", &data]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn a_dataset_that_nobody_knows_is_said() {
    let place = three_days();
    let ran = place.with_past("RowCount > last()", &["--dataset", "other"]);
    assert!(ran.stderr.contains("has no runs of other, but of t: --dataset names the data"), "{}", ran.stderr);
    assert_eq!(place.with_past("RowCount > last()", &[]).stderr, "");
}

#[test]
fn runs_leave_every_number_once() {
    let place = Place::new();
    let measured = |rules: &str| -> Vec<String> {
        let options = BindOptions { now: chrono::Utc::now(), target: Target::Dq };
        let ruleset = Ruleset::parse(rules, &options);
        assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
        let data: &Path = &place.path("t.csv");
        let run = check(&ruleset, &[data.into()], &CheckOptions::default(), Watch::default()).expect("a run");
        run.points().iter().map(|(key, value)| format!("{key} = {value}")).collect()
    };
    let rules = r#"Rules = [ RowCount > 0, (IsComplete "a") and (Completeness "a" > 0.5), RowCount > last(3) ]
        Analyzers = [ RowCount, Completeness "a", Mean "a" ]"#;
    assert_eq!(measured(rules), ["Dataset.*.RowCount = 3", "Column.a.Completeness = 1", "Column.a.Mean = 2"]);
    let rules = r#"Rules = [ ColumnValues "a" > 1 with threshold > 0.1, ColumnValues "a" > 2 with threshold > 0.1,
        ColumnValues "a" > 0, IsComplete "nowhere" ]"#;
    assert_eq!(
        measured(rules),
        [
            "Column.a.ColumnValues.Compliance (> 1) = 0.6666666666666666",
            "Column.a.ColumnValues.Compliance (> 2) = 0.3333333333333333",
            "Column.a.Minimum = 1",
        ]
    );
}
