//! `dq report`

use super::args::{Global, ReportArguments, Show};
use super::exit::{Exit, Trouble};
use super::output::{self, Sink};
use super::publish::{self, Delivery};
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
    let mut used: Vec<_> = sinks.iter().filter_map(Sink::path).map(Path::to_path_buf).collect();
    if path != Path::new("-") {
        output::spare(&sinks, std::slice::from_ref(path))?;
        used.push(path.clone());
    }
    let publication = arguments.publication.publication()?;
    let delivery = Delivery::of(&arguments.publication, &used, &[])?;
    let bytes = read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let saved = Saved::read(&bytes).map_err(|message| Error::Format { path: path.clone(), message })?;
    let style =
        Style { colour: output::stdout_colour(global), show_all: arguments.show == Show::All, ..Style::default() };
    publish::write_and_send(&saved.report(style, &publication), &sinks, delivery.as_ref())?;
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
