//! Operands as points in the domain of a column's type.

use super::condition::DatePoint;
use crate::intervals::{Point, float_key};
use crate::value::Number;
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Offset, TimeZone, Utc};

const DAY_MICROS: i128 = 86_400_000_000;

/// A number among the values of a numeric type. `None` for other types.
pub fn number(value: Number, data_type: &DataType) -> Option<Point> {
    let scale = match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let key = i128::from(float_key(value.to_f64()));
            return Some(Point::spanning(key, key));
        }
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        other if other.is_integer() => 0,
        _ => return None,
    };
    let (below, above) = match (u8::try_from(scale), value) {
        (Ok(scale), value) => value.neighbours(scale),
        // A negative scale counts in tens, hundreds ...: as many more digits behind the point.
        (Err(_), Number::Exact { unscaled, scale: own }) => {
            Number::Exact { unscaled, scale: own.saturating_add(scale.unsigned_abs()) }.neighbours(0)
        }
        (Err(_), Number::Float(value)) => {
            Number::Float(value / 10f64.powi(i32::from(scale.unsigned_abs()))).neighbours(0)
        }
    };
    Some(Point { below, above })
}

/// Microseconds since 1970 on the clock of `zone`, for timestamps that name no zone.
fn wall_clock(micros: i128, zone: chrono_tz::Tz) -> i128 {
    let Some(instant) = i64::try_from(micros).ok().and_then(DateTime::<Utc>::from_timestamp_micros) else {
        return micros;
    };
    micros + i128::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()) * 1_000_000
}

/// The values `v` with `first <= v * unit <= last`, as a point of that width: its neighbours
/// are the nearest multiples outside.
fn in_units(first: i128, last: i128, unit: i128) -> Point {
    let below = -(-first).div_euclid(unit) - 1;
    let above = last.div_euclid(unit) + 1;
    Point { below: i256::from_i128(below), above: i256::from_i128(above) }
}

/// Nanoseconds per unit.
fn nanos(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// From the first to the last microsecond, among timestamps of a type.
fn among_timestamps(first: i128, last: i128, unit: TimeUnit, zoned: bool, zone: chrono_tz::Tz) -> Point {
    let place = |micros| if zoned { micros } else { wall_clock(micros, zone) };
    // The last microsecond holds a thousand nanoseconds.
    let wide = if first == last { 0 } else { 999 };
    in_units(place(first) * 1_000, place(last) * 1_000 + wide, nanos(unit))
}

/// A point in time among dates, timestamps, or texts read as dates. `None` for other types.
///
/// Days are compared by the calendar, in UTC; instants among timestamps by the instant, among
/// dates and texts by their day.
pub fn date(point: DatePoint, data_type: &DataType, zone: chrono_tz::Tz) -> Option<Point> {
    let day = |point: DatePoint| match point {
        DatePoint::Day(day) => Some(i128::from(day)),
        DatePoint::Instant(micros) => Some(i128::from(micros).div_euclid(DAY_MICROS)),
        DatePoint::Null => None,
    };
    match data_type {
        DataType::Date32 => day(point).map(|day| Point::spanning(day, day)),
        DataType::Date64 => day(point).map(|day| Point::spanning(day * 86_400_000, day * 86_400_000 + 86_399_999)),
        DataType::Timestamp(unit, column_zone) => match point {
            DatePoint::Day(day) => Some(among_timestamps(
                i128::from(day) * DAY_MICROS,
                (i128::from(day) + 1) * DAY_MICROS - 1,
                *unit,
                column_zone.is_some(),
                zone,
            )),
            DatePoint::Instant(micros) => {
                Some(among_timestamps(micros.into(), micros.into(), *unit, column_zone.is_some(), zone))
            }
            DatePoint::Null => None,
        },
        other if crate::metrics::is_text(other) => day(point).map(|day| Point::spanning(day, day)),
        _ => None,
    }
}

/// An instant among values that stand for instants: a date is its midnight UTC, a whole number
/// seconds since 1970, a text what it reads as in microseconds. `None` for other types.
pub fn instant(micros: i128, data_type: &DataType, zone: chrono_tz::Tz) -> Option<Point> {
    match data_type {
        DataType::Date32 => Some(in_units(micros, micros, DAY_MICROS)),
        DataType::Date64 => Some(in_units(micros, micros, 1_000)),
        DataType::Timestamp(unit, column_zone) => {
            Some(among_timestamps(micros, micros, *unit, column_zone.is_some(), zone))
        }
        other if other.is_integer() => Some(in_units(micros, micros, 1_000_000)),
        other if crate::metrics::is_text(other) => Some(Point::spanning(micros, micros)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dqdl::ast::Operator;
    use crate::intervals::Intervals;

    fn within(operator: Operator, point: Point, value: i128) -> bool {
        Intervals::satisfying(operator, &[point]).contains(i256::from_i128(value))
    }

    #[test]
    fn a_day_is_all_its_instants() {
        let seconds = DataType::Timestamp(TimeUnit::Second, Some("UTC".into()));
        let point = date(DatePoint::Day(1), &seconds, chrono_tz::UTC).expect("a timestamp");
        assert!(within(Operator::Equal, point, 86_400) && within(Operator::Equal, point, 2 * 86_400 - 1));
        assert!(!within(Operator::Greater, point, 2 * 86_400 - 1) && within(Operator::Greater, point, 2 * 86_400));
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let point = date(DatePoint::Day(1), &nanos, chrono_tz::UTC).expect("a timestamp");
        assert!(within(Operator::Equal, point, 2 * 86_400_000_000_000 - 1));
    }

    #[test]
    fn zoneless_timestamps_are_read_on_the_given_clock() {
        let plain = DataType::Timestamp(TimeUnit::Second, None);
        let point = date(DatePoint::Instant(0), &plain, chrono_tz::Europe::Berlin).expect("a timestamp");
        assert!(within(Operator::Equal, point, 3_600), "1970-01-01 01:00 in Berlin is the epoch");
    }

    #[test]
    fn instants_between_units_equal_none_of_them() {
        let point =
            instant(1_500_000, &DataType::Timestamp(TimeUnit::Second, None), chrono_tz::UTC).expect("a timestamp");
        assert!(
            !within(Operator::Equal, point, 1)
                && within(Operator::Less, point, 1)
                && within(Operator::Greater, point, 2)
        );
        let noon = instant(DAY_MICROS / 2, &DataType::Date32, chrono_tz::UTC).expect("a date");
        assert!(
            within(Operator::Less, noon, 0) && within(Operator::Greater, noon, 1) && !within(Operator::Equal, noon, 0)
        );
    }
}
