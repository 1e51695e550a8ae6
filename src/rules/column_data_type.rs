//! `ColumnDataType`: values can be cast to a type.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, type_name};
use super::condition::{BoundCondition, TextOperand};
use super::signature::{Conditions, Example, RuleType, Signature};
use crate::comparison::Operator;
use crate::diagnostic::{Code, Diagnostic};
use crate::dimension::Dimension;
use crate::dqdl::ast::{Kind, OperandValue, Rule};
use crate::metrics::Family;
use crate::metrics::test::{CastTarget, CompiledTest, Test};
use crate::plan::Observation;
use crate::text_cast;
use std::sync::Arc;

/// The names to show; `Decimal` takes precision and scale.
const TYPES: &str = "Boolean, Date, Timestamp, Integer, Long, Float, Double, Decimal(p,s)";

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnDataType",
    dimension: Some(Dimension::Validity),
    signatures: &[Signature::new(&["column"], Conditions::Required(&[Kind::Text]))],
    filter: true,
    threshold: true,
    dynamic: true,
    row_level: true,
    row_composite: true,
    tags: &["format"],
    summary: "Whether values can be cast to a type, as Spark casts",
    manual: "Meant for text columns. Types: Boolean, Date, Timestamp, Integer, Long, Float, Double, Decimal(p,s), in any case. The tag \
             `format` names the layout of dates, e.g. \"dd/MM/yyyy\". `!=` holds for values that cannot be cast.\n\
             NULL: cannot be cast.\n\
             NaN: is a Double and a Float.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: all that Spark can cast; a number is no Date, so that question is ERROR.",
    examples: &[
        Example {
            data: "a\n1\n x2\n",
            rule: r#"ColumnDataType "a" = "Integer" with threshold >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Column.a.ColumnDataType.Compliance", 0.5)),
            ..Example::BASE
        },
        Example {
            data: "a\n04/03/2021\n31/02/2021\n",
            rule: r#"ColumnDataType "a" = "Date" with format = "dd/MM/yyyy""#,
            verdict: "FAIL",
            metric: Some(("Column.a.ColumnDataType.Compliance", 0.5)),
            ..Example::BASE
        },
    ],
    check,
    detail: |rule, _| Some(rule.described(&["format"])),
    compile,
    ..RuleType::BASE
};

fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    let operands = rule
        .condition
        .iter()
        .filter(|condition| matches!(condition.operator, Operator::Equal | Operator::NotEqual))
        .flat_map(|condition| &condition.operands);
    for operand in operands {
        if let OperandValue::Text(text) = &operand.value
            && CastTarget::parse(text).is_none()
        {
            findings.push(
                Diagnostic::warning(
                    Code::OperandNotSupported,
                    operand.span,
                    format!("there is no data type \"{}\": the rule cannot be evaluated", text.escape_debug()),
                )
                .help(format!("types are {TYPES}")),
            );
        }
    }
}

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.column(rule, 0)?;
    let Some(BoundCondition::Text(condition)) = &rule.condition else {
        return Err(Unevaluated::new("condition", "ColumnDataType has no condition it can judge"));
    };
    let (Operator::Equal | Operator::NotEqual, [TextOperand::Text(name)]) =
        (condition.operator, condition.operands.as_slice())
    else {
        return Err(Unevaluated::new(
            "operand",
            format!("Unsupported operator `{}`: ColumnDataType takes = and !=", condition.operator.as_str()),
        ));
    };
    let target = CastTarget::parse(name).ok_or_else(|| {
        Unevaluated::new("operand", format!("Unrecognized data type: {name}")).help(format!("types are {TYPES}"))
    })?;
    let target = match (target, rule.tag("format")) {
        (CastTarget::Date(_), Some(format)) if text_cast::DATE_FORMATS.contains(&format) => {
            CastTarget::Date(Some(format.to_string()))
        }
        (CastTarget::Date(_), Some(format)) => {
            return Err(Unevaluated::new("operand", format!("Unsupported format \"{format}\""))
                .help(format!("formats are {}", text_cast::DATE_FORMATS.join(", "))));
        }
        (target, _) => target,
    };
    let test =
        Test::Castable { target: target.clone(), member: condition.operator == Operator::Equal, zone: compiler.zone };
    if CompiledTest::new(&test, &column.data_type).is_err() {
        return Err(Unevaluated::new(
            "column_type",
            format!("Cannot cast column {} from {} to {target}", column.written, type_name(&column.data_type)),
        ));
    }
    let castable = compiler.metric(Family::Passing(Arc::new(test)), &[&column]);
    Ok(compiler.share(&[&column], castable, column.metric_name("ColumnDataType.Compliance")))
}
