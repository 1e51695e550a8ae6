//! Text to tokens. Mistakes that have one obvious meaning (`==`, `'text'`) are
//! reported here and read as what was meant, so that one slip costs one message.

use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
pub use crate::text_cast::is_date_shaped;

/// What a token is. Texts are slices of the source, without quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TokenKind<'a> {
    /// A name or a keyword: `[A-Za-z0-9_.]+` that is no number.
    Word(&'a str),
    /// Digits, or digits `.` digits.
    Number(&'a str),
    /// A quoted string, escapes untouched.
    Text(&'a str),
    /// A quoted string shaped `dddd-dd-dd`.
    Date(&'a str),
    /// A quoted string shaped `dd:dd`, or `d:dd AM`.
    Time(&'a str),
    /// `$name`.
    Variable(&'a str),
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `=`
    Equals,
    /// `!`
    Bang,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind<'a>,
    /// Its bytes, quotes included.
    pub span: Span,
}

/// Splits `source` into tokens; mistakes go to `diagnostics` and splitting goes on.
pub fn tokenize<'a>(source: &'a str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token<'a>> {
    let mut lexer =
        Lexer { source, bytes: source.as_bytes(), at: 0, tokens: Vec::with_capacity(source.len() / 5), diagnostics };
    if source.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    while lexer.at < source.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a, 'd> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token<'a>>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Lexer<'a, '_> {
    fn step(&mut self) {
        let start = self.at;
        let next = self.bytes.get(start + 1).copied();
        match self.bytes[start] {
            b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
            b'#' => self.skip_line(),
            b'"' => self.quoted(),
            b'\'' => self.single_quoted(),
            b'[' => self.push(TokenKind::OpenBracket, 1),
            b']' => self.push(TokenKind::CloseBracket, 1),
            b'(' => self.push(TokenKind::OpenParenthesis, 1),
            b')' => self.push(TokenKind::CloseParenthesis, 1),
            b'{' => self.push(TokenKind::OpenBrace, 1),
            b'}' => self.push(TokenKind::CloseBrace, 1),
            b',' => self.push(TokenKind::Comma, 1),
            b':' => self.push(TokenKind::Colon, 1),
            b'!' => self.push(TokenKind::Bang, 1),
            b'+' => self.push(TokenKind::Plus, 1),
            b'-' => self.push(TokenKind::Minus, 1),
            b'*' => self.push(TokenKind::Star, 1),
            b'>' if next == Some(b'=') => self.push(TokenKind::GreaterOrEqual, 2),
            b'>' => self.push(TokenKind::Greater, 1),
            b'<' if next == Some(b'>') => {
                self.report(Code::AngleNotEqual, 2, "`<>` is not an operator of the language", "write `!=`");
                self.tokens.push(Token { kind: TokenKind::Bang, span: Span::new(start, start + 1) });
                self.tokens.push(Token { kind: TokenKind::Equals, span: Span::new(start + 1, start + 2) });
                self.at += 2;
            }
            b'<' if next == Some(b'=') => self.push(TokenKind::LessOrEqual, 2),
            b'<' => self.push(TokenKind::Less, 1),
            b'=' if next == Some(b'=') => {
                self.report(Code::DoubleEquals, 2, "`==` is not an operator of the language", "write `=`");
                self.push(TokenKind::Equals, 2);
            }
            b'=' => self.push(TokenKind::Equals, 1),
            b'/' if next == Some(b'/') => {
                self.report(Code::SlashComment, 2, "`//` does not start a comment", "start comments with `#`");
                self.skip_line();
            }
            b'/' => self.push(TokenKind::Slash, 1),
            b'$' => {
                let length = word_length(&self.bytes[start + 1..]);
                if length == 0 {
                    self.report(
                        Code::UnexpectedCharacter,
                        1,
                        "a `$` without a name",
                        "write `$name` for a variable, or quote the text",
                    );
                    self.at += 1;
                } else {
                    self.push(TokenKind::Variable(&self.source[start + 1..start + 1 + length]), 1 + length);
                }
            }
            byte if is_word(byte) => {
                let length = word_length(&self.bytes[start..]);
                let text = &self.source[start..start + length];
                let kind = if is_number(text) { TokenKind::Number(text) } else { TokenKind::Word(text) };
                self.push(kind, length);
            }
            _ => self.unexpected(),
        }
    }

    fn push(&mut self, kind: TokenKind<'a>, length: usize) {
        self.tokens.push(Token { kind, span: Span::new(self.at, self.at + length) });
        self.at += length;
    }

    fn report(&mut self, code: Code, length: usize, message: &str, help: &str) {
        self.diagnostics.push(Diagnostic::error(code, Span::new(self.at, self.at + length), message).help(help));
    }

    fn skip_line(&mut self) {
        self.at =
            memchr::memchr(b'\n', &self.bytes[self.at..]).map_or(self.source.len(), |length| self.at + length + 1);
    }

    fn quoted(&mut self) {
        let start = self.at;
        let mut at = start + 1;
        let mut last_escaped_quote = None;
        while let Some(offset) = memchr::memchr2(b'"', b'\\', &self.bytes[at..]) {
            at += offset;
            if self.bytes[at] == b'"' {
                return self.push_text(start, at);
            }
            if self.bytes.get(at + 1) == Some(&b'"') {
                last_escaped_quote = Some(at + 1);
            }
            at += 2;
            if at >= self.bytes.len() {
                break;
            }
        }
        // `"a\"` with no later quote: the public parser reads a complete string that ends in a backslash.
        if let Some(end) = last_escaped_quote {
            return self.push_text(start, end);
        }
        self.report(
            Code::UnterminatedString,
            1,
            "this string is never closed",
            "add the closing `\"`; a quote inside a string is written `\\\"`",
        );
        self.at = self.source.len();
    }

    fn push_text(&mut self, start: usize, end: usize) {
        let text = &self.source[start + 1..end];
        let kind = match text.as_bytes() {
            bytes if is_date_shaped(bytes) => TokenKind::Date(text),
            bytes if is_time_shaped(bytes) => TokenKind::Time(text),
            _ => TokenKind::Text(text),
        };
        self.push(kind, end + 1 - start);
    }

    fn single_quoted(&mut self) {
        let start = self.at;
        let line_end = memchr::memchr(b'\n', &self.bytes[start..]).map_or(self.source.len(), |length| start + length);
        match memchr::memchr(b'\'', &self.bytes[start + 1..line_end]) {
            Some(length) => {
                let text = &self.source[start + 1..start + 1 + length];
                self.report(
                    Code::SingleQuotes,
                    length + 2,
                    "single quotes do not make a string",
                    "use double quotes: `\"...\"`",
                );
                self.push(TokenKind::Text(text), length + 2);
            }
            None => {
                self.report(Code::SingleQuotes, 1, "a single quote outside a string", "strings stand in double quotes");
                self.at += 1;
            }
        }
    }

    fn unexpected(&mut self) {
        let start = self.at;
        // One message for a run of strange characters: a binary file must not make a million of them.
        let rest = &self.source[start..];
        let length = rest
            .char_indices()
            .find(|(_, c)| c.is_ascii() && (is_word(*c as u8) || " \t\r\n\"#[](){},=$".contains(*c)))
            .map_or(rest.len(), |(at, _)| at)
            .max(1);
        let first = rest.chars().next().unwrap_or('\0');
        let (message, help) = match first {
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => {
                ("a typographic quote is not a string quote".to_string(), "use the plain double quote `\"`")
            }
            '\u{a0}' => ("a no-break space outside a string".to_string(), "replace it with a plain blank"),
            '\0' => ("a NUL byte outside a string".to_string(), "is this a text file in UTF-8?"),
            c => (
                format!("`{}` is not part of the language", c.escape_debug()),
                "remove it, or quote the text it belongs to",
            ),
        };
        self.report(Code::UnexpectedCharacter, length, &message, help);
        self.at += length;
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len())
}

/// Digits, or digits `.` digits.
pub fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => digits(text),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
    }
}

/// `dd:dd`, `d:dd AM`, `dd:dd PM`.
pub fn is_time_shaped(bytes: &[u8]) -> bool {
    let clock = |bytes: &[u8], hours: usize| {
        bytes.len() == hours + 3
            && bytes
                .iter()
                .enumerate()
                .all(|(at, byte)| if at == hours { *byte == b':' } else { byte.is_ascii_digit() })
    };
    match bytes {
        [start @ .., b' ', b'A' | b'P', b'M'] => clock(start, 1) || clock(start, 2),
        bytes => clock(bytes, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind<'_>> {
        let mut diagnostics = Vec::new();
        let tokens = tokenize(source, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        tokens.iter().map(|token| token.kind).collect()
    }

    #[test]
    fn digits_and_letters_merge_into_one_word() {
        assert_eq!(
            kinds("24hours .5 1. 1.5 007"),
            [
                TokenKind::Word("24hours"),
                TokenKind::Word(".5"),
                TokenKind::Word("1."),
                TokenKind::Number("1.5"),
                TokenKind::Number("007")
            ]
        );
    }

    #[test]
    fn quoted_dates_and_times_are_their_own_tokens() {
        assert_eq!(
            kinds(r#""2026-01-01" "09:00" "9:05" "9:05 AM" "9:30 am""#),
            [
                TokenKind::Date("2026-01-01"),
                TokenKind::Time("09:00"),
                TokenKind::Text("9:05"),
                TokenKind::Time("9:05 AM"),
                TokenKind::Text("9:30 am")
            ]
        );
    }

    #[test]
    fn a_comment_may_end_the_file_and_carriage_returns_are_blanks() {
        assert_eq!(kinds("a\r\n# last"), [TokenKind::Word("a")]);
    }

    #[test]
    fn escaped_quotes_stay_inside_and_a_last_lone_backslash_closes() {
        assert_eq!(kinds(r#""a\"b""#), [TokenKind::Text(r#"a\"b"#)]);
        assert_eq!(kinds(r#""a\""#), [TokenKind::Text(r"a\")]);
        assert_eq!(kinds(r#""a\\" b"#), [TokenKind::Text(r"a\\"), TokenKind::Word("b")]);
    }

    #[test]
    fn slips_are_reported_once_and_read_as_meant() {
        let mut diagnostics = Vec::new();
        let tokens = tokenize("a == 'x' <> 1 // no\nb", &mut diagnostics);
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(
            codes,
            ["dqdl::double_equals", "dqdl::single_quotes", "dqdl::angle_not_equal", "dqdl::slash_comment"]
        );
        assert_eq!(tokens.len(), 7);
    }

    #[test]
    fn a_run_of_strange_bytes_is_one_finding() {
        let mut diagnostics = Vec::new();
        tokenize(&"\0\u{1}é".repeat(10_000), &mut diagnostics);
        assert_eq!(diagnostics.len(), 1);
    }
}
