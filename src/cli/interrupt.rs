//! Ctrl-C: the first ends the run cleanly, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// The exit code of a program that was ended by Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// What is set once the user wants the run to end. Also set by the signals of a shutdown.
pub fn flag() -> &'static AtomicBool {
    // Without a handler the signal ends the program, as it would any other.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            leave();
        }
    });
    &STOP
}

#[allow(clippy::exit)]
fn leave() {
    std::process::exit(INTERRUPTED);
}
