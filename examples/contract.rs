//! A contract between a program that writes records and those that read them: the schema in code is compared with the
//! one that was agreed and committed, in both directions.
//!
//! `cargo run --example contract -- kept`
//! `cargo run --example contract -- broken`
//!
//! In `cargo test` the same comparison stops a change before it is merged: see `tests/contract.rs`.

// Examples speak.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use dq::compat::gate::{Subject, judge};
use dq::compat::mode::Mode;
use dq::compat::{Options, Schema, Version};
use dq::report::compat::Report;
use std::path::Path;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

/// What was agreed, in the repository beside the code.
const CONTRACT: &str = "examples/contracts/order.avsc";

/// A change that nobody notices: readers that know no coupon skip it, and old records are read without one.
const KEPT: &str = r#"{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "fields": [
    {"name": "order_id", "type": "long"},
    {"name": "amount", "type": "double"},
    {"name": "coupon", "type": ["null", "string"], "default": null}
  ]
}"#;

/// A change that everybody notices: the amount has another name.
const BROKEN: &str = r#"{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "fields": [
    {"name": "order_id", "type": "long"},
    {"name": "total", "type": "double"}
  ]
}"#;

fn compare(schema: &str) -> Result<ExitCode, Failure> {
    let agreed = Version { name: CONTRACT.into(), schema: Schema::load(Path::new(CONTRACT))? };
    // Findings name the schema in code as they would name a file.
    let written = Schema::of_text("order.avsc", schema)?;
    // What is written now is read by others, and what was written before is read by us.
    let options = Options { mode: Mode::Full, ..Options::default() };
    let run = judge(&[Subject::new(written, vec![agreed])], &options, CONTRACT, None, Vec::new());
    print!("{}", Report::new(&run).render("text")?);
    Ok(if run.is_compatible() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> ExitCode {
    let compared = match std::env::args_os().nth(1) {
        Some(change) if change == "kept" => compare(KEPT),
        Some(change) if change == "broken" => compare(BROKEN),
        _ => Err("usage: contract kept|broken".into()),
    };
    compared.unwrap_or_else(|error| {
        eprintln!("contract: {error}");
        ExitCode::from(2)
    })
}
