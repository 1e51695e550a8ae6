//! Conditions and their operands.

use super::input::{Outcome, Tokens, bracketed, keyword, name, sign, token};
use super::{deeper, leave};
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{
    Arithmetic, ArithmeticOperator, Condition, DateOperand, Kind, Name, Operand, OperandValue, Operator, Quantity,
    SizeUnit, TimeUnit,
};
use crate::dqdl::syntax_error::SyntaxError;
use crate::dqdl::token::TokenKind;
use crate::span::Span;
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, map, value};

/// An operator and its operands. Once the operator is read, what follows must be operands.
pub fn condition(input: Tokens<'_>) -> Outcome<'_, Condition> {
    let (rest, operator) = operator(input)?;
    let (rest, operands) = cut(|input| operands(operator, input)).parse(rest)?;
    let span = input.span_to(rest);
    let kind = classify(rest, operator, &operands)?;
    Ok((rest, Condition { operator, operands, kind, span }))
}

fn operator(input: Tokens<'_>) -> Outcome<'_, Operator> {
    let word = |word: &'static [&'static str], operator| value(operator, keyword(word, "a condition"));
    let not = (
        keyword(&["not"], "a condition"),
        cut(alt((
            word(&["between"], Operator::NotBetween),
            word(&["in"], Operator::NotIn),
            word(&["matches"], Operator::NotMatches),
        ))),
    );
    alt((
        value(Operator::Equal, sign(TokenKind::Equals, "a condition")),
        value(Operator::NotEqual, (sign(TokenKind::Bang, "a condition"), cut(sign(TokenKind::Equals, "`=`")))),
        value(Operator::GreaterOrEqual, sign(TokenKind::GreaterOrEqual, "a condition")),
        value(Operator::Greater, sign(TokenKind::Greater, "a condition")),
        value(Operator::LessOrEqual, sign(TokenKind::LessOrEqual, "a condition")),
        value(Operator::Less, sign(TokenKind::Less, "a condition")),
        word(&["between"], Operator::Between),
        word(&["in"], Operator::In),
        word(&["matches"], Operator::Matches),
        map(not, |(_, operator)| operator),
    ))
    .parse(input)
}

fn operands(operator: Operator, input: Tokens<'_>) -> Outcome<'_, Vec<Operand>> {
    match operator {
        Operator::Between | Operator::NotBetween => {
            let (rest, low) = operand(input)?;
            let (rest, _) = keyword(&["and", "AND"], "`and`")(rest)?;
            let (rest, high) = operand(rest)?;
            Ok((rest, vec![low, high]))
        }
        Operator::In | Operator::NotIn => match input.kind(0) {
            Some(TokenKind::Variable(name)) => {
                let operand = Operand { value: OperandValue::Variable(name.to_string()), span: input.span() };
                Ok((input.skip(1), vec![operand]))
            }
            Some(TokenKind::OpenParenthesis) => {
                let finding = Diagnostic::error(Code::Syntax, input.span(), "a list stands in brackets")
                    .help("write `in [ ... ]`");
                Err(nom::Err::Failure(SyntaxError::finding(input, finding)))
            }
            _ => operand_list(input),
        },
        _ => map(operand, |operand| vec![operand]).parse(input),
    }
}

fn operand_list(input: Tokens<'_>) -> Outcome<'_, Vec<Operand>> {
    bracketed("one value", |input| {
        let (rest, element) = operand(input)?;
        let OperandValue::Variable(name) = &element.value else { return Ok((rest, element)) };
        let finding =
            Diagnostic::error(Code::VariableNotAllowed, element.span, "a variable cannot be an element of a list");
        Err(nom::Err::Failure(SyntaxError::finding(
            input,
            finding.help(format!("write `in ${name}`: the variable itself holds the list")),
        )))
    })(input)
}

fn operand(input: Tokens<'_>) -> Outcome<'_, Operand> {
    let (rest, value) = alt((plain_operand, now_offset, quantity, number_operand)).parse(input)?;
    Ok((rest, Operand { value, span: input.span_to(rest) }))
}

fn plain_operand(input: Tokens<'_>) -> Outcome<'_, OperandValue> {
    if let Some(rest) = now(input) {
        return Ok((rest, OperandValue::Date(DateOperand::Now)));
    }
    // `NULL` alone is a keyword; with an arithmetic operator behind it, part of an expression.
    let arithmetic_follows =
        matches!(input.kind(1), Some(TokenKind::Plus | TokenKind::Minus | TokenKind::Star | TokenKind::Slash));
    token("an operand", move |kind| match kind {
        TokenKind::Text(text) => Some(OperandValue::Text(text.to_string())),
        TokenKind::Date(date) => Some(OperandValue::Date(DateOperand::Date(date.to_string()))),
        TokenKind::Time(time) => Some(OperandValue::Date(DateOperand::Time(time.to_string()))),
        TokenKind::Variable(name) => Some(OperandValue::Variable(name.to_string())),
        TokenKind::Word("NULL" | "null") if !arithmetic_follows => Some(OperandValue::Null),
        TokenKind::Word("EMPTY" | "empty") => Some(OperandValue::Empty),
        TokenKind::Word("WHITESPACES_ONLY" | "whitespaces_only") => Some(OperandValue::WhitespacesOnly),
        _ => None,
    })(input)
}

/// `now()` without blanks inside; `now ()` and `NOW()` are numeric function calls.
fn now(input: Tokens<'_>) -> Option<Tokens<'_>> {
    let [open, close] = [input.skip(1), input.skip(2)];
    let adjacent = input.span().end == open.span().start && open.span().end == close.span().start;
    let matches = matches!(
        (input.kind(0), input.kind(1), input.kind(2)),
        (Some(TokenKind::Word("now")), Some(TokenKind::OpenParenthesis), Some(TokenKind::CloseParenthesis))
    );
    (matches && adjacent).then(|| input.skip(3))
}

/// `(now() - 3 days)`
fn now_offset(input: Tokens<'_>) -> Outcome<'_, OperandValue> {
    let (rest, ()) = sign(TokenKind::OpenParenthesis, "an operand")(input)?;
    let Some(rest) = now(rest) else {
        return Err(nom::Err::Error(SyntaxError::expected(input, "an operand")));
    };
    let (rest, minus) =
        cut(alt((value(true, sign(TokenKind::Minus, "`-`")), value(false, sign(TokenKind::Plus, "`+`")))))
            .parse(rest)?;
    let (rest, amount) = cut(digits).parse(rest)?;
    let (rest, unit) = cut(time_unit).parse(rest)?;
    let (rest, ()) = cut(sign(TokenKind::CloseParenthesis, "`)`")).parse(rest)?;
    Ok((rest, OperandValue::Date(DateOperand::NowOffset { minus, amount: Quantity { amount, unit } })))
}

fn digits(input: Tokens<'_>) -> Outcome<'_, String> {
    token("a whole number", |kind| match kind {
        TokenKind::Number(number) if !number.contains('.') => Some(number.to_string()),
        _ => None,
    })(input)
}

fn time_unit(input: Tokens<'_>) -> Outcome<'_, TimeUnit> {
    token(
        "`days`, `hours` or `minutes`",
        |kind| if let TokenKind::Word(word) = kind { TimeUnit::parse(word) } else { None },
    )(input)
}

/// `3 days`, `10 MB`
fn quantity(input: Tokens<'_>) -> Outcome<'_, OperandValue> {
    if let (Some(TokenKind::Number(number)), Some(TokenKind::Word(word))) = (input.kind(0), input.kind(1)) {
        let whole = !number.contains('.');
        if let Some(unit) = TimeUnit::parse(word).filter(|_| whole) {
            return Ok((input.skip(2), OperandValue::Duration(Quantity { amount: number.to_string(), unit })));
        }
        if let Some(unit) = SizeUnit::parse(word).filter(|_| whole) {
            return Ok((input.skip(2), OperandValue::Size(Quantity { amount: number.to_string(), unit })));
        }
        let help = match word {
            _ if !whole && (TimeUnit::parse(word).is_some() || SizeUnit::parse(word).is_some()) => {
                "durations and sizes are whole numbers: use a smaller unit"
            }
            "day" | "hour" | "minute" => "units are plural: `days`, `hours`, `minutes`",
            "kb" | "mb" | "gb" | "tb" | "Kb" | "Mb" | "Gb" | "Tb" | "kB" | "b" => {
                "size units are upper case: `B`, `KB`, `MB`, `GB`, `TB`"
            }
            "seconds" | "second" | "weeks" | "week" | "months" | "years" => {
                "durations are in `days`, `hours` or `minutes`"
            }
            _ => return Err(nom::Err::Error(SyntaxError::expected(input, "an operand"))),
        };
        let finding = Diagnostic::error(
            Code::Syntax,
            input.span().to(input.skip(1).span()),
            format!("`{number} {word}` is not a duration or size"),
        )
        .help(help);
        return Err(nom::Err::Failure(SyntaxError::finding(input.skip(1), finding)));
    }
    Err(nom::Err::Error(SyntaxError::expected(input, "an operand")))
}

fn number_operand(input: Tokens<'_>) -> Outcome<'_, OperandValue> {
    map(arithmetic, OperandValue::Number).parse(input)
}

/// `a + b * c`, left to right.
fn arithmetic(input: Tokens<'_>) -> Outcome<'_, Arithmetic> {
    let (mut rest, first) = term(input)?;
    let mut chain = Vec::new();
    loop {
        let operator = match rest.kind(0) {
            Some(TokenKind::Plus) => ArithmeticOperator::Add,
            Some(TokenKind::Minus) => ArithmeticOperator::Subtract,
            Some(TokenKind::Star) => ArithmeticOperator::Multiply,
            Some(TokenKind::Slash) => ArithmeticOperator::Divide,
            _ => break,
        };
        let (after, next) = cut(term).parse(rest.skip(1))?;
        chain.push((operator, next));
        rest = after;
    }
    let expression = if chain.is_empty() { first } else { Arithmetic::Chain(Box::new(first), chain) };
    Ok((rest, expression))
}

fn term(input: Tokens<'_>) -> Outcome<'_, Arithmetic> {
    match input.kind(0) {
        Some(TokenKind::Number(number)) => Ok((input.skip(1), Arithmetic::Literal(number.to_string()))),
        Some(TokenKind::Minus) => map(
            cut(token("a number", |kind| if let TokenKind::Number(number) = kind { Some(number) } else { None })),
            |number: &str| Arithmetic::Literal(format!("-{number}")),
        )
        .parse(input.skip(1)),
        Some(TokenKind::Word("NULL" | "null")) => Ok((input.skip(1), Arithmetic::Null)),
        Some(TokenKind::OpenParenthesis) => {
            let inner = deeper(input.skip(1), input.span())?;
            let (rest, expression) = leave(arithmetic(inner), input.depth)?;
            let (rest, ()) = cut(sign(TokenKind::CloseParenthesis, "`)`")).parse(rest)?;
            Ok((rest, Arithmetic::Group(Box::new(expression))))
        }
        Some(TokenKind::Word(_)) if input.kind(1) == Some(TokenKind::OpenParenthesis) => call(input),
        _ => Err(nom::Err::Error(SyntaxError::expected(input, "an operand"))),
    }
}

fn call(input: Tokens<'_>) -> Outcome<'_, Arithmetic> {
    let span = input.span();
    let (rest, function) = name("a function")(input)?;
    let mut rest = deeper(rest.skip(1), span)?;
    let mut arguments = Vec::new();
    if rest.kind(0) != Some(TokenKind::CloseParenthesis) {
        loop {
            let (after, argument) = cut(arithmetic).parse(rest)?;
            arguments.push(argument);
            rest = after;
            if rest.kind(0) != Some(TokenKind::Comma) {
                break;
            }
            rest = rest.skip(1);
        }
    }
    let (rest, ()) = leave(cut(sign(TokenKind::CloseParenthesis, "`)`")).parse(rest), input.depth)?;
    Ok((rest, Arithmetic::Call(Name { text: function.to_string(), span }, arguments)))
}

/// A number with arithmetic, as canonical text without blanks: the value of a tag.
pub fn number_text(input: Tokens<'_>) -> Outcome<'_, String> {
    map(arithmetic, |expression| expression.to_string().replace(' ', "")).parse(input)
}

/// The one kind of all operands; `NULL` goes with every kind, alone it is a number.
fn classify<'a>(rest: Tokens<'a>, operator: Operator, operands: &[Operand]) -> Result<Kind, nom::Err<SyntaxError>> {
    let refuse = |code, span: Span, message: String, help: &str| {
        let finding = Diagnostic::error(code, span, message).help(help);
        Err(nom::Err::Failure(SyntaxError::finding(rest, finding)))
    };
    let mut kind: Option<Kind> = None;
    for operand in operands {
        let found = match &operand.value {
            OperandValue::Null => continue,
            OperandValue::Number(_) => Kind::Number,
            OperandValue::Text(_) | OperandValue::Empty | OperandValue::WhitespacesOnly => Kind::Text,
            OperandValue::Variable(name) => {
                if !matches!(operator, Operator::In | Operator::NotIn) {
                    let help = match operator {
                        Operator::Equal => format!("write `in ${name}`, or the text itself"),
                        Operator::NotEqual => format!("write `not in ${name}`, or the text itself"),
                        _ => "write the value itself; variables stand only as parameters and behind `in`".into(),
                    };
                    return refuse(
                        Code::VariableNotAllowed,
                        operand.span,
                        format!("`{}` takes no variable", operator.as_str()),
                        &help,
                    );
                }
                Kind::Text
            }
            OperandValue::Date(_) => Kind::Date,
            OperandValue::Duration(_) => Kind::Duration,
            OperandValue::Size(_) => Kind::Size,
        };
        match kind {
            None => kind = Some(found),
            Some(first) if first == found => {}
            Some(first) => {
                let help = match (first, found) {
                    (Kind::Date, Kind::Text) | (Kind::Text, Kind::Date) => {
                        "a quoted text shaped like a date is a date; use `matches` for mixed lists of texts"
                    }
                    (Kind::Size, Kind::Number) | (Kind::Number, Kind::Size) => "give every size its unit",
                    (Kind::Duration, Kind::Number) | (Kind::Number, Kind::Duration) => "give every duration its unit",
                    _ => "use values of one kind, and NULL where needed",
                };
                return refuse(
                    Code::MixedList,
                    operand.span,
                    format!("{} and {} values in one condition", first.as_str(), found.as_str()),
                    help,
                );
            }
        }
    }
    let kind = kind.unwrap_or(Kind::Number);
    let span = operands.iter().map(|operand| operand.span).reduce(Span::to).unwrap_or_default();
    let pattern = matches!(operator, Operator::Matches | Operator::NotMatches);
    let ordered = matches!(
        operator,
        Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Between
            | Operator::NotBetween
    );
    if pattern && !matches!(operands, [Operand { value: OperandValue::Text(_), .. }]) {
        return refuse(
            Code::OperandKind,
            span,
            format!("`{}` takes one quoted pattern", operator.as_str()),
            "write `matches \"[a-z]+\"`",
        );
    }
    if ordered && kind == Kind::Text {
        let date_time = operands.iter().any(|operand| matches!(&operand.value, OperandValue::Text(text) if text.len() > 10 && crate::dqdl::token::is_date_shaped(&text.as_bytes()[..10])));
        let slashed = operands.iter().any(|operand| matches!(&operand.value, OperandValue::Text(text) if text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || b"/.-".contains(&byte)) && text.contains(['/', '.', '-'])));
        let help = if slashed {
            "dates are written \"yyyy-mm-dd\""
        } else if date_time {
            "date literals are calendar dates: \"2026-01-31\"; there are no date-time literals"
        } else {
            "numbers stand without quotes; strings can be compared with =, !=, in, matches"
        };
        return refuse(Code::OperandKind, span, format!("strings have no order for `{}`", operator.as_str()), help);
    }
    Ok(kind)
}
