//! Parquet, in the types and with the codec of the source where that is Parquet.

use super::columns::{batch_of, from_arrow, kept};
use super::lists::{self, Patterns};
use super::target::Target;
use super::{Extra, Plan, RowWriter, Sink, Verdicts};
use crate::error::{Error, escape_controls, shown};
use crate::input::{FileOrigin, WholeRows, nested_int96, remote};
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use std::io::{self, BufWriter};
use std::sync::Arc;

pub(super) static SINK: Sink = Sink {
    name: "parquet",
    extensions: &["parquet", "parq", "pq"],
    takes: |origin, _| matches!(origin, FileOrigin::Parquet { .. }),
    open: |target, plan| Ok(Box::new(ParquetRows::open(target, plan)?)),
};

/// Rows of a row group, and about its bytes: it is held until it is complete.
const GROUP_ROWS: usize = 1 << 18;
const GROUP_BYTES: usize = 64 << 20;

/// Rules named in a row group: each takes some bytes of levels until they are packed.
const GROUP_RULES: usize = 1 << 24;

struct ParquetRows {
    writer: ArrowWriter<BufWriter<Target>>,
    whole: bool,
    /// The columns of the data.
    columns: SchemaRef,
    extra: Extra,
    rules: ArrayRef,
}

impl ParquetRows {
    fn open(target: Target, plan: &Plan<'_>) -> Result<Self, Error> {
        let path = remote::shown_name(plan.path);
        let source = match plan.origin {
            Some(FileOrigin::Parquet { schema, descriptor, metadata, compression }) if plan.whole => {
                if let Some(column) = nested_int96(descriptor) {
                    return Err(Error::Option(format!(
                        "column `{}` has timestamps of the old type INT96 in lists or structs, which are not written \
                         back: convert the file to TIMESTAMP first",
                        escape_controls(column)
                    )));
                }
                Some((schema, descriptor, metadata, *compression))
            }
            _ => None,
        };
        let columns = source.map_or(&plan.columns, |(schema, ..)| schema).clone();
        let unfit = |error: ParquetError| {
            let text = escape_controls(&error.to_string());
            Error::Option(format!("{}: Parquet cannot hold these columns: {text}; name another format", shown(&path)))
        };
        // The writer is told that lists hold dictionaries, so that it takes them; readers are told what they hold.
        let written = with_fields(&columns, plan.extra.fields(true));
        let declared = with_fields(&columns, plan.extra.fields(false));
        let own = ArrowSchemaConverter::new().convert(&written).map_err(unfit)?;
        let descriptor = match source {
            Some((_, original, ..)) => alike(&own, original).map_err(unfit)?,
            None => own,
        };
        let metadata: Vec<KeyValue> = source.map_or(Vec::new(), |(_, _, metadata, _)| metadata.clone());
        let tells_arrow = |entry: &KeyValue| entry.key == ARROW_SCHEMA_META_KEY;
        let had_arrow = source.is_none() || metadata.iter().any(tells_arrow);
        let metadata: Vec<KeyValue> = metadata.into_iter().filter(|entry| !tells_arrow(entry)).collect();
        let named = if plan.extra == Extra::None { 0 } else { plan.rules.len() };
        let group_rows = (GROUP_RULES / (named + 1)).clamp(1 << 13, GROUP_ROWS);
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("dq version ", env!("CARGO_PKG_VERSION")).to_string())
            .set_compression(codec(source.map_or(Compression::SNAPPY, |(.., compression)| compression)))
            .set_max_row_group_row_count(Some(group_rows))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_key_value_metadata((!metadata.is_empty()).then_some(metadata))
            .build();
        if had_arrow {
            add_encoded_arrow_schema_to_metadata(&declared, &mut properties);
        }
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(descriptor);
        let out = BufWriter::with_capacity(1 << 18, target);
        let writer = ArrowWriter::try_new_with_options(out, Arc::new(written), options);
        let writer = writer.map_err(|error| match error {
            ParquetError::External(source) if source.is::<io::Error>() => {
                Error::Write { path: path.clone(), source: from_parquet(ParquetError::External(source)) }
            }
            other => unfit(other),
        })?;
        let rules: ArrayRef = Arc::new(StringArray::from_iter_values(plan.rules));
        Ok(Self { writer, whole: plan.whole, columns, extra: plan.extra, rules })
    }
}

impl RowWriter for ParquetRows {
    fn write(&mut self, rows: &WholeRows, keep: &BooleanBuffer, verdicts: &Verdicts<'_>) -> io::Result<()> {
        let mut batch = kept(rows, keep, &self.columns, self.whole).map_err(from_arrow)?;
        if self.extra != Extra::None {
            let patterns = Patterns::new(self.extra, verdicts);
            let places: Vec<usize> = keep.set_indices().collect();
            let mut columns = batch.columns().to_vec();
            columns.extend(lists::arrays(self.extra, &patterns, &places, &self.rules).map_err(from_arrow)?);
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let names = names.chain(self.extra.names().iter().copied());
            batch = batch_of(names, columns, places.len()).map_err(from_arrow)?;
        }
        self.writer.write(&batch).map_err(from_parquet)
    }

    fn finish(self: Box<Self>) -> io::Result<Target> {
        let out = self.writer.into_inner().map_err(from_parquet)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn with_fields(columns: &Schema, added: Vec<Field>) -> Schema {
    let mut fields: Vec<Arc<Field>> = columns.fields().iter().cloned().collect();
    fields.extend(added.into_iter().map(Arc::new));
    Schema::new_with_metadata(fields, columns.metadata().clone())
}

/// The schema that is written: columns of the source in its own words, where values are laid out as the writer
/// does it; others (timestamps of the type INT96, some decimals) in today's.
fn alike(own: &SchemaDescriptor, original: &SchemaDescriptor) -> Result<SchemaDescriptor, ParquetError> {
    let originals = original.root_schema().get_fields();
    let field = |(position, field): (usize, &TypePtr)| {
        let source = originals.get(position).filter(|source| source.name() == field.name());
        let same = |source: &&TypePtr| Ok::<_, ParquetError>(leaves(source)? == leaves(field)?);
        match source.map(|source| same(&source)).transpose()? {
            Some(true) => Ok(source.unwrap_or(field).clone()),
            _ => Ok(field.clone()),
        }
    };
    let fields = own.root_schema().get_fields().iter().enumerate().map(field);
    let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
    let root = Type::group_type_builder(original.root_schema().name()).with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// Bytes that the writer gives decimals of a column that is stored in bytes of a fixed length.
fn decimal_bytes(precision: i32) -> i32 {
    // The fewest whose largest signed number has so many digits.
    (1..=32).find(|bytes| 10f64.powi(precision) <= 2f64.powi(8 * bytes - 1)).unwrap_or(32)
}

/// How the values of a column are laid out: type, bytes of a fixed one, levels.
type Layout = (PhysicalType, i32, i16, i16);

fn leaves(field: &TypePtr) -> Result<Vec<Layout>, ParquetError> {
    let root = Type::group_type_builder("schema").with_fields(vec![field.clone()]).build()?;
    let descriptor = SchemaDescriptor::new(Arc::new(root));
    let layout = |column: &parquet::schema::types::ColumnDescPtr| {
        let (kind, length) = match column.physical_type() {
            PhysicalType::FIXED_LEN_BYTE_ARRAY => (column.physical_type(), column.type_length()),
            // Small decimals are whole numbers for the writer, unless its column says bytes.
            PhysicalType::INT32 | PhysicalType::INT64 if is_decimal(column) => {
                (PhysicalType::FIXED_LEN_BYTE_ARRAY, decimal_bytes(column.type_precision()))
            }
            other => (other, 0),
        };
        (kind, length, column.max_def_level(), column.max_rep_level())
    };
    Ok(descriptor.columns().iter().map(layout).collect())
}

fn is_decimal(column: &parquet::schema::types::ColumnDescPtr) -> bool {
    column.converted_type() == ConvertedType::DECIMAL
        || matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }))
}

/// The codec of the source, or the one that took its place.
fn codec(source: Compression) -> Compression {
    match source {
        Compression::LZ4 => Compression::LZ4_RAW,
        Compression::LZO => Compression::SNAPPY,
        other => other,
    }
}

/// What the writer says; trouble of the machine stays what it is.
fn from_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(other) => io::Error::other(escape_controls(&other.to_string())),
        },
        other => io::Error::other(escape_controls(&other.to_string())),
    }
}
