//! `dq records` and contract files, as users call them.

#![allow(clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A directory with files.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        for (name, contents) in files {
            place.write(name, contents);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
        fs::write(path, contents).expect("written");
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn dq(&self, arguments: &[&str]) -> Ran {
        self.piped(arguments, b"")
    }

    fn piped(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dq"));
        command.current_dir(self.0.path()).env_remove("NO_COLOR").args(arguments).write_stdin(stdin);
        let output = command.output().expect("the program ran");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let ran =
            Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }
}

/// The failures of one record: pointers and keywords.
fn failures(schema_name: &str, schema: &str, record: &str) -> Vec<(String, String)> {
    let place = Place::new(&[(schema_name, schema.as_bytes()), ("r.jsonl", record.as_bytes())]);
    let ran = place.dq(&["records", "--schema", schema_name, "--format", "json", "r.jsonl"]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let details = ran.json()["failed_records"].clone();
    let errors = details[0]["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| (text(&error["pointer"]), text(&error["keyword"]))).collect()
}

#[test]
fn a_json_schema_is_read_as_its_draft_says() {
    let draft = |name: &str| format!("http://json-schema.org/{name}/schema#");
    let (four, six, seven) = (draft("draft-04"), draft("draft-06"), draft("draft-07"));
    let (nineteen, twenty) =
        ("https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema");
    // Draft, the rest of the schema, record, pointer and keyword of its failure.
    let cases = [
        (four.as_str(), json!({"minimum": 3, "exclusiveMinimum": true}), "3", Some(("", "exclusiveMinimum"))),
        (six.as_str(), json!({"exclusiveMinimum": 3}), "3", Some(("", "exclusiveMinimum"))),
        (four.as_str(), json!({"type": "integer"}), "1.0", Some(("", "type"))),
        (six.as_str(), json!({"type": "integer"}), "1.0", None),
        (six.as_str(), json!({"const": 1}), "2", Some(("", "const"))),
        (seven.as_str(), json!({"if": {"type": "string"}, "then": {"minLength": 2}}), "\"a\"", Some(("", "minLength"))),
        (seven.as_str(), json!({"format": "ipv4"}), "\"x\"", Some(("", "format"))),
        (nineteen, json!({"format": "ipv4"}), "\"x\"", None),
        (nineteen, json!({"dependentRequired": {"a": ["b"]}}), "{\"a\":1}", Some(("", "required"))),
        (twenty, json!({"prefixItems": [{"type": "string"}]}), "[1]", Some(("/0", "type"))),
        (seven.as_str(), json!({"items": [{"type": "string"}]}), "[1]", Some(("/0", "type"))),
        (
            twenty,
            json!({"properties": {"a": true}, "unevaluatedProperties": false}),
            "{\"b\":1}",
            Some(("", "unevaluatedProperties")),
        ),
        (twenty, json!({"uniqueItems": true}), "[1,{\"a\":[1.0]},{\"a\":[1]}]", Some(("", "uniqueItems"))),
        (twenty, json!({"enum": [{"a": 1}, 2]}), "{\"a\":1.0}", None),
        (twenty, json!({"propertyNames": {"maxLength": 1}}), "{\"ab\":1}", Some(("", "propertyNames"))),
        (twenty, json!({"$ref": "#/$defs/a", "$defs": {"a": {"required": ["x"]}}}), "{}", Some(("", "required"))),
    ];
    for (draft, mut schema, record, expected) in cases {
        schema["$schema"] = draft.into();
        let found = failures("s.json", &schema.to_string(), record);
        let expected: Vec<_> =
            expected.iter().map(|(pointer, keyword)| (pointer.to_string(), keyword.to_string())).collect();
        assert_eq!(found, expected, "{schema} {record}");
    }
}

const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "sales", "fields": [
    {"name": "id", "type": "long"},
    {"name": "count", "type": "int", "default": 1},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "code", "type": ["null", {"type": "fixed", "name": "Code", "size": 2}], "default": null},
    {"name": "raw", "type": ["null", "bytes"], "default": null},
    {"name": "price", "type": "double", "default": 0.5},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
    {"name": "map", "type": {"type": "map", "values": "int"}, "default": {}},
    {"name": "parent", "type": ["null", "Order"], "default": null}
]}"#;

#[test]
fn an_avro_schema_judges_json_with_and_without_tags() {
    let cases = [
        (r#"{"id": 1}"#, None),
        (r#"{"id": 1, "note": "x"}"#, None),
        (r#"{"id": 1, "note": {"string": "x"}}"#, None),
        (r#"{"id": 1, "price": 1}"#, None),
        (r#"{"id": 1, "price": "NaN"}"#, None),
        (r#"{"id": 1, "parent": {"sales.Order": {"id": 2}}}"#, None),
        (r#"{"id": 1, "parent": {"id": 2}}"#, None),
        (r#"{}"#, Some(("", "required"))),
        (r#"{"id": "1"}"#, Some(("/id", "type"))),
        (r#"{"id": 1.5}"#, Some(("/id", "type"))),
        (r#"{"id": 18446744073709551615}"#, Some(("/id", "range"))),
        (r#"{"id": 1, "count": 3000000000}"#, Some(("/count", "range"))),
        (r#"{"id": 1, "state": "OLD"}"#, Some(("/state", "enum"))),
        (r#"{"id": 1, "note": 1}"#, Some(("/note", "union"))),
        (r#"{"id": 1, "note": {"string": 1}}"#, Some(("/note/string", "type"))),
        (r#"{"id": 1, "code": "abc"}"#, Some(("/code", "size"))),
        (r#"{"id": 1, "raw": "€"}"#, Some(("/raw", "bytes"))),
        (r#"{"id": 1, "tags": ["a", 1]}"#, Some(("/tags/1", "type"))),
        (r#"{"id": 1, "map": {"a/b": "x"}}"#, Some(("/map/a~1b", "type"))),
        (r#"{"id": 1, "parent": {"id": 2, "parent": {"id": null}}}"#, Some(("/parent/parent/id", "type"))),
        (r#"{"id": 1, "idd": 1}"#, Some(("/idd", "unknown"))),
        ("[1]", Some(("", "type"))),
    ];
    for (record, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(pointer, keyword)| (pointer.to_string(), keyword.to_string())).collect();
        assert_eq!(failures("s.avsc", AVRO, record), expected, "{record}");
    }
}

#[test]
fn unions_within_unions_take_no_time_that_grows_with_their_combinations() {
    let schema = r#"{"type": "record", "name": "A", "fields": [{"name": "next", "type": ["null", "A",
        {"type": "record", "name": "B", "fields": [{"name": "next", "type": ["null", "A", "B"]}]}]}]}"#;
    let record = format!("{}1{}", "{\"next\":".repeat(60), "}".repeat(60));
    assert!(!failures("s.avsc", schema, &record).is_empty());
}

const ORDER: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
    "required": ["id"], "additionalProperties": false,
    "properties": {"id": {"type": "integer"}, "name": {"type": "string", "maxLength": 8},
        "paid": {"type": ["boolean", "null"]}, "items": {"type": "array", "items": {"type": "number", "minimum": 0}}}}"#;

#[test]
fn exit_codes_tell_valid_failed_usage_unreadable_and_unwritable_apart() {
    let place = Place::new(&[
        ("s.json", ORDER.as_bytes()),
        ("good.jsonl", b"{\"id\":1}\n"),
        ("bad.jsonl", b"{\"id\":\"x\"}\n"),
        ("empty.jsonl", b""),
        ("cut.avro", b"Obj\x01\x00"),
        ("wrong.json", b"{\"type\": 1}"),
        ("remote.json", b"{\"$ref\": \"https://example.com/s.json\"}"),
    ]);
    let code = |arguments: &str| {
        let words: Vec<&str> = ["records", "--schema"].into_iter().chain(arguments.split(' ')).collect();
        let ran = place.dq(&words);
        (ran.code, format!("{}{}", ran.stdout, ran.stderr))
    };
    for (arguments, expected, said) in [
        ("s.json good.jsonl", 0, "0 of 1 record in 1 file failed"),
        ("s.json bad.jsonl", 1, "is string, not integer"),
        ("s.json empty.jsonl", 0, "nothing to judge"),
        ("s.json none-*.jsonl", 2, "matches no file"),
        ("wrong.json good.jsonl", 2, "wrong.json"),
        ("remote.json good.jsonl", 2, "never over the network"),
        ("nowhere.json good.jsonl", 2, "nowhere.json"),
        ("s.json nowhere.jsonl", 3, "nowhere.jsonl"),
        ("s.json cut.avro", 3, "cut.avro"),
        ("s.json --good no/such/directory.jsonl good.jsonl", 4, "no/such"),
        ("s.json --good good.jsonl good.jsonl", 2, "overwrite"),
        ("s.json --good x --dead-letter x good.jsonl", 2, "two outputs"),
        ("s.json", 2, "DATA"),
    ] {
        let (found, text) = code(arguments);
        assert_eq!(found, expected, "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

#[test]
fn references_lead_to_files_below_the_directory_of_the_schema_only() {
    let place = Place::new(&[
        (
            "a/s.json",
            br#"{"$id": "https://example.com/schemas/s.json", "properties": {"a": {"$ref": "parts/t.json"}}}"#,
        ),
        ("a/parts/t.json", br#"{"type": "integer"}"#),
        ("a/out.json", br#"{"properties": {"a": {"$ref": "../b/u.json#/$defs/u"}}}"#),
        ("b/u.json", br#"{"$defs": {"u": {"type": "integer"}}}"#),
        ("r.jsonl", b"{\"a\":\"x\"}\n"),
    ]);
    assert_eq!(place.dq(&["records", "-s", "a/s.json", "r.jsonl"]).code, 1);
    let refused = place.dq(&["records", "-s", "a/out.json", "r.jsonl"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--allow-ref"), "{}", refused.stderr);
    assert_eq!(place.dq(&["records", "-s", "a/out.json", "--allow-ref", "b", "r.jsonl"]).code, 1);
}

/// Lines of all kinds, most of them valid.
fn many_lines() -> String {
    let mut lines = String::new();
    for number in 0..20_000 {
        let line = match number % 97 {
            3 => format!("{{\"id\":\"{number}\"}}"),
            5 => "{\"id\":".to_string(),
            7 => format!("{{\"id\":{number},\"items\":[1,-{number},\"x\"]}}"),
            11 => String::new(),
            13 => format!("{{\"id\":{number},\"id\":2}}"),
            _ => format!("{{\"id\":{number},\"name\":\"n{number}\",\"items\":[{number},2.5]}}"),
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let place = Place::new(&[("s.json", ORDER.as_bytes()), ("r.jsonl", many_lines().as_bytes())]);
    let outputs = |threads: &str| {
        let ran = place.dq(&[
            "records",
            "-s",
            "s.json",
            "--threads",
            threads,
            "--format",
            "json",
            "--good",
            "good.jsonl",
            "--dead-letter",
            "dead.jsonl",
            "--now",
            "2026-01-31T12:00:00Z",
            "r.jsonl",
        ]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        (ran.stdout, place.text("good.jsonl"), place.text("dead.jsonl"))
    };
    let first = outputs("1");
    assert_eq!(outputs("2"), first);
    assert_eq!(outputs("5"), first);
    let report: Value = serde_json::from_str(&first.0).expect("JSON");
    let (total, failed) = (report["records"]["total"].as_u64(), report["records"]["failed"].as_u64());
    assert_eq!(first.1.lines().count() as u64 + failed.unwrap_or(0), total.unwrap_or(1));
    assert_eq!(first.2.lines().count() as u64, failed.unwrap_or(1));
    assert_eq!(report["failed_records"].as_array().map(Vec::len), Some(20));
    assert!(report["duplicate_names"]["records"].as_u64() > Some(0));
    let paths: Vec<_> =
        report["failures"]["by_path"].as_array().into_iter().flatten().map(|pair| pair["path"].clone()).collect();
    assert!(paths.contains(&json!("/items/*")), "{paths:?}");
    // Valid lines are as they were.
    let lines = many_lines();
    let lines: std::collections::HashSet<&str> = lines.lines().collect();
    assert!(first.1.lines().all(|line| lines.contains(line)));
}

#[test]
fn dead_letters_are_mended_and_judged_again() {
    let place =
        Place::new(&[("s.json", ORDER.as_bytes()), ("r.jsonl", b"{\"id\":1}\n{\"id\":\"2\"}\n{\"id\":\n{\"id\":4}")]);
    let run = |arguments: &[&str]| {
        place.dq(&[&["records", "-s", "s.json", "--dead-letter", "dead.jsonl"][..], arguments].concat())
    };
    assert_eq!(run(&["--good", "good.jsonl", "--now", "2026-01-31T12:00:00Z", "r.jsonl"]).code, 1);
    assert_eq!(place.text("good.jsonl"), "{\"id\":1}\n{\"id\":4}\n");
    let letters: Vec<Value> =
        place.text("dead.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["record"], json!({"id": "2"}));
    assert_eq!(letters[0]["errors"][0]["pointer"], "/id");
    assert_eq!(letters[0]["errors"][0]["keyword"], "type");
    assert_eq!(letters[0]["position"], json!({"file": "r.jsonl", "line": 2}));
    assert_eq!(letters[0]["timestamp"], "2026-01-31T12:00:00.000Z");
    assert_eq!(letters[0]["attempts"], 1);
    assert_eq!(letters[1]["raw"], "{\"id\":");
    assert_eq!(letters[1]["errors"][0]["keyword"], "syntax");

    let plain = place.dq(&["records", "-s", "s.json", "dead.jsonl"]);
    assert!(plain.stdout.contains("--from-dead-letter"), "{}", plain.stdout);

    // One is mended; the other stays, with one more attempt and the position it came from.
    place.write("dead.jsonl", place.text("dead.jsonl").replace("{\"id\":\"2\"}", "{\"id\": 2}").as_bytes());
    let again = run(&["--from-dead-letter", "--good", "mended.jsonl", "dead.jsonl"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert_eq!(place.text("mended.jsonl"), "{\"id\": 2}\n");
    let left: Value = serde_json::from_str(&place.text("dead.jsonl")).expect("one letter");
    assert_eq!((&left["attempts"], &left["position"]), (&json!(2), &json!({"file": "r.jsonl", "line": 3})));

    place.write("dead.jsonl", br#"{"record": {"id": 3}, "errors": [], "position": {}, "attempts": 2}"#);
    assert_eq!(run(&["--from-dead-letter", "--good", "mended.jsonl", "dead.jsonl"]).code, 0);
    assert_eq!(place.text("mended.jsonl"), "{\"id\": 3}\n");
    assert_eq!(place.text("dead.jsonl"), "");
}

#[test]
fn hostile_lines_are_failures_and_the_run_goes_on() {
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"id\":1,\"name\":\"{}\"}}\n", "x".repeat(3 << 20));
    let mut lines = Vec::new();
    for line in [
        b"{\"id\":1}\r\n".as_slice(),
        b"{\"id\":\xff}\n",
        b"{\"id\":NaN}\n",
        b"{\"id\":1e999}\n",
        b"\0\n",
        b"{\"id\":1}{\"id\":2}\n",
        deep.as_bytes(),
        long.as_bytes(),
        b"{\"\\u001b[31m\":1,\"id\":1}\n",
        b"null\n",
        b"{\"id\":2}",
    ] {
        lines.extend_from_slice(line);
    }
    let place = Place::new(&[("s.json", ORDER.as_bytes()), ("r.jsonl", &lines)]);
    let ran = place.dq(&["records", "-s", "s.json", "--max-record", "1MB", "--format", "json", "r.jsonl"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["records"], json!({"total": 11, "valid": 2, "failed": 9}));
    let keywords: Vec<_> = report["failed_records"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| record["errors"][0]["keyword"].as_str().unwrap_or("").to_string())
        .collect();
    let syntax = "syntax";
    assert_eq!(keywords, [syntax, syntax, syntax, syntax, syntax, syntax, "size", "additionalProperties", "type"]);
    assert!(!place.dq(&["records", "-s", "s.json", "r.jsonl"]).stdout.contains('\u{1b}'));
}

#[test]
fn values_are_shown_only_when_asked_for() {
    let place = Place::new(&[
        ("s.json", ORDER.as_bytes()),
        ("r.jsonl", b"{\"id\":\"secret\"}\n{\"id\":1,\"name\":\"secret secret\"}\n{\"id\":secret}\n"),
    ]);
    let quiet = place.dq(&["records", "-s", "s.json", "r.jsonl"]);
    assert!(!quiet.stdout.contains("secret"), "{}", quiet.stdout);
    let open = place.dq(&["records", "-s", "s.json", "--show-values", "r.jsonl"]);
    assert!(open.stdout.contains("got \"secret\""), "{}", open.stdout);
}

#[test]
fn arrays_are_read_item_by_item() {
    let items: Vec<String> =
        (0..30_000).map(|number| format!("{{\"id\": {number},\n \"name\": \"a\\\"]}}\"}}")).collect();
    let array = format!("\u{feff}\n[{}]\n", items.join(" ,\n"));
    let place = Place::new(&[("s.json", ORDER.as_bytes()), ("r.json", array.as_bytes())]);
    let ran = place.dq(&["records", "-s", "s.json", "--good", "good.jsonl", "r.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("0 of 30000 records"), "{}", ran.stdout);
    assert_eq!(place.text("good.jsonl").lines().count(), 30_000);
    for (text, total, failed) in [
        ("[]", 0, 0),
        (" [ ] ", 0, 0),
        ("[{\"id\":1},]", 2, 1),
        ("[{\"id\":1},{\"id\":x},{\"id\":3}]", 3, 1),
        ("[{\"id\":1},{\"id\":2}", 2, 1),
        ("[{\"id\":1}] x", 2, 1),
        ("[{\"id\":1}", 1, 1),
        ("[", 1, 1),
    ] {
        place.write("a.json", text.as_bytes());
        let report =
            place.dq(&["records", "-s", "s.json", "--format", "json", "--input-format", "array", "a.json"]).json();
        assert_eq!(report["records"]["total"], total, "{text}: {report}");
        assert_eq!(report["records"]["failed"], failed, "{text}: {report}");
    }
    place.write("one.json", b"{\n  \"id\": 1\n}\n");
    assert_eq!(place.dq(&["records", "-s", "s.json", "one.json"]).code, 0);
}

#[test]
fn fields_of_csv_are_what_the_schema_says() {
    let place = Place::new(&[
        ("s.json", ORDER.as_bytes()),
        ("r.csv", b"id,name,paid\n1,007,true\n2,,\nx,a,false\n4,b\n5,\"a\n,b\",maybe\n"),
    ]);
    let ran = place.dq(&[
        "records",
        "-s",
        "s.json",
        "--format",
        "json",
        "--good",
        "good.csv",
        "--dead-letter",
        "dead.jsonl",
        "r.csv",
    ]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(place.text("good.csv"), "id,name,paid\n1,007,true\n2,,\n");
    let report = ran.json();
    let found: Vec<_> = report["failed_records"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| (record["position"]["line"].as_u64(), record["errors"][0]["keyword"].clone()))
        .collect();
    assert_eq!(found, [(Some(4), json!("type")), (Some(5), json!("fields")), (Some(6), json!("type"))]);
    let letter: Value = serde_json::from_str(place.text("dead.jsonl").lines().next().unwrap_or("")).expect("JSON");
    assert_eq!(letter["record"], json!({"id": "x", "name": "a", "paid": false}));
}

#[test]
fn avro_files_are_judged_by_the_schema_that_is_given() {
    use apache_avro::types::Value as Avro;
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"id","type":["null","long"]},{"name":"name","type":"string"}]}"#;
    let parsed = apache_avro::Schema::parse_str(schema).expect("a schema");
    for codec in [apache_avro::Codec::Null, apache_avro::Codec::Snappy] {
        let mut writer = apache_avro::Writer::with_codec(&parsed, Vec::new(), codec).expect("a writer");
        for number in 0..5_000_i64 {
            let id = if number % 1_000 == 7 {
                Avro::Union(0, Box::new(Avro::Null))
            } else {
                Avro::Union(1, Box::new(Avro::Long(number)))
            };
            let record = Avro::Record(vec![("id".into(), id), ("name".into(), Avro::String(format!("n{number}")))]);
            writer.append_value(record).expect("written");
        }
        let bytes = writer.into_inner().expect("a file");
        let place = Place::new(&[("s.json", ORDER.as_bytes()), ("own.avsc", schema.as_bytes()), ("r.avro", &bytes)]);
        let report = place.dq(&["records", "-s", "s.json", "--format", "json", "r.avro"]).json();
        assert_eq!(report["records"], json!({"total": 5000, "valid": 4995, "failed": 5}));
        assert_eq!(report["failed_records"][1]["position"]["index"], 1007);
        assert_eq!(place.dq(&["records", "-s", "own.avsc", "r.avro"]).code, 0);
    }
}

#[test]
fn stdin_and_compressed_files_are_read() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"{\"id\":1}\n{\"id\":\"x\"}\n").expect("written");
    let packed = packed.finish().expect("packed");
    let place = Place::new(&[("s.json", ORDER.as_bytes()), ("r.jsonl.gz", &packed)]);
    assert_eq!(place.dq(&["records", "-s", "s.json", "r.jsonl.gz"]).code, 1);
    assert_eq!(place.piped(&["records", "-s", "s.json", "-"], b"{\"id\":1}\n").code, 0);
    assert_eq!(place.piped(&["records", "-s", "s.json", "-"], b"[{\"id\":1},{}]").code, 1);
}

#[test]
fn the_first_failure_ends_the_run_if_asked_for() {
    let place = Place::new(&[("s.json", ORDER.as_bytes()), ("r.jsonl", many_lines().as_bytes())]);
    for threads in ["1", "5"] {
        let ran =
            place.dq(&["records", "-s", "s.json", "--fail-fast", "--threads", threads, "--format", "json", "r.jsonl"]);
        let report = ran.json();
        assert_eq!(report["records"], json!({"total": 4, "valid": 3, "failed": 1}));
        assert_eq!(report["stopped"], true);
    }
}

#[test]
fn a_run_that_ends_with_an_error_leaves_outputs_as_they_were() {
    let place = Place::new(&[
        ("s.json", ORDER.as_bytes()),
        ("a.jsonl", b"{\"id\":1}\n"),
        ("b.avro", b"Obj\x01\x00"),
        ("good.jsonl", b"old"),
    ]);
    let ran = place.dq(&["records", "-s", "s.json", "--good", "good.jsonl", "a.jsonl", "b.avro"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!(place.text("good.jsonl"), "old");
    let names = fs::read_dir(place.0.path()).expect("a directory").count();
    assert_eq!(names, 4, "nothing is left over");
}

#[test]
fn a_contract_runs_all_its_parts() {
    let place = Place::new(&[
        ("dq.toml", b"[[contract]]\nname = \"orders\"\ndata = [\"data/*.csv\"]\nruleset = \"r.dqdl\"\n[contract.schema]\nfile = \"s.json\"\nrecords = [\"o.jsonl\"]\n"),
        ("r.dqdl", b"Rules = [ RowCount = 2 ]"),
        ("data/a.csv", b"id\n1\n2\n"),
        ("s.json", ORDER.as_bytes()),
        ("o.jsonl", b"{\"id\":1}\n"),
    ]);
    let ran = place.dq(&["check"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for part in ["== orders: ruleset ==", "== orders: records ==", "contract orders: holds (2 parts)"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    place.write("o.jsonl", b"{\"id\":\"x\"}\n");
    let ran = place.dq(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("contract orders: does not hold: a record is not valid"), "{}", ran.stdout);
    // The other parts run when one cannot, and the code is the worst.
    place.write("r.dqdl", b"Rules = [ RowCuont = 2 ]");
    let ran = place.dq(&["check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("== orders: records =="), "{}", ran.stdout);

    let elsewhere = Place::new(&[]);
    let missing = elsewhere.dq(&["check"]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("dq.toml"), "{}", missing.stderr);
    let named = elsewhere.dq(&["check", "--contract", &place.path("dq.toml").to_string_lossy()]);
    assert_eq!(named.code, 2, "{}", named.stderr);
    assert!(named.stdout.contains("== orders: records =="), "paths start from the file: {}", named.stdout);
}

#[test]
fn a_misspelt_contract_is_refused_with_a_hint() {
    let place = Place::new(&[("dq.toml", b"[[contract]]\nname = \"a\"\ndata = [\"x.csv\"]\nrulset = \"r.dqdl\"\n")]);
    let ran = place.dq(&["check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `ruleset`?") && ran.stderr.contains("dq.toml"), "{}", ran.stderr);
}

#[test]
fn what_is_wrong_with_a_deep_record_is_told_without_trying_all_branches() {
    let schema = br##"{"oneOf": [{"type": "number"},
        {"type": "object", "required": ["op", "arg"], "properties": {"op": {"const": "neg"}, "arg": {"$ref": "#"}}},
        {"type": "object", "required": ["op", "arg"], "properties": {"op": {"const": "abs"}, "arg": {"$ref": "#"}}}]}"##;
    let record =
        |levels: usize| format!("{}\"x\"{}\n", "{\"op\": \"abs\", \"arg\": ".repeat(levels), "}".repeat(levels));
    let lines = record(2) + &record(60);
    let place = Place::new(&[("s.json", schema), ("r.jsonl", lines.as_bytes())]);
    let ran = place.dq(&["records", "--schema", "s.json", "--format", "json", "r.jsonl"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let keyword = |record: usize| ran.json()["failed_records"][record]["errors"][0]["keyword"].clone();
    assert_eq!((keyword(0), keyword(1)), (json!("oneOf"), json!("schema")));
}

#[test]
fn letters_that_nobody_mended_fail_again_whatever_their_text_looks_like() {
    let schema = br#"{"properties": {"a": {"type": "string"}}}"#;
    let long = format!("[{{\"a\": \"{}\"}}, {{\"a\": \"ok\"}}]", "x".repeat(1_200_000));
    let files: [(&str, &[u8]); 4] = [
        ("s.json", schema),
        ("utf8.jsonl", b"{\"a\": \"caf\xe9\"}\n"),
        ("long.json", long.as_bytes()),
        ("few.csv", b"a,b\n1\n"),
    ];
    for (name, _) in &files[1..] {
        let place = Place::new(&files);
        let first = ["records", "--schema", "s.json", "--max-record", "1MB", "--dead-letter", "d.jsonl", name];
        assert_eq!(place.dq(&first).code, 1, "{name}");
        let letter: Value = serde_json::from_str(&place.text("d.jsonl")).expect("a letter");
        let again = ["records", "--schema", "s.json", "--from-dead-letter", "--dead-letter", "d.jsonl", "d.jsonl"];
        assert_eq!(place.dq(&again).code, 1, "{name}");
        let second: Value = serde_json::from_str(&place.text("d.jsonl")).expect("a letter");
        for member in ["raw", "raw_hex", "position"] {
            assert_eq!(second[member], letter[member], "{name}: {member}");
        }
        assert_eq!(second["attempts"], 2);
    }
}

#[test]
fn letters_of_csv_keep_the_row_as_it_was() {
    let schema = br#"{"properties": {"id": {"type": "integer"}, "x": {"type": "integer"}}}"#;
    let rows = b"id,x\n12345678901234567890123,bad\n";
    let place = Place::new(&[("s.json", schema), ("r.csv", rows)]);
    assert_eq!(place.dq(&["records", "--schema", "s.json", "--dead-letter", "d.jsonl", "r.csv"]).code, 1);
    let letter: Value = serde_json::from_str(&place.text("d.jsonl")).expect("a letter");
    assert_eq!(letter["raw"], "12345678901234567890123,bad");
}
