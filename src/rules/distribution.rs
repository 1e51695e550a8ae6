//! `Distribution`: how values are spread.

use super::compile::Unevaluated;
use super::signature::{Conditions, Place, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "Distribution",
    place: Place::Analyzers,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    tags: &["bins", "rebin"],
    summary: "Histogram of a column, or of AllColumns",
    manual: "Equal-width bins of numbers, or the most frequent values of others. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: is left out.\n\
             NaN: is a value.\n\
             Empty: is no data.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("Distribution", "the analyzers")),
    ..RuleType::BASE
};
