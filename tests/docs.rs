//! Output shown in documents is what the program prints.
//!
//! A block behind `<!-- output of: dq ARGUMENTS -->` is compared with a run; with
//! DOCS_UPDATE=1 it is rewritten.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut directories = vec![root().join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

fn printed(arguments: &str) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    // Documents show what people see at home.
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
    let output = command.current_dir(root()).args(arguments.split_whitespace()).output().expect("the program ran");
    String::from_utf8(output.stdout).expect("UTF-8") + std::str::from_utf8(&output.stderr).expect("UTF-8")
}

/// How long a run took is nobody's promise.
fn timeless(text: &str) -> String {
    let duration = regex::Regex::new(r" in [0-9.]+ m?s\b").expect("a pattern");
    duration.replace_all(text.trim_end(), " in TIME").into_owned()
}

#[test]
fn shown_output_is_what_the_program_prints() {
    let marker = "<!-- output of: dq ";
    let mut shown = 0;
    for path in documents() {
        let mut text = std::fs::read_to_string(&path).expect("a document");
        let mut from = 0;
        while let Some(at) = text[from..].find(marker).map(|at| at + from) {
            let arguments = text[at + marker.len()..].split(" -->").next().expect("arguments").to_string();
            let open = at + text[at..].find("```text\n").expect("a block") + "```text\n".len();
            let close = open + text[open..].find("```").expect("the end of the block");
            let now = printed(&arguments);
            if std::env::var_os("DOCS_UPDATE").is_some() {
                text.replace_range(open..close, &now);
                std::fs::write(&path, &text).expect("written");
            } else {
                assert_eq!(
                    timeless(&text[open..close]),
                    timeless(&now),
                    "{}: dq {arguments}\nDOCS_UPDATE=1 rewrites it",
                    path.display()
                );
            }
            from = open;
            shown += 1;
        }
    }
    assert!(shown >= 1, "no document shows output");
}

#[test]
fn the_readme_names_the_commands_that_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.lines().count() <= 83, "one screen and what it prints");
    assert!(readme.contains("scripts/test") && root().join("scripts/test").exists());
    for link in regex::Regex::new(r"\]\(([^)#]+)\)").expect("a pattern").captures_iter(&readme) {
        assert!(root().join(&link[1]).exists(), "{} does not exist", &link[1]);
    }
}
