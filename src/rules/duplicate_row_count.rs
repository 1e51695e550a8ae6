//! `DuplicateRowCount`: how many rows have a double.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated, key_name};
use super::signature::{Example, NUMBER, RuleType, Signature, Status};
use crate::dimension::Dimension;
use crate::metrics::{Family, Statistic};
use crate::plan::{Measure, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "DuplicateRowCount",
    dimension: Some(Dimension::Uniqueness),
    status: Status::Extension,
    signatures: &[Signature { parameters: &["column"], required: 0, repeats: true, conditions: NUMBER }],
    filter: true,
    dynamic: true,
    row_level: true,
    row_composite: true,
    summary: "Number of rows that occur more than once",
    manual: "Counts every row whose values in the given columns, or in all columns, occur in another row too: all members of a group of \
             doubles, not only the later ones.\n\
             NULL: rows whose key is all NULL are left out; within a key of several columns NULL equals NULL.\n\
             NaN: all NaNs are one value; 0.0 and -0.0 are one value.\n\
             Empty: no rows is 0, and 0 is compared.\n\
             Types: all but nested ones.",
    examples: &[
        Example {
            data: "a,b\n1,x\n1,x\n2,y\n",
            rule: "DuplicateRowCount = 2",
            verdict: "PASS",
            metric: Some(("Dataset.*.DuplicateRowCount", 2.0)),
            ..Example::BASE
        },
        Example {
            data: "a,b\n1,x\n1,y\n2,y\n",
            rule: r#"DuplicateRowCount "a" "b" = 0"#,
            verdict: "PASS",
            metric: Some(("Multicolumn.a,b.DuplicateRowCount", 0.0)),
            ..Example::BASE
        },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let (columns, name) = if rule.parameters.is_empty() {
        let all = compiler.schema.fields().iter().map(|field| Column {
            name: field.name().as_str().into(),
            written: field.name().clone(),
            data_type: field.data_type().clone(),
            text_because: None,
        });
        (all.collect(), format!("Dataset.*.{}", RULE.name))
    } else {
        let columns = compiler.columns(rule)?;
        let name = key_name(&columns, RULE.name);
        (columns, name)
    };
    compiler.comparable(&columns)?;
    let key: Vec<_> = columns.iter().collect();
    let frequencies = compiler.metric(Family::Distinct, &key);
    Ok(compiler.condition_on(&key, Measure::Statistic(frequencies, Statistic::DuplicateRows), name, None))
}
