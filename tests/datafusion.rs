//! Frames and tables of a DataFusion session: verdicts as of files, whatever the partitions; gates in a running plan.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, JoinType, SessionConfig, SessionContext, col, lit};
use dq::check::{CheckOptions, Ruleset, Run, Watch};
use dq::checker::Refused;
use dq::datafusion::{check, gate};
use dq::error::Error;
use dq::input::{Columns, Dataset, ReadOptions, data_files};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use futures::{SinkExt, StreamExt, TryStreamExt, channel::mpsc};
use std::path::PathBuf;
use std::sync::Arc;

const RULES: &str = r#"Rules = [
    RowCount between 100 and 1000, IsComplete "customer_id", IsUnique "customer_id", Completeness "notes" > 0.1,
    ColumnValues "credit_limit" > 1000 with threshold > 0.5, Mean "credit_limit" > 10,
    ColumnValues "country" in ["DE","GB"] where "postal_code is not null and length(city) > 5",
    Entropy "city" > 1, (IsComplete "name") and (ColumnLength "city" > 3), ColumnValues "absent" > 1
]"#;

fn ruleset(text: &str) -> Ruleset {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(text, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

fn options() -> CheckOptions {
    CheckOptions { samples: 0, ..CheckOptions::default() }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime").block_on(future)
}

fn customers() -> PathBuf {
    "fixtures/data/customers.csv".into()
}

/// Batches of a file, in the types that a check of it ends with.
fn batches(rows: usize) -> Vec<RecordBatch> {
    let files = data_files(&[customers()], true).expect("files");
    let dataset = Dataset::open(&files, &ReadOptions::default(), 1).expect("a dataset");
    let names: Vec<String> = dataset.schema().fields().iter().map(|field| field.name().clone()).collect();
    let all: Vec<usize> = (0..names.len()).collect();
    let batch = |columns: Columns| {
        let columns = names.iter().cloned().zip(columns.arrays).map(|(name, array)| {
            // A table has one type a column, encoding included.
            let own = dataset.schema().field_with_name(&name).expect("a column").data_type();
            (name, arrow_cast::cast(&array, own).expect("plain"), true)
        });
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    };
    dataset.batches(&all, rows).map(|columns| batch(columns.expect("rows"))).collect()
}

/// Rows dealt out to so many partitions.
fn table(context: &SessionContext, batches: &[RecordBatch], partitions: usize) -> DataFrame {
    let own = |at: usize| -> Vec<RecordBatch> { batches.iter().skip(at).step_by(partitions).cloned().collect() };
    let table = MemTable::try_new(batches[0].schema(), (0..partitions).map(own).collect()).expect("a table");
    context.read_table(Arc::new(table)).expect("a frame")
}

/// Numbers of doubles may differ in their last bits: they are folded in another order.
fn assert_same(own: &Run, other: &Run) {
    assert_eq!((own.rows, own.columns, own.score), (other.rows, other.columns, other.score));
    for (own, other) in own.outcomes.iter().zip(&other.outcomes) {
        assert_eq!((&own.rule, own.verdict, own.code), (&other.rule, other.verdict, other.code));
        assert_eq!((own.rows, own.row_counts), (other.rows, other.row_counts), "{}", own.rule);
        for ((name, own), (other_name, other)) in own.metrics.iter().zip(&other.metrics) {
            let (own, other) = (own.to_f64(), other.to_f64());
            assert_eq!(name, other_name);
            assert!((own - other).abs() <= 1e-9 * other.abs(), "{name}: {own} {other}");
        }
    }
}

#[test]
fn a_table_gives_what_a_file_gives_in_any_partitions() {
    let read = dq::check::check(&ruleset(RULES), &[customers()], &options(), Watch::default()).expect("a run");
    for partitions in [1, 2, 7] {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
        let frame = table(&context, &batches(16), partitions);
        let run = wait(check(frame, &ruleset(RULES), &options())).expect("a run");
        assert_same(&run, &read);
    }
}

fn small() -> RecordBatch {
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(2)]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a", "c"]));
    let amounts: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), Some(-1.0), Some(f64::NAN), None]));
    RecordBatch::try_from_iter([("key", keys), ("word", words), ("amount", amounts)]).expect("a batch")
}

#[test]
fn a_plan_is_run_and_its_rows_are_checked() {
    let context = SessionContext::new();
    let frame = context.read_batch(small()).expect("a frame");
    let frame = frame.filter(col("amount").is_not_null()).expect("a filter");
    let frame = frame.select(vec![col("word"), (col("amount") * lit(2.0)).alias("twice")]).expect("columns");
    let rules =
        r#"Rules = [ RowCount = 3, ColumnCount = 2, ColumnValues "twice" between -3 and 4 with threshold > 0.6 ]"#;
    let run = wait(check(frame, &ruleset(rules), &options())).expect("a run");
    assert_eq!((run.rows, run.score), (3, Some(1.0)));
}

#[test]
fn a_frame_without_rows_has_nothing_to_judge() {
    let context = SessionContext::new();
    let frame = context.read_batch(small()).expect("a frame").filter(lit(false)).expect("a filter");
    let run = wait(check(frame, &ruleset(r#"Rules = [ IsComplete "key", RowCount = 0 ]"#), &options())).expect("a run");
    assert_eq!(run.outcomes[0].code, Some("no_rows"));
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
}

#[test]
fn predicates_and_queries_of_rules_start_no_runtime_within_the_runtime() {
    let rules = r#"Rules = [
        ColumnValues "key" > 0 where "upper(word) = 'A' and amount < 2", CustomSql "select count(*) from primary" = 4
    ]"#;
    let context = SessionContext::new();
    // Also on a thread that must not block: what is started there would be noticed.
    let run = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
        let frame = context.read_batch(small()).expect("a frame");
        check(frame, &ruleset(rules), &options()).await.expect("a run")
    });
    assert_eq!((run.outcomes[0].verdict, run.outcomes[0].rows), (Verdict::Pass, Some((1, 1))));
    assert_eq!((run.outcomes[1].verdict, run.outcomes[1].code), (Verdict::Error, Some("needs_all_rows")));
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let context = SessionContext::new();
    let frame = || context.read_batch(small()).expect("a frame");
    let both =
        frame().alias("l").expect("l").join(frame().alias("r").expect("r"), JoinType::Inner, &["key"], &["key"], None);
    let checked = wait(check(both.expect("a join"), &ruleset("Rules = [ RowCount > 0 ]"), &options()));
    assert!(matches!(checked, Err(Error::Option(message)) if message.contains("`key`")));
}

#[test]
fn a_plan_that_fails_is_an_error_and_no_verdict() {
    let context = SessionContext::new();
    let frame = context.read_batch(small()).expect("a frame");
    let frame = frame.select(vec![(lit(1_i64) / (col("key") - lit(2_i64))).alias("ratio")]).expect("columns");
    let error = wait(check(frame, &ruleset("Rules = [ RowCount > 0 ]"), &options())).expect_err("an error");
    assert!(matches!(&error, Error::Rows { engine: "DataFusion", .. }), "{error}");
    assert!(error.to_string().to_lowercase().contains("divide by zero"), "{error}");
}

#[test]
fn a_gate_stands_in_a_running_plan() {
    let rules = r#"Rules = [ ColumnValues "key" > 1 with threshold > 0.4 ]"#;
    let context = SessionContext::new();
    let frame = table(&context, &[small(), small(), small()], 3);
    let (sink, dead_letters) = mpsc::unbounded();
    let (good, counts, run, bad) = wait(async {
        let sink = sink.sink_map_err(|error| DataFusionError::External(Box::new(error)));
        let mut gate = gate(frame, &ruleset(rules), &options(), sink).await.expect("a gate");
        let good: Vec<RecordBatch> = (&mut gate).try_collect().await.expect("good rows");
        let counts = gate.counts();
        let run = gate.commit().expect("committed");
        (good, counts, run, dead_letters.collect::<Vec<RecordBatch>>().await)
    });
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
    assert_eq!((rows(&good), rows(&bad)), (6, 6));
    assert_eq!((counts.good, counts.bad, run.rows), (6, 6, 12));
}

#[test]
fn errors_of_a_plan_reach_whoever_reads_a_gate() {
    let context = SessionContext::new();
    let frame = context.read_batch(small()).expect("a frame");
    let frame = frame.select(vec![(lit(1_i64) / (col("key") - lit(2_i64))).alias("ratio")]).expect("columns");
    let (sink, _dead_letters) = mpsc::unbounded::<RecordBatch>();
    wait(async {
        let sink = sink.sink_map_err(|error| DataFusionError::External(Box::new(error)));
        let mut gate = gate(frame, &ruleset("Rules = [ RowCount > 0 ]"), &options(), sink).await.expect("a gate");
        let read: Result<Vec<RecordBatch>, DataFusionError> = (&mut gate).try_collect().await;
        assert!(read.is_err());
        assert!(matches!(gate.commit(), Err(Refused::Rules { run }) if run.incomplete));
    });
}

#[test]
fn errors_of_the_library_pass_through_streams_as_they_were() {
    let there = DataFusionError::from(Error::Option("no such thing".into()));
    assert!(matches!(Error::from(there), Error::Option(message) if message == "no such thing"));
}
