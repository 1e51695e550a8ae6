//! Documents that a schema may accept: a few simple ones, for a validator to choose from.
//! Nothing is promised of them.

use serde_json::{Map, Number, Value, json};
use std::cell::Cell;

/// Documents of one schema, levels, schemas looked at, items and characters of one document.
const MOST: usize = 64;
const MOST_DEPTH: usize = 12;
const MOST_SCHEMAS: usize = 5_000;
const MOST_ITEMS: u64 = 64;
const MOST_CHARACTERS: u64 = 4_096;

/// Texts that common patterns and formats take.
const TEXTS: [&str; 9] =
    ["", "a", "0", "A", "abc", "2024-02-29", "2024-02-29T12:00:00Z", "a@example.com", "https://example.com/"];

/// Candidates, the simplest first, in the same order every time.
pub(super) fn documents(schema: &Value) -> Vec<Value> {
    Generator { root: schema, left: Cell::new(MOST_SCHEMAS) }.documents(schema, 0)
}

struct Generator<'a> {
    root: &'a Value,
    /// Schemas that may still be looked at.
    left: Cell<usize>,
}

impl Generator<'_> {
    fn documents(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let Some(members) = schema.as_object() else {
            return if schema == &Value::Bool(true) { anything() } else { Vec::new() };
        };
        let left = self.left.get();
        if depth > MOST_DEPTH || left == 0 {
            return Vec::new();
        }
        self.left.set(left - 1);
        if let Some(value) = members.get("const") {
            return vec![value.clone()];
        }
        if let Some(values) = members.get("enum").and_then(Value::as_array) {
            return values.iter().take(MOST).cloned().collect();
        }
        let mut found = Vec::new();
        if let Some(target) = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'))
            && let Some(target) = self.root.pointer(target)
        {
            found.extend(self.documents(target, depth + 1));
        }
        for branches in ["allOf", "anyOf", "oneOf"].iter().filter_map(|name| members.get(*name)?.as_array()) {
            for branch in branches {
                // What stands beside the alternatives holds for each of them.
                let mut joined = members.clone();
                for name in ["allOf", "anyOf", "oneOf"] {
                    joined.remove(name);
                }
                joined.extend(branch.as_object().cloned().unwrap_or_default());
                found.extend(self.documents(&Value::Object(joined), depth + 1));
                if found.len() >= MOST {
                    break;
                }
            }
        }
        for name in types(members) {
            found.extend(match name {
                "null" => vec![Value::Null],
                "boolean" => vec![json!(false), json!(true)],
                "integer" => numbers(members, true),
                "number" => numbers(members, false),
                "string" => strings(members),
                "array" => self.arrays(members, depth),
                _ => self.objects(members, depth),
            });
        }
        let mut distinct: Vec<Value> = Vec::new();
        for document in found {
            if distinct.len() < MOST && !distinct.contains(&document) {
                distinct.push(document);
            }
        }
        distinct
    }

    fn arrays(&self, members: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let first = members.get("prefixItems").or(members.get("items")).and_then(Value::as_array);
        let others = members.get("items").filter(|items| !items.is_array()).or(members.get("additionalItems"));
        let others = others.map_or_else(anything, |items| self.documents(items, depth + 1));
        let contained = members.get("contains").map_or(Vec::new(), |schema| self.documents(schema, depth + 1));
        let least = count(members, "minItems").unwrap_or(0).min(MOST_ITEMS);
        let most = count(members, "maxItems").unwrap_or(MOST_ITEMS).min(MOST_ITEMS);
        let mut found = Vec::new();
        for length in [least, least + 1, least + 2, most].into_iter().filter(|length| (least..=most).contains(length)) {
            // Equal items, and items that differ as far as there are others.
            for differing in [false, true] {
                let mut items = Vec::new();
                for index in 0..usize::try_from(length).unwrap_or(0) {
                    let own = first.and_then(|first| first.get(index)).map(|item| self.documents(item, depth + 1));
                    let choice = own.as_ref().unwrap_or(&others);
                    let at = if differing { index % choice.len().max(1) } else { 0 };
                    let Some(item) = choice.get(at) else { break };
                    items.push(item.clone());
                }
                if let (Some(wanted), Some(item)) = (contained.first(), items.first_mut()) {
                    *item = wanted.clone();
                }
                found.push(Value::Array(items));
            }
        }
        if least == 0 {
            found.extend(others.iter().chain(&contained).take(MOST / 4).map(|item| json!([item])));
        }
        found
    }

    fn objects(&self, members: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let properties = members.get("properties").and_then(Value::as_object);
        let of = |name: &str| match properties.and_then(|properties| properties.get(name)) {
            Some(property) => self.documents(property, depth + 1),
            None => members
                .get("additionalProperties")
                .map_or_else(anything, |additional| self.documents(additional, depth + 1)),
        };
        let mut least = Map::new();
        for name in members.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if let Some(value) = of(name).into_iter().next() {
                least.insert(name.to_string(), value);
            }
        }
        let wanted = count(members, "minProperties").unwrap_or(0).min(MOST_ITEMS);
        let mut unused = (0..wanted).map(|index| format!("property{index}"));
        while (least.len() as u64) < wanted {
            let Some(name) = unused.next() else { break };
            let value = of(&name).into_iter().next().unwrap_or(Value::Null);
            least.insert(name, value);
        }
        let mut found = vec![Value::Object(least.clone())];
        // Each property in turn takes each of its values.
        for name in properties.into_iter().flatten().map(|(name, _)| name).take(MOST) {
            for value in of(name).into_iter().take(MOST / 8) {
                let mut changed = least.clone();
                changed.insert(name.clone(), value);
                found.push(Value::Object(changed));
            }
        }
        let mut other = least;
        other.insert("other".into(), of("other").into_iter().next().unwrap_or(Value::Null));
        found.push(Value::Object(other));
        found
    }
}

fn anything() -> Vec<Value> {
    vec![Value::Null, json!(0), json!(""), json!(false), json!([]), json!({}), json!(0.5), json!("a")]
}

fn types(members: &Map<String, Value>) -> Vec<&str> {
    match members.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        // A combination has given its documents already.
        None if ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|name| members.contains_key(*name)) => Vec::new(),
        _ => vec!["null", "boolean", "integer", "number", "string", "array", "object"],
    }
}

fn count(members: &Map<String, Value>, name: &str) -> Option<u64> {
    members.get(name).and_then(|value| value.as_u64().or_else(|| value.as_f64().map(|number| number as u64)))
}

fn numbers(members: &Map<String, Value>, whole: bool) -> Vec<Value> {
    let limit = |name: &str| members.get(name).and_then(Value::as_f64);
    let step = limit("multipleOf").unwrap_or(1.0);
    let mut candidates = vec![0.0, 1.0, -1.0];
    for name in ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] {
        let Some(bound) = limit(name) else { continue };
        let multiple = (bound / step).round() * step;
        candidates.extend([bound, bound + 1.0, bound - 1.0, multiple, multiple + step, multiple - step]);
    }
    if !whole {
        candidates.extend([0.5, -0.5]);
        let bounds = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"];
        let halves: Vec<f64> =
            bounds.into_iter().filter_map(limit).flat_map(|bound| [bound + 0.5, bound - 0.5]).collect();
        candidates.extend(halves);
    }
    candidates.extend([step, -step]);
    candidates.into_iter().filter_map(|number| written(number, whole)).collect()
}

/// Whole numbers without a fraction; none where a double no longer holds them exactly.
fn written(number: f64, whole: bool) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() <= 9e15 {
        return Some(json!(number as i64));
    }
    if whole { None } else { Number::from_f64(number).map(Value::Number) }
}

fn strings(members: &Map<String, Value>) -> Vec<Value> {
    let least = count(members, "minLength").unwrap_or(0).min(MOST_CHARACTERS);
    let most = count(members, "maxLength").filter(|most| *most <= MOST_CHARACTERS);
    let repeated = |character: &str, length: u64| json!(character.repeat(usize::try_from(length).unwrap_or(0)));
    let lengths = [Some(least), most, Some(least + 1)];
    let mut found: Vec<Value> = lengths.into_iter().flatten().map(|length| repeated("a", length)).collect();
    found.extend(["0", "A", " ", "-", "\u{e9}"].map(|character| repeated(character, least.max(1))));
    found.extend(TEXTS.map(|text| json!(text)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_meet_the_simple_limits_of_their_schema() {
        for schema in [
            json!({"type": "string", "minLength": 51}),
            json!({"type": "integer", "minimum": 5, "maximum": 7}),
            json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
            json!({"type": "array", "minItems": 2, "uniqueItems": true, "items": {"enum": [1, 2, 3]}}),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 6}}}),
            json!({"type": "object", "minProperties": 3}),
            json!({"anyOf": [false, {"const": 7}]}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}),
            json!({"not": {"type": "null"}}),
        ] {
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            assert!(documents(&schema).iter().any(|document| validator.is_valid(document)), "{schema}");
        }
    }

    #[test]
    fn schemas_that_contain_themselves_end() {
        let schema = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]});
        assert!(documents(&schema).len() <= MOST);
    }
}
