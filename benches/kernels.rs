//! Single metrics over one column of 64 Ki rows, without and with NULLs; and the
//! plain way to do the same, as a yardstick.

// Benchmarks fail by panicking.
#![allow(clippy::expect_used, missing_docs)]

#[allow(dead_code)] // the pipeline benchmark writes files with it
mod orders;

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use dq::comparison::Operator;
use dq::intervals::{Intervals, Point};
use dq::metrics::test::{Test, TextSet};
use dq::metrics::{Family, Kernel, Metric};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

const ROWS: usize = 64 << 10;

fn columns(nulls: bool) -> Vec<(&'static str, ArrayRef)> {
    let batch = orders::batch(0, ROWS);
    let keep = |row: usize| !nulls || row.is_multiple_of(2);
    let integers = batch
        .column_by_name("customer_id")
        .and_then(|column| column.as_any().downcast_ref::<Int64Array>())
        .expect("integers");
    let floats = batch
        .column_by_name("amount")
        .and_then(|column| column.as_any().downcast_ref::<Float64Array>())
        .expect("floats");
    let texts =
        batch.column_by_name("email").and_then(|column| column.as_any().downcast_ref::<StringArray>()).expect("texts");
    vec![
        (
            "ascending int64",
            Arc::new((0..ROWS).map(|row| Some(row as i64 * 1_000_003).filter(|_| keep(row))).collect::<Int64Array>()),
        ),
        (
            "int64",
            Arc::new(
                integers.iter().enumerate().map(|(row, value)| value.filter(|_| keep(row))).collect::<Int64Array>(),
            ),
        ),
        (
            "float64",
            Arc::new(
                floats.iter().enumerate().map(|(row, value)| value.filter(|_| keep(row))).collect::<Float64Array>(),
            ),
        ),
        (
            "utf8",
            Arc::new(
                texts
                    .iter()
                    .enumerate()
                    .map(|(row, value)| Some(value.unwrap_or("a@b.de")).filter(|_| keep(row)))
                    .collect::<StringArray>(),
            ),
        ),
    ]
}

fn families(name: &str) -> Vec<(&'static str, Family)> {
    let intervals =
        Intervals::satisfying(Operator::Between, &[Point::spanning(100, 100), Point::spanning(90_000, 90_000)]);
    let set = TextSet { values: ["a".to_string(), "b".to_string()].into(), ..TextSet::default() };
    let pattern = "[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}";
    let mut families =
        vec![("non_null", Family::NonNull), ("frequencies", Family::Frequencies), ("distinct", Family::Distinct)];
    if name == "utf8" {
        families.extend([
            ("lengths", Family::Lengths),
            ("matches", Family::Passing(Arc::new(Test::Matches { pattern: pattern.into(), member: true }))),
            ("one_of", Family::Passing(Arc::new(Test::OneOf { set, member: true, null: false }))),
        ]);
    } else {
        families.extend([
            ("extent", Family::Extent),
            ("moments", Family::Moments),
            ("within", Family::Passing(Arc::new(Test::Within { intervals, null: false, nan: false }))),
        ]);
    }
    families
}

fn metrics(criterion: &mut Criterion) {
    for nulls in [false, true] {
        let mut group: BenchmarkGroup<'_, WallTime> =
            criterion.benchmark_group(if nulls { "half null" } else { "no nulls" });
        group.throughput(Throughput::Elements(ROWS as u64));
        for (name, column) in columns(nulls) {
            for (label, family) in families(name) {
                let metric = Metric::new(family, vec!["c".into()]);
                let kernel = Kernel::new(&metric, vec![column.data_type().clone()]).expect("a kernel");
                let batches: Vec<ArrayRef> = (0..ROWS / 8192).map(|batch| column.slice(batch * 8192, 8192)).collect();
                group.bench_function(format!("{label} {name}"), |bencher| {
                    bencher.iter(|| {
                        let mut accumulator = kernel.accumulator();
                        batches.iter().for_each(|batch| accumulator.update(std::slice::from_ref(batch), batch.len()));
                        black_box(accumulator.into_state().finish(&metric.family, 1))
                    });
                });
            }
        }
        group.finish();
    }
}

fn yardsticks(criterion: &mut Criterion) {
    let columns = columns(false);
    let texts = columns[3].1.as_any().downcast_ref::<StringArray>().expect("texts");
    let integers = columns[1].1.as_any().downcast_ref::<Int64Array>().expect("integers");
    let mut group = criterion.benchmark_group("plain way");
    group.throughput(Throughput::Elements(ROWS as u64));
    let regex = regex::Regex::new(r"^(?:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})$").expect("a pattern");
    group.bench_function("matches utf8: regex crate", |bencher| {
        bencher.iter(|| black_box(texts.iter().flatten().filter(|text| regex.is_match(text)).count()))
    });
    group.bench_function("frequencies int64: std map", |bencher| {
        bencher.iter(|| {
            let mut counts: HashMap<i64, u64> = HashMap::new();
            integers.values().iter().for_each(|value| *counts.entry(*value).or_default() += 1);
            black_box(counts.len())
        });
    });
    group.bench_function("frequencies utf8: std map", |bencher| {
        bencher.iter(|| {
            let mut counts: HashMap<&str, u64> = HashMap::new();
            texts.iter().flatten().for_each(|value| *counts.entry(value).or_default() += 1);
            black_box(counts.len())
        });
    });
    group.finish();
}

criterion_group!(benches, metrics, yardsticks);
criterion_main!(benches);
