//! Conditions with their operands resolved: variables replaced, dates read, arithmetic
//! folded. Operands that call functions of past values stay expressions.

use super::expression::DynamicOperand;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::dqdl::ast::{
    Arithmetic, ArithmeticOperator, Condition, DateOperand, Kind, Operand, OperandValue, Operator, Quantity,
};
use crate::metrics::pattern::{Extent, Pattern};
use crate::span::Span;
use crate::value::Number;
use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// The largest amount of a duration or size: the public parser's.
const LARGEST_AMOUNT: i64 = i32::MAX as i64;

/// A condition ready to be judged or compiled.
#[derive(Debug, Clone, PartialEq)]
pub enum BoundCondition {
    /// Numbers, and sizes in bytes.
    Number(NumberCondition),
    /// Strings.
    Text(TextCondition),
    /// Dates and instants.
    Date(DateCondition),
    /// Durations in seconds.
    Duration(DurationCondition),
}

/// A comparison with numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberCondition {
    /// The comparison.
    pub operator: Operator,
    /// One, two for `between`, any number for lists.
    pub operands: Vec<NumberOperand>,
}

/// A number, or what stands for one.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberOperand {
    /// A number.
    Value(Number),
    /// `NULL`
    Null,
    /// A computation with past values.
    Dynamic(DynamicOperand),
    /// Arithmetic without a finite value, as written: a division by zero.
    Undefined(String),
}

/// A comparison with strings.
#[derive(Debug, Clone, PartialEq)]
pub struct TextCondition {
    /// The comparison.
    pub operator: Operator,
    /// The strings and keywords; the pattern of `matches`.
    pub operands: Vec<TextOperand>,
}

/// A string or a keyword that stands for some.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOperand {
    /// A string, escapes resolved.
    Text(String),
    /// `NULL`
    Null,
    /// `EMPTY`
    Empty,
    /// `WHITESPACES_ONLY`
    WhitespacesOnly,
}

/// A comparison with dates.
#[derive(Debug, Clone, PartialEq)]
pub struct DateCondition {
    /// The comparison.
    pub operator: Operator,
    /// The points in time.
    pub operands: Vec<DatePoint>,
}

/// A point in time, as precise as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePoint {
    /// A calendar day, in days since 1970.
    Day(i32),
    /// An instant, in microseconds since 1970 UTC.
    Instant(i64),
    /// `NULL`
    Null,
}

/// A comparison with durations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationCondition {
    /// The comparison.
    pub operator: Operator,
    /// In seconds.
    pub seconds: Vec<i64>,
}

impl NumberCondition {
    /// The numbers, if all operands are numbers.
    pub fn numbers(&self) -> Option<Vec<Number>> {
        let number =
            |operand: &NumberOperand| if let NumberOperand::Value(number) = operand { Some(*number) } else { None };
        self.operands.iter().map(number).collect()
    }

    /// Whether an operand is `NULL`.
    pub fn has_null(&self) -> bool {
        self.operands.contains(&NumberOperand::Null)
    }

    /// The first operand that is no number.
    pub fn undefined(&self) -> Option<&str> {
        self.operands
            .iter()
            .find_map(|operand| if let NumberOperand::Undefined(text) = operand { Some(text.as_str()) } else { None })
    }

    /// The operands that call functions.
    fn calls(&self) -> impl Iterator<Item = &DynamicOperand> {
        self.operands
            .iter()
            .filter_map(|operand| if let NumberOperand::Dynamic(dynamic) = operand { Some(dynamic) } else { None })
    }

    /// The first operand that calls functions.
    pub fn dynamic(&self) -> Option<&DynamicOperand> {
        self.calls().next()
    }

    /// The first operand that needs past values.
    pub fn past(&self) -> Option<&DynamicOperand> {
        self.calls().find(|operand| operand.needs_past())
    }
}

/// A time zone as Java names them: a region, or an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// `Europe/Berlin`
    Region(chrono_tz::Tz),
    /// `+05:30`, `GMT+2`, `Z`
    Offset(FixedOffset),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone::Region(chrono_tz::UTC);

    /// The zone of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name.parse() {
            Ok(region) => Some(Zone::Region(region)),
            Err(_) => crate::text_cast::offset_seconds(name).and_then(FixedOffset::east_opt).map(Zone::Offset),
        }
    }

    /// The date there.
    fn today(self, now: DateTime<Utc>) -> NaiveDate {
        match self {
            Zone::Region(region) => now.with_timezone(&region).date_naive(),
            Zone::Offset(offset) => now.with_timezone(&offset).date_naive(),
        }
    }

    /// Microseconds since 1970 UTC of a time on the clock there.
    fn instant(self, local: NaiveDateTime) -> Option<i64> {
        match self {
            Zone::Region(region) => crate::text_cast::instant(local, region),
            Zone::Offset(offset) => {
                Some(local.and_utc().timestamp_micros() - i64::from(offset.local_minus_utc()) * 1_000_000)
            }
        }
    }
}

/// The texts of a variable by name and place of use.
pub type FindVariable<'a> = dyn Fn(&str, Span) -> Result<Vec<String>, Diagnostic> + 'a;

/// What conditions are resolved with.
pub struct Resolver<'a> {
    /// The time the ruleset is read; `now()` is this, cut to the minute.
    pub now: DateTime<Utc>,
    /// Zone of times of day: the rule's `timeZone`.
    pub zone: Zone,
    /// Finds the texts of a variable, or says why not.
    pub variable: &'a FindVariable<'a>,
}

impl Resolver<'_> {
    /// Resolves a condition; every mistake is reported.
    pub fn resolve(&self, condition: &Condition, findings: &mut Vec<Diagnostic>) -> Option<BoundCondition> {
        let before = findings.len();
        let operator = condition.operator;
        let bound = match condition.kind {
            Kind::Number => BoundCondition::Number(number_condition(condition, findings)),
            Kind::Size => BoundCondition::Number(NumberCondition {
                operator,
                operands: condition.operands.iter().filter_map(|operand| size(operand, findings)).collect(),
            }),
            Kind::Text => BoundCondition::Text(self.text_condition(condition, findings)),
            Kind::Date => BoundCondition::Date(DateCondition {
                operator,
                operands: condition.operands.iter().filter_map(|operand| self.date(operand, findings)).collect(),
            }),
            Kind::Duration => BoundCondition::Duration(DurationCondition {
                operator,
                seconds: condition.operands.iter().filter_map(|operand| duration(operand, findings)).collect(),
            }),
        };
        let refused = findings[before..].iter().any(|finding| finding.severity == Severity::Error);
        (!refused).then_some(bound)
    }

    fn text_condition(&self, condition: &Condition, findings: &mut Vec<Diagnostic>) -> TextCondition {
        let list = matches!(condition.operator, Operator::In | Operator::NotIn);
        let mut operands = Vec::with_capacity(condition.operands.len());
        for operand in &condition.operands {
            match &operand.value {
                OperandValue::Text(raw) if matches!(condition.operator, Operator::Matches | Operator::NotMatches) => {
                    // The escapes of a pattern are the pattern's own.
                    if let Err(error) = Pattern::new(raw, Extent::Whole) {
                        findings.push(pattern_finding(raw, operand.span, error));
                    }
                    operands.push(TextOperand::Text(raw.clone()));
                }
                OperandValue::Text(raw) => {
                    operands.push(TextOperand::Text(if list { collapse_escapes(raw) } else { unescape(raw) }))
                }
                OperandValue::Null => operands.push(TextOperand::Null),
                OperandValue::Empty => operands.push(TextOperand::Empty),
                OperandValue::WhitespacesOnly => operands.push(TextOperand::WhitespacesOnly),
                OperandValue::Variable(name) => match (self.variable)(name, operand.span) {
                    Ok(texts) => operands.extend(texts.into_iter().map(TextOperand::Text)),
                    Err(finding) => findings.push(finding),
                },
                _ => {}
            }
        }
        TextCondition { operator: condition.operator, operands }
    }

    fn date(&self, operand: &Operand, findings: &mut Vec<Diagnostic>) -> Option<DatePoint> {
        let this_minute = self.now.timestamp().div_euclid(60) * 60;
        let instant = |seconds: i64| seconds.checked_mul(1_000_000).map(DatePoint::Instant);
        match &operand.value {
            OperandValue::Null => Some(DatePoint::Null),
            OperandValue::Date(DateOperand::Date(text)) => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
                Ok(date) => Some(DatePoint::Day(date.to_epoch_days())),
                Err(_) => {
                    findings.push(
                        Diagnostic::error(Code::Date, operand.span, format!("{text} is not a day of the calendar"))
                            .help("dates are written yyyy-mm-dd"),
                    );
                    None
                }
            },
            OperandValue::Date(DateOperand::Now) => instant(this_minute),
            OperandValue::Date(DateOperand::NowOffset { minus, amount }) => {
                let seconds = amount_of(amount, operand.span, findings)?.checked_mul(amount.unit.seconds())?;
                let moved = if *minus { this_minute.checked_sub(seconds) } else { this_minute.checked_add(seconds) };
                moved.and_then(instant).or_else(|| {
                    findings.push(out_of_range(operand.span));
                    None
                })
            }
            OperandValue::Date(DateOperand::Time(text)) => match time_of_day(text) {
                Some((time, days)) => {
                    let local = self.zone.today(self.now).and_time(time) + Duration::days(days);
                    self.zone.instant(local).map(DatePoint::Instant)
                }
                None => {
                    findings.push(
                        Diagnostic::error(Code::Date, operand.span, format!("\"{text}\" is not a time of day"))
                            .help("write \"00:00\" to \"23:59\", or \"1:00 AM\" to \"12:59 PM\""),
                    );
                    None
                }
            },
            _ => None,
        }
    }
}

/// A finding for a pattern that does not compile, with the caret inside the string.
pub fn pattern_finding(raw: &str, span: Span, error: crate::metrics::pattern::PatternError) -> Diagnostic {
    let place = error.offset.map_or(span, |offset| {
        let start = span.start + 1 + offset.min(raw.len());
        Span::new(start, (start + 1).min(span.end))
    });
    Diagnostic::error(Code::Pattern, place, format!("this pattern does not compile: {}", error.message))
        .help("patterns use Java's syntax and must match the whole value; a literal `(`, `[`, `*` ... is written `\\(`")
}

/// Hours, minutes and how many days later; `24:00` and `0:30 AM` are tolerated as in the public parser.
fn time_of_day(text: &str) -> Option<(NaiveTime, i64)> {
    let (clock, half) = match text.split_once(' ') {
        Some((clock, half)) => (clock, Some(half)),
        None => (text, None),
    };
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let (hour, days) = match half {
        None if hour == 24 && minute == 0 => (0, 1),
        None => (hour, 0),
        Some(_) if hour > 12 => return None,
        Some("AM") => (hour % 12, 0),
        Some(_) => (hour % 12 + 12, 0),
    };
    NaiveTime::from_hms_opt(hour, minute, 0).map(|time| (time, days))
}

fn number_condition(condition: &Condition, findings: &mut Vec<Diagnostic>) -> NumberCondition {
    let operands = condition.operands.iter().filter_map(|operand| match &operand.value {
        OperandValue::Null => Some(NumberOperand::Null),
        OperandValue::Number(expression) => Some(match fold(expression) {
            Some(value) if value.to_f64().is_finite() => NumberOperand::Value(value),
            Some(_) => {
                let message = format!("`{expression}` is no number: the rule cannot be evaluated");
                findings.push(
                    Diagnostic::warning(Code::OperandNotSupported, operand.span, message).help("do not divide by zero"),
                );
                NumberOperand::Undefined(expression.to_string())
            }
            None => NumberOperand::Dynamic(DynamicOperand::bind(expression, operand.span, findings)),
        }),
        _ => None,
    });
    NumberCondition { operator: condition.operator, operands: operands.collect() }
}

/// The value of an expression without function calls: a literal exactly, arithmetic in
/// doubles from left to right, as Glue does. `None` with calls or `NULL` inside.
pub fn fold(expression: &Arithmetic) -> Option<Number> {
    match expression {
        Arithmetic::Literal(text) => Number::parse(text),
        Arithmetic::Null | Arithmetic::Call(_, _) => None,
        Arithmetic::Group(inner) => fold(inner),
        Arithmetic::Chain(first, rest) => {
            let mut value = fold(first)?.to_f64();
            for (operator, operand) in rest {
                let operand = fold(operand)?.to_f64();
                value = match operator {
                    ArithmeticOperator::Add => value + operand,
                    ArithmeticOperator::Subtract => value - operand,
                    ArithmeticOperator::Multiply => value * operand,
                    ArithmeticOperator::Divide => value / operand,
                };
            }
            Some(Number::Float(value))
        }
    }
}

fn out_of_range(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Overflow, span, "this point in time is out of range")
        .help("name a date within a few thousand years")
}

fn overflow(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Overflow, span, format!("amounts of durations and sizes end at {LARGEST_AMOUNT}"))
        .help("use a larger unit")
}

fn amount_of<U>(quantity: &Quantity<U>, span: Span, findings: &mut Vec<Diagnostic>) -> Option<i64> {
    match quantity.amount.parse::<i64>() {
        Ok(amount) if amount <= LARGEST_AMOUNT => Some(amount),
        _ => {
            findings.push(overflow(span));
            None
        }
    }
}

fn size(operand: &Operand, findings: &mut Vec<Diagnostic>) -> Option<NumberOperand> {
    match &operand.value {
        OperandValue::Size(quantity) => Some(NumberOperand::Value(Number::integer(
            i128::from(amount_of(quantity, operand.span, findings)?) * quantity.unit.bytes(),
        ))),
        _ => {
            findings.push(Diagnostic::error(Code::OperandNotSupported, operand.span, "a size cannot be NULL"));
            None
        }
    }
}

fn duration(operand: &Operand, findings: &mut Vec<Diagnostic>) -> Option<i64> {
    match &operand.value {
        OperandValue::Duration(quantity) => {
            Some(amount_of(quantity, operand.span, findings)? * quantity.unit.seconds())
        }
        _ => {
            findings.push(Diagnostic::error(Code::OperandNotSupported, operand.span, "a duration cannot be NULL"));
            None
        }
    }
}

/// `\"` and `\\`, the escapes of the language; other backslashes stay.
pub fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(next @ ('"' | '\\'))) => {
                out.push(*next);
                characters.next();
            }
            _ => out.push(character),
        }
    }
    out
}

/// In lists the public parser drops the backslash of every pair.
pub fn collapse_escapes(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(characters.next().unwrap_or('\\')),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dqdl::ast::RuleNode;

    fn folded(operand: &str) -> Option<Number> {
        let parsed = crate::dqdl::parse(&format!("Rules = [ RowCount > {operand} ]"));
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let rules = parsed.document.rules.expect("rules");
        let RuleNode::Rule(rule) = &rules[0] else { panic!("a rule") };
        match &rule.condition.as_ref().expect("a condition").operands[0].value {
            OperandValue::Number(expression) => fold(expression),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arithmetic_goes_from_left_to_right() {
        assert_eq!(folded("2 + 3 * 4"), Some(Number::integer(20)));
        assert_eq!(folded("20 - 2 / 3"), Some(Number::integer(6)));
        assert_eq!(folded("2 + (3 * 4)"), Some(Number::integer(14)));
        assert_eq!(folded("- 5 + 2"), Some(Number::integer(-3)));
        assert_eq!(folded("avg(last(3)) + 1"), None);
    }

    #[test]
    fn escapes_differ_between_lists_and_single_strings() {
        assert_eq!(unescape(r#"a\"b\\c\d"#), r#"a"b\c\d"#);
        assert_eq!(collapse_escapes(r#"a\"b\\c\d"#), r#"a"b\cd"#);
    }

    #[test]
    fn zones_have_names_and_offsets() {
        assert_eq!(Zone::parse("Asia/Kolkata"), Some(Zone::Region(chrono_tz::Asia::Kolkata)));
        assert_eq!(Zone::parse("Z"), FixedOffset::east_opt(0).map(Zone::Offset));
        assert_eq!(Zone::parse("+05:30"), FixedOffset::east_opt(19_800).map(Zone::Offset));
        assert_eq!(Zone::parse("GMT+2"), FixedOffset::east_opt(7_200).map(Zone::Offset));
        assert_eq!(Zone::parse("Nowhere/Atlantis"), None);
    }

    #[test]
    fn times_of_day_have_two_clocks() {
        let minutes = |text| time_of_day(text).map(|(time, days)| (time.format("%H:%M").to_string(), days));
        assert_eq!(minutes("09:30"), Some(("09:30".into(), 0)));
        assert_eq!(minutes("12:05 AM"), Some(("00:05".into(), 0)));
        assert_eq!(minutes("1:05 PM"), Some(("13:05".into(), 0)));
        assert_eq!(minutes("24:00"), Some(("00:00".into(), 1)));
        assert_eq!(minutes("25:99"), None);
        assert_eq!(minutes("13:45 PM"), None);
    }
}
