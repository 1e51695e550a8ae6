//! Where an output ends up: a file of this machine, or an object far away.

use super::atomic::Partial;
use crate::error::Error;
use crate::input::remote;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An output on its way.
#[derive(Debug)]
pub struct Target {
    /// For messages.
    shown: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Here(Partial),
    /// Kept in a file without a name until it is complete.
    Away {
        url: String,
        file: File,
    },
}

impl Target {
    /// Starts an output at a path or URL.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let shown = remote::shown_name(path);
        let place = match remote::url(path) {
            Some(url) => {
                remote::check_upload(url)?;
                let file = tempfile::tempfile().map_err(|error| no_room(&shown, &error))?;
                Place::Away { url: url.to_string(), file }
            }
            None => Place::Here(Partial::create(path).map_err(|source| Error::Write { path: shown.clone(), source })?),
        };
        Ok(Self { shown, place })
    }

    /// Waits until the contents are stored.
    pub fn sync(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Here(partial) => partial.sync(),
            Place::Away { file, .. } => file.flush(),
        }
    }

    /// Puts the output in its place at once.
    pub fn commit(self) -> Result<(), Error> {
        match self.place {
            Place::Here(partial) => partial.commit().map_err(|source| Error::Write { path: self.shown, source }),
            Place::Away { url, file } => remote::upload(&url, file),
        }
    }
}

fn no_room(path: &Path, error: &io::Error) -> Error {
    let directory = std::env::temp_dir();
    let message = format!("no temporary file in {}: {error}", directory.display());
    Error::Write { path: path.to_path_buf(), source: io::Error::new(error.kind(), message) }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Here(partial) => partial.write(bytes),
            Place::Away { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Here(partial) => partial.flush(),
            Place::Away { file, .. } => file.flush(),
        }
    }
}
