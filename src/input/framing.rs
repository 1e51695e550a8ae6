//! Compressed files, told by their first bytes.

use std::io::{self, BufReader, Read};

/// The largest window a Zstandard frame may ask for, as a power of two: 128 MiB, what `zstd` itself allows.
const ZSTD_WINDOW: u32 = 27;

/// How a file is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One or more gzip members.
    Gzip,
    /// One or more Zstandard frames.
    Zstandard,
    /// One or more bzip2 streams.
    Bzip2,
    /// The framing format of Snappy.
    Snappy,
}

impl std::fmt::Display for Framing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Framing::Gzip => "gzip",
            Framing::Zstandard => "Zstandard",
            Framing::Bzip2 => "bzip2",
            Framing::Snappy => "framed Snappy",
        })
    }
}

impl Framing {
    /// The compression of a file that starts with these bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Framing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Framing::Zstandard),
            // A block or, in an empty file, the end of the stream follows the level.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Framing::Bzip2),
            [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => Some(Framing::Snappy),
            _ => None,
        }
    }

    /// Endings of file names.
    pub fn extensions(&self) -> &'static [&'static str] {
        match self {
            Framing::Gzip => &[".gz", ".gzip"],
            Framing::Zstandard => &[".zst", ".zstd"],
            Framing::Bzip2 => &[".bz2"],
            Framing::Snappy => &[".sz", ".snappy"],
        }
    }

    /// Decompresses.
    pub fn reader(&self, compressed: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let compressed = BufReader::with_capacity(1 << 18, compressed);
        Ok(match self {
            Framing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(compressed)),
            Framing::Zstandard => {
                let mut decoder = zstd::Decoder::with_buffer(compressed)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            Framing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(compressed)),
            Framing::Snappy => Box::new(snap::read::FrameDecoder::new(compressed)),
        })
    }
}
