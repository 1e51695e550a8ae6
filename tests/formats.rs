//! The same rows say the same in every format, however compressed, cut, laid out or bounded in memory.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const RULES: &str = r#"Rules = [
    RowCount > 0,
    Completeness "text" > 0.5,
    IsUnique "id",
    Uniqueness "text" > 0.1,
    DistinctValuesCount "id" > 10,
    Entropy "flag" > 0.1,
    Sum "amount" > 0,
    Mean "amount" > 0,
    StandardDeviation "amount" > 0,
    ColumnValues "amount" between 0 and 1 with threshold > 0.1,
    ColumnValues "text" matches "t[0-9]+.*" with threshold > 0.5,
    ColumnLength "text" > 0 where "id > 10",
    ColumnCorrelation "id" "amount" > -2,
    IsPrimaryKey "id" "text"
]"#;

fn options() -> CheckOptions {
    CheckOptions { threads: 2, ..CheckOptions::default() }
}

fn run(data: &[PathBuf], options: &CheckOptions) -> Run {
    rules(RULES, data, options)
}

fn rules(rules: &str, data: &[PathBuf], options: &CheckOptions) -> Run {
    let now = "2026-01-31T12:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(rules, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    check(&ruleset, data, options, Watch::default()).unwrap_or_else(|error| panic!("{data:?}: {error}"))
}

/// Verdicts, metrics and messages.
fn said(run: &Run) -> String {
    run.outcomes.iter().fold(format!("{} rows\n", run.rows), |mut said, outcome| {
        let _ = writeln!(said, "{} {:?} {:?} {:?}", outcome.rule, outcome.verdict, outcome.metrics, outcome.message);
        said
    })
}

struct Row {
    id: i64,
    amount: f64,
    text: Option<String>,
    flag: bool,
}

/// Rows whose texts hold what formats must escape; some thousand of them make several chunks.
fn table(rows: i64) -> Vec<Row> {
    let text = |id: i64| match id % 11 {
        3 => None,
        5 => Some(format!("t{id}, \"quoted\"\nand broken {{\\}}")),
        7 => Some(format!("t{id} äöü €")),
        _ => Some(format!("t{} {}", id % 1_000, "x".repeat((id % 90) as usize))),
    };
    (0..rows)
        .map(|id| Row {
            id: (id * 7_919) % 1_000_003,
            amount: ((id * 37) % 1_000) as f64 / 8.0,
            text: text(id),
            flag: id % 3 == 0,
        })
        .collect()
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))), true),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.amount))), true),
        ("text", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.text.as_deref()))), true),
        ("flag", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.flag)))), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let mut text = String::from("id,amount,text,flag\r\n");
    for row in rows {
        let field = row.text.as_ref().map_or(String::new(), |text| format!("\"{}\"", text.replace('"', "\"\"")));
        let _ = write!(text, "{},{:?},{field},{}\r\n", row.id, row.amount, row.flag);
    }
    text.into_bytes()
}

fn json(rows: &[Row]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        let value = serde_json::json!({ "id": row.id, "amount": row.amount, "text": row.text, "flag": row.flag });
        let _ = writeln!(text, "{value}");
    }
    text.into_bytes()
}

fn arrow(rows: &[Row], stream: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema: SchemaRef = batch(&rows[..0]).schema();
    let parts = rows.chunks(5_000).map(batch);
    if stream {
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &schema).expect("a writer");
        parts.for_each(|part| writer.write(&part).expect("written"));
        writer.finish().expect("finished");
    } else {
        let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut bytes, &schema).expect("a writer");
        parts.for_each(|part| writer.write(&part).expect("written"));
        writer.finish().expect("finished");
    }
    bytes
}

fn avro(rows: &[Row]) -> Vec<u8> {
    let schema = batch(&rows[..0]).schema();
    let mut writer = arrow_avro::writer::AvroWriter::new(Vec::new(), schema.as_ref().clone()).expect("a writer");
    rows.chunks(500).for_each(|part| writer.write(&batch(part)).expect("written"));
    writer.finish().expect("finished");
    writer.into_inner()
}

fn parquet(rows: &[Row], group: usize) -> Vec<u8> {
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let whole = batch(rows);
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), whole.schema(), Some(properties)).expect("a writer");
    writer.write(&whole).expect("written");
    writer.into_inner().expect("closed")
}

fn compressed(bytes: &[u8], framing: &str) -> Vec<u8> {
    match framing {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
        }
        "zst" => zstd::encode_all(bytes, 1).expect("compressed"),
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
        }
        _ => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            encoder.write_all(bytes).expect("compressed");
            encoder.into_inner().expect("compressed")
        }
    }
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
    std::fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn all_formats_say_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = table(30_000);
    let formats = [
        ("a.csv", csv(&rows)),
        ("a.jsonl", json(&rows)),
        ("a.arrow", arrow(&rows, false)),
        ("a.arrows", arrow(&rows, true)),
        ("a.avro", avro(&rows)),
        ("a.parquet", parquet(&rows, 4_000)),
    ];
    // Sums of doubles that are exact do not depend on how the rows are cut; moments do, in the last digits.
    let coarse = |run: &Run| {
        let mut said = format!("{} rows\n", run.rows);
        for outcome in &run.outcomes {
            let metrics = outcome.metrics.iter().map(|(name, value)| format!("{name}={:.9e}", value.to_f64()));
            let _ = writeln!(said, "{} {:?} {}", outcome.rule, outcome.verdict, metrics.collect::<Vec<_>>().join(" "));
        }
        said
    };
    let expected = run(&[put(directory.path(), "b.parquet", &parquet(&rows, 1_000_000))], &options());
    assert!(expected.outcomes.iter().all(|outcome| outcome.verdict != Verdict::Error), "{}", said(&expected));
    for (name, bytes) in &formats {
        let path = put(directory.path(), name, bytes);
        let plain = run(std::slice::from_ref(&path), &options());
        assert_eq!(coarse(&plain), coarse(&expected), "{name}");
        for threads in [1, 3] {
            let again = run(std::slice::from_ref(&path), &CheckOptions { threads, ..options() });
            assert_eq!(said(&again), said(&plain), "{name} with {threads} threads");
        }
        for framing in ["gz", "zst", "bz2", "sz"] {
            // The name tells neither format nor compression; the options name the format where content cannot.
            let path = put(directory.path(), &format!("{name}.{framing}"), &compressed(bytes, framing));
            assert_eq!(said(&run(&[path], &options())), said(&plain), "{name} in {framing}");
        }
    }
}

#[test]
fn distinct_values_beyond_the_memory_limit_are_counted_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = table(500_000);
    let path = put(directory.path(), "a.parquet", &parquet(&rows, 100_000));
    let wide = r#"Rules = [ IsPrimaryKey "id" "text", Uniqueness "amount" > 0, Entropy "id" > 0, Uniqueness "text" > 0.1, DistinctValuesCount "text" > 1 ]"#;
    let free = rules(wide, std::slice::from_ref(&path), &options());
    let bounded = rules(wide, &[path], &CheckOptions { memory_bytes: 1 << 20, ..options() });
    assert_eq!(said(&bounded), said(&free));
}

#[test]
fn directories_are_datasets_and_their_names_are_columns() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    for (name, text) in [
        ("lake/year=2023/month=01/a.csv", "n\n1\n2\n"),
        ("lake/year=2024/month=12/b.csv", "n\n3\n"),
        ("lake/year=2024/month=__HIVE_DEFAULT_PARTITION__/c.csv", "n\n4\n"),
        ("lake/year=2024/_SUCCESS", ""),
        ("lake/_temporary/0/d.csv", "n\n100\n"),
        ("lake/year=2023/.e.csv.crc", "n\n100\n"),
    ] {
        put(root, name, text.as_bytes());
    }
    let text = r#"Rules = [ RowCount = 4, Sum "n" = 10, ColumnValues "year" in [2023, 2024], Sum "month" = 14, Completeness "month" = 0.75, ColumnCount = 3 ]"#;
    for name in ["lake", "lake/*/*/*.csv"] {
        let run = rules(text, &[root.join(name)], &options());
        assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{name}: {}", said(&run));
    }
    let mut plain = options();
    plain.read.no_partition_columns = true;
    let run = rules(r#"Rules = [ ColumnCount = 1 ]"#, &[root.join("lake")], &plain);
    assert_eq!(run.outcomes[0].verdict, Verdict::Pass, "{}", said(&run));
}

#[test]
fn files_with_other_columns_and_types_are_aligned_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        put(directory.path(), name, &writer.into_inner().expect("closed"))
    };
    let narrow = file("a.parquet", vec![("n", Arc::new(arrow_array::Int32Array::from(vec![1, 2])))]);
    let wide = file(
        "b.parquet",
        vec![
            ("extra", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![i64::MAX - 3]))),
        ],
    );
    let text = r#"Rules = [ RowCount = 3, Sum "n" = 9223372036854775807, ColumnValues "n" >= 1, Completeness "extra" between 0.3 and 0.4 ]"#;
    let run = rules(text, &[narrow.clone(), wide.clone()], &options());
    assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{}", said(&run));
    assert!(run.notes.iter().any(|note| note.contains("`extra` is missing in 1 of 2 files")), "{:?}", run.notes);
    let text = file("c.parquet", vec![("n", Arc::new(StringArray::from(vec!["x"])))]);
    let ruleset =
        Ruleset::parse("Rules = [ RowCount = 3 ]", &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    let error = check(&ruleset, &[narrow, text], &options(), Watch::default()).expect_err("types that do not fit");
    assert!(error.to_string().contains("column `n` has type Utf8"), "{error}");
}

#[test]
fn json_types_widen_and_new_keys_become_columns() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut text = String::new();
    (0..12_000).for_each(|id| text.push_str(&format!("{{\"n\":{id},\"s\":\"2024-01-01\",\"o\":{{\"a\":1}}}}\n")));
    text.push_str("{\"n\":\"many\",\"late\":1.5,\"s\":null}\n\n{\"s\":\"x\",\"n\":1,\"n\":2}\n");
    let path = put(directory.path(), "a.json", text.as_bytes());
    let wanted = r#"Rules = [ RowCount = 12002, DistinctValuesCount "n" = 12001, Sum "late" = 1.5, Completeness "o" < 1, Completeness "s" < 1 ]"#;
    let run = rules(wanted, &[path], &options());
    assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{}", said(&run));
    assert!(
        run.notes.iter().any(|note| note.contains("`n` is read as text, because of \"many\" in line 12001")),
        "{:?}",
        run.notes
    );
    let broken = put(directory.path(), "b.json", b"{\"a\":1}\n{\"a\":\n");
    let ruleset =
        Ruleset::parse("Rules = [ RowCount = 3 ]", &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    let error = check(&ruleset, &[broken], &options(), Watch::default()).expect_err("a broken line");
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn an_interrupted_check_concludes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = put(directory.path(), "a.csv", &csv(&table(1_000)));
    let ruleset = Ruleset::parse(RULES, &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    let stop = AtomicBool::new(true);
    let run = check(&ruleset, &[path], &options(), Watch { progress: None, stop: Some(&stop) }).expect("a result");
    assert!(run.incomplete);
    assert!(run.outcomes.iter().all(|outcome| outcome.code == Some("interrupted")), "{}", said(&run));
}
