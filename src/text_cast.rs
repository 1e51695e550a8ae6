//! Whether and how Spark casts text to other types, outside ANSI mode: the meaning of
//! `ColumnDataType` and of date conditions on text columns. Facts from
//! `UTF8String.toInt`, `stringToDate` and `stringToTimestamp` of Spark 3.

use arrow_buffer::i256;
use chrono::{NaiveDate, TimeZone};

/// Metadata of a field, set by readers that infer types: the value that made text of a column of
/// numbers or dates, and where it stands.
pub const TEXT_BECAUSE: &str = "text_because";

/// `dddd-dd-dd`.
pub fn is_date_shaped(bytes: &[u8]) -> bool {
    bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
}

/// Blanks that Spark trims around a value: control characters and the blank.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

/// `true`, `t`, `yes`, `y`, `1` and their opposites, in any case.
pub fn boolean(text: &str) -> Option<bool> {
    let text = trim(text);
    let is = |words: [&str; 5]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["t", "true", "y", "yes", "1"]) {
        Some(true)
    } else if is(["f", "false", "n", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A whole number; a fraction is cut off, an exponent is not read.
pub fn long(text: &str) -> Option<i64> {
    let text = trim(text);
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Accumulates downwards, as the most negative number has no positive counterpart.
    let magnitude =
        whole.bytes().try_fold(0i64, |sum, byte| sum.checked_mul(10)?.checked_sub(i64::from(byte - b'0')))?;
    if negative { Some(magnitude) } else { magnitude.checked_neg() }
}

/// A [`long`] within 32 bits.
pub fn integer(text: &str) -> Option<i32> {
    long(text).and_then(|value| value.try_into().ok())
}

/// A double as Java reads it: exponents, a trailing `d` or `f`, `NaN`, `Infinity`, and `inf`.
pub fn double(text: &str) -> Option<f64> {
    let text = trim(text);
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return ["nan", "inf", "infinity"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(unsigned))
            .then(|| text.parse().ok())
            .flatten();
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    digits.parse().ok()
}

/// Whether the text is a decimal of at most `precision` digits once rounded to `scale`.
pub fn fits_decimal(text: &str, precision: u8, scale: u8) -> bool {
    let text = trim(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent),
            Err(_) => return false,
        },
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() && fraction.is_empty()
        || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return false;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    // Digits in front of the point of the value, then rounding may add one.
    let before = digits.len() as i64 - fraction.len() as i64 + i64::from(exponent);
    let limit = i64::from(precision) - i64::from(scale);
    if digits.is_empty() || before < limit {
        return true;
    }
    if before > limit {
        return false;
    }
    // As many digits as the type has: only an all-nine value that rounds up overflows.
    let kept = (before + i64::from(scale)) as usize;
    let all_nine = digits.bytes().take(kept).all(|byte| byte == b'9') && digits.len() >= kept;
    !(all_nine && digits.as_bytes().get(kept).is_some_and(|byte| *byte >= b'5'))
}

/// Two digits, or more than 99.
fn two_digits(bytes: &[u8]) -> u32 {
    let digit = |byte: u8| match byte.wrapping_sub(b'0') {
        digit @ 0..=9 => u32::from(digit),
        _ => 1_000,
    };
    digit(bytes[0]) * 10 + digit(bytes[1])
}

/// Days since 1970 of exactly `yyyy-mm-dd`, the year not 0000: most dates, without looking further.
pub fn date_of_digits(bytes: &[u8]) -> Option<i32> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (century, rest) = (two_digits(bytes), two_digits(&bytes[2..]));
    let (month, day) = (two_digits(&bytes[5..]), two_digits(&bytes[8..]));
    let year = century * 100 + rest;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if century > 99 || rest > 99 || year == 0 || day == 0 || day > last {
        return None;
    }
    // Years that start in March end with their leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    // From the first of March of the year 0 to 1970.
    i32::try_from(days).ok().map(|days| days - 719_468)
}

/// Microseconds since 1970 of exactly `yyyy-mm-dd hh:mm:ss` with up to six digits behind a point, as if
/// in UTC; the blank may be a `T`.
pub fn plain_timestamp(bytes: &[u8]) -> Option<i64> {
    let (day, clock) = bytes.split_at_checked(10)?;
    let days = date_of_digits(day)?;
    let [b' ' | b'T', clock @ ..] = clock else { return None };
    let (clock, fraction) = clock.split_at_checked(8)?;
    let (hour, minute, second) = (two_digits(clock), two_digits(&clock[3..]), two_digits(&clock[6..]));
    if clock[2] != b':' || clock[5] != b':' || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            let value = digits.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            value * 10i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    Some(seconds * 1_000_000 + micros)
}

/// Days since 1970: `yyyy`, `yyyy-m`, `yyyy-m-d`, the last with anything behind a blank or `T`.
pub fn date(text: &str) -> Option<i32> {
    if let Some(days) = date_of_digits(text.as_bytes()) {
        return Some(days);
    }
    let text = trim(text);
    let (year, rest) = year(text)?;
    let (month, rest) = match rest.strip_prefix('-') {
        None if rest.is_empty() => return days(year, 1, 1),
        None => return None,
        Some(rest) => one_or_two_digits(rest)?,
    };
    let (day, rest) = match rest.strip_prefix('-') {
        None if rest.is_empty() => return days(year, month, 1),
        None => return None,
        Some(rest) => one_or_two_digits(rest)?,
    };
    if rest.is_empty() || rest.starts_with([' ', 'T']) { days(year, month, day) } else { None }
}

fn days(year: i32, month: u32, day: u32) -> Option<i32> {
    NaiveDate::from_ymd_opt(year, month, day).map(|date| date.to_epoch_days())
}

/// Four to seven digits with an optional sign.
fn year(text: &str) -> Option<(i32, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if !(4..=7).contains(&length) {
        return None;
    }
    let year: i32 = unsigned[..length].parse().ok()?;
    Some((if text.starts_with('-') { -year } else { year }, &unsigned[length..]))
}

fn one_or_two_digits(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 || length > 2 {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// Microseconds since 1970 UTC: a [`date`], then ` ` or `T`, `h:m[:s[.f]]` and a zone. Text
/// without a zone is in `zone`.
pub fn timestamp(text: &str, zone: chrono_tz::Tz) -> Option<i64> {
    if zone == chrono_tz::UTC
        && let Some(micros) = plain_timestamp(text.as_bytes())
    {
        return Some(micros);
    }
    let text = trim(text);
    let day_end = text.find([' ', 'T']).unwrap_or(text.len());
    let day = date(&text[..day_end])?;
    let rest = text.get(day_end + 1..).unwrap_or("");
    let midnight = NaiveDate::from_epoch_days(day)?.and_hms_opt(0, 0, 0)?;
    if rest.is_empty() {
        return instant(midnight, zone);
    }
    let (hour, rest) = one_or_two_digits(rest)?;
    let (minute, rest) = one_or_two_digits(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => one_or_two_digits(rest)?,
        None => (0, rest),
    };
    let (micros, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let digits: String = rest[..length].chars().chain("000000".chars()).take(6).collect();
            (digits.parse::<u32>().ok()?, &rest[length..])
        }
        None => (0, rest),
    };
    let local = NaiveDate::from_epoch_days(day)?.and_hms_micro_opt(hour, minute, second, micros)?;
    let rest = trim(rest);
    if rest.is_empty() {
        return instant(local, zone);
    }
    match offset_seconds(rest) {
        Some(seconds) => local.and_utc().timestamp_micros().checked_sub(i64::from(seconds) * 1_000_000),
        None => instant(local, rest.parse().ok()?),
    }
}

/// Local wall-clock time to microseconds since 1970 UTC; an ambiguous time is the earlier one.
pub fn instant(local: chrono::NaiveDateTime, zone: chrono_tz::Tz) -> Option<i64> {
    if zone == chrono_tz::UTC {
        return Some(local.and_utc().timestamp_micros());
    }
    match zone.from_local_datetime(&local).earliest() {
        Some(instant) => Some(instant.timestamp_micros()),
        // A wall-clock time that a change of the clock skipped is read with the offset before it.
        None => zone
            .from_local_datetime(&(local - chrono::Duration::hours(1)))
            .earliest()
            .map(|instant| instant.timestamp_micros() + 3_600_000_000),
    }
}

/// `Z`, `+hh`, `+hh:mm`, `+hhmm`, and these behind `UTC` or `GMT`.
pub fn offset_seconds(text: &str) -> Option<i32> {
    let text =
        text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).filter(|rest| !rest.is_empty()).unwrap_or(text);
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &text[1..];
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let number = |digits: &str| {
        (1..=2)
            .contains(&digits.len())
            .then(|| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i32>().ok()).flatten())
            .flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The layouts that the tag `format` of `ColumnDataType` knows, in Java's spelling.
pub const DATE_FORMATS: &[&str] = &[
    "dd-MM-yyyy",
    "MM-dd-yyyy",
    "yyyy-MM-dd",
    "dd/MM/yyyy",
    "MM/dd/yyyy",
    "yyyy/MM/dd",
    "MM-yyyy",
    "yyyy-MM",
    "dd-MM",
    "MM-dd",
    "MM/yyyy",
    "yyyy/MM",
    "dd/MM",
    "MM/dd",
];

/// Whether the text is a date written in one of [`DATE_FORMATS`]; missing parts are 1970, January, the first.
pub fn matches_date_format(text: &str, format: &str) -> bool {
    if text.len() != format.len() || !text.is_ascii() {
        return false;
    }
    let (mut year, mut month, mut day) = (0i32, 0u32, 0u32);
    for (letter, byte) in format.bytes().zip(text.bytes()) {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        match letter {
            b'y' | b'M' | b'd' if !byte.is_ascii_digit() => return false,
            b'y' => year = year * 10 + digit as i32,
            b'M' => month = month * 10 + digit,
            b'd' => day = day * 10 + digit,
            separator if separator != byte => return false,
            _ => {}
        }
    }
    let has = |letter: char| format.contains(letter);
    let date = NaiveDate::from_ymd_opt(if has('y') { year } else { 1970 }, month, if has('d') { day } else { 1 });
    date.is_some()
}

/// Whether a whole number of `unscaled` at `from` fits a decimal of `precision` and `scale`, rounding half up.
pub fn decimal_fits(unscaled: i256, from: i8, precision: u8, scale: u8) -> bool {
    let shift = i32::from(scale) - i32::from(from);
    let scaled = if shift >= 0 {
        crate::value::power_of_ten(shift.unsigned_abs()).and_then(|factor| unscaled.checked_mul(factor))
    } else {
        crate::value::power_of_ten(shift.unsigned_abs()).and_then(|factor| {
            let half = factor.checked_div(i256::from_i128(2))?;
            let half = if unscaled < i256::ZERO { half.wrapping_neg() } else { half };
            unscaled.checked_add(half)?.checked_div(factor)
        })
    };
    match (scaled, crate::value::power_of_ten(precision.into())) {
        (Some(value), Some(limit)) => value < limit && value > limit.wrapping_neg(),
        _ => unscaled == i256::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_cast_as_in_spark() {
        assert_eq!(
            ["7.5", " 42 ", "-3", "5.", ".5", "1e3", "abc", "", "-", "99999999999"].map(integer),
            [Some(7), Some(42), Some(-3), Some(5), Some(0), None, None, None, None, None]
        );
        assert_eq!(long("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(long("9223372036854775808"), None);
        assert!(["1e3", "1d", "NaN", "-inf", ".5", " 2 "].iter().all(|text| double(text).is_some()));
        assert!(["abc", "", "1x", "d"].iter().all(|text| double(text).is_none()));
        assert!(fits_decimal("9999.99", 6, 2) && fits_decimal("9999.994", 6, 2));
        assert!(!fits_decimal("9999.995", 6, 2) && !fits_decimal("12345", 6, 2) && !fits_decimal("x", 6, 2));
        assert!(fits_decimal("1e3", 6, 2) && fits_decimal("0.001", 6, 2));
    }

    #[test]
    fn plain_dates_are_those_of_the_calendar() {
        for day in (-719_162..2_932_896).step_by(17).chain([-1, 0, 1, 19_782, 11_016, 2_932_896]) {
            let text = NaiveDate::from_epoch_days(day).expect("a date").to_string();
            assert_eq!(date_of_digits(text.as_bytes()), Some(day), "{text}");
        }
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-00-01",
            "2024-13-01",
            "2024-04-31",
            "0000-01-01",
            "2024-1-01",
            "2024-01-0x",
            "20240-01-1",
        ] {
            assert_eq!(date_of_digits(text.as_bytes()), None, "{text}");
        }
        assert_eq!(plain_timestamp(b"1969-12-31 23:59:59.25"), Some(-750_000));
        for text in [
            "2024-01-01 24:00:00",
            "2024-01-01 10:60:00",
            "2024-01-01 10:00",
            "2024-01-01 10:00:00.",
            "2024-01-01 10:00:00Z",
            "2024-01-01 1:00:00x",
        ] {
            assert_eq!(plain_timestamp(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn dates_and_timestamps_cast_as_in_spark() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert!(
            ["2024-1-1", "2024-01-01 10:00:00", "2024", "2024-03", "2024-01-01Tx", " 2024-01-01 "]
                .iter()
                .all(|text| date(text).is_some())
        );
        assert!(
            ["12", "2021-13-01", "2021-02-30", "04/03/2021", "2021-01-01x", ""].iter().all(|text| date(text).is_none())
        );
        let utc = chrono_tz::UTC;
        assert_eq!(timestamp("1970-01-01 00:00:01.5", utc), Some(1_500_000));
        assert_eq!(timestamp("1970-01-01T01:00:00+01:00", utc), Some(0));
        assert_eq!(timestamp("1970-01-01T00:00Z", utc), Some(0));
        assert_eq!(timestamp("1970-01-01", chrono_tz::Europe::Berlin), Some(-3_600_000_000));
        assert!(timestamp("not a date", utc).is_none());
    }

    #[test]
    fn layouts_are_strict() {
        assert!(matches_date_format("04/03/2021", "dd/MM/yyyy"));
        assert!(!matches_date_format("2021-03-04", "dd/MM/yyyy"));
        assert!(!matches_date_format("31/02/2021", "dd/MM/yyyy"));
        assert!(matches_date_format("2021-03", "yyyy-MM"));
    }

    #[test]
    fn booleans_have_five_spellings_each() {
        assert_eq!(
            ["TRUE", "y", "0", "No", "maybe"].map(boolean),
            [Some(true), Some(true), Some(false), Some(false), None]
        );
    }
}
