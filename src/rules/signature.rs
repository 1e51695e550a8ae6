//! What a rule type says about itself.

use super::bind::BoundRule;
use super::compile::{Compiler, Unevaluated};
use crate::diagnostic::Diagnostic;
use crate::dimension::Dimension;
use crate::dqdl::ast::{Kind, Rule};
use crate::plan::{Observation, Reported};
use std::fmt;

/// A rule or analyzer type.
#[derive(Debug)]
pub struct RuleType {
    /// As written in the language.
    pub name: &'static str,
    /// Whether Glue knows it.
    pub status: Status,
    /// What it says about data; `None` for what is no rule.
    pub dimension: Option<Dimension>,
    /// Where it may stand.
    pub place: Place,
    /// Overloads; the number of parameters chooses.
    pub signatures: &'static [Signature],
    /// Whether it takes `where`.
    pub filter: bool,
    /// Whether it takes `with threshold`.
    pub threshold: bool,
    /// Whether its condition or threshold may use past values.
    pub dynamic: bool,
    /// Whether it judges rows.
    pub row_level: bool,
    /// Whether it may stand in composites that are judged row by row.
    pub row_composite: bool,
    /// Tags it reads, besides the threshold.
    pub tags: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// What it measures, and how NULL, NaN, empty input and types are treated.
    pub manual: &'static str,
    /// Executed by a test.
    pub examples: &'static [Example],
    /// Mistakes that can be seen without data and that only this type knows.
    pub check: fn(&Rule, &mut Vec<Diagnostic>),
    /// What tells apart numbers of one public name that rules of this type report: canonical parameters, conditions
    /// and tags that the number hangs on and the name does not say. Past values are kept by both.
    pub detail: fn(&BoundRule, &str) -> Option<String>,
    /// Turns a bound rule into an observation of metrics.
    pub compile: fn(&mut Compiler<'_>, &BoundRule) -> Result<Observation, Unevaluated>,
    /// Turns a bound analyzer, which has no condition, into the numbers it shows.
    pub analyze: fn(&mut Compiler<'_>, &BoundRule) -> Result<Vec<Reported>, Unevaluated>,
}

impl RuleType {
    /// What most types have in common; each file states the rest.
    pub const BASE: RuleType = RuleType {
        name: "",
        dimension: None,
        status: Status::Glue,
        place: Place::Both,
        signatures: &[],
        filter: false,
        threshold: false,
        dynamic: false,
        row_level: false,
        row_composite: false,
        tags: &[],
        summary: "",
        manual: "",
        examples: &[],
        check: |_, _| {},
        detail: |_, _| None,
        compile: |_, rule| Err(Unevaluated::new("not_a_rule", format!("{} is no rule", rule.rule_type.name))),
        // Most numbers that rules compare need no condition to be measured.
        analyze: |compiler, analyzer| {
            (analyzer.rule_type.compile)(compiler, analyzer).map(|observation| observation.reported)
        },
    };
}

/// Whether Glue knows a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Documented by Glue or accepted by its public parser.
    Glue,
    /// Only here; refused with `--target glue`.
    Extension,
}

/// Where a type may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Only in `Rules`.
    Rules,
    /// Only in `Analyzers`.
    Analyzers,
    /// In both.
    Both,
}

/// One overload of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Names of the parameters, for messages; the last repeats if `repeats`.
    pub parameters: &'static [&'static str],
    /// How many of them must be there.
    pub required: usize,
    /// Whether the last parameter may be given any number of times.
    pub repeats: bool,
    /// Which conditions it takes.
    pub conditions: Conditions,
}

/// Which conditions a signature takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// None may be there.
    None,
    /// One of these kinds must be there.
    Required(&'static [Kind]),
    /// One of these kinds may be there.
    Optional(&'static [Kind]),
}

impl Signature {
    /// A fixed list of parameters.
    pub const fn new(parameters: &'static [&'static str], conditions: Conditions) -> Self {
        Self { parameters, required: parameters.len(), repeats: false, conditions }
    }

    /// Whether so many parameters fit.
    pub fn accepts(&self, count: usize) -> bool {
        count >= self.required && (self.repeats || count <= self.parameters.len())
    }

    /// How a rule of this shape is written.
    pub fn usage(&self, name: &str) -> String {
        let mut usage = name.to_string();
        for (position, parameter) in self.parameters.iter().enumerate() {
            let last = position + 1 == self.parameters.len();
            let text = if self.repeats && last { format!("\"{parameter}\" ...") } else { format!("\"{parameter}\"") };
            usage.push_str(&if position < self.required { format!(" {text}") } else { format!(" [{text}]") });
        }
        let example = |kinds: &[Kind]| match kinds.first() {
            Some(Kind::Number) | None => "> 0",
            Some(Kind::Text) => "= \"text\"",
            Some(Kind::Date) => "> (now() - 1 days)",
            Some(Kind::Duration) => "<= 24 hours",
            Some(Kind::Size) => "> 1 KB",
        };
        match self.conditions {
            Conditions::None => {}
            Conditions::Required(kinds) => usage.push_str(&format!(" {}", example(kinds))),
            Conditions::Optional(kinds) => usage.push_str(&format!(" [{}]", example(kinds))),
        }
        usage
    }
}

/// A condition on numbers must be there: the commonest case.
pub const NUMBER: Conditions = Conditions::Required(&[Kind::Number]);

/// `Type "column" > 0.9`
pub const ONE_COLUMN_NUMBER: &[Signature] = &[Signature::new(&["column"], NUMBER)];

/// An executed example: CSV tables, a rule, the verdict and one metric.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// CSV with header.
    pub data: &'static str,
    /// CSV with header that the rule knows as `ref`; none when empty.
    pub reference: &'static str,
    /// One rule.
    pub rule: &'static str,
    /// `PASS`, `FAIL` or `ERROR`.
    pub verdict: &'static str,
    /// Public name and value of a metric the result must carry.
    pub metric: Option<(&'static str, f64)>,
}

impl Example {
    /// What examples have in common; each states the rest.
    pub const BASE: Example = Example { data: "", reference: "", rule: "", verdict: "", metric: None };
}

/// The rule, its data and what comes out of it, a line each.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.rule)?;
        for line in self.data.lines() {
            writeln!(f, "    {line}")?;
        }
        if !self.reference.is_empty() {
            writeln!(f, "  ref")?;
            for line in self.reference.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        let metric = self.metric.map(|(name, value)| format!("{name} = {value}")).unwrap_or_default();
        // Analyzers have no verdict, and an ERROR has no metric.
        let results: Vec<&str> = [self.verdict, metric.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        writeln!(f, "  {}", results.join(", "))
    }
}
