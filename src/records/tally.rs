//! How often what is wrong where.

use super::failure::{FailedRecord, Failure, Place};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Pairs of keyword and path that are told apart; failures of further ones count together.
pub const MOST_PAIRS: usize = 10_000;

/// Counts of records and failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Records that are not valid.
    pub failed: u64,
    /// Failures that were found; of one record no more than are looked for.
    pub failures: u64,
    /// Failures by keyword and path.
    pub pairs: BTreeMap<(Cow<'static, str>, String), u64>,
    /// Failures that are not among the pairs.
    pub others: u64,
    /// Records with members of one name, the last of which counted.
    pub duplicates: u64,
    /// The first of those: its file and place.
    pub first_duplicate: Option<(usize, Place)>,
    /// Failed records with what is wrong, the first ones.
    pub details: Vec<FailedRecord>,
}

impl Tally {
    /// Counts a record with what is wrong with it.
    pub fn fail(&mut self, record: FailedRecord, most_details: usize) {
        self.failed += 1;
        for failure in &record.failures {
            self.failures += 1;
            let key = (failure.keyword.clone(), failure.path());
            self.count(key, 1);
        }
        if self.details.len() < most_details {
            self.details.push(record);
        }
    }

    fn count(&mut self, key: (Cow<'static, str>, String), count: u64) {
        if let Some(known) = self.pairs.get_mut(&key) {
            *known += count;
        } else if self.pairs.len() < MOST_PAIRS {
            self.pairs.insert(key, count);
        } else {
            self.others += count;
        }
    }

    /// Adds what was found behind this.
    pub fn add(&mut self, later: Tally, most_details: usize) {
        self.records += later.records;
        self.failed += later.failed;
        self.failures += later.failures;
        self.others += later.others;
        self.duplicates += later.duplicates;
        self.first_duplicate = self.first_duplicate.or(later.first_duplicate);
        for (key, count) in later.pairs {
            self.count(key, count);
        }
        let room = most_details.saturating_sub(self.details.len());
        self.details.extend(later.details.into_iter().take(room));
    }

    /// Failures by keyword, most frequent first.
    pub fn by_keyword(&self) -> Vec<(&str, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for ((keyword, _), count) in &self.pairs {
            *counts.entry(keyword).or_default() += count;
        }
        most_frequent(counts.into_iter().collect())
    }

    /// Failures by keyword and path, most frequent first.
    pub fn by_path(&self) -> Vec<((&str, &str), u64)> {
        let pairs = self.pairs.iter();
        most_frequent(pairs.map(|((keyword, path), count)| ((&**keyword, path.as_str()), *count)).collect())
    }
}

fn most_frequent<K: Ord>(mut counts: Vec<(K, u64)>) -> Vec<(K, u64)> {
    counts.sort_by(|(one, fewer), (other, more)| more.cmp(fewer).then(one.cmp(other)));
    counts
}

/// One failure of a record that is none.
pub fn unreadable(file: usize, place: Place, keyword: &'static str, message: &str) -> FailedRecord {
    FailedRecord { file, place, failures: vec![Failure::new("", keyword, message)], more: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_count_as_the_whole_does() {
        let record = |line: u64, keyword: &'static str| FailedRecord {
            file: 0,
            place: Place::Line(line),
            failures: vec![Failure::new(&format!("/items/{line}"), keyword, "")],
            more: false,
        };
        let records: Vec<_> = (1..=9).map(|line| record(line, ["type", "enum"][line as usize % 2])).collect();
        let mut whole = Tally::default();
        records.iter().for_each(|record| whole.fail(record.clone(), 4));
        let mut joined = Tally::default();
        for part in records.chunks(2) {
            let mut tally = Tally::default();
            part.iter().for_each(|record| tally.fail(record.clone(), 4));
            joined.add(tally, 4);
        }
        assert_eq!(joined, whole);
        assert_eq!(whole.by_keyword(), [("enum", 5), ("type", 4)]);
        assert_eq!(whole.by_path()[0], (("enum", "/items/*"), 5));
        assert_eq!(whole.details.len(), 4);
    }
}
