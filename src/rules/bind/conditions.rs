//! Conditions, thresholds and time zones of rules.

use super::Binder;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::dqdl::ast::{Kind, OperandValue, Rule, TagValue, TextOrList};
use crate::rules::condition::{BoundCondition, NumberCondition, Resolver, Zone, collapse_escapes, unescape};
use crate::rules::signature::{Conditions, RuleType, Signature};
use crate::span::Span;

impl Binder<'_> {
    pub(super) fn zone(&mut self, rule: &Rule) -> Zone {
        let Some(tag) = rule.tags.iter().rev().find(|tag| tag.name.text == "timeZone") else { return Zone::UTC };
        let TagValue::Text(text) = &tag.value else { return Zone::UTC };
        Zone::parse(&text.raw).unwrap_or_else(|| {
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
            Zone::UTC
        })
    }

    pub(super) fn conditions(
        &mut self,
        rule: &Rule,
        rule_type: &'static RuleType,
        signature: &Signature,
        zone: Zone,
    ) -> (Option<BoundCondition>, Option<NumberCondition>) {
        let (kinds, required) = match signature.conditions {
            Conditions::None => (&[][..], false),
            Conditions::Required(kinds) => (kinds, true),
            Conditions::Optional(kinds) => (kinds, false),
        };
        let mut findings = Vec::new();
        let variable = |name: &str, span: Span| match self.lookup(name, span)? {
            TextOrList::Text(text) => Ok(vec![unescape(&text.raw)]),
            TextOrList::List(texts, _) => Ok(texts.iter().map(|text| collapse_escapes(&text.raw)).collect()),
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
                let quoted_number = condition.kind == Kind::Text
                    && kinds.contains(&Kind::Number)
                    && condition.operands.iter().all(
                        |operand| matches!(&operand.value, OperandValue::Text(text) if text.parse::<f64>().is_ok()),
                    );
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
        let number = match &bound {
            Some(BoundCondition::Number(number)) => Some(number),
            _ => None,
        };
        for (numbers, written) in [(number, &rule.condition), (threshold.as_ref(), &rule.threshold)] {
            let asks = numbers.is_some_and(|numbers| numbers.past().is_some()) && !rule_type.dynamic;
            if let Some(written) = written.as_ref().filter(|_| asks) {
                findings.push(
                    Diagnostic::warning(
                        Code::OperandNotSupported,
                        written.span,
                        format!("{} takes no past values: the rule cannot be evaluated", rule_type.name),
                    )
                    .help("write numbers; `dq rules NAME` says whether a type takes past values"),
                );
            }
        }
        (rule_type.check)(rule, &mut findings);
        self.diagnostics.extend(findings);
        (bound, threshold)
    }
}

fn kind_list(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}
