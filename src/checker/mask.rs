//! Rows of a pushed batch, judged while they pass by.

use crate::check::rows::{Leaf, RowPlan};
use crate::check::{CheckOptions, Plan, Ruleset};
use crate::error::Error;
use crate::input::Columns;
use crate::metrics::Family;
use crate::plan::MetricId;
use crate::scan::push::{PushMemory, PushPlan, PushProgram, PushRows};
use crate::verdict::{RowRule, RowVerdicts};
use arrow_array::BooleanArray;
use arrow_buffer::BooleanBuffer;
use std::collections::HashMap;
use std::sync::Arc;

/// What rules say of the rows of one batch.
///
/// A rule judges a row as `dq check --rows-out` does: a row that its filter leaves out passes, or is skipped if the
/// options say so. A row whose predicate, or whose test of another crate, cannot be judged passes; the rule is ERROR
/// in the end. Rules about the
/// dataset as a whole say nothing of rows, nor do rules that cannot be evaluated, nor (before all rows were seen)
/// rules about uniqueness: see [`Checker::unjudged_rows`](super::Checker::unjudged_rows).
#[derive(Debug, Clone)]
pub struct RowMask {
    rules: Vec<RuleRows>,
    good: BooleanBuffer,
}

/// What one top-level rule says of the rows of a batch.
#[derive(Debug, Clone)]
pub struct RuleRows {
    /// Its canonical text, without labels.
    pub rule: Arc<str>,
    /// Rows that pass and rows that fail; a row with neither bit is skipped.
    pub verdicts: RowVerdicts,
}

impl RowMask {
    /// Rows that fail no rule. Never NULL; as long as the batch.
    pub fn good(&self) -> BooleanArray {
        BooleanArray::new(self.good.clone(), None)
    }

    /// Rows that fail a rule. Never NULL; as long as the batch.
    pub fn bad(&self) -> BooleanArray {
        BooleanArray::new(!&self.good, None)
    }

    /// How many rows fail no rule.
    pub fn good_rows(&self) -> usize {
        self.good.count_set_bits()
    }

    /// How many rows fail a rule.
    pub fn bad_rows(&self) -> usize {
        self.good.len() - self.good_rows()
    }

    /// One per selected top-level rule, in document order.
    pub fn rules(&self) -> &[RuleRows] {
        &self.rules
    }

    /// The rules that a row fails, counted from 0 within the batch; none for a row that is not there.
    pub fn failed(&self, row: usize) -> impl Iterator<Item = &str> {
        let fails = move |own: &&RuleRows| row < own.verdicts.fail.len() && own.verdicts.fail.value(row);
        self.rules.iter().filter(fails).map(|own| &*own.rule)
    }
}

/// How rows are judged: compiled once.
pub struct Masks {
    rules: Vec<(Arc<str>, RowRule)>,
    leaves: Vec<Leaf>,
    /// Which leaves judge rows now.
    judged: Vec<bool>,
    tests: HashMap<MetricId, usize>,
    filters: HashMap<Arc<str>, usize>,
    rows: PushRows,
    skip_filtered: bool,
    /// Texts of rules that rows cannot be judged by now.
    pub unjudged: Vec<String>,
}

impl Masks {
    /// Of all selected rules.
    pub fn new(ruleset: &Ruleset, plan: &Plan, push: &PushPlan, options: &CheckOptions) -> Result<Self, Error> {
        let RowPlan { leaves, rules } = RowPlan::early(ruleset, plan, options);
        let now = |id: &MetricId| match plan.metrics.as_slice().get(id.0).map(|metric| &metric.family) {
            // A later row may repeat the key.
            Some(Family::Distinct | Family::Frequencies) | None => false,
            Some(Family::Lookup(_)) => push.has_keys(*id),
            Some(_) => true,
        };
        let judged: Vec<bool> =
            leaves.iter().map(|leaf| leaf.tests.as_ref().is_some_and(|tests| tests.iter().all(now))).collect();
        let (mut ids, mut texts): (Vec<MetricId>, Vec<Arc<str>>) = (Vec::new(), Vec::new());
        for (leaf, _) in leaves.iter().zip(&judged).filter(|(_, judged)| **judged) {
            ids.extend(leaf.tests.iter().flatten().copied());
            texts.extend(leaf.filter.clone());
        }
        ids.sort_unstable();
        ids.dedup();
        texts.sort_unstable();
        texts.dedup();
        let known = |rule: RowRule| unknown(rule, &judged);
        let rules: Vec<_> = rules.into_iter().map(|rule| (Arc::from(rule.text), known(rule.rule))).collect();
        let open = rules.iter().filter(|(_, rule): &&(Arc<str>, RowRule)| has_unknown(rule));
        let unjudged = open.map(|(text, _)| text.to_string()).collect();
        Ok(Self {
            rows: PushRows::new(push, &ids, &texts)?,
            tests: ids.into_iter().enumerate().map(|(at, id)| (id, at)).collect(),
            filters: texts.into_iter().enumerate().map(|(at, text)| (text, at)).collect(),
            skip_filtered: options.filtered_rows_skip,
            rules,
            leaves,
            judged,
            unjudged,
        })
    }

    /// Judges the rows of a batch.
    pub fn judge(&self, batch: &Columns, memory: &mut PushMemory, program: &PushProgram) -> Result<RowMask, Error> {
        let bits = self.rows.judge(batch, memory, program)?;
        let verdicts = |(leaf, judged): (&Leaf, &bool)| {
            if !judged {
                return RowVerdicts::skipped(batch.rows);
            }
            let tests = leaf.tests.iter().flatten().filter_map(|id| bits.tests.get(*self.tests.get(id)?));
            let satisfying = tests.cloned().reduce(|all, own| &all & &own);
            let satisfying = satisfying.unwrap_or_else(|| BooleanBuffer::new_set(batch.rows));
            let filter = leaf.filter.as_ref().and_then(|text| bits.filters.get(*self.filters.get(text)?));
            RowVerdicts::of_tests(&satisfying, filter, self.skip_filtered)
        };
        let leaves: Vec<RowVerdicts> = self.leaves.iter().zip(&self.judged).map(verdicts).collect();
        let mut good = BooleanBuffer::new_set(batch.rows);
        let mut rules = Vec::with_capacity(self.rules.len());
        for (text, rule) in &self.rules {
            let (verdicts, _) = rule.judge(&leaves, batch.rows);
            good = &good & &!&verdicts.fail;
            rules.push(RuleRows { rule: text.clone(), verdicts });
        }
        Ok(RowMask { rules, good })
    }
}

/// A rule whose leaves that cannot judge rows now are not known.
fn unknown(rule: RowRule, judged: &[bool]) -> RowRule {
    match rule {
        RowRule::Leaf(at) if !judged.get(at).is_some_and(|judged| *judged) => RowRule::Unknown,
        RowRule::Composite { connective, operands } => {
            let operands = operands.into_iter().map(|operand| unknown(operand, judged)).collect();
            RowRule::Composite { connective, operands }
        }
        other => other,
    }
}

fn has_unknown(rule: &RowRule) -> bool {
    match rule {
        RowRule::Unknown => true,
        RowRule::Leaf(_) | RowRule::Dataset => false,
        RowRule::Composite { operands, .. } => operands.iter().any(has_unknown),
    }
}
