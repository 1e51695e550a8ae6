//! Rules judged row by row, in the plainest way: no metrics, no intervals, no bitmaps. Only the
//! syntax tree is the engine's.

use crate::casts::{castable, iso_day};
use crate::table::{Table, Value};
use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use dq::dqdl::ast::{
    Arithmetic, Condition, Connective, DateOperand, Operand, OperandValue, Operator, ParameterValue, Quantity, Rule,
    RuleNode, TagValue, TimeUnit,
};
use regex::Regex;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// What a rule says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Pass,
    Fail,
    /// Left out by the filter.
    Skip,
    /// The rule cannot be evaluated.
    Unknown,
}

/// The values of a row's key; `None` where all are NULL.
pub type Key = Option<Vec<String>>;

/// Queries that give rows: each has a column that tells rows apart, so they are those where a column is at least a
/// number.
const QUERIES: &[(&str, &str, i128)] = &[
    ("select * from primary where age > 20", "age", 21),
    ("select customer_id from primary where age_full >= 18", "age_full", 18),
    ("select customer_id from primary where age_full > 40", "age_full", 41),
];

/// All that rules are judged with.
pub struct Model<'a> {
    pub primary: &'a Table,
    pub references: &'a HashMap<String, Table>,
    /// A whole minute.
    pub now: DateTime<Utc>,
}

/// Whether the model can judge the rule: its pattern, filter, query and operands are those it knows.
pub fn knows(rule: &Rule) -> bool {
    let mut operands = rule.condition.iter().flat_map(|condition| &condition.operands);
    let known_operand = |operand: &Operand| match &operand.value {
        OperandValue::Text(text) if is_pattern(rule) => Regex::new(&anchored(text)).is_ok(),
        OperandValue::Text(text) => !text.contains('\\'),
        OperandValue::Number(Arithmetic::Literal(_)) | OperandValue::Null | OperandValue::Empty => true,
        OperandValue::Date(DateOperand::Time(_)) => false,
        OperandValue::WhitespacesOnly | OperandValue::Date(_) | OperandValue::Duration(_) => true,
        _ => false,
    };
    let variable = rule.parameters.iter().any(|parameter| matches!(parameter.value, ParameterValue::Variable(_)));
    let query = rule.type_name.text == "CustomSql";
    !variable
        && operands.all(known_operand)
        && rule.filter.as_ref().is_none_or(|filter| FILTERS.iter().any(|(text, _)| *text == filter.raw))
        && (!query || QUERIES.iter().any(|(text, _, _)| *text == parameter(rule, 0)))
}

/// A filter by hand: whether it selects a row, given the country and the age.
type Selects = fn(&Value, &Value) -> bool;

const FILTERS: &[(&str, Selects)] = &[
    ("country = 'US'", |country, _| *country == Value::Text("US".into())),
    ("country = 'ZZ'", |country, _| *country == Value::Text("ZZ".into())),
    ("age > 30", |_, age| matches!(age, Value::Integer(age) if *age > 30)),
];

fn is_pattern(rule: &Rule) -> bool {
    let operator = rule.condition.as_ref().map(|condition| condition.operator);
    matches!(operator, Some(Operator::Matches | Operator::NotMatches))
}

fn anchored(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

pub fn parameter(rule: &Rule, position: usize) -> &str {
    match &rule.parameters[position].value {
        ParameterValue::Quoted(text) | ParameterValue::Bare(text) => text,
        ParameterValue::Variable(name) => panic!("the model knows no variables, not ${name}"),
    }
}

fn is_uniqueness(rule: &Rule) -> bool {
    let types = ["IsUnique", "Uniqueness", "UniqueValueRatio", "DuplicateRowCount", "IsPrimaryKey"];
    types.contains(&rule.type_name.text.as_str())
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

impl Model<'_> {
    /// What a rule says of every row; `None` if it cannot be evaluated. Rows that the filter leaves out pass, or
    /// are skipped.
    pub fn rule(&self, rule: &Rule, skip_filtered: bool) -> Option<Vec<Row>> {
        let selected = self.selected(rule);
        let passing = self.passing(rule, &selected)?;
        let left_out = if skip_filtered { Row::Skip } else { Row::Pass };
        let judged = passing.into_iter().zip(selected).map(|(passes, selected)| match (selected, passes) {
            (false, _) => left_out,
            (true, true) => Row::Pass,
            (true, false) => Row::Fail,
        });
        Some(judged.collect())
    }

    /// The same of a composite: rows are joined one by one, what is unknown stays unknown unless the rest decides.
    pub fn node(&self, node: &RuleNode, skip_filtered: bool) -> Vec<Row> {
        let rows = self.primary.rows.len();
        match node {
            RuleNode::Rule(rule) => self.rule(rule, skip_filtered).unwrap_or_else(|| vec![Row::Unknown; rows]),
            RuleNode::Composite(composite) => {
                let operands: Vec<_> =
                    composite.operands.iter().map(|operand| self.node(operand, skip_filtered)).collect();
                let row = |row: usize| joined(composite.connective, operands.iter().map(|operand| operand[row]));
                (0..rows).map(row).collect()
            }
        }
    }

    /// Failing rows from 1, in the order samples show them: rows with equal keys stand together, with the number of
    /// their group, where they must differ.
    pub fn failing(&self, rule: &Rule, rows: &[Row]) -> Vec<(u64, Option<usize>)> {
        let failing = (0..rows.len()).filter(|row| rows[*row] == Row::Fail);
        if !is_uniqueness(rule) {
            return failing.map(|row| (row as u64 + 1, None)).collect();
        }
        let keys = self.keys(&self.key_columns(rule).expect("columns of a rule that fails"));
        let mut groups: Vec<(&Key, Vec<u64>)> = Vec::new();
        for row in failing {
            let key = &keys[row];
            match groups.iter_mut().find(|(own, _)| key.is_some() && *own == key) {
                Some((_, rows)) => rows.push(row as u64 + 1),
                None => groups.push((key, vec![row as u64 + 1])),
            }
        }
        let mut shown = Vec::new();
        let mut number = 0;
        for (key, rows) in groups {
            let group = key.is_some().then_some(number);
            number += usize::from(key.is_some());
            shown.extend(rows.into_iter().map(|row| (row, group)));
        }
        shown
    }

    fn selected(&self, rule: &Rule) -> Vec<bool> {
        let Some(filter) = &rule.filter else { return vec![true; self.primary.rows.len()] };
        let (_, selects) = FILTERS.iter().find(|(text, _)| *text == filter.raw).expect("a filter that is known");
        let [country, age] = ["country", "age"].map(|name| self.primary.column(name).expect("customers"));
        self.primary.rows.iter().map(|row| selects(&row[country], &row[age])).collect()
    }

    fn passing(&self, rule: &Rule, selected: &[bool]) -> Option<Vec<bool>> {
        match rule.type_name.text.as_str() {
            "IsComplete" | "Completeness" => Some(self.each(self.column(rule)?, |value| !value.is_null())),
            "ColumnValues" => self.column_values(rule),
            "ColumnLength" => self.column_length(rule),
            "ColumnDataType" => self.column_data_type(rule),
            "DataFreshness" => self.data_freshness(rule),
            "ReferentialIntegrity" => self.referential_integrity(rule),
            "DatasetMatch" => self.dataset_match(rule),
            "CustomSql" => Some(self.query(parameter(rule, 0))),
            _ if is_uniqueness(rule) => self.unique(rule, selected),
            other => panic!("the model knows no {other}"),
        }
    }

    fn column(&self, rule: &Rule) -> Option<usize> {
        self.primary.column(parameter(rule, 0))
    }

    fn each(&self, column: usize, test: impl Fn(&Value) -> bool) -> Vec<bool> {
        self.primary.rows.iter().map(|row| test(&row[column])).collect()
    }

    fn column_values(&self, rule: &Rule) -> Option<Vec<bool>> {
        let column = self.column(rule)?;
        let data_type = &self.primary.columns[column].1;
        let condition = rule.condition.as_ref().expect("a condition");
        let operator = condition.operator;
        let (nulls, operands): (Vec<_>, Vec<_>) =
            condition.operands.iter().map(|operand| &operand.value).partition(|value| is_null_operand(value));
        if !operands.iter().all(|operand| is_comparable(operand, data_type)) {
            return None;
        }
        let pattern = is_pattern(rule).then(|| pattern(condition));
        Some(self.each(column, |value| match (value, &pattern) {
            (Value::Null, _) => null_holds(operator, !nulls.is_empty()),
            (Value::Text(text), Some(pattern)) => pattern.is_match(text) == (operator == Operator::Matches),
            _ => self.value_holds(value, operator, &operands),
        }))
    }

    /// Whether a value satisfies; a text that is no date satisfies no question about dates.
    fn value_holds(&self, value: &Value, operator: Operator, operands: &[&OperandValue]) -> bool {
        let readable = match (value, operands) {
            (Value::Text(text), [OperandValue::Date(_), ..]) => iso_day(text).is_some(),
            _ => true,
        };
        let compared: Vec<_> = operands.iter().map(|operand| self.compared(value, operand)).collect();
        readable && holds(operator, &compared)
    }

    fn compared(&self, value: &Value, operand: &OperandValue) -> Option<Ordering> {
        match (value, operand) {
            (_, OperandValue::Number(Arithmetic::Literal(literal))) => compared_numbers(value, literal),
            (Value::Text(text), OperandValue::Text(other)) => Some(text.as_str().cmp(other.as_str())),
            (Value::Text(text), OperandValue::Empty) => Some(text.as_str().cmp("")),
            (Value::Text(text), OperandValue::WhitespacesOnly) => {
                (!text.is_empty() && text.chars().all(char::is_whitespace)).then_some(Ordering::Equal)
            }
            (Value::Date(day), OperandValue::Date(point)) => Some(i64::from(*day).cmp(&self.day(point))),
            (Value::Text(text), OperandValue::Date(point)) => Some(i64::from(iso_day(text)?).cmp(&self.day(point))),
            (Value::Timestamp(micros), OperandValue::Date(point @ DateOperand::Date(_))) => {
                Some(micros.div_euclid(DAY).cmp(&self.day(point)))
            }
            (Value::Timestamp(micros), OperandValue::Date(point)) => Some(micros.cmp(&self.instant(point))),
            _ => None,
        }
    }

    /// The day of a point in time, in UTC.
    fn day(&self, point: &DateOperand) -> i64 {
        match point {
            DateOperand::Date(text) => i64::from(iso_day(text).expect("a date")),
            other => self.instant(other).div_euclid(DAY),
        }
    }

    fn instant(&self, point: &DateOperand) -> i64 {
        let now = self.now.timestamp_micros();
        assert_eq!(now % 60_000_000, 0, "now() is cut to the minute");
        match point {
            DateOperand::Now => now,
            DateOperand::NowOffset { minus: true, amount } => now - micros(amount),
            DateOperand::NowOffset { minus: false, amount } => now + micros(amount),
            other => panic!("{other:?} is no instant"),
        }
    }

    fn column_length(&self, rule: &Rule) -> Option<Vec<bool>> {
        let column = self.column(rule)?;
        if self.primary.columns[column].1 != DataType::Utf8 {
            return None;
        }
        let condition = rule.condition.as_ref().expect("a condition");
        let operands: Vec<_> = condition.operands.iter().map(|operand| &operand.value).collect();
        Some(self.each(column, |value| {
            let length = if let Value::Text(text) = value { text.chars().count() } else { 0 };
            self.value_holds(&Value::Integer(length as i128), condition.operator, &operands)
        }))
    }

    fn column_data_type(&self, rule: &Rule) -> Option<Vec<bool>> {
        let column = self.column(rule)?;
        let data_type = &self.primary.columns[column].1;
        let condition = rule.condition.as_ref().expect("a condition");
        let [Operand { value: OperandValue::Text(target), .. }] = condition.operands.as_slice() else {
            panic!("{condition:?} names no type");
        };
        let target = target.to_uppercase();
        let format = rule.tags.iter().find(|tag| tag.name.text == "format").map(|tag| match &tag.value {
            TagValue::Text(text) => text.raw.as_str(),
            other => panic!("{other:?} is no layout"),
        });
        let unheard_of = is_number(data_type) || *data_type == DataType::Boolean;
        if target == "DATE" && (unheard_of || format.is_some() && *data_type != DataType::Utf8) {
            return None;
        }
        let member = condition.operator == Operator::Equal;
        Some(self.each(column, |value| castable(value, &target, format) == member))
    }

    /// Values in the future have a negative age; what is no point in time satisfies nothing.
    fn data_freshness(&self, rule: &Rule) -> Option<Vec<bool>> {
        let column = self.column(rule)?;
        if matches!(self.primary.columns[column].1, DataType::Boolean | DataType::Float32 | DataType::Float64) {
            return None;
        }
        let condition = rule.condition.as_ref().expect("a condition");
        let now = i128::from(self.now.timestamp_micros());
        Some(self.each(column, |value| {
            let since = match value {
                Value::Date(day) => Some(i128::from(*day) * i128::from(DAY)),
                Value::Timestamp(micros) => Some(i128::from(*micros)),
                Value::Text(text) => iso_day(text).map(|day| i128::from(day) * i128::from(DAY)),
                Value::Integer(seconds) => Some(seconds * 1_000_000),
                _ => None,
            };
            let age_to = |operand: &Operand| match &operand.value {
                OperandValue::Duration(amount) => since.map(|since| (now - since).cmp(&i128::from(micros(amount)))),
                other => panic!("{other:?} is no age"),
            };
            let compared: Vec<_> = condition.operands.iter().map(age_to).collect();
            since.is_some() && holds(condition.operator, &compared)
        }))
    }

    fn key_columns(&self, rule: &Rule) -> Option<Vec<usize>> {
        if rule.parameters.is_empty() {
            return Some((0..self.primary.columns.len()).collect());
        }
        (0..rule.parameters.len()).map(|position| self.primary.column(parameter(rule, position))).collect()
    }

    fn keys(&self, columns: &[usize]) -> Vec<Key> {
        let key = |row: &Vec<Value>| {
            let some = columns.iter().any(|column| !row[*column].is_null());
            some.then(|| columns.iter().map(|column| row[*column].key()).collect())
        };
        self.primary.rows.iter().map(key).collect()
    }

    /// Keys that occur once among the selected rows; a primary key has no NULL either.
    fn unique(&self, rule: &Rule, selected: &[bool]) -> Option<Vec<bool>> {
        let columns = self.key_columns(rule)?;
        let keys = self.keys(&columns);
        let mut counts: HashMap<&Vec<String>, usize> = HashMap::new();
        for key in keys.iter().zip(selected).filter(|(_, selected)| **selected).filter_map(|(key, _)| key.as_ref()) {
            *counts.entry(key).or_default() += 1;
        }
        let name = rule.type_name.text.as_str();
        if counts.is_empty() && selected.contains(&true) && name != "DuplicateRowCount" {
            return None;
        }
        let complete = |row: &Vec<Value>| columns.iter().all(|column| !row[*column].is_null());
        let passes = |(key, row): (&Key, &Vec<Value>)| {
            let once = key.as_ref().is_none_or(|key| counts.get(key).is_none_or(|count| *count == 1));
            once && (name != "IsPrimaryKey" || complete(row))
        };
        Some(keys.iter().zip(&self.primary.rows).map(passes).collect())
    }

    fn referential_integrity(&self, rule: &Rule) -> Option<Vec<bool>> {
        let (alias, theirs) = parameter(rule, 1).split_once('.').expect("an alias");
        let reference = self.references.get(alias)?;
        let own = columns_of(self.primary, parameter(rule, 0).split(','))?;
        let theirs = columns_of(reference, theirs.trim_matches(['{', '}']).split(','))?;
        let there: HashSet<_> = reference.rows.iter().filter_map(|row| complete_key(row, &theirs)).collect();
        let found = |row: &Vec<Value>| complete_key(row, &own).is_some_and(|key| there.contains(&key));
        Some(self.primary.rows.iter().map(found).collect())
    }

    fn dataset_match(&self, rule: &Rule) -> Option<Vec<bool>> {
        let reference = self.references.get(parameter(rule, 0))?;
        let keys: Vec<&str> = parameter(rule, 1).split(',').collect();
        let others = self.primary.columns.iter().map(|(name, _)| name.as_str()).filter(|name| !keys.contains(name));
        let compared: Vec<&str> = match rule.parameters.len() {
            2 => others.collect(),
            _ => parameter(rule, 2).split(',').collect(),
        };
        let split = |table: &Table| -> Option<Vec<(Vec<String>, Vec<String>)>> {
            let (keys, cells) = (columns_of(table, keys.clone())?, columns_of(table, compared.clone())?);
            let pair = |row: &Vec<Value>| {
                Some((complete_key(row, &keys)?, cells.iter().map(|column| row[*column].key()).collect()))
            };
            table.rows.iter().map(pair).collect()
        };
        let (own, theirs) = (split(self.primary)?, split(reference)?);
        let unique = |pairs: &[(Vec<String>, Vec<String>)]| {
            pairs.iter().map(|(key, _)| key).collect::<HashSet<_>>().len() == pairs.len()
        };
        if !unique(&own) || !unique(&theirs) {
            return None;
        }
        let theirs: HashMap<_, _> = theirs.into_iter().collect();
        Some(own.iter().map(|(key, cells)| theirs.get(key) == Some(cells)).collect())
    }

    fn query(&self, text: &str) -> Vec<bool> {
        let (_, column, least) = QUERIES.iter().find(|(query, _, _)| *query == text).expect("a query that is known");
        let column = self.primary.column(column).expect("customers");
        self.each(column, |value| matches!(value, Value::Integer(value) if value >= least))
    }
}

const DAY: i64 = 86_400_000_000;

fn micros(amount: &Quantity<TimeUnit>) -> i64 {
    let minutes = match amount.unit {
        TimeUnit::Days => 24 * 60,
        TimeUnit::Hours => 60,
        TimeUnit::Minutes => 1,
    };
    amount.amount.parse::<i64>().expect("a whole number") * minutes * 60_000_000
}

/// The key of a row without NULLs.
fn complete_key(row: &[Value], columns: &[usize]) -> Option<Vec<String>> {
    columns.iter().map(|column| (!row[*column].is_null()).then(|| row[*column].key())).collect()
}

fn columns_of<'n>(table: &Table, names: impl IntoIterator<Item = &'n str>) -> Option<Vec<usize>> {
    names.into_iter().map(|name| table.column(name.trim())).collect()
}

fn joined(connective: Connective, operands: impl Iterator<Item = Row>) -> Row {
    let operands: Vec<Row> = operands.collect();
    let (decisive, other) = match connective {
        Connective::And => (Row::Fail, Row::Pass),
        Connective::Or => (Row::Pass, Row::Fail),
    };
    // What decides alone, then what leaves it open, then what all agree on.
    let order = [decisive, Row::Unknown, other];
    order.into_iter().find(|row| operands.contains(row)).unwrap_or(Row::Skip)
}

fn is_null_operand(operand: &OperandValue) -> bool {
    matches!(operand, OperandValue::Null | OperandValue::Number(Arithmetic::Null))
}

fn is_comparable(operand: &OperandValue, data_type: &DataType) -> bool {
    match operand {
        OperandValue::Number(_) => is_number(data_type),
        OperandValue::Date(_) => matches!(data_type, DataType::Utf8 | DataType::Date32 | DataType::Timestamp(_, _)),
        _ => *data_type == DataType::Utf8,
    }
}

fn null_holds(operator: Operator, listed: bool) -> bool {
    match operator {
        Operator::Equal | Operator::In => listed,
        Operator::NotEqual | Operator::NotIn => !listed,
        _ => false,
    }
}

fn pattern(condition: &Condition) -> Regex {
    match &condition.operands[0].value {
        OperandValue::Text(text) => Regex::new(&anchored(text)).expect("a pattern that is known"),
        other => panic!("{other:?} is no pattern"),
    }
}

/// Whether a value satisfies, given how it compares with each operand; NaN compares with nothing.
fn holds(operator: Operator, compared: &[Option<Ordering>]) -> bool {
    let equal = compared.contains(&Some(Ordering::Equal));
    let first = compared.first().copied().flatten();
    let last = compared.last().copied().flatten();
    match operator {
        Operator::Equal | Operator::In => equal,
        Operator::NotEqual | Operator::NotIn => !equal,
        Operator::Greater => first.is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => first.is_some_and(Ordering::is_ge),
        Operator::Less => first.is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => first.is_some_and(Ordering::is_le),
        Operator::Between => first.is_some_and(Ordering::is_gt) && last.is_some_and(Ordering::is_lt),
        Operator::NotBetween => first.is_some_and(Ordering::is_le) || last.is_some_and(Ordering::is_ge),
        Operator::Matches | Operator::NotMatches => panic!("patterns are no comparisons"),
    }
}

fn compared_numbers(value: &Value, literal: &str) -> Option<Ordering> {
    match value {
        Value::Integer(value) => Some(compared_digits((*value, 0), digits(literal))),
        Value::Decimal(unscaled, scale) => Some(compared_digits((*unscaled, *scale), digits(literal))),
        Value::Float(value) => value.partial_cmp(&literal.parse::<f64>().expect("a number")),
        _ => None,
    }
}

/// All digits of a literal, and how many of them stand after the point.
fn digits(literal: &str) -> (i128, u32) {
    let (whole, fraction) = literal.split_once('.').unwrap_or((literal, ""));
    (format!("{whole}{fraction}").parse().expect("digits"), fraction.len() as u32)
}

fn compared_digits((left, left_scale): (i128, u32), (right, right_scale): (i128, u32)) -> Ordering {
    let scale = left_scale.max(right_scale);
    (left * 10i128.pow(scale - left_scale)).cmp(&(right * 10i128.pow(scale - right_scale)))
}
