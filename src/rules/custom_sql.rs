//! `CustomSql`: a query of your own.

use super::compile::Unevaluated;
use super::signature::{Conditions, RuleType, Signature};
use crate::dqdl::ast::Kind;

pub(super) static RULE: RuleType = RuleType {
    name: "CustomSql",
    signatures: &[Signature::new(&["query"], Conditions::Optional(&[Kind::Number]))],
    threshold: true,
    dynamic: true,
    row_level: true,
    row_composite: true,
    summary: "A query: one number, or the rows that pass",
    manual: "With a condition, the query gives one number. Without, it gives the rows of `primary` that pass. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: as the query treats it.\n\
             NaN: is a value.\n\
             Empty: as the query treats it.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("CustomSql", "the SQL engine")),
    ..RuleType::BASE
};
