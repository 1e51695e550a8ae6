//! Where reports go.

use super::args::{Colour, Global};
use super::exit::Trouble;
use crate::error::shown;
use crate::links::same_file;
use crate::report::{FORMATS, Format, Report, file_below};
use crate::sink::atomic::replace;
use std::borrow::Cow;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What reports are written in.
pub trait Named: 'static {
    /// The word for `--format` and `--output`.
    fn name(&self) -> &'static str;
}

impl Named for Format {
    fn name(&self) -> &'static str {
        self.name
    }
}

#[cfg(feature = "contracts")]
impl Named for crate::report::compat::Format {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// A report to be written.
pub struct Sink<F: 'static = Format> {
    format: &'static F,
    path: Option<PathBuf>,
}

impl<F: 'static> Sink<F> {
    /// What it is written in.
    #[cfg(feature = "contracts")]
    pub fn format(&self) -> &'static F {
        self.format
    }

    /// The file it goes to, unless that is stdout.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// The sinks of `--format` and `--output`. The format on stdout gives way to an `--output` to `-`.
pub fn sinks(format: &str, outputs: &[String]) -> Result<Vec<Sink>, Trouble> {
    sinks_among(FORMATS, format, outputs)
}

/// The same of other formats.
pub fn sinks_among<F: Named>(formats: &'static [F], format: &str, outputs: &[String]) -> Result<Vec<Sink<F>>, Trouble> {
    let usage = |message: String| Trouble::Usage {
        message,
        help: Some("write --output FORMAT=PATH, e.g. --output json=result.json".into()),
    };
    let format_of = |name: &str| {
        let names = || formats.iter().map(Named::name).collect::<Vec<_>>().join(", ");
        let found = formats.iter().find(|format| format.name() == name);
        found.ok_or_else(|| usage(format!("there is no report format `{name}`; formats are {}", names())))
    };
    let mut sinks = Vec::new();
    for output in outputs {
        let (name, path) =
            output.split_once('=').ok_or_else(|| usage(format!("--output takes FORMAT=PATH, not `{output}`")))?;
        sinks.push(Sink { format: format_of(name)?, path: (path != "-").then(|| PathBuf::from(path)) });
    }
    for (position, sink) in sinks.iter().enumerate() {
        let Some(path) = &sink.path else { continue };
        if path.as_os_str().is_empty() {
            return Err(usage("--output needs a path behind the `=`".into()));
        }
        if sinks[..position]
            .iter()
            .any(|earlier| earlier.path.as_deref().is_some_and(|earlier| same_file(earlier, path)))
        {
            return Err(usage(format!("two reports would be written to {}", shown(path))));
        }
    }
    match sinks.iter().filter(|sink| sink.path.is_none()).count() {
        0 => sinks.insert(0, Sink { format: format_of(format)?, path: None }),
        1 => {}
        _ => return Err(usage("only one report can go to stdout".into())),
    }
    Ok(sinks)
}

/// Refuses reports that would overwrite what is read.
pub fn spare<F: 'static>(sinks: &[Sink<F>], inputs: &[PathBuf]) -> Result<(), Trouble> {
    for path in sinks.iter().filter_map(Sink::path) {
        if inputs.iter().any(|input| same_file(input, path)) {
            return Err(Trouble::Usage {
                message: format!("the report would overwrite {}, which is read", shown(path)),
                help: Some("write it to another file".into()),
            });
        }
    }
    Ok(())
}

/// Writes all reports; those that can be written are, whatever happens to the others.
pub fn write(report: &Report<'_>, sinks: &[Sink]) -> Result<(), Trouble> {
    each(sinks, |sink| {
        let mut bytes = Vec::new();
        // Files carry no colours.
        let report = Report {
            style: crate::report::Style { colour: report.style.colour && sink.path.is_none(), ..report.style },
            ..*report
        };
        (sink.format.write)(&report, &mut bytes)?;
        match &sink.path {
            Some(path) => replace(&file_of(path, sink.format, &report)?, &bytes),
            None => stdout(&bytes),
        }
    })
}

/// Writes all reports of formats that are files of the names given.
#[cfg(feature = "contracts")]
pub fn write_each<F: Named>(
    sinks: &[Sink<F>],
    write: impl Fn(&Sink<F>, &mut dyn Write) -> io::Result<()>,
) -> Result<(), Trouble> {
    each(sinks, |sink| {
        let mut bytes = Vec::new();
        write(sink, &mut bytes)?;
        match &sink.path {
            Some(path) => replace(path, &bytes),
            None => stdout(&bytes),
        }
    })
}

/// Writes to all sinks, and says which could not be written to.
fn each<F: Named>(sinks: &[Sink<F>], write: impl Fn(&Sink<F>) -> io::Result<()>) -> Result<(), Trouble> {
    let mut failed = Vec::new();
    for sink in sinks {
        if let Err(error) = write(sink) {
            let place = sink.path.as_deref().map_or("stdout".to_string(), shown);
            failed.push(format!("cannot write the {} report to {place}: {error}", sink.format.name()));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Trouble::Sink(failed.join("; "))) }
}

/// The file that a report goes to: a path that ends as directories do is one, for formats that have files in them.
fn file_of<'p>(path: &'p Path, format: &Format, report: &Report<'_>) -> io::Result<Cow<'p, Path>> {
    if !path.to_string_lossy().ends_with(std::path::is_separator) {
        return Ok(path.into());
    }
    let Some(name) = file_below(format, report) else { return Ok(path.into()) };
    let file = path.join(name);
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    Ok(file.into())
}

/// Writes to stdout; a reader that went away is no mistake.
pub fn stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Whether a stream gets colours.
pub fn colour(global: &Global, terminal: bool) -> bool {
    match global.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            terminal
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether stdout gets colours.
pub fn stdout_colour(global: &Global) -> bool {
    colour(global, io::stdout().is_terminal())
}

/// Whether stderr gets colours.
pub fn stderr_colour(global: &Global) -> bool {
    colour(global, io::stderr().is_terminal())
}
