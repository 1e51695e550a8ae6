//! Code of others that may panic: what it says becomes an error, and the process lives on.

use crate::error::escape_controls;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Characters of foreign words that a message takes over.
const LONGEST: usize = 300;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs code whose panic will become an error: a panic hook may stay silent then.
#[cfg(any(test, feature = "cli"))]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs code that may panic; gives what it said if it does. What it was working on must not be used then.
pub fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(outer);
    outcome.map_err(|panic| said(&*panic))
}

/// What a panic said.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words").to_string()
}

/// Words of foreign code as they may stand in a message: cut, on one line, without control characters.
pub fn quoted(words: &str) -> String {
    let shown: String = words.chars().take(LONGEST).collect();
    let rest = if shown.len() < words.len() { "..." } else { "" };
    escape_controls(&shown) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_words_and_guards_nest() {
        assert_eq!(guarded(|| 1), Ok(1));
        let word = "boom";
        assert_eq!(guarded(|| -> u8 { panic!("boom") }), Err("boom".into()));
        assert_eq!(guarded(|| -> u8 { panic!("{word}!") }), Err("boom!".into()));
        assert_eq!(guarded(|| -> u8 { std::panic::panic_any(7) }), Err("no words".into()));
        let within = guarded(|| {
            let inner = guarded(|| -> u8 { panic!("inner") });
            (inner.is_err(), is_guarded())
        });
        assert_eq!((within, is_guarded()), (Ok((true, true)), false));
    }

    #[test]
    fn foreign_words_are_cut_and_stay_on_their_line() {
        assert_eq!(quoted("a\n\u{1b}[2J"), "a\\u{a}\\u{1b}[2J");
        assert_eq!(quoted(&"é".repeat(LONGEST)), "é".repeat(LONGEST));
        assert_eq!(quoted(&"é".repeat(LONGEST + 1)), "é".repeat(LONGEST) + "...");
    }
}
