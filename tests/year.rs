//! Days one after the other, as a scheduler checks them: rules with past values give the verdicts that are computed
//! here, planted anomalies are found, and so they are in the example.

// Tests fail by panicking; what is not tested is told.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

use assert_cmd::Command;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const DAYS: usize = 60;
const SPIKE: usize = 40;
const LOST_ADDRESSES: usize = 48;
const MISSING: [usize; 2] = [52, 53];
const SHIFT: usize = 56;

const RULES: &str = r#"Rules = [
    RowCount > 0.8 * avg(last(7)),
    RowCount <= 1.2 * max(last(14)),
    RowCount >= 0.9 * index(last(7), 6),
    Completeness "email" > avg(last(30)) - 0.05,
    Mean "total" between median(last(28)) - (4 * std(last(28))) and median(last(28)) + (4 * std(last(28))),
    RowCount in [last(), abs(last() - index(last(2), 1)), min(last(3)), sum(last(3)) / 3],
    DetectAnomalies "RowCount",
    DetectAnomalies "Completeness" "email",
    DetectAnomalies "Mean" "total"
]"#;
/// How many of the rules compare with past values themselves; three that look for anomalies follow.
const DYNAMIC: usize = 6;

/// A whole number below a limit that looks random; the same for the same question.
fn noise(day: usize, question: usize, limit: u64) -> u64 {
    // SplitMix64.
    let mut bits = (day as u64 * 1000 + question as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) % limit
}

/// What is in the file of a day; the first one is a Thursday.
struct Day {
    without_email: usize,
    totals: Vec<u64>,
}

impl Day {
    fn new(day: usize) -> Self {
        let weekend = matches!(day % 7, 2 | 3);
        let mut rows = 58 + day / 4 + noise(day, 0, 5) as usize - if weekend { 12 } else { 0 };
        if day == SPIKE {
            rows *= 2;
        }
        let lost = if day == LOST_ADDRESSES { rows * 2 / 5 } else { rows / 20 };
        let raised = if day >= SHIFT { 20 } else { 0 };
        let totals = (0..rows).map(|row| 100 + raised + noise(day, 10 + row, 21)).collect();
        Self { without_email: lost + noise(day, 1, 3) as usize, totals }
    }

    fn text(&self) -> String {
        let mut text = String::from("id,email,total\n");
        for (row, total) in self.totals.iter().enumerate() {
            let email = if row < self.without_email { String::new() } else { format!("c{row}@example.com") };
            writeln!(text, "{row},{email},{total}").expect("written");
        }
        text
    }

    fn rows(&self) -> f64 {
        self.totals.len() as f64
    }

    fn completeness(&self) -> f64 {
        (self.totals.len() - self.without_email) as f64 / self.rows()
    }

    fn mean(&self) -> f64 {
        self.totals.iter().sum::<u64>() as f64 / self.rows()
    }
}

/// The newest of values in order of time; without one, zero.
fn last(values: &[f64], count: usize) -> Vec<f64> {
    let newest: Vec<f64> = values.iter().rev().take(count).copied().collect();
    if newest.is_empty() { vec![0.0] } else { newest }
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

fn deviation(values: &[f64]) -> f64 {
    let mean = average(values);
    average(&values.iter().map(|value| (value - mean).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// The verdicts of the rules with past values, by the definitions of the language.
fn expected(today: &Day, rows: &[f64], completeness: &[f64], means: &[f64]) -> [&'static str; DYNAMIC] {
    let verdict = |holds: bool| if holds { "PASS" } else { "FAIL" };
    let (count, week, month) = (today.rows(), last(rows, 7), last(means, 28));
    let largest = last(rows, 14).into_iter().fold(f64::MIN, f64::max);
    let width = 4.0 * deviation(&month);
    let in_band = median(&month) - width < today.mean() && today.mean() < median(&month) + width;
    let three = last(rows, 3);
    let before = last(rows, 2).get(1).map(|before| (three[0] - before).abs());
    let smallest = three.iter().copied().fold(f64::MAX, f64::min);
    let sum: f64 = three.iter().sum();
    [
        verdict(count > 0.8 * average(&week)),
        verdict(count <= 1.2 * largest),
        week.get(6).map_or("ERROR", |same_day| verdict(count >= 0.9 * same_day)),
        verdict(today.completeness() > average(&last(completeness, 30)) - 0.05),
        verdict(in_band),
        before.map_or("ERROR", |step| verdict([three[0], step, smallest, sum / 3.0].contains(&count))),
    ]
}

/// The exit code and the report of the check of a day.
fn check(directory: &Path, day: usize) -> (i32, Option<Value>) {
    let path = |name: &str| directory.join(name).display().to_string();
    let date = chrono::DateTime::from_timestamp(1_767_225_600 + (day as i64 + 1) * 86_400, 0).expect("a time");
    let output = Command::new(assert_cmd::cargo::cargo_bin!("dq"))
        .args(["check", "--quiet", "--dataset", "orders", "--samples", "0", "--format", "json"])
        .args(["--now", &date.to_rfc3339(), "--history", &path("history.db"), "--ruleset", &path("rules.dqdl")])
        .arg(path(&format!("{day}.csv")))
        .output()
        .expect("the program ran");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    (output.status.code().unwrap_or(-1), serde_json::from_slice(&output.stdout).ok())
}

#[test]
fn sixty_days_have_the_verdicts_that_are_computed_here_and_show_what_was_planted() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("rules.dqdl"), RULES).expect("written");
    let (mut rows, mut completeness, mut means) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut false_alarms, mut counts) = (Vec::new(), Vec::new(), [0; 3]);
    for day in 0..DAYS {
        if MISSING.contains(&day) {
            let (code, report) = check(directory.path(), day);
            assert!(code == 3 && report.is_none(), "day {day} has no file: {code}");
            continue;
        }
        let today = Day::new(day);
        std::fs::write(directory.path().join(format!("{day}.csv")), today.text()).expect("written");
        let (code, report) = check(directory.path(), day);
        let report = report.unwrap_or_else(|| panic!("day {day}: exit code {code}"));
        let verdicts: Vec<_> = report["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| rule["verdict"].as_str().expect("a verdict"))
            .collect();
        assert_eq!(verdicts[..DYNAMIC], expected(&today, &rows, &completeness, &means), "day {day}");
        for verdict in &verdicts[..DYNAMIC] {
            counts[["PASS", "FAIL", "ERROR"].iter().position(|known| known == verdict).expect("a verdict")] += 1;
        }
        let worst = if verdicts.contains(&"ERROR") { 3 } else { i32::from(verdicts.contains(&"FAIL")) };
        assert_eq!(code, worst, "day {day}");
        for (at, verdict) in verdicts[DYNAMIC..].iter().enumerate() {
            assert_ne!(*verdict, "ERROR", "day {day}");
            let planted = [day == SPIKE, day == LOST_ADDRESSES, day >= SHIFT][at];
            match (*verdict, planted) {
                ("FAIL", true) => found.push((at, day)),
                ("FAIL", false) => false_alarms.push((at, day)),
                _ => {}
            }
        }
        rows.push(today.rows());
        completeness.push(today.completeness());
        means.push(today.mean());
    }
    for planted in [(0, SPIKE), (1, LOST_ADDRESSES), (2, SHIFT)] {
        assert!(found.contains(&planted), "{planted:?} is not among {found:?}");
    }
    assert!(false_alarms.len() <= 3, "{false_alarms:?}");
    // All verdicts were seen, so that none of them is right by accident.
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
    let history = directory.path().join("history.db").display().to_string();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("dq"))
        .args(["history", "list", "--format", "json", "--history", &history])
        .output()
        .expect("the program ran");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed["datasets"][0]["runs"].as_u64(), Some((DAYS - MISSING.len()) as u64));
}

#[test]
fn the_example_finds_what_it_plants() {
    let python = |arguments: &[&str]| std::process::Command::new("python3").args(arguments).output();
    if !python(&["--version"]).is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: examples/year needs python3, which is not there");
        return;
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/year/run.py").display().to_string();
    let program = assert_cmd::cargo::cargo_bin!("dq").display().to_string();
    let output = python(&[example.as_str(), program.as_str(), "--days", "60"]).expect("it ran");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("3 of 3 found; 0 false alarms"), "{said}");
}
