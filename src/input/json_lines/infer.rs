//! The narrowest type that holds all values of a key.

use super::lines::{Kind, Token};
use crate::input::columns;
use arrow_schema::{DataType, Fields};

/// Kinds of values seen. Without any, a column is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inference {
    boolean: bool,
    integer: bool,
    /// Whole numbers beyond 64 bits.
    whole: bool,
    float: bool,
    text: bool,
    nested: bool,
}

/// The type of objects and arrays: they are there or NULL, and nothing else is known of them.
pub fn nested_type() -> DataType {
    DataType::Struct(Fields::empty())
}

impl Inference {
    /// What is known of a column that was inferred to be of a type.
    pub fn of(data_type: &DataType) -> Self {
        let nothing = Self::default();
        match data_type {
            DataType::Boolean => Self { boolean: true, ..nothing },
            DataType::Int64 => Self { integer: true, ..nothing },
            DataType::Decimal128(_, _) => Self { whole: true, ..nothing },
            DataType::Float64 => Self { float: true, ..nothing },
            DataType::Struct(_) => Self { nested: true, ..nothing },
            _ => Self { text: true, ..nothing },
        }
    }

    /// Takes a value into account.
    pub fn see(&mut self, token: Token, bytes: &[u8]) {
        match token.kind {
            Kind::Null => {}
            Kind::True | Kind::False => self.boolean = true,
            Kind::Text | Kind::Escaped => self.text = true,
            Kind::Nested => self.nested = true,
            Kind::Number => {
                let number = token.of(bytes);
                if columns::integer(number).is_some() {
                    self.integer = true;
                } else if columns::decimal(number, 38, 0).is_some() && !number.contains(&b'.') {
                    self.whole = true;
                } else {
                    self.float = true;
                }
            }
        }
    }

    /// What holds the values of both.
    pub fn and(self, other: &Self) -> Self {
        Self {
            boolean: self.boolean || other.boolean,
            integer: self.integer || other.integer,
            whole: self.whole || other.whole,
            float: self.float || other.float,
            text: self.text || other.text,
            nested: self.nested || other.nested,
        }
    }

    /// Whether no value was seen.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The narrowest type; text when values are of several kinds, as Spark reads them.
    pub fn data_type(&self) -> DataType {
        let number = self.integer || self.whole || self.float;
        match (self.boolean, number, self.text, self.nested) {
            (true, false, false, false) => DataType::Boolean,
            (false, true, false, false) if self.float => DataType::Float64,
            (false, true, false, false) if self.whole => DataType::Decimal128(38, 0),
            (false, true, false, false) => DataType::Int64,
            (false, false, false, true) => nested_type(),
            _ => DataType::Utf8,
        }
    }
}
