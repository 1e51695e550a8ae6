//! What a clause of a rule compared with what, for those who show it.

use crate::comparison::Operator;
use crate::value::Number;

/// A number and what it had to satisfy.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What was measured.
    pub observed: Number,
    /// The rows that satisfy and the rows judged, where the number is one over the other.
    pub counts: Option<(u64, u64)>,
    /// Whether the number is a share of something, from 0 to 1.
    pub share: bool,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operands: Vec<Number>,
    /// Whether it satisfies.
    pub met: bool,
}
