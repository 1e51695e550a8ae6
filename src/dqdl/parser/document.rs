//! Sections, and how the parser goes on after a mistake.

use super::input::{Outcome, Tokens, bracketed, name, sign, text, token};
use super::{MAX_DOCUMENT_BYTES, RESERVED, rule};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::dqdl::ast::{Dictionary, Document, Name, Text, TextOrList, Variable};
use crate::dqdl::syntax_error::SyntaxError;
use crate::dqdl::token::{TokenKind, tokenize};
use crate::span::Span;
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, map};
use nom::multi::separated_list0;
use nom::sequence::separated_pair;

/// How far recovery looks for the end of a broken rule while it counts parentheses.
const RECOVERY_WINDOW: usize = 1_000;

/// A document and everything wrong with its form.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What could be read; parts with mistakes are left out.
    pub document: Document,
    /// In order of position.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether the document is refused.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Reads a document. Never fails: mistakes are in [`Parsed::diagnostics`].
pub fn parse(source: &str) -> Parsed {
    let mut diagnostics = Vec::new();
    if source.len() > MAX_DOCUMENT_BYTES {
        let message = format!("the document has {} bytes; the limit is {MAX_DOCUMENT_BYTES}", source.len());
        diagnostics.push(
            Diagnostic::error(Code::TooLarge, Span::new(0, 0), message).help("split the rules over several files"),
        );
        return Parsed { document: Document::default(), diagnostics };
    }
    let tokens = tokenize(source, &mut diagnostics);
    let mut sections = Sections { document: Document::default(), diagnostics, last: None };
    sections.read(Tokens::new(&tokens, source.len()));
    let Sections { document, mut diagnostics, .. } = sections;
    if document.rules.as_ref().is_none_or(Vec::is_empty)
        && document.analyzers.as_ref().is_none_or(Vec::is_empty)
        && diagnostics.is_empty()
    {
        let finding = Diagnostic::error(
            Code::EmptyDocument,
            Span::new(0, source.len().min(1)),
            "the document has neither rules nor analyzers",
        )
        .help("write `Rules = [ RowCount > 0 ]`");
        diagnostics.push(finding);
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    Parsed { document, diagnostics }
}

/// The order of sections; several variables may follow each other.
const SECTIONS: [&str; 6] = ["Metadata", "DataSources", "variables", "DefaultLabels", "Rules", "Analyzers"];

struct Sections {
    document: Document,
    diagnostics: Vec<Diagnostic>,
    last: Option<usize>,
}

impl Sections {
    fn read(&mut self, mut input: Tokens<'_>) {
        while !input.is_empty() {
            let (Some(TokenKind::Word(word)), Some(TokenKind::Equals)) = (input.kind(0), input.kind(1)) else {
                input = self.stray(input);
                continue;
            };
            let span = input.span();
            let rank = SECTIONS.iter().position(|section| *section == word).unwrap_or(2);
            self.check_order(rank, span);
            let body = input.skip(2);
            input = match word {
                "Metadata" => self.one(body, dictionary, |document, value| document.metadata = Some(value)),
                "DataSources" => self.one(body, dictionary, |document, value| document.data_sources = Some(value)),
                "DefaultLabels" => {
                    self.one(body, rule::label_list, |document, value| document.default_labels = Some(value))
                }
                "Rules" => {
                    let (rest, rules) = self.list(body, rule::node, "a rule");
                    self.document.rules.get_or_insert_with(Vec::new).extend(rules);
                    rest
                }
                "Analyzers" => {
                    let (rest, analyzers) = self.list(body, rule::analyzer, "an analyzer");
                    self.document.analyzers.get_or_insert_with(Vec::new).extend(analyzers);
                    rest
                }
                _ => self.variable(word, span, body),
            };
        }
    }

    fn check_order(&mut self, rank: usize, span: Span) {
        let Some(last) = self.last else {
            self.last = Some(rank);
            return;
        };
        if rank == last && rank != 2 {
            self.diagnostics.push(
                Diagnostic::error(Code::DuplicateSection, span, format!("a second `{}` section", SECTIONS[rank]))
                    .help("put everything into one section"),
            );
        } else if rank < last {
            let message = format!(
                "{} must stand before `{}`",
                if rank == 2 { "variables".to_string() } else { format!("`{}`", SECTIONS[rank]) },
                SECTIONS[last]
            );
            self.diagnostics.push(
                Diagnostic::error(Code::SectionOrder, span, message)
                    .help("the order is Metadata, DataSources, variables, DefaultLabels, Rules, Analyzers"),
            );
        }
        self.last = Some(last.max(rank));
    }

    /// Something that starts no section: report it once, go on at the next section.
    fn stray<'a>(&mut self, input: Tokens<'a>) -> Tokens<'a> {
        let mut rest = input.skip(1);
        while !rest.is_empty()
            && !matches!((rest.kind(0), rest.kind(1)), (Some(TokenKind::Word(word)), Some(TokenKind::Equals)) if SECTIONS.contains(&word))
        {
            rest = rest.skip(1);
        }
        let span = input.span_to(rest);
        let finding = if self.last.is_none() {
            let help = match input.kind(0) {
                Some(TokenKind::OpenBracket) => "a list of rules needs its name: `Rules = [ ... ]`",
                _ => "write `Rules = [ RowCount > 0 ]`",
            };
            Diagnostic::error(Code::Syntax, span, "expected a section such as `Rules = [ ... ]`")
                .label("no section starts here")
                .help(help)
        } else {
            Diagnostic::error(Code::TextAfterDocument, span, "text that belongs to no section")
                .help("remove it, or put it into a section; the public parser would ignore it silently")
        };
        self.diagnostics.push(finding);
        rest
    }

    /// A section with one production; after a mistake, the next section.
    fn one<'a, T>(
        &mut self,
        body: Tokens<'a>,
        production: impl Fn(Tokens<'a>) -> Outcome<'a, T>,
        store: impl Fn(&mut Document, T),
    ) -> Tokens<'a> {
        match production(body) {
            Ok((rest, value)) => {
                store(&mut self.document, value);
                rest
            }
            Err(error) => {
                self.report(error, body);
                next_section(body)
            }
        }
    }

    fn variable<'a>(&mut self, word: &str, span: Span, body: Tokens<'a>) -> Tokens<'a> {
        if RESERVED.contains(&word) {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::ReservedWord,
                    span,
                    format!("`{word}` is a word of the grammar and cannot name a variable"),
                )
                .help("choose another name"),
            );
        }
        if let Some(section) = SECTIONS
            .iter()
            .find(|section| section.eq_ignore_ascii_case(word) && **section != word && **section != "variables")
        {
            self.diagnostics.push(
                Diagnostic::error(Code::Syntax, span, format!("section names are case-sensitive: `{word}`"))
                    .help(format!("write `{section}`")),
            );
            return next_section(body);
        }
        match text_or_list(body) {
            Ok((rest, value)) => {
                self.document.variables.push(Variable { name: Name { text: word.to_string(), span }, value });
                rest
            }
            Err(error) => {
                self.report(error, body);
                next_section(body)
            }
        }
    }

    /// `[ item, item ]`, going on after every broken item.
    fn list<'a, T>(
        &mut self,
        body: Tokens<'a>,
        item: impl Fn(Tokens<'a>) -> Outcome<'a, T>,
        what: &'static str,
    ) -> (Tokens<'a>, Vec<T>) {
        let mut items = Vec::new();
        let mut rest = match sign(TokenKind::OpenBracket, "`[`")(body) {
            Ok((rest, ())) => rest,
            Err(error) => {
                self.report(error, body);
                return (next_section(body), items);
            }
        };
        if rest.kind(0) == Some(TokenKind::CloseBracket) {
            return (rest.skip(1), items);
        }
        loop {
            let start = rest;
            match item(start) {
                Ok((after, value)) => {
                    items.push(value);
                    rest = after;
                    match after.kind(0) {
                        Some(TokenKind::Comma | TokenKind::CloseBracket) => {}
                        Some(TokenKind::Word(word)) if !RESERVED.contains(&word) && !starts_section(after) => {
                            let finding = Diagnostic::error(
                                Code::MissingComma,
                                after.span(),
                                format!("expected a comma before `{}`", word.escape_debug()),
                            )
                            .help("separate rules with commas");
                            self.diagnostics.push(finding);
                            continue;
                        }
                        _ => {
                            self.report(
                                nom::Err::Error(SyntaxError {
                                    remaining: after.len(),
                                    expected: vec!["`,`", "`]`"],
                                    finding: None,
                                }),
                                start,
                            );
                            rest = end_of_item(start, after);
                        }
                    }
                }
                Err(error) => {
                    let failed_at = match &error {
                        nom::Err::Error(error) | nom::Err::Failure(error) => {
                            start.skip(start.len().saturating_sub(error.remaining))
                        }
                        nom::Err::Incomplete(_) => start,
                    };
                    self.report(error, start);
                    rest = end_of_item(start, failed_at);
                }
            }
            match rest.kind(0) {
                Some(TokenKind::Comma) => {
                    let comma = rest.span();
                    rest = rest.skip(1);
                    if rest.kind(0) == Some(TokenKind::CloseBracket) {
                        self.diagnostics.push(
                            Diagnostic::error(
                                Code::TrailingComma,
                                comma,
                                format!("a comma must be followed by {what}"),
                            )
                            .help("remove the comma"),
                        );
                        return (rest.skip(1), items);
                    }
                }
                Some(TokenKind::CloseBracket) => return (rest.skip(1), items),
                _ => {
                    if self.diagnostics.is_empty() {
                        self.report(nom::Err::Error(SyntaxError::expected(rest, "`]`")), rest);
                    }
                    return (rest, items);
                }
            }
        }
    }

    fn report(&mut self, error: nom::Err<SyntaxError>, section: Tokens<'_>) {
        if let nom::Err::Error(error) | nom::Err::Failure(error) = error {
            self.diagnostics.push(error.into_diagnostic(section));
        }
    }
}

fn starts_section(input: Tokens<'_>) -> bool {
    matches!((input.kind(0), input.kind(1)), (Some(TokenKind::Word(word)), Some(TokenKind::Equals)) if SECTIONS.contains(&word))
}

fn next_section(mut input: Tokens<'_>) -> Tokens<'_> {
    while !input.is_empty() && !starts_section(input) {
        input = input.skip(1);
    }
    input
}

/// The comma or bracket that ends a broken item, at or after `failed_at`. Brackets
/// and parentheses opened since `start` are closed first; a parenthesis that is
/// never closed is not waited for.
fn end_of_item<'a>(start: Tokens<'a>, failed_at: Tokens<'a>) -> Tokens<'a> {
    let search = |parentheses: bool, window: usize| {
        let (mut rest, mut depth, mut seen) = (start, 0usize, 0usize);
        while let Some(kind) = rest.kind(0) {
            let reached = rest.len() <= failed_at.len();
            match kind {
                TokenKind::OpenBracket => depth += 1,
                TokenKind::OpenParenthesis if parentheses => depth += 1,
                TokenKind::CloseParenthesis if parentheses => depth = depth.saturating_sub(1),
                TokenKind::Comma | TokenKind::CloseBracket if depth == 0 && reached => return Some(rest),
                TokenKind::CloseBracket => depth = depth.saturating_sub(1),
                _ if reached && starts_section(rest) => return Some(rest),
                _ => {}
            }
            if reached {
                seen += 1;
                if seen > window {
                    return None;
                }
            }
            rest = rest.skip(1);
        }
        None
    };
    search(true, RECOVERY_WINDOW)
        .or_else(|| search(false, usize::MAX))
        .unwrap_or_else(|| failed_at.skip(failed_at.len()))
}

fn dictionary(input: Tokens<'_>) -> Outcome<'_, Dictionary> {
    let (rest, ()) = sign(TokenKind::OpenBrace, "`{`")(input)?;
    let entry = separated_pair(text, sign(TokenKind::Colon, "`:`"), text_or_list);
    let (rest, entries) = separated_list0(sign(TokenKind::Comma, "`,`"), entry).parse(rest)?;
    if rest.kind(0) == Some(TokenKind::Comma) && rest.kind(1) == Some(TokenKind::CloseBrace) {
        let finding = Diagnostic::error(Code::TrailingComma, rest.span(), "a comma must be followed by an entry")
            .help("remove the comma");
        return Err(nom::Err::Failure(SyntaxError::finding(rest, finding)));
    }
    let (rest, ()) = cut(sign(TokenKind::CloseBrace, "`}`")).parse(rest)?;
    Ok((rest, Dictionary { entries, span: input.span_to(rest) }))
}

/// `"text"` or `["a", "b"]`. The keywords NULL and EMPTY in a list are their own words, as in the public parser.
fn text_or_list(input: Tokens<'_>) -> Outcome<'_, TextOrList> {
    alt((map(text, TextOrList::Text), list_of_texts)).parse(input)
}

fn list_of_texts(input: Tokens<'_>) -> Outcome<'_, TextOrList> {
    let (rest, texts) = text_list(input)?;
    Ok((rest, TextOrList::List(texts, input.span_to(rest))))
}

/// `[ "a", "b" ]`, at least one element.
pub fn text_list(input: Tokens<'_>) -> Outcome<'_, Vec<Text>> {
    bracketed("one string", |input| {
        let span = input.span();
        alt((text, map(keyword_text, move |raw| Text { raw, span }))).parse(input)
    })(input)
}

fn keyword_text(input: Tokens<'_>) -> Outcome<'_, String> {
    token("a string", |kind| match kind {
        TokenKind::Word(word @ ("NULL" | "null" | "EMPTY" | "empty" | "WHITESPACES_ONLY" | "whitespaces_only")) => {
            Some(word.to_string())
        }
        _ => None,
    })(input)
}

/// A type name: any word that is no part of the grammar.
pub fn type_name(input: Tokens<'_>) -> Outcome<'_, Name> {
    let span = input.span();
    let (rest, text) = name("a rule type")(input)?;
    Ok((rest, Name { text: text.to_string(), span }))
}
