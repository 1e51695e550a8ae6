//! A value of an array as it is shown: cut while it is written, so that a huge one costs no more than
//! a small one.

use super::is_text;
use crate::sample::{Cell, LONGEST, REST};
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use std::fmt::{self, Write};

/// Takes the first characters and refuses the rest.
struct Start {
    text: String,
    /// Characters that still fit.
    left: usize,
    cut: bool,
}

impl Start {
    fn new() -> Self {
        Self { text: String::new(), left: LONGEST, cut: false }
    }

    fn finish(mut self) -> String {
        if self.cut {
            self.text.push_str(REST);
        }
        self.text
    }
}

impl Write for Start {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        match part.char_indices().nth(self.left) {
            Some((end, _)) => {
                self.text.push_str(&part[..end]);
                (self.left, self.cut) = (0, true);
                // Ends the formatting.
                Err(fmt::Error)
            }
            None => {
                self.text.push_str(part);
                self.left -= part.chars().count();
                Ok(())
            }
        }
    }
}

impl Cell {
    /// The value of a row; NULL for a row that the array does not have.
    pub fn of(array: &ArrayRef, row: usize) -> Cell {
        if row >= array.len() {
            return Cell::Null;
        }
        // Of one row, since the whole of a dictionary or a run would have to be looked at otherwise.
        let one = array.slice(row, 1);
        if one.logical_nulls().is_some_and(|nulls| nulls.is_null(0)) {
            return Cell::Null;
        }
        // Readers that do not look into objects leave them without fields.
        if matches!(array.data_type(), DataType::Struct(fields) if fields.is_empty()) {
            return Cell::Value(format!("{{{REST}}}"));
        }
        let mut start = Start::new();
        let options = FormatOptions::default().with_null("NULL");
        let written =
            ArrayFormatter::try_new(one.as_ref(), &options).and_then(|formatter| formatter.value(0).write(&mut start));
        if written.is_err() && !start.cut {
            return Cell::Value("(cannot be shown)".into());
        }
        if is_text(array.data_type()) { Cell::Text(start.finish()) } else { Cell::Value(start.finish()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{BinaryArray, DictionaryArray, Float64Array, Int32Array, ListArray, StringArray};
    use std::sync::Arc;

    fn of(array: impl Array + 'static, row: usize) -> Cell {
        Cell::of(&(Arc::new(array) as ArrayRef), row)
    }

    #[test]
    fn texts_are_told_from_numbers_and_from_null() {
        assert_eq!(of(StringArray::from(vec![Some("1"), None]), 0), Cell::text("1"));
        assert_eq!(of(StringArray::from(vec![Some("1"), None]), 1), Cell::Null);
        assert_eq!(of(Int32Array::from(vec![1]), 0), Cell::value("1"));
        assert_eq!(of(Float64Array::from(vec![f64::NAN]), 0), Cell::value("NaN"));
        assert_eq!(of(Int32Array::from(vec![1]), 1), Cell::Null, "there is no such row");
    }

    #[test]
    fn null_among_the_values_of_a_dictionary_is_null() {
        let values = Arc::new(StringArray::from(vec![Some("a"), None]));
        let encoded = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![Some(1), Some(0), None]), values);
        let shown = [0, 1, 2].map(|row| of(encoded.clone(), row));
        assert_eq!(shown, [Cell::Null, Cell::text("a"), Cell::Null]);
    }

    #[test]
    fn bytes_are_shown_in_hexadecimal_digits() {
        assert_eq!(of(BinaryArray::from(vec![&b"\x00\xff"[..]]), 0), Cell::value("00ff"));
    }

    #[test]
    fn long_values_are_cut_wherever_they_are_long() {
        let text = of(StringArray::from(vec!["é".repeat(1000)]), 0);
        assert_eq!(text, Cell::Text("é".repeat(LONGEST) + REST));
        let whole = of(StringArray::from(vec!["x".repeat(LONGEST)]), 0);
        assert_eq!(whole, Cell::Text("x".repeat(LONGEST)));
        let numbers = (0..1000).map(Some).collect::<Vec<_>>();
        let list = of(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(numbers)]), 0);
        let Cell::Value(list) = list else { panic!("a list is no text: {list:?}") };
        assert!(list.starts_with("[0, 1, 2,") && list.ends_with(REST), "{list}");
        assert_eq!(list.chars().count(), LONGEST + REST.len());
    }
}
