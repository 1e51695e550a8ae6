//! `--publish` and `dq publish`

use super::args::PublishArguments;
use super::exit::{Exit, Trouble};
use super::output::{self, Sink};
use crate::error::{Error, escape_controls, shown};
use crate::publish::undelivered::{Resumed, Undelivered, keep};
use crate::publish::{Destination, publish, resume};
use crate::report::Report;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The file of what services did not take.
pub const UNDELIVERED: &str = "dq-undelivered.jsonl";

/// Writes all reports, then sends the result; whatever fails, the rest is done.
pub fn write_and_send(
    report: &Report<'_>,
    sinks: &[Sink],
    destinations: &[Destination],
    undelivered: &Path,
) -> Result<(), Trouble> {
    let written = output::write(report, sinks);
    let sent = send(report, destinations, undelivered);
    match (written, sent) {
        (Err(Trouble::Sink(written)), Err(sent)) => Err(Trouble::Sink(format!("{written}; {sent}"))),
        (Ok(()), Err(sent)) => Err(Trouble::Sink(sent)),
        (written, _) => written,
    }
}

fn send(report: &Report<'_>, destinations: &[Destination], undelivered: &Path) -> Result<(), String> {
    let delivered = publish(report, destinations);
    let kept = keep(undelivered, &delivered.refused).map_err(|error| {
        format!("what was not taken is lost, because {} cannot be written: {error}", shown(undelivered))
    });
    let mut faults = delivered.faults;
    if !delivered.refused.is_empty() {
        let command = match undelivered == Path::new(UNDELIVERED) {
            true => "dq publish --resume".to_string(),
            false => format!("dq publish --resume {}", shown(undelivered)),
        };
        faults.push(reasons(&delivered.refused));
        faults.push(match kept {
            Ok(()) => format!("kept in {}, send with: {command}", shown(undelivered)),
            Err(lost) => lost,
        });
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// What was not taken, by service and reason.
fn reasons(refused: &[Undelivered]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for undelivered in refused {
        *counts.entry((&undelivered.message.service, &undelivered.reason)).or_default() += 1;
    }
    let shown: Vec<_> = counts
        .into_iter()
        .map(|((service, reason), count)| match count {
            1 => format!("{service} did not take a message: {reason}"),
            count => format!("{service} did not take {count} messages: {reason}"),
        })
        .collect();
    shown.join("; ")
}

/// Runs `dq publish`.
pub fn run(arguments: &PublishArguments) -> Result<Exit, Trouble> {
    let path = &arguments.resume;
    let read = |source| Trouble::from(Error::Read { path: path.clone(), source });
    let Some(mut resumed) = Resumed::take(path).map_err(read)? else {
        say(&format!("nothing to send: there is no file {}", shown(path)))?;
        return Ok(Exit::Clean);
    };
    let unreadable = resumed.unreadable.len();
    let delivered = resume(std::mem::take(&mut resumed.messages));
    let left = delivered.refused.len() + unreadable;
    resumed.end(&delivered.refused).map_err(|source| Error::Write { path: path.clone(), source })?;
    say(&format!("sent: {}, left: {left}", delivered.sent))?;
    let mut faults = Vec::new();
    if !delivered.refused.is_empty() {
        faults.push(reasons(&delivered.refused));
    }
    if unreadable > 0 {
        faults.push(format!("{unreadable} lines are no messages: look at them, and delete them"));
    }
    if left > 0 {
        return Err(Trouble::Sink(format!("{}; kept in {}", faults.join("; "), shown(path))));
    }
    Ok(Exit::Clean)
}

fn say(text: &str) -> Result<(), Trouble> {
    let mut bytes = Vec::new();
    writeln!(bytes, "{}", escape_controls(text))
        .and_then(|()| output::stdout(&bytes))
        .map_err(|error| Trouble::Sink(format!("cannot write to stdout: {error}")))
}
