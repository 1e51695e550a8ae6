//! SQL texts inside a ruleset: tokens, names of columns, places.
//!
//! Spark finds columns whatever the case of their names; the planner does not. So names
//! are replaced, among the tokens, by the columns they stand for.

use super::SqlMistake;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use std::any::TypeId;
use std::collections::HashMap;

/// Bytes of a text: beyond, it is no rule any more.
const LONGEST: usize = 256 << 10;

/// Terms of a text: each may become a level of the tree that the planner walks.
const MOST_TOKENS: usize = 20_000;

/// Levels of parentheses, subqueries and functions.
const DEEPEST: usize = 60;

/// Lexical rules of Spark where they differ: backslashes escape inside strings.
#[derive(Debug)]
struct SparkTokens(GenericDialect);

impl Dialect for SparkTokens {
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }
    fn is_delimited_identifier_start(&self, character: char) -> bool {
        self.0.is_delimited_identifier_start(character)
    }
    fn is_identifier_start(&self, character: char) -> bool {
        self.0.is_identifier_start(character)
    }
    fn is_identifier_part(&self, character: char) -> bool {
        self.0.is_identifier_part(character)
    }
    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }
    fn ignores_wildcard_escapes(&self) -> bool {
        true
    }
}

/// The columns of all tables, by their names in lower case.
#[derive(Debug, Default)]
pub struct ColumnNames(HashMap<String, Vec<String>>);

impl ColumnNames {
    /// Adds a column.
    pub fn add(&mut self, name: &str) {
        let spellings = self.0.entry(name.to_lowercase()).or_default();
        if !spellings.iter().any(|spelling| spelling == name) {
            spellings.push(name.to_string());
        }
    }

    /// All spellings.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }

    /// The only column that a name can stand for, when the planner would not find it by itself.
    fn spelling(&self, name: &str, quoted: bool) -> Option<&str> {
        let spellings = self.0.get(&name.to_lowercase())?;
        let exact = if quoted { name.to_string() } else { name.to_lowercase() };
        match spellings.as_slice() {
            [only] if *only != exact => Some(only),
            _ => None,
        }
    }
}

/// A text as tokens, with the places they stand at.
pub struct SqlTokens {
    tokens: Vec<TokenWithSpan>,
    places: Places,
}

/// Where the characters of a text stand, by line and column.
struct Places(Vec<Vec<usize>>);

impl Places {
    /// Offsets in the raw text of every character of the text without its escaped quotes.
    fn new(characters: &[(usize, char)]) -> Self {
        let mut lines = vec![Vec::new()];
        for (offset, character) in characters {
            if let Some(line) = lines.last_mut() {
                line.push(*offset);
            }
            if matches!(character, '\n' | '\r') {
                lines.push(Vec::new());
            }
        }
        Self(lines)
    }

    fn offset(&self, line: u64, column: u64) -> Option<usize> {
        let line = self.0.get(usize::try_from(line.checked_sub(1)?).ok()?)?;
        line.get(usize::try_from(column.checked_sub(1)?).ok()?).copied()
    }
}

/// A mistake of the tokenizer or parser; they name the place at the end of their message.
fn mistake(message: &str, places: &Places) -> SqlMistake {
    let (text, place) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
    let numbers: Vec<u64> = place.split(", Column: ").filter_map(|number| number.trim().parse().ok()).collect();
    let offset = match numbers.as_slice() {
        [line, column] => places.offset(*line, *column),
        _ => None,
    };
    SqlMistake { offset, ..SqlMistake::new("sql_syntax", text.trim().to_string()) }
}

impl SqlTokens {
    /// Reads a text as it stands in a ruleset, where quotes may be escaped.
    pub fn new(raw: &str, columns: &ColumnNames) -> Result<Self, SqlMistake> {
        if raw.len() > LONGEST {
            return Err(SqlMistake::new("sql_too_large", format!("an SQL text has at most {} KiB", LONGEST >> 10)));
        }
        let mut characters: Vec<(usize, char)> = raw.char_indices().collect();
        let mut at = 0;
        while at + 1 < characters.len() {
            match (characters[at].1, characters[at + 1].1) {
                ('\\', '"') => drop(characters.remove(at)),
                ('\\', _) => at += 1,
                _ => {}
            }
            at += 1;
        }
        let places = Places::new(&characters);
        // A carriage return ends a line, and so a comment, as in Spark.
        let line_end = |character: char| if character == '\r' { '\n' } else { character };
        let text: String = characters.into_iter().map(|(_, character)| line_end(character)).collect();
        let tokens = Tokenizer::new(&SparkTokens(GenericDialect {}), &text)
            .tokenize_with_location()
            .map_err(|error| mistake(&error.to_string(), &places))?;
        if tokens.len() > MOST_TOKENS {
            return Err(SqlMistake::new(
                "sql_too_large",
                format!("an SQL text has at most {MOST_TOKENS} words and signs"),
            ));
        }
        Ok(Self { tokens: named(respelled(tokens), columns), places })
    }

    /// The place of a token, by line and column.
    pub fn offset(&self, line: u64, column: u64) -> Option<usize> {
        self.places.offset(line, column)
    }

    /// The place of the first word of that spelling.
    pub fn find_word(&self, name: &str) -> Option<usize> {
        let is =
            |token: &&TokenWithSpan| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
        let token = self.tokens.iter().find(is)?;
        self.offset(token.span.start.line, token.span.start.column)
    }

    /// Parses all tokens.
    pub fn parse<T>(&self, parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>) -> Result<T, SqlMistake> {
        let dialect = GenericDialect {};
        let mut parser =
            Parser::new(&dialect).with_recursion_limit(DEEPEST).with_tokens_with_locations(self.tokens.clone());
        let read = |error: ParserError| match error {
            ParserError::RecursionLimitExceeded => {
                SqlMistake::new("sql_too_deep", format!("SQL may be nested {DEEPEST} levels deep"))
            }
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => mistake(&message, &self.places),
        };
        let parsed = parse(&mut parser).map_err(read)?;
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            let offset = self.offset(rest.span.start.line, rest.span.start.column);
            let message = format!("nothing may follow here, but there is {}", rest.token);
            return Err(SqlMistake { offset, ..SqlMistake::new("sql_syntax", message) });
        }
        Ok(parsed)
    }
}

/// Signs and literals of Spark in the parser's terms.
fn respelled(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for at in 0..tokens.len() {
        let (before, rest) = tokens.split_at_mut(at);
        let token = &mut rest[0].token;
        match token {
            Token::ExclamationMark => *token = Token::make_keyword("NOT"),
            Token::SingleQuotedRawStringLiteral(text) => *token = Token::SingleQuotedString(std::mem::take(text)),
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::DIV => {
                *token = Token::DuckIntDiv
            }
            Token::Number(_, long) => *long = false,
            // 1.5D is a double, 1.5BD a decimal, 5S and 5Y small whole numbers.
            Token::Word(word) if word.quote_style.is_none() => {
                if let Some(TokenWithSpan { token: Token::Number(number, _), .. }) = before.last_mut() {
                    match word.value.to_ascii_uppercase().as_str() {
                        "D" | "F" => number.push_str("e0"),
                        "BD" | "L" | "S" | "Y" => {}
                        _ => continue,
                    }
                    *token = Token::Whitespace(Whitespace::Space);
                }
            }
            _ => {}
        }
    }
    tokens
}

/// Names replaced by the columns they stand for.
fn named(mut tokens: Vec<TokenWithSpan>, columns: &ColumnNames) -> Vec<TokenWithSpan> {
    let blank =
        |token: &Token| matches!(token, Token::Whitespace(Whitespace::Space | Whitespace::Tab | Whitespace::Newline));
    for at in 0..tokens.len() {
        let next = tokens[at + 1..].iter().map(|token| &token.token).find(|token| !blank(token));
        // A word before a parenthesis is a function, one before a string the type of a literal.
        let names_no_column = matches!(next, Some(Token::LParen | Token::SingleQuotedString(_)));
        let previous = tokens[..at].iter().rev().map(|token| &token.token).find(|token| !blank(token));
        let named_before = matches!(previous, Some(Token::Period))
            || matches!(previous, Some(Token::Word(word)) if word.keyword == Keyword::AS);
        let around = Around {
            before: keyword(previous),
            after: next.cloned(),
            after_number: matches!(previous, Some(Token::Number(_, _) | Token::SingleQuotedString(_))),
        };
        if let Token::Word(word) = &mut tokens[at].token {
            let quoted = word.quote_style.is_some();
            if !quoted && (names_no_column || is_reserved(word.keyword) || is_elsewhere(word.keyword, &around)) {
                continue;
            }
            if let Some(spelling) = columns.spelling(&word.value, quoted) {
                word.value = spelling.to_string();
                word.quote_style = Some('"');
                word.keyword = Keyword::NoKeyword;
            } else if word.quote_style == Some('"') && !named_before && !columns.has(&word.value) {
                // Spark reads double quotes as text; here they name a column where there is one.
                tokens[at].token = Token::SingleQuotedString(std::mem::take(&mut word.value));
            } else if quoted {
                word.quote_style = Some('"');
            }
        }
    }
    tokens
}

/// What stands beside a word.
struct Around {
    before: Keyword,
    after: Option<Token>,
    after_number: bool,
}

fn keyword(token: Option<&Token>) -> Keyword {
    match token {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// Words that name a table, a type or a unit where they stand.
fn is_elsewhere(own: Keyword, around: &Around) -> bool {
    let table = matches!(around.before, Keyword::FROM | Keyword::JOIN) || around.after == Some(Token::Period);
    let in_cast = around.before == Keyword::AS && matches!(around.after, Some(Token::RParen));
    let unit = around.after_number
        && matches!(
            own,
            Keyword::YEAR
                | Keyword::YEARS
                | Keyword::MONTH
                | Keyword::MONTHS
                | Keyword::WEEK
                | Keyword::WEEKS
                | Keyword::DAY
                | Keyword::DAYS
                | Keyword::HOUR
                | Keyword::HOURS
                | Keyword::MINUTE
                | Keyword::MINUTES
                | Keyword::SECOND
                | Keyword::SECONDS
        );
    let nulls = own == Keyword::NULLS && matches!(keyword(around.after.as_ref()), Keyword::FIRST | Keyword::LAST);
    table || in_cast || unit || nulls
}

fn is_reserved(keyword: Keyword) -> bool {
    const CLAUSES: &[Keyword] = &[
        Keyword::SELECT,
        Keyword::DISTINCT,
        Keyword::FROM,
        Keyword::WHERE,
        Keyword::BY,
        Keyword::AND,
        Keyword::OR,
        Keyword::NOT,
        Keyword::IN,
        Keyword::IS,
        Keyword::NULL,
        Keyword::LIKE,
        Keyword::BETWEEN,
        Keyword::CASE,
        Keyword::WHEN,
        Keyword::THEN,
        Keyword::ELSE,
        Keyword::END,
        Keyword::AS,
        Keyword::CAST,
        Keyword::EXISTS,
        Keyword::INTERVAL,
        Keyword::TRUE,
        Keyword::FALSE,
    ];
    CLAUSES.contains(&keyword)
        || RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
        || RESERVED_FOR_TABLE_ALIAS.contains(&keyword)
}
