//! Values of the data that reports must not show.
//!
//! Everything that quotes a cell asks here first: samples, messages, notes, listed values. What is
//! computed from many rows (counts, sums, minima) is no cell and stays.

use crate::sample::Cell;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};

/// What stands for a masked value.
pub const MASK: &str = "***";

/// Hexadecimal digits of a hash that are shown.
const DIGITS: usize = 12;

/// How values are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// They are not.
    #[default]
    Off,
    /// All look alike.
    Mask,
    /// Equal values have equal hashes, so that they can be followed without being known.
    Hash {
        /// Goes before each value: without it, hashes of all phone numbers are soon computed.
        salt: [u8; 16],
    },
}

impl Redaction {
    /// Hashes with a salt that nobody knows and no other run has.
    pub fn hash_of_this_run() -> Self {
        // The standard library seeds its hash maps from the system's randomness.
        let random = RandomState::new();
        Self::salted(&[random.hash_one(0_u8), random.hash_one(1_u8)].map(u64::to_le_bytes).concat())
    }

    /// Hashes with a salt made from a text: runs with the same text can be compared.
    pub fn hash_with(salt: &str) -> Self {
        Self::salted(salt.as_bytes())
    }

    fn salted(secret: &[u8]) -> Self {
        let mut salt = [0; 16];
        salt.iter_mut().zip(Sha256::digest(secret)).for_each(|(own, byte)| *own = byte);
        Redaction::Hash { salt }
    }

    /// Whether values are shown as they are.
    pub fn is_off(&self) -> bool {
        *self == Redaction::Off
    }

    /// A cell as it may be shown. NULL stays: it is the lack of a value.
    pub fn cell(&self, cell: &Cell) -> Cell {
        let (tag, text) = match cell {
            Cell::Null => return Cell::Null,
            Cell::Text(text) => (b't', text),
            Cell::Value(text) => (b'v', text),
        };
        match self {
            Redaction::Off => cell.clone(),
            Redaction::Mask => Cell::Value(MASK.into()),
            Redaction::Hash { salt } => {
                let digest = Sha256::new().chain_update(salt).chain_update([tag]).chain_update(text).finalize();
                Cell::Value(digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect())
            }
        }
    }

    /// A cell as it may stand in a message.
    pub fn shown(&self, cell: &Cell) -> String {
        self.cell(cell).to_string()
    }

    /// A text of the data as it may stand in a message, without quotes.
    pub fn text(&self, text: &str) -> String {
        match self {
            Redaction::Off => text.to_string(),
            _ => self.shown(&Cell::text(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are_unless_they_are_to_be_hidden() {
        for cell in [Cell::Null, Cell::text("a"), Cell::value("1")] {
            assert_eq!(Redaction::Off.cell(&cell), cell);
        }
        assert_eq!(Redaction::Off.text("a"), "a");
    }

    #[test]
    fn nothing_of_a_masked_value_is_left_but_that_it_is_there() {
        assert_eq!(Redaction::Mask.cell(&Cell::text("ada")), Redaction::Mask.cell(&Cell::value("7")));
        assert_eq!(Redaction::Mask.cell(&Cell::Null), Cell::Null);
        assert_eq!((Redaction::Mask.text("ada"), Redaction::Mask.shown(&Cell::Null)), ("***".into(), "NULL".into()));
    }

    #[test]
    fn equal_values_have_equal_hashes_and_only_those() {
        let hash = Redaction::hash_with("pepper");
        let shown = |cell: &Cell| hash.shown(cell);
        assert_eq!(shown(&Cell::text("ada")), shown(&Cell::text("ada")));
        assert_ne!(shown(&Cell::text("ada")), shown(&Cell::text("bob")));
        assert_ne!(shown(&Cell::text("1")), shown(&Cell::value("1")), "a text is no number");
        assert_eq!(hash.text("ada"), shown(&Cell::text("ada")), "messages and samples agree");
        assert_eq!(shown(&Cell::Null), "NULL");
        let digits = shown(&Cell::text("ada"));
        assert!(digits.len() == DIGITS && digits.chars().all(|c| c.is_ascii_hexdigit()), "{digits}");
    }

    #[test]
    fn salts_make_hashes_differ() {
        let shown = |hash: Redaction| hash.shown(&Cell::text("ada"));
        assert_eq!(shown(Redaction::hash_with("a")), shown(Redaction::hash_with("a")));
        assert_ne!(shown(Redaction::hash_with("a")), shown(Redaction::hash_with("b")));
        assert_ne!(shown(Redaction::hash_of_this_run()), shown(Redaction::hash_of_this_run()));
    }
}
