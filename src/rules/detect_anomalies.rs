//! `DetectAnomalies`: a metric is as it used to be.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::dimension::Dimension;
use crate::dqdl::ast::{ParameterValue, Rule};
use crate::plan::{Clause, Expectation, Observation};
use crate::span::Span;
use crate::unevaluated::Place as Where;

pub(super) static RULE: RuleType = RuleType {
    name: "DetectAnomalies",
    dimension: Some(Dimension::Accuracy),
    place: Place::Rules,
    signatures: &[Signature {
        parameters: &["rule type", "parameter"],
        required: 1,
        repeats: true,
        conditions: Conditions::None,
    }],
    summary: "Whether a metric is as past runs predict",
    manual: "The first parameter names a rule type, the others are its parameters: RowCount, ColumnCount, Completeness, Uniqueness, \
             UniqueValueRatio, DistinctValuesCount, Mean, Sum, StandardDeviation, Entropy, ColumnLength, ColumnValues, \
             ColumnCorrelation, CustomSQL. What an analyzer of that type measures is compared with the values that past \
             runs recorded in --history; docs/anomalies.md says how. With fewer than three of them the rule passes and \
             says so; without --history it is ERROR. Of several metrics, none may be anomalous.\n\
             NULL: as the inner type treats it.\n\
             NaN: a metric that is NaN is an anomaly.\n\
             Empty: as the inner type treats it; without a value, ERROR.\n\
             Types: as the inner type.",
    examples: &[Example {
        data: "a\n1\n2\n",
        rule: r#"DetectAnomalies "Mean" "a""#,
        // Examples have no past.
        verdict: "ERROR",
        metric: Some(("Column.a.Mean", 1.5)),
        ..Example::BASE
    }],
    check,
    detail: |rule, metric| inner(rule).ok().and_then(|inner| (inner.rule_type.detail)(&inner, metric)),
    compile,
    ..RuleType::BASE
};

/// The types whose metrics may be watched (Glue's page of DetectAnomalies), as that page spells them, and whether
/// no rows are no reason not to judge them.
const INNER: &[(&str, bool)] = &[
    ("RowCount", true),
    ("Completeness", false),
    ("Uniqueness", false),
    ("Mean", false),
    ("Sum", false),
    ("StandardDeviation", false),
    ("Entropy", false),
    ("DistinctValuesCount", true),
    ("UniqueValueRatio", false),
    ("ColumnLength", false),
    ("ColumnValues", false),
    ("ColumnCorrelation", false),
    ("CustomSQL", true),
    ("ColumnCount", true),
];

/// The type of that name, and whether no rows are no reason not to judge it.
fn inner_type(name: &str) -> Option<(&'static RuleType, bool)> {
    // Rules spell it in another way; both are meant.
    let name = if name == "CustomSql" { "CustomSQL" } else { name };
    let (name, empty) = INNER.iter().find(|(own, _)| *own == name)?;
    let registered = if *name == "CustomSQL" { "CustomSql" } else { *name };
    Some((super::find(registered)?, *empty))
}

/// What is wrong with an inner type and the number of its parameters: words, and what to do.
fn mistake(name: &str, parameters: usize) -> Option<(String, String)> {
    let Some((rule_type, _)) = inner_type(name) else {
        let names = INNER.iter().map(|(own, _)| *own);
        let help = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("these can be watched: {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Some((format!("DetectAnomalies cannot watch `{}`", name.escape_debug()), help));
    };
    if rule_type.signatures.iter().any(|signature| signature.accepts(parameters)) {
        return None;
    }
    let signature = rule_type.signatures.first()?;
    let names: Vec<_> = signature.parameters.iter().map(|parameter| format!(" \"{parameter}\"")).collect();
    let wanted = signature.required;
    Some((
        format!(
            "{name} takes {wanted} parameter{}, {parameters} {} given",
            if wanted == 1 { "" } else { "s" },
            if parameters == 1 { "is" } else { "are" }
        ),
        format!("write `DetectAnomalies \"{name}\"{}`", names.concat()),
    ))
}

/// Mistakes that need no data. The public parser accepts them: they make the rule an ERROR, others are evaluated.
fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    let Some(first) = rule.parameters.first() else { return };
    let (ParameterValue::Quoted(name) | ParameterValue::Bare(name)) = &first.value else { return };
    let spans: Vec<_> = rule.parameters.iter().map(|parameter| parameter.span).collect();
    if let Some((message, help)) = mistake(name, spans.len() - 1) {
        let message = format!("{message}: the rule cannot be evaluated");
        findings.push(
            Diagnostic::warning(Code::NotEvaluated, place(name, &spans).unwrap_or(rule.span), message).help(help),
        );
    }
}

/// Where the mistake is: in the parameters of a known type, or in its name.
fn place(name: &str, spans: &[Span]) -> Option<Span> {
    let (first, others) = spans.split_first()?;
    let others = others.iter().copied().reduce(Span::to).filter(|_| inner_type(name).is_some());
    Some(others.unwrap_or(*first))
}

/// The rule of the inner type, without a condition.
fn inner(rule: &BoundRule) -> Result<BoundRule, Unevaluated> {
    let name = rule.parameters.first().map_or("", String::as_str);
    let (parameters, spans) = (rule.parameters.get(1..), rule.parameter_spans.get(1..));
    let parameters = parameters.unwrap_or_default().to_vec();
    if let Some((message, help)) = mistake(name, parameters.len()) {
        let place = place(name, &rule.parameter_spans).map(Where::Parameter);
        return Err(Unevaluated { place, ..Unevaluated::new("inner_type", message).help(help) });
    }
    let Some((rule_type, _)) = inner_type(name) else {
        return Err(Unevaluated::internal("a rule type that was found is gone"));
    };
    let parameter_spans = spans.unwrap_or_default().to_vec();
    Ok(BoundRule { rule_type, parameters, parameter_spans, ..rule.clone() })
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let inner = inner(rule)?;
    let reported = (inner.rule_type.analyze)(compiler, &inner)?;
    let empty = rule.parameters.first().and_then(|name| inner_type(name)).is_some_and(|(_, empty)| empty);
    let judged_rows = if empty { None } else { Some(compiler.rows()) };
    // Parameters that name columns are those that are found.
    let columns = if inner.rule_type.name == "CustomSql" {
        Vec::new()
    } else {
        compiler.columns(&inner)?.iter().map(|column| column.name.to_string()).collect()
    };
    let clauses = reported
        .iter()
        .map(|reported| Clause { measure: reported.measure.clone(), expectation: Expectation::AsBefore })
        .collect();
    Ok(Observation { clauses, reported, judged_rows, columns, ..Observation::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inner_type_is_registered() {
        for (name, _) in INNER {
            assert!(inner_type(name).is_some(), "{name}");
        }
        assert!(inner_type("CustomSql").is_some() && inner_type("IsComplete").is_none());
    }

    #[test]
    fn wrong_types_and_counts_are_said() {
        assert_eq!(mistake("Completeness", 1), None);
        assert_eq!(mistake("RowCount", 0), None);
        assert_eq!(mistake("Uniqueness", 3), None);
        let (message, help) = mistake("Completness", 1).expect("a mistake");
        assert_eq!(message, "DetectAnomalies cannot watch `Completness`");
        assert_eq!(help, "did you mean `Completeness`?");
        let (message, help) = mistake("ColumnCorrelation", 1).expect("a mistake");
        assert_eq!(message, "ColumnCorrelation takes 2 parameters, 1 is given");
        assert_eq!(help, "write `DetectAnomalies \"ColumnCorrelation\" \"column\" \"column\"`");
        assert!(mistake("RowCount", 1).is_some());
    }
}
