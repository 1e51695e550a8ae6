//! The book: every page is in it, every link leads somewhere, and what pages show is what happens.

// Tests fail by panicking; what is skipped is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod links;
mod page;
mod reference;
mod sessions;
mod snippets;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, by their names below `docs`, in the order of their names.
fn pages() -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(root().join("docs")).expect("below docs").to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).expect("a page")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("docs"), &mut found);
    found.retain(|(name, _)| name != "SUMMARY.md");
    found.sort();
    found
}

/// Whether DOCS_UPDATE=1 asks for pages to be rewritten instead of compared.
fn update() -> bool {
    std::env::var_os("DOCS_UPDATE").is_some()
}
