//! `--publish` and `dq publish`

use super::args::PublishArguments;
use super::exit::{Exit, Trouble};
use super::interrupt;
use super::output::{self, Sink};
use super::publication::PublicationArguments;
use super::rows::stands_for;
use crate::error::{escape_controls, shown};
use crate::links::same_file;
use crate::publish::journal::{Taken, take};
use crate::publish::undelivered::{Spool, Undelivered};
use crate::publish::{Delivered, Destination, publish, resume};
use crate::report::{Publication, Report};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of what services did not take.
pub const UNDELIVERED: &str = "dq-undelivered.jsonl";

/// Where results are sent, and where they are kept that are not taken.
pub struct Delivery {
    destinations: Vec<Destination>,
    spool: Spool,
    /// The file as the user named it.
    undelivered: PathBuf,
}

impl Delivery {
    /// What the arguments ask for, or what is wrong; `None`: nothing is sent. Files that are `used` are read or
    /// written, and `names` may stand for files that are read.
    pub fn of(arguments: &PublicationArguments, used: &[PathBuf], names: &[PathBuf]) -> Result<Option<Self>, Trouble> {
        let destinations = arguments.destinations()?;
        if destinations.is_empty() {
            return Ok(None);
        }
        let path = &arguments.undelivered;
        let usage = |message: String| Trouble::Usage {
            message,
            help: Some("name a file, with --undelivered, in a directory where this user may write".into()),
        };
        if used.iter().any(|used| same_file(used, path)) {
            return Err(usage(format!("--undelivered would add to {}, which is read or written", shown(path))));
        }
        if names.iter().any(|name| stands_for(name, path)) {
            return Err(usage(format!("--undelivered {}: the next run would take it for data", shown(path))));
        }
        let spool = Spool::at(path).map_err(usage)?;
        spool.probe().map_err(usage)?;
        Ok(Some(Self { destinations, spool, undelivered: path.clone() }))
    }

    fn send(&self, report: &Report<'_>) -> Result<(), String> {
        // Services go by the clock, whatever time the run was given.
        let publication = Publication { sent: Some(chrono::Utc::now()), ..report.publication.clone() };
        let report = Report { publication: &publication, ..*report };
        let delivered = publish(&report, &self.destinations, &self.spool, Some(interrupt::flag()));
        let mut faults = reasons(&delivered);
        if !delivered.refused.is_empty() {
            let path = shown(&self.undelivered);
            let file = if self.undelivered == Path::new(UNDELIVERED) { String::new() } else { format!(" {path}") };
            faults.push(format!("kept in {path}, send with: dq publish --resume{file}"));
        }
        faults.extend(delivered.faults);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// Writes all reports, then sends the result; whatever fails, the rest is done.
pub fn write_and_send(report: &Report<'_>, sinks: &[Sink], delivery: Option<&Delivery>) -> Result<(), Trouble> {
    let written = output::write(report, sinks);
    let sent = delivery.map_or(Ok(()), |delivery| delivery.send(report));
    match (written, sent) {
        (Err(Trouble::Sink(written)), Err(sent)) => Err(Trouble::Sink(format!("{written}; {sent}"))),
        (Ok(()), Err(sent)) => Err(Trouble::Sink(sent)),
        (written, _) => written,
    }
}

/// What was not taken, by service and reason.
fn reasons(delivered: &Delivered) -> Vec<String> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for Undelivered { message, reason, .. } in &delivered.refused {
        *counts.entry((&message.service, reason)).or_default() += 1;
    }
    let interrupted = delivered.was_interrupted().then(|| "sending was interrupted".to_string());
    let of_service = counts.into_iter().map(|((service, reason), count)| match count {
        1 => format!("{service} did not take a message: {reason}"),
        count => format!("{service} did not take {count} messages: {reason}"),
    });
    interrupted.into_iter().chain(of_service).collect()
}

/// Runs `dq publish`.
pub fn run(arguments: &PublishArguments) -> Result<Exit, Trouble> {
    let path = &arguments.resume;
    let usage = |message: String| Trouble::Usage { message, help: Some("name the file of --undelivered".into()) };
    let spool = Spool::at(path).map_err(usage)?;
    let stop = interrupt::flag();
    let journal = match take(&spool)? {
        Taken::Messages(journal) => journal,
        Taken::Nothing => {
            say(&format!("nothing to send: there are no messages in {}", shown(path)))?;
            return Ok(Exit::Clean);
        }
        Taken::Busy => {
            say("nothing to send: another program is sending")?;
            return Ok(Exit::Clean);
        }
    };
    let unreadable = journal.unreadable;
    let delivered = resume(journal, Some(stop));
    let left = delivered.refused.len() + unreadable;
    say(&format!("sent: {}, left: {left}", delivered.sent))?;
    let mut faults = reasons(&delivered);
    if unreadable > 0 {
        faults.push(format!("{unreadable} lines are no messages: look at them, and delete them"));
    }
    if left > 0 {
        faults.push(format!("kept in {}", shown(path)));
    }
    faults.extend(delivered.faults);
    if faults.is_empty() { Ok(Exit::Clean) } else { Err(Trouble::Sink(faults.join("; "))) }
}

fn say(text: &str) -> Result<(), Trouble> {
    let mut bytes = Vec::new();
    writeln!(bytes, "{}", escape_controls(text))
        .and_then(|()| output::stdout(&bytes))
        .map_err(|error| Trouble::Sink(format!("cannot write to stdout: {error}")))
}
