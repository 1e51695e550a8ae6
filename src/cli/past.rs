//! `--history` of `dq check`: what past runs measured is read before the check, what this run measured is added after it.

use super::exit::Trouble;
use crate::check::{CheckOptions, Observe, Ruleset};
use crate::error::{Error, escape_controls, shown};
use crate::history::anomaly::RECENT;
use crate::history::{self, Repository, Retention, RunId, RunRecord};
use crate::links::{lies_in, same_file};
use crate::report::Report;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// What is remembered between runs.
#[derive(Debug, Args)]
pub struct PastArguments {
    /// Where runs are remembered, for rules with past values: an SQLite file, a file of JSON Lines (*.jsonl), or a directory or URL that ends with /; made when it is not there. --dataset names the data in it
    #[arg(long, value_name = "PATH", help_heading = "Past runs")]
    pub history: Option<PathBuf>,
    /// Read the history, but do not add this run to it
    #[arg(long, requires = "history", help_heading = "Past runs")]
    pub no_record: bool,
    /// Keep only so many of the newest runs of the dataset in the history [default: all]
    #[arg(long, value_name = "N", requires = "history", conflicts_with = "no_record", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Past runs")]
    pub keep_runs: Option<u32>,
    /// Keep only runs of the dataset that are at most so many days older than the newest one [default: all]
    #[arg(long, value_name = "N", requires = "history", conflicts_with = "no_record", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Past runs")]
    pub keep_days: Option<u32>,
    /// Which metrics are compared with what past runs let expect: those that DetectAnomalies names, or all whose types generate observations, without a verdict
    #[arg(long, value_name = "WHAT", default_value = "rules", requires = "history", help_heading = "Past runs")]
    pub observe: ObserveArgument,
}

/// `--observe`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObserveArgument {
    /// Those of DetectAnomalies.
    Rules,
    /// Those of other rules and analyzers too.
    All,
}

impl From<ObserveArgument> for Observe {
    fn from(argument: ObserveArgument) -> Self {
        match argument {
            ObserveArgument::Rules => Observe::Rules,
            ObserveArgument::All => Observe::All,
        }
    }
}

/// An open history.
pub struct Memory<'a> {
    repository: Box<dyn Repository>,
    arguments: &'a PastArguments,
    dataset: String,
}

/// Names of datasets that are listed where one is looked for in vain.
const LISTED: usize = 5;

impl<'a> Memory<'a> {
    /// Opens the history, if there is one, and gives `options` what runs before `started` measured: of each number as
    /// many values as the rules and observations ask for. Trouble with it ends the program before anything is checked.
    pub fn open(
        arguments: &'a PastArguments,
        dataset: impl FnOnce() -> Result<String, Error>,
        started: DateTime<Utc>,
        ruleset: &Ruleset,
        options: &mut CheckOptions,
    ) -> Result<Option<Self>, Trouble> {
        options.observe = arguments.observe.into();
        let watched = if options.observe == Observe::All { RECENT } else { 0 };
        let most = ruleset.past_values().max(watched);
        let Some(path) = &arguments.history else { return Ok(None) };
        let dataset = dataset()?;
        let repository = history::open(path).map_err(Error::from)?;
        // One value at least: a history that cannot be read is trouble even when no rule asks for it.
        let past = repository.load(&dataset, started, most.max(1)).map_err(Error::from)?;
        if past.runs() == 0 && most > 0 {
            unknown(&dataset, &*repository)?;
        }
        options.past = Some(Arc::new(past));
        Ok(Some(Self { repository, arguments, dataset }))
    }

    /// Adds the run of a report, unless it did not see all rows.
    pub fn record(&mut self, report: &Report<'_>) -> Result<(), Trouble> {
        if self.arguments.no_record {
            return Ok(());
        }
        if report.run.incomplete {
            say("the run was interrupted: it is not added to the history");
            return Ok(());
        }
        let record = RunRecord {
            run: RunId(report.run_digits()),
            dataset: self.dataset.clone(),
            time: report.run.started,
            ruleset: report.ruleset_name(),
            rows: report.run.rows,
            points: report.run.points().to_vec(),
        };
        let runs = self.arguments.keep_runs.and_then(|runs| usize::try_from(runs).ok());
        let retention = Retention { runs, days: self.arguments.keep_days };
        match self.repository.record(&record, retention) {
            Ok(_) => Ok(()),
            Err(error) => Err(Trouble::Sink(format!("the run is not in the history: {error}"))),
        }
    }
}

/// Adds a run that was reported, or was to be: what was measured is remembered even when nobody could be told.
pub fn reported_and_recorded(
    reported: Result<(), Trouble>,
    memory: Option<&mut Memory<'_>>,
    report: &Report<'_>,
) -> Result<(), Trouble> {
    let recorded = memory.map_or(Ok(()), |memory| memory.record(report));
    match (reported, recorded) {
        (Err(Trouble::Sink(reported)), Err(Trouble::Sink(recorded))) => {
            Err(Trouble::Sink(format!("{reported}; {recorded}")))
        }
        (reported, recorded) => reported.and(recorded),
    }
}

/// Says which datasets there are when rules ask for the past of one that has none: files of a new name every day are
/// a new dataset every day.
fn unknown(dataset: &str, repository: &dyn Repository) -> Result<(), Trouble> {
    let known = repository.datasets().map_err(Error::from)?;
    let others: Vec<_> = known.iter().map(|own| own.name.as_str()).filter(|name| *name != dataset).collect();
    if others.is_empty() || others.len() < known.len() {
        return Ok(());
    }
    let more = if others.len() > LISTED { ", ..." } else { "" };
    let listed = others.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    say(&format!("the history has no runs of {dataset}, but of {listed}{more}: --dataset names the data"));
    Ok(())
}

fn say(text: &str) {
    // Nothing is left to do when stderr is closed.
    let _ = writeln!(std::io::stderr().lock(), "note: {}", escape_controls(text));
}

/// Refuses data or rulesets that recording would overwrite, and a history that would be read as data, which is named
/// by `names`.
pub fn spare(arguments: &PastArguments, inputs: &[PathBuf], names: &[PathBuf]) -> Result<(), Trouble> {
    let Some(path) = &arguments.history else { return Ok(()) };
    if lies_in(path, names) {
        let message = format!("the history {} lies among the data, and would be read as such", shown(path));
        return Err(Trouble::Usage { message, help: Some("keep it in another directory".into()) });
    }
    if inputs.iter().any(|input| same_file(input, path)) {
        let message = format!("the history would overwrite {}, which is read", shown(path));
        return Err(Trouble::Usage { message, help: Some("keep it in another file".into()) });
    }
    Ok(())
}
