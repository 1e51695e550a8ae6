//! The canonical text of a tree, as Glue prints rules in its results: single
//! blanks, lists joined by a bare comma, `AND`/`OR` in upper case, numbers and
//! strings as spelled, labels last. Parsing the text gives the same tree.

use super::ast::{
    Arithmetic, Composite, Condition, DateOperand, Dictionary, Document, Labels, Operand, OperandValue, Operator,
    Parameter, ParameterValue, Rule, RuleNode, Tag, TagValue, Text, TextOrList,
};
use std::fmt::{Display, Formatter, Result, Write};

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "\"{}\"", self.raw)
    }
}

/// Writes `items` with `separator` between them.
fn joined<T: Display>(f: &mut Formatter<'_>, items: impl IntoIterator<Item = T>, separator: &str) -> Result {
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

impl Display for TextOrList {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            TextOrList::Text(text) => write!(f, "{text}"),
            TextOrList::List(texts, _) => bracketed(f, texts),
        }
    }
}

fn bracketed<T: Display>(f: &mut Formatter<'_>, items: impl IntoIterator<Item = T>) -> Result {
    f.write_char('[')?;
    joined(f, items, ",")?;
    f.write_char(']')
}

impl Display for Dictionary {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("{ ")?;
        joined(f, self.entries.iter().map(|(key, value)| format!("{key}: {value}")), ", ")?;
        f.write_str(" }")
    }
}

impl Display for Labels {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('[')?;
        joined(f, self.labels.iter().map(|(key, value)| format!("{key}={value}")), ", ")?;
        f.write_char(']')
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(metadata) = &self.metadata {
            writeln!(f, "Metadata = {metadata}")?;
        }
        if let Some(data_sources) = &self.data_sources {
            writeln!(f, "DataSources = {data_sources}")?;
        }
        for variable in &self.variables {
            writeln!(f, "{} = {}", variable.name.text, variable.value)?;
        }
        if let Some(labels) = &self.default_labels {
            writeln!(f, "DefaultLabels = {labels}")?;
        }
        if let Some(rules) = &self.rules {
            section(f, "Rules", rules)?;
        }
        if let Some(analyzers) = &self.analyzers {
            section(f, "Analyzers", analyzers)?;
        }
        Ok(())
    }
}

fn section<T: Display>(f: &mut Formatter<'_>, name: &str, items: &[T]) -> Result {
    if items.is_empty() {
        return writeln!(f, "{name} = []");
    }
    write!(f, "{name} = [\n    ")?;
    joined(f, items, ",\n    ")?;
    f.write_str("\n]\n")
}

impl Display for RuleNode {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            RuleNode::Rule(rule) => write!(f, "{rule}"),
            RuleNode::Composite(composite) => write!(f, "{composite}"),
        }
    }
}

impl Display for Composite {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.labels.is_some() {
            f.write_char('(')?;
        }
        for (position, operand) in self.operands.iter().enumerate() {
            if position > 0 {
                write!(f, " {} ", self.connective.as_str())?;
            }
            write!(f, "({operand})")?;
        }
        match &self.labels {
            Some(labels) => write!(f, ") labels={labels}"),
            None => Ok(()),
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.type_name.text)?;
        for parameter in &self.parameters {
            write!(f, " {parameter}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " {condition}")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        if let Some(threshold) = &self.threshold {
            write!(f, " with threshold {threshold}")?;
        }
        for tag in &self.tags {
            write!(f, " {tag}")?;
        }
        match &self.labels {
            Some(labels) => write!(f, " labels={labels}"),
            None => Ok(()),
        }
    }
}

impl Display for Parameter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(connector) = &self.connector {
            write!(f, "{connector} ")?;
        }
        match &self.value {
            ParameterValue::Quoted(text) => write!(f, "\"{text}\""),
            ParameterValue::Bare(text) => f.write_str(text),
            ParameterValue::Variable(name) => write!(f, "${name}"),
        }
    }
}

impl Display for Tag {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "with {} = ", self.name.text)?;
        match &self.value {
            TagValue::Text(text) => write!(f, "{text}"),
            TagValue::Number(number) => f.write_str(number),
            TagValue::Boolean(value) => write!(f, "{value}"),
            TagValue::List(texts) => bracketed(f, texts),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} ", self.operator.as_str())?;
        match (self.operator, self.operands.as_slice()) {
            (Operator::Between | Operator::NotBetween, [low, high]) => write!(f, "{low} and {high}"),
            (Operator::In | Operator::NotIn, [Operand { value: OperandValue::Variable(name), .. }]) => {
                write!(f, "${name}")
            }
            (Operator::In | Operator::NotIn, operands) => bracketed(f, operands),
            (_, operands) => joined(f, operands, ","),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.value {
            OperandValue::Number(expression) => write!(f, "{expression}"),
            OperandValue::Text(text) => write!(f, "\"{text}\""),
            OperandValue::Null => f.write_str("NULL"),
            OperandValue::Empty => f.write_str("EMPTY"),
            OperandValue::WhitespacesOnly => f.write_str("WHITESPACES_ONLY"),
            OperandValue::Date(date) => write!(f, "{date}"),
            OperandValue::Duration(duration) => write!(f, "{} {}", duration.amount, duration.unit.as_str()),
            OperandValue::Size(size) => write!(f, "{} {}", size.amount, size.unit.as_str()),
            OperandValue::Variable(name) => write!(f, "${name}"),
        }
    }
}

impl Display for DateOperand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            DateOperand::Date(text) | DateOperand::Time(text) => write!(f, "\"{text}\""),
            DateOperand::Now => f.write_str("now()"),
            DateOperand::NowOffset { minus, amount } => {
                write!(f, "(now() {} {} {})", if *minus { '-' } else { '+' }, amount.amount, amount.unit.as_str())
            }
        }
    }
}

impl Display for Arithmetic {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Arithmetic::Literal(text) => f.write_str(text),
            Arithmetic::Null => f.write_str("NULL"),
            Arithmetic::Call(name, arguments) => {
                write!(f, "{}(", name.text)?;
                joined(f, arguments, ",")?;
                f.write_char(')')
            }
            Arithmetic::Group(inner) => write!(f, "({inner})"),
            Arithmetic::Chain(first, rest) => {
                write!(f, "{first}")?;
                for (operator, operand) in rest {
                    write!(f, " {} {operand}", operator.as_str())?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dqdl::parse;

    /// The canonical text of the only rule in `Rules = [ source ]`.
    fn canonical(source: &str) -> String {
        let parsed = parse(&format!("Rules = [ {source} ]"));
        assert!(parsed.diagnostics.is_empty(), "{source}: {:?}", parsed.diagnostics);
        parsed.document.rules.expect("rules")[0].to_string()
    }

    #[test]
    fn rules_print_as_glue_prints_them() {
        let table = [
            ("RowCount   between 5  AND 10", "RowCount between 5 and 10"),
            ("Completeness of phone >= 0.80", "Completeness of phone >= 0.80"),
            (r#"ColumnValues "a" in [ "x", "y" , NULL ]"#, r#"ColumnValues "a" in ["x","y",NULL]"#),
            (r#"ColumnValues "a" ! = null"#, r#"ColumnValues "a" != NULL"#),
            ("RowCount > - 5+2 *3", "RowCount > -5 + 2 * 3"),
            ("RowCount > avg( last( 5 ) )", "RowCount > avg(last(5))"),
            ("RowCount > index(last(4),1)", "RowCount > index(last(4),1)"),
            (r#"ColumnValues "t" > (now()-3 days)"#, r#"ColumnValues "t" > (now() - 3 days)"#),
            (
                r#"ColumnValues "t" > 1 with threshold>0.9 labels=["a"="b","c"="d"]"#,
                r#"ColumnValues "t" > 1 with threshold > 0.9 labels=["a"="b", "c"="d"]"#,
            ),
            (
                "((RowCount > 1) and (ColumnCount > 1)) and (RowCount < 9)",
                "(RowCount > 1) AND (ColumnCount > 1) AND (RowCount < 9)",
            ),
            (
                "RowCount > 1 or ColumnCount > 2 and ColumnCount < 9",
                "(RowCount > 1) OR ((ColumnCount > 2) AND (ColumnCount < 9))",
            ),
            (
                r#"((RowCount > 1) or (ColumnCount > 1)) labels=["a"="b"]"#,
                r#"((RowCount > 1) OR (ColumnCount > 1)) labels=["a"="b"]"#,
            ),
        ];
        for (source, expected) in table {
            assert_eq!(canonical(source), expected);
            assert_eq!(canonical(expected), expected, "printing is idempotent");
        }
    }
}
