//! Schemas of tables: whether a reader by name reads what was written.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use dq::compat::finding::{Finding, Severity};
use dq::compat::table::{TableSchema, can_read};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn table(fields: Vec<Field>) -> TableSchema {
    TableSchema { schema: Arc::new(Schema::new(fields)) }
}

fn read(reader: Vec<Field>, writer: Vec<Field>) -> Vec<Finding> {
    can_read(&table(reader), &table(writer)).map_err(|error| error.message).expect("comparable")
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}", finding.kind.name(), finding.location)).collect()
}

fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn structure(name: &str, fields: Vec<Field>) -> Field {
    nullable(name, DataType::Struct(Fields::from(fields)))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(nullable("item", element)))
}

fn map(key: DataType, value: DataType) -> DataType {
    let entries = DataType::Struct(Fields::from(vec![required("keys", key), nullable("values", value)]));
    DataType::Map(Arc::new(required("entries", entries)), false)
}

#[test]
fn columns_come_and_go_by_name() {
    let a = || nullable("a", DataType::Int32);
    let b = || nullable("b", DataType::Int32);
    for (reader, writer, expected) in [
        (vec![a()], vec![a()], vec![]),
        (vec![], vec![], vec![]),
        (vec![a(), b()], vec![a()], vec!["FIELD_ADDED /b"]),
        (vec![a(), required("b", DataType::Int32)], vec![a()], vec!["REQUIRED_FIELD_ADDED /b"]),
        (vec![a()], vec![a(), b()], vec!["FIELD_DELETED /b"]),
        (vec![a(), b()], vec![b(), a()], vec!["FIELD_REORDERED /"]),
        (vec![a(), nullable("c", DataType::Int8), b()], vec![a(), b()], vec!["FIELD_ADDED /c"]),
        (
            vec![nullable("A", DataType::Int32)],
            vec![a()],
            vec!["FIELD_ADDED /A", "FIELD_DELETED /a", "FIELD_CASE_CHANGED /A"],
        ),
        (vec![required("a", DataType::Int32)], vec![a()], vec!["NULLABLE_TO_NON_NULLABLE /a"]),
        (vec![a()], vec![required("a", DataType::Int32)], vec!["NON_NULLABLE_TO_NULLABLE /a"]),
        (vec![a(), a()], vec![a()], vec!["FIELD_AMBIGUOUS /a"]),
    ] {
        assert_eq!(told(&read(reader.clone(), writer.clone())), expected, "{reader:?} {writer:?}");
    }
}

#[test]
fn types_widen_and_nothing_else() {
    use DataType::{
        Binary, Boolean, Date32, Date64, Decimal128, Decimal256, Duration as Length, FixedSizeBinary, Float32, Float64,
        Int8, Int16, Int32, Int64, LargeBinary, LargeUtf8, Null, Time32, Time64, Timestamp, UInt8, UInt32, UInt64,
        Utf8, Utf8View,
    };
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let zone = |name: &str| Some(Arc::from(name));
    let dictionary = |values| DataType::Dictionary(Box::new(Int32), Box::new(values));
    for (writer, reader, expected) in [
        (Int32, Int64, "TYPE_WIDENED"),
        (Int8, Int16, "TYPE_WIDENED"),
        (UInt8, Int16, "TYPE_WIDENED"),
        (UInt32, UInt64, "TYPE_WIDENED"),
        (Int64, Int32, "UNSUPPORTED_TYPE_CHANGE"),
        (UInt32, Int32, "UNSUPPORTED_TYPE_CHANGE"),
        (Int8, UInt8, "UNSUPPORTED_TYPE_CHANGE"),
        (Int32, Float64, "UNSUPPORTED_TYPE_CHANGE"),
        (Float32, Float64, "TYPE_WIDENED"),
        (Float64, Float32, "UNSUPPORTED_TYPE_CHANGE"),
        (Decimal128(9, 2), Decimal128(12, 2), "TYPE_WIDENED"),
        (Decimal128(9, 2), Decimal256(9, 2), ""),
        (Decimal128(9, 2), Decimal128(12, 3), "UNSUPPORTED_TYPE_CHANGE"),
        (Decimal128(9, 2), Decimal128(8, 2), "UNSUPPORTED_TYPE_CHANGE"),
        (Int32, Decimal128(12, 2), "UNSUPPORTED_TYPE_CHANGE"),
        (Date32, Timestamp(Microsecond, None), "DATE_TO_TIMESTAMP"),
        (Date64, Timestamp(Nanosecond, None), "DATE_TO_TIMESTAMP"),
        (Date32, Timestamp(Microsecond, zone("UTC")), "UNSUPPORTED_TYPE_CHANGE"),
        (Date32, Date64, ""),
        (Timestamp(Second, None), Timestamp(Nanosecond, None), "TIME_UNIT_CHANGED"),
        (Timestamp(Nanosecond, None), Timestamp(Microsecond, None), "UNSUPPORTED_TYPE_CHANGE"),
        (Timestamp(Microsecond, None), Timestamp(Microsecond, zone("UTC")), "UNSUPPORTED_TYPE_CHANGE"),
        (Timestamp(Microsecond, zone("UTC")), Timestamp(Microsecond, zone("+00:00")), ""),
        (Timestamp(Microsecond, zone("UTC")), Timestamp(Microsecond, zone("Europe/Paris")), "TIME_ZONE_CHANGED"),
        (Time32(Millisecond), Time64(Microsecond), "TIME_UNIT_CHANGED"),
        (Length(Second), Length(Millisecond), "TIME_UNIT_CHANGED"),
        (Null, Utf8, "TYPE_WIDENED"),
        (Utf8, Null, "TYPE_MISMATCH"),
        (Utf8, LargeUtf8, ""),
        (LargeUtf8, Utf8View, ""),
        (dictionary(Utf8), Utf8, ""),
        (dictionary(Int32), Int64, "TYPE_WIDENED"),
        (Binary, LargeBinary, ""),
        (Utf8, Binary, "UNSUPPORTED_TYPE_CHANGE"),
        (FixedSizeBinary(4), FixedSizeBinary(8), "UNSUPPORTED_TYPE_CHANGE"),
        (Boolean, Int32, "TYPE_MISMATCH"),
        (Utf8, Int32, "TYPE_MISMATCH"),
        (list(Int32), Int32, "TYPE_MISMATCH"),
    ] {
        let findings = read(vec![nullable("a", reader.clone())], vec![nullable("a", writer.clone())]);
        let expected: Vec<String> =
            Some(expected).filter(|kind| !kind.is_empty()).map(|kind| format!("{kind} /a")).into_iter().collect();
        assert_eq!(told(&findings), expected, "{writer:?} to {reader:?}");
    }
}

#[test]
fn children_are_compared_at_their_place() {
    let int = || nullable("x", DataType::Int32);
    let long = || nullable("x", DataType::Int64);
    for (reader, writer, expected) in [
        (structure("s", vec![long()]), structure("s", vec![int()]), vec!["TYPE_WIDENED /s/x"]),
        (
            structure("s", vec![int(), required("y", DataType::Int32)]),
            structure("s", vec![int()]),
            vec!["REQUIRED_FIELD_ADDED /s/y"],
        ),
        (nullable("l", list(DataType::Int64)), nullable("l", list(DataType::Int32)), vec!["TYPE_WIDENED /l/element"]),
        (
            nullable("l", list(DataType::Int32)),
            nullable("l", DataType::LargeList(Arc::new(nullable("element", DataType::Int32)))),
            vec![],
        ),
        (
            nullable("l", DataType::FixedSizeList(Arc::new(int()), 2)),
            nullable("l", list(DataType::Int32)),
            vec!["UNSUPPORTED_TYPE_CHANGE /l"],
        ),
        (
            nullable("l", list(DataType::Int32)),
            nullable("l", DataType::FixedSizeList(Arc::new(int()), 2)),
            vec!["TYPE_WIDENED /l"],
        ),
        (
            nullable("m", map(DataType::Utf8, DataType::Int64)),
            nullable("m", map(DataType::Utf8, DataType::Int32)),
            vec!["TYPE_WIDENED /m/value"],
        ),
        (
            nullable("m", map(DataType::Utf8, DataType::Int32)),
            nullable("m", map(DataType::Int32, DataType::Int32)),
            vec!["MAP_KEY_TYPE_MISMATCH /m/key"],
        ),
        (
            nullable(
                "m",
                map(DataType::Struct(Fields::from(vec![int(), nullable("y", DataType::Int8)])), DataType::Int32),
            ),
            nullable("m", map(DataType::Struct(Fields::from(vec![int()])), DataType::Int32)),
            vec!["MAP_KEY_TYPE_MISMATCH /m/key"],
        ),
    ] {
        assert_eq!(told(&read(vec![reader.clone()], vec![writer.clone()])), expected, "{reader:?} {writer:?}");
    }
}

#[test]
fn an_earlier_reader_misses_a_required_column_that_is_gone() {
    let (before, after) = (vec![required("a", DataType::Int32)], vec![]);
    assert_eq!(told(&read(after.clone(), before.clone())), ["FIELD_DELETED /a"]);
    let forward = read(before, after);
    assert_eq!(told(&forward), ["REQUIRED_FIELD_ADDED /a"]);
    assert_eq!(forward[0].severity, Severity::Error);
}

#[test]
fn metadata_is_not_looked_at_and_names_are_escaped() {
    let noted =
        nullable("a", DataType::Int32).with_metadata([("PARQUET:field_id".to_string(), "1".to_string())].into());
    assert!(read(vec![noted], vec![nullable("a", DataType::Int32)]).is_empty());
    let findings = read(vec![nullable("a/b~", DataType::Int32)], vec![]);
    assert_eq!(told(&findings), ["FIELD_ADDED /a~1b~0"]);
}

#[test]
fn wide_and_deep_tables_are_compared_in_bounded_time() {
    let started = Instant::now();
    let wide = |data_type: &DataType| {
        (0..10_000).map(|index| nullable(&format!("c{index}"), data_type.clone())).collect::<Vec<_>>()
    };
    assert_eq!(read(wide(&DataType::Int64), wide(&DataType::Int32)).len(), 10_000);
    let deep =
        |leaf: DataType| (0..1_000).fold(leaf, |inner, _| DataType::Struct(Fields::from(vec![nullable("a", inner)])));
    let findings = read(vec![nullable("a", deep(DataType::Int64))], vec![nullable("a", deep(DataType::Int32))]);
    assert_eq!(findings.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
