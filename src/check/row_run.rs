//! Rows judged one by one: counts, samples, and files of rows.
//!
//! Whether a rule is ERROR, and which keys repeat, is known once all rows were seen: rows are judged in a second
//! pass, over the columns and parts that it needs.

use super::outputs::Outputs;
use super::rows::{Leaf, RowPlan, key_columns};
use super::samples::{Sampling, Target, Ties};
use super::{CheckOptions, Plan, Ruleset};
use crate::error::Error;
use crate::metrics::Family;
use crate::plan::{MetricId, Results};
use crate::sample::{RowCounts, Samples};
use crate::scan::rows::{RowBatch, RowPass};
use crate::scan::{Prepared, RowBits, ScanOptions, Sources};
use crate::verdict::{Outcome, RowVerdicts, Verdict};
use arrow_buffer::BooleanBuffer;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What rows are judged with.
pub struct RowContext<'a> {
    /// The ruleset's metrics.
    pub plan: &'a Plan,
    /// The data.
    pub sources: &'a Sources<'a>,
    /// Keys of metrics.
    pub keys: &'a HashMap<MetricId, Prepared>,
    /// The first parts with rows that do not satisfy metrics.
    pub failing_parts: &'a HashMap<MetricId, Vec<usize>>,
    /// How to read.
    pub scan: &'a ScanOptions<'a>,
    /// What is asked for.
    pub options: &'a CheckOptions,
    /// Rows of the data.
    pub rows: u64,
}

/// Columns that are asked for, by position in the schema.
struct Asked<'a> {
    context: &'a RowContext<'a>,
    columns: Vec<usize>,
}

impl Asked<'_> {
    fn place(&mut self, column: usize) -> usize {
        self.columns.iter().position(|own| *own == column).unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    fn named(&mut self, name: &str) -> Result<usize, Error> {
        let position = self.context.sources.primary.schema().index_of(name);
        Ok(self.place(position.map_err(|error| Error::Internal(error.to_string()))?))
    }
}

/// Where the bits of metrics and filters are in a batch.
#[derive(Default)]
struct Bits {
    tests: HashMap<MetricId, usize>,
    filters: HashMap<Arc<str>, usize>,
}

impl Bits {
    fn test<'b>(&self, metric: MetricId, batch: &'b RowBatch) -> Option<&'b BooleanBuffer> {
        batch.tests.get(*self.tests.get(&metric)?)
    }

    /// Closes tests that no open samples need: these have all their rows.
    fn close_all_but<'s>(&self, open: impl Iterator<Item = &'s Sampling>, plan: &RowPlan, pass: &RowPass<'_>) {
        let leaves = open.filter_map(|sampling| match sampling.target() {
            Target::Leaf(at) => plan.leaves.get(at),
            Target::Rule(_) => None,
        });
        let needed: Vec<MetricId> = leaves.flat_map(|leaf| leaf.tests.iter().flatten()).copied().collect();
        self.tests.iter().filter(|(id, _)| !needed.contains(id)).for_each(|(_, test)| pass.close(*test));
    }

    fn verdicts(&self, leaf: &Leaf, batch: &RowBatch, skip_filtered: bool) -> RowVerdicts {
        let tests = leaf.tests.iter().flatten().filter_map(|id| self.test(*id, batch));
        let satisfying = tests.cloned().reduce(|all, own| &all & &own);
        let satisfying = satisfying.unwrap_or_else(|| BooleanBuffer::new_set(batch.rows.columns.rows));
        let filter = leaf.filter.as_ref().and_then(|filter| batch.filters.get(*self.filters.get(filter)?));
        RowVerdicts::of_tests(&satisfying, filter, skip_filtered)
    }
}

/// What was counted so far.
struct Totals {
    /// Failing rows of leaves.
    failing: Vec<u64>,
    /// Rows of top-level rules.
    rules: Vec<RowCounts>,
    /// Rows that nobody can judge by top-level rules.
    unknown: Vec<u64>,
    rows: u64,
}

impl RowContext<'_> {
    /// Fills in samples and counts, and writes rows. Gives notes about what was not done.
    pub fn run(
        &self,
        ruleset: &Ruleset,
        results: &Results,
        outcomes: &mut [Outcome],
        outputs: Option<Outputs>,
    ) -> Result<Vec<String>, Error> {
        let plan = RowPlan::new(ruleset, self.plan, self.options, results, outcomes);
        let mut outputs = outputs;
        let mut notes = self.judge_rows(&plan, outcomes, outputs.as_mut())?;
        let Some(outputs) = outputs else { return Ok(notes) };
        if self.scan.aborted() {
            notes.push("no rows were written: the run was interrupted".into());
            return Ok(notes);
        }
        let errors = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Error).count();
        if errors > 0 && outputs.are_files() {
            let rules = if errors == 1 { "1 rule".into() } else { format!("{errors} rules") };
            notes.push(format!("{rules} could not be evaluated: rows are written as if they were not there"));
        }
        notes.extend(outputs.commit()?);
        Ok(notes)
    }

    /// Whether verdicts of composites hang on rows.
    fn is_row_mode(&self, plan: &RowPlan) -> bool {
        self.options.composite_rows && plan.rules.iter().any(|rule| rule.is_composite)
    }

    fn judge_rows(
        &self,
        plan: &RowPlan,
        outcomes: &mut [Outcome],
        mut outputs: Option<&mut Outputs>,
    ) -> Result<Vec<String>, Error> {
        let everything = outputs.is_some() || self.is_row_mode(plan);
        // Only what a pass is needed for.
        let needed = |leaf: &Leaf| leaf.tests.is_some() && (everything || leaf.fails && self.options.samples > 0);
        let active: Vec<usize> = (0..plan.leaves.len()).filter(|at| needed(&plan.leaves[*at])).collect();
        for leaf in &plan.leaves {
            self.count(leaf, outcomes, leaf.failing);
            if leaf.is_unknown
                && let Some(outcome) = outcome_at(outcomes, &leaf.path)
            {
                outcome.row_counts = Some(RowCounts { passed: 0, failed: 0, skipped: self.rows });
            }
        }
        if active.is_empty() && !everything {
            return Ok(Vec::new());
        }
        let mut asked = Asked { context: self, columns: Vec::new() };
        if outputs.as_ref().is_some_and(|outputs| outputs.take_columns()) {
            asked.columns = (0..self.sources.primary.schema().fields().len()).collect();
        }
        let mut samplings = self.samplings(plan, &active, &mut asked)?;
        let whole = outputs.as_ref().is_some_and(|outputs| outputs.take_whole());
        let (pass, bits) = self.pass(plan, &active, &asked.columns, whole)?;
        // Some leaves are counted by their rows only.
        let counting = everything || active.iter().any(|at| plan.leaves[*at].failing.is_none());
        let parts = if counting { None } else { self.parts(plan, &active) };
        let zero = RowCounts { passed: 0, failed: 0, skipped: 0 };
        let mut totals = Totals {
            failing: vec![0; plan.leaves.len()],
            rules: vec![zero; plan.rules.len()],
            unknown: vec![0; plan.rules.len()],
            rows: 0,
        };
        pass.run(self.scan, parts.as_ref(), |_, batch| {
            let rows = batch.rows.columns.rows;
            totals.rows += rows as u64;
            let mut leaves: Vec<RowVerdicts> = plan.leaves.iter().map(|_| RowVerdicts::skipped(0)).collect();
            for at in &active {
                leaves[*at] = bits.verdicts(&plan.leaves[*at], &batch, self.options.filtered_rows_skip);
                totals.failing[*at] += leaves[*at].fail.count_set_bits() as u64;
            }
            let mut rules: Vec<RowVerdicts> = Vec::new();
            if everything {
                for (at, rule) in plan.rules.iter().enumerate() {
                    let (verdicts, nobody) = rule.rule.judge(&leaves, rows);
                    let (passed, failed) = (verdicts.pass.count_set_bits(), verdicts.fail.count_set_bits());
                    totals.rules[at].passed += passed as u64;
                    totals.rules[at].failed += failed as u64;
                    totals.rules[at].skipped += (rows - passed - failed) as u64;
                    totals.unknown[at] += nobody.count_set_bits() as u64;
                    rules.push(verdicts);
                }
            }
            for sampling in &mut samplings {
                let verdicts = match sampling.target() {
                    Target::Leaf(at) => leaves.get(at),
                    Target::Rule(at) => rules.get(at),
                };
                let unrepeated = sampling.repeating().and_then(|metric| bits.test(metric, &batch));
                if let Some(verdicts) = verdicts {
                    sampling.take(&verdicts.fail, unrepeated, &batch)?;
                }
            }
            if let Some(outputs) = &mut outputs {
                outputs.write(&batch, &rules)?;
            }
            if !counting {
                bits.close_all_but(samplings.iter().filter(|own| own.is_open()), plan, &pass);
            }
            let more = counting || samplings.iter().any(Sampling::is_open);
            Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if counting && totals.rows != self.rows && !self.scan.aborted() {
            let (checked, judged) = (self.rows, totals.rows);
            return Err(Error::Internal(format!(
                "{checked} rows were checked, but {judged} were there when rows were judged: did the data change?"
            )));
        }
        for at in &active {
            let leaf = &plan.leaves[*at];
            self.count(leaf, outcomes, leaf.failing.or(counting.then_some(totals.failing[*at])));
        }
        let notes = if everything { self.conclude(plan, &totals, outcomes) } else { Vec::new() };
        for sampling in samplings {
            let path = match sampling.target() {
                Target::Leaf(at) => plan.leaves[at].path.clone(),
                Target::Rule(at) => vec![plan.rules[at].position],
            };
            let rows = sampling.finish(self.sources, self.scan)?;
            if let Some(samples) = outcome_at(outcomes, &path).and_then(|outcome| outcome.samples.as_mut()) {
                samples.rows = rows;
            }
        }
        Ok(notes)
    }

    /// Samples of leaves that fail, and of composites that may fail by their rows.
    fn samplings(&self, plan: &RowPlan, active: &[usize], asked: &mut Asked<'_>) -> Result<Vec<Sampling>, Error> {
        let mut samplings = Vec::new();
        if self.options.samples == 0 {
            return Ok(samplings);
        }
        let key = key_columns(self.sources.primary, self.options)?;
        let key: Vec<(String, usize)> = key.into_iter().map(|(name, column)| (name, asked.place(column))).collect();
        let row_mode = self.is_row_mode(plan);
        for (at, rule) in plan.rules.iter().enumerate().filter(|(_, rule)| row_mode && rule.may_be_judged_by_rows()) {
            let mut cells: Vec<(String, usize)> = Vec::new();
            for name in plan.leaves.iter().filter(|leaf| leaf.path[0] == rule.position).flat_map(|leaf| &leaf.columns) {
                if !cells.iter().any(|(own, _)| own == name) {
                    cells.push((name.clone(), asked.named(name)?));
                }
            }
            samplings.push(Sampling::new(Target::Rule(at), self.options, key.clone(), cells, Ties::None));
        }
        for at in active.iter().copied().filter(|at| plan.leaves[*at].fails) {
            let leaf = &plan.leaves[at];
            let by_rows = |rule: &&super::rows::TopRule| rule.position == leaf.path[0] && rule.may_be_judged_by_rows();
            if row_mode && plan.rules.iter().any(|rule| by_rows(&rule)) {
                continue;
            }
            let cells = leaf.columns.iter().map(|name| Ok((name.clone(), asked.named(name)?)));
            let cells = cells.collect::<Result<_, Error>>()?;
            let mut ties = Ties::None;
            for id in leaf.tests.iter().flatten() {
                let metric = &self.plan.metrics.as_slice()[id.0];
                let places = metric.columns.iter().map(|name| asked.named(name)).collect::<Result<Vec<_>, _>>()?;
                ties = match (&metric.family, self.keys.get(id), ties) {
                    (Family::Distinct | Family::Frequencies, _, Ties::None) => Ties::Repeated(*id, places),
                    (Family::Lookup(lookup), Some(prepared), Ties::None) if lookup.compared > 0 => {
                        Ties::Compared(lookup.clone(), places, prepared.table().types.clone())
                    }
                    (_, _, ties) => ties,
                };
            }
            samplings.push(Sampling::new(Target::Leaf(at), self.options, key.clone(), cells, ties));
        }
        Ok(samplings)
    }

    /// The pass that judges leaves, and where their bits will be.
    fn pass(
        &self,
        plan: &RowPlan,
        active: &[usize],
        asked: &[usize],
        whole: bool,
    ) -> Result<(RowPass<'_>, Bits), Error> {
        let mut pass = RowPass::new(self.sources.primary, asked);
        if whole {
            pass = pass.whole();
        }
        let mut bits = Bits::default();
        for leaf in active.iter().map(|at| &plan.leaves[*at]) {
            for id in leaf.tests.iter().flatten() {
                if bits.tests.contains_key(id) {
                    continue;
                }
                let metric = &self.plan.metrics.as_slice()[id.0];
                let at = match self.keys.get(id) {
                    Some(prepared) if prepared.pieces() > 1 => {
                        let quiet = ScanOptions { progress: None, ..*self.scan };
                        pass.known(RowBits::measure(metric, prepared.clone(), self.sources, &quiet)?)
                    }
                    prepared => pass.test(metric, prepared.map(|prepared| prepared.table().clone()))?,
                };
                bits.tests.insert(*id, at);
            }
            if let Some(filter) = &leaf.filter
                && !bits.filters.contains_key(filter)
            {
                bits.filters.insert(filter.clone(), pass.filter(filter, self.sources)?);
            }
        }
        Ok((pass, bits))
    }

    /// The parts in which the first failing rows of leaves are; `None` where that is not known.
    fn parts(&self, plan: &RowPlan, active: &[usize]) -> Option<BTreeSet<usize>> {
        let mut parts = BTreeSet::new();
        for id in active.iter().flat_map(|at| plan.leaves[*at].tests.iter().flatten()) {
            parts.extend(self.failing_parts.get(id)?.iter().take(self.options.samples));
        }
        Some(parts)
    }

    /// What became of composites by their rows.
    fn conclude(&self, plan: &RowPlan, totals: &Totals, outcomes: &mut [Outcome]) -> Vec<String> {
        let mut notes = Vec::new();
        let row_mode = self.is_row_mode(plan);
        for (at, rule) in plan.rules.iter().enumerate() {
            if let Some(excluded) = rule.excluded {
                notes.push(format!("{} is judged as a whole: {excluded} has no row mode", rule.text));
            } else if rule.may_be_judged_by_rows() {
                let outcome = &mut outcomes[rule.position];
                composite(totals.rules[at], totals.unknown[at], outcome, row_mode);
                if row_mode && outcome.verdict == Verdict::Fail && self.options.samples > 0 {
                    outcome.samples = Some(Samples { failing: totals.rules[at].failed, rows: Vec::new() });
                }
            }
        }
        notes
    }

    /// Tells how many rows fail.
    fn count(&self, leaf: &Leaf, outcomes: &mut [Outcome], failing: Option<u64>) {
        let (Some(failed), true) = (failing, leaf.tests.is_some()) else { return };
        let skipped = if self.options.filtered_rows_skip && leaf.filter.is_some() {
            match leaf.judged {
                Some(judged) => self.rows.saturating_sub(judged),
                None => return,
            }
        } else {
            0
        };
        if let Some(outcome) = outcome_at(outcomes, &leaf.path) {
            let passed = self.rows.saturating_sub(failed + skipped);
            outcome.row_counts = Some(RowCounts { passed, failed, skipped });
            if leaf.fails && self.options.samples > 0 && outcome.samples.is_none() {
                outcome.samples = Some(Samples { failing: failed, rows: Vec::new() });
            }
        }
    }
}

/// What became of a composite's rows, some of which nobody can judge; in row mode, the verdict hangs on them.
fn composite(counts: RowCounts, unknown: u64, outcome: &mut Outcome, row_mode: bool) {
    outcome.row_counts = Some(counts);
    if !row_mode {
        return;
    }
    outcome.verdict = match (counts.failed, unknown) {
        (1.., _) => Verdict::Fail,
        (0, 1..) => Verdict::Error,
        (0, 0) => Verdict::Pass,
    };
    (outcome.code, outcome.help, outcome.message) = (None, None, None);
    match outcome.verdict {
        Verdict::Fail => outcome.message = Some(format!("{} of {} rows fail", counts.failed, counts.total())),
        Verdict::Error => {
            if let Some(cause) = first_error(&outcome.operands) {
                (outcome.code, outcome.help) = (cause.code, cause.help.clone());
                outcome.message = cause.message.clone();
            }
        }
        Verdict::Pass | Verdict::Skip => {}
    }
}

fn first_error(outcomes: &[Outcome]) -> Option<&Outcome> {
    outcomes.iter().find_map(|outcome| {
        let own = (outcome.verdict == Verdict::Error && outcome.operands.is_empty()).then_some(outcome);
        own.or_else(|| first_error(&outcome.operands))
    })
}

fn outcome_at<'o>(outcomes: &'o mut [Outcome], path: &[usize]) -> Option<&'o mut Outcome> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(outcomes.get_mut(*first)?, |outcome, at| outcome.operands.get_mut(*at))
}
