//! The language as a whole: which documents are accepted, that printing loses
//! nothing, and that one run names every mistake.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use dq::check::Ruleset;
use dq::diagnostic::{Code, Severity};
use dq::dqdl::ast::{
    Arithmetic, ArithmeticOperator, Composite, Condition, Connective, DateOperand, Dictionary, Document, Kind, Labels,
    Name, Operand, OperandValue, Operator, Parameter, ParameterValue, Quantity, Rule, RuleNode, SizeUnit, Tag,
    TagValue, Text, TextOrList, TimeUnit, Variable,
};
use dq::dqdl::parse;
use dq::dqdl::parser::RESERVED;
use dq::rules::{BindOptions, Target};
use dq::span::Span;
use proptest::prelude::*;

fn ruleset(text: &str, target: Target) -> Ruleset {
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-21T10:20:30Z").expect("a time");
    Ruleset::parse(text, &BindOptions { now: now.to_utc(), target })
}

fn codes(text: &str) -> Vec<&'static str> {
    ruleset(text, Target::Dq).diagnostics().iter().map(|finding| finding.code).collect()
}

#[test]
fn documents_are_accepted_and_refused_as_decided() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dqdl/texts.jsonl")).expect("texts");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        let document = case["text"].as_str().expect("a text");
        let ruleset = ruleset(document, Target::Dq);
        seen += 1;
        if ruleset.has_errors() == case["accepted"].as_bool().expect("a decision") {
            wrong.push(format!(
                "{} accepted={} {document:?} ({})\n    {:?}",
                case["id"],
                case["accepted"],
                case["why"],
                ruleset.diagnostics()
            ));
        }
    }
    assert!(seen > 250, "texts are missing");
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn one_run_names_every_mistake() {
    let text = r#"
        limit = ["a"]
        Rules = [
            RowCuont > 5,
            Completeness "a" == 0.5,
            IsComplete 'b',
            ColumnValues "c" in ["x", 1],
            ColumnValues "d" matches "a(b",
            ColumnValues "e" > "2026-02-30",
            Completeness "f" "g" > 0.5,
            ColumnCount >= 10 where "x = 1",
            IsComplete $missing,
            (RowCount > 1) and,
            IsUnique "h" > 0.9,
            RowCount > 1e3,
        ]
        // no comment
        trailing text
    "#;
    let expected = [
        "rules::unused_variable",
        "rules::unknown_rule_type",
        "dqdl::double_equals",
        "dqdl::single_quotes",
        "dqdl::mixed_list",
        "rules::pattern",
        "rules::date",
        "rules::parameter_count",
        "rules::where_not_supported",
        "rules::unknown_variable",
        "dqdl::syntax",
        "rules::condition_kind",
        "dqdl::syntax",
        "dqdl::trailing_comma",
        "dqdl::slash_comment",
        "dqdl::text_after_document",
    ];
    assert_eq!(codes(text), expected);
}

#[test]
fn every_finding_points_into_the_source_and_says_what_to_do() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dqdl/texts.jsonl")).expect("texts");
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        let document = case["text"].as_str().expect("a text");
        for finding in ruleset(document, Target::Dq).diagnostics() {
            let range = finding.span.range();
            assert!(
                range.end <= document.len()
                    && document.is_char_boundary(range.start)
                    && document.is_char_boundary(range.end),
                "{document:?}: {finding:?}"
            );
            assert!(!finding.message.is_empty() && !finding.label.is_empty(), "{finding:?}");
        }
    }
}

#[test]
fn carets_stand_where_the_mistake_is() {
    let table = [
        (r#"Rules = [ ColumnValues "a" matches "x(y" ]"#, "rules::pattern", "("),
        ("Rules = [ RowCuont > 5 ]", "rules::unknown_rule_type", "RowCuont"),
        ("Rules = [ RowCount > 5, ]", "dqdl::trailing_comma", ","),
        (r#"Rules = [ IsComplete "a" where "b" labels = ["k" = "v", "k" = "w"] ]"#, "rules::label", "\"k\""),
        ("Rules = [ RowCount > 5 ColumnCount > 1 ]", "dqdl::missing_comma", "ColumnCount"),
        (r#"Rules = [ ColumnValues "t" > "2026-02-30" ]"#, "rules::date", "\"2026-02-30\""),
    ];
    for (text, code, place) in table {
        let ruleset = ruleset(text, Target::Dq);
        let finding = ruleset
            .diagnostics()
            .iter()
            .find(|finding| finding.code == code)
            .unwrap_or_else(|| panic!("{text}: no {code} in {:?}", ruleset.diagnostics()));
        assert_eq!(&text[finding.span.range()], place, "{text}");
        assert!(finding.help.is_some(), "{code} has no help");
    }
}

#[test]
fn extensions_are_refused_only_for_glue() {
    for name in ["Range", "InterquartileRange", "Skewness", "Kurtosis", "ZerosCount", "DuplicateRowCount"] {
        let text = format!("Rules = [ {name} \"a\" > 1 ]");
        assert!(!ruleset(&text, Target::Dq).has_errors(), "{name}");
        let glue = ruleset(&text, Target::Glue);
        assert_eq!(glue.diagnostics()[0].code, Code::Extension.as_str(), "{name}");
    }
}

#[test]
fn hostile_nesting_is_refused_and_not_followed() {
    let deep = 100_000;
    for text in [
        format!("Rules = [ {}RowCount > 1{} ]", "(".repeat(deep), ")".repeat(deep)),
        format!("Rules = [ RowCount > {}1{} ]", "(".repeat(deep), ")".repeat(deep)),
        format!("Rules = [ RowCount > {}1{} ]", "f(".repeat(deep), ")".repeat(deep)),
        format!("Rules = [ {}", "(".repeat(deep)),
    ] {
        assert_eq!(codes(&text), [Code::TooDeep.as_str()]);
    }
    assert!(codes(&format!("Rules = [ RowCount > {}1 ]", "1 + ".repeat(deep))).is_empty(), "chains are flat");
    let chain = vec!["(RowCount > 1)"; deep].join(" and ");
    assert!(codes(&format!("Rules = [ {chain} ]")).is_empty(), "chains of composites are flat");
    assert!(!codes(&"[".repeat(deep)).is_empty() && !codes(&"Rules = [ (".repeat(10_000)).is_empty());
}

#[test]
fn unused_and_confusing_parts_are_warnings() {
    let finding = |text: &str| {
        ruleset(text, Target::Dq)
            .diagnostics()
            .iter()
            .map(|finding| (finding.code, finding.severity))
            .collect::<Vec<_>>()
    };
    assert_eq!(finding("v = \"x\"\nRules = [ RowCount > 1 ]"), [("rules::unused_variable", Severity::Warning)]);
    assert_eq!(finding(r#"Rules = [ IsUnique "a" and IsComplete "b" ]"#), [("lint::connector_and", Severity::Warning)]);
    assert_eq!(
        finding(r#"Rules = [ ColumnValues "a" = "x" with ignorecase = "true" ]"#),
        [("rules::unknown_tag", Severity::Warning)]
    );
    assert_eq!(finding("Rules = [ RowCount > foo(last(3)) ]"), [("rules::unknown_function", Severity::Warning)]);
}

// Generated trees.

fn span() -> Span {
    Span::default()
}

fn raw_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\\\"".to_string()),
        Just("\\\\".to_string()),
        Just("\\d".to_string()),
        "[ a-zA-Z0-9_.#'\n,$\\[\\]()=é-]{0,6}"
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat()).prop_filter(
        "shaped like a date or time",
        |raw| {
            let bytes = raw.as_bytes();
            !dq::dqdl::token::is_date_shaped(bytes) && !dq::dqdl::token::is_time_shaped(bytes)
        },
    )
}

fn text() -> impl Strategy<Value = Text> {
    raw_text().prop_map(|raw| Text { raw, span: span() })
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_.]{0,8}".prop_filter("reserved", |word| {
        !RESERVED.contains(&word.as_str()) && !["threshold", "now", "true", "false"].contains(&word.as_str())
    })
}

fn number() -> impl Strategy<Value = String> {
    "-?[0-9]{1,5}(\\.[0-9]{1,3})?"
}

fn arithmetic() -> impl Strategy<Value = Arithmetic> {
    let leaf = prop_oneof![4 => number().prop_map(Arithmetic::Literal), 1 => word().prop_map(|text| Arithmetic::Call(Name { text, span: span() }, Vec::new()))];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let operator = prop_oneof![
            Just(ArithmeticOperator::Add),
            Just(ArithmeticOperator::Subtract),
            Just(ArithmeticOperator::Multiply),
            Just(ArithmeticOperator::Divide)
        ];
        let term = prop_oneof![
            number().prop_map(Arithmetic::Literal),
            inner.clone().prop_map(|inner| Arithmetic::Group(Box::new(inner))),
            (word(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(text, arguments)| Arithmetic::Call(Name { text, span: span() }, arguments)),
        ];
        prop_oneof![
            term.clone(),
            (term.clone(), prop::collection::vec((operator, term), 1..3))
                .prop_map(|(first, rest)| Arithmetic::Chain(Box::new(first), rest))
        ]
    })
}

fn operand(kind: Kind) -> BoxedStrategy<OperandValue> {
    let time_unit = || prop_oneof![Just(TimeUnit::Days), Just(TimeUnit::Hours), Just(TimeUnit::Minutes)];
    match kind {
        Kind::Number => arithmetic().prop_map(OperandValue::Number).boxed(),
        Kind::Text => prop_oneof![
            raw_text().prop_map(OperandValue::Text),
            Just(OperandValue::Empty),
            Just(OperandValue::WhitespacesOnly)
        ]
        .boxed(),
        Kind::Date => prop_oneof![
            "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(DateOperand::Date),
            "[0-9]{2}:[0-9]{2}".prop_map(DateOperand::Time),
            "[0-9]{1,2}:[0-9]{2} (AM|PM)".prop_map(DateOperand::Time),
            Just(DateOperand::Now),
            (any::<bool>(), "[0-9]{1,3}", time_unit())
                .prop_map(|(minus, amount, unit)| DateOperand::NowOffset { minus, amount: Quantity { amount, unit } })
        ]
        .prop_map(OperandValue::Date)
        .boxed(),
        Kind::Duration => ("[0-9]{1,4}", time_unit())
            .prop_map(|(amount, unit)| OperandValue::Duration(Quantity { amount, unit }))
            .boxed(),
        Kind::Size => {
            ("[0-9]{1,4}", prop_oneof![Just(SizeUnit::Bytes), Just(SizeUnit::Kilobytes), Just(SizeUnit::Terabytes)])
                .prop_map(|(amount, unit)| OperandValue::Size(Quantity { amount, unit }))
                .boxed()
        }
    }
}

fn condition(kind: Kind) -> BoxedStrategy<Condition> {
    let single = move |operators: Vec<Operator>| {
        (prop::sample::select(operators), operand(kind)).prop_map(|(operator, value)| (operator, vec![value])).boxed()
    };
    let mut shapes = vec![
        single(vec![Operator::Equal, Operator::NotEqual]),
        (
            prop::sample::select(vec![Operator::In, Operator::NotIn]),
            operand(kind),
            prop::collection::vec(prop_oneof![3 => operand(kind), 1 => Just(OperandValue::Null)], 0..4),
        )
            .prop_map(|(operator, first, rest)| (operator, std::iter::once(first).chain(rest).collect()))
            .boxed(),
    ];
    if kind == Kind::Text {
        shapes.push(
            (prop::sample::select(vec![Operator::Matches, Operator::NotMatches]), raw_text())
                .prop_map(|(operator, raw)| (operator, vec![OperandValue::Text(raw)]))
                .boxed(),
        );
        shapes.push(
            (prop::sample::select(vec![Operator::In, Operator::NotIn]), word())
                .prop_map(|(operator, name)| (operator, vec![OperandValue::Variable(name)]))
                .boxed(),
        );
    } else {
        shapes.push(single(vec![Operator::Greater, Operator::GreaterOrEqual, Operator::Less, Operator::LessOrEqual]));
        shapes.push(
            (prop::sample::select(vec![Operator::Between, Operator::NotBetween]), operand(kind), operand(kind))
                .prop_map(|(operator, low, high)| (operator, vec![low, high]))
                .boxed(),
        );
    }
    prop::strategy::Union::new(shapes)
        .prop_map(move |(operator, values): (Operator, Vec<OperandValue>)| {
            let operands = values.into_iter().map(|value| Operand { value, span: span() }).collect();
            Condition { operator, operands, kind, span: span() }
        })
        .boxed()
}

fn any_condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        condition(Kind::Number),
        condition(Kind::Text),
        condition(Kind::Date),
        condition(Kind::Duration),
        condition(Kind::Size)
    ]
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec((text(), text()), 1..3).prop_map(|labels| Labels { labels, span: span() })
}

fn parameter() -> impl Strategy<Value = Parameter> {
    let value = prop_oneof![
        raw_text().prop_map(ParameterValue::Quoted),
        word().prop_map(ParameterValue::Bare),
        word().prop_map(ParameterValue::Variable)
    ];
    (prop::option::of(prop::sample::select(vec!["of", "OF", "and", "AND"])), value)
        .prop_map(|(connector, value)| Parameter { connector: connector.map(str::to_string), value, span: span() })
}

fn tag(analyzer: bool) -> impl Strategy<Value = Tag> {
    let value = prop_oneof![
        text().prop_map(TagValue::Text),
        number().prop_map(TagValue::Number),
        any::<bool>().prop_map(move |value| if analyzer {
            TagValue::Boolean(value)
        } else {
            TagValue::Number("1".into())
        }),
        prop::collection::vec(text(), 1..3).prop_map(TagValue::List)
    ];
    (word().prop_filter("the threshold is no tag", |name| !name.eq_ignore_ascii_case("threshold")), value)
        .prop_map(|(text, value)| Tag { name: Name { text, span: span() }, value, span: span() })
}

fn rule() -> impl Strategy<Value = Rule> {
    let tail = (
        prop::option::of(text()),
        prop::option::of(condition(Kind::Number)),
        prop::collection::vec(tag(false), 0..3),
        prop::option::of(labels()),
    );
    (word(), prop::collection::vec(parameter(), 0..3), prop::option::of(any_condition()), tail).prop_map(
        |(type_name, parameters, condition, (filter, threshold, tags, labels))| Rule {
            type_name: Name { text: type_name, span: span() },
            parameters,
            condition,
            filter,
            threshold,
            tags,
            labels,
            span: span(),
        },
    )
}

fn node() -> impl Strategy<Value = RuleNode> {
    rule().prop_map(|rule| RuleNode::Rule(Box::new(rule))).prop_recursive(3, 12, 3, |inner| {
        (any::<bool>(), prop::collection::vec(inner, 2..4), prop::option::of(labels())).prop_map(
            |(and, operands, labels)| {
                let connective = if and { Connective::And } else { Connective::Or };
                // Runs of one connective are flat, as the parser makes them.
                let operands = operands
                    .into_iter()
                    .flat_map(|operand| match operand {
                        RuleNode::Composite(inner) if inner.connective == connective && inner.labels.is_none() => {
                            inner.operands
                        }
                        other => vec![other],
                    })
                    .collect();
                RuleNode::Composite(Composite { connective, operands, labels, span: span() })
            },
        )
    })
}

fn document() -> impl Strategy<Value = Document> {
    let value = prop_oneof![
        text().prop_map(TextOrList::Text),
        prop::collection::vec(text(), 1..3).prop_map(|texts| TextOrList::List(texts, span()))
    ]
    .boxed();
    let dictionary = prop::collection::vec((text(), value.clone()), 0..3)
        .prop_map(|entries| Dictionary { entries, span: span() })
        .boxed();
    let variables = prop::collection::vec((word(), value), 0..3).prop_map(|variables| {
        variables
            .into_iter()
            .map(|(text, value)| Variable { name: Name { text, span: span() }, value })
            .collect::<Vec<_>>()
    });
    let analyzer = (word(), prop::collection::vec(parameter(), 0..2), prop::collection::vec(tag(true), 0..2)).prop_map(
        |(text, parameters, tags)| Rule {
            type_name: Name { text, span: span() },
            parameters,
            condition: None,
            filter: None,
            threshold: None,
            tags,
            labels: None,
            span: span(),
        },
    );
    let sections = (prop::collection::vec(node(), 1..4), prop::option::of(prop::collection::vec(analyzer, 0..3)));
    (
        prop::option::of(dictionary.clone()),
        prop::option::of(dictionary),
        variables,
        prop::option::of(labels()),
        sections,
    )
        .prop_map(|(metadata, data_sources, variables, default_labels, (rules, analyzers))| Document {
            metadata,
            data_sources,
            variables,
            default_labels,
            rules: Some(rules),
            analyzers,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn parsing_what_was_printed_gives_the_same_tree(document in document()) {
        // A variable called like a section would be read as one.
        prop_assume!(document.variables.iter().all(|variable| !["rules", "analyzers", "metadata", "datasources", "defaultlabels"].contains(&variable.name.text.to_lowercase().as_str())));
        let printed = document.to_string();
        let parsed = parse(&printed);
        prop_assert!(!parsed.has_errors(), "{printed}\n{:?}", parsed.diagnostics);
        prop_assert_eq!(&parsed.document, &document, "{}", printed);
        prop_assert_eq!(parsed.document.to_string(), printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(Rules = \\[ )?[a-zA-Z0-9 \"'\\\\\\[\\](){},=<>!$#/.+*-]{0,60}( \\])?") {
        let ruleset = ruleset(&text, Target::Glue);
        for finding in ruleset.diagnostics() {
            prop_assert!(finding.span.range().end <= text.len());
        }
    }
}
