//! `RowCountMatch`: two datasets have as many rows.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Example, NUMBER, RuleType, Signature};
use crate::dimension::Dimension;
use crate::metrics::{Family, Metric, Statistic};
use crate::plan::{Division, Measure, MessageLine, Observation};

pub(super) static RULE: RuleType = RuleType {
    name: "RowCountMatch",
    dimension: Some(Dimension::Consistency),
    signatures: &[Signature::new(&["alias"], NUMBER)],
    dynamic: true,
    summary: "Rows over the rows of a reference dataset",
    manual: "May exceed 1. The reference is named with --reference ALIAS=PATH.\n\
             NULL: plays no role.\n\
             NaN: plays no role.\n\
             Empty: rows over no rows is infinite; 0 over 0 is NaN and fails.\n\
             Types: all.",
    examples: &[
        Example {
            data: "a\n1\n2\n",
            reference: "a\n1\n2\n3\n4\n",
            rule: r#"RowCountMatch "ref" >= 0.5"#,
            verdict: "PASS",
            metric: Some(("Dataset.ref.RowCountMatch", 0.5)),
        },
        Example { data: "a\n1\n", reference: "", rule: r#"RowCountMatch "ref" = 1.0"#, verdict: "ERROR", metric: None },
    ],
    compile,
    ..RuleType::BASE
};

fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let (alias, _) = compiler.reference(&rule.parameters[0])?;
    let mut rows = |dataset| {
        let metric = Metric { dataset, ..Metric::new(Family::Rows, Vec::new()) };
        Box::new(Measure::Statistic(compiler.metrics.ask(metric), Statistic::Count))
    };
    // `primary` is the data itself, counted once.
    let theirs = (&*alias != crate::sql::PRIMARY).then(|| alias.clone());
    let (over, under) = (rows(None), rows(theirs));
    let sides = [("rows of the data".to_string(), &over), (format!("rows of {alias}"), &under)];
    let message = sides.map(|(name, side)| MessageLine::Named { name, measure: (**side).clone() });
    let measure = Measure::Ratio { over, under, division: Division::Plain };
    let message = std::iter::once(MessageLine::Value(measure.clone())).chain(message).collect();
    let observation = compiler.condition_on(&[], measure, format!("Dataset.{alias}.RowCountMatch"), None);
    Ok(Observation { message, ..observation })
}
