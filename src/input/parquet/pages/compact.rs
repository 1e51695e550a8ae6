//! Whether the bytes of an index have the shape of one, before they are decoded.
//!
//! The decoder makes room for as many elements as a list announces, and steps over unknown fields element by
//! element even where these take no bytes: bytes that lie would take all memory, or forever. Types and fields are
//! those of the Thrift compact protocol and of `parquet.thrift`.

/// What a field of an index may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number of any width.
    Number,
    /// A list of truth values, numbers or byte strings.
    List,
    /// A list of structs of numbers.
    Structs,
}

/// Fields 1 to 7 of a column index: NULL pages, minima, maxima, order, NULL counts, two histograms.
pub(super) const COLUMN_INDEX: &[Shape] =
    &[Shape::List, Shape::List, Shape::List, Shape::Number, Shape::List, Shape::List, Shape::List];

/// Fields 1 and 2 of an offset index: places of pages, bytes without encoding.
pub(super) const OFFSET_INDEX: &[Shape] = &[Shape::Structs, Shape::List];

/// Types of the compact protocol.
mod kind {
    pub const STOP: u8 = 0;
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const I8: u8 = 3;
    pub const I16: u8 = 4;
    pub const I64: u8 = 6;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const STRUCT: u8 = 12;
}

/// Bytes that are still to be walked over.
struct Walk<'a> {
    rest: &'a [u8],
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// A number of seven bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// The fields of a struct, whose numbers follow one another upwards.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, u8, u8) -> Option<()>) -> Option<()> {
        let mut last = 0u8;
        loop {
            let header = self.byte()?;
            if header == kind::STOP {
                return Some(());
            }
            // A field that names its number in full is none of the few that an index has.
            let step = header >> 4;
            if step == 0 {
                return None;
            }
            last = last.checked_add(step)?;
            each(self, last, header & 0x0f)?;
        }
    }

    fn list(&mut self, structs: bool) -> Option<()> {
        let header = self.byte()?;
        let count = if header >> 4 == 15 { self.number()? } else { u64::from(header >> 4) };
        // Every element takes a byte at least.
        if count > self.rest.len() as u64 {
            return None;
        }
        match (header & 0x0f, structs) {
            (kind::TRUE | kind::FALSE | kind::I8, false) => self.skip(count),
            (kind::I16..=kind::I64, false) => (0..count).try_for_each(|_| self.number().map(drop)),
            (kind::BINARY, false) => (0..count).try_for_each(|_| {
                let length = self.number()?;
                self.skip(length)
            }),
            (kind::STRUCT, true) => {
                (0..count).try_for_each(|_| self.fields(|walk, _, own| walk.value(Shape::Number, own)))
            }
            _ => None,
        }
    }

    fn value(&mut self, shape: Shape, own: u8) -> Option<()> {
        match (shape, own) {
            (Shape::Number, kind::I16..=kind::I64) => self.number().map(drop),
            (Shape::List, kind::LIST) => self.list(false),
            (Shape::Structs, kind::LIST) => self.list(true),
            _ => None,
        }
    }
}

/// Whether bytes are a struct of these fields and no others.
pub(super) fn has_shape(bytes: &[u8], shape: &[Shape]) -> bool {
    let mut walk = Walk { rest: bytes };
    let whole = walk.fields(|walk, field, own| walk.value(*shape.get(usize::from(field).checked_sub(1)?)?, own));
    whole.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_index_has_is_decoded() {
        let page: &[u8] = &[0x16, 0x08, 0x15, 0x10, 0x16, 0x00, 0x00];
        let index = |header: &[u8], pages: usize| [header, &page.repeat(pages), &[0x00]].concat();
        assert!(has_shape(&index(&[0x19, 0x2c], 2), OFFSET_INDEX));
        assert!(has_shape(&index(&[0x19, 0xfc, 0x85, 0x01], 133), OFFSET_INDEX));
        // More pages than there are bytes, cut off, another field, a list of nothing, a map, a list of lists.
        assert!(!has_shape(&index(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07], 2), OFFSET_INDEX));
        assert!(!has_shape(&index(&[0x19, 0x2c], 1), OFFSET_INDEX));
        assert!(!has_shape(&[0x59, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00], OFFSET_INDEX));
        assert!(!has_shape(&[0x89, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00], COLUMN_INDEX));
        assert!(!has_shape(&[0x8b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x11, 0x00], COLUMN_INDEX));
        assert!(!has_shape(&[0x19, 0xf9, 0xff, 0x07, 0x00], COLUMN_INDEX));
        // One NULL page and its empty bounds, ascending, one NULL.
        assert!(has_shape(
            &[0x19, 0x11, 0x01, 0x19, 0x18, 0x00, 0x19, 0x18, 0x00, 0x15, 0x02, 0x19, 0x16, 0x02, 0x00],
            COLUMN_INDEX
        ));
    }
}
