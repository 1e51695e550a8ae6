//! An ETL job: read, check, split, write, publish metrics. Bad rows go to a file of their own; the output gets its name
//! only if the rules pass.
//!
//! `cargo run --example etl -- fixtures/data/customers.csv /tmp/customers`
//!
//! Behind the two names may stand services that get the result, as for `dq check --publish`: `cloudwatch` and
//! `eventbridge` (with `--features aws`), `s3=s3://bucket/below/`, `webhook=https://...`.

// Examples speak.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use arrow_array::RecordBatch;
use dq::check::{CheckOptions, Ruleset, Run};
use dq::checker::{Checker, Gate, Refused};
use dq::comparison::Operator;
use dq::dqdl::builder::{BuildError, RuleBuilder, RulesetBuilder, number, text};
use dq::input::{Dataset, ReadOptions, data_files};
use dq::publish::undelivered::Spool;
use dq::publish::{Destination, publish};
use dq::report::{Publication, Report};
use dq::rules::BindOptions;
use parquet::arrow::ArrowWriter;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

const EMAIL: &str = r"[a-z0-9.]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}";

/// The rules, in code; they could as well come from a file.
fn rules() -> Result<String, BuildError> {
    let rule = RuleBuilder::new;
    RulesetBuilder::new()
        .rule(rule("RowCount").condition(Operator::Greater, [number(100)]))
        .rule(rule("Uniqueness").parameter("customer_id").condition(Operator::Greater, [number(0.98)]))
        .rule(rule("Completeness").parameter("country").condition(Operator::Greater, [number(0.95)]))
        .rule(
            rule("ColumnValues")
                .parameter("email")
                .condition(Operator::Matches, [text(EMAIL)])
                .threshold(Operator::Greater, [number(0.9)]),
        )
        .to_dqdl()
}

fn job(source: &Path, target: &Path, services: &[OsString]) -> Result<ExitCode, Failure> {
    let file = |ending: &str| target.with_extension(ending);
    // What is misspelt is found before anything is read.
    let destinations: Vec<Destination> =
        services.iter().map(|service| Destination::parse(&service.to_string_lossy())).collect::<Result<_, _>>()?;
    let ruleset = Ruleset::parse(&rules()?, &BindOptions::default()).accepted()?;

    // Directories such as year=2026 become columns: true. One file is opened on one thread: 1. Types in CSV are those of
    // the first 10,000 rows; the options can name them instead.
    let dataset = Dataset::open(&data_files(&[source.to_path_buf()], true)?, &ReadOptions::default(), 1)?;
    let checker = Checker::new(&ruleset, dataset.schema(), &CheckOptions::default())?;
    let writer = |path: &Path| -> Result<_, Failure> {
        Ok(ArrowWriter::try_new(File::create(path)?, dataset.schema().clone(), None)?)
    };
    let (unfinished, finished) = (file("parquet.tmp"), file("parquet"));
    let (mut good, mut bad) = (writer(&unfinished)?, writer(&file("bad.parquet"))?);

    let batches = dataset.record_batches(8192).map(|rows| -> Result<RecordBatch, Failure> { Ok(rows?) });
    let mut gate = Gate::new(checker, batches, |rows: RecordBatch| -> Result<(), Failure> { Ok(bad.write(&rows)?) });
    for rows in gate.by_ref() {
        // Here rows would be transformed.
        good.write(&rows?)?;
    }
    println!("{} good rows, {} bad rows", gate.counts().good, gate.counts().bad);
    let (run, passed) = match gate.commit() {
        Ok(run) => (run, true),
        Err(Refused::Rules { run }) => (*run, false),
        Err(Refused::Trouble(error)) => return Err(error.into()),
    };
    good.close()?;
    bad.close()?;
    if passed {
        fs::rename(&unfinished, &finished)?;
    } else {
        fs::remove_file(&unfinished)?;
    }

    let delivered = tell(&run, &ruleset, source, &file, &destinations)?;
    println!("{}", if passed { "committed" } else { "not committed" });
    Ok(ExitCode::from(match (passed, delivered) {
        (false, _) => 1,
        (true, false) => 4,
        (true, true) => 0,
    }))
}

/// Says how it went: to people, to CloudWatch by lines that its agent or a Lambda's log takes, and to services. Whether
/// all of them took it.
fn tell(
    run: &Run,
    ruleset: &Ruleset,
    source: &Path,
    file: &dyn Fn(&str) -> PathBuf,
    destinations: &[Destination],
) -> Result<bool, Failure> {
    // Pushed rows come from no file that the data could be named after.
    let table = source.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let publication =
        Publication { table, every_metric: true, sent: Some(chrono::Utc::now()), ..Publication::default() };
    let report = Report::new(run, ruleset, "etl", &publication);
    print!("{}", report.render("text")?);
    fs::write(file("emf.jsonl"), report.render("emf")?)?;

    // What a service does not take is kept, and sent by: dq publish --resume FILE
    let delivered = publish(&report, destinations, &Spool::at(&file("undelivered.jsonl"))?, None);
    for refused in &delivered.refused {
        eprintln!("{} did not take the result: {}", refused.message.service, refused.reason);
    }
    for fault in &delivered.faults {
        eprintln!("{fault}");
    }
    if !destinations.is_empty() {
        println!("{} messages sent", delivered.sent);
    }
    Ok(delivered.refused.is_empty() && delivered.faults.is_empty())
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match arguments.as_slice() {
        [source, target, services @ ..] => job(Path::new(source), Path::new(target), services),
        _ => Err("usage: etl SOURCE TARGET [SERVICE...]".into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("etl: {error}");
        ExitCode::from(3)
    })
}
