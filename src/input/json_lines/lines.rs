//! One object a line: where the values of its fields are.
//!
//! Programs write the same keys in the same order on every line. The keys of a line are expected to
//! be those of the line before, which is one comparison a key; only a key that differs is looked up.

use std::collections::HashMap;

/// What stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// `null`, or no such key.
    #[default]
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number, also `NaN` and `Infinity`.
    Number,
    /// A string without escapes.
    Text,
    /// A string with escapes.
    Escaped,
    /// An object or an array.
    Nested,
}

/// A value in a chunk: of strings, the part between the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

impl Token {
    /// Its bytes.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A line that is no object, or a key that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// What is wrong.
    Malformed(String),
    /// A key that no column has, with its value.
    Unknown(String, Token),
}

/// Finds values by column.
pub struct LineReader<'a> {
    bytes: &'a [u8],
    columns: &'a HashMap<String, usize>,
    /// Keys in the order of the last line, as written with quotes and colon.
    expected: Vec<(Vec<u8>, usize)>,
    /// Where each column is among those.
    places: HashMap<usize, usize>,
    /// Takes keys that no column has, which are trouble otherwise.
    keys: Option<&'a mut dyn FnMut(String)>,
}

fn malformed(what: &str) -> Trouble {
    Trouble::Malformed(what.to_string())
}

impl<'a> LineReader<'a> {
    /// For lines of a chunk.
    pub fn new(bytes: &'a [u8], columns: &'a HashMap<String, usize>) -> Self {
        Self { bytes, columns, expected: Vec::new(), places: HashMap::new(), keys: None }
    }

    /// Reads the line that starts at a position and calls `visit` with the column and value of each
    /// key. Gives the start of the next line, and whether this one was blank.
    pub fn line(&mut self, start: usize, mut visit: impl FnMut(usize, Token)) -> Result<(usize, bool), Trouble> {
        let mut at = self.blanks(start);
        match self.bytes.get(at) {
            None => return Ok((at, true)),
            Some(b'\n') => return Ok((at + 1, true)),
            Some(b'{') => at = self.blanks(at + 1),
            Some(b'[') => {
                return Err(malformed(
                    "is an array; each line of JSON Lines is an object, without brackets around all",
                ));
            }
            Some(_) => return Err(malformed("is no JSON object")),
        }
        if self.bytes.get(at) == Some(&b'}') {
            return self.end(at + 1).map(|next| (next, false));
        }
        let mut position = 0;
        loop {
            let (column, value) = match self.expected.get(position) {
                Some((key, column)) if self.bytes[at..].starts_with(key) => (Ok(*column), at + key.len()),
                _ => self.key(at, &mut position)?,
            };
            position += 1;
            let (token, next) = self.value(self.blanks(value))?;
            match column {
                Ok(column) => visit(column, token),
                Err(name) => match &mut self.keys {
                    Some(keys) => keys(name),
                    None => return Err(Trouble::Unknown(name, token)),
                },
            }
            at = self.blanks(next);
            match self.bytes.get(at) {
                Some(b',') => at = self.blanks(at + 1),
                Some(b'}') => return self.end(at + 1).map(|next| (next, false)),
                _ => return Err(malformed("a comma or a closing brace is missing behind a value")),
            }
        }
    }

    /// A key that was not expected, the position of its value, and its place among the expected ones.
    fn key(&mut self, at: usize, position: &mut usize) -> Result<(Result<usize, String>, usize), Trouble> {
        if self.bytes.get(at) != Some(&b'"') {
            return Err(malformed("a key in double quotes is missing"));
        }
        let (token, next) = self.text(at)?;
        let colon = self.blanks(next);
        if self.bytes.get(colon) != Some(&b':') {
            return Err(malformed("a colon is missing behind a key"));
        }
        let name = text(token, self.bytes).ok_or_else(|| malformed("a key is no text in UTF-8"))?;
        let Some(column) = self.columns.get(&name) else { return Ok((Err(name), colon + 1)) };
        match self.places.get(column) {
            Some(known) => *position = *known,
            None => {
                *position = self.expected.len();
                self.places.insert(*column, *position);
                self.expected.push((self.bytes[at..=colon].to_vec(), *column));
            }
        }
        Ok((Ok(*column), colon + 1))
    }

    fn blanks(&self, mut at: usize) -> usize {
        while matches!(self.bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
            at += 1;
        }
        at
    }

    /// The start of the next line.
    fn end(&self, at: usize) -> Result<usize, Trouble> {
        let at = self.blanks(at);
        match self.bytes.get(at) {
            None => Ok(at),
            Some(b'\n') => Ok(at + 1),
            Some(_) => Err(malformed("there is text behind the object")),
        }
    }

    #[inline]
    fn value(&self, at: usize) -> Result<(Token, usize), Trouble> {
        match self.bytes.get(at) {
            Some(b'"') => self.text(at),
            Some(b'0'..=b'9' | b'-') => {
                let rest = &self.bytes[at..];
                let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
                let length = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
                if rest.starts_with(b"-Infinity") {
                    return Ok(self.word(Kind::Number, at, "-Infinity".len()));
                }
                Ok(self.word(Kind::Number, at, length))
            }
            Some(b'{' | b'[') => self.nested(at),
            Some(_) => {
                const WORDS: [(&str, Kind); 5] = [
                    ("null", Kind::Null),
                    ("true", Kind::True),
                    ("false", Kind::False),
                    ("NaN", Kind::Number),
                    ("Infinity", Kind::Number),
                ];
                let word = WORDS.iter().find(|(word, _)| self.bytes[at..].starts_with(word.as_bytes()));
                let (word, kind) = word.ok_or_else(|| malformed("a value is neither a number, a string in double quotes, true, false, null, an object nor an array"))?;
                Ok(self.word(*kind, at, word.len()))
            }
            None => Err(malformed("a value is missing")),
        }
    }

    fn word(&self, kind: Kind, at: usize, length: usize) -> (Token, usize) {
        (Token { kind, start: at as u32, end: (at + length) as u32 }, at + length)
    }

    /// The string whose opening quote is at a position.
    #[inline]
    fn text(&self, at: usize) -> Result<(Token, usize), Trouble> {
        let start = at + 1;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut kind = Kind::Text;
        let mut from = 0;
        loop {
            match memchr::memchr3(b'"', b'\\', b'\n', &rest[from.min(rest.len())..]).map(|found| from + found) {
                Some(found) if rest[found] == b'"' => {
                    let token = Token { kind, start: start as u32, end: (start + found) as u32 };
                    return Ok((token, start + found + 1));
                }
                Some(found) if rest[found] == b'\\' => {
                    kind = Kind::Escaped;
                    from = found + 2;
                }
                _ => return Err(malformed("a string is not closed in its line")),
            }
        }
    }

    /// The object or array that starts at a position.
    fn nested(&self, at: usize) -> Result<(Token, usize), Trouble> {
        let mut depth = 0usize;
        let mut position = at;
        loop {
            match self.bytes.get(position) {
                Some(b'"') => {
                    position = self.text(position)?.1;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(b'\n') | None => return Err(malformed("an object or array is not closed in its line")),
                Some(_) => {}
            }
            position += 1;
            if depth == 0 {
                return Ok((self.word(Kind::Nested, at, position - at).0, position));
            }
        }
    }
}

/// Calls `visit` with every key of a line, as far as it can be read.
pub fn each_key(line: &[u8], mut visit: impl FnMut(String)) {
    let none = HashMap::new();
    let mut reader = LineReader::new(line, &none);
    reader.keys = Some(&mut visit);
    let _ = reader.line(0, |_, _| {});
}

/// The text of a string; `None` when it is not UTF-8 or an escape is wrong.
pub fn text(token: Token, bytes: &[u8]) -> Option<String> {
    let raw = std::str::from_utf8(token.of(bytes)).ok()?;
    match token.kind {
        Kind::Escaped => serde_json::from_str(&format!("\"{raw}\"")).ok(),
        _ => Some(raw.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<Vec<(usize, Kind, String)>, Trouble> {
        let columns = ["a", "b", "c"].iter().enumerate().map(|(at, name)| (name.to_string(), at)).collect();
        let mut found = Vec::new();
        let mut reader = LineReader::new(line.as_bytes(), &columns);
        let mut at = 0;
        while at < line.len() {
            at = reader
                .line(at, |column, token| {
                    found.push((column, token.kind, text(token, line.as_bytes()).expect("text")));
                })?
                .0;
        }
        Ok(found)
    }

    #[test]
    fn values_are_found_whatever_the_order_of_keys() {
        let found = read("{\"a\":1,\"b\":\"x\"}\n\n {\"a\": -2.5e3 , \"c\" : [1,{\"]\":\"}\"}]}\r\n{\"b\":\"\\u00e9\\\"\",\"a\":null,\"c\":true}").expect("readable");
        let expected = [
            (0, Kind::Number, "1"),
            (1, Kind::Text, "x"),
            (0, Kind::Number, "-2.5e3"),
            (2, Kind::Nested, "[1,{\"]\":\"}\"}]"),
            (1, Kind::Escaped, "é\""),
            (0, Kind::Null, "null"),
            (2, Kind::True, "true"),
        ];
        assert_eq!(found, expected.map(|(column, kind, text)| (column, kind, text.to_string())));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for line in [
            "[1]",
            "1",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":\"x}",
            "{\"a\":1}x",
            "{a:1}",
            "{\"a\":[1}",
            "{\"a\":tru}",
            "{,}",
            "{\"a\":1,}",
        ] {
            assert!(matches!(read(line), Err(Trouble::Malformed(_))), "{line}: {:?}", read(line));
        }
        assert!(matches!(read("{\"z\":1}"), Err(Trouble::Unknown(name, _)) if name == "z"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_serde_reads(rows in prop::collection::vec(prop::collection::vec((0usize..3, ".{0,6}"), 0..4), 1..6)) {
            let lines: Vec<String> = rows.iter().map(|row| {
                let fields: Vec<String> = row.iter().map(|(key, value)| {
                    format!("\"{}\":{}", ["a", "b", "c"][*key], serde_json::to_string(value).expect("json"))
                }).collect();
                format!("{{{}}}", fields.join(","))
            }).collect();
            let found: Vec<(usize, String)> = read(&lines.join("\n")).expect("json").into_iter().map(|(column, _, text)| (column, text)).collect();
            prop_assert_eq!(found, rows.concat());
        }

        #[test]
        fn nothing_panics(line in "[{}\\[\\]\",:\\\\a1 e.\n-]{0,30}") {
            let _ = read(&line);
        }
    }
}
