//! Computations with past values to numbers.

use crate::dqdl::ast::ArithmeticOperator;
use crate::rules::expression::{Expression, Reduction};
use crate::value::Number;
use std::cmp::Ordering;

/// A position behind the oldest value there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchValue {
    /// The position, from 0.
    pub position: usize,
}

/// The number of an expression; `past` are the values of past runs, newest first and finite.
///
/// Without any past value, `last` is 0, as in Glue; with fewer than it asks for, it is all there are. Extremes,
/// values at positions and the median of an odd number of values stay as exact as they were recorded, sums where they
/// can be; means, deviations and arithmetic are doubles. The result may be NaN or infinite.
pub fn evaluate(expression: &Expression, past: &[Number]) -> Result<Number, NoSuchValue> {
    // Every expression gives one value at least.
    Ok(values(expression, past)?.first().copied().unwrap_or(Number::Float(f64::NAN)))
}

fn values(expression: &Expression, past: &[Number]) -> Result<Vec<Number>, NoSuchValue> {
    Ok(match expression {
        Expression::Number(number) => vec![*number],
        Expression::Last(_) if past.is_empty() => vec![Number::integer(0)],
        Expression::Last(count) => past.iter().take(*count).copied().collect(),
        Expression::Absolute(of) => values(of, past)?.into_iter().map(absolute).collect(),
        Expression::Reduced(reduction, of) => vec![reduced(*reduction, &values(of, past)?)],
        Expression::At(of, position) => {
            let found = values(of, past)?.get(*position).copied();
            vec![found.ok_or(NoSuchValue { position: *position })?]
        }
        Expression::Chain(first, rest) => {
            let mut value = evaluate(first, past)?.to_f64();
            for (operator, operand) in rest {
                let operand = evaluate(operand, past)?.to_f64();
                value = match operator {
                    ArithmeticOperator::Add => value + operand,
                    ArithmeticOperator::Subtract => value - operand,
                    ArithmeticOperator::Multiply => value * operand,
                    ArithmeticOperator::Divide => value / operand,
                };
            }
            vec![Number::Float(value)]
        }
    })
}

fn absolute(value: Number) -> Number {
    match value {
        Number::Float(value) => Number::Float(value.abs()),
        exact if exact.compare(Number::integer(0)) == Some(Ordering::Less) => Number::integer(0).minus(exact),
        exact => exact,
    }
}

/// An order of all numbers. Equality of exact numbers with doubles is not transitive, which no sort may meet: numbers
/// are in the order of their doubles first, and exact ones of one double are behind it in their own order.
fn order(left: &Number, right: &Number) -> Ordering {
    let exact = |number: &Number| matches!(number, Number::Exact { .. });
    let doubles = left.to_f64().total_cmp(&right.to_f64());
    doubles.then(exact(left).cmp(&exact(right))).then(left.compare(*right).unwrap_or(Ordering::Equal))
}

/// One number of at least one.
fn reduced(reduction: Reduction, values: &[Number]) -> Number {
    let none = Number::Float(f64::NAN);
    let count = values.len() as f64;
    let total = || values.iter().copied().reduce(Number::plus).unwrap_or(none);
    match reduction {
        Reduction::Sum => total(),
        Reduction::Average => Number::Float(total().to_f64() / count),
        Reduction::Largest => values.iter().copied().max_by(order).unwrap_or(none),
        Reduction::Smallest => values.iter().copied().min_by(order).unwrap_or(none),
        Reduction::Median => {
            let mut sorted = values.to_vec();
            sorted.sort_by(order);
            match sorted.get(values.len().saturating_sub(1) / 2..values.len() / 2 + 1) {
                Some([middle]) => *middle,
                Some([low, high]) => Number::Float(low.to_f64() / 2.0 + high.to_f64() / 2.0),
                _ => none,
            }
        }
        Reduction::Deviation => {
            // Two passes: the mean first, so that large numbers close to each other keep their difference.
            let mean = total().to_f64() / count;
            let squares = values.iter().map(|value| (value.to_f64() - mean).powi(2)).sum::<f64>();
            Number::Float((squares / count).sqrt())
        }
    }
}

/// What is to be known about the past values of an expression: where there are fewer than it asks for.
pub fn notes(expression: &Expression, there: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for asked in expression.asked().into_iter().filter(|asked| *asked > there) {
        let last = if asked == 1 { "last()".to_string() } else { format!("last({asked})") };
        let note = match there {
            0 => format!("No past run has a value: {last} is 0"),
            1 => format!("{last} has only the value of 1 past run"),
            there => format!("{last} has only the values of {there} past runs"),
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::condition::{BoundCondition, NumberOperand};
    use crate::rules::{BindOptions, BoundNode, Target, bind};

    fn expression(operand: &str) -> Expression {
        let parsed = crate::dqdl::parse(&format!("Rules = [ RowCount > {operand} ]"));
        let options = BindOptions { now: chrono::DateTime::UNIX_EPOCH, target: Target::Dq };
        let bound = bind(&parsed.document, &options);
        let BoundNode::Rule(rule) = &bound.rules[0] else { panic!("a rule") };
        let Some(BoundCondition::Number(condition)) = &rule.condition else { panic!("a number") };
        match &condition.operands[0] {
            NumberOperand::Dynamic(dynamic) => dynamic.expression.clone().expect("an expression"),
            other => panic!("{other:?}"),
        }
    }

    /// Texts of numbers, newest first; with a letter they are doubles.
    fn number(text: &str) -> Number {
        match text.strip_suffix('d') {
            Some(double) => Number::Float(double.parse().expect("a double")),
            None => Number::parse(text).expect("a number"),
        }
    }

    fn value(operand: &str, past: &[&str]) -> Result<String, NoSuchValue> {
        let past: Vec<_> = past.iter().map(|text| number(text)).collect();
        evaluate(&expression(operand), &past).map(|value| value.to_string())
    }

    #[test]
    fn functions_reduce_the_newest_values() {
        let past = ["10", "20", "60", "50", "1000"];
        for (operand, expected) in [
            ("last()", "10"),
            ("last(1)", "10"),
            ("avg(last(4))", "35"),
            ("median(last(3))", "20"),
            ("median(last(4))", "35"),
            ("max(last(4))", "60"),
            ("min(last(5))", "10"),
            ("sum(last(5))", "1140"),
            ("std(last(2))", "5"),
            ("std(last(1))", "0"),
            ("index(last(3), 0)", "10"),
            ("index(last(3), 2)", "60"),
            ("abs(min(last(3)) - max(last(3)))", "50"),
            ("avg(7)", "7"),
        ] {
            assert_eq!(value(operand, &past).as_deref(), Ok(expected), "{operand}");
        }
    }

    #[test]
    fn absolute_values_are_taken_one_by_one() {
        assert_eq!(value("max(abs(last(3)))", &["-7", "3", "-2.5d"]).as_deref(), Ok("7"));
        assert_eq!(value("abs(last())", &["-0.50"]).as_deref(), Ok("0.50"));
        assert_eq!(value("sum(abs(last(2)))", &["-1d", "-2"]).as_deref(), Ok("3"));
    }

    #[test]
    fn arithmetic_has_one_precedence_and_goes_from_left_to_right() {
        assert_eq!(value("last() + 2 * 3", &["4"]).as_deref(), Ok("18"));
        assert_eq!(value("last() + (2 * 3)", &["4"]).as_deref(), Ok("10"));
        assert_eq!(value("0.5 * avg(last(2)) - 1", &["4", "8"]).as_deref(), Ok("2"));
        assert_eq!(value("1 / last()", &["0"]).as_deref(), Ok("inf"));
        assert_eq!(value("last() / last()", &["0"]).as_deref(), Ok("NaN"));
    }

    #[test]
    fn without_past_values_last_is_zero_and_with_few_it_is_all_of_them() {
        for operand in ["last()", "avg(last(5))", "std(last(5))", "median(last(2))", "index(last(4), 0)"] {
            assert_eq!(value(operand, &[]).as_deref(), Ok("0"), "{operand}");
        }
        assert_eq!(value("avg(last(5))", &["4", "6"]).as_deref(), Ok("5"));
        assert_eq!(value("index(last(4), 1)", &[]), Err(NoSuchValue { position: 1 }));
        assert_eq!(value("1 + index(last(4), 2)", &["4", "6"]), Err(NoSuchValue { position: 2 }));
    }

    #[test]
    fn digits_that_doubles_do_not_have_survive_where_nothing_is_divided() {
        let past = ["9007199254740993", "9007199254740992"];
        assert_eq!(value("last()", &past).as_deref(), Ok("9007199254740993"));
        assert_eq!(value("max(last(2))", &past).as_deref(), Ok("9007199254740993"));
        assert_eq!(value("min(last(2))", &past).as_deref(), Ok("9007199254740992"));
        assert_eq!(value("sum(last(2))", &past).as_deref(), Ok("18014398509481985"));
        assert_eq!(
            value("std(last(3))", &["1000000001", "1000000002", "1000000003"]).as_deref(),
            Ok("0.816496580927726")
        );
    }

    #[test]
    fn doubles_and_exact_numbers_have_one_order() {
        let mixed = ["9007199254740993", "9007199254740992d", "9007199254740992", "-0d", "0", "1.5d", "1.50"];
        let mut numbers: Vec<_> = mixed.iter().cycle().take(700).map(|text| number(text)).collect();
        numbers.sort_by(order);
        assert!(numbers.windows(2).all(|pair| order(&pair[0], &pair[1]) != Ordering::Greater));
        assert_eq!(numbers[699], number("9007199254740993"));
    }

    #[test]
    fn notes_say_which_values_are_missing_and_say_it_once() {
        let nested = expression("min(last(5)) - max(last(5)) + last()");
        assert_eq!(
            notes(&nested, 0),
            ["No past run has a value: last(5) is 0", "No past run has a value: last() is 0"]
        );
        assert_eq!(notes(&nested, 1), ["last(5) has only the value of 1 past run"]);
        assert_eq!(notes(&nested, 4), ["last(5) has only the values of 4 past runs"]);
        assert!(notes(&nested, 5).is_empty());
    }
}
