//! Patterns of `matches`: Java's syntax on a linear-time engine, full match.
//!
//! Where Java's meaning differs from the engine's (`\d`, `\w`, `\s` and `\b` are ASCII,
//! `.` stops at every line terminator), the pattern is rewritten. Look-around,
//! back-references and possessive quantifiers run on a backtracking engine with a
//! limit; a text that exceeds it is undecided, and so is the metric it belongs to.

mod automaton;
mod java;

use automaton::FlatAutomaton;
use java::{Translated, translate};
use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps a backtracking match may take before it is given up.
const BACKTRACK_LIMIT: usize = 1_000_000;
/// Largest table of the byte automaton; beyond it the general engine is used.
const AUTOMATON_BYTES: usize = 4 << 20;
/// Largest program of the general engine.
const PROGRAM_BYTES: usize = 16 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    engine: Engine,
    gave_up: AtomicBool,
}

#[derive(Debug)]
enum Engine {
    /// One look-up per byte in a flat table.
    Automaton(Box<FlatAutomaton>),
    /// Lazy automata and friends: any size, still linear.
    General(regex::Regex),
    /// Back-references and look-around.
    Backtracking(Box<fancy_regex::Regex>),
}

/// Why a pattern does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub message: String,
    /// The byte of the pattern where it is noticed, if known.
    pub offset: Option<usize>,
}

/// How much of a text must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it: `^(?:p)$`.
    Whole,
    /// Any part of it.
    Part,
}

impl Pattern {
    fn of(engine: Engine) -> Self {
        Self { engine, gave_up: AtomicBool::new(false) }
    }

    /// Whether any text so far reached the backtracking limit.
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Compiles Java syntax.
    pub fn new(source: &str, extent: Extent) -> Result<Self, PatternError> {
        let Translated { pattern: translated, possessive } = translate(source)?;
        let wrapped = match extent {
            Extent::Whole => format!(r"\A(?:{translated})\z"),
            Extent::Part => translated,
        };
        if extent == Extent::Whole
            && !possessive
            && let Some(engine) = automaton(&wrapped)
        {
            return Ok(Self::of(engine));
        }
        match regex::RegexBuilder::new(&wrapped).size_limit(PROGRAM_BYTES).nest_limit(100).build() {
            // The linear engine reads `a++` as a repeated repetition; only the other one gives nothing back.
            Ok(regex) if !possessive => Ok(Self::of(Engine::General(regex))),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(PatternError { message: "the pattern is too large".into(), offset: None })
            }
            linear => match fancy_regex::RegexBuilder::new(&wrapped)
                .backtrack_limit(BACKTRACK_LIMIT)
                .delegate_size_limit(PROGRAM_BYTES)
                .build()
            {
                Ok(regex) => Ok(Self::of(Engine::Backtracking(Box::new(regex)))),
                Err(reason) if linear.as_ref().err().is_none_or(supports_less) => {
                    Err(PatternError { message: reason.to_string(), offset: None })
                }
                Err(reason) => Err(linear.err().map_or_else(
                    || PatternError { message: reason.to_string(), offset: None },
                    |linear| explain(source, &linear),
                )),
            },
        }
    }

    /// Whether four texts match, where that is faster than one by one.
    pub fn four_match(&self, texts: [&str; 4]) -> Option<[bool; 4]> {
        match &self.engine {
            Engine::Automaton(automaton) => Some(automaton.accept(texts.map(str::as_bytes))),
            _ => None,
        }
    }

    /// Whether `text` matches. `None` when the backtracking limit was reached.
    pub fn is_match(&self, text: &str) -> Option<bool> {
        match &self.engine {
            Engine::Automaton(automaton) => Some(automaton.accepts(text.as_bytes())),
            Engine::General(regex) => Some(regex.is_match(text)),
            Engine::Backtracking(regex) => {
                let answer = regex.is_match(text).ok();
                if answer.is_none() {
                    self.gave_up.store(true, Ordering::Relaxed);
                }
                answer
            }
        }
    }
}

fn automaton(wrapped: &str) -> Option<Engine> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(AUTOMATON_BYTES))
        .determinize_size_limit(Some(4 * AUTOMATON_BYTES));
    let thompson = regex_automata::nfa::thompson::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES));
    let table = dense::Builder::new().configure(config).thompson(thompson).build(wrapped).ok()?;
    FlatAutomaton::new(&table).map(|automaton| Engine::Automaton(Box::new(automaton)))
}

/// Whether the linear engine refused a construct that the backtracking one knows.
fn supports_less(error: &regex::Error) -> bool {
    error.to_string().contains("not supported")
}

/// The reason, found by compiling the pattern as the user wrote it.
fn explain(source: &str, fallback: &regex::Error) -> PatternError {
    match regex_automata::util::syntax::parse(source) {
        Err(error) => {
            // The syntax crate renders the pattern with a caret; its last line is the reason.
            let text = error.to_string();
            let reason =
                text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(text.as_str()).to_string();
            let caret = text.lines().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
            // The caret counts characters, behind a margin of four.
            let offset = caret.and_then(|column| source.char_indices().nth(column.saturating_sub(4)).map(|(at, _)| at));
            let single_line = !source.contains('\n');
            PatternError {
                message: reason,
                offset: offset.filter(|offset| single_line && source.is_char_boundary(*offset)),
            }
        }
        Ok(_) => PatternError {
            message: fallback
                .to_string()
                .lines()
                .last()
                .unwrap_or("the pattern does not compile")
                .trim_start_matches("error: ")
                .to_string(),
            offset: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, Extent::Whole).expect(pattern).is_match(text).expect("within the limit")
    }

    #[test]
    fn the_whole_text_must_match() {
        assert!(full("abc|def", "def"));
        assert!(!full("abc|def", "abc def"));
        assert!(full(".*", ""));
        assert!(!full("a", "a\n"));
    }

    #[test]
    fn java_classes_are_ascii() {
        assert!(!full(r"\d+", "٣"));
        assert!(!full(r"\w+", "é"));
        assert!(full(r"[\w-]+", "a-b_1"));
        assert!(full(r"[^\d]+", "ab"));
        assert!(full(r"\p{Alpha}+", "ab"));
        assert!(full(r"\p{L}+", "é"));
        assert!(full(r"\Qa.b\E", "a.b"));
        assert!(!full("a.b", "a\rb"));
        assert!(full(r"\p{IsLatin}+", "é"));
    }

    #[test]
    fn what_java_reads_differently_is_read_as_java_does() {
        let table = [
            (r"(?s).*", "a\nb", true),
            (r"(?s:a.)b", "a\nb", true),
            (r"(?s:a).b", "a\nb", false),
            (r"a++a", "aaa", false),
            (r".*+x", "abx", false),
            (r"(?:a|b)*+b", "ab", false),
            (r"\<b\>", "<b>", true),
            (r"\<b\>", "b", false),
            (r"\H+", "abc", true),
            (r"\v", "\n", true),
            (r"\h", "\u{2003}", true),
            (r"(?x)a \s b", "a b", true),
            (r"(?U)\w+", "é", true),
            (r"[+--]", "-", true),
            (r"[a-c--]", "-", true),
            (r"[\w--]+", "-", true),
            (r"[a~~b]", "~", true),
            (r"[[:alpha:]]", "z", false),
            (r"[[a-c]x]+", "bx", true),
            (r"\Z", "\n", false),
            (r"[a-z&&[^b]]+", "ab", false),
            (r"[\]a]+", "]a", true),
            (r"[^-a]", "b", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(full(pattern, text), expected, "{pattern} on {text:?}");
        }
        assert!(Pattern::new("a{,2}", Extent::Whole).is_err());
        assert!(Pattern::new(")|(", Extent::Whole).is_err(), "a pattern cannot leave its group");
    }

    #[test]
    fn look_around_and_back_references_work() {
        assert!(full(r"(?=.*\d).{3}", "ab1"));
        assert!(!full(r"(?=.*\d).{3}", "abc"));
        assert!(full(r"(a|b)\1", "aa"));
        assert!(!full(r"(a|b)\1", "ab"));
        assert!(full(r"a++b", "aab"));
    }

    #[test]
    fn catastrophic_patterns_are_given_up() {
        let pattern = Pattern::new(r"(?!x)(a+)+\1b", Extent::Whole).expect("compiles");
        assert_ne!(pattern.is_match(&"a".repeat(40)), Some(true));
    }

    #[test]
    fn mistakes_name_their_place() {
        let error = Pattern::new("a(b", Extent::Whole).expect_err("unclosed group");
        assert_eq!((error.offset, error.message.as_str()), (Some(1), "unclosed group"));
        assert!(Pattern::new("(a{1000}){1000}{1000}", Extent::Whole).is_err());
    }

    proptest! {
        #[test]
        fn the_automaton_agrees_with_the_general_engine(pattern in r"[ab.?*+|()\[\]é]{1,8}", text in r"[abé\n]{0,6}") {
            let Ok(Translated { pattern: translated, possessive: false }) = translate(&pattern) else { return Ok(()) };
            let wrapped = format!(r"\A(?:{translated})\z");
            if let (Ok(general), Some(engine)) = (regex::Regex::new(&wrapped), automaton(&wrapped)) {
                let pattern = Pattern::of(engine);
                let expected = general.is_match(&text);
                prop_assert_eq!(pattern.is_match(&text), Some(expected));
                let four = [text.as_str(), "", "ab", &text];
                let expected = four.map(|text| general.is_match(text));
                prop_assert_eq!(pattern.four_match(four), Some(expected));
            }
        }
    }
}
