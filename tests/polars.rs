//! Frames of Polars: verdicts as of files of the same rows, however they are chunked, eager or lazy; masks, halves,
//! gates.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Run, Watch};
use dq::checker::Refused;
use dq::error::Error;
use dq::polars::{Gate, Split, check, check_lazy, mask, split};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use polars::prelude::{
    AllowedOptimizations, BooleanChunked, Categories, Column, DataFrame, DataType, IntoColumn, IntoLazy, LazyFrame,
    NamedFrom, PlSmallStr, PolarsError, PolarsResult, Scalar, ScanArgsParquet, Series, TimeUnit, col, df, lit,
};
use std::path::PathBuf;

const CUSTOMERS: &str = r#"Rules = [
    RowCount between 100 and 1000, IsComplete "customer_id", IsUnique "customer_id", Completeness "notes" > 0.1,
    ColumnValues "credit_limit" > 1000 with threshold > 0.5, Mean "credit_limit" > 10,
    StandardDeviation "credit_limit" > 1, ColumnValues "signup_date" > "2019-01-01", Completeness "newsletter" > 0.5,
    ColumnLength "country" = 2, Entropy "city" > 1, DistinctValuesCount "city" > 5, UniqueValueRatio "email" > 0.5,
    ColumnValues "email" matches "[a-z0-9.]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}",
    (IsComplete "name") and (ColumnLength "city" > 3), (IsUnique "email") or (IsComplete "notes"),
    ColumnValues "absent" > 1, ColumnCorrelation "credit_limit" "customer_id" < 2, ColumnCount = 14
]"#;

const ORDERS: &str = r#"Rules = [
    RowCount = 1000, IsPrimaryKey "order_id", ColumnValues "amount" > 0, Mean "amount" > 1, Sum "price" > 1,
    ColumnValues "quantity" between 0 and 100, DistinctValuesCount "flag" = 2,
    ColumnValues "status" in ["paid","shipped"], ColumnValues "created_at" > "2020-01-01",
    ColumnDataType "note" = "Integer", InterquartileRange "amount" > 0, DuplicateRowCount "country" > 1
]
Analyzers = [ Completeness "note", AllStatistics "amount" ]"#;

fn ruleset(text: &str) -> Ruleset {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(text, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

fn options() -> CheckOptions {
    CheckOptions { samples: 3, threads: 2, ..CheckOptions::default() }
}

fn fixture(name: &str) -> PathBuf {
    format!("fixtures/data/{name}.parquet").into()
}

fn scanned(name: &str) -> LazyFrame {
    let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), fixture(name).display());
    LazyFrame::scan_parquet(path.as_str().into(), ScanArgsParquet::default()).expect("a scan")
}

fn frame(name: &str) -> DataFrame {
    scanned(name).collect().expect("a frame")
}

fn read(name: &str, rules: &str) -> Run {
    dq::check::check(&ruleset(rules), &[fixture(name)], &options(), Watch::default()).expect("a run")
}

/// Rows in pieces of other lengths: a frame of many chunks.
fn chunked(frame: &DataFrame, lengths: &[usize]) -> DataFrame {
    let mut pieces = frame.clear();
    let mut start = 0;
    for length in lengths.iter().cycle() {
        if start >= frame.height() {
            break;
        }
        pieces.vstack_mut(&frame.slice(start as i64, *length)).expect("joined");
        start += length;
    }
    pieces
}

/// Files have names and sizes, and are read column by column; all else is the same. Sums of doubles are made in other
/// pieces.
fn assert_same(own: &Run, other: &Run) {
    assert_eq!((own.rows, own.columns, own.score), (other.rows, other.columns, other.score));
    for (own, other) in own.outcomes.iter().zip(&other.outcomes) {
        assert_eq!((&own.rule, own.verdict, own.code), (&other.rule, other.verdict, other.code), "{:?}", own.message);
        assert_eq!((own.rows, own.row_counts), (other.rows, other.row_counts), "{}", own.rule);
        assert_eq!(own.samples, other.samples, "{}", own.rule);
        assert_eq!(own.metrics.len(), other.metrics.len(), "{}", own.rule);
        for ((name, own), (other_name, other)) in own.metrics.iter().zip(&other.metrics) {
            let (own, other) = (own.to_f64(), other.to_f64());
            assert_eq!(name, other_name);
            assert!((own - other).abs() <= 1e-9 * other.abs(), "{name}: {own} {other}");
        }
    }
}

/// Everything but the time.
fn told(run: &Run) -> String {
    format!("{:?} {:?} {} {:?}", run.outcomes, run.analyzers, run.rows, run.measured)
}

#[test]
fn a_frame_gives_what_a_file_of_its_rows_gives() {
    for (name, rules) in [("customers", CUSTOMERS), ("orders", ORDERS)] {
        let run = check(&frame(name), &ruleset(rules), &options()).expect("a run");
        assert_same(&run, &read(name, rules));
        assert!(run.files.is_empty() && run.bytes == 0);
    }
}

#[test]
fn a_query_gives_what_the_frame_of_its_rows_gives() {
    for (name, rules) in [("customers", CUSTOMERS), ("orders", ORDERS)] {
        let eager = check(&frame(name), &ruleset(rules), &options()).expect("a run");
        let lazy = check_lazy(scanned(name), &ruleset(rules), &options()).expect("a run");
        assert_eq!(told(&lazy), told(&eager));
    }
}

#[test]
fn chunks_and_threads_change_nothing_not_even_the_last_bit() {
    let whole = frame("orders");
    let expected = told(&check(&whole, &ruleset(ORDERS), &options()).expect("a run"));
    for lengths in [&[1][..], &[7, 1, 64], &[999], &[500, 500]] {
        for threads in [1, 3] {
            let options = CheckOptions { threads, ..options() };
            let run = check(&chunked(&whole, lengths), &ruleset(ORDERS), &options).expect("a run");
            assert_eq!(told(&run), expected, "{lengths:?}, {threads} threads");
        }
    }
}

#[test]
fn columns_of_one_frame_may_be_chunked_each_in_its_own_way() {
    let whole = frame("customers");
    let columns = whole.columns().iter().enumerate().map(|(at, column)| {
        let one = DataFrame::new_infer_height(vec![column.clone()]).expect("a frame");
        chunked(&one, &[at + 1, 3 * at + 2]).columns()[0].clone()
    });
    let uneven = DataFrame::new_infer_height(columns.collect()).expect("a frame");
    let [run, expected] = [&uneven, &whole].map(|frame| check(frame, &ruleset(CUSTOMERS), &options()).expect("a run"));
    assert_eq!(told(&run), told(&expected));
}

#[test]
fn frames_of_several_parts_are_joined_in_their_order() {
    let rows: i64 = 200_000;
    let numbers = Series::new("n".into(), (0..rows).map(|n| n as f64 / 7.0).collect::<Vec<_>>());
    let ids = Series::new("id".into(), (0..rows).map(|n| n % 199_999).collect::<Vec<_>>());
    let words =
        Series::new("w".into(), (0..rows).map(|n| format!("a word of some length {}", n % 5)).collect::<Vec<_>>());
    let frame = DataFrame::new_infer_height(vec![numbers.into(), ids.into(), words.into()]).expect("a frame");
    let rules = r#"Rules = [ RowCount = 200000, IsUnique "id", Mean "n" > 1, StandardDeviation "n" > 1,
        DistinctValuesCount "w" = 5, ColumnValues "n" < 28571 ]"#;
    let one = CheckOptions { threads: 1, ..options() };
    let expected = told(&check(&frame, &ruleset(rules), &one).expect("a run"));
    assert_eq!(told(&check(&frame, &ruleset(rules), &options()).expect("a run")), expected);
    assert_eq!(told(&check_lazy(frame.clone().lazy(), &ruleset(rules), &options()).expect("a run")), expected);

    let parts = split(&frame, &ruleset(rules), &options()).expect("halves");
    let bad: Vec<i64> = parts.bad.column("id").and_then(|ids| ids.i64()).expect("ids").iter().flatten().collect();
    assert_eq!(bad, [0, 199_997, 199_998, 0], "repeated in the first part and the last; and too large");
}

fn people() -> DataFrame {
    df!(
        "id" => [Some(1_i64), Some(2), Some(2), None, Some(5)],
        "age" => [Some(31.0), Some(f64::NAN), Some(40.0), Some(200.0), None],
        "name" => [Some("Ada"), Some(""), None, Some("Bob"), Some("Eve")]
    )
    .expect("a frame")
}

fn bits(mask: &BooleanChunked) -> Vec<bool> {
    assert_eq!(mask.iter().filter(Option::is_none).count(), 0);
    mask.iter().flatten().collect()
}

#[test]
fn masks_know_null_nan_and_keys_that_repeat_later() {
    for (rules, good) in [
        (r#"Rules = [ IsUnique "id" ]"#, [true, false, false, true, true]),
        (r#"Rules = [ IsComplete "id" ]"#, [true, true, true, false, true]),
        (r#"Rules = [ ColumnValues "age" < 130 ]"#, [true, false, true, false, false]),
        (r#"Rules = [ ColumnValues "name" != "" ]"#, [true, false, true, true, true]),
        (r#"Rules = [ (IsComplete "id") and (IsComplete "name") ]"#, [true, true, false, false, true]),
        (r#"Rules = [ RowCount > 9, Mean "age" > 1000, ColumnValues "absent" = 1 ]"#, [true; 5]),
    ] {
        let mask = mask(&people(), &ruleset(rules), &options()).expect("a mask");
        assert_eq!((bits(&mask.good), mask.good.name().as_str()), (good.to_vec(), "good"), "{rules}");
    }
}

#[test]
fn halves_have_all_rows_in_their_order() {
    let frame = people();
    let rules = ruleset(r#"Rules = [ IsUnique "id", IsComplete "name" ]"#);
    let Split { good, bad, run } = split(&frame, &rules, &options()).expect("halves");
    let good_rows = mask(&frame, &rules, &options()).expect("a mask").good;
    assert_eq!((good.height(), bad.height(), run.rows), (3, 2, 5));
    assert!(good.equals_missing(&frame.filter(&good_rows).expect("good rows")));
    assert!(good.vstack(&bad).expect("all rows").height() == 5 && good.schema() == frame.schema());

    let mut marked = frame.clone();
    marked.with_column(good_rows.with_name("is_good".into()).into_column()).expect("a column");
    assert_eq!(marked.width(), 4);

    for rows in [0..0, 0..1, 4..5] {
        let some = frame.slice(rows.start, (rows.end - rows.start) as usize);
        let Split { good, bad, .. } = split(&some, &rules, &options()).expect("halves");
        assert_eq!(good.height() + bad.height(), some.height());
        assert_eq!((good.schema(), bad.schema()), (some.schema(), some.schema()));
    }
}

#[test]
fn a_frame_is_all_there_for_rules_that_need_all_rows() {
    let options = CheckOptions { samples: 2, ..options() };
    let rules = r#"Rules = [
        IsUnique "id", CustomSql "select count(*) from primary where age > 35" = 2,
        ColumnValues "age" < 130 where "id = 2"
    ]"#;
    for run in [
        check(&people(), &ruleset(rules), &options).expect("a run"),
        check_lazy(people().lazy(), &ruleset(rules), &options).expect("a run"),
    ] {
        let samples = run.outcomes[0].samples.as_ref().expect("failing rows");
        assert_eq!(samples.rows.iter().map(|row| row.row).collect::<Vec<_>>(), [2, 3]);
        if cfg!(feature = "sql") {
            // NaN is larger than any number in SQL.
            assert_eq!(run.outcomes[1].metrics[0].1.to_f64(), 3.0);
            assert_eq!(run.outcomes[2].rows, Some((1, 2)));
        }
    }
}

#[test]
fn frames_without_rows_or_columns_have_nothing_to_judge() {
    let rules = ruleset(r#"Rules = [ RowCount = 0, IsComplete "id" ]"#);
    let empty = people().clear();
    for run in [check(&empty, &rules, &options()), check_lazy(empty.clone().lazy(), &rules, &options())] {
        let run = run.expect("a run");
        assert_eq!((run.outcomes[0].verdict, run.outcomes[1].code), (Verdict::Pass, Some("no_rows")));
    }
    let nothing = DataFrame::empty();
    let run = check(&nothing, &rules, &options()).expect("a run");
    assert_eq!((run.outcomes[0].verdict, run.outcomes[1].code), (Verdict::Pass, Some("unknown_column")));
    assert_eq!(mask(&nothing, &rules, &options()).expect("a mask").good.len(), 0);
}

#[test]
fn rows_alone_are_counted_without_any_column() {
    let rules = ruleset("Rules = [ RowCount = 1000 ]");
    for run in [check(&frame("orders"), &rules, &options()), check_lazy(scanned("orders"), &rules, &options())] {
        assert_eq!(run.expect("a run").score, Some(1.0));
    }
}

#[test]
fn a_column_of_one_value_is_checked_as_any_other() {
    let constant = Column::new_scalar("c".into(), Scalar::from(5_i64), 70_000);
    let frame = DataFrame::new_infer_height(vec![constant]).expect("a frame");
    let rules = ruleset(r#"Rules = [ RowCount = 70000, DistinctValuesCount "c" = 1, Sum "c" = 350000 ]"#);
    assert_eq!(check(&frame, &rules, &options()).expect("a run").score, Some(1.0));
}

#[test]
fn names_are_names_and_no_patterns() {
    let frame = df!("*" => [1, 2], "^a.*$" => [1, 1], "" => [0, 0], "abc" => [5, 6]).expect("a frame");
    let rules = ruleset(r#"Rules = [ IsUnique "*", IsUnique "^a.*$", IsUnique "abc", ColumnCount = 4 ]"#);
    let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Pass, Verdict::Pass];
    for run in [check(&frame, &rules, &options()), check_lazy(frame.clone().lazy(), &rules, &options())] {
        let run = run.expect("a run");
        assert_eq!(run.outcomes.iter().map(|outcome| outcome.verdict).collect::<Vec<_>>(), verdicts);
    }
}

#[test]
fn types_come_through_as_what_they_are() {
    let days = Series::new("date".into(), [Some(0_i32), Some(20_000), None]).cast(&DataType::Date).expect("dates");
    let at = |name: &str, unit| {
        let values = Series::new(name.into(), [Some(0_i64), Some(1_700_000_000_000), None]);
        values.cast(&DataType::Datetime(unit, None)).expect("timestamps")
    };
    let columns = vec![
        days,
        at("milliseconds", TimeUnit::Milliseconds),
        at("microseconds", TimeUnit::Microseconds),
        at("nanoseconds", TimeUnit::Nanoseconds),
        Series::new("span".into(), [Some(1_i64), Some(1), None])
            .cast(&DataType::Duration(TimeUnit::Milliseconds))
            .expect("spans"),
        Series::new("money".into(), [Some("1.25"), Some("-0.50"), None])
            .cast(&DataType::Decimal(10, 2))
            .expect("decimals"),
        Series::new("word".into(), [Some("x"), Some("x"), None])
            .cast(&DataType::from_categories(Categories::global()))
            .expect("categories"),
        Series::new("flag".into(), [Some(true), Some(false), None]),
        Series::new("bytes".into(), [Some(&b"\x00\xff"[..]), Some(&b""[..]), None]),
        Series::new_null("nothing".into(), 3),
        Series::new(
            "list".into(),
            [Some(Series::new(PlSmallStr::EMPTY, [1, 2])), Some(Series::new(PlSmallStr::EMPTY, [3])), None],
        ),
        Series::new("small".into(), [Some(0.5_f32), Some(f32::NAN), None]),
    ];
    let names: Vec<String> = columns.iter().map(|column| column.name().to_string()).collect();
    let frame = DataFrame::new_infer_height(columns.into_iter().map(Series::into_column).collect()).expect("a frame");
    let complete: Vec<String> =
        names.iter().map(|name| format!("Completeness \"{name}\" between 0.6 and 0.7")).collect();
    let rules = format!(
        r#"Rules = [ {},
        ColumnValues "date" < "2030-01-01" with threshold > 0.6, ColumnValues "milliseconds" > "2020-01-01",
        ColumnValues "microseconds" < "1971-01-01" with threshold > 0.6,
        ColumnValues "nanoseconds" < "1971-01-01" with threshold > 0.6,
        Uniqueness "span" < 0.1, Sum "money" between 0.74 and 0.76, ColumnValues "word" = "x" with threshold > 0.6,
        DistinctValuesCount "word" = 2, IsUnique "bytes", ColumnValues "small" = 0.5 with threshold > 0.3,
        IsUnique "list" ]"#,
        complete.join(", ")
    );
    let verdict = |rule: &str| match rule {
        rule if rule.contains("nothing") || rule.contains("milliseconds\" >") => Verdict::Fail,
        rule if rule.starts_with("IsUnique \"list\"") => Verdict::Error,
        _ => Verdict::Pass,
    };
    for run in
        [check(&frame, &ruleset(&rules), &options()), check_lazy(frame.clone().lazy(), &ruleset(&rules), &options())]
    {
        for outcome in run.expect("a run").outcomes {
            assert_eq!(outcome.verdict, verdict(&outcome.rule), "{} {:?}", outcome.rule, outcome.message);
        }
    }
}

#[test]
fn a_gate_sorts_a_query_and_stops_commits() {
    for (threshold, commits) in [("0.1", true), ("0.9", false)] {
        let values = format!(r#"ColumnValues "amount" > 100 with threshold > {threshold}"#);
        let rules = ruleset(&format!(r#"Rules = [ {values}, IsUnique "order_id" ]"#));
        let mut bad = Vec::new();
        let sink = |rows: DataFrame| -> Result<(), Error> {
            bad.push(rows);
            Ok(())
        };
        let mut gate = Gate::new(scanned("orders"), &rules, &options(), sink).expect("a gate");
        assert_eq!(gate.unjudged_rows().len(), 1);
        let good: Vec<DataFrame> = gate.by_ref().collect::<Result<_, Error>>().expect("good rows");
        let counts = gate.counts();
        let committed = gate.commit();
        let rows = |frames: &[DataFrame]| frames.iter().map(|frame| frame.height() as u64).sum::<u64>();
        assert_eq!((rows(&good), rows(&bad)), (counts.good, counts.bad));
        assert_eq!(counts.good + counts.bad, 1000);
        let expected = frame("orders").lazy().filter(col("amount").gt(lit(100.0))).collect().expect("rows");
        let found = good.iter().skip(1).fold(good[0].clone(), |all, own| all.vstack(own).expect("joined"));
        assert!(found.equals_missing(&expected));
        match committed {
            Ok(run) => assert!(commits && run.rows == 1000),
            Err(Refused::Rules { run }) => assert!(!commits && !run.incomplete),
            Err(Refused::Trouble(error)) => panic!("{error}"),
        }
    }
}

#[test]
fn a_gate_that_did_not_see_all_rows_commits_nothing() {
    let rules = ruleset(r#"Rules = [ RowCount > 0, IsComplete "id" ]"#);
    let unread = Gate::new(people().lazy(), &rules, &options(), |_: DataFrame| -> Result<(), Error> { Ok(()) });
    let Err(Refused::Rules { run }) = unread.expect("a gate").commit() else { panic!("committed") };
    assert!(run.incomplete);
    let sink = |_: DataFrame| -> Result<(), Error> { Err(Error::Option("the dead letters are full".into())) };
    let mut full = Gate::new(people().lazy(), &rules, &options(), sink).expect("a gate");
    assert!(full.next().is_some_and(|rows| rows.is_err()));
    assert!(full.next().is_none());
    assert!(full.finish().expect("a run").incomplete);
}

fn failing(panics: bool) -> LazyFrame {
    let fail = move |_: DataFrame| -> PolarsResult<DataFrame> {
        assert!(!panics, "this query panics");
        Err(PolarsError::ComputeError("this query fails".into()))
    };
    people().lazy().map(fail, AllowedOptimizations::default(), None, None)
}

#[test]
fn a_query_that_fails_is_an_error_and_no_verdict() {
    let rules = ruleset(r#"Rules = [ RowCount >= 0, IsComplete "id" ]"#);
    for panics in [false, true] {
        let error = check_lazy(failing(panics), &rules, &options()).expect_err("an error");
        assert!(matches!(&error, Error::Rows { engine: "Polars", .. }), "{error}");
        assert!(error.to_string().contains(if panics { "panic" } else { "fails" }), "{error}");
        let sink = |_: DataFrame| -> Result<(), Error> { Ok(()) };
        let mut gate = Gate::new(failing(panics), &rules, &options(), sink).expect("a gate");
        assert!(gate.by_ref().last().is_some_and(|rows| rows.is_err()));
        assert!(gate.finish().expect("a run").incomplete);
    }
    let absent = LazyFrame::scan_parquet("no/such/file.parquet".into(), ScanArgsParquet::default());
    let absent = absent.map_err(Error::from).and_then(|query| check_lazy(query, &rules, &options()));
    assert!(matches!(absent, Err(Error::Rows { engine: "Polars", .. })));
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_read() {
    let rules = ruleset("Rules = [ RowCount > 0 ]");
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let wrong = Ruleset::parse("Rules = [ RowCount > ]", &BindOptions { now, target: Target::Dq });
    assert!(matches!(check(&people(), &wrong, &options()), Err(Error::Option(_))));
    let mut states = options();
    states.states.out = Some("states.dq".into());
    assert!(matches!(check(&people(), &rules, &states), Err(Error::Option(_))));
    let big = people().lazy().select([col("id").cast(DataType::Int128)]);
    for refused in
        [check(&big.clone().collect().expect("a frame"), &rules, &options()), check_lazy(big, &rules, &options())]
    {
        assert!(matches!(refused, Err(Error::Option(message)) if message.contains("`id`")));
    }
}
