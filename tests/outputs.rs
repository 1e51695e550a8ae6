//! Files of rows, as the program writes them: what is in them, when they are there, and when they are refused.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use dq::check::{CheckOptions, Ruleset, Watch, check};
use dq::dqdl::ast::{Rule, RuleNode};
use dq::rules::{BindOptions, Target};
use dq::verdict::{Outcome, Verdict};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Type as PhysicalType;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescPtr;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

const NOW: &str = "2023-05-31T03:41:00Z";

/// The columns of `--rows-out`.
const OUTCOMES: [&str; 4] =
    ["DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip", "DataQualityEvaluationResult"];

const FAILED: &str = "_dq_failed_rules";

fn program() -> &'static Path {
    assert_cmd::cargo::cargo_bin!("dq")
}

/// Takes out of the environment what would show in what is printed.
fn plain_environment(command: &mut Command) {
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    for variable in dq::cli::CI_VARIABLES {
        command.env_remove(variable);
    }
}

struct Ran {
    /// `None` where a signal ended it.
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// The rules of the JSON report.
    fn rules(&self) -> Vec<Json> {
        let report: Json = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr));
        report["rules"].as_array().unwrap().clone()
    }
}

/// A directory in which the program runs.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// What `--rows-out` has written as JSON Lines.
    fn rows(&self, name: &str) -> Vec<Json> {
        self.text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Names of what is in a directory.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn rules(&self, rules: &str) {
        self.write("rules.dqdl", format!("Rules = [\n{rules}\n]"));
    }

    fn check_with<A: AsRef<OsStr>>(&self, rules: &str, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.rules(rules);
        let mut command = Command::new(program());
        plain_environment(&mut command);
        command.current_dir(self.0.path());
        command.args(["check", "--quiet", "--format", "json", "--samples", "0", "--now", NOW]);
        command.args(["--ruleset", "rules.dqdl"]).args(arguments);
        Ran::of(&mut command)
    }

    /// Checks; arguments stand between blanks.
    fn check(&self, rules: &str, arguments: &str) -> Ran {
        self.check_with(rules, arguments.split_whitespace())
    }

    /// Checks something that can be evaluated and written.
    fn checked(&self, rules: &str, arguments: &str) -> Ran {
        let ran = self.check(rules, arguments);
        assert!(matches!(ran.code, Some(0 | 1)), "{arguments}: {:?} {} {}", ran.code, ran.stdout, ran.stderr);
        ran
    }
}

/// Whether each row passes all rules.
fn passed(rows: &[Json]) -> Vec<bool> {
    let passes = |row: &Json| match row[OUTCOMES[3]].as_str() {
        Some("Passed") => true,
        Some("Failed") => false,
        other => panic!("{other:?}"),
    };
    rows.iter().map(passes).collect()
}

fn failed_rules(rows: &[Json]) -> Vec<Json> {
    rows.iter().map(|row| row[OUTCOMES[1]].clone()).collect()
}

struct Parquet {
    descriptor: SchemaDescPtr,
    rows: RecordBatch,
}

fn parquet(path: &Path) -> Parquet {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let descriptor = builder.metadata().file_metadata().schema_descr_ptr();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    Parquet { descriptor, rows: concat_batches(&schema, &batches).unwrap() }
}

fn arrow(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (schema, batches): (SchemaRef, Vec<RecordBatch>) = if path.extension() == Some(OsStr::new("arrows")) {
        let reader = arrow_ipc::reader::StreamReader::try_new(file, None).unwrap();
        (reader.schema(), reader.map(Result::unwrap).collect())
    } else {
        let reader = arrow_ipc::reader::FileReader::try_new(file, None).unwrap();
        (reader.schema(), reader.map(Result::unwrap).collect())
    };
    concat_batches(&schema, &batches).unwrap()
}

fn columns_of(path: &Path) -> RecordBatch {
    if path.extension() == Some(OsStr::new("parquet")) { parquet(path).rows } else { arrow(path) }
}

fn write_columns(path: &Path, batch: &RecordBatch) {
    let file = File::create(path).unwrap();
    let pieces: Vec<RecordBatch> =
        (0..batch.num_rows()).step_by(3).map(|at| batch.slice(at, usize::min(3, batch.num_rows() - at))).collect();
    match path.extension().unwrap().to_str().unwrap() {
        "parquet" => {
            let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(batch).unwrap();
            writer.close().unwrap();
        }
        "arrow" => {
            let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
            pieces.iter().for_each(|piece| writer.write(piece).unwrap());
            writer.finish().unwrap();
        }
        "arrows" => {
            let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &batch.schema()).unwrap();
            pieces.iter().for_each(|piece| writer.write(piece).unwrap());
            writer.finish().unwrap();
        }
        other => panic!("{other}"),
    }
}

/// The rows whose flag is the wanted one.
fn some(batch: &RecordBatch, flags: &[bool], wanted: bool) -> RecordBatch {
    let keep: BooleanArray = flags.iter().map(|flag| Some(*flag == wanted)).collect();
    filter_record_batch(batch, &keep).unwrap()
}

/// Columns without dictionaries. Floats are compared by their bits.
fn plain(batch: &RecordBatch) -> Vec<ArrayRef> {
    let plain = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, values) => arrow_cast::cast(array, values).unwrap(),
        _ => array.clone(),
    };
    batch.columns().iter().map(plain).collect()
}

/// A list of texts in a row.
fn texts(batch: &RecordBatch, column: usize, row: usize) -> Vec<String> {
    let list = batch.column(column).as_list::<i32>();
    assert_eq!(list.null_count(), 0);
    list.value(row).as_string::<i32>().iter().map(|text| text.unwrap().to_string()).collect()
}

fn text_list(name: &str) -> Field {
    Field::new_list(name, Arc::new(Field::new("element", DataType::Utf8, false)), false)
}

/// Asserts that the good and the bad rows together are the input, with the same types, and that bad ones tell
/// the rules they fail.
fn assert_split(source: &RecordBatch, good: &RecordBatch, bad: &RecordBatch, rows: &[(bool, Vec<String>)], what: &str) {
    let flags: Vec<bool> = rows.iter().map(|(passes, _)| *passes).collect();
    assert_eq!(flags.len(), source.num_rows(), "{what}");
    assert_eq!(good.schema(), source.schema(), "{what}");
    assert!(plain(good) == plain(&some(source, &flags, true)), "{what}: the good rows are others");
    let width = source.num_columns();
    assert_eq!(bad.num_columns(), width + 1, "{what}");
    assert_eq!(bad.schema().fields()[..width], source.schema().fields()[..], "{what}");
    assert_eq!(bad.schema().metadata(), source.schema().metadata(), "{what}");
    assert_eq!(*bad.schema().field(width), text_list(FAILED), "{what}");
    assert!(plain(bad)[..width] == plain(&some(source, &flags, false))[..], "{what}: the bad rows are others");
    let failing = rows.iter().filter(|(passes, _)| !passes).map(|(_, rules)| rules);
    for (row, rules) in failing.enumerate() {
        assert_eq!(texts(bad, width, row), *rules, "{what}, bad row {row}");
    }
}

/// What `--rows-out` says of each row.
fn told(rows: &[Json]) -> Vec<(bool, Vec<String>)> {
    let failed = |row: &Json| -> Vec<String> {
        row[OUTCOMES[1]].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().to_string()).collect()
    };
    passed(rows).into_iter().zip(rows).map(|(passes, row)| (passes, failed(row))).collect()
}

// Every rule of the conformance cases.

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance/data").join(name)
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
    "ReferentialIntegrity",
    "DatasetMatch",
    "CustomSql",
];

/// Their condition is about the share of rows that pass, which is 1.0 among the good ones.
const SHARES: &[&str] = &["Completeness", "Uniqueness", "UniqueValueRatio", "ReferentialIntegrity", "DatasetMatch"];

const REFERENCES: &[(&str, &str)] = &[
    ("c", "customers.parquet"),
    ("ref", "orders_ref.parquet"),
    ("same", "orders_same.parquet"),
    ("empty", "customers_empty.parquet"),
];

struct Case {
    id: String,
    text: String,
    rule: Rule,
}

/// The only rule of a document, if it judges rows.
fn row_rule(text: &str) -> Option<(Rule, String)> {
    let document = dq::dqdl::parse(text).document;
    let rules = document.rules?;
    let [RuleNode::Rule(rule)] = rules.as_slice() else { return None };
    let name = rule.type_name.text.as_str();
    let needs_sql = rule.filter.is_some() || name == "CustomSql";
    let judges = ROW_TYPES.contains(&name) && !(name == "CustomSql" && rule.condition.is_some());
    (judges && document.variables.is_empty() && (cfg!(feature = "sql") || !needs_sql))
        .then(|| ((**rule).clone(), text[rule.span.range()].to_string()))
}

/// All cases whose rule judges rows, by their data.
fn cases() -> BTreeMap<String, Vec<Case>> {
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for line in fs::read_to_string(data("../cases.jsonl")).unwrap().lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let word = |name: &str| case[name].as_str().unwrap().to_string();
        if case["expect"]["parse"] != Json::Bool(false)
            && let Some((rule, text)) = row_rule(&word("ruleset"))
        {
            cases.entry(word("primary")).or_default().push(Case { id: word("id"), text, rule });
        }
    }
    assert!(cases.values().map(Vec::len).sum::<usize>() >= 630);
    cases
}

fn holds_for_one(condition: &str) -> bool {
    let words: Vec<&str> = condition.split_whitespace().collect();
    let number = |at: usize| words[at].parse::<f64>().unwrap_or_else(|_| panic!("{condition}"));
    match words[0] {
        ">" => 1.0 > number(1),
        ">=" => 1.0 >= number(1),
        "<" => 1.0 < number(1),
        "<=" => 1.0 <= number(1),
        "=" => number(1) == 1.0,
        "!=" => number(1) != 1.0,
        "between" => number(1) < 1.0 && 1.0 < number(3),
        "not" => !(number(2) < 1.0 && 1.0 < number(4)),
        _ => panic!("{condition}"),
    }
}

/// The verdict on good rows, of which there are some. It is PASS, but for conditions and thresholds that
/// refuse a share of 1.0: `Uniqueness "a" < 0.5`, `with threshold < 0.5`.
fn verdict_on_good(rule: &Rule) -> &'static str {
    let shares = SHARES.contains(&rule.type_name.text.as_str());
    let asked = rule.threshold.as_ref().or(rule.condition.as_ref().filter(|_| shares));
    if asked.is_none_or(|asked| holds_for_one(&asked.to_string())) { "PASS" } else { "FAIL" }
}

fn options() -> CheckOptions {
    let references = REFERENCES.iter().map(|(alias, file)| (alias.to_string(), vec![data(file)])).collect();
    CheckOptions { threads: 1, samples: 0, references, ..CheckOptions::default() }
}

/// The outcome of a rule, found by the library: a process for each would take too long.
fn outcome(rule: &str, file: &Path, options: &CheckOptions) -> Outcome {
    let bind = BindOptions { now: NOW.parse().unwrap(), target: Target::Dq };
    let ruleset = Ruleset::parse(&format!("Rules = [ {rule} ]"), &bind);
    assert!(!ruleset.has_errors(), "{rule}: {:?}", ruleset.diagnostics());
    let run = check(&ruleset, &[file.to_path_buf()], options, Watch::default());
    run.unwrap_or_else(|error| panic!("{rule}: {error}")).outcomes.remove(0)
}

/// Asserts that columns are described as those of the source, before some that are added. Only decimals in
/// bytes of a fixed length come back as whole numbers: `decimals_are_stored_as_they_were`.
fn assert_alike(own: &Parquet, source: &Parquet, added: usize, what: &str) {
    let (own, source) = (own.descriptor.root_schema(), source.descriptor.root_schema());
    assert_eq!(own.name(), source.name(), "{what}");
    assert_eq!(own.get_fields().len(), source.get_fields().len() + added, "{what}");
    for (own, source) in own.get_fields().iter().zip(source.get_fields()) {
        if source.is_primitive() && source.get_physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY {
            let (own_info, info) = (own.get_basic_info(), source.get_basic_info());
            assert_eq!((own_info.name(), own_info.repetition()), (info.name(), info.repetition()), "{what}");
            assert_eq!(own_info.converted_type(), info.converted_type(), "{what}");
            let digits = (own.get_precision(), own.get_scale());
            assert_eq!(digits, (source.get_precision(), source.get_scale()), "{what}");
        } else {
            assert_eq!(own, source, "{what}");
        }
    }
}

#[test]
fn decimals_are_stored_as_they_were() {
    let (source, room) = (data("customers.parquet"), Room::new());
    room.check_with(r#"IsComplete "age""#, ["--good", "good.parquet", source.to_str().unwrap()]);
    assert_eq!(parquet(&room.path("good.parquet")).descriptor, parquet(&source).descriptor);
}

/// Splits the rows of a file by one rule, and looks at both parts.
fn assert_rule_splits(case: &Case, source: &Parquet, primary: &str, number: usize, room: &Room) {
    let what = format!("{} {}", case.id, case.text);
    let (good, bad, rows) = (room.path("good.parquet"), room.path("bad.parquet"), room.path("rows.jsonl"));
    let writing = CheckOptions {
        threads: 1 + number % 2,
        batch_rows: if number.is_multiple_of(3) { 7 } else { 8192 },
        good: Some(good.clone()),
        bad: Some(bad.clone()),
        rows_out: Some(rows.clone()),
        ..options()
    };
    let first = outcome(&case.text, &data(primary), &writing);
    let ends = |line: &str| line.ends_with(r#","DataQualityEvaluationResult":"Passed"}"#);
    let flags: Vec<bool> = fs::read_to_string(&rows).unwrap().lines().map(ends).collect();
    let told: Vec<(bool, Vec<String>)> = flags.iter().map(|passes| (*passes, vec![first.rule.clone()])).collect();
    let (good_rows, bad_rows) = (parquet(&good), parquet(&bad));
    assert_split(&source.rows, &good_rows.rows, &bad_rows.rows, &told, &what);
    assert_alike(&good_rows, source, 0, &what);
    assert_alike(&bad_rows, source, 1, &what);

    let second = outcome(&case.text, &good, &options());
    let count = good_rows.rows.num_rows() as u64;
    if first.verdict == Verdict::Error {
        // Nobody fails what nobody could judge.
        assert_eq!(bad_rows.rows.num_rows(), 0, "{what}");
        assert_eq!(second.verdict, Verdict::Error, "{what}");
    } else if second.verdict == Verdict::Error {
        // Nothing is left to judge.
        assert!(count == 0 || second.code == Some("no_values"), "{what}: {:?}", second.message);
        assert!(matches!(second.code, Some("no_rows" | "no_values")), "{what}: {:?}", second.message);
    } else {
        assert_eq!(first.row_counts.unwrap().failed, bad_rows.rows.num_rows() as u64, "{what}");
        let counts = second.row_counts.unwrap();
        assert_eq!((counts.passed, counts.failed, counts.skipped), (count, 0, 0), "{what}");
        assert_eq!(second.verdict.as_str(), verdict_on_good(&case.rule), "{what}: {:?}", second.message);
    }
}

#[test]
fn every_rule_splits_the_rows_and_none_of_the_good_ones_fails_it() {
    let cases = cases();
    for (primary, cases) in &cases {
        std::thread::scope(|scope| {
            for half in [0, 1] {
                scope.spawn(move || {
                    let (source, room) = (parquet(&data(primary)), Room::new());
                    for (number, case) in cases.iter().enumerate().filter(|(number, _)| number % 2 == half) {
                        assert_rule_splits(case, &source, primary, number, &room);
                    }
                });
            }
        });
    }
}

/// Splits the rows of a fixture by the program.
fn split_fixture(room: &Room, rules: &str, primary: &Path, outputs: &str) -> Ran {
    let references = REFERENCES.iter().flat_map(|(alias, file)| {
        let reference = format!("{alias}={}", data(file).display());
        ["--reference".to_string(), reference]
    });
    let outputs = outputs.split_whitespace().map(str::to_string);
    room.check_with(rules, references.chain(outputs).chain([primary.display().to_string()]))
}

#[test]
fn rules_together_split_the_rows_and_none_of_the_good_ones_fails_any() {
    let room = Room::new();
    let mut groups = 0;
    for (primary, cases) in &cases() {
        let file = data(primary);
        let source = parquet(&file).rows;
        let all: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
        let ran = split_fixture(&room, &all.join(",\n"), &file, "--bad bad.parquet --rows-out rows.jsonl");
        assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.stderr);
        let rules = ran.rules();
        let rows = room.rows("rows.jsonl");
        let mut failing: BTreeMap<String, u64> = BTreeMap::new();
        for (_, failed) in told(&rows) {
            failed
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .for_each(|rule| *failing.entry(rule).or_default() += 1);
        }
        for (case, rule) in cases.iter().zip(&rules) {
            let own = failing.get(rule["rule"].as_str().unwrap()).copied().unwrap_or(0);
            assert_eq!(rule["row_counts"]["failed"].as_u64().unwrap_or(0), own, "{}", case.id);
        }
        assert_eq!(
            parquet(&room.path("bad.parquet")).rows.num_rows(),
            passed(&rows).iter().filter(|own| !**own).count()
        );

        // Those that leave good rows when they stand together.
        let few = |rule: &&Json| {
            rule["row_counts"]["failed"].as_u64().is_some_and(|own| own > 0 && own * 8 < rows.len() as u64)
        };
        let mild: Vec<&Case> = cases.iter().zip(&rules).filter(|(_, rule)| few(rule)).map(|(case, _)| case).collect();
        for group in mild.chunks(4).take(12) {
            let texts: Vec<&str> = group.iter().map(|case| case.text.as_str()).collect();
            let outputs = "--good good.parquet --bad bad.parquet --rows-out rows.jsonl --threads 2";
            split_fixture(&room, &texts.join(",\n"), &file, outputs);
            let (good, bad) = (parquet(&room.path("good.parquet")).rows, parquet(&room.path("bad.parquet")).rows);
            let what = format!("{texts:?}");
            assert_split(&source, &good, &bad, &told(&room.rows("rows.jsonl")), &what);
            assert!(good.num_rows() > 0 && bad.num_rows() > 0, "{what}");
            let again = split_fixture(&room, &texts.join(",\n"), &room.path("good.parquet"), "");
            for (case, rule) in group.iter().zip(again.rules()) {
                assert_eq!(rule["row_counts"]["failed"], json!(0), "{what}");
                assert_eq!(rule["verdict"].as_str(), Some(verdict_on_good(&case.rule)), "{what}");
            }
            groups += 1;
        }
    }
    assert!(groups >= 10, "only {groups} groups");
}

// Text, byte by byte.

/// Files of CSV, which are one dataset.
struct Csv {
    files: &'static [&'static str],
    arguments: &'static str,
    delimiter: char,
    quote: char,
    rules: &'static str,
    /// Its columns, and whether they have names in it.
    columns: usize,
    named: bool,
}

const CSVS: &[Csv] = &[
    Csv {
        files: &["id,name,note\n1,a,\"x \"\"y\"\"\"\n2,,\"two\nlines\"\n3,\"b,c\",\n4,d,\"=cmd\"\n5,,\"\"\n"],
        arguments: "",
        delimiter: ',',
        quote: '"',
        rules: r#"IsComplete "name", ColumnValues "id" < 4"#,
        columns: 3,
        named: true,
    },
    Csv {
        files: &["\u{feff}id,name,note\r\n1,\"a \"\"q\"\"\",\"line\r\ntwo\"\r\n2,,x\r\n3,  b  ,\r\n4,,é😀\r\n5,e,last"],
        arguments: "",
        delimiter: ',',
        quote: '"',
        rules: r#"IsComplete "name", ColumnLength "note" < 9"#,
        columns: 3,
        named: true,
    },
    Csv {
        files: &["id,name\n1,a\n2,\n3,\n4,d\n5,"],
        arguments: "",
        delimiter: ',',
        quote: '"',
        rules: r#"IsComplete "name""#,
        columns: 2,
        named: true,
    },
    Csv {
        files: &["id;name\r\n1;'a;b'\n2;\r\n3;\"c\"\n4;'it''s'\r\n5;'\r\n'\n"],
        arguments: "--csv-quote ' --csv-delimiter ;",
        delimiter: ';',
        quote: '\'',
        rules: r#"IsComplete "name", ColumnValues "id" != 4, ColumnLength "name" > 2"#,
        columns: 2,
        named: true,
    },
    Csv {
        files: &["1\ta\n2\t\n3\tb\n"],
        arguments: "--csv-no-header --csv-delimiter \\t",
        delimiter: '\t',
        quote: '"',
        rules: r#"IsComplete "_c1", IsUnique "_c0""#,
        columns: 2,
        named: false,
    },
    Csv {
        files: &[
            "\u{feff}id,name\r\n1,\"a\r\nb\"\r\n2,\r\n3,c\r\n",
            "\u{feff}id,name\r\n",
            "\u{feff}id,name\r\n1,\r\n4,\"d\"\r\n",
            "\u{feff}id,name\r\n5,e\r\n6,",
        ],
        arguments: "",
        delimiter: ',',
        quote: '"',
        rules: r#"IsComplete "name", IsUnique "id""#,
        columns: 2,
        named: true,
    },
];

/// The records of a text, as they stand.
fn records(text: &str, quote: char) -> Vec<&str> {
    let (mut found, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        quoted ^= letter == quote;
        if letter == '\n' && !quoted {
            found.push(&text[start..=at]);
            start = at + 1;
        }
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// A record and its line end.
fn body_and_end(record: &str) -> (&str, &str) {
    record.split_at(record.trim_end_matches(['\r', '\n']).len())
}

impl Csv {
    /// A field behind the others.
    fn field(&self, text: &str) -> String {
        let Self { delimiter, quote, .. } = self;
        if text.contains([*delimiter, *quote, '\n', '\r']) {
            format!("{delimiter}{quote}{}{quote}", text.replace(*quote, &format!("{quote}{quote}")))
        } else {
            format!("{delimiter}{text}")
        }
    }

    fn header(&self) -> &'static str {
        if self.named { records(self.files[0], self.quote)[0] } else { "" }
    }

    /// All files as one.
    fn text(&self) -> String {
        let rows = self.files.iter().map(|file| &file[self.header().len()..]);
        self.header().to_string() + &rows.collect::<String>()
    }
}

#[test]
fn good_and_bad_records_of_csv_together_are_the_input() {
    for (number, csv) in CSVS.iter().enumerate() {
        let room = Room::new();
        let names: Vec<String> = (0..csv.files.len()).map(|file| format!("in/{file}.csv")).collect();
        names.iter().zip(csv.files).for_each(|(name, text)| room.write(name, text));
        let arguments = format!("{} {}", csv.arguments, names.join(" "));
        for threads in [1, 3] {
            let outputs =
                format!("--threads {threads} --good good.csv --bad bad.csv --rows-out rows.jsonl {arguments}");
            room.checked(csv.rules, &outputs);
            let rows = room.rows("rows.jsonl");
            let (good, bad) = (room.text("good.csv"), room.text("bad.csv"));
            let (mut good, mut bad) = (good.as_str(), records(&bad, csv.quote).into_iter());
            let mut joined = String::new();
            if csv.named {
                good = good.strip_prefix(csv.header()).unwrap_or_else(|| panic!("{number}: {good:?}"));
                joined += csv.header();
                let (body, end) = body_and_end(csv.header());
                assert_eq!(bad.next(), Some(format!("{body}{}{end}", csv.field(FAILED)).as_str()), "{number}");
            }
            let mut good = records(good, csv.quote).into_iter();
            for row in &rows {
                if row[OUTCOMES[3]] == "Passed" {
                    joined += good.next().unwrap();
                } else {
                    let (body, end) = body_and_end(bad.next().unwrap());
                    let field = csv.field(&row[OUTCOMES[1]].to_string());
                    joined += body.strip_suffix(&field).unwrap_or_else(|| panic!("{number}: {body:?} {field:?}"));
                    joined += end;
                }
            }
            assert_eq!((good.next(), bad.next()), (None, None), "{number}");
            assert_eq!(joined, csv.text(), "{number}");

            let failing = passed(&rows).iter().filter(|passes| !**passes).count();
            assert!(failing > 0 && failing < rows.len(), "{number}");
            let added = if csv.named { FAILED.to_string() } else { format!("_c{}", csv.columns) };
            let about = format!("RowCount = {failing}, ColumnCount = {}, IsComplete \"{added}\"", csv.columns + 1);
            let ran = room.check(&about, &format!("{} bad.csv", csv.arguments));
            assert_eq!(ran.code, Some(0), "{number}: {}{}", ran.stdout, ran.stderr);
            for rule in room.checked(csv.rules, &format!("{} good.csv", csv.arguments)).rules() {
                assert_eq!(rule["row_counts"]["failed"], json!(0), "{number}");
            }
        }
    }
}

#[test]
fn good_and_bad_lines_of_json_together_are_the_input() {
    let rules = r#"IsComplete "id", ColumnValues "id" < 4, IsComplete "o", ColumnValues "t" != "é😀,\"}""#;
    let texts = [
        "{\"id\": 1, \"o\": {\"x\":[1,{\"y\":\"}\"}]}, \"t\":\"é😀\"}\n {\"id\":2,\"o\":null,\"t\":\"}\"} \r\n{}\n{ }\n\
         {\"id\":4,\"t\":\"a\\\"b\\u00e9\",\"o\":[]}\n{\"t\":\"x\",\"id\":3.0,\"o\":{}}",
        "{\"id\":1,\"o\":[[1]],\"t\":\"y\"}\r\n{\"id\":9,\"o\":1e3}\r\n{\"o\":true,\"id\":2}\r\n",
    ];
    for text in texts {
        let room = Room::new();
        room.write("in.jsonl", text);
        for threads in [1, 3] {
            let outputs = "--good good.jsonl --bad bad.jsonl --rows-out rows.jsonl in.jsonl";
            room.checked(rules, &format!("--threads {threads} {outputs}"));
            let rows = room.rows("rows.jsonl");
            let (good, bad) = (room.text("good.jsonl"), room.text("bad.jsonl"));
            let (mut good, mut bad) = (good.split_inclusive('\n'), bad.split_inclusive('\n'));
            let mut joined = String::new();
            for row in &rows {
                if row[OUTCOMES[3]] == "Passed" {
                    joined += good.next().unwrap();
                } else {
                    let line = bad.next().unwrap();
                    let object: Json = serde_json::from_str(line).unwrap();
                    assert_eq!(object[FAILED], row[OUTCOMES[1]]);
                    assert_eq!(object.as_object().unwrap().keys().next_back().unwrap(), FAILED);
                    let member = format!("\"{FAILED}\":{}", row[OUTCOMES[1]]);
                    let comma = format!(",{member}");
                    assert_eq!(line.matches(&member).count(), 1, "{line}");
                    let added = if line.contains(&comma) { &comma } else { &member };
                    joined += &line.replacen(added, "", 1);
                }
            }
            assert_eq!((good.next(), bad.next()), (None, None));
            assert_eq!(joined, text);
            for rule in room.checked(rules, "good.jsonl").rules() {
                assert_eq!(rule["row_counts"]["failed"], json!(0));
            }
        }
    }
}

#[test]
fn all_or_none_of_the_rows_of_text_may_be_good() {
    let room = Room::new();
    room.write("in.csv", "id,t\n1,a\n2,b\n");
    room.write("in.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    room.write("none.csv", "id,t\n");
    for (rule, all_good) in [(r#"IsComplete "id""#, true), (r#"ColumnValues "id" > 5"#, false)] {
        room.checked(rule, "--good good.csv --bad bad.csv in.csv");
        room.checked(rule, "--good good.jsonl --bad bad.jsonl in.jsonl");
        let (csv, bad_csv) = (room.text("good.csv"), room.text("bad.csv"));
        let (json, bad_json) = (room.text("good.jsonl"), room.text("bad.jsonl"));
        if all_good {
            assert_eq!((csv, json), (room.text("in.csv"), room.text("in.jsonl")));
            assert_eq!((bad_csv.as_str(), bad_json.as_str()), ("id,t,_dq_failed_rules\n", ""));
        } else {
            assert_eq!((csv.as_str(), json.as_str()), ("id,t\n", ""));
            assert_eq!((bad_csv.lines().count(), bad_json.lines().count()), (3, 2));
        }
        room.checked(
            r#"IsComplete "id""#,
            "--allow-empty --good good.csv --bad bad.csv --rows-out rows.jsonl none.csv",
        );
        assert_eq!((room.text("good.csv").as_str(), room.text("rows.jsonl").as_str()), ("id,t\n", ""));
        assert_eq!(room.text("bad.csv"), "id,t,_dq_failed_rules\n");
    }
}

// Columns, and from one format to another.

/// 8 rows; a dictionary, NaN and texts that look like something else.
fn table() -> RecordBatch {
    let words: DictionaryArray<Int32Type> =
        [Some("a"), Some("b"), None, Some("a"), Some("c"), Some("b"), Some("a"), None].into_iter().collect();
    let floats = [Some(1.5), None, Some(-0.0), Some(f64::NAN), Some(1e300), Some(2.0), Some(3.0), Some(0.1)];
    let texts = [Some(""), Some("x\"y"), Some("a,b"), None, Some("é😀"), Some("\n"), Some("NULL"), Some("z")];
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(1..9)), false),
        ("d", Arc::new(words), true),
        ("f", Arc::new(Float64Array::from_iter(floats)), true),
        ("t", Arc::new(StringArray::from_iter(texts)), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[test]
fn columns_keep_their_types_whatever_part_of_the_rows_is_good() {
    let some_good = r#"IsComplete "d", ColumnValues "id" > 2, ColumnLength "t" < 3"#;
    let all_good = r#"IsUnique "id", ColumnValues "id" > 0"#;
    let none_good = r#"ColumnValues "id" > 100, RowCount > 0"#;
    for extension in ["parquet", "arrow", "arrows"] {
        for (rules, batch, good_rows) in [
            (some_good, table(), 3),
            (all_good, table(), 8),
            (none_good, table(), 0),
            (some_good, table().slice(0, 0), 0),
        ] {
            let unread = |rows: usize| extension == "arrows" && rows == 0;
            if unread(batch.num_rows()) {
                // `streams_without_rows_are_read`
                continue;
            }
            let room = Room::new();
            let input = format!("in.{extension}");
            write_columns(&room.path(&input), &batch);
            let what = format!("{extension} {rules}");
            let (good, bad) = (format!("good.{extension}"), format!("bad.{extension}"));
            let outputs = format!("--allow-empty --good {good} --bad {bad} --rows-out rows.jsonl {input}");
            room.checked(rules, &outputs);
            let source = columns_of(&room.path(&input));
            let told = told(&room.rows("rows.jsonl"));
            let (good_columns, bad_columns) = (columns_of(&room.path(&good)), columns_of(&room.path(&bad)));
            assert_split(&source, &good_columns, &bad_columns, &told, &what);
            assert_eq!(good_columns.num_rows(), good_rows, "{what}");
            for (rows, file) in [(good_rows, &good), (batch.num_rows() - good_rows, &bad)] {
                let again = room.check(&format!("RowCount = {rows}"), file);
                assert!(again.code == Some(0) || unread(rows), "{what}: {}{}", again.stdout, again.stderr);
            }
        }
    }
}

#[test]
fn rows_of_several_files_go_to_one() {
    let rules = r#"IsComplete "d", IsUnique "id""#;
    let all = table();
    let plain_types: Vec<(&str, ArrayRef)> = ["id", "d", "f", "t"].into_iter().zip(plain(&all)).collect();
    let undictionaried = RecordBatch::try_from_iter(plain_types).unwrap();
    for (extension, batch) in [("parquet", &all), ("arrows", &all), ("arrow", &undictionaried)] {
        let room = Room::new();
        let names: Vec<String> = [(0, 3), (3, 0), (3, 5)]
            .into_iter()
            // `streams_without_rows_are_read`
            .filter(|(_, rows)| extension != "arrows" || *rows > 0)
            .enumerate()
            .map(|(file, (start, rows))| {
                let name = format!("in{file}.{extension}");
                write_columns(&room.path(&name), &batch.slice(start, rows));
                name
            })
            .collect();
        let (good, bad) = (format!("good.{extension}"), format!("bad.{extension}"));
        room.checked(rules, &format!("--good {good} --bad {bad} --rows-out rows.jsonl {}", names.join(" ")));
        let told = told(&room.rows("rows.jsonl"));
        assert_eq!(told.iter().filter(|(passes, _)| *passes).count(), 6);
        assert_split(batch, &columns_of(&room.path(&good)), &columns_of(&room.path(&bad)), &told, extension);
    }

    // Each Arrow file has a dictionary of its own: text is written.
    let room = Room::new();
    for (name, start) in [("a.arrow", 0), ("b.arrow", 4)] {
        write_columns(&room.path(name), &all.slice(start, 4));
    }
    room.checked(rules, "--good good.arrow --bad bad.arrow --rows-out rows.jsonl a.arrow b.arrow");
    let good = columns_of(&room.path("good.arrow"));
    assert_eq!(good.schema().field(1).data_type(), &DataType::Utf8);
    let flags = passed(&room.rows("rows.jsonl"));
    assert!(good.columns() == plain(&some(&all, &flags, true)).as_slice());

    // A column that one of them does not have.
    let narrow = all.project(&[0, 1]).unwrap();
    write_columns(&room.path("narrow.parquet"), &narrow);
    write_columns(&room.path("wide.parquet"), &all);
    room.checked(r#"IsComplete "d""#, "--good good.parquet --rows-out rows.jsonl narrow.parquet wide.parquet");
    let good = columns_of(&room.path("good.parquet"));
    assert_eq!((good.num_rows(), good.num_columns()), (12, 4));
    assert_eq!(good.column(3).null_count(), 7);
}

#[test]
fn streams_without_rows_are_read() {
    let room = Room::new();
    write_columns(&room.path("in.arrows"), &table().slice(0, 0));
    write_columns(&room.path("all.arrows"), &table());
    room.checked("RowCount = 0", "in.arrows");
    room.checked(r#"ColumnValues "id" > 100"#, "--good good.arrows all.arrows");
    room.checked("RowCount = 0", "good.arrows");
}

#[test]
fn names_of_directories_become_a_column_of_the_file() {
    let room = Room::new();
    let all = table();
    for (country, start, rows) in [("DE", 5, 3), ("US", 0, 5)] {
        fs::create_dir_all(room.path(&format!("data/country={country}"))).unwrap();
        let name = format!("data/country={country}/part.parquet");
        write_columns(&room.path(&name), &all.slice(start, rows));
        let lines: String = (start + 1..=start + rows).map(|id| format!("{id},x\n")).collect();
        room.write(&format!("text/country={country}/part.csv"), format!("id,t\n{lines}"));
    }
    let rules = r#"IsComplete "d", ColumnValues "country" = "US""#;
    for extension in ["parquet", "arrow"] {
        let (good, bad) = (format!("good.{extension}"), format!("bad.{extension}"));
        room.checked(rules, &format!("--good {good} --bad {bad} --rows-out rows.jsonl data"));
        let rows = room.rows("rows.jsonl");
        assert_eq!(rows.len(), 8);
        let ids = |column: &RecordBatch| -> Vec<i64> {
            column.column(0).as_primitive::<arrow_array::types::Int64Type>().values().to_vec()
        };
        let expected = |wanted: bool| -> Vec<i64> {
            let rows = rows.iter().zip(passed(&rows)).filter(|(_, passes)| *passes == wanted);
            rows.map(|(row, _)| row["id"].as_i64().unwrap()).collect()
        };
        let (good, bad) = (columns_of(&room.path(&good)), columns_of(&room.path(&bad)));
        assert_eq!((ids(&good), ids(&bad)), (expected(true), expected(false)));
        assert_eq!(ids(&good), [1, 2, 4, 5]);
        assert_eq!(good.schema().field(4).name(), "country");
        let countries = arrow_cast::cast(good.column(4), &DataType::Utf8).unwrap();
        assert_eq!(countries.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["US"; 4]);
    }
    room.checked(r#"ColumnValues "country" = "US""#, "--good good.csv --bad bad.csv text");
    assert_eq!(room.text("good.csv"), "id,t,country\n1,x,US\n2,x,US\n3,x,US\n4,x,US\n5,x,US\n");
    let field = r#""[""ColumnValues \""country\"" = \""US\""""]""#;
    let lines: String = (6..9).map(|id| format!("{id},x,DE,{field}\n")).collect();
    assert_eq!(room.text("bad.csv"), format!("id,t,country,{FAILED}\n{lines}"));
}

#[test]
fn rows_in_another_format_are_judged_as_before() {
    let rules = r#"IsComplete "d", ColumnValues "id" > 2, ColumnLength "t" < 3, IsUnique "d", ColumnValues "f" > 1,
                   IsComplete "t", IsComplete "f", IsPrimaryKey "id" "d""#;
    let room = Room::new();
    let all = table();
    // CSV and JSON have no word for NaN that is read again.
    let floats = Float64Array::from_iter([Some(1.5), None, Some(-0.0), Some(7.25), Some(1e300), Some(2.0), None, None]);
    let mut columns = all.columns().to_vec();
    columns[2] = Arc::new(floats);
    write_columns(&room.path("in.parquet"), &RecordBatch::try_new(all.schema(), columns).unwrap());
    room.write(
        "in.csv",
        "id,d,f,t\n1,a,1.5,\"\"\n2,b,,\"x\"\"y\"\n3,,-0.0,\"a,b\"\n4,a,7.25,\n5,c,1e300,é😀\n6,b,2,\"\n\"\n7,a,,NULL\n8,,,z\n",
    );
    room.write(
        "in.jsonl",
        "{\"id\":1,\"d\":\"a\",\"f\":1.5,\"t\":\"\"}\n{\"id\":2,\"d\":\"b\",\"t\":\"x\\\"y\"}\n\
         {\"id\":3,\"f\":-0.0,\"t\":\"a,b\"}\n{\"id\":4,\"d\":\"a\",\"f\":7.25}\n\
         {\"id\":5,\"d\":\"c\",\"f\":1e300,\"t\":\"é😀\"}\n{\"id\":6,\"d\":\"b\",\"f\":2,\"t\":\"\\n\"}\n\
         {\"id\":7,\"d\":\"a\",\"t\":\"NULL\"}\n{\"id\":8,\"t\":\"z\"}\n",
    );
    let mut known: Option<Vec<Json>> = None;
    for input in ["in.parquet", "in.csv", "in.jsonl"] {
        room.checked(rules, &format!("--rows-out rows.jsonl {input}"));
        let verdicts = failed_rules(&room.rows("rows.jsonl"));
        let expected = known.get_or_insert_with(|| verdicts.clone()).clone();
        assert_eq!(verdicts, expected, "{input}");
        for output in ["out.parquet", "out.csv", "out.tsv", "out.jsonl", "out.ndjson", "out.arrow", "out.arrows"] {
            room.checked("RowCount = 8", &format!("--good {output} {input}"));
            room.checked(rules, &format!("--rows-out rows.jsonl {output}"));
            assert_eq!(failed_rules(&room.rows("rows.jsonl")), expected, "{input} to {output}");
            room.checked(rules, &format!("--good good-{output} --bad bad-{output} {input}"));
            let good = expected.iter().filter(|failed| **failed == json!([])).count();
            for (name, rows) in [(format!("good-{output}"), good), (format!("bad-{output}"), 8 - good)] {
                let ran = room.check(&format!("RowCount = {rows}"), &name);
                assert_eq!(ran.code, Some(0), "{input} to {name}: {}{}", ran.stdout, ran.stderr);
            }
        }
    }
}

#[test]
fn floats_without_a_number_are_not_lost_in_json_lines() {
    let room = Room::new();
    write_columns(&room.path("in.parquet"), &table());
    let ran = room.check(r#"IsComplete "id", ColumnValues "id" = 4"#, "--good good.jsonl in.parquet");
    if ran.code == Some(2) {
        return;
    }
    // The only good row has NaN, which is a value.
    for rule in room.checked(r#"IsComplete "f""#, "good.jsonl").rules() {
        assert_eq!(rule["row_counts"]["failed"], json!(0));
    }
}

// All rows, as Glue's rowLevelOutcomes.

const MIXED: &str = r#"IsComplete "name",
    ColumnValues "id" > 1 labels=["team"="a"],
    RowCount > 100,
    IsComplete "missing",
    IsUnique "id",
    (IsComplete "name") and (ColumnValues "id" > 1),
    (IsComplete "name") or (RowCount > 0),
    IsComplete "name""#;

const MIXED_ROWS: &str = "id,name\n1,a\n2,\n3,c\n";

/// What each row of MIXED_ROWS passes, fails and is skipped by.
fn mixed() -> [[Vec<&'static str>; 3]; 3] {
    let name = r#"IsComplete "name""#;
    let id = r#"ColumnValues "id" > 1"#;
    let unique = r#"IsUnique "id""#;
    let both = r#"(IsComplete "name") AND (ColumnValues "id" > 1)"#;
    let skipped = || vec!["RowCount > 100", r#"IsComplete "missing""#, r#"(IsComplete "name") OR (RowCount > 0)"#];
    [
        [vec![name, unique, name], vec![id, both], skipped()],
        [vec![id, unique], vec![name, both, name], skipped()],
        [vec![name, id, unique, both, name], vec![], skipped()],
    ]
}

#[test]
fn all_rows_have_the_four_columns_of_glue_in_json_lines() {
    let room = Room::new();
    room.write("in.csv", MIXED_ROWS);
    room.write("in.jsonl", "{\"id\":1,\"name\":\"a\"}\n{\"id\":2}\n{\"name\":\"c\",\"id\":3}\n");
    for input in ["in.csv", "in.jsonl"] {
        let ran = room.check(MIXED, &format!("--rows-out rows.jsonl {input}"));
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        let rows = room.rows("rows.jsonl");
        assert_eq!(rows.len(), 3);
        for (row, [passes, fails, skips]) in rows.iter().zip(mixed()) {
            let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            assert_eq!(keys[keys.len() - 4..], OUTCOMES);
            let result = if fails.is_empty() { "Passed" } else { "Failed" };
            assert_eq!(row[OUTCOMES[0]], json!(passes), "{input}");
            assert_eq!(row[OUTCOMES[1]], json!(fails), "{input}");
            assert_eq!(row[OUTCOMES[2]], json!(skips), "{input}");
            assert_eq!(row[OUTCOMES[3]], json!(result), "{input}");
        }
        assert_eq!((&rows[1]["id"], &rows[2]["name"]), (&json!(2), &json!("c")));
    }
}

#[test]
fn all_rows_have_the_four_columns_of_glue_in_parquet() {
    let room = Room::new();
    room.write("in.csv", MIXED_ROWS);
    let ran = room.check(MIXED, "--rows-out rows.parquet in.csv");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let rows = parquet(&room.path("rows.parquet")).rows;
    let schema = rows.schema();
    let fields: Vec<&Field> = schema.fields().iter().map(AsRef::as_ref).collect();
    assert_eq!((fields[0].name().as_str(), fields[1].name().as_str()), ("id", "name"));
    assert_eq!(fields.len(), 6);
    for (field, name) in fields[2..5].iter().zip(OUTCOMES) {
        assert_eq!(**field, text_list(name));
    }
    assert_eq!(*fields[5], Field::new(OUTCOMES[3], DataType::Utf8, false));
    for (row, lists) in mixed().into_iter().enumerate() {
        let result = if lists[1].is_empty() { "Passed" } else { "Failed" };
        for (list, expected) in lists.iter().enumerate() {
            assert_eq!(texts(&rows, 2 + list, row), *expected, "row {row}, {}", OUTCOMES[list]);
        }
        assert_eq!(rows.column(5).as_string::<i32>().value(row), result);
    }

    // And with nothing but rules about all data.
    room.check("RowCount > 100, ColumnCount = 1", "--rows-out rows.parquet --bad bad.parquet in.csv");
    let rows = parquet(&room.path("rows.parquet")).rows;
    for row in 0..3 {
        let skipped = ["RowCount > 100", "ColumnCount = 1"];
        assert_eq!((texts(&rows, 2, row).len(), texts(&rows, 3, row).len()), (0, 0));
        assert_eq!(texts(&rows, 4, row), skipped);
        assert_eq!(rows.column(5).as_string::<i32>().value(row), "Passed");
    }
    assert_eq!(parquet(&room.path("bad.parquet")).rows.num_rows(), 0);
}

#[cfg(feature = "sql")]
#[test]
fn rows_that_a_filter_leaves_out_pass_or_are_skipped() {
    let room = Room::new();
    room.write("in.csv", MIXED_ROWS);
    let rules = r#"IsComplete "name" where "id > 1", Completeness "name" > 0.1"#;
    let filtered = r#"IsComplete "name" where "id > 1""#;
    let share = r#"Completeness "name" > 0.1"#;
    for (how, passes, skips) in
        [("pass", json!([filtered, share]), json!([])), ("skip", json!([share]), json!([filtered]))]
    {
        room.checked(rules, &format!("--filtered-rows {how} --rows-out rows.jsonl in.csv"));
        let rows = room.rows("rows.jsonl");
        assert_eq!((&rows[0][OUTCOMES[0]], &rows[0][OUTCOMES[2]]), (&passes, &skips));
        // It fails the rule with a share, although that passes.
        assert_eq!(rows[1][OUTCOMES[1]], json!([filtered, share]));
        assert_eq!(rows[2][OUTCOMES[0]], json!([filtered, share]));
    }
}

// All or nothing.

/// Rows of which every tenth fails one rule, and some another.
fn many_rows(rows: usize) -> String {
    use std::fmt::Write;
    let mut text = String::from("id,a,b,c\n");
    for row in 0..rows {
        let c = if row.is_multiple_of(10) { "" } else { "x" };
        writeln!(text, "{row},{},a text that makes the row longer {},{c}", row * 7919 % 101, row % 977).unwrap();
    }
    text
}

const MANY_RULES: &str = r#"IsComplete "c", ColumnValues "a" > 5, IsUnique "id""#;

#[test]
fn outputs_are_the_same_at_any_number_of_threads() {
    let room = Room::new();
    room.write("in.csv", many_rows(20_000));
    for extension in ["csv", "jsonl", "parquet", "arrow", "arrows"] {
        let mut known: Option<Vec<Vec<u8>>> = None;
        for threads in [1, 2, 5] {
            let [good, bad, rows] = ["good", "bad", "rows"].map(|name| format!("out-{name}.{extension}"));
            let outputs = format!("--good {good} --bad {bad} --rows-out {rows} in.csv");
            room.checked(MANY_RULES, &format!("--threads {threads} {outputs}"));
            let bytes: Vec<Vec<u8>> = [good, bad, rows].iter().map(|name| room.read(name)).collect();
            let first = known.get_or_insert_with(|| bytes.clone());
            assert!(bytes == *first, "{extension} at {threads} threads");
        }
    }
    // And from columns.
    room.checked("RowCount > 0", "--good in.parquet in.csv");
    let read = |threads: usize| {
        let outputs = "--good good.parquet --bad bad.csv --rows-out rows.parquet in.parquet";
        room.checked(MANY_RULES, &format!("--threads {threads} {outputs}"));
        ["good.parquet", "bad.csv", "rows.parquet"].map(|name| room.read(name))
    };
    let first = read(1);
    assert!(read(2) == first && read(5) == first);
}

/// Numbers without a pattern.
struct Random(u64);

impl Random {
    /// At least 0, less than 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The outputs in the order in which they get their names.
const OUTPUTS: [&str; 3] = ["bad.csv", "rows.parquet", "good.csv"];

/// Writes all outputs of in.csv into out.
fn writing(room: &Room) -> Command {
    let mut command = Command::new(program());
    plain_environment(&mut command);
    command.current_dir(room.0.path()).stdout(Stdio::null()).stderr(Stdio::null());
    command.args(["check", "--quiet", "--samples", "0", "--threads", "2", "--ruleset", "rules.dqdl", "in.csv"]);
    command.args(["--bad", "out/bad.csv", "--rows-out", "out/rows.parquet", "--good", "out/good.csv"]);
    command
}

/// Whether the system has files without names here; elsewhere a killed program leaves hidden ones.
#[cfg(target_os = "linux")]
fn has_nameless_files(directory: &Path) -> bool {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(directory, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::from_raw_mode(0o666)).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_nameless_files(_: &Path) -> bool {
    false
}

#[test]
fn whoever_kills_the_program_finds_whole_files_or_none() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = Random(seed);
    let room = Room::new();
    room.rules(MANY_RULES);
    fs::create_dir(room.path("out")).unwrap();
    let undisturbed = |rows: usize| {
        room.write("in.csv", many_rows(rows));
        let started = std::time::Instant::now();
        assert_eq!(writing(&room).status().unwrap().code(), Some(1));
        started.elapsed().as_secs_f64()
    };
    // A fifth of a second a run, as far as 300,000 rows go.
    let rows = (20_000.0 * 0.2 / undisturbed(20_000)).clamp(5_000.0, 300_000.0) as usize;
    let took = undisturbed(rows);
    let whole = OUTPUTS.map(|name| room.read(&format!("out/{name}")));
    let (mut killed, mut found_none, mut found_all) = (0, 0, 0);
    for turn in 0..60 {
        let there_before = turn % 2 == 1;
        fs::remove_dir_all(room.path("out")).unwrap();
        fs::create_dir(room.path("out")).unwrap();
        if there_before {
            OUTPUTS.iter().for_each(|name| room.write(&format!("out/{name}"), "old"));
        }
        let changed = |at: usize| {
            let file = fs::metadata(room.path(&format!("out/{}", OUTPUTS[at])));
            file.is_ok_and(|file| file.len() != 3)
        };
        let mut child = writing(&room).spawn().unwrap();
        if turn < 50 {
            std::thread::sleep(std::time::Duration::from_secs_f64(random.fraction() * 1.1 * took));
        } else {
            // Between the first name and the last.
            while child.try_wait().unwrap().is_none() && !changed(0) {}
        }
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());

        let what = format!("seed {seed}, turn {turn}");
        let (hidden, names): (Vec<String>, Vec<String>) =
            room.names("out").into_iter().partition(|name| name.starts_with('.'));
        assert!(names.iter().all(|name| OUTPUTS.contains(&name.as_str())), "{what}: {names:?}");
        let new = [0, 1, 2].map(|at| {
            let bytes = fs::read(room.path(&format!("out/{}", OUTPUTS[at]))).ok();
            let is_new = bytes.as_ref() == Some(&whole[at]);
            let untouched = if there_before { bytes.as_deref() == Some(b"old".as_slice()) } else { bytes.is_none() };
            assert!(is_new || untouched, "{what}: {} is neither as before nor whole", OUTPUTS[at]);
            is_new
        });
        assert!(new.is_sorted_by(|before, after| before >= after), "{what}: {new:?}");
        found_none += usize::from(new == [false; 3]);
        found_all += usize::from(new == [true; 3]);
        if has_nameless_files(&room.path("out")) {
            // Only a file that replaces another has a hidden name, for an instant and when it is whole.
            assert!(hidden.len() <= usize::from(there_before), "{what}: {hidden:?}");
            for name in &hidden {
                let at = new.iter().position(|new| !new).expect("one that is not there yet");
                assert!(name.starts_with(&format!(".{}.", OUTPUTS[at])), "{what}: {name}");
                assert!(room.read(&format!("out/{name}")) == whole[at], "{what}: {name}");
            }
        }
        if !hidden.is_empty() {
            // The next run tidies up.
            writing(&room).status().unwrap();
            let mut expected = OUTPUTS.map(str::to_string);
            expected.sort();
            assert_eq!(room.names("out"), expected, "{what}");
        }
    }
    println!("{rows} rows in {took:.2} s: {killed} killed, {found_none} found none, {found_all} found all");
    assert!(killed >= 10, "only {killed} runs were killed before they ended");
}

#[cfg(unix)]
#[test]
fn where_there_is_no_room_nothing_is_written() {
    let room = Room::new();
    room.rules(MANY_RULES);
    room.write("in.csv", many_rows(20_000));
    fs::create_dir(room.path("out")).unwrap();
    for there_before in [false, true] {
        for outputs in [
            vec!["--good", "out/good.csv"],
            vec!["--good", "out/good.jsonl", "--bad", "out/bad.csv"],
            vec!["--rows-out", "out/rows.parquet", "--bad", "out/bad.csv"],
            vec!["--good", "out/good.arrow", "--rows-out", "out/rows.jsonl"],
        ] {
            let names: Vec<&str> = outputs.iter().skip(1).step_by(2).copied().collect();
            if there_before {
                names.iter().for_each(|name| room.write(name, "old"));
            }
            // Who does not ignore the signal that comes with a limit is killed by it.
            for ignore in ["trap '' XFSZ; ", ""] {
                let mut command = Command::new("sh");
                plain_environment(&mut command);
                command.current_dir(room.0.path());
                command.arg("-c").arg(format!("{ignore}ulimit -c 0; ulimit -f 20; exec \"$0\" \"$@\"")).arg(program());
                command
                    .args(["check", "--quiet", "--samples", "0", "--ruleset", "rules.dqdl", "in.csv"])
                    .args(&outputs);
                let ran = Ran::of(&mut command);
                if !ignore.is_empty() {
                    assert_eq!(ran.code, Some(4), "{outputs:?}: {}", ran.stderr);
                    assert!(ran.stderr.contains("error[output::write]"), "{}", ran.stderr);
                    assert!(!ran.stdout.contains("PASS"), "{}", ran.stdout);
                }
                let mut after = room.names("out");
                after.retain(|name| !name.starts_with('.') || has_nameless_files(&room.path("out")));
                assert_eq!(after.len(), if there_before { names.len() } else { 0 }, "{outputs:?}: {after:?}");
                if there_before {
                    assert!(names.iter().all(|name| room.read(name) == b"old"), "{outputs:?}");
                }
            }
            names.iter().filter(|_| there_before).for_each(|name| fs::remove_file(room.path(name)).unwrap());
        }
    }
}

#[test]
fn outputs_that_cannot_be_are_refused_before_anything_is_read() {
    let room = Room::new();
    let rule = r#"IsComplete "a""#;
    // Whoever reads all of it finds a byte that is no text.
    let mut broken: Vec<u8> = many_rows(20_000).into_bytes();
    broken.extend(b"1,\xff,text,x\n");
    for name in ["in.csv", "data/part.csv"] {
        room.write(name, &broken);
    }
    room.write("reference.csv", "a\n1\n");
    room.write("failed.csv", "a,_DQ_Failed_Rules\n1,2\n");
    room.write("outcomes.csv", "a,dataqualityrulesskip\n1,2\n");
    room.rules(rule);
    #[cfg(unix)]
    std::os::unix::fs::symlink("in.csv", room.path("link.csv")).unwrap();
    let ran = room.check(rule, "--good good.csv in.csv");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let before = room.names("");
    let refused = |arguments: &str| {
        let ran = room.check(rule, arguments);
        assert_eq!(ran.code, Some(2), "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains("error[usage]") && ran.stdout.is_empty(), "{arguments}: {}", ran.stderr);
        assert_eq!(room.names(""), before, "{arguments}");
        assert!(room.read("in.csv") == broken && room.names("data") == ["part.csv"], "{arguments}");
    };
    for option in ["--good", "--bad", "--rows-out"] {
        for arguments in [
            "in.csv in.csv",
            "./data/../in.csv in.csv",
            "data/part.csv data",
            "data/other.csv data",
            "data/other.csv data/*.csv",
            "reference.csv --reference r=reference.csv in.csv",
            "rules.dqdl in.csv",
            "report.json --output json=report.json in.csv",
            "./report.json --output glue=report.json in.csv",
            "- in.csv",
            ". in.csv",
            "data data",
            "out.csv.gz in.csv",
            "out.csv --key nowhere in.csv",
        ] {
            refused(&format!("{option} {arguments}"));
        }
        if cfg!(unix) {
            refused(&format!("{option} link.csv in.csv"));
            refused(&format!("{option} /dev/stdout in.csv"));
            refused(&format!("{option} /dev/null in.csv"));
        }
    }
    refused("--good out.csv --bad out.csv in.csv");
    refused("--good out.csv --rows-out ./out.csv in.csv");
    refused("--bad data/../out.csv --rows-out out.csv in.csv");
    refused("--bad out.csv failed.csv");
    refused("--rows-out out.csv outcomes.csv");
}

#[test]
fn a_directory_is_refused_like_everything_that_is_no_file() {
    let room = Room::new();
    room.write("in.csv", "a\n1\n");
    fs::create_dir(room.path("out")).unwrap();
    for path in ["out", "out/", "new/"] {
        assert_eq!(room.check(r#"IsComplete "a""#, &format!("--good {path} in.csv")).code, Some(2), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn two_outputs_are_one_file_also_by_a_link_to_nothing() {
    let room = Room::new();
    room.write("in.csv", "a\n1\n\"\"\n");
    std::os::unix::fs::symlink("out.csv", room.path("link.csv")).unwrap();
    for others in ["--bad out.csv", "--rows-out out.csv", "--output json=out.csv"] {
        let ran = room.check(r#"IsComplete "a""#, &format!("--good link.csv {others} in.csv"));
        assert_eq!(ran.code, Some(2), "{others}: {}", ran.stderr);
    }
}

#[test]
fn a_name_of_a_format_that_is_only_read_is_refused() {
    let room = Room::new();
    room.write("in.csv", "a\n1\n");
    assert_eq!(room.check(r#"IsComplete "a""#, "--good good.avro in.csv").code, Some(2));
}
