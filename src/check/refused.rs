//! A ruleset with mistakes, as an error.

use crate::diagnostic::{Diagnostic, Severity};
use crate::error::escape_controls;
use crate::span::LineIndex;
use std::fmt;

/// Mistakes that a message names; the others are counted.
const NAMED: usize = 20;

/// A ruleset that is refused. Its message has a line for each mistake: line and column in the text, code, what is wrong
/// and what to do about it.
#[derive(Debug, Clone)]
pub struct RefusedRuleset {
    mistakes: Vec<((usize, usize), Diagnostic)>,
}

impl RefusedRuleset {
    /// Of all findings about a document, those for which it is refused.
    pub(super) fn new(diagnostics: &[Diagnostic], lines: &LineIndex) -> Self {
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let placed = errors.map(|diagnostic| (lines.position(diagnostic.span.start), diagnostic.clone()));
        Self { mistakes: placed.collect() }
    }

    /// Line and column, both from 1, of each mistake, in order of position.
    pub fn mistakes(&self) -> impl Iterator<Item = ((usize, usize), &Diagnostic)> {
        self.mistakes.iter().map(|(position, diagnostic)| (*position, diagnostic))
    }
}

impl fmt::Display for RefusedRuleset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => write!(out, "the ruleset has an error:")?,
            count => write!(out, "the ruleset has {count} errors:")?,
        }
        for ((line, column), diagnostic) in self.mistakes.iter().take(NAMED) {
            let message = escape_controls(&diagnostic.message);
            write!(out, "\n  {line}:{column}: error[{}] {message}", diagnostic.code)?;
            if let Some(help) = &diagnostic.help {
                write!(out, "; {}", escape_controls(help))?;
            }
        }
        if self.mistakes.len() > NAMED {
            write!(out, "\n  and {} more", self.mistakes.len() - NAMED)?;
        }
        Ok(())
    }
}

impl std::error::Error for RefusedRuleset {}
