//! What Spark casts, as far as the values of the fixtures need it.
//!
//! Not modelled, because no fixture has it: dates without a day or with a time, doubles with a
//! trailing `d` or `f`, whole numbers that begin with a point, decimals with an exponent that is
//! rounded, any decimal but `DECIMAL(6,2)`.

use crate::table::Value;
use chrono::NaiveDate;

/// Days since 1970 of `yyyy-mm-dd`.
pub fn iso_day(text: &str) -> Option<i32> {
    day(text.trim(), "%Y-%m-%d")
}

fn day(text: &str, layout: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, layout).ok().filter(|_| text.len() == 10)?;
    Some(date.to_epoch_days())
}

/// Whether a value can be cast to the type of that name in upper case.
pub fn castable(value: &Value, target: &str, format: Option<&str>) -> bool {
    let decimal = target == "DECIMAL(6,2)";
    assert!(decimal || !target.starts_with("DECIMAL"), "{target} is not modelled");
    match value {
        Value::Null => false,
        Value::Text(text) => text_castable(text.trim(), target, format),
        Value::Integer(value) => !decimal || fits(*value as f64),
        Value::Float(value) => !decimal || fits(*value),
        Value::Boolean(_) => true,
        // A date is no number.
        Value::Date(_) => target == "DATE" || target == "TIMESTAMP",
        // A timestamp is its seconds since 1970.
        Value::Timestamp(micros) => !decimal || fits(*micros as f64 / 1e6),
        Value::Decimal(_, _) => panic!("decimals are not modelled"),
    }
}

/// Whether a number has at most four digits in front of the point once rounded to two behind it.
fn fits(value: f64) -> bool {
    (value * 100.0).round().abs() < 1e6
}

fn text_castable(text: &str, target: &str, format: Option<&str>) -> bool {
    match target {
        "INTEGER" => whole(text).is_some_and(|value| i32::try_from(value).is_ok()),
        "LONG" => whole(text).is_some(),
        "FLOAT" | "DOUBLE" => text.parse::<f64>().is_ok(),
        "BOOLEAN" => {
            let words = ["t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"];
            words.contains(&text.to_lowercase().as_str())
        }
        "DATE" => match format {
            None | Some("yyyy-MM-dd") => iso_day(text).is_some(),
            Some("dd/MM/yyyy") => day(text, "%d/%m/%Y").is_some(),
            Some(other) => panic!("the layout {other} is not modelled"),
        },
        "TIMESTAMP" => iso_day(text).is_some(),
        "DECIMAL(6,2)" => text.parse::<f64>().is_ok_and(fits),
        other => panic!("the type {other} is not modelled"),
    }
}

/// A whole number; a fraction is cut off.
fn whole(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    whole.parse().ok().filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))
}
