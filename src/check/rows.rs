//! What rules ask of single rows. It follows from their observations, so a rule type needs no code for it.

use super::{CheckOptions, Plan, Ruleset, each_leaf, selected, skipped};
use crate::error::Error;
use crate::input::Dataset;
use crate::metrics::Statistic;
use crate::metrics::rows::RowTest;
use crate::plan::{Expectation, Measure, MetricId, Observation, Results};
use crate::rules::bind::{BoundNode, BoundRule};
use crate::rules::compile::find_column;
use crate::verdict::{Outcome, RowRule, Verdict};
use std::sync::Arc;

/// Rules by what they ask of rows.
pub struct RowPlan {
    /// One per selected leaf rule, in document order.
    pub leaves: Vec<Leaf>,
    /// One per selected top-level rule, in document order.
    pub rules: Vec<TopRule>,
}

/// A leaf rule.
pub struct Leaf {
    /// What it is called among the outcomes: a top-level rule, then operands.
    pub path: Vec<usize>,
    /// Metrics that a good row satisfies; `None` where it judges no rows, or could not be evaluated.
    pub tests: Option<Vec<MetricId>>,
    /// Whether it judges rows but could not be evaluated.
    pub is_unknown: bool,
    /// The text of its predicate.
    pub filter: Option<Arc<str>>,
    /// Columns whose cells are shown.
    pub columns: Vec<String>,
    /// Whether it fails, and the top-level rule that it is part of does.
    pub fails: bool,
    /// Failing rows, where the metrics tell.
    pub failing: Option<u64>,
    /// Rows the filter selects, where the metrics tell.
    pub judged: Option<u64>,
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
pub struct TopRule {
    /// Its position in the document.
    pub position: usize,
    /// Its text without labels.
    pub text: String,
    /// What it asks.
    pub rule: RowRule,
    /// The type of a leaf that row mode does not take, where that is asked for.
    pub excluded: Option<&'static str>,
    /// Whether it joins rules.
    pub is_composite: bool,
}

impl TopRule {
    /// Whether its verdict may hang on rows.
    pub fn may_be_judged_by_rows(&self) -> bool {
        self.is_composite && self.excluded.is_none() && !self.rule.is_about_dataset()
    }
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
            let text = node.unlabelled().to_string();
            let is_composite = matches!(node, BoundNode::Composite { .. });
            let excluded = excluded.filter(|_| is_composite && options.composite_rows);
            let rule = if excluded.is_some() { RowRule::Dataset } else { rule };
            own.rules.push(TopRule { position, text, rule, excluded, is_composite });
        }
        own
    }

    /// Of all selected rules before anything is measured: those that were compiled, as if they passed.
    pub fn early(ruleset: &Ruleset, plan: &Plan, options: &CheckOptions) -> Self {
        let mut observations = plan.observations.iter();
        let mut outcomes: Vec<Outcome> = ruleset.rules().iter().map(skipped).collect();
        for (position, node) in selected(ruleset, options) {
            outcomes[position] = expected(node, &mut || observations.next().is_some_and(Result::is_ok));
        }
        Self::new(ruleset, plan, options, &Results::default(), &outcomes)
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
                let is_unknown = kind == RowRule::Unknown;
                let tests = tests.filter(|_| !is_unknown && outcome.verdict != Verdict::Error);
                let metric = tests.as_ref().and_then(|tests| plan.metrics.as_slice().get(tests.first()?.0));
                self.leaves.push(Leaf {
                    path,
                    is_unknown,
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

/// What becomes of a rule if every leaf that can be evaluated passes; `compiled` tells whether the next one can.
fn expected(node: &BoundNode, compiled: &mut dyn FnMut() -> bool) -> Outcome {
    let operands: Vec<Outcome> = match node {
        BoundNode::Rule(_) => Vec::new(),
        BoundNode::Composite { operands, .. } => operands.iter().map(|operand| expected(operand, compiled)).collect(),
    };
    let passes = !matches!(node, BoundNode::Rule(_)) || compiled();
    let verdict = if passes { Verdict::Pass } else { Verdict::Error };
    Outcome { verdict, operands, ..skipped(node) }
}

/// The texts of the rules that rows are judged by.
pub fn texts(ruleset: &Ruleset, options: &CheckOptions) -> Vec<String> {
    selected(ruleset, options).map(|(_, node)| node.unlabelled().to_string()).collect()
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
