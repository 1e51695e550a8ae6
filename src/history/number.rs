//! Numbers as histories keep them: whole numbers, doubles, and other decimals digit by digit.

use crate::value::Number;
use serde_json::Value;

/// The most characters of a decimal: 77 digits, a sign and a point.
const MOST_DIGITS: usize = 79;

/// A number that is kept. JSON and SQLite have a type for each, so that all come back as they were.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stored {
    /// A whole number: an integer of JSON and SQLite.
    Integer(i64),
    /// A double: a number of JSON with a point or exponent, a REAL of SQLite.
    Double(f64),
    /// Any other exact decimal: a string.
    Digits(String),
}

impl Stored {
    /// `None` for NaN and the infinite ones, which are not kept.
    pub(super) fn new(value: Number) -> Option<Self> {
        if let Number::Float(double) = value {
            return double.is_finite().then_some(Stored::Double(double));
        }
        let digits = value.to_string();
        let canonical = |whole: &i64| whole.to_string() == digits;
        if let Some(whole) = digits.parse::<i64>().ok().filter(canonical) {
            return Some(Stored::Integer(whole));
        }
        match from_digits(&digits) {
            Some(_) => Some(Stored::Digits(digits)),
            None => Some(Stored::Double(value.to_f64())).filter(|_| value.to_f64().is_finite()),
        }
    }

    pub(super) fn json(self) -> Value {
        match self {
            Stored::Integer(whole) => whole.into(),
            Stored::Double(double) => double.into(),
            Stored::Digits(digits) => digits.into(),
        }
    }
}

/// A double that is kept; `None` if it is not finite.
pub(super) fn from_double(double: f64) -> Option<Number> {
    double.is_finite().then_some(Number::Float(double))
}

/// Plain digits with an optional sign and point; nothing else that might be a number.
pub(super) fn from_digits(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > MOST_DIGITS || !plain(whole) || !plain(fraction) {
        return None;
    }
    Number::parse(text).filter(|number| matches!(number, Number::Exact { .. }))
}

/// What [`Stored::json`] made.
pub(super) fn from_json(value: &Value) -> Option<Number> {
    match value {
        Value::String(digits) => from_digits(digits),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Some(Number::integer(whole.into())),
            (None, Some(whole)) => Some(Number::integer(whole.into())),
            (None, None) => number.as_f64().and_then(from_double),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_buffer::i256;
    use proptest::prelude::*;

    fn back(value: Number) -> Number {
        let text = serde_json::to_string(&Stored::new(value).unwrap().json()).unwrap();
        from_json(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    /// Equal in kind and digits, which is more than equal in value.
    fn same(one: Number, other: Number) -> bool {
        match (one, other) {
            (Number::Float(one), Number::Float(other)) => one.to_bits() == other.to_bits(),
            (Number::Exact { .. }, Number::Exact { .. }) => one.to_string() == other.to_string(),
            _ => false,
        }
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let decimal = |unscaled, scale| Number::Exact { unscaled, scale };
        for value in [
            Number::integer(0),
            Number::integer(i64::MAX.into()),
            Number::integer(i128::from(i64::MAX) + 1),
            decimal(i256::MAX, 0),
            decimal(i256::MIN, 76),
            decimal(i256::from_i128(-50), 2),
            decimal(i256::from_i128(100), 2),
            Number::Float(1.0),
            Number::Float(-0.0),
            Number::Float(0.1),
            Number::Float(f64::MAX),
            Number::Float(f64::MIN_POSITIVE),
        ] {
            assert!(same(back(value), value), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_finite_number_is_not_kept() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Stored::new(Number::Float(value)), None);
        }
        for text in ["", "-", ".", "1.", ".5", "1e5", "nan", "inf", "+1", " 1", "--1", &"9".repeat(78)] {
            assert!(from_digits(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_doubles_and_decimals_come_back(bits in any::<u64>(), low in any::<i128>(), scale in 0u8..=76) {
            let double = f64::from_bits(bits);
            if double.is_finite() {
                prop_assert!(same(back(Number::Float(double)), Number::Float(double)));
            }
            let decimal = Number::Exact { unscaled: i256::from_i128(low), scale };
            prop_assert!(same(back(decimal), decimal));
        }
    }
}
