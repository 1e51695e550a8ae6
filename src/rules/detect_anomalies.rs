//! `DetectAnomalies`: a metric is as it used to be.

use super::compile::Unevaluated;
use super::signature::{Conditions, Place, RuleType, Signature};
use crate::dimension::Dimension;

pub(super) static RULE: RuleType = RuleType {
    name: "DetectAnomalies",
    dimension: Some(Dimension::Accuracy),
    place: Place::Rules,
    signatures: &[Signature {
        parameters: &["rule type", "parameter"],
        required: 1,
        repeats: true,
        conditions: Conditions::None,
    }],
    summary: "Whether a metric is as past runs predict",
    manual: "The first parameter names a rule type, the others are its parameters. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: as the inner type treats it.\n\
             NaN: is a value.\n\
             Empty: is no data.\n\
             Types: all.",
    compile: |_, _| {
        let message = "DetectAnomalies is not evaluated by this version: it needs past runs";
        Err(Unevaluated::new("not_supported", message))
    },
    ..RuleType::BASE
};
