//! Rows read so far, on stderr, when a person is watching and it takes long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Scans shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(700);

/// Runs `work`, which counts its rows, and shows the count if stderr is a terminal.
pub fn watched<T>(quiet: bool, work: impl FnOnce(&AtomicU64) -> T) -> T {
    let rows = AtomicU64::new(0);
    if quiet || !std::io::stderr().is_terminal() {
        return work(&rows);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| show(&rows, &done));
        let outcome = work(&rows);
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

fn show(rows: &AtomicU64, done: &AtomicBool) {
    let started = Instant::now();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} rows in {elapsed}") {
        bar.set_style(style);
    }
    let mut shown = false;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
        if !shown && started.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            shown = true;
        }
        bar.set_position(rows.load(Ordering::Relaxed));
    }
    bar.finish_and_clear();
}
