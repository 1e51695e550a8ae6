//! The file of what services did not take: JSON Lines, one message each, which any number of programs may add to.
//!
//! Beside it stand the [journals](super::journal) of programs that are sending.

use super::Message;
use crate::error::shown;
use crate::links::resolved;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// Times that a file may go away while it is opened.
const MOST_OPENED: usize = 100;

/// The ending of journals.
const SENDING: &str = ".sending";

/// A message that a service did not take, or that has not been sent yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Why it was not taken the last time, in one line.
    pub reason: String,
    /// How often it was to be sent; several requests each.
    pub attempts: u32,
    /// When that was the last time; of what was never sent, when it was made.
    pub tried: DateTime<Utc>,
}

impl Undelivered {
    /// On its way for the first time.
    pub(super) fn new(message: Message) -> Self {
        Self { message, reason: "the program ended before it was sent".into(), attempts: 0, tried: Utc::now() }
    }

    /// Refused at this time; what is left of the body, when some of it was taken.
    pub(super) fn refused(self, reason: String, rest: Option<String>) -> Self {
        let body = rest.unwrap_or(self.message.body);
        let message = Message { body, ..self.message };
        Self { message, reason, attempts: self.attempts.saturating_add(1), tried: Utc::now() }
    }

    pub(super) fn line(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// Where undelivered messages are kept.
#[derive(Debug, Clone)]
pub struct Spool {
    path: PathBuf,
}

impl Spool {
    /// By the path of the file, which need not be there. A link stays: what it points to is written. An error says
    /// why messages cannot be in such a file.
    pub fn at(path: &Path) -> Result<Self, String> {
        let wrong = |reason: &str| format!("undelivered messages cannot be in {}: {reason}", shown(path));
        let text = path.to_string_lossy();
        if path == Path::new("-") || text.contains("://") {
            return Err(wrong("they are in a file of this machine"));
        }
        if path.as_os_str().is_empty() || text.ends_with(std::path::is_separator) {
            return Err(wrong("this is no name of a file"));
        }
        let whole = resolved(path).map_err(|error| wrong(&error.to_string()))?;
        match fs::metadata(&whole) {
            Ok(found) if found.is_file() => {}
            Ok(found) if found.is_dir() => return Err(wrong("it is a directory")),
            Ok(_) => return Err(wrong("it is not a file that keeps what is written")),
            Err(error) if error.kind() == io::ErrorKind::NotFound && whole.file_name().is_some() => {}
            Err(error) => return Err(wrong(&error.to_string())),
        }
        Ok(Self { path: whole })
    }

    /// The file, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether messages can be kept, before there are any. An error says why they cannot.
    pub fn probe(&self) -> Result<(), String> {
        let wrong = |error: io::Error| format!("undelivered messages cannot be kept in {}: {error}", shown(&self.path));
        match OpenOptions::new().read(true).append(true).open(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        // Journals are made beside it.
        tempfile::tempfile_in(self.directory()).map(drop).map_err(wrong)
    }

    /// Adds messages to the file, which is made where it is not there, for this user alone: results are in it.
    pub fn keep(&self, undelivered: &[Undelivered]) -> io::Result<()> {
        self.add(&undelivered.iter().map(Undelivered::line).collect::<io::Result<Vec<_>>>()?)
    }

    /// Adds lines to the file.
    pub(super) fn add(&self, lines: &[Vec<u8>]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = self.locked(true)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        append(&mut file, lines)?;
        file.sync_all()?;
        self.sync_directory();
        Ok(())
    }

    /// Puts lines into the place of all that is in the file, which is locked; without any it is removed.
    pub(super) fn replace(&self, file: &File, lines: &[Vec<u8>]) -> io::Result<()> {
        if lines.is_empty() {
            fs::remove_file(&self.path)?;
        } else {
            let mut new = tempfile::Builder::new().prefix(".dq-undelivered-").tempfile_in(self.directory())?;
            append(new.as_file_mut(), lines)?;
            new.as_file().set_permissions(file.metadata()?.permissions())?;
            new.as_file().sync_all()?;
            new.persist(&self.path).map_err(|error| error.error)?;
        }
        self.sync_directory();
        Ok(())
    }

    /// The file, locked: whoever takes it away or replaces it holds the same lock. `None`: there is none.
    pub(super) fn locked(&self, create: bool) -> io::Result<Option<File>> {
        for _ in 0..MOST_OPENED {
            let file = match private().create(create).open(&self.path) {
                Ok(file) => file,
                Err(error) if !create && error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            file.lock()?;
            if is_at(&file, &self.path) {
                return Ok(Some(file));
            }
        }
        Err(io::Error::other("other programs take the file away again and again"))
    }

    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The path of a journal of this process.
    pub(super) fn journal(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{}-{number}{SENDING}", std::process::id()));
        PathBuf::from(name)
    }

    /// Whether a file of the directory has the name of a journal.
    pub(super) fn is_journal(&self, name: &OsStr) -> bool {
        let own = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let middle = name
            .as_encoded_bytes()
            .strip_prefix(own)
            .and_then(|rest| rest.strip_prefix(b"."))
            .and_then(|rest| rest.strip_suffix(SENDING.as_bytes()));
        let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        middle.is_some_and(|middle| {
            let parts: Vec<_> = middle.split(|byte| *byte == b'-').collect();
            parts.len() == 2 && parts.into_iter().all(is_number)
        })
    }

    /// Makes names last through a loss of power, where the system can.
    pub(super) fn sync_directory(&self) {
        if cfg!(unix) {
            // Some file systems have no such operation, and need none.
            let _ = File::open(self.directory()).and_then(|directory| directory.sync_all());
        }
    }
}

/// How files are opened that only this user may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Adds lines, whatever the last program to write left at the end: all of them, or none.
pub(super) fn append(file: &mut File, lines: &[Vec<u8>]) -> io::Result<()> {
    let mut bytes = Vec::new();
    let before = file.seek(SeekFrom::End(0))?;
    if before > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            bytes.push(b'\n');
        }
    }
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    let written = file.write_all(&bytes);
    if written.is_err() {
        // A line that is torn would be looked at by people.
        let _ = file.set_len(before);
    }
    written
}

/// Whether a file still has its name.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(own), Ok(named)) if identity(&own) == identity(&named))
}

/// Elsewhere a file that is open cannot be taken away.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// What is in a file.
pub(super) fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    if file.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 GiB: split it by lines"));
    }
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::publish) fn undelivered(body: &str) -> Undelivered {
        let message = Message { service: "webhook".into(), place: None, region: None, body: body.into() };
        Undelivered::new(message)
    }

    #[test]
    fn messages_are_kept_in_files_and_in_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        let spool = Spool::at(&path).unwrap();
        spool.probe().unwrap();
        assert!(!path.exists(), "nothing is made before there is something to keep");
        spool.keep(&[]).unwrap();
        assert!(!path.exists());
        spool.keep(&[undelivered("a")]).unwrap();
        Spool::at(&path).unwrap().probe().unwrap();
        for wrong in ["-", "", "s3://bucket/u.jsonl", "https://example.com/u.jsonl"] {
            assert!(Spool::at(Path::new(wrong)).is_err(), "{wrong}");
        }
        assert!(Spool::at(directory.path()).is_err());
        assert!(Spool::at(&directory.path().join("none/u.jsonl")).is_err());
        assert!(Spool::at(&directory.path().join("none/")).is_err());
        #[cfg(unix)]
        assert!(Spool::at(Path::new("/dev/null")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links() {
        let directory = tempfile::tempdir().unwrap();
        let (link, path) = (directory.path().join("link"), directory.path().join("u.jsonl"));
        std::os::unix::fs::symlink("u.jsonl", &link).unwrap();
        let spool = Spool::at(&link).unwrap();
        spool.keep(&[undelivered("a")]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::symlink_metadata(&path).unwrap().is_file());
        let file = spool.locked(false).unwrap().unwrap();
        spool.replace(&file, &[b"x".to_vec()]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"x\n");
    }

    #[test]
    fn a_line_that_is_torn_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        fs::write(&path, b"{\"service\":\"webh\xff").unwrap();
        Spool::at(&path).unwrap().keep(&[undelivered("a")]).unwrap();
        assert_eq!(fs::read(&path).unwrap().split(|byte| *byte == b'\n').count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_reads_what_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        Spool::at(&path).unwrap().keep(&[undelivered("a")]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn journals_are_known_by_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::at(&directory.path().join("u.jsonl")).unwrap();
        let own = spool.journal(3);
        assert!(spool.is_journal(own.file_name().unwrap()));
        assert!(spool.is_journal(OsStr::new("u.jsonl.1-0.sending")));
        for other in
            ["u.jsonl", "u.jsonl.sending", "u.jsonl.x.1-0.sending", "u.jsonl.1-0.sending.gz", "v.jsonl.1-0.sending"]
        {
            assert!(!spool.is_journal(OsStr::new(other)), "{other}");
        }
    }
}
