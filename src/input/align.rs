//! The columns of several files as one schema.

use super::csv::infer::Inference;
use super::layout::DataFile;
use super::source::Input;
use super::table::Table;
use super::{MissingColumns, ReadOptions, cast_strictly};
use crate::error::{Error, escape_controls, shown};
use arrow_array::{ArrayRef, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// How files fit one schema.
pub struct Alignment {
    /// All columns, in order of their first appearance.
    pub schema: SchemaRef,
    /// Per file, where each column comes from.
    pub places: Vec<Vec<Place>>,
    /// Things worth knowing.
    pub notes: Vec<String>,
}

/// Where a column of the dataset comes from in one file.
#[derive(Debug, Clone)]
pub enum Place {
    /// A column of the file.
    Column {
        /// Its position there.
        position: usize,
        /// Whether its type is another one there.
        converted: bool,
    },
    /// The file does not have it: NULL.
    Missing,
    /// One value for the whole file, from the names of its directories: an array of one row.
    Constant(ArrayRef),
}

/// Dictionary encoding and the layout of text are how a column is stored, not what it is.
pub fn logical(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => logical(values),
        DataType::LargeUtf8 | DataType::Utf8View => &DataType::Utf8,
        other => other,
    }
}

/// A column as the files have it so far.
struct Column {
    field: Field,
    /// The first file that has it, and its position there.
    first: (usize, usize),
    files: usize,
}

/// Aligns opened files by the names of their columns.
pub fn align(
    opened: &[(Input, Box<dyn Table>)],
    files: &[DataFile],
    options: &ReadOptions,
) -> Result<Alignment, Error> {
    let mut columns: Vec<Column> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    for (file, (input, table)) in opened.iter().enumerate() {
        for (position, own) in table.schema().fields().iter().enumerate() {
            let found = logical(own.data_type());
            match by_name.get(own.name()) {
                None => {
                    if file > 0 && options.missing_columns == MissingColumns::Error {
                        return Err(stranger(&opened[0].0.path, own.name(), &input.path));
                    }
                    by_name.insert(own.name().clone(), columns.len());
                    let field = Field::new(own.name(), found.clone(), true).with_metadata(own.metadata().clone());
                    columns.push(Column { field, first: (file, position), files: 1 });
                }
                Some(at) => {
                    let column = &mut columns[*at];
                    column.files += 1;
                    if found == column.field.data_type() {
                        continue;
                    }
                    let earlier = opened[column.first.0].1.unified(column.first.1, found);
                    let later = table.unified(position, column.field.data_type());
                    let wider = widen(column, found, earlier, later, &input.path)?;
                    column.field.set_data_type(wider);
                }
            }
        }
    }
    let partition = partition_columns(files, options)?;
    for (name, data_type, _) in &partition {
        match by_name.get(name) {
            // As in Spark: the value in the path wins over that in the file.
            Some(at) => columns[*at].field.set_data_type(data_type.clone()),
            None => {
                by_name.insert(name.clone(), columns.len());
                let field = Field::new(name, data_type.clone(), true);
                columns.push(Column { field, first: (0, 0), files: opened.len() });
            }
        }
    }
    let mut notes = Vec::new();
    for column in columns.iter().filter(|column| column.files < opened.len()) {
        let (name, missing) = (column.field.name(), opened.len() - column.files);
        let without = opened.iter().find(|(_, table)| table.schema().index_of(name).is_err());
        let Some((input, _)) = without.filter(|_| !partition.iter().any(|(own, _, _)| own == name)) else { continue };
        if options.missing_columns == MissingColumns::Error {
            return Err(stranger(&input.path, name, &opened[column.first.0].0.path));
        }
        notes.push(format!(
            "column `{}` is missing in {missing} of {} files ({}{}): its values are NULL there",
            escape_controls(name),
            opened.len(),
            shown(&input.path),
            if missing > 1 { ", ..." } else { "" }
        ));
    }
    let place = |file: usize, table: &dyn Table, column: &Column| {
        let constant = partition.iter().find(|(name, _, _)| name == column.field.name());
        if let Some((_, _, values)) = constant {
            return Place::Constant(values[file].clone());
        }
        let own = table.schema();
        own.index_of(column.field.name()).map_or(Place::Missing, |position| Place::Column {
            position,
            converted: logical(own.field(position).data_type()) != column.field.data_type(),
        })
    };
    let places = opened
        .iter()
        .enumerate()
        .map(|(file, (_, table))| columns.iter().map(|column| place(file, table.as_ref(), column)).collect())
        .collect();
    let fields: Vec<_> = columns.into_iter().map(|column| column.field).collect();
    Ok(Alignment { schema: Arc::new(Schema::new(fields)), places, notes })
}

fn stranger(without: &Path, column: &str, with: &Path) -> Error {
    Error::Schema {
        path: without.to_path_buf(),
        message: format!("has no column `{}`, which {} has", escape_controls(column), shown(with)),
    }
}

/// A type for a column that has another type in a later file.
fn widen(
    column: &Column,
    found: &DataType,
    earlier: Option<DataType>,
    later: Option<DataType>,
    path: &Path,
) -> Result<DataType, Error> {
    let first = column.field.data_type();
    let name = escape_controls(column.field.name());
    if let Some(data_type) = reread(first, found, earlier, later) {
        return Err(Error::Widen {
            column: column.field.name().clone(),
            data_type: Box::new(data_type),
            reason: format!("its values in {}", shown(path)),
        });
    }
    common_type(first, found).ok_or_else(|| Error::Schema {
        path: path.to_path_buf(),
        message: format!("column `{name}` has type {found}, in the files before it has type {first}"),
    })
}

/// The type that files whose types were inferred are read again with, given what each could read the
/// column as. A file that can read only its own type decides; a file without values takes any
/// type, which shows as the narrower of two answers.
fn reread(first: &DataType, found: &DataType, earlier: Option<DataType>, later: Option<DataType>) -> Option<DataType> {
    match (earlier, later) {
        (Some(DataType::Utf8), Some(later)) => Some(later),
        (Some(earlier), Some(_)) => Some(earlier),
        (Some(earlier), None) => (earlier == *found).then_some(earlier),
        (None, Some(later)) => (later == *first).then_some(later),
        (None, None) => None,
    }
}

/// The type that holds all values of two stored types exactly.
fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Decimal256, Float32, Float64, Null, Timestamp};
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Float32, Float64) | (Float64, Float32) => Some(Float64),
        (float @ (Float32 | Float64), whole) | (whole, float @ (Float32 | Float64)) => {
            // Doubles hold whole numbers of 32 bits exactly.
            let (_, bits) = whole_bits(whole)?;
            (bits <= 32).then_some(Float64).filter(|_| float.is_floating())
        }
        (Timestamp(one, zone), Timestamp(other, zone_too)) if zone == zone_too => {
            let finer = |unit: &TimeUnit| match unit {
                TimeUnit::Second => 0,
                TimeUnit::Millisecond => 1,
                TimeUnit::Microsecond => 2,
                TimeUnit::Nanosecond => 3,
            };
            let unit = if finer(one) >= finer(other) { one } else { other };
            Some(Timestamp(*unit, zone.clone()))
        }
        _ if left.is_integer() && right.is_integer() => {
            let ((one_signed, one), (other_signed, other)) = (whole_bits(left)?, whole_bits(right)?);
            let signed = one_signed || other_signed;
            let bits = |own_signed: bool, bits: u32| if signed && !own_signed { bits + 1 } else { bits };
            Some(match (signed, bits(one_signed, one).max(bits(other_signed, other))) {
                (true, 0..=32) => DataType::Int32,
                (true, 33..=64) => DataType::Int64,
                (true, _) => Decimal128(20, 0),
                (false, 0..=32) => DataType::UInt32,
                (false, _) => DataType::UInt64,
            })
        }
        _ => {
            let ((one_whole, one_scale), (other_whole, other_scale)) = (digits(left)?, digits(right)?);
            let scale = one_scale.max(other_scale);
            let precision = one_whole.max(other_whole).checked_add(scale)?;
            match precision {
                0..=38 => Some(Decimal128(precision, i8::try_from(scale).ok()?)),
                39..=76 => Some(Decimal256(precision, i8::try_from(scale).ok()?)),
                _ => None,
            }
        }
    }
}

/// Whether a whole number is signed, and its bits.
fn whole_bits(data_type: &DataType) -> Option<(bool, u32)> {
    Some(match data_type {
        DataType::Int8 => (true, 8),
        DataType::Int16 => (true, 16),
        DataType::Int32 => (true, 32),
        DataType::Int64 => (true, 64),
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        _ => return None,
    })
}

/// Decimal digits before and behind the point.
fn digits(data_type: &DataType) -> Option<(u8, u8)> {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    match data_type {
        Decimal32(precision, scale)
        | Decimal64(precision, scale)
        | Decimal128(precision, scale)
        | Decimal256(precision, scale) => {
            let scale = u8::try_from(*scale).ok()?;
            Some((precision.checked_sub(scale)?, scale))
        }
        whole => Some((if whole_bits(whole)?.1 == 64 { 20 } else { 10 }, 0)),
    }
}

/// Columns from the names of directories: name, type, and one value a file.
fn partition_columns(
    files: &[DataFile],
    options: &ReadOptions,
) -> Result<Vec<(String, DataType, Vec<ArrayRef>)>, Error> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in files.iter().flat_map(|file| &file.partition) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let column = |name: &str| {
        let mut inference = Inference::default();
        let value =
            |file: &DataFile| file.partition.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.clone());
        let values: Vec<Option<String>> = files.iter().map(value).collect();
        values.iter().flatten().for_each(|value| inference.see_number_of_path(value.as_bytes()));
        let data_type = match options.column_types.get(name).cloned().unwrap_or_else(|| inference.data_type()) {
            named if options.column_types.contains_key(name) => named,
            whole @ (DataType::Int64 | DataType::Date32) => whole,
            _ => DataType::Utf8,
        };
        let arrays = values.into_iter().map(|value| match value {
            None => Ok(new_null_array(&data_type, 1)),
            Some(value) => {
                let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
                cast_strictly(&text, &data_type)
                    .map_err(|error| Error::Option(format!("partition column `{}`: {error}", escape_controls(name))))
            }
        });
        Ok((name.to_string(), data_type.clone(), arrays.collect::<Result<Vec<_>, _>>()?))
    };
    names.into_iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_types_have_the_narrowest_type_that_holds_both() {
        use DataType::{Decimal128, Decimal256, Float32, Float64, Int8, Int32, Int64, UInt8, UInt32, UInt64, Utf8};
        for (left, right, common) in [
            (Int32, Int64, Some(Int64)),
            (Int8, UInt8, Some(Int32)),
            (Int32, UInt32, Some(Int64)),
            (Int64, UInt64, Some(Decimal128(20, 0))),
            (UInt8, UInt64, Some(UInt64)),
            (Float32, Float64, Some(Float64)),
            (Int32, Float32, Some(Float64)),
            (Int64, Float64, None),
            (Decimal128(10, 2), Decimal128(12, 4), Some(Decimal128(12, 4))),
            (Decimal128(38, 0), Decimal128(10, 4), Some(Decimal256(42, 4))),
            (Decimal128(10, 2), Int64, Some(Decimal128(22, 2))),
            (DataType::Null, Utf8, Some(Utf8)),
            (Utf8, Int64, None),
        ] {
            assert_eq!(common_type(&left, &right), common, "{left} and {right}");
            assert_eq!(common_type(&right, &left), common, "{right} and {left}");
        }
    }
}
