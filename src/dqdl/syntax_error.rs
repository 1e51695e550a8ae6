//! The parser's error type: keeps the furthest position and everything that could
//! have stood there, or a finding that a production made itself.

use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::parser::Tokens;
use crate::dqdl::token::TokenKind;
use nom::error::{ErrorKind, ParseError};

/// Why a production did not match.
#[derive(Debug, Clone)]
pub struct SyntaxError {
    /// Tokens left when it failed: fewer is further.
    pub remaining: usize,
    /// What could have stood there.
    pub expected: Vec<&'static str>,
    /// A finding that is better than "expected ...".
    pub finding: Option<Box<Diagnostic>>,
}

impl SyntaxError {
    /// `expected` was not found at `input`.
    pub fn expected(input: Tokens<'_>, expected: &'static str) -> Self {
        Self { remaining: input.len(), expected: vec![expected], finding: None }
    }

    /// A production knows precisely what is wrong.
    pub fn finding(input: Tokens<'_>, finding: Diagnostic) -> Self {
        Self { remaining: input.len(), expected: Vec::new(), finding: Some(Box::new(finding)) }
    }

    /// The diagnostic, given the tokens that `remaining` counts from the end of.
    pub fn into_diagnostic(self, section: Tokens<'_>) -> Diagnostic {
        if let Some(finding) = self.finding {
            return *finding;
        }
        let at = section.skip(section.len().saturating_sub(self.remaining));
        let mut expected = self.expected;
        expected.dedup();
        let words = match expected.as_slice() {
            [] => "something else".to_string(),
            [one] => (*one).to_string(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        };
        let found = at.first().map_or("the end of the document".to_string(), |token| describe(token.kind));
        let diagnostic = Diagnostic::error(Code::Syntax, at.span(), format!("expected {words}, found {found}"));
        match hint(at.first().map(|token| token.kind), &expected) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

fn describe(kind: TokenKind<'_>) -> String {
    let cut = |text: &str| {
        if text.chars().count() > 40 {
            format!("{}...", text.chars().take(40).collect::<String>().escape_debug())
        } else {
            text.escape_debug().to_string()
        }
    };
    match kind {
        TokenKind::Word(word) => format!("`{}`", cut(word)),
        TokenKind::Number(number) => format!("the number {}", cut(number)),
        TokenKind::Text(text) => format!("the string \"{}\"", cut(text)),
        TokenKind::Date(text) => format!("the date \"{text}\""),
        TokenKind::Time(text) => format!("the time \"{text}\""),
        TokenKind::Variable(name) => format!("the variable ${}", cut(name)),
        TokenKind::OpenBracket => "`[`".into(),
        TokenKind::CloseBracket => "`]`".into(),
        TokenKind::OpenParenthesis => "`(`".into(),
        TokenKind::CloseParenthesis => "`)`".into(),
        TokenKind::OpenBrace => "`{`".into(),
        TokenKind::CloseBrace => "`}`".into(),
        TokenKind::Comma => "`,`".into(),
        TokenKind::Colon => "`:`".into(),
        TokenKind::Equals => "`=`".into(),
        TokenKind::Bang => "`!`".into(),
        TokenKind::Greater => "`>`".into(),
        TokenKind::GreaterOrEqual => "`>=`".into(),
        TokenKind::Less => "`<`".into(),
        TokenKind::LessOrEqual => "`<=`".into(),
        TokenKind::Plus => "`+`".into(),
        TokenKind::Minus => "`-`".into(),
        TokenKind::Star => "`*`".into(),
        TokenKind::Slash => "`/`".into(),
    }
}

/// What to write instead, from what was found and what was expected there.
fn hint(found: Option<TokenKind<'_>>, expected: &[&str]) -> Option<String> {
    let wants = |what: &str| expected.contains(&what);
    let Some(kind) = found else {
        return wants("`]`").then(|| "a closing `]` is missing; is it inside a comment?".into());
    };
    Some(match kind {
        TokenKind::Word(word) => return word_hint(word, expected),
        TokenKind::Date(_) | TokenKind::Time(_) => {
            "a quoted text shaped like a date or a time is a date or time literal everywhere in the language".into()
        }
        TokenKind::Plus if wants("an operand") => "numbers have no leading `+`".into(),
        TokenKind::Minus if wants("a rule type") => "comments start with `#`".into(),
        TokenKind::Minus | TokenKind::Plus => "arithmetic on now() stands in parentheses: `(now() - 3 days)`".into(),
        TokenKind::Greater | TokenKind::Less if wants("an operand") => "the operators are `>=` and `<=`".into(),
        TokenKind::LessOrEqual | TokenKind::Less | TokenKind::Greater | TokenKind::GreaterOrEqual
            if wants("a rule type") =>
        {
            "a rule has one condition; for a range write `between 0 and 6`, which excludes both ends".into()
        }
        TokenKind::Number(_) if wants("a rule type") => "numbers have no thousands separators".into(),
        TokenKind::Number(number) if wants("a condition") => format!("a comparison is missing: `> {number}`"),
        TokenKind::Text(_) if wants("`[`") => "a list stands in brackets: `in [\"a\", \"b\"]`".into(),
        TokenKind::Text(_) if wants("`,`") => "separate the elements of a list with commas".into(),
        TokenKind::Comma if wants("`and`") => "write `between 0 and 6`".into(),
        TokenKind::OpenBrace => "rules stand in brackets: `Rules = [ ... ]`".into(),
        TokenKind::CloseBracket | TokenKind::Comma if wants("an operand") => {
            "a value is missing behind the operator".into()
        }
        _ => return None,
    })
}

fn word_hint(word: &str, expected: &[&str]) -> Option<String> {
    let wants_text = expected.contains(&"an operand") || expected.contains(&"a string");
    Some(match word {
        _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            "numbers are digits or digits.digits, without exponent; a unit stands apart: `24 hours`, `10 KB`".into()
        }
        "And" | "Or" | "Of" | "Null" | "Empty" | "Whitespaces_only" => {
            format!("keywords are all lower or all upper case: `{}`", word.to_uppercase())
        }
        "BETWEEN" | "IN" | "NOT" | "MATCHES" | "WHERE" | "WITH" | "LABELS" | "Between" | "In" | "Not" | "Matches"
        | "Where" | "With" | "Labels" => {
            format!("this keyword is lower case: `{}`", word.to_lowercase())
        }
        "day" | "hour" | "minute" => format!("units are plural: `{word}s`"),
        "where" => "`where` stands after the condition, before labels and tags".into(),
        "not" => "`not` goes with `between`, `in` and `matches`; there is no `not` for whole rules".into(),
        "null" | "NULL" => "write `!= NULL` or `= NULL`".into(),
        "true" | "false" if wants_text => {
            "there are no boolean conditions; read the column as text and write `= \"true\"`".into()
        }
        _ if wants_text => format!("texts stand in double quotes: \"{}\"", word.escape_debug()),
        _ => return None,
    })
}

impl<'a> ParseError<Tokens<'a>> for SyntaxError {
    fn from_error_kind(input: Tokens<'a>, _: ErrorKind) -> Self {
        Self { remaining: input.len(), expected: Vec::new(), finding: None }
    }

    fn append(_: Tokens<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }

    fn or(self, other: Self) -> Self {
        match self.remaining.cmp(&other.remaining) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Greater => other,
            std::cmp::Ordering::Equal => Self {
                remaining: self.remaining,
                finding: self.finding.or(other.finding),
                expected: self
                    .expected
                    .iter()
                    .chain(other.expected.iter().filter(|word| !self.expected.contains(word)))
                    .copied()
                    .collect(),
            },
        }
    }
}
