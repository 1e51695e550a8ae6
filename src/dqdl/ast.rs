//! The syntax tree. Every node keeps its span; equality ignores spans.
//!
//! Numbers keep their source spelling and strings keep their escapes, because the
//! canonical text in results does. The tree is flat where the language chains
//! (`a + b + c`, `(A) and (B) and (C)`), so its depth is bounded by
//! [`crate::dqdl::MAX_DEPTH`] and dropping it never overflows the stack.

pub use crate::comparison::Operator;
use crate::span::Span;

/// A whole document; sections that are absent are `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// `Metadata = { ... }`
    pub metadata: Option<Dictionary>,
    /// `DataSources = { ... }`
    pub data_sources: Option<Dictionary>,
    /// `name = "text"`, in order.
    pub variables: Vec<Variable>,
    /// `DefaultLabels = [ ... ]`
    pub default_labels: Option<Labels>,
    /// `Rules = [ ... ]`
    pub rules: Option<Vec<RuleNode>>,
    /// `Analyzers = [ ... ]`
    pub analyzers: Option<Vec<Rule>>,
}

/// `{ "key": "value", "key": ["a", "b"] }`
#[derive(Debug, Clone, PartialEq)]
pub struct Dictionary {
    /// In source order; keys may repeat here and are refused later.
    pub entries: Vec<(Text, TextOrList)>,
    /// From brace to brace.
    pub span: Span,
}

/// A string or a list of strings.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOrList {
    /// `"text"`
    Text(Text),
    /// `["a", "b"]`
    List(Vec<Text>, Span),
}

impl TextOrList {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            TextOrList::Text(text) => text.span,
            TextOrList::List(_, span) => *span,
        }
    }
}

/// A quoted string: the characters between the quotes, escapes untouched.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// As written.
    pub raw: String,
    /// Quotes included.
    pub span: Span,
}

/// An identifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// `name = "text"` or `name = ["a", "b"]`
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Without `$`.
    pub name: Name,
    /// Its value.
    pub value: TextOrList,
}

/// `[ "key" = "value", ... ]`
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// In source order.
    pub labels: Vec<(Text, Text)>,
    /// From bracket to bracket.
    pub span: Span,
}

/// A rule or a composite of rules.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleNode {
    /// One rule.
    Rule(Box<Rule>),
    /// `(A) and (B)`
    Composite(Composite),
}

impl RuleNode {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            RuleNode::Rule(rule) => rule.span,
            RuleNode::Composite(composite) => composite.span,
        }
    }
}

/// How a composite joins its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connective {
    /// All operands hold.
    And,
    /// At least one operand holds.
    Or,
}

impl Connective {
    /// As canonical text has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Connective::And => "AND",
            Connective::Or => "OR",
        }
    }
}

/// Rules joined by one connective; runs of one connective are flat.
#[derive(Debug, Clone, PartialEq)]
pub struct Composite {
    /// `and` or `or`.
    pub connective: Connective,
    /// Two or more.
    pub operands: Vec<RuleNode>,
    /// Labels after the closing parenthesis.
    pub labels: Option<Labels>,
    /// From the first operand to the last.
    pub span: Span,
}

/// `Type parameters condition where labels tags`; also an analyzer, which has only
/// type, parameters and tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The rule type as written; unchecked.
    pub type_name: Name,
    /// In source order.
    pub parameters: Vec<Parameter>,
    /// `> 5`
    pub condition: Option<Condition>,
    /// `where "..."`
    pub filter: Option<Text>,
    /// `with threshold > 0.9`
    pub threshold: Option<Condition>,
    /// All other tags, in source order.
    pub tags: Vec<Tag>,
    /// `labels = [ ... ]`
    pub labels: Option<Labels>,
    /// The whole rule.
    pub span: Span,
}

/// A parameter with the word that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// `of`, `and`, ...: decoration, kept for printing.
    pub connector: Option<String>,
    /// The value.
    pub value: ParameterValue,
    /// The value's place, quotes included.
    pub span: Span,
}

/// How a parameter is spelled.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// `"text"`
    Quoted(String),
    /// `text`
    Bare(String),
    /// `$name`
    Variable(String),
}

/// `with name = value`
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// As written.
    pub name: Name,
    /// The value.
    pub value: TagValue,
    /// From the name to the end of the value.
    pub span: Span,
}

/// What a tag is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum TagValue {
    /// `"text"`
    Text(Text),
    /// A number as written, blanks removed.
    Number(String),
    /// `true` or `false`, unquoted: options of analyzers.
    Boolean(bool),
    /// `["a", "b"]`
    List(Vec<Text>),
}

/// What kind of values a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Numbers, arithmetic, functions, `NULL` alone.
    Number,
    /// Strings and their keywords.
    Text,
    /// Dates, `now()`, times of day.
    Date,
    /// `3 days`
    Duration,
    /// `10 MB`
    Size,
}

impl Kind {
    /// The word for messages and for `grammar/rule-types.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Text => "string",
            Kind::Date => "date",
            Kind::Duration => "duration",
            Kind::Size => "size",
        }
    }
}

/// An operator and its operands: one, two for `between`, one or more for lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The comparison.
    pub operator: Operator,
    /// The operands, all of one kind.
    pub operands: Vec<Operand>,
    /// The kind of the operands.
    pub kind: Kind,
    /// From the operator to the last operand.
    pub span: Span,
}

/// One operand and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// What it is.
    pub value: OperandValue,
    /// Where.
    pub span: Span,
}

/// What an operand can be.
#[derive(Debug, Clone, PartialEq)]
pub enum OperandValue {
    /// A number or arithmetic.
    Number(Arithmetic),
    /// `"text"`, escapes untouched.
    Text(String),
    /// `NULL`
    Null,
    /// `EMPTY`
    Empty,
    /// `WHITESPACES_ONLY`
    WhitespacesOnly,
    /// A date, `now()` or a time of day.
    Date(DateOperand),
    /// `3 days`
    Duration(Quantity<TimeUnit>),
    /// `10 MB`
    Size(Quantity<SizeUnit>),
    /// `$name`, the whole right side of `in`.
    Variable(String),
}

/// Numbers and what is computed from them, left to right.
#[derive(Debug, Clone, PartialEq)]
pub enum Arithmetic {
    /// A number as written, sign included, blanks removed.
    Literal(String),
    /// `NULL` inside an expression.
    Null,
    /// `avg(last(5))`
    Call(Name, Vec<Arithmetic>),
    /// `(...)`
    Group(Box<Arithmetic>),
    /// `a + b * c`: all operators have one precedence.
    Chain(Box<Arithmetic>, Vec<(ArithmeticOperator, Arithmetic)>),
}

/// `+ - * /`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArithmeticOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl ArithmeticOperator {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            ArithmeticOperator::Add => "+",
            ArithmeticOperator::Subtract => "-",
            ArithmeticOperator::Multiply => "*",
            ArithmeticOperator::Divide => "/",
        }
    }
}

/// A point in time.
#[derive(Debug, Clone, PartialEq)]
pub enum DateOperand {
    /// `"2026-01-31"`; only its shape is checked here.
    Date(String),
    /// `"09:30"` or `"9:30 AM"`: that time today.
    Time(String),
    /// `now()`
    Now,
    /// `(now() - 3 days)`
    NowOffset {
        /// `true` for `-`.
        minus: bool,
        /// How much.
        amount: Quantity<TimeUnit>,
    },
}

/// A whole number of units; the number as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity<U> {
    /// Digits.
    pub amount: String,
    /// The unit.
    pub unit: U,
}

/// Units of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// `days`
    Days,
    /// `hours`
    Hours,
    /// `minutes`
    Minutes,
}

impl TimeUnit {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            TimeUnit::Days => "days",
            TimeUnit::Hours => "hours",
            TimeUnit::Minutes => "minutes",
        }
    }

    /// The unit of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [TimeUnit::Days, TimeUnit::Hours, TimeUnit::Minutes].into_iter().find(|unit| unit.as_str() == word)
    }

    /// Length in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            TimeUnit::Days => 86_400,
            TimeUnit::Hours => 3_600,
            TimeUnit::Minutes => 60,
        }
    }
}

/// Units of sizes, powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizeUnit {
    /// `B`
    Bytes,
    /// `KB`
    Kilobytes,
    /// `MB`
    Megabytes,
    /// `GB`
    Gigabytes,
    /// `TB`
    Terabytes,
}

impl SizeUnit {
    const ALL: [Self; 5] =
        [SizeUnit::Bytes, SizeUnit::Kilobytes, SizeUnit::Megabytes, SizeUnit::Gigabytes, SizeUnit::Terabytes];

    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            SizeUnit::Bytes => "B",
            SizeUnit::Kilobytes => "KB",
            SizeUnit::Megabytes => "MB",
            SizeUnit::Gigabytes => "GB",
            SizeUnit::Terabytes => "TB",
        }
    }

    /// The unit of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == word)
    }

    /// Size in bytes.
    pub fn bytes(self) -> i128 {
        1 << (10 * Self::ALL.iter().position(|unit| *unit == self).unwrap_or(0))
    }
}
