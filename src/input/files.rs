//! Files as such: which there are, how large and how old they are, what they hash to.

use super::remote;
use super::source::Input;
use crate::error::Error;
use sha2::Digest;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Files looked at for one path.
pub const MOST_FILES: usize = 1_000_000;

/// Directories within directories.
const DEEPEST: usize = 64;

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last modified, in microseconds since 1970.
    pub modified: i64,
}

impl From<&Input> for FileEntry {
    fn from(input: &Input) -> Self {
        Self { path: input.path.clone(), size: input.stored_bytes(), modified: input.modified().unwrap_or(0) }
    }
}

/// Whether a path stands for several files: it has a wildcard and no file has that very name.
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[']) && !Path::new(path).exists()
}

/// The files of a path, sorted by path: the file itself, everything below a directory, or what a
/// pattern with `*`, `?`, `**` or `[...]` matches. Symbolic links to directories are not followed.
pub fn list(path: &str) -> Result<Vec<FileEntry>, Error> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    if let Some(url) = remote::url(Path::new(path)) {
        let entry = |object: remote::Listed| FileEntry {
            path: PathBuf::from(remote::shown_url(&object.url)),
            size: object.size,
            modified: object.modified,
        };
        return Ok(remote::list(url)?.into_iter().map(entry).collect());
    }
    if let Some((scheme, _)) = path.split_once("://") {
        let scheme = crate::error::escape_controls(scheme);
        return Err(Error::Option(format!("there is no way to read {scheme}://")));
    }
    let mut found = Vec::new();
    for root in expand(path)? {
        collect(&root, 0, &mut found)?;
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found.dedup_by(|left, right| left.path == right.path);
    Ok(found)
}

/// A path, or the paths that a pattern matches, sorted; none is an error.
pub fn expand(path: &str) -> Result<Vec<PathBuf>, Error> {
    if !is_pattern(path) {
        return Ok(vec![PathBuf::from(path)]);
    }
    let wrong = |message: String| Error::Option(format!("{}: {message}", crate::error::escape_controls(path)));
    let mut paths = Vec::new();
    for entry in glob::glob(path).map_err(|error| wrong(error.to_string()))? {
        let found = entry.map_err(|error| {
            let path = error.path().to_path_buf();
            Error::Read { path, source: error.into() }
        })?;
        paths.push(found);
        if paths.len() > MOST_FILES {
            return Err(wrong(format!("matches more than {MOST_FILES} files")));
        }
    }
    if paths.is_empty() {
        return Err(Error::Format { path: PathBuf::from(path), message: "matches no file".into() });
    }
    Ok(paths)
}

/// A time in microseconds since 1970 UTC.
pub fn micros(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).ok(),
        Err(before) => i64::try_from(before.duration().as_micros()).ok().map(|micros| -micros),
    }
}

/// A file's size and time.
fn entry(path: &Path) -> Result<FileEntry, Error> {
    let trouble = |source| Error::Read { path: path.to_path_buf(), source };
    let metadata = std::fs::metadata(path).map_err(trouble)?;
    let modified = metadata.modified().ok().and_then(micros).unwrap_or(0);
    Ok(FileEntry { path: path.to_path_buf(), size: metadata.len(), modified })
}

fn collect(path: &Path, depth: usize, found: &mut Vec<FileEntry>) -> Result<(), Error> {
    let trouble = |source| Error::Read { path: path.to_path_buf(), source };
    let metadata = if depth == 0 { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
    let metadata = metadata.map_err(trouble)?;
    if metadata.is_dir() {
        if depth >= DEEPEST {
            return Err(Error::Option(format!("{} is nested too deeply", crate::error::shown(path))));
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(trouble)? {
            names.push(entry.map_err(trouble)?.path());
        }
        names.sort();
        return names.iter().try_for_each(|name| collect(name, depth + 1, found));
    }
    let links_to_file = metadata.is_symlink() && std::fs::metadata(path).is_ok_and(|target| target.is_file());
    if metadata.is_file() || links_to_file {
        if found.len() >= MOST_FILES {
            return Err(Error::Option(format!("there are more than {MOST_FILES} files below the path")));
        }
        found.push(entry(path)?);
    }
    Ok(())
}

/// The digest of a file's contents as stored, in lower-case hexadecimal digits.
pub fn checksum<D: Digest>(path: &Path) -> Result<String, Error> {
    let trouble = |source| Error::Read { path: path.to_path_buf(), source };
    let mut file: Box<dyn Read> = match remote::url(path) {
        Some(url) => remote::open(url)?.reader(),
        None => Box::new(File::open(path).map_err(trouble)?),
    };
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => digest.update(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(trouble(error)),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
