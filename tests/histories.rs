//! What holds for every kind of history: a file of SQLite or JSON Lines, a directory.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, Utc};
use dq::history::{HistoryError, Key, Past, Pattern, Recorded, Retention, RunId, RunRecord, Selection, export, open};
use dq::value::Number;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + day * 86_400, 0).unwrap()
}

fn record(dataset: &str, day: i64, points: &[(&str, Number)]) -> RunRecord {
    RunRecord {
        run: RunId(format!("{day:040x}")),
        dataset: dataset.into(),
        time: at(day),
        ruleset: "rules".into(),
        rows: 200,
        points: points.iter().map(|(metric, value)| (Key::new(*metric), *value)).collect(),
    }
}

fn count(value: i128) -> [(&'static str, Number); 1] {
    [("Dataset.*.RowCount", Number::integer(value))]
}

/// Paths of all kinds of history in a directory.
fn places(directory: &tempfile::TempDir) -> Vec<PathBuf> {
    let names = ["h.jsonl", "h/", "h.db"];
    let known = |name: &&&str| cfg!(feature = "history") || **name != "h.db";
    names.iter().filter(known).map(|name| directory.path().join(name)).collect()
}

const ALL: Retention = Retention { runs: None, days: None };

fn values(past: &Past) -> Vec<String> {
    past.values(&Key::new("Dataset.*.RowCount")).iter().map(|point| point.value.to_string()).collect()
}

#[test]
fn what_is_recorded_is_loaded_newest_first_and_only_from_runs_before() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        let mut history = open(&place).unwrap();
        assert_eq!(history.load("d", at(9), 9).unwrap().runs(), 0);
        assert!(history.datasets().unwrap().is_empty());
        for day in [2, 1, 3] {
            assert_eq!(history.record(&record("d", day, &count(day.into())), ALL).unwrap(), Recorded::New);
            assert_eq!(history.record(&record("d", day, &count(99)), ALL).unwrap(), Recorded::Already);
        }
        history.record(&record("other", 1, &count(7)), ALL).unwrap();
        // What was opened first sees it, and who opens it anew.
        for history in [history, open(&place).unwrap()] {
            assert_eq!(values(&history.load("d", at(9), 9).unwrap()), ["3", "2", "1"], "{}", place.display());
            assert_eq!(values(&history.load("d", at(3), 1).unwrap()), ["2"]);
            assert_eq!(history.load("nowhere", at(9), 9).unwrap().runs(), 0);
            let found = history.datasets().unwrap();
            let names: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.runs, found.points)).collect();
            assert_eq!(names, [("d", 3, 3), ("other", 1, 1)]);
            assert_eq!((found[0].first, found[0].last, found[0].metrics), (at(1), at(3), 1));
            assert_eq!(history.runs("d").unwrap()[0], record("d", 1, &count(1)));
        }
    }
}

#[test]
fn keys_tell_details_and_filters_apart_and_values_stay_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        let key = |detail: Option<&str>, filter: Option<&str>| Key {
            metric: "m".into(),
            detail: detail.map(str::to_string),
            filter: filter.map(str::to_string),
        };
        let keys = [key(None, None), key(Some(""), None), key(None, Some("")), key(Some("a\0b"), Some("é \"'"))];
        let numbers = ["0.10", "12345678901234567890123", "-7", "1"].map(|text| Number::parse(text).unwrap());
        let mut whole = record("d", 1, &[]);
        whole.points = keys.iter().cloned().zip(numbers).collect();
        whole.points.push((key(Some("double"), None), Number::Float(0.1)));
        let mut history = open(&place).unwrap();
        history.record(&whole, ALL).unwrap();
        let past = history.load("d", at(2), 9).unwrap();
        for (key, value) in &whole.points {
            let found = past.values(key);
            assert_eq!(format!("{:?}", found[0].value), format!("{value:?}"), "{}", place.display());
            assert_eq!((found.len(), found[0].time, &found[0].run), (1, at(1), &whole.run));
        }
    }
}

#[test]
fn excluded_points_do_not_count_until_they_are_included() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        let mut history = open(&place).unwrap();
        for day in 1..=4 {
            let points = [("Dataset.*.RowCount", Number::integer(day.into())), ("x", Number::Float(0.5))];
            history.record(&record("d", day, &points), ALL).unwrap();
        }
        let one = Selection { runs: vec![RunId(format!("{:040x}", 3))], ..Selection::default() };
        assert_eq!(history.set_excluded("d", &one, true).unwrap(), 2);
        assert_eq!(history.set_excluded("d", &one, true).unwrap(), 0);
        assert_eq!(history.set_excluded("nowhere", &one, true).unwrap(), 0);
        let late = Selection { metric: Some(Pattern::new("Data*")), from: Some(at(4)), ..Selection::default() };
        assert_eq!(history.set_excluded("d", &late, true).unwrap(), 1);
        let mut history = open(&place).unwrap();
        let past = history.load("d", at(9), 2).unwrap();
        assert_eq!(values(&past), ["2", "1"], "{}", place.display());
        assert_eq!(past.values(&Key::new("x"))[0].time, at(4));
        let series = history.series("d").unwrap();
        let flags: Vec<_> = series[0].1.iter().map(|point| point.excluded).collect();
        assert_eq!(flags, [false, false, true, true]);
        assert_eq!(history.datasets().unwrap()[0].excluded, 3);
        assert_eq!(history.set_excluded("d", &Selection::default(), false).unwrap(), 3);
        assert_eq!(values(&history.load("d", at(9), 9).unwrap()).len(), 4);
    }
}

#[test]
fn only_what_is_to_be_kept_stays_and_other_datasets_stay_whole() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        let mut history = open(&place).unwrap();
        history.record(&record("other", 1, &count(1)), ALL).unwrap();
        for day in 1..=5 {
            history.record(&record("d", day, &count(day.into())), ALL).unwrap();
        }
        history.set_excluded("d", &Selection { to: Some(at(4)), ..Selection::default() }, true).unwrap();
        let two = Retention { runs: Some(3), days: None };
        assert_eq!(history.record(&record("d", 6, &[("new", Number::integer(1))]), two).unwrap(), Recorded::New);
        let mut history = open(&place).unwrap();
        assert_eq!(history.runs("d").unwrap().len(), 3);
        assert_eq!(values(&history.load("d", at(9), 9).unwrap()), ["5"], "{}", place.display());
        history.record(&record("d", 7, &[]), Retention { runs: None, days: Some(1) }).unwrap();
        let found = history.datasets().unwrap();
        assert_eq!((found[0].runs, found[0].metrics, found[1].runs), (2, 1, 1));
        // Older than what is kept: it is gone at once, and spoils nothing.
        history.record(&record("d", 0, &count(0)), Retention { runs: None, days: Some(1) }).unwrap();
        assert_eq!(history.datasets().unwrap()[0].runs, 2);
    }
}

#[test]
fn an_export_is_a_history_again() {
    let directory = tempfile::tempdir().unwrap();
    for (position, place) in places(&directory).into_iter().enumerate() {
        let mut history = open(&place).unwrap();
        for day in 1..=3 {
            history.record(&record("d", day, &count(day.into())), ALL).unwrap();
        }
        history.set_excluded("d", &Selection { to: Some(at(1)), ..Selection::default() }, true).unwrap();
        let text = export("d", &history.runs("d").unwrap(), &history.series("d").unwrap()).unwrap();
        let copy = directory.path().join(format!("copy-{position}.jsonl"));
        std::fs::write(&copy, &text).unwrap();
        let copy = open(&copy).unwrap();
        assert_eq!(copy.series("d").unwrap(), history.series("d").unwrap());
        assert_eq!(copy.runs("d").unwrap(), history.runs("d").unwrap());
        assert_eq!(export("d", &copy.runs("d").unwrap(), &copy.series("d").unwrap()).unwrap(), text);
    }
}

#[test]
fn several_threads_with_handles_of_their_own_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let place = &place;
                scope.spawn(move || {
                    for number in 0..5 {
                        // Every run is recorded by two threads.
                        let day = (thread / 2) * 5 + number;
                        open(place).unwrap().record(&record("d", day, &count(day.into())), ALL).unwrap();
                    }
                });
            }
        });
        assert_eq!(open(&place).unwrap().runs("d").unwrap().len(), 10, "{}", place.display());
    }
}

#[test]
fn records_that_are_none_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for place in places(&directory) {
        let mut history = open(&place).unwrap();
        let bad = RunRecord { run: RunId("../x".into()), ..record("d", 1, &[]) };
        assert!(matches!(history.record(&bad, ALL), Err(HistoryError::Write { .. })));
        assert!(history.record(&record("", 1, &[]), ALL).is_err());
        assert!(!place.exists(), "nothing was made");
    }
}

#[test]
fn paths_that_are_no_place_for_a_history_are_refused() {
    for path in ["", "ftp://x/y", "https://example.com/h"] {
        assert!(open(Path::new(path)).is_err(), "{path}");
    }
    #[cfg(unix)]
    assert!(open(Path::new("/dev/null")).is_err());
}

#[test]
fn a_line_that_was_torn_spoils_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("h.jsonl");
    open(&path).unwrap().record(&record("d", 1, &count(1)), ALL).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let second = record("d", 2, &count(2));
    for cut in [1, 5, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
        let mut history = open(&path).unwrap();
        assert_eq!(history.runs("d").unwrap().len(), 1);
        assert_eq!(history.record(&second, ALL).unwrap(), Recorded::New);
        assert_eq!(values(&history.load("d", at(9), 9).unwrap()), ["2", "1"]);
    }
    std::fs::write(&path, "id,name\n1,a\n").unwrap();
    let error = open(&path).unwrap().record(&second, ALL).unwrap_err().to_string();
    assert!(error.ends_with("line 1: no line of a history"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"id,name\n1,a\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn all_kinds_of_history_say_the_same(
        days in proptest::collection::vec((0i64..20, 0i128..5, any::<bool>()), 1..20),
        most in 1usize..4,
        keep in proptest::option::of(1usize..10),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention { runs: keep, days: None };
        let mut seen = Vec::new();
        for place in places(&directory) {
            let mut history = open(&place).unwrap();
            let mut told = Vec::new();
            for (day, value, exclude) in &days {
                told.push(format!("{:?}", history.record(&record("d", *day, &count(*value)), retention).unwrap()));
                if *exclude {
                    let selection = Selection { to: Some(at(*day)), from: Some(at(*day)), ..Selection::default() };
                    told.push(history.set_excluded("d", &selection, true).unwrap().to_string());
                }
            }
            let past = history.load("d", at(15), most).unwrap();
            told.push(format!("{:?} {:?} {:?}", values(&past), history.series("d").unwrap(), history.runs("d").unwrap()));
            told.push(format!("{:?}", history.datasets().unwrap()));
            seen.push(told);
        }
        for told in &seen {
            prop_assert_eq!(told, &seen[0]);
        }
    }
}
