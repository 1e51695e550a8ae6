//! Verdicts of single rows, a batch at a time.
//!
//! The logic is that of [`super::compose`], on bitmaps: a row that neither passes nor fails is skipped by a
//! leaf, or not known.

use crate::dqdl::ast::Connective;
use arrow_buffer::BooleanBuffer;

/// What a rule asks of each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowRule {
    /// The leaf of that number.
    Leaf(usize),
    /// It judges the dataset as a whole.
    Dataset,
    /// It could not be evaluated.
    Unknown,
    /// Rules joined.
    Composite {
        /// How.
        connective: Connective,
        /// Two or more.
        operands: Vec<RowRule>,
    },
}

/// Verdicts of the rows of a batch. A row with neither bit is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowVerdicts {
    /// Rows that pass.
    pub pass: BooleanBuffer,
    /// Rows that fail.
    pub fail: BooleanBuffer,
}

impl RowVerdicts {
    /// Of rows that satisfy all tests or not. Rows that the filter leaves out pass, or are skipped.
    pub fn of_tests(satisfying: &BooleanBuffer, filter: Option<&BooleanBuffer>, skip_filtered: bool) -> Self {
        match filter {
            None => Self { pass: satisfying.clone(), fail: !satisfying },
            Some(selected) => {
                let fail = selected & &!satisfying;
                let pass = if skip_filtered { selected & satisfying } else { !&fail };
                Self { pass, fail }
            }
        }
    }

    /// All rows skipped.
    pub fn skipped(rows: usize) -> Self {
        Self { pass: BooleanBuffer::new_unset(rows), fail: BooleanBuffer::new_unset(rows) }
    }
}

impl RowRule {
    /// Whether some part of it judges the dataset as a whole: then it has no rows at all.
    pub fn is_about_dataset(&self) -> bool {
        match self {
            RowRule::Dataset => true,
            RowRule::Leaf(_) | RowRule::Unknown => false,
            RowRule::Composite { operands, .. } => operands.iter().any(RowRule::is_about_dataset),
        }
    }

    /// Judges the rows of a batch, given the verdicts of all leaves; gives besides which rows nobody can judge.
    pub fn judge(&self, leaves: &[RowVerdicts], rows: usize) -> (RowVerdicts, BooleanBuffer) {
        if self.is_about_dataset() {
            return (RowVerdicts::skipped(rows), BooleanBuffer::new_unset(rows));
        }
        self.judged(leaves, rows)
    }

    fn judged(&self, leaves: &[RowVerdicts], rows: usize) -> (RowVerdicts, BooleanBuffer) {
        match self {
            RowRule::Leaf(at) => {
                let verdicts = leaves.get(*at).cloned().unwrap_or_else(|| RowVerdicts::skipped(rows));
                (verdicts, BooleanBuffer::new_unset(rows))
            }
            RowRule::Dataset | RowRule::Unknown => (RowVerdicts::skipped(rows), BooleanBuffer::new_set(rows)),
            RowRule::Composite { connective, operands } => {
                let mut any_pass = BooleanBuffer::new_unset(rows);
                let mut any_fail = BooleanBuffer::new_unset(rows);
                let mut any_unknown = BooleanBuffer::new_unset(rows);
                for operand in operands {
                    let (verdicts, unknown) = operand.judged(leaves, rows);
                    any_pass = &any_pass | &verdicts.pass;
                    any_fail = &any_fail | &verdicts.fail;
                    any_unknown = &any_unknown | &unknown;
                }
                let known = !&any_unknown;
                let verdicts = match connective {
                    Connective::And => RowVerdicts { pass: &(&any_pass & &!&any_fail) & &known, fail: any_fail },
                    Connective::Or => RowVerdicts { fail: &(&any_fail & &!&any_pass) & &known, pass: any_pass },
                };
                let unknown = &any_unknown & &!&(&verdicts.pass | &verdicts.fail);
                (verdicts, unknown)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Verdict, compose};
    use super::*;

    #[test]
    fn rows_of_composites_follow_the_logic_of_datasets() {
        let all = [Verdict::Pass, Verdict::Fail, Verdict::Skip];
        let bits = |own: Verdict, wanted| BooleanBuffer::collect_bool(1, |_| own == wanted);
        let leaf = |own| RowVerdicts { pass: bits(own, Verdict::Pass), fail: bits(own, Verdict::Fail) };
        for connective in [Connective::And, Connective::Or] {
            for unknown in [false, true] {
                for one in all {
                    for other in all {
                        let mut operands = vec![RowRule::Leaf(0), RowRule::Leaf(1)];
                        let mut verdicts = vec![one, other];
                        if unknown {
                            operands.push(RowRule::Unknown);
                            verdicts.push(Verdict::Error);
                        }
                        let expected = compose::combine(connective, verdicts.iter().copied());
                        let rule = RowRule::Composite { connective, operands };
                        let (found, nobody) = rule.judge(&[leaf(one), leaf(other)], 1);
                        assert_eq!(nobody.value(0), expected == Verdict::Error, "{connective:?} {verdicts:?}");
                        let found = match (found.pass.value(0), found.fail.value(0)) {
                            (true, false) => Verdict::Pass,
                            (false, true) => Verdict::Fail,
                            _ => Verdict::Skip,
                        };
                        let expected = if expected == Verdict::Error { Verdict::Skip } else { expected };
                        assert_eq!(found, expected, "{connective:?} {verdicts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn filtered_rows_pass_or_are_skipped() {
        let bits = |bits: &[bool]| BooleanBuffer::from(bits);
        let satisfying = bits(&[true, false, true, false]);
        let selected = bits(&[true, true, false, false]);
        let passing = RowVerdicts::of_tests(&satisfying, Some(&selected), false);
        assert_eq!(
            passing,
            RowVerdicts { pass: bits(&[true, false, true, true]), fail: bits(&[false, true, false, false]) }
        );
        let skipping = RowVerdicts::of_tests(&satisfying, Some(&selected), true);
        assert_eq!(skipping.pass, bits(&[true, false, false, false]));
        assert_eq!(skipping.fail, passing.fail);
    }
}
