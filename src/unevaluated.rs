//! Why a rule cannot be evaluated: the reason of a verdict ERROR.
//!
//! Not a mistake in the ruleset (diagnostic) and not machine trouble (error): the rule is
//! well-formed and the data can be read, but there is no number to judge.

use crate::span::Span;

/// The reason, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unevaluated {
    /// Stable code, e.g. `unknown_column`.
    pub code: &'static str,
    /// One sentence; Glue's words where Glue has them.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where in the document, when that is narrower than the rule.
    pub place: Option<Place>,
}

/// A place inside a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A parameter.
    Parameter(Span),
    /// A word of a predicate.
    Predicate(Span),
    /// A word of a query.
    Query(Span),
}

impl Unevaluated {
    /// A reason without advice.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, place: None }
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A mistake of the engine, which ends as an ERROR of the rule it concerns.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new("internal", format!("internal error: {message}; please report it"))
    }
}
