//! Whole numbers that lie close together: two bits a possible value instead of a key a row.

use super::Visitor;
use super::groups::Groups;
use crate::metrics::memory::MemoryBudget;
use std::io;
use std::sync::Arc;

/// Keys that a range guessed from the first values has: two tables of four megabytes.
const GUESSED: u64 = 1 << 25;

/// Which values of a range were seen, and which of them more than once.
#[derive(Debug, Clone)]
pub struct Dense {
    /// The key of the first bit.
    base: u64,
    seen: Vec<u64>,
    repeated: Vec<u64>,
    /// Keys that are not where they were expected.
    outside: Groups<u64>,
}

impl Dense {
    /// For keys from `base` on, so many of them.
    pub fn new(base: u64, span: u64, budget: Arc<MemoryBudget>) -> Self {
        let words = usize::try_from(span.div_ceil(64)).unwrap_or(0);
        Self { base, seen: vec![0; words], repeated: vec![0; words], outside: Groups::within(budget) }
    }

    /// For keys like those seen so far, if they are near one another; gives them back if not.
    pub fn around(seen: Groups<u64>, budget: &Arc<MemoryBudget>) -> Result<Self, Groups<u64>> {
        let Ok(keys) = seen.clone().into_sorted() else { return Err(seen) };
        let signed = || keys.iter().map(|(key, _)| *key as i64);
        let (Some(low), Some(high)) = (signed().min(), signed().max()) else { return Err(seen) };
        if high.abs_diff(low) > GUESSED / 2 || Self::bytes(GUESSED) > budget.limit() / 64 {
            return Err(seen);
        }
        // Workers that guess apart should guess alike: then their bits are joined word by word.
        let base = (low & -((GUESSED / 4) as i64)).wrapping_sub((GUESSED / 4) as i64) as u64;
        let mut dense = Self::new(base, GUESSED, budget.clone());
        keys.into_iter().for_each(|(key, weight)| dense.add(key, weight));
        Ok(dense)
    }

    /// Bytes that a range of so many keys takes.
    pub fn bytes(span: u64) -> u64 {
        span.div_ceil(64).saturating_mul(16)
    }

    /// Counts a key once or, if the weight is larger, more often; 0 changes nothing.
    #[inline]
    pub fn add(&mut self, key: u64, weight: u64) {
        let at = key.wrapping_sub(self.base);
        let (word, bit) = ((at / 64) as usize, 1u64 << (at % 64));
        match (weight, self.seen.get_mut(word), self.repeated.get_mut(word)) {
            (0, _, _) => {}
            (_, Some(seen), Some(repeated)) => {
                *repeated |= if weight > 1 { bit } else { *seen & bit };
                *seen |= bit;
            }
            _ => self.outside.add(key, weight),
        }
    }

    /// Takes over the keys of another partition of the data.
    pub fn merge(&mut self, later: Self) {
        let distance = later.base.wrapping_sub(self.base) as i64;
        if distance % 64 != 0 {
            let groups = later.into_groups();
            return self.absorb(groups);
        }
        for (word, (seen, repeated)) in later.seen.iter().zip(&later.repeated).enumerate() {
            if *seen == 0 {
                continue;
            }
            let own = usize::try_from(word as i64 + distance / 64).ok();
            match own.and_then(|own| self.seen.get_mut(own).zip(self.repeated.get_mut(own))) {
                Some((own_seen, own_repeated)) => {
                    *own_repeated |= repeated | (*own_seen & seen);
                    *own_seen |= seen;
                }
                None => each_key(later.base, word, *seen, *repeated, |key, weight| self.outside.add(key, weight)),
            }
        }
        // Keys that are outside there may be inside here.
        if distance == 0 && self.seen.len() == later.seen.len() {
            self.outside.merge(later.outside);
        } else {
            self.absorb(later.outside);
        }
    }

    /// Takes over keys with their counts.
    pub fn absorb(&mut self, groups: Groups<u64>) {
        match groups.into_sorted() {
            Ok(sorted) => sorted.into_iter().for_each(|(key, weight)| self.add(key, weight)),
            Err(error) => self.outside.fail(error.to_string()),
        }
    }

    /// The keys; a count of 2 stands for any larger one.
    pub fn into_groups(self) -> Groups<u64> {
        let mut groups = self.outside;
        for (word, (seen, repeated)) in self.seen.iter().zip(&self.repeated).enumerate() {
            each_key(self.base, word, *seen, *repeated, |key, weight| groups.add(key, weight));
        }
        groups
    }

    /// Hands over the keys that occur more than once, but for those elsewhere.
    pub fn each_repeated(&self, visit: Visitor<'_>) -> io::Result<()> {
        let mut keys = Vec::new();
        for (word, repeated) in self.repeated.iter().enumerate() {
            each_key(self.base, word, *repeated, 0, |key, _| keys.push(u128::from(key)));
            if keys.len() >= 1 << 16 {
                visit(std::mem::take(&mut keys))?;
            }
        }
        visit(keys)
    }

    /// Keys that occur once, keys that occur more often, and the keys elsewhere.
    pub fn counts(self) -> (u64, u64, Groups<u64>) {
        let ones = |words: &[u64]| words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        let repeated = ones(&self.repeated);
        (ones(&self.seen) - repeated, repeated, self.outside)
    }
}

/// Calls `visit` with the keys of a word of bits, and 2 for those that are repeated.
fn each_key(base: u64, word: usize, seen: u64, repeated: u64, mut visit: impl FnMut(u64, u64)) {
    let mut rest = seen;
    while rest != 0 {
        let bit = rest.trailing_zeros();
        visit(base.wrapping_add(word as u64 * 64 + u64::from(bit)), 1 + (repeated >> bit & 1));
        rest &= rest - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_say_what_groups_say(keys in prop::collection::vec(-20i64..150, 0..200), cut in 0usize..200, base in -10i64..10, other in prop_oneof![Just(0i64), Just(1), Just(64), Just(-64), Just(128)]) {
            let cut = cut.min(keys.len());
            let mut left = Dense::new(base as u64, 100, Arc::default());
            let mut right = Dense::new((base + other) as u64, 100, Arc::default());
            keys[..cut].iter().for_each(|key| left.add(*key as u64, 1));
            keys[cut..].iter().for_each(|key| right.add(*key as u64, 1));
            left.merge(right);
            let mut groups = Groups::default();
            keys.iter().for_each(|key| groups.add(*key as u64, 1));
            let expected: Vec<_> = groups.into_sorted().expect("in memory").into_iter().map(|(key, count)| (key, count.min(2))).collect();
            let found: Vec<_> = left.clone().into_groups().into_sorted().expect("in memory").into_iter().map(|(key, count)| (key, count.min(2))).collect();
            prop_assert_eq!(found, expected.clone());
            let (once, repeated, outside) = left.counts();
            let outside = outside.into_sorted().expect("in memory");
            let elsewhere = |more: bool| outside.iter().filter(|(_, count)| (*count > 1) == more).count() as u64;
            prop_assert_eq!(once + elsewhere(false), expected.iter().filter(|(_, count)| *count == 1).count() as u64);
            prop_assert_eq!(repeated + elsewhere(true), expected.iter().filter(|(_, count)| *count > 1).count() as u64);
        }
    }
}
