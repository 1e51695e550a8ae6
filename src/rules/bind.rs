//! Documents against the registry: names, counts, kinds, flags, variables, labels.
//! Needs no data. Every mistake of a document is reported in one go.

mod conditions;
mod names;

use super::condition::{BoundCondition, NumberCondition};
use super::signature::{Conditions, Place, RuleType, Signature, Status};
use super::{all, find};
use crate::diagnostic::{Code, Diagnostic, Severity, nearest};
use crate::dqdl::ast::{Composite, Connective, Document, ParameterValue, Rule, RuleNode, TagValue, TextOrList};
use crate::span::Span;
use crate::sql::{SqlMistake, lost_backslash};
use chrono::{DateTime, Utc};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Which engine a ruleset must also run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// This one: extensions are allowed.
    #[default]
    Dq,
    /// Glue: every extension is a mistake.
    Glue,
}

/// What binding depends on besides the document.
#[derive(Debug, Clone, Copy)]
pub struct BindOptions {
    /// The time of the run; times of day and `now()` are fixed by it.
    pub now: DateTime<Utc>,
    /// The engine to accept for.
    pub target: Target,
}

impl Default for BindOptions {
    /// The time of the clock, and this engine.
    fn default() -> Self {
        Self { now: Utc::now(), target: Target::default() }
    }
}

/// A checked document.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// Rules without mistakes, in order.
    pub rules: Vec<BoundNode>,
    /// Analyzers without mistakes, in order.
    pub analyzers: Vec<BoundRule>,
    /// Mistakes and findings, in order of position.
    pub diagnostics: Vec<Diagnostic>,
}

impl Bound {
    /// Whether the document is refused.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// A rule or a composite, checked.
#[derive(Debug, Clone)]
pub enum BoundNode {
    /// One rule.
    Rule(Box<BoundRule>),
    /// Rules joined by `and` or `or`.
    Composite {
        /// Which.
        connective: Connective,
        /// Two or more.
        operands: Vec<BoundNode>,
        /// Canonical text.
        text: String,
        /// Canonical text without labels, as rows name it.
        unlabelled: String,
        /// Default labels and its own.
        labels: BTreeMap<String, String>,
        /// Where it stands.
        span: Span,
    },
}

impl BoundNode {
    /// Canonical text without labels, as rows name it.
    pub fn unlabelled(&self) -> &str {
        match self {
            BoundNode::Rule(rule) => &rule.unlabelled,
            BoundNode::Composite { unlabelled, .. } => unlabelled,
        }
    }

    /// The value of a label, whatever the case of its name.
    pub fn label(&self, name: &str) -> Option<&str> {
        let labels = match self {
            BoundNode::Rule(rule) => &rule.labels,
            BoundNode::Composite { labels, .. } => labels,
        };
        labels.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A rule with everything resolved that needs no data.
#[derive(Debug, Clone)]
pub struct BoundRule {
    /// Its type.
    pub rule_type: &'static RuleType,
    /// Parameters, variables replaced.
    pub parameters: Vec<String>,
    /// Its condition.
    pub condition: Option<BoundCondition>,
    /// Its threshold.
    pub threshold: Option<NumberCondition>,
    /// Its predicate.
    pub filter: Option<SqlText>,
    /// Tags by name; the last of a name wins.
    pub tags: HashMap<String, TagValue>,
    /// Default labels and its own, sorted by key.
    pub labels: BTreeMap<String, String>,
    /// Canonical text.
    pub text: String,
    /// Canonical text without labels, as rows name it.
    pub unlabelled: String,
    /// Where it stands.
    pub span: Span,
    /// Where its parameters stand.
    pub parameter_spans: Vec<Span>,
    /// As it was read.
    pub tree: Rule,
}

/// SQL inside a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    /// As it stands between the quotes.
    pub text: Arc<str>,
    /// Where the quoted string stands.
    pub span: Span,
    /// Whether the text stands in the string itself, so that places in it can be shown.
    pub literal: bool,
}

impl SqlText {
    /// Mistakes that need no data. They make the rule an ERROR; the other rules are evaluated.
    pub fn mistakes(&self, code: Code, check: fn(&str) -> Result<(), SqlMistake>) -> Vec<Diagnostic> {
        let invalid = check(&self.text)
            .err()
            .map(|mistake| SqlMistake { help: mistake.help.or(Some("the rule will be ERROR".into())), ..mistake });
        let finding = |mistake: SqlMistake| {
            let finding = Diagnostic::warning(code, self.span_at(mistake.offset), mistake.message);
            finding.help(mistake.help.unwrap_or_default())
        };
        invalid.into_iter().chain(lost_backslash(&self.text)).map(finding).collect()
    }

    /// The place of a byte of the text in the document; the whole string when it is not known.
    pub fn span_at(&self, offset: Option<usize>) -> Span {
        match offset {
            Some(offset) if self.literal && offset < self.text.len() => {
                let rest = &self.text[offset..];
                let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let length = word.max(rest.chars().next().map_or(1, char::len_utf8));
                let start = self.span.start + 1 + offset;
                Span::new(start, start + length)
            }
            _ => self.span,
        }
    }
}

impl BoundRule {
    /// A parameter that is SQL.
    pub fn sql_parameter(&self, position: usize) -> SqlText {
        let text = self.parameters.get(position).map_or("", String::as_str);
        let span = self.parameter_spans.get(position).copied().unwrap_or(self.span);
        SqlText { text: text.into(), span, literal: span.end - span.start == text.len() + 2 }
    }

    /// The condition and these tags in canonical text: what a number hangs on that is not named after them.
    pub fn described(&self, tags: &[&str]) -> String {
        let condition = self.tree.condition.iter().map(ToString::to_string);
        let named = self.tree.tags.iter().filter(|tag| tags.contains(&tag.name.text.as_str()));
        condition.chain(named.map(ToString::to_string)).collect::<Vec<_>>().join(" ")
    }

    /// A tag given as text, or as a number in its spelling.
    pub fn tag(&self, name: &str) -> Option<&str> {
        match self.tags.get(name)? {
            TagValue::Text(text) => Some(&text.raw),
            TagValue::Number(number) => Some(number),
            TagValue::Boolean(_) | TagValue::List(_) => None,
        }
    }
}

/// Checks a document.
pub fn bind(document: &Document, options: &BindOptions) -> Bound {
    let mut binder = Binder {
        options,
        variables: HashMap::new(),
        used: RefCell::default(),
        defaults: BTreeMap::new(),
        diagnostics: crate::dqdl::lint::lint(document),
    };
    binder.dictionaries(document);
    binder.variables(document);
    if let Some(labels) = &document.default_labels {
        binder.defaults = binder.labels(labels);
    }
    let rules = document.rules.iter().flatten().filter_map(|node| binder.node(node)).collect();
    let analyzers = document.analyzers.iter().flatten().filter_map(|analyzer| binder.analyzer(analyzer)).collect();
    for variable in &document.variables {
        if !binder.used.borrow().contains(&variable.name.text) {
            binder.diagnostics.push(
                Diagnostic::warning(
                    Code::UnusedVariable,
                    variable.name.span,
                    format!("variable `{}` is never used", variable.name.text),
                )
                .help("remove it"),
            );
        }
    }
    let mut diagnostics = binder.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    Bound { rules, analyzers, diagnostics }
}

struct Binder<'a> {
    options: &'a BindOptions,
    variables: HashMap<String, &'a TextOrList>,
    used: RefCell<HashSet<String>>,
    defaults: BTreeMap<String, String>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Binder<'a> {
    fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    fn node(&mut self, node: &RuleNode) -> Option<BoundNode> {
        match node {
            RuleNode::Rule(rule) => self.rule(rule).map(|rule| BoundNode::Rule(Box::new(rule))),
            RuleNode::Composite(composite) => {
                let labels = self.merged_labels(composite.labels.as_ref());
                let operands: Vec<_> = composite.operands.iter().map(|operand| self.node(operand)).collect();
                let operands: Option<Vec<_>> = operands.into_iter().collect();
                Some(BoundNode::Composite {
                    connective: composite.connective,
                    operands: operands?,
                    text: node.to_string(),
                    unlabelled: without_labels(node).to_string(),
                    labels,
                    span: composite.span,
                })
            }
        }
    }

    fn rule(&mut self, rule: &Rule) -> Option<BoundRule> {
        let before = self.diagnostics.len();
        let rule_type = self.rule_type(rule)?;
        if rule_type.place == Place::Analyzers {
            self.error(
                Code::WrongSection,
                rule.type_name.span,
                format!("{} is an analyzer, not a rule", rule_type.name),
                "move it to `Analyzers = [ ... ]`",
            );
            return None;
        }
        let signature = self.signature(rule, rule_type)?;
        let bound = self.common(rule, rule_type)?;
        let zone = self.zone(rule);
        let (condition, threshold) = self.conditions(rule, rule_type, signature, zone);
        if rule.filter.is_some() && !rule_type.filter {
            let span = rule.filter.as_ref().map_or(rule.span, |filter| filter.span);
            self.error(
                Code::WhereNotSupported,
                span,
                format!("{} takes no `where`", rule_type.name),
                "remove it; a filtered rule can be written with CustomSql",
            );
        }
        let filter = rule.filter.as_ref().and_then(|filter| {
            if filter.raw.is_empty() {
                self.error(
                    Code::WhereInvalid,
                    filter.span,
                    "the predicate is empty",
                    "write a predicate, or remove `where`",
                );
            }
            let filter = SqlText { text: filter.raw.as_str().into(), span: filter.span, literal: true };
            self.diagnostics.extend(filter.mistakes(Code::WhereInvalid, crate::sql::check_predicate));
            (!filter.text.trim().is_empty()).then_some(filter)
        });
        (!self.errors_since(before)).then_some(BoundRule { condition, threshold, filter, ..bound })
    }

    fn analyzer(&mut self, analyzer: &Rule) -> Option<BoundRule> {
        let before = self.diagnostics.len();
        let rule_type = self.rule_type(analyzer)?;
        if rule_type.place == Place::Rules {
            self.error(
                Code::WrongSection,
                analyzer.type_name.span,
                format!("{} is not an analyzer", rule_type.name),
                "analyzers measure a number; put this into `Rules = [ ... ]`",
            );
            return None;
        }
        let signature = self.signature(analyzer, rule_type)?;
        if rule_type.place == Place::Both && signature.conditions == Conditions::None {
            self.error(
                Code::WrongSection,
                analyzer.span,
                format!("{} in this form is not an analyzer", rule_type.name),
                "put it into `Rules = [ ... ]`",
            );
        }
        let bound = self.common(analyzer, rule_type)?;
        (!self.errors_since(before)).then_some(bound)
    }

    fn errors_since(&self, before: usize) -> bool {
        self.diagnostics[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    fn rule_type(&mut self, rule: &Rule) -> Option<&'static RuleType> {
        let name = &rule.type_name;
        let Some(rule_type) = find(&name.text) else {
            let finding =
                Diagnostic::error(Code::UnknownRuleType, name.span, format!("there is no rule type `{}`", name.text));
            self.diagnostics.push(match nearest(&name.text, all().into_iter().map(|rule_type| rule_type.name)) {
                Some(near) => finding.help(format!("did you mean `{near}`? Names are case-sensitive")),
                None => finding.help("`dq rules` lists all types"),
            });
            return None;
        };
        if rule_type.status == Status::Extension && self.options.target == Target::Glue {
            self.error(
                Code::Extension,
                name.span,
                format!("{} is an extension that Glue does not have", rule_type.name),
                "remove the rule, or drop `--target glue`",
            );
        }
        Some(rule_type)
    }

    fn signature(&mut self, rule: &Rule, rule_type: &'static RuleType) -> Option<&'static Signature> {
        let count = rule.parameters.len();
        if let Some(signature) = rule_type.signatures.iter().find(|signature| signature.accepts(count)) {
            for parameter in &rule.parameters {
                if let (Some("and" | "AND"), ParameterValue::Bare(text)) =
                    (parameter.connector.as_deref(), &parameter.value)
                    && find(text).is_some()
                {
                    let finding = Diagnostic::warning(
                        Code::ConnectorAnd,
                        parameter.span,
                        format!("`{text}` is read as a parameter of {}, not as a rule", rule_type.name),
                    );
                    self.diagnostics.push(finding.help("put rules of a composite in parentheses: (A) and (B)"));
                }
            }
            return Some(signature);
        }
        let usages: Vec<_> =
            rule_type.signatures.iter().map(|signature| format!("`{}`", signature.usage(rule_type.name))).collect();
        let span =
            rule.parameters.iter().map(|parameter| parameter.span).reduce(Span::to).unwrap_or(rule.type_name.span);
        let stray = rule.parameters.iter().find_map(|parameter| match &parameter.value {
            ParameterValue::Bare(text) => find(text).map(|stray| (stray.name, parameter.connector.is_some())),
            _ => None,
        });
        let help = match stray {
            Some((name, true)) => format!("`and` joins parameters; write (…) and ({name} …) for two rules"),
            Some((name, false)) => format!("is a comma missing before {name}?"),
            None => format!("write {}", usages.join(" or ")),
        };
        let counted = match count {
            0 => "none is given".to_string(),
            1 => "1 is given".to_string(),
            count => format!("{count} are given"),
        };
        let wants: Vec<_> = rule_type.signatures.iter().map(wanted).collect();
        self.error(
            Code::ParameterCount,
            span,
            format!("{} takes {}, {counted}", rule_type.name, wants.join(" or ")),
            help,
        );
        None
    }

    /// Everything that rules and analyzers share.
    fn common(&mut self, rule: &Rule, rule_type: &'static RuleType) -> Option<BoundRule> {
        let mut parameters = Vec::with_capacity(rule.parameters.len());
        for parameter in &rule.parameters {
            match &parameter.value {
                ParameterValue::Quoted(text) | ParameterValue::Bare(text) => parameters.push(text.clone()),
                ParameterValue::Variable(name) => match self.lookup(name, parameter.span) {
                    Ok(TextOrList::Text(text)) => parameters.push(text.raw.clone()),
                    Ok(TextOrList::List(_, _)) => self.error(
                        Code::VariableType,
                        parameter.span,
                        format!("`${name}` is a list; a parameter is one text"),
                        "use a variable that holds one string",
                    ),
                    Err(finding) => self.diagnostics.push(finding),
                },
            }
        }
        let mut tags = HashMap::new();
        for tag in &rule.tags {
            if !rule_type.tags.contains(&tag.name.text.as_str()) {
                let finding = Diagnostic::warning(
                    Code::UnknownTag,
                    tag.name.span,
                    format!("{} does not read the tag `{}`", rule_type.name, tag.name.text),
                );
                let near = nearest(
                    &tag.name.text,
                    rule_type.tags.iter().copied().chain(rule_type.threshold.then_some("threshold")),
                );
                self.diagnostics.push(finding.help(
                    near.map_or("it has no effect; remove it".to_string(), |near| format!("did you mean `{near}`?")),
                ));
            }
            tags.insert(tag.name.text.clone(), tag.value.clone());
        }
        let labels = self.merged_labels(rule.labels.as_ref());
        let parameter_spans = rule.parameters.iter().map(|parameter| parameter.span).collect();
        Some(BoundRule {
            rule_type,
            parameters,
            condition: None,
            threshold: None,
            filter: None,
            tags,
            labels,
            text: rule.to_string(),
            unlabelled: Rule { labels: None, ..rule.clone() }.to_string(),
            span: rule.span,
            parameter_spans,
            tree: rule.clone(),
        })
    }
}

fn without_labels(node: &RuleNode) -> RuleNode {
    match node {
        RuleNode::Rule(rule) => RuleNode::Rule(Box::new(Rule { labels: None, ..(**rule).clone() })),
        RuleNode::Composite(composite) => RuleNode::Composite(Composite {
            labels: None,
            operands: composite.operands.iter().map(without_labels).collect(),
            ..composite.clone()
        }),
    }
}

fn wanted(signature: &Signature) -> String {
    match (signature.required, signature.parameters.len(), signature.repeats) {
        (0, 0, _) => "no parameter".into(),
        (required, _, true) => format!("{required} or more parameters"),
        (required, most, false) if required != most => format!("{required} or {most} parameters"),
        (1, _, _) => "one parameter".into(),
        (required, _, _) => format!("{required} parameters"),
    }
}
