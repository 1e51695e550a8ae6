//! Which rows fail: the engine against a model that judges one row after the other, on every case
//! of `fixtures/conformance` whose rule judges rows.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "rows/casts.rs"]
mod casts;
#[path = "rows/model.rs"]
mod model;
#[path = "rows/table.rs"]
mod table;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use chrono::{DateTime, Utc};
use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::dqdl::ast::{Rule, RuleNode};
use dq::rules::{BindOptions, Target};
use dq::sample::{RowCounts, SampleRow};
use dq::verdict::{Outcome, Verdict};
use model::{Model, Row};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::Table;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance/data").join(name)
}

/// Times of the run: among the dates of the fixtures, and exactly that of a timestamp.
fn times() -> [DateTime<Utc>; 2] {
    ["2021-06-15T00:00:00Z", "2023-05-31T03:41:00Z"].map(|time| time.parse().expect("a time"))
}

/// A rule of the conformance cases.
struct Case {
    id: String,
    text: String,
    rule: Rule,
}

impl Case {
    fn is(&self, types: &[&str]) -> bool {
        types.contains(&self.rule.type_name.text.as_str())
    }
}

const ROW_TYPES: &[&str] = &[
    "IsComplete",
    "Completeness",
    "ColumnValues",
    "ColumnLength",
    "ColumnDataType",
    "DataFreshness",
    "IsUnique",
    "Uniqueness",
    "UniqueValueRatio",
    "IsPrimaryKey",
    "DuplicateRowCount",
    "ReferentialIntegrity",
    "DatasetMatch",
    "CustomSql",
];

/// What `ReferentialIntegrity` and `DatasetMatch` of the cases look into.
const REFERENCES: &[(&str, &str)] = &[
    ("c", "customers.parquet"),
    ("ref", "orders_ref.parquet"),
    ("same", "orders_same.parquet"),
    ("empty", "customers_empty.parquet"),
];

/// The only rule of a document, if it judges rows and is written in full, and its text.
fn row_rule(text: &str) -> Option<(Rule, String)> {
    let document = dq::dqdl::parse(text).document;
    let rules = document.rules?;
    let [RuleNode::Rule(rule)] = rules.as_slice() else { return None };
    let scalar_query = rule.type_name.text == "CustomSql" && rule.condition.is_some();
    let judges = ROW_TYPES.contains(&rule.type_name.text.as_str()) && !scalar_query;
    (judges && document.variables.is_empty()).then(|| ((**rule).clone(), text[rule.span.range()].to_string()))
}

/// Whether this build can evaluate the rule.
fn is_built(rule: &Rule) -> bool {
    cfg!(feature = "sql") || rule.filter.is_none() && rule.type_name.text != "CustomSql"
}

/// All cases with rows by their data, the few left out that the model does not know.
fn cases() -> BTreeMap<String, Vec<Case>> {
    let text = std::fs::read_to_string(data("../cases.jsonl")).expect("cases");
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for line in text.lines() {
        let case: Json = serde_json::from_str(line).expect("a case");
        if case["expect"]["parse"] == Json::Bool(false) {
            continue;
        }
        let word = |name: &str| case[name].as_str().expect("a text").to_string();
        let Some((rule, text)) = row_rule(&word("ruleset")) else { continue };
        for (alias, file) in case["additional"].as_object().into_iter().flatten() {
            let known = REFERENCES.iter().any(|(name, own)| name == alias && Some(*own) == file.as_str());
            assert!(known, "{line}: {alias} is not among the references");
        }
        if !model::knows(&rule) {
            unknown.push(word("id"));
        } else if is_built(&rule) {
            cases.entry(word("primary")).or_default().push(Case { id: word("id"), text, rule });
        }
    }
    assert!(unknown.len() <= 5, "the model does not know {unknown:?}");
    let count = cases.values().map(Vec::len).sum::<usize>() + unknown.len();
    assert!(count >= if cfg!(feature = "sql") { 660 } else { 630 }, "only {count} cases judge rows");
    cases
}

/// Everything that the cases are about, read once.
struct World {
    tables: HashMap<String, Table>,
    references: HashMap<String, Table>,
    cases: BTreeMap<String, Vec<Case>>,
}

impl World {
    fn read() -> Self {
        let cases = cases();
        let tables = cases.keys().map(|name| (name.clone(), Table::read(&data(name)))).collect();
        let references = REFERENCES.iter().map(|(alias, file)| (alias.to_string(), Table::read(&data(file)))).collect();
        Self { tables, references, cases }
    }

    fn model(&self, primary: &str, now: DateTime<Utc>) -> Model<'_> {
        Model { primary: &self.tables[primary], references: &self.references, now }
    }
}

fn options(threads: usize, batch_rows: usize, filtered_rows_skip: bool) -> CheckOptions {
    let references = REFERENCES.iter().map(|(alias, file)| (alias.to_string(), vec![data(file)])).collect();
    CheckOptions { threads, batch_rows, filtered_rows_skip, samples: 1000, references, ..CheckOptions::default() }
}

fn run(rules: &[&str], files: &[PathBuf], options: &CheckOptions, now: DateTime<Utc>) -> Run {
    let text = format!("Rules = [\n{}\n]", rules.join(",\n"));
    let ruleset = Ruleset::parse(&text, &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    let run = check(&ruleset, files, options, Watch::default()).expect("readable");
    assert_eq!(run.outcomes.len(), rules.len());
    run
}

fn counted(rows: &[Row]) -> RowCounts {
    let count = |wanted: &[Row]| rows.iter().filter(|row| wanted.contains(row)).count() as u64;
    RowCounts { passed: count(&[Row::Pass]), failed: count(&[Row::Fail]), skipped: count(&[Row::Skip, Row::Unknown]) }
}

/// Where a sample stands among all rows, from 1.
type Place<'a> = &'a dyn Fn(&SampleRow) -> u64;

/// Of the only file.
fn in_one_file(row: &SampleRow) -> u64 {
    if row.file == 0 { row.row } else { 0 }
}

/// Whether the rule holds if, and only if, all rows do.
fn asks_for_all_rows(rule: &Rule) -> bool {
    let shares = ["Completeness", "Uniqueness", "UniqueValueRatio", "DuplicateRowCount"];
    let lookups = ["ReferentialIntegrity", "DatasetMatch"];
    let name = rule.type_name.text.as_str();
    rule.threshold.is_none() && !shares.contains(&name) && !lookups.contains(&name)
}

/// What is wrong with an outcome, if anything.
fn disagreement(rule: &Rule, model: &Model<'_>, outcome: &Outcome, skip: bool, place: Place<'_>) -> Option<String> {
    let Some(rows) = model.rule(rule, skip) else {
        // What could not be evaluated skips all rows.
        let skips = |counts: RowCounts| counts.passed == 0 && counts.failed == 0;
        let silent = outcome.row_counts.is_some_and(skips) && outcome.samples.is_none();
        return (outcome.verdict != Verdict::Error || !silent)
            .then(|| format!("is no ERROR, or has rows: {:?} {:?}", outcome.verdict, outcome.row_counts));
    };
    if outcome.verdict == Verdict::Error {
        return Some(format!("is ERROR: {:?}", outcome.message));
    }
    let counts = counted(&rows);
    if outcome.row_counts != Some(counts) {
        return Some(format!("{:?}: expected {counts:?}, got {:?}", outcome.verdict, outcome.row_counts));
    }
    let failed = outcome.verdict == Verdict::Fail;
    let expected = if failed { model.failing(rule, &rows) } else { Vec::new() };
    let samples = outcome.samples.iter().flat_map(|samples| &samples.rows);
    let shown: Vec<_> = samples.map(|row| (place(row), row.group)).collect();
    if shown != expected {
        let first = shown.iter().zip(&expected).take_while(|(shown, expected)| shown == expected).count();
        let head = |rows: &[(u64, Option<usize>)]| format!("{:?}", rows.iter().skip(first).take(3).collect::<Vec<_>>());
        let (expected, shown) = (head(&expected), head(&shown));
        return Some(format!("samples differ from the {first}th on: expected {expected}, got {shown}"));
    }
    let failing = outcome.samples.as_ref().map(|samples| samples.failing);
    if failing.is_some_and(|failing| !failed || failing != counts.failed) {
        return Some(format!("samples of {failing:?} rows, but {} fail: {:?}", counts.failed, outcome.verdict));
    }
    if asks_for_all_rows(rule) && failed != (counts.failed > 0) {
        return Some(format!("{:?}, although {} rows fail", outcome.verdict, counts.failed));
    }
    None
}

/// Disagreements about cases that are checked in one run.
fn disagreements(
    cases: &[&Case],
    model: &Model<'_>,
    files: &[PathBuf],
    options: &CheckOptions,
    place: Place<'_>,
) -> Vec<String> {
    let rules: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let run = run(&rules, files, options, model.now);
    let judged = cases.iter().zip(&run.outcomes);
    let found = judged.filter_map(|(case, outcome)| {
        let wrong = disagreement(&case.rule, model, outcome, options.filtered_rows_skip, place)?;
        let CheckOptions { threads, batch_rows, filtered_rows_skip, .. } = options;
        let how = format!("{} rules, {threads} threads, {batch_rows} rows, skip {filtered_rows_skip}", rules.len());
        Some(format!("{} {}\n    {wrong} ({how})", case.id, case.text))
    });
    found.collect()
}

fn assert_none(found: &[String]) {
    let shown: Vec<&str> = found.iter().take(60).map(String::as_str).collect();
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), shown.join("\n"));
}

#[test]
fn every_row_of_every_case_is_judged_as_the_model_judges_it() {
    let world = World::read();
    let (mut found, mut compared, mut with_rows) = (Vec::new(), 0, 0);
    for (primary, cases) in &world.cases {
        let files = [data(primary)];
        for (turn, now) in times().into_iter().enumerate() {
            let model = world.model(primary, now);
            // The time matters to few rules.
            let timely = |case: &&Case| turn == 0 || case.is(&["DataFreshness"]) || case.text.contains("now()");
            let cases: Vec<&Case> = cases.iter().filter(timely).collect();
            if cases.is_empty() {
                continue;
            }
            for threads in [1, 3] {
                for batch_rows in [7, 8192] {
                    for skip in [false, true] {
                        let options = options(threads, batch_rows, skip);
                        found.extend(disagreements(&cases, &model, &files, &options, &in_one_file));
                    }
                }
            }
            if turn == 0 {
                compared += cases.len();
                with_rows += cases.iter().filter(|case| model.rule(&case.rule, false).is_some()).count();
            }
        }
    }
    assert_none(&found);
    let (least, least_with_rows) = if cfg!(feature = "sql") { (655, 580) } else { (630, 555) };
    assert!(compared >= least && with_rows >= least_with_rows, "only {compared} cases, {with_rows} with rows");
}

#[test]
fn a_rule_alone_finds_the_same_rows_as_among_others() {
    let world = World::read();
    let now = times()[0];
    let mut found = Vec::new();
    for (primary, cases) in &world.cases {
        let model = world.model(primary, now);
        for (number, case) in cases.iter().enumerate() {
            let options = options(1 + 2 * (number % 2), 7, number.is_multiple_of(3));
            found.extend(disagreements(&[case], &model, &[data(primary)], &options, &in_one_file));
        }
    }
    assert_none(&found);
}

/// Rows before each file.
fn starts(rows: impl Iterator<Item = usize>) -> Vec<u64> {
    let ends = rows.scan(0, |sum, rows| {
        *sum += rows as u64;
        Some(*sum)
    });
    std::iter::once(0).chain(ends).collect()
}

fn in_files(starts: &[u64]) -> impl Fn(&SampleRow) -> u64 {
    move |row: &SampleRow| starts[row.file] + row.row
}

#[test]
fn rows_of_several_parquet_files_are_found_where_they_are() {
    let world = World::read();
    let directory = tempfile::tempdir().expect("a directory");
    let mut found = Vec::new();
    for (primary, parts) in [("customers.parquet", 3), ("orders.parquet", 4)] {
        let groups = table::row_groups(&data(primary));
        assert_eq!(groups.len(), parts, "{primary}");
        let files: Vec<PathBuf> = (0..parts).map(|part| directory.path().join(format!("{part}-{primary}"))).collect();
        groups.iter().zip(&files).for_each(|(group, file)| table::write_parquet(file, group));
        let starts = starts(groups.iter().map(RecordBatch::num_rows));
        let cases: Vec<&Case> = world.cases[primary].iter().collect();
        for (threads, batch_rows, skip) in [(1, 8192, false), (3, 7, true)] {
            let options = options(threads, batch_rows, skip);
            let model = world.model(primary, times()[1]);
            found.extend(disagreements(&cases, &model, &files, &options, &in_files(&starts)));
        }
    }
    assert_none(&found);
}

/// Columns that CSV gives back with the same values; whole numbers may be wider.
const CSV_COLUMNS: &[&str] = &[
    "customer_id",
    "status",
    "status_full",
    "age",
    "age_full",
    "balance",
    "balance_full",
    "country",
    "constant",
    "seven",
    "weird col-name",
    "dup_group",
    "dup_null",
];

#[test]
fn rows_of_several_csv_files_are_found_where_they_are() {
    let world = World::read();
    let primary = "customers.parquet";
    let table = &world.tables[primary];
    let parts: Vec<_> = table.rows.chunks(50).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let files: Vec<PathBuf> = (0..parts.len()).map(|part| directory.path().join(format!("{part}.csv"))).collect();
    parts.iter().zip(&files).for_each(|(rows, file)| table::write_csv(file, table, CSV_COLUMNS, rows));
    let starts = starts(parts.iter().map(|rows| rows.len()));
    let in_csv = |case: &&Case| {
        let mut parameters = (0..case.rule.parameters.len()).map(|at| model::parameter(&case.rule, at));
        !case.is(&["ColumnDataType", "DataFreshness", "CustomSql"])
            && parameters.all(|name| CSV_COLUMNS.contains(&name))
    };
    let cases: Vec<&Case> = world.cases[primary].iter().filter(in_csv).collect();
    assert!(cases.len() >= 200, "only {} cases", cases.len());
    let mut found = Vec::new();
    for (threads, batch_rows, skip) in [(1, 8192, true), (3, 7, false)] {
        let model = world.model(primary, times()[0]);
        let options = options(threads, batch_rows, skip);
        found.extend(disagreements(&cases, &model, &files, &options, &in_files(&starts)));
    }
    assert_none(&found);
}

/// Composites whose rules all judge rows and may be joined by rows.
const COMPOSITES: &[&str] = &[
    r#"(ColumnValues "age" > 21) or (ColumnValues "age" = NULL)"#,
    r#"(ColumnValues "age" > 10) or (ColumnValues "age" = NULL)"#,
    r#"(IsComplete "email") and (IsUnique "customer_id")"#,
    r#"(IsComplete "email") or (IsComplete "phone")"#,
    r#"(IsUnique "dup_group") or (ColumnValues "age" > 30)"#,
    r#"(IsPrimaryKey "dup_group" "country") and (ColumnLength "phone" >= 10)"#,
    r#"(IsPrimaryKey "customer_id") or (ColumnLength "phone" >= 10)"#,
    r#"((ColumnValues "seven" > 7) OR (IsComplete "customer_id")) or (IsUnique "country")"#,
    r#"(IsUnique "country") OR ((ColumnValues "seven" > 7) or (ColumnValues "seven" > 7))"#,
    r#"(ColumnValues "seven" = 7) or (IsUnique "customer_id")"#,
    r#"((IsComplete "email") and (IsComplete "phone")) or ((IsComplete "age") and (IsComplete "name"))"#,
    r#"((IsComplete "email") or (IsComplete "phone")) and ((IsComplete "age") or (IsComplete "name"))"#,
    r#"(UniqueValueRatio "dup_group" > 0.2) and (IsUnique "dup_null")"#,
    r#"(DuplicateRowCount "dup_group" = 0) or (ColumnDataType "amount_str" = "DOUBLE")"#,
    r#"(DataFreshness "last_login" <= 24 hours) or (ColumnValues "last_login" = NULL)"#,
    r#"(IsComplete "nope") or (IsComplete "customer_id")"#,
    r#"(IsComplete "nope") or (IsComplete "email")"#,
    r#"(IsComplete "nope") and (IsComplete "customer_id")"#,
    r#"(IsComplete "nope") and (IsComplete "email")"#,
    r#"((IsComplete "nope") and (IsComplete "email")) or (ColumnValues "email" = NULL)"#,
    r#"((IsComplete "nope") or (IsComplete "email")) and (ColumnValues "email" != NULL)"#,
];

/// Composites that need SQL.
const SQL_COMPOSITES: &[&str] = &[
    r#"(IsComplete "email" where "country = 'US'") or (ColumnValues "age" > 50 where "age > 30")"#,
    r#"(IsComplete "email" where "country = 'US'") and (IsComplete "phone" where "age > 30")"#,
    r#"(IsComplete "email" where "country = 'ZZ'") or (IsComplete "phone")"#,
    r#"(IsComplete "email" where "country = 'ZZ'") and (IsComplete "phone" where "country = 'ZZ'")"#,
    r#"(IsUnique "dup_group" where "country = 'US'") or (IsComplete "nope")"#,
    r#"(CustomSql "select customer_id from primary where age_full > 40") or (IsComplete "email")"#,
];

/// What is wrong with the rows of a composite, if anything.
fn composite_disagreement(text: &str, model: &Model<'_>, outcome: &Outcome, skip: bool) -> Option<String> {
    let document = dq::dqdl::parse(&format!("Rules = [ {text} ]")).document;
    let rows = model.node(&document.rules.expect("rules")[0], skip);
    let expected = if rows.contains(&Row::Fail) {
        Verdict::Fail
    } else if rows.contains(&Row::Unknown) {
        Verdict::Error
    } else {
        Verdict::Pass
    };
    let counts = counted(&rows);
    let agrees = outcome.verdict == expected && outcome.row_counts == Some(counts);
    let (verdict, found) = (outcome.verdict, outcome.row_counts);
    (!agrees).then(|| format!("{text}\n    expected {expected:?} {counts:?}, got {verdict:?} {found:?} (skip {skip})"))
}

#[test]
fn a_composite_in_row_mode_passes_if_every_row_passes_it() {
    let sql = if cfg!(feature = "sql") { SQL_COMPOSITES } else { &[] };
    let rules: Vec<&str> = COMPOSITES.iter().chain(sql).copied().collect();
    let table = Table::read(&data("customers.parquet"));
    let model = Model { primary: &table, references: &HashMap::new(), now: times()[1] };
    let mut found = Vec::new();
    for (threads, batch_rows) in [(1, 8192), (1, 7), (3, 7), (3, 8192)] {
        for skip in [false, true] {
            let options = CheckOptions { composite_rows: true, ..options(threads, batch_rows, skip) };
            let run = run(&rules, &[data("customers.parquet")], &options, model.now);
            let judged = rules.iter().zip(&run.outcomes);
            found.extend(judged.filter_map(|(rule, outcome)| composite_disagreement(rule, &model, outcome, skip)));
        }
    }
    assert_none(&found);
}

/// A Parquet file of whole numbers and texts in a directory of its own.
fn small_file(columns: Vec<(&str, ArrayRef)>) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rows.parquet");
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    table::write_parquet(&path, &RecordBatch::try_from_iter_with_nullable(columns).expect("a batch"));
    (directory, path)
}

fn whole_numbers<const N: usize>(values: [Option<i64>; N]) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

#[test]
fn the_documented_composite_fails_by_columns_and_passes_by_rows() {
    let columns = vec![("a", whole_numbers([Some(2), Some(0)])), ("b", whole_numbers([Some(1), Some(3)]))];
    let (_directory, path) = small_file(columns);
    let rule = r#"(ColumnValues "a" > 1) or (ColumnValues "b" > 2)"#;
    for (composite_rows, verdict) in [(false, Verdict::Fail), (true, Verdict::Pass)] {
        let options = CheckOptions { composite_rows, ..options(1, 8192, false) };
        let outcome = run(&[rule], std::slice::from_ref(&path), &options, times()[0]).outcomes.remove(0);
        assert_eq!(outcome.verdict, verdict, "{:?}", outcome.message);
        if composite_rows {
            assert_eq!(outcome.row_counts, Some(RowCounts { passed: 2, failed: 0, skipped: 0 }));
        }
    }
}

/// Seven rows with keys that repeat apart from each other, and keys that are all NULL.
fn repeated_keys() -> (tempfile::TempDir, PathBuf) {
    let a = [Some(1), None, Some(1), None, None, None, Some(2)];
    let b: ArrayRef =
        Arc::new(StringArray::from(vec![Some("x"), Some("x"), Some("x"), None, Some("x"), None, Some("y")]));
    let id = whole_numbers([1, 2, 3, 4, 5, 6, 7].map(Some));
    small_file(vec![("id", id), ("a", whole_numbers(a)), ("b", b)])
}

/// A rule, its rows that fail, with their groups, and how many rows its filter leaves out.
type ByHand = (&'static str, &'static [(u64, Option<usize>)], u64);

fn assert_by_hand(rules: &[ByHand]) {
    let (_directory, path) = repeated_keys();
    let texts: Vec<&str> = rules.iter().map(|(text, _, _)| *text).collect();
    for (threads, batch_rows, skip) in [(1, 8192, false), (1, 2, true), (3, 1, false), (3, 8192, true)] {
        let options = options(threads, batch_rows, skip);
        let run = run(&texts, std::slice::from_ref(&path), &options, times()[0]);
        for ((text, failing, left_out), outcome) in rules.iter().zip(&run.outcomes) {
            let skipped = if skip { *left_out } else { 0 };
            let failed = failing.len() as u64;
            let counts = RowCounts { passed: 7 - failed - skipped, failed, skipped };
            assert_eq!(outcome.row_counts, Some(counts), "{text}, skip {skip}: {:?}", outcome.message);
            assert_eq!(outcome.verdict == Verdict::Fail, failed > 0, "{text}, skip {skip}: {:?}", outcome.message);
            let samples = outcome.samples.iter().flat_map(|samples| &samples.rows);
            let shown: Vec<_> = samples.map(|row| (row.row, row.group)).collect();
            assert_eq!(shown, *failing, "{text}, skip {skip}");
        }
    }
}

#[test]
fn all_members_of_a_group_of_doubles_fail_and_stand_together() {
    assert_by_hand(&[
        (r#"DuplicateRowCount "a" "b" = 0"#, &[(1, Some(0)), (3, Some(0)), (2, Some(1)), (5, Some(1))], 0),
        (r#"IsUnique "a" "b""#, &[(1, Some(0)), (3, Some(0)), (2, Some(1)), (5, Some(1))], 0),
        (r#"DuplicateRowCount "a" = 0"#, &[(1, Some(0)), (3, Some(0))], 0),
        ("DuplicateRowCount = 0", &[], 0),
        (r#"IsPrimaryKey "id""#, &[], 0),
        // Rows whose key is all NULL fail a primary key, but are no group.
        (r#"IsPrimaryKey "a" "b""#, &[(1, Some(0)), (3, Some(0)), (2, Some(1)), (5, Some(1)), (4, None), (6, None)], 0),
        (r#"IsPrimaryKey "a""#, &[(1, Some(0)), (3, Some(0)), (2, None), (4, None), (5, None), (6, None)], 0),
    ]);
}

#[test]
#[cfg(feature = "sql")]
fn doubles_count_among_the_rows_of_the_filter_only() {
    assert_by_hand(&[
        (r#"DuplicateRowCount "a" "b" = 0 where "id <= 3""#, &[(1, Some(0)), (3, Some(0))], 4),
        (r#"DuplicateRowCount "a" "b" = 0 where "id <= 2""#, &[], 5),
        (r#"DuplicateRowCount "a" "b" = 0 where "id > 100""#, &[], 7),
        (r#"IsUnique "a" "b" where "id >= 3""#, &[], 2),
        // A key that occurs once but is not complete is no group either.
        (r#"IsPrimaryKey "a" "b" where "id >= 5""#, &[(5, None), (6, None)], 4),
        (r#"IsPrimaryKey "id" where "id >= 5""#, &[], 4),
    ]);
}

#[test]
#[cfg(feature = "sql")]
fn rows_that_a_query_returns_pass_and_null_equals_null() {
    let all: &[(u64, Option<usize>)] = &[(1, None), (2, None), (3, None), (4, None), (5, None), (6, None), (7, None)];
    assert_by_hand(&[
        (r#"CustomSql "select a, b from primary where id <= 2""#, &[(4, None), (6, None), (7, None)], 0),
        (
            r#"CustomSql "select b from primary where id = 4""#,
            &[(1, None), (2, None), (3, None), (5, None), (7, None)],
            0,
        ),
        (r#"CustomSql "select id from primary where a is null or a > 0""#, &[], 0),
        (r#"CustomSql "select a from primary where id > 100""#, all, 0),
    ]);
}
