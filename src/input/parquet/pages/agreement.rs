//! Whether a page index agrees with itself and with the footer.

use crate::input::parquet::{ParquetTable, facts};
use arrow_buffer::i256;
use parquet::basic::SortOrder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use std::ops::Range;

/// The NULLs of each page, if the index agrees with itself and with the footer in all it says of a column,
/// given by row group, position and leaf.
pub(super) fn nulls(
    table: &ParquetTable,
    (part, column, leaf): (usize, usize, usize),
    index: &ColumnIndexMetaData,
    rows: &[Range<u64>],
    order: SortOrder,
) -> Option<Vec<u64>> {
    let chunk = table.metadata.metadata().row_groups().get(part)?.columns().get(leaf)?;
    let required = chunk.column_descr().max_def_level() == 0;
    let nulls: Vec<u64> = match index.null_counts() {
        Some(nulls) => nulls.iter().map(|nulls| u64::try_from(*nulls).ok()).collect::<Option<_>>()?,
        None if required => vec![0; rows.len()],
        None => return None,
    };
    let width = usize::try_from(chunk.column_descr().type_length()).unwrap_or(0);
    let mut range: Option<(i256, i256)> = None;
    let mut sum: u64 = 0;
    if nulls.len() != rows.len() {
        return None;
    }
    for (page, (rows, nulls)) in rows.iter().zip(&nulls).enumerate() {
        let bounds = page_bounds(index, page, order, width)?;
        let rows = rows.end - rows.start;
        // Some writers count the levels of each page, which flat columns have one of for every row.
        let levels = index.definition_level_histogram(page).filter(|levels| !levels.is_empty());
        if levels.is_some_and(|levels| i64::try_from(rows).ok() != levels.iter().copied().try_fold(0, i64::checked_add))
        {
            return None;
        }
        // Pages without a value have no bounds, and only these.
        if *nulls > rows || bounds.is_none() != (*nulls == rows) {
            return None;
        }
        sum = sum.checked_add(*nulls)?;
        if let Some((low, high)) = bounds {
            if low > high {
                return None;
            }
            range = Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
        }
    }
    let statistics = chunk.statistics();
    if statistics.and_then(Statistics::null_count_opt).is_some_and(|nulls| nulls != sum) || required && sum > 0 {
        return None;
    }
    // Both are exact, so all pages together have the bounds of the row group.
    let exact =
        facts::of(&table.metadata, &table.schema, part, column, leaf).is_some_and(|facts| facts.range.is_some());
    let whole = statistics.filter(|_| exact).map(|statistics| chunk_bounds(statistics, order));
    whole.is_none_or(|whole| whole.is_some() && whole == range).then_some(nulls)
}

/// The bounds of a page, `Some(None)` if it says that it has no value; `None` if they are not to be trusted.
fn page_bounds(
    index: &ColumnIndexMetaData,
    page: usize,
    order: SortOrder,
    width: usize,
) -> Option<Option<(i256, i256)>> {
    // Decimals of any length but their own may be cut.
    let wide = |bytes: &[u8]| decimal(bytes).filter(|_| bytes.len() == width);
    Some(match index {
        ColumnIndexMetaData::INT32(index) => {
            let bounds = index.min_values().get(page).zip(index.max_values().get(page))?;
            (!index.is_null_page(page)).then(|| (narrow(*bounds.0, order), narrow(*bounds.1, order)))
        }
        ColumnIndexMetaData::INT64(index) => {
            let bounds = index.min_values().get(page).zip(index.max_values().get(page))?;
            (!index.is_null_page(page)).then(|| (long(*bounds.0, order), long(*bounds.1, order)))
        }
        ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) if (page as u64) < index.num_pages() => {
            match index.min_value(page).zip(index.max_value(page)) {
                Some((low, high)) => Some((wide(low)?, wide(high)?)),
                None => None,
            }
        }
        _ => return None,
    })
}

fn chunk_bounds(statistics: &Statistics, order: SortOrder) -> Option<(i256, i256)> {
    match statistics {
        Statistics::Int32(values) => Some((narrow(*values.min_opt()?, order), narrow(*values.max_opt()?, order))),
        Statistics::Int64(values) => Some((long(*values.min_opt()?, order), long(*values.max_opt()?, order))),
        Statistics::FixedLenByteArray(values) => {
            Some((decimal(values.min_bytes_opt()?)?, decimal(values.max_bytes_opt()?)?))
        }
        _ => None,
    }
}

fn narrow(value: i32, order: SortOrder) -> i256 {
    i256::from_i128(if order.is_signed() { value.into() } else { value.cast_unsigned().into() })
}

fn long(value: i64, order: SortOrder) -> i256 {
    i256::from_i128(if order.is_signed() { value.into() } else { value.cast_unsigned().into() })
}

/// The units of a decimal that is stored as bytes, the highest first.
fn decimal(bytes: &[u8]) -> Option<i256> {
    let mut whole = [if bytes.first()? & 0x80 == 0 { 0 } else { 0xff }; 32];
    let from = whole.len().checked_sub(bytes.len())?;
    whole[from..].copy_from_slice(bytes);
    Some(i256::from_be_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_bytes_keep_their_sign() {
        assert_eq!(decimal(&[0xff, 0xfe]), Some(i256::from_i128(-2)));
        assert_eq!(decimal(&[0x01, 0x00]), Some(i256::from_i128(256)));
        assert_eq!(decimal(&[]), None);
        assert_eq!(decimal(&[0; 33]), None);
    }
}
