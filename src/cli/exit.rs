//! Exit codes, and trouble that ends a command.

use crate::error::{Error, escape_controls};
use std::io::Write;
use std::process::ExitCode;

/// What the program tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All rules passed; no findings.
    Clean = 0,
    /// A rule failed, or a finding is at `--fail-on`.
    Findings = 1,
    /// Arguments, configuration or ruleset are wrong.
    Usage = 2,
    /// Something could not be evaluated or read.
    NotEvaluated = 3,
    /// A report or rows could not be written.
    SinkFailed = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Trouble {
    /// The user must change the call: exit 2.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// Data cannot be read: exit 3.
    Engine(Error),
    /// A report cannot be written: exit 4.
    Sink(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Option(message) => Trouble::Usage { message, help: None },
            error => Trouble::Engine(error),
        }
    }
}

impl Trouble {
    /// Says what is wrong on stderr and gives the exit code.
    pub fn report(self) -> Exit {
        let (exit, code, message, help) = match self {
            Trouble::Usage { message, help } => (Exit::Usage, "usage", message, help),
            Trouble::Engine(error @ Error::Write { .. }) => {
                (Exit::SinkFailed, error.code(), error.to_string(), error.help())
            }
            Trouble::Engine(error) => (Exit::NotEvaluated, error.code(), error.to_string(), error.help()),
            Trouble::Sink(message) => (Exit::SinkFailed, "output", message, None),
        };
        let mut stderr = std::io::stderr().lock();
        // Nothing is left to do when stderr is closed.
        let _ = writeln!(stderr, "error[{code}]: {}", escape_controls(&message));
        if let Some(help) = help {
            let _ = writeln!(stderr, "  help: {}", escape_controls(&help));
        }
        exit
    }
}
