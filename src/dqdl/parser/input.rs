//! The token stream as nom sees it, and the smallest productions.

use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::Text;
use crate::dqdl::parser::RESERVED;
use crate::dqdl::syntax_error::SyntaxError;
use crate::dqdl::token::{Token, TokenKind};
use crate::span::Span;
use nom::combinator::cut;
use nom::{IResult, Input, Needed, Parser};

/// The tokens still to be read.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    slice: &'a [Token<'a>],
    /// Length of the document in bytes: where errors at the end point.
    end: usize,
    /// Nesting of the production that reads on.
    pub depth: usize,
}

/// What a production gives.
pub type Outcome<'a, T> = IResult<Tokens<'a>, T, SyntaxError>;

impl<'a> Tokens<'a> {
    /// All tokens of a document of `end` bytes.
    pub fn new(slice: &'a [Token<'a>], end: usize) -> Self {
        Self { slice, end, depth: 0 }
    }

    /// The same tokens, read by a production at `depth`.
    pub fn at_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// How many tokens are left.
    pub fn len(self) -> usize {
        self.slice.len()
    }

    /// Whether everything is read.
    pub fn is_empty(self) -> bool {
        self.slice.is_empty()
    }

    /// The next token.
    pub fn first(self) -> Option<Token<'a>> {
        self.slice.first().copied()
    }

    /// The kind of the token `ahead` of the next one.
    pub fn kind(self, ahead: usize) -> Option<TokenKind<'a>> {
        self.slice.get(ahead).map(|token| token.kind)
    }

    /// The place of the next token, or the end of the document.
    pub fn span(self) -> Span {
        self.first().map_or(Span::new(self.end, self.end), |token| token.span)
    }

    /// Without the next `count` tokens.
    pub fn skip(self, count: usize) -> Self {
        Self { slice: &self.slice[count.min(self.slice.len())..], ..self }
    }

    /// From the start of `self` to the token before `rest`.
    pub fn span_to(self, rest: Tokens<'_>) -> Span {
        match self.slice.len().checked_sub(rest.slice.len() + 1) {
            Some(last) => self.span().to(self.slice[last].span),
            None => self.span(),
        }
    }
}

impl<'a> Input for Tokens<'a> {
    type Item = Token<'a>;
    type Iter = std::iter::Copied<std::slice::Iter<'a, Token<'a>>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.slice.len()
    }

    fn take(&self, index: usize) -> Self {
        Self { slice: &self.slice[..index], ..*self }
    }

    fn take_from(&self, index: usize) -> Self {
        Self { slice: &self.slice[index..], ..*self }
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(Self::Item) -> bool>(&self, predicate: P) -> Option<usize> {
        self.slice.iter().position(|token| predicate(*token))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.slice.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        if count <= self.slice.len() { Ok(count) } else { Err(Needed::new(count - self.slice.len())) }
    }
}

/// One token that `accept` turns into a value.
pub fn token<'a, T>(
    expected: &'static str,
    accept: impl Fn(TokenKind<'a>) -> Option<T>,
) -> impl Fn(Tokens<'a>) -> Outcome<'a, T> {
    move |input| match input.first().and_then(|token| accept(token.kind)) {
        Some(value) => Ok((input.skip(1), value)),
        None => Err(nom::Err::Error(SyntaxError::expected(input, expected))),
    }
}

/// A sign.
pub fn sign<'a>(kind: TokenKind<'static>, expected: &'static str) -> impl Fn(Tokens<'a>) -> Outcome<'a, ()> {
    token(expected, move |found| (found == kind).then_some(()))
}

/// One of several spellings of a keyword; gives the spelling.
pub fn keyword<'a>(
    spellings: &'static [&'static str],
    expected: &'static str,
) -> impl Fn(Tokens<'a>) -> Outcome<'a, &'a str> {
    token(expected, move |found| match found {
        TokenKind::Word(word) if spellings.contains(&word) => Some(word),
        _ => None,
    })
}

/// A quoted string that is not shaped like a date or time.
pub fn text(input: Tokens<'_>) -> Outcome<'_, Text> {
    let span = input.span();
    let (rest, raw) =
        token("a string", |found| if let TokenKind::Text(raw) = found { Some(raw) } else { None })(input)?;
    Ok((rest, Text { raw: raw.to_string(), span }))
}

/// A word that is no part of the grammar.
pub fn name<'a>(expected: &'static str) -> impl Fn(Tokens<'a>) -> Outcome<'a, &'a str> {
    token(expected, |found| match found {
        TokenKind::Word(word) if !RESERVED.contains(&word) => Some(word),
        _ => None,
    })
}

/// `[ element, element ]`: at least one element, no comma behind the last.
pub fn bracketed<'a, T>(
    what: &'static str,
    element: impl Fn(Tokens<'a>) -> Outcome<'a, T>,
) -> impl Fn(Tokens<'a>) -> Outcome<'a, Vec<T>> {
    let refuse = |at: Tokens<'a>, finding: Diagnostic| Err(nom::Err::Failure(SyntaxError::finding(at, finding)));
    move |input| {
        let (mut rest, ()) = sign(TokenKind::OpenBracket, "`[`")(input)?;
        if rest.kind(0) == Some(TokenKind::CloseBracket) {
            return refuse(
                rest,
                Diagnostic::error(
                    Code::EmptyList,
                    input.span_to(rest.skip(1)),
                    format!("a list needs at least {what}"),
                ),
            );
        }
        let mut elements = Vec::new();
        loop {
            let (after, value) = cut(&element).parse(rest)?;
            elements.push(value);
            match after.kind(0) {
                Some(TokenKind::CloseBracket) => return Ok((after.skip(1), elements)),
                Some(TokenKind::Comma) if after.kind(1) == Some(TokenKind::CloseBracket) => {
                    return refuse(
                        after,
                        Diagnostic::error(
                            Code::TrailingComma,
                            after.span(),
                            format!("a comma must be followed by {what}"),
                        )
                        .help("remove the comma"),
                    );
                }
                Some(TokenKind::Comma) => rest = after.skip(1),
                _ => {
                    return Err(nom::Err::Failure(SyntaxError {
                        remaining: after.len(),
                        expected: vec!["`,`", "`]`"],
                        finding: None,
                    }));
                }
            }
        }
    }
}
