//! Numbers of a schema as they are written, compared exactly: a limit of 9007199254740993 is
//! not one of 9007199254740992.

use std::cmp::Ordering;

/// `0.digits × 10^exponent`, digits without zeros at either end; zero has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    exponent: i64,
    digits: String,
}

/// Digits that fit into the arithmetic of [`Decimal::is_multiple_of`].
const MOST_DIGITS: i64 = 37;

impl Decimal {
    /// Reads a JSON number; `None` for other text and for exponents beyond 18 digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || exponent.len() > 18 {
            return None;
        }
        let exponent: i64 = exponent.parse().ok()?;
        let written = format!("{whole}{fraction}");
        let significant = written.trim_start_matches('0');
        let leading = written.len() - significant.len();
        let digits = significant.trim_end_matches('0').to_string();
        if digits.is_empty() {
            return Some(Self { negative: false, exponent: 0, digits });
        }
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
        Some(Self { negative, exponent: exponent.checked_add(point)?, digits })
    }

    /// One text for all spellings of a value.
    pub(super) fn canonical(&self) -> String {
        format!("{}0.{}e{}", if self.negative { "-" } else { "" }, self.digits, self.exponent)
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn length(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    /// Greater than zero.
    pub(super) fn is_positive(&self) -> bool {
        !self.is_zero() && !self.negative
    }

    /// A whole number.
    pub(super) fn is_whole(&self) -> bool {
        self.is_zero() || self.exponent >= self.length()
    }

    /// A whole number of zero or more.
    pub(super) fn is_count(&self) -> bool {
        !self.negative && self.is_whole()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    /// The digits as a whole number of units of `10^scale`; `None` if it has too many.
    fn scaled(&self, scale: i64) -> Option<i128> {
        let zeros = self.exponent - self.length() - scale;
        if zeros < 0 || self.length() + zeros > MOST_DIGITS {
            return None;
        }
        let zeros = u32::try_from(zeros).ok()?;
        self.digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(zeros)?)
    }

    /// Whether dividing by `divisor` leaves nothing; `None` where the numbers are too far
    /// apart to tell, or the divisor is zero.
    pub(super) fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        if divisor.is_zero() {
            return None;
        }
        if self.is_zero() {
            return Some(true);
        }
        let scale = (self.exponent - self.length()).min(divisor.exponent - divisor.length());
        Some(self.scaled(scale)? % divisor.scaled(scale)? == 0)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    #[test]
    fn numbers_compare_by_value_however_they_are_written() {
        let ascending = ["-1e400", "-10", "-9.5", "-0.1", "0", "0.01", "0.1", "1", "9.99", "10", "1e2", "123", "1e400"];
        for (index, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(number(left).cmp(&number(right)), index.cmp(&other), "{left} {right}");
            }
        }
        for (left, right) in [("1.0", "1"), ("100", "1e2"), ("0.10", "1e-1"), ("-0", "0"), ("0e5", "0.000")] {
            assert_eq!(number(left), number(right));
        }
        assert!(number("9007199254740993") > number("9007199254740992"));
    }

    #[test]
    fn multiples_are_exact() {
        for (number_text, divisor, expected) in [
            ("10", "5", Some(true)),
            ("0.3", "0.1", Some(true)),
            ("10", "3", Some(false)),
            ("0", "7", Some(true)),
            ("1", "0.25", Some(true)),
            ("1e300", "7", None),
            ("5", "0", None),
        ] {
            assert_eq!(number(number_text).is_multiple_of(&number(divisor)), expected, "{number_text} {divisor}");
        }
    }

    #[test]
    fn whole_numbers_are_known_in_every_spelling() {
        assert!(number("1e3").is_count() && number("2.0").is_count() && number("0").is_count());
        assert!(!number("1.5").is_count() && !number("-1").is_count());
        assert!(Decimal::parse("abc").is_none() && Decimal::parse("1e9999999999999999999").is_none());
    }
}
