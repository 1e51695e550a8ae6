//! Composites, rules, labels, tags and analyzers.

use super::condition::{condition, number_text};
use super::document::{text_list, type_name};
use super::input::{Outcome, Tokens, bracketed, keyword, name, sign, text, token};
use super::{deeper, leave};
use crate::diagnostic::{Code, Diagnostic};
use crate::dqdl::ast::{
    Composite, Condition, Connective, Kind, Labels, Name, Parameter, ParameterValue, Rule, RuleNode, Tag, TagValue,
};
use crate::dqdl::syntax_error::SyntaxError;
use crate::dqdl::token::TokenKind;
use crate::span::Span;
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, map, opt};
use nom::multi::many0;

/// `and` binds tighter than `or`; both join from the left.
pub fn node(input: Tokens<'_>) -> Outcome<'_, RuleNode> {
    chain(input, Connective::Or, |input| chain(input, Connective::And, primary))
}

fn chain<'a>(
    input: Tokens<'a>,
    connective: Connective,
    operand: impl Fn(Tokens<'a>) -> Outcome<'a, RuleNode>,
) -> Outcome<'a, RuleNode> {
    let spellings: &'static [&'static str] = match connective {
        Connective::And => &["and", "AND"],
        Connective::Or => &["or", "OR"],
    };
    let (mut rest, first) = operand(input)?;
    let mut operands = vec![first];
    while let Ok((after, _)) = keyword(spellings, "`and`")(rest) {
        let (after, next) = cut(&operand).parse(after)?;
        operands.push(next);
        rest = after;
    }
    Ok((rest, join(connective, operands, input.span_to(rest))))
}

/// Flattens runs of one connective; a labelled composite stays whole.
fn join(connective: Connective, operands: Vec<RuleNode>, span: Span) -> RuleNode {
    let mut flat = Vec::with_capacity(operands.len());
    for operand in operands {
        match operand {
            RuleNode::Composite(inner) if inner.connective == connective && inner.labels.is_none() => {
                flat.extend(inner.operands)
            }
            other => flat.push(other),
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => RuleNode::Composite(Composite { connective, operands: flat, labels: None, span }),
    }
}

fn primary(input: Tokens<'_>) -> Outcome<'_, RuleNode> {
    if input.kind(0) != Some(TokenKind::OpenParenthesis) {
        return map(rule, |rule| RuleNode::Rule(Box::new(rule))).parse(input);
    }
    let inner = deeper(input.skip(1), input.span())?;
    let (rest, mut node) = leave(cut(node).parse(inner), input.depth)?;
    let (rest, ()) = cut(sign(TokenKind::CloseParenthesis, "`)`")).parse(rest)?;
    let (rest, labels) = opt(labels).parse(rest)?;
    if labels.is_some() {
        match &mut node {
            RuleNode::Rule(rule) => rule.labels = labels,
            RuleNode::Composite(composite) => composite.labels = labels,
        }
    }
    Ok((rest, node))
}

fn rule(input: Tokens<'_>) -> Outcome<'_, Rule> {
    if let Some(TokenKind::Word("not")) = input.kind(0) {
        let finding = Diagnostic::error(Code::Syntax, input.span(), "there is no `not` for whole rules")
            .help("turn the condition around: `!=`, `not in`, `<=` ...");
        return Err(nom::Err::Failure(SyntaxError::finding(input, finding)));
    }
    if let Some(TokenKind::Text(_)) = input.kind(0) {
        let finding = Diagnostic::error(Code::Syntax, input.span(), "expected a rule type, found a string")
            .help("a rule starts with its type; parameters of one rule are not separated by commas");
        return Err(nom::Err::Failure(SyntaxError::finding(input, finding)));
    }
    let (rest, type_name) = type_name(input)?;
    let (rest, parameters) = many0(parameter).parse(rest)?;
    let (rest, condition) = opt(condition).parse(rest)?;
    let (rest, filter) = opt(filter).parse(rest)?;
    let mut rule = Rule {
        type_name,
        parameters,
        condition,
        filter,
        threshold: None,
        tags: Vec::new(),
        labels: None,
        span: Span::default(),
    };
    let mut rest = rest;
    loop {
        rest = match rest.kind(0) {
            Some(TokenKind::Word("with")) => tag(rest, &mut rule, Section::Rules)?,
            Some(TokenKind::Word("labels")) => {
                if rule.labels.is_some() {
                    let finding = Diagnostic::error(Code::Label, rest.span(), "labels are given twice")
                        .help("put all labels into one list");
                    return Err(nom::Err::Failure(SyntaxError::finding(rest, finding)));
                }
                let (after, labels) = labels(rest)?;
                rule.labels = Some(labels);
                after
            }
            _ => break,
        };
    }
    rule.span = input.span_to(rest);
    Ok((rest, rule))
}

/// A parameter, after any connector words. A connector with nothing behind it is none of ours.
fn parameter(input: Tokens<'_>) -> Outcome<'_, Parameter> {
    let (rest, connector) = opt(keyword(&["of", "OF", "and", "AND"], "a parameter")).parse(input)?;
    let span = rest.span();
    let (rest, value) = parameter_value(rest)?;
    Ok((rest, Parameter { connector: connector.map(str::to_string), value, span }))
}

fn parameter_value(input: Tokens<'_>) -> Outcome<'_, ParameterValue> {
    let quoted = map(text, |text| ParameterValue::Quoted(text.raw));
    let bare = map(name("a parameter"), |word: &str| ParameterValue::Bare(word.to_string()));
    let variable = token("a parameter", |kind| {
        if let TokenKind::Variable(name) = kind { Some(ParameterValue::Variable(name.to_string())) } else { None }
    });
    alt((quoted, bare, variable)).parse(input)
}

fn filter(input: Tokens<'_>) -> Outcome<'_, crate::dqdl::ast::Text> {
    let (rest, _) = keyword(&["where"], "`where`")(input)?;
    if let Some(TokenKind::Variable(_)) = rest.kind(0) {
        let finding = Diagnostic::error(
            Code::VariableNotAllowed,
            rest.span(),
            "`where` takes a quoted predicate, not a variable",
        )
        .help("write the predicate itself: where \"amount > 0\"");
        return Err(nom::Err::Failure(SyntaxError::finding(rest, finding)));
    }
    cut(text).parse(rest)
}

/// `labels = [ ... ]`
fn labels(input: Tokens<'_>) -> Outcome<'_, Labels> {
    let (rest, _) = keyword(&["labels"], "`labels`")(input)?;
    let (rest, ()) = cut(sign(TokenKind::Equals, "`=`")).parse(rest)?;
    cut(label_list).parse(rest)
}

/// `[ "key" = "value", ... ]`
pub fn label_list(input: Tokens<'_>) -> Outcome<'_, Labels> {
    let label = |input| {
        let (rest, key) = text(input)?;
        let (rest, ()) = cut(sign(TokenKind::Equals, "`=`")).parse(rest)?;
        let (rest, value) = cut(text).parse(rest)?;
        Ok((rest, (key, value)))
    };
    let (rest, labels) = bracketed("one label", label)(input)?;
    Ok((rest, Labels { labels, span: input.span_to(rest) }))
}

/// Only options of analyzers can be bare `true` and `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Rules,
    Analyzers,
}

/// `with name = value`, or `with threshold <number condition>`.
fn tag<'a>(input: Tokens<'a>, rule: &mut Rule, section: Section) -> Result<Tokens<'a>, nom::Err<SyntaxError>> {
    let (rest, _) = keyword(&["with"], "`with`")(input)?;
    let span = rest.span();
    let (rest, tag_name) = cut(name("the name of a tag")).parse(rest)?;
    if tag_name.eq_ignore_ascii_case("threshold") {
        let (after, threshold) = cut(threshold).parse(rest)?;
        if rule.threshold.is_some() {
            let finding = Diagnostic::error(Code::Threshold, span.to(threshold.span), "a second threshold")
                .help("a rule has one threshold");
            return Err(nom::Err::Failure(SyntaxError::finding(rest, finding)));
        }
        rule.threshold = Some(threshold);
        return Ok(after);
    }
    let (after, value) = option_value(rest, section)?;
    rule.tags.push(Tag { name: Name { text: tag_name.to_string(), span }, value, span: span.to(rest.span_to(after)) });
    Ok(after)
}

fn threshold(input: Tokens<'_>) -> Outcome<'_, Condition> {
    let (rest, threshold) = condition(input)?;
    if threshold.kind == Kind::Number {
        return Ok((rest, threshold));
    }
    let finding = Diagnostic::error(Code::Threshold, threshold.span, "a threshold is compared with a number")
        .help("write the number without quotes: `with threshold > 0.9`; the public parser would silently impose no threshold here");
    Err(nom::Err::Failure(SyntaxError::finding(input, finding)))
}

/// `= value` of a tag or option.
fn option_value(input: Tokens<'_>, section: Section) -> Outcome<'_, TagValue> {
    if !matches!(input.kind(0), Some(TokenKind::Equals)) {
        let finding = Diagnostic::error(
            Code::TagValue,
            input.span(),
            "only a threshold can be compared; other tags are set with `=`",
        )
        .help("write `with name = \"value\"`");
        return Err(nom::Err::Failure(SyntaxError::finding(input, finding)));
    }
    let words: &'static [&'static str] = if section == Section::Analyzers { &["true", "false"] } else { &[] };
    let boolean = map(keyword(words, "a quoted value"), |word| TagValue::Boolean(word == "true"));
    let value =
        alt((map(text, TagValue::Text), map(text_list, TagValue::List), boolean, map(number_text, TagValue::Number)));
    cut(value).parse(input.skip(1))
}

/// `Type parameters with option = value, option = value`
pub fn analyzer(input: Tokens<'_>) -> Outcome<'_, Rule> {
    let (rest, type_name) = type_name(input)?;
    let (mut rest, parameters) = many0(parameter).parse(rest)?;
    if let Ok((after, unexpected)) = condition(rest) {
        let finding = Diagnostic::error(Code::ConditionKind, unexpected.span, "analyzers take no condition")
            .help("put the condition into a rule of the Rules section");
        return Err(nom::Err::Failure(SyntaxError::finding(after, finding)));
    }
    let mut analyzer = Rule {
        type_name,
        parameters,
        condition: None,
        filter: None,
        threshold: None,
        tags: Vec::new(),
        labels: None,
        span: Span::default(),
    };
    if let Some(TokenKind::Word(word @ ("where" | "labels"))) = rest.kind(0) {
        let finding = Diagnostic::error(Code::WrongSection, rest.span(), format!("analyzers take no `{word}`"));
        return Err(nom::Err::Failure(SyntaxError::finding(rest, finding)));
    }
    while let Some(TokenKind::Word("with")) = rest.kind(0) {
        rest = tag(rest, &mut analyzer, Section::Analyzers)?;
        while let (Some(TokenKind::Comma), Some(TokenKind::Word(option)), Some(TokenKind::Equals)) =
            (rest.kind(0), rest.kind(1), rest.kind(2))
        {
            let span = rest.skip(1).span();
            let (after, value) = option_value(rest.skip(2), Section::Analyzers)?;
            analyzer.tags.push(Tag {
                name: Name { text: option.to_string(), span },
                value,
                span: span.to(rest.span_to(after)),
            });
            rest = after;
        }
    }
    analyzer.span = input.span_to(rest);
    Ok((rest, analyzer))
}
