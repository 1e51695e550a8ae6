//! `dq check`

use super::args::{CheckArguments, Global, LeastSeverity, Show};
use super::exit::{Exit, Trouble};
use super::output::Sink;
use super::past::{self, Memory};
use super::publish::Delivery;
use super::{diagnostics, interrupt, memory, output, progress, publish, source};
use crate::check::{CheckOptions, Ruleset, Run, Watch, WrongSelection, check};
use crate::error::{Error, escape_controls};
use crate::input::source::STDIN;
use crate::input::{data_files, remote};
use crate::report::{self, Report, Severity, Style};
use crate::scorecard::LeastScore;
use crate::span::LineIndex;
use crate::verdict::{Outcome, Verdict};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Runs the command: one ruleset, or what a contract file says.
pub fn run(arguments: &CheckArguments, global: &Global) -> Result<Exit, Trouble> {
    let usage = |message: &str, help: &str| Trouble::Usage { message: message.into(), help: Some(help.into()) };
    let form = "write dq check --ruleset RULES DATA";
    match &arguments.ruleset {
        Some(_) if arguments.data.is_empty() => Err(usage("no data is named that the ruleset could check", form)),
        Some(ruleset) => run_ruleset(arguments, ruleset, &arguments.data, global),
        None if !arguments.data.is_empty() => Err(usage("no ruleset is named that could check the data", form)),
        #[cfg(feature = "contracts")]
        None => super::contract::run(arguments, global),
        #[cfg(not(feature = "contracts"))]
        None => Err(usage("neither a ruleset nor data is named", form)),
    }
}

/// Checks data against one ruleset.
pub fn run_ruleset(
    arguments: &CheckArguments,
    ruleset: &Path,
    names: &[PathBuf],
    global: &Global,
) -> Result<Exit, Trouble> {
    let sinks = output::sinks(&arguments.format, &arguments.output)?;
    let mut publication = arguments.publication.publication()?;
    let references = arguments.references.paths()?;
    let stdin = Path::new(STDIN);
    if ruleset == stdin && names.iter().any(|data| data == stdin) {
        let message = "the ruleset and the data cannot both come from stdin".to_string();
        return Err(Trouble::Usage { message, help: Some("put one of them into a file".into()) });
    }
    let data = local_files(names)?;
    let mut inputs: Vec<_> = data.iter().cloned().chain([ruleset.to_path_buf()]).collect();
    for reference in references.values() {
        inputs.extend(local_files(reference)?);
    }
    past::spare(&arguments.past, &inputs, names)?;
    inputs.extend(arguments.past.history.clone());
    output::spare(&sinks, &inputs)?;
    let read_names: Vec<_> = names.iter().chain(references.values().flatten()).cloned().collect();
    arguments.rows.spare(&sinks, &inputs, &read_names)?;
    let rows = arguments.rows.outputs().map(|(_, path)| path);
    let written = sinks.iter().filter_map(Sink::path).chain(rows).map(Path::to_path_buf);
    let used: Vec<_> = inputs.iter().cloned().chain(written).collect();
    let delivery = Delivery::of(&arguments.publication, &used, &read_names)?;
    arguments.states.spare(&sinks, &inputs, names)?;
    let mut seen = std::collections::HashSet::new();
    let twice =
        data.iter().find(|path| !seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())));
    if let Some(twice) = twice {
        let message = format!("{} is named twice", crate::error::shown(twice));
        return Err(Trouble::Usage { message, help: Some("its rows would count twice; name it once".into()) });
    }
    let (bind_options, zone) = source::bind_options(&arguments.rules)?;
    let text = source::read(ruleset)?;
    let ruleset = Ruleset::parse(&text.text, &bind_options);
    if ruleset.has_errors() {
        refuse(&text, &ruleset, &arguments.format, global)?;
        return Ok(Exit::Usage);
    }
    let mut options = CheckOptions {
        zone,
        read: arguments.read.options()?,
        references,
        sql_timeout: arguments.sql_timeout,
        memory_bytes: arguments.memory_limit.unwrap_or_else(memory::half),
        allow_empty: arguments.allow_empty,
        only: arguments.only.clone(),
        skip: arguments.skip.clone(),
        redaction: arguments.redact.redaction(),
        ..CheckOptions::default()
    };
    arguments.rows.apply(&mut options);
    options.states = arguments.states.options();
    if let Some(threads) = arguments.threads {
        options.threads = usize::from(threads);
    }
    decides(&ruleset, &options, &arguments.min_score)?;
    // The data has the name under which its past runs are known, before its rows are read.
    let dataset = || -> Result<String, Error> {
        if publication.table.is_some() {
            return Ok(publication.dataset(&[]));
        }
        let files = data_files(names, false)?;
        Ok(publication.dataset(&files.into_iter().map(|file| file.path).collect::<Vec<_>>()))
    };
    let mut memory = Memory::open(&arguments.past, dataset, bind_options.now, &ruleset, &mut options)?;
    let stop = interrupt::flag();
    let run = progress::watched(arguments.quiet, |progress| {
        check(&ruleset, names, &options, Watch { progress: Some(progress), stop: Some(stop) })
    })?;
    show_sql_mistakes(&text, &run.sql_mistakes, global)?;
    let timed = arguments.rules.now.is_none();
    // Who sets the clock answers for it, in files: what is sent goes by the clock of this machine.
    publication.sent = timed.then(chrono::Utc::now);
    let report = Report {
        run: &run,
        ruleset: &text.name,
        lines: &LineIndex::new(&text.text),
        timed,
        style: Style {
            colour: output::stdout_colour(global),
            show_all: arguments.show == Show::All,
            ..Style::default()
        },
        publication: &publication,
    };
    let reported = publish::write_and_send(&report, &sinks, delivery.as_ref());
    past::reported_and_recorded(reported, memory.as_mut(), &report)?;
    Ok(exit_of(&run, arguments.fail_on, &arguments.min_score))
}

/// What the program tells its caller of a run.
pub fn exit_of(run: &Run, least: LeastSeverity, scores: &[LeastScore]) -> Exit {
    if run.verdict() == Verdict::Error {
        Exit::NotEvaluated
    } else if fails(run, least, scores) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// Refuses options that leave nothing to decide: a misspelt name would let anything pass.
pub fn decides(ruleset: &Ruleset, options: &CheckOptions, scores: &[LeastScore]) -> Result<(), Trouble> {
    options
        .check_selection(ruleset)
        .map_err(|WrongSelection { message, help }| Trouble::Usage { message, help: Some(help) })?;
    if let Some(score) = scores_without_rules(ruleset, options, scores) {
        let message = format!("--min-score: there are no {score}");
        let help = "a score of no rules would always be reached; see the labels in the ruleset";
        return Err(Trouble::Usage { message, help: Some(help.into()) });
    }
    Ok(())
}

/// The first score that would decide about no rule.
fn scores_without_rules<'a>(
    ruleset: &Ruleset,
    options: &CheckOptions,
    scores: &'a [LeastScore],
) -> Option<&'a LeastScore> {
    scores.iter().find(|score| !options.selected(ruleset).any(|node| score.will_cover(node)))
}

/// Whether too few of the rules pass that scores decide about, or another failed rule is severe enough. Says on
/// stderr what the exit code does not.
fn fails(run: &Run, least: LeastSeverity, scores: &[LeastScore]) -> bool {
    let least = match least {
        LeastSeverity::Information => Severity::Information,
        LeastSeverity::Minor => Severity::Minor,
        LeastSeverity::Major => Severity::Major,
        LeastSeverity::Critical => Severity::Critical,
        LeastSeverity::Blocker => Severity::Blocker,
    };
    let mut lines = Vec::new();
    let mut unmet = false;
    for score in scores {
        let (passed, judged) = score.counts(run);
        unmet |= !score.is_met(run);
        let met = if score.is_met(run) { "reached" } else { "NOT reached" };
        let share = report::percent(passed, judged);
        lines.push(format!("--min-score {}: {met}: {passed} of {judged} {score} pass, {share}", score.score));
    }
    let decided_alone = |outcome: &&Outcome| !scores.iter().any(|score| score.covers(outcome));
    let failed = run.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail).filter(decided_alone);
    let (counted, ignored): (Vec<_>, Vec<_>) = failed.partition(|outcome| Severity::of(outcome) >= least);
    let rules =
        |count: usize| if count == 1 { "1 failed rule is".to_string() } else { format!("{count} failed rules are") };
    if !scores.is_empty() && !counted.is_empty() {
        lines.push(format!("{} under no --min-score: the exit code is 1", rules(counted.len())));
    }
    if !ignored.is_empty() {
        lines.push(format!("{} less severe than --fail-on {}", rules(ignored.len()), least.as_str()));
    }
    for line in lines {
        // Nothing is left to do when stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{}", escape_controls(&line));
    }
    unmet || !counted.is_empty()
}

/// The files of this machine that names stand for.
fn local_files(names: &[PathBuf]) -> Result<Vec<PathBuf>, Trouble> {
    let local: Vec<_> = names.iter().filter(|name| remote::url(name).is_none()).cloned().collect();
    Ok(data_files(&local, false)?.into_iter().map(|file| file.path).collect())
}

/// Shows mistakes in SQL texts with their places: their rules are ERROR, the others were evaluated.
pub fn show_sql_mistakes(
    text: &source::Source,
    mistakes: &[crate::diagnostic::Diagnostic],
    global: &Global,
) -> Result<(), Trouble> {
    let mut bytes = Vec::new();
    diagnostics::render(text, mistakes, output::stderr_colour(global), &mut bytes)
        .map_err(|error| Trouble::Sink(format!("cannot write the findings: {error}")))?;
    // Nothing is left to do when stderr is closed.
    let _ = std::io::stderr().lock().write_all(&bytes);
    Ok(())
}

/// Shows why a ruleset is refused: JSON to stdout for programs, rendered to stderr for people.
pub fn refuse(text: &source::Source, ruleset: &Ruleset, format: &str, global: &Global) -> Result<(), Trouble> {
    let sink = |error: std::io::Error| Trouble::Sink(format!("cannot write the findings: {error}"));
    let mut bytes = Vec::new();
    if format == "json" {
        diagnostics::write_json(diagnostics::to_json(text, ruleset.diagnostics()), &mut bytes).map_err(sink)?;
        return output::stdout(&bytes).map_err(sink);
    }
    diagnostics::render(text, ruleset.diagnostics(), output::stderr_colour(global), &mut bytes).map_err(sink)?;
    // Nothing is left to do when stderr is closed.
    let _ = std::io::stderr().lock().write_all(&bytes);
    Ok(())
}
