//! States as bytes: a magic word, a version, the state.

use super::State;

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
