//! Paths whose links are followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Links that are followed to a file that is not there.
const MOST_LINKS: usize = 40;

/// A path without links; the file itself need not be there.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        if let Ok(whole) = fs::canonicalize(&path) {
            return Ok(whole);
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let there = fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default());
        match fs::read_link(&there) {
            // What a link to nothing names will be there once it is written.
            Ok(target) => path = there.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => return Ok(there),
        }
    }
    Err(io::Error::other("links lead in a circle"))
}

/// Whether two paths name one file, links followed.
pub fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((resolved(one), resolved(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether a path, which need not be there, lies in one of these directories, or is one of them, links followed. What
/// lies in hidden places (`.cache`, `_states`) is not read as data.
pub fn lies_in<'p>(path: &Path, directories: impl IntoIterator<Item = &'p PathBuf>) -> bool {
    let Ok(place) = resolved(path) else { return false };
    directories.into_iter().filter(|directory| directory.is_dir()).any(|directory| {
        let below =
            resolved(directory).ok().and_then(|directory| place.strip_prefix(directory).ok().map(Path::to_path_buf));
        below.is_some_and(|below| !below.iter().any(|part| part.to_string_lossy().starts_with(['.', '_'])))
    })
}
