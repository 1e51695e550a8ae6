//! JUnit's XML: a suite per run, a case per schema and version it was compared with.

use super::{Report, acceptance, circumstances, is_about_the_run, old_spot, sentence, spot};
use crate::compat::finding::Kind;
use crate::compat::gate::{Entry, Judged};
use crate::compat::mode::Direction;
use crate::error::escape_controls;
use crate::report::finding::cut;
use crate::report::junit::{attribute, content};
use std::io::{self, Write};

/// Characters of a name.
const NAME: usize = 200;

/// A case: its schema, its name, and what was found.
struct Case<'a> {
    schema: &'a Judged,
    name: String,
    entries: Vec<&'a Entry>,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cases = cases(report);
    let is_error = |case: &&Case<'_>| case.entries.iter().any(|entry| entry.finding.kind == Kind::NotCompared);
    let errors = cases.iter().filter(is_error).count();
    let failures = cases.iter().filter(|case| !is_error(case) && fails(report, case)).count();
    let totals = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\"", cases.len());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"dq compat\" {totals}>")?;
    writeln!(
        out,
        "  <testsuite name=\"{}\" {totals}>",
        attribute(&format!("{} {}", report.run.mode, report.run.against))
    )?;
    for case in &cases {
        write_case(report, case, out)?;
    }
    let rest: Vec<String> = report.run.entries.iter().filter(|entry| is_about_the_run(entry)).map(told).collect();
    if !rest.is_empty() {
        writeln!(out, "    <system-out>{}</system-out>", content(&rest.join("\n\n")))?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn cases<'a>(report: &Report<'a>) -> Vec<Case<'a>> {
    let of_schema = |schema: &'a Judged| {
        let own: Vec<&'a Entry> = report
            .run
            .entries
            .iter()
            .filter(|entry| !is_about_the_run(entry) && entry.schema == schema.name && entry.place.file == schema.file)
            .collect();
        let mut cases: Vec<Case<'a>> = schema
            .comparisons
            .iter()
            .map(|(direction, version, _)| Case {
                schema,
                name: format!("{} {version}", direction.map_or("with", Direction::as_str)),
                entries: own
                    .iter()
                    .filter(|entry| entry.direction == *direction && entry.version.as_ref() == Some(version))
                    .copied()
                    .collect(),
            })
            .collect();
        if cases.is_empty() {
            cases.push(Case { schema, name: schema.state.as_str().to_string(), entries: own });
        }
        cases
    };
    report.run.schemas.iter().flat_map(of_schema).collect()
}

fn counting<'a>(report: &Report<'_>, case: &Case<'a>) -> Vec<&'a Entry> {
    let counts = |entry: &&&Entry| entry.accepted.is_none() && entry.finding.severity >= report.fail_on;
    case.entries.iter().filter(counts).copied().collect()
}

fn fails(report: &Report<'_>, case: &Case<'_>) -> bool {
    !counting(report, case).is_empty()
}

fn write_case(report: &Report<'_>, case: &Case<'_>, out: &mut dyn Write) -> io::Result<()> {
    let file = case.schema.file.as_deref().map_or(String::new(), |file| format!(" file=\"{}\"", attribute(file)));
    let counting = counting(report, case);
    let line = counting
        .first()
        .and_then(|entry| entry.place.start)
        .map_or(String::new(), |(line, _)| format!(" line=\"{line}\""));
    writeln!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\"{file}{line}>",
        attribute(&cut(&case.name, NAME)),
        attribute(&cut(&case.schema.name, NAME))
    )?;
    if let Some(first) = counting.first() {
        let all: Vec<String> = counting.iter().map(|entry| told(entry)).collect();
        let tag = if first.finding.kind == Kind::NotCompared { "error" } else { "failure" };
        writeln!(
            out,
            "      <{tag} message=\"{}\" type=\"{}\">{}</{tag}>",
            attribute(&escape_controls(&sentence(first))),
            first.finding.kind.name(),
            content(&all.join("\n\n"))
        )?;
    }
    let others: Vec<String> = case
        .entries
        .iter()
        .filter(|entry| !counting.iter().any(|other| std::ptr::eq(**entry, *other)))
        .map(|entry| told(entry))
        .collect();
    if !others.is_empty() {
        writeln!(out, "      <system-out>{}</system-out>", content(&others.join("\n\n")))?;
    }
    writeln!(out, "    </testcase>")
}

/// A finding in lines.
fn told(entry: &Entry) -> String {
    let finding = &entry.finding;
    let first =
        format!("{}: {}[{}] {}", spot(&entry.place), finding.severity.as_str(), finding.kind.name(), sentence(entry));
    let mut lines = vec![first, format!("at {}", finding.location)];
    lines.extend(circumstances(entry));
    lines.extend(old_spot(entry).map(|old| format!("before: {old}")));
    lines.extend(finding.hint.as_ref().map(|hint| format!("help: {hint}")));
    lines.extend(acceptance(entry));
    lines.iter().map(|line| escape_controls(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::example::{run, written};

    #[test]
    fn every_comparison_is_a_case_that_fails_by_what_counts() {
        let xml = written("junit", &run());
        assert!(
            xml.contains("<testsuites name=\"dq compat\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">"),
            "{xml}"
        );
        let case = "<testcase name=\"BACKWARD v1.avsc\" classname=\"shop.User\" file=\"schemas/user.avsc\" line=\"3\">";
        assert!(xml.contains(case), "{xml}");
        assert_eq!(xml.matches("<failure ").count(), 1, "{xml}");
        assert!(xml.contains("<system-out>") && xml.contains("accepted, until 2027-01-31: agreed"), "{xml}");
    }
}
