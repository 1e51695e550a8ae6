//! A page as its checks see it: blocks of code, and the prose around them.

use regex::Regex;
use std::collections::HashSet;
use std::ops::Range;

/// What the comment in the line before a block says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note<'a> {
    /// There is none.
    None,
    /// `<!-- not run: REASON -->`
    NotRun(&'a str),
    /// `<!-- file: PATH -->`: the reader saves the block under that name.
    File(&'a str),
}

impl<'a> Note<'a> {
    fn of(line: &'a str) -> Self {
        let inner = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")).unwrap_or("");
        match inner.split_once(": ") {
            Some(("not run", reason)) => Note::NotRun(reason),
            Some(("file", path)) => Note::File(path),
            _ => Note::None,
        }
    }
}

/// A block between fences.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    /// What stands behind the opening fence, such as `console`.
    pub language: &'a str,
    /// What is said of it.
    pub note: Note<'a>,
    /// The lines between the fences.
    pub text: &'a str,
    /// Where they are in the page, in bytes.
    pub range: Range<usize>,
    /// Line of the opening fence, from 1.
    pub line: usize,
}

/// The blocks of a page whose fences stand at the beginning of lines.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut note = Note::None;
    let mut open: Option<(&str, Note<'_>, usize, usize)> = None;
    let mut at = 0;
    for (number, line) in page.split_inclusive('\n').enumerate() {
        let bare = line.trim_end_matches('\n');
        match open {
            None if bare.starts_with("```") => {
                open = Some((bare.trim_start_matches('`').trim(), note, at + line.len(), number + 1));
            }
            Some((language, note, start, line)) if bare == "```" => {
                blocks.push(Block { language, note, text: &page[start..at], range: start..at, line });
                open = None;
            }
            _ => {}
        }
        note = Note::of(bare);
        at += line.len();
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

/// The lines outside of blocks, with their numbers from 1.
pub fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// Where links of a page lead, with the numbers of their lines; what stands in code is no link.
pub fn links(page: &str) -> Vec<(usize, String)> {
    let code = Regex::new(r"``.+?``|`[^`]*`").expect("a pattern");
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut links = Vec::new();
    for (number, line) in prose(page) {
        let plain = code.replace_all(line, "");
        links.extend(link.captures_iter(&plain).map(|found| (number, found[1].to_string())));
    }
    links
}

/// The anchors of headings, as mdBook and code hosts make them.
pub fn anchors(page: &str) -> HashSet<String> {
    let heading = Regex::new(r"^#{1,6} +(.+)$").expect("a pattern");
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("a pattern");
    let mut anchors = HashSet::new();
    for (_, line) in prose(page) {
        let Some(found) = heading.captures(line) else { continue };
        let text = link.replace_all(&found[1], "$1").trim().to_lowercase();
        let kept = text.chars().filter(|character| {
            character.is_alphanumeric() || matches!(character, '-' | '_') || character.is_whitespace()
        });
        let name: String = kept.map(|character| if character.is_whitespace() { '-' } else { character }).collect();
        // The second of a name gets a number.
        let twins = (1..).map(|count| format!("{name}-{count}"));
        let free = std::iter::once(name.clone()).chain(twins).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

#[test]
fn a_page_is_blocks_and_prose() {
    let page = "# `--a`: b, c\n\n[x](y.md#z) `[no](link)`\n\n<!-- not run: slow -->\n```sh\nls\n```\n## Twice\n## Twice\n\n\
                <!-- file: a/b.json -->\n```json\n{}\n# no heading\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].language, found[0].note, found[0].text), ("sh", Note::NotRun("slow"), "ls\n"));
    assert_eq!((found[1].note, found[1].line), (Note::File("a/b.json"), 13));
    assert_eq!(&page[found[1].range.clone()], "{}\n# no heading\n");
    assert_eq!(links(page), [(3_usize, "y.md#z".to_string())]);
    assert_eq!(anchors(page), HashSet::from(["--a-b-c", "twice", "twice-1"].map(String::from)));
}
