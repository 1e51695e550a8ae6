//! An ETL job: read, check, split, write, publish metrics. What is bad goes to a file of its own; the output gets its
//! name only if the rules pass.
//!
//! `cargo run --example etl -- fixtures/data/customers.csv /tmp/customers`

// Examples speak.
#![allow(clippy::print_stdout)]

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use dq::check::{CheckOptions, Ruleset};
use dq::checker::{Checker, Gate, Refused};
use dq::comparison::Operator;
use dq::dqdl::builder::{RuleBuilder, RulesetBuilder, number, text};
use dq::error::Error;
use dq::input::{Columns, Dataset, ReadOptions, data_files};
use dq::rules::{BindOptions, Target};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

/// The rules, in code; they could as well come from a file.
fn rules() -> Result<String, Failure> {
    let rules = RulesetBuilder::new()
        .rule(RuleBuilder::new("RowCount").condition(Operator::Greater, [number(100)]))
        .rule(RuleBuilder::new("IsUnique").parameter("customer_id"))
        .rule(
            RuleBuilder::new("ColumnValues")
                .parameter("country")
                .condition(Operator::NotIn, [text("XX"), text("")])
                .threshold(Operator::Greater, [number(0.9)]),
        );
    Ok(rules.to_dqdl()?)
}

fn open(source: &Path) -> Result<Dataset, Error> {
    Dataset::open(&data_files(&[source.to_path_buf()], true)?, &ReadOptions::default(), 1)
}

fn batch(schema: &SchemaRef, columns: Columns) -> Result<RecordBatch, Failure> {
    // Text may come dictionary-encoded: to the checker that is no other type, to a writer it is.
    let plain = columns.arrays.iter().zip(schema.fields());
    let plain = plain.map(|(array, field)| arrow_cast::cast(array, field.data_type()));
    Ok(RecordBatch::try_new(schema.clone(), plain.collect::<Result<_, _>>()?)?)
}

fn run(source: &Path, target: &Path) -> Result<ExitCode, Failure> {
    let ruleset = Ruleset::parse(&rules()?, &BindOptions { now: chrono::Utc::now(), target: Target::Dq });
    let dataset = open(source)?;
    let fields: Vec<_> =
        dataset.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let checker = Checker::new(&ruleset, &schema, &CheckOptions::default())?;

    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let batches = dataset.batches(&all, 8192).map(|columns| batch(&schema, columns?));

    let name = |ending: &str| -> PathBuf { target.with_extension(ending) };
    let mut bad = ArrowWriter::try_new(File::create(name("bad.parquet"))?, schema.clone(), None)?;
    let mut good = ArrowWriter::try_new(File::create(name("parquet.tmp"))?, schema.clone(), None)?;

    let mut gate = Gate::new(checker, batches, |rows: RecordBatch| -> Result<(), Failure> { Ok(bad.write(&rows)?) });
    for rows in gate.by_ref() {
        good.write(&rows?)?;
    }
    let counts = gate.counts();
    let verdict = gate.commit();
    good.close()?;
    bad.close()?;
    println!("{} good rows, {} bad rows", counts.good, counts.bad);
    match verdict {
        Ok(run) => {
            std::fs::rename(name("parquet.tmp"), name("parquet"))?;
            for (metric, value) in run.outcomes.iter().flat_map(|outcome| &outcome.metrics) {
                println!("{metric} {value}");
            }
            println!("committed");
            Ok(ExitCode::SUCCESS)
        }
        Err(Refused::Rules { run }) => {
            std::fs::remove_file(name("parquet.tmp"))?;
            for outcome in &run.outcomes {
                println!("{:?} {} {}", outcome.verdict, outcome.rule, outcome.message.as_deref().unwrap_or(""));
            }
            println!("not committed");
            Ok(ExitCode::FAILURE)
        }
        Err(Refused::Trouble(error)) => Err(error.into()),
    }
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match arguments.as_slice() {
        [source, target] => run(source, target),
        _ => Err("usage: etl SOURCE TARGET".into()),
    }
}
