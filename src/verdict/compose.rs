//! Verdicts of composites, from whole-dataset verdicts of their operands.

use super::Verdict;
use crate::dqdl::ast::Connective;

/// Three-valued logic: ERROR is "unknown". `and` fails when one operand fails, passes when all
/// pass; `or` passes when one passes, fails when all fail; otherwise the answer depends on what
/// could not be evaluated. Skipped operands do not count.
pub fn combine(connective: Connective, operands: impl IntoIterator<Item = Verdict>) -> Verdict {
    let (mut pass, mut fail, mut error) = (false, false, false);
    for operand in operands {
        match operand {
            Verdict::Pass => pass = true,
            Verdict::Fail => fail = true,
            Verdict::Error => error = true,
            Verdict::Skip => {}
        }
    }
    match connective {
        Connective::And if fail => Verdict::Fail,
        Connective::Or if pass => Verdict::Pass,
        _ if error => Verdict::Error,
        Connective::And if pass => Verdict::Pass,
        Connective::Or if fail => Verdict::Fail,
        _ => Verdict::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Error, Fail, Pass};

    #[test]
    fn what_was_not_evaluated_never_passes_a_composite() {
        let table = [
            (Connective::And, [Pass, Pass], Pass),
            (Connective::And, [Pass, Fail], Fail),
            (Connective::And, [Pass, Error], Error),
            (Connective::And, [Fail, Error], Fail),
            (Connective::Or, [Fail, Pass], Pass),
            (Connective::Or, [Fail, Fail], Fail),
            (Connective::Or, [Error, Pass], Pass),
            (Connective::Or, [Error, Fail], Error),
            (Connective::Or, [Error, Error], Error),
        ];
        for (connective, operands, expected) in table {
            assert_eq!(combine(connective, operands), expected, "{connective:?} {operands:?}");
        }
    }
}
