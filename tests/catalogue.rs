//! The registry against itself, the grammar and its own examples.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::rules::{BindOptions, Conditions, Place, REGISTRY, Status, Target};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn names_are_unique_and_in_order() {
    let names: Vec<_> = REGISTRY.iter().map(|rule_type| rule_type.name).collect();
    let lower: HashSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), names.len());
    // In the order of the files that `ls` shows, which is that of the snake-cased names.
    let mut files: Vec<_> = names.iter().map(|name| snake(name)).collect();
    let listed = files.clone();
    files.sort();
    assert_eq!(listed, files);
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (position, character) in name.char_indices() {
        if character.is_uppercase() && position > 0 {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

#[test]
fn every_type_has_its_file_and_every_file_its_type() {
    for rule_type in REGISTRY {
        let path = root().join("src/rules").join(format!("{}.rs", snake(rule_type.name)));
        assert!(path.exists(), "{} has no file {}", rule_type.name, path.display());
        let cites = std::fs::read_to_string(&path).expect("a file").starts_with(&format!("//! `{}`:", rule_type.name));
        assert!(cites, "{} does not open with its name", path.display());
    }
    let types: HashSet<_> = REGISTRY.iter().map(|rule_type| snake(rule_type.name)).collect();
    let mechanism =
        ["mod", "bind", "compile", "condition", "custom", "expression", "file_question", "points", "signature"];
    for entry in std::fs::read_dir(root().join("src/rules")).expect("a room") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_string();
        assert!(types.contains(&stem) || mechanism.contains(&stem.as_str()), "{} is in no registry", path.display());
    }
}

#[test]
fn every_manual_speaks_of_null_nan_empty_and_types() {
    for rule_type in REGISTRY {
        assert!(!rule_type.summary.is_empty() && rule_type.summary.len() <= 80, "{}", rule_type.name);
        for heading in ["\nNULL: ", "\nNaN: ", "\nEmpty: ", "\nTypes: "] {
            assert!(rule_type.manual.contains(heading), "{} does not speak of{heading}", rule_type.name);
        }
    }
}

fn kinds(conditions: Conditions) -> Vec<&'static str> {
    match conditions {
        Conditions::None => Vec::new(),
        Conditions::Required(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
        Conditions::Optional(kinds) => kinds.iter().map(|kind| kind.as_str()).chain(["none"]).collect(),
    }
}

#[test]
fn the_registry_agrees_with_the_grammar() {
    let text = std::fs::read_to_string(root().join("grammar/rule-types.json")).expect("the grammar");
    let grammar: Value = serde_json::from_str(&text).expect("JSON");
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let strings = |value: &Value| {
        sorted(value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_string)).collect())
    };
    let entries = grammar["rule_types"].as_array().expect("a list");
    assert_eq!(entries.len(), REGISTRY.len());
    for entry in entries {
        let name = entry["name"].as_str().expect("a name");
        let rule_type = dq::rules::find(name).unwrap_or_else(|| panic!("{name} is not registered"));
        let expected = json!({
            "status": if rule_type.status == Status::Glue { "glue" } else { "extension" },
            "in_rules": rule_type.place != Place::Analyzers,
            "analyzer": rule_type.place != Place::Rules,
            "where": rule_type.filter,
            "threshold": rule_type.threshold,
            "dynamic": rule_type.dynamic,
            "row_level": rule_type.row_level,
            "row_composite": rule_type.row_composite,
        });
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(&entry[field], value, "{name}: {field}");
        }
        assert_eq!(
            strings(&entry["tags"]),
            sorted(rule_type.tags.iter().map(ToString::to_string).collect()),
            "{name}: tags"
        );
        let signatures = entry["signatures"].as_array().expect("signatures");
        assert_eq!(signatures.len(), rule_type.signatures.len(), "{name}: signatures");
        for (grammar, signature) in signatures.iter().zip(rule_type.signatures) {
            let max = if signature.repeats { Value::Null } else { signature.parameters.len().into() };
            assert_eq!(grammar["parameters"], json!({ "min": signature.required, "max": max }), "{name}: parameters");
            assert_eq!(
                strings(&grammar["conditions"]),
                sorted(kinds(signature.conditions).into_iter().map(str::to_string).collect()),
                "{name}: conditions"
            );
        }
    }
}

fn csv(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

#[test]
fn examples_give_what_they_say() {
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z").expect("a time").to_utc();
    let mut executed = 0;
    for rule_type in REGISTRY {
        for example in rule_type.examples {
            let data = csv(example.data);
            let reference = (!example.reference.is_empty()).then(|| csv(example.reference));
            let references =
                reference.iter().map(|file| ("ref".to_string(), vec![file.path().to_path_buf()])).collect();
            let options = CheckOptions { references, ..CheckOptions::default() };
            let section = if rule_type.place == Place::Analyzers { "Analyzers" } else { "Rules" };
            let ruleset =
                Ruleset::parse(&format!("{section} = [ {} ]", example.rule), &BindOptions { now, target: Target::Dq });
            assert!(!ruleset.has_errors(), "{}: {:?}", example.rule, ruleset.diagnostics());
            let run = check(&ruleset, &[data.path().to_path_buf()], &options, Watch::default()).expect("readable");
            let metrics = match (run.outcomes.first(), run.analyzers.first()) {
                (Some(outcome), _) => {
                    assert_eq!(outcome.verdict.as_str(), example.verdict, "{}: {:?}", example.rule, outcome.message);
                    &outcome.metrics
                }
                (None, analyzer) => {
                    let analyzer = analyzer.expect("an analyzer");
                    assert_eq!(analyzer.message, None, "{}", example.rule);
                    &analyzer.metrics
                }
            };
            if let Some((name, value)) = example.metric {
                let found = metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| value.to_f64());
                assert!(
                    found.is_some_and(|found| (found - value).abs() < 1e-9),
                    "{}: {name} is {found:?}",
                    example.rule
                );
            }
            executed += 1;
        }
    }
    assert!(executed >= 30, "examples are missing: {executed}");
}

#[test]
fn types_that_are_evaluated_have_examples() {
    for rule_type in REGISTRY {
        let evaluated = !rule_type.manual.contains("Not evaluated by this version");
        assert_eq!(!rule_type.examples.is_empty(), evaluated, "{}", rule_type.name);
    }
}
