//! `dq explain`

use super::args::{ExplainArguments, Global};
use super::exit::{Exit, Trouble};
use super::{check, output, source};
use crate::check::{CheckOptions, Ruleset, explain};
use crate::plan::explain::Explanation;
use crate::report::wrapped;
use std::fmt::Write;

/// Runs the command.
pub fn run(arguments: &ExplainArguments, global: &Global) -> Result<Exit, Trouble> {
    let (bind_options, zone) = source::bind_options(&arguments.rules)?;
    let text = source::read(&arguments.ruleset)?;
    let ruleset = Ruleset::parse(&text.text, &bind_options);
    if ruleset.has_errors() {
        check::refuse(&text, &ruleset, &arguments.format, global)?;
        return Ok(Exit::Usage);
    }
    let options = CheckOptions {
        zone,
        read: arguments.read.options()?,
        references: arguments.references.paths()?,
        redaction: arguments.redact.redaction(),
        ..CheckOptions::default()
    };
    let explanation = explain(&ruleset, &arguments.data, &options)?;
    let shown = if arguments.format == "json" {
        serde_json::to_string_pretty(&explanation).map_err(|error| Trouble::Sink(error.to_string()))? + "\n"
    } else {
        to_text(&explanation)
    };
    output::stdout(shown.as_bytes()).map_err(|error| Trouble::Sink(format!("cannot write the plan: {error}")))?;
    Ok(Exit::Clean)
}

fn to_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let columns =
        if explanation.columns_read.is_empty() { "none".to_string() } else { explanation.columns_read.join(", ") };
    let mut push = |indent: usize, first: &str, body: &str| {
        for (position, line) in wrapped(body, 80 - indent).iter().enumerate() {
            let lead = if position == 0 { format!("{first:<indent$}") } else { " ".repeat(indent) };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{lead}{line}");
        }
    };
    push(9, "columns", &format!("{} of {} read: {columns}", explanation.columns_read.len(), explanation.columns_total));
    for (position, predicate) in explanation.predicates.iter().enumerate() {
        let ids = predicate.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        push(13, if position == 0 { "predicates" } else { "" }, &format!("{} -> metrics {ids}", predicate.predicate));
    }
    for (position, join) in explanation.joins.iter().enumerate() {
        let ids = join.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let columns = join.columns.join(", ");
        push(13, if position == 0 { "joins" } else { "" }, &format!("({columns}) {} -> metrics {ids}", join.lookup));
    }
    for (id, metric) in explanation.metrics.iter().enumerate() {
        push(13, &format!("{}{id:>2}", if id == 0 { "metrics  " } else { "         " }), metric);
    }
    for (position, rule) in explanation.rules.iter().enumerate() {
        let ids = rule.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let source = rule.error.as_ref().map_or_else(
            || if ids.is_empty() { "the schema".to_string() } else { format!("metrics {ids}") },
            |error| format!("ERROR {error}"),
        );
        push(9, if position == 0 { "rules" } else { "" }, &format!("{} <- {source}", rule.rule));
    }
    text
}
