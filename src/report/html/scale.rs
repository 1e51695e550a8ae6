//! What was observed against what was expected: in words, and on a line that shows every gap.

use super::markup::escape;
use crate::comparison::Operator;
use crate::report::text::{grouped, short};
use crate::value::Number;
use crate::verdict::Compared;

/// Operands that are named.
const NAMED: usize = 8;

/// Ends of the line, in units of the drawing.
const LEFT: f64 = 8.0;
const RIGHT: f64 = 392.0;

/// Shares nearer to what was expected are drawn enlarged.
const NEAR: f64 = 0.08;

/// Observed and expected, and the line between them where it can be drawn.
pub(super) fn compared(compared: &Compared) -> String {
    let (observed, expected) = (observed(compared), expected(compared));
    let drawn = drawing(compared, &observed, &expected).unwrap_or_default();
    format!(
        "<dl class=\"against\">\n<div><dt>Observed</dt><dd class=\"seen\">{}</dd></div>\n\
         <div><dt>Expected</dt><dd>{}</dd></div>\n</dl>\n{drawn}",
        escape(&observed),
        escape(&expected)
    )
}

/// What was seen.
pub(super) fn observed(compared: &Compared) -> String {
    match compared.counts {
        Some((part, whole)) => {
            format!("{} of {} ({})", grouped(part), grouped(whole), percent(compared.observed.to_f64(), part == whole))
        }
        None => value(compared, compared.observed),
    }
}

/// What was asked for.
pub(super) fn expected(compared: &Compared) -> String {
    let all = compared.operands.iter().take(NAMED).map(|operand| value(compared, *operand)).collect::<Vec<_>>();
    let more = match compared.operands.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = all.first().map_or("", String::as_str);
    match compared.operator {
        Operator::Equal if compared.share && compared.operands == [Number::integer(1)] => {
            if compared.counts.is_some() {
                "all of them".into()
            } else {
                "100 %".into()
            }
        }
        Operator::Equal => first.into(),
        Operator::NotEqual => format!("anything but {first}"),
        Operator::Greater => format!("more than {first}"),
        Operator::GreaterOrEqual => format!("at least {first}"),
        Operator::Less => format!("less than {first}"),
        Operator::LessOrEqual => format!("at most {first}"),
        Operator::Between => format!("between {}, both excluded", all.join(" and ")),
        Operator::NotBetween => format!("not between {}", all.join(" and ")),
        Operator::In => format!("one of {}{more}", all.join(", ")),
        Operator::NotIn => format!("none of {}{more}", all.join(", ")),
        other => format!("{} {first}", other.as_str()),
    }
}

fn value(compared: &Compared, number: Number) -> String {
    let double = number.to_f64();
    if compared.share && (0.0..=1.0).contains(&double) { percent(double, double >= 1.0) } else { number.to_string() }
}

/// A share in percent with as many decimals as it takes to tell it from all and from nothing.
pub(super) fn percent(share: f64, all: bool) -> String {
    if all {
        return "100 %".into();
    }
    for decimals in 2..=10 {
        let text = format!("{:.decimals$}", share * 100.0);
        let nothing = share > 0.0 && !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        if !nothing && !text.starts_with("100") {
            return format!("{} %", text.strip_suffix(".00").unwrap_or(&text));
        }
    }
    if share > 0.5 { ">99.99 %".into() } else { "<0.01 %".into() }
}

/// The part of the number line that is shown.
fn window(compared: &Compared) -> Option<(f64, f64)> {
    let operands = compared.operands.iter().map(|operand| operand.to_f64());
    let values: Vec<f64> = operands.chain([compared.observed.to_f64()]).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let gap = high - low;
    if values.iter().any(|value| !value.is_finite()) || !gap.is_finite() {
        return None;
    }
    let (from, to) = if compared.share && low >= 0.0 && high <= 1.0 {
        if gap == 0.0 || gap >= NEAR { (0.0, 1.0) } else { ((low - 2.0 * gap).max(0.0), (high + 2.0 * gap).min(1.0)) }
    } else {
        let margin = if gap > 0.0 { gap / 3.0 } else { (low.abs() / 10.0).max(1.0) };
        let from = low - margin;
        let from = if low >= 0.0 { from.max(0.0) } else { from };
        // Ends that are round numbers are read at a glance.
        let step = 10_f64.powf((high + margin - from).log10().floor()) / 2.0;
        ((from / step).floor() * step, ((high + margin) / step).ceil() * step)
    };
    (from < to && (to - from).is_finite()).then_some((from, to))
}

fn drawing(compared: &Compared, observed: &str, expected: &str) -> Option<String> {
    let (from, to) = window(compared)?;
    // A yes or a no has no line.
    if compared.operands.is_empty()
        || (compared.share && compared.counts.is_none() && compared.observed.to_f64() == 0.0)
    {
        return None;
    }
    let at = |value: f64| LEFT + (value - from) / (to - from) * (RIGHT - LEFT);
    let operands: Vec<f64> = compared.operands.iter().map(|operand| at(operand.to_f64())).collect();
    let first = operands.first().copied().unwrap_or(LEFT);
    let second = operands.get(1).copied().unwrap_or(first);
    let zones: Vec<(f64, f64)> = match compared.operator {
        Operator::Greater | Operator::GreaterOrEqual => vec![(first, RIGHT)],
        Operator::Less | Operator::LessOrEqual => vec![(LEFT, first)],
        Operator::Between => vec![(first, second)],
        Operator::NotBetween => vec![(LEFT, first), (second, RIGHT)],
        Operator::NotEqual | Operator::NotIn => vec![(LEFT, RIGHT)],
        _ => Vec::new(),
    };
    let excluded = matches!(
        compared.operator,
        Operator::Greater | Operator::Less | Operator::Between | Operator::NotEqual | Operator::NotIn
    );
    let mut svg = format!(
        "<div class=\"scale\">\n<svg viewBox=\"0 0 400 30\" role=\"img\" aria-label=\"Observed {}, expected {}\">\
         <rect class=\"empty\" x=\"{LEFT}\" y=\"11\" width=\"{}\" height=\"8\" rx=\"4\"/>",
        escape(observed),
        escape(expected),
        RIGHT - LEFT
    );
    for (start, end) in zones.into_iter().filter(|(start, end)| start < end) {
        let width = end - start;
        svg.push_str(&format!(
            "<rect class=\"zone\" x=\"{start:.1}\" y=\"11\" width=\"{width:.1}\" height=\"8\" rx=\"2\"/>"
        ));
    }
    for bound in operands.iter().take(NAMED) {
        let class = if excluded { "bound open" } else { "bound" };
        svg.push_str(&format!("<circle class=\"{class}\" cx=\"{bound:.1}\" cy=\"15\" r=\"5\"/>"));
    }
    let seen = at(compared.observed.to_f64());
    let class = if compared.met { "met" } else { "unmet" };
    svg.push_str(&format!("<path class=\"{class}\" d=\"M{seen:.1} 15l-6 -13h12zM{seen:.1} 15v13\"/></svg>\n"));
    let end = |value: f64| if compared.share { percent(value, value >= 1.0) } else { short(value) };
    svg.push_str(&format!(
        "<div class=\"ends\" aria-hidden=\"true\"><span>{}</span><span>{}</span></div>\n</div>\n",
        escape(&end(from)),
        escape(&end(to))
    ));
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(part: u64, whole: u64) -> Compared {
        Compared {
            observed: Number::Float(part as f64 / whole as f64),
            counts: Some((part, whole)),
            share: true,
            operator: Operator::Equal,
            operands: vec![Number::integer(1)],
            met: part == whole,
        }
    }

    #[test]
    fn no_failure_is_shown_as_all_and_no_success_as_nothing() {
        for whole in [2, 1_000, 1_000_000, 10_000_000_000, u64::MAX] {
            let text = observed(&share(whole - 1, whole));
            assert!(!text.contains("(100"), "{text}");
            assert!(!observed(&share(1, whole)).contains("(0 %"), "{whole}");
        }
        assert_eq!(observed(&share(999_999, 1_000_000)), "999,999 of 1,000,000 (99.9999 %)");
        assert_eq!(observed(&share(3, 3)), "3 of 3 (100 %)");
        assert_eq!(percent(0.0, false), "0 %");
        assert_eq!([0.98, 0.125].map(|share| percent(share, false)), ["98 %", "12.50 %"]);
    }

    #[test]
    fn a_small_gap_is_drawn_enlarged() {
        let seen = share(999_999, 1_000_000);
        let (from, to) = window(&seen).expect("a window");
        assert!(from > 0.99 && to == 1.0, "{from} {to}");
        let place = (seen.observed.to_f64() - from) / (to - from);
        assert!(place < 0.9, "{place}");
        assert_eq!(window(&share(1, 2)), Some((0.0, 1.0)));
    }

    #[test]
    fn what_has_no_place_on_a_line_is_not_drawn() {
        let number = |observed: f64| Compared {
            observed: Number::Float(observed),
            counts: None,
            share: false,
            operator: Operator::Greater,
            operands: vec![Number::integer(5)],
            met: false,
        };
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!compared(&number(odd)).contains("<svg"), "{odd}");
        }
        assert!(compared(&number(5.0)).contains("bound open"));
        assert!(!compared(&number(f64::MAX)).contains("NaN"));
        assert_eq!(expected(&number(1.0)), "more than 5");
    }
}
