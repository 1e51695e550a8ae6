//! The reference of rule types, made from the registry. DOCS_UPDATE=1 rewrites it.

use crate::{root, update};
use dq::rules::{Conditions, Place, REGISTRY, RuleType, Status};
use regex::Regex;
use std::fmt::Write;

const HEAD: &str = "# Rule types

<!-- Made from the registry by tests/book; DOCS_UPDATE=1 rewrites it. -->

All types of rules and analyzers. `dq rules` lists them too, `dq rules NAME` shows one.

How a rule is written stands below its name. What is in brackets may be left out; `...` repeats what is before it. The
condition is an example: any other of its kind may stand there ([conditions](language.md#how-values-are-compared)). Behind it
come `where`, `with threshold` and labels, in this order.

A rule of a type that judges rows says of each row whether it fails ([rows](rows.md)). A [gate](library.md#gate) of the library
holds no row back for uniqueness, because a later row may repeat its key; `dq check --bad` and `polars::split` see all rows
first, and do.

The examples are run by the tests. Each has a rule, the data as CSV, below `ref` that of a reference, the verdict, and
a metric.

";

/// What a manual says of NULL, NaN, empty data and types, in this order.
const HEADINGS: [&str; 4] = ["NULL", "NaN", "Empty", "Types"];

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// Kinds of conditions of all signatures.
fn conditions(rule_type: &RuleType) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for signature in rule_type.signatures {
        let own = match signature.conditions {
            Conditions::None => Vec::from(["none"]),
            Conditions::Required(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
            Conditions::Optional(kinds) => kinds.iter().map(|kind| kind.as_str()).chain(["none"]).collect(),
        };
        kinds.extend(own);
    }
    let mut once: Vec<&str> = Vec::new();
    for kind in kinds {
        if !once.contains(&kind) {
            once.push(kind);
        }
    }
    // The commonest answer is no list.
    once.sort_by_key(|kind| *kind == "none");
    once.join(", ")
}

/// A row of a table.
fn row(text: &mut String, name: &str, value: &str) {
    writeln!(text, "| {name} | {} |", value.replace('|', "\\|")).expect("text");
}

fn section(rule_type: &RuleType) -> String {
    let mut text = format!("## {}\n\n{}.\n\n```text\n", rule_type.name, rule_type.summary);
    for signature in rule_type.signatures {
        writeln!(text, "{}", signature.usage(rule_type.name)).expect("text");
    }
    text.push_str("```\n\n");
    let told = |line: &&str| HEADINGS.iter().any(|heading| line.starts_with(&format!("{heading}: ")));
    let document = Regex::new(r"docs/([a-z]+\.md)").expect("a pattern");
    for paragraph in rule_type.manual.lines().filter(|line| !told(line)) {
        writeln!(text, "{}\n", document.replace_all(paragraph, "[$1]($1)")).expect("text");
    }
    text.push_str("| | |\n|---|---|\n");
    for line in rule_type.manual.lines().filter(told) {
        let (heading, rest) = line.split_once(": ").expect("a heading");
        row(&mut text, heading, rest);
    }
    let place = match rule_type.place {
        Place::Rules => "rules",
        Place::Analyzers => "analyzers",
        Place::Both => "rules and analyzers",
    };
    row(&mut text, "stands in", place);
    row(&mut text, "condition", &conditions(rule_type));
    row(&mut text, "`where`", yes(rule_type.filter));
    row(&mut text, "`with threshold`", yes(rule_type.threshold));
    row(&mut text, "[past values](language.md#past-values)", yes(rule_type.dynamic));
    let rows = match (rule_type.row_level, rule_type.row_composite) {
        (true, true) => "yes, in [composites](rows.md#composites) too",
        (true, false) => "yes",
        _ => "no",
    };
    row(&mut text, "judges rows", rows);
    if !rule_type.tags.is_empty() {
        let tags: Vec<String> = rule_type.tags.iter().map(|tag| format!("`{tag}`")).collect();
        row(&mut text, "tags", &tags.join(", "));
    }
    if let Some(dimension) = rule_type.dimension {
        row(&mut text, "quality dimension", dimension.name());
    }
    if rule_type.status == Status::Extension {
        row(&mut text, "in Glue", "unknown; `--target glue` refuses it");
    }
    text.push_str("\n```text\n");
    for (position, example) in rule_type.examples.iter().enumerate() {
        if position > 0 {
            text.push('\n');
        }
        write!(text, "{example}").expect("text");
    }
    text.push_str("```\n");
    text
}

fn page() -> String {
    let mut text = String::from(HEAD);
    text.push_str("| type | | quality dimension |\n|---|---|---|\n");
    for rule_type in REGISTRY {
        let name = rule_type.name;
        let mark = match (rule_type.status, rule_type.place) {
            (Status::Extension, _) => " (extension)",
            (_, Place::Analyzers) => " (analyzer)",
            _ => "",
        };
        let dimension = rule_type.dimension.map_or("", |dimension| dimension.name());
        writeln!(text, "| [{name}](#{}) | {}{mark} | {dimension} |", name.to_lowercase(), rule_type.summary)
            .expect("text");
    }
    for rule_type in REGISTRY {
        text.push('\n');
        text.push_str(&section(rule_type));
    }
    text
}

#[test]
fn the_reference_is_what_the_registry_says() {
    let path = root().join("docs/rules.md");
    let now = page();
    if update() {
        std::fs::write(&path, now).expect("written");
    } else {
        let shown = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = shown.lines().zip(now.lines()).position(|(shown, now)| shown != now);
        assert!(shown == now, "docs/rules.md differs, first in line {differs:?} from 0; DOCS_UPDATE=1 rewrites it");
    }
}
