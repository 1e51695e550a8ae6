//! Metric states: joined, they say what one check over all data says; damaged, they say nothing; kept, they save
//! reading what did not change.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_select::concat::concat_batches;
use chrono::{DateTime, Utc};
use dq::check::{CheckOptions, Ruleset, Run, StateOptions, Watch, check, merge};
use dq::error::Error;
use dq::report::{Publication, Report, Style, find};
use dq::rules::{BindOptions, Target};
use dq::span::LineIndex;
use dq::verdict::{Outcome, Verdict};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn now() -> DateTime<Utc> {
    "2023-05-31T03:41:00Z".parse().expect("a time")
}

fn parse(text: &str) -> Ruleset {
    let ruleset = Ruleset::parse(text, &BindOptions { now: now(), target: Target::Dq });
    assert!(!ruleset.has_errors(), "{text}: {:?}", ruleset.diagnostics());
    ruleset
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance")
}

fn options(threads: usize) -> CheckOptions {
    CheckOptions { threads, samples: 0, ..CheckOptions::default() }
}

/// Our JSON, without what differs by nature: names and sizes of files, and what was decoded.
fn json(run: &Run, text: &str) -> Json {
    let report = Report {
        run,
        ruleset: "rules.dqdl",
        lines: &LineIndex::new(text),
        timed: false,
        style: Style::default(),
        publication: &Publication::default(),
    };
    let mut bytes = Vec::new();
    (find("json").expect("a format").write)(&report, &mut bytes).expect("written");
    let mut json: Json = serde_json::from_slice(&bytes).expect("JSON");
    for name in ["files", "bytes", "columns_read"] {
        json["data"][name] = Json::Null;
    }
    json["notes"] = Json::Null;
    json
}

fn write_parquet(path: &Path, batch: &RecordBatch, rows_per_group: usize) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_per_group.max(1))).build();
    let file = File::create(path).expect("created");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    settle(path);
}

/// Makes a file old enough for its states to be kept.
fn settle(path: &Path) {
    let file = File::options().write(true).open(path).expect("opened");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
}

fn read_parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().expect("a reader").map(|batch| batch.expect("a batch")).collect();
    concat_batches(&schema, &batches).expect("one batch")
}

/// Writes consecutive pieces of a batch, cut at these rows.
fn split(directory: &Path, batch: &RecordBatch, cuts: &[usize]) -> Vec<PathBuf> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (batch.num_rows() + 1)).collect();
    ends.push(batch.num_rows());
    ends.sort_unstable();
    let mut start = 0;
    let pieces = ends.into_iter().enumerate().map(|(piece, end)| {
        let path = directory.join(format!("part-{piece}.parquet"));
        write_parquet(&path, &batch.slice(start, end - start), 37);
        start = end;
        path
    });
    pieces.collect()
}

/// Checks every group of files apart and merges the states.
fn merged(ruleset: &Ruleset, groups: &[&[PathBuf]], directory: &Path, own: &CheckOptions) -> Result<Run, Error> {
    let mut states = Vec::new();
    for (at, files) in groups.iter().enumerate() {
        let out = directory.join(format!("{at}.dqs"));
        let threads = [1, 3][at % 2];
        let states_options = StateOptions { out: Some(out.clone()), cache: None };
        let writing = CheckOptions { threads, states: states_options, ..own.clone() };
        check(ruleset, files, &writing, Watch::default())?;
        states.push(out);
    }
    merge(ruleset, &states, own, Watch::default())
}

/// Rules of types whose numbers cannot be joined.
const UNMERGEABLE: &[&str] = &["CustomSql", "DatasetMatch", "File", "AggregateMatch", "SchemaMatch", "RowCountMatch"];

/// Whether a rule, or an operand of it, cannot be told from states; it must be ERROR then.
fn is_unmergeable(outcome: &Outcome) -> bool {
    let own = outcome.code == Some("not_mergeable");
    assert!(!own || outcome.verdict == Verdict::Error, "{outcome:?}");
    own || outcome.operands.iter().any(is_unmergeable)
}

#[test]
fn merged_states_say_of_every_case_what_one_check_says() {
    let text = std::fs::read_to_string(fixtures().join("cases.jsonl")).expect("cases");
    let (mut compared, mut refused) = (0, 0);
    let mut splits = std::collections::HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let case: Json = serde_json::from_str(line).expect("a case");
        let text = case["ruleset"].as_str().expect("a ruleset");
        let ruleset = Ruleset::parse(text, &BindOptions { now: now(), target: Target::Dq });
        if case["expect"]["parse"] == Json::Bool(false) || ruleset.has_errors() {
            continue;
        }
        let primary = case["primary"].as_str().expect("a file").to_string();
        let (_, files) = splits.entry(primary.clone()).or_insert_with(|| {
            let directory = tempfile::tempdir().expect("a directory");
            let batch = read_parquet(&fixtures().join("data").join(&primary));
            let files = split(directory.path(), &batch, &[batch.num_rows() / 5, batch.num_rows() / 2]);
            (directory, files)
        });
        let additional = case["additional"].as_object().into_iter().flatten();
        let references = additional
            .filter_map(|(alias, file)| Some((alias.clone(), vec![fixtures().join("data").join(file.as_str()?)])))
            .collect();
        let own = CheckOptions { references, ..options(1) };
        let directory = tempfile::tempdir().expect("a directory");
        let whole = check(&ruleset, files, &own, Watch::default()).expect("readable");
        // The number of files that states are of must not matter.
        let groups: Vec<&[PathBuf]> =
            if number % 2 == 0 { files.chunks(1).collect() } else { vec![&files[..2], &files[2..]] };
        let merged = merged(&ruleset, &groups, directory.path(), &own).expect("mergeable");
        if merged.outcomes.iter().any(is_unmergeable) {
            assert!(UNMERGEABLE.iter().any(|name| text.contains(name)), "{text} cannot be merged");
            refused += 1;
            continue;
        }
        assert_eq!(json(&merged, text), json(&whole, text), "{text}");
        compared += 1;
    }
    assert!(compared > 700, "{compared} cases were compared, {refused} refused");
}

/// A row of the table that is split.
type Row = (i64, Option<f64>, Option<String>, Option<i32>);

/// Rows of every type that metrics look at; few distinct values in some columns, many in others.
fn table(rows: Vec<Row>) -> RecordBatch {
    let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
    let prices = Float64Array::from_iter(rows.iter().map(|row| row.1));
    let names = StringArray::from_iter(rows.iter().map(|row| row.2.as_deref()));
    let days = Date32Array::from_iter(rows.iter().map(|row| row.3));
    let times =
        TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.3.map(|day| i64::from(day) * 1_000_007)));
    let amounts = Decimal128Array::from_iter(rows.iter().map(|row| row.3.map(i128::from)))
        .with_precision_and_scale(20, 2)
        .expect("a decimal");
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, true),
        ("price", Arc::new(prices) as ArrayRef, true),
        ("name", Arc::new(names) as ArrayRef, true),
        ("day", Arc::new(days) as ArrayRef, true),
        ("time", Arc::new(times) as ArrayRef, true),
        ("amount", Arc::new(amounts) as ArrayRef, true),
    ])
    .expect("a batch")
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let price = prop_oneof![20 => -1e6..1e6f64, 1 => Just(f64::NAN), 1 => Just(-0.0), 1 => Just(f64::INFINITY)];
    let row = (
        prop_oneof![0i64..200, any::<i64>()],
        prop::option::weighted(0.9, price),
        prop::option::weighted(0.9, "[a-cé ]{0,3}"),
        prop::option::weighted(0.9, -500i32..20_000),
    );
    prop::collection::vec(row, 0..300)
}

/// A rule of every type whose states can be joined, and every analyzer.
fn every_rule() -> String {
    let filtered = if cfg!(feature = "sql") {
        r#", Mean "price" > 0 where "id > 50", IsUnique "id" where "name like 'a%'""#
    } else {
        ""
    };
    format!(
        r#"Rules = [
    RowCount between 10 and 200, ColumnCount = 6, ColumnExists "name", IsComplete "price", Completeness "name" > 0.9,
    Completeness "day" > 0.5 where "name is not null",
    IsUnique "id", IsPrimaryKey "id", Uniqueness "name" > 0.5, UniqueValueRatio "day" > 0.5, DistinctValuesCount "name" < 20,
    DuplicateRowCount "id" "name" = 0, Entropy "name" > 1.0, ColumnValues "name" in ["a", "b", NULL],
    ColumnValues "id" between 0 and 200 with threshold > 0.5, ColumnValues "name" matches "[a-z]*", ColumnLength "name" <= 3,
    ColumnLength "name" between 0 and 2, ColumnDataType "name" = "Integer" with threshold > 0.1,
    Mean "price" between -1000 and 1000, Sum "price" > 0, Sum "amount" > 0, StandardDeviation "price" < 1000,
    Variance "id" < 100, Skewness "amount" > 0, Kurtosis "amount" > 0, InterquartileRange "price" < 100, Range "id" < 200,
    ZerosCount "price" = 0, ColumnCorrelation "id" "amount" > 0.5, (RowCount > 3) and (IsComplete "id"),
    DataFreshness "time" <= 40 days{filtered}
]
Analyzers = [ RowCount, Completeness "name", Distribution "name", Distribution "price", AllStatistics "AllColumns" ]"#
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_data_split_at_random_says_the_same(
        rows in rows(), cuts in prop::collection::vec(0usize..301, 0..5), group in 1usize..4, threads in 1usize..4,
    ) {
        let text = every_rule();
        let ruleset = parse(&text);
        let directory = tempfile::tempdir().expect("a directory");
        let files = split(directory.path(), &table(rows), &cuts);
        let own = options(threads);
        let whole = check(&ruleset, &files, &own, Watch::default()).expect("readable");
        let groups: Vec<&[PathBuf]> = files.chunks(group).collect();
        let merged = merged(&ruleset, &groups, directory.path(), &own).expect("mergeable");
        prop_assert_eq!(json(&merged, &text), json(&whole, &text));
        // And with a cache, empty and full.
        let cache = directory.path().join("cache");
        for _ in 0..3 {
            let cached = CheckOptions {
                states: StateOptions { out: None, cache: Some(cache.clone()) }, ..own.clone()
            };
            let run = check(&ruleset, &files, &cached, Watch::default()).expect("readable");
            prop_assert_eq!(json(&run, &text), json(&whole, &text));
        }
    }
}

/// Some files, the rules and a directory to work in.
struct World {
    directory: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl World {
    fn new(files: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("data")).expect("a directory");
        let files = (0..files).map(|at| directory.path().join(format!("data/{at}.parquet"))).collect();
        let world = Self { directory, files };
        (0..world.files.len()).for_each(|at| world.write(at, 0));
        world
    }

    fn write(&self, at: usize, offset: i64) {
        let row = |row: i64| {
            let id = at as i64 * 1_000 + offset + row;
            (id, Some(id as f64 / 7.0), Some(format!("n{}", row % 5)), Some(row as i32))
        };
        write_parquet(&self.files[at], &table((0..100).map(row).collect()), 30);
    }

    fn cached(&self, text: &str, files: &[PathBuf]) -> (Run, usize) {
        let cache = Some(self.directory.path().join("cache"));
        let own = CheckOptions { states: StateOptions { out: None, cache }, ..options(2) };
        let run = check(&parse(text), files, &own, Watch::default()).expect("readable");
        let whole = check(&parse(text), files, &options(2), Watch::default()).expect("readable");
        assert_eq!(json(&run, text), json(&whole, text));
        let count = |note: &String| note.strip_prefix("cache: ")?.split_once(" of ")?.0.parse().ok();
        let read = run.notes.iter().find_map(count).expect("a note");
        (run, read)
    }
}

const RULES: &str =
    r#"Rules = [ RowCount > 0, IsUnique "id", Mean "price" > 0, IsComplete "name", Entropy "name" > 0 ]"#;

#[test]
fn only_files_that_changed_are_read_again() {
    let mut world = World::new(5);
    assert_eq!(world.cached(RULES, &world.files).1, 5);
    assert_eq!(world.cached(RULES, &world.files).1, 0);
    world.write(2, 500);
    settle_later(&world.files[2], 1);
    assert_eq!(world.cached(RULES, &world.files).1, 1);
    settle_later(&world.files[2], 2);
    assert_eq!(world.cached(RULES, &world.files).1, 1, "a file that was touched may have changed");
    // Now the others are kept joined.
    world.write(2, 900);
    settle_later(&world.files[2], 3);
    let (run, read) = world.cached(RULES, &world.files);
    assert_eq!((run.rows, read), (500, 1));
    let removed = world.files.remove(0);
    let (run, read) = world.cached(RULES, &world.files);
    assert_eq!((run.rows, read), (400, 0));
    world.files.push(removed);
    assert_eq!(world.cached(RULES, &world.files).1, 0, "the entry is still there, in whatever order files come");
}

/// Gives a file a time of its own.
fn settle_later(path: &Path, minutes: u64) {
    let file = File::options().write(true).open(path).expect("opened");
    file.set_modified(SystemTime::now() - Duration::from_secs(600 - 60 * minutes)).expect("a time");
}

#[test]
fn another_ruleset_measures_only_what_is_missing() {
    let world = World::new(3);
    world.cached(RULES, &world.files);
    let fewer = r#"Rules = [ RowCount > 0, Mean "price" > 0 ]"#;
    assert_eq!(world.cached(fewer, &world.files).1, 0);
    let one_more = RULES.replace("Entropy", "Sum \"amount\" > 0, Entropy");
    let (run, read) = world.cached(&one_more, &world.files);
    assert_eq!((read, run.columns_read), (3, 1), "only the new column");
    assert_eq!(world.cached(&one_more, &world.files).1, 0);
    assert_eq!(world.cached(RULES, &world.files).1, 0, "what was known is known still");
}

#[test]
fn damaged_entries_are_as_good_as_none() {
    let world = World::new(3);
    world.cached(RULES, &world.files);
    let entries = || std::fs::read_dir(world.directory.path().join("cache")).expect("a cache");
    for (at, entry) in entries().enumerate() {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        if at % 2 == 0 {
            bytes.truncate(middle)
        } else {
            bytes[9] ^= 1
        }
        std::fs::write(&path, bytes).expect("written");
    }
    let (run, read) = world.cached(RULES, &world.files);
    assert_eq!(read, 3);
    assert!(run.notes.iter().any(|note| note.contains("is not used")), "{:?}", run.notes);
    assert_eq!(world.cached(RULES, &world.files).1, 0);
}

#[test]
fn damaged_contents_of_entries_cost_a_measurement_and_no_verdict() {
    let world = World::new(2);
    world.cached(RULES, &world.files);
    for entry in std::fs::read_dir(world.directory.path().join("cache")).expect("a cache") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes).expect("written");
    }
    world.cached(RULES, &world.files);
    world.cached(RULES, &world.files);
    assert_eq!(world.cached(RULES, &world.files).1, 0);
}

#[test]
fn types_that_widen_are_part_of_what_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        settle(&path);
        path
    };
    let mut files = vec![write("a.csv", "x,y\n007,1\n8,2\n"), write("b.csv", "x,y\n9,3\n")];
    let world = World { directory: tempfile::tempdir().expect("a directory"), files: Vec::new() };
    let text = r#"Rules = [ ColumnLength "x" <= 1, DistinctValuesCount "x" = 4, Sum "y" = 6 ]"#;
    world.cached(text, &files);
    files.push(write("c.csv", "x,y\nseven,0\n"));
    world.cached(text, &files);
    let (_, read) = world.cached(text, &files);
    assert_eq!(read, 0);
}

#[test]
fn runs_at_the_same_time_agree() {
    let world = World::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..3).for_each(|_| drop(world.cached(RULES, &world.files))));
        }
    });
    assert_eq!(world.cached(RULES, &world.files).1, 0);
}

#[test]
fn states_are_the_same_bytes_at_any_number_of_threads() {
    let world = World::new(3);
    let text = every_rule();
    let bytes = |threads: usize| {
        let out = world.directory.path().join(format!("{threads}.dqs"));
        let states = StateOptions { out: Some(out.clone()), cache: None };
        let own = CheckOptions { states, ..options(threads) };
        check(&parse(&text), &world.files, &own, Watch::default()).expect("readable");
        std::fs::read(out).expect("states")
    };
    let one = bytes(1);
    assert!(one == bytes(2) && one == bytes(5));
}

/// States of one file and the rules that they were written for.
fn states(world: &World, text: &str, file: usize) -> PathBuf {
    let out = world.directory.path().join(format!("state-{file}.dqs"));
    let own = CheckOptions { states: StateOptions { out: Some(out.clone()), cache: None }, ..options(1) };
    check(&parse(text), &world.files[file..=file], &own, Watch::default()).expect("readable");
    out
}

#[test]
fn what_states_do_not_have_is_an_error_and_says_which() {
    let world = World::new(2);
    let (one, other) = (states(&world, RULES, 0), states(&world, r#"Rules = [ RowCount > 0 ]"#, 1));
    let run = merge(&parse(RULES), &[one.clone(), other], &options(1), Watch::default()).expect("read");
    let verdicts: Vec<_> = run.outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts[0], Verdict::Pass);
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Error), "{verdicts:?}");
    let message = run.outcomes[1].message.as_deref().expect("a message");
    assert!(message.contains("state-1.dqs does not have"), "{message}");
    let twice = merge(&parse(RULES), &[one.clone(), one.clone()], &options(1), Watch::default());
    assert!(twice.expect_err("the same states").to_string().contains("count twice"));
    let copy = world.directory.path().join("copy.dqs");
    std::fs::copy(&one, &copy).expect("copied");
    let twice = merge(&parse(RULES), &[one, copy], &options(1), Watch::default());
    assert!(twice.expect_err("the same data").to_string().contains("count twice"));
}

#[test]
fn states_of_other_columns_are_refused() {
    let world = World::new(1);
    let one = states(&world, RULES, 0);
    let data = world.directory.path().join("other.csv");
    std::fs::write(&data, "id,price,name,day,time,amount\n1,2,x,3,4,5\n").expect("written");
    let out = world.directory.path().join("other.dqs");
    let own = CheckOptions { states: StateOptions { out: Some(out.clone()), cache: None }, ..options(1) };
    check(&parse(RULES), &[data], &own, Watch::default()).expect("readable");
    let refused = merge(&parse(RULES), &[one, out], &options(1), Watch::default()).expect_err("other types");
    let text = refused.to_string();
    assert!(text.contains("price") && text.contains("Int64") && text.contains("--column-type"), "{text}");
}

#[test]
fn damaged_states_never_panic_and_never_change_a_verdict() {
    let world = World::new(1);
    let path = states(&world, &every_rule(), 0);
    let good = std::fs::read(&path).expect("states");
    let text = every_rule();
    let ruleset = parse(&text);
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        merge(&ruleset, std::slice::from_ref(&path), &options(1), Watch::default())
    };
    let whole = json(&read(&good).expect("undamaged"), &text);
    let step = (good.len() / 150).max(1);
    for length in (0..good.len()).step_by(step) {
        assert!(read(&good[..length]).is_err(), "cut off after {length} bytes");
    }
    for at in (0..good.len()).step_by(step) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        if let Ok(run) = read(&bytes) {
            assert_eq!(json(&run, &text), whole, "byte {at}: what nobody asks for may be damaged");
        }
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(read(&longer).is_err());
    assert!(read(b"dqstates").is_err());
    assert!(read(b"a,b\n1,2\n").expect_err("no states").to_string().contains("no file of metric states"));
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("hostile.dqs");
        // Behind a good start, too.
        for start in [&b""[..], &b"dqstates\x01\x00\x04\x00"[..]] {
            std::fs::write(&path, [start, &bytes[..]].concat()).expect("written");
            let read = merge(&parse(RULES), std::slice::from_ref(&path), &options(1), Watch::default());
            prop_assert!(read.is_err());
        }
    }
}

#[test]
fn more_values_than_fit_the_memory_are_written_and_joined() {
    let directory = tempfile::tempdir().expect("a directory");
    let ids = |start: i64| {
        let ids = (0..400_000).map(|row: i64| (start + row).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64));
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_iter_values(ids)) as ArrayRef)]).expect("a batch")
    };
    let files: Vec<PathBuf> = [0, 399_000]
        .into_iter()
        .enumerate()
        .map(|(at, start)| {
            let path = directory.path().join(format!("{at}.parquet"));
            write_parquet(&path, &ids(start), 100_000);
            path
        })
        .collect();
    let text = r#"Rules = [ IsUnique "id", Uniqueness "id" > 0.99, Entropy "id" > 1 ]"#;
    let own = CheckOptions { memory_bytes: 8 << 20, ..options(2) };
    let whole = check(&parse(text), &files, &own, Watch::default()).expect("readable");
    let groups: Vec<&[PathBuf]> = files.chunks(1).collect();
    let merged = merged(&parse(text), &groups, directory.path(), &own).expect("mergeable");
    assert_eq!(json(&merged, text), json(&whole, text));
    assert_eq!(merged.outcomes[0].verdict, Verdict::Fail);
}

#[test]
fn a_reference_that_changed_is_another_metric() {
    let world = World::new(2);
    let reference = world.directory.path().join("ref.csv");
    let write = |text: &str| {
        std::fs::write(&reference, text).expect("written");
        settle_later(&reference, text.len() as u64 % 9);
    };
    write("key\nn0\nn1\nn2\nn3\n");
    let text = r#"Rules = [ ReferentialIntegrity "name" "ref.key" > 0.7 ]"#;
    let references = [("ref".to_string(), vec![reference.clone()])].into_iter().collect();
    let own = CheckOptions { references, ..options(1) };
    let groups: Vec<&[PathBuf]> = world.files.chunks(1).collect();
    let whole = check(&parse(text), &world.files, &own, Watch::default()).expect("readable");
    let run = merged(&parse(text), &groups, world.directory.path(), &own).expect("mergeable");
    assert_eq!(json(&run, text), json(&whole, text));
    assert_eq!(run.outcomes[0].verdict, Verdict::Pass);
    write("key\nn0\n");
    let states: Vec<PathBuf> = (0..2).map(|at| world.directory.path().join(format!("{at}.dqs"))).collect();
    let run = merge(&parse(text), &states, &own, Watch::default()).expect("read");
    assert_eq!((run.outcomes[0].verdict, run.outcomes[0].code), (Verdict::Error, Some("missing_state")));
}
