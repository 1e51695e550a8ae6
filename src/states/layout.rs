//! How a file of states is laid out.
//!
//! ```text
//! file     = "dqstates", version of the layout (2), version of the states (2), section*, end
//! section  = kind (1), packing (1), length of the key (4), stored length (8), plain length (8), key, hash (16), bytes
//! ```
//!
//! Numbers have their lowest byte first. The hash, XXH3 of 128 bits, is over everything else of its section. The last
//! section, of kind [`Kind::End`], holds the hash over the heads, keys and hashes of all others, and nothing follows it. The bytes of
//! a metric are: what became of it (1), how many states (4), and for each the number of its file (4), its length (8;
//! [`TO_THE_END`] for the last) and the state.

use xxhash_rust::xxh3::Xxh3;

/// The first bytes of a file.
pub const MAGIC: &[u8; 8] = b"dqstates";

/// Changes whenever a file of an older version would be read wrongly.
pub const VERSION: u16 = 1;

/// Bytes before the first section.
pub const START: u64 = 12;

/// Bytes of a section before its key.
pub const HEAD: usize = 22;

/// Bytes of a hash.
pub const HASH: usize = 16;

/// The longest key: lists of texts are part of keys.
pub const LONGEST_KEY: u64 = 16 << 20;

/// What a state says instead of its length if it fills its section.
pub const TO_THE_END: u64 = u64::MAX;

/// The most rows that a state may claim: sums of them, over as many files as fit a list, do not overflow.
pub const MOST_ROWS: u64 = 1 << 44;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The columns, as a stream of Arrow without batches.
    Schema = 1,
    /// A [`super::Summary`] in JSON.
    Summary = 2,
    /// A metric, under its key.
    Metric = 3,
    /// A metric whose states cannot be merged, and why, as text.
    Refused = 4,
    /// The end.
    End = 5,
}

impl Kind {
    /// The kind of that number.
    pub fn of(number: u8) -> Option<Self> {
        [Kind::Schema, Kind::Summary, Kind::Metric, Kind::Refused, Kind::End]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// What became of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has states.
    States = 0,
    /// A test gave up on a value.
    Undecided = 1,
}

/// How a section begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What it holds.
    pub kind: Kind,
    /// Whether its bytes are packed by Zstandard.
    pub packed: bool,
    /// Bytes of its key.
    pub key: u32,
    /// Bytes in the file.
    pub stored: u64,
    /// Bytes once unpacked.
    pub plain: u64,
}

impl Head {
    /// As bytes.
    pub fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0] = self.kind as u8;
        bytes[1] = u8::from(self.packed);
        bytes[2..6].copy_from_slice(&self.key.to_le_bytes());
        bytes[6..14].copy_from_slice(&self.stored.to_le_bytes());
        bytes[14..22].copy_from_slice(&self.plain.to_le_bytes());
        bytes
    }

    /// From bytes.
    pub fn from_bytes(bytes: &[u8; HEAD]) -> Option<Self> {
        let [kind, packing, rest @ ..] = bytes;
        let packed = match packing {
            0 => false,
            1 => true,
            _ => return None,
        };
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (stored, rest) = rest.split_first_chunk::<8>()?;
        let plain = rest.first_chunk::<8>()?;
        Some(Self {
            kind: Kind::of(*kind)?,
            packed,
            key: u32::from_le_bytes(*key),
            stored: u64::from_le_bytes(*stored),
            plain: u64::from_le_bytes(*plain),
        })
    }
}

/// Starts the hash of a section.
pub fn hash_of(head: Head, key: &[u8]) -> Xxh3 {
    let mut hash = Xxh3::new();
    hash.update(&head.to_bytes());
    hash.update(key);
    hash
}
