//! Where records go: files that appear all at once.

use crate::error::Error;
use crate::input::remote;
use crate::sink::target::Target;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are written together.
const BUFFER: usize = 1 << 20;

/// An output on its way.
struct Output {
    path: PathBuf,
    writer: BufWriter<Target>,
}

impl Output {
    fn create(path: &Path) -> Result<Self, Error> {
        let writer = BufWriter::with_capacity(BUFFER, Target::create(path)?);
        Ok(Self { path: remote::shown_name(path), writer })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Waits until all is stored.
    fn finish(self) -> Result<Target, Error> {
        let path = self.path;
        let trouble = |source| Error::Write { path: path.clone(), source };
        let mut target = self.writer.into_inner().map_err(|error| trouble(error.into_error()))?;
        target.sync().map_err(trouble)?;
        Ok(target)
    }
}

/// Outputs of a run. Dropped, they are gone.
pub struct Outputs {
    good: Option<Output>,
    dead: Option<Output>,
}

impl Outputs {
    /// Starts them.
    pub fn create(good: Option<&Path>, dead: Option<&Path>) -> Result<Self, Error> {
        let create = |path: Option<&Path>| path.map(Output::create).transpose();
        Ok(Self { good: create(good)?, dead: create(dead)? })
    }

    /// Writes valid records.
    pub fn good(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.good.as_mut().map_or(Ok(()), |good| good.write(bytes))
    }

    /// Writes letters.
    pub fn dead(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.dead.as_mut().map_or(Ok(()), |dead| dead.write(bytes))
    }

    /// Puts all in their places, once all are stored.
    pub fn commit(self) -> Result<(), Error> {
        let finished: Result<Vec<Target>, Error> =
            // Mended records are in `good` before the letters without them replace those with them.
            [self.good, self.dead].into_iter().flatten().map(Output::finish).collect();
        finished?.into_iter().try_for_each(Target::commit)
    }
}
