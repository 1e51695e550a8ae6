//! `SchemaMatch`: two datasets have the same columns.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "SchemaMatch",
    signatures: &[Signature::new(&["alias"], NUMBER)],
    dynamic: true,
    summary: "Share of columns with the same name and type in a reference dataset",
    manual: "Order does not matter. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: plays no role.\n\
             NaN: is a value.\n\
             Empty: data without rows has columns.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("SchemaMatch", "a second dataset")),
    ..RuleType::BASE
};
