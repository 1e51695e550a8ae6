//! One rule: its observation, the results, its verdict and what to say about it.

use super::{Compared, Verdict, compose, number};
use crate::comparison::Operator;
use crate::metrics::{NoValue, Statistic};
use crate::plan::{Clause, Expectation, Measure, MessageLine, Observation, Results};
use crate::rules::bind::{BoundNode, BoundRule};
use crate::rules::compile::Unevaluated;
use crate::rules::condition::{BoundCondition, NumberCondition};
use crate::sample::{RowCounts, Samples};
use crate::span::Span;
use crate::value::{Number, java_double};
use std::collections::BTreeMap;

/// What became of a rule or composite.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Canonical text.
    pub rule: String,
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
                let judged = self.observed(rule, observation);
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
                        [clause] => self.rows_of(&clause.measure),
                        _ => None,
                    };
                    if matches!(judged.verdict, Verdict::Pass | Verdict::Fail) {
                        let compared = |clause| self.compared(rule, clause);
                        outcome.compared = observation.clauses.iter().filter_map(compared).collect();
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

    fn observed(&self, rule: &BoundRule, observation: &Observation) -> Judged {
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
        let conditions = [rule.condition.as_ref().and_then(as_number), rule.threshold.as_ref()];
        let used =
            |expectation: Expectation| observation.clauses.iter().any(|clause| clause.expectation == expectation);
        for (condition, expectation) in conditions.into_iter().zip([Expectation::Condition, Expectation::Threshold]) {
            if let Some((code, message)) = condition.filter(|_| used(expectation)).and_then(number::unresolved) {
                return Judged::error(code, message, None);
            }
        }
        let mut failed = Vec::new();
        for clause in &observation.clauses {
            match self.clause(rule, clause) {
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
        if failed.is_empty() {
            return Judged::pass(None);
        }
        Judged {
            verdict: Verdict::Fail,
            code: None,
            message: Some(self.message(rule, observation, &failed)),
            help: None,
        }
    }

    fn clause(&self, rule: &BoundRule, clause: &Clause) -> Result<bool, NoValue> {
        let value = self.results.read(&clause.measure)?;
        let all = |value: Number| match self.rows_of(&clause.measure) {
            Some((part, whole)) => part == whole,
            None => value == Number::integer(1),
        };
        Ok(match clause.expectation {
            Expectation::Condition => meets(rule.condition.as_ref().and_then(as_number), value),
            Expectation::Threshold => match &rule.threshold {
                Some(threshold) => meets(Some(threshold), value),
                None => all(value),
            },
            Expectation::All => all(value),
        })
    }

    /// What [`Judge::clause`] decides by, for those who show it.
    fn compared(&self, rule: &BoundRule, clause: &Clause) -> Option<Compared> {
        let condition = match clause.expectation {
            Expectation::Condition => Some(rule.condition.as_ref().and_then(as_number)?),
            Expectation::Threshold => rule.threshold.as_ref(),
            Expectation::All => None,
        };
        let (operator, operands) = match condition {
            Some(condition) => (condition.operator, condition.numbers()?),
            None => (Operator::Equal, vec![Number::integer(1)]),
        };
        let counts = self.rows_of(&clause.measure);
        Some(Compared {
            observed: self.results.read(&clause.measure).ok()?,
            counts,
            share: counts.is_some() || clause.expectation != Expectation::Condition,
            operator,
            operands,
            met: self.clause(rule, clause).ok()?,
        })
    }

    fn message(&self, rule: &BoundRule, observation: &Observation, failed: &[&Clause]) -> String {
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
                        && !meets(rule.condition.as_ref().and_then(as_number), value)
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

fn as_number(condition: &BoundCondition) -> Option<&NumberCondition> {
    if let BoundCondition::Number(number) = condition { Some(number) } else { None }
}

fn meets(condition: Option<&NumberCondition>, value: Number) -> bool {
    condition
        .and_then(|condition| Some((condition.operator, condition.numbers()?)))
        .is_some_and(|(operator, numbers)| number::holds(operator, &numbers, value))
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
            | Measure::Statistic(_, Statistic::Count | Statistic::DistinctValues | Statistic::DuplicateRows),
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
