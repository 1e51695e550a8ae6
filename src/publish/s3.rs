//! Results to S3, in the partitions that Glue writes; other object stores take them too.

use super::{Message, Refused, Service, Stop, is_set};
use crate::error::Error;
use crate::input::remote;
use crate::report::{Report, file_below, find};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

pub(super) const SERVICE: Service =
    Service { name: "s3", format: FORMAT, by_line: false, regional: false, place, place_of: object, send };

/// How often it is looked whether the program is to end.
const TICK: Duration = Duration::from_millis(50);

const FORMAT: &str = "glue-s3";

/// What stands behind the name: a directory of a store.
fn place(named: Option<&str>) -> Result<Option<String>, String> {
    let expected = || "--publish s3 needs a place: s3=s3://bucket/below/".to_string();
    let url = named.filter(|named| !named.is_empty()).ok_or_else(expected)?;
    let below = format!("{}/", url.trim_end_matches('/'));
    match remote::url(Path::new(&below)) {
        Some(known) if !known.to_ascii_lowercase().starts_with("http") => {}
        _ => return Err("--publish s3 takes a URL of an object store, such as s3://bucket/below/".into()),
    }
    if remote::shown_url(&below) != below {
        return Err("--publish s3 takes a URL without credentials: they come from the environment".into());
    }
    remote::check_upload(&format!("{below}x")).map_err(|error| error.to_string())?;
    Ok(Some(below))
}

/// The object of a report.
fn object(place: &str, report: &Report<'_>) -> String {
    let name = find(FORMAT).and_then(|format| file_below(format, report)).unwrap_or_default();
    let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
    format!("{place}{}", parts.join("/"))
}

/// Writes the object. Again, it is the same object.
fn send(message: &Message, _: Option<&str>, stop: Stop<'_>) -> Result<(), Refused> {
    let url = message.place.clone().ok_or_else(|| Refused::whole("the object has no name"))?;
    let mut file = tempfile::tempfile().map_err(|error| Refused::whole(format!("no temporary file: {error}")))?;
    file.write_all(message.body.as_bytes())
        .map_err(|error| Refused::whole(format!("no room for a temporary file: {error}")))?;
    // Nobody waits for this thread when the program is to end; an object is there as a whole or not at all.
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(remote::upload(&url, file)));
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(uploaded) => return uploaded.map_err(refused),
            Err(RecvTimeoutError::Timeout) if is_set(stop) => return Err(Refused::interrupted()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Refused::whole("the object was not written")),
        }
    }
}

fn refused(error: Error) -> Refused {
    let unreachable = |kind| matches!(kind, ErrorKind::NotConnected | ErrorKind::TimedOut);
    match &error {
        Error::Write { source, .. } if unreachable(source.kind()) => Refused::down(error.to_string()),
        _ => Refused::whole(error.to_string()),
    }
}
