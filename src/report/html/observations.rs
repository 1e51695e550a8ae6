//! Numbers against their past: past values, the band that they let expect, and what was measured.

use super::markup::{escape, lines, short};
use crate::check::Run;
use crate::history::Observation;
use crate::history::observation::{brief, spoken};
use chrono::{DateTime, SecondsFormat, Utc};

/// Characters of a name, of a description, of a rule.
const NAME: usize = 160;
const TEXT: usize = 1_000;

/// Size of a chart, and where past values end and the band of this run begins.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 96.0;
const MARGIN: f64 = 8.0;
const NOW: f64 = 440.0;

/// The observations of a run, anomalies first; what is as expected is folded.
pub(super) fn section(run: &Run) -> String {
    run.observations.iter().enumerate().map(|(position, one)| card(position + 1, one, run.started)).collect()
}

fn card(number: usize, observation: &Observation, at: DateTime<Utc>) -> String {
    let said = match (observation.anomalous, observation.needs_more_data) {
        (true, _) => "anomaly",
        (_, true) => "needs more data",
        _ => "as expected",
    };
    let rules: String =
        observation.suggested_rules.iter().map(|rule| format!("<li><code>{}</code></li>", short(rule, TEXT))).collect();
    let rules = if rules.is_empty() {
        rules
    } else {
        format!("<p class=\"muted\">Rules that would hold it there:</p>\n<ul class=\"suggested\">{rules}</ul>\n")
    };
    let method = observation.method.as_ref().map_or(String::new(), |method| {
        format!("<p class=\"muted\">Found by {} of {} past values.</p>\n", short(method, NAME), observation.points)
    });
    let open = if observation.anomalous { " open" } else { "" };
    format!(
        "<details{open} class=\"observation\" id=\"observation-{number}\">\n<summary><strong>{name}</strong> \
         <span class=\"{class}\">{said}</span></summary>\n<p>{description}</p>\n{chart}{method}{rules}</details>\n",
        name = short(&spoken(&observation.key), NAME),
        class = if observation.anomalous { "odd" } else { "muted" },
        description = lines(&observation.description, TEXT),
        chart = chart(observation, at).unwrap_or_default(),
    )
}

/// Past values as a line over time, the band and the value of this run at its end. Nothing where there is no past.
fn chart(observation: &Observation, at: DateTime<Utc>) -> Option<String> {
    let (first, last) = (observation.past.first()?, observation.past.last()?);
    let values = observation.past.iter().map(|(_, value)| *value);
    let bounds = [observation.lower, observation.upper].into_iter().flatten();
    let shown: Vec<f64> = values.chain(bounds).chain([observation.actual]).collect();
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halved, so that the distance of large numbers is finite.
    let height = most / 2.0 - least / 2.0;
    let y = |value: f64| {
        let share = if height > 0.0 { (value / 2.0 - least / 2.0) / height } else { 0.5 };
        MARGIN + (1.0 - share) * (HEIGHT - 2.0 * MARGIN)
    };
    let over = (last.0 - first.0).num_seconds().max(1) as f64;
    let x = |time: DateTime<Utc>| MARGIN + (time - first.0).num_seconds() as f64 / over * (NOW - 3.0 * MARGIN);
    let mut svg = format!(
        "<svg class=\"past\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(&label(observation, at))
    );
    if let (Some(expected), Some(lower), Some(upper)) = (observation.expected, observation.lower, observation.upper) {
        let (top, bottom) = (y(upper), y(lower));
        svg.push_str(&format!(
            "<rect class=\"wide\" x=\"0\" y=\"{top:.1}\" width=\"{NOW}\" height=\"{tall:.1}\"/>\
             <rect class=\"zone\" x=\"{NOW}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"/>\
             <path class=\"expected\" d=\"M{NOW} {middle:.1}H{WIDTH}\"/>",
            WIDTH - NOW,
            tall = (bottom - top).max(1.0),
            middle = y(expected),
        ));
    }
    let line: Vec<String> =
        observation.past.iter().map(|(time, value)| format!("{:.1},{:.1}", x(*time), y(*value))).collect();
    svg.push_str(&format!("<polyline class=\"line\" points=\"{}\"/>", line.join(" ")));
    for (time, value) in &observation.past {
        svg.push_str(&format!("<circle class=\"value\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\"/>", x(*time), y(*value)));
    }
    let class = if observation.anomalous { "unmet" } else { "met" };
    svg.push_str(&format!(
        "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"/></svg>\n",
        (NOW + WIDTH) / 2.0,
        y(observation.actual)
    ));
    svg.push_str(&format!(
        "<div class=\"ends past\" aria-hidden=\"true\"><span>{} to {}</span><span>{} to {}</span></div>\n",
        day(first.0),
        day(last.0),
        escape(&brief(least)),
        escape(&brief(most))
    ));
    Some(svg)
}

/// What the chart shows, in words.
fn label(observation: &Observation, at: DateTime<Utc>) -> String {
    let ends = observation.past.first().zip(observation.past.last());
    let from = ends.map_or(String::new(), |((first, _), (last, _))| format!(" from {} to {}", day(*first), day(*last)));
    let band = match (observation.lower, observation.upper) {
        (Some(lower), Some(upper)) => format!("; {} to {} expected", brief(lower), brief(upper)),
        _ => String::new(),
    };
    format!("{} past values{from}{band}; {} on {}", observation.past.len(), brief(observation.actual), day(at))
}

fn day(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true).chars().take_while(|character| *character != 'T').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Key;

    fn observation(values: &[f64], actual: f64, band: Option<(f64, f64, f64)>) -> Observation {
        let time = |day: usize| DateTime::from_timestamp(1_767_571_200 + 86_400 * day as i64, 0).expect("a time");
        Observation {
            key: Key::new("Column.<b>'\".Completeness"),
            description: "<script> & more".into(),
            actual,
            expected: band.map(|(_, expected, _)| expected),
            lower: band.map(|(lower, _, _)| lower),
            upper: band.map(|(_, _, upper)| upper),
            method: band.map(|_| "level".into()),
            anomalous: band.is_some_and(|(lower, _, upper)| actual < lower || actual > upper),
            needs_more_data: band.is_none(),
            points: values.len(),
            past: values.iter().enumerate().map(|(day, value)| (time(day), *value)).collect(),
            suggested_rules: vec!["Completeness \"<i>\" >= 0.9".into()],
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_768_000_000, 0).expect("a time")
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let html = card(1, &observation(&[0.9, 0.95], 0.5, Some((0.9, 0.95, 1.0))), now());
        for hostile in ["<script", "<b>", "<i>", "'\""] {
            assert!(!html.contains(hostile), "{html}");
        }
        assert!(html.contains("<details open") && html.contains("class=\"unmet\""), "{html}");
        assert!(html.contains("2 past values from 2026-01-05 to 2026-01-06; 0.9 to 1 expected; 0.5 on 2026-01-09"));
    }

    #[test]
    fn charts_have_no_odd_numbers() {
        for values in [&[1.0][..], &[1.0, 1.0], &[f64::MAX, f64::MIN], &[0.0, 1e-300]] {
            for band in [None, Some((f64::MIN, 0.0, f64::MAX)), Some((1.0, 1.0, 1.0))] {
                let html = card(1, &observation(values, 1.0, band), now());
                assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            }
        }
        assert!(!card(1, &observation(&[], 1.0, None), now()).contains("<svg"));
    }
}
