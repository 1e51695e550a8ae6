//! The narrowest type that holds all values of a column.

use crate::input::{columns, shown_value};
use crate::redaction::Redaction;
use crate::sample::{Cell, LONGEST};
use arrow_schema::{DataType, TimeUnit};

/// Types that still fit everything seen. A column without values is text.
#[derive(Debug, Clone)]
pub struct Inference {
    seen: bool,
    boolean: bool,
    integer: bool,
    whole: bool,
    float: bool,
    date: bool,
    timestamp: bool,
    zoned: bool,
    /// The value that made text of a column that could have been something else, and its line.
    because: Option<(Cell, u64)>,
}

/// Whole numbers beyond 64 bits.
const WHOLE: DataType = DataType::Decimal128(38, 0);

impl Default for Inference {
    fn default() -> Self {
        Self {
            seen: false,
            boolean: true,
            integer: true,
            whole: true,
            float: true,
            date: true,
            timestamp: true,
            zoned: true,
            because: None,
        }
    }
}

impl Inference {
    /// What is known of a column that was inferred to be of a type.
    pub fn of(data_type: &DataType) -> Self {
        let nothing = Self {
            seen: true,
            boolean: false,
            integer: false,
            whole: false,
            float: false,
            date: false,
            timestamp: false,
            zoned: false,
            because: None,
        };
        match data_type {
            DataType::Boolean => Self { boolean: true, ..nothing },
            DataType::Int64 => Self { integer: true, whole: true, float: true, ..nothing },
            DataType::Decimal128(_, _) => Self { whole: true, float: true, ..nothing },
            DataType::Float64 => Self { float: true, ..nothing },
            DataType::Date32 => Self { date: true, timestamp: true, ..nothing },
            DataType::Timestamp(_, None) => Self { timestamp: true, ..nothing },
            DataType::Timestamp(_, Some(_)) => Self { zoned: true, ..nothing },
            _ => nothing,
        }
    }

    /// Takes a value that is not NULL into account.
    pub fn see(&mut self, value: &[u8], line: u64) {
        let before = if self.seen { self.data_type() } else { DataType::Utf8 };
        self.seen = true;
        self.boolean = self.boolean && columns::boolean(value).is_some();
        // Codes such as 007 keep their zeros only as text.
        let code = columns::has_leading_zero(value);
        self.integer = self.integer && !code && columns::integer(value).is_some();
        // A whole number with a point or a plus sign is a float's way to write it.
        let plain = !value.iter().any(|byte| matches!(byte, b'.' | b'+'));
        self.whole = self.whole && !code && plain && columns::decimal(value, 38, 0).is_some();
        self.float = self.float && !code && columns::float(value).is_some();
        self.date = self.date && columns::date(value).is_some();
        let timestamp = if self.timestamp || self.zoned { columns::timestamp(value) } else { None };
        self.timestamp = self.timestamp && timestamp.is_some_and(|(_, zoned)| !zoned);
        self.zoned = self.zoned && timestamp.is_some_and(|(_, zoned)| zoned);
        if before != DataType::Utf8 && self.data_type() == DataType::Utf8 {
            self.because = Some((shown(value), line));
        }
    }

    /// Takes a value from a path into account: `month=01` is a number there, as Spark reads it.
    pub fn see_number_of_path(&mut self, value: &[u8]) {
        let zeros = value.iter().take_while(|byte| **byte == b'0').count();
        let number = value.iter().all(u8::is_ascii_digit).then(|| &value[zeros.min(value.len().saturating_sub(1))..]);
        self.see(number.unwrap_or(value), 0);
    }

    /// What holds the values of both.
    pub fn and(self, other: &Self) -> Self {
        Self {
            seen: self.seen || other.seen,
            boolean: self.boolean && other.boolean,
            integer: self.integer && other.integer,
            whole: self.whole && other.whole,
            float: self.float && other.float,
            date: self.date && other.date,
            timestamp: self.timestamp && other.timestamp,
            zoned: self.zoned && other.zoned,
            because: self.because,
        }
    }

    /// Whether no value was seen.
    pub fn is_empty(&self) -> bool {
        !self.seen
    }

    /// The value that made text of the column, with its line.
    pub fn because(&self, redaction: &Redaction) -> Option<String> {
        self.because.as_ref().map(|(value, line)| format!("{} in line {line}", shown_value(value, redaction)))
    }

    /// The narrowest type left.
    pub fn data_type(&self) -> DataType {
        match self {
            Self { seen: false, .. } => DataType::Utf8,
            Self { boolean: true, .. } => DataType::Boolean,
            Self { integer: true, .. } => DataType::Int64,
            Self { whole: true, .. } => WHOLE,
            Self { float: true, .. } => DataType::Float64,
            Self { date: true, .. } => DataType::Date32,
            Self { timestamp: true, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self { zoned: true, .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }
}

/// A value for messages. Not more of it is looked at than is shown, however its characters are encoded.
pub fn shown(value: &[u8]) -> Cell {
    Cell::text(&String::from_utf8_lossy(&value[..value.len().min(4 * (LONGEST + 1))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(values: &[&str]) -> DataType {
        let mut inference = Inference::default();
        values.iter().for_each(|value| inference.see(value.as_bytes(), 1));
        inference.data_type()
    }

    #[test]
    fn the_narrowest_type_that_fits_is_taken() {
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let table = [
            (&["1", "-2"][..], DataType::Int64),
            (&["1", "2.5", "1e3"], DataType::Float64),
            (&["007", "1"], DataType::Utf8),
            (&["0.5", "0"], DataType::Float64),
            (&["true", "False"], DataType::Boolean),
            (&["2024-01-01"], DataType::Date32),
            (&["2024-01-01", "2024-01-01 10:00:00"], micros(None)),
            (&["2024-01-01T10:00:00Z"], micros(Some("UTC"))),
            (&["2024-01-01", "x"], DataType::Utf8),
            (&["2024"], DataType::Int64),
            (&[], DataType::Utf8),
            (&["99999999999999999999"], WHOLE),
            (&["99999999999999999999", "1.5"], DataType::Float64),
            (&["1.0", "2.0"], DataType::Float64),
            (&["+1"], DataType::Float64),
        ];
        for (values, data_type) in table {
            assert_eq!(inferred(values), data_type, "{values:?}");
        }
    }

    #[test]
    fn widening_forgets_nothing() {
        let mut inference = Inference::of(&DataType::Int64);
        inference.see(b"2.5", 1);
        assert_eq!(inference.data_type(), DataType::Float64);
        let mut inference = Inference::of(&DataType::Boolean);
        inference.see(b"2", 1);
        assert_eq!(inference.data_type(), DataType::Utf8);
    }
}
