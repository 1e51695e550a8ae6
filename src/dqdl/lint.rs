//! Findings about documents that are correct but probably not as meant. Only what
//! can be seen without knowing rule types or data.

use super::ast::{Arithmetic, ArithmeticOperator, Condition, Document, OperandValue, Operator, Rule, RuleNode};
use crate::diagnostic::{Code, Diagnostic};
use std::collections::HashMap;

/// All findings, in order of position.
pub fn lint(document: &Document) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (position, node) in document.rules.iter().flatten().enumerate() {
        each_rule(node, &mut |rule| rule_findings(rule, &mut findings));
        let first = *seen.entry(node.to_string()).or_insert(position);
        if first != position {
            findings.push(
                Diagnostic::warning(Code::DuplicateRule, node.span(), format!("the same rule as number {}", first + 1))
                    .help("remove one of them: duplicates count twice in the score"),
            );
        }
    }
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

/// Calls `visit` for every rule of a composite, in order.
pub fn each_rule<'a>(node: &'a RuleNode, visit: &mut dyn FnMut(&'a Rule)) {
    match node {
        RuleNode::Rule(rule) => visit(rule),
        RuleNode::Composite(composite) => composite.operands.iter().for_each(|operand| each_rule(operand, visit)),
    }
}

fn rule_findings(rule: &Rule, findings: &mut Vec<Diagnostic>) {
    for condition in rule.condition.iter().chain(&rule.threshold) {
        empty_range(condition, findings);
        for operand in &condition.operands {
            if let OperandValue::Number(expression) = &operand.value
                && is_unquoted_date(expression)
            {
                let message =
                    format!("this is a subtraction, not the date {}", expression.to_string().replace(' ', ""));
                findings.push(
                    Diagnostic::warning(Code::UnquotedDate, operand.span, message)
                        .help("write dates in quotes: \"yyyy-mm-dd\""),
                );
            }
            if let OperandValue::Number(expression) = &operand.value
                && breaks_habit(expression)
            {
                let finding = Diagnostic::warning(
                    Code::Precedence,
                    operand.span,
                    "`+ - * /` have one precedence here and are evaluated from left to right",
                )
                .help("add parentheses to say what is meant");
                findings.push(finding);
            }
        }
    }
}

/// Whether an expression is written like `2024-01-31`.
fn is_unquoted_date(expression: &Arithmetic) -> bool {
    let Arithmetic::Chain(first, rest) = expression else { return false };
    let digits = |operand: &Arithmetic, count: usize| matches!(operand, Arithmetic::Literal(text) if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()));
    matches!(rest.as_slice(), [(ArithmeticOperator::Subtract, month), (ArithmeticOperator::Subtract, day)] if digits(first, 4) && digits(month, 2) && digits(day, 2))
}

/// Whether usual precedence would give another tree: `*` or `/` after `+` or `-`.
fn breaks_habit(expression: &Arithmetic) -> bool {
    match expression {
        Arithmetic::Literal(_) | Arithmetic::Null => false,
        Arithmetic::Call(_, arguments) => arguments.iter().any(breaks_habit),
        Arithmetic::Group(inner) => breaks_habit(inner),
        Arithmetic::Chain(first, rest) => {
            let mut added = false;
            for (operator, _) in rest {
                match operator {
                    ArithmeticOperator::Add | ArithmeticOperator::Subtract => added = true,
                    ArithmeticOperator::Multiply | ArithmeticOperator::Divide if added => return true,
                    _ => {}
                }
            }
            breaks_habit(first) || rest.iter().any(|(_, operand)| breaks_habit(operand))
        }
    }
}

fn empty_range(condition: &Condition, findings: &mut Vec<Diagnostic>) {
    let [low, high] = condition.operands.as_slice() else { return };
    let (OperandValue::Number(Arithmetic::Literal(from)), OperandValue::Number(Arithmetic::Literal(to))) =
        (&low.value, &high.value)
    else {
        return;
    };
    let (Ok(from), Ok(to)) = (from.parse::<f64>(), to.parse::<f64>()) else { return };
    if from < to {
        return;
    }
    let message = match condition.operator {
        Operator::Between => "no number lies between these bounds",
        Operator::NotBetween => "every number lies outside these bounds",
        _ => return,
    };
    let finding = Diagnostic::warning(Code::EmptyRange, condition.span, message)
        .help("`between` excludes both ends and does not swap its bounds");
    findings.push(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dqdl::parse;

    fn codes(rules: &str) -> Vec<&'static str> {
        let parsed = parse(&format!("Rules = [ {rules} ]"));
        assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
        lint(&parsed.document).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn only_surprising_arithmetic_is_reported() {
        assert_eq!(codes("RowCount > 2 + 3 * 4"), ["lint::precedence"]);
        assert_eq!(codes("RowCount > 2024-01-31"), ["lint::unquoted_date"]);
        assert!(codes("RowCount > 2 * 3 + 4").is_empty());
        assert!(codes("RowCount > 2 + (3 * 4)").is_empty());
    }

    #[test]
    fn reversed_bounds_and_repeated_rules_are_reported() {
        assert_eq!(codes("RowCount between 5 and 1"), ["lint::empty_range"]);
        assert_eq!(codes("RowCount > 1, RowCount   > 1"), ["lint::duplicate_rule"]);
    }
}
