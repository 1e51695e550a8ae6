//! `ReferentialIntegrity`: keys exist elsewhere.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "ReferentialIntegrity",
    signatures: &[Signature::new(&["columns", "alias.columns"], NUMBER)],
    dynamic: true,
    row_level: true,
    summary: "Share of rows whose key is in a reference dataset",
    manual: "Column pairs match by position; doubles in the reference do not multiply rows. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: never matches.\n\
             NaN: is a value.\n\
             Empty: no rows is ERROR.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("ReferentialIntegrity", "a second dataset")),
    ..RuleType::BASE
};
