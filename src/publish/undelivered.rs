//! The file of what services did not take: JSON Lines, one message each, which any number of programs may add to.
//!
//! Sending again takes the file away first, to `NAME.sending`, so that nobody has to wait; what is still not taken
//! comes back. A program that is killed meanwhile leaves that file, and the next one sends it, so that a message may
//! arrive twice, and none is lost.

use super::Message;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// Times that a file may go away while it is opened.
const MOST_OPENED: usize = 100;

/// A message that a service did not take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Why it was not taken the last time, in one line.
    pub reason: String,
    /// How often it was to be sent; several requests each.
    pub attempts: u32,
    /// When that was the last time.
    pub tried: DateTime<Utc>,
}

impl Undelivered {
    /// Refused at this time.
    pub(super) fn now(message: Message, reason: String, attempts: u32) -> Self {
        Self { message, reason, attempts, tried: Utc::now() }
    }

    fn line(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// Adds messages to the file, which is made where it is not there, for this user alone: results are in it.
pub fn keep(path: &Path, undelivered: &[Undelivered]) -> io::Result<()> {
    let lines = undelivered.iter().map(Undelivered::line).collect::<io::Result<Vec<_>>>()?;
    if lines.is_empty() {
        return Ok(());
    }
    append(&mut locked(path)?, &lines)
}

/// Adds lines, whatever the last program to write left at the end.
fn append(file: &mut File, lines: &[Vec<u8>]) -> io::Result<()> {
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::End(0))? > 0 {
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
    file.write_all(&bytes)?;
    file.sync_all()
}

/// The file at a path, locked: whoever takes it away holds the same lock.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for _ in 0..MOST_OPENED {
        let file = options.open(path)?;
        file.lock()?;
        if is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(io::Error::other("other programs take the file away again and again"))
}

/// Whether a file still has its name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(own), Ok(named)) if identity(&own) == identity(&named))
}

/// Elsewhere a file that is open cannot be taken away.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Messages on their way once more. What happens to the program, they stay in a file.
#[derive(Debug)]
pub struct Resumed {
    path: PathBuf,
    sending: PathBuf,
    file: File,
    /// What is sent.
    pub messages: Vec<Undelivered>,
    /// Lines that are no messages; they are kept.
    pub unreadable: Vec<Vec<u8>>,
}

impl Resumed {
    /// Takes the messages of a file, and those that a killed program left. `None`: there are none.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut name = OsString::from(path);
        name.push(".sending");
        let sending = PathBuf::from(name);
        let mut kept = match fs::exists(path)? {
            true => Some(locked(path)?),
            false => None,
        };
        if kept.is_none() && !fs::exists(&sending)? {
            return Ok(None);
        }
        let mut file = locked_now(&sending)?;
        if let Some(kept) = &mut kept {
            append(&mut file, &lines(kept)?)?;
            fs::remove_file(path)?;
        }
        drop(kept);
        let (mut messages, mut unreadable) = (Vec::new(), Vec::new());
        for line in lines(&mut file)? {
            match serde_json::from_slice(&line) {
                Ok(message) => messages.push(message),
                Err(_) => unreadable.push(line),
            }
        }
        Ok(Some(Self { path: path.to_path_buf(), sending, file, messages, unreadable }))
    }

    /// Keeps what was not taken.
    pub fn end(self, refused: &[Undelivered]) -> io::Result<()> {
        let mut rest = self.unreadable;
        for undelivered in refused {
            rest.push(undelivered.line()?);
        }
        if !rest.is_empty() {
            append(&mut locked(&self.path)?, &rest)?;
        }
        fs::remove_file(&self.sending)?;
        drop(self.file);
        Ok(())
    }
}

/// The file of messages on their way, unless another program sends them.
fn locked_now(sending: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for _ in 0..MOST_OPENED {
        let file = options.open(sending)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, sending) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another program is sending its messages"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("other programs take the file away again and again"))
}

/// Lines that hold something.
fn lines(file: &mut File) -> io::Result<Vec<Vec<u8>>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    if file.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 GiB: split it by lines"));
    }
    Ok(bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undelivered(body: &str) -> Undelivered {
        let message = Message { service: "webhook".into(), place: None, region: None, body: body.into() };
        Undelivered::now(message, "no network".into(), 1)
    }

    fn bodies(messages: &[Undelivered]) -> Vec<&str> {
        messages.iter().map(|undelivered| undelivered.message.body.as_str()).collect()
    }

    #[test]
    fn what_is_kept_is_sent_again_and_what_is_refused_again_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        assert!(Resumed::take(&path).unwrap().is_none());
        keep(&path, &[undelivered("a"), undelivered("b\nc")]).unwrap();
        keep(&path, &[undelivered("d")]).unwrap();
        let resumed = Resumed::take(&path).unwrap().unwrap();
        assert_eq!(bodies(&resumed.messages), ["a", "b\nc", "d"]);
        // Others go on meanwhile.
        assert!(!path.exists());
        keep(&path, &[undelivered("e")]).unwrap();
        let refused = vec![resumed.messages[1].clone()];
        resumed.end(&refused).unwrap();
        let resumed = Resumed::take(&path).unwrap().unwrap();
        assert_eq!(bodies(&resumed.messages), ["e", "b\nc"]);
        resumed.end(&[]).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_program_that_is_killed_while_sending_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        keep(&path, &[undelivered("a")]).unwrap();
        drop(Resumed::take(&path).unwrap().unwrap());
        keep(&path, &[undelivered("b")]).unwrap();
        let resumed = Resumed::take(&path).unwrap().unwrap();
        assert_eq!(bodies(&resumed.messages), ["a", "b"]);
    }

    #[test]
    fn two_programs_do_not_send_the_same_messages() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        keep(&path, &[undelivered("a")]).unwrap();
        let first = Resumed::take(&path).unwrap().unwrap();
        keep(&path, &[undelivered("b")]).unwrap();
        assert_eq!(Resumed::take(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        first.end(&[]).unwrap();
        assert_eq!(bodies(&Resumed::take(&path).unwrap().unwrap().messages), ["b"]);
    }

    #[test]
    fn lines_that_are_torn_stay_and_spoil_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        fs::write(&path, b"{\"service\":\"webh\xff").unwrap();
        keep(&path, &[undelivered("a")]).unwrap();
        let resumed = Resumed::take(&path).unwrap().unwrap();
        assert_eq!(bodies(&resumed.messages), ["a"]);
        resumed.end(&[]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{\"service\":\"webh\xff\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_reads_what_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("u.jsonl");
        keep(&path, &[undelivered("a")]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
