//! Files that appear all at once: whatever ends the program, nobody sees half of one.
//!
//! Where the system allows it a file has no name until it is complete. Elsewhere it has a hidden one,
//! `.NAME.PID.dq-partial`, which the next run removes if this one was killed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The ending of hidden names.
const ENDING: &str = ".dq-partial";

/// Hidden names that are tried: others of this process may be at the same file.
const MOST_NAMES: usize = 100;

/// Links that are followed.
const MOST_LINKS: usize = 40;

/// A file that has not got its name yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Partial {
    file: File,
    target: PathBuf,
    hidden: Option<PathBuf>,
}

impl Partial {
    /// Starts a file that will replace what is at a path. A link stays: what it points to is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        let target = checked(path)?;
        remove_leftovers(&target);
        match nameless(directory_of(&target)) {
            Some(file) => Ok(Self { file, target, hidden: None }),
            None => Self::named(target),
        }
    }

    /// Starts a file with a hidden name.
    fn named(target: PathBuf) -> io::Result<Self> {
        let create = |hidden: &Path| OpenOptions::new().read(true).write(true).create_new(true).open(hidden);
        let (file, hidden) = under_hidden_name(&target, create)?;
        // Tells others that this one is in use; where there are no locks, the process number does.
        let _ = file.try_lock();
        Ok(Self { file, target, hidden: Some(hidden) })
    }

    /// Waits until the contents are stored.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives the file its name at once, in place of what had it; who may read that, and nobody else, may read this.
    pub fn commit(mut self) -> io::Result<()> {
        if let Ok(replaced) = fs::metadata(&self.target) {
            self.file.set_permissions(replaced.permissions())?;
        }
        if self.hidden.is_none() {
            match link(&self.file, &self.target) {
                // Only a rename replaces.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let (_, hidden) = under_hidden_name(&self.target, |hidden| link(&self.file, hidden))?;
                    self.hidden = Some(hidden);
                }
                linked => linked?,
            }
        }
        if let Some(hidden) = &self.hidden {
            fs::rename(hidden, &self.target)?;
        }
        self.hidden = None;
        // The file is there; not every directory can be read, nor every file system do this.
        let _ = File::open(directory_of(&self.target)).and_then(|directory| directory.sync_all());
        Ok(())
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(hidden) = self.hidden.take() {
            // What is left, the next run removes.
            let _ = fs::remove_file(hidden);
        }
    }
}

/// Replaces a file at once: readers see the old or the new contents. What is no plain file (a pipe,
/// a device) is written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, bytes);
    }
    let mut partial = Partial::create(path)?;
    partial.write_all(bytes)?;
    partial.sync()?;
    partial.commit()
}

/// What a path names once links are followed, whether it is there or not.
fn checked(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = directory_of(&target).join(next);
    }
    if target.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this names no file"));
    }
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a pipe or a device, which cannot be replaced at once",
        )),
        Ok(_) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(target),
        Err(error) => Err(error),
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes something under the first hidden name that nobody has.
fn under_hidden_name<T>(target: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
    let mut tried = 0;
    loop {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        let number = if tried == 0 { String::new() } else { format!("-{tried}") };
        name.push(format!(".{}{number}{ENDING}", std::process::id()));
        let hidden = target.with_file_name(name);
        match make(&hidden) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < MOST_NAMES => tried += 1,
            made => return Ok((made?, hidden)),
        }
    }
}

/// Removes what processes left that were killed while they wrote the same file.
fn remove_leftovers(target: &Path) {
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else { return };
    let start = format!(".{name}.");
    let Ok(entries) = fs::read_dir(directory_of(target)) else { return };
    for entry in entries.flatten() {
        let own = entry.file_name();
        let number = own.to_str().and_then(|own| own.strip_prefix(&start)?.strip_suffix(ENDING));
        let process = number.and_then(|number| number.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| is_left(process, &entry.path())) {
            // Somebody else may have done it.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether the process that wrote a hidden file is gone. The lock also tells of processes of other containers.
fn is_left(process: u32, hidden: &Path) -> bool {
    let runs = Path::new("/proc/self").exists() && Path::new(&format!("/proc/{process}")).exists();
    let locked = || {
        let file = File::open(hidden);
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    };
    process != std::process::id() && !runs && !locked()
}

/// A file in a directory that has no name; `None` where there are no such files.
#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(directory, flags, Mode::from_raw_mode(0o666)).ok()?);
    // Without /proc it could never get a name.
    descriptor(&file).exists().then_some(file)
}

/// Where the system shows an open file.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Gives a file its first name.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    Ok(rustix::fs::linkat(CWD, descriptor(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A file without a name, and one with a hidden name.
    fn both_ways(path: &Path) -> [Partial; 2] {
        [Partial::create(path).unwrap(), Partial::named(path.to_path_buf()).unwrap()]
    }

    #[test]
    fn a_file_appears_when_it_is_complete_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        for (mut partial, contents) in both_ways(&path).into_iter().zip(["first", "second"]) {
            let before = fs::read(&path).ok();
            partial.write_all(contents.as_bytes()).unwrap();
            partial.sync().unwrap();
            assert_eq!(fs::read(&path).ok(), before);
            partial.commit().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        }
        // And once more without a name, where there is a file.
        let mut partial = Partial::create(&path).unwrap();
        partial.write_all(b"third").unwrap();
        partial.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(names(directory.path()), ["out.csv"]);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        for mut partial in both_ways(&path) {
            partial.write_all(b"half").unwrap();
        }
        assert!(names(directory.path()).is_empty());
        fs::write(&path, "old").unwrap();
        for mut partial in both_ways(&path) {
            partial.write_all(b"half").unwrap();
        }
        assert_eq!(names(directory.path()), ["out.csv"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn leftovers_of_the_dead_are_removed_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        // No system has processes of this number.
        let dead = format!(".out.csv.{}{ENDING}", u32::MAX);
        let own = format!(".out.csv.{}{ENDING}", std::process::id());
        let other = format!(".other.csv.{}{ENDING}", u32::MAX);
        for name in [&dead, &own, &other] {
            fs::write(directory.path().join(name), "half").unwrap();
        }
        let mut partial = Partial::create(&path).unwrap();
        partial.write_all(b"new").unwrap();
        partial.commit().unwrap();
        replace(&path, b"newer").unwrap();
        let mut expected = vec![other, own, "out.csv".to_string()];
        expected.sort();
        assert_eq!(names(directory.path()), expected);
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    }

    #[test]
    fn directories_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Partial::create(directory.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert!(Partial::create(&directory.path().join("missing/out.csv")).is_err());
        assert!(Partial::create(Path::new("/")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_devices_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        for contents in ["first", "second"] {
            replace(&link, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), contents);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
        assert!(Partial::create(Path::new("/dev/null")).is_err());
        replace(Path::new("/dev/null"), b"gone").unwrap();
    }
}
