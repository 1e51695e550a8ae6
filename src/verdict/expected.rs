//! What a rule's condition and threshold come to in this run: all operands are numbers.

use super::before::looks_back;
use super::evaluate::{self, NoSuchValue};
use super::remembered;
use crate::comparison::Operator;
use crate::dqdl::ast::{Arithmetic, Condition, OperandValue};
use crate::history::{self, Past};
use crate::plan::{Expectation, Measure, Observation};
use crate::rules::bind::BoundRule;
use crate::rules::condition::{BoundCondition, NumberCondition, NumberOperand};
use crate::rules::expression::DynamicOperand;
use crate::value::Number;

/// A comparison with numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// How.
    pub operator: Operator,
    /// With what.
    pub numbers: Vec<Number>,
}

/// What numbers of a rule are compared with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expected {
    condition: Option<Bounds>,
    threshold: Option<Bounds>,
    /// The rule's text with numbers instead of past values; `None` where it has none.
    pub evaluated: Option<String>,
    /// What is to be known about the past values.
    pub notes: Vec<String>,
    /// The rule's numbers against their past, where that decides.
    pub seen: Vec<history::Observation>,
}

/// Why a rule cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Unresolved {
    fn operand(message: impl Into<String>, help: Option<&str>) -> Self {
        Self { code: "operand", message: message.into(), help: help.map(str::to_string) }
    }
}

impl Expected {
    /// Resolves what the clauses of a rule are compared with. What none of them uses may stay open.
    pub fn of(rule: &BoundRule, observation: &Observation, past: Option<&Past>) -> Result<Self, Unresolved> {
        if past.is_none() && looks_back(observation) {
            return Err(Unresolved {
                code: "no_history",
                message: format!("{} needs values of past runs, and no history is given", rule.rule_type.name),
                help: Some("name the file that remembers them: --history FILE".into()),
            });
        }
        let mut resolver = Resolver { rule, observation, past, notes: Vec::new() };
        let condition = resolver.bounds(number_condition(rule), Expectation::Condition)?;
        let threshold = resolver.bounds(rule.threshold.as_ref(), Expectation::Threshold)?;
        let evaluated = evaluated(rule, condition.as_ref(), threshold.as_ref());
        Ok(Self { condition, threshold, evaluated, notes: resolver.notes, seen: Vec::new() })
    }

    /// What a clause of this expectation is compared with; `None` where there is no such condition.
    pub fn bounds(&self, expectation: Expectation) -> Option<&Bounds> {
        match expectation {
            Expectation::Condition => self.condition.as_ref(),
            Expectation::Threshold => self.threshold.as_ref(),
            Expectation::All | Expectation::AsBefore => None,
        }
    }
}

fn number_condition(rule: &BoundRule) -> Option<&NumberCondition> {
    match &rule.condition {
        Some(BoundCondition::Number(condition)) => Some(condition),
        _ => None,
    }
}

struct Resolver<'a> {
    rule: &'a BoundRule,
    observation: &'a Observation,
    past: Option<&'a Past>,
    notes: Vec<String>,
}

impl Resolver<'_> {
    fn bounds(
        &mut self,
        condition: Option<&NumberCondition>,
        expectation: Expectation,
    ) -> Result<Option<Bounds>, Unresolved> {
        let Some(condition) = condition else { return Ok(None) };
        let observation = self.observation;
        let numbers = match observation.clauses.iter().find(|clause| clause.expectation == expectation) {
            None => condition.numbers(),
            Some(clause) => {
                let mut numbers = Vec::with_capacity(condition.operands.len());
                for operand in &condition.operands {
                    numbers.push(self.number(operand, &clause.measure)?);
                }
                Some(numbers)
            }
        };
        Ok(numbers.map(|numbers| Bounds { operator: condition.operator, numbers }))
    }

    /// The number of an operand that a measure is compared with.
    fn number(&mut self, operand: &NumberOperand, measure: &Measure) -> Result<Number, Unresolved> {
        match operand {
            NumberOperand::Value(number) => Ok(*number),
            NumberOperand::Null => {
                Err(Unresolved::operand("NULL is no number that a metric could be compared with", None))
            }
            NumberOperand::Undefined(text) => Err(Unresolved::operand(format!("`{text}` is no number"), None)),
            NumberOperand::Dynamic(dynamic) => self.dynamic(dynamic, measure),
        }
    }

    fn dynamic(&mut self, dynamic: &DynamicOperand, measure: &Measure) -> Result<Number, Unresolved> {
        let text = &dynamic.text;
        let expression = dynamic.expression.as_ref().map_err(|mistake| {
            Unresolved::operand(format!("`{text}` cannot be evaluated: {}", mistake.message), Some(&mistake.help))
        })?;
        let past = if dynamic.needs_past() { self.past_values(text, measure)? } else { Vec::new() };
        let value = evaluate::evaluate(expression, &past).map_err(|NoSuchValue { position }| {
            let runs = if past.len() == 1 { "1 past run".to_string() } else { format!("{} past runs", past.len()) };
            Unresolved {
                code: "past_values",
                message: format!("`{text}`: there is no value at position {position} among those of {runs}"),
                help: Some("there will be one after more runs with --history".into()),
            }
        })?;
        if !value.to_f64().is_finite() {
            return Err(Unresolved {
                code: "past_values",
                message: format!("`{text}` is no number with the values of past runs, but {value}"),
                help: Some("do not divide by what may be zero".into()),
            });
        }
        for note in evaluate::notes(expression, past.len()) {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        Ok(value)
    }

    /// The values that past runs recorded of a measure, newest first.
    fn past_values(&self, text: &str, measure: &Measure) -> Result<Vec<Number>, Unresolved> {
        let name = self.rule.rule_type.name;
        if !self.rule.rule_type.dynamic {
            let message = format!("{name} takes no past values, and `{text}` needs some");
            return Err(Unresolved::operand(message, Some("`dq rules NAME` says whether a type takes past values")));
        }
        let Some(past) = self.past else {
            return Err(Unresolved {
                code: "no_history",
                message: format!("`{text}` needs values of past runs, and no history is given"),
                help: Some("name the file that remembers them: --history FILE".into()),
            });
        };
        let Some(key) = remembered::compared(self.rule, self.observation, measure) else {
            let message = format!("`{text}` needs values of past runs, and what {name} compares is not remembered");
            return Err(Unresolved::operand(message, None));
        };
        Ok(past.values(&key).iter().map(|point| point.value).collect())
    }
}

/// The rule's canonical text with numbers in place of calls; `None` if it calls nothing.
fn evaluated(rule: &BoundRule, condition: Option<&Bounds>, threshold: Option<&Bounds>) -> Option<String> {
    let own = [number_condition(rule), rule.threshold.as_ref()];
    own.iter().flatten().find_map(|condition| condition.dynamic())?;
    let mut tree = rule.tree.clone();
    let [own_condition, own_threshold] = own;
    let condition = replace(own_condition, condition, tree.condition.as_mut());
    let threshold = replace(own_threshold, threshold, tree.threshold.as_mut());
    (condition || threshold).then(|| tree.to_string())
}

/// Puts numbers in place of calls; whether there were any.
fn replace(own: Option<&NumberCondition>, bounds: Option<&Bounds>, written: Option<&mut Condition>) -> bool {
    let (Some(own), Some(bounds), Some(written)) = (own, bounds, written) else { return false };
    let mut any = false;
    for ((operand, number), written) in own.operands.iter().zip(&bounds.numbers).zip(&mut written.operands) {
        if matches!(operand, NumberOperand::Dynamic(_)) {
            written.value = OperandValue::Number(Arithmetic::Literal(number.to_string()));
            any = true;
        }
    }
    any
}
