//! The SQLite file itself: opened, told apart from others, brought to the present version.

use super::schema::{APPLICATION, MIGRATIONS, VERSION};
use crate::history::error::HistoryError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for other programs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Nobody's yet.
    Nobody,
    /// Ours, of this version.
    Us(i64),
    /// Another program's, or somebody has changed what is in it.
    Other(&'static str),
}

/// Opens a file that is there, in the present version.
pub(super) fn open(path: &Path) -> Result<Connection, HistoryError> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| reading(path, error))?;
    let owner = match owner(&connection) {
        // Programs share memory beside a file; where nothing can be written there is none, and nobody to share it with.
        Err(error) if is_sealed(&error) && is_alone(path) => {
            connection = sealed(path).map_err(|error| reading(path, error))?;
            owner_of(path, &connection)?
        }
        Err(error) => return Err(reading(path, error)),
        Ok(owner) => owner,
    };
    match checked(path, owner)? {
        // Who was to make it may have been killed: nothing is in it yet.
        0 | VERSION => {}
        _ => bring_up(path, &mut connection)?,
    }
    settle(&connection).map_err(|error| reading(path, error))?;
    Ok(connection)
}

/// Opens a file to write to it, and makes it if it is not there.
pub(super) fn make(path: &Path) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = connect(path, flags).map_err(|error| writing(path, error))?;
    checked(path, owner_of(path, &connection)?)?;
    bring_up(path, &mut connection)?;
    settle(&connection).map_err(|error| writing(path, error))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    // A file may come from anywhere: nothing in it is run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    Ok(connection)
}

/// Opens a file that nobody can change, without the memory beside it.
pub(super) fn sealed(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&format!("file:{}?immutable=1", escaped(path))), flags)
}

/// A path as it stands in a URI; what is no text in it will not be found.
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.to_string_lossy().bytes().map(part).collect()
}

/// Whether a file could not be opened because nothing can be written beside it.
fn is_sealed(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// Whether everything is in the file, and nothing in the log beside it.
fn is_alone(path: &Path) -> bool {
    let mut log = OsString::from(path);
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).map_or(true, |log| log.len() == 0)
}

fn owner_of(path: &Path, connection: &Connection) -> Result<Owner, HistoryError> {
    owner(connection).map_err(|error| reading(path, error))
}

/// Asked in one transaction: another program may be making the file.
fn owner(connection: &Connection) -> rusqlite::Result<Owner> {
    owner_within(&connection.unchecked_transaction()?)
}

fn owner_within(transaction: &Transaction<'_>) -> rusqlite::Result<Owner> {
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0));
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    let active = number("SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')")?;
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    Ok(match (application, version, objects) {
        (0, 0, 0) => Owner::Nobody,
        (APPLICATION, version, _) if version > VERSION => Owner::Us(version),
        (APPLICATION, _, _) if active > 0 => {
            Owner::Other("a history has no triggers and no views: somebody added them")
        }
        (APPLICATION, version, 1..) if version > 0 => Owner::Us(version),
        _ => Owner::Other("an SQLite file of another program, and no history"),
    })
}

/// The version of a file that is ours, or 0 if it is nobody's.
fn checked(path: &Path, owner: Owner) -> Result<i64, HistoryError> {
    match owner {
        Owner::Nobody => Ok(0),
        Owner::Us(version) if version > VERSION => {
            Err(HistoryError::Newer { path: path.to_path_buf(), version, known: VERSION })
        }
        Owner::Us(version) => Ok(version),
        Owner::Other(message) => Err(HistoryError::foreign(path, message)),
    }
}

/// Brings a file to the present version, in one transaction.
fn bring_up(path: &Path, connection: &mut Connection) -> Result<(), HistoryError> {
    if connection.is_readonly("main").map_err(|error| reading(path, error))? {
        return Err(HistoryError::ReadOnly { path: path.to_path_buf() });
    }
    use_log(connection).map_err(|error| writing(path, error))?;
    let transaction = write(path, connection)?;
    // Another program may have done it meanwhile.
    let owner = owner_within(&transaction).map_err(|error| reading(path, error))?;
    let version = checked(path, owner)?;
    if version < VERSION {
        migrate(&transaction, version).map_err(|error| writing(path, error))?;
    }
    transaction.commit().map_err(|error| writing(path, error))
}

fn migrate(transaction: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

/// Starts a transaction that writes; it waits for those of other programs.
pub(super) fn write<'c>(path: &Path, connection: &'c mut Connection) -> Result<Transaction<'c>, HistoryError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| writing(path, error))
}

/// Refuses to write to a file that another program has brought to a later version since it was opened.
pub(super) fn still_known(path: &Path, transaction: &Transaction<'_>) -> Result<(), HistoryError> {
    let version = transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    match version.map_err(|error| reading(path, error))? {
        VERSION => Ok(()),
        version => Err(HistoryError::Newer { path: path.to_path_buf(), version, known: VERSION }),
    }
}

/// Lets programs read while others write. Where the log cannot be had, as on some network drives, the journal does,
/// and readers wait.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            // SQLite waits for no other program here.
            Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            mode => return mode.map(drop),
        }
    }
}

/// A run that is recorded stays so when the machine loses its power.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = FULL;")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn reading(path: &Path, error: rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => HistoryError::foreign(path, "no history: neither SQLite nor JSON Lines"),
        // Tables that are not as they were made are errors of no kind.
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
            HistoryError::foreign(path, format!("a damaged history: {error}"))
        }
        Some(_) => HistoryError::read(path, trouble(&error)),
    }
}

pub(super) fn writing(path: &Path, error: rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => HistoryError::ReadOnly { path: path.to_path_buf() },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => reading(path, error),
        _ => HistoryError::write(path, trouble(&error)),
    }
}

/// As the system would say it, so that the same help stands below it.
fn trouble(error: &rusqlite::Error) -> io::Error {
    let (kind, text) = match error.sqlite_error_code() {
        _ if is_busy(error) => (io::ErrorKind::ResourceBusy, "another program did not let go of it for a minute"),
        Some(ErrorCode::DiskFull) => (io::ErrorKind::StorageFull, "the disk is full"),
        Some(ErrorCode::CannotOpen) => {
            (io::ErrorKind::Other, "it cannot be opened: check its directory, and who may read it")
        }
        _ => return io::Error::other(error.to_string()),
    };
    io::Error::new(kind, text)
}
