//! `RowCount`: how many rows there are.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::Statistic;
use crate::plan::{Measure, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "RowCount",
    dimension: Some(Dimension::Completeness),
    signatures: &[Signature::new(&[], NUMBER)],
    filter: true,
    dynamic: true,
    summary: "Number of rows",
    manual: "Counts rows, after the filter.\n\
             NULL: rows of only NULLs count.\n\
             NaN: plays no role.\n\
             Empty: no rows is 0, and 0 is compared.\n\
             Types: reads no column.",
    examples: &[
        Example {
            data: "a\n1\n2\n3\n",
            rule: "RowCount = 3",
            verdict: "PASS",
            metric: Some(("Dataset.*.RowCount", 3.0)),
            ..Example::BASE
        },
        Example {
            data: "a\n",
            rule: "RowCount > 0",
            verdict: "FAIL",
            metric: Some(("Dataset.*.RowCount", 0.0)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, _: &BoundRule) -> Result<Observation, Unevaluated> {
    let rows = compiler.rows();
    Ok(compiler.condition_on(&[], Measure::Statistic(rows, Statistic::Count), "Dataset.*.RowCount".into(), None))
}
