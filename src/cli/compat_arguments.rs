//! Arguments of `dq compat` as typed.

use super::exit::Trouble;
use crate::compat::finding::Severity;
use crate::compat::mode::Mode;
use crate::compat::sources::{Base, Request};
use crate::compat::{Language, Options, avro, json_schema};
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Variables by which the pre-commit framework names what is pushed.
const PUSH_VARIABLES: [&str; 2] = ["PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF"];

/// The report formats there are.
fn formats() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(crate::report::compat::FORMATS.iter().map(|format| format.name))
}

/// `dq compat`
#[derive(Debug, Args)]
pub struct CompatArguments {
    /// Schemas to be compared: files, directories (their .avsc and .schema.json files), patterns [default: all of the repository]
    #[arg(value_name = "SCHEMA")]
    pub schemas: Vec<PathBuf>,
    /// The earlier version of one schema
    #[arg(long, value_name = "FILE", requires = "new", conflicts_with_all = ["against", "schemas", "staged"])]
    pub old: Option<PathBuf>,
    /// The version to be judged
    #[arg(long, value_name = "FILE", requires = "old")]
    pub new: Option<PathBuf>,
    /// What earlier versions are: a file, a directory of versions, a revision (main, git:REV, git:REV:PATH), or merge-base:BRANCH
    #[arg(long, short = 'a', value_name = "SOURCE")]
    pub against: Option<String>,
    /// Compare what is staged for the next commit, by default with HEAD
    #[arg(long)]
    pub staged: bool,
    /// Who must read whose data: NONE, DISABLED, BACKWARD, FORWARD, FULL; with _ALL or _TRANSITIVE, of all versions
    #[arg(long, short = 'm', value_name = "MODE", default_value = "BACKWARD", value_parser = mode)]
    pub mode: Mode,
    /// What of Avro is an error
    #[arg(long, value_name = "PROFILE", default_value = "registry")]
    pub profile: ProfileArgument,
    /// What of JSON Schema is an error
    #[arg(long, value_name = "POLICY", default_value = "strict")]
    pub json_policy: PolicyArgument,
    /// The language of all schemas, when names and contents do not tell
    #[arg(long = "type", value_name = "LANGUAGE")]
    pub language: Option<LanguageArgument>,
    /// Files and directories with types that schemas refer to; not compared themselves; repeatable
    #[arg(long, value_name = "PATH")]
    pub references: Vec<PathBuf>,
    /// Old versions may break rules that new ones must keep; of several, those that cannot be read are left out
    #[arg(long)]
    pub lenient_old: bool,
    /// Breaks that are accepted [default: dq-compat-allow.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// Add entries for what was found to an allow-file; reasons are yours to write
    #[arg(long, value_name = "FILE")]
    pub write_allow: Option<PathBuf>,
    /// The report on stdout
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "text", value_parser = formats())]
    pub format: String,
    /// Write a report to a file; repeatable, - is stdout
    #[arg(long, short = 'o', value_name = "FORMAT=PATH")]
    pub output: Vec<String>,
    /// The least severity that exits with 1
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub fail_on: LeastFinding,
    /// The time of the run, which decides what has expired [default: the clock]
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<String>,
}

/// `--profile`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileArgument {
    /// What registries run: Avro Java.
    Registry,
    /// The specification to the letter.
    AvroSpec,
    /// AWS Glue.
    Glue,
}

/// `--json-policy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyArgument {
    /// As registries judge by default; what they do not look at is a warning.
    Strict,
    /// Optional properties may come and go.
    Lenient,
}

/// `--type`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LanguageArgument {
    /// Avro.
    Avro,
    /// JSON Schema.
    Json,
    /// Columns of Parquet and Arrow files.
    Table,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeastFinding {
    /// Everything that was found.
    Info,
    /// Warnings and errors.
    Warning,
    /// Errors only.
    Error,
}

impl LeastFinding {
    /// As findings have it.
    pub fn severity(self) -> Severity {
        match self {
            LeastFinding::Info => Severity::Information,
            LeastFinding::Warning => Severity::Warning,
            LeastFinding::Error => Severity::Error,
        }
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    text.parse().map_err(|unknown: crate::compat::mode::UnknownMode| unknown.to_string())
}

impl CompatArguments {
    /// One schema of a contract, reported as text.
    pub fn of_contract(schema: PathBuf, against: String, mode: Mode, now: Option<String>) -> Self {
        Self {
            schemas: vec![schema],
            old: None,
            new: None,
            against: Some(against),
            staged: false,
            mode,
            profile: ProfileArgument::Registry,
            json_policy: PolicyArgument::Strict,
            language: None,
            references: Vec::new(),
            lenient_old: false,
            allow: None,
            write_allow: None,
            format: "text".into(),
            output: Vec::new(),
            fail_on: LeastFinding::Error,
            now,
        }
    }

    /// How schemas are compared.
    pub fn options(&self) -> Options {
        Options {
            mode: self.mode,
            profile: match self.profile {
                ProfileArgument::Registry => avro::Profile::Registry,
                ProfileArgument::AvroSpec => avro::Profile::AvroSpec,
                ProfileArgument::Glue => avro::Profile::Glue,
            },
            policy: match self.json_policy {
                PolicyArgument::Strict => json_schema::Policy::Strict,
                PolicyArgument::Lenient => json_schema::Policy::Lenient,
            },
        }
    }

    /// The day of the run.
    pub fn today(&self) -> Result<NaiveDate, Trouble> {
        let Some(text) = &self.now else { return Ok(Utc::now().date_naive()) };
        DateTime::parse_from_rfc3339(text).map(|now| now.with_timezone(&Utc).date_naive()).map_err(|_| Trouble::Usage {
            message: format!("--now takes a time such as 2026-01-31T12:00:00Z, not `{text}`"),
            help: None,
        })
    }

    /// What is compared with what. `variable` is what the environment says: hooks are told there what they
    /// are run for.
    pub fn request(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Request, Trouble> {
        let said =
            |name: &str| variable(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let push = match PUSH_VARIABLES.map(said) {
            [Some(from), Some(to)] => Some((from, to)),
            _ => None,
        };
        let base = match (&self.old, &self.new, &self.against, &push) {
            (Some(old), Some(new), _, _) => Base::Files { old: old.clone(), new: new.clone() },
            (_, _, Some(against), _) => Base::parse(against),
            (_, _, None, Some((from, to))) => Base::Push { from: from.clone(), to: to.clone() },
            (_, _, None, None) if self.staged => Base::Revision { revision: "HEAD".into(), path: None },
            _ => {
                let message = "what to compare with is missing".to_string();
                let help = "write --against SOURCE (a file, a directory of versions, main, merge-base:main), --staged, or --old OLD --new NEW";
                return Err(Trouble::Usage { message, help: Some(help.into()) });
            }
        };
        let of_git = matches!(base, Base::Revision { .. } | Base::MergeBase(_) | Base::Push { .. });
        // A hook of git looks at what is committed, which need not be what lies on disk.
        let in_hook = of_git && said("GIT_INDEX_FILE").is_some();
        let new_revision = push.filter(|_| of_git).map(|(_, to)| to);
        Ok(Request {
            schemas: self.schemas.clone(),
            base,
            language: self.language.map(|language| match language {
                LanguageArgument::Avro => Language::Avro,
                LanguageArgument::Json => Language::JsonSchema,
                LanguageArgument::Table => Language::Table,
            }),
            staged: (self.staged || in_hook) && new_revision.is_none(),
            new_revision,
            lenient_old: self.lenient_old,
            every_version: self.mode.is_transitive(),
            references: self.references.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: CompatArguments,
    }

    fn request(line: &[&str], variables: &[(&str, &str)]) -> Result<Request, Trouble> {
        let line = Line::try_parse_from([&["dq"][..], line].concat()).expect("arguments");
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        line.arguments.request(variable)
    }

    #[test]
    fn hooks_are_told_by_their_environment_what_they_are_run_for() {
        let push = [("PRE_COMMIT_FROM_REF", "a"), ("PRE_COMMIT_TO_REF", "b"), ("GIT_INDEX_FILE", ".git/index")];
        let pushed = request(&["--staged"], &push).expect("a request");
        assert_eq!(pushed.base, Base::Push { from: "a".into(), to: "b".into() });
        assert!(!pushed.staged);
        let named = request(&["--against", "merge-base:main"], &push).expect("a request");
        assert_eq!((named.new_revision.as_deref(), named.staged), (Some("b"), false));
        let hook = request(&["--against", "git:HEAD"], &push[2..]).expect("a request");
        assert!(hook.staged);
        let files = request(&["a.avsc", "--against", "./old"], &push[2..]).expect("a request");
        assert!(!files.staged && files.new_revision.is_none());
        let staged = request(&["--staged"], &[]).expect("a request");
        assert_eq!(staged.base, Base::Revision { revision: "HEAD".into(), path: None });
        assert!(request(&["a.avsc"], &[]).is_err());
    }
}
