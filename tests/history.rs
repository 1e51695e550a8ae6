//! `dq history`, and histories that several programs record to, some of them killed.

// Tests fail by panicking; the seed of what is random is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const FIXTURE: &str = "fixtures/history/orders.jsonl";

/// Kinds of history, by the path.
const KINDS: &[&str] = &["history.db", "history.jsonl", "history/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str]) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
    let output = command.current_dir(root()).args(arguments).output().expect("the program ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn history(command: &str, place: &str, arguments: &[&str]) -> Ran {
    run(&[&["history", command, "--history", place][..], arguments].concat())
}

/// A copy of the fixture that may be changed.
fn copied(directory: &tempfile::TempDir) -> String {
    let path = directory.path().join("orders.jsonl");
    std::fs::copy(root().join(FIXTURE), &path).expect("copied");
    path.to_string_lossy().into_owned()
}

/// Programs that record runs of small data.
struct Recorder {
    directory: tempfile::TempDir,
    ruleset: PathBuf,
    data: PathBuf,
}

impl Recorder {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (ruleset, data) = (directory.path().join("rules.dqdl"), directory.path().join("data.csv"));
        std::fs::write(&ruleset, "Rules = [ RowCount > 0, Completeness \"a\" > 0.1 ]").expect("written");
        std::fs::write(&data, "a,b\n1,x\n,y\n").expect("written");
        Self { directory, ruleset, data }
    }

    fn place(&self, kind: &str) -> String {
        self.directory.path().join(kind).to_string_lossy().into_owned()
    }

    /// Starts to record the run of a minute.
    fn start(&self, place: &str, minute: usize, arguments: &[&str]) -> Child {
        std::process::Command::new(assert_cmd::cargo::cargo_bin!("dq"))
            .current_dir(self.directory.path())
            .args(["check", "--quiet", "--threads", "1", "--dataset", "d", "--history", place])
            .args(["--now", &time(minute), "--ruleset"])
            .args([&self.ruleset, &self.data])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program started")
    }

    fn record(&self, place: &str, minute: usize, arguments: &[&str]) {
        let status = self.start(place, minute, arguments).wait().expect("it ended");
        assert_eq!(status.code(), Some(0), "{place}");
    }
}

fn time(minute: usize) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + minute / 1440, minute / 60 % 24, minute % 60)
}

/// How often each run of `d` is there, by time; every one is whole.
fn recorded(place: &str) -> BTreeMap<String, usize> {
    let ran = history("export", place, &["d"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut counts = BTreeMap::new();
    for line in ran.stdout.lines() {
        let run: Value = serde_json::from_str(line).expect("JSON");
        let metrics: Vec<_> =
            run["points"].as_array().expect("points").iter().map(|point| point["metric"].as_str()).collect();
        assert_eq!(metrics, [Some("Column.a.Completeness"), Some("Dataset.*.RowCount")]);
        let time = run["time"].as_str().expect("a time").replace(".000000Z", "Z");
        *counts.entry(time).or_default() += 1;
    }
    counts
}

#[test]
fn lists_and_values_are_shown_as_text_and_json() {
    let ran = history("list", FIXTURE, &["--format", "json"]);
    let listed: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(listed["datasets"][1]["dataset"], "orders");
    assert_eq!(
        (listed["datasets"][1]["runs"].as_u64(), listed["datasets"][1]["excluded"].as_u64()),
        (Some(30), Some(3))
    );
    let ran = history("show", FIXTURE, &["orders", "--metric", "*Sum", "--format", "json"]);
    let shown: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(shown["metrics"][0]["filter"], "country = 'DE'");
    assert_eq!(shown["metrics"][0]["points"].as_array().map(Vec::len), Some(30));
    let ran = history("show", FIXTURE, &["orders", "--last", "14"]);
    assert_eq!((ran.code, ran.stdout.matches("excluded").count()), (0, 3));
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
}

#[test]
fn an_export_is_the_history_again_or_a_table() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy.jsonl");
    let exported = history("export", FIXTURE, &["orders"]).stdout;
    std::fs::write(&copy, &exported).expect("written");
    let copy = copy.to_string_lossy();
    assert_eq!(history("export", &copy, &["orders"]).stdout, exported);
    assert_eq!(history("show", &copy, &["orders"]).stdout, history("show", FIXTURE, &["orders"]).stdout);
    let table = history("export", FIXTURE, &["orders", "--format", "csv"]).stdout;
    assert_eq!(table.lines().count(), 91);
    assert_eq!(table.lines().filter(|line| line.ends_with(",true")).count(), 3);
    let first = table.lines().nth(1).expect("a line");
    assert!(first.starts_with("orders,2026-01-01T06:00:00Z,"), "{first}");
}

#[test]
fn points_are_excluded_and_included_by_run_metric_and_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = copied(&directory);
    let excluded = || history("export", &place, &["orders", "--format", "csv"]).stdout.matches(",true").count();
    let of = |command: &str, arguments: &[&str]| {
        let ran = history(command, &place, &[&["orders"][..], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    assert_eq!(of("exclude", &["--from", "2026-01-05", "--to", "2026-01-06"]), "excluded: 6 points\n");
    assert_eq!(excluded(), 9);
    assert_eq!(of("exclude", &["--metric", "*Sum", "--to", "2026-01-05"]), "excluded: 4 points; 1 already was\n");
    assert_eq!(of("include", &["--run", "d83e88"]), "included: 1 point; 2 already were\n");
    assert_eq!(of("include", &["--metric", "*"]).split(';').next(), Some("included: 12 points"));
    assert_eq!(excluded(), 0);
    let mistakes: [(&[&str], &str); 6] = [
        (&[], "name the points"),
        (&["--run", "d8"], "at least 4 digits"),
        (&["--run", "ffffffff"], "no run is called ffffffff"),
        (&["--metric", "Dataset.*.RowCuont"], "did you mean Dataset.*.RowCount?"),
        (&["--from", "2027-01-01"], "no point of `orders` is named"),
        (&["--from", "tomorrow"], "a date such as 2026-01-31"),
    ];
    for (arguments, expected) in mistakes {
        let ran = history("exclude", &place, &[&["orders"][..], arguments].concat());
        assert!(ran.code == 2 && ran.stderr.contains(expected), "{} {}", ran.code, ran.stderr);
    }
}

#[test]
fn what_is_no_history_is_refused_and_what_is_shown_is_safe() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.to_string_lossy().into_owned()
    };
    let missing = history("list", "fixtures/history/order.jsonl", &[]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("did you mean"), "{}", missing.stderr);
    for (name, content, code, expected) in [
        ("data.jsonl", "{\"id\":1}\n", 3, "line 1: no line of a history"),
        ("data.csv", "id,name\n1,a\n", 3, "neither SQLite nor JSON Lines"),
        ("merged.jsonl", "<<<<<<< HEAD\n", 3, "merge conflict"),
        ("newer.jsonl", "{\"dq_history\":9}\n", 3, "version 9"),
    ] {
        let ran = history("list", &file(name, content), &[]);
        assert!(ran.code == code && ran.stderr.contains(expected), "{} {}", ran.code, ran.stderr);
    }
    let ran = history("show", FIXTURE, &["order"]);
    assert!(ran.code == 2 && ran.stderr.contains("did you mean orders?"), "{}", ran.stderr);
    assert_eq!(run(&["history", "list"]).code, 2);
    assert_eq!(history("list", "https://example.com/history", &[]).code, 3);
    let hostile = "{\"dq_history\":1,\"dataset\":\"a\\u001b[31m\",\"run\":\"0000000000000000000000000000000000000000\",\
                   \"time\":\"2026-01-01T00:00:00Z\",\"points\":[{\"metric\":\"\\u202e\\n\\u001b\",\"value\":1}]}\n";
    let place = file("hostile.jsonl", hostile);
    for ran in [
        history("list", &place, &[]),
        history("show", &place, &["a\u{1b}[31m"]),
        history("export", &place, &["a\u{1b}[31m", "--format", "csv"]),
        history("show", &place, &["b\u{1b}"]),
    ] {
        let all = ran.stdout + &ran.stderr;
        assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}') && all.contains("\\u{1b}"), "{all}");
    }
}

#[test]
fn runs_are_recorded_once_and_only_as_many_as_are_to_be_kept() {
    let recorder = Recorder::new();
    for kind in KINDS {
        let place = recorder.place(kind);
        for minute in [1, 2, 1, 3] {
            recorder.record(&place, minute, &[]);
        }
        recorder.record(&place, 4, &["--no-record"]);
        assert_eq!(recorded(&place).keys().cloned().collect::<Vec<_>>(), [1, 2, 3].map(time), "{kind}");
        recorder.record(&place, 5, &["--keep-runs", "2"]);
        assert_eq!(recorded(&place).keys().cloned().collect::<Vec<_>>(), [3, 5].map(time), "{kind}");
        assert!(recorded(&place).values().all(|count| *count == 1));
    }
}

#[test]
fn several_programs_record_at_once_and_lose_nothing() {
    const PROGRAMS: usize = 8;
    const RUNS: usize = 6;
    let recorder = Recorder::new();
    for kind in KINDS {
        let place = recorder.place(kind);
        std::thread::scope(|scope| {
            for program in 0..PROGRAMS {
                let (recorder, place) = (&recorder, &place);
                // Two of them record the same runs.
                let first = program / 2 * RUNS;
                scope.spawn(move || (first..first + RUNS).for_each(|minute| recorder.record(place, minute, &[])));
            }
        });
        let expected: BTreeMap<_, _> = (0..PROGRAMS / 2 * RUNS).map(|minute| (time(minute), 1)).collect();
        assert_eq!(recorded(&place), expected, "{kind}");
    }
}

/// Numbers that look random; the same for the same seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("DQ_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        let seed = given.unwrap_or_else(clock);
        eprintln!("DQ_SEED={seed} kills at the same moments again");
        Self(seed)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn a_hundred_programs_that_are_killed_while_they_record_lose_and_duplicate_nothing() {
    const KILLED: usize = 100;
    const AT_ONCE: usize = 4;
    let recorder = Recorder::new();
    let mut random = Random::new();
    for kind in KINDS {
        let place = recorder.place(kind);
        let start = Instant::now();
        recorder.record(&recorder.place(&format!("first-{kind}")), 0, &[]);
        let whole = start.elapsed();
        // A run that was recorded must be there, whatever happens to others; a killed one may be, once.
        let (mut finished, mut killed) = (Vec::new(), 0);
        let mut minute = 0;
        while killed < KILLED {
            let mut children = Vec::new();
            for _ in 0..AT_ONCE {
                minute += 1;
                // Recording is the last thing that a run does.
                let patience = whole.mul_f64(0.4 + 1.6 * random.share());
                children.push((minute, Instant::now() + patience, recorder.start(&place, minute, &[])));
            }
            children.sort_by_key(|(_, end, _)| *end);
            for (minute, end, mut child) in children {
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
                // One that has ended is not killed any more.
                let _ = child.kill();
                match child.wait().expect("it ended").code() {
                    Some(0) => finished.push(time(minute)),
                    Some(code) => panic!("{kind}: exit code {code}"),
                    None => killed += 1,
                }
            }
            assert!(minute < 50 * KILLED, "{kind}: too few are killed");
        }
        // Whoever comes next finds the history in order, and goes on.
        recorder.record(&place, minute + 1, &[]);
        finished.push(time(minute + 1));
        let found = recorded(&place);
        assert!(found.values().all(|count| *count == 1), "{kind}: {found:?}");
        for run in &finished {
            assert!(found.contains_key(run), "{kind}: {run} is lost");
        }
        let recorded_all_the_same = found.len() - finished.len();
        eprintln!(
            "{kind}: {killed} killed, {recorded_all_the_same} of them after they had recorded, {} ended",
            finished.len()
        );
        assert_eq!(history("list", &place, &[]).code, 0);
    }
}
