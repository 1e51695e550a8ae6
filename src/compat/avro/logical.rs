//! Logical types: what the bytes of a type mean.

use super::schema::Tag;
use crate::json_text::{Document, NodeId};

/// A logical type that is valid for its base type; all others are ignored, as the specification asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Logical {
    Decimal { precision: u64, scale: u64 },
    Named(String),
}

impl Logical {
    /// As words of a message.
    pub(super) fn described(&self) -> String {
        match self {
            Logical::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
            Logical::Named(name) => name.clone(),
        }
    }
}

/// The logical type of a definition whose base type is known; `size` is that of a fixed.
pub(super) fn logical(document: &Document, node: NodeId, base: Tag, size: Option<u32>) -> Option<Logical> {
    let name = document.text(document.get(node, "logicalType")?)?;
    let fits = match name {
        "decimal" => return decimal(document, node, base, size),
        "big-decimal" => base == Tag::Bytes,
        "uuid" => base == Tag::String || size == Some(16),
        "duration" => size == Some(12),
        "date" | "time-millis" => base == Tag::Int,
        "time-micros"
        | "timestamp-millis"
        | "timestamp-micros"
        | "timestamp-nanos"
        | "local-timestamp-millis"
        | "local-timestamp-micros"
        | "local-timestamp-nanos" => base == Tag::Long,
        _ => false,
    };
    fits.then(|| Logical::Named(name.to_string()))
}

fn decimal(document: &Document, node: NodeId, base: Tag, size: Option<u32>) -> Option<Logical> {
    let number = |name| document.get(node, name).map(|value| document.number(value).and_then(|text| text.parse().ok()));
    let precision: u64 = number("precision")??;
    let scale: u64 = number("scale").unwrap_or(Some(0))?;
    let most = match (base, size) {
        (Tag::Bytes, _) => u64::MAX,
        (Tag::Fixed, Some(size)) => most_digits(size),
        _ => return None,
    };
    (precision > 0 && precision <= most && scale <= precision).then_some(Logical::Decimal { precision, scale })
}

/// The digits that every two's complement number of so many bytes can have.
fn most_digits(size: u32) -> u64 {
    // The largest number is 2^(8n-1) - 1; of it no power of ten is reached exactly.
    let bits = u64::from(size) * 8;
    if bits == 0 {
        return 0;
    }
    // log10(2) to 17 digits: exact for every size whose decimals fit the memory of a computer.
    ((bits - 1) as f64 * std::f64::consts::LOG10_2).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_text::Syntax;

    #[test]
    fn invalid_and_unknown_logical_types_are_ignored() {
        let cases = [
            (r#"{"logicalType": "decimal", "precision": 9, "scale": 2}"#, Tag::Bytes, None, Some("decimal(9, 2)")),
            (r#"{"logicalType": "decimal", "precision": 9}"#, Tag::Bytes, None, Some("decimal(9, 0)")),
            (r#"{"logicalType": "decimal", "precision": 9, "scale": 10}"#, Tag::Bytes, None, None),
            (r#"{"logicalType": "decimal", "precision": 0}"#, Tag::Bytes, None, None),
            (r#"{"logicalType": "decimal", "precision": "9"}"#, Tag::Bytes, None, None),
            (r#"{"logicalType": "decimal", "precision": 9, "scale": -1}"#, Tag::Bytes, None, None),
            (r#"{"logicalType": "decimal"}"#, Tag::Bytes, None, None),
            (r#"{"logicalType": "decimal", "precision": 2}"#, Tag::Fixed, Some(1), Some("decimal(2, 0)")),
            (r#"{"logicalType": "decimal", "precision": 3}"#, Tag::Fixed, Some(1), None),
            (r#"{"logicalType": "decimal", "precision": 38}"#, Tag::Fixed, Some(16), Some("decimal(38, 0)")),
            (r#"{"logicalType": "decimal", "precision": 39}"#, Tag::Fixed, Some(16), None),
            (r#"{"logicalType": "decimal", "precision": 9}"#, Tag::Int, None, None),
            (r#"{"logicalType": "date"}"#, Tag::Int, None, Some("date")),
            (r#"{"logicalType": "date"}"#, Tag::Long, None, None),
            (r#"{"logicalType": "uuid"}"#, Tag::Fixed, Some(16), Some("uuid")),
            (r#"{"logicalType": "uuid"}"#, Tag::Fixed, Some(15), None),
            (r#"{"logicalType": 5}"#, Tag::Int, None, None),
            (r#"{"logicalType": "ours"}"#, Tag::Int, None, None),
        ];
        for (text, base, size, expected) in cases {
            let document = Document::parse(text, Syntax::default()).expect("JSON");
            let found = logical(&document, document.root(), base, size).map(|logical| logical.described());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
