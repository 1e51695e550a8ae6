//! Which values a field may have as its default, as Avro Java 1.12.0 decides.

use super::schema::{DefaultValue, Record, Shape, Tag, Type, TypeId, Use};
use crate::json_text::{Document, NodeId, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is known of a default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Valid,
    Invalid,
    /// It needs the fields of a record that is being read.
    Open,
    /// It needs itself.
    Endless,
}

/// Remembers what was judged: nested unions would otherwise be judged again for each alternative.
#[derive(Default)]
pub(super) struct Validator {
    /// `None` while an answer is being found.
    answers: HashMap<(TypeId, DefaultValue), Option<Answer>>,
}

impl Validator {
    /// Judges the default of a field of type `schema`. While names are still being read, `open` has
    /// the records around the field; `None` means that all is resolved.
    pub(super) fn field(
        &mut self,
        types: &[Type],
        documents: &[Arc<Document>],
        open: Option<&HashSet<TypeId>>,
        schema: Use,
        default: DefaultValue,
    ) -> Answer {
        Judge { types, documents, open, answers: &mut self.answers }.field(schema.id, default)
    }
}

struct Judge<'a> {
    types: &'a [Type],
    documents: &'a [Arc<Document>],
    open: Option<&'a HashSet<TypeId>>,
    answers: &'a mut HashMap<(TypeId, DefaultValue), Option<Answer>>,
}

fn valid(fine: bool) -> Answer {
    if fine { Answer::Valid } else { Answer::Invalid }
}

impl<'a> Judge<'a> {
    /// A field of type float or double may have its number in a string; values inside others may not.
    fn field(&mut self, id: TypeId, default: DefaultValue) -> Answer {
        match (self.types[id.0 as usize].tag(), self.document(default).value(default.node)) {
            (Tag::Float | Tag::Double, Value::Text(text)) => valid(is_java_double(text)),
            _ => self.value(id, default),
        }
    }

    fn document(&self, default: DefaultValue) -> &'a Document {
        &self.documents[default.document as usize]
    }

    fn value(&mut self, id: TypeId, default: DefaultValue) -> Answer {
        let types = self.types;
        let document = self.document(default);
        let value = document.value(default.node);
        let whole = || document.number(default.node).filter(|number| !number.contains(['.', 'e', 'E']));
        match &types[id.0 as usize].shape {
            Shape::Plain(tag) => match tag {
                Tag::Null => valid(*value == Value::Null),
                Tag::Boolean => valid(matches!(value, Value::Bool(_))),
                Tag::Int => valid(whole().is_some_and(|number| number.parse::<i32>().is_ok())),
                Tag::Long => valid(whole().is_some_and(|number| number.parse::<i64>().is_ok())),
                Tag::Float | Tag::Double => valid(*value == Value::Number),
                Tag::Bytes | Tag::String => valid(matches!(value, Value::Text(_))),
                // For Java what comes later is a record without fields.
                Tag::Named => valid(matches!(value, Value::Object(_))),
                _ => Answer::Valid,
            },
            Shape::Fixed { .. } | Shape::Enum(_) => valid(matches!(value, Value::Text(_))),
            shape => {
                if let Some(answer) = self.answers.get(&(id, default)) {
                    return answer.unwrap_or(Answer::Endless);
                }
                self.answers.insert((id, default), None);
                let answer = stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.composite(id, shape, default));
                self.answers.insert((id, default), Some(answer));
                answer
            }
        }
    }

    fn composite(&mut self, id: TypeId, shape: &'a Shape, default: DefaultValue) -> Answer {
        let document = self.document(default);
        let inside = |node: NodeId| DefaultValue { document: default.document, node };
        match (shape, document.value(default.node)) {
            (Shape::Array(inner), Value::Array(elements)) => {
                self.all(elements.iter().map(|element| (inner.id, inside(*element))))
            }
            (Shape::Map(inner), Value::Object(_)) => {
                self.all(last_members(document, default.node).into_values().map(|value| (inner.id, inside(value))))
            }
            (Shape::Union(branches), _) => {
                for branch in branches {
                    let answer = self.value(branch.id, default);
                    if answer != Answer::Invalid {
                        return answer;
                    }
                }
                Answer::Invalid
            }
            (Shape::Record(_), Value::Object(_)) if self.open.is_some_and(|open| open.contains(&id)) => Answer::Open,
            (Shape::Record(record), Value::Object(_)) => self.record(record, document, default),
            _ => Answer::Invalid,
        }
    }

    fn all(&mut self, values: impl Iterator<Item = (TypeId, DefaultValue)>) -> Answer {
        for (id, value) in values {
            let answer = self.value(id, value);
            if answer != Answer::Valid {
                return answer;
            }
        }
        Answer::Valid
    }

    fn record(&mut self, record: &Record, document: &Document, default: DefaultValue) -> Answer {
        let members = last_members(document, default.node);
        for field in &record.fields {
            let answer = match (members.get(field.name.as_str()), field.default) {
                (Some(node), _) => {
                    self.value(field.schema.id, DefaultValue { document: default.document, node: *node })
                }
                (None, Some(own)) => self.field(field.schema.id, own),
                (None, None) => Answer::Invalid,
            };
            if answer != Answer::Valid {
                return answer;
            }
        }
        Answer::Valid
    }
}

/// The members of an object, of equal names the last.
pub(super) fn last_members(document: &Document, node: NodeId) -> HashMap<&str, NodeId> {
    document.members(node).iter().map(|member| (member.name.as_str(), member.value)).collect()
}

/// What Java's `Double.valueOf` takes: the grammar of its documentation, blanks around it.
fn is_java_double(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c <= ' ');
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text == "NaN" || text == "Infinity" {
        return true;
    }
    let text = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let Some((digits, exponent)) = digits.split_once(['p', 'P']) else { return false };
        return is_mantissa(digits, |byte| byte.is_ascii_hexdigit()) && is_exponent(exponent);
    }
    match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => is_mantissa(digits, |byte| byte.is_ascii_digit()) && is_exponent(exponent),
        None => is_mantissa(text, |byte| byte.is_ascii_digit()),
    }
}

fn is_mantissa(text: &str, digit: impl Fn(u8) -> bool) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    whole.len() + fraction.len() > 0 && whole.bytes().chain(fraction.bytes()).all(digit)
}

fn is_exponent(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What to write as a default of a type.
pub(super) fn wanted(types: &[Type], schema: Use) -> String {
    match &types[schema.id.0 as usize].shape {
        Shape::Plain(Tag::Null) => "the default of a null is null".to_string(),
        Shape::Plain(Tag::Boolean) => "write true or false, without quotes".to_string(),
        Shape::Plain(Tag::Int) => "write a whole number of 32 bits, without quotes or point".to_string(),
        Shape::Plain(Tag::Long) => "write a whole number of 64 bits, without quotes or point".to_string(),
        Shape::Plain(Tag::Float | Tag::Double) => "write a number".to_string(),
        Shape::Plain(Tag::Bytes) | Shape::Fixed { .. } => "write a string, one character for every byte".to_string(),
        Shape::Enum(_) => "write one of the symbols in double quotes".to_string(),
        Shape::Array(_) => "write a list whose elements have the type of its items, such as []".to_string(),
        Shape::Map(_) => "write an object whose values have the type of its values, such as {}".to_string(),
        Shape::Record(_) => "write an object with a value for every field that has no default of its own".to_string(),
        Shape::Union(_) => "write a value of one of the union's types".to_string(),
        Shape::Plain(_) => "write a string in double quotes".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_strings_are_those_that_java_takes() {
        for text in
            ["1.5", "NaN", " 1.5 ", "1.5f", "0x1p3", "-Infinity", "+Infinity", "1d", "1e5", ".5", "5.", "0x.8P-1D"]
        {
            assert!(is_java_double(text), "{text}");
        }
        for text in ["", "inf", "1_0", "abc", ".", "e5", "1e", "0x1", "0xp1", "+-1", "nan", "1 5", "f"] {
            assert!(!is_java_double(text), "{text}");
        }
    }
}
