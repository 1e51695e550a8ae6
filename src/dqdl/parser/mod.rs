//! Tokens to a tree. Productions stand in the order of `grammar/dqdl.ebnf`:
//! `document`, then `rule`, then `condition`.
//!
//! A mistake never stops the parser: it is reported, the parser moves to the next
//! comma or bracket of the section and goes on, so that one run names all mistakes.

mod condition;
mod document;
mod input;
mod rule;

pub use document::{Parsed, parse};
pub use input::Tokens;

use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::syntax_error::SyntaxError;
use crate::span::Span;
use input::Outcome;

/// Composites, parentheses and function calls nest at most this deep.
pub const MAX_DEPTH: usize = 128;

/// Larger documents are refused unread. Glue's own limit is 64 KiB.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;

/// Words that are part of the grammar and cannot be names unless quoted.
pub const RESERVED: &[&str] = &[
    "days",
    "hours",
    "minutes",
    "B",
    "KB",
    "MB",
    "GB",
    "TB",
    "where",
    "with",
    "labels",
    "matches",
    "between",
    "in",
    "not",
    "and",
    "AND",
    "or",
    "OR",
    "of",
    "OF",
    "null",
    "NULL",
    "empty",
    "EMPTY",
    "whitespaces_only",
    "WHITESPACES_ONLY",
    "Rules",
    "Analyzers",
    "Metadata",
    "DataSources",
    "DefaultLabels",
];

/// One level deeper, unless the limit is reached.
fn deeper<'a>(input: Tokens<'a>, at: Span) -> Result<Tokens<'a>, nom::Err<SyntaxError>> {
    if input.depth >= MAX_DEPTH {
        let finding = Diagnostic::error(Code::TooDeep, at, format!("nested more than {MAX_DEPTH} levels deep"))
            .help("split the rule, or drop parentheses that are not needed");
        return Err(nom::Err::Failure(SyntaxError::finding(input, finding)));
    }
    Ok(input.at_depth(input.depth + 1))
}

/// Leaves a nested production: the rest of the input at the depth it was entered with.
fn leave<'a, T>(outcome: Outcome<'a, T>, depth: usize) -> Outcome<'a, T> {
    outcome.map(|(rest, value)| (rest.at_depth(depth), value))
}
