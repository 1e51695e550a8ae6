//! What is done so far, on stderr, when a person is watching and it takes long.

use crate::check::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Scans shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(700);

/// How often the end of the work is looked for.
const TICK: Duration = Duration::from_millis(5);

/// Runs `work`, which tells what it has done, and shows it if stderr is a terminal.
pub fn watched<T>(quiet: bool, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    if quiet || !std::io::stderr().is_terminal() {
        return work(&progress);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| show(&progress, &done));
        let outcome = work(&progress);
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

fn show(progress: &Progress, done: &AtomicBool) {
    let started = Instant::now();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let style = "{spinner} [{bar:20}] {bytes} of {total_bytes}, {msg}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    let mut shown = false;
    let mut drawn = started;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        if !shown && started.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            shown = true;
        }
        if drawn.elapsed() < 20 * TICK {
            continue;
        }
        drawn = Instant::now();
        let (bytes, total) = (progress.bytes.load(Ordering::Relaxed), progress.total_bytes.load(Ordering::Relaxed));
        let rows = progress.rows.load(Ordering::Relaxed);
        // Compressed text is counted unpacked, so there may be more than was expected.
        bar.set_length(total.max(bytes));
        bar.set_position(bytes);
        let speed = rows as f64 / started.elapsed().as_secs_f64() / 1e6;
        bar.set_message(format!("{} rows, {speed:.2} M rows/s", indicatif::HumanCount(rows)));
    }
    bar.finish_and_clear();
}
