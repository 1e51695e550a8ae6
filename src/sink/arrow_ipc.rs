//! Arrow files and streams, in the types of the source where that is one.

use super::columns::{batch_of, from_arrow, kept};
use super::lists::{self, Patterns};
use super::target::Target;
use super::{Extra, Plan, RowWriter, Sink, Verdicts};
use crate::error::{Error, escape_controls, shown};
use crate::input::{FileOrigin, WholeRows, remote};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use std::io::{self, BufWriter};
use std::sync::Arc;

pub(super) static SINK: Sink = Sink {
    name: "arrow",
    extensions: &["arrow", "feather", "ipc", "arrows"],
    takes: |origin, _| matches!(origin, FileOrigin::Arrow { .. }),
    open: |target, plan| Ok(Box::new(ArrowRows::open(target, plan)?)),
};

/// Bytes of rule texts in one batch: other programs expect lists of text, where every row repeats the texts.
const MOST_TEXT: usize = 32 << 20;

/// A dictionary of a stream may be replaced; that of a file never is, because a file has one origin.
enum Writer {
    File(FileWriter<BufWriter<Target>>),
    Stream(StreamWriter<BufWriter<Target>>),
}

struct ArrowRows {
    writer: Writer,
    whole: bool,
    /// The columns of the data.
    columns: SchemaRef,
    extra: Extra,
    rules: ArrayRef,
    /// Rows of a batch whose lists cannot have too many bytes.
    most_rows: usize,
}

impl ArrowRows {
    fn open(target: Target, plan: &Plan<'_>) -> Result<Self, Error> {
        let stream_by_name = plan.extension == "arrows";
        let (columns, stream) = match plan.origin {
            Some(FileOrigin::Arrow { schema, stream }) if plan.whole => (schema.clone(), *stream),
            Some(FileOrigin::Arrow { stream, .. }) => (plan.columns.clone(), *stream || stream_by_name),
            _ => (plan.columns.clone(), stream_by_name),
        };
        let mut fields: Vec<Arc<Field>> = columns.fields().iter().cloned().collect();
        fields.extend(plan.extra.fields(false).into_iter().map(Arc::new));
        let schema = Schema::new_with_metadata(fields, columns.metadata().clone());
        let path = remote::shown_name(plan.path);
        let out = BufWriter::with_capacity(1 << 18, target);
        let writer = match stream {
            true => StreamWriter::try_new(out, &schema).map(Writer::Stream),
            false => FileWriter::try_new(out, &schema).map(Writer::File),
        };
        let writer = writer.map_err(|error| match error {
            ArrowError::IoError(_, source) => Error::Write { path, source },
            other => Error::Option(format!(
                "{}: Arrow files cannot hold these columns: {}",
                shown(&path),
                escape_controls(&other.to_string())
            )),
        })?;
        let bytes: usize = plan.rules.iter().map(|rule| rule.len() + 8).sum();
        let rules: ArrayRef = Arc::new(StringArray::from_iter_values(plan.rules));
        let most_rows = if plan.extra == Extra::None { usize::MAX } else { (MOST_TEXT / bytes.max(1)).max(1) };
        Ok(Self { writer, whole: plan.whole, columns, extra: plan.extra, rules, most_rows })
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match &mut self.writer {
            Writer::File(writer) => writer.write(batch),
            Writer::Stream(writer) => writer.write(batch),
        }
    }

    /// Some of the kept rows, `rows` of the batch, with what is added to them.
    fn widened(&self, batch: RecordBatch, patterns: &Patterns, rows: &[usize]) -> Result<RecordBatch, ArrowError> {
        let added = lists::arrays(self.extra, patterns, rows, &self.rules)?;
        let fields = self.extra.fields(false);
        let plain = added.iter().zip(&fields).map(|(array, field)| arrow_cast::cast(array, field.data_type()));
        let mut columns = batch.columns().to_vec();
        columns.extend(plain.collect::<Result<Vec<_>, _>>()?);
        let schema = batch.schema();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        batch_of(names.chain(self.extra.names().iter().copied()), columns, rows.len())
    }
}

impl RowWriter for ArrowRows {
    fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        let batch = kept(rows, keep, &self.columns, self.whole).map_err(from_arrow)?;
        if self.extra == Extra::None {
            return self.batch(&batch).map_err(from_arrow);
        }
        let patterns = Patterns::new(self.extra, verdicts);
        let places: Vec<usize> = keep.set_indices().collect();
        let mut start = 0;
        for rows in places.chunks(self.most_rows) {
            let piece = self.widened(batch.slice(start, rows.len()), &patterns, rows).map_err(from_arrow)?;
            self.batch(&piece).map_err(from_arrow)?;
            start += rows.len();
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Target> {
        let out = match self.writer {
            Writer::File(writer) => writer.into_inner(),
            Writer::Stream(writer) => writer.into_inner(),
        };
        out.map_err(from_arrow)?.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
