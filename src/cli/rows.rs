//! Arguments about single rows: which of them are shown and how, and where rows go.

use super::exit::Trouble;
use super::output::Sink;
use crate::check::CheckOptions;
use crate::input::remote;
use crate::links::{resolved, same_file};
use crate::redaction::Redaction;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Which rows are shown, how they are judged, and where they go.
#[derive(Debug, Args)]
pub struct RowArguments {
    /// Failing rows shown for each failed rule, at most; 0 shows none
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=1000), help_heading = "Rows")]
    pub samples: u16,
    /// A column that tells rows apart, shown with failing rows; repeatable
    #[arg(long, value_name = "COLUMN", help_heading = "Rows")]
    pub key: Vec<String>,
    /// What a composite is judged by: the verdicts of its operands (column), or whether every single row passes it (row)
    #[arg(long, value_name = "HOW", default_value = "column", help_heading = "Rows")]
    pub composite: CompositeArgument,
    /// Rows that the where of a rule leaves out: they pass the rule, or it skips them
    #[arg(long, value_name = "WHAT", default_value = "pass", help_heading = "Rows")]
    pub filtered_rows: FilteredRowsArgument,
    /// Write all rows to a file, each with the rules it passes, fails and is skipped by
    #[arg(long, value_name = "PATH", help_heading = "Rows")]
    pub rows_out: Option<PathBuf>,
    /// Write the rows that fail no rule to a file, unchanged
    #[arg(long, value_name = "PATH", help_heading = "Rows")]
    pub good: Option<PathBuf>,
    /// Write the rows that fail a rule to a file, each with the rules it fails; a row may fail a rule that passes, such as one with a threshold
    #[arg(long, value_name = "PATH", help_heading = "Rows")]
    pub bad: Option<PathBuf>,
}

/// `--composite`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompositeArgument {
    /// By the verdicts of its operands.
    Column,
    /// Row by row.
    Row,
}

/// `--filtered-rows`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FilteredRowsArgument {
    /// They pass.
    Pass,
    /// They are not judged.
    Skip,
}

/// How values of the data are hidden.
#[derive(Debug, Args)]
pub struct RedactArguments {
    /// Values of the data in reports and messages: off shows them, mask puts *** for each, hash twelve digits that are equal for equal values (in one run, or in all with hash:SALT) [default: mask in CI, else off]
    #[arg(long, value_name = "HOW", value_parser = redaction)]
    pub redact: Option<Redaction>,
}

/// `off`, `mask`, `hash` or `hash:SALT`.
fn redaction(text: &str) -> Result<Redaction, String> {
    match text.split_once(':') {
        None if text == "off" => Ok(Redaction::Off),
        None if text == "mask" => Ok(Redaction::Mask),
        None if text == "hash" => Ok(Redaction::hash_of_this_run()),
        Some(("hash", "")) => Err("the salt behind `hash:` is missing".into()),
        Some(("hash", salt)) => Ok(Redaction::hash_with(salt)),
        _ => Err("off, mask, hash or hash:SALT".into()),
    }
}

/// Variables that systems for continuous integration set. Many people read the logs there.
pub const CI_VARIABLES: [&str; 7] =
    ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "TEAMCITY_VERSION", "JENKINS_URL", "TF_BUILD"];

fn in_ci(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let says_yes = |value: OsString| !value.is_empty() && value != "0" && !value.eq_ignore_ascii_case("false");
    CI_VARIABLES.iter().any(|name| variable(name).is_some_and(says_yes))
}

impl RedactArguments {
    /// As asked for, else as fits the place.
    pub fn redaction(&self) -> Redaction {
        let fitting = || if in_ci(|name| std::env::var_os(name)) { Redaction::Mask } else { Redaction::Off };
        self.redact.unwrap_or_else(fitting)
    }
}

impl RowArguments {
    /// Takes them into the options of a check.
    pub fn apply(&self, options: &mut CheckOptions) {
        options.samples = usize::from(self.samples);
        options.key = self.key.clone();
        options.composite_rows = self.composite == CompositeArgument::Row;
        options.filtered_rows_skip = self.filtered_rows == FilteredRowsArgument::Skip;
        options.rows_out = self.rows_out.clone();
        options.good = self.good.clone();
        options.bad = self.bad.clone();
    }

    #[cfg(feature = "contracts")]
    /// Whether some file gets rows.
    pub fn has_outputs(&self) -> bool {
        self.outputs().next().is_some()
    }

    /// Options and paths of files that get rows.
    pub fn outputs(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let outputs = [("--rows-out", &self.rows_out), ("--good", &self.good), ("--bad", &self.bad)];
        outputs.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)))
    }

    /// Refuses files of rows that cannot be written as a whole, that would overwrite what is read or
    /// written, or that the next run would take for data. `files` are read, because of the `names`.
    pub fn spare(&self, sinks: &[Sink], files: &[PathBuf], names: &[PathBuf]) -> Result<(), Trouble> {
        let refused = |message: String, help: &str| Err(Trouble::Usage { message, help: Some(help.into()) });
        let elsewhere = "write it to another file";
        for (position, (option, path)) in self.outputs().enumerate() {
            let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
            if path == Path::new("-") || special {
                let message = format!("{option} cannot go to {}: it is written as a whole or not at all", shown(path));
                return refused(message, "name a file");
            }
            let names_directory = path.to_string_lossy().ends_with('/') && !path.to_string_lossy().contains("://");
            if names_directory || path.is_dir() && !files.iter().any(|read| is_below(read, path)) {
                return refused(
                    format!("{option} cannot go to {}, which is a directory", shown(path)),
                    "name a file in it",
                );
            }
            if let Some((other, _)) = self.outputs().take(position).find(|(_, other)| same_file(other, path)) {
                return refused(format!("{other} and {option} would both be written to {}", shown(path)), elsewhere);
            }
            if sinks.iter().filter_map(Sink::path).any(|report| same_file(report, path)) {
                let message = format!("{option} and a report would both be written to {}", shown(path));
                return refused(message, elsewhere);
            }
            if files.iter().chain(names).any(|read| same_file(read, path)) {
                return refused(format!("{option} would overwrite {}, which is read", shown(path)), elsewhere);
            }
            if path.is_dir() && files.iter().any(|read| is_below(read, path)) {
                let message =
                    format!("{option} would be written into {}, which holds files that are read", shown(path));
                return refused(message, "name a directory of its own");
            }
            if let Some(name) = names.iter().find(|name| stands_for(name, path)) {
                let message = format!("{option} would be written to where {} is read from", shown(name));
                return refused(message, "the next run would take it for data; write it elsewhere");
            }
        }
        Ok(())
    }
}

/// A name for people, without what is secret in addresses.
fn shown(name: &Path) -> String {
    crate::error::shown(&remote::shown_name(name))
}

/// Whether a path is inside a directory, links followed.
fn is_below(path: &Path, directory: &Path) -> bool {
    matches!((resolved(path), resolved(directory)), (Ok(path), Ok(directory)) if path.starts_with(&directory))
}

/// Whether a directory, a pattern or the start of an address will stand for a file once that is there.
pub fn stands_for(name: &Path, path: &Path) -> bool {
    let (name_text, path_text) = (name.to_string_lossy(), path.to_string_lossy());
    if name_text.contains("://") {
        let is_pattern = name_text.contains(['*', '?', '[']);
        let directory = format!("{}/", name_text.trim_end_matches('/'));
        return path_text.starts_with(&directory) || is_pattern && is_match(&name_text, path);
    }
    if name.is_dir() {
        return is_below(path, name);
    }
    // A pattern may go through links, and so may the path: what is there is compared without them.
    let fixed: PathBuf = name.iter().take_while(|part| !part.to_string_lossy().contains(['*', '?', '['])).collect();
    let Ok(rest) = name.strip_prefix(&fixed) else { return false };
    let fixed = if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed };
    match (resolved(&fixed), resolved(path)) {
        (Ok(fixed), Ok(path)) => {
            let fixed = glob::Pattern::escape(&fixed.to_string_lossy());
            is_match(&Path::new(&fixed).join(rest).to_string_lossy(), &path)
        }
        _ => is_match(&name_text, path),
    }
}

fn is_match(pattern: &str, path: &Path) -> bool {
    let literally = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path_with(path, literally))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_not_put_where_data_is_read_from() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        std::fs::create_dir(root.join("d")).expect("a directory");
        let within = |name: &str, path: &str| stands_for(&root.join(name), &root.join(path));
        assert!(within("d", "d/new.csv") && within("d", "./d/new.csv") && within("d/*.csv", "d/../d/new.csv"));
        assert!(within("./d/*.csv", "d/new.csv"));
        assert!(!within("d/*.csv", "d/new.parquet") && !within("d/*.csv", "new.csv") && !within("d", "dd.csv"));
        let read = |name: &str, path: &str| stands_for(Path::new(name), Path::new(path));
        assert!(read("s3://data/in/", "s3://data/in/x.parquet") && read("s3://data/in", "s3://data/in/sub/x.parquet"));
        assert!(read("s3://data/in/*.parquet", "s3://data/in/x.parquet"));
        assert!(!read("s3://data/in", "s3://data/inner/x.parquet") && !read("s3://data/in", "in/x.parquet"));
    }

    #[test]
    fn ci_is_where_a_variable_of_it_says_yes() {
        let with =
            |name: &'static str, value: &'static str| in_ci(|asked| (asked == name).then(|| OsString::from(value)));
        assert!(with("CI", "true") && with("CI", "1") && with("JENKINS_URL", "http://ci") && with("TF_BUILD", "True"));
        assert!(!with("CI", "") && !with("CI", "false") && !with("CI", "False") && !with("CI", "0"));
        assert!(!with("HOME", "/root"));
    }

    #[test]
    fn redactions_are_read_as_they_are_written() {
        assert_eq!(redaction("off"), Ok(Redaction::Off));
        assert_eq!(redaction("mask"), Ok(Redaction::Mask));
        assert_eq!(redaction("hash:a:b"), Ok(Redaction::hash_with("a:b")));
        assert!(matches!(redaction("hash"), Ok(Redaction::Hash { .. })));
        for wrong in ["", "hash:", "mask:x", "on"] {
            assert!(redaction(wrong).is_err(), "{wrong}");
        }
    }
}
