//! `FileSize`: how large files are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::condition::BoundCondition;
use super::signature::{Conditions, Example, RuleType, Signature};
use super::{file_question, points};
use crate::diagnostic::{Code, Diagnostic};
use crate::dimension::Dimension;
use crate::dqdl::ast::{Arithmetic, Kind, OperandValue, Rule};
use crate::intervals::Intervals;
use crate::metrics::Statistic;
use crate::metrics::files::FileTest;
use crate::plan::{Expectation, Observation};
use arrow_schema::DataType;

pub(super) static RULE: RuleType = RuleType {
    name: "FileSize",
    dimension: Some(Dimension::Validity),
    signatures: &[Signature {
        parameters: &["path"],
        required: 0,
        repeats: false,
        conditions: Conditions::Required(&[Kind::Size, Kind::Number]),
    }],
    threshold: true,
    tags: &["recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"],
    summary: "Whether files have the size they should",
    manual: "Compares the size of every file; a bare number is bytes, units are powers of 1024. Paths and tags are those of \
             FileFreshness.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: no files is ERROR; an empty file has size 0.\n\
             Types: all.",
    examples: &[
        Example {
            data: "a\n1\n",
            rule: "FileSize < 1 KB",
            verdict: "PASS",
            metric: Some(("Dataset.*.MaximumFileSize", 4.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n1\n",
            rule: "FileSize > 4",
            verdict: "FAIL",
            metric: Some(("Dataset.*.FileSize.Compliance", 0.0)),
            ..Example::BASE
        },
    ],
    check,
    detail: file_question::detail,
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let Some(BoundCondition::Number(condition)) = &rule.condition else {
        return Err(file_question::no_condition(rule));
    };
    let sizes = condition.numbers().unwrap_or_default();
    let points: Option<Vec<_>> = sizes.into_iter().map(|size| points::number(size, &DataType::Int64)).collect();
    let points = points.filter(|points| points.len() == condition.operands.len());
    let points = points.ok_or_else(|| Unevaluated::new("operand", "a size is a whole number of bytes"))?;
    let files = file_question::ask(compiler, rule, FileTest::Size(Intervals::satisfying(condition.operator, &points)));
    let shown = [
        ("FileSize.Compliance", Statistic::FileCompliance),
        ("MaximumFileSize", Statistic::MaximumFileSize),
        ("MinimumFileSize", Statistic::MinimumFileSize),
    ];
    Ok(file_question::share(files, Expectation::Threshold, &shown))
}

/// A bare number is a whole number of bytes.
fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    file_question::check(rule, findings);
    for operand in rule.condition.iter().flat_map(|condition| &condition.operands) {
        let whole = match &operand.value {
            OperandValue::Size(_) => true,
            OperandValue::Number(Arithmetic::Literal(text)) => text.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        };
        if !whole {
            let finding = Diagnostic::error(
                Code::OperandNotSupported,
                operand.span,
                "a size is a whole number of bytes, or of a unit",
            );
            findings.push(finding.help("write `> 512` or `> 10 KB`"));
        }
    }
}
