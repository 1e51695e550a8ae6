//! Pages and what they link to.
//!
//! A built book has the pages and the other files of `docs`; `scripts/docs` puts the files beside it that pages link
//! to elsewhere in the repository. So links work on code hosts, in a checkout and in the built book, if those that lead
//! out of `docs` lead to files, and to none that mdBook would take for a page.

use crate::page::{anchors, links};
use crate::{pages, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// `link` as seen from a file, below the root of the repository.
fn resolved(file: &Path, link: &str) -> PathBuf {
    let mut path = file.parent().expect("a file in a directory").to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => assert!(path.pop(), "{}: {link} leads out of the repository", file.display()),
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => panic!("{}: {link} is no path that works elsewhere", file.display()),
        }
    }
    path
}

/// Whether it leads to another machine.
fn is_far(link: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme))
}

#[test]
fn the_summary_has_every_page_once() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).expect("a summary");
    let listed: Vec<String> = links(&summary).into_iter().map(|(_, link)| link).collect();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let pages = pages();
    let names: BTreeSet<&String> = pages.iter().map(|(name, _)| name).collect();
    assert_eq!(once, names, "docs/SUMMARY.md and docs differ");
}

#[test]
fn links_lead_to_files_and_headings() {
    let pages: BTreeMap<PathBuf, String> =
        pages().into_iter().map(|(name, text)| (Path::new("docs").join(name), text)).collect();
    let mut broken = Vec::new();
    for (name, text) in &pages {
        for (line, link) in links(text).into_iter().filter(|(_, link)| !is_far(link)) {
            let (path, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let target = if path.is_empty() { name.clone() } else { resolved(name, path) };
            let reason = match pages.get(&target) {
                Some(_) if anchor.is_empty() => continue,
                Some(page) if anchors(page).contains(anchor) => continue,
                Some(_) => "the page has no such heading",
                None if !root().join(&target).is_file() => "there is no such file; directories are none",
                None if !target.starts_with("docs") && path.ends_with(".md") => {
                    "mdBook takes it for a page: link to another file there, or name it without a link"
                }
                None if !anchor.is_empty() => "only pages have headings",
                None => continue,
            };
            broken.push(format!("{}:{line}: {link}: {reason}", name.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_of_other_documents_lead_to_files_and_headings() {
    for name in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/year/README.md"] {
        let name = Path::new(name);
        let text = std::fs::read_to_string(root().join(name)).expect("a document");
        for (line, link) in links(&text).into_iter().filter(|(_, link)| !is_far(link)) {
            let (path, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let target = root().join(if path.is_empty() { name.to_path_buf() } else { resolved(name, path) });
            assert!(target.exists(), "{}:{line}: {link} does not exist", name.display());
            let found =
                anchor.is_empty() || std::fs::read_to_string(&target).is_ok_and(|page| anchors(&page).contains(anchor));
            assert!(found, "{}:{line}: {link} has no such heading", name.display());
        }
    }
}

#[test]
fn pages_begin_with_their_title() {
    for (name, text) in pages() {
        assert!(text.starts_with("# "), "docs/{name} has no title in its first line");
        let titles = crate::page::prose(&text).iter().filter(|(_, line)| line.starts_with("# ")).count();
        assert_eq!(titles, 1, "docs/{name}: one title");
    }
}
