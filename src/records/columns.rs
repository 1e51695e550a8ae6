//! Fields of CSV as values of JSON: CSV has texts only, so the schema says what they are meant to be.

use super::arena::Shape;
use super::avro_plan::{Kind, Plan};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// References that are followed to find the type of a property.
const MOST_STEPS: usize = 16;

/// What the schema of a property accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepts {
    /// Texts; also when the schema does not say.
    pub text: bool,
    /// Numbers.
    pub number: bool,
    /// `true` and `false`.
    pub boolean: bool,
    /// `null`.
    pub null: bool,
}

impl Accepts {
    /// What a JSON Schema accepts as a property.
    pub fn by_json_schema(document: &Value, property: &str) -> Self {
        let mut accepts = Self::default();
        if let Some(schema) = member(document, document, "properties").and_then(|known| known.get(property)) {
            accepts.see(document, schema, 0);
        }
        accepts.or_text()
    }

    /// What an Avro schema accepts as a field.
    pub fn by_avro(plan: &Plan, field: &str) -> Self {
        let mut accepts = Self::default();
        if let Kind::Record(fields) = plan.kind(plan.root())
            && let Some(field) = fields.iter().find(|own| own.name == field)
        {
            let own = [field.field_type];
            let branches = match plan.kind(field.field_type) {
                Kind::Union(branches) => branches.as_slice(),
                _ => &own,
            };
            for branch in branches {
                match plan.kind(*branch) {
                    Kind::Null => accepts.null = true,
                    Kind::Boolean => accepts.boolean = true,
                    Kind::Int | Kind::Long | Kind::Float | Kind::Double => accepts.number = true,
                    _ => accepts.text = true,
                }
            }
        }
        accepts.or_text()
    }

    fn or_text(self) -> Self {
        if self == Self::default() { Self { text: true, ..self } } else { self }
    }

    fn see(&mut self, document: &Value, schema: &Value, steps: usize) {
        if steps > MOST_STEPS {
            return;
        }
        let names = match schema.get("type") {
            Some(Value::Array(names)) => names.as_slice(),
            Some(name) => std::slice::from_ref(name),
            None => &[],
        };
        for name in names.iter().filter_map(Value::as_str) {
            match name {
                "integer" | "number" => self.number = true,
                "boolean" => self.boolean = true,
                "null" => self.null = true,
                _ => self.text = true,
            }
        }
        if !names.is_empty() {
            return;
        }
        let constant = schema.get("const").map(std::slice::from_ref);
        let values = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(constant);
        for value in values.unwrap_or_default() {
            match value {
                Value::Number(_) => self.number = true,
                Value::Bool(_) => self.boolean = true,
                Value::Null => self.null = true,
                _ => self.text = true,
            }
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'))
            && let Some(target) = document.pointer(target)
        {
            self.see(document, target, steps + 1);
        }
        for joined in ["anyOf", "oneOf", "allOf"] {
            for part in schema.get(joined).and_then(Value::as_array).into_iter().flatten() {
                self.see(document, part, steps + 4);
            }
        }
    }

    /// A field as a value; `None` leaves the member out. `is_null` says that the field is empty, or spelled as NULL is.
    ///
    /// A text that the schema accepts stays one, whatever it looks like. What cannot be read as the
    /// schema wants it stays a text as well, and the schema says what is wrong with it.
    pub fn value(self, field: &str, is_null: bool) -> Option<Shape<'_>> {
        if is_null {
            return match self {
                Self { null: true, .. } => Some(Shape::Null),
                Self { text: true, .. } => Some(Shape::Text(Cow::Borrowed(field))),
                _ => None,
            };
        }
        if !self.text {
            if self.number
                && let Some(number) = number(field)
            {
                return Some(Shape::Number(number));
            }
            if self.boolean && field.eq_ignore_ascii_case("true") {
                return Some(Shape::Boolean(true));
            }
            if self.boolean && field.eq_ignore_ascii_case("false") {
                return Some(Shape::Boolean(false));
            }
        }
        Some(Shape::Text(Cow::Borrowed(field)))
    }
}

/// A number as JSON writes it.
fn number(field: &str) -> Option<Number> {
    let starts = field.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let ends = field.ends_with(|last: char| last.is_ascii_digit());
    if starts && ends { serde_json::from_str(field).ok() } else { None }
}

/// A member of a schema, behind a reference if the schema is one.
fn member<'s>(document: &'s Value, schema: &'s Value, name: &str) -> Option<&'s Value> {
    let mut schema = schema;
    for _ in 0..MOST_STEPS {
        if let Some(found) = schema.get(name) {
            return Some(found);
        }
        schema = document.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_become_what_the_schema_accepts() {
        let schema = json!({
            "properties": {
                "count": {"type": "integer"}, "price": {"type": ["number", "null"]}, "paid": {"$ref": "#/$defs/flag"},
                "code": {"type": "string"}, "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "size": {"enum": [1, 2]}
            },
            "$defs": {"flag": {"type": "boolean"}}
        });
        let cases = [
            ("count", "12", Some(json!(12))),
            ("count", "-1e3", Some(json!(-1000.0))),
            ("count", "007", Some(json!("007"))),
            ("count", "", None),
            ("price", "", Some(json!(null))),
            ("price", "NaN", Some(json!("NaN"))),
            ("paid", "TRUE", Some(json!(true))),
            ("code", "12", Some(json!("12"))),
            ("code", "", Some(json!(""))),
            ("either", "12", Some(json!("12"))),
            ("size", "2", Some(json!(2))),
            ("unknown", "12", Some(json!("12"))),
        ];
        for (property, field, expected) in cases {
            let found = Accepts::by_json_schema(&schema, property).value(field, field.is_empty());
            let found = found.map(|shape| match shape {
                Shape::Null => json!(null),
                Shape::Boolean(yes) => json!(yes),
                Shape::Number(number) => Value::Number(number),
                Shape::Text(text) => json!(text),
                _ => json!("nested"),
            });
            assert_eq!(found, expected, "{property} {field}");
        }
    }
}
