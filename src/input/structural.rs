//! Which of 64 bytes equal a given one, as bits: the lowest bit is the first byte.

// A kernel: its `unsafe` calls processor instructions, tested against plain comparison below.
#![allow(unsafe_code)]

/// Bytes looked at together.
pub const BLOCK: usize = 64;

/// For each of `N` bytes, the places in the block where it is.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn masks<const N: usize>(block: &[u8; BLOCK], bytes: [u8; N]) -> [u64; N] {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let half = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&block[at..at + 8]);
        i64::from_le_bytes(word)
    };
    let mut found = [0; N];
    for lane in 0..BLOCK / 16 {
        let (high, low) = (half(lane * 16 + 8), half(lane * 16));
        for (found, byte) in found.iter_mut().zip(bytes) {
            // SAFETY: SSE2 belongs to every processor of this architecture; no memory is touched.
            let equal =
                unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_set_epi64x(high, low), _mm_set1_epi8(byte as i8))) };
            *found |= u64::from(equal as u32) << (lane * 16);
        }
    }
    found
}

/// For each of `N` bytes, the places in the block where it is.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn masks<const N: usize>(block: &[u8; BLOCK], bytes: [u8; N]) -> [u64; N] {
    bytes.map(|byte| block.iter().rev().fold(0, |mask, own| mask << 1 | u64::from(*own == byte)))
}

/// Calls `visit` with the masks of every block and the position of its first byte; behind the end are
/// bytes that equal none.
#[inline]
pub fn each_block<const N: usize>(text: &[u8], bytes: [u8; N], mut visit: impl FnMut(usize, [u64; N])) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for (at, block) in blocks.iter().enumerate() {
        visit(at * BLOCK, masks(block, bytes));
    }
    if !rest.is_empty() {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let inside = u64::MAX >> (BLOCK - rest.len());
        visit(blocks.len() * BLOCK, masks(&block, bytes).map(|mask| mask & inside));
    }
}

/// Bit `n` of the result is the parity of bits 0 to `n`.
#[inline]
pub fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn masks_say_where_bytes_are(text in prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), any::<u8>()], 0..200)) {
            let mut found = [Vec::new(), Vec::new()];
            each_block(&text, [b',', b'"'], |at, masks| {
                for (found, mask) in found.iter_mut().zip(masks) {
                    found.extend((0..BLOCK).filter(|bit| mask >> bit & 1 == 1).map(|bit| at + bit));
                }
            });
            for (found, byte) in found.iter().zip(*b",\"") {
                let expected: Vec<usize> = (0..text.len()).filter(|at| text[*at] == byte).collect();
                prop_assert_eq!(found, &expected);
            }
        }

        #[test]
        fn parity_counts_bits(bits in any::<u64>()) {
            for at in 0..64 {
                let below = bits & (u64::MAX >> (63 - at));
                prop_assert_eq!(u32::from(parity(bits) >> at & 1 == 1), below.count_ones() % 2);
            }
        }
    }
}
