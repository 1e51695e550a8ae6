//! Pages that their file's metadata answers: their rows are not read.

use super::{PartStates, Program, facts};
use crate::input::Part;
use crate::metrics::State;
use crate::scan::merge::join;
use std::ops::Range;

/// The share of a part's rows that pages must prove, as one of so many: for fewer, the part is read as a whole,
/// which is simpler and can share its task with others.
const WORTHWHILE: u64 = 4;

/// What page indexes prove of a program in a part.
pub struct PageProofs {
    /// States over the proved pages, by metric; `None` for metrics that are proved of the whole part.
    pub states: PartStates,
    /// Rows of the other pages.
    pub rows: Vec<Range<u64>>,
}

impl Program {
    /// What page indexes prove of metrics that are not yet proved, if that saves much. The program must
    /// need one column for them, whose pages are proved for all of them or read for all.
    pub fn pages(&self, part: &Part<'_>, proofs: &PartStates, needed: &[usize]) -> Option<PageProofs> {
        let [column] = needed else { return None };
        let mut open = Vec::new();
        for group in &self.groups {
            for metric in group.metrics.iter().filter(|metric| proofs[metric.metric].is_none()) {
                let kernel = &self.kernels[metric.metric];
                if !group.filter.is_empty() || metric.columns.len() != 1 || !kernel.is_small() || kernel.is_custom() {
                    return None;
                }
                open.push((metric.metric, kernel));
            }
        }
        // Asked last, because the answer costs a read.
        let pages = part.pages(*column)?;
        let mut states: PartStates = vec![None; self.kernels.len()];
        let mut rows: Vec<Range<u64>> = Vec::new();
        let (mut proved, mut all) = (0, 0);
        for page in pages {
            let count = page.rows.end - page.rows.start;
            all += count;
            let known = facts(page.facts);
            let own: Option<Vec<State>> = open.iter().map(|(_, kernel)| kernel.prove(count, Some(&known))).collect();
            if let Some(own) = own {
                proved += count;
                for ((metric, _), state) in open.iter().zip(own) {
                    join(&mut states[*metric], Some(state)).ok()?;
                }
                continue;
            }
            match rows.last_mut() {
                Some(last) if last.end == page.rows.start => last.end = page.rows.end,
                _ => rows.push(page.rows),
            }
        }
        (proved > 0 && proved >= all / WORTHWHILE).then_some(PageProofs { states, rows })
    }
}
