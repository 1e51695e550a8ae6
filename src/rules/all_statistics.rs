//! `AllStatistics`: everything about a column.

use super::BoundRule;
use super::compile::{Column, Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use super::{column_length, column_values};
use crate::metrics::{Family, Statistic, is_comparable, is_numeric, is_text};
use crate::plan::{Measure, Reported};
use crate::value::Number;

pub(super) static RULE: RuleType = RuleType {
    name: "AllStatistics",
    place: Place::Analyzers,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    summary: "All statistics of a column, or of AllColumns",
    manual: "RowCount and ColumnCount; Completeness and Uniqueness of each column; Minimum, Maximum, Mean, Sum, StandardDeviation and \
             Entropy of numbers; MinimumLength and MaximumLength of text.\n\
             NULL: is left out of numbers, has length 0, is counted by completeness.\n\
             NaN: makes Mean, Sum and StandardDeviation NaN, which are then not shown.\n\
             Empty: statistics without values are not shown.\n\
             Types: all; nested columns have Completeness only.",
    examples: &[Example {
        data: "a\n1\n3\n",
        rule: "AllStatistics a",
        verdict: "",
        metric: Some(("Column.a.Mean", 2.0)),
        ..Example::BASE
    }],
    analyze,
    ..RuleType::BASE
};

fn analyze(compiler: &mut Compiler<'_>, analyzer: &BoundRule) -> Result<Vec<Reported>, Unevaluated> {
    let columns = compiler.column_or_all(analyzer)?;
    let count = Number::integer(compiler.schema.fields().len() as i128);
    let mut reported = vec![
        Reported { name: "Dataset.*.RowCount".into(), measure: Measure::Statistic(compiler.rows(), Statistic::Count) },
        Reported { name: "Dataset.*.ColumnCount".into(), measure: Measure::Known(count) },
    ];
    for column in &columns {
        of_column(compiler, column, &mut reported);
    }
    Ok(reported)
}

fn of_column(compiler: &mut Compiler<'_>, column: &Column, reported: &mut Vec<Reported>) {
    let present = compiler.metric(Family::NonNull, &[column]);
    let completeness = Measure::Share { part: present, whole: compiler.rows() };
    reported.push(Reported { name: column.metric_name("Completeness"), measure: completeness });
    let numeric = is_numeric(&column.data_type);
    let mut add = |family: Family, statistics: &[(&str, Statistic)]| {
        let metric = compiler.metric(family, &[column]);
        reported.extend(statistics.iter().map(|(name, statistic)| Reported {
            name: column.metric_name(name),
            measure: Measure::Statistic(metric, *statistic),
        }));
    };
    if is_comparable(&column.data_type) {
        add(Family::Distinct, &[("Uniqueness", Statistic::Uniqueness)]);
    }
    if numeric {
        add(Family::Frequencies, &[("Entropy", Statistic::Entropy)]);
        add(
            Family::Moments,
            &[("Mean", Statistic::Mean), ("StandardDeviation", Statistic::StandardDeviation), ("Sum", Statistic::Sum)],
        );
        reported.extend(column_values::extremes(compiler, column));
    } else if is_text(&column.data_type) {
        reported.extend(column_length::extremes(compiler, column));
    }
}
