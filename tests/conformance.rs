//! Every case of `fixtures/conformance/cases.jsonl`: a ruleset, its data, the verdicts
//! and metrics that Glue's documentation and engine give, as decided by this project.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance")
}

/// Cases whose expected `Dataset.*.CustomSQL` is not that of their own query: the engine they were
/// recorded with looks metrics up by name in the whole run, and the last query of the run gave 58.
const METRIC_OF_ANOTHER_QUERY: &[&str] = &[
    "CustomSql-1429",
    "CustomSql-1430",
    "CustomSql-1435",
    "CustomSql-1436",
    "CustomSql-1437",
    "CustomSql-1439",
    "CustomSql-1441",
    "CustomSql-1444",
    "CustomSql-1445",
    "CustomSql-1448",
];

/// What is wrong with one case, if anything.
fn failure(case: &Value) -> Option<String> {
    let text = case["ruleset"].as_str()?;
    let expect = &case["expect"];
    let ruleset = Ruleset::parse(text, &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    if expect["parse"] == Value::Bool(false) {
        return (!ruleset.has_errors()).then(|| "parses, but should not".to_string());
    }
    if ruleset.has_errors() {
        return Some(format!("does not parse: {:?}", ruleset.diagnostics()));
    }
    let data = fixtures().join("data").join(case["primary"].as_str()?);
    let additional = case["additional"].as_object().into_iter().flatten();
    let references = additional
        .filter_map(|(alias, file)| Some((alias.clone(), vec![fixtures().join("data").join(file.as_str()?)])))
        .collect();
    let options = CheckOptions { threads: 1, references, ..CheckOptions::default() };
    let run = match check(&ruleset, &[data], &options, Watch::default()) {
        Ok(run) => run,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(verdicts) = expect["verdicts"].as_object() {
        for (rule, verdict) in verdicts {
            let outcome = run.outcomes.iter().find(|outcome| outcome.rule == *rule);
            if outcome.map(|outcome| outcome.verdict.as_str()) != verdict.as_str() {
                return Some(format!("{rule}: expected {verdict}, got {outcome:?}"));
            }
        }
    }
    let verdict = expect["verdict"].as_str()?;
    let outcome = &run.outcomes[0];
    if cfg!(not(feature = "sql")) && (text.contains(" where ") || text.contains("CustomSql")) {
        // Built without SQL, nothing that needs it is evaluated, and nothing of it passes.
        let refused = outcome.verdict == Verdict::Error && outcome.code == Some("no_sql");
        let needs_none = text.contains("is not null") || text.contains("is null");
        return (!refused && !needs_none).then(|| format!("{:?}: {:?}", outcome.verdict, outcome.message));
    }
    if (outcome.verdict == Verdict::Pass) != (verdict == "PASS") {
        return Some(format!("expected {verdict}, got {:?}: {:?}", outcome.verdict, outcome.message));
    }
    if METRIC_OF_ANOTHER_QUERY.contains(&case["id"].as_str()?) {
        return None;
    }
    for (name, expected) in expect["metrics"].as_object()? {
        let found = outcome.metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| value.to_f64());
        let expected = expected.as_f64()?;
        if !found.is_some_and(|found| (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)) {
            return Some(format!("{name}: expected {expected}, got {found:?}"));
        }
    }
    None
}

#[test]
fn every_case_gives_the_expected_verdict_and_metrics() {
    let text = std::fs::read_to_string(fixtures().join("cases.jsonl")).expect("cases");
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect();
    assert!(cases.len() > 900, "cases are missing");
    let failures: Vec<_> = cases
        .iter()
        .filter_map(|case| Some(format!("{} {}\n    {}", case["id"], case["ruleset"], failure(case)?)))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
