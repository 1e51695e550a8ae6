//! The command line: the only room that knows arguments, terminals, colours and exit
//! codes. One file per command.

mod args;
mod check;
#[cfg(feature = "contracts")]
mod compat;
#[cfg(feature = "contracts")]
mod compat_arguments;
#[cfg(feature = "contracts")]
mod contract;
mod diagnostics;
mod exit;
mod explain;
mod history;
mod interrupt;
mod lint;
mod memory;
mod merge;
mod output;
mod past;
mod progress;
mod publication;
mod publish;
#[cfg(feature = "contracts")]
mod records;
mod report;
mod rows;
mod rules;
mod source;
mod states;

pub use exit::Exit;
pub use rows::CI_VARIABLES;

use clap::Parser;
use std::ffi::OsString;

/// Runs the program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The error that a guarded panic becomes says all there is to say.
        if !crate::guard::is_guarded() {
            default_hook(panic);
        }
    }));
    let arguments = match args::Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout and are a success; a closed pipe is nobody's mistake.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Clean };
        }
    };
    let outcome = match &arguments.command {
        args::Command::Check(command) => check::run(command, &arguments.global),
        #[cfg(feature = "contracts")]
        args::Command::Compat(command) => compat::run(command, &arguments.global),
        #[cfg(feature = "contracts")]
        args::Command::Records(command) => records::run(command, &arguments.global),
        args::Command::Merge(command) => merge::run(command, &arguments.global),
        args::Command::Lint(command) => lint::run(command, &arguments.global),
        args::Command::Explain(command) => explain::run(command, &arguments.global),
        args::Command::Report(command) => report::run(command, &arguments.global),
        args::Command::Publish(command) => publish::run(command),
        args::Command::History(command) => history::run(command),
        args::Command::Rules(command) => rules::run(command, &arguments.global),
    };
    outcome.unwrap_or_else(|trouble| trouble.report())
}
