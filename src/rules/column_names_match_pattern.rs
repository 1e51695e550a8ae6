//! `ColumnNamesMatchPattern`: every column name matches a pattern.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::condition::pattern_finding;
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::diagnostic::Diagnostic;
use crate::dimension::Dimension;
use crate::dqdl::ast::{ParameterValue, Rule};
use crate::metrics::pattern::{Extent, Pattern};
use crate::plan::{Clause, Expectation, Measure, MessageLine, Observation, Reported};
use crate::value::Number;

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnNamesMatchPattern",
    dimension: Some(Dimension::Validity),
    place: Place::Rules,
    signatures: &[Signature::new(&["pattern"], Conditions::None)],
    summary: "Whether every column name matches a pattern",
    manual: "A name matches when the pattern is found anywhere in it, as in Glue's engine; anchor with `^...$` to match \
             the whole name. Upper and lower case differ.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: data without columns passes.\n\
             Types: all.",
    examples: &[
        Example {
            data: "aws_id,aws_name\n1,x\n",
            rule: r#"ColumnNamesMatchPattern "^aws_""#,
            verdict: "PASS",
            metric: Some(("Dataset.*.ColumnNamesPatternMatchRatio", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "aws_id,name\n1,x\n",
            rule: r#"ColumnNamesMatchPattern "^aws_""#,
            verdict: "FAIL",
            metric: Some(("Dataset.*.ColumnNamesPatternMatchRatio", 0.5)),
            ..Example::BASE
        },
    ],
    check,
    detail: |rule, _| rule.parameters.first().cloned(),
    compile,
    ..RuleType::BASE
};

fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    if let Some(parameter) = rule.parameters.first()
        && let ParameterValue::Quoted(raw) = &parameter.value
        && let Err(error) = Pattern::new(raw, Extent::Part)
    {
        findings.push(pattern_finding(raw, parameter.span, error));
    }
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let source = rule.parameters.first().map_or("", String::as_str);
    let pattern = Pattern::new(source, Extent::Part).map_err(|error| {
        Unevaluated::new("invalid_pattern", format!("the pattern does not compile: {}", error.message))
    })?;
    let names: Vec<_> = compiler.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let strangers: Vec<_> = names.iter().copied().filter(|name| pattern.is_match(name) != Some(true)).collect();
    let ratio = if names.is_empty() { 1.0 } else { (names.len() - strangers.len()) as f64 / names.len() as f64 };
    let measure = Measure::Known(Number::Float(ratio));
    Ok(Observation {
        clauses: vec![Clause { measure: measure.clone(), expectation: Expectation::All }],
        reported: vec![Reported { name: "Dataset.*.ColumnNamesPatternMatchRatio".into(), measure }],
        message: vec![MessageLine::Text(format!("Columns that do not match the pattern: {}", strangers.join(", ")))],
        ..Observation::default()
    })
}
