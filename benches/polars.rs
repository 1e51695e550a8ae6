//! A frame of Polars in memory, checked where it is: how much memory that takes beside the frame, and how long.
//!
//! `cargo bench --bench polars --no-default-features --features polars [-- FILE.parquet] [-- lazy]`
//!
//! Without a file, a million generated orders; a pattern names several. With `lazy`, only queries that are checked while
//! they run. Linux tells the memory; elsewhere only times are told.

// Benchmarks fail by panicking, and speak.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

// Text files are for other benchmarks.
#[allow(dead_code)]
mod orders;

use dq::check::{CheckOptions, Ruleset, Run};
use dq::polars::polars::prelude::{DataFrame, LazyFrame, ScanArgsParquet};
use dq::rules::BindOptions;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Rules that hold no more than some numbers: what memory grows by beside them is copied data.
const LEAN: &str = r#"Rules = [
    RowCount > 0, IsComplete "id", Completeness "email" > 0.5, ColumnValues "status" in ["pending", "shipped"],
    ColumnLength "note" > 0, ColumnValues "amount" > 0, ColumnValues "country" matches "[A-Z]{2}", Mean "amount" > 0,
    StandardDeviation "price" > 0, ColumnValues "created_at" > "2000-01-01"
]"#;

/// Memory of the process that is not pages of files, in MiB, where the system tells.
fn held() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("RssAnon"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

/// Runs a check; tells its time, and by how much it raised the memory of the process at most, looked at every
/// millisecond.
fn measured(name: &str, run: impl Fn() -> Run) {
    let before = held();
    let (peak, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                peak.fetch_max(held().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let run = run();
        ended.store(true, Ordering::Relaxed);
        run
    });
    let seconds = start.elapsed().as_secs_f64();
    let grown = before
        .map_or("unknown".into(), |before| format!("{} MiB", peak.load(Ordering::Relaxed).saturating_sub(before)));
    println!("{name}: {seconds:.3} s, {} rows, memory grows by {grown} at most", run.rows);
}

fn collected(path: &Path) -> DataFrame {
    let path = path.to_str().expect("a path of letters");
    let frame = LazyFrame::scan_parquet(path.into(), ScanArgsParquet::default()).expect("a file");
    frame.collect().expect("rows")
}

fn main() {
    let file = std::env::args().skip(1).find(|argument| argument.ends_with(".parquet"));
    let path = file.map_or_else(|| orders::parquet(4, 250_000), Into::into);
    let parse = |text: &str| Ruleset::parse(text, &BindOptions::default()).accepted().expect("a ruleset");
    let options = CheckOptions { samples: 0, ..CheckOptions::default() };
    let lazy = || {
        let path = path.to_str().expect("a path of letters");
        LazyFrame::scan_parquet(path.into(), ScanArgsParquet::default()).expect("a file")
    };
    for (name, ruleset) in [("10 rules", parse(LEAN)), ("26 rules with uniqueness", parse(include_str!("orders.dqdl")))]
    {
        // Before the frame is there: what a query holds that is checked while it runs.
        measured(&format!("{name}, lazy"), || dq::polars::check_lazy(lazy(), &ruleset, &options).expect("a run"));
    }
    if std::env::args().any(|argument| argument == "lazy") {
        return;
    }
    let frame = collected(&path);
    println!("the frame: {} rows, {} MiB", frame.height(), frame.estimated_size() >> 20);
    for (name, ruleset) in [("10 rules", parse(LEAN)), ("26 rules with uniqueness", parse(include_str!("orders.dqdl")))]
    {
        measured(&format!("{name}, frame"), || dq::polars::check(&frame, &ruleset, &options).expect("a run"));
    }
}
