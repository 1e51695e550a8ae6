//! Which versions are compared, and which of two schemas reads data of the other.

use std::fmt;
use std::str::FromStr;

/// A compatibility mode, as registries have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Nothing is compared.
    None,
    /// No new version is allowed.
    Disabled,
    /// The new version reads data of the newest old one.
    Backward,
    /// The new version reads data of all old ones.
    BackwardAll,
    /// The newest old version reads data of the new one.
    Forward,
    /// All old versions read data of the new one.
    ForwardAll,
    /// Both ways with the newest old version.
    Full,
    /// Both ways with all old versions.
    FullAll,
}

/// All modes.
pub const MODES: &[Mode] = &[
    Mode::None,
    Mode::Disabled,
    Mode::Backward,
    Mode::BackwardAll,
    Mode::Forward,
    Mode::ForwardAll,
    Mode::Full,
    Mode::FullAll,
];

/// Which of two versions reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The new schema reads data that was written with the old one.
    Backward,
    /// The old schema reads data that is written with the new one.
    Forward,
}

impl Direction {
    /// `BACKWARD` or `FORWARD`.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Backward => "BACKWARD",
            Direction::Forward => "FORWARD",
        }
    }
}

impl Mode {
    /// As Glue spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::None => "NONE",
            Mode::Disabled => "DISABLED",
            Mode::Backward => "BACKWARD",
            Mode::BackwardAll => "BACKWARD_ALL",
            Mode::Forward => "FORWARD",
            Mode::ForwardAll => "FORWARD_ALL",
            Mode::Full => "FULL",
            Mode::FullAll => "FULL_ALL",
        }
    }

    /// Who reads whose data; neither for NONE and DISABLED.
    pub fn directions(self) -> &'static [Direction] {
        match self {
            Mode::None | Mode::Disabled => &[],
            Mode::Backward | Mode::BackwardAll => &[Direction::Backward],
            Mode::Forward | Mode::ForwardAll => &[Direction::Forward],
            Mode::Full | Mode::FullAll => &[Direction::Backward, Direction::Forward],
        }
    }

    /// Whether all old versions are compared, not only the newest.
    pub fn is_transitive(self) -> bool {
        matches!(self, Mode::BackwardAll | Mode::ForwardAll | Mode::FullAll)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMode;

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "modes are NONE, DISABLED, BACKWARD, BACKWARD_ALL (or BACKWARD_TRANSITIVE), FORWARD, FORWARD_ALL, FULL, \
             FULL_ALL",
        )
    }
}

impl std::error::Error for UnknownMode {}

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Reads the words of Glue (`_ALL`) and Confluent (`_TRANSITIVE`), in any case, with `_` or `-`.
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let word = text.trim().to_ascii_uppercase().replace('-', "_");
        let word = word.strip_suffix("_TRANSITIVE").map_or(word.clone(), |stem| format!("{stem}_ALL"));
        MODES.iter().copied().find(|mode| mode.as_str() == word).ok_or(UnknownMode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_in_both_vocabularies_and_any_case() {
        for mode in MODES {
            assert_eq!(mode.as_str().parse(), Ok(*mode));
            assert_eq!(mode.as_str().to_lowercase().replace('_', "-").parse(), Ok(*mode));
        }
        assert_eq!("Backward_Transitive".parse(), Ok(Mode::BackwardAll));
        assert_eq!("full-transitive".parse(), Ok(Mode::FullAll));
        for wrong in ["", "BACK", "NONE_TRANSITIVE", "DISABLED_ALL", "BACKWARD_ALL_TRANSITIVE"] {
            assert_eq!(wrong.parse::<Mode>(), Err(UnknownMode), "{wrong}");
        }
    }

    #[test]
    fn full_is_both_ways_and_only_all_looks_further_back() {
        assert_eq!(Mode::Full.directions(), [Direction::Backward, Direction::Forward]);
        assert!(Mode::FullAll.is_transitive() && !Mode::Full.is_transitive());
        assert!(Mode::None.directions().is_empty() && Mode::Disabled.directions().is_empty());
    }
}
