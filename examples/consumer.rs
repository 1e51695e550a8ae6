//! A consumer of a stream: records come as JSON Lines, good ones go on, dead letters go aside with their reasons, and
//! every window of records gets a verdict.
//!
//! `cargo run --example consumer -- 5 /tmp/dead.jsonl < examples/consumer.jsonl`
//!
//! Standard output has the good records as they came, standard error a line for each window, the file dead letters as
//! `dq records --from-dead-letter` reads them.

// Examples speak.
#![allow(clippy::print_stderr)]

use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use dq::check::{CheckOptions, Ruleset};
use dq::checker::Checker;
use dq::rules::BindOptions;
use dq::verdict::Verdict;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufRead, Write, stdin, stdout};

type Failure = Box<dyn std::error::Error>;

const RULES: &str = r#"Rules = [
    IsComplete "order_id", IsUnique "order_id",
    ColumnValues "status" in ["open", "paid", "shipped"] with threshold > 0.7,
    ColumnValues "amount" > 0
]"#;

/// Records that are judged together. A consumer that must not wait for so many would also judge after some time.
const BATCH: usize = 1024;

fn columns() -> Schema {
    let columns = [("order_id", DataType::Int64), ("status", DataType::Utf8), ("amount", DataType::Float64)];
    Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec())
}

struct Record {
    line: u64,
    text: String,
    members: Option<Map<String, Value>>, // none of what is no JSON
}

struct Consumer {
    checker: Checker,
    waiting: Vec<Record>,
    letters: File,
    windows: u64,
    /// Records of the window: all, those sent on, those buried.
    counts: [u64; 3],
}

impl Consumer {
    fn take(&mut self, line: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.counts[0] += 1;
        let text = String::from_utf8_lossy(bytes).trim_end().to_string();
        match serde_json::from_slice(bytes) {
            Ok(members) => self.waiting.push(Record { line, text, members: Some(members) }),
            Err(error) => self.bury(&Record { line, text, members: None }, "syntax", &[error.to_string().as_str()])?,
        }
        if self.waiting.len() < BATCH { Ok(()) } else { self.judge() }
    }

    /// Records as rows. Members that the schema does not have are left out, missing ones are NULL.
    fn rows(&self, records: &[Record]) -> Result<RecordBatch, ArrowError> {
        let schema = self.checker.schema();
        let members: Vec<_> = records.iter().filter_map(|record| record.members.as_ref()).collect();
        let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder()?;
        decoder.serialize(&members)?;
        Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema.clone())))
    }

    /// Judges the records that wait, each by itself; the window as a whole is judged in the end.
    fn judge(&mut self) -> Result<(), Failure> {
        let mut records = std::mem::take(&mut self.waiting);
        let mut batch = self.rows(&records);
        if batch.is_err() {
            // Somewhere is a value of another type: each record is asked alone.
            for record in std::mem::take(&mut records) {
                match self.rows(std::slice::from_ref(&record)) {
                    Ok(_) => records.push(record),
                    Err(error) => self.bury(&record, "type", &[error.to_string().as_str()])?,
                }
            }
            batch = self.rows(&records);
        }
        let mask = self.checker.push_rows(&batch?)?;
        for (row, record) in records.iter().enumerate() {
            let failed: Vec<&str> = mask.failed(row).collect();
            if failed.is_empty() {
                self.counts[1] += 1;
                writeln!(stdout(), "{}", record.text)?;
            } else {
                self.bury(record, "rule", &failed)?;
            }
        }
        // Here the records may be acknowledged: each was sent on or buried.
        Ok(())
    }

    fn bury(&mut self, record: &Record, keyword: &str, messages: &[&str]) -> Result<(), Failure> {
        self.counts[2] += 1;
        let Record { line, text, members } = record;
        let contents = match members {
            Some(_) => format!(r#""record":{text}"#),
            None => format!(r#""raw":{}"#, Value::from(text.as_str())),
        };
        let error = |message: &&str| json!({ "pointer": "", "keyword": keyword, "message": message });
        let errors = Value::from(messages.iter().map(error).collect::<Vec<_>>());
        let position = json!({ "file": "-", "line": line });
        writeln!(self.letters, r#"{{{contents},"errors":{errors},"position":{position},"attempts":1}}"#)?;
        Ok(())
    }

    /// Gives the verdict on the window, and begins the next one.
    fn close(&mut self) -> Result<(), Failure> {
        self.judge()?;
        let next = self.checker.renew()?;
        let run = std::mem::replace(&mut self.checker, next).finish()?;
        let [records, good, dead] = std::mem::take(&mut self.counts);
        self.windows += 1;
        let unmet = run.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Fail | Verdict::Error));
        let failing: Vec<_> = unmet.map(|outcome| outcome.rule.as_str()).collect();
        let facts = json!({ "records": records, "good": good, "dead": dead, "failing": failing });
        eprintln!("window {}: {} {facts}", self.windows, run.verdict().as_str());
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [window, path] = arguments.as_slice() else { return Err("usage: consumer RECORDS DEAD_LETTERS".into()) };
    let window: u64 = window.to_string_lossy().parse()?;
    let ruleset = Ruleset::parse(RULES, &BindOptions::default()).accepted()?;
    let checker = Checker::new(&ruleset, &columns(), &CheckOptions::default())?;
    let mut consumer = Consumer { checker, waiting: vec![], letters: File::create(path)?, windows: 0, counts: [0; 3] };
    for (number, line) in (1..).zip(stdin().lock().split(b'\n')) {
        let line = line?;
        if !line.trim_ascii().is_empty() {
            consumer.take(number, &line)?;
        }
        if consumer.counts[0] == window {
            consumer.close()?;
        }
    }
    // The last window may be a short one.
    if consumer.counts[0] > 0 { consumer.close() } else { Ok(()) }
}
