//! What a footer says for certain.
//!
//! Old writers sorted unsigned numbers and text as signed bytes, newer ones cut long texts, and
//! none counts NaN: whatever could be wrong is left out.

use crate::input::table::ColumnFacts;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, SchemaRef};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{ColumnOrder, SortOrder, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

/// The facts of a column, which is primitive and the `leaf`th of those, in a row group.
pub fn of(
    metadata: &ArrowReaderMetadata,
    schema: &SchemaRef,
    part: usize,
    column: usize,
    leaf: usize,
) -> Option<ColumnFacts> {
    let group = metadata.metadata().row_groups().get(part)?;
    let chunk = group.columns().get(leaf)?;
    let required = chunk.column_descr().max_def_level() == 0;
    let statistics = chunk.statistics();
    let nulls = match statistics.and_then(Statistics::null_count_opt) {
        _ if required => 0,
        Some(nulls) => nulls,
        None => return None,
    };
    // A footer that contradicts itself proves nothing.
    if nulls > u64::try_from(group.num_rows()).ok()? {
        return None;
    }
    let ordered = metadata.metadata().file_metadata().column_order(leaf);
    let range = statistics
        .filter(|statistics| is_exact(statistics, ordered, schema.field(column).data_type()))
        .and_then(|_| range(metadata, schema.field(column), group));
    Some(ColumnFacts { nulls, range })
}

/// Whether minimum and maximum are exactly that, in the order of the column's values.
fn is_exact(statistics: &Statistics, order: ColumnOrder, data_type: &DataType) -> bool {
    let logical = match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    let bytes = matches!(statistics.physical_type(), PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY);
    let decimal = matches!(logical, DataType::Decimal128(_, _) | DataType::Decimal256(_, _));
    if logical.is_floating() || statistics.physical_type() == PhysicalType::INT96 {
        return false;
    }
    if statistics.is_min_max_deprecated() {
        // The old fields were compared as signed numbers, which is right for these alone.
        return !bytes && !logical.is_unsigned_integer();
    }
    // Numbers are never cut; texts may be, and say so.
    let whole = !bytes || decimal || statistics.min_is_exact() && statistics.max_is_exact();
    whole && matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::SIGNED | SortOrder::UNSIGNED))
}

fn range(metadata: &ArrowReaderMetadata, field: &Field, group: &RowGroupMetaData) -> Option<(ArrayRef, ArrayRef)> {
    let converter = StatisticsConverter::try_new(field.name(), metadata.schema(), metadata.parquet_schema()).ok()?;
    let values = match field.data_type() {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    let value = |array: ArrayRef| {
        let array = if array.data_type() == values { array } else { arrow_cast::cast(&array, values).ok()? };
        (array.len() == 1 && array.is_valid(0)).then_some(array)
    };
    let low = value(converter.row_group_mins([group]).ok()?)?;
    let high = value(converter.row_group_maxes([group]).ok()?)?;
    Some((low, high))
}
