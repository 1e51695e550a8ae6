//! Rule types of a crate's own: one of built-in metrics, one with a metric and one with a test of its own. They are
//! used from the text of rules like all others, over files and over pushed batches.
//!
//! `cargo run --example custom_rule` prints verdicts; with arguments it is the `dq` program that knows these types:
//! `cargo run --example custom_rule -- rules BenfordDeviation`

// Examples speak.
#![allow(clippy::print_stdout)]

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use dq::check::{CheckOptions, Ruleset, Run, Watch, check};
use dq::checker::Checker;
use dq::comparison::Operator;
use dq::dimension::Dimension;
use dq::metrics::custom::{CustomMetric, CustomTest, Failure};
use dq::plan::{Measure, Observation};
use dq::rules::compile::{Compiler, Unevaluated};
use dq::rules::signature::ONE_COLUMN_NUMBER;
use dq::rules::{BindOptions, BoundRule, Conditions, RuleType, Signature, Status, register};
use dq::value::Number;
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;

static IS_POSITIVE: RuleType = RuleType {
    name: "IsPositive",
    status: Status::Extension,
    dimension: Some(Dimension::Validity),
    signatures: &[Signature::new(&["column"], Conditions::None)],
    filter: true,
    threshold: true,
    row_level: true,
    row_composite: true,
    summary: "Whether every number is greater than zero",
    manual: "All rows must be positive, or the share that `with threshold` asks for.\n\
             NULL: fails.\n\
             NaN: fails.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: numbers.",
    compile: is_positive,
    ..RuleType::BASE
};

fn is_positive(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    let column = compiler.numeric_column(rule, 0)?;
    let positive = compiler.comparing(&column, Operator::Greater, &[Number::integer(0)])?;
    Ok(compiler.share(&[&column], positive, column.metric_name("IsPositive")))
}

static BENFORD_DEVIATION: RuleType = RuleType {
    name: "BenfordDeviation",
    status: Status::Extension,
    dimension: Some(Dimension::Validity),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    summary: "How far leading digits are from Benford's law",
    manual: "The mean absolute difference between the shares of the leading digits 1 to 9 and those of the law. Amounts\n\
             that grew by themselves stay below 0.015; invented ones do not.\n\
             NULL: ignored.\n\
             NaN: ignored, as are infinity and zero, which have no leading digit.\n\
             Empty: no rows, or no digit at all, is ERROR.\n\
             Types: numbers.",
    compile: |compiler, rule| {
        let column = compiler.numeric_column(rule, 0)?;
        compiler.custom_statistic(Benford, &[&column], column.metric_name("BenfordDeviation"))
    },
    ..RuleType::BASE
};

/// Counts leading digits.
struct Benford;

impl CustomMetric for Benford {
    type State = [u64; 9];

    fn name(&self) -> &'static str {
        "example.benford_deviation"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        if data_type.is_numeric() { Ok(()) } else { Err("a number") }
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn start(&self) -> [u64; 9] {
        [0; 9]
    }

    fn update(&self, counts: &mut [u64; 9], columns: &[ArrayRef]) -> Result<(), Failure> {
        let numbers = arrow_cast::cast(&columns[0], &DataType::Float64)?;
        for number in numbers.as_primitive::<Float64Type>().iter().flatten() {
            // 0.0714 is written 7.14e-2.
            let digit = format!("{:e}", number.abs()).bytes().next().unwrap_or(b'0');
            if (b'1'..=b'9').contains(&digit) {
                counts[usize::from(digit - b'1')] += 1;
            }
        }
        Ok(())
    }

    fn merge(&self, counts: &mut [u64; 9], later: [u64; 9]) -> Result<(), Failure> {
        counts.iter_mut().zip(later).for_each(|(own, later)| *own += later);
        Ok(())
    }

    fn finish(&self, counts: [u64; 9]) -> Result<Option<Number>, Failure> {
        let all: u64 = counts.iter().sum();
        let deviation = |(digit, count): (u8, u64)| {
            let expected = (1.0 + 1.0 / f64::from(digit)).log10();
            (count as f64 / all as f64 - expected).abs()
        };
        let mean = (1..=9).zip(counts).map(deviation).sum::<f64>() / 9.0;
        Ok((all > 0).then_some(Number::Float(mean)))
    }

    // For `--state-out`, `dq merge` and `--cache`; without the two, such runs say so, or read all data.
    fn write(&self, counts: &[u64; 9]) -> Option<Vec<u8>> {
        Some(counts.iter().flat_map(|count| count.to_le_bytes()).collect())
    }

    fn read(&self, bytes: &[u8]) -> Result<[u64; 9], Failure> {
        let (counts, _) = bytes.as_chunks::<8>();
        let counts: [[u8; 8]; 9] = counts.try_into()?;
        Ok(counts.map(u64::from_le_bytes))
    }
}

static LUHN_VALID: RuleType = RuleType {
    name: "LuhnValid",
    status: Status::Extension,
    dimension: Some(Dimension::Validity),
    signatures: ONE_COLUMN_NUMBER,
    filter: true,
    row_level: true,
    summary: "Share of rows whose check digit is right by Luhn's formula",
    manual: "Card numbers, IMEI numbers and the like, without blanks.\n\
             NULL: is not valid.\n\
             NaN: there is none.\n\
             Empty: no rows is ERROR; `where` that selects no row passes with a note.\n\
             Types: text.",
    compile: |compiler, rule| {
        let column = compiler.column(rule, 0)?;
        let part = compiler.custom_test(Luhn, &[&column])?;
        let whole = compiler.rows();
        let share = Measure::Share { part, whole };
        Ok(compiler.condition_on(&[&column], share, column.metric_name("LuhnValid"), Some(whole)))
    },
    ..RuleType::BASE
};

/// Judges rows: samples, files of rows, masks and gates know them.
struct Luhn;

impl CustomTest for Luhn {
    fn name(&self) -> &'static str {
        "example.luhn"
    }

    fn accepts(&self, _: usize, data_type: &DataType) -> Result<(), &'static str> {
        if *data_type == DataType::Utf8 { Ok(()) } else { Err("text") }
    }

    fn judge(&self, columns: &[ArrayRef]) -> Result<BooleanArray, Failure> {
        Ok(columns[0].as_string::<i32>().iter().map(|text| text.is_some_and(is_luhn)).collect())
    }
}

fn is_luhn(text: &str) -> bool {
    let digit = |(at, byte): (usize, u8)| {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        // Every second digit from the right is doubled, and its digits are added.
        (digit < 10).then(|| if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
    };
    let sum: Option<u32> = text.bytes().rev().enumerate().map(digit).sum();
    !text.is_empty() && sum.is_some_and(|sum| sum % 10 == 0)
}

const RULES: &str = r#"Rules = [
    IsPositive "amount",
    BenfordDeviation "amount" < 0.015,
    BenfordDeviation "estimate" < 0.015,
    LuhnValid "card" > 0.95
]"#;

/// Amounts that grew, estimates that somebody invented, and cards, of which some are mistyped.
fn invoices() -> Result<RecordBatch, Failure> {
    let amounts = (0..1000).map(|row| 10_f64.powf((f64::from(row) * 0.618_034).fract() * 4.0));
    let estimates = (0..1000).map(|row| f64::from(100 + row * 7 % 900));
    let cards = ["4111111111111111", "5555555555554444", "378282246310005"];
    let cards = (0..1000).map(|row| if row % 100 == 0 { "4111111111111112" } else { cards[row % 3] });
    let columns: [(&str, ArrayRef); 3] = [
        ("amount", Arc::new(Float64Array::from_iter_values(amounts))),
        ("estimate", Arc::new(Float64Array::from_iter_values(estimates))),
        ("card", Arc::new(StringArray::from_iter_values(cards))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn show(run: &Run) {
    for outcome in &run.outcomes {
        let metrics = outcome.metrics.iter().map(|(name, value)| format!("{name} = {value}"));
        println!("{} {} ({})", outcome.verdict.as_str(), outcome.rule, metrics.collect::<Vec<_>>().join(", "));
    }
}

fn main() -> Result<ExitCode, Failure> {
    for own in [&IS_POSITIVE, &BENFORD_DEVIATION, &LUHN_VALID] {
        register(own)?;
    }
    #[cfg(feature = "cli")]
    if std::env::args_os().len() > 1 {
        return Ok(dq::cli::main(std::env::args_os()).into());
    }
    let ruleset = Ruleset::parse(RULES, &BindOptions::default()).accepted()?;
    let invoices = invoices()?;

    let directory = tempfile::tempdir()?;
    let path = directory.path().join("invoices.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path)?, invoices.schema(), None)?;
    writer.write(&invoices)?;
    writer.close()?;
    println!("a file:");
    show(&check(&ruleset, &[path], &CheckOptions::default(), Watch::default())?);

    let mut checker = Checker::new(&ruleset, &invoices.schema(), &CheckOptions::default())?;
    let mut bad = 0;
    for start in (0..invoices.num_rows()).step_by(100) {
        bad += checker.push_rows(&invoices.slice(start, 100))?.bad_rows();
    }
    println!("pushed batches, with {bad} bad rows:");
    show(&checker.finish()?);
    Ok(ExitCode::SUCCESS)
}
