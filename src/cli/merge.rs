//! `dq merge`

use super::args::{Global, MergeArguments, Show};
use super::check::{decides, exit_of, refuse, show_sql_mistakes};
use super::exit::{Exit, Trouble};
use super::output::Sink;
use super::past::{self, Memory};
use super::publish::Delivery;
use super::{interrupt, memory, output, publish, source};
use crate::check::{CheckOptions, Ruleset, Watch, merge};
use crate::error::Error;
use crate::report::{Report, Style};
use crate::span::LineIndex;
use std::path::Path;

/// Runs the command.
pub fn run(arguments: &MergeArguments, global: &Global) -> Result<Exit, Trouble> {
    let sinks = output::sinks(&arguments.format, &arguments.output)?;
    let mut publication = arguments.publication.publication()?;
    let inputs: Vec<_> = arguments.states.iter().chain([&arguments.ruleset]).cloned().collect();
    past::spare(&arguments.past, &inputs, &[])?;
    output::spare(&sinks, &inputs)?;
    let written = sinks.iter().filter_map(Sink::path).map(Path::to_path_buf);
    let used: Vec<_> = inputs.iter().cloned().chain(written).collect();
    let delivery = Delivery::of(&arguments.publication, &used, &inputs)?;
    let (bind_options, zone) = source::bind_options(&arguments.rules)?;
    let text = source::read(&arguments.ruleset)?;
    let ruleset = Ruleset::parse(&text.text, &bind_options);
    if ruleset.has_errors() {
        refuse(&text, &ruleset, &arguments.format, global)?;
        return Ok(Exit::Usage);
    }
    let mut options = CheckOptions {
        zone,
        read: arguments.read.options()?,
        references: arguments.references.paths()?,
        memory_bytes: arguments.memory_limit.unwrap_or_else(memory::half),
        allow_empty: arguments.allow_empty,
        only: arguments.only.clone(),
        skip: arguments.skip.clone(),
        redaction: arguments.redact.redaction(),
        samples: 0,
        ..CheckOptions::default()
    };
    if let Some(threads) = arguments.threads {
        options.threads = usize::from(threads);
    }
    decides(&ruleset, &options, &arguments.min_score)?;
    // Files of states are no name for the data that went into them.
    let dataset = || match publication.table {
        Some(_) => Ok(publication.dataset(&[])),
        None => Err(Error::Option("--history needs --dataset here, the name of the data of all states".into())),
    };
    let mut memory = Memory::open(&arguments.past, dataset, bind_options.now, &ruleset, &mut options)?;
    let watch = Watch { progress: None, stop: Some(interrupt::flag()) };
    let run = merge(&ruleset, &arguments.states, &options, watch)?;
    show_sql_mistakes(&text, &run.sql_mistakes, global)?;
    let timed = arguments.rules.now.is_none();
    publication.sent = timed.then(chrono::Utc::now);
    let report = Report {
        run: &run,
        ruleset: &text.name,
        lines: &LineIndex::new(&text.text),
        timed,
        style: Style {
            colour: output::stdout_colour(global),
            show_all: arguments.show == Show::All,
            ..Style::default()
        },
        publication: &publication,
    };
    let reported = publish::write_and_send(&report, &sinks, delivery.as_ref());
    past::reported_and_recorded(reported, memory.as_mut(), &report)?;
    Ok(exit_of(&run, arguments.fail_on, &arguments.min_score))
}
