//! `dq compat`

use super::args::Global;
use super::compat_arguments::CompatArguments;
use super::exit::{Exit, Trouble};
use super::output::{self, Sink};
use crate::compat::allow::{Allowances, DEFAULT_NAME, MAX_BYTES, written};
use crate::compat::gate::{Run, judge, spelt};
use crate::compat::sources::{Base, Loaded, Mistake, Refusal, Request, load};
use crate::error::{Error, escape_controls, shown};
use crate::report::Style;
use crate::report::compat::{FORMATS, Format, Report};
use crate::sink::atomic::replace;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Mistakes that are shown to people.
const SHOWN: usize = 50;

/// Runs the command.
pub fn run(arguments: &CompatArguments, global: &Global) -> Result<Exit, Trouble> {
    let sinks = output::sinks_among(FORMATS, &arguments.format, &arguments.output)?;
    let request = arguments.request(|name| std::env::var_os(name))?;
    let today = arguments.today()?;
    let allow = allow_file(arguments);
    output::spare(&sinks, &read_paths(&request, allow.as_deref()))?;
    let loaded = match load(&request) {
        Ok(loaded) => loaded,
        Err(refusal) => return refuse(refusal, &sinks),
    };
    let allowances = allow.map(|path| read_allowances(&path, today, loaded.whole)).transpose()?;
    let Loaded { subjects, notes, against, .. } = loaded;
    let run = judge(&subjects, &arguments.options(), &against, allowances.as_ref(), notes);
    let fail_on = arguments.fail_on.severity();
    if let Some(path) = &arguments.write_allow {
        add_allowances(path, &run, arguments)?;
    }
    let style = Style { colour: output::stdout_colour(global), ..Style::default() };
    output::write_each(&sinks, |sink, out| {
        // Files carry no colours.
        let style = Style { colour: style.colour && sink.path().is_none(), ..style };
        (sink.format().write)(&Report { run: &run, style, fail_on }, out)
    })?;
    Ok(if run.is_incomplete() {
        Exit::Usage
    } else if run.worst() >= Some(fail_on) {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// The allow-file that was named, or the one that is there.
fn allow_file(arguments: &CompatArguments) -> Option<PathBuf> {
    let default = || Some(PathBuf::from(DEFAULT_NAME)).filter(|path| path.is_file());
    arguments.allow.clone().or_else(default)
}

/// Files that no report may overwrite.
fn read_paths(request: &Request, allow: Option<&Path>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = request.schemas.iter().chain(&request.references).cloned().collect();
    match &request.base {
        Base::Files { old, new } => paths.extend([old.clone(), new.clone()]),
        Base::Path(path) => paths.push(path.clone()),
        Base::Revision { .. } | Base::MergeBase(_) | Base::Push { .. } => {}
    }
    paths.extend(allow.map(Path::to_path_buf));
    paths
}

fn usage(message: String) -> Trouble {
    Trouble::Usage { message, help: None }
}

fn text_of(path: &Path) -> Result<String, Trouble> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(source) = read {
        let error = Error::Read { path: path.to_path_buf(), source };
        return Err(Trouble::Usage { message: error.to_string(), help: error.help() });
    }
    if bytes.len() > MAX_BYTES {
        return Err(usage(format!("{}: an allow-file has at most {} MiB", shown(path), MAX_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| usage(format!("{}: not a text in UTF-8", shown(path))))
}

fn read_allowances(path: &Path, today: chrono::NaiveDate, whole: bool) -> Result<Allowances, Trouble> {
    let text = text_of(path)?;
    Allowances::parse(&text, &spelt(path), today, whole).map_err(|mistake| Trouble::Usage {
        message: format!("{}, line {}: {}", shown(path), mistake.line, mistake.message),
        help: Some("an entry has kind, schema and reason, and may have location and expires".into()),
    })
}

/// Adds entries to an allow-file; what is in it stays as it is.
fn add_allowances(path: &Path, run: &Run, arguments: &CompatArguments) -> Result<(), Trouble> {
    let before = if path.exists() { text_of(path)? } else { String::new() };
    let today = arguments.today()?;
    // Nothing is added to what is no allow-file.
    Allowances::parse(&before, &spelt(path), today, false)
        .map_err(|mistake| usage(format!("{}, line {}: {}", shown(path), mistake.line, mistake.message)))?;
    let entries = written(&run.entries, arguments.fail_on.severity());
    if entries.is_empty() {
        return Ok(());
    }
    let gap = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    replace(path, format!("{before}{gap}{entries}").as_bytes())
        .map_err(|source| Trouble::Sink(format!("cannot write {}: {source}", shown(path))))
}

/// Says why nothing is compared: on stderr to people, and on stdout to programs that read JSON there.
fn refuse(refusal: Refusal, sinks: &[Sink<Format>]) -> Result<Exit, Trouble> {
    if sinks.iter().any(|sink| sink.path().is_none() && sink.format().name == "json") {
        let errors: Vec<Value> = refusal.mistakes.iter().map(mistake_json).collect();
        let document = json!({
            "version": 1,
            "compatible": Value::Null,
            "complete": false,
            "error": { "message": refusal.message, "help": refusal.help, "mistakes": errors },
            "findings": [],
        });
        output::stdout(format!("{document:#}\n").as_bytes())
            .map_err(|error| Trouble::Sink(format!("cannot write the report: {error}")))?;
    }
    let mut stderr = io::stderr().lock();
    for mistake in refusal.mistakes.iter().take(SHOWN) {
        let place = mistake.position.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        // Nothing is left to do when stderr is closed.
        let _ =
            writeln!(stderr, "{}{place}: error: {}", escape_controls(&mistake.file), escape_controls(&mistake.message));
    }
    if refusal.mistakes.len() > SHOWN {
        let _ = writeln!(stderr, "... and {} more; --format json lists all", refusal.mistakes.len() - SHOWN);
    }
    drop(stderr);
    Err(Trouble::Usage { message: refusal.message, help: refusal.help })
}

fn mistake_json(mistake: &Mistake) -> Value {
    json!({
        "file": mistake.file,
        "line": mistake.position.map(|(line, _)| line),
        "column": mistake.position.map(|(_, column)| column),
        "message": mistake.message,
    })
}
