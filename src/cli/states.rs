//! Arguments about metric states: where they are written and kept.

use super::exit::Trouble;
use super::output::Sink;
use crate::check::StateOptions;
use crate::error::shown;
use crate::links::{lies_in, same_file};
use clap::Args;
use std::path::PathBuf;

/// Where metric states go.
#[derive(Debug, Args)]
pub struct StateArguments {
    /// Write the metric states of the run to a file, for dq merge; it holds values of the data
    #[arg(long, value_name = "FILE", help_heading = "Metric states")]
    pub state_out: Option<PathBuf>,
    /// Keep metric states of every file in this directory, and read only files that changed since, and metrics that are new; shows no failing rows
    #[arg(long, value_name = "DIRECTORY", help_heading = "Metric states", conflicts_with_all = ["rows_out", "good", "bad"])]
    pub cache: Option<PathBuf>,
}

impl StateArguments {
    /// As a check takes them.
    pub fn options(&self) -> StateOptions {
        StateOptions { out: self.state_out.clone(), cache: self.cache.clone() }
    }

    /// Refuses to overwrite what is read or written, and states among the data, which is named by `names`.
    pub fn spare(&self, sinks: &[Sink], inputs: &[PathBuf], names: &[PathBuf]) -> Result<(), Trouble> {
        for (option, path) in [("--state-out", &self.state_out), ("--cache", &self.cache)] {
            let Some(path) = path.as_ref().filter(|path| lies_in(path, names)) else { continue };
            let message = format!("{option} {} lies among the data, and would be read as such", shown(path));
            return Err(Trouble::Usage { message, help: Some("name another directory".into()) });
        }
        let Some(path) = &self.state_out else { return Ok(()) };
        let refused =
            |message: String| Err(Trouble::Usage { message, help: Some("write the states to another file".into()) });
        if inputs.iter().any(|input| same_file(input, path)) {
            return refused(format!("--state-out would overwrite {}, which is read", shown(path)));
        }
        if sinks.iter().filter_map(Sink::path).any(|report| same_file(report, path)) {
            return refused(format!("--state-out and a report would both be written to {}", shown(path)));
        }
        Ok(())
    }
}
