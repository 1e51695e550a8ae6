//! `FileSize`: how large files are.

use super::compile::Unevaluated;
use super::signature::{Conditions, RuleType, Signature};
use crate::dqdl::ast::Kind;

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
    compile: |_, _| Err(Unevaluated::not_yet("FileSize", "the file rules")),
    ..RuleType::BASE
};
