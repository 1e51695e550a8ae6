//! `FileMatch`: files hold what they should.

use super::compile::Unevaluated;
use super::signature::{Conditions, RuleType, Signature};
use crate::dqdl::ast::Kind;

pub(super) static RULE: RuleType = RuleType {
    name: "FileMatch",
    signatures: &[
        Signature::new(&["path", "path"], Conditions::None),
        Signature {
            parameters: &["path"],
            required: 0,
            repeats: false,
            conditions: Conditions::Required(&[Kind::Text]),
        },
    ],
    tags: &["matchFileName", "hashAlgorithm", "recentFiles", "uriRegex", "filterOrder", "dataFrame"],
    summary: "Whether files agree with each other, or with checksums",
    manual: "Compares checksums of two folders or files, or of files with a list. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: no files is ERROR.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("FileMatch", "the file rules")),
    ..RuleType::BASE
};
