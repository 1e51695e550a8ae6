//! Rows are written as their file has them, or in another format, and read back.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use dq::error::Error;
use dq::input::{DataFile, Dataset, FileOrigin, ReadOptions};
use dq::sink::{Extra, Finished, Output, Verdicts, agree};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

fn opened(path: &Path) -> Dataset {
    Dataset::open(&[DataFile::from(path)], &ReadOptions::default(), 1).unwrap()
}

/// Three rules: one fails on odd rows, one passes on all, one skips all.
fn rules() -> Vec<String> {
    vec!["IsUnique \"a,b\"".into(), "RowCount > 0".into(), "IsComplete \"é\"".into()]
}

/// Writes the rows of a file that `keep` wants, in small batches.
fn write(input: &Path, output: &Path, extra: Extra, keep: fn(usize) -> bool) -> Result<Finished, Error> {
    let dataset = opened(input);
    let rules = rules();
    let mut written = Output::create(output, None, extra, dataset.schema(), Some(&dataset.origin(0)), &rules)?;
    let columns: Vec<usize> =
        if written.takes_whole() { vec![] } else { (0..dataset.schema().fields().len()).collect() };
    let mut pass = dataset.pass(&columns, 2).whole();
    let mut first = 0;
    while let Some(part) = pass.next() {
        for rows in part?.read_whole(&columns, 2, written.takes_whole())? {
            let rows = rows?;
            let count = rows.columns.rows;
            let bits = |wanted: &dyn Fn(usize) -> bool| BooleanBuffer::collect_bool(count, |row| wanted(first + row));
            let pass = [bits(&|row| row % 2 == 0), bits(&|_| true), bits(&|_| false)];
            let fail = [bits(&|row| row % 2 == 1), bits(&|_| false), bits(&|_| false)];
            let verdicts = Verdicts { rules: &rules, pass: &pass, fail: &fail, rows: count };
            written.write(&rows, &bits(&keep), &verdicts)?;
            first += count;
        }
    }
    written.finish()
}

/// The same, with the file in its place; gives its bytes.
fn written(input: &Path, output: &Path, extra: Extra, keep: fn(usize) -> bool) -> Vec<u8> {
    write(input, output, extra, keep).unwrap().commit().unwrap();
    std::fs::read(output).unwrap()
}

const ALL: fn(usize) -> bool = |_| true;
const EVEN: fn(usize) -> bool = |row| row.is_multiple_of(2);
const ODD: fn(usize) -> bool = |row| row % 2 == 1;

#[test]
fn csv_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.csv");
    let text = "\u{feff}a;b\r\n1;\"x;\"\"\ny\"\r\n2;  z\r\n\r\n3;x\"\r\n4;last";
    std::fs::write(&input, text).unwrap();
    let out = |name: &str| directory.path().join(name);
    assert_eq!(
        String::from_utf8(written(&input, &out("good.csv"), Extra::None, EVEN)).unwrap(),
        "\u{feff}a;b\r\n1;\"x;\"\"\ny\"\r\n3;x\"\r\n"
    );
    let field = "\"[\"\"IsUnique \\\"\"a,b\\\"\"\"\"]\"";
    assert_eq!(
        String::from_utf8(written(&input, &out("bad.csv"), Extra::FailedRules, ODD)).unwrap(),
        format!("\u{feff}a;b;_dq_failed_rules\r\n2;  z;{field}\r\n4;last;{field}")
    );
    let all = String::from_utf8(written(&input, &out("all.csv"), Extra::Outcomes, ALL)).unwrap();
    assert!(all.starts_with(
        "\u{feff}a;b;DataQualityRulesPass;DataQualityRulesFail;DataQualityRulesSkip;DataQualityEvaluationResult\r\n"
    ));
    assert!(all.contains("\r\n3;x\";\"[\"\"IsUnique") && all.ends_with("Failed"), "{all}");
    assert_eq!(all.matches(";Passed\r\n").count(), 2);
    assert_eq!(all, String::from_utf8(written(&input, &out("all.csv"), Extra::Outcomes, ALL)).unwrap());
}

#[test]
fn lines_of_json_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.jsonl");
    let text = "{\"a\": 1, \"n\": {\"x\": [1]}} \r\n\n{}\r\n {\"b\": \"}\"}\n{ }";
    std::fs::write(&input, text).unwrap();
    let out = |name: &str| directory.path().join(name);
    assert_eq!(
        String::from_utf8(written(&input, &out("good.jsonl"), Extra::None, EVEN)).unwrap(),
        "{\"a\": 1, \"n\": {\"x\": [1]}} \r\n {\"b\": \"}\"}\n"
    );
    let added = "\"_dq_failed_rules\":[\"IsUnique \\\"a,b\\\"\"]";
    assert_eq!(
        String::from_utf8(written(&input, &out("bad.jsonl"), Extra::FailedRules, ODD)).unwrap(),
        format!("{{{added}}}\r\n{{ {added}}}")
    );
    for line in String::from_utf8(written(&input, &out("all.jsonl"), Extra::Outcomes, ALL)).unwrap().lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["DataQualityRulesSkip"], serde_json::json!(["IsComplete \"é\""]));
        assert!(["Passed", "Failed"].contains(&object["DataQualityEvaluationResult"].as_str().unwrap()));
    }
    // Objects are only known to be there.
    let error = write(&input, &out("good.parquet"), Extra::None, ALL).unwrap_err();
    assert!(matches!(error, Error::Option(_)) && error.to_string().contains("`n`"), "{error}");
}

/// Columns of many kinds, 5 rows.
fn batch() -> RecordBatch {
    let id = |id: &str| HashMap::from([("PARQUET:field_id".to_string(), id.to_string())]);
    let dictionary: DictionaryArray<Int32Type> =
        [Some("p"), Some("q"), None, Some("p"), Some("p")].into_iter().collect();
    let lists = [Some(vec![Some(1)]), None, Some(vec![]), Some(vec![None, Some(2)]), Some(vec![Some(3)])];
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
    let decimals = Decimal128Array::from(vec![Some(1), None, Some(300), Some(4), Some(5)]);
    let columns: Vec<(Field, ArrayRef)> = vec![
        (Field::new("n", DataType::Int64, false).with_metadata(id("7")), Arc::new(Int64Array::from_iter_values(0..5))),
        (Field::new("d", dictionary.data_type().clone(), true).with_metadata(id("8")), Arc::new(dictionary)),
        (Field::new("l", lists.data_type().clone(), true), Arc::new(lists)),
        (Field::new("m", DataType::Decimal128(9, 2), true), Arc::new(decimals.with_precision_and_scale(9, 2).unwrap())),
        (Field::new("f", DataType::Float64, true), Arc::new(Float64Array::from(vec![0.5, f64::NAN, -0.0, 1e300, 2.0]))),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let metadata = HashMap::from([("maker".to_string(), "a test".to_string())]);
    RecordBatch::try_new(Arc::new(Schema::new_with_metadata(fields, metadata)), arrays).unwrap()
}

/// Some columns of the rows of a batch.
fn some(batch: &RecordBatch, keep: fn(usize) -> bool) -> RecordBatch {
    let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(keep(row))).collect();
    arrow_select::filter::filter_record_batch(batch, &keep).unwrap()
}

/// The values of a batch, whatever their dictionaries. NaN equals nothing, but its text does.
fn values(batch: &RecordBatch) -> Vec<String> {
    let plain = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, values) => arrow_cast::cast(array, values).unwrap(),
        _ => array.clone(),
    };
    batch.columns().iter().map(|array| format!("{:?}", plain(array))).collect()
}

fn parquet_file(path: &Path, batch: &RecordBatch) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_max_row_group_row_count(Some(3))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn read_parquet(path: &Path) -> (ParquetRecordBatchReaderBuilder<File>, RecordBatch) {
    let builder = || ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder().schema().clone();
    let batches: Vec<RecordBatch> = builder().build().unwrap().map(Result::unwrap).collect();
    (builder(), arrow_select::concat::concat_batches(&schema, &batches).unwrap())
}

#[test]
fn parquet_keeps_its_types_codec_and_words() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.parquet"), directory.path().join("out.parquet"));
    parquet_file(&input, &batch());
    written(&input, &output, Extra::None, EVEN);
    let ((before, all), (after, good)) = (read_parquet(&input), read_parquet(&output));
    assert_eq!(after.schema(), before.schema());
    assert_eq!(after.metadata().file_metadata().schema_descr(), before.metadata().file_metadata().schema_descr());
    assert_eq!(
        after.metadata().row_group(0).column(0).compression(),
        before.metadata().row_group(0).column(0).compression()
    );
    assert_eq!(values(&good), values(&some(&all, EVEN)));

    written(&input, &output, Extra::FailedRules, ODD);
    let (_, bad) = read_parquet(&output);
    let field = Field::new("element", DataType::Utf8, false);
    assert_eq!(*bad.schema().field(5), Field::new_list("_dq_failed_rules", Arc::new(field), false));
    assert_eq!(bad.schema().field(0).metadata().get("PARQUET:field_id").map(String::as_str), Some("7"));
    for row in 0..bad.num_rows() {
        let failed = bad.column(5).as_list::<i32>().value(row);
        assert_eq!(failed.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["IsUnique \"a,b\""]);
    }

    written(&input, &output, Extra::Outcomes, ALL);
    let (_, all) = read_parquet(&output);
    assert_eq!((all.num_rows(), all.num_columns()), (5, 9));
    let results: Vec<&str> = all.column(8).as_string::<i32>().iter().flatten().collect();
    assert_eq!(results, ["Passed", "Failed", "Passed", "Failed", "Passed"]);
    let passed = all.column(5).as_list::<i32>().value(1);
    assert_eq!(passed.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["RowCount > 0"]);
}

#[test]
fn arrow_files_and_streams_keep_their_types() {
    let directory = tempfile::tempdir().unwrap();
    let (file, stream) = (directory.path().join("in.arrow"), directory.path().join("in.arrows"));
    let batch = batch();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(File::create(&file).unwrap(), &batch.schema()).unwrap();
    let mut other = arrow_ipc::writer::StreamWriter::try_new(File::create(&stream).unwrap(), &batch.schema()).unwrap();
    for start in [0, 3] {
        writer.write(&batch.slice(start, 2)).unwrap();
        other.write(&batch.slice(start, 2)).unwrap();
    }
    writer.finish().unwrap();
    other.finish().unwrap();
    let kept = arrow_select::concat::concat_batches(&batch.schema(), [&batch.slice(0, 2), &batch.slice(3, 2)]).unwrap();
    let read = |path: &Path, is_stream: bool| {
        let file = File::open(path).unwrap();
        let batches: Vec<RecordBatch> = match is_stream {
            true => arrow_ipc::reader::StreamReader::try_new(file, None).unwrap().map(Result::unwrap).collect(),
            false => arrow_ipc::reader::FileReader::try_new(file, None).unwrap().map(Result::unwrap).collect(),
        };
        arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
    };
    for (input, is_stream) in [(&file, false), (&stream, true)] {
        let output = directory.path().join("out.arrow");
        written(input, &output, Extra::None, EVEN);
        let good = read(&output, is_stream);
        assert_eq!(good.schema(), batch.schema());
        assert_eq!(values(&good), values(&some(&kept, EVEN)));
        written(input, &output, Extra::Outcomes, ALL);
        let all = read(&output, is_stream);
        let skipped = all.column(7).as_list::<i32>().value(0);
        assert_eq!(skipped.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["IsComplete \"é\""]);
    }
}

#[test]
fn other_formats_hold_the_same_values() {
    let directory = tempfile::tempdir().unwrap();
    let out = |name: &str| directory.path().join(name);
    let input = out("in.parquet");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
        ("t", Arc::new(StringArray::from(vec![Some(""), None, Some("a\n\"b\",c")]))),
    ];
    parquet_file(&input, &RecordBatch::try_from_iter(columns).unwrap());
    assert_eq!(
        String::from_utf8(written(&input, &out("out.csv"), Extra::None, ALL)).unwrap(),
        "i,t\n1,\"\"\n,\n3,\"a\n\"\"b\"\",c\"\n"
    );
    assert_eq!(
        String::from_utf8(written(&input, &out("out.jsonl"), Extra::None, ALL)).unwrap(),
        "{\"i\":1,\"t\":\"\"}\n{\"i\":null,\"t\":null}\n{\"i\":3,\"t\":\"a\\n\\\"b\\\",c\"}\n"
    );
    // And from text to columns.
    written(&out("out.csv"), &out("back.parquet"), Extra::FailedRules, ODD);
    let (_, back) = read_parquet(&out("back.parquet"));
    assert_eq!((back.num_rows(), back.num_columns()), (1, 3));
    assert!(back.column(1).is_null(0));
    written(&out("out.csv"), &out("back.arrow"), Extra::None, ALL);
    assert_eq!(opened(&out("back.arrow")).schema().field(0).data_type(), &DataType::Int64);

    parquet_file(&input, &batch());
    let error = write(&input, &out("nested.csv"), Extra::None, ALL).unwrap_err();
    assert!(matches!(error, Error::Option(_)) && error.to_string().contains("`l`"), "{error}");
    assert!(!out("nested.csv").exists());
}

#[test]
fn nothing_is_there_before_all_of_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.csv");
    std::fs::write(&input, "a\n1\n2\n").unwrap();
    let output = directory.path().join("out.csv");
    let finished = write(&input, &output, Extra::None, EVEN).unwrap();
    assert_eq!(finished.rows(), 1);
    assert!(!output.exists());
    drop(finished);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    std::fs::write(&output, "old").unwrap();
    let finished = write(&input, &output, Extra::None, EVEN).unwrap();
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "old");
    finished.commit().unwrap();
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "a\n1\n");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);

    let error = write(&input, &directory.path().join("missing/out.csv"), Extra::None, EVEN).unwrap_err();
    assert!(matches!(error, Error::Write { .. }) && error.help().is_some(), "{error}");
}

#[test]
fn outputs_that_cannot_be_are_refused_with_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.csv");
    std::fs::write(&input, "a,_DQ_failed_rules\n1,2\n").unwrap();
    let refused = |name: &str, extra: Extra| match write(&input, &directory.path().join(name), extra, ALL) {
        Err(Error::Option(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(refused("bad.csv", Extra::FailedRules).contains("_DQ_failed_rules"));
    assert!(refused("good.csv.gz", Extra::None).contains("compressed"));
    written(&input, &directory.path().join("all.csv"), Extra::Outcomes, ALL);
    let error =
        Output::create(&directory.path().join("x"), Some("xml"), Extra::None, opened(&input).schema(), None, &[]);
    assert!(error.unwrap_err().to_string().contains("xml"));
}

#[test]
fn files_agree_when_their_rows_can_stand_together() {
    let csv = |header: &str, delimiter: u8| FileOrigin::Csv { header: Some(header.into()), delimiter, quote: b'"' };
    assert!(agree(&[]) && agree(&[csv("a\n", b','), csv("a\n", b',')]));
    assert!(!agree(&[csv("a\n", b','), csv("a\r\n", b',')]) && !agree(&[csv("a\n", b','), csv("a\n", b';')]));
    assert!(!agree(&[csv("a\n", b','), FileOrigin::JsonLines]));
    let arrow = |data_type: DataType, stream: bool| FileOrigin::Arrow {
        schema: Arc::new(Schema::new(vec![Field::new("a", data_type, true)])),
        stream,
    };
    let dictionary = || DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    assert!(agree(&[arrow(DataType::Utf8, false), arrow(DataType::Utf8, false)]));
    assert!(!agree(&[arrow(dictionary(), false), arrow(dictionary(), false)]));
    assert!(agree(&[arrow(dictionary(), true), arrow(dictionary(), true)]));
    assert!(agree(&[arrow(dictionary(), false)]));
}

/// A file with one timestamp of the type INT96: a day since 4713 BC and nanoseconds of it.
fn int96_file(path: &Path, day: u32, nanoseconds: u64) {
    use parquet::data_type::{Int96, Int96Type};
    let schema = parquet::schema::parser::parse_message_type("message schema { OPTIONAL INT96 t; }").unwrap();
    let file = File::create(path).unwrap();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(file, Arc::new(schema), Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let mut value = Int96::new();
    value.set_data(nanoseconds as u32, (nanoseconds >> 32) as u32, day);
    column.typed::<Int96Type>().write_batch(&[value], Some(&[1, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn old_timestamps_are_exact_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.parquet"), directory.path().join("out.parquet"));
    // The year 9999 is beyond what 64 bits of nanoseconds hold.
    int96_file(&input, 5_373_484, 1_000);
    written(&input, &output, Extra::None, ALL);
    let (_, batch) = read_parquet(&output);
    assert_eq!(batch.schema().field(0).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let values = batch.column(0).as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    assert_eq!(values.value(0), (5_373_484 - 2_440_588) * 86_400_000_000 + 1);
    assert!(values.is_null(1));
    int96_file(&input, 2_460_000, 1_001);
    let error = write(&input, &output, Extra::None, ALL).unwrap_err();
    assert!(error.to_string().contains("`t`"), "{error}");
}
