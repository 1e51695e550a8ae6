//! Arguments as typed.

use super::history::arguments::HistoryArguments;
use super::past::PastArguments;
use super::publication::PublicationArguments;
use super::rows::{RedactArguments, RowArguments};
use super::states::StateArguments;
use crate::input::csv::CsvOptions;
use crate::input::{MissingColumns, ReadOptions};
use crate::scorecard::LeastScore;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Checks data against DQDL rules, anywhere.
#[derive(Debug, Parser)]
#[command(
    name = "dq",
    version,
    about = "Checks data against DQDL rules, the language of AWS Glue Data Quality",
    after_help = "Exit codes:\n  0  all rules passed, no findings\n  1  a rule failed, or a finding is at --fail-on\n  2  arguments or ruleset are wrong\n  3  something could not be evaluated or read; wins over 1\n  4  a report could not be written; wins over 1 and 3\n\nExamples:\n  dq check --ruleset rulesets/customers.dqdl fixtures/data/customers.csv\n  dq lint rulesets/*.dqdl\n  dq rules ColumnValues"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// For all commands.
    #[command(flatten)]
    pub global: Global,
}

/// Options of all commands.
#[derive(Debug, Args)]
pub struct Global {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check data files against a ruleset
    #[command(
        after_help = "Examples:\n  dq check --ruleset customers.dqdl customers.parquet\n  dq check --ruleset orders.dqdl --format glue orders-*.parquet\n  dq check --ruleset orders.dqdl --reference customers=customers.parquet orders.parquet\n  dq check --ruleset orders.dqdl --samples 20 --key order_id --redact hash orders.parquet\n  dq check --ruleset orders.dqdl --good good.parquet --bad bad.parquet orders.parquet\n  dq check --ruleset orders.dqdl --output cloudwatch=metrics.json --dataset sales.orders orders.parquet\n  dq check --ruleset orders.dqdl --output html=report.html orders.parquet\n  dq check --ruleset orders.dqdl --history history.db --dataset orders orders-2026-11-21.parquet\n  dq check --ruleset - --output json=result.json data.csv < rules.dqdl\n  dq check"
    )]
    Check(Box<CheckArguments>),
    /// Compare schemas with their earlier versions
    #[cfg(feature = "contracts")]
    #[command(
        after_help = "Exit codes: 0 compatible, 1 a finding is at --fail-on, 2 the call is wrong, a schema cannot be read, or nothing was compared.\n\nExamples:\n  dq compat --old v1.avsc --new v2.avsc --mode FULL\n  dq compat schemas/user.avsc --against versions/user --mode BACKWARD_ALL\n  dq compat schemas --against merge-base:main --format github\n  dq compat 'schemas/**/*.schema.json' --against git:HEAD --json-policy lenient\n  dq compat --staged\n  dq compat schemas --against main --write-allow dq-compat-allow.toml\n\ndocs/compat.md has modes, sources and all kinds of findings."
    )]
    Compat(Box<super::compat_arguments::CompatArguments>),
    /// Check records against a JSON Schema or an Avro schema
    #[cfg(feature = "contracts")]
    #[command(
        after_help = "Exit codes:\n  0  all records are valid\n  1  a record is not\n  2  arguments or schema are wrong, or a pattern or directory has no file\n  3  a file is not there, or could not be read to its end\n  4  an output could not be written\n\nExamples:\n  dq records --schema order.schema.json orders.jsonl\n  dq records --schema order.avsc --good good.jsonl --dead-letter dead.jsonl s3://lake/orders/\n  dq records --schema order.schema.json --from-dead-letter --good mended.jsonl --dead-letter dead.jsonl dead.jsonl\n  kcat -C -t orders -e | dq records --schema order.schema.json --input-format jsonl --format json -"
    )]
    Records(Box<super::records::RecordsArguments>),
    /// Judge data by the metric states of earlier checks, without reading it
    #[command(
        after_help = "The states are what dq check --state-out wrote; their data is judged as if it had been checked at once. Rules whose numbers cannot be joined (CustomSql, rules about files, DatasetMatch) are ERROR. docs/states.md tells more.\n\nExamples:\n  dq check --ruleset orders.dqdl --state-out january.dqs orders/2026-01\n  dq merge --ruleset orders.dqdl january.dqs february.dqs"
    )]
    Merge(Box<MergeArguments>),
    /// Check rulesets themselves, without data
    #[command(
        after_help = "Examples:\n  dq lint rulesets/*.dqdl\n  dq lint --schema customers.parquet customers.dqdl\n  dq lint --target glue --fail-on warning --format json customers.dqdl"
    )]
    Lint(LintArguments),
    /// Show a saved result again, in any format
    #[command(
        after_help = "The result is what dq check --format json, or --output json=PATH, wrote. The program exits with 0 whatever the verdict was: it judges nothing again.\n\nExamples:\n  dq report result.json\n  dq report --format markdown result.json >> $GITHUB_STEP_SUMMARY\n  dq report --format github -o junit=junit.xml -o sarif=dq.sarif result.json\n  dq check --ruleset orders.dqdl --format json orders.parquet | dq report -"
    )]
    Report(ReportArguments),
    /// Send results again that a service did not take
    #[command(
        after_help = "What `--publish` cannot send is kept in a file, with all that is needed to send it but secrets: those come from the environment. What a service still does not take stays in the file. Programs that were killed while they sent leave journals beside it, FILE.*.sending, which are sent too. A message may arrive twice where the answer to it was lost; none is lost. Ctrl-C ends it within a moment and keeps the rest.\n\nExit codes: 0 all sent, or nothing was there, or another program is sending it; 2 the file cannot be one of messages; 3 it holds no messages, or cannot be read; 4 something is left.\n\nExamples:\n  dq publish --resume\n  dq publish --resume /var/spool/dq/undelivered.jsonl"
    )]
    Publish(PublishArguments),
    /// What was measured in past runs: list, show, export, exclude, include
    #[command(
        after_help = "A history is what dq check --history PATH records; docs/history.md has what is in it.\n\nExamples:\n  dq history list --history history.db\n  dq history show orders --history history.db --metric '*.Completeness'\n  dq history exclude orders --history history.db --from 2026-12-24 --to 2026-12-26"
    )]
    History(HistoryArguments),
    /// Show the plan: metrics, the rules that read them, the columns read
    #[command(after_help = "Example:\n  dq explain --ruleset orders.dqdl orders.parquet")]
    Explain(ExplainArguments),
    /// The language reference: all rule types, or one
    #[command(after_help = "Examples:\n  dq rules\n  dq rules Completeness")]
    Rules(RulesArguments),
}

/// The report formats there are.
fn formats() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(crate::report::FORMATS.iter().map(|format| format.name))
}

/// `dq check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The ruleset, or - for stdin; without it, a contract is checked
    #[arg(long, short = 'r', value_name = "FILE")]
    pub ruleset: Option<PathBuf>,
    /// The contract file [default: dq.toml, when neither a ruleset nor data is named]
    #[cfg(feature = "contracts")]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ruleset", "data"])]
    pub contract: Option<PathBuf>,
    /// Files, directories, patterns or URLs (s3://, gs://, az://, https://), checked as one dataset; - is stdin
    #[arg(value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// The report on stdout; docs/outputs.md shows the formats
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = formats())]
    pub format: String,
    /// Write a report to a file; repeatable, - is stdout; glue-s3=DIRECTORY/ makes a file below year=/month=/day=
    #[arg(long, short = 'o', value_name = "FORMAT=PATH")]
    pub output: Vec<String>,
    /// Passed rules: a count, or one by one
    #[arg(long, value_name = "WHAT", default_value = "failed")]
    pub show: Show,
    /// Evaluate only these rule types or rules (Rule_3); repeatable
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Do not evaluate these rule types or rules; repeatable
    #[arg(long, value_name = "NAME")]
    pub skip: Vec<String>,
    /// Let rules about rows pass on a dataset without rows
    #[arg(long)]
    pub allow_empty: bool,
    /// No progress on stderr
    #[arg(long, short = 'q')]
    pub quiet: bool,
    /// How rules are read.
    #[command(flatten)]
    pub rules: RuleArguments,
    /// How data is read.
    #[command(flatten)]
    pub read: ReadArguments,
    /// Datasets beside the data.
    #[command(flatten)]
    pub references: ReferenceArguments,
    /// How values of the data are hidden.
    #[command(flatten)]
    pub redact: RedactArguments,
    /// Which rows are shown and where they go.
    #[command(flatten)]
    pub rows: RowArguments,
    /// Where metric states go.
    #[command(flatten)]
    pub states: StateArguments,
    /// The least severity of a failed rule that makes the exit code 1, by the label severity; rules without one are major
    #[arg(long, value_name = "SEVERITY", default_value = "information")]
    pub fail_on: LeastSeverity,
    /// Let the score decide and not each rule: the exit code is 1 when fewer rules than this share pass, of all rules, or of those with a label, such as team=payments:0.95, dimension=validity:90% or severity=critical:1; repeatable. Rules that none of them covers count by --fail-on
    #[arg(long, value_name = "[LABEL=VALUE:]SCORE")]
    pub min_score: Vec<LeastScore>,
    /// What is remembered between runs.
    #[command(flatten)]
    pub past: PastArguments,
    /// Names for services and tools that collect results.
    #[command(flatten)]
    pub publication: PublicationArguments,
    /// How long one CustomSql query may take
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub sql_timeout: Duration,
    /// Memory for distinct values before they go to temporary files; as much for each query and for the keys of each reference. Bytes, or a number with KB, MB, GB [default: half of the machine, or of the container]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory_limit: Option<u64>,
    /// Worker threads; all cores when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// `dq merge`
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// The ruleset, or - for stdin
    #[arg(long, short = 'r', value_name = "FILE")]
    pub ruleset: PathBuf,
    /// What is remembered between runs.
    #[command(flatten)]
    pub past: PastArguments,
    /// Files that --state-out wrote, in the order of their data
    #[arg(required = true, value_name = "STATE")]
    pub states: Vec<PathBuf>,
    /// The report on stdout
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = formats())]
    pub format: String,
    /// Write a report to a file; repeatable, - is stdout
    #[arg(long, short = 'o', value_name = "FORMAT=PATH")]
    pub output: Vec<String>,
    /// Passed rules: a count, or one by one
    #[arg(long, value_name = "WHAT", default_value = "failed")]
    pub show: Show,
    /// Evaluate only these rule types or rules (Rule_3); repeatable
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Do not evaluate these rule types or rules; repeatable
    #[arg(long, value_name = "NAME")]
    pub skip: Vec<String>,
    /// Let rules about rows pass on a dataset without rows
    #[arg(long)]
    pub allow_empty: bool,
    /// How rules are read.
    #[command(flatten)]
    pub rules: RuleArguments,
    /// How references are read.
    #[command(flatten)]
    pub read: ReadArguments,
    /// Datasets beside the data.
    #[command(flatten)]
    pub references: ReferenceArguments,
    /// How values of the data are hidden.
    #[command(flatten)]
    pub redact: RedactArguments,
    /// The least severity of a failed rule that makes the exit code 1, as for dq check
    #[arg(long, value_name = "SEVERITY", default_value = "information")]
    pub fail_on: LeastSeverity,
    /// Let the score decide, as for dq check; repeatable
    #[arg(long, value_name = "[LABEL=VALUE:]SCORE")]
    pub min_score: Vec<LeastScore>,
    /// Names for services and tools that collect results.
    #[command(flatten)]
    pub publication: PublicationArguments,
    /// Memory for states before they go to temporary files, as for dq check
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory_limit: Option<u64>,
    /// Worker threads; all cores when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// From which severity on a failed rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeastSeverity {
    /// Every failed rule.
    Information,
    /// All but those of severity information.
    Minor,
    /// Rules that say nothing of their severity, and more severe ones.
    Major,
    /// Critical ones and blockers.
    Critical,
    /// Blockers only.
    Blocker,
}

/// `dq report`
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A result in our own JSON, or - for stdin
    #[arg(value_name = "SAVED")]
    pub saved: PathBuf,
    /// The report on stdout
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = formats())]
    pub format: String,
    /// Write a report to a file; repeatable, - is stdout
    #[arg(long, short = 'o', value_name = "FORMAT=PATH")]
    pub output: Vec<String>,
    /// Passed rules: a count, or one by one
    #[arg(long, value_name = "WHAT", default_value = "failed")]
    pub show: Show,
    /// Names for services and tools that collect results.
    #[command(flatten)]
    pub publication: PublicationArguments,
}

/// `dq publish`
#[derive(Debug, Args)]
pub struct PublishArguments {
    /// Send what this file holds
    #[arg(long, required = true, value_name = "FILE", num_args = 0..=1, default_missing_value = super::publish::UNDELIVERED)]
    pub resume: PathBuf,
}

/// A positive number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds greater than 0".to_string())
}

/// A positive number of bytes, with a unit in powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KIB" | "KB" | "K" => 1 << 10,
        "MIB" | "MB" | "M" => 1 << 20,
        "GIB" | "GB" | "G" => 1 << 30,
        "TIB" | "TB" | "T" => 1 << 40,
        _ => return Err("the units are B, KB, MB, GB and TB".into()),
    };
    let bytes = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| *bytes >= 1 << 20)
        .ok_or_else(|| "a whole number of at least 1MB, such as 512MB or 2GB".to_string())
}

/// Datasets beside the data.
#[derive(Debug, Args)]
pub struct ReferenceArguments {
    /// A dataset that rules name by its alias; repeatable, also for several files of one alias
    #[arg(long, value_name = "ALIAS=PATH", help_heading = "Reading data")]
    pub reference: Vec<String>,
}

impl ReferenceArguments {
    /// Names of data by alias.
    pub fn paths(&self) -> Result<BTreeMap<String, Vec<PathBuf>>, super::exit::Trouble> {
        let usage = |message: String, help: Option<String>| super::exit::Trouble::Usage { message, help };
        let mut paths: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for entry in &self.reference {
            let Some((alias, path)) =
                entry.split_once('=').filter(|(alias, path)| !alias.is_empty() && !path.is_empty())
            else {
                return Err(usage(format!("--reference takes ALIAS=PATH, not `{entry}`"), None));
            };
            if let Some(twin) = paths.keys().find(|own| *own != alias && own.to_lowercase() == alias.to_lowercase()) {
                let message = format!("--reference {alias} and {twin} differ only in case");
                return Err(usage(message, Some("SQL does not tell them apart; rename one".into())));
            }
            if alias.eq_ignore_ascii_case(crate::check::PRIMARY) {
                let help = "give it another alias; `primary` is the data that is checked";
                return Err(usage("--reference cannot be called primary".into(), Some(help.into())));
            }
            let path = PathBuf::from(path);
            if crate::input::remote::url(&path).is_none() {
                let found = crate::input::data_files(std::slice::from_ref(&path), true)
                    .map_err(|error| usage(format!("--reference {entry}: {error}"), None))?;
                if let Some(missing) = found.iter().find(|file| !file.path.exists()) {
                    let missing = crate::error::shown(&missing.path);
                    return Err(usage(format!("--reference {entry}: there is no file {missing}"), None));
                }
            }
            paths.entry(alias.to_string()).or_default().push(path);
        }
        Ok(paths)
    }
}

/// What the text report lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// Rules that did not pass.
    Failed,
    /// All rules.
    All,
}

/// How rules are read.
#[derive(Debug, Args)]
pub struct RuleArguments {
    /// The engine the ruleset must also run on; glue refuses extensions
    #[arg(long, value_name = "ENGINE", default_value = "dq")]
    pub target: TargetArgument,
    /// The time of the run, for reproducible reports and now() [default: the clock]
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<String>,
    /// Zone of timestamps that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
}

/// `--target`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetArgument {
    /// This engine.
    Dq,
    /// AWS Glue.
    Glue,
}

/// How data is read.
#[derive(Debug, Args)]
pub struct ReadArguments {
    /// Format of the data files when their contents and names do not tell: parquet, csv, json, arrow, avro
    #[arg(long, value_name = "FORMAT", help_heading = "Reading data")]
    pub input_format: Option<String>,
    /// A column that some files do not have: NULL there, or an error
    #[arg(long, value_name = "WHAT", default_value = "null", help_heading = "Reading data")]
    pub missing_columns: MissingColumnsArgument,
    /// Directories such as year=2024 are no columns
    #[arg(long, help_heading = "Reading data")]
    pub no_partition_columns: bool,
    /// Do not believe the minima, maxima and NULL counts in Parquet footers; read the data
    #[arg(long, help_heading = "Reading data")]
    pub ignore_statistics: bool,
    /// Type of a column, or of ALIAS.NAME: text, int, float, decimal(p,s), boolean, date, timestamp; repeatable (CSV, JSON Lines, partition columns)
    #[arg(long, value_name = "NAME=TYPE", help_heading = "Reading data")]
    pub column_type: Vec<String>,
    /// The first line of CSV files is data
    #[arg(long, help_heading = "Reading data")]
    pub csv_no_header: bool,
    /// Between CSV fields: one character, or \t [default: found out from the first line]
    #[arg(long, value_name = "CHAR", help_heading = "Reading data")]
    pub csv_delimiter: Option<String>,
    /// Around CSV fields
    #[arg(long, value_name = "CHAR", default_value = "\"", help_heading = "Reading data")]
    pub csv_quote: String,
    /// Another spelling of NULL in CSV files, besides the empty field; repeatable
    #[arg(long, value_name = "TEXT", help_heading = "Reading data")]
    pub csv_null: Vec<String>,
    /// Empty CSV fields of text columns are empty strings, not NULL
    #[arg(long, help_heading = "Reading data")]
    pub csv_blank_is_text: bool,
    /// Rows that CSV types are inferred from
    #[arg(long, value_name = "ROWS", default_value_t = 10_000, help_heading = "Reading data")]
    pub csv_sample: usize,
}

/// `--missing-columns`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingColumnsArgument {
    /// NULL in the files without it.
    Null,
    /// The files do not belong together.
    Error,
}

impl ReadArguments {
    /// As the input room wants them, or what is wrong.
    pub fn options(&self) -> Result<ReadOptions, super::exit::Trouble> {
        let usage = |message: String| super::exit::Trouble::Usage { message, help: None };
        let byte = |text: &str, option: &str| match text {
            "\\t" => Ok(b'\t'),
            text => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
                _ => Err(usage(format!("{option} takes one ASCII character, not `{text}`"))),
            },
        };
        let mut options = ReadOptions {
            format: self.input_format.clone(),
            missing_columns: match self.missing_columns {
                MissingColumnsArgument::Null => MissingColumns::Null,
                MissingColumnsArgument::Error => MissingColumns::Error,
            },
            no_partition_columns: self.no_partition_columns,
            ignore_statistics: self.ignore_statistics,
            ..ReadOptions::default()
        };
        options.csv = CsvOptions {
            header: !self.csv_no_header,
            delimiter: self.csv_delimiter.as_deref().map(|text| byte(text, "--csv-delimiter")).transpose()?,
            quote: byte(&self.csv_quote, "--csv-quote")?,
            nulls: self.csv_null.clone(),
            blank_is_text: self.csv_blank_is_text,
            sample_rows: self.csv_sample.max(1),
        };
        for entry in &self.column_type {
            let (name, type_name) =
                entry.rsplit_once('=').ok_or_else(|| usage(format!("--column-type takes NAME=TYPE, not `{entry}`")))?;
            let data_type = crate::input::parse_type(type_name)
                .ok_or_else(|| usage(format!("there is no column type `{type_name}`; types are text, int, float, decimal(p,s), boolean, date, timestamp")))?;
            options.column_types.insert(name.to_string(), data_type);
        }
        Ok(options)
    }
}

/// `dq lint`
#[derive(Debug, Args)]
pub struct LintArguments {
    /// Rulesets, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub rulesets: Vec<PathBuf>,
    /// Check rules against the columns of this data file; repeatable
    #[arg(long, value_name = "DATA")]
    pub schema: Vec<PathBuf>,
    /// How findings are shown
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// The least severity that exits with 1
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    pub fail_on: FailOn,
    /// How rules are read.
    #[command(flatten)]
    pub rules: RuleArguments,
    /// How data is read.
    #[command(flatten)]
    pub read: ReadArguments,
    /// Datasets beside the data.
    #[command(flatten)]
    pub references: ReferenceArguments,
    /// How values of the data are hidden.
    #[command(flatten)]
    pub redact: RedactArguments,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Warnings and errors.
    Warning,
    /// Errors only.
    Error,
    /// Nothing; refused rulesets still exit with 2.
    Never,
}

/// `dq explain`
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The ruleset, or - for stdin
    #[arg(long, short = 'r', value_name = "FILE")]
    pub ruleset: PathBuf,
    /// Files, directories, patterns or URLs, as for dq check
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// How the plan is shown
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// How rules are read.
    #[command(flatten)]
    pub rules: RuleArguments,
    /// How data is read.
    #[command(flatten)]
    pub read: ReadArguments,
    /// Datasets beside the data.
    #[command(flatten)]
    pub references: ReferenceArguments,
    /// How values of the data are hidden.
    #[command(flatten)]
    pub redact: RedactArguments,
}

/// `dq rules`
#[derive(Debug, Args)]
pub struct RulesArguments {
    /// One type
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How the reference is shown
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
}
