//! Which points somebody means.

use super::key::{Key, RunId};
use chrono::{DateTime, Utc};

/// Points of a dataset; what is not said selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of these runs; of all runs if there are none here.
    pub runs: Vec<RunId>,
    /// Of metrics with such a name.
    pub metric: Option<Pattern>,
    /// Not older than this.
    pub from: Option<DateTime<Utc>>,
    /// Not newer than this.
    pub to: Option<DateTime<Utc>>,
}

impl Selection {
    /// Whether a point is meant.
    pub fn matches(&self, run: &RunId, time: DateTime<Utc>, key: &Key) -> bool {
        self.matches_run(run, time) && self.metric.as_ref().is_none_or(|metric| metric.matches(&key.metric))
    }

    /// Whether points of a run may be meant.
    pub(super) fn matches_run(&self, run: &RunId, time: DateTime<Utc>) -> bool {
        (self.runs.is_empty() || self.runs.contains(run))
            && self.from.is_none_or(|from| from <= time)
            && self.to.is_none_or(|to| time <= to)
    }
}

/// A name in which `*` stands for any characters and `?` for one. Brackets are brackets, as names of metrics have
/// them, and a name is a pattern of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<char>);

impl Pattern {
    /// Every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Whether a name fits; upper and lower case differ.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (&self.0, name.chars().collect::<Vec<_>>());
        let (mut at, mut read) = (0, 0);
        // Where the last star stands, and what it was last tried with.
        let mut star = None;
        while read < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(wanted) if *wanted == '?' || *wanted == name[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((place, tried)) = star else { return false };
                    star = Some((place, tried + 1));
                    (at, read) = (place + 1, tried + 1);
                }
            }
        }
        pattern[at..].iter().all(|rest| *rest == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters_and_names_for_themselves() {
        let cases = [
            ("Dataset.*.RowCount", "Dataset.*.RowCount", true),
            ("Column.[a].Mean", "Column.[a].Mean", true),
            ("*", "", true),
            ("", "a", false),
            ("*.Completeness", "Column.a.Completeness", true),
            ("*.Completeness", "Column.a.Completeness2", false),
            ("Column.?.Mean", "Column.é.Mean", true),
            ("Column.?.Mean", "Column.ab.Mean", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a**", "a", true),
            ("column.*", "Column.a", false),
        ];
        for (pattern, name, fits) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), fits, "{pattern} {name}");
        }
        // Many stars do not make it slow.
        assert!(!Pattern::new(&"*a".repeat(500)).matches(&"a".repeat(499)));
    }

    #[test]
    fn what_is_not_said_selects_all_and_both_ends_are_in() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let (run, key) = (RunId("a".into()), Key::new("m"));
        assert!(Selection::default().matches(&run, at(0), &key));
        let between = Selection { from: Some(at(1)), to: Some(at(2)), ..Selection::default() };
        let found: Vec<_> = (0..4).filter(|second| between.matches(&run, at(*second), &key)).collect();
        assert_eq!(found, [1, 2]);
        let other = Selection { runs: vec![RunId("b".into())], ..Selection::default() };
        assert!(!other.matches(&run, at(0), &key));
    }
}
