//! What page indexes say for certain, and reading some pages only.
//!
//! Many writers tell of each page of a column what the footer tells of each row group: its NULLs, its
//! minimum and maximum, its rows and its place. Both indexes are read for one column of one row group, and
//! only when somebody asks: those of wide files are long. What contradicts itself or the footer proves
//! nothing, for the whole column.

mod agreement;
mod compact;

use super::{ParquetTable, reading_field, unreadable};
use crate::error::Error;
use crate::input::table::{ColumnFacts, PageFacts};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelectionPolicy,
};
use parquet::basic::{ColumnOrder, SortOrder};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::{SchemaDescriptor, Type};
use std::ops::Range;
use std::sync::Arc;

/// Bytes above which an index is not read: hundreds of thousands of pages have shorter ones.
const LONGEST: u64 = 16 << 20;

/// The pages of a column, which is primitive and the `leaf`th of those, in a row group. May panic on damage.
pub(super) fn of(table: &ParquetTable, part: usize, column: usize, leaf: usize) -> Option<Vec<PageFacts>> {
    let values = match table.schema.field(column).data_type() {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    // Texts may be cut, and the index does not say so; no index counts NaN.
    if !matches!(values, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _))
        && !values.is_integer()
        && !values.is_decimal()
    {
        return None;
    }
    let chunk = table.metadata.metadata().row_groups().get(part)?.columns().get(leaf)?;
    let order = match table.metadata.metadata().file_metadata().column_order(leaf) {
        ColumnOrder::TYPE_DEFINED_ORDER(order @ (SortOrder::SIGNED | SortOrder::UNSIGNED)) => order,
        _ => return None,
    };
    shaped(table, chunk.column_index_offset(), chunk.column_index_length(), compact::COLUMN_INDEX)?;
    let (alone, rows) = located(table, part, column, leaf)?;
    // The footer tells of a single page.
    if rows.len() < 2 {
        return None;
    }
    let alone = indexed(table, alone, PageIndexPolicy::Required, PageIndexPolicy::Skip)?;
    let index = alone.column_index()?.first()?.first()?;
    let nulls = agreement::nulls(table, (part, column, leaf), index, &rows, order)?;
    let alone = Arc::new(alone);
    // Rows are read with this later.
    readable(table, column, alone.clone()).ok()?;
    let field = table.metadata.schema().field(column);
    let converter = StatisticsConverter::from_column_index(0, field, alone.file_metadata().schema_descr()).ok()?;
    let (columns, offsets) = (alone.column_index()?, alone.offset_index()?);
    let lows = converter.data_page_mins(columns, offsets, [&0]).ok()?;
    let highs = converter.data_page_maxes(columns, offsets, [&0]).ok()?;
    if [&lows, &highs].iter().any(|bounds| bounds.data_type() != values || bounds.len() != rows.len()) {
        return None;
    }
    let range = |page: usize| -> Option<(ArrayRef, ArrayRef)> {
        (lows.is_valid(page) && highs.is_valid(page)).then(|| (lows.slice(page, 1), highs.slice(page, 1)))
    };
    let pages = rows.into_iter().zip(nulls).enumerate();
    Some(
        pages
            .map(|(page, (rows, nulls))| PageFacts { rows, facts: ColumnFacts { nulls, range: range(page) } })
            .collect(),
    )
}

/// Starts to read increasing ranges of rows of a column whose pages are known. May panic on damage.
pub(super) fn reader(
    table: &ParquetTable,
    part: usize,
    column: usize,
    rows: &[Range<u64>],
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader, Error> {
    let located = table.leaves.get(column).copied().flatten().and_then(|leaf| located(table, part, column, leaf));
    let (alone, _) = located.ok_or_else(|| Error::Format {
        path: table.path.clone(),
        message: "has a page index that was readable a moment ago: was the file changed?".into(),
    })?;
    let whole = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
    let total: usize = alone.row_groups().iter().map(|group| whole(u64::try_from(group.num_rows()).unwrap_or(0))).sum();
    let ranges = rows.iter().map(|rows| whole(rows.start)..whole(rows.end));
    let selection = RowSelection::from_consecutive_ranges(ranges, total);
    let reader = readable(table, column, Arc::new(alone)).and_then(|metadata| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(table.source.clone(), metadata)
            .with_row_selection(selection)
            // A mask, the choice for short ranges, would decode the pages between them too.
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_batch_size(batch_rows)
            .build()
    });
    reader.map_err(|error| unreadable(&table.path, &error))
}

/// What a column alone is read with, in the type that it has among others.
fn readable(
    table: &ParquetTable,
    column: usize,
    alone: Arc<ParquetMetaData>,
) -> parquet::errors::Result<ArrowReaderMetadata> {
    let field = reading_field(table.schema.field(column), false);
    ArrowReaderMetadata::try_new(alone, ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(vec![field]))))
}

/// The metadata of a column of a row group as if the file had nothing else, with the places of its pages; and
/// the rows of these.
fn located(
    table: &ParquetTable,
    part: usize,
    column: usize,
    leaf: usize,
) -> Option<(ParquetMetaData, Vec<Range<u64>>)> {
    let group = table.metadata.metadata().row_groups().get(part)?;
    let chunk = group.columns().get(leaf)?;
    shaped(table, chunk.offset_index_offset(), chunk.offset_index_length(), compact::OFFSET_INDEX)?;
    let alone = alone(table, group, column, leaf)?;
    let alone = indexed(table, alone, PageIndexPolicy::Skip, PageIndexPolicy::Required)?;
    let pages = alone.offset_index()?.first()?.first()?.page_locations();
    let rows = page_rows(pages, u64::try_from(group.num_rows()).ok()?)?;
    are_within(pages, chunk).then_some((alone, rows))
}

/// Where an index is, if the footer tells, and it can be there.
fn place(table: &ParquetTable, offset: Option<i64>, length: Option<i32>) -> Option<Range<u64>> {
    let (start, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
    let end = start.checked_add(length)?;
    ((1..=LONGEST).contains(&length) && end < table.source.len()).then_some(start..end)
}

/// Nothing unless an index is where the footer says, and has the shape of one.
fn shaped(table: &ParquetTable, offset: Option<i64>, length: Option<i32>, shape: &[compact::Shape]) -> Option<()> {
    let place = place(table, offset, length)?;
    let bytes = table.source.get_bytes(place.start, usize::try_from(place.end - place.start).ok()?).ok()?;
    compact::has_shape(&bytes, shape).then_some(())
}

/// A file that has nothing but a column of a row group.
fn alone(table: &ParquetTable, group: &RowGroupMetaData, column: usize, leaf: usize) -> Option<ParquetMetaData> {
    let file = table.metadata.metadata().file_metadata();
    let root = file.schema_descr().root_schema();
    let field = root.get_fields().get(column)?.clone();
    let root = Type::group_type_builder(root.name()).with_fields(vec![field]).build().ok()?;
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let (rows, order) = (group.num_rows(), file.column_order(leaf));
    let group = RowGroupMetaData::builder(schema.clone())
        .set_num_rows(rows)
        .add_column_metadata(group.columns().get(leaf)?.clone())
        .build()
        .ok()?;
    let file = FileMetaData::new(file.version(), rows, None, None, schema, Some(vec![order]));
    Some(ParquetMetaData::new(file, vec![group]))
}

/// Metadata with one of its indexes, read now.
fn indexed(
    table: &ParquetTable,
    metadata: ParquetMetaData,
    columns: PageIndexPolicy,
    offsets: PageIndexPolicy,
) -> Option<ParquetMetaData> {
    let mut reader = ParquetMetaDataReader::new_with_metadata(metadata)
        .with_column_index_policy(columns)
        .with_offset_index_policy(offsets);
    reader.read_page_indexes(&table.source).ok()?;
    reader.finish().ok()
}

/// The rows of each page: all rows of the row group, and at least one in each.
fn page_rows(pages: &[PageLocation], rows: u64) -> Option<Vec<Range<u64>>> {
    let starts: Option<Vec<u64>> = pages.iter().map(|page| u64::try_from(page.first_row_index).ok()).collect();
    let starts = starts.filter(|starts| starts.first() == Some(&0))?;
    let ends = starts.iter().skip(1).copied().chain([rows]);
    let rows: Vec<Range<u64>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
    rows.iter().all(|rows| rows.start < rows.end).then_some(rows)
}

/// Whether pages lie one behind the other, without a gap, from the first data page to the end of their column.
fn are_within(pages: &[PageLocation], chunk: &ColumnChunkMetaData) -> bool {
    let (start, length) = chunk.byte_range();
    let Ok(mut next) = u64::try_from(chunk.data_page_offset()) else { return false };
    for page in pages {
        let (Ok(offset), Ok(size)) = (u64::try_from(page.offset), u64::try_from(page.compressed_page_size)) else {
            return false;
        };
        if offset != next || size == 0 {
            return false;
        }
        next = offset.saturating_add(size);
    }
    Some(next) == start.checked_add(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_all_rows_in_order() {
        let page = |first_row_index| PageLocation { offset: 4, compressed_page_size: 8, first_row_index };
        assert_eq!(page_rows(&[page(0), page(3)], 5), Some(vec![0..3, 3..5]));
        for (starts, rows) in [(vec![1, 3], 5), (vec![0, 3, 3], 5), (vec![0, 3], 3), (vec![0, 3], 2), (vec![0, -1], 5)]
        {
            let pages: Vec<_> = starts.into_iter().map(page).collect();
            assert_eq!(page_rows(&pages, rows), None, "{pages:?}");
        }
    }
}
