//! Types of columns as readers see them, and which may become which.
//!
//! Arrow has several spellings of one type: texts and lists with short or long offsets or as
//! views, dictionaries and run ends of values, dates in days and in milliseconds, decimals by the
//! width of their integers. They are equal here, because files do not keep the difference.
//!
//! Allowed: integers to wider ones that hold all their values, floats to wider floats, decimals
//! to more digits with the same scale, null to anything, a list of fixed length to a list. With
//! a warning: a date to a timestamp without zone (Iceberg since version 3), a unit of time to a
//! finer one (the digits stay, but the range shrinks: nanoseconds end in 2262), a zone to another.
//! Everything else is refused: integers to floats or decimals lose digits or are
//! cast by some readers only, a coarser unit loses digits, a zone that comes or goes
//! changes which instant is meant.

use crate::compat::finding::Kind;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};

/// A type without its spelling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form<'a> {
    Null,
    Boolean,
    Integer {
        signed: bool,
        bits: u8,
    },
    Float(u8),
    Decimal(u8, i8),
    Text,
    Binary,
    FixedBinary(i32),
    Date,
    Time(TimeUnit),
    Timestamp(TimeUnit, Option<&'a str>),
    Duration(TimeUnit),
    Interval(IntervalUnit),
    /// The element, and the length if it is fixed.
    List(&'a Field, Option<i32>),
    Struct(&'a Fields),
    /// The entries.
    Map(&'a Field),
    /// Unions, and what a later Arrow may bring: equal or different.
    Other(&'a DataType),
}

impl<'a> Form<'a> {
    pub(super) fn of(mut data_type: &'a DataType) -> Self {
        loop {
            data_type = match data_type {
                DataType::Dictionary(_, values) => values.as_ref(),
                DataType::RunEndEncoded(_, values) => values.data_type(),
                _ => break,
            };
        }
        let integer = |signed, bits| Form::Integer { signed, bits };
        match data_type {
            DataType::Null => Form::Null,
            DataType::Boolean => Form::Boolean,
            DataType::Int8 => integer(true, 8),
            DataType::Int16 => integer(true, 16),
            DataType::Int32 => integer(true, 32),
            DataType::Int64 => integer(true, 64),
            DataType::UInt8 => integer(false, 8),
            DataType::UInt16 => integer(false, 16),
            DataType::UInt32 => integer(false, 32),
            DataType::UInt64 => integer(false, 64),
            DataType::Float16 => Form::Float(16),
            DataType::Float32 => Form::Float(32),
            DataType::Float64 => Form::Float(64),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Form::Decimal(*precision, *scale),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Form::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Form::Binary,
            DataType::FixedSizeBinary(length) => Form::FixedBinary(*length),
            DataType::Date32 | DataType::Date64 => Form::Date,
            DataType::Time32(unit) | DataType::Time64(unit) => Form::Time(*unit),
            DataType::Timestamp(unit, zone) => Form::Timestamp(*unit, zone.as_deref().filter(|zone| !zone.is_empty())),
            DataType::Duration(unit) => Form::Duration(*unit),
            DataType::Interval(unit) => Form::Interval(*unit),
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element) => Form::List(element, None),
            DataType::FixedSizeList(element, length) => Form::List(element, Some(*length)),
            DataType::Struct(fields) => Form::Struct(fields),
            DataType::Map(entries, _) => Form::Map(entries),
            other => Form::Other(other),
        }
    }

    /// In a word or two; names of fields are not shown.
    fn name(self) -> String {
        match self {
            Form::Null => "null".into(),
            Form::Boolean => "boolean".into(),
            Form::Integer { signed: true, bits } => format!("int{bits}"),
            Form::Integer { signed: false, bits } => format!("uint{bits}"),
            Form::Float(bits) => format!("float{bits}"),
            Form::Decimal(precision, scale) => format!("decimal({precision}, {scale})"),
            Form::Text => "string".into(),
            Form::Binary => "binary".into(),
            Form::FixedBinary(length) => format!("binary of {length} bytes"),
            Form::Date => "date".into(),
            Form::Time(unit) => format!("time in {}", unit_name(unit)),
            Form::Timestamp(unit, None) => format!("timestamp in {} without zone", unit_name(unit)),
            Form::Timestamp(unit, Some(_)) => format!("timestamp in {} with zone", unit_name(unit)),
            Form::Duration(unit) => format!("duration in {}", unit_name(unit)),
            Form::Interval(IntervalUnit::YearMonth) => "interval of months".into(),
            Form::Interval(IntervalUnit::DayTime) => "interval of days and milliseconds".into(),
            Form::Interval(IntervalUnit::MonthDayNano) => "interval of months, days and nanoseconds".into(),
            Form::List(_, length) => list_name(length),
            Form::Struct(_) => "struct".into(),
            Form::Map(_) => "map".into(),
            Form::Other(_) => "union".into(),
        }
    }

    /// Types of different kinds have nothing in common.
    fn family(self) -> u8 {
        match self {
            Form::Null => 0,
            Form::Boolean => 1,
            Form::Integer { .. } | Form::Float(_) | Form::Decimal(..) => 2,
            Form::Text | Form::Binary | Form::FixedBinary(_) => 3,
            Form::Date | Form::Time(_) | Form::Timestamp(..) => 4,
            Form::Duration(_) | Form::Interval(_) => 5,
            Form::List(..) => 6,
            Form::Struct(_) => 7,
            Form::Map(_) => 8,
            Form::Other(_) => 9,
        }
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    }
}

/// A type in a word or two.
pub(super) fn name(data_type: &DataType) -> String {
    Form::of(data_type).name()
}

/// A list by its length.
pub(super) fn list_name(length: Option<i32>) -> String {
    length.map_or("list".into(), |length| format!("list of {length}"))
}

/// Key and value of the entries of a map.
pub(super) fn entry(entries: &Field) -> Option<(&Field, &Field)> {
    let DataType::Struct(fields) = entries.data_type() else { return None };
    match &fields[..] {
        [key, value] => Some((key.as_ref(), value.as_ref())),
        _ => None,
    }
}

/// Digits behind the second.
fn fineness(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// Whether two zones always show the same time; only names of UTC are known to.
fn same_zone(one: &str, other: &str) -> bool {
    let utc = |zone: &str| {
        ["UTC", "Z", "GMT", "Etc/UTC", "+00:00", "+0000", "+00", "-00:00"]
            .iter()
            .any(|name| zone.eq_ignore_ascii_case(name))
    };
    one == other || utc(one) && utc(other)
}

/// What a change of types without children means; `None` for none.
pub(super) fn difference(reader: &Form<'_>, writer: &Form<'_>) -> Option<(Kind, String)> {
    if reader == writer {
        return None;
    }
    let kind = match (*writer, *reader) {
        (Form::Null, _) => Kind::TypeWidened,
        (Form::Integer { signed: from_signed, bits: from }, Form::Integer { signed, bits })
            if bits > from && (signed || !from_signed) =>
        {
            Kind::TypeWidened
        }
        (Form::Float(from), Form::Float(bits)) if bits > from => Kind::TypeWidened,
        (Form::Decimal(from, scale), Form::Decimal(precision, same)) if precision > from && scale == same => {
            Kind::TypeWidened
        }
        (Form::Date, Form::Timestamp(_, None)) => Kind::DateToTimestamp,
        (Form::Time(from), Form::Time(unit)) | (Form::Duration(from), Form::Duration(unit))
            if fineness(unit) > fineness(from) =>
        {
            Kind::TimeUnitChanged
        }
        (Form::Timestamp(from, before), Form::Timestamp(unit, after)) => {
            let same = match (before, after) {
                (None, None) => true,
                (Some(before), Some(after)) => same_zone(before, after),
                _ => false,
            };
            let zoned = before.is_some() == after.is_some();
            match (fineness(unit).cmp(&fineness(from)), zoned, same) {
                (std::cmp::Ordering::Equal, true, true) => return None,
                (std::cmp::Ordering::Equal, true, false) => Kind::TimeZoneChanged,
                (std::cmp::Ordering::Greater, true, _) => Kind::TimeUnitChanged,
                _ => Kind::UnsupportedTypeChange,
            }
        }
        (from, to) if from.family() != to.family() => Kind::TypeMismatch,
        _ => Kind::UnsupportedTypeChange,
    };
    Some((kind, format!("{} is read as {}", writer.name(), reader.name())))
}
