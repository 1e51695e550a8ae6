//! The forecast of anomalies on series whose anomalies are known: how many it finds, and how often it cries
//! wolf. `cargo test --test anomaly_backtest -- --nocapture` prints the figures of docs/anomalies.md.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use chrono::{DateTime, Duration, Utc};
use dq::history::anomaly::{Forecast, forecast};

/// Numbers that are the same each time: SplitMix64.
struct Dice(u64);

impl Dice {
    /// From 0 to 1, neither of them.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + 1e-17
    }

    /// Normal, of deviation 1.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn sign(&mut self) -> f64 {
        if self.uniform() < 0.5 { -1.0 } else { 1.0 }
    }
}

/// A kind of series; noise has deviation 1.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What a day adds.
    trend: f64,
    /// What a weekend adds.
    weekend: f64,
    /// What each day adds to the noise of all later ones.
    walk: f64,
    /// The share of days without a run.
    missing: f64,
    /// Runs on a day.
    runs: i64,
}

const PLAIN: Kind = Kind { name: "level", trend: 0.0, weekend: 0.0, walk: 0.0, missing: 0.0, runs: 1 };

const KINDS: &[Kind] = &[
    PLAIN,
    Kind { name: "level, days missing", missing: 0.15, ..PLAIN },
    Kind { name: "level, four runs a day", runs: 4, ..PLAIN },
    Kind { name: "trend", trend: 0.5, ..PLAIN },
    Kind { name: "slow trend", trend: 0.02, ..PLAIN },
    Kind { name: "week", weekend: -20.0, ..PLAIN },
    Kind { name: "trend and week", trend: 0.5, weekend: -20.0, ..PLAIN },
    Kind { name: "trend and week, days missing", trend: 0.5, weekend: -20.0, missing: 0.15, ..PLAIN },
    Kind { name: "growing table", trend: 2.0, walk: 1.0, ..PLAIN },
];

type Points = Vec<(DateTime<Utc>, f64)>;

fn series(kind: Kind, count: usize, seed: u64) -> Points {
    let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let start = DateTime::from_timestamp(1_767_582_000, 0).expect("a Monday");
    let (mut points, mut walked, mut step) = (Vec::new(), 0.0, 0);
    while points.len() < count {
        let time = start + Duration::hours(24 / kind.runs * step);
        step += 1;
        let weekend = (time - start).num_days() % 7 >= 5;
        walked += kind.walk * dice.normal();
        let value = 100.0
            + dice.normal() * f64::from(u8::from(kind.walk == 0.0))
            + walked
            + kind.trend * (time - start).num_days() as f64
            + if weekend { kind.weekend } else { 0.0 };
        if dice.uniform() >= kind.missing {
            points.push((time, value));
        }
    }
    points
}

fn expected(points: &[(DateTime<Utc>, f64)], position: usize) -> Forecast {
    forecast(&points[..position], points[position].0).expect("enough values")
}

fn is_odd(forecast: &Forecast, value: f64) -> bool {
    value < forecast.lower || value > forecast.upper
}

/// The share of the last values of clean series that are taken for anomalies.
fn false_alarms(kind: Kind, from: usize, to: usize, seeds: u64) -> f64 {
    let (mut alarms, mut all) = (0, 0);
    for seed in 0..seeds {
        let points = series(kind, to, 1_000 + seed);
        for position in from..to {
            alarms += u32::from(is_odd(&expected(&points, position), points[position].1));
            all += 1;
        }
    }
    f64::from(alarms) / f64::from(all)
}

/// The share of spikes of so many deviations that are found, one behind each clean series.
fn recall(kind: Kind, count: usize, deviations: f64, seeds: u64) -> f64 {
    let mut found = 0;
    for seed in 0..seeds {
        let points = series(kind, count + 1, 5_000 + seed);
        let spike = Dice(seed).sign() * deviations;
        found += u32::from(is_odd(&expected(&points, count), points[count].1 + spike));
    }
    f64::from(found) / seeds as f64
}

#[test]
fn clean_series_raise_few_alarms() {
    for kind in KINDS {
        let (young, old) = (false_alarms(*kind, 14, 28, 20), false_alarms(*kind, 28, 70, 6));
        println!("false alarms  {:<30} 14 to 28 values {young:.4}  28 to 70 {old:.4}", kind.name);
        // A weekday may be met for the first time while the week is young.
        assert!(young <= 0.03, "{}: {young}", kind.name);
        assert!(old <= if kind.walk > 0.0 { 0.03 } else { 0.015 }, "{}: {old}", kind.name);
    }
    for count in [3, 4, 5, 7, 10, 13] {
        let alarms = false_alarms(PLAIN, count, count + 1, 600);
        println!("false alarms  level after {count} values {alarms:.4}");
        assert!(alarms <= 0.02, "after {count}: {alarms}");
    }
}

#[test]
fn spikes_are_found() {
    for kind in KINDS {
        let [six, eight, ten] = [6.0, 8.0, 10.0].map(|deviations| recall(*kind, 90, deviations, 100));
        println!("recall  {:<30} 6 deviations {six:.2}  8 {eight:.2}  10 {ten:.2}", kind.name);
        // What moves by itself, and what two patterns hide, hides more.
        let plain = kind.walk == 0.0 && kind.weekend == 0.0;
        assert!(six >= if plain { 0.9 } else { 0.7 }, "{}: {six}", kind.name);
        assert!(eight >= 0.93 && ten >= 0.97, "{}: {eight} {ten}", kind.name);
    }
    let six = recall(PLAIN, 60, 6.0, 400);
    println!("recall  level after 60 values, 6 deviations {six:.3}");
    assert!(six >= 0.94, "{six}");
    for (count, least) in [(5, 0.5), (7, 0.8), (10, 0.75), (14, 0.95)] {
        let ten = recall(PLAIN, count, 10.0, 300);
        println!("recall  level after {count} values, 10 deviations {ten:.2}");
        assert!(ten >= least, "after {count}: {ten}");
    }
}

#[test]
fn precision_and_recall_among_planted_spikes() {
    for kind in [KINDS[0], KINDS[3], KINDS[5]] {
        let (mut right, mut wrong, mut missed) = (0, 0, 0);
        for seed in 0..10 {
            let mut points = series(kind, 150, 9_000 + seed);
            let mut dice = Dice(seed + 77);
            let planted: Vec<bool> =
                (0..points.len()).map(|position| position >= 30 && dice.uniform() < 0.03).collect();
            for (point, _) in points.iter_mut().zip(&planted).filter(|(_, planted)| **planted) {
                point.1 += dice.sign() * 10.0;
            }
            for position in 30..points.len() {
                match (is_odd(&expected(&points, position), points[position].1), planted[position]) {
                    (true, true) => right += 1,
                    (true, false) => wrong += 1,
                    (false, true) => missed += 1,
                    (false, false) => {}
                }
            }
        }
        let (precision, recall) =
            (f64::from(right) / f64::from(right + wrong), f64::from(right) / f64::from(right + missed));
        println!("planted  {:<10} precision {precision:.2} recall {recall:.2}", kind.name);
        assert!(precision >= 0.8 && recall >= 0.85, "{}: {precision} {recall}", kind.name);
    }
}

#[test]
fn a_shift_is_found_at_once_and_normal_after_four_runs() {
    for kind in [KINDS[0], KINDS[3], KINDS[5]] {
        let (mut first, mut fifth) = (0, 0);
        let seeds = 50;
        for seed in 0..seeds {
            let mut points = series(kind, 66, 20_000 + seed);
            points[60..].iter_mut().for_each(|(_, value)| *value += 10.0);
            first += u32::from(is_odd(&expected(&points, 60), points[60].1));
            fifth += u32::from(is_odd(&expected(&points, 64), points[64].1));
        }
        let [first, fifth] = [first, fifth].map(|count| f64::from(count) / seeds as f64);
        println!("shift of 10 deviations  {:<10} first run {first:.2}  fifth {fifth:.2}", kind.name);
        assert!(first >= 0.95 && fifth <= 0.1, "{}: {first} {fifth}", kind.name);
    }
}

#[test]
fn a_fast_drift_is_found_and_a_slow_one_followed() {
    for (rate, least, most) in [(0.05, 0.0, 0.25), (1.0, 0.6, 1.0), (2.0, 0.95, 1.0), (3.0, 0.98, 1.0)] {
        let (mut found, seeds) = (0, 50);
        for seed in 0..seeds {
            let mut points = series(PLAIN, 67, 30_000 + seed);
            for (position, (_, value)) in points.iter_mut().enumerate().skip(60) {
                *value += rate * (position - 59) as f64;
            }
            found += u32::from((60..67).any(|position| is_odd(&expected(&points, position), points[position].1)));
        }
        let found = f64::from(found) / seeds as f64;
        println!("drift of {rate} deviations a run: found within seven runs {found:.2}");
        assert!(found >= least && found <= most, "{rate}: {found}");
    }
}

#[test]
fn a_weekend_like_a_working_day_is_found() {
    let (mut found, mut all) = (0, 0);
    for seed in 0..30 {
        let points = series(KINDS[5], 77, 40_000 + seed);
        for position in [75, 76] {
            found += u32::from(is_odd(&expected(&points, position), points[position].1 + 20.0));
            all += 1;
        }
    }
    println!("weekend as a working day: found {found} of {all}");
    assert!(f64::from(found) >= 0.95 * f64::from(all), "{found} of {all}");
}
