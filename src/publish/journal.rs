//! Messages on their way. Before the first is sent, all of them stand in a journal, `NAME.PID-N.sending` beside the
//! file of undelivered messages, and each that was taken, or that is kept in that file, is marked there.
//!
//! A program holds the lock of its journal as long as it lives. A journal that nobody has locked is one of a program
//! that was killed: the next one to send again takes what is not marked. So a message may arrive twice, where the
//! answer to it or its mark was lost, and none is lost.

use super::undelivered::{Spool, Undelivered, append, contents, is_at, private};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names that are tried: other programs of this number may have left journals.
const MOST_NAMES: usize = 10_000;

/// Messages on their way.
#[derive(Debug)]
pub struct Journal {
    spool: Spool,
    path: PathBuf,
    /// Locked.
    file: File,
    /// In the order of its lines.
    messages: Vec<Undelivered>,
    /// Lines of the file of undelivered messages that are none. They stay there.
    pub unreadable: usize,
}

/// A line of a journal that says of another, by its number from 0, that it needs no more care.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    done: usize,
}

/// What there is to send again.
#[derive(Debug)]
pub enum Taken {
    /// Nothing.
    Nothing,
    /// Nothing but what other programs are sending.
    Busy,
    /// Messages.
    Messages(Journal),
}

impl Journal {
    /// Stores messages before they are sent.
    pub(super) fn create(spool: &Spool, messages: Vec<Undelivered>) -> io::Result<Self> {
        let lines = messages.iter().map(Undelivered::line).collect::<io::Result<Vec<_>>>()?;
        let (mut file, path) = new_file(spool)?;
        if let Err(error) = append(&mut file, &lines).and_then(|()| file.sync_all()) {
            // Nothing was sent.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        spool.sync_directory();
        Ok(Self { spool: spool.clone(), path, file, messages, unreadable: 0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is to be sent. Their positions are those for marks.
    pub(super) fn take_messages(&mut self) -> Vec<Undelivered> {
        std::mem::take(&mut self.messages)
    }

    /// Marks messages that need no more care.
    pub(super) fn done(&mut self, positions: impl IntoIterator<Item = usize>) -> io::Result<()> {
        let line = |done| Ok(serde_json::to_vec(&Mark { done })?);
        append(&mut self.file, &positions.into_iter().map(line).collect::<io::Result<Vec<_>>>()?)
    }

    /// Keeps messages that were not taken, then marks them.
    pub(super) fn keep(&mut self, positions: &[usize], kept: &[Undelivered]) -> io::Result<()> {
        self.spool.keep(kept)?;
        // Without its mark a message is sent once more, which is better than never.
        let _ = self.done(positions.iter().copied());
        Ok(())
    }

    /// Removes the journal: all of its messages were taken, or are kept.
    pub(super) fn end(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// A journal without messages, locked.
fn new_file(spool: &Spool) -> io::Result<(File, PathBuf)> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..MOST_NAMES {
        let path = spool.journal(NUMBER.fetch_add(1, Ordering::Relaxed));
        let file = match private().create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok((file, path)),
            // Who looks for journals of killed programs was faster, and removes it because nothing is in it.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                let _ = fs::remove_file(&path);
                return Err(error);
            }
        }
    }
    Err(io::Error::other("there are too many journals of programs that were killed"))
}

/// Takes what is in the file of undelivered messages, and what killed programs left, into a journal.
pub fn take(spool: &Spool) -> Result<Taken, Error> {
    let read = |source| Error::Read { path: spool.path().to_path_buf(), source };
    let write = |source| Error::Write { path: spool.path().to_path_buf(), source };
    // Held to the end, so that no other program takes the same messages.
    let mut kept = spool.locked(false).map_err(read)?;
    let own = match &mut kept {
        Some(file) => Lines::read(&contents(file).map_err(read)?, true),
        None => Lines::default(),
    };
    let (left, busy) = left_behind(spool).map_err(read)?;
    let readable = !own.messages.is_empty();
    let unreadable = own.unreadable.len();
    let foreign = unreadable > 0 && !readable;
    let mut rest = own.unreadable;
    let mut messages = own.messages;
    let mut torn = false;
    for journal in &left {
        messages.extend_from_slice(&journal.lines.messages);
        rest.extend_from_slice(&journal.lines.unreadable);
        torn |= !journal.lines.unreadable.is_empty();
    }
    // A program that was killed while it took messages left them here and there.
    let mut seen = HashSet::new();
    messages.retain(|message| message.line().map_or(true, |line| seen.insert(line)));
    if messages.is_empty() {
        if foreign {
            let message = "holds lines, but no message that a service did not take; nothing was changed".into();
            return Err(Error::Format { path: spool.path().to_path_buf(), message });
        }
        for journal in left.iter().filter(|journal| journal.lines.unreadable.is_empty()) {
            // Whatever keeps it there, nothing in it is to be sent.
            let _ = fs::remove_file(&journal.path);
        }
        return Ok(if busy { Taken::Busy } else { Taken::Nothing });
    }
    let mut journal = Journal::create(spool, messages).map_err(write)?;
    journal.unreadable = rest.len();
    // All of them are safe now, so that they can go elsewhere.
    let moved = match &kept {
        Some(file) if readable || torn => spool.replace(file, &rest),
        Some(_) => Ok(()),
        None => spool.add(&rest),
    };
    if let Err(error) = moved {
        // They still are where they were.
        let _ = journal.end();
        return Err(write(error));
    }
    for abandoned in left {
        fs::remove_file(&abandoned.path).map_err(|source| Error::Write { path: abandoned.path, source })?;
    }
    spool.sync_directory();
    Ok(Taken::Messages(journal))
}

/// A journal whose program is gone.
struct Abandoned {
    path: PathBuf,
    lines: Lines,
    /// Locked, so that no other program takes the same messages.
    _file: File,
}

/// Journals that nobody has locked, and whether there are others.
fn left_behind(spool: &Spool) -> io::Result<(Vec<Abandoned>, bool)> {
    let (mut left, mut busy) = (Vec::new(), false);
    for entry in fs::read_dir(spool.directory())? {
        let entry = entry?;
        // Neither links nor pipes, which somebody else put there.
        if !spool.is_journal(&entry.file_name()) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let mut file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => {}
            Ok(()) => continue,
            Err(TryLockError::WouldBlock) => {
                busy = true;
                continue;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let lines = Lines::read(&contents(&mut file)?, false);
        left.push(Abandoned { path, lines, _file: file });
    }
    left.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((left, busy))
}

/// What is in a file.
#[derive(Default)]
struct Lines {
    /// Messages that are not marked.
    messages: Vec<Undelivered>,
    /// Lines that are neither messages nor marks.
    unreadable: Vec<Vec<u8>>,
}

impl Lines {
    /// The last line of a journal is not whole when its program was killed while it wrote that: a mark, or a message
    /// before anything was sent. Elsewhere such a line is `kept`.
    fn read(bytes: &[u8], kept: bool) -> Self {
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        if !kept {
            // What follows the last end of a line: nothing, mostly.
            lines.pop();
        }
        let (mut messages, mut unreadable, mut done) = (Vec::new(), Vec::new(), HashSet::new());
        for (number, line) in lines.into_iter().enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let (false, Ok(Mark { done: marked })) = (kept, serde_json::from_slice(line)) {
                done.insert(marked);
            } else {
                match serde_json::from_slice::<Undelivered>(line) {
                    Ok(message) => messages.push((number, message)),
                    Err(_) => unreadable.push(line.to_vec()),
                }
            }
        }
        messages.retain(|(number, _)| !done.contains(number));
        Self { messages: messages.into_iter().map(|(_, message)| message).collect(), unreadable }
    }
}

#[cfg(test)]
mod tests {
    use super::super::undelivered::tests::undelivered;
    use super::*;

    fn spool() -> (tempfile::TempDir, Spool) {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::at(&directory.path().join("u.jsonl")).unwrap();
        (directory, spool)
    }

    fn bodies(messages: &[Undelivered]) -> Vec<&str> {
        messages.iter().map(|undelivered| undelivered.message.body.as_str()).collect()
    }

    fn taken(spool: &Spool) -> Journal {
        match take(spool).unwrap() {
            Taken::Messages(journal) => journal,
            other => panic!("{other:?}"),
        }
    }

    fn files(directory: &tempfile::TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn what_is_kept_is_sent_again_and_what_is_refused_again_comes_back() {
        let (directory, spool) = spool();
        assert!(matches!(take(&spool), Ok(Taken::Nothing)));
        spool.keep(&[undelivered("a"), undelivered("b\nc")]).unwrap();
        spool.keep(&[undelivered("d")]).unwrap();
        let mut journal = taken(&spool);
        assert_eq!(bodies(&journal.messages), ["a", "b\nc", "d"]);
        // Others go on meanwhile.
        assert!(!spool.path().exists());
        spool.keep(&[undelivered("e")]).unwrap();
        let refused = [journal.messages[1].clone()];
        journal.done([0, 2]).unwrap();
        journal.keep(&[1], &refused).unwrap();
        journal.end().unwrap();
        let journal = taken(&spool);
        assert_eq!(bodies(&journal.messages), ["e", "b\nc"]);
        journal.end().unwrap();
        assert_eq!(files(&directory), 0);
    }

    #[test]
    fn a_program_that_is_killed_while_sending_loses_nothing() {
        let (directory, spool) = spool();
        let messages = ["a", "b", "c"].map(undelivered).to_vec();
        let mut journal = Journal::create(&spool, messages).unwrap();
        journal.done([0]).unwrap();
        journal.keep(&[2], &[undelivered("c, refused")]).unwrap();
        // Without its end: as if the program had been killed, here while it wrote a mark.
        let path = journal.path().to_path_buf();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"do");
        fs::write(&path, bytes).unwrap();
        let journal = taken(&spool);
        assert_eq!((bodies(&journal.messages), journal.unreadable), (vec!["c, refused", "b"], 0));
        // Again.
        drop(journal);
        let journal = taken(&spool);
        assert_eq!(bodies(&journal.messages), ["c, refused", "b"]);
        journal.end().unwrap();
        assert_eq!(files(&directory), 0);
    }

    #[test]
    fn a_program_that_is_killed_while_taking_messages_doubles_none() {
        let (_directory, spool) = spool();
        let messages = [undelivered("a"), undelivered("b")];
        spool.keep(&messages).unwrap();
        drop(Journal::create(&spool, messages.to_vec()).unwrap());
        let journal = taken(&spool);
        assert_eq!(bodies(&journal.messages), ["a", "b"]);
        // Killed while it wrote its journal: the last line is not whole, and stands elsewhere.
        spool.keep(&messages[1..]).unwrap();
        let path = journal.path().to_path_buf();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let journal = taken(&spool);
        assert_eq!((bodies(&journal.messages), journal.unreadable), (vec!["b", "a"], 0));
    }

    #[test]
    fn two_programs_do_not_send_the_same_messages() {
        let (directory, spool) = spool();
        spool.keep(&[undelivered("a")]).unwrap();
        let first = taken(&spool);
        assert!(matches!(take(&spool), Ok(Taken::Busy)));
        spool.keep(&[undelivered("b")]).unwrap();
        let second = taken(&spool);
        assert_eq!(bodies(&second.messages), ["b"]);
        first.end().unwrap();
        second.end().unwrap();
        assert!(matches!(take(&spool), Ok(Taken::Nothing)));
        assert_eq!(files(&directory), 0);
    }

    #[test]
    fn many_programs_at_once_send_each_message_once() {
        let (directory, spool) = spool();
        let messages: Vec<_> = (0..200).map(|number| undelivered(&number.to_string())).collect();
        for part in messages.chunks(50) {
            drop(Journal::create(&spool, part[..25].to_vec()).unwrap());
            spool.keep(&part[25..]).unwrap();
        }
        let mut sent: Vec<String> = std::thread::scope(|scope| {
            let sender = || {
                let mut sent = Vec::new();
                while let Taken::Messages(mut journal) = take(&spool).unwrap() {
                    sent.extend(journal.take_messages().into_iter().map(|taken| taken.message.body));
                    journal.end().unwrap();
                }
                sent
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(sender)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        // What another program had locked for a moment.
        if let Taken::Messages(mut journal) = take(&spool).unwrap() {
            sent.extend(journal.take_messages().into_iter().map(|taken| taken.message.body));
            journal.end().unwrap();
        }
        sent.sort_by_key(|number| number.parse::<usize>().unwrap());
        assert_eq!(sent, messages.iter().map(|message| message.message.body.clone()).collect::<Vec<_>>());
        assert_eq!(files(&directory), 0);
    }

    #[test]
    fn lines_that_are_no_messages_stay_and_other_files_are_not_touched() {
        let (_directory, spool) = spool();
        let torn = b"{\"service\":\"webh\xff";
        fs::write(spool.path(), torn).unwrap();
        assert!(matches!(take(&spool), Err(Error::Format { .. })));
        assert_eq!(fs::read(spool.path()).unwrap(), torn);
        spool.keep(&[undelivered("a")]).unwrap();
        let journal = taken(&spool);
        assert_eq!((bodies(&journal.messages), journal.unreadable), (vec!["a"], 1));
        assert_eq!(fs::read(spool.path()).unwrap(), b"{\"service\":\"webh\xff\n");
        // What a killed program left is sent, whatever the file is.
        drop(journal);
        let journal = taken(&spool);
        assert_eq!((bodies(&journal.messages), journal.unreadable), (vec!["a"], 1));
        journal.end().unwrap();
        assert_eq!(fs::read(spool.path()).unwrap(), b"{\"service\":\"webh\xff\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_reads_journals_and_links_are_none() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, spool) = spool();
        let journal = Journal::create(&spool, vec![undelivered("a")]).unwrap();
        assert_eq!(fs::metadata(journal.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let link = directory.path().join("u.jsonl.1-0.sending");
        std::os::unix::fs::symlink(journal.path(), &link).unwrap();
        journal.end().unwrap();
        fs::write(directory.path().join("other"), undelivered("b").line().unwrap()).unwrap();
        assert!(matches!(take(&spool), Ok(Taken::Nothing)));
    }
}
