//! SQL as Spark users write it: `fixtures/sql/statements.jsonl` was run through Spark 3.5 and
//! computed by hand; `hostile.jsonl` tries to write, to read elsewhere and never to end.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(feature = "sql")]

use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::{Outcome, Verdict};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Statements that are ERROR here, though Spark runs them; `docs/sql.md` lists them.
const NOT_SUPPORTED: &[&str] = &[
    "bround_half_even",
    "correlated_sum_in_select",
    "date_minus_date",
    "decode_function",
    "except_all",
    "explode_lateral_view",
    "explode_select",
    "kurtosis",
    "like_any",
    "like_escape_clause",
    "md5_function",
    "mode",
    "percentile_disc",
    "sequence_function",
    "skewness",
];

/// Statements whose value differs, as `docs/sql.md` says.
const DIFFERENT: &[&str] = &["decimal_literals"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sql")
}

fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join(name)).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn options() -> CheckOptions {
    let references = [("customers", "customers.parquet"), ("payments", "payments.csv")]
        .map(|(alias, file)| (alias.to_string(), vec![fixtures().join(file)]));
    CheckOptions { references: references.into(), ..CheckOptions::default() }
}

fn run(rules: &[String], options: &CheckOptions) -> Run {
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z").expect("a time").to_utc();
    let ruleset =
        Ruleset::parse(&format!("Rules = [\n{}\n]", rules.join(",\n")), &BindOptions { now, target: Target::Dq });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    check(&ruleset, &[fixtures().join("orders.parquet")], options, Watch::default()).expect("readable")
}

fn custom_sql(sql: &str, rest: &str) -> String {
    format!("CustomSql \"{}\" {rest}", sql.replace('"', "\\\""))
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

/// Whether an outcome is what the statement expects.
fn fits(statement: &Value, outcome: &Outcome) -> bool {
    if statement["kind"] == "rows" {
        let expected = statement["satisfying"].as_u64().zip(statement["judged"].as_u64());
        return if expected.is_none() { outcome.verdict == Verdict::Error } else { outcome.rows == expected };
    }
    let found = outcome.metrics.first().map(|(_, value)| value.to_f64());
    let expected = [Some(&statement["expected"]), statement.get("alternative")];
    expected.into_iter().flatten().any(|expected| match expected.as_f64() {
        None => outcome.verdict == Verdict::Error,
        Some(expected) => found.is_some_and(|found| close(found, expected)),
    })
}

#[test]
fn statements_give_what_spark_gives_or_an_error() {
    let statements = lines("statements.jsonl");
    assert!(statements.len() > 300, "statements are missing");
    let rules: Vec<_> = statements
        .iter()
        .map(|statement| {
            let rest = if statement["kind"] == "rows" { "with threshold >= 0" } else { "> -1000000000000" };
            custom_sql(statement["sql"].as_str().expect("SQL"), rest)
        })
        .collect();
    let run = run(&rules, &options());
    let mut wrong = Vec::new();
    for (statement, outcome) in statements.iter().zip(&run.outcomes) {
        let id = statement["id"].as_str().expect("an id");
        let right =
            if NOT_SUPPORTED.contains(&id) { outcome.verdict == Verdict::Error } else { fits(statement, outcome) };
        if !right && !DIFFERENT.contains(&id) {
            wrong.push(format!("{id}: {} {:?} {:?}", outcome.rule, outcome.metrics, outcome.message));
        }
    }
    assert!(wrong.is_empty(), "{} statements:\n{}", wrong.len(), wrong.join("\n"));
}

/// Predicates over the orders.
const PREDICATES: &[&str] = &[
    "status = 'shipped'",
    "status is null or status <> 'shipped'",
    "STATUS in ('shipped', 'pending') and amount > 10.5",
    "not (quantity between 2 and 4)",
    "`unit.cost` > 3 and `Ship Region` is not null",
    "email rlike '^[a-z.]+@[a-z.]+$'",
    "email not like '%.org'",
    "order_date >= '2024-02-01' and created_at < '2024-06-01 12:00:00'",
    "datediff(order_date, '2024-01-01') > 30",
    "coalesce(amount, 0) / quantity > 20",
    "price / 0 > 1",
    "quantity_text > 3",
    "case when country = 'DE' then amount else null end > 0",
    "null",
    "1 = 1",
];

#[test]
fn a_predicate_selects_the_rows_that_a_query_with_it_counts() {
    for batch_rows in [3, 8192] {
        let options = CheckOptions { batch_rows, ..options() };
        let rules: Vec<_> = PREDICATES
            .iter()
            .flat_map(|predicate| {
                let query = format!("select count(*) from primary where {predicate}");
                [format!("RowCount >= 0 where \"{predicate}\""), custom_sql(&query, ">= 0")]
            })
            .collect();
        for pair in run(&rules, &options).outcomes.chunks(2) {
            let count = |outcome: &Outcome| outcome.metrics.first().map(|(_, value)| value.to_f64());
            assert!(
                pair[0].verdict == Verdict::Pass && count(&pair[0]).is_some(),
                "{}: {:?}",
                pair[0].rule,
                pair[0].message
            );
            assert_eq!(count(&pair[0]), count(&pair[1]), "{} in batches of {batch_rows}", pair[0].rule);
        }
    }
}

#[test]
fn values_are_compared_as_what_they_are() {
    let data = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
    let text =
        "d,f,day,t\n1.10,0.7,2024-01-01,a\n2.00,NaN,2024-01-02,5\n1.99,10000000000000000,9999-12-31,05\n,0.3,,\n";
    std::fs::write(data.path(), text).expect("written");
    let mut options = CheckOptions::default();
    for (name, data_type) in [("d", "decimal(10,2)"), ("f", "float"), ("day", "date"), ("t", "text")] {
        options.read.column_types.insert(name.into(), dq::input::parse_type(data_type).expect("a type"));
    }
    for (predicate, rows) in [
        ("cast(d as int) = 1", Some(2.0)),
        ("cast(d as int) > 1", Some(1.0)),
        ("cast(d as decimal(10,1)) = 2.0", Some(2.0)),
        ("d = 1.10", Some(1.0)),
        ("d * 1.0 >= 1.99", Some(2.0)),
        ("f > 0.5 and f < 1", Some(1.0)),
        ("f = 0.3", Some(1.0)),
        ("f between 0.0 and 1.0", Some(2.0)),
        ("coalesce(f, 0.0) < 1", Some(2.0)),
        ("f > d", Some(2.0)),
        ("day = '2024-01-01'", Some(1.0)),
        ("day > '2024-01-01'", Some(2.0)),
        ("day > 2024-01-01", None),
        ("t = 5", Some(2.0)),
        ("count(*) > 1", None),
        ("t rlike '['", None),
    ] {
        let rule = format!("Rules = [ RowCount >= 0 where \"{predicate}\" ]");
        let ruleset = Ruleset::parse(&rule, &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
        let outcome = check(&ruleset, &[data.path().to_path_buf()], &options, Watch::default())
            .expect("readable")
            .outcomes
            .remove(0);
        let found = outcome.metrics.first().map(|(_, value)| value.to_f64());
        assert_eq!(found, rows, "{predicate}: {:?}", outcome.message);
        assert_eq!(outcome.verdict == Verdict::Error, rows.is_none(), "{predicate}");
    }
}

#[test]
fn functions_that_grow_when_written_out_are_bounded() {
    let nested =
        |function: &str, depth: usize| format!("{}quantity{}", format!("{function}(").repeat(depth), ")".repeat(depth));
    let clock = Instant::now();
    for predicate in [nested("log", 40), nested("sqrt", 14), nested("ln", 30)] {
        let rule = format!("RowCount >= 0 where \"{predicate} > 1\"");
        assert_eq!(run(&[rule], &options()).outcomes[0].verdict, Verdict::Error);
    }
    assert!(clock.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_query_that_takes_too_long_leaves_the_others_alone() {
    let limited = CheckOptions { sql_timeout: Duration::from_secs(2), ..options() };
    let endless = "select count(*) from primary a, primary b, primary c, primary d, primary e, primary f \
                   where a.order_id + b.order_id + c.order_id + d.order_id + e.order_id <> f.order_id";
    let rules = [endless, endless, "select count(*) from primary"].map(|sql| custom_sql(sql, "> 0"));
    let outcomes = run(&rules, &limited).outcomes;
    let verdicts: Vec<_> = outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts, [Verdict::Error, Verdict::Error, Verdict::Pass]);
}

#[test]
fn long_and_deep_statements_are_refused_or_end() {
    let limited = CheckOptions { sql_timeout: Duration::from_secs(5), memory_bytes: 256 << 20, ..options() };
    let terms = |term: &str, by: &str, count: usize| vec![term; count].join(by);
    let ladder = |step: &dyn Fn(usize) -> String| (1..200).map(step).collect::<Vec<_>>().join(", ");
    let statements = [
        format!("select count(*) from primary where {}", terms("order_id = 1", " or ", 20_000)),
        format!("select count(*) from primary where {}", terms("order_id > 0", " and ", 4_000)),
        format!("select {}", terms("1", " + ", 9_000)),
        format!("select length({}) from primary", terms("email", " || ", 5_000)),
        format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("select {}1{}", "abs(".repeat(5_000), ")".repeat(5_000)),
        format!("select {}1{}", "cast(".repeat(3_000), " as int)".repeat(3_000)),
        format!("select {}true", "not ".repeat(9_000)),
        terms("select 1", " union all ", 4_000),
        format!("select count(*) from primary where order_id in ({})", terms("1", ",", 9_000)),
        format!("select {}", terms("order_id", ",", 9_000)),
        format!(
            "with c0 as (select * from primary), {} select count(*) from c199",
            ladder(&|at| { format!("c{at} as (select * from c{} union all select * from c{0})", at - 1) })
        ),
        format!(
            "with c0 as (select email as t from primary), {} select max(length(t)) from c199",
            ladder(&|at| { format!("c{at} as (select concat(t, t) as t from c{})", at - 1) })
        ),
        format!("select '{}'", "x".repeat(300_000)),
    ];
    for statement in statements {
        let clock = Instant::now();
        let outcome = run(&[custom_sql(&statement, "> -1")], &limited).outcomes.remove(0);
        let start: String = statement.chars().take(60).collect();
        assert!(clock.elapsed() < Duration::from_secs(40), "{start} {:?}", outcome.verdict);
    }
}

#[test]
fn hostile_statements_are_refused_or_end_within_their_limits() {
    let limited = CheckOptions { sql_timeout: Duration::from_secs(3), memory_bytes: 256 << 20, ..options() };
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for statement in lines("hostile.jsonl") {
        let sql = statement["sql"].as_str().expect("SQL");
        // Two readings: as a number, and as rows.
        for rest in ["> -1", "with threshold >= 0"] {
            let clock = Instant::now();
            let run = run(&[custom_sql(sql, rest)], &limited);
            let took = clock.elapsed();
            let outcome = &run.outcomes[0];
            let refused = outcome.verdict == Verdict::Error;
            if (statement["expect"] == "refused" && !refused) || took > Duration::from_secs(30) {
                let text: String = sql.chars().take(120).collect();
                wrong.push(format!(
                    "{}: {text} {:?} {:?} after {took:?}",
                    statement["id"], outcome.verdict, outcome.message
                ));
            }
            checked += 1;
        }
    }
    assert!(checked >= 100, "statements are missing");
    assert!(wrong.is_empty(), "{} statements:\n{}", wrong.len(), wrong.join("\n"));
}
