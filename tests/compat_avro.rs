//! Avro schemas: which are accepted, which reads which, and what is said about it, against the
//! answers of Avro Java 1.11.5 and 1.12.0.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::compat::avro::{AvroSchema, Mistake, Names, Profile, Strictness, can_read, parse_all, syntax};
use dq::compat::finding::{Finding, Kind, Severity};
use dq::json_text::Document;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn read(text: &str) -> Result<AvroSchema, Vec<Mistake>> {
    AvroSchema::read(text, &Names::default(), Strictness::Strict)
}

fn schema(text: &str) -> AvroSchema {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}: {text}"))
}

fn findings(reader: &str, writer: &str, profile: Profile) -> Vec<Finding> {
    can_read(&schema(reader), &schema(writer), profile).expect("comparable")
}

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

fn kinds(findings: &[Finding]) -> Vec<Kind> {
    findings.iter().map(|finding| finding.kind).collect()
}

/// What Avro Java says about a pair.
struct Case {
    id: String,
    texts: [String; 2],
    refused: [bool; 2],
    compatible: Option<bool>,
    incompatibilities: Vec<(String, String, String)>,
}

/// The cases, with the answers of 1.12 where they differ.
fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/avro/compat_cases.jsonl");
    let text = std::fs::read_to_string(path).expect("cases");
    let case = |line: &str| {
        // Some lie deeper than serde_json reads by itself.
        let mut reader = serde_json::Deserializer::from_str(line);
        reader.disable_recursion_limit();
        let row = Value::deserialize(&mut reader).expect("a case");
        let newer = |key: &str| row["java_1_12"].get(key).or(row.get(key)).cloned().unwrap_or(Value::Null);
        let side = |name: &str| match row.get(format!("{name}_text")) {
            Some(text) => text.as_str().unwrap_or("").to_string(),
            None => row[name].to_string(),
        };
        let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or("").to_string();
        let listed = newer("incompatibilities");
        let listed = listed.as_array().map_or(&[][..], Vec::as_slice);
        let mistakes = newer("parse_error");
        Case {
            id: word(&row, "id"),
            texts: ["reader", "writer"].map(side),
            refused: ["reader", "writer"].map(|name| mistakes.get(name).is_some_and(|mistake| !mistake.is_null())),
            compatible: newer("compatible").as_bool(),
            incompatibilities: listed
                .iter()
                .map(|entry| (word(entry, "type"), word(entry, "location"), word(entry, "message")))
                .collect(),
        }
    };
    text.lines().map(case).collect()
}

#[test]
fn every_case_has_the_verdict_of_avro_java_and_its_locations() {
    let cases = cases();
    assert!(cases.len() > 600);
    let (mut verdicts, mut places) = (Vec::new(), Vec::new());
    for case in &cases {
        let sides = [&case.texts[0], &case.texts[1]].map(|text| read(text));
        for ((side, refused), name) in sides.iter().zip(case.refused).zip(["reader", "writer"]) {
            if side.is_err() != refused {
                verdicts.push(format!("{} {name}: {:?}", case.id, side.as_ref().err()));
            }
        }
        let [Ok(reader), Ok(writer)] = &sides else { continue };
        let found = can_read(reader, writer, Profile::Registry);
        if let Ok(found) = &found {
            assert!(errors(found).iter().all(|error| error.hint.is_some() && error.reader.is_some()), "{}", case.id);
        }
        let found = found.map(|found| {
            let mut list: Vec<_> = errors(&found)
                .iter()
                .map(|error| (error.kind.name().to_string(), error.location.clone(), error.message.clone()))
                .collect();
            list.sort();
            list
        });
        let verdict = found.as_ref().ok().map(Vec::is_empty);
        if verdict != case.compatible {
            verdicts.push(format!("{}: {found:?}", case.id));
            continue;
        }
        let mut expected = case.incompatibilities.clone();
        expected.sort();
        if found.is_ok_and(|found| found != expected) {
            places.push(format!("{}: {expected:?}", case.id));
        }
    }
    assert!(verdicts.is_empty(), "{}", verdicts.join("\n"));
    assert!(places.is_empty(), "{}", places.join("\n"));
}

/// A record with a field `n` of a type and a default.
fn with_default(schema: &str, default: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "n", "type": {schema}, "default": {default}}}]}}"#)
}

fn with_fields(types: &[&str]) -> String {
    let fields = types.iter().enumerate().map(|(index, schema)| format!(r#"{{"name": "f{index}", "type": {schema}}}"#));
    format!(r#"{{"type": "record", "name": "R", "fields": [{}]}}"#, fields.collect::<Vec<_>>().join(", "))
}

/// Each answer was given by Avro Java 1.12.0.
#[test]
fn defaults_are_accepted_and_refused_as_by_avro_java() {
    let s = r#"{"type": "record", "name": "S", "fields": [{"name": "x", "type": "int"}]}"#;
    let filled = r#"{"type": "record", "name": "S", "fields": [{"name": "x", "type": ["null", "int"], "default": 1}]}"#;
    let e = r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#;
    let f = r#"{"type": "fixed", "name": "F", "size": 2}"#;
    let ints = r#"{"type": "array", "items": "int"}"#;
    let cases = [
        ("\"int\"", "2147483647", true),
        ("\"int\"", "2147483648", false),
        ("\"int\"", "-2147483648", true),
        ("\"int\"", "1e2", false),
        ("\"int\"", "1.0", false),
        ("\"int\"", "-0", true),
        ("\"long\"", "9223372036854775807", true),
        ("\"long\"", "9223372036854775808", false),
        ("\"float\"", "\" 1.5f \"", true),
        ("\"float\"", "\"inf\"", false),
        ("\"double\"", "1e400", true),
        ("\"double\"", "true", false),
        ("[\"float\", \"null\"]", "\"1.5\"", false),
        ("[\"float\", \"string\"]", "\"1.5\"", true),
        ("{\"type\": \"array\", \"items\": \"float\"}", "[\"1.5\"]", false),
        ("{\"type\": \"float\", \"logicalType\": \"x\"}", "\"1.5\"", true),
        ("\"string\"", "1", false),
        ("\"bytes\"", "\"\u{100}\"", true),
        ("\"null\"", "null", true),
        ("\"null\"", "0", false),
        (e, "\"Z\"", true),
        (e, "null", false),
        (f, "\"\"", true),
        (ints, "[1, 2]", true),
        (ints, "{}", false),
        (ints, "null", false),
        ("{\"type\": \"map\", \"values\": [\"null\", \"int\"]}", "{\"a\": 1}", true),
        ("{\"type\": \"map\", \"values\": \"int\"}", "[]", false),
        (s, "{\"x\": 1, \"y\": 2}", true),
        (s, "{\"x\": \"a\"}", false),
        (s, "{}", false),
        (filled, "{}", true),
        ("[\"int\", \"string\"]", "\"x\"", true),
        ("[\"int\", \"string\"]", "1.5", false),
        ("[]", "null", false),
        ("[\"null\", \"R\"]", "null", true),
        ("[\"R\", \"null\"]", "null", true),
        ("[\"R\", \"null\"]", "{}", false),
        ("{\"type\": \"array\", \"items\": \"R\"}", "[]", true),
        ("{\"type\": \"array\", \"items\": \"R\"}", "[{}]", false),
        ("[\"null\", {\"type\": \"map\", \"values\": \"int\"}, \"R\"]", "{}", true),
        ("[\"null\", \"R\", {\"type\": \"map\", \"values\": \"int\"}]", "{}", false),
        ("\"R\"", "null", false),
        ("\"R\"", "{}", false),
    ];
    for (schema, default, accepted) in cases {
        let text = with_default(schema, default);
        assert_eq!(read(&text).is_ok(), accepted, "{text}: {:?}", read(&text).err());
        // Old schemas are not asked.
        assert!(AvroSchema::read(&text, &Names::default(), Strictness::Lenient).is_ok(), "{text}");
    }
}

#[test]
fn a_default_of_a_type_that_is_defined_later_is_validated_twice() {
    let s = r#"{"type": "record", "name": "S", "fields": [{"name": "x", "type": "int"}]}"#;
    let e = r#"{"type": "enum", "name": "S", "symbols": ["A"]}"#;
    let cases = [
        ("\"S\"", "{\"x\": 1}", s, true),
        ("\"S\"", "{\"x\": \"q\"}", s, false),
        ("\"S\"", "5", s, false),
        ("[\"null\", \"S\"]", "{\"x\": 1}", s, true),
        ("[\"S\", \"string\"]", "\"q\"", s, true),
        ("{\"type\": \"array\", \"items\": \"S\"}", "[{\"x\": 1}]", s, true),
        ("{\"type\": \"array\", \"items\": \"S\"}", "[{\"x\": \"q\"}]", s, false),
        ("\"S\"", "\"A\"", e, false),
        ("\"S\"", "{}", e, false),
    ];
    for (schema, default, definition, accepted) in cases {
        let text = format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {schema}, "default": {default}}},
                {{"name": "b", "type": {definition}}}]}}"#
        );
        assert_eq!(read(&text).is_ok(), accepted, "{text}: {:?}", read(&text).err());
    }
    // S is filled with a T, whose S is filled again: no value is ever complete.
    let endless = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "S", "default": {}},
        {"name": "b", "type": {"type": "record", "name": "S", "fields": [{"name": "t", "type": "T", "default": {}}]}},
        {"name": "c", "type": {"type": "record", "name": "T", "fields": [{"name": "s", "type": ["S"], "default": {}}]}}]}"#;
    assert!(read(endless).is_err());
}

/// Each answer was given by Avro Java 1.12.0.
#[test]
fn names_and_definitions_are_accepted_and_refused_as_by_avro_java() {
    let s = r#"{"type": "record", "name": "S", "fields": []}"#;
    let e = r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#;
    let marked = r#"{"type": "enum", "name": "E", "symbols": ["A"], "ours": 1}"#;
    let other = r#"{"type": "enum", "name": "E", "symbols": ["B"]}"#;
    let f = r#"{"type": "fixed", "name": "F", "size": 2}"#;
    let accepted = [
        with_fields(&[e, e]),
        with_fields(&[e, marked]),
        with_fields(&[f, f]),
        with_fields(&[r#"{"type": "record", "name": "R", "fields": []}"#]),
        with_fields(&["\"S\"", s, r#"{"type": "array", "items": "S"}"#]),
        with_fields(&["[\"null\", \"S\"]", s]),
        with_fields(&[r#"{"type": "record", "name": "x.int", "fields": []}"#]),
        with_fields(&[r#"{"type": "record", "name": ".T", "fields": []}"#, "\"T\""]),
        r#"{"type": "record", "name": "p.R", "fields": [
            {"name": "b", "type": {"type": "enum", "name": "S", "namespace": "", "symbols": ["A"]}},
            {"name": "a", "type": "S"}]}"#
            .into(),
        r#"{"type": "record", "name": "a.R", "namespace": "b-b", "fields": []}"#.into(),
        r#"{"type": "record", "name": "R", "namespace": 5, "doc": 5, "fields": []}"#.into(),
        r#"{"type": "record", "name": "R", "aliases": ["a..b", "1a.b", "int"], "fields": []}"#.into(),
        r#"{"type": "record", "name": "Ünïcode", "fields": [{"name": "中", "type": "int", "aliases": ["x-y", ""]}]}"#
            .into(),
        r#"{"type": "error", "name": "R", "fields": [{"name": "a", "type": "int", "order": "DESCENDING"}]}"#.into(),
        r#"{"type": "enum", "name": "E", "symbols": [], "default": 1}"#.into(),
        r#"{"type": "fixed", "name": "F", "size": 0}"#.into(),
        r#"{"type": "int", "default": "x", "logicalType": 5}"#.into(),
        "[]".into(),
        "// why\n/* not */ {\"type\": /**/ \"int\", \"type\": \"string\"}".into(),
    ];
    for text in &accepted {
        assert!(read(text).is_ok(), "{text}: {:?}", read(text).err());
    }
    let refused = [
        (with_fields(&[s, s]), "avro::duplicate_name"),
        (with_fields(&[e, other]), "avro::duplicate_name"),
        (with_fields(&[marked, e]), "avro::duplicate_name"),
        (with_fields(&[r#"{"type": "enum", "name": "R", "symbols": ["A"]}"#]), "avro::duplicate_name"),
        (with_fields(&["\"Nope\""]), "avro::undefined_name"),
        (with_fields(&[s, "\".S\""]), "avro::undefined_name"),
        (with_fields(&["\"a-b\""]), "avro::undefined_name"),
        (with_fields(&["[\"S\", \"S\"]", s]), "avro::duplicate_branch"),
        (with_fields(&["[\"null\", []]"]), "avro::nested_union"),
        (with_fields(&["[\"int\", {\"type\": \"int\", \"logicalType\": \"date\"}]"]), "avro::duplicate_branch"),
        (with_fields(&["{\"type\": [\"null\"]}"]), "avro::no_type"),
        (with_fields(&["{\"type\": {\"type\": \"int\"}}"]), "avro::no_type"),
        (with_fields(&["{\"type\": \"array\"}"]), "avro::no_items"),
        (with_fields(&["5"]), "avro::no_schema"),
        (
            r#"{"type": "record", "name": "p.R", "fields": [{"name": "a", "type": "S"},
                {"name": "b", "type": {"type": "enum", "name": "S", "namespace": "", "symbols": ["A"]}}]}"#
                .into(),
            "avro::undefined_name",
        ),
        (r#"{"type": "enum", "name": "string", "symbols": []}"#.into(), "avro::primitive_name"),
        (r#"{"type": "record", "name": "R", "namespace": "a.", "fields": []}"#.into(), "avro::illegal_namespace"),
        (r#"{"type": "record", "name": "a-b", "fields": []}"#.into(), "avro::illegal_name"),
        (r#"{"type": "record", "name": "R", "aliases": ["a-b"], "fields": []}"#.into(), "avro::illegal_name"),
        (r#"{"type": "record", "name": "R", "aliases": "a", "fields": []}"#.into(), "avro::aliases"),
        (r#"{"type": "record", "name": "R", "fields": {}}"#.into(), "avro::no_fields"),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "order": null}]}"#.into(),
            "avro::order",
        ),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a"}]}"#.into(), "avro::no_type"),
        (r#"{"type": "record", "fields": []}"#.into(), "avro::no_name"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#.into(), "avro::duplicate_symbol"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#.into(), "avro::enum_default"),
        (r#"{"type": "fixed", "name": "F", "size": 4.0}"#.into(), "avro::size"),
        (r#"{"type": "fixed", "name": "F", "size": 2147483640}"#.into(), "avro::size"),
        ("\"int\" // why".into(), "avro::json"),
        ("\u{feff}\"int\"".into(), "avro::json"),
        (String::new(), "avro::json"),
    ];
    for (text, code) in &refused {
        let mistakes = read(text).expect_err(text);
        assert_eq!(mistakes[0].code, *code, "{text}: {mistakes:?}");
    }
}

#[test]
fn all_mistakes_of_a_schema_are_named_at_once_with_their_places() {
    let text = "{\"type\": \"record\", \"name\": \"a-b\", \"fields\": [\n\
        {\"name\": \"x\", \"type\": \"Nope\"},\n\
        {\"name\": \"x\", \"type\": \"int\", \"default\": \"secret\"},\n\
        {\"name\": \"y\", \"type\": [\"int\", \"int\"]}]}";
    let mistakes = read(text).expect_err("mistakes");
    let document = Document::parse(text, syntax()).expect("JSON");
    let found: Vec<_> = mistakes.iter().map(|m| (m.code, document.position(m.span))).collect();
    let expected = [
        ("avro::illegal_name", (1, 28)),
        ("avro::undefined_name", (2, 23)),
        ("avro::duplicate_field", (3, 10)),
        ("avro::invalid_default", (3, 41)),
        ("avro::duplicate_branch", (4, 31)),
    ];
    assert_eq!(found, expected);
    assert!(mistakes.iter().all(|mistake| mistake.hint.is_some() && !mistake.message.contains("secret")));
}

#[test]
fn types_of_other_files_are_found_in_any_order_of_the_files() {
    let files = [
        r#"{"type": "record", "name": "shop.Order", "fields": [
            {"name": "lines", "type": {"type": "array", "items": "Line"}}, {"name": "first", "type": "Line"}]}"#,
        r#"{"type": "record", "name": "shop.Line", "fields": [{"name": "item", "type": "shop.Item"}]}"#,
        r#"{"type": "enum", "name": "shop.Item", "symbols": ["A", "B"]}"#,
        r#"{"type": "array", "items": "shop.Nobody"}"#,
    ];
    let parsed = |files: &[&str]| {
        let documents = files.iter().map(|text| Document::parse(text, syntax()).expect("JSON"));
        parse_all(documents.collect(), Strictness::Strict)
    };
    let mut read = parsed(&files);
    let missing = read.remove(3).expect_err("nobody defines it");
    assert!(missing[0].message.contains("shop.Nobody"), "{missing:?}");
    let order = read.remove(0).expect("an order");
    assert_eq!(order.name(), Some("shop.Order"));
    assert_eq!(order.defined_names(), ["shop.Order"]);

    let narrowed = r#"{"type": "enum", "name": "shop.Item", "symbols": ["A"]}"#;
    let changed = parsed(&[files[0], files[1], narrowed]).remove(0).expect("an order");
    let found = can_read(&changed, &order, Profile::Registry).expect("comparable");
    let found = errors(&found);
    assert_eq!(found[0].location, "/fields/0/type/items/fields/0/type/symbols");
    // In this document it stands where the other file's type is named.
    assert_eq!(found[0].reader.as_ref().expect("a place").pointer, "/fields/0/type/items");
    assert!(errors(&can_read(&order, &changed, Profile::Registry).expect("comparable")).is_empty());
}

#[test]
fn findings_have_their_place_in_both_documents_and_say_what_to_write() {
    let reader = "{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n\
        {\"name\": \"b\", \"type\": [\"null\", \"string\"]},\n\
        {\"name\": \"a\", \"type\": \"int\"}]}";
    let writer = "{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n\n\
        {\"name\": \"a\", \"type\": \"long\"}]}";
    let (ours, theirs) = (schema(reader), schema(writer));
    let found = can_read(&ours, &theirs, Profile::Registry).expect("comparable");
    let place = |finding: &Finding| {
        let (reader, writer) = (finding.reader.as_ref().expect("a place"), finding.writer.as_ref().expect("a place"));
        (
            (reader.pointer.clone(), ours.document().position(reader.span)),
            (writer.pointer.clone(), theirs.document().position(writer.span)),
        )
    };
    assert_eq!(kinds(&found)[..2], [Kind::ReaderFieldMissingDefaultValue, Kind::TypeMismatch]);
    assert_eq!(place(&found[0]), (("/fields/0".into(), (2, 1)), (String::new(), (1, 1))));
    assert_eq!(place(&found[1]), (("/fields/1/type".into(), (3, 23)), ("/fields/0/type".into(), (3, 23))));
    assert!(found[0].hint.as_ref().is_some_and(|hint| hint.contains("\"default\": null")));
    assert!(found[1].hint.as_ref().is_some_and(|hint| hint.contains("keep \"long\"")));
    assert_eq!(found[1].message, "reader type: INT not compatible with writer type: LONG");
}

#[test]
fn what_registries_overlook_is_a_warning_and_never_changes_their_verdict() {
    let decimal = |precision: u32, scale: u32| {
        with_fields(&[&format!(
            r#"{{"type": "bytes", "logicalType": "decimal", "precision": {precision}, "scale": {scale}}}"#
        )])
    };
    let long = |logical: &str| with_fields(&[&format!(r#"{{"type": "long", "logicalType": "{logical}"}}"#)]);
    let fixed = |namespace: &str| format!(r#"["null", {{"type": "fixed", "name": "{namespace}.F", "size": 2}}]"#);
    let named = |name: &str, kind: &str| {
        format!(r#"{{"type": "record", "name": "{name}", "fields": [{{"name": "v", "type": "{kind}"}}]}}"#)
    };
    let cases: [(&str, String, String, Kind); 13] = [
        ("a decimal", decimal(9, 3), decimal(9, 2), Kind::DecimalChanged),
        ("a unit of time", long("timestamp-micros"), long("timestamp-millis"), Kind::LogicalTypeChanged),
        ("no logical type any more", with_fields(&["\"long\""]), long("timestamp-millis"), Kind::LogicalTypeChanged),
        ("long to double", with_fields(&["\"double\""]), with_fields(&["\"long\""]), Kind::LossyPromotion),
        ("int to float in unions", "[\"float\", \"null\"]".into(), "[\"null\", \"int\"]".into(), Kind::LossyPromotion),
        ("another namespace", fixed("b"), fixed("a"), Kind::NamespaceChanged),
        (
            "the first branch",
            format!("[{}, {}]", named("a.X", "int"), named("b.X", "string")),
            named("a.X", "string"),
            Kind::FirstMatchBranch,
        ),
        (
            "an alias for what is still there",
            r#"{"type": "record", "name": "R", "fields": [{"name": "f0", "type": "int"},
                {"name": "y", "type": "int", "aliases": ["f0"]}]}"#
                .into(),
            with_fields(&["\"int\""]),
            Kind::AliasConflict,
        ),
        (
            "an unknown symbol",
            with_default(r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, "\"Z\""),
            r#"{"type": "record", "name": "R", "fields": []}"#.into(),
            Kind::InvalidDefaultSymbol,
        ),
        (
            "a short default",
            with_default(r#"{"type": "fixed", "name": "F", "size": 2}"#, "\"a\""),
            r#"{"type": "record", "name": "R", "fields": []}"#.into(),
            Kind::InvalidDefaultLength,
        ),
        ("nullable", with_fields(&["[\"null\", \"int\"]"]), with_fields(&["\"int\""]), Kind::NullableWithoutDefault),
        (
            "a growing enum",
            r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#.into(),
            r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#.into(),
            Kind::EnumWithoutDefault,
        ),
        ("a default", with_default("\"int\"", "1"), with_default("\"int\"", "2"), Kind::DefaultChanged),
    ];
    for (what, reader, writer, kind) in cases {
        let found = findings(&reader, &writer, Profile::Registry);
        assert!(kinds(&found).contains(&kind), "{what}: {found:?}");
        assert!(errors(&found).is_empty(), "{what}: {found:?}");
        assert!(found.iter().all(|finding| finding.hint.is_some() && finding.reader.is_some()), "{what}");
        assert_eq!(found, findings(&reader, &writer, Profile::Glue), "{what}");
        let fatal = [Kind::DecimalChanged, Kind::NamespaceChanged, Kind::FirstMatchBranch].contains(&kind);
        assert_eq!(errors(&findings(&reader, &writer, Profile::AvroSpec)).is_empty(), !fatal, "{what}");
        // A schema that reads itself gives no reason for advice about changes.
        let own = kinds(&findings(&writer, &writer, Profile::AvroSpec));
        assert!(own.is_empty(), "{what}: {own:?}");
    }
}

#[test]
fn a_recursive_type_that_registries_take_for_readable_is_a_warning() {
    let case = cases().into_iter().find(|case| case.id == "recursive/unsound-memo/bwd").expect("the case");
    let found = findings(&case.texts[0], &case.texts[1], Profile::Registry);
    assert!(errors(&found).is_empty(), "{found:?}");
    assert_eq!(kinds(&found).iter().filter(|kind| **kind == Kind::RecursiveTypeUnreadable).count(), 1);
    assert_eq!(kinds(&found)[0], Kind::RecursiveTypeUnreadable);
    assert!(!errors(&findings(&case.texts[0], &case.texts[1], Profile::AvroSpec)).is_empty());
    // Where nothing is overlooked nothing is said.
    for case in cases().iter().filter(|case| case.id.starts_with("recursive/") && !case.id.contains("unsound")) {
        let found = findings(&case.texts[0], &case.texts[1], Profile::Registry);
        assert!(!kinds(&found).contains(&Kind::RecursiveTypeUnreadable), "{}", case.id);
    }
}

/// Promotions, in Java's order of writer and reader.
#[test]
fn every_promotion_holds_plainly_and_inside_unions_arrays_and_fields() {
    let primitives = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let promoted = |writer: &str, reader: &str| {
        writer == reader
            || matches!(
                (writer, reader),
                ("int", "long" | "float" | "double")
                    | ("long", "float" | "double")
                    | ("float", "double")
                    | ("string", "bytes")
                    | ("bytes", "string")
            )
    };
    for writer in primitives {
        for reader in primitives {
            let wrapped = [
                (format!("\"{reader}\""), format!("\"{writer}\"")),
                (format!("[\"{reader}\"]"), format!("\"{writer}\"")),
                (format!("\"{reader}\""), format!("[\"{writer}\"]")),
                (format!("[\"{reader}\"]"), format!("[\"{writer}\"]")),
                (
                    format!(r#"{{"type": "array", "items": "{reader}"}}"#),
                    format!(r#"{{"type": "array", "items": "{writer}"}}"#),
                ),
                (with_fields(&[&format!("\"{reader}\"")]), with_fields(&[&format!("\"{writer}\"")])),
            ];
            for (reader_text, writer_text) in wrapped {
                let found = findings(&reader_text, &writer_text, Profile::Registry);
                assert_eq!(errors(&found).is_empty(), promoted(writer, reader), "{writer_text} as {reader_text}");
            }
        }
    }
}

/// Records inside each other around a type, each type between `open` and `close`.
fn wrapped(levels: usize, inner: &str, open: &str, close: &str) -> String {
    let mut text = String::new();
    for level in 0..levels {
        text.push_str(&format!(r#"{{"type": "record", "name": "R{level}", "fields": [{{"name": "f", "type": {open}"#));
    }
    text.push_str(inner);
    text.push_str(&format!("{close}}}]}}").repeat(levels));
    text
}

fn nested(levels: usize, inner: &str) -> String {
    wrapped(levels, inner, "", "")
}

#[test]
fn five_thousand_levels_are_compared_in_bounded_time() {
    let started = Instant::now();
    let found = findings(&nested(5_000, "\"int\""), &nested(5_000, "\"long\""), Profile::Registry);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].location, "/fields/0/type".repeat(5_000));
    assert!(errors(&findings(&nested(5_000, "\"long\""), &nested(5_000, "\"int\""), Profile::AvroSpec)).is_empty());
    let unions = |inner| wrapped(5_000, inner, "[", "]");
    assert!(read(&unions("\"int\"")).is_ok());
    assert_eq!(findings(&unions("\"int\""), &unions("\"long\""), Profile::Registry)[0].location, "/fields/0/type/0");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn types_nested_beyond_the_limit_are_refused_with_a_reason() {
    let text = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(read(&text).expect_err("too deep")[0].code, "avro::json");
    let document = Document::parse(&text, dq::json_text::Syntax { most_depth: 200_000, ..syntax() }).expect("JSON");
    let mistakes = AvroSchema::parse(document, &Names::default(), Strictness::Strict).expect_err("too deep");
    assert!(mistakes.iter().any(|mistake| mistake.code == "avro::too_deep"));
}

#[test]
fn ten_thousand_fields_are_compared_in_bounded_time() {
    let started = Instant::now();
    let wide = |offset: usize, kind: &str| {
        let fields = (0..10_000).map(|field| format!(r#"{{"name": "f{}", "type": "{kind}"}}"#, field + offset));
        format!(r#"{{"type": "record", "name": "R", "fields": [{}]}}"#, fields.collect::<Vec<_>>().join(","))
    };
    assert!(findings(&wide(0, "long"), &wide(0, "int"), Profile::Registry).is_empty());
    assert_eq!(findings(&wide(0, "int"), &wide(0, "long"), Profile::Registry).len(), 10_000);
    assert_eq!(findings(&wide(5_000, "int"), &wide(0, "int"), Profile::Registry).len(), 5_000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn unions_and_repeated_types_that_double_at_every_level_stay_small() {
    let started = Instant::now();
    // Each level is in two branches of the level above.
    let branching = |levels: usize, inner: &str| {
        let mut text = format!(r#"{{"type": "record", "name": "L0", "fields": [{{"name": "v", "type": "{inner}"}}]}}"#);
        for level in 1..levels {
            let below = level - 1;
            text = format!(
                r#"{{"type": "record", "name": "L{level}", "fields": [{{"name": "u", "type": [
                    {{"type": "record", "name": "A{level}", "fields": [{{"name": "x", "type": {text}}}]}},
                    {{"type": "record", "name": "B{level}", "fields": [{{"name": "x", "type": "L{below}"}}]}}]}}]}}"#
            );
        }
        text
    };
    assert!(errors(&findings(&branching(200, "long"), &branching(200, "int"), Profile::Registry)).is_empty());
    assert_eq!(errors(&findings(&branching(200, "int"), &branching(200, "long"), Profile::Registry)).len(), 2);
    // Each level repeats the findings of the one below twice.
    let repeating = |levels: usize, inner: &str| {
        let mut text = format!(r#"{{"type": "record", "name": "L0", "fields": [{{"name": "v", "type": "{inner}"}}]}}"#);
        for level in 1..levels {
            let below = level - 1;
            text = format!(
                r#"{{"type": "record", "name": "L{level}", "fields": [
                    {{"name": "a", "type": {text}}}, {{"name": "b", "type": "L{below}"}}]}}"#
            );
        }
        text
    };
    assert_eq!(findings(&repeating(10, "int"), &repeating(10, "long"), Profile::Registry).len(), 512);
    let many = findings(&repeating(60, "int"), &repeating(60, "long"), Profile::Registry);
    assert_eq!(many.len(), 10_001);
    assert_eq!(many.last().map(|finding| finding.kind), Some(Kind::FindingsOmitted));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn defaults_that_could_be_judged_again_for_every_alternative_are_judged_once() {
    let started = Instant::now();
    let mut kind = r#"{"type": "record", "name": "Z", "fields": [{"name": "x", "type": "int"}]}"#.to_string();
    let mut value = "{\"x\": \"no int\"}".to_string();
    for level in 0..40 {
        kind = format!(
            r#"[{{"type": "record", "name": "A{level}", "fields": [{{"name": "x", "type": {kind}}}]}},
                {{"type": "record", "name": "B{level}", "fields": [{{"name": "x", "type": "{}"}}]}}]"#,
            if level == 0 { "Z".to_string() } else { format!("A{}", level - 1) }
        );
        value = format!("{{\"x\": {value}}}");
    }
    assert_eq!(read(&with_default(&kind, &value)).expect_err("no int")[0].code, "avro::invalid_default");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// A schema of the bits of a number, every name once.
fn generated(bits: &mut u64, names: &mut usize, levels: usize) -> Value {
    let mut pick = |count: u64| {
        *bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*bits >> 33) % count
    };
    let primitives = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let chosen = if levels == 0 { 0 } else { pick(8) };
    if chosen < 2 {
        return json!(primitives[usize::try_from(pick(8)).expect("small")]);
    }
    *names += 1;
    let name = format!("N{names}");
    let count = pick(4);
    match chosen {
        2 => json!({"type": "array", "items": generated(bits, names, levels - 1)}),
        3 => json!({"type": "map", "values": generated(bits, names, levels - 1)}),
        4 => {
            let symbols = &["A", "B", "C"][..1 + usize::try_from(count % 3).expect("small")];
            json!({"type": "enum", "name": name, "symbols": symbols})
        }
        5 => json!({"type": "fixed", "name": name, "size": count}),
        6 => {
            let record = json!({"type": "record", "name": name, "fields": []});
            json!(["null", "string", record, {"type": "array", "items": generated(bits, names, levels - 1)}])
        }
        _ => {
            let fields = (0..count)
                .map(|field| json!({"name": format!("f{field}"), "type": generated(bits, names, levels - 1)}));
            json!({"type": "record", "name": name, "fields": fields.collect::<Vec<_>>()})
        }
    }
}

/// The same with the fields of all records in reverse.
fn reordered(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(reordered).collect(),
        Value::Object(members) => {
            let mut turned: serde_json::Map<_, _> =
                members.iter().map(|(name, value)| (name.clone(), reordered(value))).collect();
            if let Some(Value::Array(fields)) = turned.get_mut("fields") {
                fields.reverse();
            }
            Value::Object(turned)
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_reads_itself_and_the_order_of_fields_never_matters(seed in any::<u64>()) {
        let own = generated(&mut seed.clone(), &mut 0, 5);
        let turned = reordered(&own);
        for (reader, writer) in [(&own, &own), (&own, &turned), (&turned, &own)] {
            let found = findings(&reader.to_string(), &writer.to_string(), Profile::AvroSpec);
            let unexpected: Vec<_> = found.iter().filter(|f| f.kind != Kind::NullableWithoutDefault).collect();
            prop_assert!(unexpected.is_empty(), "{unexpected:?}");
        }
    }

    #[test]
    fn a_new_field_needs_a_default_and_an_old_one_may_go(seed in any::<u64>()) {
        let old = generated(&mut seed.clone(), &mut 0, 4);
        let fields = |second: &str| {
            format!(r#"{{"type": "record", "name": "Top", "fields": [{{"name": "old", "type": {old}}}{second}]}}"#)
        };
        let short = fields("");
        let bare = fields(r#", {"name": "new", "type": "int"}"#);
        let filled = fields(r#", {"name": "new", "type": "int", "default": 0}"#);
        prop_assert!(errors(&findings(&short, &bare, Profile::Registry)).is_empty());
        prop_assert!(errors(&findings(&filled, &short, Profile::Registry)).is_empty());
        let found = findings(&bare, &short, Profile::Registry);
        let found: Vec<_> = errors(&found).iter().map(|f| (f.kind, f.location.as_str())).collect();
        prop_assert_eq!(found, [(Kind::ReaderFieldMissingDefaultValue, "/fields/1")]);
    }
}
