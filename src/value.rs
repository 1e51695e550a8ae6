//! Numbers as the engine compares them: exact where the data is exact.

use arrow_buffer::i256;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// Ten to the power of `exponent`, if it fits.
pub fn power_of_ten(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// A number: a decimal without rounding, or a double.
///
/// Counts, sums of integers and decimals, and literals are exact; means and the
/// like are doubles. A double can be NaN or infinite.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Number {
    /// `unscaled / 10^scale`
    Exact {
        /// All digits.
        #[serde(with = "wide")]
        unscaled: i256,
        /// How many of them stand after the point.
        scale: u8,
    },
    /// A double.
    Float(f64),
}

mod wide {
    use arrow_buffer::i256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &i256, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_le_bytes().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i256, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(i256::from_le_bytes)
    }
}

impl Number {
    /// A whole number.
    pub fn integer(value: i128) -> Self {
        Number::Exact { unscaled: i256::from_i128(value), scale: 0 }
    }

    /// A literal of the language: digits with an optional sign and fraction. Beyond 76 digits it
    /// becomes the nearest double.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}");
        match (i256::from_string(&digits), u8::try_from(fraction.len())) {
            (Some(unscaled), Ok(scale)) if scale <= 76 => Some(Number::Exact { unscaled, scale }),
            _ => text.parse().ok().map(Number::Float),
        }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        match self {
            Number::Float(value) => value,
            Number::Exact { unscaled, scale } => match unscaled.to_i128() {
                // Both are exact doubles, so the division rounds once: the same as parsing the text.
                Some(value) if value.unsigned_abs() <= 1 << 53 && scale <= 22 => {
                    value as f64 / 10f64.powi(i32::from(scale))
                }
                _ => self.to_string().parse().unwrap_or(f64::NAN),
            },
        }
    }

    /// Exact where both are exact, as doubles otherwise. `None` when one is NaN.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if let Some((left, right, _)) = self.aligned(other) {
            return Some(left.cmp(&right));
        }
        self.to_f64().partial_cmp(&other.to_f64())
    }

    /// The sum; exact where both are exact and the result can be represented.
    pub fn plus(self, other: Self) -> Self {
        self.exactly(other, i256::checked_add).unwrap_or_else(|| Number::Float(self.to_f64() + other.to_f64()))
    }

    /// The difference; exact where both are exact and the result can be represented.
    pub fn minus(self, other: Self) -> Self {
        self.exactly(other, i256::checked_sub).unwrap_or_else(|| Number::Float(self.to_f64() - other.to_f64()))
    }

    /// The digits of both at the finer scale, and that scale; `None` unless both are exact and fit.
    fn aligned(self, other: Self) -> Option<(i256, i256, u8)> {
        let (
            Number::Exact { unscaled: left, scale: left_scale },
            Number::Exact { unscaled: right, scale: right_scale },
        ) = (self, other)
        else {
            return None;
        };
        let scale = left_scale.max(right_scale);
        let widen =
            |value: i256, from: u8| power_of_ten(u32::from(scale - from)).and_then(|factor| value.checked_mul(factor));
        Some((widen(left, left_scale)?, widen(right, right_scale)?, scale))
    }

    /// The exact result of `operation`, if it can be represented.
    fn exactly(self, other: Self, operation: impl Fn(i256, i256) -> Option<i256>) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Number::Exact { unscaled: operation(left, right)?, scale })
    }

    /// Whether it is a NaN.
    pub fn is_nan(self) -> bool {
        matches!(self, Number::Float(value) if value.is_nan())
    }

    /// The largest whole number below it and the smallest above it, both in units of `10^-scale`.
    /// Saturates at the ends of the domain.
    pub fn neighbours(self, scale: u8) -> (i256, i256) {
        let exact = match self {
            Number::Exact { unscaled, scale } => Some((unscaled, scale)),
            // A double is compared by its exact value: shortest digits would move the bound.
            Number::Float(value) if value.is_finite() => {
                match Number::parse(format!("{value:.60}").trim_end_matches('0').trim_end_matches('.')) {
                    Some(Number::Exact { unscaled, scale }) => Some((unscaled, scale)),
                    _ => None,
                }
            }
            Number::Float(_) => None,
        };
        let one = i256::ONE;
        let Some((unscaled, own_scale)) = exact else {
            return if self.to_f64() > 0.0 { (i256::MAX, i256::MAX) } else { (i256::MIN, i256::MIN) };
        };
        if own_scale <= scale {
            let Some(value) =
                power_of_ten(u32::from(scale - own_scale)).and_then(|factor| unscaled.checked_mul(factor))
            else {
                return if unscaled > i256::ZERO { (i256::MAX, i256::MAX) } else { (i256::MIN, i256::MIN) };
            };
            return (value.checked_sub(one).unwrap_or(i256::MIN), value.checked_add(one).unwrap_or(i256::MAX));
        }
        let Some(factor) = power_of_ten(u32::from(own_scale - scale)) else {
            // Smaller than any unit of the column.
            return match unscaled.cmp(&i256::ZERO) {
                Ordering::Less => (i256::MINUS_ONE, i256::ZERO),
                Ordering::Equal => (i256::MINUS_ONE, one),
                Ordering::Greater => (i256::ZERO, one),
            };
        };
        let quotient = unscaled.checked_div(factor).unwrap_or(i256::ZERO);
        let remainder = unscaled.checked_rem(factor).unwrap_or(i256::ZERO);
        match remainder.cmp(&i256::ZERO) {
            Ordering::Equal => (quotient.wrapping_sub(one), quotient.wrapping_add(one)),
            Ordering::Greater => (quotient, quotient.wrapping_add(one)),
            Ordering::Less => (quotient.wrapping_sub(one), quotient),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

/// Plain decimal digits; doubles in their shortest form.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Float(value) => write!(f, "{value}"),
            Number::Exact { unscaled, scale: 0 } => write!(f, "{unscaled}"),
            Number::Exact { unscaled, scale } => {
                let digits = unscaled.to_string();
                let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
                let scale = usize::from(*scale);
                let padded = format!("{digits:0>width$}", width = scale + 1);
                let (whole, fraction) = padded.split_at(padded.len() - scale);
                write!(f, "{sign}{whole}.{fraction}")
            }
        }
    }
}

/// A double as the Java virtual machine prints it, which is how Glue's messages show values:
/// `461.0`, `1.2345678E7`.
pub fn java_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn exact_numbers_compare_exactly_and_doubles_as_doubles() {
        assert_eq!(number("0.60"), number("0.6"));
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        assert_ne!(number("0.6"), Number::Float(0.6000000000000001));
        assert_eq!(number("0.1"), Number::Float(0.1));
        assert_eq!(number("1").compare(Number::Float(f64::NAN)), None);
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, text) in [
            (461.0, "461.0"),
            (0.26666666666666666, "0.26666666666666666"),
            (12345678.0, "1.2345678E7"),
            (1e10, "1.0E10"),
            (0.0001, "1.0E-4"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }

    proptest! {
        #[test]
        fn neighbours_bracket_the_number(unscaled in -10_000i64..10_000, own in 0u8..4, scale in 0u8..4) {
            let value = Number::Exact { unscaled: i256::from_i128(unscaled.into()), scale: own };
            let (below, above) = value.neighbours(scale);
            let at = |unscaled: i256| Number::Exact { unscaled, scale };
            prop_assert_eq!(at(below).compare(value), Some(Ordering::Less));
            prop_assert_eq!(at(above).compare(value), Some(Ordering::Greater));
            let gap = above.wrapping_sub(below);
            prop_assert!(gap == i256::ONE || gap == i256::from_i128(2));
        }

        #[test]
        fn conversion_to_double_is_the_nearest(unscaled in any::<i64>(), scale in 0u8..20) {
            let value = Number::Exact { unscaled: i256::from_i128(unscaled.into()), scale };
            prop_assert_eq!(value.to_f64(), value.to_string().parse::<f64>().expect("a number"));
        }
    }
}
