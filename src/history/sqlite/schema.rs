//! What is in the SQLite file, and how files of older versions come to it.

/// `dqHi`, at the place where SQLite files say whose they are.
pub(super) const APPLICATION: i64 = 0x6471_4869;

/// The version of the schema, in `user_version`: each entry of [`MIGRATIONS`] leads to the next one.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// From an empty file to the present; what is here is never changed, only added to.
///
/// Times are microseconds since 1970 UTC. A value is an INTEGER, a REAL, or an exact decimal as TEXT.
pub(super) const MIGRATIONS: &[&str] = &[
    "CREATE TABLE dataset (
         id INTEGER PRIMARY KEY,
         name TEXT NOT NULL UNIQUE
     ) STRICT;
     CREATE TABLE run (
         id INTEGER PRIMARY KEY,
         dataset INTEGER NOT NULL REFERENCES dataset (id),
         run TEXT NOT NULL,
         time INTEGER NOT NULL,
         ruleset TEXT NOT NULL,
         rows INTEGER NOT NULL,
         UNIQUE (dataset, run)
     ) STRICT;
     CREATE INDEX run_time ON run (dataset, time);
     CREATE TABLE series (
         id INTEGER PRIMARY KEY,
         dataset INTEGER NOT NULL REFERENCES dataset (id),
         metric TEXT NOT NULL,
         detail TEXT,
         filter TEXT
     ) STRICT;
     CREATE UNIQUE INDEX series_key
         ON series (dataset, metric, ifnull(detail, ''), detail IS NULL, ifnull(filter, ''), filter IS NULL);
     CREATE TABLE point (
         series INTEGER NOT NULL REFERENCES series (id),
         run INTEGER NOT NULL REFERENCES run (id),
         value ANY NOT NULL,
         PRIMARY KEY (series, run)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX point_run ON point (run);",
    // Points may be excluded.
    "ALTER TABLE point ADD COLUMN excluded INTEGER NOT NULL DEFAULT 0;",
];

/// Newest points of every series of a dataset before a time: name, time, limit.
pub(super) const LOAD: &str = "
    SELECT series.metric, series.detail, series.filter, found.run, found.time, found.value, 0
    FROM (
        SELECT point.series AS series, run.run AS run, run.time AS time, point.value AS value,
               row_number() OVER (PARTITION BY point.series ORDER BY run.time DESC, run.run DESC) AS place
        FROM dataset
        JOIN run ON run.dataset = dataset.id
        JOIN point ON point.run = run.id
        WHERE dataset.name = ?1 AND run.time < ?2 AND point.excluded = 0
    ) AS found
    JOIN series ON series.id = found.series
    WHERE found.place <= ?3";

/// All points of a dataset, oldest first.
pub(super) const SERIES: &str = "
    SELECT series.metric, series.detail, series.filter, run.run, run.time, point.value, point.excluded,
           point.series, point.run
    FROM dataset
    JOIN run ON run.dataset = dataset.id
    JOIN point ON point.run = run.id
    JOIN series ON series.id = point.series
    WHERE dataset.name = ?1
    ORDER BY series.metric, series.detail, series.filter, run.time, run.run";

/// All runs of a dataset, oldest first.
pub(super) const RUNS: &str = "
    SELECT run.run, run.time, run.ruleset, run.rows
    FROM dataset JOIN run ON run.dataset = dataset.id
    WHERE dataset.name = ?1
    ORDER BY run.time, run.run";

/// All datasets that have runs.
pub(super) const DATASETS: &str = "
    SELECT dataset.name, runs.number, runs.first, runs.last,
           (SELECT count(DISTINCT point.series) FROM run JOIN point ON point.run = run.id WHERE run.dataset = dataset.id),
           (SELECT count(*) FROM run JOIN point ON point.run = run.id WHERE run.dataset = dataset.id),
           (SELECT count(*) FROM run JOIN point ON point.run = run.id
            WHERE run.dataset = dataset.id AND point.excluded <> 0)
    FROM dataset
    JOIN (SELECT dataset, count(*) AS number, min(time) AS first, max(time) AS last FROM run GROUP BY dataset) AS runs
        ON runs.dataset = dataset.id
    ORDER BY dataset.name";
