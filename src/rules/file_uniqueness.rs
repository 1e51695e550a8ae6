//! `FileUniqueness`: no two files hold the same.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "FileUniqueness",
    signatures: &[Signature { parameters: &["path"], required: 0, repeats: false, conditions: NUMBER }],
    tags: &["matchFileName", "recentFiles", "uriRegex", "filterOrder", "dataFrame"],
    summary: "Share of files with contents of their own",
    manual: "Files with distinct checksums over files. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("FileUniqueness", "the file rules")),
    ..RuleType::BASE
};
