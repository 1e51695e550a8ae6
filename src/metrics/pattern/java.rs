//! Java's pattern syntax, rewritten for the engines where they read it differently.
//!
//! Case-insensitive matching (`(?i)`) folds by Unicode here, by ASCII in Java.

use super::PatternError;

/// A pattern in the syntax of the engines.
pub(super) struct Translated {
    /// The pattern.
    pub pattern: String,
    /// Whether it has possessive quantifiers (`a*+`), which only the backtracking engine knows.
    pub possessive: bool,
}

/// Blanks of `\h`.
const HORIZONTAL: &str = r"\x20\t\xA0\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
/// Line ends of `\v`.
const VERTICAL: &str = r"\n\x0B\f\r\x{85}\x{2028}\x{2029}";
/// What `.` leaves out.
const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// Flags in force; a group inherits them and its end restores them.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// `s`: `.` matches line ends.
    dot_all: bool,
    /// `U`: predefined classes are Unicode's.
    unicode_classes: bool,
}

struct Translator<'a> {
    source: &'a str,
    at: usize,
    out: String,
    flags: Flags,
    groups: Vec<Flags>,
    possessive: bool,
}

/// Rewrites what Java reads differently.
pub(super) fn translate(source: &str) -> Result<Translated, PatternError> {
    let out = String::with_capacity(source.len() + 16);
    let mut translator =
        Translator { source, at: 0, out, flags: Flags::default(), groups: Vec::new(), possessive: false };
    while let Some(character) = translator.next() {
        translator.outside(character)?;
    }
    Ok(Translated { pattern: translator.out, possessive: translator.possessive })
}

impl Translator<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn outside(&mut self, character: char) -> Result<(), PatternError> {
        match character {
            '\\' => self.escape_outside(),
            '[' => self.class(0)?,
            '.' if self.flags.dot_all => self.out.push_str(r"(?s:.)"),
            '.' => self.out.push_str(&format!("[^{LINE_ENDS}]")),
            '(' => self.open_group(),
            ')' => {
                // A stray one would close the group that the whole pattern is put into.
                let Some(flags) = self.groups.pop() else {
                    return Err(PatternError { message: "unopened group".into(), offset: Some(self.at - 1) });
                };
                self.flags = flags;
                self.out.push(')');
            }
            '{' if self.rest().starts_with(',') => {
                return Err(PatternError {
                    message: "a repetition needs its smallest number: `{0,2}`".into(),
                    offset: Some(self.at - 1),
                });
            }
            '*' | '+' | '?' | '}' => {
                self.out.push(character);
                if self.peek() == Some('+') {
                    self.possessive = true;
                }
            }
            other => self.out.push(other),
        }
        Ok(())
    }

    /// `(?flags)`, `(?flags:...)` and all other groups.
    fn open_group(&mut self) {
        let before = self.flags;
        let letters: String = self
            .rest()
            .strip_prefix('?')
            .unwrap_or("")
            .chars()
            .take_while(|c| c.is_ascii_alphabetic() || *c == '-')
            .collect();
        let end = self.rest().chars().nth(1 + letters.len());
        if letters.is_empty() || !matches!(end, Some(')' | ':')) {
            self.groups.push(before);
            self.out.push('(');
            return;
        }
        let mut on = true;
        let mut kept = String::new();
        for letter in letters.chars() {
            match letter {
                '-' => on = false,
                's' => self.flags.dot_all = on,
                'U' => self.flags.unicode_classes = on,
                _ => {}
            }
            // Unicode case folding is the engine's only one; unix line ends and `U` are handled here.
            if !matches!(letter, 'u' | 'U' | 'd' | 's') {
                kept.push(letter);
            }
        }
        let kept = kept.trim_end_matches('-');
        self.at += 2 + letters.len();
        if end == Some(':') {
            self.groups.push(before);
            self.out.push_str(&format!("(?{kept}:"));
        } else if !kept.is_empty() {
            self.out.push_str(&format!("(?{kept})"));
        }
    }

    fn escape_outside(&mut self) {
        let Some(escaped) = self.next() else {
            self.out.push('\\');
            return;
        };
        if escaped == 'Q' {
            let quoted = self.quoted();
            self.out.push_str(&regex::escape(&quoted));
            return;
        }
        match escaped {
            'R' => self.out.push_str(&format!(r"(?:\r\n|[{VERTICAL}])")),
            'Z' => self.out.push_str(r"\z"),
            'b' => self.out.push_str(r"(?-u:\b)"),
            _ => match self.shorthand(escaped) {
                Some((set, true)) => self.out.push_str(&format!("[^{set}]")),
                Some((set, false)) => self.out.push_str(&format!("[{set}]")),
                None => self.literal_escape(escaped),
            },
        }
    }

    /// Everything up to `\E`.
    fn quoted(&mut self) -> String {
        let rest = self.rest();
        let (quoted, skip) =
            rest.split_once("\\E").map_or((rest, rest.len()), |(quoted, _)| (quoted, quoted.len() + 2));
        let quoted = quoted.to_string();
        self.at += skip;
        quoted
    }

    /// The members of a predefined class, and whether it is negated.
    fn shorthand(&mut self, letter: char) -> Option<(String, bool)> {
        let unicode = self.flags.unicode_classes;
        let set = match letter.to_ascii_lowercase() {
            'd' if unicode => r"\d",
            'w' if unicode => r"\w",
            's' if unicode => r"\s",
            'd' => "0-9",
            'w' => "a-zA-Z_0-9",
            's' => r"\x20\t\n\x0B\f\r",
            'h' => HORIZONTAL,
            'v' => VERTICAL,
            'p' => return self.property().map(|set| (set, letter == 'P')),
            _ => return None,
        };
        Some((set.to_string(), letter.is_ascii_uppercase()))
    }

    /// `{name}` behind `\p`: Java's POSIX classes are ASCII; `Is` names scripts and properties.
    fn property(&mut self) -> Option<String> {
        let (name, _) = self.rest().strip_prefix('{')?.split_once('}')?;
        let set = match name {
            "Lower" => "a-z",
            "Upper" => "A-Z",
            "ASCII" => r"\x00-\x7F",
            "Alpha" => "a-zA-Z",
            "Digit" => "0-9",
            "Alnum" => "a-zA-Z0-9",
            "Punct" => r"!-/:-@\[-`{-\~",
            "Graph" => r"!-\~",
            "Print" => r"\x20-\~",
            "Blank" => r"\x20\t",
            "Cntrl" => r"\x00-\x1F\x7F",
            "XDigit" => "0-9a-fA-F",
            "Space" => r"\x20\t\n\x0B\f\r",
            _ => "",
        };
        let set = if set.is_empty() {
            format!(r"\p{{{}}}", name.strip_prefix("Is").unwrap_or(name))
        } else {
            set.to_string()
        };
        self.at += name.len() + 2;
        Some(set)
    }

    fn literal_escape(&mut self, escaped: char) {
        if escaped == 'e' {
            self.out.push_str(r"\x1B");
        } else if escaped.is_alphanumeric() {
            self.out.extend(['\\', escaped]);
        } else {
            // `\<` and `\>` are word boundaries to the engine, plain characters to Java.
            self.out.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
        }
    }

    /// A class behind its opening bracket. Only `&&` is an operator in Java.
    fn class(&mut self, depth: usize) -> Result<(), PatternError> {
        if depth > 50 {
            return Err(PatternError { message: "classes are nested too deep".into(), offset: Some(self.at) });
        }
        self.out.push('[');
        if self.peek() == Some('^') {
            self.next();
            self.out.push('^');
        }
        // Whether a `-` now would be the middle of a range.
        let mut range_may_start = false;
        while let Some(character) = self.next() {
            match character {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' => {
                    self.class(depth + 1)?;
                    range_may_start = false;
                }
                '&' if self.peek() == Some('&') => {
                    self.next();
                    self.out.push_str("&&");
                    range_may_start = false;
                }
                '-' if range_may_start && !matches!(self.peek(), Some(']' | '[') | None) => {
                    self.out.push('-');
                    match self.next() {
                        Some('\\') => drop(self.escape_inside()),
                        Some(end) => self.class_character(end),
                        None => {}
                    }
                    range_may_start = false;
                }
                '\\' => range_may_start = self.escape_inside(),
                other => {
                    self.class_character(other);
                    range_may_start = true;
                }
            }
        }
        Ok(())
    }

    fn class_character(&mut self, character: char) {
        if matches!(character, '-' | '~' | '&' | '^' | ':') {
            self.out.push('\\');
        }
        self.out.push(character);
    }

    /// An escape in a class; gives whether it stands for one character, which may start a range.
    fn escape_inside(&mut self) -> bool {
        let Some(escaped) = self.next() else {
            self.out.push('\\');
            return false;
        };
        if escaped == 'Q' {
            self.quoted()
                .chars()
                .for_each(|character| self.out.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))));
            return false;
        }
        match self.shorthand(escaped) {
            Some((set, true)) => self.out.push_str(&format!("[^{set}]")),
            Some((set, false)) => self.out.push_str(&set),
            None => {
                self.literal_escape(escaped);
                return true;
            }
        }
        false
    }
}
