//! Pushed batches against the same batches read by the program's own pass: the library must cost no more.

// Benchmarks fail by panicking.
#![allow(clippy::expect_used, missing_docs)]

// Text files are for other benchmarks.
#[allow(dead_code)]
mod orders;

use arrow_array::RecordBatch;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::checker::Checker;
use dq::input::{Dataset, data_files};
use dq::rules::{BindOptions, Target};
use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};

const GROUPS: usize = 4;
const ROWS: usize = 250_000;

fn ruleset() -> Ruleset {
    let options = BindOptions { now: chrono::Utc::now(), target: Target::Dq };
    let ruleset = Ruleset::parse(include_str!("orders.dqdl"), &options);
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    ruleset
}

fn options(threads: usize) -> CheckOptions {
    let mut options = CheckOptions { threads, samples: 0, ..CheckOptions::default() };
    // Batches have no footer to answer from.
    options.read.ignore_statistics = true;
    options
}

/// All orders, cut as the program cuts them.
fn batches() -> Vec<RecordBatch> {
    let step = CheckOptions::default().batch_rows;
    let cut = |group: RecordBatch| {
        let starts = (0..group.num_rows()).step_by(step);
        let slices = starts.map(|start| group.slice(start, step.min(group.num_rows() - start)));
        slices.collect::<Vec<_>>()
    };
    (0..GROUPS).flat_map(|group| cut(orders::batch(group * ROWS, ROWS))).collect()
}

/// The batches as an Arrow file.
fn arrow_file(batches: &[RecordBatch]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("orders_checker.arrow");
    let schema = batches.first().expect("batches").schema();
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(File::create(&path).expect("a file"), &schema).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
    path
}

/// The columns of rules from a file, through a checker on this thread.
fn pushed_from(path: &Path, ruleset: &Ruleset, options: &CheckOptions) -> Run {
    let files = data_files(&[path.to_path_buf()], true).expect("a file");
    let dataset = Dataset::open(&files, &options.read, 1).expect("a dataset");
    let mut checker = Checker::new(ruleset, dataset.schema(), options).expect("a checker");
    let all: Vec<usize> = (0..dataset.schema().fields().len()).collect();
    for columns in dataset.batches(&all, options.batch_rows) {
        let columns = columns.expect("a batch");
        let batch = RecordBatch::try_from_iter_with_nullable(
            dataset.schema().fields().iter().zip(columns.arrays).map(|(field, array)| (field.name(), array, true)),
        );
        checker.push(&batch.expect("a batch")).expect("pushed");
    }
    checker.finish().expect("a run")
}

/// Batches in memory, through one fork a thread.
fn pushed(batches: &[RecordBatch], ruleset: &Ruleset, options: &CheckOptions) -> Run {
    let schema = batches.first().expect("batches").schema();
    let mut first = Checker::new(ruleset, &schema, options).expect("a checker");
    let forks: Vec<Checker> = std::thread::scope(|scope| {
        let share = batches.len().div_ceil(options.threads);
        let work = |own: Vec<RecordBatch>| {
            let mut fork = first.fork();
            scope.spawn(move || {
                own.iter().for_each(|batch| fork.push(batch).expect("pushed"));
                fork
            })
        };
        let workers: Vec<_> = batches.chunks(share).map(|own| work(own.to_vec())).collect();
        workers.into_iter().map(|worker| worker.join().expect("a fork")).collect()
    });
    forks.into_iter().for_each(|fork| first.merge(fork).expect("merged"));
    first.finish().expect("a run")
}

/// With the rows judged as they pass by.
fn masked(batches: &[RecordBatch], ruleset: &Ruleset, options: &CheckOptions) -> Run {
    let schema = batches.first().expect("batches").schema();
    let mut checker = Checker::new(ruleset, &schema, options).expect("a checker");
    for batch in batches {
        black_box(checker.push_rows(batch).expect("pushed"));
    }
    checker.finish().expect("a run")
}

fn paths_compared(criterion: &mut Criterion) {
    let batches = batches();
    let arrow = arrow_file(&batches);
    let parquet = orders::parquet(GROUPS, ROWS);
    let rules = ruleset();
    let mut group = criterion.benchmark_group("library");
    group.sample_size(20).throughput(Throughput::Elements((GROUPS * ROWS) as u64));
    let one = options(1);
    for (name, path) in [("Arrow", &arrow), ("Parquet", &parquet)] {
        group.bench_function(format!("{name} file, check, 1 thread"), |bencher| {
            bencher
                .iter(|| black_box(check(&rules, std::slice::from_ref(path), &one, Watch::default()).expect("a run")));
        });
        group.bench_function(format!("{name} file, pushed, 1 thread"), |bencher| {
            bencher.iter(|| black_box(pushed_from(path, &rules, &one)));
        });
    }
    for threads in [1, 2] {
        let own = options(threads);
        group.bench_function(format!("batches in memory, pushed, {threads} threads"), |bencher| {
            bencher.iter(|| black_box(pushed(&batches, &rules, &own)));
        });
        group.bench_function(format!("Arrow file, check, {threads} threads again"), |bencher| {
            bencher.iter(|| {
                black_box(check(&rules, std::slice::from_ref(&arrow), &own, Watch::default()).expect("a run"))
            });
        });
    }
    group.bench_function("batches in memory, rows judged, 1 thread", |bencher| {
        bencher.iter(|| black_box(masked(&batches, &rules, &one)));
    });
    group.finish();
}

criterion_group!(benches, paths_compared);
criterion_main!(benches);
