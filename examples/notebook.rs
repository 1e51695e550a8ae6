//! A notebook: look at a file, check it, mark its rows, part good from bad, and see where the bad ones come from.
//!
//! `cargo run --example notebook --features polars`, from the project's root.

// Examples speak.
#![allow(clippy::print_stdout)]

use dq::check::{CheckOptions, Ruleset, Run};
use dq::polars::{Gate, check_lazy, mask, split};
use dq::rules::BindOptions;
use dq::scorecard::Scorecard;
use dq::verdict::Verdict;
use polars::prelude::{DataFrame, IntoColumn, IntoLazy, LazyFrame, ScanArgsParquet, col, len};

type Failure = Box<dyn std::error::Error>;

const RULES: &str = r#"Rules = [
    RowCount between 150 and 1000,
    IsUnique "customer_id",
    IsComplete "country",
    ColumnValues "email" matches "[a-z0-9.]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}",
    ColumnValues "credit_limit" <= 5000,
    Mean "credit_limit" > 1000
]"#;

fn customers() -> Result<LazyFrame, Failure> {
    Ok(LazyFrame::scan_parquet("fixtures/data/customers.parquet".into(), ScanArgsParquet::default())?)
}

fn show(run: &Run) {
    println!("{} rows, score {:.2}", run.rows, run.score.unwrap_or_default());
    for (dimension, passed, judged) in Scorecard::of(run).dimensions {
        println!("  {} {passed}/{judged}", dimension.name());
    }
    for outcome in run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Pass) {
        println!("  {:?} {} {}", outcome.verdict, outcome.rule, outcome.message.as_deref().unwrap_or(""));
        for row in outcome.samples.iter().flat_map(|samples| &samples.rows) {
            let cells: Vec<String> = row.cells.iter().map(|(name, cell)| format!("{name} {cell}")).collect();
            println!("    row {}: {}", row.row, cells.join(", "));
        }
    }
}

fn main() -> Result<(), Failure> {
    let ruleset = Ruleset::parse(RULES, &BindOptions::default()).accepted()?;
    let options = CheckOptions { samples: 2, ..CheckOptions::default() };

    // A query is checked while it runs: only the columns that rules look at are read.
    let run = check_lazy(customers()?, &ruleset, &options)?;
    show(&run);

    // In memory: a mask as one more column, and both halves.
    let mut frame = customers()?.collect()?;
    let good = mask(&frame, &ruleset, &options)?.good;
    frame.with_column(good.with_name("is_good".into()).into_column())?;
    println!("{} columns, the last is {}", frame.width(), frame.columns()[frame.width() - 1].name());

    let parts = split(&frame, &ruleset, &options)?;
    println!("{} good rows, {} bad rows", parts.good.height(), parts.bad.height());

    // Where do they come from?
    let by_country = parts.bad.lazy().group_by([col("country")]).agg([len().alias("rows")]);
    let by_country = by_country.sort(["country"], Default::default()).collect()?;
    for (country, rows) in by_country.column("country")?.str()?.iter().zip(by_country.column("rows")?.idx()?.iter()) {
        println!("  {} {}", country.unwrap_or("(none)"), rows.unwrap_or_default());
    }

    // Larger than memory: rows are sorted as they pass by; the verdict comes before the commit.
    let mut bad_rows = 0;
    let sink = |rows: DataFrame| -> Result<(), dq::error::Error> {
        bad_rows += rows.height();
        Ok(())
    };
    let mut gate = Gate::new(customers()?, &ruleset, &options, sink)?;
    let mut written = 0;
    for rows in gate.by_ref() {
        written += rows?.height();
    }
    println!("not judged row by row as rows pass by: {:?}", gate.unjudged_rows());
    match gate.commit() {
        Ok(run) => println!("committed, score {:.2}", run.score.unwrap_or_default()),
        Err(refused) => println!("not committed: {refused}"),
    }
    println!("{written} rows written, {bad_rows} bad rows");
    Ok(())
}
