//! One bit per row of a test that no single pass can answer: its keys are looked up piece by piece.

use super::lookups::{Prepared, presence};
use super::rows::RowPass;
use super::{ScanOptions, Sources};
use crate::error::Error;
use crate::metrics::{Family, Metric};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use std::ops::ControlFlow;

/// Bits of all rows, part by part: an eighth of a byte a row.
#[derive(Debug, Default)]
pub struct RowBits {
    parts: Vec<BooleanBuffer>,
}

impl RowBits {
    /// So many bits of a part from a row on; `None` where it does not have them.
    pub fn slice(&self, part: usize, from: usize, rows: usize) -> Option<BooleanBuffer> {
        let bits = self.parts.get(part)?;
        (from.checked_add(rows)? <= bits.len()).then(|| bits.slice(from, rows))
    }

    /// The answers of a metric whose keys are in pieces: one pass over its columns for each.
    pub fn measure(
        metric: &Metric,
        mut keys: Prepared,
        sources: &Sources<'_>,
        options: &ScanOptions<'_>,
    ) -> Result<Self, Error> {
        let presence = presence();
        let (lookup, is_lookup) = match &metric.family {
            Family::Lookup(lookup) => (&**lookup, true),
            _ => (&presence, false),
        };
        let mut all: Vec<BooleanBuffer> = Vec::new();
        for piece in 0..keys.pieces() {
            let turned = keys.turn(lookup, piece).map_err(|error| Error::Internal(error.to_string()))?;
            turned.map_err(|_| Error::Internal("keys that were unique are not".into()))?;
            let mut pass = RowPass::new(sources.primary, &[]);
            pass.test(metric, Some(keys.table().clone()))?;
            let mut parts: Vec<BooleanBufferBuilder> = Vec::new();
            pass.run(options, None, |part, batch| {
                parts.resize_with(parts.len().max(part + 1), || BooleanBufferBuilder::new(0));
                if let (Some(bits), Some(test)) = (parts.get_mut(part), batch.tests.first()) {
                    bits.append_buffer(test);
                }
                Ok(ControlFlow::Continue(()))
            })?;
            let parts = parts.into_iter().map(|mut bits| bits.finish());
            all = if piece == 0 {
                parts.collect()
            } else {
                // A key is found in one piece, or is repeated in one.
                let joined = all.iter().zip(parts).filter(|(own, other)| own.len() == other.len());
                joined.map(|(own, other)| if is_lookup { own | &other } else { own & &other }).collect()
            };
        }
        Ok(Self { parts: all })
    }
}
