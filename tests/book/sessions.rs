//! Pages that readers follow step by step, followed.
//!
//! All blocks of a page run in one shell, in an empty directory, with `dq` on the PATH:
//!
//! - `sh` is a script: it ends well and prints nothing;
//! - `console` shows commands behind `$ ` (`> ` continues one), each with what it prints. A command ends well, unless
//!   the next one is `echo $?`;
//! - a block behind `<!-- file: PATH -->` is saved under that name, which the paragraph before it tells the reader;
//! - a block behind `<!-- not run: REASON -->` is left out.
//!
//! DOCS_UPDATE=1 rewrites what commands print.

use crate::page::{Block, Note, blocks};
use crate::{pages, root, update};
use regex::Regex;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Pages whose commands show options; what they print is compared by `tests/docs.rs`.
const REFERENCE: &[&str] = &[
    "anomalies.md",
    "compat.md",
    "csv.md",
    "data.md",
    "history.md",
    "language.md",
    "outputs.md",
    "performance.md",
    "records.md",
    "rows.md",
    "rules.md",
    "sla.md",
    "sql.md",
    "states.md",
];

/// Stands around exit codes in what a session prints.
const MARK: char = '\u{1e}';

/// A command and what the page says it prints.
struct Step<'a> {
    command: String,
    shown: String,
    block: &'a Block<'a>,
}

/// What a step printed, and its exit code.
struct Ran {
    printed: String,
    code: i32,
}

/// The steps of a block.
fn steps_of<'b>(block: &'b Block<'_>) -> Vec<Step<'b>> {
    let step = |command: String| Step { command, shown: String::new(), block };
    match (block.note, block.language) {
        (Note::NotRun(_), _) => Vec::new(),
        (Note::File(path), _) => {
            let directory = Path::new(path).parent().expect("a file").to_string_lossy().into_owned();
            let end = format!("{MARK}end");
            vec![step(format!("mkdir -p './{directory}' && cat >'{path}' <<'{end}'\n{}{end}", block.text))]
        }
        (Note::None, "sh") => vec![step(block.text.trim_end().to_string())],
        (Note::None, "console") => {
            let mut steps: Vec<Step<'b>> = Vec::new();
            for line in block.text.split_inclusive('\n') {
                if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(step(command.trim_end().to_string()));
                    continue;
                }
                let last = steps.last_mut().unwrap_or_else(|| panic!("line {}: begins without a command", block.line));
                match line.strip_prefix("> ") {
                    Some(more) if last.shown.is_empty() => {
                        last.command.push('\n');
                        last.command.push_str(more.trim_end());
                    }
                    _ => last.shown.push_str(line),
                }
            }
            steps
        }
        (Note::None, _) => Vec::new(),
    }
}

/// Runs commands in one shell. `$?` of a command is that of the one before.
fn run(commands: &[Step<'_>]) -> Vec<Ran> {
    let mut script = String::from("exec 2>&1 </dev/null\n");
    for step in commands {
        writeln!(script, "{}\ncode=$?; printf '{MARK}%d{MARK}' \"$code\"; (exit \"$code\")", step.command)
            .expect("text");
    }
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["home", "work"] {
        std::fs::create_dir(directory.path().join(name)).expect("a directory");
    }
    std::fs::write(directory.path().join("session"), script).expect("a script");
    let program = assert_cmd::cargo::cargo_bin!("dq").parent().expect("a directory").to_path_buf();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&paths))).expect("a PATH");
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "../session"])
        .current_dir(directory.path().join("work"))
        // What readers see at home: neither CI nor the repository of this checkout.
        .env_clear()
        .envs([("LC_ALL", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "init.defaultBranch"), ("GIT_CONFIG_VALUE_0", "main")])
        .env("HOME", directory.path().join("home"))
        .env("PATH", paths)
        .stdin(Stdio::null())
        .output()
        .expect("bash ran");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let parts: Vec<&str> = printed.split(MARK).collect();
    let ran: Vec<Ran> = parts
        .chunks_exact(2)
        .map(|pair| Ran { printed: pair[0].to_string(), code: pair[1].parse().expect("an exit code") })
        .collect();
    assert_eq!(ran.len(), commands.len(), "the session ended early: {printed}");
    ran
}

/// How long a run took is nobody's promise.
fn timeless(text: &str) -> String {
    let duration = Regex::new(r" in [0-9.]+ m?s\b").expect("a pattern");
    duration.replace_all(text.trim_end(), " in TIME").into_owned()
}

/// What a block is when its commands print this.
fn rewritten(steps: &[(&Step<'_>, &Ran)]) -> String {
    let mut text = String::new();
    for (step, ran) in steps {
        let same = timeless(&step.shown) == timeless(&ran.printed);
        let printed = if same { step.shown.as_str() } else { ran.printed.as_str() };
        let newline = if printed.is_empty() || printed.ends_with('\n') { "" } else { "\n" };
        write!(text, "$ {}\n{printed}{newline}", step.command.replace('\n', "\n> ")).expect("text");
    }
    text
}

#[test]
fn pages_that_are_followed_step_by_step_do_what_they_say() {
    let mut followed = 0;
    for (name, text) in pages().into_iter().filter(|(name, _)| !REFERENCE.contains(&name.as_str())) {
        let blocks = blocks(&text);
        let steps: Vec<Step<'_>> = blocks.iter().flat_map(steps_of).collect();
        if steps.is_empty() {
            continue;
        }
        if steps.iter().any(|step| step.command.contains("python3"))
            && Command::new("python3").arg("-V").output().is_err()
        {
            eprintln!("docs/{name} is not followed: there is no python3");
            continue;
        }
        let ran = run(&steps);
        let mut wrong = Vec::new();
        for (at, (step, ran)) in steps.iter().zip(&ran).enumerate() {
            let place = format!("docs/{name}:{}: {}", step.block.line, step.command);
            let told = steps.get(at + 1).is_some_and(|next| next.command == "echo $?");
            if ran.code != 0 && !told {
                wrong.push(format!("{place}\nends with {}, which the page does not tell:\n{}", ran.code, ran.printed));
            } else if timeless(&step.shown) != timeless(&ran.printed) {
                wrong.push(format!("{place}\nprints:\n{}\ninstead of:\n{}", ran.printed, step.shown));
            }
        }
        if update() {
            let mut page = text.clone();
            for block in blocks.iter().rev().filter(|block| block.language == "console" && block.note == Note::None) {
                let own = steps.iter().zip(&ran).filter(|(step, _)| step.block.line == block.line);
                page.replace_range(block.range.clone(), &rewritten(&own.collect::<Vec<_>>()));
            }
            std::fs::write(root().join("docs").join(&name), page).expect("written");
        } else {
            assert!(wrong.is_empty(), "{}\nDOCS_UPDATE=1 rewrites what is printed", wrong.join("\n\n"));
        }
        followed += 1;
    }
    assert!(followed >= 1, "no page is followed");
}

#[test]
fn fences_of_pages_that_are_followed_are_seen() {
    for (name, text) in pages().into_iter().filter(|(name, _)| !REFERENCE.contains(&name.as_str())) {
        let hidden = text.lines().find(|line| !line.starts_with("```") && line.trim_start().starts_with("```"));
        assert_eq!(hidden, None, "docs/{name}: a block that is indented is not run");
    }
}

#[test]
fn readers_are_told_the_names_of_files_that_they_save() {
    for (name, text) in pages() {
        for block in blocks(&text) {
            let Note::File(path) = block.note else { continue };
            let before: Vec<&str> = text.lines().take(block.line - 1).collect();
            let from = before.len().saturating_sub(8);
            let told = before[from..].iter().any(|line| line.contains(&format!("`{path}`")));
            assert!(told, "docs/{name}:{}: the paragraph before the block does not name `{path}`", block.line);
        }
    }
}
