//! `dq records`

use super::args::{Global, size};
use super::exit::{Exit, Trouble};
use super::interrupt;
use super::output;
use crate::error::{Error, shown};
use crate::input::csv::CsvOptions;
use crate::input::{data_files, remote};
use crate::links::same_file;
use crate::records::feed::{FORMAT_NAMES, FeedOptions, Format};
use crate::records::{Formats, Options, Run, Schema, SchemaMistake, check_records};
use crate::report::{Style, records as report};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// `dq records`
#[derive(Debug, Args)]
pub struct RecordsArguments {
    /// The schema: JSON Schema (drafts 4 to 2020-12), or Avro in a file that ends with .avsc
    #[arg(long, short = 's', value_name = "FILE")]
    pub schema: PathBuf,
    /// JSON Lines, JSON arrays, CSV or Avro files: files, directories, patterns or URLs; - is stdin
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// The report on stdout
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// Write a report to a file; repeatable, - is stdout
    #[arg(long, short = 'o', value_name = "FORMAT=PATH")]
    pub output: Vec<String>,
    /// Failed records that are reported one by one; all are counted
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub max_failures: u32,
    /// End with the first failed record
    #[arg(long, conflicts_with_all = ["good", "dead_letter"])]
    pub fail_fast: bool,
    /// Show values of the data in messages
    #[arg(long)]
    pub show_values: bool,
    /// Texts are held to the format of the schema: as its draft says (up to draft 7), always, or never
    #[arg(long, value_name = "WHEN", default_value = "draft")]
    pub formats: FormatsArgument,
    /// A directory that references of the schema may lead into, besides its own; repeatable
    #[arg(long, value_name = "DIRECTORY")]
    pub allow_ref: Vec<PathBuf>,
    /// Write valid records to a file: lines and rows as they are, others as JSON Lines
    #[arg(long, value_name = "PATH", help_heading = "Outputs")]
    pub good: Option<PathBuf>,
    /// Write each failed record to a file, with what is wrong with it
    #[arg(long, value_name = "PATH", help_heading = "Outputs")]
    pub dead_letter: Option<PathBuf>,
    /// The data is what --dead-letter wrote: judge the records in it
    #[arg(long, help_heading = "Outputs")]
    pub from_dead_letter: bool,
    /// The time of the run in dead letters [default: the clock]
    #[arg(long, value_name = "RFC3339", help_heading = "Outputs")]
    pub now: Option<String>,
    /// Format of the data when contents and names do not tell
    #[arg(long, value_name = "FORMAT", value_parser = FORMAT_NAMES, help_heading = "Reading data")]
    pub input_format: Option<String>,
    /// Bytes of a record; longer ones fail
    #[arg(long, value_name = "SIZE", default_value = "16MB", value_parser = size, help_heading = "Reading data")]
    pub max_record: u64,
    /// The first line of CSV files is data
    #[arg(long, help_heading = "Reading data")]
    pub csv_no_header: bool,
    /// Between CSV fields: one character, or \t [default: found out from the first line]
    #[arg(long, value_name = "CHAR", help_heading = "Reading data")]
    pub csv_delimiter: Option<String>,
    /// Another spelling of NULL in CSV files, besides the empty field; repeatable
    #[arg(long, value_name = "TEXT", help_heading = "Reading data")]
    pub csv_null: Vec<String>,
    /// Worker threads; all cores when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// `--formats`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatsArgument {
    /// As the draft says.
    Draft,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<SchemaMistake> for Trouble {
    fn from(mistake: SchemaMistake) -> Self {
        Trouble::Usage { message: mistake.message, help: mistake.help }
    }
}

/// Runs the command.
pub fn run(arguments: &RecordsArguments, global: &Global) -> Result<Exit, Trouble> {
    let reports = reports(arguments)?;
    spare(arguments, &reports)?;
    let formats = match arguments.formats {
        FormatsArgument::Draft => Formats::ByDraft,
        FormatsArgument::Always => Formats::Checked,
        FormatsArgument::Never => Formats::Ignored,
    };
    let schema = Schema::load(&arguments.schema, &arguments.allow_ref, formats)?;
    let mut options = Options {
        feed: FeedOptions {
            format: arguments.input_format.as_deref().and_then(Format::named),
            record_bytes: usize::try_from(arguments.max_record).unwrap_or(usize::MAX >> 1),
            csv: csv_options(arguments)?,
        },
        most_details: arguments.max_failures as usize,
        show_values: arguments.show_values,
        fail_fast: arguments.fail_fast,
        from_dead_letters: arguments.from_dead_letter,
        good: arguments.good.clone(),
        dead_letter: arguments.dead_letter.clone(),
        timestamp: timestamp(arguments.now.as_deref())?,
        ..Options::default()
    };
    if arguments.from_dead_letter {
        options.feed.format = Some(Format::Lines);
    }
    if let Some(threads) = arguments.threads {
        options.threads = usize::from(threads);
    }
    let found = judged(&schema, &arguments.data, &options)?;
    write(&found, &reports, output::stdout_colour(global))?;
    Ok(exit_of(&found))
}

/// Judges records; names that stand for nothing are a mistake in the call.
pub fn judged(schema: &Schema, data: &[PathBuf], options: &Options) -> Result<Run, Trouble> {
    let found = check_records(schema, data, options, Some(interrupt::flag()));
    found.map_err(|error| match error {
        Error::Format { path, message } if message == "matches no file" || message == "there are no data files" => {
            Trouble::Usage {
                message: format!("{}: {message}", shown(&path)),
                help: Some("nothing would be judged; check the path".into()),
            }
        }
        error => error.into(),
    })
}

/// The code of a run.
pub fn exit_of(run: &Run) -> Exit {
    if run.interrupted {
        Exit::NotEvaluated
    } else if run.tally.failed > 0 {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// A format and where it goes; stdout without a path.
type Destination = (report::WriteRecords, Option<PathBuf>);

fn reports(arguments: &RecordsArguments) -> Result<Vec<Destination>, Trouble> {
    let usage = |message: String| Trouble::Usage {
        message,
        help: Some("write --output FORMAT=PATH, e.g. --output json=result.json".into()),
    };
    let format = |name: &str| {
        report::find(name).ok_or_else(|| usage(format!("there is no report format `{name}`; formats are text, json")))
    };
    let mut reports: Vec<Destination> = Vec::new();
    for entry in &arguments.output {
        let (name, path) = entry
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| usage(format!("--output takes FORMAT=PATH, not `{entry}`")))?;
        reports.push((format(name)?, (path != "-").then(|| PathBuf::from(path))));
    }
    match reports.iter().filter(|(_, path)| path.is_none()).count() {
        0 => reports.insert(0, (format(&arguments.format)?, None)),
        1 => {}
        _ => return Err(usage("only one report can go to stdout".into())),
    }
    Ok(reports)
}

/// Refuses outputs that would overwrite each other, or what is read. Dead letters may go to the file they
/// came from: it is replaced once all are judged.
fn spare(arguments: &RecordsArguments, reports: &[Destination]) -> Result<(), Trouble> {
    let refused = |message: String| Trouble::Usage { message, help: Some("write it to another file".into()) };
    let mut outputs: Vec<(&str, &Path)> = Vec::new();
    outputs.extend(reports.iter().filter_map(|(_, path)| Some(("--output", path.as_deref()?))));
    outputs.extend(arguments.good.as_deref().map(|path| ("--good", path)));
    outputs.extend(arguments.dead_letter.as_deref().map(|path| ("--dead-letter", path)));
    for (position, (option, path)) in outputs.iter().enumerate() {
        let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        if *option != "--output" && (*path == Path::new("-") || special) {
            let message = format!("{option} cannot go to {}: it is written as a whole or not at all", shown(path));
            return Err(Trouble::Usage { message, help: Some("name a file".into()) });
        }
        if outputs[..position].iter().any(|(_, other)| same_file(other, path)) {
            return Err(refused(format!("two outputs would be written to {}", shown(path))));
        }
        if same_file(&arguments.schema, path) {
            return Err(refused(format!("{option} would overwrite the schema {}", shown(path))));
        }
    }
    let local: Vec<PathBuf> = arguments.data.iter().filter(|name| remote::url(name).is_none()).cloned().collect();
    // What cannot be found is told when it is read.
    let files = data_files(&local, false).unwrap_or_default();
    for (option, path) in &outputs {
        let alone = matches!(arguments.data.as_slice(), [one] if same_file(one, path));
        let in_place = *option == "--dead-letter" && arguments.from_dead_letter && alone;
        if !in_place && files.iter().any(|file| same_file(&file.path, path)) {
            return Err(refused(format!("{option} would overwrite {}, which is read", shown(path))));
        }
    }
    Ok(())
}

fn csv_options(arguments: &RecordsArguments) -> Result<CsvOptions, Trouble> {
    let delimiter = match arguments.csv_delimiter.as_deref() {
        None => None,
        Some("\\t") => Some(b'\t'),
        Some(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
            _ => {
                let message = format!("--csv-delimiter takes one ASCII character, not `{text}`");
                return Err(Trouble::Usage { message, help: None });
            }
        },
    };
    let nulls = arguments.csv_null.clone();
    Ok(CsvOptions { header: !arguments.csv_no_header, delimiter, nulls, ..CsvOptions::default() })
}

/// The time of the run.
pub fn timestamp(now: Option<&str>) -> Result<String, Trouble> {
    let now = match now {
        None => Utc::now(),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| Trouble::Usage {
                message: format!("--now takes a time such as 2026-01-31T12:00:00Z, not `{text}`"),
                help: None,
            })?
            .with_timezone(&Utc),
    };
    Ok(now.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn write(run: &Run, reports: &[Destination], colour: bool) -> Result<(), Trouble> {
    for (write, path) in reports {
        let style = Style { colour: colour && path.is_none(), ..Style::default() };
        let mut bytes = Vec::new();
        let written = write(run, style, &mut bytes).and_then(|()| match path {
            Some(path) => crate::sink::atomic::replace(path, &bytes),
            None => output::stdout(&bytes),
        });
        if let Err(error) = written {
            let place = path.as_deref().map_or("stdout".to_string(), shown);
            return Err(Trouble::Sink(format!("cannot write the report to {place}: {error}")));
        }
    }
    Ok(())
}
