//! JSON Schemas: whether a reader's schema reads what a writer's allows.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::compat::finding::{Finding, Kind, Severity};
use dq::compat::json_schema::{JsonSchema, Policy, References, can_read};
use dq::json_text::{Document, Syntax};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn document(text: &str) -> Document {
    Document::parse(text, Syntax::default()).expect("JSON")
}

fn parsed(text: &str) -> JsonSchema {
    match JsonSchema::parse(document(text), &References::new()) {
        Ok(schema) => schema,
        Err(mistakes) => {
            let messages: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
            panic!("{text}: {messages:?}")
        }
    }
}

fn schema(value: &Value) -> JsonSchema {
    parsed(&value.to_string())
}

fn read(reader: &JsonSchema, writer: &JsonSchema, policy: Policy) -> Vec<Finding> {
    can_read(reader, writer, policy).map_err(|error| error.message).expect("comparable")
}

fn is_compatible(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

/// What the semantic engine adds depends on what it can prove.
fn of_the_rules(findings: &[Finding]) -> Vec<String> {
    let semantic = [Kind::SemanticNarrowed, Kind::SemanticallyCompatible, Kind::SemanticsSkipped];
    let mut told: Vec<String> = findings
        .iter()
        .filter(|finding| !semantic.contains(&finding.kind))
        .map(|finding| format!("{} {}", finding.kind.name(), finding.location))
        .collect();
    told.sort();
    told
}

fn mistakes(text: &str) -> Vec<(String, String)> {
    let document = document(text);
    let source = text.to_string();
    let Err(mistakes) = JsonSchema::parse(document, &References::new()) else { panic!("{text} is no mistake") };
    mistakes.into_iter().map(|mistake| (source[mistake.span.range()].to_string(), mistake.message)).collect()
}

#[test]
fn every_pair_has_the_differences_and_the_verdicts_of_a_registry_in_both_directions() {
    let cases = include_str!("../fixtures/compat/json_schema_cases.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let id = case["id"].as_str().expect("an id");
        let (old, new) = (schema(&case["old"]), schema(&case["new"]));
        for (direction, reader, writer) in [("backward", &new, &old), ("forward", &old, &new)] {
            let expected = &case[direction];
            let strict = read(reader, writer, Policy::Strict);
            let lenient = read(reader, writer, Policy::Lenient);
            let told = json!(of_the_rules(&strict));
            if told != expected["findings"] {
                wrong.push(format!("{id} {direction}: {told} instead of {}", expected["findings"]));
            }
            for (policy, findings) in [("strict", &strict), ("lenient", &lenient)] {
                let compatible = is_compatible(findings);
                match expected[policy].as_bool() {
                    Some(verdict) if verdict != compatible => {
                        wrong.push(format!("{id} {direction} {policy}: compatible {compatible}: {findings:?}"));
                    }
                    // Depends on what can be proved: then the proof is told.
                    None if compatible != expected["strict"].as_bool().unwrap_or(true) => {
                        let proof = [Kind::SemanticNarrowed, Kind::SemanticallyCompatible];
                        let proved = findings.iter().any(|finding| proof.contains(&finding.kind));
                        if !proved {
                            wrong.push(format!("{id} {direction} {policy}: no proof"));
                        }
                    }
                    _ => {}
                }
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 240);
}

#[test]
fn every_schema_reads_itself_without_findings() {
    let cases = include_str!("../fixtures/compat/json_schema_cases.jsonl");
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        for side in ["old", "new"] {
            let (one, same) = (schema(&case[side]), schema(&case[side]));
            for policy in [Policy::Strict, Policy::Lenient] {
                let findings = read(&one, &same, policy);
                assert!(findings.is_empty(), "{}: {findings:?}", case[side]);
            }
        }
    }
}

#[test]
fn findings_point_into_both_documents_and_say_what_to_do() {
    let old = "{\n  \"type\": \"object\",\n  \"properties\": {\"a\": {\"type\": \"string\", \"maxLength\": 9}}\n}";
    let new = "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", \"maxLength\": 8}}}";
    let (writer, reader) = (parsed(old), parsed(new));
    let findings = read(&reader, &writer, Policy::Strict);
    let finding = &findings[0];
    assert_eq!(finding.kind, Kind::MaxLengthDecreased);
    let place = finding.writer.as_ref().expect("a place");
    assert_eq!(place.pointer, "/properties/a/maxLength");
    assert_eq!(&old[place.span.range()], "9");
    assert_eq!(writer.document().position(place.span).0, 3);
    let place = finding.reader.as_ref().expect("a place");
    assert_eq!(&new[place.span.range()], "8");

    let open = read(
        &schema(&json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}})),
        &schema(&json!({"properties": {"a": {"type": "string"}}})),
        Policy::Strict,
    );
    assert!(open[0].hint.as_deref().expect("a hint").contains("\"additionalProperties\": false"));
}

#[test]
fn a_document_that_breaks_is_shown_and_really_breaks() {
    for (old, new) in [
        (json!({"type": "string"}), json!({"type": "string", "maxLength": 5})),
        (json!({"type": "integer"}), json!({"type": "integer", "minimum": 0})),
        (json!({"type": ["string", "null"]}), json!({"type": "string"})),
        (json!({"enum": ["a", "b"]}), json!({"enum": ["a"]})),
        (json!({"type": "object"}), json!({"type": "object", "required": ["a"]})),
    ] {
        let findings = read(&schema(&new), &schema(&old), Policy::Strict);
        let example =
            findings.iter().find_map(|finding| finding.example.as_ref()).unwrap_or_else(|| panic!("{old} {new}"));
        assert!(jsonschema::is_valid(&old, example), "{example}");
        assert!(!jsonschema::is_valid(&new, example), "{example}");
    }
}

#[test]
fn what_registries_do_not_see_is_an_error_when_it_is_proved() {
    // Two alternatives of `oneOf` that overlap: the rules match them, no integer is valid any more.
    let old = json!({"oneOf": [{"type": "integer"}, {"type": "string"}]});
    let new = json!({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "number"}]});
    let findings = read(&schema(&new), &schema(&old), Policy::Strict);
    let narrowed = findings.iter().find(|finding| finding.kind == Kind::SemanticNarrowed).expect("a proof");
    assert_eq!(narrowed.severity, Severity::Error);
}

#[test]
fn a_required_property_with_a_default_is_a_warning_only() {
    let old = json!({"type": "object", "properties": {"a": {"type": "string", "default": "x"}}});
    let new = json!({"type": "object", "properties": {"a": {"type": "string", "default": "x"}}, "required": ["a"]});
    let findings = read(&schema(&new), &schema(&old), Policy::Strict);
    assert!(is_compatible(&findings));
    let narrowed = findings.iter().find(|finding| finding.kind == Kind::SemanticNarrowed).expect("a proof");
    assert_eq!(narrowed.severity, Severity::Warning);
}

#[test]
fn a_change_that_loses_no_document_is_refused_by_the_strict_policy_only() {
    let (old, new) = (json!({"type": "string", "enum": ["a"]}), json!({"type": "string"}));
    let strict = read(&schema(&new), &schema(&old), Policy::Strict);
    assert!(!is_compatible(&strict));
    assert!(strict.iter().any(|finding| finding.kind == Kind::SemanticallyCompatible));
    assert!(is_compatible(&read(&schema(&new), &schema(&old), Policy::Lenient)));
}

#[test]
fn mistakes_stand_where_they_were_made() {
    for (text, place) in [
        (r#"{"$schema": "https://example.com/own"}"#, "\"https://example.com/own\""),
        (r##"{"$ref": "#/$defs/missing"}"##, "\"#/$defs/missing\""),
        (r#"{"$ref": "other.json"}"#, "\"other.json\""),
        (r##"{"$ref": "#nowhere"}"##, "\"#nowhere\""),
        (r#"{"type": "text"}"#, "\"text\""),
        (r#"{"properties": {"a": {"maxLength": -1}}}"#, "-1"),
        (r#"{"properties": {"a": 1}}"#, "{\"a\": 1}"),
        (r#"{"required": "a"}"#, "\"a\""),
        (r#"{"allOf": []}"#, "[]"),
        ("[]", "[]"),
        ("1", "1"),
    ] {
        let mistakes = mistakes(text);
        assert_eq!(mistakes[0].0, place, "{text}: {mistakes:?}");
    }
    let two = mistakes(r#"{"type": "text", "properties": {"a": {"minimum": "1"}}}"#);
    assert_eq!(two.len(), 2, "{two:?}");
}

#[test]
fn references_lead_into_the_documents_given_and_nowhere_else() {
    let mut references = References::new();
    references.add("address.json", Arc::new(document(r#"{"$defs": {"city": {"type": "string"}}, "type": "object"}"#)));
    references.add("https://example.com/zip", Arc::new(document(r#"{"type": "integer"}"#)));
    let load = |text: &str| JsonSchema::parse(document(text), &references);
    let written = load(r#"{"properties": {"a": {"$ref": "./address.json#/$defs/city"}}}"#).expect("a schema");
    let inlined = load(r#"{"properties": {"a": {"type": "string"}}}"#).expect("a schema");
    assert!(read(&inlined, &written, Policy::Strict).is_empty());
    let changed =
        load(r#"{"$id": "https://example.com/base", "properties": {"a": {"$ref": "zip"}}}"#).expect("a schema");
    let findings = read(&changed, &written, Policy::Strict);
    let finding = findings.iter().find(|finding| finding.kind == Kind::TypeChanged).expect("a change");
    // The place is the reference: what it names stands in another document.
    assert_eq!(finding.reader.as_ref().expect("a place").pointer, "/properties/a");

    let Err(mistakes) = load(r#"{"$ref": "adress.json"}"#) else { panic!("found") };
    assert!(mistakes[0].message.contains("`address.json`"), "{}", mistakes[0].message);
}

#[test]
fn mistakes_in_other_documents_are_told_at_the_reference() {
    let mut references = References::new();
    references.add("a.json", Arc::new(document("{\n\"type\": \"text\"}")));
    let text = r#"{"$ref": "a.json"}"#;
    let Err(mistakes) = JsonSchema::parse(document(text), &references) else { panic!("no mistake") };
    assert!(mistakes[0].message.starts_with("in a.json, line 2"), "{}", mistakes[0].message);
    assert_eq!(&text[mistakes[0].span.range()], "\"a.json\"");
}

/// A schema of objects in objects.
fn nested(levels: usize, innermost: &str) -> String {
    let open = r#"{"type":"object","properties":{"a":"#.repeat(levels);
    format!("{open}{{\"type\":\"{innermost}\"}}{}", "}}".repeat(levels))
}

#[test]
fn five_thousand_levels_are_compared_in_bounded_time() {
    let started = Instant::now();
    let (old, new) = (parsed(&nested(5_000, "string")), parsed(&nested(5_000, "integer")));
    let findings = read(&new, &old, Policy::Strict);
    assert!(findings.iter().any(|finding| finding.kind == Kind::TypeChanged));
    assert!(read(&old, &old, Policy::Strict).iter().all(|finding| finding.kind == Kind::SemanticsSkipped));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn more_levels_than_are_compared_are_no_verdict() {
    let deep = parsed(&nested(12_000, "string"));
    assert!(can_read(&deep, &deep, Policy::Strict).is_err());
}

#[test]
fn ten_thousand_properties_are_compared_in_bounded_time() {
    let started = Instant::now();
    let properties = |kind: &str| {
        let members: Vec<String> = (0..10_000).map(|index| format!("\"p{index}\":{{\"type\":\"{kind}\"}}")).collect();
        parsed(&format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", members.join(",")))
    };
    let findings = read(&properties("integer"), &properties("number"), Policy::Strict);
    assert!(findings.len() >= 10_000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn schemas_that_refer_to_each_other_many_times_are_compared_once() {
    let definitions = |leaf: &str| {
        let mut members: Vec<String> = (0..60)
            .map(|index| {
                let next = format!("{{\"$ref\":\"#/$defs/d{}\"}}", index + 1);
                format!(
                    "\"d{index}\":{{\"anyOf\":[{{\"properties\":{{\"a\":{next},\"b\":{next}}}}},{{\"items\":{next}}}]}}"
                )
            })
            .collect();
        members.push(format!("\"d60\":{{\"type\":\"{leaf}\"}}"));
        parsed(&format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{}}}}}", members.join(",")))
    };
    let (old, new) = (definitions("string"), definitions("integer"));
    let started = Instant::now();
    // Time is what is asked here: equal and different leaves.
    let _ = can_read(&new, &old, Policy::Strict);
    let _ = can_read(&old, &old, Policy::Strict);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn an_assumption_that_fails_is_not_kept() {
    // The pair of `n` is assumed while its alternatives are compared; the second property refutes it.
    let node = |value: &str| {
        json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "additionalProperties": false, "properties": {
            "next": {"anyOf": [{"$ref": "#/$defs/m"}, {"type": "null"}]},
            "value": {"type": value}
        }}, "m": {"type": "object", "additionalProperties": false, "properties": {
            "back": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}
        }}}})
    };
    let findings = read(&schema(&node("integer")), &schema(&node("string")), Policy::Strict);
    let told = of_the_rules(&findings);
    assert!(told.iter().any(|line| line.starts_with("COMBINED_TYPE_SUBSCHEMAS_CHANGED #/properties/next")), "{told:?}");
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn schema(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => json!({"type": "string", "minLength": self.below(3), "maxLength": 2 + self.below(3)}),
            1 => json!({"type": "integer", "minimum": self.below(4)}),
            2 => json!({"type": "number", "maximum": self.below(4)}),
            3 => json!({"enum": (0..=self.below(3)).collect::<Vec<u64>>()}),
            4 => json!({"type": ["null", "boolean"]}),
            5 => json!({"type": "array", "maxItems": 1 + self.below(3), "items": self.schema(depth - 1)}),
            6 => json!({"anyOf": [self.schema(depth - 1), self.schema(depth - 1)]}),
            _ => {
                let mut schema = json!({"type": "object", "properties": {"a": self.schema(depth - 1)}});
                if self.below(2) == 0 {
                    schema["properties"]["b"] = self.schema(depth - 1);
                }
                if self.below(2) == 0 {
                    schema["additionalProperties"] = json!(false);
                }
                if self.below(3) == 0 {
                    schema["required"] = json!(["a"]);
                }
                schema
            }
        }
    }

    fn document(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(6)),
            3 => json!(0.5 + self.below(3) as f64),
            4 => json!("a".repeat(usize::try_from(self.below(6)).expect("small"))),
            5 => (0..self.below(4)).map(|_| self.document(depth - 1)).collect(),
            _ => {
                let mut members = serde_json::Map::new();
                for name in ["a", "b", "c"] {
                    if self.below(2) == 0 {
                        members.insert(name.into(), self.document(depth - 1));
                    }
                }
                Value::Object(members)
            }
        }
    }
}

#[test]
fn documents_of_the_writer_are_read_wherever_the_answer_is_yes() {
    let mut numbers = Numbers(7);
    let documents: Vec<Value> = (0..400).map(|_| numbers.document(3)).collect();
    let mut compatible = 0;
    for _ in 0..400 {
        let old = numbers.schema(2);
        // Mostly a near relative, so that some are compatible.
        let new = if numbers.below(4) == 0 { numbers.schema(2) } else { json!({"anyOf": [numbers.schema(1), old]}) };
        for (reader, writer) in [(&new, &old), (&old, &new)] {
            let findings = read(&schema(reader), &schema(writer), Policy::Strict);
            let proved = findings.iter().any(|finding| finding.kind == Kind::SemanticallyCompatible);
            if !proved && !is_compatible(&findings) {
                continue;
            }
            compatible += 1;
            let (accepts, reads) = (
                jsonschema::validator_for(writer).expect("a schema"),
                jsonschema::validator_for(reader).expect("a schema"),
            );
            for document in documents.iter().filter(|document| accepts.is_valid(document)) {
                assert!(reads.is_valid(document), "{document} of {writer} is not read by {reader}: {findings:?}");
            }
        }
    }
    assert!(compatible > 100, "{compatible}");
}
