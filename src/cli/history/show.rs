//! Datasets and values of a history, for people and as JSON.

use crate::error::escape_controls;
use crate::history::{DatasetSummary, Key, Point};
use crate::value::Number;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::fmt::Write;

/// Points that are drawn; with what stands beside them they fit on a line.
const MOST_DRAWN: usize = 48;

/// Steps of a line that draws values.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// In place of a point that does not count.
const EXCLUDED: char = '·';

/// A time as short as it is exact.
pub fn shown_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Datasets, a line each.
pub fn datasets(found: &[DatasetSummary]) -> String {
    if found.is_empty() {
        return "no runs are recorded\n".into();
    }
    let rows: Vec<[String; 6]> = found
        .iter()
        .map(|dataset| {
            [
                escape_controls(&dataset.name),
                dataset.runs.to_string(),
                dataset.metrics.to_string(),
                dataset.excluded.to_string(),
                shown_time(dataset.first),
                shown_time(dataset.last),
            ]
        })
        .collect();
    let heads = ["dataset", "runs", "metrics", "excluded", "first", "last"];
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: [&str; 6]| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            // Numbers stand at the right.
            let (left, right) = if (1..=3).contains(&column) { (pad.as_str(), "") } else { ("", pad.as_str()) };
            // Writing to a string cannot fail.
            let _ = write!(line, "{left}{cell}{right}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line(heads);
    rows.iter().for_each(|row| line(row.each_ref().map(String::as_str)));
    text
}

/// The same for programs.
pub fn datasets_json(found: &[DatasetSummary]) -> Value {
    let entries: Vec<_> = found
        .iter()
        .map(|dataset| {
            json!({
                "dataset": dataset.name,
                "runs": dataset.runs,
                "metrics": dataset.metrics,
                "points": dataset.points,
                "excluded": dataset.excluded,
                "first": shown_time(dataset.first),
                "last": shown_time(dataset.last),
            })
        })
        .collect();
    json!({ "version": 1, "datasets": entries })
}

/// Values of each metric: drawn, and the newest of them one by one.
pub fn series(series: &[(Key, Vec<Point>)], last: usize) -> String {
    let mut text = String::new();
    for (position, (key, points)) in series.iter().enumerate() {
        let drawn = &points[points.len().saturating_sub(MOST_DRAWN)..];
        let blank = if position > 0 { "\n" } else { "" };
        let _ = writeln!(text, "{blank}{}", escape_controls(&key.to_string()));
        let _ = writeln!(text, "  {}  {}", sparkline(drawn), range(drawn, points.len()));
        let newest: Vec<_> = points.iter().rev().take(last).collect();
        let cells: Vec<_> = newest.iter().map(|point| (shown_time(point.time), point.value.to_string())).collect();
        let widest = |cell: fn(&(String, String)) -> &String| cells.iter().map(|both| cell(both).len()).max();
        let (times, values) = (widest(|both| &both.0).unwrap_or(0), widest(|both| &both.1).unwrap_or(0));
        for (point, (time, value)) in newest.iter().zip(&cells) {
            let mark = if point.excluded { "  excluded" } else { "" };
            let run = escape_controls(point.run.short());
            let _ = writeln!(text, "  {time:<times$}  {value:>values$}  run {run}{mark}");
        }
    }
    text
}

/// What the line goes from and to.
fn range(drawn: &[Point], all: usize) -> String {
    let counted = || drawn.iter().filter(|point| !point.excluded).map(|point| point.value);
    let less = |one: &Number, other: &Number| one.compare(*other).unwrap_or(std::cmp::Ordering::Equal);
    let count = if all == 1 { "1 value".to_string() } else { format!("{all} values") };
    let of = if drawn.len() < all { format!("the newest {} of {count}", drawn.len()) } else { count };
    match counted().min_by(less).zip(counted().max_by(less)) {
        None => format!("{of}, all excluded"),
        Some((least, most)) if least == most => format!("{of}, {least}"),
        Some((least, most)) => format!("{of}, {least} to {most}"),
    }
}

/// Points as one character each, between the least and the greatest that counts.
pub fn sparkline(points: &[Point]) -> String {
    let counted = || points.iter().filter(|point| !point.excluded).map(|point| point.value.to_f64());
    let (least, most) = (counted().fold(f64::INFINITY, f64::min), counted().fold(f64::NEG_INFINITY, f64::max));
    // Halves: the distance between the ends of the doubles is none.
    let span = most / 2.0 - least / 2.0;
    let step = |value: f64| {
        if span > 0.0 {
            // Rounded and within 0 to 7 by construction; a NaN would become 0.
            (((value / 2.0 - least / 2.0) / span) * (STEPS.len() - 1) as f64).round() as usize
        } else {
            STEPS.len() / 2
        }
    };
    let character = |point: &Point| match point.excluded {
        true => EXCLUDED,
        false => STEPS[step(point.value.to_f64()).min(STEPS.len() - 1)],
    };
    points.iter().map(character).collect()
}

/// Values for programs, oldest first.
pub fn series_json(dataset: &str, series: &[(Key, Vec<Point>)], last: usize) -> Value {
    let entries: Vec<_> = series
        .iter()
        .map(|(key, points)| {
            let points: Vec<_> = points[points.len().saturating_sub(last)..]
                .iter()
                .map(|point| {
                    json!({
                        "time": shown_time(point.time),
                        "run": point.run.0,
                        "value": point.value.to_f64(),
                        "excluded": point.excluded,
                    })
                })
                .collect();
            json!({ "metric": key.metric, "detail": key.detail, "filter": key.filter, "points": points })
        })
        .collect();
    json!({ "version": 1, "dataset": dataset, "metrics": entries })
}

/// Values as CSV, a line each, by time. Control characters in names are escaped.
pub fn csv(dataset: &str, series: &[(Key, Vec<Point>)]) -> String {
    let mut lines: Vec<(&Point, &Key)> =
        series.iter().flat_map(|(key, points)| points.iter().map(move |point| (point, key))).collect();
    lines.sort_by(|(one, one_key), (other, other_key)| {
        (one.time, &one.run, one_key).cmp(&(other.time, &other.run, other_key))
    });
    let mut text = String::from("dataset,time,run,metric,detail,filter,value,excluded\n");
    for (point, key) in lines {
        let cells = [
            cell(dataset),
            shown_time(point.time),
            cell(&point.run.0),
            cell(&key.metric),
            cell(key.detail.as_deref().unwrap_or("")),
            cell(key.filter.as_deref().unwrap_or("")),
            point.value.to_string(),
            point.excluded.to_string(),
        ];
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}

/// A text of a CSV file, in quotes where it must be.
fn cell(text: &str) -> String {
    let text = escape_controls(text);
    if text.contains([',', '"']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::RunId;

    fn points(values: &[f64]) -> Vec<Point> {
        let point = |(day, value): (i64, &f64)| Point {
            run: RunId(format!("{day:040x}")),
            time: DateTime::from_timestamp(day * 86_400, 0).unwrap(),
            value: Number::Float(*value),
            excluded: *value < 0.0,
        };
        (0..).zip(values).map(point).collect()
    }

    #[test]
    fn lines_draw_from_the_least_to_the_greatest_that_counts() {
        assert_eq!(sparkline(&points(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&points(&[3.0, -1.0, 3.0])), "▅·▅");
        assert_eq!(sparkline(&points(&[-1.0])), "·");
        assert_eq!(sparkline(&points(&[0.0, f64::MAX])), "▁█");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn values_are_shown_newest_first_below_their_line() {
        let shown = series(&[(Key::new("Column.a\u{1b}.Mean"), points(&[1.0, -2.0, 10.5]))], 2);
        assert_eq!(
            shown,
            "Column.a\\u{1b}.Mean\n  ▁·█  3 values, 1 to 10.5\n  1970-01-03T00:00:00Z  10.5  run 0000000000\n  \
             1970-01-02T00:00:00Z    -2  run 0000000000  excluded\n"
        );
        let many = series(&[(Key::new("m"), points(&[1.0; 60]))], 0);
        assert!(many.contains("the newest 48 of 60 values, 1\n"), "{many}");
        assert!(series(&[(Key::new("m"), points(&[-1.0]))], 0).contains("1 value, all excluded"));
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let key = Key { filter: Some("a = \"b, c\"".into()), ..Key::new("Column.a\n.Mean") };
        let text = csv("d", &[(key, points(&[0.5]))]);
        let run = "0".repeat(40);
        assert_eq!(
            text.lines().nth(1),
            Some(
                format!("d,1970-01-01T00:00:00Z,{run},Column.a\\u{{a}}.Mean,,\"a = \"\"b, c\"\"\",0.5,false").as_str()
            )
        );
    }
}
