//! Documents against the registry: names, counts, kinds, flags, variables, labels.
//! Needs no data. Every mistake of a document is reported in one go.

use super::condition::{BoundCondition, NumberCondition, Resolver};
use super::signature::{Conditions, Place, RuleType, Signature, Status};
use super::{REGISTRY, find, points};
use crate::diagnostic::{Code, Diagnostic, Severity, nearest};
use crate::dqdl::ast::{Connective, Document, Kind, Labels, ParameterValue, Rule, RuleNode, TagValue, TextOrList};
use crate::span::Span;
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
        /// Default labels and its own.
        labels: BTreeMap<String, String>,
        /// Where it stands.
        span: Span,
    },
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
    /// Its predicate, blanks trimmed.
    pub filter: Option<Arc<str>>,
    /// Tags by name; the last of a name wins.
    pub tags: HashMap<String, TagValue>,
    /// Default labels and its own, sorted by key.
    pub labels: BTreeMap<String, String>,
    /// Canonical text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Where its parameters stand.
    pub parameter_spans: Vec<Span>,
}

impl BoundRule {
    /// A tag given as text, or as a number in its spelling.
    pub fn tag(&self, name: &str) -> Option<&str> {
        match self.tags.get(name)? {
            TagValue::Text(text) => Some(&text.raw),
            TagValue::Number(number) => Some(number),
            TagValue::Boolean(_) | TagValue::List(_) => None,
        }
    }
}

/// Limits of labels: the language's.
const LABELS: usize = 10;
const LABEL_KEY: usize = 128;
const LABEL_VALUE: usize = 256;

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

    fn dictionaries(&mut self, document: &Document) {
        for (name, dictionary, keys) in [
            ("Metadata", &document.metadata, &["Version"][..]),
            ("DataSources", &document.data_sources, &["Primary", "AdditionalDataSources"]),
        ] {
            let Some(dictionary) = dictionary else { continue };
            if dictionary.entries.is_empty() {
                self.error(
                    Code::Dictionary,
                    dictionary.span,
                    format!("`{name}` is empty"),
                    format!("give it {}, or remove the section", keys.join(" and ")),
                );
            }
            for (position, (key, value)) in dictionary.entries.iter().enumerate() {
                if !keys.contains(&key.raw.as_str()) {
                    let help = nearest(&key.raw, keys.iter().copied())
                        .map_or(format!("known keys: {}", keys.join(", ")), |near| format!("did you mean \"{near}\"?"));
                    self.error(
                        Code::Dictionary,
                        key.span,
                        format!("`{name}` has no key \"{}\"", key.raw.escape_debug()),
                        help,
                    );
                } else if dictionary.entries[..position].iter().any(|(earlier, _)| earlier.raw == key.raw) {
                    self.error(
                        Code::Dictionary,
                        key.span,
                        format!("key \"{}\" is given twice", key.raw),
                        "remove one of them",
                    );
                }
                let list = matches!(value, TextOrList::List(_, _));
                if list != (key.raw == "AdditionalDataSources") && keys.contains(&key.raw.as_str()) {
                    let kind = if list { "one name, not a list" } else { "a list of names" };
                    self.error(
                        Code::Dictionary,
                        value.span(),
                        format!("\"{}\" takes {kind}", key.raw),
                        if list { "write \"name\"" } else { "write [ \"name\" ]" },
                    );
                }
            }
        }
    }

    fn variables(&mut self, document: &'a Document) {
        for variable in &document.variables {
            let name = &variable.name;
            if name.text.starts_with(['.', '_']) {
                self.error(
                    Code::VariableName,
                    name.span,
                    format!("a variable cannot be called `{}`", name.text),
                    "start the name with a letter or digit",
                );
            }
            let texts: Vec<_> = match &variable.value {
                TextOrList::Text(text) => vec![text],
                TextOrList::List(texts, _) => texts.iter().collect(),
            };
            for text in texts {
                let nested = text
                    .raw
                    .as_bytes()
                    .windows(2)
                    .any(|pair| pair[0] == b'$' && (pair[1].is_ascii_alphabetic() || pair[1] == b'_'));
                if nested {
                    self.error(
                        Code::NestedVariable,
                        text.span,
                        "a value cannot refer to another variable",
                        "write the text out; variables are not replaced inside strings",
                    );
                }
            }
            if self.variables.insert(name.text.clone(), &variable.value).is_some() {
                self.error(
                    Code::VariableName,
                    name.span,
                    format!("variable `{}` is declared twice", name.text),
                    "rename or remove one of them",
                );
            }
        }
    }

    fn lookup(&self, name: &str, span: Span) -> Result<&'a TextOrList, Diagnostic> {
        self.used.borrow_mut().insert(name.to_string());
        self.variables.get(name).copied().ok_or_else(|| {
            let finding = Diagnostic::error(Code::UnknownVariable, span, format!("variable `${name}` is not declared"));
            match nearest(name, self.variables.keys().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `${near}`?")),
                None => finding.help(format!("declare it before Rules: {name} = \"...\"")),
            }
        })
    }

    fn labels(&mut self, labels: &Labels) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        if labels.labels.is_empty() {
            self.error(
                Code::Label,
                labels.span,
                "a list of labels needs at least one label",
                "write [ \"key\" = \"value\" ]",
            );
        }
        for (key, value) in &labels.labels {
            if key.raw.is_empty() {
                self.error(Code::Label, key.span, "the key of a label cannot be empty", "name the label");
            }
            for (text, limit, what) in [(key, LABEL_KEY, "key"), (value, LABEL_VALUE, "value")] {
                if text.raw.chars().count() > limit {
                    self.error(
                        Code::Label,
                        text.span,
                        format!("the {what} of a label has at most {limit} characters"),
                        "shorten it",
                    );
                }
            }
            if map.insert(key.raw.clone(), value.raw.clone()).is_some() {
                self.error(
                    Code::Label,
                    key.span,
                    format!("label \"{}\" is given twice", key.raw.escape_debug()),
                    "remove one of them",
                );
            }
        }
        map
    }

    /// Default labels overridden by a rule's own.
    fn merged_labels(&mut self, own: Option<&Labels>) -> BTreeMap<String, String> {
        let mut merged = self.defaults.clone();
        if let Some(own) = own {
            merged.extend(self.labels(own));
            if merged.len() > LABELS {
                self.error(
                    Code::Label,
                    own.span,
                    format!(
                        "a rule has at most {LABELS} labels, default labels included; this one has {}",
                        merged.len()
                    ),
                    "remove some",
                );
            }
        }
        merged
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
                    labels,
                    span: composite.span,
                })
            }
        }
    }

    fn rule(&mut self, rule: &Rule) -> Option<BoundRule> {
        let before = self.errors();
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
            let text = super::condition::unescape(filter.raw.trim());
            if filter.raw.is_empty() {
                self.error(
                    Code::WhereInvalid,
                    filter.span,
                    "the predicate is empty",
                    "write a predicate, or remove `where`",
                );
            }
            (!text.is_empty()).then(|| Arc::from(text.as_str()))
        });
        (self.errors() == before).then_some(BoundRule { condition, threshold, filter, ..bound })
    }

    fn analyzer(&mut self, analyzer: &Rule) -> Option<BoundRule> {
        let before = self.errors();
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
        (self.errors() == before).then_some(bound)
    }

    fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    fn rule_type(&mut self, rule: &Rule) -> Option<&'static RuleType> {
        let name = &rule.type_name;
        let Some(rule_type) = find(&name.text) else {
            let finding =
                Diagnostic::error(Code::UnknownRuleType, name.span, format!("there is no rule type `{}`", name.text));
            self.diagnostics.push(match nearest(&name.text, REGISTRY.iter().map(|rule_type| rule_type.name)) {
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
            span: rule.span,
            parameter_spans,
        })
    }

    fn zone(&mut self, rule: &Rule) -> chrono_tz::Tz {
        let Some(tag) = rule.tags.iter().rev().find(|tag| tag.name.text == "timeZone") else { return chrono_tz::UTC };
        let TagValue::Text(text) = &tag.value else { return chrono_tz::UTC };
        points::zone(&text.raw).unwrap_or_else(|| {
            let near = nearest(&text.raw, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
            let help = near.map_or("write a region such as \"Europe/Berlin\"".to_string(), |near| {
                format!("did you mean \"{near}\"?")
            });
            self.error(
                Code::TimeZone,
                text.span,
                format!("there is no time zone \"{}\"", text.raw.escape_debug()),
                help,
            );
            chrono_tz::UTC
        })
    }

    fn conditions(
        &mut self,
        rule: &Rule,
        rule_type: &'static RuleType,
        signature: &Signature,
        zone: chrono_tz::Tz,
    ) -> (Option<BoundCondition>, Option<NumberCondition>) {
        let (kinds, required) = match signature.conditions {
            Conditions::None => (&[][..], false),
            Conditions::Required(kinds) => (kinds, true),
            Conditions::Optional(kinds) => (kinds, false),
        };
        let mut findings = Vec::new();
        let variable = |name: &str, span: Span| match self.lookup(name, span)? {
            TextOrList::Text(text) => Ok(vec![super::condition::unescape(&text.raw)]),
            TextOrList::List(texts, _) => {
                Ok(texts.iter().map(|text| super::condition::collapse_escapes(&text.raw)).collect())
            }
        };
        let resolver = Resolver { now: self.options.now, zone, variable: &variable };
        let mut bound = None;
        match &rule.condition {
            None if required => {
                findings.push(
                    Diagnostic::error(
                        Code::ConditionMissing,
                        rule.span,
                        format!("{} needs a {} condition", rule_type.name, kind_list(kinds)),
                    )
                    .help(format!("write `{}`", signature.usage(rule_type.name))),
                );
            }
            None => {}
            Some(condition) if kinds.is_empty() => {
                findings.push(
                    Diagnostic::error(
                        Code::ConditionKind,
                        condition.span,
                        format!("{} takes no condition", rule_type.name),
                    )
                    .help(format!("write `{}`", signature.usage(rule_type.name))),
                );
            }
            Some(condition) if !kinds.contains(&condition.kind) => {
                let quoted_number = condition.kind == Kind::Text && kinds.contains(&Kind::Number) && condition.operands.iter().all(|operand| matches!(&operand.value, crate::dqdl::ast::OperandValue::Text(text) if text.parse::<f64>().is_ok()));
                let help = match (condition.kind, kinds) {
                    _ if quoted_number => "write the number without quotes".to_string(),
                    (Kind::Number, [Kind::Duration]) => "give the duration its unit: `24 hours`".to_string(),
                    (Kind::Date, [Kind::Text]) => {
                        "a quoted text shaped like a date or a time is a date or time literal".to_string()
                    }
                    _ => format!("write `{}`", signature.usage(rule_type.name)),
                };
                findings.push(
                    Diagnostic::error(
                        Code::ConditionKind,
                        condition.span,
                        format!(
                            "{} needs a {} condition, this is a {} condition",
                            rule_type.name,
                            kind_list(kinds),
                            condition.kind.as_str()
                        ),
                    )
                    .help(help),
                );
            }
            Some(condition) => bound = resolver.resolve(condition, &mut findings),
        }
        let threshold = rule.threshold.as_ref().and_then(|threshold| {
            if !rule_type.threshold {
                let help = if rule_type.name == "ColumnLength" {
                    "use ColumnValues with `matches`, or drop the threshold"
                } else {
                    "remove the threshold; compare the rule's own number instead"
                };
                findings.push(
                    Diagnostic::error(
                        Code::Threshold,
                        threshold.span,
                        format!("{} takes no threshold", rule_type.name),
                    )
                    .help(help),
                );
                return None;
            }
            match resolver.resolve(threshold, &mut findings) {
                Some(BoundCondition::Number(number)) if number.has_null() => {
                    findings.push(
                        Diagnostic::error(Code::Threshold, threshold.span, "a threshold cannot be NULL")
                            .help("write a number between 0 and 1"),
                    );
                    None
                }
                Some(BoundCondition::Number(number)) => Some(number),
                _ => None,
            }
        });
        (rule_type.check)(rule, &mut findings);
        self.diagnostics.extend(findings);
        (bound, threshold)
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

fn kind_list(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}
