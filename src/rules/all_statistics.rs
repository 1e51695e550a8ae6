//! `AllStatistics`: everything about a column.

use super::compile::Unevaluated;
use super::signature::{Conditions, Place, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "AllStatistics",
    place: Place::Analyzers,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    summary: "All statistics of a column, or of AllColumns",
    manual: "Row and column counts, completeness and uniqueness, and the numbers or lengths that fit the type. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: is left out of numbers, counted by completeness.\n\
             NaN: is a value.\n\
             Empty: is no data.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("AllStatistics", "the analyzers")),
    ..RuleType::BASE
};
