//! What file metadata proves is what the data says: every file of `fixtures/parquet`, written by many
//! writers and some with crafted footers, is checked with and without trust in its statistics; so are files
//! of random rows, in row groups and pages of all sizes.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn run(rules: &str, data: &Path, ignore_statistics: bool) -> Run {
    attempt(rules, data, ignore_statistics).expect("readable")
}

fn attempt(rules: &str, data: &Path, ignore_statistics: bool) -> Result<Run, String> {
    let now = "2026-01-31T12:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(rules, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    let mut options = CheckOptions { threads: 2, samples: 0, ..CheckOptions::default() };
    options.read.ignore_statistics = ignore_statistics;
    check(&ruleset, &[data.to_path_buf()], &options, Watch::default()).map_err(|error| error.to_string())
}

/// All outcomes, to the last digit.
fn shown(run: &Run) -> Vec<String> {
    run.outcomes.iter().map(|outcome| format!("{outcome:?}")).collect()
}

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet");
    let entries = std::fs::read_dir(directory).expect("fixtures").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "parquet")).collect();
    files.sort();
    files
}

/// Rules whose reported minimum or maximum is that of a footer that shortens numbers, as no writer does.
fn is_shortened(file: &str, rule: &str) -> bool {
    file == "crafted_wide" && (rule.contains("\"id\"") || rule.contains("\"i32\""))
}

#[test]
fn footers_prove_nothing_but_the_truth() {
    let rules = include_str!("../fixtures/parquet/statistics.dqdl");
    let mut proved = 0;
    for path in files() {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let (trusting, reading) = (run(rules, &path, false), run(rules, &path, true));
        proved += usize::from(trusting.columns_read < reading.columns_read);
        if name == "lying_statistics" {
            continue;
        }
        for (trusted, read) in trusting.outcomes.iter().zip(&reading.outcomes) {
            if is_shortened(name, &trusted.rule) {
                assert_eq!(trusted.verdict, read.verdict, "{name}: {}", trusted.rule);
                continue;
            }
            // NaN is not equal to itself.
            let shown = |outcome: &dq::verdict::Outcome| {
                format!("{:?} {:?} {:?} {:?}", outcome.verdict, outcome.metrics, outcome.rows, outcome.message)
            };
            assert_eq!(shown(trusted), shown(read), "{name}: {}", trusted.rule);
        }
        assert_eq!(trusting.rows, reading.rows, "{name}");
    }
    assert!(proved > 10, "footers answered whole columns in {proved} files only");
}

#[test]
fn statistics_that_lie_can_be_ignored() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet/lying_statistics.parquet");
    let rule = "Rules = [ IsComplete \"i32\" ]";
    assert_eq!(run(rule, &path, false).outcomes[0].verdict, Verdict::Pass, "the footer says that nothing is NULL");
    assert_eq!(run(rule, &path, true).outcomes[0].verdict, Verdict::Fail);
}

#[test]
fn rules_that_the_footer_answers_read_no_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet/pyarrow.parquet");
    let rules = "Rules = [ RowCount = 600, IsComplete \"id\", ColumnValues \"id\" between 0 and 601, ColumnValues \"id\" > 600 with threshold < 0.1 ]";
    let answered = run(rules, &path, false);
    assert!(answered.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{:?}", answered.outcomes);
    assert_eq!(answered.columns_read, 0);
    assert_eq!(run(rules, &path, true).columns_read, 1);
}

type Row = (Option<i64>, Option<u32>, Option<f64>, Option<i32>, Option<i64>, Option<String>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let float = prop_oneof![6 => (-8i32..8).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(-0.0)];
    let text = prop_oneof![4 => "[ab]{0,2}", 1 => Just("a".repeat(80)), 1 => Just(format!("{}b", "a".repeat(80)))];
    let row = (
        prop::option::weighted(0.9, -4i64..4),
        prop::option::weighted(0.9, prop_oneof![0u32..4, (u32::MAX - 4)..=u32::MAX]),
        prop::option::weighted(0.9, float),
        prop::option::weighted(0.9, 19_720i32..19_724),
        prop::option::weighted(0.9, -400i64..400),
        prop::option::weighted(0.9, text),
    );
    // Long runs of one row make constant and empty row groups.
    prop::collection::vec((row, 1usize..12), 1..12)
        .prop_map(|runs| runs.into_iter().flat_map(|(row, times)| vec![row; times]).collect())
}

fn written(
    rows: &[Row],
    group: usize,
    page: usize,
    dictionary: bool,
    statistics: EnabledStatistics,
    cut: Option<usize>,
) -> tempfile::NamedTempFile {
    let decimals = Decimal128Array::from_iter(rows.iter().map(|row| row.4.map(i128::from)));
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("i", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))), true),
        ("u", Arc::new(UInt32Array::from_iter(rows.iter().map(|row| row.1))), true),
        ("f", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2))), true),
        ("t", Arc::new(Date32Array::from_iter(rows.iter().map(|row| row.3))), true),
        ("d", Arc::new(decimals.with_precision_and_scale(10, 2).expect("a decimal")), true),
        ("s", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.5.as_deref()))), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().expect("a file");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_data_page_row_count_limit(page)
        .set_write_batch_size(page.min(1024))
        .set_dictionary_enabled(dictionary)
        .set_statistics_enabled(statistics)
        .set_statistics_truncate_length(cut)
        .build();
    let mut writer =
        ArrowWriter::try_new(file.reopen().expect("opened"), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    file
}

fn rules(point: i64) -> String {
    let mut rules = vec!["RowCount > 0".to_string()];
    for column in ["i", "u", "f", "t", "d", "s"] {
        rules.push(format!("Completeness \"{column}\" >= 0"));
        rules.push(format!("IsUnique \"{column}\""));
        rules.push(format!("DistinctValuesCount \"{column}\" > {point}"));
        rules.push(format!("Entropy \"{column}\" > 0"));
    }
    for column in ["i", "u", "f", "d"] {
        for condition in [
            format!("> {point}"),
            format!("<= {point}"),
            format!("between {} and {}", point - 2, point + 2),
            format!("in [{point}, 4294967295]"),
            format!("!= {point}"),
        ] {
            rules.push(format!("ColumnValues \"{column}\" {condition}"));
            rules.push(format!("ColumnValues \"{column}\" {condition} with threshold >= 0"));
        }
        rules.push(format!("Mean \"{column}\" > {point}"));
        rules.push(format!("StandardDeviation \"{column}\" > {point}"));
    }
    for condition in ["> \"2023-12-30\"", "<= \"2023-12-31\"", "= \"2024-01-01\""] {
        rules.push(format!("ColumnValues \"t\" {condition} with threshold >= 0"));
    }
    for rule in [
        "ColumnLength \"s\" < 80",
        "ColumnValues \"s\" = \"a\" with threshold >= 0",
        "ColumnValues \"s\" matches \"a*\" with threshold >= 0",
    ] {
        rules.push(rule.into());
    }
    format!("Rules = [ {} ]", rules.join(",\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_proof_says_what_reading_says(
        rows in rows(),
        group in prop_oneof![Just(3usize), Just(10), Just(1000)],
        page in prop_oneof![Just(2usize), Just(20_000)],
        dictionary in any::<bool>(),
        statistics in prop_oneof![Just(EnabledStatistics::None), Just(EnabledStatistics::Chunk), Just(EnabledStatistics::Page)],
        cut in prop_oneof![Just(None), Just(Some(1usize)), Just(Some(64))],
        point in -5i64..5,
    ) {
        let file = written(&rows, group, page, dictionary, statistics, cut);
        let rules = rules(point);
        let (trusting, reading) = (run(&rules, file.path(), false), run(&rules, file.path(), true));
        for ((trusted, read), outcome) in shown(&trusting).iter().zip(shown(&reading)).zip(&trusting.outcomes) {
            prop_assert_eq!(trusted, &read, "{}", &outcome.rule);
        }
    }

    #[test]
    fn a_page_proves_what_reading_says(
        rows in rows(),
        sorted in any::<bool>(),
        group in prop_oneof![Just(20usize), Just(1000)],
        page in 1usize..9,
        dictionary in any::<bool>(),
        cut in prop_oneof![Just(None), Just(Some(1usize))],
        point in -5i64..5,
    ) {
        let mut rows = rows;
        if sorted {
            rows.sort_by_key(|row| row.0);
        }
        let file = written(&rows, group, page, dictionary, EnabledStatistics::Page, cut);
        let rules = rules_of_pages(point);
        let (trusting, reading) = (run(&rules, file.path(), false), run(&rules, file.path(), true));
        for ((trusted, read), outcome) in shown(&trusting).iter().zip(shown(&reading)).zip(&trusting.outcomes) {
            prop_assert_eq!(trusted, &read, "{}", &outcome.rule);
        }
        prop_assert_eq!(trusting.rows, reading.rows);
    }
}

/// Rules that pages answer: any that must see every value would have their column read.
fn rules_of_pages(point: i64) -> String {
    let mut rules = Vec::new();
    for column in ["i", "u", "d"] {
        for condition in [
            format!("> {point}"),
            format!("<= {point}"),
            format!("between {} and {}", point - 2, point + 2),
            format!("in [{point}, 4294967295, NULL]"),
            format!("!= {point}"),
        ] {
            rules.push(format!("ColumnValues \"{column}\" {condition}"));
            rules.push(format!("ColumnValues \"{column}\" {condition} with threshold >= 0"));
        }
        rules.push(format!("Completeness \"{column}\" > 0.5"));
    }
    for condition in ["> \"2023-12-30\"", "<= \"2023-12-31\"", "= \"2024-01-01\""] {
        rules.push(format!("ColumnValues \"t\" {condition} with threshold >= 0"));
    }
    format!("Rules = [ {} ]", rules.join(",\n"))
}

/// A file of whole numbers in pages of ten, and its metadata.
fn in_pages(values: Vec<i64>) -> (tempfile::NamedTempFile, ParquetMetaData) {
    let column: ArrayRef = Arc::new(Int64Array::from(values));
    let batch = RecordBatch::try_from_iter_with_nullable([("i", column, false)]).expect("a batch");
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().expect("a file");
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(10)
        .set_write_batch_size(10)
        .build();
    let mut writer =
        ArrowWriter::try_new(file.reopen().expect("opened"), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = reader.parse_and_finish(&file.reopen().expect("opened")).expect("metadata");
    (file, metadata)
}

fn overwrite(file: &tempfile::NamedTempFile, offset: u64, bytes: &[u8]) {
    let mut file = file.reopen().expect("opened");
    file.seek(SeekFrom::Start(offset)).expect("a place");
    file.write_all(bytes).expect("written");
}

/// A hundred numbers from 0, but for one in the fourth page.
fn with_a_bad_row() -> Vec<i64> {
    (0..100).map(|value| if value == 35 { -5 } else { value }).collect()
}

/// The bad row fails the first and the last.
const SEEING_THE_BAD_ROW: &str = "Rules = [ ColumnValues \"i\" >= 0, ColumnValues \"i\" >= 0 with threshold > 0.985, ColumnValues \"i\" >= 0 with threshold > 0.995 ]";

#[test]
fn only_the_page_of_the_bad_row_is_read() {
    let (file, metadata) = in_pages(with_a_bad_row());
    let expected = run(SEEING_THE_BAD_ROW, file.path(), true);
    let verdicts: Vec<_> = expected.outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts, [Verdict::Fail, Verdict::Pass, Verdict::Fail]);
    let pages = metadata.offset_index().expect("an offset index")[0][0].page_locations();
    assert_eq!(pages.len(), 10);
    for page in pages.iter().filter(|page| page.first_row_index != 30) {
        let bytes = vec![0xff; usize::try_from(page.compressed_page_size).expect("a size")];
        overwrite(&file, u64::try_from(page.offset).expect("an offset"), &bytes);
    }
    assert!(attempt(SEEING_THE_BAD_ROW, file.path(), true).is_err(), "the other pages can be read");
    let trusting = run(SEEING_THE_BAD_ROW, file.path(), false);
    assert_eq!(shown(&trusting), shown(&expected));
    assert_eq!((trusting.rows, trusting.columns_read), (100, 1));
}

#[test]
fn pages_that_are_all_decided_are_not_read() {
    let (file, metadata) = in_pages((0..100).collect());
    let rules = "Rules = [ ColumnValues \"i\" >= 50 with threshold = 0.5 ]";
    let expected = run(rules, file.path(), true);
    assert_eq!(expected.outcomes[0].verdict, Verdict::Pass);
    let (start, length) = metadata.row_group(0).column(0).byte_range();
    overwrite(&file, start, &vec![0xff; usize::try_from(length).expect("a length")]);
    let trusting = run(rules, file.path(), false);
    assert_eq!(shown(&trusting), shown(&expected));
    assert_eq!((trusting.rows, trusting.columns_read), (100, 0));
}

#[test]
fn page_indexes_that_contradict_prove_nothing() {
    let (file, metadata) = in_pages(with_a_bad_row());
    let expected = shown(&run(SEEING_THE_BAD_ROW, file.path(), true));
    let chunk = metadata.row_group(0).column(0);
    let place = |offset: Option<i64>| u64::try_from(offset.expect("an index")).expect("an offset");
    let bytes_at = |offset: u64, length: Option<i32>| {
        let mut bytes = vec![0; usize::try_from(length.expect("an index")).expect("a length")];
        let mut file = file.reopen().expect("opened");
        file.seek(SeekFrom::Start(offset)).expect("a place");
        file.read_exact(&mut bytes).expect("bytes");
        bytes
    };
    // The minimum of the fourth page: the footer has a smaller one than all pages then.
    let columns = place(chunk.column_index_offset());
    let index = bytes_at(columns, chunk.column_index_length());
    let minimum = (-5i64).to_le_bytes();
    let at = index.windows(8).position(|bytes| bytes == minimum).expect("the minimum") as u64;
    overwrite(&file, columns + at, &30i64.to_le_bytes());
    assert_eq!(shown(&run(SEEING_THE_BAD_ROW, file.path(), false)), expected, "no page has the minimum");
    overwrite(&file, columns + at, &minimum);
    // More pages than there is room for, in the list that begins the index.
    let offsets = place(chunk.offset_index_offset());
    let index = bytes_at(offsets, chunk.offset_index_length());
    assert_eq!(index[0], 0x19, "no list of pages");
    overwrite(&file, offsets, &[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]);
    assert_eq!(shown(&run(SEEING_THE_BAD_ROW, file.path(), false)), expected, "two billion pages");
}
