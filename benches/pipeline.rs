//! From text and files to verdicts: does one scan stay one scan, and how fast is it?

// Benchmarks fail by panicking.
#![allow(clippy::expect_used, missing_docs)]

mod orders;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::rules::{BindOptions, Target};
use std::hint::black_box;

fn ruleset(text: &str) -> Ruleset {
    let ruleset = Ruleset::parse(text, &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

/// The benchmark ruleset over four row groups, at one and two threads.
fn benchmark_ruleset(criterion: &mut Criterion) {
    let (groups, rows) = (4, 250_000);
    let path = orders::parquet(groups, rows);
    let rules = ruleset(include_str!("orders.dqdl"));
    let mut group = criterion.benchmark_group("check");
    group.sample_size(10).throughput(Throughput::Elements((groups * rows) as u64));
    for threads in [1, 2] {
        let options = CheckOptions { threads, ..CheckOptions::default() };
        group.bench_function(format!("26 rules, {} rows, {threads} threads", groups * rows), |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// More rules on one column must not read it more often.
fn rules_share_a_scan(criterion: &mut Criterion) {
    let (groups, rows) = (1, 250_000);
    let path = orders::parquet(groups, rows);
    let mut group = criterion.benchmark_group("sharing");
    group.sample_size(10).throughput(Throughput::Elements((groups * rows) as u64));
    for count in [1, 10, 100] {
        let list = (0..count).map(|at| format!("ColumnValues \"quantity\" > -{at}")).collect::<Vec<_>>().join(", ");
        let rules = ruleset(&format!("Rules = [ {list} ]"));
        let options = CheckOptions { threads: 1, ..CheckOptions::default() };
        group.bench_function(format!("{count} rules on one column"), |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// 300 rules with 40 predicates against the same rules without: predicates must stay cheap.
fn predicates(criterion: &mut Criterion) {
    let (groups, rows) = (4, 250_000);
    let path = orders::parquet(groups, rows);
    let filtered = include_str!("filtered.dqdl");
    let without = |line: &str| match line
        .split_once(" where \"")
        .and_then(|(rule, rest)| Some((rule, rest.split_once('"')?.1)))
    {
        Some((rule, rest)) => format!("{rule}{rest}"),
        None => line.to_string(),
    };
    let plain = filtered.lines().map(without).collect::<Vec<_>>().join("\n");
    let mut group = criterion.benchmark_group("predicates");
    group.sample_size(10).throughput(Throughput::Elements((groups * rows) as u64));
    for (name, text) in [("300 rules", plain.as_str()), ("300 rules with 40 predicates", filtered)] {
        let rules = ruleset(text);
        let options = CheckOptions { threads: 2, ..CheckOptions::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// The benchmark ruleset over text, by the byte.
fn text_formats(criterion: &mut Criterion) {
    let (csv, json) = orders::texts(200_000);
    let rules = ruleset(include_str!("orders.dqdl"));
    let mut group = criterion.benchmark_group("text");
    for (name, path) in [("CSV", csv), ("JSON Lines", json)] {
        let bytes = std::fs::metadata(&path).expect("a file").len();
        group.sample_size(10).throughput(Throughput::Bytes(bytes));
        let options = CheckOptions { threads: 2, ..CheckOptions::default() };
        group.bench_function(format!("26 rules on {name}"), |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// What footers prove is not read.
fn footers(criterion: &mut Criterion) {
    let path = orders::parquet(4, 250_000);
    let rules = ruleset(
        "Rules = [ RowCount > 0, Completeness \"email\" > 0.5, ColumnValues \"quantity\" between 0 and 101, DataFreshness \"order_date\" < 90000 days ]",
    );
    let mut group = criterion.benchmark_group("footers");
    for ignore_statistics in [false, true] {
        let mut options = CheckOptions { threads: 2, ..CheckOptions::default() };
        options.read.ignore_statistics = ignore_statistics;
        let name = if ignore_statistics { "the data read" } else { "the footer trusted" };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// Distinct values in memory and, beyond the limit, on disk.
fn spilling(criterion: &mut Criterion) {
    let path = orders::parquet(4, 250_000);
    let rules = ruleset("Rules = [ Uniqueness \"email\" > 0 ]");
    let mut group = criterion.benchmark_group("distinct values");
    group.sample_size(10).throughput(Throughput::Elements(1_000_000));
    for (name, memory_bytes) in [("in memory", 4u64 << 30), ("beyond the limit", 1 << 20)] {
        let options = CheckOptions { threads: 2, memory_bytes, ..CheckOptions::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&path), &options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

/// Parsing and binding, by the byte.
fn language(criterion: &mut Criterion) {
    let rule = "    ColumnValues \"status\" in [\"pending\",\"shipped\"] with threshold > 0.99,\n";
    let text = format!("Rules = [\n{}    RowCount > 0\n]", rule.repeat((64 << 10) / rule.len()));
    let mut group = criterion.benchmark_group("language");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse 64 KiB", |bencher| bencher.iter(|| black_box(dq::dqdl::parse(&text))));
    group.bench_function("parse and bind 64 KiB", |bencher| {
        bencher.iter(|| black_box(Ruleset::parse(&text, &BindOptions { now: chrono::Utc::now(), target: Target::Dq })));
    });
    group.finish();
}

/// 300 rules with 40 predicates: what it costs to find rows that fail, and to write them.
fn rows(criterion: &mut Criterion) {
    let (groups, rows) = (4, 250_000);
    let path = orders::parquet(groups, rows);
    let directory = tempfile::tempdir().expect("a directory");
    let rules = ruleset(include_str!("filtered.dqdl"));
    let failing = ruleset("Rules = [ IsUnique \"email\", ColumnValues \"quantity\" < 99, IsComplete \"note\" ]");
    let plain = CheckOptions { samples: 0, ..CheckOptions::default() };
    let bad = CheckOptions { bad: Some(directory.path().join("bad.parquet")), ..plain.clone() };
    let all = CheckOptions { rows_out: Some(directory.path().join("rows.parquet")), ..plain.clone() };
    let mut group = criterion.benchmark_group("rows");
    group.sample_size(10).throughput(Throughput::Elements((groups * rows) as u64));
    for (name, rules, options) in [
        ("300 rules", &rules, &plain),
        ("300 rules, bad rows written", &rules, &bad),
        ("3 failing rules", &failing, &plain),
        ("3 failing rules with samples", &failing, &CheckOptions::default()),
        ("3 failing rules, all rows written", &failing, &all),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(check(rules, std::slice::from_ref(&path), options, Watch::default()).expect("readable"))
            });
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    language,
    rules_share_a_scan,
    benchmark_ruleset,
    predicates,
    rows,
    text_formats,
    footers,
    spilling
);
criterion_main!(benches);
