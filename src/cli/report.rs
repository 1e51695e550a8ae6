//! `dq report`

use super::args::{Global, ReportArguments, Show};
use super::exit::{Exit, Trouble};
use super::{output, publish};
use crate::error::Error;
use crate::report::Style;
use crate::report::saved::{MAX_BYTES, Saved};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Runs the command.
pub fn run(arguments: &ReportArguments, global: &Global) -> Result<Exit, Trouble> {
    let path = &arguments.saved;
    let sinks = output::sinks(&arguments.format, &arguments.output)?;
    if path != Path::new("-") {
        output::spare(&sinks, std::slice::from_ref(path))?;
    }
    let bytes = read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let saved = Saved::read(&bytes).map_err(|message| Error::Format { path: path.clone(), message })?;
    let style =
        Style { colour: output::stdout_colour(global), show_all: arguments.show == Show::All, ..Style::default() };
    let publication = arguments.publication.publication()?;
    let destinations = arguments.publication.destinations()?;
    publish::write_and_send(
        &saved.report(style, &publication),
        &sinks,
        &destinations,
        &arguments.publication.undelivered,
    )?;
    Ok(Exit::Clean)
}

/// The file, or as much of it as shows that it is too large.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
