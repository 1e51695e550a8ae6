//! Arguments of `dq history`.

use crate::cli::exit::Trouble;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `dq history`
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: HistoryCommand,
}

/// What can be done with a history.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// List the datasets: runs, metrics, when they were checked
    #[command(after_help = "Example:\n  dq history list --history history.db")]
    List(ListArguments),
    /// Show the values of a dataset, with a line that draws them
    #[command(
        after_help = "Examples:\n  dq history show orders --history history.db\n  dq history show orders --history history.db --metric '*.Completeness' --last 30\n  dq history show orders --history s3://bucket/history/ --format json"
    )]
    Show(ShowArguments),
    /// Write all runs of a dataset: JSON Lines that are a history again, or CSV with a value per line
    #[command(
        after_help = "Examples:\n  dq history export orders --history history.db > orders.jsonl\n  dq history export orders --history history.db --format csv > orders.csv"
    )]
    Export(ExportArguments),
    /// Leave points out of what rules see of the past; they stay in the history
    #[command(
        after_help = "What is named together must all be true of a point.\n\nExamples:\n  dq history exclude orders --history history.db --run 1a2b3c4d5e\n  dq history exclude orders --history history.db --metric 'Column.price.*' --from 2026-12-24 --to 2026-12-26"
    )]
    Exclude(SelectArguments),
    /// Let excluded points count again
    #[command(after_help = "Example:\n  dq history include orders --history history.db --run 1a2b3c4d5e")]
    Include(SelectArguments),
}

/// Where the history is.
#[derive(Debug, Args)]
pub struct PlaceArguments {
    /// The history: an SQLite file, a file *.jsonl, a directory, or a URL of an object store
    #[arg(long, value_name = "PATH")]
    pub history: PathBuf,
}

/// `dq history list`
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// How datasets are shown
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
}

/// `dq history show`
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The dataset, as `dq history list` names it
    #[arg(value_name = "DATASET")]
    pub dataset: String,
    /// Where.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Only metrics with such a name; * stands for any characters
    #[arg(long, value_name = "GLOB")]
    pub metric: Option<String>,
    /// So many of the newest values of each metric [default: 5 in text, all in JSON]
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// How values are shown
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
}

/// `dq history export`
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The dataset
    #[arg(value_name = "DATASET")]
    pub dataset: String,
    /// Where.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// How runs are written
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "jsonl", value_parser = ["jsonl", "csv"])]
    pub format: String,
}

/// `dq history exclude` and `dq history include`
#[derive(Debug, Args)]
pub struct SelectArguments {
    /// The dataset
    #[arg(value_name = "DATASET")]
    pub dataset: String,
    /// Where.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Points of this run, by the first of its digits; repeatable
    #[arg(long, value_name = "DIGITS")]
    pub run: Vec<String>,
    /// Points of metrics with such a name; * stands for any characters
    #[arg(long, value_name = "GLOB")]
    pub metric: Option<String>,
    /// Points of runs from this time on: a date (UTC), or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = from)]
    pub from: Option<DateTime<Utc>>,
    /// Points of runs up to this time; a date is all of that day
    #[arg(long, value_name = "TIME", value_parser = to)]
    pub to: Option<DateTime<Utc>>,
}

impl SelectArguments {
    /// Refuses to select everything because nothing was named.
    pub fn names_something(&self) -> Result<(), Trouble> {
        if self.run.is_empty() && self.metric.is_none() && self.from.is_none() && self.to.is_none() {
            let message = "name the points: --run, --metric, --from, --to".to_string();
            return Err(Trouble::Usage { message, help: Some("--metric '*' names all".into()) });
        }
        Ok(())
    }
}

fn from(text: &str) -> Result<DateTime<Utc>, String> {
    time(text, NaiveTime::MIN)
}

fn to(text: &str) -> Result<DateTime<Utc>, String> {
    // Histories keep microseconds.
    time(text, NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or(NaiveTime::MIN))
}

/// A time, or a day at a time of it.
fn time(text: &str, of_day: NaiveTime) -> Result<DateTime<Utc>, String> {
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(of_day).and_utc());
    let whole = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    whole().or_else(day).ok_or_else(|| "a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_all_of_that_day() {
        assert_eq!(from("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        assert_eq!(to("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T23:59:59.999999+00:00");
        assert_eq!(to("2026-01-31T12:00:00+02:00").unwrap().to_rfc3339(), "2026-01-31T10:00:00+00:00");
        assert!(from("yesterday").is_err() && to("2026-02-30").is_err());
    }
}
