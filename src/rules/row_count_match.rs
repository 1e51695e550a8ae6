//! `RowCountMatch`: two datasets have as many rows.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "RowCountMatch",
    signatures: &[Signature::new(&["alias"], NUMBER)],
    dynamic: true,
    summary: "Rows over the rows of a reference dataset",
    manual: "May exceed 1. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: 0 over 0 is NaN and fails.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("RowCountMatch", "a second dataset")),
    ..RuleType::BASE
};
