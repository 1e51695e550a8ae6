//! `FileSize`: how large files are.

use super::compile::Unevaluated;
use super::signature::{Conditions, RuleType, Signature};
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{Arithmetic, Kind, OperandValue, Rule};

pub(super) static RULE: RuleType = RuleType {
    name: "FileSize",
    signatures: &[Signature {
        parameters: &["path"],
        required: 0,
        repeats: false,
        conditions: Conditions::Required(&[Kind::Size, Kind::Number]),
    }],
    threshold: true,
    tags: &["recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"],
    summary: "Whether files have the size they should",
    manual: "Compares the size of every file; a bare number is bytes. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    check,
    compile: |_, _| Err(Unevaluated::not_yet("FileSize", "the file rules")),
    ..RuleType::BASE
};

/// A bare number is a whole number of bytes.
fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
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
