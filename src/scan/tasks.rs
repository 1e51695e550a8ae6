//! What workers take next: parts of the data, in order, cut by columns where that costs nothing.

use super::worker::{PageProofs, PartStates, Program};
use crate::error::Error;
use crate::input::{ColumnBatches, Dataset, Part, Pass};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Into how many tasks one part is cut at most: enough to share few or huge row groups among
/// threads, few enough that opening readers does not count.
const MOST_CUTS: usize = 8;

/// Programs to run over some columns of one part.
pub struct Task<'a> {
    /// The number of the part, from 0.
    pub part: usize,
    /// The file it is of.
    pub file: usize,
    /// The number of the task within it.
    pub cut: usize,
    /// The programs.
    pub programs: Vec<Assignment>,
    /// What to read; `None` when everything is proved.
    pub read: Option<Reading<'a>>,
    /// Its share of the stored bytes, for progress.
    pub bytes: u64,
    /// Rows of the part, where the file tells.
    pub rows: Option<u64>,
    /// Whether it is the first of its part: every task has all rows, which are counted once.
    pub first: bool,
}

/// A program to run over a part.
pub struct Assignment {
    /// Its position.
    pub program: usize,
    /// What is proved of it, by metric.
    pub proofs: PartStates,
    /// States of the other metrics over rows that are not read; empty if all are.
    pub pages: PartStates,
}

/// What to read of a part.
pub struct Reading<'a> {
    part: Part<'a>,
    /// The columns.
    pub columns: Vec<usize>,
    /// Rows of the only column; `None` for all.
    rows: Option<Vec<Range<u64>>>,
}

impl<'a> Reading<'a> {
    /// Starts reading.
    pub fn batches(self, batch_rows: usize) -> Result<ColumnBatches<'a>, Error> {
        match (&self.rows, self.columns.as_slice()) {
            (Some(rows), [column]) => self.part.read_rows(*column, rows, batch_rows),
            _ => self.part.read(&self.columns, batch_rows),
        }
    }
}

/// Hands out tasks.
pub struct Tasks<'a> {
    pass: Pass<'a>,
    programs: &'a [Program],
    /// Columns of all programs.
    columns: Vec<usize>,
    parts: usize,
    /// Columns that were decoded in some part.
    read: BTreeSet<usize>,
    queue: VecDeque<Task<'a>>,
    stop: &'a AtomicBool,
}

impl<'a> Tasks<'a> {
    /// For programs over a dataset; ends early once `stop` is set.
    pub fn new(dataset: &'a Dataset, programs: &'a [Program], batch_rows: usize, stop: &'a AtomicBool) -> Self {
        let mut columns: Vec<usize> = programs.iter().flat_map(Program::columns).copied().collect();
        columns.sort_unstable();
        columns.dedup();
        let pass = dataset.pass(&columns, batch_rows);
        Self { pass, programs, columns, parts: 0, read: BTreeSet::new(), queue: VecDeque::new(), stop }
    }

    /// Parts handed out so far.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// How many columns were handed out so far.
    pub fn columns_read(&self) -> usize {
        self.read.len()
    }

    /// The next task; an error comes with the part that it is about.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Task<'a>, (usize, Error)>> {
        loop {
            if let Some(task) = self.queue.pop_front() {
                return Some(Ok(task));
            }
            // Parts that were begun are finished: what is known is known of whole parts.
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            match self.pass.next()? {
                Ok(part) => self.cut(part),
                Err(error) => return Some(Err((self.parts, error))),
            }
        }
    }

    fn cut(&mut self, part: Part<'a>) {
        let number = self.parts;
        self.parts += 1;
        let (rows, file) = (part.rows(), part.file());
        let mut proved = Vec::new();
        let mut paged: Vec<(Assignment, Reading<'a>)> = Vec::new();
        let mut open: Vec<(usize, PartStates, Vec<usize>)> = Vec::new();
        for (at, program) in self.programs.iter().enumerate() {
            let proofs = program.proofs(&part);
            let Some(needed) = program.needed(&proofs) else {
                proved.push(Assignment { program: at, proofs, pages: Vec::new() });
                continue;
            };
            match program.pages(&part, &proofs, &needed).zip(part.again()) {
                None => open.push((at, proofs, needed)),
                Some((PageProofs { states, rows }, _)) if rows.is_empty() => {
                    let proofs = proofs.into_iter().zip(states).map(|(proof, state)| proof.or(state)).collect();
                    proved.push(Assignment { program: at, proofs, pages: Vec::new() });
                }
                Some((PageProofs { states, rows }, own)) => {
                    let reading = Reading { part: own, columns: needed, rows: Some(rows) };
                    paged.push((Assignment { program: at, proofs, pages: states }, reading));
                }
            }
        }
        let sizes: Option<Vec<u64>> =
            open.iter().map(|(_, _, needed)| needed.iter().map(|column| part.column_bytes(*column)).sum()).collect();
        let mut cuts = match sizes {
            Some(sizes) if open.len() > 1 => packed(&sizes, MOST_CUTS),
            _ => vec![(0..open.len()).collect()],
        };
        cuts.retain(|members| !members.is_empty());
        let readings = cuts.len() + paged.len();
        let share = part.stored_bytes() / readings.max(1) as u64;
        if !proved.is_empty() {
            let bytes = if readings == 0 { share } else { 0 };
            let (programs, read) = (proved, None);
            self.queue.push_back(Task { part: number, file, cut: 0, programs, read, bytes, rows, first: true });
        }
        let mut open: Vec<_> = open.into_iter().map(Some).collect();
        let mut part = Some(part);
        let last = cuts.len().saturating_sub(1);
        for (cut, members) in cuts.into_iter().enumerate() {
            let mut programs = Vec::new();
            let mut columns = Vec::new();
            for (at, proofs, needed) in members.into_iter().filter_map(|member| open[member].take()) {
                programs.push(Assignment { program: at, proofs, pages: Vec::new() });
                columns.extend(needed);
            }
            columns.sort_unstable();
            columns.dedup();
            let own = if cut == last { part.take() } else { part.as_ref().and_then(Part::again) };
            // A part that is cut while reading gives the columns that the pass was started with.
            let columns = match &own {
                Some(own) if own.again().is_none() => self.columns.clone(),
                _ => columns,
            };
            self.read.extend(&columns);
            let read = own.map(|part| Reading { part, columns, rows: None });
            let first = self.queue.is_empty();
            let cut = cut + 1;
            self.queue.push_back(Task { part: number, file, cut, programs, read, bytes: share, rows, first });
        }
        // Rows are chosen for one program only: others need all of them.
        for (cut, (assignment, reading)) in paged.into_iter().enumerate() {
            self.read.extend(&reading.columns);
            let (cut, first) = (last + 2 + cut, self.queue.is_empty());
            let (programs, read) = (vec![assignment], Some(reading));
            self.queue.push_back(Task { part: number, file, cut, programs, read, bytes: share, rows, first });
        }
    }
}

/// Positions of sizes in at most `bins` bins of about the same sum, the largest first.
fn packed(sizes: &[u64], bins: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(sizes[*at]), *at));
    let mut packed: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); bins.min(sizes.len()).max(1)];
    for at in order {
        if let Some((sum, members)) = packed.iter_mut().min_by_key(|(sum, members)| (*sum, members.len())) {
            *sum += sizes[at];
            members.push(at);
        }
    }
    packed.sort_by_key(|(sum, _)| std::cmp::Reverse(*sum));
    packed.into_iter().map(|(_, members)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_columns_do_not_share_a_task() {
        assert_eq!(packed(&[5, 100, 1, 90, 4], 3), [vec![1], vec![3], vec![0, 4, 2]]);
        assert_eq!(packed(&[0, 0], 8), [vec![0], vec![1]]);
    }
}
