//! `dq lint`

use super::args::{FailOn, Global, LintArguments};
use super::exit::{Exit, Trouble};
use super::{diagnostics, output, source};
use crate::check::{CheckOptions, Ruleset, lint_schema};
use crate::diagnostic::Severity;

/// Runs the command.
pub fn run(arguments: &LintArguments, global: &Global) -> Result<Exit, Trouble> {
    let sink = |error: std::io::Error| Trouble::Sink(format!("cannot write the findings: {error}"));
    let (bind_options, zone) = source::bind_options(&arguments.rules)?;
    let options = CheckOptions {
        zone,
        read: arguments.read.options()?,
        references: arguments.references.paths()?,
        redaction: arguments.redact.redaction(),
        ..CheckOptions::default()
    };
    let mut refused = false;
    let mut worst: Option<Severity> = None;
    let mut all = Vec::new();
    let mut bytes = Vec::new();
    for path in &arguments.rulesets {
        let text = source::read(path)?;
        let ruleset = Ruleset::parse(&text.text, &bind_options);
        let mut findings = ruleset.diagnostics().to_vec();
        refused |= ruleset.has_errors();
        if !arguments.schema.is_empty() && !ruleset.has_errors() {
            findings.extend(lint_schema(&ruleset, &arguments.schema, &options)?);
            findings.sort_by_key(|finding| finding.span.start);
        }
        worst = worst.max(findings.iter().map(|finding| finding.severity).max());
        if arguments.format == "json" {
            all.extend(diagnostics::to_json(&text, &findings));
        } else {
            diagnostics::render(&text, &findings, output::stdout_colour(global), &mut bytes).map_err(sink)?;
            let rules = ruleset.rules().len();
            let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
            let verdict = match (count(Severity::Error), count(Severity::Warning)) {
                (0, 0) => "no findings".to_string(),
                (errors, warnings) => format!(
                    "{errors} error{}, {warnings} warning{}",
                    if errors == 1 { "" } else { "s" },
                    if warnings == 1 { "" } else { "s" }
                ),
            };
            let line = format!(
                "{}: {rules} rule{}, {verdict}\n",
                crate::error::shown(path),
                if rules == 1 { "" } else { "s" }
            );
            bytes.extend_from_slice(line.as_bytes());
        }
    }
    if arguments.format == "json" {
        diagnostics::write_json(all, &mut bytes).map_err(sink)?;
    }
    output::stdout(&bytes).map_err(sink)?;
    let fails = match arguments.fail_on {
        FailOn::Warning => worst >= Some(Severity::Warning),
        FailOn::Error => worst >= Some(Severity::Error),
        FailOn::Never => false,
    };
    Ok(if refused {
        Exit::Usage
    } else if fails {
        Exit::Findings
    } else {
        Exit::Clean
    })
}
