//! Findings about rulesets, rendered with their source or as JSON.

use super::source::Source;
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::escape_controls;
use crate::span::LineIndex;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, NamedSource, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Write};

/// Findings rendered before the rest is only counted.
const SHOWN: usize = 50;

/// A finding with its source, as miette wants it.
struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    source: Excerpt<'a>,
}

impl fmt::Debug for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.diagnostic.code)
    }
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_controls(&self.diagnostic.message))
    }
}

impl std::error::Error for Rendered<'_> {}

impl miette::Diagnostic for Rendered<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(escape_controls(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.span;
        // A caret under the whole of a long text says no more than one under its start.
        let length = span.len().min(200);
        Some(Box::new(std::iter::once(LabeledSpan::new(Some(self.diagnostic.label.clone()), span.start, length))))
    }
}

/// Lines longer than this are shown in part, and without their neighbours.
const LONG_LINE: usize = 400;

/// A source whose long lines are cut around the finding.
struct Excerpt<'a> {
    source: &'a NamedSource<String>,
    lines: &'a LineIndex,
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.source.inner();
        let (line, _) = self.lines.position(span.offset());
        let (from, to) = (
            self.lines.start_of(line.saturating_sub(before).max(1)),
            self.lines.start_of(line + after + 1).min(text.len()),
        );
        // Without context lines only the place of the span is asked for.
        if to - from <= LONG_LINE || before + after == 0 {
            return self.source.read_span(span, before, after);
        }
        let line_start = self.lines.start_of(line);
        let line_end = self.lines.start_of(line + 1).min(text.len());
        let boundary = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let start = boundary(span.offset().saturating_sub(LONG_LINE / 4)).max(line_start);
        let end = boundary((span.offset() + span.len() + LONG_LINE / 4).min(line_end)).max(start);
        let data = text.as_bytes()[start..end].strip_suffix(b"\n").unwrap_or(&text.as_bytes()[start..end]);
        let shown = SourceSpan::from((start, data.len()));
        Ok(Box::new(MietteSpanContents::new_named(
            self.source.name().to_string(),
            data,
            shown,
            line - 1,
            start - line_start,
            1,
        )))
    }
}

/// Control characters as visible symbols of the same number of bytes, so that spans still fit.
fn displayable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() && c.len_utf8() == 1 => '?',
            c if escape_controls(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() && c.len_utf8() == 3 => '\u{fffd}',
            c if c.is_control() && c.len_utf8() == 2 => '\u{b7}',
            c => c,
        })
        .collect()
}

/// Writes findings for people.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: if colour { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(80).with_links(false).with_context_lines(1);
    let named = NamedSource::new(escape_controls(&source.name), displayable(&source.text));
    let lines = LineIndex::new(&source.text);
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let mut text = String::new();
        if handler
            .render_report(&mut text, &Rendered { diagnostic, source: Excerpt { source: &named, lines: &lines } })
            .is_err()
        {
            text = format!("{}: {}\n", diagnostic.code, escape_controls(&diagnostic.message));
        }
        writeln!(out, "{}\n", text.trim_end())?;
    }
    if diagnostics.len() > SHOWN {
        writeln!(out, "... and {} more; --format json lists all", diagnostics.len() - SHOWN)?;
    }
    Ok(())
}

/// Findings as JSON objects.
pub fn to_json(source: &Source, diagnostics: &[Diagnostic]) -> Vec<Value> {
    let lines = LineIndex::new(&source.text);
    let one = |diagnostic: &Diagnostic| {
        let (line, column) = lines.position(diagnostic.span.start);
        let (end_line, end_column) = lines.position(diagnostic.span.end);
        json!({
            "file": source.name,
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "label": diagnostic.label,
            "help": diagnostic.help,
            "span": { "start": diagnostic.span.start, "end": diagnostic.span.end },
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
        })
    };
    diagnostics.iter().map(one).collect()
}

/// Writes findings of several files as one JSON document.
pub fn write_json(findings: Vec<Value>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &json!({ "version": 1, "diagnostics": findings }))?;
    writeln!(out)
}
