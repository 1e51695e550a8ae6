//! Documents made in code instead of text.
//!
//! A builder makes the tree that the parser would make; the text is printed from it. It knows no rule type, as
//! nothing here does: what a type accepts is said when the text is bound.
//!
//! ```
//! use dq::comparison::Operator;
//! use dq::dqdl::builder::{RuleBuilder, RulesetBuilder, any, number, text};
//!
//! # fn main() -> Result<(), dq::dqdl::builder::BuildError> {
//! let rules = RulesetBuilder::new()
//!     .rule(RuleBuilder::new("RowCount").condition(Operator::Greater, [number(0)]))
//!     .rule(RuleBuilder::new("IsComplete").parameter("id").label("team", "orders"))
//!     .rule(
//!         RuleBuilder::new("ColumnValues")
//!             .parameter("state")
//!             .condition(Operator::In, [text("open"), text("done")])
//!             .filter("id > 10")
//!             .threshold(Operator::GreaterOrEqual, [number(0.99)]),
//!     )
//!     .rule(any([RuleBuilder::new("IsUnique").parameter("id"), RuleBuilder::new("IsUnique").parameter("key")]));
//! assert_eq!(
//!     rules.to_dqdl()?,
//!     r#"Rules = [
//!     RowCount > 0,
//!     IsComplete "id" labels=["team"="orders"],
//!     ColumnValues "state" in ["open","done"] where "id > 10" with threshold >= 0.99,
//!     (IsUnique "id") OR (IsUnique "key")
//! ]
//! "#
//! );
//! # Ok(())
//! # }
//! ```

use super::ast::{
    Arithmetic, Composite, Condition, Connective, DateOperand, Document, Kind, Labels, Name, Operand, OperandValue,
    Operator, Parameter, ParameterValue, Quantity, Rule, RuleNode, SizeUnit, Tag, TagValue, Text, TimeUnit,
};
use super::parser::parse;
use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;
use std::fmt::Display;

/// A tree that no text stands for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The text is no document.
    #[error("`{text}` is no DQDL: {}", diagnostic.message)]
    Syntax {
        /// What was printed.
        text: String,
        /// The first mistake in it.
        diagnostic: Box<Diagnostic>,
    },
    /// The text is read as something else: a name with blanks, a backslash before a quote, a number that is none.
    #[error("`{0}` would be read as something else")]
    Ambiguous(String),
}

/// A document that grows rule by rule.
#[derive(Debug, Clone, Default)]
pub struct RulesetBuilder {
    document: Document,
}

impl RulesetBuilder {
    /// Without any rule.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule, or rules joined by [`all`] or [`any`].
    #[must_use]
    pub fn rule(mut self, rule: impl Into<RuleNode>) -> Self {
        self.document.rules.get_or_insert_default().push(rule.into());
        self
    }

    /// Adds an analyzer: a type with parameters and tags.
    #[must_use]
    pub fn analyzer(mut self, analyzer: RuleBuilder) -> Self {
        self.document.analyzers.get_or_insert_default().push(analyzer.rule);
        self
    }

    /// Adds a label of all rules.
    #[must_use]
    pub fn default_label(mut self, key: &str, value: &str) -> Self {
        let labels = self.document.default_labels.get_or_insert_with(no_labels);
        labels.labels.push((quoted(key), quoted(value)));
        self
    }

    /// The tree as it was put together, unchecked.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The canonical text, which reads as the same tree.
    pub fn to_dqdl(&self) -> Result<String, BuildError> {
        let text = self.document.to_string();
        let parsed = parse(&text);
        if let Some(diagnostic) = parsed.diagnostics.into_iter().find(|found| found.severity == Severity::Error) {
            return Err(BuildError::Syntax { text, diagnostic: Box::new(diagnostic) });
        }
        if parsed.document == self.document { Ok(text) } else { Err(BuildError::Ambiguous(text)) }
    }
}

/// A rule or an analyzer that grows part by part.
#[derive(Debug, Clone)]
pub struct RuleBuilder {
    rule: Rule,
}

impl RuleBuilder {
    /// Of a type.
    #[must_use]
    pub fn new(type_name: &str) -> Self {
        Self {
            rule: Rule {
                type_name: name(type_name),
                parameters: Vec::new(),
                condition: None,
                filter: None,
                threshold: None,
                tags: Vec::new(),
                labels: None,
                span: Span::default(),
            },
        }
    }

    /// Adds a parameter, mostly a column; quotes inside are escaped.
    #[must_use]
    pub fn parameter(mut self, value: &str) -> Self {
        let value = ParameterValue::Quoted(escaped(value));
        self.rule.parameters.push(Parameter { connector: None, value, span: Span::default() });
        self
    }

    /// Sets the condition. The operands must be of one kind: that of the first, or of the first that is no keyword.
    #[must_use]
    pub fn condition(mut self, operator: Operator, operands: impl IntoIterator<Item = OperandValue>) -> Self {
        self.rule.condition = Some(condition(operator, operands));
        self
    }

    /// Sets the predicate that selects rows: `where`, SQL.
    #[must_use]
    pub fn filter(mut self, sql: &str) -> Self {
        self.rule.filter = Some(quoted(sql));
        self
    }

    /// Sets the share of rows that must satisfy, from 0 to 1: `with threshold`.
    #[must_use]
    pub fn threshold(mut self, operator: Operator, operands: impl IntoIterator<Item = OperandValue>) -> Self {
        self.rule.threshold = Some(condition(operator, operands));
        self
    }

    /// Adds a tag with a text: `with name = "value"`.
    #[must_use]
    pub fn tag(mut self, tag: &str, value: &str) -> Self {
        self.rule.tags.push(Tag { name: name(tag), value: TagValue::Text(quoted(value)), span: Span::default() });
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.rule.labels.get_or_insert_with(no_labels).labels.push((quoted(key), quoted(value)));
        self
    }
}

impl From<RuleBuilder> for RuleNode {
    fn from(builder: RuleBuilder) -> Self {
        RuleNode::Rule(Box::new(builder.rule))
    }
}

/// Rules that must all pass. One rule alone is itself; of none, the text is refused.
pub fn all<R: Into<RuleNode>>(rules: impl IntoIterator<Item = R>) -> RuleNode {
    composite(Connective::And, rules.into_iter().map(Into::into))
}

/// Rules of which one must pass. One rule alone is itself; of none, the text is refused.
pub fn any<R: Into<RuleNode>>(rules: impl IntoIterator<Item = R>) -> RuleNode {
    composite(Connective::Or, rules.into_iter().map(Into::into))
}

fn composite(connective: Connective, rules: impl Iterator<Item = RuleNode>) -> RuleNode {
    let mut operands: Vec<RuleNode> = Vec::new();
    for rule in rules {
        match rule {
            // Runs of one connective are flat, as the parser has them.
            RuleNode::Composite(own) if own.connective == connective && own.labels.is_none() => {
                operands.extend(own.operands);
            }
            rule => operands.push(rule),
        }
    }
    if operands.len() == 1
        && let Some(only) = operands.pop()
    {
        return only;
    }
    RuleNode::Composite(Composite { connective, operands, labels: None, span: Span::default() })
}

/// A number as an operand, as its type prints it.
pub fn number(value: impl Display) -> OperandValue {
    OperandValue::Number(Arithmetic::Literal(value.to_string()))
}

/// A text as an operand; quotes inside are escaped.
pub fn text(value: &str) -> OperandValue {
    OperandValue::Text(escaped(value))
}

/// A day as an operand.
pub fn date(day: chrono::NaiveDate) -> OperandValue {
    OperandValue::Date(DateOperand::Date(day.format("%Y-%m-%d").to_string()))
}

/// The time of the run, less so many units.
pub fn ago(amount: u32, unit: TimeUnit) -> OperandValue {
    let amount = Quantity { amount: amount.to_string(), unit };
    OperandValue::Date(DateOperand::NowOffset { minus: true, amount })
}

/// So much time as an operand.
pub fn duration(amount: u32, unit: TimeUnit) -> OperandValue {
    OperandValue::Duration(Quantity { amount: amount.to_string(), unit })
}

/// A size as an operand, in units of powers of 1024.
pub fn size(amount: u64, unit: SizeUnit) -> OperandValue {
    OperandValue::Size(Quantity { amount: amount.to_string(), unit })
}

/// `NULL` as an operand.
pub fn null() -> OperandValue {
    OperandValue::Null
}

fn condition(operator: Operator, operands: impl IntoIterator<Item = OperandValue>) -> Condition {
    let operands: Vec<_> = operands.into_iter().map(|value| Operand { value, span: Span::default() }).collect();
    let kind = operands.iter().find_map(|operand| match &operand.value {
        OperandValue::Number(_) => Some(Kind::Number),
        OperandValue::Text(_) | OperandValue::Empty | OperandValue::WhitespacesOnly | OperandValue::Variable(_) => {
            Some(Kind::Text)
        }
        OperandValue::Date(_) => Some(Kind::Date),
        OperandValue::Duration(_) => Some(Kind::Duration),
        OperandValue::Size(_) => Some(Kind::Size),
        OperandValue::Null => None,
    });
    // `NULL` alone is of the kind of numbers.
    Condition { operator, operands, kind: kind.unwrap_or(Kind::Number), span: Span::default() }
}

fn no_labels() -> Labels {
    Labels { labels: Vec::new(), span: Span::default() }
}

fn name(text: &str) -> Name {
    Name { text: text.into(), span: Span::default() }
}

fn quoted(text: &str) -> Text {
    Text { raw: escaped(text), span: Span::default() }
}

/// Text as it stands between quotes. A backslash stays as it is: the language keeps it.
fn escaped(text: &str) -> String {
    text.replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_refused() {
        let built = |rule: RuleBuilder| RulesetBuilder::new().rule(rule).to_dqdl();
        let column = |text: &str| built(RuleBuilder::new("IsComplete").parameter(text));
        assert_eq!(column(r#"a "b""#).as_deref(), Ok("Rules = [\n    IsComplete \"a \\\"b\\\"\"\n]\n"));
        assert!(built(RuleBuilder::new("IsComplete").parameter(r"a\").label("k", "v")).is_err());
        assert!(built(RuleBuilder::new("Is Complete")).is_err());
        assert!(built(RuleBuilder::new("RowCount").condition(Operator::Equal, [number("1, 2")])).is_err());
        assert!(built(RuleBuilder::new("RowCount").condition(Operator::Equal, [])).is_err());
        assert!(RulesetBuilder::new().rule(all::<RuleBuilder>([])).to_dqdl().is_err());
    }

    #[test]
    fn conditions_print_as_they_are_read() {
        let of = |operator, operands: Vec<OperandValue>| {
            let rule = RuleBuilder::new("ColumnValues").parameter("a").condition(operator, operands);
            RulesetBuilder::new().rule(rule).to_dqdl()
        };
        let table = [
            (Operator::Between, vec![number(-1), number(2.5)], "between -1 and 2.5"),
            (Operator::NotIn, vec![text("x"), null()], "not in [\"x\",NULL]"),
            (Operator::Equal, vec![null()], "= NULL"),
            (Operator::Matches, vec![text("[a-z]+")], "matches \"[a-z]+\""),
            (Operator::Greater, vec![ago(3, TimeUnit::Days)], "> (now() - 3 days)"),
            (Operator::LessOrEqual, vec![duration(24, TimeUnit::Hours)], "<= 24 hours"),
            (Operator::Greater, vec![size(10, SizeUnit::Megabytes)], "> 10 MB"),
        ];
        for (operator, operands, expected) in table {
            let expected = format!("Rules = [\n    ColumnValues \"a\" {expected}\n]\n");
            assert_eq!(of(operator, operands), Ok(expected));
        }
    }
}
