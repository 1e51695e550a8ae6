//! JSON Lines: lines of JSON files as they are, other rows as objects with all their keys.

use super::columns::{from_arrow, kept};
use super::lists::{Patterns, Texts, Value};
use super::target::Target;
use super::{Extra, Plan, RowWriter, Sink, Verdicts};
use crate::input::{FileOrigin, Whole, WholeRows};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_buffer::BooleanBuffer;
use arrow_json::WriterBuilder;
use arrow_json::writer::{Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder};
use arrow_schema::{ArrowError, FieldRef, SchemaRef};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

pub(super) static SINK: Sink = Sink {
    name: "json",
    extensions: &["jsonl", "ndjson", "json"],
    takes: |origin, _| matches!(origin, FileOrigin::JsonLines),
    open: |target, plan| Ok(Box::new(JsonRows::open(target, plan))),
};

struct JsonRows {
    out: BufWriter<Target>,
    /// Whether the last line was written without its end, as the last one of a file may be.
    open_end: bool,
    texts: Option<Texts>,
    /// The columns, where rows are not taken as lines.
    columns: Option<SchemaRef>,
}

impl JsonRows {
    fn open(target: Target, plan: &Plan<'_>) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 18, target),
            open_end: false,
            texts: (plan.extra != Extra::None).then(|| Texts::new(plan.extra, plan.rules, members)),
            columns: (!plan.whole).then(|| plan.columns.clone()),
        }
    }

    /// Writes a line with members added to its object.
    fn line(&mut self, line: &[u8], added: &[u8]) -> io::Result<()> {
        if self.open_end {
            self.out.write_all(b"\n")?;
        }
        self.open_end = !line.ends_with(b"\n");
        // Behind the object there are only blanks.
        match memchr::memrchr(b'}', line).filter(|_| !added.is_empty()) {
            None => self.out.write_all(line),
            Some(brace) => {
                let (members, rest) = line.split_at(brace);
                self.out.write_all(members)?;
                if members.trim_ascii_end().last() != Some(&b'{') {
                    self.out.write_all(b",")?;
                }
                self.out.write_all(added)?;
                self.out.write_all(rest)
            }
        }
    }

    /// Rows as lines of their own.
    fn typed(&self, rows: &WholeRows, keep: &BooleanBuffer) -> io::Result<Vec<u8>> {
        let Some(columns) = &self.columns else { return Err(io::Error::other("rows come without lines")) };
        let batch = kept(rows, keep, columns, false).map_err(from_arrow)?;
        let floats = Arc::new(FloatEncoders);
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_encoder_factory(floats)
            .build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).map_err(from_arrow)?;
        writer.finish().map_err(from_arrow)?;
        Ok(writer.into_inner())
    }
}

impl RowWriter for JsonRows {
    fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        let mut texts = self.texts.take();
        let patterns = texts.as_ref().map(|texts| texts.patterns(verdicts));
        match &rows.whole {
            Some(Whole::Records(records)) if self.columns.is_none() => {
                for row in keep.set_indices() {
                    self.line(records.record(row), added(&mut texts, patterns.as_ref(), row))?;
                }
            }
            _ => {
                // A line feed in a text is escaped: every line is a row.
                let lines = self.typed(rows, keep)?;
                for (line, row) in lines.split_inclusive(|byte| *byte == b'\n').zip(keep.set_indices()) {
                    self.line(line, added(&mut texts, patterns.as_ref(), row))?;
                }
            }
        }
        self.texts = texts;
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Target> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Writes floats that are no number as Spark does, `"NaN"` and `"Infinity"`: JSON has none, and NULL would be another value.
#[derive(Debug)]
struct FloatEncoders;

struct Floats<'a>(&'a [f64]);

impl Encoder for Floats<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.0.get(row) {
            Some(value) if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
            Some(value) if *value == f64::INFINITY => out.extend_from_slice(b"\"Infinity\""),
            Some(value) if *value == f64::NEG_INFINITY => out.extend_from_slice(b"\"-Infinity\""),
            Some(value) => out.extend_from_slice(serde_json::Value::from(*value).to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
    }
}

struct ShortFloats<'a>(&'a [f32]);

impl Encoder for ShortFloats<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.0.get(row) {
            // The shortest digits that tell it from other short floats.
            Some(value) if value.is_finite() => out.extend_from_slice(value.to_string().as_bytes()),
            Some(value) => Floats(&[f64::from(*value)]).encode(0, out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl EncoderFactory for FloatEncoders {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let nulls = array.nulls().cloned();
        Ok(if let Some(doubles) = array.as_primitive_opt::<Float64Type>() {
            let odd = doubles.values().iter().any(|value| !value.is_finite());
            odd.then(|| NullableEncoder::new(Box::new(Floats(doubles.values())), nulls))
        } else if let Some(floats) = array.as_primitive_opt::<Float32Type>() {
            let odd = floats.values().iter().any(|value| !value.is_finite());
            odd.then(|| NullableEncoder::new(Box::new(ShortFloats(floats.values())), nulls))
        } else {
            None
        })
    }
}

/// What is added to a row.
fn added<'a>(texts: &'a mut Option<Texts>, patterns: Option<&Patterns>, row: usize) -> &'a [u8] {
    match (texts, patterns) {
        (Some(texts), Some(patterns)) => texts.of(patterns.row(row)),
        _ => b"",
    }
}

/// Members of an object.
fn members(values: &[Value]) -> Vec<u8> {
    let member = |value: &Value| match value.is_array {
        true => format!("\"{}\":{}", value.name, value.text),
        false => format!("\"{}\":\"{}\"", value.name, value.text),
    };
    values.iter().map(member).collect::<Vec<_>>().join(",").into_bytes()
}
