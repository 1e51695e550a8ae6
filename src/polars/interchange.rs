//! Columns of Polars as Arrow arrays of the engine: the same buffers, handed over by the C data interface of Arrow.

// The arrays of two libraries meet here, by pointers; tested by addresses and against values.
#![allow(unsafe_code)]

use crate::error::{Error, escape_controls};
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, from_ffi_and_data_type};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, UInt64Array, make_array, new_null_array};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use polars::prelude::{CompatLevel, DataType as PolarsType, PlSmallStr, Series};
use polars_arrow::array::Array as PolarsArray;
use polars_arrow::datatypes::{ArrowDataType, Field as PolarsField, IntegerType, TimeUnit as PolarsUnit};
use polars_arrow::ffi::{ArrowArray, export_array_to_c};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// The columns of a frame as [`arrays`] gives them.
pub fn schema<'c>(columns: impl Iterator<Item = (&'c PlSmallStr, &'c PolarsType)>) -> Result<SchemaRef, Error> {
    let fields = columns.map(|(name, own)| -> Result<Field, Error> {
        let data_type = imported_type(name, own)?;
        Ok(Field::new(name.as_str(), encoded_type(&data_type).unwrap_or(data_type), true))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, _>>()?)))
}

/// The chunks of a column, those without rows left out. Categories become dictionaries as kernels know them, which
/// copies keys and those texts that occur; of everything else the buffers are shared.
pub fn arrays(series: &Series) -> Result<VecDeque<ArrayRef>, Error> {
    let imported = imported_type(series.name(), series.dtype())?;
    let own = series.dtype().try_to_arrow(CompatLevel::newest())?;
    let field = PolarsField::new(PlSmallStr::EMPTY, own, true);
    let mut arrays = VecDeque::with_capacity(series.n_chunks());
    for chunk in 0..series.n_chunks() {
        let own = series.to_arrow_with_field(chunk, Cow::Owned(field.clone()), true)?;
        if own.is_empty() {
            continue;
        }
        let array = import(own, imported.clone())?;
        arrays.push_back(match encoded_type(&imported) {
            Some(data_type) => encoded(&array, &data_type).map_err(|error| Error::Internal(error.to_string()))?,
            None => array,
        });
    }
    Ok(arrays)
}

/// The type that a column has once it is imported.
fn imported_type(name: &PlSmallStr, own: &PolarsType) -> Result<DataType, Error> {
    // Objects are pointers into this process: Polars would give them as bytes.
    let arrow = if own.contains_objects() { None } else { Some(own.try_to_arrow(CompatLevel::newest())?) };
    arrow.as_ref().and_then(data_type).ok_or_else(|| {
        let name = escape_controls(name.as_str());
        Error::Option(format!("column `{name}` is {own}, which has no type in Arrow: drop it, or cast it"))
    })
}

/// Categories in the encoding that kernels know.
fn encoded_type(imported: &DataType) -> Option<DataType> {
    match imported {
        DataType::Dictionary(_, _) => Some(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
        _ => None,
    }
}

/// Categories with keys of 32 bits and the texts that occur, in the order in which they do: an `Enum` has all of its
/// texts in every chunk.
fn encoded(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let Some(own) = array.as_any_dictionary_opt().filter(|own| !own.values().is_empty()) else {
        return Ok(new_null_array(data_type, array.len()));
    };
    let mut places: Vec<Option<i32>> = vec![None; own.values().len()];
    let mut taken: Vec<u64> = Vec::new();
    let mut keys: Vec<i32> = Vec::with_capacity(own.len());
    for (row, key) in own.normalized_keys().into_iter().enumerate() {
        if own.keys().is_null(row) {
            keys.push(0);
            continue;
        }
        let place = match places[key] {
            Some(place) => place,
            None => {
                let place = i32::try_from(taken.len()).map_err(|error| ArrowError::ComputeError(error.to_string()))?;
                taken.push(key as u64);
                *places[key].insert(place)
            }
        };
        keys.push(place);
    }
    let values = arrow_select::take::take(own.values(), &UInt64Array::from(taken), None)?;
    let values = arrow_cast::cast(&values, &DataType::Utf8)?;
    let keys = Int32Array::new(keys.into(), own.keys().logical_nulls());
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
}

/// What the Arrow of Polars calls by another name; `None` for what only Polars has, such as whole numbers of 128 bits.
fn data_type(own: &ArrowDataType) -> Option<DataType> {
    Some(match own {
        ArrowDataType::Null => DataType::Null,
        ArrowDataType::Boolean => DataType::Boolean,
        ArrowDataType::Int8 => DataType::Int8,
        ArrowDataType::Int16 => DataType::Int16,
        ArrowDataType::Int32 => DataType::Int32,
        ArrowDataType::Int64 => DataType::Int64,
        ArrowDataType::UInt8 => DataType::UInt8,
        ArrowDataType::UInt16 => DataType::UInt16,
        ArrowDataType::UInt32 => DataType::UInt32,
        ArrowDataType::UInt64 => DataType::UInt64,
        ArrowDataType::Float16 => DataType::Float16,
        ArrowDataType::Float32 => DataType::Float32,
        ArrowDataType::Float64 => DataType::Float64,
        // Whole numbers of 128 bits with a scale.
        ArrowDataType::Decimal(precision, scale) => {
            DataType::Decimal128(u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?)
        }
        ArrowDataType::Date32 => DataType::Date32,
        ArrowDataType::Time64(unit) => DataType::Time64(time_unit(unit)),
        ArrowDataType::Timestamp(unit, zone) => {
            DataType::Timestamp(time_unit(unit), zone.as_ref().map(|zone| Arc::from(zone.as_str())))
        }
        ArrowDataType::Duration(unit) => DataType::Duration(time_unit(unit)),
        ArrowDataType::Utf8View => DataType::Utf8View,
        ArrowDataType::BinaryView => DataType::BinaryView,
        ArrowDataType::LargeBinary => DataType::LargeBinary,
        ArrowDataType::LargeList(item) => DataType::LargeList(field(item)?),
        ArrowDataType::FixedSizeList(item, width) => DataType::FixedSizeList(field(item)?, i32::try_from(*width).ok()?),
        ArrowDataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect::<Option<Fields>>()?),
        ArrowDataType::Dictionary(keys, values, _) => {
            DataType::Dictionary(Box::new(key_type(keys)?), Box::new(data_type(values)?))
        }
        ArrowDataType::Extension(extension) => data_type(&extension.inner)?,
        _ => return None,
    })
}

fn field(own: &PolarsField) -> Option<FieldRef> {
    Some(Arc::new(Field::new(own.name.as_str(), data_type(&own.dtype)?, true)))
}

fn key_type(own: &IntegerType) -> Option<DataType> {
    Some(match own {
        IntegerType::UInt8 => DataType::UInt8,
        IntegerType::UInt16 => DataType::UInt16,
        IntegerType::UInt32 => DataType::UInt32,
        _ => return None,
    })
}

fn time_unit(own: &PolarsUnit) -> TimeUnit {
    match own {
        PolarsUnit::Second => TimeUnit::Second,
        PolarsUnit::Millisecond => TimeUnit::Millisecond,
        PolarsUnit::Microsecond => TimeUnit::Microsecond,
        PolarsUnit::Nanosecond => TimeUnit::Nanosecond,
    }
}

// Both are the struct `ArrowArray` of the C data interface.
const _: () = assert!(size_of::<ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(align_of::<ArrowArray>() == align_of::<FFI_ArrowArray>());

/// Hands an array over. The type, too, is handed over as a value: by the interface its names could not hold NUL.
fn import(array: Box<dyn PolarsArray>, data_type: DataType) -> Result<ArrayRef, Error> {
    let exported = export_array_to_c(array);
    // SAFETY: both are `repr(C)` with the fields of the struct `ArrowArray` of Arrow's C data interface, in its order;
    // size and alignment are compared above. It is moved: the exporter's destructor does not run, the importer's calls
    // the same `release` once.
    let mut moved = unsafe { std::mem::transmute::<ArrowArray, FFI_ArrowArray>(exported) };
    without_null_buffers(&mut moved, &data_type);
    // SAFETY: the exporter made the struct of a valid array, which lives in its private data until `release`;
    // `data_type` names the physical type of that array, level by level: `data_type` above made it of the type that
    // the array was exported with.
    let data = unsafe { from_ffi_and_data_type(moved, data_type) };
    Ok(make_array(data.map_err(|error| Error::Internal(format!("a column of Polars: {error}")))?))
}

/// Arrays of the type Null have no buffers; Polars states one for each, which is absent, for readers that expect it.
fn without_null_buffers(array: &mut FFI_ArrowArray, data_type: &DataType) {
    let items: Vec<&DataType> = match data_type {
        DataType::Null => {
            array.n_buffers = 0;
            return;
        }
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        _ => return,
    };
    let children = usize::try_from(array.n_children).unwrap_or(0);
    for (at, item) in items.into_iter().enumerate().take(children) {
        // SAFETY: `children` points to as many pointers as `n_children` says, each to a struct that this one owns and
        // nobody else refers to; they live as long as this one, which is borrowed for the time. To release them, the
        // exporter goes by its private data, not by the number that is changed.
        let child = unsafe { &mut **array.children.add(at) };
        without_null_buffers(child, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::StringArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use polars::prelude::{Categories, FrozenCategories, NamedFrom};

    fn one(series: &Series) -> ArrayRef {
        let mut arrays = arrays(series).unwrap();
        assert_eq!(arrays.len(), 1);
        arrays.pop_front().unwrap()
    }

    #[test]
    fn numbers_and_their_validity_stay_where_they_are() {
        let numbers: Vec<Option<i64>> = (0..1000).map(|number| (number % 7 != 0).then_some(number)).collect();
        let whole = Series::new("a".into(), numbers.as_slice());
        for series in [whole.clone(), whole.slice(24, 500), whole.slice(13, 900)] {
            let own = series.i64().unwrap().downcast_iter().next().unwrap();
            let array = one(&series);
            let imported = array.as_primitive::<Int64Type>();
            assert_eq!(imported.values().as_ptr(), own.values().as_ptr());
            assert_eq!(imported.iter().collect::<Vec<_>>(), series.i64().unwrap().iter().collect::<Vec<_>>());
            assert_eq!(imported.null_count(), series.null_count());
        }
    }

    #[test]
    fn texts_stay_where_they_are() {
        let texts = [Some("short"), None, Some("a text that is longer than what a view holds itself"), Some("")];
        let whole = Series::new("a".into(), texts.repeat(50).as_slice());
        for series in [whole.clone(), whole.slice(3, 99)] {
            let own = series.str().unwrap().downcast_iter().next().unwrap();
            let array = one(&series);
            let imported = array.as_string_view();
            assert_eq!(imported.views().as_ptr().cast::<u8>(), own.views().as_ptr().cast::<u8>());
            let addresses: Vec<_> = imported.data_buffers().iter().map(|buffer| buffer.as_ptr()).collect();
            assert_eq!(addresses, own.data_buffers().iter().map(|buffer| buffer.as_ptr()).collect::<Vec<_>>());
            assert_eq!(imported.iter().collect::<Vec<_>>(), series.str().unwrap().iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_array_outlives_its_frame() {
        let series = Series::new("a".into(), vec![0.5, f64::NAN, -0.0].as_slice());
        let array = one(&series);
        drop(series);
        let values = array.as_primitive::<Float64Type>().values();
        assert!(values[0] == 0.5 && values[1].is_nan() && values[2].is_sign_negative());
    }

    #[test]
    fn every_chunk_is_an_array_and_empty_ones_are_none() {
        let mut series = Series::new("a".into(), [true, false].as_slice());
        series.append(&Series::new("a".into(), [true; 9].as_slice())).unwrap();
        let chunks = arrays(&series).unwrap();
        assert_eq!(chunks.iter().map(|array| array.len()).collect::<Vec<_>>(), [2, 9]);
        assert!(arrays(&series.clear()).unwrap().is_empty());
    }

    #[test]
    fn nulls_without_a_type_come_through_at_any_depth() {
        let series = Series::new_null("a".into(), 3);
        assert_eq!(one(&series).data_type(), &DataType::Null);
        let nested = Series::new("a".into(), [series.clone(), series].as_slice());
        let array = one(&nested);
        assert!(matches!(array.data_type(), DataType::LargeList(item) if item.data_type() == &DataType::Null));
        assert_eq!((array.len(), array.as_list::<i64>().values().len()), (2, 6));
    }

    #[test]
    fn categories_are_dictionaries_that_kernels_know() {
        let texts = Series::new("a".into(), [Some("x"), None, Some("y"), Some("x")].as_slice());
        let series = texts.cast(&PolarsType::from_categories(Categories::global())).unwrap();
        let array = one(&series);
        let encoded = array.as_dictionary::<Int32Type>();
        assert_eq!(encoded.values().data_type(), &DataType::Utf8);
        let plain = encoded.downcast_dict::<StringArray>().unwrap();
        assert_eq!(plain.into_iter().collect::<Vec<_>>(), [Some("x"), None, Some("y"), Some("x")]);
    }

    #[test]
    fn texts_of_an_enum_that_do_not_occur_are_left_out() {
        let texts = FrozenCategories::new(["z", "y", "a"]).unwrap();
        let own = PolarsType::from_frozen_categories(texts);
        let series = Series::new("a".into(), [Some("a"), None, Some("z"), Some("a")].as_slice()).cast(&own).unwrap();
        let array = one(&series);
        let encoded = array.as_dictionary::<Int32Type>();
        assert_eq!(encoded.values().as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("z")]);
        assert_eq!(encoded.keys().iter().collect::<Vec<_>>(), [Some(0), None, Some(1), Some(0)]);
        let nothing = Series::new_null("a".into(), 2).cast(&own).unwrap();
        assert_eq!(one(&nothing).logical_null_count(), 2);
    }

    #[test]
    fn whole_numbers_of_128_bits_are_refused_by_name() {
        let (name, own) = ("big".into(), PolarsType::Int128);
        let refused = schema(std::iter::once((&name, &own)));
        assert!(refused.is_err_and(|error| error.to_string().contains("`big`")));
    }
}
