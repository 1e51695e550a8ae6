//! `dq check` without a ruleset: all that a contract file says belongs together.

use super::args::{CheckArguments, Global};
use super::compat_arguments::CompatArguments;
use super::exit::{Exit, Trouble};
use super::source::Source;
use super::{check, compat, diagnostics, output, records};
use crate::compat::mode::{Mode, UnknownMode};
use crate::contract::{Contract, FILE_NAME, MOST_BYTES, SchemaPart, Text, parse};
use crate::error::{Error, escape_controls, shown};
use crate::records::{Formats, Options, Schema};
use crate::report::{Style, records as report};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A part of a contract and how it went.
struct Part {
    name: &'static str,
    exit: Exit,
}

/// Runs all contracts of a file.
pub fn run(arguments: &CheckArguments, global: &Global) -> Result<Exit, Trouble> {
    if arguments.format != "text" || !arguments.output.is_empty() || arguments.rows.has_outputs() {
        let message =
            "a contract is reported as text on stdout; --format, --output and outputs of rows are for one ruleset";
        return Err(Trouble::Usage {
            message: message.into(),
            help: Some("name the ruleset and the data instead: dq check --ruleset RULES DATA".into()),
        });
    }
    let path = arguments.contract.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let source = read(&path, arguments.contract.is_none())?;
    let contracts = match parse(&source.text) {
        Ok(contracts) => contracts,
        Err(mistakes) => {
            let mut bytes = Vec::new();
            diagnostics::render(&source, &mistakes, output::stderr_colour(global), &mut bytes).map_err(sink)?;
            // Nothing is left to do when stderr is closed.
            let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), &bytes);
            return Ok(Exit::Usage);
        }
    };
    let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut worst = Exit::Clean;
    let mut summaries = Vec::new();
    for contract in &contracts {
        let parts = parts(contract, &directory, arguments, global);
        let failed: Vec<&str> =
            parts.iter().filter(|part| part.exit != Exit::Clean).map(|part| said(part.exit, part.name)).collect();
        let name = escape_controls(&contract.name.text);
        summaries.push(match failed.is_empty() {
            true => format!("contract {name}: holds ({})", counted(parts.len())),
            false => format!("contract {name}: does not hold: {}", failed.join("; ")),
        });
        for part in parts {
            worst = worse(worst, part.exit);
        }
    }
    output::stdout(format!("\n{}\n", summaries.join("\n")).as_bytes()).map_err(sink)?;
    Ok(worst)
}

fn sink(error: std::io::Error) -> Trouble {
    Trouble::Sink(format!("cannot write the report: {error}"))
}

fn counted(parts: usize) -> String {
    format!("{parts} part{}", if parts == 1 { "" } else { "s" })
}

/// What an exit code means of a part.
fn said(exit: Exit, part: &'static str) -> &'static str {
    match (part, exit) {
        ("ruleset", Exit::Findings) => "a rule fails",
        ("compatibility", Exit::Findings) => "the schema is not compatible",
        ("records", Exit::Findings) => "a record is not valid",
        ("ruleset", _) => "the ruleset could not be evaluated",
        ("compatibility", _) => "the schema could not be compared",
        _ => "the records could not be judged",
    }
}

/// The code that says more: 2, then 4, then 3, then 1.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Clean => 0,
        Exit::Findings => 1,
        Exit::NotEvaluated => 2,
        Exit::SinkFailed => 3,
        Exit::Usage => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Runs the parts of a contract. Trouble with one does not keep the others from running.
fn parts(contract: &Contract, directory: &Path, arguments: &CheckArguments, global: &Global) -> Vec<Part> {
    let name = escape_controls(&contract.name.text);
    let below = |text: &Text| below(directory, &text.text);
    let mut parts = Vec::new();
    let mut part = |part: &'static str, run: &dyn Fn() -> Result<Exit, Trouble>| {
        let headed = output::stdout(format!("== {name}: {part} ==\n").as_bytes()).map_err(sink);
        let exit = headed.and_then(|()| run()).unwrap_or_else(Trouble::report);
        parts.push(Part { name: part, exit });
    };
    if let Some(ruleset) = &contract.ruleset {
        let data: Vec<PathBuf> = contract.data.iter().map(below).collect();
        part("ruleset", &|| check::run_ruleset(arguments, &below(ruleset), &data, global));
    }
    if let Some(schema) = &contract.schema {
        if let Some(against) = &schema.against {
            part("compatibility", &|| compatibility(schema, against, directory, arguments, global));
        }
        if !schema.records.is_empty() {
            let data: Vec<PathBuf> = schema.records.iter().map(below).collect();
            part("records", &|| judge(&below(&schema.file), &data, arguments, global));
        }
    }
    parts
}

/// A path of the contract; URLs and absolute paths stay.
fn below(directory: &Path, path: &str) -> PathBuf {
    let is_url = crate::input::remote::url(Path::new(path)).is_some();
    if is_url { PathBuf::from(path) } else { directory.join(path) }
}

fn judge(schema: &Path, data: &[PathBuf], arguments: &CheckArguments, global: &Global) -> Result<Exit, Trouble> {
    let schema = Schema::load(schema, &[], Formats::ByDraft)?;
    let mut options = Options::default();
    options.feed.csv = arguments.read.options()?.csv;
    if let Some(threads) = arguments.threads {
        options.threads = usize::from(threads);
    }
    let found = records::judged(&schema, data, &options)?;
    let style = Style { colour: output::stdout_colour(global), ..Style::default() };
    let mut bytes = Vec::new();
    report::text(&found, style, &mut bytes).and_then(|()| output::stdout(&bytes)).map_err(sink)?;
    Ok(records::exit_of(&found))
}

/// Compares a schema with its earlier versions.
fn compatibility(
    schema: &SchemaPart,
    against: &Text,
    directory: &Path,
    arguments: &CheckArguments,
    global: &Global,
) -> Result<Exit, Trouble> {
    // What is no file beside the contract is a revision.
    let versions = below(directory, &against.text);
    let against = if versions.exists() { versions.to_string_lossy().into_owned() } else { against.text.clone() };
    let mode = match &schema.mode {
        Some(mode) => mode
            .text
            .parse()
            .map_err(|unknown: UnknownMode| Trouble::Usage { message: unknown.to_string(), help: None })?,
        None => Mode::Backward,
    };
    let compared =
        CompatArguments::of_contract(below(directory, &schema.file.text), against, mode, arguments.rules.now.clone());
    compat::run(&compared, global)
}

/// The text of the file.
fn read(path: &Path, by_default: bool) -> Result<Source, Trouble> {
    let trouble = |error: std::io::Error| {
        let missing = by_default && error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::Read { path: path.to_path_buf(), source: error };
        if missing {
            return Trouble::Usage {
                message: format!("neither a ruleset nor data is named, and there is no {FILE_NAME} here"),
                help: Some("write dq check --ruleset RULES DATA, or a contract file; docs/records.md has one".into()),
            };
        }
        Trouble::Usage { message: error.to_string(), help: error.help() }
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(trouble)?;
    let usage = |message: &str| Trouble::Usage { message: format!("{}: {message}", shown(path)), help: None };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(usage("a contract file has at most 4 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| usage("not a text in UTF-8"))?;
    Ok(Source { name: path.to_string_lossy().into_owned(), text })
}
