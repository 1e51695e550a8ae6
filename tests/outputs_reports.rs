//! Reports for systems that run tests and show code, read back by readers that are not ours;
//! and the law of saved results: every format is the same again after the way through our JSON.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use dq::report::FORMATS;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const NOW: [&str; 2] = ["--now", "2026-11-21T12:00:00Z"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the program at home, as people do.
fn dq(arguments: &[&str], stdin: &str) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    command.current_dir(root()).env_remove("NO_COLOR");
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

/// The customers, of whose rules three fail.
fn customers(format: &str) -> String {
    let arguments =
        ["check", "--format", format, "--ruleset", "rulesets/customers.dqdl", "fixtures/data/customers.csv"];
    dq(&[&arguments[..], &NOW].concat(), "").stdout
}

/// Data with values that mean something to every format.
const HOSTILE: &str = "a,\"b|`<script>alert(1)</script>`\"\n\
                       \"[click](https://evil.example)|`|\",1\n\
                       \"<img src=x onerror=alert(1)> ``` @everyone\",2\n\
                       \"::error file=x::y\n::warning::z]]>\",3\n\
                       \"\u{1b}[31m\u{7}&amp;\",4\n";

/// Rules whose values it fails.
const HOSTILE_RULES: &str =
    "Rules = [ ColumnValues \"a\" in [\"x|y\", \"`<b>`\"] labels=[\"owner\"=\"<i>|`me`\"], RowCount = 9 ]";

fn hostile(format: &str) -> String {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
    std::io::Write::write_all(&mut file, HOSTILE.as_bytes()).expect("written");
    let path = file.path().display().to_string();
    let key = "b|`<script>alert(1)</script>`";
    let arguments = ["check", "--samples", "20", "--key", key, "--format", format, "--ruleset", "-", &path];
    let ran = dq(&[&arguments[..], &NOW].concat(), HOSTILE_RULES);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    ran.stdout
}

/// An element as a parser sees it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let name = String::from_utf8(start.name().as_ref().to_vec()).expect("UTF-8");
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.expect("an attribute");
            let key = String::from_utf8(attribute.key.as_ref().to_vec()).expect("UTF-8");
            let value = attribute.decode_and_unescape_value(start.decoder()).expect("a value").into_owned();
            assert!(attributes.insert(key, value).is_none(), "an attribute twice");
        }
        Self { name, attributes, ..Self::default() }
    }

    fn all(&self, name: &str) -> Vec<&Element> {
        self.children.iter().filter(|child| child.name == name).collect()
    }

    fn at(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// The root of a document.
fn parsed(xml: &str) -> Element {
    assert!(
        xml.chars().all(|c| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)),
        "characters that XML 1.0 cannot hold"
    );
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => open.push(Element::of(&start)),
            Event::Empty(start) => {
                let element = Element::of(&start);
                open.last_mut().expect("a parent").children.push(element);
            }
            Event::End(_) => {
                let element = open.pop().expect("an element");
                open.last_mut().expect("a parent").children.push(element);
            }
            Event::Text(text) => {
                open.last_mut().expect("an element").text.push_str(&text.decode().expect("a text"));
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().expect("a name");
                let text = match reference.resolve_char_ref().expect("a character") {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name).expect("an entity").to_string(),
                };
                open.last_mut().expect("an element").text.push_str(&text);
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open.len(), 1, "everything is closed");
    open.remove(0).children.remove(0)
}

#[test]
fn junit_is_read_by_a_parser_of_xml() {
    let suites = parsed(&customers("junit"));
    assert_eq!((suites.name.as_str(), suites.at("tests"), suites.at("failures")), ("testsuites", "22", "3"));
    let suite = suites.all("testsuite")[0];
    assert_eq!((suite.at("name"), suite.at("errors"), suite.at("time")), ("rulesets/customers.dqdl", "0", ""));
    assert_eq!(suite.at("timestamp"), "2026-11-21T12:00:00");
    let properties = suite.all("properties")[0];
    let property = |name: &str| properties.children.iter().find(|property| property.at("name") == name).expect("there");
    assert_eq!(property("rows").at("value"), "200");
    assert_eq!(property("file").at("value"), "fixtures/data/customers.csv");
    assert!(property("score").at("value").starts_with("0.8636"));
    let cases = suite.all("testcase");
    assert_eq!(cases.len(), 22);
    let failed: Vec<_> = cases.iter().filter(|case| !case.all("failure").is_empty()).collect();
    assert_eq!(failed.iter().map(|case| case.at("line")).collect::<Vec<_>>(), ["20", "26", "32"]);
    let failure = failed[1].all("failure")[0];
    assert_eq!(failure.at("message"), "observed: 197 of 200 rows satisfy (98.50 %)");
    assert!(failure.text.contains("\"tomas.hansen1019(at)example.com\""), "{}", failure.text);
    assert!(failure.text.contains("shown 3 of 3 failing rows"), "{}", failure.text);
    let timed = dq(&["check", "-f", "junit", "-r", "rulesets/customers.dqdl", "fixtures/data/customers.csv"], "");
    assert!(parsed(&timed.stdout).at("time").parse::<f64>().is_ok_and(|seconds| seconds > 0.0));
}

#[test]
fn junit_holds_what_could_not_be_evaluated_and_hostile_values() {
    let rules = "Rules = [ IsComplete \"zz\", RowCount > 0, RowCount = 9 ]\nAnalyzers = [ Mean \"zz\" ]";
    let data = "fixtures/data/customers.csv";
    let ran = dq(&["check", "-f", "junit", "-r", "-", "--skip", "Rule_3", data], rules);
    assert_eq!(ran.code, 3);
    let suite = parsed(&ran.stdout);
    assert_eq!((suite.at("errors"), suite.at("skipped"), suite.at("failures")), ("2", "1", "0"));
    let cases = suite.children[0].all("testcase");
    assert_eq!(cases[0].all("error")[0].at("type"), "unknown_column");
    assert_eq!(cases[2].all("skipped")[0].at("message"), "deselected");
    assert_eq!(cases[3].all("error").len(), 1);

    let suite = parsed(&hostile("junit"));
    let case = suite.children[0].all("testcase")[0];
    assert_eq!(case.all("properties")[0].children[0].at("value"), "<i>|`me`");
    let text = &case.all("failure")[0].text;
    for value in ["<img src=x onerror=alert(1)>", "z]]>", "[click](https://evil.example)|`|"] {
        assert!(text.contains(value), "{text}");
    }
    assert!(text.contains("\\u{1b}[31m"), "{text}");
}

/// Apart from all else, so that it goes where its validator goes.
#[test]
fn sarif_follows_the_schema_of_what_we_write() {
    let schema = std::fs::read_to_string(root().join("docs/schemas/sarif.schema.json")).expect("a schema");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let composite = dq(
        &["check", "-f", "sarif", "-r", "-", "fixtures/data/customers.csv"],
        "Rules = [ ((RowCount = 9) and (IsComplete \"country\")) or (IsComplete \"zz\") ]\nAnalyzers = [ Mean \"zz\" ]",
    );
    for text in [customers("sarif"), hostile("sarif"), composite.stdout] {
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn sarif_names_rules_places_and_rows() {
    let document: Value = serde_json::from_str(&customers("sarif")).expect("JSON");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    let results = run["results"].as_array().expect("a list");
    assert_eq!(results.len(), 3);
    let manual: Value = serde_json::from_str(&dq(&["rules", "--format", "json"], "").stdout).expect("JSON");
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let name = rule["id"].as_str().expect("a name");
        assert!(manual.to_string().contains(&format!("\"{name}\"")), "{name} is in the reference");
        assert!(rule["help"]["text"].as_str().is_some_and(|help| help.contains("NULL")), "{rule}");
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "rulesets/customers.dqdl");
    let source = std::fs::read_to_string(root().join("rulesets/customers.dqdl")).expect("a ruleset");
    for result in results {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let number = |name: &str| region[name].as_u64().expect("a number") as usize;
        assert_eq!(number("startLine"), number("endLine"));
        let line: Vec<char> = source.lines().nth(number("startLine") - 1).expect("a line").chars().collect();
        let marked: String = line[number("startColumn") - 1..number("endColumn") - 1].iter().collect();
        let rule = result["properties"]["rule"].as_str().expect("a rule");
        // Labels may stand behind the region.
        assert!(marked.len() > 10 && rule.starts_with(&marked), "{marked}");
    }
    assert_eq!(
        results[0]["properties"]["samples"],
        json!([{ "file": "fixtures/data/customers.csv", "row": 47 }, { "file": "fixtures/data/customers.csv", "row": 148 }])
    );
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    assert!(!customers("sarif").contains("tomas.hansen"), "values of the data are not in it");
}

/// What is left of Markdown when code is taken out.
fn without_code(markdown: &str) -> String {
    let spans = fancy_regex::Regex::new(r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)").expect("a pattern");
    let elements = regex::Regex::new(r"<code>[^<>`|\[\]*_\n]*</code>").expect("a pattern");
    elements.replace_all(&spans.replace_all(markdown, ""), "").into_owned()
}

#[test]
fn markdown_lets_nothing_out_of_its_cells() {
    let ours = ["details", "/details", "summary", "/summary", "br"];
    let tags = regex::Regex::new(r"<([^>\s]*)").expect("a pattern");
    for text in [hostile("markdown"), customers("markdown")] {
        let rest = without_code(&text);
        for tag in tags.captures_iter(&rest) {
            assert!(ours.contains(&&tag[1]), "{} in\n{rest}", &tag[0]);
        }
        for word in ["](", "http", "@", "`", "script", "onerror", "::"] {
            assert!(!rest.contains(word), "{word} in\n{rest}");
        }
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        // All lines of a table have as many cells as its head.
        let mut head = None;
        for line in text.lines() {
            if line.starts_with('|') {
                let bars = line.matches('|').count();
                assert_eq!(*head.get_or_insert(bars), bars, "{line}");
            } else {
                head = None;
            }
        }
    }
}

#[test]
fn markdown_shows_failures_with_their_rows() {
    let text = customers("markdown");
    assert!(text.starts_with("## FAIL: 19 passed, 3 failed, score 86.36 %\n"), "{text}");
    assert!(
        text.contains("| FAIL | Rule_13 | 32 | `IsComplete \"country\"` | `198 of 200 rows satisfy (99.00 %)` |"),
        "{text}"
    );
    assert!(text.contains("<summary>Rule_9: 3 of 3 failing rows</summary>"), "{text}");
    assert!(!text.contains("Rule_1 "), "passed rules are counted");
    let all = dq(
        &["check", "-f", "markdown", "--show", "all", "-r", "rulesets/customers.dqdl", "fixtures/data/customers.csv"],
        "",
    );
    assert!(all.stdout.contains("| PASS | Rule_1 |"), "{}", all.stdout);
}

/// A workflow command taken apart as GitHub's runner does: at the first `::` behind the properties.
fn command(line: &str) -> (String, BTreeMap<String, String>, String) {
    let (head, message) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
    let (word, properties) = head.split_once(' ').unwrap_or((head, ""));
    let data = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let properties = properties
        .split(',')
        .map(|property| property.split_once('=').expect("a property"))
        .map(|(name, value)| (name.to_string(), data(&value.replace("%3A", ":").replace("%2C", ","))))
        .collect();
    (word.to_string(), properties, data(message))
}

#[test]
fn github_commands_are_read_as_they_were_meant() {
    let text = customers("github");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    let (word, properties, message) = command(lines[1]);
    assert_eq!(
        (word.as_str(), properties["file"].as_str(), properties["line"].as_str()),
        ("error", "rulesets/customers.dqdl", "26")
    );
    assert!(properties["title"].starts_with("Rule_9: ColumnValues \"email\" matches"), "{properties:?}");
    assert!(message.starts_with("observed: 197 of 200 rows satisfy (98.50 %)\n"), "{message}");
    assert!(lines[3].starts_with("FAIL 19 passed, 3 failed, score 86.36 %; 200 rows"), "{}", lines[3]);

    let text = hostile("github");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let (_, properties, message) = command(lines[0]);
    assert!(properties["title"].contains("[\"x|y\",\"`<b>`\"]"), "{properties:?}");
    assert!(message.contains("::error file=x::y\\u{a}::warning::z]]>"), "{message}");
}

#[test]
fn gitlab_issues_are_stable_and_complete() {
    let issues: Value = serde_json::from_str(&customers("gitlab")).expect("JSON");
    let issues = issues.as_array().expect("a list");
    let column = |name: &str| issues.iter().map(|issue| issue[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("severity"), ["critical", "critical", "major"]);
    assert_eq!(column("check_name"), ["IsUnique", "ColumnValues", "IsComplete"]);
    let mut prints: Vec<_> = column("fingerprint").iter().map(Value::to_string).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), 3);
    assert_eq!(
        issues[2]["location"],
        json!({ "path": "rulesets/customers.dqdl", "lines": { "begin": 32, "end": 32 } })
    );
    assert_eq!(customers("gitlab"), customers("gitlab"));
}

#[test]
fn glue_results_of_a_job_name_the_job_and_its_context() {
    let result = |names: &[&str]| -> Value {
        let arguments = ["check", "--format", "glue", "--ruleset", "-", "fixtures/data/customers.csv"];
        let ran = dq(&[&arguments[..], &NOW, names].concat(), "Rules = [ RowCount = 200 ]");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let names = |result: &Value| ["RulesetName", "EvaluationContext", "JobName"].map(|name| result[name].clone());
    let table = result(&["--ruleset-name", "promises", "--dataset", "shop.customers"]);
    assert_eq!(names(&table), [json!("promises"), json!("dq"), Value::Null]);
    assert!(table.get("JobName").is_none(), "{table}");
    let job = result(&["--ruleset-name", "promises", "--job", "nightly"]);
    assert_eq!(names(&job), ["promises", "promises", "nightly"].map(Value::from));
    let long = result(&["--job", &"é".repeat(200)]);
    assert!(long["JobName"].as_str().is_some_and(|name| name.len() <= 255 && name.ends_with("...")), "{long}");
}

/// One run writes every format; so does its saved result; both are the same.
fn survives(name: &str, arguments: &[&str], stdin: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let outputs = |part: &str| -> Vec<String> {
        std::fs::create_dir(directory.path().join(part)).expect("a directory");
        let path = |format: &str| directory.path().join(part).join(format).display().to_string();
        FORMATS.iter().map(|format| format!("--output={}={}", format.name, path(format.name))).collect()
    };
    let (before, after) = (outputs("before"), outputs("after"));
    let mut check = vec!["check", "--quiet"];
    check.extend(arguments);
    check.extend(before.iter().map(String::as_str));
    let checked = dq(&check, stdin);
    assert!([0, 1, 3].contains(&checked.code), "{name}: {}", checked.stderr);
    let saved = directory.path().join("before/json").display().to_string();
    let mut report = vec!["report", saved.as_str()];
    if arguments.contains(&"all") {
        report.extend(["--show", "all"]);
    }
    report.extend(after.iter().map(String::as_str));
    let reported = dq(&report, "");
    assert_eq!(reported.code, 0, "{name}: {}", reported.stderr);
    assert_eq!(checked.stdout, reported.stdout, "{name} on stdout");
    for format in FORMATS {
        let read = |part: &str| {
            String::from_utf8(std::fs::read(directory.path().join(part).join(format.name)).expect("a report"))
                .expect("UTF-8")
        };
        assert_eq!(read("before"), read("after"), "{name} as {}", format.name);
    }
}

#[test]
fn every_format_is_the_same_after_the_way_through_a_saved_result() {
    for (ruleset, data) in [
        ("customers", "fixtures/data/customers.csv"),
        ("orders", "fixtures/data/orders.parquet"),
        ("events", "fixtures/data/events.parquet"),
        ("lake_trips", "fixtures/data/lake_trips.parquet"),
        ("flights", "fixtures/data/flights_sample.parquet"),
    ] {
        let ruleset = format!("rulesets/{ruleset}.dqdl");
        let arguments = ["--ruleset", &ruleset, data];
        survives(&ruleset, &[&arguments[..], &NOW].concat(), "");
        // The times of a run are saved with it.
        survives(&ruleset, &[&arguments[..], &["--show", "all"]].concat(), "");
    }
}

#[test]
fn saved_results_keep_references_errors_composites_and_hidden_values() {
    let mut arguments = vec!["--ruleset", "rulesets/flights-references.dqdl", "--key", "flight", "--samples", "3"];
    for reference in [
        "same=fixtures/data/flights_sample.parquet",
        "airlines=fixtures/data/flights_sample_airlines.csv",
        "airports=fixtures/data/flights_sample_airports.csv",
        "planes=fixtures/data/flights_sample_planes.csv",
        "weather=fixtures/data/flights_sample_weather.csv",
    ] {
        arguments.extend(["--reference", reference]);
    }
    arguments.push("fixtures/data/flights_sample.parquet");
    survives("references", &arguments, "");

    let rules = r#"Rules = [
        IsComplete "zz", RowCount = 7, (IsComplete "country") and ((RowCount > 1) or (IsUnique "country")),
        (Mean "credit_limit" > 100) or (IsComplete "zz"), ColumnValues "email" matches "x|y" labels=["severity"="low"],
        IsComplete "email" where "contry = 'US'", CustomSql "SELECT count(*) FROM nowhere" > 1,
        Sum "credit_limit" = 0, RowCount < last(7), ColumnValues "signup_date" > now()
    ]
    Analyzers = [ AllStatistics "credit_limit", Distribution "country", Distribution "credit_limit", Mean "zz" ]"#;
    let data = "fixtures/data/customers.csv";
    survives("errors", &["--ruleset", "-", "--show", "all", data], rules);
    survives("rows", &["--ruleset", "-", "--composite", "row", "--key", "email", data], rules);
    survives("hidden", &["--ruleset", "-", "--redact", "hash:salt", "--skip", "Rule_2", data], rules);
    survives("digits", &["--ruleset", "-", "--column-type", "credit_limit=decimal(38,4)", data], rules);
}

#[test]
fn saved_results_are_refused_with_a_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("saved.json");
    let saved = path.display().to_string();
    let report = |text: &str, arguments: &[&str]| {
        std::fs::write(&path, text).expect("written");
        dq(&[&["report", saved.as_str()][..], arguments].concat(), "")
    };
    let ran = report("{\"version\": 9}", &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("saved.json: version: version 1 is what this program reads, not 9"), "{}", ran.stderr);
    let good = customers("json");
    let ran = report(&good.replace("\"FAIL\"", "\"FALL\""), &[]);
    assert!(ran.stderr.contains("rules[4].verdict: PASS, FAIL, ERROR or SKIP, not \"FALL\""), "{}", ran.stderr);
    assert_eq!(report(&good, &["--output", &format!("junit={saved}")]).code, 2, "it would overwrite what it reads");
    assert_eq!(report(&good, &["--output", "junit=/nowhere/at/all.xml"]).code, 4);
    // Nothing is judged again.
    let ran = report(&good, &["--format", "github"]);
    assert_eq!((ran.code, ran.stdout), (0, customers("github")));
    assert_eq!(dq(&["report", "-"], &good).stdout, customers("text"));
    assert_eq!(dq(&["report", "nowhere.json"], "").code, 3);
}
