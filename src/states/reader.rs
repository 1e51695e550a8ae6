//! Reads files of states, whoever wrote them.

use super::Summary;
use super::layout::{
    HASH, HEAD, Head, Kind, LONGEST_KEY, MAGIC, MOST_ROWS, Outcome, START, TO_THE_END, VERSION, hash_of,
};
use crate::error::{Error, shown};
use crate::input::guarded;
use crate::metrics::{Family, MemoryBudget, codec};
use crate::scan::{Gathered, Leaves};
use arrow_ipc::reader::StreamReader;
use arrow_schema::SchemaRef;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xxhash_rust::xxh3::Xxh3;

/// What is stored of a metric, the hash of its contents, and these.
type Stored = (Head, [u8; HASH], Take<BufReader<File>>);

/// Files of states that are kept open; others are opened for every read.
const MOST_HANDLES: usize = 128;

static HANDLES: AtomicUsize = AtomicUsize::new(0);

/// The largest summary or schema.
const LARGEST_TEXT: u64 = 1 << 30;

/// An opened file of states. Its sections are known; their bytes are read, and compared with their hashes, when they
/// are asked for.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Kept open if there are not too many others: who replaces the file does not disturb who reads it.
    handle: Option<File>,
    summary: Summary,
    schema: SchemaRef,
    metrics: HashMap<String, Section>,
    refused: HashMap<String, Section>,
}

/// Where a section is.
#[derive(Debug, Clone, Copy)]
struct Section {
    head: Head,
    hash: [u8; HASH],
    offset: u64,
}

/// What is wrong with the bytes of a file.
fn wrong(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

fn damaged() -> io::Error {
    wrong("is damaged: its contents are not those that were written")
}

impl StateFile {
    /// Opens a file and finds its sections. Fails when it cannot be read, is no file of states, is cut off or damaged,
    /// or was written by a version that this program does not know.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let trouble = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData => format_error(path, &source),
            io::ErrorKind::UnexpectedEof => format_error(path, &wrong("is cut off")),
            _ => Error::Read { path: path.to_path_buf(), source },
        };
        guarded(path, || Self::read(path).map_err(trouble))
    }

    fn read(path: &Path) -> io::Result<Self> {
        // A pipe would wait for somebody who writes.
        if !std::fs::metadata(path)?.is_file() {
            return Err(wrong("is no file"));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::new(&file);
        let mut start = [0; START as usize];
        if reader.read_exact(&mut start).is_err() || &start[..8] != MAGIC {
            return Err(wrong("is no file of metric states, as --state-out writes them"));
        }
        let versions = [u16::from_le_bytes([start[8], start[9]]), u16::from_le_bytes([start[10], start[11]])];
        if versions != [VERSION, codec::VERSION] {
            let [layout, states] = versions;
            return Err(wrong(format!(
                "has version {layout}.{states}; this program reads version {VERSION}.{}: check the data again",
                codec::VERSION
            )));
        }
        let mut whole = Xxh3::new();
        let (mut metrics, mut refused) = (HashMap::new(), HashMap::new());
        let (mut schema, mut summary) = (None, None);
        let mut offset = START;
        loop {
            let mut bytes = [0; HEAD];
            reader.read_exact(&mut bytes)?;
            let head = Head::from_bytes(&bytes).ok_or_else(damaged)?;
            let key_length = u64::from(head.key);
            offset += (HEAD + HASH) as u64 + key_length;
            // Nothing is allocated for bytes that are not there.
            let end =
                offset.checked_add(head.stored).filter(|end| *end <= length).ok_or(io::ErrorKind::UnexpectedEof)?;
            if key_length > LONGEST_KEY || !head.packed && head.plain != head.stored {
                return Err(damaged());
            }
            let mut key = vec![0; head.key as usize];
            reader.read_exact(&mut key)?;
            let mut hash = [0; HASH];
            reader.read_exact(&mut hash)?;
            let section = Section { head, hash, offset };
            if head.kind == Kind::End {
                let mut own = [0; HASH];
                if head.stored != HASH as u64 || end != length {
                    return Err(damaged());
                }
                reader.read_exact(&mut own)?;
                let mut end_hash = hash_of(head, &key);
                end_hash.update(&own);
                if own != whole.digest128().to_le_bytes() || hash != end_hash.digest128().to_le_bytes() {
                    return Err(damaged());
                }
                break;
            }
            whole.update(&bytes);
            whole.update(&key);
            whole.update(&hash);
            let key = String::from_utf8(key).map_err(|_| damaged())?;
            let twice = match head.kind {
                Kind::Metric => metrics.insert(key, section).is_some(),
                // Several metrics may be alike to people.
                Kind::Refused => {
                    refused.insert(key, section);
                    false
                }
                Kind::Schema => schema.replace(section).is_some(),
                Kind::Summary => summary.replace(section).is_some(),
                Kind::End => false,
            };
            if twice {
                return Err(damaged());
            }
            offset = end;
            let skipped = i64::try_from(head.stored).map_err(|_| damaged())?;
            reader.seek_relative(skipped)?;
        }
        drop(reader);
        let (Some(schema), Some(summary)) = (schema, summary) else { return Err(damaged()) };
        let schema = bytes_of(&file, "", schema)?;
        let schema = StreamReader::try_new(schema.as_slice(), None).map_err(|_| damaged())?.schema();
        let summary: Summary = serde_json::from_slice(&bytes_of(&file, "", summary)?).map_err(|_| damaged())?;
        if summary.rows > MOST_ROWS {
            return Err(damaged());
        }
        let counted = HANDLES.fetch_add(1, Ordering::Relaxed) < MOST_HANDLES;
        if !counted {
            HANDLES.fetch_sub(1, Ordering::Relaxed);
        }
        let handle = counted.then_some(file);
        Ok(Self { path: path.to_path_buf(), handle, summary, schema, metrics, refused })
    }

    /// The file. One that was opened again may be another: no section has the right hash then.
    fn file(&self) -> io::Result<File> {
        match &self.handle {
            Some(file) => file.try_clone(),
            None => File::open(&self.path),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the states are of.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The columns of the data.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The first of several keys that has states.
    pub fn find<'k>(&self, keys: &'k [String]) -> Option<&'k str> {
        keys.iter().find(|key| self.metrics.contains_key(*key)).map(String::as_str)
    }

    /// The keys of all metrics, sorted.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.metrics.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    /// Why a metric, by the name it was refused under, has no states.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let bytes = bytes_of(self.file().ok()?, name, *self.refused.get(name)?).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// The states of a metric of a family; files are counted from `first_file` on. `None` if they are not there. A
    /// state that is one piece takes at most `most` bytes; counts of values beyond the budget go to disk.
    pub fn metric(
        &self,
        key: &str,
        family: &Family,
        first_file: usize,
        most: u64,
        budget: &Arc<MemoryBudget>,
    ) -> Result<Option<Gathered>, Error> {
        let Some(section) = self.metrics.get(key) else { return Ok(None) };
        let gathered = guarded(&self.path, || {
            self.gathered(key, *section, family, first_file, most, budget).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => format_error(&self.path, &damaged()),
                io::ErrorKind::OutOfMemory => {
                    format_error(&self.path, &wrong(format!("{error}; raise --memory-limit")))
                }
                io::ErrorKind::Unsupported => Error::Custom(format!("{}: {error}", shown(&self.path))),
                _ => Error::Read { path: self.path.clone(), source: error },
            })
        });
        gathered.map(Some)
    }

    fn gathered(
        &self,
        key: &str,
        section: Section,
        family: &Family,
        first_file: usize,
        most: u64,
        budget: &Arc<MemoryBudget>,
    ) -> io::Result<Gathered> {
        let mut body = opened(self.file()?, key, section)?;
        let mut outcome = [0];
        body.read_exact(&mut outcome)?;
        let count = u32::from_le_bytes(array(&mut body)?);
        if outcome[0] == Outcome::Undecided as u8 {
            return if count == 0 { Ok(Gathered::Undecided) } else { Err(damaged()) };
        }
        let files = self.summary.files.len().max(1);
        if outcome[0] != Outcome::States as u8 || count as usize > files {
            return Err(damaged());
        }
        let mut leaves = Leaves::new();
        let mut rows = 0u64;
        for at in 0..count {
            let file = u32::from_le_bytes(array(&mut body)?) as usize;
            let length = u64::from_le_bytes(array(&mut body)?);
            let in_order = leaves.last().is_none_or(|(earlier, _)| *earlier < first_file + file);
            if file >= files || !in_order || (length == TO_THE_END) != (at + 1 == count) {
                return Err(damaged());
            }
            let mut limited = Read::take(&mut body, length);
            let state = codec::read(family, &mut limited, most, budget)?;
            rows = rows.saturating_add(state.least_rows());
            if rows > self.summary.rows {
                return Err(damaged());
            }
            leaves.push((first_file + file, state));
        }
        // What is left over was not written by us.
        if body.read(&mut [0])? > 0 { Err(damaged()) } else { Ok(Gathered::States(leaves)) }
    }

    /// A metric's section as it is stored, once its hash was compared.
    pub(super) fn stored(&self, key: &str) -> io::Result<Option<Stored>> {
        let Some(section) = self.metrics.get(key) else { return Ok(None) };
        let mut file = self.file()?;
        verify(&mut file, key, *section)?;
        Ok(Some((section.head, section.hash, raw(file, *section)?)))
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if self.handle.is_some() {
            HANDLES.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn format_error(path: &Path, error: &io::Error) -> Error {
    Error::Format { path: path.to_path_buf(), message: error.to_string() }
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The stored bytes of a section.
fn raw<R: Read + Seek>(mut file: R, section: Section) -> io::Result<Take<BufReader<R>>> {
    file.seek(SeekFrom::Start(section.offset))?;
    Ok(BufReader::with_capacity(1 << 16, file).take(section.head.stored))
}

/// Compares a section with its hash.
fn verify<R: Read + Seek>(file: &mut R, key: &str, section: Section) -> io::Result<()> {
    let mut hash = hash_of(section.head, key.as_bytes());
    let mut bytes = raw(file, section)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match bytes.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    if hash.digest128().to_le_bytes() == section.hash { Ok(()) } else { Err(damaged()) }
}

/// The plain bytes of a section whose hash is right, and never more than it says.
fn opened<'r, R: Read + Seek + 'r>(mut file: R, key: &str, section: Section) -> io::Result<Box<dyn Read + 'r>> {
    verify(&mut file, key, section)?;
    let stored = raw(file, section)?;
    Ok(if section.head.packed {
        // Counts of values are read a few bytes at a time.
        let plain = zstd::Decoder::new(stored)?.take(section.head.plain);
        Box::new(BufReader::with_capacity(1 << 16, plain))
    } else {
        Box::new(stored)
    })
}

/// All plain bytes of a small section.
fn bytes_of<R: Read + Seek>(file: R, key: &str, section: Section) -> io::Result<Vec<u8>> {
    if section.head.plain > LARGEST_TEXT {
        return Err(damaged());
    }
    // The buffer grows with what is there, not with what is claimed.
    let mut bytes = Vec::new();
    opened(file, key, section)?.read_to_end(&mut bytes)?;
    if bytes.len() as u64 == section.head.plain { Ok(bytes) } else { Err(damaged()) }
}
