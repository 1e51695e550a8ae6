//! The program as users call it: exit codes, streams, formats, bad input.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn dq() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(root()).env_remove("NO_COLOR");
    // Where these tests run must not show in what is printed.
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    command
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn file(suffix: &str, content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().expect("a file");
    file.write_all(content).expect("written");
    file
}

/// Checks `rules` on `data`.
fn check(rules: &str, data: &Path, arguments: &[&str]) -> Ran {
    run(dq().args(["check", "--ruleset", "-"]).args(arguments).arg(data).write_stdin(format!("Rules = [ {rules} ]")))
}

#[test]
fn exit_codes_tell_pass_fail_usage_and_not_evaluated_apart() {
    let data = file(".csv", b"a,b\n1,x\n2,\n");
    let code = |rules: &str| check(rules, data.path(), &[]).code;
    assert_eq!(code("RowCount = 2"), 0);
    assert_eq!(code("RowCount = 3"), 1);
    assert_eq!(code("RowCuont = 3"), 2);
    assert_eq!(code("RowCount = 3, IsComplete \"c\""), 3);
    assert_eq!(run(dq().args(["check"])).code, 2);
    assert_eq!(run(dq().args(["check", "--ruleset", "nowhere.dqdl", "x.csv"])).code, 2);
    assert_eq!(check("RowCount = 2", Path::new("nowhere.csv"), &[]).code, 3);
    let unwritable = check("RowCount = 2", data.path(), &["--output", "json=/nowhere/at/all.json"]);
    assert_eq!(unwritable.code, 4);
    assert!(unwritable.stdout.contains("PASS"), "the other report is written");
    assert_eq!(run(dq().arg("--version")).code, 0);
}

#[test]
fn the_text_report_puts_failures_first_within_80_columns() {
    let ran = run(dq().args([
        "check",
        "--ruleset",
        "rulesets/customers.dqdl",
        "fixtures/data/customers.csv",
        "--now",
        "2026-11-21T12:00:00Z",
    ]));
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stdout);
    assert!(ran.stderr.is_empty());
    assert!(!ran.stdout.contains('\u{1b}'));
    let coloured = run(dq().args([
        "check",
        "--color",
        "always",
        "--ruleset",
        "rulesets/customers.dqdl",
        "fixtures/data/customers.csv",
    ]));
    assert!(coloured.stdout.contains("\u{1b}[1;31m"));
}

#[test]
fn passed_rules_are_listed_on_demand() {
    let data = file(".csv", b"a\n1\n");
    assert!(!check("RowCount = 1", data.path(), &[]).stdout.contains("Rule_1"));
    assert!(check("RowCount = 1", data.path(), &["--show", "all"]).stdout.contains("-:1 Rule_1"));
}

#[test]
fn json_follows_its_schema_and_is_the_same_at_any_thread_count() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("docs/result.schema.json")).expect("a schema"))
            .expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for ruleset in ["customers", "orders", "lake_trips", "events"] {
        let data = if ruleset == "customers" {
            "fixtures/data/customers.csv".to_string()
        } else {
            format!("fixtures/data/{ruleset}.parquet")
        };
        let report = |threads: &str, time: &[&str]| {
            let rules = format!("rulesets/{ruleset}.dqdl");
            run(dq().args(["check", "--format", "json", "--threads", threads, "--ruleset", &rules, &data]).args(time))
                .stdout
        };
        let now = ["--now", "2026-11-21T12:00:00Z"];
        let one = report("1", &now);
        assert_eq!(one, report("4", &now), "{ruleset}");
        for text in [one, report("2", &[])] {
            let document: Value = serde_json::from_str(&text).expect("JSON");
            let errors: Vec<_> =
                validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{ruleset}: {errors:?}");
        }
    }
    let data = file(".csv", b"a\n1\n");
    let composite = check("(RowCount > 1) or (IsComplete \"zz\")", data.path(), &["--format", "json"]).stdout;
    let document: Value = serde_json::from_str(&composite).expect("JSON");
    assert!(validator.is_valid(&document));
    assert_eq!(document["rules"][0]["operands"][1]["code"], "unknown_column");
}

#[test]
fn the_html_report_is_one_page_and_the_same_at_any_thread_count() {
    let page = |threads: &str| {
        run(dq().args(["check", "--format", "html", "--redact", "off", "--now", "2026-11-21T12:00:00Z"]).args([
            "--threads",
            threads,
            "--ruleset",
            "rulesets/customers.dqdl",
            "fixtures/data/customers.csv",
        ]))
    };
    let one = page("1");
    assert_eq!(one.code, 1);
    assert_eq!(one.stdout, page("4").stdout);
    for part in [
        "<title>FAIL customers.csv: data quality</title>",
        "aria-label=\"Score 86.36 %: 19 of 22 rules pass\"",
        "<p class=\"sentence\">In column country, 2 of 200 rows fail (1 %).</p>",
        "aria-label=\"Observed 198 of 200 (99 %), expected all of them\"",
        "<figcaption>rulesets/customers.dqdl, line 32</figcaption>",
        "<td>&quot;tomas.hansen1019(at)example.com&quot;</td>",
    ] {
        assert!(one.stdout.contains(part), "{part} is not in\n{}", one.stdout);
    }
}

#[test]
fn glue_output_has_the_shape_of_the_api() {
    let ran = run(dq().args([
        "check",
        "--format",
        "glue",
        "--ruleset",
        "rulesets/customers.dqdl",
        "fixtures/data/customers.csv",
        "--now",
        "2026-11-21T12:00:00Z",
    ]));
    let document: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    assert!(
        document["ResultId"].as_str().is_some_and(|id| id.starts_with("dqresult-") && id.len() == 49),
        "{}",
        document["ResultId"]
    );
    assert_eq!(document["RulesetName"], "customers");
    assert_eq!(document["StartedOn"], "2026-11-21T12:00:00.000000Z");
    assert!((document["Score"].as_f64().expect("a score") - 19.0 / 22.0).abs() < 1e-12);
    let rules = document["RuleResults"].as_array().expect("a list");
    assert_eq!(rules.len(), 22);
    for (position, rule) in rules.iter().enumerate() {
        assert_eq!(rule["Name"], format!("Rule_{}", position + 1));
        assert!(["PASS", "FAIL", "ERROR"].contains(&rule["Result"].as_str().expect("a result")));
        assert_eq!(rule["Description"], rule["EvaluatedRule"]);
        assert_eq!(
            rule["Result"] == "PASS",
            rule.get("EvaluationMessage").is_none(),
            "a message only when there is something to say"
        );
        assert!(rule["EvaluatedMetrics"].as_object().expect("a map").values().all(Value::is_f64));
    }
    assert_eq!(rules[4]["EvaluationMessage"], "Value: 0.99 does not meet the constraint requirement!");
    assert_eq!(rules[4]["EvaluatedMetrics"]["Column.customer_id.Uniqueness"], 0.99);
}

#[test]
fn several_reports_come_from_one_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = file(".csv", b"a\n1\n");
    let target = |name: &str| directory.path().join(name);
    let outputs = [format!("json={}", target("r.json").display()), format!("glue={}", target("g.json").display())];
    let ran = check("RowCount = 1", data.path(), &["-o", &outputs[0], "-o", &outputs[1], "-o", "text=-"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("1 passed"));
    for name in ["r.json", "g.json"] {
        let text = std::fs::read_to_string(target(name)).expect("written");
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 2, "no partial file is left");
}

#[test]
fn bad_data_is_named_and_exits_with_3() {
    let orders = std::fs::read(root().join("fixtures/data/orders.parquet")).expect("a file");
    let directory = tempfile::tempdir().expect("a directory");
    let cases: Vec<(tempfile::NamedTempFile, &str)> = vec![
        (file(".csv", b""), "is empty"),
        (file(".parquet", b""), "is empty"),
        (file(".parquet", &orders[..orders.len() / 2]), "cut off"),
        (file(".parquet", b"PAR1 this is no parquet file PAR1"), "parquet"),
        (file(".csv", b"a,b\n1,2\n3\n"), "line 3: has 1 field, the header has 2"),
        (file(".csv", b"a,b\n1,\"2\n"), "line 2: a quoted field is never closed"),
        (file(".csv", b"a,a\n1,2\n"), "two columns named `a`"),
        (file(".csv", b"a,b\n1,\xff\xfe\n"), "not UTF-8"),
        (file(".xyz", b"what is this"), "--input-format"),
    ];
    for (data, message) in &cases {
        let ran = check("RowCount > 0, DistinctValuesCount \"b\" > 0", data.path(), &[]);
        assert_eq!(ran.code, 3, "{message}: {}", ran.stderr);
        assert!(ran.stderr.to_lowercase().contains(&message.to_lowercase()), "{message}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    let ran = check("RowCount > 0", directory.path(), &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("no data files"), "{}", ran.stderr);
    let ran = check("RowCount > 0", Path::new("fixtures/data/customer.csv"), &[]);
    assert!(ran.stderr.contains("did you mean fixtures/data/customers.csv?"), "{}", ran.stderr);
}

#[test]
fn empty_data_has_columns_but_nothing_to_judge() {
    let data = file(".csv", b"a,b\n");
    assert_eq!(check("RowCount = 0, ColumnCount = 2", data.path(), &[]).code, 0);
    let ran = check("IsComplete \"a\"", data.path(), &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains("no rows"), "{}", ran.stdout);
    assert_eq!(check("IsComplete \"a\", IsUnique \"b\"", data.path(), &["--allow-empty"]).code, 0);
}

#[test]
fn one_rule_that_cannot_be_evaluated_leaves_the_others_alone() {
    let ran = check(
        "IsComplete \"customer_idd\", RowCount = 200, Mean \"country\" > 1, CustomSql \"selec 1\" = 1",
        Path::new("fixtures/data/customers.csv"),
        &["--format", "json"],
    );
    assert_eq!(ran.code, 3);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let verdicts: Vec<_> = document["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| rule["verdict"].as_str().unwrap_or("").to_string())
        .collect();
    assert_eq!(verdicts, ["ERROR", "PASS", "ERROR", "ERROR"]);
    assert_eq!(document["rules"][0]["help"], "did you mean `customer_id`?");
}

#[test]
fn csv_is_read_as_the_options_say() {
    let semicolons = file(".csv", b"a;b\n1;NA\n2;x\n");
    assert_eq!(check("Completeness \"b\" = 0.5", semicolons.path(), &["--csv-null", "NA"]).code, 0);
    assert_eq!(check("Completeness \"b\" = 1", semicolons.path(), &["--csv-delimiter", ";"]).code, 0);
    let bare = file(".csv", b"1,x\n2,y\n");
    assert_eq!(check("Sum \"_c0\" = 3, RowCount = 2", bare.path(), &["--csv-no-header"]).code, 0);
    let blanks = file(".csv", b"a,b\n1,\n2,\"\"\n");
    assert_eq!(check("Completeness \"b\" = 0.5", blanks.path(), &[]).code, 0);
    assert_eq!(check("Completeness \"b\" = 1", blanks.path(), &["--csv-blank-is-text"]).code, 0);
    let typed = file(".csv", b"zip,n\n01234,1\n56789,x\n");
    assert_eq!(check("ColumnLength \"zip\" = 5", typed.path(), &[]).code, 0);
    let ran = check("Sum \"n\" > 0", typed.path(), &["--column-type", "n=int"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("line 3: column `n`: \"x\" is no whole number"), "{}", ran.stderr);
}

#[test]
fn severe_failures_alone_decide_when_asked_to() {
    let data = file(".csv", b"a\n1\n");
    let minor = r#"RowCount = 2 labels=["severity"="low"]"#;
    let code = |rules: &str, least: &str| check(rules, data.path(), &["--fail-on", least]).code;
    assert_eq!((code(minor, "information"), code(minor, "minor"), code(minor, "major")), (1, 1, 0));
    assert_eq!((code("RowCount = 2", "major"), code("RowCount = 2", "critical")), (1, 0));
    // What could not be evaluated is never clean.
    assert_eq!(code(r#"IsComplete "b" labels=["severity"="low"]"#, "blocker"), 3);
}

#[test]
fn scores_of_labelled_rules_decide_in_place_of_each_of_them() {
    let data = file(".csv", b"a\n1\n");
    let rules = r#"RowCount = 1 labels=["team"="a"], RowCount = 2 labels=["team"="A"], ColumnValues "a" > 0"#;
    let ran = |scores: &[&str]| {
        let options: Vec<_> = scores.iter().flat_map(|score| ["--min-score", score]).collect();
        check(rules, data.path(), &options)
    };
    assert_eq!(ran(&[]).code, 1);
    assert_eq!((ran(&["team=a:0.5"]).code, ran(&["team=a:51%"]).code), (0, 1));
    assert_eq!((ran(&["66%"]).code, ran(&["0.67"]).code), (0, 1));
    // Rules that no score decides about count one by one.
    assert_eq!((ran(&["dimension=validity:1"]).code, ran(&["dimension=validity:1", "team=a:0"]).code), (1, 0));
    let nobody = ran(&["team=b:0.1"]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.stderr.contains("there are no rules with team=b"), "{}", nobody.stderr);
    assert!(ran(&["team=a:0.5"]).stderr.contains("reached: 1 of 2 rules with team=a pass, 50.00 %"));
}

#[test]
fn the_exit_code_is_explained_where_options_decide_it() {
    let data = file(".csv", b"a\n1\n");
    let rules = r#"RowCount = 2, RowCount = 3 labels=["severity"="low"], RowCount = 1 labels=["team"="a"]"#;
    let ran = |options: &[&str]| check(rules, data.path(), options);
    let told = |options: &[&str], code: i32, line: &str| {
        let ran = ran(options);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    };
    told(&["--min-score", "0.3"], 0, "reached: 1 of 3 rules pass, 33.33 %\n");
    told(&["--min-score", "team=a:1"], 1, "2 failed rules are under no --min-score: the exit code is 1\n");
    told(&["--fail-on", "blocker"], 0, "2 failed rules are less severe than --fail-on blocker\n");
    told(&["--fail-on", "major"], 1, "1 failed rule is less severe than --fail-on major\n");
    // As reports see severities.
    told(&["--min-score", "severity=major:50%", "--fail-on", "major"], 0, "1 of 2 rules with severity=major pass");
    told(&["--min-score", "severity=minor:1"], 1, "0 of 1 rules with severity=minor pass");
    told(&["--min-score", "severity=blocker:1"], 2, "there are no rules with severity=blocker");
    told(&["--min-score", "team=a:1", "--skip", "Rule_3"], 2, "there are no rules with team=a");
}

#[test]
fn failed_rules_show_how_much_they_matter_and_to_whom() {
    let data = file(".csv", b"a\n1\n");
    let ruleset =
        file(".dqdl", b"DefaultLabels=[\"owner\"=\"crm\",\"Severity\"=\"critical\"] Rules = [ RowCount = 2 ]");
    let ran = run(dq().args(["check", "--ruleset"]).arg(ruleset.path()).arg(data.path()));
    assert!(ran.stdout.contains("\n      severity critical, owner crm\n"), "{}", ran.stdout);
}

#[test]
fn types_are_not_given_for_files_that_store_them() {
    let orders = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet/pyarrow.parquet");
    let ran = check("RowCount > 0", &orders, &["--column-type", "code=int"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("stores its types: it is Utf8 there"), "{}", ran.stderr);
    assert_eq!(check("RowCount > 0", &orders, &["--column-type", "code=text"]).code, 0);
}

#[test]
fn a_late_value_widens_its_column_and_is_named() {
    let mut content = b"a,b\n".to_vec();
    (0..50).for_each(|row| content.extend_from_slice(format!("{row},1\n").as_bytes()));
    content.extend_from_slice(b"oops,2.5\n");
    let data = file(".csv", &content);
    let ran = check("DistinctValuesCount \"a\" = 51, Sum \"b\" = 52.5", data.path(), &["--csv-sample", "10"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("column `a` is read as text, because of \"oops\" in line 52"), "{}", ran.stdout);
}

#[test]
fn several_files_are_one_dataset_and_must_fit() {
    let (a, b, c) = (file(".csv", b"a,b\n1,x\n"), file(".csv", b"b,a\ny,2\n"), file(".csv", b"a\n3\n"));
    let both = run(dq()
        .args(["check", "-r", "-"])
        .args([a.path(), b.path()])
        .write_stdin("Rules = [ RowCount = 2, Sum \"a\" = 3, IsUnique \"b\" ]"));
    assert_eq!(both.code, 0, "{}{}", both.stdout, both.stderr);
    let missing = |arguments: &[&str]| {
        run(dq()
            .args(["check", "-r", "-"])
            .args(arguments)
            .args([a.path(), c.path()])
            .write_stdin("Rules = [ RowCount = 2, Completeness \"b\" = 0.5 ]"))
    };
    let ran = missing(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("column `b` is missing in 1 of 2 files"), "{}", ran.stdout);
    let ran = missing(&["--missing-columns", "error"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("has no column `b`"), "{}", ran.stderr);
}

#[test]
fn every_arrow_type_answers_or_says_why_not() {
    let path = Path::new("fixtures/data/all_types.parquet");
    let schema =
        run(dq().args(["explain", "-r", "-", "--format", "json"]).arg(path).write_stdin("Rules = [ RowCount > 0 ]"));
    assert_eq!(schema.code, 0);
    let names: Vec<String> = check("ColumnNamesMatchPattern \"^$\"", path, &["--format", "json"])
        .stdout
        .split("pattern: ")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("names")
        .split(", ")
        .map(str::to_string)
        .collect();
    assert!(names.len() > 25);
    let mut rules = Vec::new();
    for name in &names {
        rules.push(format!("Completeness \"{name}\" > 0.5"));
        for rule in [
            "ColumnValues \"{}\" != NULL with threshold > 0.1",
            "DistinctValuesCount \"{}\" > 0",
            "Mean \"{}\" > -1000000000",
            "ColumnValues \"{}\" > \"1900-01-01\" with threshold >= 0",
            "ColumnLength \"{}\" >= 0",
            "DataFreshness \"{}\" > 1 days with format = \"x\"",
            "ColumnDataType \"{}\" = \"Date\" with threshold >= 0",
        ] {
            rules.push(rule.replace("{}", name));
        }
    }
    let ran = check(&rules.join(",\n"), path, &["--format", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for rule in document["rules"].as_array().expect("rules") {
        let (text, verdict) = (rule["rule"].as_str().unwrap_or(""), rule["verdict"].as_str().unwrap_or(""));
        if text.starts_with("Completeness") || text.contains("!= NULL") {
            assert_eq!(verdict, "PASS", "{text}: {}", rule["message"]);
        } else if verdict == "ERROR" {
            assert!(
                ["column_type", "nested_column"].contains(&rule["code"].as_str().unwrap_or("")),
                "{text}: {}",
                rule["message"]
            );
        }
    }
}

#[test]
fn large_and_hostile_rulesets_are_answered() {
    let data = file(".csv", b"a\n1\n");
    let many = vec!["RowCount = 1"; 10_000].join(",\n");
    assert_eq!(check(&many, data.path(), &[]).code, 0);
    let padding = format!("RowCount = 1 # {}\n", "x".repeat(5 << 20));
    assert_eq!(check(&padding, data.path(), &[]).code, 0);
    let numbers = (0..300_000).map(|number| (number * 2).to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(check(&format!("ColumnValues \"a\" not in [{numbers}]"), data.path(), &[]).code, 0);
    let warned = "RowCount > 1 + 2 * 3 - 7,".repeat(50_000);
    assert_eq!(check(&format!("{warned} RowCount = 1"), data.path(), &[]).code, 1);
    let long_list = format!("ColumnValues \"a\" in [{}]", vec!["1"; 1_000_000].join(","));
    assert_eq!(check(&long_list, data.path(), &[]).code, 0);
    for garbage in
        [vec![0u8; 5 << 20], vec![b'['; 1 << 20], vec![b'"'; 1 << 20], b"Rules = [ (".repeat(50_000), vec![0xff; 100]]
    {
        let ruleset = file(".dqdl", &garbage);
        let ran = run(dq().args(["check", "-r"]).arg(ruleset.path()).arg(data.path()));
        assert_eq!(ran.code, 2);
        assert!(!ran.stderr.is_empty() && ran.stderr.len() < 200_000);
    }
    let ruleset: PathBuf = root().join("fixtures");
    assert_eq!(run(dq().args(["check", "-r"]).arg(ruleset).arg(data.path())).code, 2);
}

#[test]
fn hostile_names_and_values_are_escaped() {
    let data = file(".csv", b"\x1b[31ma,b\n1,2\n");
    let ran = check("ColumnNamesMatchPattern \"^b\", IsComplete \"\u{202e}x\"", data.path(), &[]);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{202e}'), "{:?}", ran.stdout);
    let ran = check("RowCuont\u{1b}[31m > 1", data.path(), &[]);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}

#[test]
fn lint_tells_clean_findings_and_refused_apart() {
    let clean = run(dq().args(["lint", "rulesets/customers.dqdl", "rulesets/orders.dqdl"]));
    assert_eq!(
        (clean.code, clean.stdout.as_str()),
        (0, "rulesets/customers.dqdl: 22 rules, no findings\nrulesets/orders.dqdl: 24 rules, no findings\n")
    );
    let warned = file(".dqdl", b"Rules = [ RowCount > 1 + 2 * 3 ]");
    let lint = |arguments: &[&str]| run(dq().arg("lint").args(arguments).arg(warned.path()));
    assert_eq!(lint(&[]).code, 1);
    assert_eq!(lint(&["--fail-on", "error"]).code, 0);
    let refused = file(".dqdl", b"Rules = [ RowCount >> 1 ]");
    assert_eq!(run(dq().arg("lint").arg(refused.path())).code, 2);
    let columns = file(".dqdl", b"Rules = [ IsComplete \"emial\" ]");
    let ran =
        run(dq().args(["lint", "--schema", "fixtures/data/customers.csv", "--format", "json"]).arg(columns.path()));
    assert_eq!(ran.code, 1);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["diagnostics"][0]["code"], "rules::unknown_column");
    assert_eq!(document["diagnostics"][0]["help"], "did you mean `email`?");
    assert_eq!(document["diagnostics"][0]["line"], 1);
}

#[test]
fn findings_are_rendered_with_their_source() {
    let text =
        "Rules = [\n    RowCuont > 5,\n    ColumnValues \"a\" matches \"x(y\",\n    Completeness \"a\" == 0.5\n]\n";
    let ran = run(dq().args(["check", "-r", "-", "x.csv"]).write_stdin(text));
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.is_empty());
    insta::assert_snapshot!(ran.stderr);
    let json = run(dq().args(["check", "-r", "-", "--format", "json", "x.csv"]).write_stdin(text));
    let document: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(3));
}

#[test]
fn explain_shows_shared_metrics_once() {
    let rules = "Rules = [ Completeness \"email\" > 0.5, IsComplete \"email\", IsUnique \"email\", Uniqueness \"email\" > 0.9, RowCount > 1, ColumnCount > 1, Mean \"nope\" > 1 ]";
    let ran = run(dq().args(["explain", "-r", "-", "fixtures/data/customers.csv"]).write_stdin(rules));
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn rules_lists_the_language_and_explains_a_type() {
    let list = run(dq().arg("rules"));
    assert!(
        list.stdout.lines().count() >= 40 && list.stdout.contains("Skewness") && list.stdout.contains("[extension]")
    );
    insta::assert_snapshot!(run(dq().args(["rules", "Completeness"])).stdout);
    let slip = run(dq().args(["rules", "completeness"]));
    assert_eq!(slip.code, 2);
    assert!(slip.stderr.contains("did you mean Completeness?"));
    let json: Value = serde_json::from_str(&run(dq().args(["rules", "--format", "json"])).stdout).expect("JSON");
    assert_eq!(json["rule_types"].as_array().map(Vec::len), Some(40));
}

#[test]
fn rules_can_be_selected_and_slips_in_names_are_noticed() {
    let data = file(".csv", b"a\n1\n");
    let ran = check("RowCount = 2, ColumnCount = 1", data.path(), &["--only", "ColumnCount", "--format", "json"]);
    assert_eq!(ran.code, 0);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["rules"][0]["verdict"], "SKIP");
    assert_eq!(document["score"], 1.0);
    assert_eq!(check("RowCount = 2, ColumnCount = 1", data.path(), &["--skip", "Rule_1"]).code, 0);
    let slip = check("RowCount = 2", data.path(), &["--skip", "RowCuont"]);
    assert_eq!(slip.code, 2);
    assert!(slip.stderr.contains("did you mean RowCount?"));
}

#[test]
fn nothing_is_said_on_a_closed_pipe() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("dq"))
        .current_dir(root())
        .args(["rules", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn damaged_parquet_never_panics() {
    let original = std::fs::read(root().join("fixtures/conformance/data/floats.parquet")).expect("a file");
    let rules = "RowCount > 0, Uniqueness \"x\" > 0, Mean \"y\" > 0, ColumnValues \"z\" > 0";
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("damaged.parquet");
    let attempt = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        let ran = check(rules, &path, &[]);
        assert!([0, 1, 3].contains(&ran.code), "{} {}", ran.code, ran.stderr);
    };
    (0..original.len()).step_by(37).for_each(|length| attempt(&original[..length]));
    for at in (0..original.len()).step_by(11) {
        let mut bytes = original.clone();
        bytes[at] ^= 0x55;
        attempt(&bytes);
    }
}

#[test]
fn constant_columns_have_no_spread_and_no_correlation() {
    let data = file(".csv", b"a,b\n0.1,0.7\n0.1,0.7\n0.1,0.7\n");
    assert_eq!(check("Variance \"a\" = 0, StandardDeviation \"a\" = 0", data.path(), &[]).code, 0);
    let ran = check(
        "ColumnCorrelation \"a\" \"b\" between -2 and 2, Kurtosis \"a\" < 9, Skewness \"a\" < 9",
        data.path(),
        &[],
    );
    assert!(ran.stdout.contains("0 passed, 3 failed"), "{}", ran.stdout);
}

#[test]
fn operands_without_a_value_and_patterns_that_give_up_are_errors() {
    let data = file(".csv", b"a,s\n-5,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n-7,b\n");
    for rule in [
        "RowCount > avg(last(3))",
        "RowCount > nonsense(3)",
        "ColumnValues \"a\" > 0 / 0",
        "RowCount != 0 / 0",
        "Mean \"a\" not in [1 / 0]",
        "ColumnValues \"a\" > 5 with threshold not between 0 / 0 and 1",
        "ColumnValues \"s\" matches \"(?=a)(a|aa)+\\1c\" with threshold <= 0.5",
    ] {
        let ran = check(rule, data.path(), &[]);
        assert_eq!(ran.code, 3, "{rule}: {}", ran.stdout);
    }
}

#[test]
fn inferred_types_hold_in_all_rows_and_files() {
    let passes = |content: &str, rules: &str, arguments: &[&str]| {
        let data = file(".csv", content.as_bytes());
        let ran = check(rules, data.path(), arguments);
        assert_eq!(ran.code, 0, "{rules}: {}{}", ran.stdout, ran.stderr);
    };
    passes("a,b\n1,1\n1.5,1\nx,1\n", "ColumnLength \"a\" > 0", &["--csv-sample", "1"]);
    passes("z,b\n10000,1\n00501,1\n501,1\n", "IsUnique \"z\", ColumnLength \"z\" > 2", &["--csv-sample", "1"]);
    passes("a,b\n,1\n4,1\n", "ColumnValues \"a\" in [4,NULL]", &["--csv-sample", "1"]);
    passes(
        "i,b\n99999999999999999998,1\n99999999999999999999,1\n",
        "IsUnique \"i\", ColumnValues \"i\" < 100000000000000000000",
        &[],
    );
    passes("a,b\r1,2\r3,4\r", "RowCount = 2, Sum \"b\" = 6", &[]);
    let files = [file(".csv", b"a\nx\n"), file(".csv", b"a\n1\n"), file(".csv", b"a\n\n2.5\n"), file(".csv", b"a\n")];
    let together = |files: &[tempfile::NamedTempFile], rules: &str| {
        let ran = run(dq()
            .args(["check", "-r", "-"])
            .args(files.iter().map(tempfile::NamedTempFile::path))
            .write_stdin(format!("Rules = [ {rules} ]")));
        assert_eq!(ran.code, 0, "{rules}: {}{}", ran.stdout, ran.stderr);
    };
    together(&files, "ColumnValues \"a\" in [\"x\",\"1\",\"2.5\"]");
    let unseen = [file(".csv", b"a,b\n,1\n"), file(".csv", b"a,b\n4,1\n")];
    together(&unseen, "ColumnValues \"a\" in [4,NULL]");
    together(&files[1..], "Sum \"a\" = 3.5");
}

#[test]
fn a_column_that_one_value_made_text_says_which() {
    let data = file(".csv", b"a,b\n1,1\nN/A,1\n");
    let ran = check("Mean \"a\" > 0", data.path(), &[]);
    assert!(ran.stdout.contains("\"N/A\" in line 3") && ran.stdout.contains("--csv-null"), "{}", ran.stdout);
    assert_eq!(check("Mean \"a\" > 0", data.path(), &["--csv-null", "N/A"]).code, 0);
    let slip = check("Mean \"a\" > 0", data.path(), &["--column-type", "A=float"]);
    assert_eq!(slip.code, 2);
    assert!(slip.stderr.contains("did you mean `a`?") || slip.stderr.contains("does not have"), "{}", slip.stderr);
}

#[test]
fn reports_never_overwrite_what_is_read() {
    let data = file(".csv", b"a\n1\n");
    let path = data.path().display().to_string();
    let ran = check("RowCount = 1", data.path(), &["-o", &format!("json={path}")]);
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read(data.path()).expect("still there"), b"a\n1\n");
    assert_eq!(check("RowCount = 1", data.path(), &["-o", "json=x.json", "-o", "glue=./x.json"]).code, 2);
    assert_eq!(check("RowCount = 1", data.path(), &["-o", "json="]).code, 2);
    let twice =
        run(dq().args(["check", "-r", "-"]).args([data.path(), data.path()]).write_stdin("Rules = [ RowCount = 1 ]"));
    assert_eq!(twice.code, 2);
    assert!(twice.stderr.contains("named twice"));
}

#[test]
fn files_of_rows_never_overwrite_and_are_never_read_next_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    std::fs::create_dir(directory.path().join("lake")).expect("a directory");
    for name in ["data.csv", "reference.csv", "lake/a.csv"] {
        std::fs::write(directory.path().join(name), "a\n1\n").expect("written");
    }
    let (data, reference, report) = (at("data.csv"), at("reference.csv"), format!("json={}", at("report.json")));
    let named = format!("ref={reference}");
    let table: [(&str, &[&str], &str); 8] = [
        (&data, &["--good", &data], "would overwrite"),
        (&data, &["--bad", &reference, "--reference", &named], "would overwrite"),
        (&data, &["--good", &at("x.csv"), "--bad", &at("lake/../x.csv")], "--good and --bad would both"),
        (&data, &["--rows-out", &at("report.json"), "-o", &report], "and a report would both"),
        (&data, &["--bad", "-"], "as a whole or not at all"),
        (&at("lake"), &["--good", &at("lake/good.csv")], "is read from"),
        (&at("*.csv"), &["--good", &at("good.csv")], "is read from"),
        (&at("lake/a.csv"), &["--good", &at("lake")], "holds files that are read"),
    ];
    for (data, arguments, message) in table {
        let ran = check("RowCount > 0", Path::new(data), arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read(directory.path().join("data.csv")).expect("still there"), b"a\n1\n");
    for wrong in [["--samples", "1001"], ["--redact", "hash:"], ["--composite", "cell"], ["--filtered-rows", "fail"]] {
        assert_eq!(check("RowCount > 0", Path::new(&data), &wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_check_that_judges_nothing_is_refused() {
    let data = file(".csv", b"a\n1\n");
    assert_eq!(check("RowCount = 1", data.path(), &["--only", "Rule_1", "--skip", "Rule_1"]).code, 2);
    assert_eq!(check("RowCount = 1", data.path(), &["--only", "RowCount,Mean"]).code, 2);
}

#[test]
fn a_mistake_in_a_predicate_is_shown_in_its_place_and_spares_the_other_rules() {
    let ran = check(
        "IsComplete \"email\" where \"contry = 'US'\", RowCount > 0 where \"country <> 'XX'\"",
        Path::new("fixtures/data/customers.csv"),
        &[],
    );
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("did you mean country?") && ran.stderr.contains("in this predicate"), "{}", ran.stderr);
    assert!(ran.stdout.contains("1 passed, 1 could not be evaluated"), "{}", ran.stdout);
}

#[test]
fn explain_shows_predicates_joins_and_the_metrics_they_feed() {
    let rules = "Rules = [ Mean \"total\" > 0 where \"status='shipped'\", RowCount > 0 where \"status = 'shipped'\", \
                 ReferentialIntegrity \"id\" \"ref.key\" = 1.0 ]";
    let data = file(".csv", b"id,total,status\n1,2,shipped\n");
    let reference = file(".csv", b"key\n1\n");
    let named = format!("ref={}", reference.path().display());
    let ran = run(dq().args(["explain", "-r", "-", "--reference", &named]).arg(data.path()).write_stdin(rules));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("predicates   status = 'shipped' -> metrics 1 2"), "{}", ran.stdout);
    assert!(ran.stdout.contains("joins        (id) in ref (key) -> metrics 3"), "{}", ran.stdout);
}

#[test]
fn references_are_named_once_and_exist() {
    let data = file(".csv", b"a\n1\n");
    for (reference, words) in [
        ("ref", "takes ALIAS=PATH"),
        ("ref=nosuch.csv", "there is no file"),
        ("ref=no*such.csv", "matches no file"),
        ("primary=fixtures/data/customers.csv", "cannot be called primary"),
    ] {
        let ran = check("RowCount = 1", data.path(), &["--reference", reference]);
        assert_eq!(ran.code, 2, "{reference}");
        assert!(ran.stderr.contains(words), "{reference}: {}", ran.stderr);
    }
    let twins = ["--reference", "R=fixtures/data/customers.csv", "--reference", "r=fixtures/data/orders.csv"];
    assert_eq!(check("RowCount = 1", data.path(), &twins).code, 2);
    assert_eq!(check("RowCountMatch \"primary\" = 1.0", data.path(), &[]).code, 0);
}

#[test]
fn analyzers_measure_without_judging() {
    let data = file(".csv", b"a,t\n1,x\n3,yy\n");
    let analyzers = |text: &str, format: &str| {
        run(dq().args(["check", "-r", "-", "--format", format]).arg(data.path()).write_stdin(text))
    };
    let ran = analyzers("Analyzers = [ RowCount, AllStatistics AllColumns, Distribution a with bins = 2 ]", "glue");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let results = &result["AnalyzerResults"];
    assert!(result.get("Score").is_none() && results[0]["Result"].is_null());
    assert_eq!(results[0]["EvaluatedMetrics"]["Dataset.*.RowCount"], 2.0);
    assert_eq!(results[1]["EvaluatedMetrics"]["Column.a.Sum"], 4.0);
    assert_eq!(results[1]["EvaluatedMetrics"]["Column.t.MaximumLength"], 2.0);
    let distribution = &results[2]["EvaluatedDistributions"]["Column.a.Distribution"];
    assert_eq!(distribution["BinEdges"], serde_json::json!(["1.0", "2.0", "3.0"]));
    assert_eq!(distribution["Count"], serde_json::json!([1, 1]));
    assert!(analyzers("Analyzers = [ Distribution t ]", "text").stdout.contains("Column.t.Distribution"));
    // What cannot be measured is no success.
    let missing = analyzers("Analyzers = [ Mean nosuch ]", "text");
    assert_eq!(missing.code, 3);
    assert!(missing.stdout.contains("does not include column nosuch"), "{}", missing.stdout);
}

#[test]
fn an_error_inside_a_passing_composite_is_noted() {
    let data = file(".csv", b"a\n1\n");
    let ran = check("(IsComplete \"emial\") or (RowCount = 1)", data.path(), &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("note: Rule_1 passes, but an operand could not be evaluated"), "{}", ran.stdout);
}

#[test]
fn data_comes_from_stdin_as_from_a_file() {
    let rules = file(".dqdl", b"Rules = [ Sum \"a\" = 3, RowCount = 2 ]");
    for name in ["-", "/dev/stdin"].iter().filter(|name| cfg!(unix) || **name == "-") {
        let ran =
            run(dq().args(["check", "--input-format", "csv", name, "-r"]).arg(rules.path()).write_stdin("a\n1\n2\n"));
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
    let ran = run(dq().args(["check", "-", "-r", "-"]).write_stdin("a\n1\n"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn common_slips_have_a_remedy() {
    let table = [
        ("RowCount => 5", ">="),
        ("ColumnValues \"s\" = paid", "double quotes: \"paid\""),
        ("ColumnValues \"s\" in \"paid\"", "brackets"),
        ("ColumnValues \"s\" in [\"a\" \"b\"]", "commas"),
        ("ColumnValues \"q\" >= 1 and <= 5", "between"),
        ("ColumnValues \"q\" between 1, 5", "between 0 and 6"),
        ("ColumnValues \"q\" > 1 with threshold 0.9", "> 0.9"),
        ("RowCount > 5 where qty > 3", "double quotes"),
        ("RowCount > 1,000", "thousands"),
        ("RowCount >", "missing"),
        ("-- comment\nRowCount > 1", "#"),
        ("ColumnValues \"d\" > now() - 3 days", "(now() - 3 days)"),
        ("ColumnValues \"d\" > \"01/02/2024\"", "yyyy-mm-dd"),
    ];
    for (rule, remedy) in table {
        let ran = check(rule, Path::new("x.csv"), &[]);
        assert_eq!(ran.code, 2, "{rule}");
        assert!(ran.stderr.contains(remedy), "{rule}: {}", ran.stderr);
    }
    let open = run(dq().args(["lint", "-"]).write_stdin("Rules = [ RowCount > 3"));
    assert!(open.stdout.contains("a closing `]` is missing"), "{}", open.stdout);
    let swapped = run(dq().args(["check", "-r", "fixtures/data/customers.csv", "rulesets/customers.dqdl"]));
    assert_eq!(swapped.code, 2);
    assert!(swapped.stderr.contains("is a data file, not a ruleset"));
}

#[test]
fn states_are_written_merged_and_kept_from_the_command_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    for (name, text) in [("a.csv", "x\n1\n2\n"), ("b.csv", "x\n3\n\n")] {
        std::fs::write(directory.path().join(name), text).expect("written");
        let out = path(&format!("{name}.dqs"));
        assert_eq!(check("RowCount >= 1", Path::new(&path(name)), &["--state-out", &out]).code, 0);
    }
    let merge = |rules: &str, arguments: &[&str]| {
        let rules = format!("Rules = [ {rules} ]");
        run(dq().args(["merge", "--ruleset", "-"]).args(arguments).write_stdin(rules))
    };
    let states = [path("a.csv.dqs"), path("b.csv.dqs")];
    let both = [states[0].as_str(), states[1].as_str()];
    assert_eq!(merge("RowCount = 3", &both).code, 0);
    assert_eq!(merge("RowCount = 4", &both).code, 1);
    let missing = merge("IsComplete \"x\"", &both);
    assert_eq!(missing.code, 3);
    assert!(missing.stdout.contains("does not have"), "{}", missing.stdout);
    assert_eq!(merge("RowCount = 3", &[&path("a.csv")]).code, 3);
    assert_eq!(merge("RowCount = 3", &[]).code, 2);
    assert_eq!(merge("RowCount = 4", &[both[0], both[0]]).code, 2);
    let over = check("RowCount >= 1", Path::new(&path("a.csv")), &["--state-out", &path("a.csv")]);
    assert_eq!(over.code, 2, "{}", over.stderr);
    let unwritable = check("RowCount >= 1", Path::new(&path("a.csv")), &["--state-out", "/nowhere/at/all.dqs"]);
    assert_eq!(unwritable.code, 4);
    let cached =
        check("RowCount >= 1", Path::new(&path("a.csv")), &["--cache", &path("cache"), "--good", &path("g.csv")]);
    assert_eq!(cached.code, 2);
}

#[test]
fn what_is_kept_between_runs_is_refused_among_the_data() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.csv"), "a\n1\n").expect("written");
    let ruleset = file(".dqdl", b"Rules = [ RowCount > 0 ]");
    for (option, name) in [
        ("--history", "history/"),
        ("--history", "h.db"),
        ("--cache", "cache"),
        ("--state-out", "s.dqs"),
        ("--cache", ""),
    ] {
        let place = directory.path().join(name);
        let mut command = dq();
        command.args(["check", "--ruleset"]).arg(ruleset.path()).arg(directory.path()).arg(option).arg(&place);
        let ran = run(&mut command);
        assert_eq!(ran.code, 2, "{option} {name}: {}", ran.stderr);
        assert!(ran.stderr.contains("among the data"), "{}", ran.stderr);
    }
    let mut command = dq();
    let hidden = directory.path().join(".cache");
    command.args(["check", "--ruleset"]).arg(ruleset.path()).arg(directory.path()).arg("--cache").arg(hidden);
    assert_eq!(run(&mut command).code, 0);
}

#[test]
fn joined_states_are_compared_with_past_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("a.csv"), "a\n1\n2\n").expect("written");
    let ruleset = file(".dqdl", b"Rules = [ RowCount >= last() ]");
    let history = path("h.jsonl");
    let check = |arguments: &[&str], day: &str| {
        let mut command = dq();
        command.args(&arguments[..1]).arg("--ruleset").arg(ruleset.path()).args(&arguments[1..]);
        command.arg("--history").arg(&history).args(["--dataset", "d", "--now", day]);
        run(&mut command)
    };
    let (data, states) = (path("a.csv"), path("a.dqs"));
    let [data, states] = [&data, &states].map(|path| path.to_str().expect("UTF-8"));
    let ran = check(&["check", data, "--state-out", states], "2026-01-01T00:00:00Z");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = check(&["merge", states, "--show", "all"], "2026-01-02T00:00:00Z");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("RowCount >= 2"), "{}", ran.stdout);
    assert_eq!(std::fs::read_to_string(&history).expect("a history").lines().count(), 2);
    // As in a check, a score of no rules decides nothing.
    assert_eq!(check(&["merge", states, "--min-score", "team=b:0.1"], "2026-01-03T00:00:00Z").code, 2);
}
