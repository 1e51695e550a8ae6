//! Generated orders: deterministic, with a few rows that break each rule.

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// A small generator of numbers (splitmix64): enough for test data, the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// One batch of orders; ids start at `first` and are shuffled within the batch.
pub fn batch(first: usize, rows: usize) -> RecordBatch {
    const STATUS: [&str; 5] = ["pending", "shipped", "delivered", "cancelled", "returned"];
    const COUNTRY: [&str; 10] = ["US", "DE", "FR", "GB", "IT", "ES", "NL", "PL", "SE", "JP"];
    const WORDS: [&str; 8] = ["alpha", "express", "fragile", "insured", "medium", "parcel", "return", "urgent"];
    let mut numbers = Numbers(first as u64 + 1);
    let mut row = |_| {
        let person = if numbers.one_in(100) { numbers.below(20_000) } else { numbers.next() >> 20 };
        let email = (!numbers.one_in(50))
            .then(|| format!("user{person}{}example.com", if numbers.one_in(200) { "_at_" } else { "@" }));
        let amount = (numbers.below(100_000) as f64) / 1_000.0 + 10.0;
        let amount = if numbers.one_in(5_000) { -amount } else { amount };
        let note = (!numbers.one_in(10))
            .then(|| (0..4).map(|_| WORDS[numbers.below(8) as usize]).collect::<Vec<_>>().join(" "));
        (
            person,
            email,
            STATUS[numbers.below(5) as usize],
            amount,
            numbers.below(100) as i32 + 1,
            numbers.below(730) as i32 + 19_723,
            COUNTRY[numbers.below(10) as usize],
            note,
        )
    };
    let rows: Vec<_> = (0..rows).map(&mut row).collect();
    let count = rows.len();
    let step = 7_919;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values((0..count).map(|at| (first + at * step % count.max(1)) as i64)))),
        ("customer_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| (row.0 % 100_000) as i64)))),
        ("email", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1.as_deref())))),
        ("status", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)))),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3)))),
        (
            "price",
            Arc::new(
                Decimal128Array::from_iter_values(rows.iter().map(|row| (row.3 * 100.0) as i128))
                    .with_precision_and_scale(18, 2)
                    .expect("a decimal"),
            ),
        ),
        ("quantity", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.4)))),
        ("flag", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.4 % 3 == 0))))),
        ("order_date", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.5)))),
        (
            "created_at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.iter().map(|row| i64::from(row.5) * 86_400_000_000 + row.0 as i64 % 86_400_000_000),
            )),
        ),
        ("country", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.6)))),
        ("note", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.7.as_deref())))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}

/// A Parquet file of `groups` row groups of `rows` rows, in the target directory.
pub fn parquet(groups: usize, rows: usize) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("orders_{groups}x{rows}.parquet"));
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_max_row_group_row_count(Some(rows))
        .build();
    let file = File::create(&path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch(0, 0).schema(), Some(properties)).expect("a writer");
    (0..groups).for_each(|group| writer.write(&batch(group * rows, rows)).expect("written"));
    writer.close().expect("closed");
    path
}

/// CSV and JSON Lines of `rows` rows, in the target directory.
pub fn texts(rows: usize) -> (PathBuf, PathBuf) {
    let batch = batch(0, rows);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (csv, json) = (directory.join(format!("orders_{rows}.csv")), directory.join(format!("orders_{rows}.jsonl")));
    let options = arrow_cast::display::FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| arrow_cast::display::ArrayFormatter::try_new(column, &options).expect("a formatter"))
        .collect();
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut as_csv = names.join(",") + "\n";
    let mut as_json = String::new();
    for row in 0..rows {
        let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
        as_csv.push_str(&values.join(","));
        as_csv.push('\n');
        let fields = names.iter().zip(&values).zip(batch.columns()).map(|((name, value), column)| {
            let plain = value.parse::<f64>().is_ok() || value == "true" || value == "false";
            if column.is_null(row) {
                format!("\"{name}\":null")
            } else if plain {
                format!("\"{name}\":{value}")
            } else {
                format!("\"{name}\":\"{value}\"")
            }
        });
        as_json.push_str(&format!("{{{}}}\n", fields.collect::<Vec<_>>().join(",")));
    }
    std::fs::write(&csv, as_csv).expect("written");
    std::fs::write(&json, as_json).expect("written");
    (csv, json)
}
