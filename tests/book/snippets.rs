//! What pages show and nobody runs here: configurations, state machines, alarms, commands for other machines.

use crate::page::{Block, blocks};
use crate::{pages, root};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// The JSON blocks of all pages, with their places.
fn json_blocks() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language == "json") {
            let place = format!("docs/{name}:{}", block.line);
            let value = serde_json::from_str(block.text).unwrap_or_else(|error| panic!("{place}: no JSON: {error}"));
            found.push((place, value));
        }
    }
    found
}

/// All values below a member of that name, wherever it stands.
fn members<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(object) => {
            found.extend(object.get(name));
            found.extend(object.values().flat_map(|inner| members(inner, name)));
        }
        Value::Array(items) => found.extend(items.iter().flat_map(|inner| members(inner, name))),
        _ => {}
    }
    found
}

#[test]
fn json_is_json_and_yaml_is_indented_as_it_must_be() {
    assert!(!json_blocks().is_empty());
    for (name, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language == "yaml") {
            let indented = |line: &str| line.len() - line.trim_start().len();
            let wrong = block.text.lines().find(|line| line.contains('\t') || indented(line) % 2 != 0);
            assert_eq!(wrong, None, "docs/{name}:{}", block.line);
        }
    }
}

#[test]
fn state_machines_lead_to_states_that_they_have() {
    let mut machines = 0;
    for (place, value) in json_blocks() {
        let (Some(start), Some(states)) = (value["StartAt"].as_str(), value["States"].as_object()) else { continue };
        let names: BTreeSet<&str> = states.keys().map(String::as_str).collect();
        let mut reached = BTreeSet::from([start]);
        for (name, state) in states {
            let next: Vec<&str> = ["Next", "Default"]
                .iter()
                .flat_map(|member| members(state, member))
                .map(|next| next.as_str().expect("the name of a state"))
                .collect();
            let ends = state["End"] == true || matches!(state["Type"].as_str(), Some("Succeed" | "Fail"));
            assert!(ends != (state.get("Next").is_some() || state["Type"] == "Choice"), "{place}: {name} goes nowhere");
            reached.extend(next);
        }
        assert_eq!(reached, names, "{place}: states that are named, and states that are there");
        machines += 1;
    }
    assert!(machines >= 1, "no page has a state machine");
}

/// The function gets what it asks for, and the state machine what it reads of the answer.
#[test]
fn a_state_machine_and_its_function_agree() {
    let page = |wanted: &str| pages().into_iter().find(|(name, _)| name == wanted).expect("a page").1;
    let (machine, function) = (page("howto/step-functions.md"), page("howto/lambda.md"));
    let code: String =
        blocks(&function).iter().filter(|block| block.language == "python").map(|block| block.text).collect();
    let answer = code.lines().find(|line| line.trim_start().starts_with("return {")).expect("an answer");
    let names = |pattern: &str, text: &str| -> BTreeSet<String> {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.captures_iter(text).map(|found| found[1].to_string()).collect()
    };
    let read = names(r"\$\.Payload\.(\w+)", &machine);
    let returned = names(r#""(\w+)": "#, answer);
    assert!(!read.is_empty() && read.is_subset(&returned), "{read:?} are read, {returned:?} returned");
    let asked = names(r#"event\["(\w+)"\]"#, &code);
    let machines = json_blocks().into_iter().map(|(_, value)| value);
    let payloads: Vec<Value> =
        machines.flat_map(|value| members(&value, "Payload").into_iter().cloned().collect::<Vec<_>>()).collect();
    assert!(!asked.is_empty() && !payloads.is_empty());
    for payload in payloads {
        let given = payload.as_object().expect("an object").keys();
        let given: BTreeSet<String> = given.map(|name| name.trim_end_matches(".$").to_string()).collect();
        assert_eq!(given, asked, "what the function asks for");
    }
}

/// Namespace, name and dimensions of a metric, as CloudWatch tells metrics apart.
fn identity(namespace: &Value, metric: &Value) -> (String, String, BTreeSet<(String, String)>) {
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let dimensions = metric["Dimensions"].as_array().expect("dimensions");
    let dimensions = dimensions.iter().map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"])));
    (text(namespace), text(&metric["MetricName"]), dimensions.collect())
}

/// Every alarm names a metric that the same page shows to be written; `tests/book/sessions.rs` compares that.
#[test]
fn alarms_watch_metrics_that_are_written() {
    let mut alarms = 0;
    for (name, text) in pages() {
        let blocks = blocks(&text);
        let watched: Vec<Value> = blocks
            .iter()
            .filter(|block| block.language == "json")
            .map(|block| serde_json::from_str(block.text).expect("JSON"))
            .collect();
        let written = blocks.iter().filter(|block| block.language == "console").flat_map(|block| block.text.lines());
        let written: Vec<Value> = written
            .filter(|line| line.starts_with("{\"Namespace\""))
            .map(|line| serde_json::from_str(line).expect("a request"))
            .collect();
        let written: BTreeSet<_> = written
            .iter()
            .flat_map(|request| {
                let metrics = request["MetricData"].as_array().expect("metrics");
                metrics.iter().map(move |metric| identity(&request["Namespace"], metric))
            })
            .collect();
        for value in &watched {
            for alarm in with_metrics(value) {
                let metric = identity(&alarm["Namespace"], alarm);
                assert!(written.contains(&metric), "docs/{name}: {metric:?} is not written: {written:?}");
                alarms += 1;
            }
        }
    }
    assert!(alarms >= 1, "no page has an alarm");
}

/// The objects that have a metric of CloudWatch.
fn with_metrics(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(object) => {
            if object.contains_key("MetricName") && object.contains_key("Namespace") {
                found.push(value);
            }
            found.extend(object.values().flat_map(with_metrics));
        }
        Value::Array(items) => found.extend(items.iter().flat_map(with_metrics)),
        _ => {}
    }
    found
}

/// The calls of `dq` that a block shows, up to the first sign by which a shell ends them.
fn calls(block: &Block<'_>) -> Vec<String> {
    let call = Regex::new(r#"^\s*(?:- |\$ |run: |script: |exec |[A-Z_]+=\S+ )*(dq (?:"[^"]*"|'[^']*'|[^"'|<>;&#])*)"#)
        .expect("a pattern");
    let joined = block.text.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| block.language != "console" || line.starts_with("$ "));
    lines.filter_map(|line| call.captures(line)).map(|found| found[1].trim().to_string()).collect()
}

#[test]
fn commands_are_those_that_the_program_has() {
    let program = assert_cmd::cargo::cargo_bin!("dq");
    let mut seen = 0;
    for (name, text) in pages() {
        for block in blocks(&text).iter().filter(|block| ["sh", "console", "yaml"].contains(&block.language)) {
            for call in calls(block) {
                // With --help the program looks at what stands before it and runs nothing.
                let script = format!("dq() {{ \"$DQ_PROGRAM\" \"$@\" --help; }}; {call}");
                let output = Command::new("bash")
                    .args(["--norc", "--noprofile", "-c", &script])
                    .env("DQ_PROGRAM", program)
                    .current_dir(root().join("docs"))
                    .stdin(Stdio::null())
                    .output()
                    .expect("bash ran");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "docs/{name}:{}: {call}\n{said}", block.line);
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
}

/// Hooks that pages name are hooks that the repository offers.
#[test]
fn hooks_are_those_that_there_are() {
    let id = Regex::new(r"(?m)^\s*- id: (dq-\S+)$").expect("a pattern");
    let offered = std::fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("hooks");
    let offered: BTreeSet<String> = id.captures_iter(&offered).map(|found| found[1].to_string()).collect();
    for (name, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language == "yaml") {
            for found in id.captures_iter(block.text) {
                assert!(offered.contains(&found[1]), "docs/{name}:{}: there is no hook {}", block.line, &found[1]);
            }
        }
    }
}
