//! One rule: its observation, the results, its verdict and what to say about it.

use super::before;
use super::expected::{Bounds, Expected, Unresolved};
use super::{Compared, Verdict, compose, number};
use crate::comparison::Operator;
use crate::dqdl::ast::Connective;
use crate::history::Past;
use crate::metrics::{NoValue, Statistic};
use crate::plan::{Clause, Expectation, Measure, MessageLine, Observation, Results};
use crate::rules::bind::{BoundNode, BoundRule};
use crate::rules::compile::Unevaluated;
use crate::sample::{RowCounts, Samples};
use crate::span::Span;
use crate::value::{Number, java_double};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// What became of a rule or composite.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Canonical text.
    pub rule: String,
    /// The same with numbers in place of past values, where they were compared with.
    pub evaluated: Option<String>,
    /// The rule type; `None` for composites.
    pub rule_type: Option<&'static str>,
    /// What is said of it.
    pub verdict: Verdict,
    /// Stable code of the reason of an ERROR.
    pub code: Option<&'static str>,
    /// What was seen, in Glue's words where Glue has them.
    pub message: Option<String>,
    /// What to do about an ERROR.
    pub help: Option<String>,
    /// Metrics under their public names, in the order the rule reports them.
    pub metrics: Vec<(String, Number)>,
    /// What decided, in the order of the rule's clauses; nothing for composites and what could not be evaluated.
    pub compared: Vec<Compared>,
    /// Rows that satisfy, and rows judged, for rules that judge rows.
    pub rows: Option<(u64, u64)>,
    /// What became of all rows, where the rule judges rows.
    pub row_counts: Option<RowCounts>,
    /// Rows that fail, where they were looked for.
    pub samples: Option<Samples>,
    /// Columns the rule reads.
    pub columns: Vec<String>,
    /// Labels, default labels included.
    pub labels: BTreeMap<String, String>,
    /// Where the rule stands in the document.
    pub span: Span,
    /// Outcomes of a composite's operands.
    pub operands: Vec<Outcome>,
}

impl Outcome {
    /// The value of a label, whatever the case of its name.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Says that not all rows were seen: what was measured stays, nothing is concluded from it.
    pub fn interrupt(&mut self) {
        self.operands.iter_mut().for_each(Outcome::interrupt);
        if self.verdict != Verdict::Skip {
            let before = self.message.take().map_or(String::new(), |message| format!(" (so far: {message})"));
            self.verdict = Verdict::Error;
            self.code = Some("interrupted");
            self.message = Some(format!("the check was interrupted before all rows were read{before}"));
            self.help = None;
            self.evaluated = None;
            self.compared.clear();
        }
    }
}

/// What a document's rules are judged with.
pub struct Judge<'a> {
    /// Finished metrics.
    pub results: &'a Results,
    /// Observations of all leaf rules, in document order.
    pub observations: &'a [Result<Observation, Unevaluated>],
    /// Whether rules about rows pass on a dataset without rows.
    pub allow_empty: bool,
    /// What past runs measured; `None` when there is no history.
    pub past: Option<&'a Past>,
    /// The time of the run.
    pub now: DateTime<Utc>,
}

/// The note of a rule whose filter selected nothing.
const NO_ROWS_MATCHED: &str = "No rows matched the filter";

struct Judged {
    verdict: Verdict,
    code: Option<&'static str>,
    message: Option<String>,
    help: Option<String>,
}

impl Judged {
    fn error(code: &'static str, message: impl Into<String>, help: Option<String>) -> Self {
        Self { verdict: Verdict::Error, code: Some(code), message: Some(message.into()), help }
    }

    fn pass(message: Option<String>) -> Self {
        Self { verdict: Verdict::Pass, code: None, message, help: None }
    }
}

impl From<Unresolved> for Judged {
    fn from(reason: Unresolved) -> Self {
        Judged::error(reason.code, reason.message, reason.help)
    }
}

impl Judge<'_> {
    /// Judges a node; `next` is the position of its first leaf among the observations.
    pub fn node(&self, node: &BoundNode, next: &mut usize) -> Outcome {
        match node {
            BoundNode::Rule(rule) => {
                let observation = &self.observations[*next];
                *next += 1;
                self.rule(rule, observation)
            }
            BoundNode::Composite { connective, operands, text, labels, span, .. } => {
                let operands: Vec<_> = operands.iter().map(|operand| self.node(operand, next)).collect();
                let verdict = compose::combine(*connective, operands.iter().map(|operand| operand.verdict));
                // Glue keeps the messages of all operands, even when an `or` passes.
                let messages: Vec<_> = operands.iter().filter_map(|operand| operand.message.as_deref()).collect();
                let cause =
                    operands.iter().find(|operand| operand.verdict == Verdict::Error && verdict == Verdict::Error);
                let mut metrics: Vec<(String, Number)> = Vec::new();
                for (name, value) in operands.iter().flat_map(|operand| &operand.metrics) {
                    if !metrics.iter().any(|(existing, _)| existing == name) {
                        metrics.push((name.clone(), *value));
                    }
                }
                let mut columns: Vec<String> = Vec::new();
                operands.iter().flat_map(|operand| &operand.columns).for_each(|column| {
                    if !columns.contains(column) {
                        columns.push(column.clone());
                    }
                });
                Outcome {
                    rule: text.clone(),
                    evaluated: evaluated(*connective, text, &operands),
                    rule_type: None,
                    verdict,
                    code: cause.and_then(|operand| operand.code),
                    message: (!messages.is_empty()).then(|| messages.join("\n")),
                    help: cause.and_then(|operand| operand.help.clone()),
                    metrics,
                    compared: Vec::new(),
                    rows: None,
                    row_counts: None,
                    samples: None,
                    columns,
                    labels: labels.clone(),
                    span: *span,
                    operands,
                }
            }
        }
    }

    fn rule(&self, rule: &BoundRule, observation: &Result<Observation, Unevaluated>) -> Outcome {
        let mut outcome = Outcome {
            rule: rule.text.clone(),
            evaluated: None,
            rule_type: Some(rule.rule_type.name),
            verdict: Verdict::Error,
            code: None,
            message: None,
            help: None,
            metrics: Vec::new(),
            compared: Vec::new(),
            rows: None,
            row_counts: None,
            samples: None,
            columns: Vec::new(),
            labels: rule.labels.clone(),
            span: rule.span,
            operands: Vec::new(),
        };
        let judged = match observation {
            Err(reason) => Judged::error(reason.code, reason.message.clone(), reason.help.clone()),
            Ok(observation) => {
                outcome.columns = observation.columns.clone();
                let mut expected = Expected::of(rule, observation, self.past);
                if let (Ok(expected), Some(past)) = (&mut expected, self.past) {
                    expected.seen = before::seen(rule, observation, self.results, past, self.now);
                    let young = expected.seen.iter().filter(|seen| seen.needs_more_data);
                    expected.notes.extend(young.map(|seen| seen.description.clone()));
                }
                let judged = self.observed(rule, observation, &expected);
                if judged.message.as_deref() != Some(NO_ROWS_MATCHED) {
                    let finite = |number: &Number| number.to_f64().is_finite();
                    outcome.metrics = observation
                        .reported
                        .iter()
                        .filter_map(|reported| {
                            Some((reported.name.clone(), self.results.read(&reported.measure).ok().filter(finite)?))
                        })
                        .collect();
                    // With several clauses, one share would speak for the others.
                    outcome.rows = match observation.clauses.as_slice() {
                        // What satisfies is no question of rows when the past decides.
                        [clause] if clause.expectation != Expectation::AsBefore => self.rows_of(&clause.measure),
                        _ => None,
                    };
                    if let (Verdict::Pass | Verdict::Fail, Ok(expected)) = (judged.verdict, &expected) {
                        let compared = |clause| self.compared(expected, clause);
                        outcome.compared = observation.clauses.iter().filter_map(compared).collect();
                        outcome.evaluated = expected.evaluated.clone().filter(|_| !outcome.compared.is_empty());
                    }
                }
                judged
            }
        };
        Outcome { verdict: judged.verdict, code: judged.code, message: judged.message, help: judged.help, ..outcome }
    }

    fn rows_of(&self, measure: &Measure) -> Option<(u64, u64)> {
        match measure {
            Measure::Share { part, whole } => Some((self.results.count(*part).ok()?, self.results.count(*whole).ok()?)),
            _ => None,
        }
    }

    fn observed(&self, rule: &BoundRule, observation: &Observation, expected: &Result<Expected, Unresolved>) -> Judged {
        if let Some(rows) = observation.judged_rows
            && let Some(reason) = self.results.failure(&Measure::Statistic(rows, Statistic::Count))
        {
            return Judged::error(reason.code, reason.message.clone(), reason.help.clone());
        }
        if let Some(rows) = observation.judged_rows
            && self.results.count(rows) == Ok(0)
        {
            return match (&rule.filter, self.allow_empty) {
                (Some(_), _) => Judged::pass(Some(NO_ROWS_MATCHED.into())),
                (None, true) => Judged::pass(Some("The dataset has no rows".into())),
                (None, false) => Judged::error(
                    "no_rows",
                    "The dataset has no rows: there is nothing to judge",
                    Some("pass --allow-empty to let rules pass on empty data".into()),
                ),
            };
        }
        let expected = match expected {
            Ok(expected) => expected,
            Err(reason) => return reason.clone().into(),
        };
        let mut failed = Vec::new();
        for clause in &observation.clauses {
            match self.clause(expected, clause) {
                Ok(true) => {}
                Ok(false) => failed.push(clause),
                Err(NoValue::NoData) => {
                    let subject = match observation.columns.as_slice() {
                        [] => "The dataset has no values".to_string(),
                        [column] => format!("Column {column} has no values: all rows are NULL"),
                        columns => format!("Columns {} have no rows with values", columns.join(", ")),
                    };
                    return Judged::error("no_values", subject, None);
                }
                Err(NoValue::Undecided) => {
                    let message = "The pattern needed more steps for a value than it may take";
                    return Judged::error(
                        "pattern_limit",
                        message,
                        Some("write the pattern without nested repetitions".into()),
                    );
                }
                Err(NoValue::Failed) => {
                    return match self.results.failure(&clause.measure) {
                        Some(reason) => Judged::error(reason.code, reason.message.clone(), reason.help.clone()),
                        None => {
                            Judged::error("internal", "Measuring failed without a reason; please report this", None)
                        }
                    };
                }
                Err(NoValue::NotInFamily) => {
                    return Judged::error(
                        "internal",
                        "The engine asked a metric for a number it does not have; please report this",
                        None,
                    );
                }
            }
        }
        let mut lines: Vec<String> =
            expected.seen.iter().filter(|seen| seen.anomalous).map(|seen| seen.description.clone()).collect();
        let fails = !failed.is_empty() || !lines.is_empty();
        if !failed.is_empty() {
            lines.push(self.message(observation, expected, &failed));
        }
        lines.extend(expected.notes.iter().cloned());
        let message = (!lines.is_empty()).then(|| lines.join("\n"));
        if fails { Judged { verdict: Verdict::Fail, code: None, message, help: None } } else { Judged::pass(message) }
    }

    fn clause(&self, expected: &Expected, clause: &Clause) -> Result<bool, NoValue> {
        let value = self.results.read(&clause.measure)?;
        let all = |value: Number| match self.rows_of(&clause.measure) {
            Some((part, whole)) => part == whole,
            None => value == Number::integer(1),
        };
        Ok(match (clause.expectation, expected.bounds(clause.expectation)) {
            (Expectation::Threshold, None) | (Expectation::All, _) => all(value),
            // What is a number at all is judged by the observations of the rule.
            (Expectation::AsBefore, _) => value.to_f64().is_finite(),
            (Expectation::Condition | Expectation::Threshold, bounds) => meets(bounds, value),
        })
    }

    /// What [`Judge::clause`] decides by, for those who show it.
    fn compared(&self, expected: &Expected, clause: &Clause) -> Option<Compared> {
        let (operator, operands) = match (clause.expectation, expected.bounds(clause.expectation)) {
            (_, Some(bounds)) => (bounds.operator, bounds.numbers.clone()),
            (Expectation::Condition | Expectation::AsBefore, None) => return None,
            (Expectation::Threshold | Expectation::All, None) => (Operator::Equal, vec![Number::integer(1)]),
        };
        let counts = self.rows_of(&clause.measure);
        Some(Compared {
            observed: self.results.read(&clause.measure).ok()?,
            counts,
            share: counts.is_some() || clause.expectation != Expectation::Condition,
            operator,
            operands,
            met: self.clause(expected, clause).ok()?,
        })
    }

    fn message(&self, observation: &Observation, expected: &Expected, failed: &[&Clause]) -> String {
        let mut lines = Vec::new();
        for line in &observation.message {
            match line {
                MessageLine::Text(text) => lines.push(text.clone()),
                MessageLine::Example { metric, subject } => {
                    if let Some(example) = self.results.example(*metric) {
                        lines.extend(example.lines().map(|line| format!("{subject}: {line}")));
                    }
                }
                MessageLine::Share(measure) => {
                    lines.extend(self.results.read(measure).ok().map(|value| requirement(&shown(measure, value))));
                }
                MessageLine::Named { name, measure } => lines.push(match self.results.read(measure) {
                    Ok(value) => format!("{name} = {value}"),
                    Err(_) => format!("{name} has no value"),
                }),
                MessageLine::RowsPassed(measure) => {
                    if let Ok(share) = self.results.read(measure) {
                        lines.push(format!("{} % of rows passed the threshold", percent(share.to_f64())));
                    }
                }
                MessageLine::Nulls { present, rows } => {
                    if self.results.count(*present) != self.results.count(*rows) {
                        lines.push(requirement("NULL"));
                    }
                }
                MessageLine::Value(measure) => {
                    if let Ok(value) = self.results.read(measure)
                        && !meets(expected.bounds(Expectation::Condition), value)
                    {
                        lines.push(requirement(&shown(measure, value)));
                    }
                }
            }
        }
        if lines.is_empty()
            && observation
                .message
                .iter()
                .any(|line| matches!(line, MessageLine::Value(measure) if self.results.has_nan(measure)))
        {
            lines.push(requirement("NaN"));
        }
        if lines.is_empty() {
            lines = failed
                .iter()
                .filter_map(|clause| {
                    Some(requirement(&shown(&clause.measure, self.results.read(&clause.measure).ok()?)))
                })
                .collect();
        }
        lines.join("\n")
    }
}

/// The text of a composite with those of its operands as they were evaluated; `None` if they are as they were written.
fn evaluated(connective: Connective, text: &str, operands: &[Outcome]) -> Option<String> {
    operands.iter().find(|operand| operand.evaluated.is_some())?;
    let joined = |part: fn(&Outcome) -> &str| {
        let parts: Vec<_> = operands.iter().map(|operand| format!("({})", part(operand))).collect();
        parts.join(&format!(" {} ", connective.as_str()))
    };
    // The operands stand first: labels come behind them.
    let written = joined(|operand| operand.rule.as_str());
    Some(text.replacen(&written, &joined(|operand| operand.evaluated.as_deref().unwrap_or(operand.rule.as_str())), 1))
}

fn meets(bounds: Option<&Bounds>, value: Number) -> bool {
    bounds.is_some_and(|bounds| number::holds(bounds.operator, &bounds.numbers, value))
}

/// Glue's sentence.
fn requirement(value: &str) -> String {
    format!("Value: {value} does not meet the constraint requirement!")
}

/// Counts of rows and columns print as integers, everything else as a double, as in Glue; exact
/// sums and extremes print all their digits where a double would lose some.
fn shown(measure: &Measure, value: Number) -> String {
    match (measure, value) {
        (
            Measure::Known(_)
            | Measure::Statistic(
                _,
                Statistic::Count | Statistic::DistinctValues | Statistic::DuplicateRows | Statistic::Value,
            ),
            Number::Exact { scale: 0, .. },
        ) => value.to_string(),
        (_, Number::Exact { .. })
            if Number::parse(&value.to_f64().to_string()).is_none_or(|double| double != value) =>
        {
            value.to_string()
        }
        _ => java_double(value.to_f64()),
    }
}

/// A share in percent with two decimals, never rounded up to 100 or down to 0.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let rounded = format!("{percent:.2}");
    match rounded.as_str() {
        "100.00" if share < 1.0 => "99.99".into(),
        "0.00" if share > 0.0 => "0.01".into(),
        _ => rounded,
    }
}
