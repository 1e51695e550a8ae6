//! Where bytes come from: local files, standard input, objects far away.

use super::framing::Framing;
use crate::error::Error;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of standard input among data files.
pub const STDIN: &str = "-";

/// Bytes that can be read at any position, by several threads at once.
pub trait Source: Send + Sync {
    /// Bytes there are.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset`; too few bytes are an error of kind `UnexpectedEof`.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Several ranges; a source far away fetches them at once.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        ranges.iter().map(|range| bytes_at(self, range.start, range.end.saturating_sub(range.start))).collect()
    }

    /// Whether every request costs a round trip, so that ranges should be asked for together.
    fn is_remote(&self) -> bool {
        false
    }

    /// When it was last changed, in microseconds since 1970 UTC.
    fn modified(&self) -> Option<i64>;

    /// What tells its contents from those at other times, besides their length: a time in nanoseconds, or what an
    /// object store calls its version. `None` where nothing does.
    fn version(&self) -> Option<String> {
        None
    }

    /// Bytes from the start, in order. A source far away fetches ahead.
    fn reader(self: Arc<Self>) -> Box<dyn Read + Send>;
}

/// Bytes of a range.
pub fn bytes_at(source: &(impl Source + ?Sized), offset: u64, length: u64) -> io::Result<Bytes> {
    let end = offset.checked_add(length).filter(|end| *end <= source.length());
    let length = end.and_then(|_| usize::try_from(length).ok()).ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut buffer = vec![0; length];
    source.read_at(offset, &mut buffer)?;
    Ok(buffer.into())
}

/// Handles of data files that are kept open; further files are opened for every read. Systems allow a
/// program a few hundred at least.
const MOST_HANDLES: usize = 64;

static HANDLES: AtomicUsize = AtomicUsize::new(0);

/// A file of this machine, read by position: threads share one handle without sharing a cursor.
pub struct LocalFile {
    path: PathBuf,
    /// Kept open, if there are not too many others.
    handle: Option<File>,
    counted: bool,
    length: u64,
    modified: Option<i64>,
    version: Option<String>,
}

/// When a file was changed, in nanoseconds since 1970.
fn nanoseconds(metadata: &std::fs::Metadata) -> Option<String> {
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_nanos().to_string())
}

impl LocalFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let modified = metadata.modified().ok().and_then(super::files::micros);
        let counted = HANDLES.fetch_add(1, Ordering::Relaxed) < MOST_HANDLES;
        if !counted {
            HANDLES.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(Self {
            path: path.to_path_buf(),
            handle: counted.then_some(file),
            counted,
            length: metadata.len(),
            modified,
            version: nanoseconds(&metadata),
        })
    }

    /// A file that has no name to be opened by.
    fn unnamed(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { path: PathBuf::new(), handle: Some(file), counted: false, length, modified: None, version: None })
    }

    /// Calls `work` with the file, which must be the one that was opened first.
    fn with<T>(&self, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        if let Some(file) = &self.handle {
            return work(file);
        }
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let modified = metadata.modified().ok().and_then(super::files::micros);
        if metadata.len() != self.length || modified != self.modified {
            return Err(io::Error::other("it was changed while it was read"));
        }
        work(&file)
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if self.counted {
            HANDLES.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Source for LocalFile {
    fn length(&self) -> u64 {
        self.length
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.with(|file| std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset))
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        self.with(|file| {
            while !buffer.is_empty() {
                match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => {
                        buffer = &mut buffer[read..];
                        offset += read as u64;
                    }
                }
            }
            Ok(())
        })
    }

    fn modified(&self) -> Option<i64> {
        self.modified
    }

    fn version(&self) -> Option<String> {
        self.version.clone()
    }

    fn reader(self: Arc<Self>) -> Box<dyn Read + Send> {
        Box::new(Cursor { source: self, position: 0 })
    }
}

/// Reads a source from a position on.
pub struct Cursor<S: ?Sized> {
    /// What is read.
    pub source: Arc<S>,
    /// Where the next byte is.
    pub position: u64,
}

impl<S: Source + ?Sized> Read for Cursor<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.source.length().saturating_sub(self.position);
        let length = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        self.source.read_at(self.position, &mut buffer[..length])?;
        self.position += length as u64;
        Ok(length)
    }
}

/// An input: its name, its bytes, and how they are framed.
#[derive(Clone)]
pub struct Input {
    /// For messages; a URL without its secrets.
    pub path: PathBuf,
    source: Arc<dyn Source>,
    framing: Option<Framing>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({}, {} bytes, {:?})", self.path.display(), self.source.length(), self.framing)
    }
}

impl Input {
    /// Opens a local file, an object's URL, or standard input.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let trouble = |source| Error::Read { path: path.to_path_buf(), source };
        if path == Path::new(STDIN) {
            let source = spooled_once(path, || Ok(Box::new(io::stdin())))?;
            return Self::new(PathBuf::from("stdin"), source);
        }
        if let Some(url) = super::remote::url(path) {
            return Self::new(PathBuf::from(super::remote::shown_url(url)), super::remote::open(url)?);
        }
        let kind = std::fs::metadata(path).map_err(trouble)?;
        if kind.is_dir() {
            return Err(trouble(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // A pipe gives its bytes once; files are read more than once.
        let source = if kind.is_file() {
            Arc::new(LocalFile::open(path).map_err(trouble)?)
        } else {
            spooled_once(path, || Ok(Box::new(File::open(path)?)))?
        };
        Self::new(path.to_path_buf(), source)
    }

    fn new(path: PathBuf, source: Arc<dyn Source>) -> Result<Self, Error> {
        let mut head = [0; 16];
        let length = head.len().min(usize::try_from(source.length()).unwrap_or(head.len()));
        source.read_at(0, &mut head[..length]).map_err(|source| Error::Read { path: path.clone(), source })?;
        let framing = Framing::of(&head[..length]);
        Ok(Self { path, source, framing })
    }

    /// Bytes as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.source.length()
    }

    /// When it was last changed, in microseconds since 1970 UTC.
    pub fn modified(&self) -> Option<i64> {
        self.source.modified()
    }

    /// What tells its contents from those at other times, besides their length.
    pub fn version(&self) -> Option<String> {
        self.source.version()
    }

    /// The file name, without the ending of its compression.
    pub fn plain_name(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        match &self.framing {
            Some(framing) => {
                framing.extensions().iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name)
            }
            None => name,
        }
    }

    /// Something wrong with reading it.
    pub fn trouble(&self, source: io::Error) -> Error {
        match &self.framing {
            Some(framing) if source.kind() != io::ErrorKind::NotFound => Error::Format {
                path: self.path.clone(),
                message: format!("cannot be read as {framing}: {source}; damaged, or cut off?"),
            },
            _ => Error::Read { path: self.path.clone(), source },
        }
    }

    /// The bytes in order, decompressed.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>, Error> {
        let reader = self.source.clone().reader();
        match &self.framing {
            None => Ok(reader),
            Some(framing) => framing.reader(reader).map_err(|error| self.trouble(error)),
        }
    }

    /// The bytes at any position; compressed ones are decompressed to a temporary file.
    pub fn random_access(&self) -> Result<Arc<dyn Source>, Error> {
        match &self.framing {
            None => Ok(self.source.clone()),
            Some(_) => spooled(&self.path, &mut self.reader()?),
        }
    }

    /// The first bytes, decompressed; fewer than asked for if there are no more.
    pub fn head(&self, length: usize) -> Result<Vec<u8>, Error> {
        let mut head = Vec::with_capacity(length);
        self.reader()?.take(length as u64).read_to_end(&mut head).map_err(|error| self.trouble(error))?;
        Ok(head)
    }
}

/// Inputs that give their bytes once, and where those are now: data is opened again when types must be
/// wider.
static SPOOLED: Mutex<BTreeMap<PathBuf, Arc<dyn Source>>> = Mutex::new(BTreeMap::new());

fn spooled_once(path: &Path, open: impl FnOnce() -> io::Result<Box<dyn Read>>) -> Result<Arc<dyn Source>, Error> {
    let mut spools = SPOOLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(source) = spools.get(path) {
        return Ok(source.clone());
    }
    let mut reader = open().map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let source = spooled(path, &mut reader)?;
    spools.insert(path.to_path_buf(), source.clone());
    Ok(source)
}

/// Copies bytes that come once into a temporary file without a name: it is gone with the process,
/// however that ends.
fn spooled(path: &Path, reader: &mut dyn Read) -> Result<Arc<dyn Source>, Error> {
    let trouble = |source| Error::Read { path: path.to_path_buf(), source };
    let no_room = |source: io::Error| Error::Format {
        path: path.to_path_buf(),
        message: format!("cannot be kept in a temporary file in {}: {source}", std::env::temp_dir().display()),
    };
    let mut file = tempfile::tempfile().map_err(no_room)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => file.write_all(&buffer[..read]).map_err(no_room)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(trouble(error)),
        }
    }
    Ok(Arc::new(LocalFile::unnamed(file).map_err(trouble)?))
}
