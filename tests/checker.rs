//! Pushed batches against files of the same rows; masks against files of rows; forks, windows, gates, custom types.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use dq::check::{CheckOptions, Ruleset, Run, Watch, check, judge_table};
use dq::checker::{Checker, Gate, Refused};
use dq::comparison::Operator;
use dq::error::Error;
use dq::input::{Batches, Dataset, Parts, ReadOptions, Table, data_files};
use dq::rules::signature::{Conditions, Signature};
use dq::rules::{BindOptions, BoundRule, RuleType, Status, Target, register};
use dq::value::Number;
use dq::verdict::Verdict;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RULES: &str = r#"Rules = [
    RowCount between 100 and 1000, IsComplete "customer_id", IsUnique "customer_id", Completeness "notes" > 0.1,
    ColumnValues "credit_limit" > 1000 with threshold > 0.5, Mean "credit_limit" > 10, StandardDeviation "credit_limit" > 1,
    ColumnValues "country" in ["DE","GB"] where "postal_code is not null",
    ColumnLength "country" = 2, Entropy "city" > 1, DistinctValuesCount "city" > 5, UniqueValueRatio "email" > 0.5,
    (IsComplete "name") and (ColumnLength "city" > 3), (IsUnique "email") or (IsComplete "notes"),
    ColumnValues "absent" > 1, ColumnCorrelation "credit_limit" "customer_id" < 2
]"#;

fn ruleset(text: &str) -> Ruleset {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(text, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

fn customers() -> PathBuf {
    "fixtures/data/customers.csv".into()
}

/// Batches of a file, in the types that a check of it ends with.
fn batches(rows: usize) -> Vec<RecordBatch> {
    batches_of(&customers(), rows).expect("rows")
}

fn batches_of(path: &Path, rows: usize) -> Result<Vec<RecordBatch>, Error> {
    let dataset = Dataset::open(&data_files(&[path.to_path_buf()], true)?, &ReadOptions::default(), 1)?;
    let names: Vec<String> = dataset.schema().fields().iter().map(|field| field.name().clone()).collect();
    let all: Vec<usize> = (0..names.len()).collect();
    let batch = |columns: dq::input::Columns| {
        let columns = names.iter().cloned().zip(columns.arrays).map(|(name, array)| (name, array, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    };
    dataset.batches(&all, rows).map(|columns| columns.map(batch)).collect()
}

/// The batch with its text in another layout or encoding, which is no other type.
fn laid_out(batch: &RecordBatch, way: usize) -> RecordBatch {
    let encoded = |keys: DataType, values: DataType| DataType::Dictionary(Box::new(keys), Box::new(values));
    let ways = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        encoded(DataType::Int32, DataType::Utf8),
        encoded(DataType::UInt8, DataType::LargeUtf8),
    ];
    let column = |(field, array): (&FieldRef, &ArrayRef)| {
        let is_text = matches!(array.data_type(), DataType::Utf8 | DataType::Utf8View);
        let data_type = if is_text { &ways[way % ways.len()] } else { array.data_type() };
        (field.name().clone(), arrow_cast::cast(array, data_type).expect("text"), true)
    };
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(column);
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

/// Rules that only all rows at once can answer, and what they are then.
const NEEDS_MORE: &[&str] = &["needs_all_rows", "no_files"];

#[test]
fn every_conformance_case_gives_pushed_what_it_gives_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance");
    let cases = std::fs::read_to_string(fixtures.join("cases.jsonl")).expect("cases");
    let (mut same, mut refused) = (0, 0);
    for case in cases.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a case")) {
        let (Some(text), Some(primary)) = (case["ruleset"].as_str(), case["primary"].as_str()) else { continue };
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let ruleset = Ruleset::parse(text, &BindOptions { now, target: Target::Dq });
        if ruleset.has_errors() {
            continue;
        }
        let data = fixtures.join("data").join(primary);
        let additional = case["additional"].as_object().into_iter().flatten();
        let file = |file: &serde_json::Value| fixtures.join("data").join(file.as_str().expect("a file"));
        let references = additional.map(|(alias, name)| (alias.clone(), vec![file(name)])).collect();
        let options = CheckOptions { references, ..options() };
        let batches = batches_of(&data, 7).expect("rows");
        // A file without rows gives no batch.
        let Some(first) = batches.first() else { continue };
        let read = check(&ruleset, &[data], &options, Watch::default()).expect("a run");
        let mut checker = Checker::new(&ruleset, &first.schema(), &options).expect("a checker");
        let batches = batches.into_iter().enumerate().map(|(at, batch)| laid_out(&batch, at));
        let pushed = batches.map(|batch| checker.push_rows(&batch).expect("pushed").good_rows());
        let good: usize = pushed.sum();
        let judges_all = checker.unjudged_rows().is_empty();
        let pushed = checker.finish().expect("a run");
        let open = |run: &Run| run.outcomes.iter().any(|own| own.code.is_some_and(|code| NEEDS_MORE.contains(&code)));
        if open(&pushed) {
            assert!(!pushed.outcomes.iter().any(|own| own.verdict == Verdict::Pass && own.code.is_some()), "{case}");
            refused += 1;
            continue;
        }
        if case["group"] == "AggregateMatch" {
            // A file is summed row group by row group, as Spark sums partition by partition, and pushed rows have no
            // such groups: what is compared by `=` may differ in its last bit.
            assert_same_numbers(&pushed, &read);
            continue;
        }
        assert_same(&pushed, &read);
        if let ([outcome], true) = (read.outcomes.as_slice(), judges_all)
            && let Some(counts) = outcome.row_counts
        {
            assert_eq!(good as u64, read.rows - counts.failed, "{case}");
        }
        same += 1;
    }
    assert!(same > 700, "{same} the same, {refused} need all rows");
}

fn options() -> CheckOptions {
    CheckOptions { samples: 0, threads: 2, ..CheckOptions::default() }
}

fn checker(text: &str, batches: &[RecordBatch]) -> Checker {
    Checker::new(&ruleset(text), &batches[0].schema(), &options()).expect("a checker")
}

fn assert_same(pushed: &Run, read: &Run) {
    assert_eq!((pushed.rows, pushed.columns), (read.rows, read.columns));
    assert_eq!(pushed.score, read.score);
    for (own, other) in pushed.outcomes.iter().zip(&read.outcomes) {
        assert_eq!((&own.rule, own.verdict, own.code), (&other.rule, other.verdict, other.code));
        assert_eq!((own.rows, own.row_counts), (other.rows, other.row_counts), "{}", own.rule);
    }
    assert_same_numbers(pushed, read);
}

/// Numbers of doubles may differ in their last bits: they are folded in other pieces.
fn assert_same_numbers(pushed: &Run, read: &Run) {
    for (own, other) in pushed.outcomes.iter().zip(&read.outcomes) {
        assert_eq!(own.metrics.len(), other.metrics.len(), "{}", own.rule);
        for ((name, own), (other_name, other)) in own.metrics.iter().zip(&other.metrics) {
            let (own, other) = (own.to_f64(), other.to_f64());
            assert_eq!(name, other_name);
            assert!((own - other).abs() <= 1e-9 * other.abs(), "{name}: {own} {other}");
        }
    }
}

#[test]
fn pushed_batches_give_what_a_file_gives() {
    let read = check(&ruleset(RULES), &[customers()], &options(), Watch::default()).expect("a run");
    for rows in [1, 7, 64, 8192] {
        let batches = batches(rows);
        let mut checker = checker(RULES, &batches);
        for batch in &batches {
            checker.push(batch).expect("pushed");
        }
        assert_same(&checker.finish().expect("a run"), &read);
    }
}

#[test]
fn forks_of_several_threads_merge() {
    let batches = batches(16);
    let read = check(&ruleset(RULES), &[customers()], &options(), Watch::default()).expect("a run");
    let mut first = checker(RULES, &batches);
    let forks: Vec<Checker> = std::thread::scope(|scope| {
        let work = |at: usize| {
            let mut fork = first.fork();
            let own: Vec<RecordBatch> = batches.iter().skip(at).step_by(3).cloned().collect();
            scope.spawn(move || {
                own.iter().for_each(|batch| fork.push(batch).expect("pushed"));
                fork
            })
        };
        let workers: Vec<_> = (0..3).map(work).collect();
        workers.into_iter().map(|worker| worker.join().expect("a fork")).collect()
    });
    for fork in forks {
        first.merge(fork).expect("merged");
    }
    let mut other = first.renew().expect("another");
    assert_same(&first.finish().expect("a run"), &read);
    assert!(other.merge(checker(RULES, &batches)).is_err(), "no fork");
    assert!(other.finish().expect("a run").incomplete, "its rows are missing");
}

#[test]
fn windows_know_nothing_of_one_another() {
    let batches = batches(50);
    let mut first = checker("Rules = [ RowCount = 50 ]", &batches);
    first.push(&batches[0]).expect("pushed");
    let mut second = first.renew().expect("a window");
    second.push(&batches[1]).expect("pushed");
    second.push(&batches[2]).expect("pushed");
    assert_eq!(first.finish().expect("a run").outcomes[0].verdict, Verdict::Pass);
    assert_eq!(second.finish().expect("a run").outcomes[0].verdict, Verdict::Fail);
}

fn small() -> RecordBatch {
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(2)]));
    let words: DictionaryArray<arrow_array::types::Int8Type> = vec!["a", "b", "a", "c"].into_iter().collect();
    let amounts: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(-1.0), Some(f64::NAN), None]));
    RecordBatch::try_from_iter([("key", keys), ("word", Arc::new(words) as _), ("amount", amounts)]).expect("a batch")
}

#[test]
fn masks_say_which_rows_fail_which_rules() {
    let rules = r#"Rules = [ IsComplete "key", ColumnValues "word" in ["a","b"], IsUnique "key", RowCount > 9 ]"#;
    let mut checker = checker(rules, &[small()]);
    assert_eq!(checker.unjudged_rows(), [r#"IsUnique "key""#]);
    let mask = checker.push_rows(&small()).expect("a mask");
    assert_eq!(mask.good().iter().flatten().collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!((mask.good_rows(), mask.bad_rows(), mask.bad().null_count()), (2, 2, 0));
    assert_eq!(mask.failed(2).collect::<Vec<_>>(), [r#"IsComplete "key""#]);
    assert_eq!(mask.failed(3).collect::<Vec<_>>(), [r#"ColumnValues "word" in ["a","b"]"#]);
    assert_eq!(mask.failed(4).count(), 0);
    let run = checker.finish().expect("a run");
    assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Fail));
}

#[test]
fn what_needs_all_rows_is_error() {
    let rules = r#"Rules = [ CustomSql "select count(*) from primary" = 4, RowCount = 4 ]"#;
    let mut checker = checker(rules, &[small()]);
    checker.push(&small()).expect("pushed");
    let run = checker.finish().expect("a run");
    let error = &run.outcomes[0];
    assert_eq!(error.verdict, Verdict::Error);
    if cfg!(feature = "sql") {
        assert_eq!(error.code, Some("needs_all_rows"));
    }
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
}

#[test]
fn batches_of_other_columns_are_refused_and_missing_from_then_on() {
    let new = || checker("Rules = [ RowCount > 0 ]", &[small()]);
    let swapped = small().project(&[1, 0, 2]).expect("a batch");
    let fewer = small().project(&[0, 1]).expect("a batch");
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let other = RecordBatch::try_from_iter([("key", text.clone()), ("word", text.clone()), ("amount", text)]);
    for batch in [swapped, fewer, other.expect("a batch")] {
        let mut checker = new();
        checker.push(&small()).expect("pushed");
        assert!(matches!(checker.push(&batch), Err(Error::Option(_))));
        checker.push(&small()).expect("pushed");
        let mut first = checker.renew().expect("a window");
        first.push(&small()).expect("pushed");
        assert!(!first.finish().expect("a run").incomplete, "windows know nothing of one another");
        let mut whole = checker.fork();
        whole.push(&small()).expect("pushed");
        whole.merge(checker).expect("merged");
        let run = whole.finish().expect("a run");
        assert!(run.incomplete && run.outcomes[0].code == Some("interrupted"), "{:?}", run.outcomes);
    }
    let plain: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d"]));
    let columns = [("key", small().column(0).clone()), ("word", plain), ("amount", small().column(2).clone())];
    let mut checker = new();
    checker.push(&RecordBatch::try_from_iter(columns).expect("a batch")).expect("the encoding is no type");
    assert_eq!(checker.rows(), 4);
    assert!(!checker.finish().expect("a run").incomplete);
}

#[test]
fn a_selection_that_lets_anything_pass_is_refused() {
    let ruleset = ruleset(r#"Rules = [ IsComplete "key" ]"#);
    let selections = [(vec!["IsCompleet"], vec![]), (vec!["RowCount"], vec![]), (vec![], vec!["Rule_1"])];
    for (only, skip) in selections {
        let names = |names: Vec<&str>| names.into_iter().map(str::to_string).collect();
        let options = CheckOptions { only: names(only), skip: names(skip), ..options() };
        assert!(matches!(Checker::new(&ruleset, &small().schema(), &options), Err(Error::Option(_))));
        assert!(matches!(check(&ruleset, &[customers()], &options, Watch::default()), Err(Error::Option(_))));
    }
}

/// A table of one batch, as it is.
struct Held(RecordBatch);

impl Table for Held {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn parts(&self) -> Parts {
        Parts::Placed(1)
    }

    fn read(&self, _part: usize, columns: &[usize], _batch_rows: usize) -> Result<Batches<'_>, Error> {
        Ok(Box::new(std::iter::once(Ok(self.0.project(columns).expect("columns")))))
    }
}

#[test]
fn null_among_the_values_of_a_dictionary_is_null() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let keys = Int32Array::from(vec![Some(0), Some(1), Some(0), None]);
    let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).expect("a dictionary"));
    let batch = RecordBatch::try_from_iter_with_nullable([("word", column, true)]).expect("a batch");
    let rules = r#"Rules = [ Completeness "word" = 0.5, IsComplete "word" ]"#;
    let mut checker = checker(rules, std::slice::from_ref(&batch));
    assert_eq!(checker.push_rows(&batch).expect("pushed").good_rows(), 2);
    let table: Arc<dyn Table> = Arc::new(Held(batch));
    let (read, good) = judge_table(&ruleset(rules), &table, &options(), Watch::default()).expect("a run");
    assert_eq!(good.count_set_bits(), 2);
    for run in [checker.finish().expect("a run"), read] {
        assert_eq!(run.outcomes[0].verdict, Verdict::Pass, "{:?}", run.outcomes);
        assert_eq!(run.outcomes[1].verdict, Verdict::Fail);
    }
}

#[test]
fn an_empty_stream_has_nothing_to_judge() {
    let run = checker(r#"Rules = [ IsComplete "key", RowCount = 0 ]"#, &[small()]).finish().expect("a run");
    assert_eq!(run.outcomes[0].code, Some("no_rows"));
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
}

#[test]
fn a_gate_sorts_rows_and_stops_commits() {
    for (threshold, passes) in [("0.4", true), ("0.9", false)] {
        let rules = format!(r#"Rules = [ ColumnValues "key" > 1 with threshold > {threshold} ]"#);
        let mut bad = Vec::new();
        let sink = |batch: RecordBatch| -> Result<(), Error> {
            bad.push(batch.num_rows());
            Ok(())
        };
        let mut gate = Gate::new(checker(&rules, &[small()]), [Ok(small()), Ok(small())].into_iter(), sink);
        let good: usize = gate.by_ref().map(|batch| batch.expect("a batch").num_rows()).sum();
        assert_eq!((gate.counts().good, gate.counts().bad), (4, 4));
        let committed = gate.commit();
        assert_eq!((good, bad), (4, vec![2, 2]));
        match committed {
            Ok(run) => assert!(passes && run.rows == 8),
            Err(Refused::Rules { run }) => assert!(!passes && !run.incomplete),
            Err(Refused::Trouble(error)) => panic!("{error}"),
        }
    }
}

#[test]
fn a_gate_whose_sink_panicked_commits_nothing() {
    let sink = |_: RecordBatch| -> Result<(), Error> { panic!("no room") };
    let rules = r#"Rules = [ ColumnValues "key" > 1 with threshold > 0.1 ]"#;
    let mut gate = Gate::new(checker(rules, &[small()]), [Ok(small()), Ok(small())].into_iter(), sink);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gate.next())).is_err());
    assert!(gate.next().is_none(), "it is over");
    assert!(matches!(gate.commit(), Err(Refused::Rules { run }) if run.incomplete));
}

#[test]
fn a_gate_commits_by_analyzers_too() {
    let rules = r#"Rules = [ RowCount > 0 ] Analyzers = [ Mean "word" ]"#;
    let sink = |_: RecordBatch| -> Result<(), Error> { Ok(()) };
    let mut gate = Gate::new(checker(rules, &[small()]), [Ok(small())].into_iter(), sink);
    assert_eq!(gate.by_ref().count(), 1);
    let refused = gate.commit().expect_err("an analyzer has no value");
    assert_eq!(refused.to_string(), r#"0 rules fail and 1 could not be evaluated, first: Mean "word""#);
}

#[test]
fn a_gate_that_did_not_see_all_rows_commits_nothing() {
    let batches = || [Ok(small()), Err(Error::Option("the source broke".into())), Ok(small())].into_iter();
    let sink = |_: RecordBatch| -> Result<(), Error> { Ok(()) };
    let rules = "Rules = [ RowCount > 0 ]";
    let mut left = Gate::new(checker(rules, &[small()]), batches(), sink);
    assert!(left.next().is_some_and(|batch| batch.is_ok()));
    let mut broken = Gate::new(checker(rules, &[small()]), batches(), sink);
    assert_eq!(broken.by_ref().filter(Result::is_err).count(), 1);
    assert!(broken.next().is_none(), "nothing comes behind an error");
    for gate in [left, broken] {
        let Err(Refused::Rules { run }) = gate.commit() else { panic!("committed") };
        assert!(run.incomplete && run.outcomes[0].code == Some("interrupted"));
    }
}

static IS_POSITIVE: RuleType = RuleType {
    name: "IsPositive",
    status: Status::Extension,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    filter: true,
    threshold: true,
    row_level: true,
    row_composite: true,
    summary: "Whether every number is greater than zero",
    manual: "NULL and NaN: fail. Empty: no rows is ERROR. Types: numbers.",
    compile: |compiler, rule: &BoundRule| {
        let column = compiler.numeric_column(rule, 0)?;
        let positive = compiler.comparing(&column, Operator::Greater, &[Number::integer(0)])?;
        Ok(compiler.share(&[&column], positive, column.metric_name("IsPositive")))
    },
    ..RuleType::BASE
};

#[test]
fn rule_types_of_other_crates_work_as_built_in_ones() {
    register(&IS_POSITIVE).expect("registered");
    let mut checker = checker(
        r#"Rules = [ IsPositive "amount", IsPositive "amount" where "key is not null and amount is not null" ]"#,
        &[small()],
    );
    let mask = checker.push_rows(&small()).expect("a mask");
    assert_eq!(mask.good_rows(), 1);
    let run = checker.finish().expect("a run");
    assert_eq!(run.outcomes[0].metrics, [("Column.amount.IsPositive".to_string(), Number::Float(0.25))]);
    assert_eq!(run.outcomes[1].rows, Some((1, 2)));
    let misspelt = Ruleset::parse(
        r#"Rules = [ IsPositve "amount" ]"#,
        &BindOptions { now: chrono::Utc::now(), target: Target::Dq },
    );
    assert!(misspelt.diagnostics()[0].help.as_deref().is_some_and(|help| help.contains("IsPositive")));
}
