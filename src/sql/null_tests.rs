//! `a IS NULL AND "b c" IS NOT NULL`, read without an SQL engine.

/// A column that must be, or must not be, NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NullTest {
    /// As written, quotes removed.
    pub column: String,
    /// Whether NULL passes.
    pub null: bool,
}

/// The tests, or `None` if the text is anything else.
pub fn parse(text: &str) -> Option<Vec<NullTest>> {
    let mut words = words(text)?.into_iter().peekable();
    let mut tests = Vec::new();
    loop {
        let column = match words.next()? {
            Word::Quoted(column) => column,
            Word::Plain(word) if !is_keyword(&word) => word,
            Word::Plain(_) => return None,
        };
        words.next_if(|word| word.is("is"))?;
        let null = words.next_if(|word| word.is("not")).is_none();
        words.next_if(|word| word.is("null"))?;
        tests.push(NullTest { column, null });
        match words.next() {
            None => return Some(tests),
            Some(word) if word.is("and") => {}
            Some(_) => return None,
        }
    }
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "is", "null", "true", "false", "case", "exists"]
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(word))
}

enum Word {
    Plain(String),
    Quoted(String),
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Word::Plain(word) if word.eq_ignore_ascii_case(keyword))
    }
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '`' || first == '"' {
            let (name, after) = rest[1..].split_once(first)?;
            words.push(Word::Quoted(name.to_string()));
            rest = after;
        } else {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            if length == 0 || first.is_ascii_digit() {
                return None;
            }
            words.push(Word::Plain(rest[..length].to_string()));
            rest = &rest[length..];
        }
        rest = rest.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conjunctions_of_null_tests_are_read() {
        let test = |column: &str, null| NullTest { column: column.into(), null };
        assert_eq!(parse("note is not null"), Some(vec![test("note", false)]));
        assert_eq!(parse(" `a b` IS NULL AND \"c\" is not NULL "), Some(vec![test("a b", true), test("c", false)]));
        for other in [
            "",
            "a > 1",
            "a is null or b is null",
            "not a is null",
            "a is",
            "a is null and",
            "a = b",
            "1 is null",
            "a.b is null",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
