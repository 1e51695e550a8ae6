//! Writes files of states.

use super::Summary;
use super::layout::{Head, Kind, MAGIC, Outcome, TO_THE_END, VERSION, hash_of};
use super::reader::StateFile;
use crate::metrics::{Family, codec};
use crate::scan::Gathered;
use crate::sink::atomic::Partial;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tempfile::SpooledTempFile;
use xxhash_rust::xxh3::Xxh3;

/// Bytes up to which packing a section is not worth it.
const SMALL: usize = 4 << 10;

/// Bytes of a packed section that are held in memory before it is complete.
const HELD: usize = 1 << 20;

/// Fast: most bytes of large states are hashes, which nothing packs.
const LEVEL: i32 = 1;

/// A file of states that is being written. Dropped before [`StateWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct StateWriter {
    out: BufWriter<Partial>,
    /// Over the heads, keys and hashes of all sections.
    whole: HashOfHashes,
}

#[derive(Clone)]
struct HashOfHashes(Xxh3);

impl std::fmt::Debug for HashOfHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0.digest128())
    }
}

impl StateWriter {
    /// Starts a file that appears, or replaces what is there, once it is complete.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 16, Partial::create(path)?);
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&codec::VERSION.to_le_bytes())?;
        Ok(Self { out, whole: HashOfHashes(Xxh3::new()) })
    }

    /// Writes a metric; its states are sealed. One that could not be measured is left out: whoever asks for it
    /// measures it again, and is told why in the words of that run.
    pub fn metric(&mut self, key: &str, family: &Family, gathered: &mut Gathered) -> io::Result<()> {
        match gathered {
            Gathered::Failed(_) => Ok(()),
            // What was measured may not go together.
            Gathered::States(leaves) if leaves.iter().any(|(_, state)| state.failure().is_some()) => Ok(()),
            Gathered::Undecided => {
                self.section(Kind::Metric, key, |out| out.write_all(&[Outcome::Undecided as u8, 0, 0, 0, 0]))
            }
            Gathered::States(leaves) => self.section(Kind::Metric, key, |out| {
                out.write_all(&[Outcome::States as u8])?;
                let count = u32::try_from(leaves.len()).map_err(io::Error::other)?;
                out.write_all(&count.to_le_bytes())?;
                let last = leaves.len().saturating_sub(1);
                for (position, (file, state)) in leaves.iter_mut().enumerate() {
                    state.seal();
                    out.write_all(&u32::try_from(*file).map_err(io::Error::other)?.to_le_bytes())?;
                    if position == last {
                        out.write_all(&TO_THE_END.to_le_bytes())?;
                        codec::write(state, family, out)?;
                    } else {
                        let mut bytes = Vec::new();
                        codec::write(state, family, &mut bytes)?;
                        out.write_all(&(bytes.len() as u64).to_le_bytes())?;
                        out.write_all(&bytes)?;
                    }
                }
                Ok(())
            }),
        }
    }

    /// Says why a metric, named by its key or as people read it, is not there.
    pub fn refuse(&mut self, name: &str, reason: &str) -> io::Result<()> {
        self.section(Kind::Refused, name, |out| out.write_all(reason.as_bytes()))
    }

    /// Copies a metric of another file, if it is there.
    pub fn copy(&mut self, from: &StateFile, key: &str) -> io::Result<()> {
        let Some((head, hash, mut bytes)) = from.stored(key)? else { return Ok(()) };
        self.out.write_all(&head.to_bytes())?;
        self.out.write_all(key.as_bytes())?;
        self.out.write_all(&hash)?;
        io::copy(&mut bytes, &mut self.out)?;
        self.note(head, key, &hash);
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub fn finish(mut self, summary: &Summary, schema: &SchemaRef) -> io::Result<()> {
        self.section(Kind::Schema, "", |out| {
            let mut stream = StreamWriter::try_new(out, schema).map_err(io::Error::other)?;
            stream.finish().map_err(io::Error::other)
        })?;
        self.section(Kind::Summary, "", |out| serde_json::to_writer(out, summary).map_err(io::Error::other))?;
        let whole = self.whole.0.digest128().to_le_bytes();
        self.section(Kind::End, "", |out| out.write_all(&whole))?;
        let partial = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        partial.sync()?;
        partial.commit()
    }

    fn section(
        &mut self,
        kind: Kind,
        key: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut body = Body { small: Vec::new(), packed: None, plain: 0 };
        write(&mut body)?;
        let Body { small, packed, plain } = body;
        let mut packed = packed.map(zstd::Encoder::finish).transpose()?;
        let stored = match &mut packed {
            Some(packed) => packed.stream_position()?,
            None => small.len() as u64,
        };
        let length = u32::try_from(key.len()).map_err(io::Error::other)?;
        let head = Head { kind, packed: packed.is_some(), key: length, stored, plain };
        let mut hash = hash_of(head, key.as_bytes());
        match &mut packed {
            Some(packed) => {
                packed.seek(SeekFrom::Start(0))?;
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match packed.read(&mut buffer)? {
                        0 => break,
                        read => hash.update(&buffer[..read]),
                    }
                }
            }
            None => hash.update(&small),
        }
        let hash = hash.digest128().to_le_bytes();
        self.out.write_all(&head.to_bytes())?;
        self.out.write_all(key.as_bytes())?;
        self.out.write_all(&hash)?;
        match &mut packed {
            Some(packed) => {
                packed.seek(SeekFrom::Start(0))?;
                io::copy(packed, &mut self.out)?;
            }
            None => self.out.write_all(&small)?,
        }
        self.note(head, key, &hash);
        Ok(())
    }

    /// Puts a section on the list of all.
    fn note(&mut self, head: Head, key: &str, hash: &[u8]) {
        self.whole.0.update(&head.to_bytes());
        self.whole.0.update(key.as_bytes());
        self.whole.0.update(hash);
    }
}

/// The bytes of a section: packed once they are many.
struct Body {
    small: Vec<u8>,
    packed: Option<zstd::Encoder<'static, SpooledTempFile>>,
    plain: u64,
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.packed.is_none() && self.small.len() + bytes.len() > SMALL {
            let mut packed = zstd::Encoder::new(SpooledTempFile::new(HELD), LEVEL)?;
            packed.write_all(&std::mem::take(&mut self.small))?;
            self.packed = Some(packed);
        }
        match &mut self.packed {
            Some(packed) => packed.write_all(bytes)?,
            None => self.small.extend_from_slice(bytes),
        }
        self.plain += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
