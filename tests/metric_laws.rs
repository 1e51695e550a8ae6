//! The laws of metrics, for every family and type: a fresh state is the identity of
//! merge, merge is associative, folding in parts and merging equals folding at once,
//! batch sizes do not matter, states survive being written and read.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    LargeStringArray, StringArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::DataType;
use dq::comparison::Operator;
use dq::intervals::{Intervals, Point};
use dq::metrics::test::{CastTarget, Test, TextSet};
use dq::metrics::{Family, Finished, Kernel, Metric, State, Statistic, codec};
use proptest::prelude::*;
use std::sync::Arc;

const STATISTICS: &[Statistic] = &[
    Statistic::Count,
    Statistic::Minimum,
    Statistic::Maximum,
    Statistic::Range,
    Statistic::MinimumLength,
    Statistic::MaximumLength,
    Statistic::Sum,
    Statistic::Mean,
    Statistic::StandardDeviation,
    Statistic::Variance,
    Statistic::Skewness,
    Statistic::Kurtosis,
    Statistic::Correlation,
    Statistic::Uniqueness,
    Statistic::UniqueValueRatio,
    Statistic::DistinctValues,
    Statistic::Entropy,
    Statistic::DuplicateRows,
    Statistic::InterquartileRange,
];

/// Columns of one length, with every type the families see.
fn columns() -> impl Strategy<Value = Vec<ArrayRef>> {
    let row = (
        prop::option::weighted(0.8, -50i64..50),
        prop::option::weighted(
            0.8,
            prop_oneof![8 => -1e3..1e3f64, 1 => Just(f64::NAN), 1 => Just(-0.0), 1 => Just(0.0)],
        ),
        prop::option::weighted(0.8, "[aé 0-9-]{0,3}"),
    );
    prop::collection::vec(row, 0..80).prop_map(|rows| {
        let integers = || rows.iter().map(|row| row.0);
        let floats = || rows.iter().map(|row| row.1);
        let texts = || rows.iter().map(|row| row.2.as_deref());
        let decimals = Decimal128Array::from_iter(integers().map(|value| value.map(i128::from)))
            .with_precision_and_scale(20, 2)
            .expect("a decimal");
        vec![
            Arc::new(Int64Array::from_iter(integers())) as ArrayRef,
            Arc::new(Int32Array::from_iter(integers().map(|value| value.map(|value| value as i32)))),
            Arc::new(UInt64Array::from_iter(integers().map(|value| value.map(|value| value.unsigned_abs())))),
            Arc::new(decimals),
            Arc::new(Float64Array::from_iter(floats())),
            Arc::new(Float32Array::from_iter(floats().map(|value| value.map(|value| value as f32)))),
            Arc::new(BooleanArray::from_iter(integers().map(|value| value.map(|value| value > 0)))),
            Arc::new(Date32Array::from_iter(integers().map(|value| value.map(|value| value as i32)))),
            Arc::new(TimestampMicrosecondArray::from_iter(integers())),
            Arc::new(StringArray::from_iter(texts())),
            Arc::new(LargeStringArray::from_iter(texts())),
            Arc::new(StringViewArray::from_iter(texts())),
        ]
    })
}

fn tests_for(data_type: &DataType) -> Vec<Test> {
    let intervals = Intervals::satisfying(Operator::Between, &[Point::spanning(-10, -10), Point::spanning(10, 10)]);
    let set = TextSet { values: ["a".to_string(), String::new()].into(), whitespaces: true, ignore_case: false };
    let zone = chrono_tz::UTC;
    let mut tests = vec![
        Test::Null { null: true, value: false },
        Test::Castable { target: CastTarget::Double, member: true, zone },
        Test::Castable { target: CastTarget::Boolean, member: false, zone },
    ];
    if dq::metrics::is_text(data_type) {
        tests.extend([
            Test::Length(intervals.clone()),
            Test::OneOf { set, member: false, null: true },
            Test::Matches { pattern: "[a-z]+".into(), member: true },
            Test::DateText { intervals: intervals.clone(), null: false },
            Test::TimestampText { intervals, zone },
        ]);
    } else if *data_type != DataType::Boolean {
        tests.extend([
            Test::Within { intervals: intervals.clone(), null: false, nan: false },
            Test::Within { intervals: intervals.complement(), null: true, nan: true },
        ]);
    }
    tests
}

/// Every metric over one column, and the two-column ones, as (family, positions of columns).
fn metrics(columns: &[ArrayRef]) -> Vec<(Family, Vec<usize>)> {
    let mut metrics = vec![(Family::Rows, vec![])];
    for (position, column) in columns.iter().enumerate() {
        let data_type = column.data_type();
        metrics.extend([
            (Family::NonNull, vec![position]),
            (Family::Frequencies, vec![position]),
            (Family::Distinct, vec![position]),
        ]);
        metrics.push((Family::Distribution { bins: 3 }, vec![position]));
        metrics.extend(tests_for(data_type).into_iter().map(|test| (Family::Passing(Arc::new(test)), vec![position])));
        if dq::metrics::is_numeric(data_type) {
            metrics.extend([
                (Family::Extent, vec![position]),
                (Family::Moments, vec![position]),
                (Family::Quantiles, vec![position]),
            ]);
        }
        if dq::metrics::is_text(data_type) {
            metrics.push((Family::Lengths, vec![position]));
        }
    }
    metrics.extend([
        (Family::CoMoments, vec![0, 4]),
        (Family::Frequencies, vec![0, 9]),
        (Family::Frequencies, vec![4, 6, 11]),
    ]);
    metrics
}

fn kernel(family: &Family, own: &[ArrayRef]) -> Kernel {
    let names = (0..own.len()).map(|position| format!("c{position}").as_str().into()).collect();
    let metric = Metric::new(family.clone(), names);
    Kernel::new(&metric, own.iter().map(|column| column.data_type().clone()).collect()).expect("a kernel")
}

/// The state after folding `rows` of the columns in batches of `batch`.
fn fold(kernel: &Kernel, columns: &[ArrayRef], total: usize, rows: std::ops::Range<usize>, batch: usize) -> State {
    let mut accumulator = kernel.accumulator();
    let mut start = rows.start;
    while start < rows.end {
        let length = batch.min(rows.end - start);
        let slices: Vec<_> = columns.iter().map(|column| column.slice(start, length)).collect();
        accumulator.update(&slices, length);
        start += length;
    }
    assert!(rows.end <= total);
    accumulator.into_state()
}

fn merged(mut first: State, later: State) -> State {
    first.merge(later).expect("states of one metric");
    first
}

/// All numbers of a state, as text of their bits, or rounded to twelve digits.
fn numbers(state: State, family: &Family, threads: usize, exact: bool) -> Vec<String> {
    let finished: Finished = state.finish(family, threads);
    let show = |statistic: &Statistic| match finished.statistic(*statistic) {
        Ok(number) if exact => format!("{:x}", number.to_f64().to_bits()),
        Ok(number) if number.is_nan() => "NaN".into(),
        Ok(number) => format!("{:.9}", number.to_f64() + 0.0),
        Err(reason) => format!("{reason:?}"),
    };
    let distribution = if let Finished::Distribution(found) = &finished { format!("{found:?}") } else { String::new() };
    STATISTICS.iter().map(show).chain([distribution]).collect()
}

/// Whether two lists of numbers agree up to rounding in the last of nine decimals.
fn close(left: &[String], right: &[String]) -> bool {
    left.iter().zip(right).all(|(left, right)| match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) if !left.is_nan() && !right.is_nan() => {
            (left - right).abs() <= 1e-6 * left.abs().max(1.0)
        }
        _ => left == right,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn metrics_obey_their_laws(columns in columns(), cuts in (0usize..80, 0usize..80), batch in 1usize..20) {
        let rows = columns[0].len();
        let (a, b) = (cuts.0.min(cuts.1).min(rows), cuts.0.max(cuts.1).min(rows));
        for (family, positions) in metrics(&columns) {
            let own: Vec<ArrayRef> = positions.iter().map(|position| columns[*position].clone()).collect();
            let kernel = kernel(&family, &own);
            let part = |range: std::ops::Range<usize>, batch: usize| fold(&kernel, &own, rows, range, batch);
            let context = || format!("{family:?} over {positions:?}");
            let whole = numbers(part(0..rows, rows.max(1)), &family, 1, true);

            prop_assert_eq!(&numbers(part(0..rows, batch), &family, 3, true), &whole, "batch size and threads: {}", context());
            prop_assert_eq!(&numbers(merged(kernel.accumulator().into_state(), part(0..rows, batch)), &family, 1, true), &whole, "identity on the left: {}", context());
            prop_assert_eq!(&numbers(merged(part(0..rows, batch), kernel.accumulator().into_state()), &family, 1, true), &whole, "identity on the right: {}", context());

            let left = merged(merged(part(0..a, batch), part(a..b, batch)), part(b..rows, batch));
            let right = merged(part(0..a, batch), merged(part(a..b, batch), part(b..rows, batch)));
            let (left, right) = (numbers(left, &family, 1, false), numbers(right, &family, 1, false));
            prop_assert!(close(&left, &right), "associativity: {}\n{left:?}\n{right:?}", context());
            let whole_rounded = numbers(part(0..rows, rows.max(1)), &family, 1, false);
            prop_assert!(close(&left, &whole_rounded), "parts equal the whole: {}\n{left:?}\n{whole_rounded:?}", context());

            let state = part(0..rows, batch);
            let bytes = codec::encode(&state).expect("encoded");
            let read = codec::decode(&bytes).expect("decoded");
            prop_assert_eq!(codec::encode(&read).expect("encoded"), bytes, "the same bytes: {}", context());
            prop_assert_eq!(&numbers(read, &family, 1, true), &whole, "written and read: {}", context());
        }
    }

    #[test]
    fn damaged_states_are_refused_and_never_panic(columns in columns(), cut in 0usize..200, flip in any::<(usize, u8)>()) {
        let kernel = kernel(&Family::Moments, &columns[..1]);
        let mut bytes = codec::encode(&fold(&kernel, &columns[..1], columns[0].len(), 0..columns[0].len(), 8)).expect("encoded");
        let at = flip.0 % bytes.len();
        bytes[at] ^= flip.1;
        bytes.truncate(cut.max(1));
        // Any answer but a panic: a flipped digit may still be a state.
        let _ = codec::decode(&bytes);
    }
}

#[test]
fn states_name_their_version() {
    let bytes = codec::encode(&kernel(&Family::Rows, &[]).accumulator().into_state()).expect("encoded");
    assert_eq!(codec::decode(b"nonsense").map(drop), Err(codec::CodecError::NotAState));
    let mut other = bytes.clone();
    other[4] = 99;
    assert_eq!(codec::decode(&other).map(drop), Err(codec::CodecError::Version { found: 99 }));
    assert!(codec::decode(&bytes).is_ok());
}

#[test]
fn variance_is_stable_far_from_zero() {
    let values = Float64Array::from_iter_values((0..10_000).map(|row| 1e9 + f64::from(row % 2)));
    let column: ArrayRef = Arc::new(values);
    let kernel = kernel(&Family::Moments, std::slice::from_ref(&column));
    let state = fold(&kernel, std::slice::from_ref(&column), 10_000, 0..10_000, 333);
    let variance = state.finish(&Family::Moments, 1).statistic(Statistic::Variance).expect("a variance").to_f64();
    assert!((variance - 0.25).abs() < 1e-9, "{variance}");
}

#[test]
fn variance_tells_large_integers_apart() {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..3_000).map(|row| i64::MAX - 1 + row % 2)));
    let kernel = kernel(&Family::Moments, std::slice::from_ref(&column));
    let part = |rows: std::ops::Range<usize>| fold(&kernel, std::slice::from_ref(&column), 3_000, rows, 100);
    let variance =
        merged(part(0..1_001), part(1_001..3_000)).finish(&Family::Moments, 1).statistic(Statistic::Variance);
    assert!((variance.expect("a variance").to_f64() - 0.25).abs() < 1e-9);
}

#[test]
fn sums_of_large_integers_are_exact() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX; 5]));
    let kernel = kernel(&Family::Moments, std::slice::from_ref(&column));
    let sum = fold(&kernel, std::slice::from_ref(&column), 5, 0..5, 2)
        .finish(&Family::Moments, 1)
        .statistic(Statistic::Sum)
        .expect("a sum");
    assert_eq!(sum.to_string(), (i128::from(i64::MAX) * 5).to_string());
}

#[test]
fn keys_that_arrive_in_order_are_counted_like_any_others() {
    let far = |row: u64| (row * 1_000_003_000 + row % 997) as i64;
    let ascending: Vec<i64> = (0..40_000).map(far).collect();
    let mut cases = vec![("ascending", ascending.clone())];
    let changed = |change: fn(&mut Vec<i64>)| {
        let mut values = ascending.clone();
        change(&mut values);
        values
    };
    cases.push(("one repeated at the end", changed(|values| values[39_999] = values[39_998])));
    cases.push(("one repeated from far before", changed(|values| values[39_999] = values[3])));
    cases.push(("runs in another order", changed(|values| values.rotate_left(25_000))));
    cases.push(("the same run twice", changed(|values| values.copy_within(..20_000, 20_000))));
    cases.push(("runs that overlap without equal keys", changed(|values| values[20_001..].reverse())));
    cases.push((
        "disorder behind the first batches",
        changed(|values| values[16_384..].sort_by_key(|value| value % 97)),
    ));
    cases.push(("across zero", changed(|values| values.iter_mut().for_each(|value| *value -= 20_000_000_000_000))));
    for (name, values) in cases {
        for scale in ["int64", "timestamp", "with nulls"] {
            let column: ArrayRef = match scale {
                "int64" => Arc::new(Int64Array::from(values.clone())),
                "timestamp" => Arc::new(TimestampMicrosecondArray::from(values.clone())),
                _ => Arc::new(
                    values.iter().map(|value| Some(*value).filter(|value| value % 5 > 0)).collect::<Int64Array>(),
                ),
            };
            let own = [column];
            let plain = kernel(&Family::Frequencies, &own);
            let distinct = kernel(&Family::Distinct, &own);
            let few = [
                Statistic::Uniqueness,
                Statistic::DistinctValues,
                Statistic::DuplicateRows,
                Statistic::UniqueValueRatio,
            ];
            let say = |state: State, family: &Family| {
                let finished = state.finish(family, 2);
                few.map(|statistic| finished.statistic(statistic).map(|number| number.to_f64().to_bits()))
            };
            let expected = say(fold(&plain, &own, 40_000, 0..40_000, 8192), &Family::Frequencies);
            let whole = fold(&distinct, &own, 40_000, 0..40_000, 8192);
            let again = codec::decode(&codec::encode(&whole).expect("encoded")).expect("decoded");
            assert_eq!(say(whole, &Family::Distinct), expected, "{name}, {scale}");
            assert_eq!(say(again, &Family::Distinct), expected, "{name}, {scale}, written and read");
            for cut in [100, 12_000, 25_000] {
                let [early, late] = [0..cut, cut..40_000].map(|rows| fold(&distinct, &own, 40_000, rows, 8192));
                assert_eq!(say(merged(late, early), &Family::Distinct), expected, "{name}, {scale}, cut at {cut}");
            }
        }
    }
}
