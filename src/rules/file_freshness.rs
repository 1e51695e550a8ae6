//! `FileFreshness`: how old files are.

use super::compile::Unevaluated;
use super::signature::{Conditions, RuleType, Signature};
use crate::dqdl::ast::Kind;

pub(super) static RULE: RuleType = RuleType {
    name: "FileFreshness",
    signatures: &[Signature {
        parameters: &["path"],
        required: 0,
        repeats: false,
        conditions: Conditions::Required(&[Kind::Date]),
    }],
    threshold: true,
    tags: &["timeZone", "recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"],
    summary: "Whether files were modified when they should have been",
    manual: "Compares the time of the last modification of every file. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("FileFreshness", "the file rules")),
    ..RuleType::BASE
};
