//! The names under which results leave: of the data, of its rules, of who sends them.

use super::cloudwatch::limits;
use super::glue::run_digits;
use super::{Report, eventbridge};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};

/// Names for services and tools that collect results. The defaults are those of Glue where it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Name of the ruleset; that of its file when not given.
    pub ruleset: Option<String>,
    /// The table that the data is; named after the files when not given.
    pub table: Option<String>,
    /// The database of the table.
    pub database: Option<String>,
    /// The catalog of the database: in Glue the number of the account.
    pub catalog: Option<String>,
    /// The job that checks; results are then named as those of a Glue job, not as those of a table.
    pub job: Option<String>,
    /// The AWS region, for names of resources.
    pub region: Option<String>,
    /// Namespace of metrics in CloudWatch.
    pub namespace: String,
    /// Whether CloudWatch gets everything that was measured, and not only how many rules passed and failed.
    pub every_metric: bool,
    /// Source of events in EventBridge.
    pub event_source: String,
    /// Event bus in EventBridge; the account's default one when not given.
    pub event_bus: Option<String>,
    /// When the report is sent, for services that refuse old results; with the run when not given.
    pub sent: Option<DateTime<Utc>>,
}

impl Default for Publication {
    fn default() -> Self {
        Self {
            ruleset: None,
            table: None,
            database: None,
            catalog: None,
            job: None,
            region: None,
            namespace: "Glue Data Quality".into(),
            every_metric: false,
            event_source: "dq.local".into(),
            event_bus: None,
            sent: None,
        }
    }
}

impl Publication {
    /// Takes the data's name: `TABLE`, `DATABASE.TABLE` or `CATALOG.DATABASE.TABLE`. Only the table may hold more
    /// dots.
    pub fn name_dataset(&mut self, name: &str) -> Result<(), String> {
        let parts: Vec<&str> = name.splitn(3, '.').collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            return Err(format!("a dataset is TABLE, DATABASE.TABLE or CATALOG.DATABASE.TABLE, not `{name}`"));
        }
        let mut parts = parts.into_iter().rev().map(str::to_string);
        self.table = parts.next();
        self.database = parts.next();
        self.catalog = parts.next();
        Ok(())
    }

    /// The table that files are: as it is named, or after them.
    pub fn table(&self, files: &[PathBuf]) -> String {
        if let Some(table) = &self.table {
            return table.clone();
        }
        let place = common_path(files);
        // Directories such as `year=2024` are parts of a table, not its name.
        let name = place
            .ancestors()
            .filter_map(Path::file_name)
            .map(|name| name.to_string_lossy())
            .find(|name| !name.contains('=') && !name.starts_with('.'));
        name.map_or_else(
            || "data".to_string(),
            |name| name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("data").to_string(),
        )
    }

    /// The name for people of data in files: the table, behind its database and catalog where they were named.
    pub fn dataset(&self, files: &[PathBuf]) -> String {
        let above = [&self.catalog, &self.database];
        let mut name: String = above.into_iter().flatten().map(|part| format!("{part}.")).collect();
        name.push_str(&self.table(files));
        name
    }

    /// What a service would refuse among these names, if anything.
    pub fn fault(&self) -> Option<String> {
        limits::namespace(&self.namespace).err().or_else(|| eventbridge::fault(self))
    }
}

impl Report<'_> {
    /// Name of the ruleset.
    pub fn ruleset_name(&self) -> String {
        match &self.publication.ruleset {
            Some(name) => name.clone(),
            None => Path::new(self.ruleset)
                .file_stem()
                .map_or_else(|| self.ruleset.to_string(), |stem| stem.to_string_lossy().into_owned()),
        }
    }

    /// Name of the table.
    pub fn table(&self) -> String {
        self.publication.table(&self.run.files)
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        self.publication.database.as_deref().unwrap_or("default")
    }

    /// Name of the catalog.
    pub fn catalog(&self) -> &str {
        self.publication.catalog.as_deref().unwrap_or("local")
    }

    /// The data's name for people: the table, behind its database and catalog where they were named.
    pub fn dataset(&self) -> String {
        self.publication.dataset(&self.run.files)
    }

    /// When the run ended; when it started where times must not differ between runs.
    pub fn completed(&self) -> DateTime<Utc> {
        if self.timed { self.run.started + self.run.elapsed } else { self.run.started }
    }

    /// Forty hexadecimal digits that name the run: the same for the same rules, files and time.
    pub fn run_digits(&self) -> String {
        run_digits(self)
    }

    /// The file, or the nearest directory that holds all files.
    pub(super) fn common_path(&self) -> PathBuf {
        common_path(&self.run.files)
    }
}

/// The file, or the nearest directory that holds all files.
fn common_path(files: &[PathBuf]) -> PathBuf {
    let Some(first) = files.first() else { return PathBuf::new() };
    if files.len() == 1 {
        return first.clone();
    }
    let holds_all = |place: &&Path| files.iter().all(|file| file.starts_with(place));
    let common = first.ancestors().skip(1).find(holds_all);
    // Without a common directory, the first file speaks for the others.
    common.filter(|place| place.file_name().is_some()).unwrap_or(first).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    fn names(files: &[&str], publication: &Publication) -> [String; 2] {
        let mut run = example::run(Vec::new());
        run.files = files.iter().map(PathBuf::from).collect();
        example::with_report(&run, publication, |report| [report.table(), report.dataset()])
    }

    #[test]
    fn tables_are_named_after_files_and_their_directories() {
        let table = |files: &[&str]| names(files, &Publication::default())[0].clone();
        assert_eq!(table(&["fixtures/data/customers.csv"]), "customers");
        assert_eq!(table(&["orders.csv.gz"]), "orders");
        assert_eq!(table(&["lake/orders/a.parquet", "lake/orders/b.parquet"]), "orders");
        assert_eq!(table(&["lake/trips/year=2024/a.parquet", "lake/trips/year=2024/b.parquet"]), "trips");
        assert_eq!(table(&["s3://bucket/x/a.csv", "s3://bucket/x/y/b.csv"]), "x");
        assert_eq!(table(&["a.csv", "b.csv"]), "a");
        assert_eq!(table(&["-"]), "-");
        assert_eq!(table(&[]), "data");
    }

    #[test]
    fn datasets_have_up_to_three_parts() {
        let mut publication = Publication::default();
        for (name, expected) in [
            ("trips", [None, None, Some("trips")]),
            ("lake.trips", [None, Some("lake"), Some("trips")]),
            ("123456789012.lake.trips", [Some("123456789012"), Some("lake"), Some("trips")]),
            ("1.lake.trips.v2", [Some("1"), Some("lake"), Some("trips.v2")]),
        ] {
            assert_eq!(publication.name_dataset(name), Ok(()));
            let found = [&publication.catalog, &publication.database, &publication.table].map(Option::as_deref);
            assert_eq!(found, expected, "{name}");
            assert_eq!(names(&["x.csv"], &publication)[1], name);
        }
        for wrong in ["", ".", "a.", ".b", "a..c", " "] {
            assert!(publication.name_dataset(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_that_services_refuse_are_found_before_they_are_sent() {
        assert_eq!(Publication::default().fault(), None);
        let wrong = [
            Publication { namespace: "AWS/Glue".into(), ..Publication::default() },
            Publication { event_source: "aws.glue-dataquality".into(), ..Publication::default() },
            Publication { event_bus: Some(String::new()), ..Publication::default() },
            Publication { region: Some("here or there".into()), ..Publication::default() },
        ];
        for publication in wrong {
            assert!(publication.fault().is_some(), "{publication:?}");
        }
    }
}
