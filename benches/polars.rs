//! A frame of Polars in memory, checked where it is: how much memory that takes beside the frame, and how long.
//!
//! `cargo bench --bench polars --no-default-features --features polars [-- FILE.parquet]`
//!
//! Without a file, a million generated orders. Peaks are those that Linux counts for the process; elsewhere only times
//! are told.

// Benchmarks fail by panicking, and speak.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

// Text files are for other benchmarks.
#[allow(dead_code)]
mod orders;

use dq::check::{CheckOptions, Ruleset, Run};
use dq::polars::polars::prelude::{DataFrame, LazyFrame, ScanArgsParquet};
use dq::rules::BindOptions;
use std::path::Path;
use std::time::Instant;

/// Rules that hold no more than some numbers: what memory grows by beside them is copied data.
const LEAN: &str = r#"Rules = [
    RowCount > 0, IsComplete "id", Completeness "email" > 0.5, ColumnValues "status" in ["pending", "shipped"],
    ColumnLength "note" > 0, ColumnValues "amount" > 0, ColumnValues "country" matches "[A-Z]{2}", Mean "amount" > 0,
    StandardDeviation "price" > 0, ColumnValues "created_at" > "2000-01-01"
]"#;

/// A line of `/proc/self/status`, in MiB.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

/// Runs a check; tells its time, and by how much it raised the memory of the process at most.
fn measured(name: &str, run: impl Fn() -> Run) {
    // Counts the peak from here on.
    let counted = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmRSS");
    let start = Instant::now();
    let run = run();
    let seconds = start.elapsed().as_secs_f64();
    let peak = status("VmHWM").filter(|_| counted);
    let grown =
        peak.zip(before).map_or("unknown".into(), |(peak, before)| format!("{} MiB", peak.saturating_sub(before)));
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
    let frame = collected(&path);
    println!("the frame: {} rows, {} MiB", frame.height(), frame.estimated_size() >> 20);
    for (name, ruleset) in [("10 rules", parse(LEAN)), ("26 rules with uniqueness", parse(include_str!("orders.dqdl")))]
    {
        measured(&format!("{name}, frame"), || dq::polars::check(&frame, &ruleset, &options).expect("a run"));
    }
}
