//! Sets of whole numbers as closed intervals: what a condition lets through.
//!
//! Integers, decimals (in units of their scale), dates (in days) and timestamps (in
//! their unit) are whole numbers to the engine, and doubles map to whole numbers in
//! order ([`float_key`]). So every comparison, range, list and their negations is one
//! kind of set, and one kernel judges them all.

use crate::comparison::Operator;
use arrow_buffer::i256;

/// A point that values are compared with, given by its neighbours in the domain: a
/// value lies below it when `value <= below`, above it when `value >= above`, and
/// equals it in between. The point need not be in the domain (`2.5` among integers)
/// and may be wide (a calendar day among timestamps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The largest value below.
    pub below: i256,
    /// The smallest value above.
    pub above: i256,
}

impl Point {
    /// The values from `first` to `last`.
    pub fn spanning(first: i128, last: i128) -> Self {
        Self {
            below: i256::from_i128(first).wrapping_sub(i256::ONE),
            above: i256::from_i128(last).wrapping_add(i256::ONE),
        }
    }
}

/// A sorted list of disjoint closed intervals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Intervals(Vec<(i256, i256)>);

fn next(value: i256) -> Option<i256> {
    value.checked_add(i256::ONE)
}

fn previous(value: i256) -> Option<i256> {
    value.checked_sub(i256::ONE)
}

impl Intervals {
    /// The empty set.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    fn span(low: Option<i256>, high: Option<i256>) -> Self {
        match (low, high) {
            (Some(low), Some(high)) if low <= high => Self(vec![(low, high)]),
            _ => Self::none(),
        }
    }

    /// The values that stand in `operator` to `points`: one point, two for `between`, any
    /// number for lists. `between` excludes its ends and does not swap them.
    pub fn satisfying(operator: Operator, points: &[Point]) -> Self {
        let equal = |point: &Point| Self::span(next(point.below), previous(point.above));
        let any = |points: &[Point]| Self::union(points.iter().flat_map(|point| equal(point).0).collect());
        match (operator, points) {
            (Operator::Greater, [point]) => Self::span(Some(point.above), Some(i256::MAX)),
            (Operator::GreaterOrEqual, [point]) => Self::span(next(point.below), Some(i256::MAX)),
            (Operator::Less, [point]) => Self::span(Some(i256::MIN), Some(point.below)),
            (Operator::LessOrEqual, [point]) => Self::span(Some(i256::MIN), previous(point.above)),
            (Operator::Between, [low, high]) => Self::span(Some(low.above), Some(high.below)),
            (Operator::NotBetween, [low, high]) => Self::span(Some(low.above), Some(high.below)).complement(),
            (Operator::Equal | Operator::In, points) => any(points),
            (Operator::NotEqual | Operator::NotIn, points) => any(points).complement(),
            _ => Self::none(),
        }
    }

    /// Everything in any of `intervals`.
    fn union(mut intervals: Vec<(i256, i256)>) -> Self {
        intervals.sort_unstable();
        let mut merged: Vec<(i256, i256)> = Vec::with_capacity(intervals.len());
        for (low, high) in intervals {
            match merged.last_mut() {
                Some(last) if next(last.1).is_none_or(|end| low <= end) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// All values that are not in the set.
    pub fn complement(self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(i256::MIN);
        for (low, high) in self.0 {
            gaps.extend(Self::span(from, previous(low)).0);
            from = next(high);
        }
        gaps.extend(Self::span(from, Some(i256::MAX)).0);
        Self(gaps)
    }

    /// The intervals, sorted.
    pub fn as_slice(&self) -> &[(i256, i256)] {
        &self.0
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: i256) -> bool {
        let at = self.0.partition_point(|(_, high)| *high < value);
        self.0.get(at).is_some_and(|(low, _)| *low <= value)
    }
}

/// Maps doubles that are not NaN to whole numbers in the same order; both zeros to 0.
pub fn float_key(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    if bits < 0 { -(bits & i64::MAX) } else { bits }
}

/// The double of a [`float_key`]; keys beyond infinity give infinity.
pub fn float_of_key(key: i64) -> f64 {
    let infinity = f64::INFINITY.to_bits() as i64;
    let magnitude = f64::from_bits(key.unsigned_abs().min(infinity as u64));
    if key < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(value: i128) -> Point {
        Point::spanning(value, value)
    }

    fn model(operator: Operator, value: i128, operands: &[i128]) -> bool {
        match operator {
            Operator::Equal | Operator::In => operands.contains(&value),
            Operator::NotEqual | Operator::NotIn => !operands.contains(&value),
            Operator::Greater => value > operands[0],
            Operator::GreaterOrEqual => value >= operands[0],
            Operator::Less => value < operands[0],
            Operator::LessOrEqual => value <= operands[0],
            Operator::Between => value > operands[0] && value < operands[1],
            Operator::NotBetween => value <= operands[0] || value >= operands[1],
            Operator::Matches | Operator::NotMatches => false,
        }
    }

    proptest! {
        #[test]
        fn sets_agree_with_the_comparison_they_stand_for(value in -12i128..12, operands in prop::collection::vec(-10i128..10, 2..5)) {
            for (operator, count) in [(Operator::Equal, 1), (Operator::NotEqual, 1), (Operator::Greater, 1), (Operator::GreaterOrEqual, 1), (Operator::Less, 1), (Operator::LessOrEqual, 1), (Operator::Between, 2), (Operator::NotBetween, 2), (Operator::In, operands.len()), (Operator::NotIn, operands.len())] {
                let points: Vec<_> = operands[..count].iter().map(|value| point(*value)).collect();
                let set = Intervals::satisfying(operator, &points);
                prop_assert_eq!(set.contains(i256::from_i128(value)), model(operator, value, &operands[..count]), "{:?} {:?}", operator, set);
            }
        }

        #[test]
        fn float_keys_keep_the_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(float_key(a).cmp(&float_key(b)), a.partial_cmp(&b).expect("ordered"));
            prop_assert_eq!(float_of_key(float_key(a)), a);
        }
    }

    #[test]
    fn points_outside_the_domain_equal_nothing() {
        let half = Point { below: i256::from_i128(2), above: i256::from_i128(3) };
        assert_eq!(Intervals::satisfying(Operator::Equal, &[half]), Intervals::none());
        assert!(Intervals::satisfying(Operator::Greater, &[half]).contains(i256::from_i128(3)));
    }
}
