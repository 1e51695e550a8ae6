//! Which values Spark can cast to a type, outside ANSI mode.

use super::text::text_rows;
use crate::text_cast;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, i256};
use arrow_schema::{DataType, TimeUnit};
use std::fmt;

/// The types that `ColumnDataType` knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CastTarget {
    /// `Boolean`
    Boolean,
    /// `Date`, in one of [`text_cast::DATE_FORMATS`] or as Spark casts.
    Date(Option<String>),
    /// `Timestamp`
    Timestamp,
    /// `Integer`, 32 bits
    Integer,
    /// `Long`, 64 bits
    Long,
    /// `Float`
    Float,
    /// `Double`
    Double,
    /// `Decimal(precision, scale)`
    Decimal(u8, u8),
}

impl CastTarget {
    /// The type of that name in any case; `Decimal` takes `(precision, scale)` and is (10, 0) without.
    pub fn parse(name: &str) -> Option<Self> {
        let upper = name.trim().to_uppercase();
        Some(match upper.as_str() {
            "BOOLEAN" => CastTarget::Boolean,
            "DATE" => CastTarget::Date(None),
            "TIMESTAMP" => CastTarget::Timestamp,
            "INTEGER" => CastTarget::Integer,
            "LONG" => CastTarget::Long,
            "FLOAT" => CastTarget::Float,
            "DOUBLE" => CastTarget::Double,
            "DECIMAL" => CastTarget::Decimal(10, 0),
            _ => {
                let (precision, scale) =
                    upper.strip_prefix("DECIMAL")?.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
                let (precision, scale): (u8, u8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
                if !(1..=38).contains(&precision) || scale > precision {
                    return None;
                }
                CastTarget::Decimal(precision, scale)
            }
        })
    }
}

impl fmt::Display for CastTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CastTarget::Boolean => f.write_str("Boolean"),
            CastTarget::Date(None) => f.write_str("Date"),
            CastTarget::Date(Some(format)) => write!(f, "Date as {format}"),
            CastTarget::Timestamp => f.write_str("Timestamp"),
            CastTarget::Integer => f.write_str("Integer"),
            CastTarget::Long => f.write_str("Long"),
            CastTarget::Float => f.write_str("Float"),
            CastTarget::Double => f.write_str("Double"),
            CastTarget::Decimal(precision, scale) => write!(f, "Decimal({precision},{scale})"),
        }
    }
}

/// A target ready for one type of column.
#[derive(Debug)]
pub struct Cast {
    target: CastTarget,
    member: bool,
    zone: chrono_tz::Tz,
    rule: Rule,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Every value has the same answer.
    Constant(bool),
    /// Each text is parsed.
    Text,
    /// Each number must fit the decimal.
    Digits,
}

impl Cast {
    /// `None` when Spark has no cast between the types at all.
    pub fn new(target: &CastTarget, member: bool, zone: chrono_tz::Tz, source: &DataType) -> Option<Self> {
        use CastTarget::{Boolean, Date, Decimal, Timestamp};
        let numeric = source.is_numeric();
        let rule = match (source, target) {
            (source, _) if crate::metrics::is_text(source) => Rule::Text,
            // A layout is a question to text.
            (_, Date(Some(_))) => return None,
            (DataType::Date32 | DataType::Date64, Date(None) | Timestamp) => Rule::Constant(true),
            // Spark reads a date as no number: the cast exists and gives NULL.
            (DataType::Date32 | DataType::Date64, _) => Rule::Constant(false),
            (DataType::Timestamp(_, _), Decimal(_, _)) => Rule::Digits,
            (DataType::Timestamp(_, _), _) => Rule::Constant(true),
            (DataType::Boolean, Date(None)) => return None,
            (_, Date(None)) if numeric => return None,
            (DataType::Boolean, Decimal(precision, scale)) => Rule::Constant(precision > scale),
            (_, Decimal(_, _)) if numeric => Rule::Digits,
            (DataType::Boolean, _) => Rule::Constant(true),
            (
                _,
                Boolean | Timestamp | CastTarget::Integer | CastTarget::Long | CastTarget::Float | CastTarget::Double,
            ) if numeric => Rule::Constant(true),
            (DataType::Null, _) => Rule::Constant(false),
            _ => return None,
        };
        Some(Self { target: target.clone(), member, zone, rule })
    }

    /// One bit per row; bits of NULL rows say nothing.
    pub fn mask(&self, array: &ArrayRef) -> BooleanBuffer {
        let castable = match self.rule {
            Rule::Constant(true) => BooleanBuffer::new_set(array.len()),
            Rule::Constant(false) => BooleanBuffer::new_unset(array.len()),
            Rule::Text => {
                let mut mask = BooleanBufferBuilder::new(array.len());
                text_rows(array, |text| mask.append(text.is_some_and(|text| self.casts(text))));
                mask.finish()
            }
            Rule::Digits => self.digits(array),
        };
        if self.member { castable } else { !&castable }
    }

    fn casts(&self, text: &str) -> bool {
        match &self.target {
            CastTarget::Boolean => text_cast::boolean(text).is_some(),
            CastTarget::Date(None) => text_cast::date(text).is_some(),
            CastTarget::Date(Some(format)) => text_cast::matches_date_format(text, format),
            CastTarget::Timestamp => text_cast::timestamp(text, self.zone).is_some(),
            CastTarget::Integer => text_cast::integer(text).is_some(),
            CastTarget::Long => text_cast::long(text).is_some(),
            CastTarget::Float | CastTarget::Double => text_cast::double(text).is_some(),
            CastTarget::Decimal(precision, scale) => text_cast::fits_decimal(text, *precision, *scale),
        }
    }

    fn digits(&self, array: &ArrayRef) -> BooleanBuffer {
        let CastTarget::Decimal(precision, scale) = self.target else { return BooleanBuffer::new_unset(array.len()) };
        let fits = |unscaled: i256, from: i8| text_cast::decimal_fits(unscaled, from, precision, scale);
        let mut mask = BooleanBufferBuilder::new(array.len());
        let mut append = |value: Option<bool>| mask.append(value.unwrap_or(false));
        match array.data_type() {
            DataType::Decimal32(_, from) => array
                .as_primitive::<Decimal32Type>()
                .iter()
                .for_each(|value| append(value.map(|value| fits(i256::from_i128(value.into()), *from)))),
            DataType::Decimal64(_, from) => array
                .as_primitive::<Decimal64Type>()
                .iter()
                .for_each(|value| append(value.map(|value| fits(i256::from_i128(value.into()), *from)))),
            DataType::Decimal128(_, from) => array
                .as_primitive::<Decimal128Type>()
                .iter()
                .for_each(|value| append(value.map(|value| fits(i256::from_i128(value), *from)))),
            DataType::Decimal256(_, from) => array
                .as_primitive::<Decimal256Type>()
                .iter()
                .for_each(|value| append(value.map(|value| fits(value, *from)))),
            // A timestamp is its seconds since 1970.
            DataType::Timestamp(unit, _) => {
                let digits = match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond => 6,
                    TimeUnit::Nanosecond => 9,
                };
                crate::metrics::timestamps(array, |value| {
                    append(value.map(|value| fits(i256::from_i128(value.into()), digits)))
                });
            }
            _ => {
                crate::metrics::doubles(array, |value| {
                    append(value.map(|value| {
                        value.is_finite() && text_cast::fits_decimal(&format!("{value}"), precision, scale)
                    }));
                })
            }
        }
        mask.finish()
    }
}
