//! The sample rulesets give the verdicts that were computed for them by other means.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::rules::{BindOptions, Target};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(ruleset: &str, data: &str, references: &Value, threads: usize, batch_rows: usize) -> Run {
    let text = std::fs::read_to_string(root().join("rulesets").join(ruleset)).expect("a ruleset");
    let ruleset = Ruleset::parse(&text, &BindOptions { now: chrono::Utc::now(), target: Target::Glue });
    assert!(ruleset.diagnostics().is_empty(), "{:?}", ruleset.diagnostics());
    let references = references.as_object().into_iter().flatten();
    let references =
        references.map(|(alias, file)| (alias.clone(), vec![root().join(file.as_str().expect("a file"))])).collect();
    let options = CheckOptions { threads, batch_rows, references, ..CheckOptions::default() };
    check(&ruleset, &[root().join(data)], &options, Watch::default()).expect("readable")
}

fn verdicts_of(run: &Run) -> Vec<String> {
    run.outcomes.iter().map(|outcome| outcome.verdict.as_str().to_string()).collect()
}

fn verdicts(ruleset: &str, data: &str, threads: usize, batch_rows: usize) -> Vec<String> {
    verdicts_of(&run(ruleset, data, &Value::Null, threads, batch_rows))
}

#[test]
fn sample_rulesets_give_their_verdicts_at_any_thread_count_and_batch_size() {
    let text = std::fs::read_to_string(root().join("rulesets/expected.json")).expect("verdicts");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let samples = expected.as_object().expect("an object");
    assert!(samples.len() >= 5);
    for (ruleset, sample) in samples {
        let wanted: Vec<_> = sample["verdicts"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let data = sample["data"].as_str().expect("a file");
        for (threads, batch_rows) in [(1, 8192), (3, 1), (2, 7)] {
            let run = run(ruleset, data, &sample["references"], threads, batch_rows);
            let found = verdicts_of(&run);
            assert_eq!(found, wanted, "{ruleset} with {threads} threads and batches of {batch_rows}");
            for (outcome, value) in run.outcomes.iter().zip(sample["values"].as_array().into_iter().flatten()) {
                let found = outcome.metrics.first().map(|(_, value)| value.to_f64()).expect("a metric");
                let value = value.as_f64().expect("a number");
                assert!((found - value).abs() <= 1e-12 * value, "{}: {found} is not {value}", outcome.rule);
            }
        }
    }
}

#[test]
fn every_sample_ruleset_names_its_data_and_has_verdicts() {
    let text = std::fs::read_to_string(root().join("rulesets/expected.json")).expect("verdicts");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    for entry in std::fs::read_dir(root().join("rulesets")).expect("a directory") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "dqdl") {
            let first = std::fs::read_to_string(&path).expect("a ruleset").lines().next().unwrap_or("").to_string();
            let data =
                first.strip_prefix("# data: ").unwrap_or_else(|| panic!("{} does not name its data", path.display()));
            assert!(root().join(data).exists(), "{data}");
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            assert!(expected[name]["verdicts"].is_array(), "{name} has no verdicts");
        }
    }
}

#[test]
fn csv_and_parquet_copies_of_one_table_give_the_same_verdicts() {
    assert_eq!(
        verdicts("orders.dqdl", "fixtures/data/orders.csv", 2, 100),
        verdicts("orders.dqdl", "fixtures/data/orders.parquet", 2, 100)
    );
    assert_eq!(
        verdicts("customers.dqdl", "fixtures/data/customers.csv", 1, 8192),
        verdicts("customers.dqdl", "fixtures/data/customers.parquet", 1, 8192)
    );
}
