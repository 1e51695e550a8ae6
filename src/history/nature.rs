//! What values of a metric can be at all.

use super::anomaly::Forecast;

/// With fewer past values, a count may always differ by one.
const YOUNG: usize = 10;

/// The values that a metric can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// From 0 to 1.
    Share,
    /// From -1 to 1.
    Correlation,
    /// 0, 1, 2 and so on, of things that come and go.
    Count,
    /// Not below 0.
    Amount,
    /// Anything.
    Number,
}

impl Nature {
    /// That of a metric, by its public name.
    pub fn of(metric: &str) -> Self {
        match metric.rsplit('.').next().unwrap_or("") {
            "Completeness" | "Uniqueness" | "UniqueValueRatio" | "Compliance" | "PatternMatch" => Nature::Share,
            "ColumnCorrelation" => Nature::Correlation,
            "RowCount"
            | "DistinctValuesCount"
            | "MinimumLength"
            | "MaximumLength"
            | "DuplicateRowCount"
            | "ZerosCount" => Nature::Count,
            // One column more is news even when the past is short.
            "ColumnCount" | "StandardDeviation" | "Variance" | "Entropy" => Nature::Amount,
            _ => Nature::Number,
        }
    }

    /// The band without values that cannot be, and with room for one more or less where little is known of a count.
    pub fn bounded(self, mut forecast: Forecast) -> Forecast {
        if self == Nature::Count && forecast.points < YOUNG {
            forecast.lower = forecast.lower.min(forecast.expected - 1.0);
            forecast.upper = forecast.upper.max(forecast.expected + 1.0);
        }
        let (least, most) = match self {
            Nature::Share => (0.0, 1.0),
            Nature::Correlation => (-1.0, 1.0),
            Nature::Count | Nature::Amount => (0.0, f64::MAX),
            Nature::Number => (f64::MIN, f64::MAX),
        };
        let [lower, expected, upper] =
            [forecast.lower, forecast.expected, forecast.upper].map(|value| value.clamp(least, most));
        Forecast { lower, expected, upper, ..forecast }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(lower: f64, expected: f64, upper: f64, points: usize) -> Forecast {
        Forecast { expected, lower, upper, method: "level", points }
    }

    fn ends(forecast: Forecast) -> (f64, f64, f64) {
        (forecast.lower, forecast.expected, forecast.upper)
    }

    #[test]
    fn bands_hold_no_impossible_values() {
        assert_eq!(ends(Nature::of("Column.a.b.Completeness").bounded(forecast(0.9, 1.01, 1.1, 50))), (0.9, 1.0, 1.0));
        assert_eq!(ends(Nature::of("Dataset.*.RowCount").bounded(forecast(-5.0, 2.0, 9.0, 50))), (0.0, 2.0, 9.0));
        assert_eq!(ends(Nature::of("Column.a.Mean").bounded(forecast(-5.0, 2.0, 9.0, 50))), (-5.0, 2.0, 9.0));
        assert_eq!(
            ends(Nature::of("Multicolumn.a,b.ColumnCorrelation").bounded(forecast(-2.0, 0.0, 2.0, 9))),
            (-1.0, 0.0, 1.0)
        );
    }

    #[test]
    fn a_young_count_may_differ_by_one_but_the_number_of_columns_may_not() {
        assert_eq!(ends(Nature::Count.bounded(forecast(7.0, 7.0, 7.0, 9))), (6.0, 7.0, 8.0));
        assert_eq!(ends(Nature::Count.bounded(forecast(7.0, 7.0, 7.0, 10))), (7.0, 7.0, 7.0));
        assert_eq!(ends(Nature::of("Dataset.*.ColumnCount").bounded(forecast(7.0, 7.0, 7.0, 9))), (7.0, 7.0, 7.0));
    }
}
