//! `ColumnCorrelation`: how two columns move together.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated, key_name};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};
use crate::plan::Observation;

pub(super) static RULE: RuleType = RuleType {
    name: "ColumnCorrelation",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature::new(&["column", "column"], NUMBER)],
    filter: true,
    dynamic: true,
    summary: "Pearson correlation of two columns",
    manual: "From -1 to 1 over rows where both values are there. A constant column has no correlation and fails every condition.\n\
             NULL: rows with a NULL in either column are left out.\n\
             NaN: makes the result NaN, which satisfies no condition.\n\
             Empty: no pair of values is ERROR.\n\
             Types: numbers; text is not read as numbers.",
    examples: &[
        Example {
            data: "a,b\n1,2\n2,4\n3,6\n",
            rule: r#"ColumnCorrelation of "a" and "b" > 0.99"#,
            verdict: "PASS",
            metric: Some(("Multicolumn.a,b.ColumnCorrelation", 1.0)),
            ..Example::BASE
        },
        Example {
            data: "a,b\n1,7\n2,7\n",
            rule: r#"ColumnCorrelation "a" "b" between -2 and 2"#,
            verdict: "FAIL",
            metric: None,
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let columns = [compiler.numeric_column(rule, 0)?, compiler.numeric_column(rule, 1)?];
    let name = key_name(&columns, RULE.name);
    Ok(compiler.statistic(Family::CoMoments, &[&columns[0], &columns[1]], Statistic::Correlation, name))
}
