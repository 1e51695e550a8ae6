//! Rule types and metrics of another crate, for which this file stands: verdicts, splits, states, failures.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray,
};
use arrow_schema::DataType;
use dq::check::{CheckOptions, Ruleset, Run, StateOptions, Watch, check, explain, merge};
use dq::checker::Checker;
use dq::metrics::custom::{CustomMetric, CustomTest, Failure};
use dq::plan::Measure;
use dq::redaction::Redaction;
use dq::rules::signature::{NUMBER, ONE_COLUMN_NUMBER};
use dq::rules::{BindOptions, RuleType, Signature, Status, Target, all, find, register};
use dq::value::Number;
use dq::verdict::{Outcome, Verdict};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn whole_number(data_type: &DataType) -> Result<(), &'static str> {
    if *data_type == DataType::Int64 { Ok(()) } else { Err("a whole number") }
}

fn text(data_type: &DataType) -> Result<(), &'static str> {
    if *data_type == DataType::Utf8 { Ok(()) } else { Err("text") }
}

const BASE: u64 = 1_000_003;

/// A number of all values that hangs on their order.
struct OrderDigest;

impl OrderDigest {
    fn add((sum, power): (u64, u64), value: Option<i64>) -> (u64, u64) {
        let value = value.map_or(7, |value| (value as u64).wrapping_mul(31));
        (sum.wrapping_mul(BASE).wrapping_add(value), power.wrapping_mul(BASE))
    }

    fn number((sum, power): (u64, u64)) -> i128 {
        i128::from((sum ^ power) % 1_000_000_007)
    }
}

impl CustomMetric for OrderDigest {
    type State = (u64, u64);

    fn name(&self) -> &'static str {
        "tests.order_digest"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        whole_number(data_type)
    }

    fn start(&self) -> Self::State {
        (0, 1)
    }

    fn update(&self, state: &mut Self::State, columns: &[ArrayRef]) -> Result<(), Failure> {
        *state = columns[0].as_primitive::<Int64Type>().iter().fold(*state, Self::add);
        Ok(())
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), Failure> {
        *state = (state.0.wrapping_mul(later.1).wrapping_add(later.0), state.1.wrapping_mul(later.1));
        Ok(())
    }

    fn finish(&self, state: Self::State) -> Result<Option<Number>, Failure> {
        Ok(Some(Number::integer(Self::number(state))))
    }

    fn write(&self, state: &Self::State) -> Option<Vec<u8>> {
        Some([state.0.to_le_bytes(), state.1.to_le_bytes()].concat())
    }

    fn read(&self, bytes: &[u8]) -> Result<Self::State, Failure> {
        match bytes.as_chunks::<8>() {
            ([sum, power], []) => Ok((u64::from_le_bytes(*sum), u64::from_le_bytes(*power))),
            _ => Err("16 bytes are a state".into()),
        }
    }
}

/// Characters of all texts, of as many workers as there are; states are not written.
struct Characters;

impl CustomMetric for Characters {
    type State = Option<u64>;

    fn name(&self) -> &'static str {
        "tests.characters"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        text(data_type)
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn start(&self) -> Self::State {
        None
    }

    fn update(&self, state: &mut Self::State, columns: &[ArrayRef]) -> Result<(), Failure> {
        for text in columns[0].as_string::<i32>().iter().flatten() {
            *state.get_or_insert(0) += text.chars().count() as u64;
        }
        Ok(())
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), Failure> {
        *state = match (*state, later) {
            (Some(own), Some(later)) => Some(own + later),
            (own, later) => own.or(later),
        };
        Ok(())
    }

    fn finish(&self, state: Self::State) -> Result<Option<Number>, Failure> {
        Ok(state.map(|count| Number::integer(count.into())))
    }
}

/// Counts rows, and does as its parameter says when it meets 13.
struct Moody(String);

impl CustomMetric for Moody {
    type State = i128;

    fn name(&self) -> &'static str {
        "tests.moody"
    }

    fn parameters(&self) -> String {
        self.0.clone()
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        whole_number(data_type)
    }

    fn start(&self) -> i128 {
        0
    }

    fn update(&self, state: &mut i128, columns: &[ArrayRef]) -> Result<(), Failure> {
        let numbers = columns[0].as_primitive::<Int64Type>();
        *state += numbers.len() as i128;
        match (numbers.iter().any(|number| number == Some(13)), self.0.as_str()) {
            (true, "error") => Err(format!("\u{1b}[2J\n{}", "x".repeat(10_000)).into()),
            (true, "panic") => panic!("unlucky {}", self.0),
            _ => Ok(()),
        }
    }

    fn merge(&self, state: &mut i128, later: i128) -> Result<(), Failure> {
        *state += later;
        if self.0 == "merge" && *state > 3 { Err("too many".into()) } else { Ok(()) }
    }

    fn finish(&self, state: i128) -> Result<Option<Number>, Failure> {
        if self.0 == "finish" { Err("no end".into()) } else { Ok(Some(Number::integer(state))) }
    }

    fn write(&self, state: &i128) -> Option<Vec<u8>> {
        (self.0 == "read").then(|| state.to_le_bytes().to_vec())
    }
}

/// Measures nothing.
struct Twin;

/// Measures nothing under the same name.
struct OtherTwin;

macro_rules! twin {
    ($name:ty) => {
        impl CustomMetric for $name {
            type State = ();

            fn name(&self) -> &'static str {
                "tests.twin"
            }

            fn accepts(&self, _: usize, _: &DataType) -> Result<(), &'static str> {
                Ok(())
            }

            fn start(&self) {}

            fn update(&self, (): &mut (), _: &[ArrayRef]) -> Result<(), Failure> {
                Ok(())
            }

            fn merge(&self, (): &mut (), (): ()) -> Result<(), Failure> {
                Ok(())
            }

            fn finish(&self, (): ()) -> Result<Option<Number>, Failure> {
                Ok(Some(Number::integer(1)))
            }
        }
    };
}
twin!(Twin);
twin!(OtherTwin);

/// Even numbers; knows nothing of 13.
struct Even;

impl CustomTest for Even {
    fn name(&self) -> &'static str {
        "tests.even"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        whole_number(data_type)
    }

    fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure> {
        let numbers = columns[0].as_primitive::<Int64Type>();
        assert!(numbers.iter().all(|number| number != Some(13)), "unlucky");
        Ok(numbers.iter().map(|number| number.map(|number| number % 2 == 0)).collect())
    }
}

/// Texts of at most two characters; knows nothing of `bad`.
struct Short;

impl CustomTest for Short {
    fn name(&self) -> &'static str {
        "tests.short"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        text(data_type)
    }

    fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure> {
        let texts = columns[0].as_string::<i32>();
        if texts.iter().any(|text| text == Some("bad")) {
            return Err("bad".into());
        }
        Ok(texts.iter().map(|text| text.is_none_or(|text| text.len() <= 2)).collect())
    }
}

/// Rows whose first number is less than the second; one answer too few if told so.
struct Ascending(bool);

impl CustomTest for Ascending {
    fn name(&self) -> &'static str {
        "tests.ascending"
    }

    fn parameters(&self) -> String {
        if self.0 { "short".into() } else { String::new() }
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        whole_number(data_type)
    }

    fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure> {
        let [low, high] = [0, 1].map(|at| columns[at].as_primitive::<Int64Type>());
        let answers = low.iter().zip(high).map(|(low, high)| Some(low? < high?));
        Ok(answers.skip(usize::from(self.0)).collect())
    }
}

const OWN: RuleType =
    RuleType { status: Status::Extension, signatures: ONE_COLUMN_NUMBER, filter: true, ..RuleType::BASE };

static ORDER_DIGEST: RuleType = RuleType {
    name: "OrderDigest",
    summary: "A number of all values in their order",
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        compiler.custom_statistic(OrderDigest, &[&column], column.metric_name("OrderDigest"))
    },
    ..OWN
};

static CHARACTERS: RuleType = RuleType {
    name: "Characters",
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        compiler.custom_statistic(Characters, &[&column], column.metric_name("Characters"))
    },
    ..OWN
};

static MOODY: RuleType = RuleType {
    name: "Moody",
    signatures: &[Signature::new(&["column", "mood"], NUMBER)],
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        let mood = rule.parameters.get(1).cloned().unwrap_or_default();
        assert!(mood != "compile", "not today");
        compiler.custom_statistic(Moody(mood), &[&column], column.metric_name("Moody"))
    },
    ..OWN
};

static TWINS: RuleType = RuleType {
    name: "Twins",
    signatures: &[Signature::new(&["column", "which"], NUMBER)],
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        let name = column.metric_name("Twins");
        match rule.parameters.get(1).map(String::as_str) {
            Some("one") => compiler.custom_statistic(Twin, &[&column], name),
            _ => compiler.custom_statistic(OtherTwin, &[&column], name),
        }
    },
    ..OWN
};

static EVEN_SHARE: RuleType = RuleType {
    name: "EvenShare",
    row_level: true,
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        let (part, whole) = (compiler.custom_test(Even, &[&column])?, compiler.rows());
        let share = Measure::Share { part, whole };
        Ok(compiler.condition_on(&[&column], share, column.metric_name("EvenShare"), Some(whole)))
    },
    ..OWN
};

static IS_SHORT: RuleType = RuleType {
    name: "IsShort",
    signatures: &[Signature::new(&["column"], dq::rules::Conditions::None)],
    threshold: true,
    row_level: true,
    row_composite: true,
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        let short = compiler.custom_test(Short, &[&column])?;
        Ok(compiler.share(&[&column], short, column.metric_name("IsShort")))
    },
    ..OWN
};

static IS_ASCENDING: RuleType = RuleType {
    name: "IsAscending",
    signatures: &[Signature::new(&["low", "high"], dq::rules::Conditions::None)],
    threshold: true,
    row_level: true,
    tags: &["short"],
    compile: |compiler, rule| {
        let columns = [compiler.column(rule, 0)?, compiler.column(rule, 1)?];
        let own = [&columns[0], &columns[1]];
        let ascending = compiler.custom_test(Ascending(rule.tag("short").is_some()), &own)?;
        Ok(compiler.share(&own, ascending, dq::rules::compile::key_name(&columns, "IsAscending")))
    },
    ..OWN
};

fn ruleset(rules: &str) -> Ruleset {
    for own in [&ORDER_DIGEST, &CHARACTERS, &MOODY, &TWINS, &EVEN_SHARE, &IS_SHORT, &IS_ASCENDING] {
        register(own).expect("registered");
    }
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(&format!("Rules = [ {rules} ]"), &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

fn options(threads: usize) -> CheckOptions {
    CheckOptions { threads, batch_rows: 5, ..CheckOptions::default() }
}

/// Numbers, their texts, and other numbers, most of them greater.
fn table(values: &[Option<i64>]) -> RecordBatch {
    let texts = values.iter().map(|value| value.map(|value| value.to_string()));
    let others = values.iter().map(|value| value.map(|value| value + 1 - (value % 5).abs()));
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("n", Arc::new(Int64Array::from(values.to_vec())), true),
        ("t", Arc::new(texts.collect::<StringArray>()), true),
        ("m", Arc::new(others.collect::<Int64Array>()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

fn write(path: &Path, batch: &RecordBatch) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    let file = File::create(path).expect("created");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    // Old enough for its states to be kept.
    let file = File::options().write(true).open(path).expect("opened");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
}

/// Consecutive pieces of a batch, cut at these rows.
fn pieces(batch: &RecordBatch, cuts: &[usize]) -> Vec<RecordBatch> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (batch.num_rows() + 1)).collect();
    ends.push(batch.num_rows());
    ends.sort_unstable();
    let mut start = 0;
    let piece = |end: usize| {
        let piece = batch.slice(start, end - start);
        start = end;
        piece
    };
    ends.into_iter().map(piece).collect()
}

fn files(directory: &Path, pieces: &[RecordBatch]) -> Vec<PathBuf> {
    let file = |(at, piece): (usize, &RecordBatch)| {
        let path = directory.join(format!("{at}.parquet"));
        write(&path, piece);
        path
    };
    pieces.iter().enumerate().map(file).collect()
}

/// What is said of a rule, whatever way its rows came: verdict, code, metrics and rows.
type Said = (Verdict, Option<&'static str>, Vec<(String, f64)>, Option<(u64, u64)>);

fn said(run: &Run) -> Vec<Said> {
    let of = |outcome: &Outcome| -> Said {
        let metrics = outcome.metrics.iter().map(|(name, number)| (name.clone(), number.to_f64()));
        (outcome.verdict, outcome.code, metrics.collect(), outcome.rows)
    };
    run.outcomes.iter().map(of).collect()
}

fn checked(ruleset: &Ruleset, files: &[PathBuf], options: &CheckOptions) -> Run {
    check(ruleset, files, options, Watch::default()).expect("a run")
}

fn checker(ruleset: &Ruleset, batch: &RecordBatch) -> Checker {
    Checker::new(ruleset, &batch.schema(), &CheckOptions::default()).expect("a checker")
}

fn pushed(ruleset: &Ruleset, batches: &[RecordBatch]) -> Run {
    let mut checker = checker(ruleset, &batches[0]);
    batches.iter().for_each(|batch| checker.push(batch).expect("pushed"));
    checker.finish().expect("a run")
}

/// One table in one file, checked.
fn of_file(ruleset: &Ruleset, batch: &RecordBatch, options: &CheckOptions) -> Run {
    let directory = tempfile::tempdir().expect("a directory");
    checked(ruleset, &files(directory.path(), std::slice::from_ref(batch)), options)
}

const RULES: &str = r#"OrderDigest "n" > -1, Characters "t" > 3, EvenShare "n" > 0.5, IsAscending "n" "m" with threshold > 0.5,
    IsShort "t", OrderDigest "n" > 0 where "t is not null", EvenShare "n" > 0.4 where "t is not null", RowCount > 0"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn random_data_split_at_random_says_the_same(
        values in prop::collection::vec(prop::option::weighted(0.8, -200i64..12), 1..60),
        cuts in prop::collection::vec(0usize..60, 0..4),
    ) {
        let ruleset = ruleset(RULES);
        let whole = table(&values);
        let expected = said(&of_file(&ruleset, &whole, &options(1)));
        let digest = OrderDigest::number(values.iter().copied().fold((0, 1), OrderDigest::add));
        prop_assert_eq!(&expected[0].2[..], &[("Column.n.OrderDigest".to_string(), digest as f64)][..]);
        let even = values.iter().flatten().filter(|value| **value % 2 == 0).count();
        prop_assert_eq!(expected[2].3, Some((even as u64, values.len() as u64)));

        let pieces = pieces(&whole, &cuts);
        let directory = tempfile::tempdir().expect("a directory");
        let files = files(directory.path(), &pieces);
        for threads in [1, 4] {
            prop_assert_eq!(said(&checked(&ruleset, &files, &options(threads))), expected.clone());
        }
        prop_assert_eq!(said(&pushed(&ruleset, &pieces)), expected.clone());
        let mut first = checker(&ruleset, &whole);
        for piece in &pieces {
            let mut fork = first.fork();
            fork.push(piece).expect("pushed");
            first.merge(fork).expect("merged");
        }
        prop_assert_eq!(said(&first.finish().expect("a run")), expected.clone());

        let cache = StateOptions { out: None, cache: Some(directory.path().join("cache")) };
        let cached = CheckOptions { states: cache, ..options(2) };
        for _ in 0..2 {
            prop_assert_eq!(said(&checked(&ruleset, &files, &cached)), expected.clone());
        }
        let states: Vec<PathBuf> = files.iter().map(|file| state_of(&ruleset, file)).collect();
        let merged = said(&merge(&ruleset, &states, &options(2), Watch::default()).expect("merged"));
        for (at, (merged, expected)) in merged.into_iter().zip(expected).enumerate() {
            if at == 1 {
                // There are no bytes of its states.
                prop_assert_eq!((merged.0, merged.1), (Verdict::Error, Some("not_mergeable")));
            } else {
                prop_assert_eq!(merged, expected);
            }
        }
    }
}

/// The states of one file.
fn state_of(ruleset: &Ruleset, file: &Path) -> PathBuf {
    let out = file.with_extension("dqs");
    let states = StateOptions { out: Some(out.clone()), cache: None };
    checked(ruleset, &[file.to_path_buf()], &CheckOptions { states, ..options(3) });
    out
}

fn unlucky() -> RecordBatch {
    table(&[Some(12), Some(13), Some(14), None])
}

fn messages(run: &Run) -> Vec<&str> {
    run.outcomes.iter().map(|outcome| outcome.message.as_deref().unwrap_or("")).collect()
}

#[test]
fn what_fails_or_panics_is_error_and_touches_no_other_rule() {
    let rules = r#"Moody "n" "error" > 0, Moody "n" "panic" > 0, Moody "n" "finish" > 0, EvenShare "n" > 0.1,
        Moody "n" "compile" > 0, IsAscending "n" "m" with short = "yes", Moody "n" "fine" = 4, RowCount = 4"#;
    let ruleset = ruleset(rules);
    let mut runs: Vec<Run> = [1, 4].map(|threads| of_file(&ruleset, &unlucky(), &options(threads))).into();
    runs.push(pushed(&ruleset, &[unlucky()]));
    for run in runs {
        let codes: Vec<_> = run.outcomes.iter().map(|outcome| outcome.code).collect();
        let failed = Some("custom_metric");
        assert_eq!(codes, [failed, failed, failed, failed, Some("rule_type"), failed, None, None]);
        let errors = run.outcomes.iter().map(|outcome| outcome.verdict == Verdict::Error);
        assert_eq!(errors.collect::<Vec<_>>(), codes.iter().map(Option::is_some).collect::<Vec<_>>());
        assert_eq!((run.outcomes[6].verdict, run.outcomes[7].verdict), (Verdict::Pass, Verdict::Pass));
        let messages = messages(&run);
        assert!(messages[0].starts_with("Custom metric tests.moody failed: \\u{1b}[2J\\u{a}xxx"), "{}", messages[0]);
        assert!(messages[0].len() < 500, "{}", messages[0].len());
        assert_eq!(messages[1], "Custom metric tests.moody failed: it panicked: unlucky panic");
        assert_eq!(messages[2], "Custom metric tests.moody failed: no end");
        assert_eq!(messages[3], "Custom test tests.even failed: it panicked: unlucky");
        assert!(messages[4].contains("Moody panicked") && messages[4].contains("not today"), "{}", messages[4]);
        assert_eq!(messages[5], "Custom test tests.ascending failed: it gave 3 answers for 4 rows");
    }
}

#[test]
fn states_that_do_not_go_together_are_error() {
    let rules = ruleset(r#"Moody "n" "merge" > 0, RowCount = 8"#);
    let run = pushed(&rules, &[unlucky(), unlucky()]);
    assert_eq!(messages(&run)[0], "Custom metric tests.moody failed: too many");
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
}

#[test]
fn hidden_values_are_not_quoted_by_other_crates() {
    let rules = ruleset(r#"Moody "n" "panic" > 0, EvenShare "n" > 0"#);
    let run = of_file(&rules, &unlucky(), &CheckOptions { redaction: Redaction::Mask, ..options(1) });
    for message in messages(&run) {
        assert!(message.starts_with("Custom ") && !message.contains("unlucky"), "{message}");
    }
}

#[test]
fn rows_pass_a_test_that_fails_on_them_and_the_rule_is_error() {
    let rules = ruleset(r#"EvenShare "n" > 0.1, IsComplete "n""#);
    let mut own = checker(&rules, &unlucky());
    let mask = own.push_rows(&unlucky()).expect("a mask");
    assert_eq!(mask.good().iter().flatten().collect::<Vec<_>>(), [true, true, true, false]);
    let mut other = own.renew().expect("another window");
    let run = own.finish().expect("a run");
    assert_eq!(run.outcomes[0].code, Some("custom_metric"));
    // What failed in one window is judged in the next.
    let fine = table(&[Some(1), Some(2)]);
    assert_eq!(other.push_rows(&fine).expect("a mask").bad_rows(), 1);
    assert_eq!(other.finish().expect("a run").outcomes[0].verdict, Verdict::Pass);
}

#[test]
fn only_rows_of_the_filter_are_shown_to_a_test() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![12, 13, 13, 15]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, None, Some("b")]));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).expect("a batch");
    let rules = ruleset(r#"EvenShare "n" > 0.9 where "t is not null""#);
    let run = of_file(&rules, &batch, &options(2));
    assert_eq!((run.outcomes[0].verdict, run.outcomes[0].rows), (Verdict::Fail, Some((1, 2))));
    let samples = run.outcomes[0].samples.as_ref().expect("samples");
    assert_eq!((samples.failing, samples.rows.len(), samples.rows[0].row), (1, 1, 4));
    let mut own = checker(&rules, &batch);
    let mask = own.push_rows(&batch).expect("a mask");
    assert_eq!(mask.good().iter().flatten().collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(own.finish().expect("a run").outcomes[0].rows, Some((1, 2)));
}

#[test]
fn values_of_a_dictionary_that_no_row_of_the_filter_has_are_not_shown() {
    let values = Arc::new(StringArray::from(vec!["a", "bad", "long", "never"]));
    let keys = Int32Array::from(vec![Some(0), Some(1), Some(2), None, Some(0)]);
    let words: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, values));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)]));
    let batch = RecordBatch::try_from_iter([("t", words), ("n", numbers)]).expect("a batch");
    let rules = ruleset(r#"IsShort "t" where "n is not null" with threshold >= 0.75, IsShort "t""#);
    let mut own = checker(&rules, &batch);
    let mask = own.push_rows(&batch).expect("a mask");
    assert_eq!(mask.failed(2).count(), 1);
    assert_eq!(mask.bad_rows(), 1);
    let run = own.finish().expect("a run");
    assert_eq!((run.outcomes[0].verdict, run.outcomes[0].rows), (Verdict::Pass, Some((3, 4))));
    assert_eq!(messages(&run)[1], "Custom test tests.short failed: bad");
}

#[test]
fn text_comes_in_one_layout() {
    let rules = ruleset(r#"Characters "t" = 5, IsShort "t" with threshold > 0.6"#);
    let words = ["é", "", "four"];
    let views: ArrayRef = Arc::new(StringViewArray::from(words.to_vec()));
    let large: ArrayRef = Arc::new(LargeStringArray::from(words.to_vec()));
    let encoded: ArrayRef = Arc::new(words.into_iter().collect::<DictionaryArray<Int32Type>>());
    for column in [views, large, encoded] {
        let batch = RecordBatch::try_from_iter([("t", column)]).expect("a batch");
        let run = pushed(&rules, &[batch]);
        assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{:?}", messages(&run));
    }
}

#[test]
fn nothing_to_measure_is_error_and_no_rows_of_a_filter_pass() {
    let rules = ruleset(r#"Characters "t" > 0, Characters "t" > 0 where "n is not null", Characters "n" > 0"#);
    let run = pushed(&rules, &[table(&[None, None])]);
    assert_eq!(run.outcomes[0].code, Some("no_values"));
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
    assert_eq!(run.outcomes[2].code, Some("column_type"));
    assert_eq!(messages(&run)[2], "Expected type of column n to be text, but found int64 instead!");
}

#[test]
fn what_two_rules_ask_for_is_measured_once() {
    let rules = r#"OrderDigest "n" = 1, OrderDigest "n" > 2, OrderDigest "n" > 2 where "t is not null",
        Moody "n" "a" > 0, Moody "n" "b" > 0, EvenShare "n" > 0, EvenShare "n" > 0.5, Twins "n" "one" = 1, Twins "n" "other" = 1"#;
    let directory = tempfile::tempdir().expect("a directory");
    let files = files(directory.path(), &[unlucky()]);
    let plan = explain(&ruleset(rules), &files, &options(1)).expect("a plan");
    let count = |metric: &str| plan.metrics.iter().filter(|own| *own == metric).count();
    for metric in [
        "custom(n) tests.order_digest",
        "custom(n) tests.moody a",
        "custom(n) tests.moody b",
        "passing(n) tests.even",
        "custom(n) tests.twin",
    ] {
        assert_eq!(count(metric), 1, "{metric}: {:?}", plan.metrics);
    }
    let twins = plan.rules.iter().filter_map(|rule| rule.error.as_deref()).collect::<Vec<_>>();
    assert_eq!(twins, ["Two crates measure something else as tests.twin"]);
}

#[test]
fn states_that_their_metric_does_not_read_cost_a_measurement_or_an_error() {
    let rules = ruleset(r#"Moody "n" "read" = 4, OrderDigest "n" > -1"#);
    let directory = tempfile::tempdir().expect("a directory");
    let files = files(directory.path(), &[table(&[Some(1), None]), table(&[Some(3), Some(4)])]);
    let cache = StateOptions { out: None, cache: Some(directory.path().join("cache")) };
    let cached = CheckOptions { states: cache, ..options(1) };
    for _ in 0..2 {
        let run = checked(&rules, &files, &cached);
        assert!(run.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{:?}", messages(&run));
    }
    let states: Vec<PathBuf> = files.iter().map(|file| state_of(&rules, file)).collect();
    let run = merge(&rules, &states, &options(1), Watch::default()).expect("merged");
    assert_eq!((run.outcomes[0].verdict, run.outcomes[0].code), (Verdict::Error, Some("custom_metric")));
    assert!(
        messages(&run)[0].ends_with("Custom metric tests.moody failed: it reads no states"),
        "{:?}",
        messages(&run)
    );
    assert_eq!(run.outcomes[1].verdict, Verdict::Pass);
}

#[test]
fn registered_types_are_known_to_hints_and_lists() {
    let _ = ruleset("RowCount > 0");
    assert!(all().iter().any(|own| own.name == "OrderDigest") && find("OrderDigest").is_some());
    let options = BindOptions { now: chrono::Utc::now(), target: Target::Dq };
    let misspelt = Ruleset::parse(r#"Rules = [ OrderDigst "n" > 0 ]"#, &options);
    assert!(misspelt.diagnostics()[0].help.as_deref().is_some_and(|help| help.contains("OrderDigest")));
    let glue = BindOptions { target: Target::Glue, ..options };
    assert!(Ruleset::parse(r#"Rules = [ OrderDigest "n" > 0 ]"#, &glue).has_errors());
}

#[cfg(feature = "cli")]
#[test]
fn a_program_of_ones_own_has_the_whole_command_line() {
    use dq::cli::Exit;
    use std::ffi::OsString;
    let _ = ruleset("RowCount > 0");
    let run = |arguments: &[&str]| dq::cli::main(["own"].iter().chain(arguments).map(OsString::from));
    assert_eq!(run(&["rules", "OrderDigest"]), Exit::Clean);
    assert_eq!(run(&["rules", "OrderDigst"]), Exit::Usage);
    let directory = tempfile::tempdir().expect("a directory");
    let rules = directory.path().join("rules.dqdl");
    std::fs::write(&rules, r#"Rules = [ EvenShare "n" > 0.9 ]"#).expect("written");
    let data = files(directory.path(), &[table(&[Some(2), Some(3)])]);
    let [rules, data] = [&rules, &data[0]].map(|path| path.to_str().expect("UTF-8"));
    assert_eq!(run(&["check", "--ruleset", rules, data]), Exit::Findings);
}

static ASKS_NOTHING: RuleType = RuleType {
    name: "AsksNothing",
    status: Status::Extension,
    signatures: &[Signature::new(&[], dq::rules::Conditions::None)],
    summary: "Nothing",
    manual: "Nothing.",
    compile: |_, _| Ok(dq::plan::Observation::default()),
    ..RuleType::BASE
};

#[test]
fn a_rule_that_asks_nothing_of_the_data_does_not_pass() {
    register(&ASKS_NOTHING).expect("registered");
    let ruleset = Ruleset::parse("Rules = [ AsksNothing ]", &BindOptions::default()).accepted().expect("a ruleset");
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("a", column)]).expect("a batch");
    let mut checker = Checker::new(&ruleset, &batch.schema(), &CheckOptions::default()).expect("a checker");
    checker.push(&batch).expect("pushed");
    assert_eq!(checker.finish().expect("a run").outcomes[0].code, Some("rule_type"));
}
