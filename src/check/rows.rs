//! Which rows fail: counts, samples, and the verdicts that rows are written with.
//!
//! What a rule asks of each row follows from its observation, so a rule type needs no code for it. Whether a
//! rule is ERROR, and which keys repeat, is known once all rows were seen: rows are judged in a second pass.

use super::outputs::Outputs;
use super::samples::{Sampling, Ties};
use super::{CheckOptions, Plan, Ruleset, each_leaf, selected};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::rows::RowTest;
use crate::metrics::{Family, Statistic};
use crate::plan::{Expectation, Measure, MetricId, Observation, Results};
use crate::rules::bind::{BoundNode, BoundRule};
use crate::rules::compile::find_column;
use crate::sample::{RowCounts, Samples};
use crate::scan::rows::RowPass;
use crate::scan::{Prepared, RowBits, ScanOptions, Sources};
use crate::verdict::{Outcome, RowRule, RowVerdicts, Verdict};
use arrow_buffer::BooleanBuffer;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Rules by what they ask of rows.
pub struct RowPlan {
    /// One per selected leaf rule, in document order.
    leaves: Vec<Leaf>,
    /// One per selected top-level rule, in document order.
    rules: Vec<TopRule>,
}

struct Leaf {
    /// What it is called among the outcomes: a top-level rule, then operands.
    path: Vec<usize>,
    /// `None` where it judges no rows, or could not be evaluated.
    tests: Option<Vec<MetricId>>,
    filter: Option<Arc<str>>,
    /// Columns whose cells are shown.
    columns: Vec<String>,
    /// Whether it fails, and the top-level rule that it is part of does.
    fails: bool,
    /// Failing rows, where the metrics tell.
    failing: Option<u64>,
    /// Rows the filter selects, where the metrics tell.
    judged: Option<u64>,
}

/// What a top-level rule is planned with.
#[derive(Clone, Copy)]
struct Given<'a> {
    plan: &'a Plan,
    results: &'a Results,
    /// Whether it fails.
    fails: bool,
}

/// A top-level rule.
struct TopRule {
    position: usize,
    text: String,
    rule: RowRule,
    /// The type of a leaf that row mode does not take.
    excluded: Option<&'static str>,
    is_composite: bool,
}

/// The metrics whose keys must be kept to judge rows.
pub fn keep_keys(plan: &Plan, ruleset: &Ruleset, options: &CheckOptions) -> Vec<MetricId> {
    let mut keep: Vec<MetricId> = Vec::new();
    let mut observations = plan.observations.iter();
    for (_, node) in selected(ruleset, options) {
        each_leaf(node, &mut |rule| {
            if let Some(Ok(observation)) = observations.next() {
                let ids = row_metrics(rule, observation, plan).unwrap_or_default();
                keep.extend(ids.into_iter().filter(|id| RowTest::needs_keys(&plan.metrics.as_slice()[id.0].family)));
            }
        });
    }
    keep.sort_unstable();
    keep.dedup();
    keep
}

fn row_metrics(rule: &BoundRule, observation: &Observation, plan: &Plan) -> Option<Vec<MetricId>> {
    if rule.rule_type.row_level { observation.row_metrics(&plan.metrics) } else { None }
}

impl RowPlan {
    /// Of all selected rules, with what became of them.
    pub fn new(
        ruleset: &Ruleset,
        plan: &Plan,
        options: &CheckOptions,
        results: &Results,
        outcomes: &[Outcome],
    ) -> Self {
        let mut own = Self { leaves: Vec::new(), rules: Vec::new() };
        for (position, node) in selected(ruleset, options) {
            let mut excluded = None;
            let outcome = &outcomes[position];
            let given = Given { plan, results, fails: outcome.verdict == Verdict::Fail };
            let rule = own.node(node, outcome, vec![position], given, &mut excluded);
            let (text, is_composite) = match node {
                BoundNode::Rule(rule) => (rule.unlabelled.clone(), false),
                BoundNode::Composite { unlabelled, .. } => (unlabelled.clone(), true),
            };
            let excluded = excluded.filter(|_| is_composite && options.composite_rows);
            let rule = if excluded.is_some() { RowRule::Dataset } else { rule };
            own.rules.push(TopRule { position, text, rule, excluded, is_composite });
        }
        own
    }

    fn node(
        &mut self,
        node: &BoundNode,
        outcome: &Outcome,
        path: Vec<usize>,
        given: Given<'_>,
        excluded: &mut Option<&'static str>,
    ) -> RowRule {
        let Given { plan, results, fails } = given;
        match node {
            BoundNode::Composite { connective, operands, .. } => {
                let operands = operands.iter().zip(&outcome.operands).enumerate().map(|(at, (operand, outcome))| {
                    let path = path.iter().copied().chain([at]).collect();
                    self.node(operand, outcome, path, given, excluded)
                });
                RowRule::Composite { connective: *connective, operands: operands.collect() }
            }
            BoundNode::Rule(rule) => {
                if !rule.rule_type.row_composite || rule.threshold.is_some() {
                    excluded.get_or_insert(rule.rule_type.name);
                }
                let observation = plan.observations.get(self.leaves.len());
                let observation = observation.and_then(|observation| observation.as_ref().ok());
                let tests = observation.and_then(|observation| row_metrics(rule, observation, plan));
                let kind = match (&tests, outcome.verdict) {
                    (_, Verdict::Error) if rule.rule_type.row_level => RowRule::Unknown,
                    (Some(_), _) => RowRule::Leaf(self.leaves.len()),
                    (None, _) => RowRule::Dataset,
                };
                let tests = tests.filter(|_| outcome.verdict != Verdict::Error);
                let metric = tests.as_ref().and_then(|tests| plan.metrics.as_slice().get(tests.first()?.0));
                self.leaves.push(Leaf {
                    path,
                    filter: metric.and_then(|metric| metric.filter.clone()),
                    columns: observation.map(|observation| observation.columns.clone()).unwrap_or_default(),
                    fails: outcome.verdict == Verdict::Fail && fails,
                    failing: observation
                        .filter(|_| tests.is_some())
                        .and_then(|own| failing(own, results, outcome.verdict)),
                    judged: observation
                        .and_then(|observation| results.count(observation.judged_rows?).ok())
                        .or_else(|| tests.as_ref().and_then(|tests| results.occurrences(*tests.first()?))),
                    tests,
                });
                kind
            }
        }
    }
}

/// The texts of the rules that rows are judged by.
pub fn texts(ruleset: &Ruleset, options: &CheckOptions) -> Vec<String> {
    let text = |(_, node): (usize, &BoundNode)| match node {
        BoundNode::Rule(rule) => rule.unlabelled.clone(),
        BoundNode::Composite { unlabelled, .. } => unlabelled.clone(),
    };
    selected(ruleset, options).map(text).collect()
}

/// Failing rows of a rule with one clause; of several, a row may fail more than one.
fn failing(observation: &Observation, results: &Results, verdict: Verdict) -> Option<u64> {
    match observation.clauses.as_slice() {
        [clause] => match &clause.measure {
            Measure::Share { part, whole } => results.count(*whole).ok()?.checked_sub(results.count(*part).ok()?),
            Measure::Statistic(id, _) => {
                let repeated = Measure::Statistic(*id, Statistic::DuplicateRows);
                results.read(&repeated).ok().map(|rows| rows.to_f64() as u64)
            }
            _ => None,
        },
        clauses => {
            let all = clauses.iter().all(|clause| clause.expectation == Expectation::All);
            (all && verdict == Verdict::Pass).then_some(0)
        }
    }
}

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
        if let Some(outputs) = outputs
            && !self.scan.aborted()
        {
            notes.extend(outputs.commit()?);
        }
        Ok(notes)
    }

    fn judge_rows(
        &self,
        plan: &RowPlan,
        outcomes: &mut [Outcome],
        mut outputs: Option<&mut Outputs>,
    ) -> Result<Vec<String>, Error> {
        let mut notes = Vec::new();
        let wanted = self.options.samples;
        let row_mode = self.options.composite_rows && plan.rules.iter().any(|rule| rule.is_composite);
        let everything = outputs.is_some() || row_mode;
        // Only what a pass is needed for.
        let needed = |leaf: &Leaf| leaf.tests.is_some() && (everything || leaf.fails && wanted > 0);
        let active: Vec<usize> = (0..plan.leaves.len()).filter(|at| needed(&plan.leaves[*at])).collect();
        for leaf in &plan.leaves {
            self.count(leaf, outcomes, leaf.failing);
        }
        if active.is_empty() && !everything {
            return Ok(notes);
        }
        let schema = self.sources.primary.schema();
        let position = |name: &str| schema.index_of(name).map_err(|error| Error::Internal(error.to_string()));
        let key = key_columns(self.sources.primary, self.options)?;
        let mut asked: Vec<usize> = match &outputs {
            Some(outputs) if outputs.take_columns() => (0..schema.fields().len()).collect(),
            _ => Vec::new(),
        };
        let mut place = |column: usize| {
            asked.iter().position(|own| *own == column).unwrap_or_else(|| {
                asked.push(column);
                asked.len() - 1
            })
        };
        let key: Vec<(String, usize)> = key.into_iter().map(|(name, column)| (name, place(column))).collect();
        let mut samplings = Vec::new();
        for at in active.iter().copied().filter(|at| wanted > 0 && plan.leaves[*at].fails) {
            let leaf = &plan.leaves[at];
            let mut cells = Vec::new();
            for name in &leaf.columns {
                cells.push((name.clone(), place(position(name)?)));
            }
            let mut ties = Ties::None;
            for id in leaf.tests.iter().flatten() {
                let metric = &self.plan.metrics.as_slice()[id.0];
                let places: Vec<usize> =
                    metric.columns.iter().map(|name| Ok(place(position(name)?))).collect::<Result<_, Error>>()?;
                ties = match (&metric.family, self.keys.get(id), ties) {
                    (Family::Distinct | Family::Frequencies, _, Ties::None) => Ties::Repeated(places),
                    (Family::Lookup(lookup), Some(prepared), Ties::None) if lookup.compared > 0 => {
                        Ties::Compared(lookup.clone(), places, prepared.table().types.clone())
                    }
                    (_, _, ties) => ties,
                };
            }
            samplings.push(Sampling::new(at, self.options, key.clone(), cells, ties));
        }
        let mut pass = RowPass::new(self.sources.primary, &asked);
        if outputs.as_ref().is_some_and(|outputs| outputs.take_whole()) {
            pass = pass.whole();
        }
        let (mut tests, mut filters): (HashMap<MetricId, usize>, HashMap<Arc<str>, usize>) = <_>::default();
        for leaf in active.iter().map(|at| &plan.leaves[*at]) {
            for id in leaf.tests.iter().flatten().filter(|id| !tests.contains_key(*id)).collect::<Vec<_>>() {
                let metric = &self.plan.metrics.as_slice()[id.0];
                let at = match self.keys.get(id) {
                    Some(prepared) if prepared.pieces() > 1 => {
                        let quiet = ScanOptions { progress: None, ..*self.scan };
                        pass.known(RowBits::measure(metric, prepared.clone(), self.sources, &quiet)?)
                    }
                    prepared => pass.test(metric, prepared.map(|prepared| prepared.table().clone()))?,
                };
                tests.insert(*id, at);
            }
            if let Some(filter) = &leaf.filter
                && !filters.contains_key(filter)
            {
                filters.insert(filter.clone(), pass.filter(filter, self.sources)?);
            }
        }
        // Leaves whose count only the rows tell.
        let counting = everything || active.iter().any(|at| plan.leaves[*at].failing.is_none());
        let mut failing: Vec<u64> = vec![0; plan.leaves.len()];
        let mut passing: Vec<u64> = vec![0; plan.leaves.len()];
        let mut top: Vec<RowCounts> =
            plan.rules.iter().map(|_| RowCounts { passed: 0, failed: 0, skipped: 0 }).collect();
        let mut unknown: Vec<u64> = vec![0; plan.rules.len()];
        let mut seen: u64 = 0;
        let complete = counting;
        let parts = if counting { None } else { self.parts(plan, &active) };
        pass.run(self.scan, parts.as_ref(), |_, batch| {
            let rows = batch.rows.columns.rows;
            seen += rows as u64;
            let mut leaves: Vec<RowVerdicts> = plan.leaves.iter().map(|_| RowVerdicts::skipped(0)).collect();
            for at in &active {
                let leaf = &plan.leaves[*at];
                let own = leaf.tests.iter().flatten().filter_map(|id| batch.tests.get(*tests.get(id)?));
                let satisfying = own.cloned().reduce(|all, own| &all & &own);
                let filter = leaf.filter.as_ref().and_then(|filter| batch.filters.get(*filters.get(filter)?));
                let satisfying = satisfying.unwrap_or_else(|| BooleanBuffer::new_set(rows));
                let verdicts = RowVerdicts::of_tests(&satisfying, filter, self.options.filtered_rows_skip);
                failing[*at] += verdicts.fail.count_set_bits() as u64;
                passing[*at] += verdicts.pass.count_set_bits() as u64;
                leaves[*at] = verdicts;
            }
            for sampling in &mut samplings {
                sampling.take(&leaves[sampling.leaf()].fail, &batch)?;
            }
            if everything {
                let (verdicts, nobody): (Vec<RowVerdicts>, Vec<BooleanBuffer>) =
                    plan.rules.iter().map(|rule| rule.rule.judge(&leaves, rows)).unzip();
                for (unknown, nobody) in unknown.iter_mut().zip(&nobody) {
                    *unknown += nobody.count_set_bits() as u64;
                }
                for (counts, verdicts) in top.iter_mut().zip(&verdicts) {
                    let (passed, failed) = (verdicts.pass.count_set_bits(), verdicts.fail.count_set_bits());
                    counts.passed += passed as u64;
                    counts.failed += failed as u64;
                    counts.skipped += (rows - passed - failed) as u64;
                }
                if let Some(outputs) = &mut outputs {
                    outputs.write(&batch, &verdicts)?;
                }
            }
            if !counting && !samplings.iter().any(Sampling::is_open) {
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if complete && seen != self.rows && !self.scan.aborted() {
            return Err(Error::Internal(format!(
                "{} rows were checked, but {seen} were there when rows were judged: did the data change?",
                self.rows
            )));
        }
        for at in &active {
            let leaf = &plan.leaves[*at];
            self.count(leaf, outcomes, leaf.failing.or(complete.then_some(failing[*at])));
        }
        for sampling in samplings {
            self.finish(sampling, plan, outcomes)?;
        }
        if everything {
            for ((rule, counts), unknown) in plan.rules.iter().zip(top).zip(unknown) {
                match rule.excluded {
                    Some(excluded) => {
                        notes.push(format!("{} is judged as a whole: {excluded} has no row mode", rule.text))
                    }
                    None if rule.is_composite && !rule.rule.is_about_dataset() => {
                        composite(counts, unknown, &mut outcomes[rule.position], row_mode);
                    }
                    None => {}
                }
            }
        }
        Ok(notes)
    }

    /// The parts in which the first failing rows of leaves are; `None` where that is not known.
    fn parts(&self, plan: &RowPlan, active: &[usize]) -> Option<BTreeSet<usize>> {
        let mut parts = BTreeSet::new();
        for id in active.iter().flat_map(|at| plan.leaves[*at].tests.iter().flatten()) {
            parts.extend(self.failing_parts.get(id)?.iter().take(self.options.samples));
        }
        Some(parts)
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

    fn finish(&self, sampling: Sampling, plan: &RowPlan, outcomes: &mut [Outcome]) -> Result<(), Error> {
        let path = &plan.leaves[sampling.leaf()].path;
        let rows = sampling.finish(self.sources, self.scan)?;
        if let Some(samples) = outcome_at(outcomes, path).and_then(|outcome| outcome.samples.as_mut()) {
            samples.rows = rows;
        }
        Ok(())
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

/// The columns that tell rows apart, as the user chose them: their names and positions.
pub fn key_columns(dataset: &Dataset, options: &CheckOptions) -> Result<Vec<(String, usize)>, Error> {
    let schema = dataset.schema();
    let column = |written: &String| {
        let field = find_column(schema, written)
            .and_then(|field| Some((field.name().clone(), schema.index_of(field.name()).ok()?)));
        field.ok_or_else(|| {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let hint = crate::diagnostic::nearest(written, names)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let written = crate::error::escape_controls(written);
            Error::Option(format!("--key names column `{written}`, which the data does not have{hint}"))
        })
    };
    options.key.iter().map(column).collect()
}
