//! A history in one SQLite file, which any number of programs may use at once.
//!
//! A run is one transaction, retention included: what kills the program, the run is in the file whole or not at all.
//! The file is made when the first run is recorded; files of older versions are brought to the present one when they
//! are opened.

mod file;
mod schema;

use self::file::{reading, writing};
use super::error::HistoryError;
use super::key::{Key, RunId};
use super::number::{Stored, from_digits, from_double};
use super::past::{DatasetSummary, Past, Point, Recorded, Retention, RunRecord, kept_time};
use super::selection::Selection;
use super::{Repository, checked};
use crate::value::Number;
use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Points that are read at once.
const MOST_POINTS: usize = 20_000_000;

/// A history in an SQLite file, which need not be there yet.
pub(super) struct Sqlite {
    path: PathBuf,
    connection: Option<Connection>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, HistoryError> {
        // Some names that are not absolute mean something to SQLite.
        let absolute = std::path::absolute(path).map_err(|error| HistoryError::read(path, error))?;
        let connection = match fs::metadata(&absolute) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(HistoryError::read(path, error)),
            Ok(found) if !found.is_file() => {
                return Err(HistoryError::foreign(path, "a pipe or a device is no history"));
            }
            Ok(found) if found.len() == 0 => None,
            Ok(_) => Some(file::open(&absolute)?),
        };
        Ok(Self { path: absolute, connection })
    }

    fn points<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        take: impl Fn(Key, Point, &Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, HistoryError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        match is_made(connection) {
            Ok(true) => points(connection, &self.path, sql, parameters, take),
            Ok(false) => Ok(Vec::new()),
            Err(error) => Err(reading(&self.path, error)),
        }
    }

    /// Each row of a query; none where nothing was recorded yet.
    fn rows<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        take: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, HistoryError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        let read = || -> rusqlite::Result<Vec<T>> {
            if !is_made(connection)? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map(parameters, &take)?;
            rows.collect()
        };
        read().map_err(|error| reading(&self.path, error))
    }

    /// The file to write to; made if it is not there.
    fn writable(&mut self) -> Result<&mut Connection, HistoryError> {
        let connection = match self.connection.take() {
            Some(connection) => {
                let read_only = connection.is_readonly("main").map_err(|error| reading(&self.path, error))?;
                if read_only {
                    self.connection = Some(connection);
                    return Err(HistoryError::ReadOnly { path: self.path.clone() });
                }
                let made = is_made(&connection).map_err(|error| reading(&self.path, error))?;
                if made { connection } else { file::make(&self.path)? }
            }
            None => file::make(&self.path)?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl Repository for Sqlite {
    fn load(&self, dataset: &str, before: DateTime<Utc>, most_points: usize) -> Result<Past, HistoryError> {
        let before = kept_time(before).timestamp_micros();
        let most = i64::try_from(most_points).unwrap_or(i64::MAX);
        let found = self.points(schema::LOAD, params![dataset, before, most], |key, point, _| Ok((key, point)))?;
        Ok(Past::new(found))
    }

    fn record(&mut self, record: &RunRecord, retention: Retention) -> Result<Recorded, HistoryError> {
        let record = checked(record).map_err(|error| HistoryError::write(&self.path, error))?;
        let path = self.path.clone();
        let transaction = file::write(&path, self.writable()?)?;
        file::still_known(&path, &transaction)?;
        let recorded = add(&transaction, &record, retention).map_err(|error| writing(&path, error))?;
        transaction.commit().map_err(|error| writing(&path, error))?;
        Ok(recorded)
    }

    fn datasets(&self) -> Result<Vec<DatasetSummary>, HistoryError> {
        self.rows(schema::DATASETS, &[], |row| {
            let count = |column: usize| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
            Ok(DatasetSummary {
                name: row.get(0)?,
                runs: count(1)?,
                first: time(row, 2)?,
                last: time(row, 3)?,
                metrics: count(4)?,
                points: count(5)?,
                excluded: count(6)?,
            })
        })
    }

    fn series(&self, dataset: &str) -> Result<Vec<(Key, Vec<Point>)>, HistoryError> {
        let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
        for (key, point) in self.points(schema::SERIES, params![dataset], |key, point, _| Ok((key, point)))? {
            series.entry(key).or_default().push(point);
        }
        Ok(series.into_iter().collect())
    }

    fn runs(&self, dataset: &str) -> Result<Vec<RunRecord>, HistoryError> {
        let mut points: BTreeMap<RunId, Vec<(Key, Number)>> = BTreeMap::new();
        for (key, found) in self.series(dataset)? {
            for point in found {
                points.entry(point.run).or_default().push((key.clone(), point.value));
            }
        }
        let mut runs = self.rows(schema::RUNS, params![dataset], |row| {
            Ok(RunRecord {
                run: RunId(row.get(0)?),
                dataset: dataset.to_string(),
                time: time(row, 1)?,
                ruleset: row.get(2)?,
                rows: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                points: Vec::new(),
            })
        })?;
        for record in &mut runs {
            record.points = points.remove(&record.run).unwrap_or_default();
        }
        Ok(runs)
    }

    fn set_excluded(&mut self, dataset: &str, selection: &Selection, excluded: bool) -> Result<u64, HistoryError> {
        if self.connection.is_none() {
            return Ok(0);
        }
        let path = self.path.clone();
        let transaction = file::write(&path, self.writable()?)?;
        file::still_known(&path, &transaction)?;
        let found = points(&transaction, &path, schema::SERIES, params![dataset], |key, point, row| {
            Ok((key, point, row.get::<_, i64>(7)?, row.get::<_, i64>(8)?))
        })?;
        let mut changed = 0;
        for (key, point, series, run) in found {
            if point.excluded != excluded && selection.matches(&point.run, point.time, &key) {
                let sql = "UPDATE point SET excluded = ?1 WHERE series = ?2 AND run = ?3";
                transaction.execute(sql, params![excluded, series, run]).map_err(|error| writing(&path, error))?;
                changed += 1;
            }
        }
        transaction.commit().map_err(|error| writing(&path, error))?;
        Ok(changed)
    }
}

/// Whether there are tables: a program may have been killed before it made them.
fn is_made(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA user_version", [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Points of a query whose first columns are those of a key and a point.
fn points<T>(
    connection: &Connection,
    path: &Path,
    sql: &str,
    parameters: &[&dyn ToSql],
    take: impl Fn(Key, Point, &Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, HistoryError> {
    let read = || -> rusqlite::Result<Option<Vec<T>>> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if found.len() == MOST_POINTS {
                return Ok(None);
            }
            let key = Key { metric: row.get(0)?, detail: row.get(1)?, filter: row.get(2)? };
            let Some(value) = number(row.get_ref(5)?) else { return Ok(None) };
            let excluded = row.get::<_, i64>(6)? != 0;
            let point = Point { run: RunId(row.get(3)?), time: time(row, 4)?, value, excluded };
            found.push(take(key, point, row)?);
        }
        Ok(Some(found))
    };
    match read() {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(HistoryError::foreign(path, "a damaged history: a value is no number, or there are too many")),
        Err(error) => Err(reading(path, error)),
    }
}

/// A number as it is kept.
fn number(value: ValueRef<'_>) -> Option<Number> {
    match value {
        ValueRef::Integer(whole) => Some(Number::integer(whole.into())),
        ValueRef::Real(double) => from_double(double),
        ValueRef::Text(digits) => from_digits(std::str::from_utf8(digits).ok()?),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    let micros = row.get(column)?;
    DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, micros))
}

/// Adds a run and removes what is not kept.
fn add(transaction: &Transaction<'_>, record: &RunRecord, retention: Retention) -> rusqlite::Result<Recorded> {
    transaction.execute("INSERT INTO dataset (name) VALUES (?1) ON CONFLICT (name) DO NOTHING", [&record.dataset])?;
    let dataset: i64 =
        transaction.query_row("SELECT id FROM dataset WHERE name = ?1", [&record.dataset], |row| row.get(0))?;
    let added = transaction.execute(
        "INSERT INTO run (dataset, run, time, ruleset, rows) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (dataset, run) DO NOTHING",
        params![
            dataset,
            record.run.0,
            record.time.timestamp_micros(),
            record.ruleset,
            i64::try_from(record.rows).unwrap_or(i64::MAX)
        ],
    )?;
    if added == 0 {
        return Ok(Recorded::Already);
    }
    let run = transaction.last_insert_rowid();
    for (key, value) in &record.points {
        let Some(value) = Stored::new(*value) else { continue };
        let series = series(transaction, dataset, key)?;
        let value: &dyn ToSql = match &value {
            Stored::Integer(whole) => whole,
            Stored::Double(double) => double,
            Stored::Digits(digits) => digits,
        };
        transaction.execute(
            "INSERT INTO point (series, run, value) VALUES (?1, ?2, ?3) ON CONFLICT (series, run) DO NOTHING",
            params![series, run, value],
        )?;
    }
    if !retention.keeps_all() {
        remove(transaction, dataset, &record.dataset, retention)?;
    }
    Ok(Recorded::New)
}

/// The number of a series; made if it is not there.
fn series(transaction: &Transaction<'_>, dataset: i64, key: &Key) -> rusqlite::Result<i64> {
    let found = transaction
        .query_row(
            "SELECT id FROM series WHERE dataset = ?1 AND metric = ?2 AND detail IS ?3 AND filter IS ?4",
            params![dataset, key.metric, key.detail, key.filter],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(series) = found {
        return Ok(series);
    }
    transaction.execute(
        "INSERT INTO series (dataset, metric, detail, filter) VALUES (?1, ?2, ?3, ?4)",
        params![dataset, key.metric, key.detail, key.filter],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// Removes runs that are not kept, and series that have no values any more.
fn remove(transaction: &Transaction<'_>, dataset: i64, name: &str, retention: Retention) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(schema::RUNS)?;
    let rows = statement.query_map([name], |row| Ok((time(row, 1)?, RunId(row.get(0)?))))?;
    let expired = retention.expired(rows.collect::<rusqlite::Result<_>>()?);
    if expired.is_empty() {
        return Ok(());
    }
    for run in &expired {
        let within = "(SELECT id FROM run WHERE dataset = ?1 AND run = ?2)";
        transaction.execute(&format!("DELETE FROM point WHERE run = {within}"), params![dataset, run.0])?;
        transaction.execute("DELETE FROM run WHERE dataset = ?1 AND run = ?2", params![dataset, run.0])?;
    }
    let unused = "DELETE FROM series WHERE dataset = ?1
                  AND NOT EXISTS (SELECT 1 FROM point WHERE point.series = series.id)";
    transaction.execute(unused, [dataset]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::open;

    /// A file as version 1 of the schema made it, which had no exclusions. This text never changes.
    const VERSION_1: &str = "
        CREATE TABLE dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE run (id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES dataset (id), run TEXT NOT NULL,
            time INTEGER NOT NULL, ruleset TEXT NOT NULL, rows INTEGER NOT NULL, UNIQUE (dataset, run)) STRICT;
        CREATE INDEX run_time ON run (dataset, time);
        CREATE TABLE series (id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES dataset (id),
            metric TEXT NOT NULL, detail TEXT, filter TEXT) STRICT;
        CREATE UNIQUE INDEX series_key
            ON series (dataset, metric, ifnull(detail, ''), detail IS NULL, ifnull(filter, ''), filter IS NULL);
        CREATE TABLE point (series INTEGER NOT NULL REFERENCES series (id), run INTEGER NOT NULL REFERENCES run (id),
            value ANY NOT NULL, PRIMARY KEY (series, run)) STRICT, WITHOUT ROWID;
        CREATE INDEX point_run ON point (run);
        INSERT INTO dataset VALUES (1, 'orders');
        INSERT INTO run VALUES (1, 1, '00000000000000000000000000000000000000aa', 1767225600000000, 'rules', 200);
        INSERT INTO series VALUES (1, 1, 'Dataset.*.RowCount', NULL, NULL), (2, 1, 'Column.a.Mean', NULL, 'b > 1');
        INSERT INTO point VALUES (1, 1, 200), (2, 1, '12.50');
        PRAGMA application_id = 1685145705;
        PRAGMA user_version = 1;";

    fn record(number: i64) -> RunRecord {
        RunRecord {
            run: RunId(format!("{number:040x}")),
            dataset: "orders".into(),
            time: DateTime::from_timestamp(1_800_000_000 + number, 0).unwrap(),
            ruleset: "rules".into(),
            rows: 1,
            points: vec![(Key::new("Dataset.*.RowCount"), Number::integer(number.into()))],
        }
    }

    fn made(sql: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        (directory, path)
    }

    fn version(path: &Path) -> i64 {
        Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    fn refused(path: &Path) -> String {
        open(path).err().expect("refused").to_string()
    }

    #[test]
    fn a_file_of_version_1_keeps_all_it_has_and_learns_exclusions() {
        let (_directory, path) = made(VERSION_1);
        let mut history = open(&path).unwrap();
        assert_eq!(version(&path), schema::VERSION);
        assert_eq!(history.record(&record(1), Retention::default()).unwrap(), Recorded::New);
        let series = history.series("orders").unwrap();
        let filtered = Key { filter: Some("b > 1".into()), ..Key::new("Column.a.Mean") };
        assert_eq!((&series[0].0, series[0].1[0].value.to_string()), (&filtered, "12.50".to_string()));
        assert_eq!(series[1].1.len(), 2);
        let all = Selection::default();
        assert_eq!(history.set_excluded("orders", &all, true).unwrap(), 3);
        assert_eq!(history.load("orders", Utc::now() + chrono::TimeDelta::days(99_999), 9).unwrap().runs(), 0);
    }

    #[test]
    fn files_that_are_none_of_ours_are_refused_and_stay_as_they_are() {
        let (_directory, path) = made("CREATE TABLE shop (id INTEGER); INSERT INTO shop VALUES (1);");
        let before = fs::read(&path).unwrap();
        assert!(refused(&path).ends_with("an SQLite file of another program, and no history"));
        assert_eq!(fs::read(&path).unwrap(), before);
        let (_directory, path) = made(&format!("{VERSION_1} PRAGMA user_version = 77;"));
        assert!(refused(&path).contains("a history of version 77"), "{}", refused(&path));
        let trigger = "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM point; END;";
        let (_directory, path) = made(&format!("{VERSION_1} {trigger}"));
        assert!(refused(&path).contains("no triggers"), "{}", refused(&path));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text.db");
        fs::write(&path, "id,name\n".repeat(1000)).unwrap();
        assert!(refused(&path).contains("neither SQLite nor JSON Lines"), "{}", refused(&path));
    }

    #[test]
    fn damaged_values_are_refused_and_no_file_makes_the_program_end() {
        for damage in [
            "UPDATE point SET value = 'many'",
            "UPDATE point SET value = x'00'",
            "UPDATE point SET value = 9e999",
            "UPDATE run SET time = 9223372036854775807",
            "UPDATE series SET metric = CAST(x'ff' AS TEXT)",
            "DROP INDEX point_run; DROP TABLE point",
            "DROP TABLE point; CREATE TABLE point (series, run)",
        ] {
            let (_directory, path) = made(&format!("{VERSION_1} {damage};"));
            let found = open(&path).and_then(|history| history.series("orders"));
            assert!(
                matches!(found, Err(HistoryError::Foreign { .. } | HistoryError::Write { .. })),
                "{damage}: {found:?}"
            );
        }
        let (_directory, path) = made(VERSION_1);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(997) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x5a;
            fs::write(&path, &bytes).unwrap();
            let _ = open(&path).and_then(|mut history| {
                let _ = history.series("orders");
                let _ = history.datasets();
                history.record(&record(1), Retention { runs: Some(1), days: None })
            });
            let _ = (fs::remove_file(path.with_extension("db-wal")), fs::remove_file(path.with_extension("db-shm")));
        }
    }

    #[test]
    fn an_empty_file_is_a_history_without_runs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        fs::write(&path, "").unwrap();
        // One that a program was killed over before there were tables.
        let killed = directory.path().join("killed.db");
        Connection::open(&killed).unwrap().query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        for path in [path, killed] {
            let mut history = open(&path).unwrap();
            assert!(history.datasets().unwrap().is_empty());
            assert_eq!(history.set_excluded("orders", &Selection::default(), true).unwrap(), 0);
            assert_eq!(history.record(&record(1), Retention::default()).unwrap(), Recorded::New);
            assert_eq!(history.datasets().unwrap()[0].runs, 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_mean_something_to_sqlite_are_files() {
        let directory = tempfile::tempdir().unwrap();
        for name in [":memory:", "file:x?mode=memory", "a b%20'c.db"] {
            let path = directory.path().join(name);
            open(&path).unwrap().record(&record(1), Retention::default()).unwrap();
            assert!(path.is_file(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_may_only_be_read_is_loaded_and_takes_no_runs() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.db");
        open(&path).unwrap().record(&record(1), Retention::default()).unwrap();
        let allow = |file: u32, around: u32| {
            fs::set_permissions(&path, fs::Permissions::from_mode(file)).unwrap();
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(around)).unwrap();
        };
        allow(0o444, 0o555);
        // Root may write everything.
        if fs::OpenOptions::new().append(true).open(&path).is_err() {
            let mut history = open(&path).unwrap();
            assert_eq!(history.runs("orders").unwrap().len(), 1);
            let error = history.record(&record(2), Retention::default()).unwrap_err().to_string();
            assert!(error.ends_with("it is read-only"), "{error}");
        }
        allow(0o644, 0o755);
    }

    #[test]
    fn a_file_that_nobody_can_write_to_is_read_without_memory_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a b%c?.db");
        open(&path).unwrap().record(&record(1), Retention::default()).unwrap();
        let connection = file::sealed(&path).unwrap();
        let mut history = Sqlite { path, connection: Some(connection) };
        assert_eq!(history.runs("orders").unwrap().len(), 1);
        assert!(matches!(history.record(&record(2), Retention::default()), Err(HistoryError::ReadOnly { .. })));
    }
}
