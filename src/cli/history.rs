//! `dq history`

pub mod arguments;
mod show;

use self::arguments::{
    ExportArguments, HistoryArguments, HistoryCommand, ListArguments, PlaceArguments, SelectArguments, ShowArguments,
};
use super::exit::{Exit, Trouble};
use super::output;
use crate::error::{Error, escape_controls, shown};
use crate::history::{HistoryError, Key, Pattern, Point, Repository, RunId, Selection, export, open};
use crate::input::remote;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

/// Values that are listed in text.
const LISTED: usize = 5;

/// The fewest digits that name a run.
const LEAST_DIGITS: usize = 4;

type Series = Vec<(Key, Vec<Point>)>;

impl From<HistoryError> for Trouble {
    fn from(error: HistoryError) -> Self {
        Error::from(error).into()
    }
}

/// Runs the command.
pub fn run(arguments: &HistoryArguments) -> Result<Exit, Trouble> {
    match &arguments.command {
        HistoryCommand::List(arguments) => list(arguments)?,
        HistoryCommand::Show(arguments) => show(arguments)?,
        HistoryCommand::Export(arguments) => write_all(arguments)?,
        HistoryCommand::Exclude(arguments) => select(arguments, true)?,
        HistoryCommand::Include(arguments) => select(arguments, false)?,
    }
    Ok(Exit::Clean)
}

/// The history, which must be there: a misspelt path is no history without runs.
fn opened(place: &PlaceArguments) -> Result<Box<dyn Repository>, Trouble> {
    let path = &place.history;
    if remote::url(path).is_none() && !path.exists() && !path.to_string_lossy().contains("://") {
        return Err(Error::Read { path: path.clone(), source: io::ErrorKind::NotFound.into() }.into());
    }
    Ok(open(path)?)
}

fn list(arguments: &ListArguments) -> Result<(), Trouble> {
    let found = opened(&arguments.place)?.datasets()?;
    match arguments.format.as_str() {
        "json" => say_json(&show::datasets_json(&found)),
        _ => say(&show::datasets(&found)),
    }
}

fn show(arguments: &ShowArguments) -> Result<(), Trouble> {
    let history = opened(&arguments.place)?;
    let mut series = series_of(history.as_ref(), &arguments.dataset, &arguments.place)?;
    if let Some(metric) = &arguments.metric {
        let pattern = Pattern::new(metric);
        let names: Vec<String> = series.iter().map(|(key, _)| key.metric.clone()).collect();
        series.retain(|(key, _)| pattern.matches(&key.metric));
        if series.is_empty() {
            return Err(no_metric(metric, &names));
        }
    }
    match arguments.format.as_str() {
        "json" => say_json(&show::series_json(&arguments.dataset, &series, arguments.last.unwrap_or(usize::MAX))),
        _ => say(&show::series(&series, arguments.last.unwrap_or(LISTED))),
    }
}

fn write_all(arguments: &ExportArguments) -> Result<(), Trouble> {
    let history = opened(&arguments.place)?;
    let series = series_of(history.as_ref(), &arguments.dataset, &arguments.place)?;
    if arguments.format == "csv" {
        return say(&show::csv(&arguments.dataset, &series));
    }
    let runs = history.runs(&arguments.dataset)?;
    let bytes =
        export(&arguments.dataset, &runs, &series).map_err(|error| Trouble::Sink(format!("cannot export: {error}")))?;
    output::stdout(&bytes).map_err(|error| Trouble::Sink(format!("cannot write to stdout: {error}")))
}

fn select(arguments: &SelectArguments, excluded: bool) -> Result<(), Trouble> {
    arguments.names_something()?;
    let mut history = opened(&arguments.place)?;
    let series = series_of(history.as_ref(), &arguments.dataset, &arguments.place)?;
    let selection = Selection {
        runs: runs_named(&arguments.run, &series)?,
        metric: arguments.metric.as_deref().map(Pattern::new),
        from: arguments.from,
        to: arguments.to,
    };
    let every = series.iter().flat_map(|(key, points)| points.iter().map(move |point| (key, point)));
    let selected = every.filter(|(key, point)| selection.matches(&point.run, point.time, key)).count();
    if selected == 0 {
        if let Some(metric) = &arguments.metric {
            let names: Vec<String> = series.iter().map(|(key, _)| key.metric.clone()).collect();
            let pattern = Pattern::new(metric);
            if !names.iter().any(|name| pattern.matches(name)) {
                return Err(no_metric(metric, &names));
            }
        }
        let message = format!("no point of `{}` is named", arguments.dataset);
        let help = format!("dq history show {} has them, with their times and runs", arguments.dataset);
        return Err(Trouble::Usage { message, help: Some(help) });
    }
    let changed = history.set_excluded(&arguments.dataset, &selection, excluded)?;
    let done = if excluded { "excluded" } else { "included" };
    let before = (selected as u64).saturating_sub(changed);
    let points = if changed == 1 { "point" } else { "points" };
    let rest = if before > 0 {
        format!("; {before} already {}", if before == 1 { "was" } else { "were" })
    } else {
        String::new()
    };
    say(&format!("{done}: {changed} {points}{rest}\n"))
}

/// All values of a dataset that is there.
fn series_of(history: &dyn Repository, dataset: &str, place: &PlaceArguments) -> Result<Series, Trouble> {
    let series = history.series(dataset)?;
    if !series.is_empty() {
        return Ok(series);
    }
    let datasets = history.datasets()?;
    if datasets.iter().any(|known| known.name == dataset) {
        return Ok(series);
    }
    let near = crate::diagnostic::nearest(dataset, datasets.iter().map(|known| known.name.as_str()));
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "`dq history list` has all".into(),
    };
    let message = format!("there is no dataset `{dataset}` in {}", shown(&remote::shown_name(&place.history)));
    Err(Trouble::Usage { message, help: Some(help) })
}

fn no_metric(metric: &str, names: &[String]) -> Trouble {
    let near = crate::diagnostic::nearest(metric, names.iter().map(String::as_str));
    let help = near.map(|near| format!("did you mean {near}?"));
    Trouble::Usage { message: format!("no metric is called `{metric}`"), help }
}

/// Runs by the first of their digits.
fn runs_named(named: &[String], series: &[(Key, Vec<Point>)]) -> Result<Vec<RunId>, Trouble> {
    let times: BTreeMap<&RunId, _> =
        series.iter().flat_map(|(_, points)| points).map(|point| (&point.run, point.time)).collect();
    let mut runs = Vec::new();
    for digits in named {
        let wrong = |message: String, help: &str| Trouble::Usage { message, help: Some(help.into()) };
        if digits.len() < LEAST_DIGITS {
            return Err(wrong(format!("--run takes at least {LEAST_DIGITS} digits"), "dq history show has them"));
        }
        let wanted = digits.to_ascii_lowercase();
        let mut found = times.iter().filter(|(run, _)| run.0.starts_with(&wanted));
        match (found.next(), found.next()) {
            (None, _) => return Err(wrong(format!("no run is called {digits}"), "dq history show has their digits")),
            (Some((run, _)), None) => runs.push((*run).clone()),
            (Some((_, one)), Some((_, other))) => {
                let times = format!("one is of {}, one of {}", show::shown_time(*one), show::shown_time(*other));
                return Err(wrong(format!("several runs are called {digits}"), &format!("{times}: take more digits")));
            }
        }
    }
    Ok(runs)
}

/// Writes text of several lines, each of them safe.
fn say(text: &str) -> Result<(), Trouble> {
    let safe: String = text.lines().map(|line| escape_controls(line) + "\n").collect();
    output::stdout(safe.as_bytes()).map_err(|error| Trouble::Sink(format!("cannot write to stdout: {error}")))
}

fn say_json(value: &Value) -> Result<(), Trouble> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Trouble::Sink(error.to_string()))?;
    output::stdout((text + "\n").as_bytes()).map_err(|error| Trouble::Sink(format!("cannot write to stdout: {error}")))
}
