//! Operands that past values enter: functions of them, and arithmetic around those.
//!
//! The tree is checked when a rule is bound, without any value: what can never be evaluated is said
//! then. Computing with values is the business of verdicts.

use super::condition::fold;
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{Arithmetic, ArithmeticOperator, Name};
use crate::span::Span;
use crate::value::Number;

/// Functions that operands may call.
pub const FUNCTIONS: &[&str] = &["abs", "avg", "index", "last", "max", "median", "min", "std", "sum"];

/// Past values that one operand may ask for.
pub const MOST_PAST: usize = 10_000;

/// An operand that calls functions.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicOperand {
    /// As written.
    pub text: String,
    /// What it computes, or why it never can.
    pub expression: Result<Expression, Mistake>,
}

impl DynamicOperand {
    /// Checks an operand that calls functions; what makes it useless is a finding, not an error: only its own rule
    /// cannot be evaluated.
    pub fn bind(tree: &Arithmetic, span: Span, findings: &mut Vec<Diagnostic>) -> Self {
        let expression = Expression::bind(tree);
        if let Err(mistake) = &expression {
            let message = format!("{}: the rule cannot be evaluated", mistake.message);
            let finding = Diagnostic::warning(mistake.code, mistake.span.unwrap_or(span), message);
            findings.push(finding.help(mistake.help.clone()));
        }
        Self { text: tree.to_string(), expression }
    }

    /// Whether it can be evaluated, and needs past values for it.
    pub fn needs_past(&self) -> bool {
        self.expression.as_ref().is_ok_and(|expression| !expression.asked().is_empty())
    }
}

/// Why an operand can never be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// What kind of mistake it is.
    pub code: Code,
    /// The name of the function; `None` for the whole operand.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Mistake {
    fn new(span: Option<Span>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: Code::OperandNotSupported, span, message: message.into(), help: help.into() }
    }
}

/// How values become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// `avg`
    Average,
    /// `median`: of an even number of values, the mean of the two in the middle.
    Median,
    /// `max`
    Largest,
    /// `min`
    Smallest,
    /// `sum`
    Sum,
    /// `std`: the standard deviation of the population, as of the rule type.
    Deviation,
}

impl Reduction {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "avg" => Reduction::Average,
            "median" => Reduction::Median,
            "max" => Reduction::Largest,
            "min" => Reduction::Smallest,
            "sum" => Reduction::Sum,
            "std" => Reduction::Deviation,
            _ => return None,
        })
    }
}

/// A computation with past values; gives a number, or a list of numbers inside of functions.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number.
    Number(Number),
    /// `last(5)`: so many values at most, newest first. `last()` is `last(1)`, a number.
    Last(usize),
    /// `avg(...)`
    Reduced(Reduction, Box<Expression>),
    /// `abs(...)`, of each value.
    Absolute(Box<Expression>),
    /// `index(..., 2)`: the value at a position, from 0.
    At(Box<Expression>, usize),
    /// `a + b * c`, from left to right, in doubles.
    Chain(Box<Expression>, Vec<(ArithmeticOperator, Expression)>),
}

impl Expression {
    /// Reads an operand, which must be a number and not a list.
    pub fn bind(tree: &Arithmetic) -> Result<Self, Mistake> {
        Self::number(tree)
    }

    fn number(tree: &Arithmetic) -> Result<Self, Mistake> {
        let expression = Self::read(tree)?;
        if expression.most() > 1 {
            let message = format!("`{tree}` is a list of values, and a number is needed");
            return Err(Mistake::new(None, message, format!("reduce the list to one number, such as avg({tree})")));
        }
        Ok(expression)
    }

    fn read(tree: &Arithmetic) -> Result<Self, Mistake> {
        match tree {
            Arithmetic::Literal(text) => Number::parse(text)
                .filter(|number| number.to_f64().is_finite())
                .map(Expression::Number)
                .ok_or_else(|| Mistake::new(None, format!("`{text}` is no number"), "write a number that is finite")),
            Arithmetic::Null => {
                Err(Mistake::new(None, "NULL is no number that could be computed with", "write a number"))
            }
            Arithmetic::Group(inner) => Self::read(inner),
            Arithmetic::Chain(first, rest) => {
                let first = Box::new(Self::number(first)?);
                let rest = rest.iter().map(|(operator, operand)| Ok((*operator, Self::number(operand)?)));
                Ok(Expression::Chain(first, rest.collect::<Result<_, Mistake>>()?))
            }
            Arithmetic::Call(name, arguments) => Self::call(name, arguments),
        }
    }

    fn call(name: &Name, arguments: &[Arithmetic]) -> Result<Self, Mistake> {
        match (name.text.as_str(), arguments) {
            ("last", []) => Ok(Expression::Last(1)),
            ("last", [count]) => match whole(count).filter(|count| (1..=MOST_PAST).contains(count)) {
                Some(count) => Ok(Expression::Last(count)),
                None => Err(Mistake::new(
                    Some(name.span),
                    format!("last({count}) is no number of past values"),
                    format!("write a whole number from 1 to {MOST_PAST}"),
                )),
            },
            ("index", [list, position]) => {
                let of = Self::read(list)?;
                let most = of.most();
                match whole(position).filter(|position| *position < most) {
                    Some(position) => Ok(Expression::At(Box::new(of), position)),
                    None => Err(Mistake::new(
                        Some(name.span),
                        format!("{list} has nothing at position {position}"),
                        format!("positions are whole numbers; the newest value is at 0, the oldest at {}", most - 1),
                    )),
                }
            }
            ("abs", [of]) => Ok(Expression::Absolute(Box::new(Self::read(of)?))),
            (word, [of]) => match Reduction::named(word) {
                Some(reduction) => Ok(Expression::Reduced(reduction, Box::new(Self::read(of)?))),
                None => Err(wrong_call(name)),
            },
            _ => Err(wrong_call(name)),
        }
    }

    /// How many values it gives, at most; at least 1.
    fn most(&self) -> usize {
        match self {
            Expression::Last(count) => *count,
            Expression::Absolute(of) => of.most(),
            Expression::Number(_) | Expression::Reduced(_, _) | Expression::At(_, _) | Expression::Chain(_, _) => 1,
        }
    }

    /// How many past values each of its `last` asks for, in the order in which they stand.
    pub fn asked(&self) -> Vec<usize> {
        match self {
            Expression::Number(_) => Vec::new(),
            Expression::Last(count) => vec![*count],
            Expression::Reduced(_, of) | Expression::Absolute(of) | Expression::At(of, _) => of.asked(),
            Expression::Chain(first, rest) => {
                first.asked().into_iter().chain(rest.iter().flat_map(|(_, operand)| operand.asked())).collect()
            }
        }
    }
}

fn wrong_call(name: &Name) -> Mistake {
    let usage = match name.text.as_str() {
        "last" => "write last() or last(5)",
        "index" => "write index(last(5), 2)",
        known if FUNCTIONS.contains(&known) => {
            let help = format!("write {known}(last(5))");
            return Mistake::new(Some(name.span), format!("{known} takes one argument"), help);
        }
        unknown => {
            return Mistake {
                code: Code::UnknownFunction,
                span: Some(name.span),
                message: format!("no function `{}`", unknown.escape_debug()),
                help: format!("functions of past values are {}", FUNCTIONS.join(", ")),
            };
        }
    };
    Mistake::new(Some(name.span), format!("{} does not take these arguments", name.text), usage)
}

/// A whole number without past values in it.
fn whole(tree: &Arithmetic) -> Option<usize> {
    let value = fold(tree)?.to_f64();
    (value.fract() == 0.0 && (0.0..=MOST_PAST as f64).contains(&value)).then_some(value as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dqdl::ast::{OperandValue, RuleNode};

    fn bound(operand: &str) -> (DynamicOperand, Vec<Diagnostic>) {
        let parsed = crate::dqdl::parse(&format!("Rules = [ RowCount > {operand} ]"));
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let rules = parsed.document.rules.expect("rules");
        let RuleNode::Rule(rule) = &rules[0] else { panic!("a rule") };
        let operand = &rule.condition.as_ref().expect("a condition").operands[0];
        let OperandValue::Number(tree) = &operand.value else { panic!("{operand:?}") };
        let mut findings = Vec::new();
        (DynamicOperand::bind(tree, operand.span, &mut findings), findings)
    }

    #[test]
    fn functions_nest_and_last_without_a_count_is_the_newest_value() {
        let (operand, findings) = bound("abs(max(last(3)) - last()) * 2");
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(operand.text, "abs(max(last(3)) - last()) * 2");
        let expression = operand.expression.expect("an expression");
        assert_eq!(expression.asked(), [3, 1]);
        let Expression::Chain(first, rest) = expression else { panic!("a chain") };
        assert!(matches!(*first, Expression::Absolute(_)));
        assert_eq!(rest, [(ArithmeticOperator::Multiply, Expression::Number(Number::integer(2)))]);
    }

    #[test]
    fn a_list_of_one_is_a_number_and_longer_lists_are_reduced_first() {
        for fine in ["last(1)", "index(last(4), 3)", "avg(abs(last(5)))", "last(2 + 1 - 2)", "std(last(9)) + 1"] {
            let (operand, findings) = bound(fine);
            assert!(operand.expression.is_ok() && findings.is_empty(), "{fine}: {findings:?}");
        }
        for list in ["last(2)", "abs(last(2))", "1 + last(5)", "(last(3))", "avg(last(3) - 1)"] {
            let mistake = bound(list).0.expression.expect_err("a list");
            assert!(mistake.message.contains("is a list of values"), "{list}: {}", mistake.message);
            assert!(mistake.help.starts_with("reduce the list"), "{}", mistake.help);
        }
    }

    #[test]
    fn what_can_never_be_evaluated_is_a_warning_when_the_rule_is_bound() {
        for (wrong, message) in [
            ("foo(last(3))", "no function `foo`"),
            ("percentile(last(5), 0.9)", "no function `percentile`"),
            ("avg()", "avg takes one argument"),
            ("avg(last(3), last(4))", "avg takes one argument"),
            ("last(0)", "is no number of past values"),
            ("last(1.5)", "is no number of past values"),
            ("last(10001)", "is no number of past values"),
            ("last(last(3))", "is no number of past values"),
            ("last(1, 2)", "last does not take these arguments"),
            ("index(last(3))", "index does not take these arguments"),
            ("index(last(3), 3)", "has nothing at position 3"),
            ("index(last(3), 0.5)", "has nothing at position 0.5"),
            ("index(last(3), -1)", "has nothing at position -1"),
            ("avg(last(3)) + NULL", "NULL is no number"),
        ] {
            let (operand, findings) = bound(wrong);
            assert!(operand.expression.is_err(), "{wrong}");
            let [finding] = findings.as_slice() else { panic!("{wrong}: {findings:?}") };
            assert_eq!(finding.severity, crate::diagnostic::Severity::Warning);
            assert!(finding.message.contains(message), "{wrong}: {}", finding.message);
        }
    }
}
