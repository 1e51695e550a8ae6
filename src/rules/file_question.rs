//! What the file rules have in common: paths, tags and metrics.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{Rule, TagValue};
use crate::metrics::files::{Algorithm, FileQuestion, FileTest, Selection};
use crate::metrics::pattern::{Extent, Pattern};
use crate::metrics::{Family, Metric, Statistic};
use crate::plan::{Clause, Expectation, Measure, MessageLine, MetricId, Observation, Reported};

/// Text of a tag, in any of the forms in which it may be written.
fn words(value: &TagValue) -> Vec<&str> {
    match value {
        TagValue::Text(text) => vec![text.raw.as_str()],
        TagValue::Number(number) => vec![number.as_str()],
        TagValue::Boolean(value) => vec![if *value { "true" } else { "false" }],
        TagValue::List(texts) => texts.iter().map(|text| text.raw.as_str()).collect(),
    }
}

/// Values of tags that no file rule can use.
pub fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    for tag in &rule.tags {
        let words = words(&tag.value);
        let wrong = match (tag.name.text.as_str(), words.as_slice()) {
            ("recentFiles", [count]) => (!count.parse::<usize>().is_ok_and(|count| count > 0))
                .then_some("recentFiles is a whole number of files"),
            ("failFast" | "matchFileName" | "dataFrame", [flag]) => {
                (!["true", "false"].contains(flag)).then_some("this tag is \"true\" or \"false\"")
            }
            ("hashAlgorithm", [name]) => {
                Algorithm::parse(name).is_none().then_some("the algorithms are MD5, SHA-1 and SHA-256")
            }
            ("filterOrder", names) => {
                let given = |name: &&str| rule.tags.iter().any(|tag| tag.name.text == *name);
                if let Some(absent) = names.iter().find(|name| !given(name)) {
                    let message = format!("filterOrder names {absent}, which this rule does not have");
                    let finding = Diagnostic::warning(Code::TagValue, tag.span, message);
                    findings.push(finding.help("add that tag, or leave it out of the order"));
                }
                let known = |name: &&str| ["recentFiles", "uriRegex"].contains(name);
                (!names.iter().all(known)).then_some("filterOrder lists recentFiles and uriRegex")
            }
            ("uriRegex", [source]) => match Pattern::new(source, Extent::Part) {
                Ok(_) => None,
                Err(error) => {
                    let message = format!("the pattern does not compile: {}", error.message);
                    findings.push(Diagnostic::error(Code::TagValue, tag.span, message).help("mend the pattern"));
                    None
                }
            },
            ("recentFiles" | "failFast" | "matchFileName" | "dataFrame" | "hashAlgorithm" | "uriRegex", _) => {
                Some("this tag takes one value")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            findings.push(
                Diagnostic::error(Code::TagValue, tag.span, wrong).help("see `dq rules` for the tags of this type"),
            );
        }
    }
}

/// Which files a number is about, and what they were asked: neither is in its name.
pub fn detail(rule: &BoundRule, metric: &str) -> Option<String> {
    let asked = metric.ends_with(".Compliance").then(|| rule.described(&[]));
    let paths = rule.parameters.iter().cloned();
    let tags = rule.tree.tags.iter().map(ToString::to_string);
    let parts: Vec<String> = paths.chain(asked).chain(tags).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn flag(rule: &BoundRule, name: &str) -> bool {
    rule.tags.get(name).is_some_and(|value| words(value) == ["true"])
}

/// Whether names of files take part in comparing them.
pub fn match_names(rule: &BoundRule) -> bool {
    flag(rule, "matchFileName")
}

/// How checksums are computed.
pub fn algorithm(rule: &BoundRule) -> Algorithm {
    rule.tag("hashAlgorithm").and_then(Algorithm::parse).unwrap_or_default()
}

/// Asks something of the files that a rule names, or of the data's own.
pub fn ask(compiler: &mut Compiler<'_>, rule: &BoundRule, test: FileTest) -> MetricId {
    let order = rule.tags.get("filterOrder").map(words).unwrap_or_default();
    let selection = Selection {
        recent: rule.tag("recentFiles").and_then(|count| count.parse().ok()),
        pattern: rule.tag("uriRegex").map(str::to_string),
        pattern_first: order.first() == Some(&"uriRegex"),
    };
    let question =
        FileQuestion { path: rule.parameters.first().cloned(), selection, test, fail_fast: flag(rule, "failFast") };
    compiler.metrics.ask(Metric::new(Family::Files(question.into()), Vec::new()))
}

/// The share of files that satisfy must meet `expectation`.
pub fn share(files: MetricId, expectation: Expectation, shown: &[(&str, Statistic)]) -> Observation {
    let measure = |statistic| Measure::Statistic(files, statistic);
    let compliance = measure(Statistic::FileCompliance);
    let reported = shown
        .iter()
        .chain(&[("FileCount", Statistic::Count)])
        .map(|(name, statistic)| Reported { name: format!("Dataset.*.{name}"), measure: measure(*statistic) })
        .collect();
    Observation {
        clauses: vec![Clause { measure: compliance.clone(), expectation }],
        reported,
        message: vec![
            MessageLine::Share(compliance),
            MessageLine::Example { metric: files, subject: "first file that does not satisfy".into() },
        ],
        ..Observation::default()
    }
}

/// The condition is of a kind that the rule does not take.
pub fn no_condition(rule: &BoundRule) -> Unevaluated {
    Unevaluated::new("condition", format!("{} has no condition it can judge", rule.rule_type.name))
}
