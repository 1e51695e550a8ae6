//! A page for people: one file that fetches nothing, runs nothing and can be mailed, printed and kept.
//!
//! Whatever comes from outside (rules, names, cells) goes through [`markup::escape`]. The policy in the
//! head of the page forbids everything but its own styles, should anything ever get through. Caps keep the
//! page small enough to open; where one cuts something off, the page says so.

mod card;
mod columns;
mod facts;
mod markup;
mod observations;
mod samples;
mod scale;
mod sentence;
mod spread;
mod summary;
mod tables;

use super::Report;
use super::text::grouped;
use crate::error::shown;
use crate::scorecard::Scorecard;
use crate::verdict::Verdict;
use markup::{escape, word};
use std::io::{self, Write};

const STYLE: &str = include_str!("html/style.css");

/// Nothing is loaded, run, framed or sent.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(report).as_bytes())
}

fn page(report: &Report<'_>) -> String {
    let run = report.run;
    let verdict = run.verdict();
    let data = escape(&data_name(report));
    let scorecard = Scorecard::of(run);
    let mut sections: Vec<(&str, String, String)> = Vec::new();
    let mut add = |id: &'static str, title: String, body: String| {
        if !body.is_empty() {
            sections.push((id, title, body));
        }
    };
    add("result", "Result".into(), summary::section(report, &scorecard));
    for (id, title, verdict) in [("errors", "Not evaluated", Verdict::Error), ("failed", "Failed rules", Verdict::Fail)]
    {
        let cards = card::section(report, verdict);
        add(id, format!("{title} ({})", grouped(run.count(verdict) as u64)), cards);
    }
    add("observations", "Observations".into(), observations::section(run));
    add("columns", "Columns".into(), columns::section(run, &scorecard));
    add("rules", "All rules".into(), tables::rules(report));
    add("analyzers", "Analyzers".into(), tables::analyzers(run));
    add("run", "Run".into(), facts::section(report));

    let links: String =
        sections.iter().map(|(id, title, _)| format!("<li><a href=\"#{id}\">{title}</a></li>\n")).collect();
    let body: String = sections
        .iter()
        .map(|(id, title, body)| {
            format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}</section>\n"
            )
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{verdict} {data}: data quality</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"page\">\n<h1>{badge} {data}</h1>\n<p class=\"muted\">Data quality, judged by \
         <code>{ruleset}</code></p>\n<nav aria-label=\"Sections\">\n<ul>\n{links}</ul>\n</nav>\n</header>\n\
         <main>\n{body}</main>\n<footer class=\"page\"><p>dq {version}</p></footer>\n</body>\n</html>\n",
        verdict = verdict.as_str(),
        badge = markup::badge(verdict),
        ruleset = escape(if report.ruleset == "-" { "standard input" } else { report.ruleset }),
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// What was checked, in a few words.
fn data_name(report: &Report<'_>) -> String {
    let Some(first) = report.run.files.first() else { return "no files".into() };
    let name = first.file_name().map_or_else(|| shown(first), |name| name.to_string_lossy().into_owned());
    match report.run.files.len() - 1 {
        0 => name,
        more => format!("{name} and {more} more {}", word(more as u64, "file", "files")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{CheckOptions, Ruleset, Watch, check};
    use crate::report::Style;
    use crate::rules::{BindOptions, Target};
    use crate::span::LineIndex;

    /// The page of a check of CSV data under a hostile or harmless name.
    fn page_of(rules: &str, name: &str, data: &str, timed: bool) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::write(&path, data).expect("written");
        let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let ruleset = Ruleset::parse(rules, &BindOptions { now, target: Target::Dq });
        assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
        let mut run = check(&ruleset, &[path], &CheckOptions::default(), Watch::default()).expect("a run");
        // The directory has another name each time.
        run.files = vec![name.into()];
        let lines = LineIndex::new(rules);
        let publication = crate::report::Publication::default();
        let report = Report {
            run: &run,
            ruleset: "r<1>.dqdl",
            lines: &lines,
            timed,
            style: Style::default(),
            publication: &publication,
        };
        page(&report)
    }

    /// Every `<` starts an element of ours, whose attributes all stand in quotes, and which is closed in order.
    fn assert_sound(page: &str) {
        let page = page.replace(STYLE, "");
        let tags =
            regex::Regex::new(r#"<(/?)([a-z][a-z0-9]*)((?: [a-zA-Z-]+(?:="[^"<>]*")?)*)(/?)>"#).expect("a pattern");
        assert_eq!(page.matches('<').count(), tags.find_iter(&page).count() + 1, "the doctype is no element\n{page}");
        let mut open: Vec<&str> = Vec::new();
        for tag in tags.captures_iter(&page) {
            let [name, attributes] = [2, 3].map(|group| tag.get(group).map_or("", |part| part.as_str()));
            // Between quotes are values; around them names.
            assert!(!attributes.split('"').step_by(2).any(|name| name.trim_start().starts_with("on")), "{attributes}");
            if &tag[1] == "/" {
                assert_eq!(open.pop(), Some(name), "{page}");
            } else if !["meta", "br"].contains(&name) && &tag[4] != "/" {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let rules = "Rules = [ IsComplete \"<b>'x&\" labels=[\"<i>\"=\"\\\"><script>\"], RowCount = 9,\n\
                     ColumnValues \"t\" = \"</code><script>alert(1)</script>\", IsComplete \"<nothing>\" ]\n\
                     Analyzers = [ Distribution \"t\" ]";
        let data = "<b>'x&,t\n,\"<img src=x onerror=alert(1)>\"\n1,\"\u{202e}'\"\" onload=x\"\n";
        let page = page_of(rules, "<script>\"a'\u{202e}.csv", data, false);
        for hostile in ["<script", "<img", "<b>", "<i>", "<nothing", "\u{202e}"] {
            assert!(!page.contains(hostile), "{hostile}\n{page}");
        }
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && page.contains("\\u{202e}"), "{page}");
        assert_sound(&page);
    }

    #[test]
    fn the_page_is_complete_in_itself_and_allows_nothing_else() {
        let page = page_of("Rules = [ RowCount = 2 ]", "a.csv", "a\n1\n", false);
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'"));
        for outside in ["http:", "https:", "<script", "<link", "<iframe", "<object", "@import", "url(", " src="] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("<title>FAIL a.csv: data quality</title>"));
        for once in ["<h1>", "<header", "<nav aria-label", "<main>", "<footer"] {
            assert_eq!(page.matches(once).count(), 1, "{once}");
        }
        assert_sound(&page);
    }

    #[test]
    fn headings_stand_in_order_and_links_lead_somewhere() {
        let rules = "Rules = [ RowCount = 2, IsComplete \"b\", (IsUnique \"a\") and (RowCount = 3) ]\n\
                     Analyzers = [ AllStatistics \"AllColumns\" ]";
        let page = page_of(rules, "a.csv", "a\n1\n1\n", false);
        let mut last = 0;
        for level in regex::Regex::new("<h([1-6])").expect("a pattern").captures_iter(&page) {
            let level: usize = level[1].parse().expect("a number");
            assert!(level <= last + 1, "h{level} after h{last}");
            last = level;
        }
        for target in regex::Regex::new("href=\"#([^\"]*)\"").expect("a pattern").captures_iter(&page) {
            assert_eq!(page.matches(&format!(" id=\"{}\"", &target[1])).count(), 1, "{}", &target[1]);
        }
        for table in page.split("<table").skip(1) {
            assert!(table.contains("<caption>") && table.contains("scope=\"col\""), "{table}");
        }
        assert_sound(&page);
    }

    #[test]
    fn a_failure_is_never_rounded_to_all() {
        let mut data = String::from("a\n");
        (0..30_000).for_each(|row| data.push_str(if row == 17 { "x\n" } else { "y\n" }));
        let page = page_of("Rules = [ ColumnValues \"a\" = \"y\" ]", "a.csv", &data, false);
        assert!(page.contains("29,999 of 30,000 (99.997 %)"), "{page}");
        assert!(page.contains("1 of 30,000 rows fails"));
        assert!(!page.contains("100.00 %"));
    }

    #[test]
    fn a_run_with_a_fixed_time_is_always_the_same_page() {
        let rules = "Rules = [ RowCount = 2, IsComplete \"a\" ] Analyzers = [ AllStatistics \"AllColumns\" ]";
        let page = || page_of(rules, "a.csv", "a\n1\n", false);
        assert_eq!(page(), page());
        assert!(!page().contains("<dt>Took</dt>") && page_of(rules, "a.csv", "a\n1\n", true).contains("<dt>Took</dt>"));
    }

    #[test]
    fn many_rules_make_no_endless_page() {
        let rules: Vec<String> = (0..3_000).map(|number| format!("RowCount = {}", number + 10)).collect();
        let page = page_of(&format!("Rules = [ {} ]", rules.join(", ")), "a.csv", "a\n1\n", false);
        assert!(page.contains("the first 2,000 are shown") && page.contains("2,900 more are in the table"));
        assert!(page.len() < 2 << 20, "{}", page.len());
    }
}
