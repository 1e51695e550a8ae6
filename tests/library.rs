//! What makes the library comfortable: refused rulesets, batches of files, verdicts of runs, reports as text.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::checker::Checker;
use dq::input::{Dataset, ReadOptions, data_files};
use dq::report::{FORMATS, Publication, Report};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use std::io::ErrorKind;
use std::path::PathBuf;

fn ruleset(text: &str) -> Ruleset {
    Ruleset::parse(text, &BindOptions::default()).accepted().unwrap_or_else(|refused| panic!("{refused}"))
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/data").join(name)
}

fn checked(text: &str, options: &CheckOptions) -> Run {
    check(&ruleset(text), &[fixture("customers.csv")], options, Watch::default()).expect("a run")
}

#[test]
fn a_refused_ruleset_names_every_mistake_and_its_place() {
    let text = "Rules = [ RowCont > 1,\n  IsComplete,\n  ColumnValues \"a\" matches \"[\" ]";
    let refused = Ruleset::parse(text, &BindOptions::default()).accepted().expect_err("refused");
    let places: Vec<_> = refused.mistakes().map(|(place, mistake)| (place, mistake.code)).collect();
    assert_eq!(places[..2], [((1, 11), "rules::unknown_rule_type"), ((2, 3), "rules::parameter_count")]);
    let said = refused.to_string();
    let first = "\n  1:11: error[rules::unknown_rule_type] there is no rule type `RowCont`; did you mean `RowCount`?";
    assert!(said.starts_with(&format!("the ruleset has {} errors:{first}", places.len())), "{said}");
    // Whoever does not ask is told by the checker.
    let columns = arrow_schema::Schema::empty();
    let error = Checker::new(&Ruleset::parse(text, &BindOptions::default()), &columns, &CheckOptions::default());
    assert!(error.expect_err("refused").to_string().contains(first));
    let warned = Ruleset::parse("unused = \"x\"\nRules = [ RowCount > 1 ]", &BindOptions::default());
    assert!(!warned.diagnostics().is_empty() && warned.accepted().is_ok());
    assert_eq!(BindOptions::default().target, Target::Dq);
}

#[test]
fn batches_of_a_file_have_its_schema_and_give_its_verdicts() {
    let rules = ruleset("Rules = [ RowCount > 100, ColumnCount > 2 ]\nAnalyzers = [ RowCount ]");
    for name in ["customers.csv", "orders.parquet", "all_types.parquet", "events.parquet", "flights_sample.parquet"] {
        let files = data_files(&[fixture(name)], true).expect("files");
        let dataset = Dataset::open(&files, &ReadOptions::default(), 1).expect("a dataset");
        let read = check(&rules, &[fixture(name)], &CheckOptions::default(), Watch::default()).expect("a run");
        let mut checker = Checker::new(&rules, dataset.schema(), &CheckOptions::default()).expect("a checker");
        for batch in dataset.record_batches(64) {
            let batch = batch.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(batch.num_rows() <= 64);
            assert_eq!(batch.schema_ref(), dataset.schema(), "{name}");
            checker.push(&batch).expect("pushed");
        }
        let pushed = checker.finish().expect("a run");
        assert_eq!((pushed.rows, pushed.verdict()), (read.rows, read.verdict()), "{name}");
        assert_eq!(pushed.analyzers, read.analyzers, "{name}");
    }
}

#[test]
fn a_run_has_the_verdict_of_its_worst_rule() {
    let all = CheckOptions::default();
    assert_eq!(checked("Rules = [ RowCount = 200 ]", &all).verdict(), Verdict::Pass);
    assert_eq!(checked("Rules = [ RowCount = 200, RowCount = 1 ]", &all).verdict(), Verdict::Fail);
    assert_eq!(checked("Rules = [ RowCount = 1, IsComplete \"absent\" ]", &all).verdict(), Verdict::Error);
    let unmeasured = checked("Rules = [ RowCount = 200 ]\nAnalyzers = [ Completeness \"absent\" ]", &all);
    assert_eq!(unmeasured.verdict(), Verdict::Error);
    let some = CheckOptions { skip: vec!["RowCount".into()], ..CheckOptions::default() };
    assert_eq!(checked("Rules = [ RowCount = 1, IsComplete \"customer_id\" ]", &some).verdict(), Verdict::Pass);
    assert_eq!(checked("Analyzers = [ Completeness \"customer_id\" ]", &all).verdict(), Verdict::Skip);
    let mut interrupted = checked("Rules = [ RowCount = 200 ]", &CheckOptions::default());
    interrupted.incomplete = true;
    assert_eq!(interrupted.verdict(), Verdict::Error);
}

#[test]
fn every_format_is_rendered_by_its_name_and_no_other() {
    let rules = ruleset("Rules = [\n  IsUnique \"customer_id\" ]");
    let run = check(&rules, &[fixture("customers.csv")], &CheckOptions::default(), Watch::default()).expect("a run");
    let publication = Publication::default();
    let report = Report::new(&run, &rules, "rules.dqdl", &publication);
    for format in FORMATS {
        assert!(!report.render(format.name).expect("a report").is_empty(), "{}", format.name);
    }
    let text = report.render("text").expect("a report");
    assert!(text.starts_with("FAIL  rules.dqdl:2 Rule_1"), "{text}");
    let unknown = report.render("pigeon").expect_err("no format");
    assert_eq!(unknown.kind(), ErrorKind::InvalidInput);
    assert!(unknown.to_string().starts_with("there is no report format `pigeon`; formats are text, json"));
}
