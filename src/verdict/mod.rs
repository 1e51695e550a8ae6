//! Observations to verdicts: the only place that compares a number with what a rule
//! expects, and that joins verdicts of composites.
//!
//! Nothing that was not evaluated ever passes: a missing column, a metric without
//! data, a past value that is not there are ERROR with a reason.

pub mod before;
mod compared;
mod compose;
mod evaluate;
mod expected;
mod judge;
mod number;
pub mod remembered;
mod rows;
mod severity;

pub use compared::Compared;
pub use judge::{Judge, Outcome};
pub use rows::{RowRule, RowVerdicts};
pub use severity::Severity;

/// What is said of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The data satisfies the rule.
    Pass,
    /// The data does not satisfy the rule.
    Fail,
    /// The rule could not be evaluated.
    Error,
    /// The user deselected the rule.
    Skip,
}

impl Verdict {
    /// `PASS`, `FAIL`, `ERROR`, `SKIP`
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Error => "ERROR",
            Verdict::Skip => "SKIP",
        }
    }
}
