//! The house keeps its own rules: who may know whom, how large a room is, what a line
//! may not say.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    assert!(found.len() > 50);
    found
}

/// The room of a source file: the directory below `src`, or the file itself at the root.
fn room(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).expect("below src");
    let first = relative.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_string()
}

/// Rooms and the rooms they may use; root files that all may use come first.
const BASE: &[&str] = &[
    "comparison",
    "diagnostic",
    "dimension",
    "error",
    "guard",
    "intervals",
    "json_text",
    "links",
    "redaction",
    "sample",
    "span",
    "text_cast",
    "unevaluated",
    "value",
];
const ARROWS: &[(&str, &[&str])] = &[
    ("dqdl", &[]),
    ("metrics", &[]),
    ("input", &[]),
    ("sink", &["input"]),
    ("history", &["input", "sink"]),
    ("sql", &["input", "metrics"]),
    ("plan", &["metrics"]),
    ("rules", &["dqdl", "metrics", "plan", "sql"]),
    ("scan", &["input", "metrics", "plan", "sql"]),
    ("states", &["input", "metrics", "scan", "sink"]),
    ("verdict", &["dqdl", "history", "metrics", "plan", "rules"]),
    ("check", &["dqdl", "history", "input", "metrics", "plan", "rules", "scan", "sink", "sql", "states", "verdict"]),
    ("checker", &["check", "input", "plan", "scan", "metrics", "verdict"]),
    ("datafusion", &["check", "checker"]),
    ("polars", &["check", "checker", "input"]),
    ("compat", &["input"]),
    ("scorecard", &["check", "rules", "verdict"]),
    ("records", &["compat", "input", "sink"]),
    ("contract", &[]),
    ("report", &["check", "compat", "history", "records", "rules", "scorecard", "verdict"]),
    ("publish", &["input", "report"]),
    (
        "cli",
        &[
            "check",
            "compat",
            "contract",
            "dqdl",
            "history",
            "input",
            "plan",
            "publish",
            "records",
            "report",
            "rules",
            "scorecard",
            "sink",
            "verdict",
        ],
    ),
];

#[test]
fn arrows_between_rooms_point_one_way() {
    for (path, text) in sources() {
        let own = room(&path);
        let allowed = match ARROWS.iter().find(|(name, _)| *name == own) {
            Some((_, allowed)) => *allowed,
            None if BASE.contains(&own.as_str()) => &[][..],
            None => {
                assert!(["lib", "main"].contains(&own.as_str()), "{} is in no known room", path.display());
                continue;
            }
        };
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for (number, line) in code.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let fine = used == own || BASE.contains(&used.as_str()) || allowed.contains(&used.as_str());
                assert!(
                    fine || line.trim_start().starts_with("//"),
                    "{}:{}: `{own}` may not use `{used}`",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn files_stay_small_enough_to_hold_in_mind() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 600, "{} has {lines} lines: it is two rooms", path.display());
        assert!(text.starts_with("//!"), "{} does not say what lives there", path.display());
    }
}

#[test]
fn only_the_command_line_speaks_and_nothing_panics_on_purpose() {
    for (path, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in [
                "println!",
                "eprintln!",
                "dbg!",
                "panic!(",
                ".unwrap()",
                ".expect(",
                "todo!",
                "unimplemented!",
                "process::exit",
            ] {
                // The second Ctrl-C ends the program at once.
                let allowed = word == "process::exit" && path.ends_with("cli/interrupt.rs");
                assert!(allowed || !line.contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_files_that_say_why() {
    let kernels = ["input/structural.rs", "polars/interchange.rs"];
    for (path, text) in sources() {
        let is_unsafe = text.lines().any(|line| line.contains("unsafe {") || line.contains("allow(unsafe_code)"));
        let is_kernel = kernels.iter().any(|kernel| path.ends_with(kernel));
        assert_eq!(is_unsafe, is_kernel, "{}", path.display());
    }
}

#[test]
fn no_room_is_an_attic() {
    for (path, _) in sources() {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        assert!(!["util", "utils", "helpers", "common", "misc", "manager"].contains(&stem), "{}", path.display());
    }
}
