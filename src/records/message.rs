//! Failures of a JSON Schema in words: what was expected, and of the value no more than its type or size.

use super::arena::{Arena, Id, Shape};
use super::failure::shortened;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// Values of an `enum` that are listed.
const LISTED: usize = 5;

/// Names that are listed.
const NAMES: usize = 5;

/// The type of a value as JSON Schema calls it.
pub fn type_name(arena: &Arena<'_>, value: Id) -> &'static str {
    match arena.shape(value) {
        Shape::Null => "null",
        Shape::Boolean(_) => "boolean",
        Shape::Number(number) if number.is_f64() => "number",
        Shape::Number(_) => "integer",
        Shape::Text(_) => "string",
        Shape::Array(..) => "array",
        Shape::Object(..) => "object",
    }
}

/// What is wrong.
pub fn message(kind: &ValidationErrorKind, value: Option<(&Arena<'_>, Id)>) -> String {
    use ValidationErrorKind as K;
    let size = |what: &str, limit: u64| format!("{what} {limit}");
    match kind {
        K::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(expected) => expected.to_string(),
                TypeKind::Multiple(expected) => {
                    expected.iter().map(|expected| expected.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            match value {
                Some((arena, value)) => format!("is {}, not {expected}", type_name(arena, value)),
                None => format!("is not {expected}"),
            }
        }
        K::Required { property } => format!("{} is missing", short(property)),
        K::AdditionalProperties { unexpected } | K::UnevaluatedProperties { unexpected } => {
            format!("has members that the schema does not know: {}", names(unexpected))
        }
        K::AdditionalItems { limit } => format!("has more than {limit} items"),
        // Items are values: how many they are may be said.
        K::UnevaluatedItems { unexpected } => format!("has {} items that the schema does not know", unexpected.len()),
        K::Enum { options } => format!("is none of {}", listed(options)),
        K::Constant { expected_value } => format!("is not {}", short(expected_value)),
        K::Pattern { pattern } => format!("does not match the pattern {}", shortened(pattern, 100)),
        K::BacktrackLimitExceeded { .. } => "took too long to be compared with the pattern".into(),
        K::RegexEngineFailure { .. } => "cannot be compared with the pattern".into(),
        K::Format { format } => format!("is no {format}"),
        K::Minimum { limit } => format!("is less than {limit}"),
        K::Maximum { limit } => format!("is greater than {limit}"),
        K::ExclusiveMinimum { limit } => format!("is not greater than {limit}"),
        K::ExclusiveMaximum { limit } => format!("is not less than {limit}"),
        K::MultipleOf { multiple_of } => format!("is no multiple of {multiple_of}"),
        K::MinLength { limit } => size("has fewer characters than", *limit),
        K::MaxLength { limit } => size("has more characters than", *limit),
        K::MinItems { limit } => size("has fewer items than", *limit),
        K::MaxItems { limit } => size("has more items than", *limit),
        K::MinProperties { limit } => size("has fewer members than", *limit),
        K::MaxProperties { limit } => size("has more members than", *limit),
        K::UniqueItems => "has an item twice".into(),
        K::Contains => "has no item, or not as many, as the schema asks for".into(),
        K::AnyOf { context } => format!("satisfies none of the {} schemas of anyOf", context.len()),
        K::OneOfNotValid { context } => format!("satisfies none of the {} schemas of oneOf", context.len()),
        K::OneOfMultipleValid { .. } => "satisfies more than one schema of oneOf".into(),
        K::Not { .. } => "satisfies a schema that it must not".into(),
        K::FalseSchema => "must not be there".into(),
        K::PropertyNames { .. } => "has a member whose name the schema does not allow".into(),
        K::ContentEncoding { content_encoding } => format!("is not encoded as {content_encoding}"),
        K::ContentMediaType { content_media_type } => format!("is no {content_media_type}"),
        K::FromUtf8 { .. } => "is no UTF-8 once decoded".into(),
        K::Custom { .. } | K::Referencing(_) => "does not satisfy the schema".into(),
    }
}

/// A value of the schema.
fn short(value: &Value) -> String {
    shortened(&value.to_string(), 60).into_owned()
}

fn names(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| format!("`{}`", shortened(name, 40))).collect();
    with_rest(&shown, names.len())
}

fn listed(options: &Value) -> String {
    let all = options.as_array().map_or(&[][..], Vec::as_slice);
    let shown: Vec<String> = all.iter().take(LISTED).map(short).collect();
    with_rest(&shown, all.len())
}

fn with_rest(shown: &[String], all: usize) -> String {
    let rest = all - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
