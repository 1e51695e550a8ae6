//! Rules over other datasets and over files: verdicts, numbers and what failures say.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::rules::{BindOptions, Target};
use dq::verdict::{Outcome, Verdict};
use std::path::{Path, PathBuf};

/// A directory with files of these names and contents.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("written");
    }
    directory
}

fn run(directory: &Path, rules: &str, references: &[(&str, &[&str])]) -> Run {
    let ruleset =
        Ruleset::parse(&format!("Rules = [ {rules} ]"), &BindOptions { now: chrono::Utc::now(), target: Target::Glue });
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics());
    let references = references
        .iter()
        .map(|(alias, files)| {
            (alias.to_string(), files.iter().map(|file| directory.join(file)).collect::<Vec<PathBuf>>())
        })
        .collect();
    let options = CheckOptions { references, threads: 2, ..CheckOptions::default() };
    check(&ruleset, &[directory.join("data.csv")], &options, Watch::default()).expect("readable")
}

fn outcome(directory: &Path, rule: &str, references: &[(&str, &[&str])]) -> Outcome {
    run(directory, rule, references).outcomes.remove(0)
}

fn number(outcome: &Outcome) -> f64 {
    outcome.metrics.first().expect("a metric").1.to_f64()
}

fn says(outcome: &Outcome, words: &str) {
    let text = format!("{}\n{}", outcome.message.as_deref().unwrap_or(""), outcome.help.as_deref().unwrap_or(""));
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

#[test]
fn keys_are_found_across_types_and_files_and_orphans_are_named() {
    let files = directory(&[
        ("data.csv", "id,code,price\n1,a,1.50\n2,b,2.00\n3,,3.25\n,d,\n9,é,9.99\n"),
        ("one.csv", "key,name,cost\n1,a,1.5\n2,b,2\n2,b,2\n"),
        ("two.csv", "key,name,cost\n3,c,3.25\n"),
    ]);
    let reference: &[(&str, &[&str])] = &[("ref", &["one.csv", "two.csv"])];
    let found = outcome(files.path(), r#"ReferentialIntegrity "id" "ref.key" = 1.0"#, reference);
    assert_eq!((found.verdict, found.rows), (Verdict::Fail, Some((3, 5))));
    says(&found, "2 rows not found (1 with NULL), the first is NULL");
    let found = outcome(files.path(), r#"ReferentialIntegrity "code" "ref.name" >= 0.4"#, reference);
    assert_eq!((found.verdict, number(&found)), (Verdict::Pass, 0.4));
    let found = outcome(files.path(), r#"ReferentialIntegrity "price,id" "ref.{cost,key}" > 0.9"#, reference);
    assert_eq!(number(&found), 0.6);
    says(&found, "the first is (NULL, NULL)");
}

#[test]
fn what_cannot_be_looked_up_is_an_error_that_says_why() {
    let files =
        directory(&[("data.csv", "id,code\n1,a\n"), ("ref.csv", "key,name\n1,a\n"), ("broken.parquet", "PAR1 no")]);
    let reference: &[(&str, &[&str])] = &[("ref", &["ref.csv"]), ("broken", &["broken.parquet"])];
    for (rule, words) in [
        (r#"ReferentialIntegrity "id" "rex.key" = 1.0"#, "did you mean 'ref'?"),
        (r#"ReferentialIntegrity "idd" "ref.key" = 1.0"#, "Column idd does not exist in primary"),
        (r#"ReferentialIntegrity "id" "ref.kee" = 1.0"#, "did you mean `key`?"),
        (r#"ReferentialIntegrity "id" "ref.name" = 1.0"#, "cannot be compared"),
        (r#"ReferentialIntegrity "id,code" "ref.key" = 1.0"#, "2 columns are matched with 1"),
        (r#"ReferentialIntegrity "id" "key" = 1.0"#, "alias.column"),
        (r#"RowCountMatch "broken" = 1.0"#, "cannot be read"),
        (r#"RowCountMatch "none" = 1.0"#, "--reference none=PATH"),
        (r#"SchemaMatch "none" = 1.0"#, "not found in additional data sources"),
        (r#"AggregateMatch "sum(code)" "sum(ref.key)" = 1.0"#, "a number"),
        (r#"AggregateMatch "count(id)" "sum(ref.key)" = 1.0"#, "sum(column)"),
        (r#"DatasetMatch "ref" "id->key" = 1.0"#, "does not exist in reference 'ref'"),
    ] {
        let found = outcome(files.path(), rule, reference);
        assert_eq!(found.verdict, Verdict::Error, "{rule}: {:?}", found.message);
        says(&found, words);
        // The others are evaluated.
        assert_eq!(run(files.path(), &format!("{rule}, RowCount = 1"), reference).outcomes[1].verdict, Verdict::Pass);
    }
}

#[test]
fn differing_rows_are_named_with_their_values() {
    let files = directory(&[
        ("data.csv", "id,total,note\n1,10,x\n2,20,\n3,30,z\n4,40,w\n"),
        ("same.csv", "note,id,total\n,2,20\nx,1,10\nz,3,30\nw,4,40\nq,5,50\n"),
        ("other.csv", "id,total,note\n1,10,x\n2,21,\n4,40,w\n"),
        ("twice.csv", "id,total,note\n1,10,x\n1,10,x\n"),
        ("null.csv", "id,total,note\n,10,x\n1,10,x\n"),
    ]);
    let reference: &[(&str, &[&str])] =
        &[("same", &["same.csv"]), ("other", &["other.csv"]), ("twice", &["twice.csv"]), ("null", &["null.csv"])];
    let found = outcome(files.path(), r#"DatasetMatch "same" "id" = 1.0"#, reference);
    assert_eq!((found.verdict, number(&found)), (Verdict::Pass, 1.0));
    let found = outcome(files.path(), r#"DatasetMatch "other" "id" = 1.0"#, reference);
    assert_eq!((found.verdict, number(&found)), (Verdict::Fail, 0.5));
    says(&found, "1 row not found, the first is 3");
    says(&found, "1 row found with other values, the first is 2: total is 20, in other 21");
    let found = outcome(files.path(), r#"DatasetMatch "other" "id" "note" > 0.7"#, reference);
    assert_eq!((found.verdict, number(&found)), (Verdict::Pass, 0.75));
    for (alias, words) in
        [("twice", "occurs more than once in 'twice': 1"), ("null", "in 'null' is not complete: NULL")]
    {
        let found = outcome(files.path(), &format!(r#"DatasetMatch "{alias}" "id" >= 0"#), reference);
        assert_eq!(found.verdict, Verdict::Error);
        says(&found, words);
    }
    let files = directory(&[("data.csv", "id,v\n1,a\n2,b\n2,c\n"), ("ref.csv", "id,v\n1,a\n")]);
    let found = outcome(files.path(), r#"DatasetMatch "ref" "id" >= 0"#, &[("ref", &["ref.csv"])]);
    assert_eq!(found.verdict, Verdict::Error);
    says(&found, "occurs more than once in the data: 2");
}

#[test]
fn schemas_counts_and_aggregates_are_compared() {
    let files =
        directory(&[("data.csv", "a,b\n1,2.5\n3,\n"), ("ref.csv", "b,a\n5,1\n5,1\n5,1\n5,1\n"), ("none.csv", "a,b\n")]);
    let reference: &[(&str, &[&str])] = &[("ref", &["ref.csv"]), ("none", &["none.csv"])];
    for (rule, verdict, value) in [
        (r#"RowCountMatch "ref" = 0.5"#, Verdict::Pass, Some(0.5)),
        (r#"RowCountMatch "none" > 100"#, Verdict::Pass, None),
        (r#"SchemaMatch "ref" >= 0.5"#, Verdict::Pass, Some(0.5)),
        (r#"AggregateMatch "sum(a)" "sum(ref.a)" = 1.0"#, Verdict::Pass, Some(1.0)),
        (r#"AggregateMatch "avg(b)" "avg(ref.b)" = 0.5"#, Verdict::Pass, Some(0.5)),
        (r#"AggregateMatch "sum(a)" "sum(primary.b)" = 1.6"#, Verdict::Pass, Some(1.6)),
        (r#"SchemaMatch "ref" = 1.0"#, Verdict::Fail, Some(0.5)),
    ] {
        let found = outcome(files.path(), rule, reference);
        assert_eq!(found.verdict, verdict, "{rule}: {:?}", found.message);
        assert_eq!(found.metrics.first().map(|(_, value)| value.to_f64()), value, "{rule}");
    }
    says(&outcome(files.path(), r#"SchemaMatch "ref" = 1.0"#, reference), "column b is float64, in ref int64");
}

#[test]
fn files_are_judged_by_size_time_contents_and_name() {
    let files = directory(&[
        ("data.csv", "a\n1\n"),
        ("in/a.csv", "same"),
        ("in/b.csv", "same"),
        ("in/deep/c.json", "a longer text"),
        ("copy/a.csv", "same"),
        ("copy/x.csv", "same"),
        ("copy/c.json", "a longer text"),
    ]);
    let at = |path: &str| files.path().join(path).to_string_lossy().into_owned();
    let (inside, copy, pattern) = (at("in"), at("copy"), at("in/*.csv"));
    for (rule, verdict, value) in [
        (format!(r#"FileSize "{inside}" < 1 KB"#), Verdict::Pass, 1.0),
        (format!(r#"FileSize "{inside}" > 5"#), Verdict::Fail, 1.0 / 3.0),
        (format!(r#"FileSize "{inside}" > 5 with threshold > 0.3"#), Verdict::Pass, 1.0 / 3.0),
        (format!(r#"FileSize "{inside}" = 13 with uriRegex = "\.json$""#), Verdict::Pass, 1.0),
        (format!(r#"FileSize "{inside}" > 5 with failFast = "true""#), Verdict::Fail, 0.0),
        (format!(r#"FileFreshness "{inside}" > (now() - 1 hours)"#), Verdict::Pass, 1.0),
        (format!(r#"FileFreshness "{pattern}" < "2020-01-01""#), Verdict::Fail, 0.0),
        (format!(r#"FileUniqueness "{inside}" > 0.9"#), Verdict::Fail, 2.0 / 3.0),
        (format!(r#"FileUniqueness "{inside}" = 1.0 with matchFileName = "true""#), Verdict::Pass, 1.0),
        (format!(r#"FileUniqueness "{inside}" = 1.0 with recentFiles = 1"#), Verdict::Pass, 1.0),
        (format!(r#"FileMatch "{inside}" "{copy}""#), Verdict::Pass, 3.0),
        (format!(r#"FileMatch "{inside}" "{copy}" with matchFileName = "true""#), Verdict::Fail, 3.0),
        (
            format!(r#"FileMatch "{pattern}" in ["51037a4a37730f52c8732586d3aaa316"] with hashAlgorithm = "MD5""#),
            Verdict::Pass,
            2.0,
        ),
        ("FileSize = 4".to_string(), Verdict::Pass, 1.0),
    ] {
        let found = outcome(files.path(), &rule, &[]);
        assert_eq!(found.verdict, verdict, "{rule}: {:?}", found.message);
        assert!((number(&found) - value).abs() < 1e-12, "{rule}: {}", number(&found));
    }
    says(&outcome(files.path(), &format!(r#"FileSize "{inside}" > 5"#), &[]), "a.csv has 4 bytes");
    says(&outcome(files.path(), &format!(r#"FileUniqueness "{inside}" = 1.0"#), &[]), "b.csv holds the same as");
    for (path, words) in [("nosuch", "cannot read"), ("in/*.txt", "matches no file")] {
        let found = outcome(files.path(), &format!(r#"FileSize "{}" > 0"#, at(path)), &[]);
        assert_eq!(found.verdict, Verdict::Error);
        says(&found, words);
    }
    says(&outcome(files.path(), r#"FileSize "ftp://host/key" > 0"#, &[]), "no way to read ftp://");
}

#[test]
fn keys_beyond_the_memory_limit_are_looked_up_exactly() {
    use std::fmt::Write as _;
    // Numbers far apart and in no order, so that neither bits nor sorting help.
    let far = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
    let mut data = String::from("k,dense,text,v\n");
    let mut reference = String::from("k,dense,text,v\n");
    let mut twice = String::from("k,v\n");
    for at in 0..130_000 {
        writeln!(reference, "{},{at},t{},{}", far(at), far(at), at % 7).expect("written");
        writeln!(twice, "{},{at}", far(at % 129_998)).expect("written");
        if at % 5 == 0 {
            let at = at + 20_000;
            let other = if at % 30_000 == 25 { 9 } else { at % 7 };
            writeln!(data, "{},{at},t{},{other}", far(at), far(at)).expect("written");
        }
    }
    data.push_str("7,,,1\n");
    let files = directory(&[("data.csv", &data), ("ref.csv", &reference), ("twice.csv", &twice)]);
    let references: &[(&str, &[&str])] = &[("ref", &["ref.csv"]), ("twice", &["twice.csv"])];
    let rules = r#"ReferentialIntegrity "k" "ref.k" = 1.0, ReferentialIntegrity "dense" "ref.dense" = 1.0,
        ReferentialIntegrity "text,dense" "ref.{text,dense}" = 1.0, DatasetMatch "ref" "k" "v" = 1.0,
        DatasetMatch "ref" "text" = 1.0, DatasetMatch "twice" "k" "v" = 1.0, RowCount = 26001"#;
    let measured = |memory_bytes: u64, threads: usize| {
        let bind = BindOptions { now: chrono::Utc::now(), target: Target::Glue };
        let ruleset = Ruleset::parse(&format!("Rules = [ {rules} ]"), &bind);
        let references = references
            .iter()
            .map(|(alias, paths)| (alias.to_string(), paths.iter().map(|path| files.path().join(path)).collect()))
            .collect();
        let options = CheckOptions { references, threads, memory_bytes, ..CheckOptions::default() };
        let run = check(&ruleset, &[files.path().join("data.csv")], &options, Watch::default()).expect("readable");
        run.outcomes
            .into_iter()
            .map(|outcome| (outcome.verdict, outcome.metrics, outcome.rows, outcome.message, outcome.help))
            .collect::<Vec<_>>()
    };
    let free = measured(8 << 30, 2);
    let verdicts: Vec<_> = free.iter().map(|outcome| outcome.0).collect();
    let (fail, error) = (Verdict::Fail, Verdict::Error);
    assert_eq!(verdicts, [fail, fail, fail, fail, error, error, Verdict::Pass], "{free:?}");
    for threads in [1, 3] {
        assert_eq!(measured(1 << 20, threads)[..5], free[..5]);
    }
    // Which of several repeated keys is named depends on the limit, but not on threads.
    let [one, three] = [1, 3].map(|threads| measured(1 << 20, threads).remove(5));
    assert_eq!(one, three);
    assert!(one.3.as_ref().is_some_and(|message| message.contains("occurs more than once in 'twice'")), "{one:?}");
}
