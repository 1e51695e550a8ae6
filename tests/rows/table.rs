//! Tables as rows of plain values, and files with the same rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i128),
    /// All digits, and how many of them stand after the point.
    Decimal(i128, u32),
    Float(f64),
    Text(String),
    Boolean(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Timestamp(i64),
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A text that equal values of a column share, and no others: NaN equals NaN, 0.0 equals -0.0.
    pub fn key(&self) -> String {
        match self {
            Value::Float(value) if value.is_nan() => "NaN".into(),
            Value::Float(value) => format!("{}", value + 0.0),
            other => format!("{other:?}"),
        }
    }

    fn of(array: &ArrayRef, row: usize) -> Self {
        if array.is_null(row) {
            return Value::Null;
        }
        match array.data_type() {
            DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row).into()),
            DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, scale) => {
                let scale = u32::try_from(*scale).expect("a scale of digits behind the point");
                Value::Decimal(array.as_primitive::<Decimal128Type>().value(row), scale)
            }
            DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_string()),
            DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
            DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Value::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            other => panic!("the fixtures have no column of type {other}"),
        }
    }
}

/// Rows of values under names.
#[derive(Debug, Clone)]
pub struct Table {
    pub columns: Vec<(String, DataType)>,
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    pub fn read(path: &Path) -> Self {
        let schema = open(path).schema().clone();
        let columns = schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect();
        Self { columns, rows: row_groups(path).iter().flat_map(rows).collect() }
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(own, _)| own == name)
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Value>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|array| Value::of(array, row)).collect()).collect()
}

fn open(path: &Path) -> ParquetRecordBatchReaderBuilder<File> {
    ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet")
}

/// The rows of a file, cut where its row groups end; groups without rows are left out.
pub fn row_groups(path: &Path) -> Vec<RecordBatch> {
    let groups = 0..open(path).metadata().num_row_groups();
    groups
        .flat_map(|group| {
            let reader = open(path).with_row_groups(vec![group]).with_batch_size(1 << 20).build().expect("a reader");
            reader.map(|batch| batch.expect("rows"))
        })
        .collect()
}

pub fn write_parquet(path: &Path, batch: &RecordBatch) {
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
}

/// Some columns and rows of a table as CSV; NULL is a blank field.
pub fn write_csv(path: &Path, table: &Table, columns: &[&str], rows: &[Vec<Value>]) {
    let places: Vec<usize> = columns.iter().map(|name| table.column(name).expect("a column")).collect();
    let mut text = columns.join(",") + "\n";
    for row in rows {
        let fields: Vec<String> = places.iter().map(|place| field(&row[*place])).collect();
        text += &(fields.join(",") + "\n");
    }
    std::fs::write(path, text).expect("written");
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => {
            let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == ' ');
            assert!(plain, "{text:?} would need quotes");
            text.clone()
        }
        other => panic!("{other:?} would change its type"),
    }
}
