//! From characters to the arena.

use super::{Document, Member, Mistake, Node, NodeId, Syntax, Value};
use crate::span::Span;
use std::sync::OnceLock;

/// Values of a document: what a text of commas may cost in memory.
const MOST_VALUES: usize = 8 << 20;

pub(super) fn document(text: &str, syntax: Syntax) -> Result<Document, Mistake> {
    let most_bytes = syntax.most_bytes.min(u32::MAX as usize);
    if text.len() > most_bytes {
        let message = format!("the text is longer than {most_bytes} bytes");
        return Err(Mistake { message, span: Span::new(0, 0) });
    }
    let mut reader = Reader { text, at: 0, syntax, nodes: Vec::new(), open: Vec::new(), depth: 0 };
    if text.starts_with('\u{feff}') {
        return Err(reader.mistake(0, "a byte order mark, which JSON does not have: save the text as UTF-8 without it"));
    }
    let root = reader.read()?;
    let Reader { nodes, depth, .. } = reader;
    Ok(Document { text: text.to_string(), nodes, root, depth, lines: OnceLock::new() })
}

/// What the grammar has next.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Value,
    /// A value or `]`.
    FirstElement,
    /// A name or `}`.
    FirstName,
    Name,
    /// A comma or the end of what is open.
    Next,
}

/// An array or object whose end was not read yet.
struct Open {
    node: NodeId,
    object: bool,
    /// The name whose value is read.
    name: Option<(String, Span)>,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    syntax: Syntax,
    nodes: Vec<Node>,
    open: Vec<Open>,
    depth: usize,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<NodeId, Mistake> {
        let mut expected = Expected::Value;
        loop {
            self.skip_blanks(self.syntax.comments)?;
            expected = match (expected, self.peek()) {
                (Expected::FirstElement, Some(b']')) | (Expected::FirstName, Some(b'}')) => self.close(),
                (Expected::Value | Expected::FirstElement, _) => self.value()?,
                (Expected::FirstName | Expected::Name, Some(b'"')) => self.name()?,
                (Expected::FirstName, _) => return Err(self.unexpected("a name in double quotes or `}`")),
                (Expected::Name, _) => return Err(self.unexpected("a name in double quotes")),
                (Expected::Next, found) => {
                    let object = self.open.last().is_some_and(|open| open.object);
                    match found {
                        Some(b',') => {
                            self.at += 1;
                            if object { Expected::Name } else { Expected::Value }
                        }
                        Some(b'}') if object => self.close(),
                        Some(b']') if !object => self.close(),
                        _ if object => return Err(self.unexpected("`,` or `}`")),
                        _ => return Err(self.unexpected("`,` or `]`")),
                    }
                }
            };
            if self.open.is_empty() {
                self.skip_blanks(false)?;
                return match self.peek() {
                    None => Ok(NodeId(0)),
                    Some(_) => Err(self.unexpected("the end of the text")),
                };
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn mistake(&self, start: usize, message: impl Into<String>) -> Mistake {
        let end = start + self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Mistake { message: message.into(), span: Span::new(start, end) }
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let message = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => format!("the text ends where {wanted} should be"),
            Some(found) => format!("expected {wanted}, found {found:?}"),
        };
        self.mistake(self.at, message)
    }

    fn skip_blanks(&mut self, comments: bool) -> Result<(), Mistake> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'/' if comments => self.skip_comment()?,
                _ => break,
            }
        }
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<(), Mistake> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = match rest.get(1) {
            Some(b'/') => memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
            Some(b'*') => match memchr::memmem::find(rest.get(2..).unwrap_or_default(), b"*/") {
                Some(end) => 2 + end + 2,
                None => return Err(self.mistake(self.at, "a comment without its `*/`")),
            },
            _ => return Err(self.unexpected("a value or a comment")),
        };
        self.at += length;
        Ok(())
    }

    /// Reads a scalar, or the opening of an array or object.
    fn value(&mut self) -> Result<Expected, Mistake> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => return self.open(Value::Object(Vec::new()), Expected::FirstName),
            Some(b'[') => return self.open(Value::Array(Vec::new()), Expected::FirstElement),
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Value::Number
            }
            _ => {
                let literals = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                let rest = &self.text[self.at..];
                let Some((word, value)) = literals.into_iter().find(|(word, _)| rest.starts_with(word)) else {
                    return Err(self.unexpected("a value"));
                };
                self.at += word.len();
                value
            }
        };
        self.add(value, start)?;
        Ok(Expected::Next)
    }

    fn open(&mut self, empty: Value, expected: Expected) -> Result<Expected, Mistake> {
        if self.open.len() >= self.syntax.most_depth {
            let message = format!("nested deeper than {} levels", self.syntax.most_depth);
            return Err(self.mistake(self.at, message));
        }
        let object = matches!(empty, Value::Object(_));
        self.at += 1;
        let node = self.add(empty, self.at - 1)?;
        self.open.push(Open { node, object, name: None });
        self.depth = self.depth.max(self.open.len());
        Ok(expected)
    }

    fn close(&mut self) -> Expected {
        self.at += 1;
        if let Some(open) = self.open.pop() {
            self.nodes[open.node.0 as usize].end = offset(self.at);
        }
        Expected::Next
    }

    /// Puts a value into the arena and into what is open.
    fn add(&mut self, value: Value, start: usize) -> Result<NodeId, Mistake> {
        if self.nodes.len() >= MOST_VALUES {
            return Err(self.mistake(start, format!("more than {MOST_VALUES} values")));
        }
        let node = NodeId(offset(self.nodes.len()));
        let mut parent = node;
        let mut place = 0;
        if let Some(open) = self.open.last_mut() {
            parent = open.node;
            place = match (&mut self.nodes[parent.0 as usize].value, open.name.take()) {
                (Value::Object(members), Some((name, name_span))) => {
                    members.push(Member { name, name_span, value: node });
                    members.len() - 1
                }
                (Value::Array(elements), _) => {
                    elements.push(node);
                    elements.len() - 1
                }
                _ => 0,
            };
        }
        let place = offset(place);
        self.nodes.push(Node { value, start: offset(start), end: offset(self.at), parent, place });
        Ok(node)
    }

    /// A name and its colon.
    fn name(&mut self) -> Result<Expected, Mistake> {
        let start = self.at;
        let name = self.string()?;
        let span = Span::new(start, self.at);
        self.skip_blanks(self.syntax.comments)?;
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        if let Some(open) = self.open.last_mut() {
            open.name = Some((name, span));
        }
        Ok(Expected::Value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<(), Mistake> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.mistake(self.at, "a number with a leading zero"));
            }
        } else if self.digits() == 0 {
            return Err(self.unexpected("a digit"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        Ok(())
    }

    /// The string whose opening quote is next.
    fn string(&mut self) -> Result<String, Mistake> {
        self.at += 1;
        let mut content = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain =
                rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20).unwrap_or(rest.len());
            content.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return Err(self.unexpected("the closing `\"`")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => content.push(self.escape()?),
                Some(_) => return Err(self.mistake(self.at, "a control character in a string: write it as an escape")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Mistake> {
        let start = self.at;
        let letter = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.unit(start)?;
                let behind = self.at;
                let pair = (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u");
                if pair {
                    self.at += 2;
                    let second = self.unit(behind)?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    // The second one is read again: it may begin a pair.
                    self.at = behind;
                }
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.mistake(start, "an escape that JSON does not have")),
        })
    }

    /// Four hexadecimal digits of the escape at `start`.
    fn unit(&mut self, start: usize) -> Result<u32, Mistake> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.mistake(start, "`\\u` without four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }
}

/// Offsets and counts fit: the text is not longer than `u32::MAX`.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
