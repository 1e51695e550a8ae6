//! `Distribution`: how values are spread.

use super::BoundRule;
use super::compile::{Compiler, Unevaluated};
use super::signature::{Conditions, Example, Place, RuleType, Signature};
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{Rule, TagValue};
use crate::metrics::Family;
use crate::plan::{Measure, Reported};
use arrow_schema::{DataType, TimeUnit};

pub(super) static RULE: RuleType = RuleType {
    name: "Distribution",
    place: Place::Analyzers,
    signatures: &[Signature::new(&["column"], Conditions::None)],
    tags: &["bins", "rebin"],
    summary: "Histogram of a column, or of AllColumns",
    manual: "Numbers: bins of equal width from the smallest to the largest, 20 or as many as `with bins` says. Others: the 20 most \
             frequent values, the commonest first. `rebin` has no effect in a single run.\n\
             NULL: is left out, and counted.\n\
             NaN: is in no bin.\n\
             Empty: no bins.\n\
             Types: all but nested ones; beyond 1,048,576 distinct values that are not numbers there is no distribution.",
    examples: &[Example { data: "a\n1\n3\n", rule: "Distribution a", verdict: "", ..Example::BASE }],
    check,
    analyze,
    ..RuleType::BASE
};

/// Bins, and values that are listed, at most.
const MOST_BINS: usize = 20;

fn bins(text: &str) -> Option<usize> {
    text.parse().ok().filter(|bins| (1..=MOST_BINS).contains(bins))
}

fn check(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    for tag in rule.tags.iter().filter(|tag| tag.name.text == "bins") {
        let fits = match &tag.value {
            TagValue::Number(number) => bins(number).is_some(),
            TagValue::Text(text) => bins(&text.raw).is_some(),
            _ => false,
        };
        if !fits {
            findings.push(
                Diagnostic::error(Code::TagValue, tag.name.span, "bins is a whole number from 1 to 20")
                    .help("write `with bins = 10`"),
            );
        }
    }
}

fn analyze(compiler: &mut Compiler<'_>, analyzer: &BoundRule) -> Result<Vec<Reported>, Unevaluated> {
    let columns = compiler.column_or_all(analyzer)?;
    let all = analyzer.parameters.first().is_some_and(|name| name == "AllColumns");
    let asked = analyzer.tag("bins").and_then(bins).unwrap_or(MOST_BINS);
    let mut reported = Vec::new();
    for column in &columns {
        if let Err(reason) = compiler.comparable(std::slice::from_ref(column)) {
            if all {
                continue;
            }
            return Err(reason);
        }
        let bins = if crate::metrics::is_numeric(&column.data_type) { asked } else { MOST_BINS };
        let metric = compiler.metric(Family::Distribution { bins }, &[column]);
        reported.push(Reported {
            name: column.metric_name("Distribution"),
            measure: Measure::Distribution { metric, data_type: spark_name(&column.data_type) },
        });
    }
    Ok(reported)
}

/// The type in Spark's name, which is what Glue shows.
fn spark_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "BooleanType",
        DataType::Int8 => "ByteType",
        DataType::Int16 | DataType::UInt8 => "ShortType",
        DataType::Int32 | DataType::UInt16 => "IntegerType",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "LongType",
        DataType::Float16 | DataType::Float32 => "FloatType",
        DataType::Float64 => "DoubleType",
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => "DecimalType",
        DataType::Date32 | DataType::Date64 => "DateType",
        DataType::Timestamp(
            TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
            _,
        ) => "TimestampType",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "BinaryType",
        _ => "StringType",
    }
}
