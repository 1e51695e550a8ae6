//! `DatasetMatch`: two datasets hold the same rows.

use super::compile::Unevaluated;
use super::signature::{NUMBER, RuleType, Signature};

pub(super) static RULE: RuleType = RuleType {
    name: "DatasetMatch",
    signatures: &[Signature {
        parameters: &["alias", "key->key", "column->column"],
        required: 2,
        repeats: false,
        conditions: NUMBER,
    }],
    dynamic: true,
    row_level: true,
    summary: "Share of rows that a reference dataset agrees with",
    manual: "Rows are joined by key; the other columns are compared. Not evaluated by this version: the verdict is ERROR.\n\
             NULL: in a key is an error; elsewhere NULL equals NULL.\n\
             NaN: is a value.\n\
             Empty: no rows is ERROR.\n\
             Types: all.",
    compile: |_, _| Err(Unevaluated::not_yet("DatasetMatch", "a second dataset")),
    ..RuleType::BASE
};
