//! `AggregateMatch`: two aggregates agree.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "AggregateMatch",
    signatures: &[Signature::new(&["aggregate", "aggregate"], NUMBER)],
    summary: "Ratio of two sums or averages",
    manual: "The first aggregate over the second, e.g. \"sum(amount)\" and \"sum(ledger.total)\". Not evaluated by this version: the verdict is ERROR.\n\
             NULL: is left out.\n\
             NaN: is a value.\n\
             Empty: 0 over 0 is 1.\n\
             Types: numbers.",
    compile: |_, _| Err(Unevaluated::not_yet("AggregateMatch", "a second dataset")),
    ..RuleType::BASE
};
