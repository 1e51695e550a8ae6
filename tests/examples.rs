//! The examples, run as people run them: their commands stand in `examples/README.md` with what they print.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod moto;

use assert_cmd::Command;
use moto::{PATIENCE, moto, root, run};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{File, read, read_dir, read_to_string};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

/// The key in `examples/lambda.json`, decoded.
const KEY: &str = "shop/new customers/day+1.csv";

/// An example, which cargo builds beside this program, without settings of this machine.
fn example(name: &str) -> Command {
    let own = std::env::current_exe().expect("this program");
    let profile = own.parent().and_then(Path::parent).expect("the directory of the profile");
    let program = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let missing =
        "build it with `cargo build --examples`, with the features of this test; `cargo test` does so by itself";
    assert!(program.exists(), "{} is not there: {missing}", program.display());
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        let upper = variable.to_string_lossy().to_uppercase();
        if upper.starts_with("AWS_") || upper.starts_with("DQ_") || upper.ends_with("_PROXY") {
            command.env_remove(&variable);
        }
    }
    command.current_dir(root()).timeout(PATIENCE * 2);
    command
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines_of_json(path: impl AsRef<Path>) -> Vec<Value> {
    text(path).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A row of the table in `examples/README.md`.
struct Row {
    name: String,
    command: String,
    prints: Vec<String>,
    exit: i32,
}

fn rows() -> Vec<Row> {
    let spans = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_string).collect() };
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let [name, _, command, prints] = cells.as_slice() else { panic!("a row has four cells: {line}") };
        let name = name.split(['[', ']']).nth(1).and_then(|file| file.strip_suffix(".rs")).expect("[NAME.rs]");
        let exit = prints.rsplit("exit ").next().and_then(|code| code.trim().parse().ok()).expect("exit CODE");
        Row { name: name.into(), command: spans(command).concat(), prints: spans(prints), exit }
    };
    text("examples/README.md").lines().filter(|line| line.starts_with("| [")).map(row).collect()
}

/// Whether this build has a feature that an example needs.
fn is_built_with(feature: &str) -> bool {
    match feature {
        "aws" => cfg!(feature = "aws"),
        "datafusion" => cfg!(feature = "datafusion"),
        "polars" => cfg!(feature = "polars"),
        "sql" => cfg!(feature = "sql"),
        "stream" => cfg!(feature = "stream"),
        other => panic!("say here whether the feature {other} is on"),
    }
}

/// The command of a row, its files of `/tmp` in a directory of the test; nothing if it needs another build.
fn command(row: &Row, directory: &Path) -> Option<Command> {
    let (call, input) =
        row.command.split_once(" < ").map_or((row.command.as_str(), None), |(call, file)| (call, Some(file)));
    let (call, arguments) = call.split_once(" -- ").unwrap_or((call, ""));
    let (variables, options) = call.split_once("cargo run ").expect("cargo run");
    let option = |name: &str| {
        let mut words = options.split_whitespace().skip_while(|word| *word != name);
        words.nth(1)
    };
    assert_eq!(option("--example"), Some(row.name.as_str()), "{}", row.command);
    let is_missing = |features: &str| !features.split(',').all(is_built_with);
    if option("--features").is_some_and(is_missing) {
        return None;
    }
    let mut command = example(&row.name);
    for variable in variables.split_whitespace() {
        let (name, value) = variable.split_once('=').expect("NAME=VALUE");
        command.env(name, value);
    }
    let below = format!("{}/", directory.display());
    command.args(arguments.split_whitespace().map(|argument| argument.replace("/tmp/", &below)));
    if let Some(file) = input {
        command.write_stdin(read(root().join(file)).expect("a file"));
    }
    Some(command)
}

#[test]
fn every_example_does_what_its_row_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = rows();
    for row in &rows {
        let Some(mut command) = command(row, directory.path()) else {
            eprintln!("SKIPPED: not in this build: {}", row.command);
            continue;
        };
        let mut server = None;
        if row.name == "lambda" {
            let Some(moto) = moto() else { continue };
            moto.put(KEY, text("fixtures/data/customers.csv").as_bytes());
            command = moto.signed_in(command);
            server = Some(moto);
        }
        let ran = run(&mut command);
        drop(server);
        assert_eq!(ran.code, row.exit, "{}\n{}{}", row.command, ran.stdout, ran.stderr);
        assert!(!row.prints.is_empty());
        for said in &row.prints {
            let found = ran.stdout.contains(said) || ran.stderr.contains(said);
            assert!(found, "{}\ndoes not print {said}\n{}{}", row.command, ran.stdout, ran.stderr);
        }
    }
    let entries = read_dir(root().join("examples")).expect("a directory").map(|entry| entry.expect("an entry").path());
    let sources = entries.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let files: BTreeSet<_> =
        sources.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    let named: BTreeSet<_> = rows.into_iter().map(|row| row.name).collect();
    assert_eq!(named, files, "examples/README.md has rows for all examples and for no others");
}

#[test]
fn examples_are_short() {
    for row in rows() {
        let path = format!("examples/{}.rs", row.name);
        assert!(text(&path).lines().count() < 250, "{path} is too long for a tutorial");
    }
}

fn parquet_rows(path: &Path) -> usize {
    let file = File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    reader.map(|batch| batch.expect("rows").num_rows()).sum()
}

#[test]
fn an_etl_job_commits_only_what_the_rules_pass() {
    let directory = tempfile::tempdir().expect("a directory");
    let (customers, orders) = (directory.path().join("customers"), directory.path().join("orders"));
    let ran = run(example("etl").arg("fixtures/data/customers.csv").arg(&customers));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(parquet_rows(&customers.with_extension("parquet")), 195);
    assert_eq!(parquet_rows(&customers.with_extension("bad.parquet")), 5);
    let events = lines_of_json(customers.with_extension("emf.jsonl"));
    assert_eq!((&events[0]["Table"], &events[0]["glue.data.quality.rules.passed"]), (&json!("customers"), &json!(4)));
    assert!(events.iter().any(|event| event["Column.customer_id.Uniqueness"] == 0.99));

    let ran = run(example("etl").arg("fixtures/data/orders.csv").arg(&orders));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!orders.with_extension("parquet").exists() && !orders.with_extension("parquet.tmp").exists());
    assert_eq!(lines_of_json(orders.with_extension("emf.jsonl"))[0]["glue.data.quality.rules.failed"], 2);

    let ran = run(example("etl").arg("fixtures/data/customers.csv").arg(&orders).arg("pigeon"));
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("nothing can be published to `pigeon`"), "{}", ran.stderr);
}

/// A web hook that answers so often, and then tells what it got.
fn web_hook(answers: [&'static str; 2]) -> (String, JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let answered = move |answer: &str| -> Value {
        let mut reader = BufReader::new(listener.accept().expect("a request").0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("a line") > 0, "{head}");
        }
        let length =
            head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
        serde_json::from_slice(&body).expect("JSON")
    };
    (address, std::thread::spawn(move || answers.into_iter().map(answered).collect()))
}

#[test]
fn an_etl_job_tells_services_and_keeps_what_they_do_not_take() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("customers");
    let kept = target.with_extension("undelivered.jsonl");
    let (address, served) = web_hook(["200 OK", "404 Not Found"]);
    let service = format!("webhook={address}");
    let job = || run(example("etl").arg("fixtures/data/customers.csv").arg(&target).arg(&service));
    let ran = job();
    assert_eq!((ran.code, kept.exists()), (0, false), "{}", ran.stderr);
    assert!(ran.stdout.contains("1 messages sent"), "{}", ran.stdout);
    let ran = job();
    assert_eq!((ran.code, lines_of_json(&kept).len()), (4, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("webhook did not take the result"), "{}", ran.stderr);
    let messages = served.join().expect("served");
    assert_eq!(messages[0]["dq"]["dataset"], "customers");
    assert_eq!(messages[0]["dq"]["verdict"], "PASS");
}

#[test]
fn a_consumer_loses_no_record_and_judges_every_window() {
    let directory = tempfile::tempdir().expect("a directory");
    let dead = directory.path().join("dead.jsonl");
    let input = text("examples/consumer.jsonl");
    let ran = run(example("consumer").arg("5").arg(&dead).write_stdin(input.as_str()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = input.lines().collect();
    let good: String = [1, 2, 3, 4, 5, 10, 11, 12].iter().map(|line| format!("{}\n", lines[line - 1])).collect();
    assert_eq!(ran.stdout, good);
    let letters = lines_of_json(&dead);
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| (letter["position"]["line"].as_u64(), letter["errors"][0]["keyword"].as_str()))
        .collect();
    let expected = [(8, "syntax"), (9, "type"), (6, "rule"), (7, "rule")];
    assert_eq!(reasons, expected.map(|(line, keyword)| (Some(line), Some(keyword))));
    assert_eq!(letters[0]["raw"], lines[7]);
    assert_eq!(letters[2]["record"], serde_json::from_str::<Value>(lines[5]).expect("JSON"));
    assert_eq!(letters[3]["errors"][0]["message"], r#"ColumnValues "amount" > 0"#);
    let windows: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(windows.len(), 3);
    assert!(windows[1].starts_with(r#"window 2: FAIL {"records":5,"good":1,"dead":4,"failing":["ColumnValues"#));
}

#[test]
fn a_consumer_stops_at_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let dead = directory.path().join("dead.jsonl");
    let input = b"\n\xff\n[1]\n  {\"order_id\": 1, \"status\": \"open\", \"amount\": 1}\r\n\n{\"order_id\": 2".to_vec();
    let ran = run(example("consumer").arg("100").arg(&dead).write_stdin(input));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "  {\"order_id\": 1, \"status\": \"open\", \"amount\": 1}\n");
    assert_eq!(ran.stderr, "window 1: PASS {\"records\":4,\"good\":1,\"dead\":3,\"failing\":[]}\n");
    let lines: Vec<_> = lines_of_json(&dead).iter().map(|letter| letter["position"]["line"].as_u64()).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(6)]);
    // What is mended is judged again by the program.
    let (schema, checked) = (directory.path().join("order.schema.json"), directory.path().join("good.jsonl"));
    std::fs::write(&schema, r#"{"type": "object", "required": ["order_id"]}"#).expect("written");
    std::fs::write(&dead, text(&dead).replacen(r#""raw":"[1]""#, r#""record":{"order_id":3}"#, 1)).expect("written");
    let mut judge = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    judge.args(["records", "--from-dead-letter", "--schema"]).arg(&schema).arg("--good").arg(&checked).arg(&dead);
    assert_eq!(run(&mut judge).code, 1);
    assert_eq!(lines_of_json(&checked), [json!({ "order_id": 3 })]);
}

/// An event as S3 sends it to EventBridge.
fn created(bucket: &str, key: &str) -> Value {
    let detail = json!({ "bucket": { "name": bucket }, "object": { "key": key, "size": 1 } });
    json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": detail })
}

#[test]
fn a_step_that_cannot_look_at_its_object_fails_and_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    let misspelt = directory.path().join("misspelt.dqdl");
    std::fs::write(&misspelt, "Rules = [ RowCont > 1 ]").expect("written");
    let notification: Value = serde_json::from_str(&text("examples/lambda.json")).expect("JSON");
    let changed = |pointer: &str, value: Value| {
        let mut event = notification.clone();
        *event.pointer_mut(pointer).expect("a place") = value;
        event
    };
    let key = |key: &str| changed("/Records/0/s3/object/key", json!(key));
    let twice = json!([notification["Records"][0], notification["Records"][0]]);
    let rules = Path::new("rulesets/customers.dqdl");
    for (event, rules, word) in [
        (json!({}), rules, "does not say that S3 has a new object"),
        (json!({ "Event": "s3:TestEvent" }), rules, "does not say that S3 has a new object"),
        (
            changed("/Records/0/eventName", json!("ObjectRemoved:Delete")),
            rules,
            "does not say that S3 has a new object",
        ),
        (changed("/Records", twice), rules, "several objects"),
        (key("a%2"), rules, "`a%2` is no key"),
        (key("a%zz"), rules, "`a%zz` is no key"),
        (key("a%ff"), rules, "`a%ff` is no key"),
        (key("shop/"), rules, "names no file"),
        (created("", "a.csv"), rules, "names no file"),
        (notification.clone(), Path::new("missing.dqdl"), "cannot read missing.dqdl"),
        (notification.clone(), misspelt.as_path(), "1:11: error[rules::unknown_rule_type]"),
    ] {
        let ran = run(example("lambda").env("DQ_RULESET", rules).write_stdin(event.to_string()));
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{event}");
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let ran = run(example("lambda").write_stdin(notification.to_string()));
    assert!(ran.code == 3 && ran.stderr.contains("DQ_RULESET"), "{}", ran.stderr);
}

#[test]
fn the_result_of_a_step_tells_failing_rules_from_those_that_could_not_be_evaluated() {
    let Some(moto) = moto() else { return };
    moto.put(KEY, text("fixtures/data/customers.csv").as_bytes());
    moto.put("shop/days/1.csv", b"id\n1\n");
    let rules = moto.directory.path().join("rules.dqdl");
    let step = |text: &str, event: &Value| {
        std::fs::write(&rules, text).expect("written");
        run(moto.signed_in(example("lambda")).env("DQ_RULESET", &rules).write_stdin(event.to_string()))
    };
    let found = |text: &str, event: &Value| -> (i32, Value) {
        let ran = step(text, event);
        let result = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
        (ran.code, result)
    };
    let notification: Value = serde_json::from_str(&text("examples/lambda.json")).expect("JSON");
    for event in [&notification, &created("data", KEY)] {
        for (rules, code, verdict, state) in [
            ("RowCount = 200", 0, "PASS", "SUCCEEDED"),
            ("RowCount = 200, RowCount = 201, IsComplete \"email\"", 1, "FAIL", "FAILED"),
            ("RowCount = 201, IsComplete \"absent\"", 3, "ERROR", "FAILED"),
        ] {
            let (exit, result) = found(&format!("Rules = [ {rules} ]"), event);
            assert_eq!((exit, &result["exit_code"]), (code, &json!(code)), "{result}");
            assert_eq!((&result["verdict"], &result["state"]), (&json!(verdict), &json!(state)));
            assert_eq!(result["object"], json!({ "bucket": "data", "key": KEY }));
            assert_eq!((&result["rows"], &result["failed_omitted"]), (&json!(200), &json!(0)));
            let listed = result["failed"].as_array().expect("rules");
            assert_eq!(json!(listed.len()), result["numRulesFailed"], "{result}");
            assert!(listed.iter().all(|rule| rule["Name"].is_string() && rule["EvaluationMessage"].is_string()));
        }
    }
    let (_, mixed) = found("Rules = [ RowCount = 201, ColumnCount = 14, IsUnique \"absent\" ]", &notification);
    let verdicts: Vec<_> = mixed["failed"].as_array().expect("rules").iter().map(|rule| &rule["Result"]).collect();
    assert_eq!(verdicts, [&json!("FAIL"), &json!("ERROR")]);
    assert_eq!(mixed["scores"]["uniqueness"], 0.0);

    // A state of Step Functions holds 256 KB.
    let many: Vec<String> = (0..3000).map(|number| format!("RowCount > {}", 1000 + number)).collect();
    let (_, large) = found(&format!("Rules = [ {} ]", many.join(",\n")), &notification);
    assert!(large.to_string().len() < 256 << 10);
    let shown = large["failed"].as_array().expect("rules").len() as u64;
    assert!(shown > 100 && large["failed_omitted"].as_u64() == Some(3000 - shown), "{shown}");
    assert_eq!(large["numRulesFailed"], 3000);

    for (event, word) in [
        (created("data", "shop/missing.csv"), "no object `shop/missing.csv`"),
        (created("data", "shop/days"), "no object `shop/days`"),
        (created("nowhere", "a.csv"), "no bucket `nowhere`"),
    ] {
        let ran = step("Rules = [ RowCount > 0 ]", &event);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{event}");
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}
