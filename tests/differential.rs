//! The engine against the plain way: random tables in Parquet files of many shapes,
//! every comparison, judged row by row by a model that knows no metrics, plans or
//! intervals.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// A row: integer, float, decimal in hundredths, date in days, text.
type Row = (Option<i64>, Option<f64>, Option<i64>, Option<i32>, Option<String>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let float = prop_oneof![6 => (-8i32..8).prop_map(|value| f64::from(value) / 2.0), 1 => Just(f64::NAN), 1 => Just(-0.0), 1 => Just(f64::INFINITY)];
    let text = prop_oneof![4 => "[ab]{0,2}", 1 => Just(" \u{2003}".to_string()), 1 => Just("ä".to_string()), 1 => Just("2024-01-05".to_string())];
    let row = (
        prop::option::weighted(0.9, -4i64..4),
        prop::option::weighted(0.9, float),
        prop::option::weighted(0.9, -400i64..400),
        prop::option::weighted(0.9, 19_720i32..19_730),
        prop::option::weighted(0.9, text),
    );
    prop::collection::vec(row, 1..60)
}

fn write(rows: &[Row], group: usize, dictionary: bool) -> tempfile::NamedTempFile {
    let decimals = Decimal128Array::from_iter(rows.iter().map(|row| row.2.map(i128::from)));
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("i", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))), true),
        ("f", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.1))), true),
        ("d", Arc::new(decimals.with_precision_and_scale(10, 2).expect("a decimal")), true),
        ("t", Arc::new(Date32Array::from_iter(rows.iter().map(|row| row.3))), true),
        ("s", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.4.as_deref()))), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().expect("a file");
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group)).set_dictionary_enabled(dictionary).build();
    let mut writer =
        ArrowWriter::try_new(file.reopen().expect("opened"), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    file
}

/// A comparison of the language and what it means for a value; `None` for the value is NULL.
fn comparisons() -> Vec<(&'static str, usize)> {
    vec![
        ("=", 1),
        ("!=", 1),
        (">", 1),
        (">=", 1),
        ("<", 1),
        ("<=", 1),
        ("between", 2),
        ("not between", 2),
        ("in", 3),
        ("not in", 3),
    ]
}

fn holds(operator: &str, value: f64, operands: &[f64]) -> bool {
    let equal = operands.contains(&value);
    match operator {
        "=" | "in" => equal,
        "!=" | "not in" => !equal,
        _ if value.is_nan() => false,
        ">" => value > operands[0],
        ">=" => value >= operands[0],
        "<" => value < operands[0],
        "<=" => value <= operands[0],
        "between" => value > operands[0] && value < operands[1],
        _ => value <= operands[0] || value >= operands[1],
    }
}

fn condition(operator: &str, operands: &[String]) -> String {
    match operands {
        [low, high] => format!("{operator} {low} and {high}"),
        [one] => format!("{operator} {one}"),
        many => format!("{operator} [{}]", many.join(",")),
    }
}

/// NULL passes only the negated equalities.
fn passes(operator: &str, value: Option<f64>, operands: &[f64]) -> bool {
    value.map_or(operator == "!=" || operator == "not in", |value| holds(operator, value, operands))
}

/// A rule over a column and the rows it must find satisfying.
struct Question {
    rule: String,
    satisfying: usize,
}

fn questions(rows: &[Row], operands: [i64; 3]) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |rule: String, satisfying: usize| {
        questions.push(Question { rule: format!("{rule} with threshold >= 0"), satisfying })
    };
    for (operator, count) in comparisons() {
        let numbers: Vec<f64> = operands[..count].iter().map(|value| *value as f64 / 4.0).collect();
        let written: Vec<String> = numbers.iter().map(|value| format!("{value}")).collect();
        let count_rows = |value: &dyn Fn(&Row) -> Option<f64>| {
            rows.iter().filter(|row| passes(operator, value(row), &numbers)).count()
        };
        ask(
            format!("ColumnValues \"i\" {}", condition(operator, &written)),
            count_rows(&|row| row.0.map(|value| value as f64)),
        );
        ask(format!("ColumnValues \"f\" {}", condition(operator, &written)), count_rows(&|row| row.1));
        ask(
            format!("ColumnValues \"d\" {}", condition(operator, &written)),
            count_rows(&|row| row.2.map(|value| value as f64 / 100.0)),
        );
        let days: Vec<f64> = operands[..count].iter().map(|value| (19_723 + value / 4) as f64).collect();
        let dates: Vec<String> = days
            .iter()
            .map(|day| format!("\"{}\"", chrono::NaiveDate::from_epoch_days(*day as i32).expect("a date")))
            .collect();
        let passing = rows.iter().filter(|row| passes(operator, row.3.map(f64::from), &days)).count();
        ask(format!("ColumnValues \"t\" {}", condition(operator, &dates)), passing);
    }
    let text = |test: &dyn Fn(Option<&str>) -> bool| rows.iter().filter(|row| test(row.4.as_deref())).count();
    let blank = |text: &str| !text.is_empty() && text.chars().all(char::is_whitespace);
    ask(
        "ColumnValues \"s\" in [\"a\",EMPTY,WHITESPACES_ONLY]".into(),
        text(&|s| s.is_some_and(|s| s == "a" || s.is_empty() || blank(s))),
    );
    ask("ColumnValues \"s\" not in [\"a\",\"ab\"]".into(), text(&|s| s.is_none_or(|s| s != "a" && s != "ab")));
    ask("ColumnValues \"s\" not in [\"a\",NULL]".into(), text(&|s| s.is_some_and(|s| s != "a")));
    ask("ColumnValues \"s\" != EMPTY".into(), text(&|s| s != Some("")));
    ask("ColumnValues \"s\" = NULL".into(), text(&|s| s.is_none()));
    ask(
        "ColumnValues \"s\" matches \"a.?\"".into(),
        text(&|s| s.is_some_and(|s| s.starts_with('a') && s.chars().count() <= 2)),
    );
    ask(
        "ColumnValues \"s\" not matches \"[ab]*\"".into(),
        text(&|s| s.is_some_and(|s| !s.chars().all(|c| c == 'a' || c == 'b'))),
    );
    ask("ColumnValues \"s\" > \"2024-01-01\"".into(), text(&|s| s == Some("2024-01-05")));
    ask("ColumnDataType \"s\" = \"Date\"".into(), text(&|s| s == Some("2024-01-05")));
    questions
}

/// Occurrences of every value that is there.
fn occurrences<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = Option<K>>) -> Vec<u64> {
    let mut counts = HashMap::new();
    keys.flatten().for_each(|key| *counts.entry(key).or_insert(0u64) += 1);
    counts.into_values().collect()
}

/// Metrics that say more than rows: rule, public name, value; `None` where there is none.
fn statistics(rows: &[Row]) -> Vec<(String, String, Option<f64>)> {
    let mut expected = Vec::new();
    let float_key = |value: f64| if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
    let families = [
        ("i", occurrences(rows.iter().map(|row| row.0))),
        ("f", occurrences(rows.iter().map(|row| row.1.map(float_key)))),
        ("s", occurrences(rows.iter().map(|row| row.4.clone()))),
    ];
    for (column, counts) in families {
        let total: u64 = counts.iter().sum();
        let once = counts.iter().filter(|count| **count == 1).count() as f64;
        let nulls = total < rows.len() as u64;
        let name = |metric: &str| format!("Column.{column}.{metric}");
        let some = |value: f64| (total > 0).then_some(value);
        let entropy: f64 =
            counts.iter().map(|count| *count as f64 / total as f64).map(|share| -share * share.ln()).sum();
        expected.push((format!("Uniqueness \"{column}\" >= 0"), name("Uniqueness"), some(once / total as f64)));
        expected.push((
            format!("UniqueValueRatio \"{column}\" >= 0"),
            name("UniqueValueRatio"),
            some(once / counts.len() as f64),
        ));
        expected.push((format!("Entropy \"{column}\" >= 0"), name("Entropy"), some(entropy)));
        expected.push((
            format!("DistinctValuesCount \"{column}\" >= 0"),
            name("DistinctValuesCount"),
            Some(counts.len() as f64 + f64::from(u8::from(nulls))),
        ));
        expected.push((
            format!("Completeness \"{column}\" >= 0"),
            name("Completeness"),
            Some(total as f64 / rows.len() as f64),
        ));
    }
    let pairs =
        occurrences(rows.iter().map(|row| (row.0.is_some() || row.4.is_some()).then(|| (row.0, row.4.clone()))));
    let total: u64 = pairs.iter().sum();
    let once = pairs.iter().filter(|count| **count == 1).count() as f64;
    expected.push((
        "Uniqueness \"i\" \"s\" >= 0".into(),
        "Multicolumn.i,s.Uniqueness".into(),
        (total > 0).then_some(once / total as f64),
    ));
    let integers: Vec<f64> = rows.iter().filter_map(|row| row.0).map(|value| value as f64).collect();
    let mean = integers.iter().sum::<f64>() / integers.len() as f64;
    let variance = integers.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / integers.len() as f64;
    for (metric, value) in [("Mean", mean), ("Variance", variance), ("Sum", integers.iter().sum())] {
        expected.push((
            format!("{metric} \"i\" >= -1000"),
            format!("Column.i.{metric}"),
            (!integers.is_empty()).then_some(value),
        ));
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_plain_way(rows in rows(), operands in prop::array::uniform3(-20i64..20), group in 1usize..40, dictionary in any::<bool>(), threads in 1usize..4, batch_rows in 1usize..30) {
        let file = write(&rows, group, dictionary);
        let questions = questions(&rows, operands);
        let statistics = statistics(&rows);
        let rules: Vec<&str> = questions.iter().map(|question| question.rule.as_str()).chain(statistics.iter().map(|statistic| statistic.0.as_str())).collect();
        let ruleset = Ruleset::parse(&format!("Rules = [ {} ]", rules.join(",\n")), &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
        prop_assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
        let options = CheckOptions { threads, batch_rows, ..CheckOptions::default() };
        let run = check(&ruleset, &[file.path().to_path_buf()], &options, Watch::default()).expect("readable");
        for (question, outcome) in questions.iter().zip(&run.outcomes) {
            prop_assert_eq!(outcome.rows, Some((question.satisfying as u64, rows.len() as u64)), "{}: {:?}", question.rule, outcome.message);
        }
        for ((rule, name, expected), outcome) in statistics.iter().zip(&run.outcomes[questions.len()..]) {
            let found = outcome.metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| value.to_f64());
            match (expected, found) {
                (Some(expected), Some(found)) => prop_assert!((found - expected).abs() < 1e-9, "{rule}: {found} instead of {expected}"),
                (None, None) => prop_assert_eq!(outcome.verdict, Verdict::Error, "{}", rule),
                other => prop_assert!(false, "{rule}: {other:?}"),
            }
        }
    }
}
