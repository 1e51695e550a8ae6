//! Numbers against conditions.

use crate::comparison::Operator;
use crate::value::Number;
use std::cmp::Ordering;

/// Whether `value` satisfies a condition on these numbers. Equality is exact; NaN satisfies
/// nothing, not even `!=`; `between` excludes both ends.
pub fn holds(operator: Operator, operands: &[Number], value: Number) -> bool {
    if value.is_nan() {
        return false;
    }
    let compare = |operand: &Number| value.compare(*operand);
    let is = |operand: &Number, wanted: Ordering| compare(operand) == Some(wanted);
    let among = || operands.iter().any(|operand| is(operand, Ordering::Equal));
    match (operator, operands) {
        (Operator::Greater, [bound]) => is(bound, Ordering::Greater),
        (Operator::GreaterOrEqual, [bound]) => is(bound, Ordering::Greater) || is(bound, Ordering::Equal),
        (Operator::Less, [bound]) => is(bound, Ordering::Less),
        (Operator::LessOrEqual, [bound]) => is(bound, Ordering::Less) || is(bound, Ordering::Equal),
        (Operator::Between, [low, high]) => is(low, Ordering::Greater) && is(high, Ordering::Less),
        (Operator::NotBetween, [low, high]) => !(is(low, Ordering::Greater) && is(high, Ordering::Less)),
        (Operator::Equal | Operator::In, _) => among(),
        (Operator::NotEqual | Operator::NotIn, _) => !among(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_excludes_its_ends_and_nan_satisfies_nothing() {
        let [one, two, three] = [1, 2, 3].map(Number::integer);
        assert!(holds(Operator::Between, &[one, three], two));
        assert!(!holds(Operator::Between, &[one, three], three));
        assert!(holds(Operator::NotBetween, &[one, three], three));
        assert!(!holds(Operator::Between, &[three, one], two) && holds(Operator::NotBetween, &[three, one], two));
        let nan = Number::Float(f64::NAN);
        for operator in [Operator::NotEqual, Operator::NotIn, Operator::Equal, Operator::Less] {
            assert!(!holds(operator, &[one], nan));
        }
        assert!(!holds(Operator::NotBetween, &[one, three], nan));
    }
}
