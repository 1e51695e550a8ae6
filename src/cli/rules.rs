//! `dq rules`: the language reference, from the registry.

use super::args::{Global, RulesArguments};
use super::exit::{Exit, Trouble};
use super::output;
use crate::report::wrapped;
use crate::rules::{Conditions, Place, RuleType, Status, all, find};
use serde_json::{Value, json};
use std::fmt::Write;

/// Runs the command.
pub fn run(arguments: &RulesArguments, _: &Global) -> Result<Exit, Trouble> {
    let selected: Vec<&RuleType> = match &arguments.name {
        None => all(),
        Some(name) => vec![find(name).ok_or_else(|| {
            let near = crate::diagnostic::nearest(name, all().into_iter().map(|rule_type| rule_type.name));
            Trouble::Usage {
                message: format!("there is no rule type `{name}`"),
                help: Some(near.map_or("`dq rules` lists all types".into(), |near| format!("did you mean {near}?"))),
            }
        })?],
    };
    let text = if arguments.format == "json" {
        let entries: Vec<_> = selected.iter().map(|rule_type| to_json(rule_type)).collect();
        serde_json::to_string_pretty(&json!({ "version": 1, "rule_types": entries }))
            .map_err(|error| Trouble::Sink(error.to_string()))?
            + "\n"
    } else if arguments.name.is_some() {
        selected.iter().map(|rule_type| manual(rule_type)).collect()
    } else {
        list(&selected)
    };
    output::stdout(text.as_bytes()).map_err(|error| Trouble::Sink(format!("cannot write the reference: {error}")))?;
    Ok(Exit::Clean)
}

fn list(types: &[&RuleType]) -> String {
    let mut text = String::new();
    for rule_type in types {
        let mark = match (rule_type.status, rule_type.place) {
            (Status::Extension, _) => " [extension]",
            (_, Place::Analyzers) => " [analyzer]",
            _ => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<24} {}{mark}", rule_type.name, rule_type.summary);
    }
    text.push_str("\n`dq rules NAME` shows one type.\n");
    text
}

fn manual(rule_type: &RuleType) -> String {
    let mut text = format!("{}: {}\n\n", rule_type.name, rule_type.summary);
    for signature in rule_type.signatures {
        let _ = writeln!(text, "    {}", signature.usage(rule_type.name));
    }
    text.push('\n');
    for paragraph in rule_type.manual.lines() {
        for line in wrapped(paragraph, 78) {
            let _ = writeln!(text, "{line}");
        }
    }
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let place = match rule_type.place {
        Place::Rules => "rules",
        Place::Analyzers => "analyzers",
        Place::Both => "rules and analyzers",
    };
    let _ = writeln!(
        text,
        "\nstatus {}; stands in {place}",
        if rule_type.status == Status::Glue { "as in Glue" } else { "extension, refused with --target glue" }
    );
    let _ = writeln!(
        text,
        "where {}; threshold {}; past values {}; judges rows {}",
        yes(rule_type.filter),
        yes(rule_type.threshold),
        yes(rule_type.dynamic),
        yes(rule_type.row_level)
    );
    if !rule_type.tags.is_empty() {
        let _ = writeln!(text, "tags {}", rule_type.tags.join(", "));
    }
    for example in rule_type.examples {
        let _ = write!(text, "\nexample: {example}");
    }
    text
}

/// One type in the shape of `grammar/rule-types.json`, with summary and manual.
fn to_json(rule_type: &RuleType) -> Value {
    let kinds = |conditions: Conditions| -> Vec<&str> {
        match conditions {
            Conditions::None => Vec::new(),
            Conditions::Required(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
            Conditions::Optional(kinds) => kinds.iter().map(|kind| kind.as_str()).chain(["none"]).collect(),
        }
    };
    let signatures: Vec<_> = rule_type
        .signatures
        .iter()
        .map(|signature| {
            let max = if signature.repeats { Value::Null } else { signature.parameters.len().into() };
            json!({ "parameters": { "min": signature.required, "max": max }, "conditions": kinds(signature.conditions) })
        })
        .collect();
    json!({
        "name": rule_type.name,
        "status": if rule_type.status == Status::Glue { "glue" } else { "extension" },
        "in_rules": rule_type.place != Place::Analyzers,
        "analyzer": rule_type.place != Place::Rules,
        "signatures": signatures,
        "where": rule_type.filter,
        "threshold": rule_type.threshold,
        "dynamic": rule_type.dynamic,
        "row_level": rule_type.row_level,
        "row_composite": rule_type.row_composite,
        "tags": rule_type.tags,
        "summary": rule_type.summary,
        "manual": rule_type.manual,
    })
}
