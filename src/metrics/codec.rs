//! States as bytes: a magic word, a version, the state.

use super::{Family, Frequencies, MemoryBudget, State};
use crate::unevaluated::Unevaluated;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Identifies a state.
const MAGIC: &[u8; 4] = b"dqst";

/// Changes whenever bytes of an older version would be read wrongly.
pub const VERSION: u16 = 4;

/// Bytes that are not a state this version can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not a state at all.
    #[error("these bytes are not a metric state")]
    NotAState,
    /// Written by another version.
    #[error("the metric state has version {found}; this program reads version {VERSION}")]
    Version {
        /// The version in the bytes.
        found: u16,
    },
    /// Cut off or damaged.
    #[error("the metric state is damaged")]
    Damaged,
}

/// Writes a state.
pub fn encode(state: &State) -> Result<Vec<u8>, CodecError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(postcard::to_stdvec(state).map_err(|_| CodecError::Damaged)?);
    Ok(bytes)
}

/// Reads a state.
pub fn decode(bytes: &[u8]) -> Result<State, CodecError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(CodecError::NotAState)?;
    let (version, body) = rest.split_at_checked(2).ok_or(CodecError::Damaged)?;
    let found = u16::from_le_bytes([version[0], version[1]]);
    if found != VERSION {
        return Err(CodecError::Version { found });
    }
    postcard::from_bytes(body).map_err(|_| CodecError::Damaged)
}

/// Before a state that is written as one piece.
const WHOLE: u8 = 0;

/// Before counts of values, which are written one by one.
const COUNTS: u8 = 1;

/// Before a state of another crate's metric.
const CUSTOM: u8 = 2;

/// Writes a sealed state of a family. Counts of values need not fit the memory once more for it. Fails as `out`
/// does, when keys that went to a temporary file cannot be read again, and as another crate's metric does.
pub fn write(state: &State, family: &Family, out: &mut dyn Write) -> io::Result<()> {
    match state {
        State::Frequencies(state) => {
            out.write_all(&[COUNTS])?;
            // Whether a value occurs twice or more often depends on how its keys were held, where nobody asks.
            state.write(if *family == Family::Distinct { 2 } else { u64::MAX }, out)
        }
        State::Custom(state) => {
            out.write_all(&[CUSTOM])?;
            out.write_all(&state.write().map_err(|reason| io::Error::other(reason.message.clone()))?)
        }
        state => {
            out.write_all(&[WHOLE])?;
            out.write_all(&encode(state).map_err(io::Error::other)?)
        }
    }
}

/// Reads what [`write()`] wrote. A state that is one piece takes at most so many bytes; counts of values beyond the
/// budget go to a temporary file. Bytes that are no state of the family are an error of kind `InvalidData`; bytes that
/// another crate's metric does not take, one of kind `Unsupported`, in its words.
pub fn read(family: &Family, input: &mut dyn Read, most: u64, budget: &Arc<MemoryBudget>) -> io::Result<State> {
    let damaged = |error: CodecError| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut kind = [0];
    input.read_exact(&mut kind)?;
    let state = match kind[0] {
        COUNTS => State::Frequencies(Box::new(Frequencies::read(input, budget.clone())?)),
        WHOLE => decode(&piece(input, most)?).map_err(damaged)?,
        CUSTOM => {
            let Family::Custom(metric) = family else { return Err(damaged(CodecError::Damaged)) };
            let refused = |reason: Arc<Unevaluated>| io::Error::new(io::ErrorKind::Unsupported, reason.message.clone());
            State::Custom(metric.read(&piece(input, most)?).map_err(refused)?)
        }
        _ => return Err(damaged(CodecError::Damaged)),
    };
    if state.is_of(family) { Ok(state) } else { Err(damaged(CodecError::Damaged)) }
}

/// All bytes that are left, at most so many.
fn piece(input: &mut dyn Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("a metric state takes more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
    }
    Ok(bytes)
}
