//! A contract test, as a program that writes data has it among its own: what the code writes is compared with what was
//! agreed with those who read it. A change that breaks the contract fails `cargo test`, with the place and what to do.
//!
//! To use it, copy [`broken`] and the first two tests, and put your own schemas into them.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_schema::{DataType, Field, TimeUnit};
use dq::compat::gate::{Subject, judge};
use dq::compat::mode::Mode;
use dq::compat::{Options, Schema, Version};
use dq::report::compat::Report;
use std::path::Path;
use std::sync::Arc;

/// What readers of the contract could not read of what the code writes, or the code of what was written before.
fn broken(code: Schema, contract: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(contract);
    let agreed = Schema::load(&path).unwrap_or_else(|refusal| panic!("{refusal}"));
    let agreed = Version { name: contract.into(), schema: agreed };
    let options = Options { mode: Mode::Full, ..Options::default() };
    let run = judge(&[Subject::new(code, vec![agreed])], &options, contract, None, Vec::new());
    (!run.is_compatible()).then(|| Report::new(&run).render("text").expect("a report"))
}

fn assert_kept(code: Schema, contract: &str) {
    if let Some(report) = broken(code, contract) {
        panic!("the contract is broken: mend the code, or agree on another contract first\n{report}");
    }
}

/// The schema that orders are written with. Where a crate derives it from a type, it is asked here.
fn order_schema() -> &'static str {
    r#"{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "fields": [
    {"name": "order_id", "type": "long"},
    {"name": "amount", "type": "double"},
    {"name": "coupon", "type": ["null", "string"], "default": null}
  ]
}"#
}

#[test]
fn orders_on_the_topic_keep_their_contract() {
    let code = Schema::of_text("order.avsc", order_schema()).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_kept(code, "examples/contracts/order.avsc");
}

/// The columns of the table of orders, as the code that writes it has them.
fn order_columns() -> Vec<Field> {
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    vec![
        column("order_id", DataType::Int64),
        column("customer_id", DataType::Int64),
        column("status", DataType::Utf8),
        column("amount", DataType::Float64),
        column("price", DataType::Decimal128(12, 2)),
        column("quantity", DataType::Int32),
        column("flag", DataType::Boolean),
        column("order_date", DataType::Date32),
        column("created_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        column("country", DataType::Utf8),
        column("note", DataType::Utf8),
        column("coupon", DataType::Utf8),
    ]
}

fn table(columns: Vec<Field>) -> Schema {
    Schema::of_columns("orders", Arc::new(arrow_schema::Schema::new(columns)))
}

/// A file that readers know is a contract too.
#[test]
fn columns_of_orders_keep_their_contract() {
    assert_kept(table(order_columns()), "fixtures/data/orders.parquet");
}

#[test]
fn a_field_that_gets_another_name_breaks_the_contract() {
    let renamed = order_schema().replace("amount", "total");
    let code = Schema::of_text("order.avsc", &renamed).expect("a schema");
    let report = broken(code, "examples/contracts/order.avsc").expect("a break");
    let first = report.lines().next().expect("a line");
    assert!(first.starts_with("order.avsc:7:5: error[READER_FIELD_MISSING_DEFAULT_VALUE]"), "{report}");
    assert!(report.contains("BACKWARD: reading data of examples/contracts/order.avsc"), "{report}");
    assert!(report.contains("help: keep the field: earlier versions read it and have no default for it"), "{report}");
    assert!(report.contains("\nFAIL  2 errors"), "{report}");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/library.md");
    let document = std::fs::read_to_string(document).expect("a document");
    let mut shown = document.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    assert!(shown.any(|block| report.starts_with(block)), "docs/library.md shows another report than\n{report}");
}

#[test]
fn a_column_that_gets_another_type_breaks_the_contract() {
    let mut columns = order_columns();
    let amount = columns.iter_mut().find(|column| column.name() == "amount").expect("a column");
    amount.set_data_type(DataType::Utf8);
    let report = broken(table(columns), "fixtures/data/orders.parquet").expect("a break");
    assert!(report.starts_with("orders:/amount: error[TYPE_MISMATCH]"), "{report}");
}

#[test]
fn what_is_no_schema_is_no_contract_kept() {
    let refused = Schema::of_text("order.avsc", r#"{"type": "record", "name": "Order"}"#).err().expect("refused");
    assert!(refused.to_string().contains("order.avsc:1:1: "), "{refused}");
    let missing = Schema::load(Path::new("examples/contracts/missing.avsc")).err().expect("refused");
    assert!(missing.to_string().contains("missing.avsc"), "{missing}");
    // Schemas of two languages have nothing in common.
    assert!(broken(table(order_columns()), "examples/contracts/order.avsc").is_some());
}
