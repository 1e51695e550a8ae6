//! What CloudWatch takes. Everything that is sent there goes through here, so that no part of it is refused:
//! one refused metric would take the whole request with it.

use chrono::{DateTime, TimeDelta, Utc};
use xxhash_rust::xxh3::xxh3_64;

/// Characters of a namespace.
const NAMESPACE: usize = 255;
/// Characters of a metric's name.
pub const METRIC_NAME: usize = 255;
/// Characters of a dimension's name: the API takes 255, the embedded format 250.
const DIMENSION_NAME: usize = 250;
/// Characters of a dimension's value.
const DIMENSION_VALUE: usize = 1024;
/// Dimensions of a metric.
const DIMENSIONS: usize = 30;
/// Metrics of a request.
pub const METRICS_PER_REQUEST: usize = 1000;
/// Bytes of a request, before it is compressed.
pub const REQUEST_BYTES: usize = 1_000_000;
/// Metrics of an event in the embedded format. Names and dimensions are short enough that an event of so many
/// stays below 256 KB, what the service took before it took 1 MB.
pub const METRICS_PER_EVENT: usize = 100;
/// Values beyond two to the power of 360 are refused.
const LARGEST: f64 = f64::from_bits((1023 + 360) << 52);
/// How old a value may be.
const OLDEST: TimeDelta = TimeDelta::weeks(2);
/// How far ahead of the clock a value may be.
const NEWEST: TimeDelta = TimeDelta::hours(2);
/// What stands for a text of no characters.
const EMPTY: &str = "(empty)";

/// Names and values of dimensions, in the order in which they were named.
pub type Dimensions = Vec<(String, String)>;

/// Units of values, of those that the service knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many there are.
    Count,
    /// A time.
    Seconds,
    /// Shares and everything measured of the data.
    None,
}

impl Unit {
    /// As the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::Seconds => "Seconds",
            Unit::None => "None",
        }
    }
}

/// A namespace, or what is wrong with it.
pub fn namespace(text: &str) -> Result<&str, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || " ._-/#:".contains(c);
    if text.trim().is_empty() || text.len() > NAMESPACE {
        Err(format!("a CloudWatch namespace has 1 to {NAMESPACE} characters"))
    } else if !text.chars().all(known) {
        Err("a CloudWatch namespace is made of letters, digits, spaces and any of . _ - / # :".into())
    } else if text.starts_with(':') || text.starts_with("AWS/") {
        Err("a CloudWatch namespace cannot begin with `:` or `AWS/`".into())
    } else {
        Ok(text)
    }
}

/// A value that is a number and not too large.
pub fn value(value: f64) -> Option<f64> {
    // NaN is at most nothing.
    (value.abs() <= LARGEST).then_some(value)
}

/// The time of a value, sent at another, or why it would be refused. It is not moved: at another time it would be
/// wrong.
pub fn time(time: DateTime<Utc>, sent: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let age = sent.signed_duration_since(time);
    if age <= OLDEST && age >= -NEWEST {
        return Ok(time);
    }
    let shown = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Err(format!("CloudWatch takes values from two weeks ago to two hours ahead, and this run is of {shown}"))
}

/// A text as visible ASCII characters, at most `limit` of them; what differs stays different.
pub fn name(text: &str, limit: usize) -> String {
    if text.is_empty() {
        return EMPTY.into();
    }
    let mut name = String::with_capacity(text.len());
    for (position, c) in text.char_indices() {
        let first = position == 0;
        let last = position + c.len_utf8() == text.len();
        // White space at the ends would be trimmed or, alone, refused; a colon in front is refused.
        let fine = if c == ' ' { !first && !last } else { c.is_ascii_graphic() && !(first && c == ':') };
        if fine {
            name.push(c);
        } else {
            name.extend(c.escape_unicode());
        }
    }
    if name.len() > limit {
        // Texts that begin alike are told apart by their hashes.
        let hash = format!("~{:016x}", xxh3_64(text.as_bytes()));
        name.truncate(limit.saturating_sub(hash.len()));
        name.push_str(&hash);
    }
    name
}

/// Dimensions without those that are named twice or too many.
pub fn dimensions<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Dimensions {
    let mut dimensions = Dimensions::new();
    for (key, value) in pairs {
        let key = name(key, DIMENSION_NAME);
        if dimensions.len() < DIMENSIONS && dimensions.iter().all(|(known, _)| *known != key) {
            dimensions.push((key, name(value, DIMENSION_VALUE)));
        }
    }
    dimensions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example::HOSTILE;
    use proptest::prelude::*;

    /// The units of the API's model.
    const UNITS: &str = "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits \
        Kilobits Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second \
        Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second \
        Terabits/Second Count/Second None";

    fn is_taken(name: &str, limit: usize) -> bool {
        (1..=limit).contains(&name.len())
            && name.chars().all(|c| c.is_ascii() && !c.is_ascii_control())
            && name.trim() == name
            && !name.starts_with(':')
    }

    #[test]
    fn values_are_numbers_below_two_to_the_360() {
        let largest = 2_f64.powi(360);
        for taken in [0.0, -0.0, 1.5, f64::MIN_POSITIVE, largest, -largest] {
            assert_eq!(value(taken), Some(taken));
        }
        for refused in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, largest * 1.000_001, -largest * 2.0, f64::MAX] {
            assert_eq!(value(refused), None, "{refused}");
        }
    }

    #[test]
    fn times_are_within_two_weeks_back_and_two_hours_ahead() {
        let sent = DateTime::from_timestamp(1_767_225_600, 0).expect("a time");
        for seconds in [0, -14 * 86_400, 2 * 3600] {
            let at = sent + TimeDelta::seconds(seconds);
            assert_eq!(time(at, sent), Ok(at));
        }
        for seconds in [-14 * 86_400 - 1, 2 * 3600 + 1] {
            assert!(time(sent + TimeDelta::seconds(seconds), sent).is_err(), "{seconds}");
        }
        assert!(time(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).is_err());
    }

    #[test]
    fn units_are_those_of_the_service() {
        for unit in [Unit::Count, Unit::Seconds, Unit::None] {
            assert!(UNITS.split_whitespace().any(|known| known == unit.as_str()), "{unit:?}");
        }
    }

    #[test]
    fn namespaces_are_as_documented() {
        for fine in ["Glue Data Quality", "a", "team/data-quality.v2_#1:x", "n".repeat(255).as_str()] {
            assert_eq!(namespace(fine), Ok(fine));
        }
        for wrong in ["", "   ", ":a", "AWS/Glue", "ö", "a\nb", "a\"b", "n".repeat(256).as_str()] {
            assert!(namespace(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_visible_ascii_of_limited_length() {
        assert_eq!(name("IsComplete \"id\"", 255), "IsComplete \"id\"");
        assert_eq!(name("größe", 255), "gr\\u{f6}\\u{df}e");
        assert_eq!(name(" a b\t", 255), "\\u{20}a b\\u{9}");
        assert_eq!(name("  ", 255), "\\u{20}\\u{20}");
        assert_eq!(name(":a:", 255), "\\u{3a}a:");
        assert_eq!(name("", 255), "(empty)");
        assert!(is_taken(&name(HOSTILE, DIMENSION_VALUE), DIMENSION_VALUE));
        let long = "n".repeat(256);
        assert_eq!(name(&long[..255], 255), &long[..255]);
        let cut = name(&long, 255);
        assert!(is_taken(&cut, 255) && cut.len() == 255 && cut.starts_with("nnn"), "{cut}");
        assert_ne!(cut, name(&format!("{long}x"), 255), "the rest tells them apart");
    }

    #[test]
    fn there_are_at_most_30_dimensions_each_once() {
        let names: Vec<String> = (0..40).map(|number| format!("d{number}")).collect();
        let many = dimensions(names.iter().map(|name| (name.as_str(), "")));
        assert_eq!(many.len(), 30);
        assert!(many.iter().all(|(_, value)| value == "(empty)"));
        assert_eq!(dimensions([("a", "1"), ("a", "2")]), [("a".to_string(), "1".to_string())]);
        let long = "é".repeat(2000);
        let (key, value) = dimensions([(long.as_str(), long.as_str())]).remove(0);
        assert!(is_taken(&key, 250) && is_taken(&value, 1024));
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_its_name_is_taken(text in any::<String>(), limit in 20usize..300) {
            prop_assert!(is_taken(&name(&text, limit), limit));
        }
    }
}
