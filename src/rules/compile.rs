//! Bound rules to metrics, given the columns of the data.

use super::bind::BoundRule;
use super::points;
use crate::comparison::Operator;
use crate::diagnostic::nearest;
use crate::guard::{guarded, quoted};
use crate::intervals::Intervals;
use crate::metrics::custom::{AnyTest, CustomMetric, CustomTest, FAILED, plain_type};
use crate::metrics::test::{CompiledTest, Test};
use crate::metrics::{AnyMetric, Family, Metric, Statistic, is_numeric, is_text};
use crate::plan::{Clause, Expectation, Measure, MetricId, MetricSet, Observation, Reported};
use crate::redaction::Redaction;
use crate::sql::{Engine, Predicate};
use crate::text_cast::TEXT_BECAUSE;
use crate::unevaluated::Place;
pub use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_schema::{DataType, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// `Column.a.<metric>` for one column, `Multicolumn.a,b.<metric>` for several.
pub fn key_name(columns: &[Column], metric: &str) -> String {
    match columns {
        [column] => column.metric_name(metric),
        columns => format!(
            "Multicolumn.{}.{metric}",
            columns.iter().map(|column| column.written.as_str()).collect::<Vec<_>>().join(",")
        ),
    }
}

/// A column of the data, found by a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// As the data spells it.
    pub name: Arc<str>,
    /// As the rule spells it: the instance in metric names.
    pub written: String,
    /// Its type; for dictionary-encoded columns, of the values.
    pub data_type: DataType,
    /// The value that made text of a column whose types are inferred, and its line.
    pub text_because: Option<String>,
}

impl Column {
    /// `Column.<name>.<metric>`
    pub fn metric_name(&self, metric: &str) -> String {
        format!("Column.{}.{metric}", self.written)
    }
}

/// Finds a column as Spark does: exactly, else ignoring case if that is not ambiguous; in
/// back-ticks, and with escaped quotes.
pub fn find_column<'s>(schema: &'s Schema, written: &str) -> Option<&'s arrow_schema::Field> {
    let exact = |name: &str| schema.fields().iter().find(|field| field.name() == name);
    if let Some(field) = exact(written) {
        return Some(field);
    }
    let plain =
        written.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(written).replace("\\\"", "\"");
    if let Some(field) = exact(&plain) {
        return Some(field);
    }
    let lower = plain.to_lowercase();
    let mut matches = schema.fields().iter().filter(|field| field.name().to_lowercase() == lower);
    match (matches.next(), matches.next()) {
        (Some(field), None) => Some(field),
        _ => None,
    }
}

/// The column of that name, or why there is none, in the words of `missing`.
pub fn column_of(schema: &Schema, written: &str, missing: String) -> Result<Column, Unevaluated> {
    let Some(field) = find_column(schema, written) else {
        return Err(unknown_column(schema, written, missing));
    };
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => (**values).clone(),
        other => other.clone(),
    };
    let text_because = field.metadata().get(TEXT_BECAUSE).cloned();
    Ok(Column { name: field.name().as_str().into(), written: written.to_string(), data_type, text_because })
}

fn unknown_column(schema: &Schema, written: &str, missing: String) -> Unevaluated {
    let reason = Unevaluated::new("unknown_column", missing);
    let lower = written.to_lowercase();
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let ambiguous: Vec<_> = names().filter(|name| name.to_lowercase() == lower).collect();
    if ambiguous.len() > 1 {
        return reason.help(format!("several columns differ only in case: {}", ambiguous.join(", ")));
    }
    if let Some((parent, _)) = written.split_once('.')
        && let Some(field) = find_column(schema, parent)
        && field.data_type().is_nested()
    {
        return reason.help(format!(
            "`{}` is a nested column ({}); its fields cannot be addressed, flatten them first",
            field.name(),
            type_name(field.data_type())
        ));
    }
    match nearest(written, names()) {
        Some(name) => reason.help(format!("did you mean `{name}`?")),
        None => {
            let shown: Vec<_> = names().take(8).collect();
            let more = schema.fields().len().saturating_sub(shown.len());
            reason.help(format!(
                "the data has {}{}",
                shown.join(", "),
                if more > 0 { format!(" and {more} more") } else { String::new() }
            ))
        }
    }
}

/// Columns of other datasets by alias; one that cannot be opened is the ERROR of the rules that need it.
pub type ReferenceSchemas = BTreeMap<Arc<str>, Result<SchemaRef, Unevaluated>>;

/// What `compile` works with.
pub struct Compiler<'a> {
    /// Columns of the data.
    pub schema: &'a SchemaRef,
    /// Columns of the other datasets.
    pub references: &'a ReferenceSchemas,
    /// Metrics asked for so far.
    pub metrics: &'a mut MetricSet,
    /// Predicates compiled so far, by normal form.
    pub predicates: &'a mut HashMap<Arc<str>, Predicate>,
    /// What compiles predicates and plans queries.
    pub sql: &'a Engine,
    /// The predicate of the rule at hand, in normal form.
    pub filter: Option<Arc<str>>,
    /// Zone of timestamps and texts that name none.
    pub zone: chrono_tz::Tz,
    /// The time of the run, from which ages are counted.
    pub now: DateTime<Utc>,
    /// How values are hidden in what is said of them.
    pub redaction: &'a Redaction,
}

impl Compiler<'_> {
    /// The column a parameter names.
    pub fn column(&self, rule: &BoundRule, position: usize) -> Result<Column, Unevaluated> {
        let written = rule.parameters.get(position).cloned().unwrap_or_default();
        let missing = format!("Input data does not include column {written}!");
        column_of(self.schema, &written, missing).map_err(|reason| {
            let place = rule.parameter_spans.get(position).copied().map(Place::Parameter);
            Unevaluated { place, ..reason }
        })
    }

    /// The dataset of an alias and its columns.
    pub fn reference(&self, alias: &str) -> Result<(Arc<str>, &SchemaRef), Unevaluated> {
        match self.references.get_key_value(alias) {
            Some((alias, Ok(schema))) => Ok((alias.clone(), schema)),
            Some((_, Err(reason))) => Err(reason.clone()),
            None => {
                let message = format!("Reference dataset '{alias}' not found in additional data sources");
                let known: Vec<_> = self.references.keys().map(|alias| &**alias).collect();
                let help = match nearest(alias, known.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("name it with --reference {}=PATH", crate::error::escape_controls(alias)),
                };
                Err(Unevaluated::new("unknown_reference", message).help(help))
            }
        }
    }
    /// Every parameter as a column.
    pub fn columns(&self, rule: &BoundRule) -> Result<Vec<Column>, Unevaluated> {
        (0..rule.parameters.len()).map(|position| self.column(rule, position)).collect()
    }

    /// The column that an analyzer names, or every column for `AllColumns`.
    pub fn column_or_all(&self, analyzer: &BoundRule) -> Result<Vec<Column>, Unevaluated> {
        if analyzer.parameters.first().is_none_or(|name| name != "AllColumns") {
            return Ok(vec![self.column(analyzer, 0)?]);
        }
        let names = self.schema.fields().iter().map(|field| field.name().as_str());
        names.map(|name| column_of(self.schema, name, String::new())).collect()
    }

    /// A column of numbers.
    pub fn numeric_column(&self, rule: &BoundRule, position: usize) -> Result<Column, Unevaluated> {
        let column = self.column(rule, position)?;
        if is_numeric(&column.data_type) {
            return Ok(column);
        }
        Err(not_a_number(&column, "cast the column to a number first; numbers in text are not read"))
    }

    /// Asks for a metric over the rows of the rule at hand.
    pub fn metric(&mut self, family: Family, columns: &[&Column]) -> MetricId {
        let columns = columns.iter().map(|column| column.name.clone()).collect();
        self.metrics.ask(Metric { filter: self.filter.clone(), ..Metric::new(family, columns) })
    }

    /// The rows that the rule at hand looks at.
    pub fn rows(&mut self) -> MetricId {
        self.metric(Family::Rows, &[])
    }

    /// The commonest rule: one statistic of one metric, compared with the rule's condition.
    pub fn statistic(
        &mut self,
        family: Family,
        columns: &[&Column],
        statistic: Statistic,
        name: String,
    ) -> Observation {
        let measure = Measure::Statistic(self.metric(family, columns), statistic);
        let judged_rows = Some(self.rows());
        self.condition_on(columns, measure, name, judged_rows)
    }

    /// One statistic of a numeric column, under the name of the rule's type.
    pub fn numeric_statistic(
        &mut self,
        rule: &BoundRule,
        family: Family,
        statistic: Statistic,
    ) -> Result<Observation, Unevaluated> {
        let column = self.numeric_column(rule, 0)?;
        let name = column.metric_name(rule.rule_type.name);
        Ok(self.statistic(family, &[&column], statistic, name))
    }

    /// One statistic of how often values, or tuples of values, occur.
    pub fn frequency_statistic(
        &mut self,
        rule: &BoundRule,
        statistic: Statistic,
        name: &str,
    ) -> Result<Observation, Unevaluated> {
        let columns = self.columns(rule)?;
        self.comparable(&columns)?;
        let key: Vec<_> = columns.iter().collect();
        // Only entropy depends on how often exactly.
        let family = if statistic == Statistic::Entropy { Family::Frequencies } else { Family::Distinct };
        Ok(self.statistic(family, &key, statistic, key_name(&columns, name)))
    }

    /// A measure compared with the rule's condition.
    pub fn condition_on(
        &self,
        columns: &[&Column],
        measure: Measure,
        name: String,
        judged_rows: Option<MetricId>,
    ) -> Observation {
        Observation {
            clauses: vec![Clause { measure: measure.clone(), expectation: Expectation::Condition }],
            reported: vec![Reported { name, measure }],
            judged_rows,
            message: Vec::new(),
            columns: columns.iter().map(|column| column.name.to_string()).collect(),
            filter: None,
        }
    }

    /// Rows of a column that pass a test; refused when the test cannot judge the column's type.
    pub fn passing(&mut self, column: &Column, test: Test) -> Result<MetricId, Unevaluated> {
        // Patterns were compiled when the rule was bound; all other tests are cheap to try.
        if !matches!(test, Test::Matches { .. }) {
            CompiledTest::new(&test, &column.data_type)
                .map_err(|_| wrong_type(column, "one that this test can judge"))?;
        }
        Ok(self.metric(Family::Passing(Arc::new(test)), &[column]))
    }

    /// Rows of a numeric column whose value compares with numbers as an operator says. NULL and NaN never do. Numbers
    /// between two values of the type are compared exactly.
    pub fn comparing(
        &mut self,
        column: &Column,
        operator: Operator,
        numbers: &[Number],
    ) -> Result<MetricId, Unevaluated> {
        let points = numbers.iter().map(|number| points::number(*number, &column.data_type));
        let points: Option<Vec<_>> = points.collect();
        let points = points.ok_or_else(|| wrong_type(column, "a number"))?;
        let intervals = Intervals::satisfying(operator, &points);
        self.passing(column, Test::Within { intervals, null: false, nan: false })
    }

    /// `part` among the rule's rows: the share must meet the threshold, or be all.
    pub fn share(&mut self, columns: &[&Column], part: MetricId, name: String) -> Observation {
        let whole = self.rows();
        let measure = Measure::Share { part, whole };
        Observation {
            clauses: vec![Clause { measure: measure.clone(), expectation: Expectation::Threshold }],
            ..self.condition_on(columns, measure, name, Some(whole))
        }
    }

    /// Asks for what another crate measures of columns, over the rows of the rule at hand; its number is
    /// [`Statistic::Value`]. Refused where the metric does not accept a column's type.
    pub fn custom_metric(&mut self, metric: impl CustomMetric, columns: &[&Column]) -> Result<MetricId, Unevaluated> {
        fitting(columns, |position, data_type| metric.accepts(position, data_type))?;
        let metric = AnyMetric::new(metric, self.redaction)?;
        let double = |family: &Family| matches!(family, Family::Custom(other) if other.is_double(&metric));
        self.unique(double, &metric)?;
        Ok(self.metric(Family::Custom(metric), columns))
    }

    /// The number that another crate measures of columns, compared with the rule's condition.
    pub fn custom_statistic(
        &mut self,
        metric: impl CustomMetric,
        columns: &[&Column],
        name: String,
    ) -> Result<Observation, Unevaluated> {
        let measure = Measure::Statistic(self.custom_metric(metric, columns)?, Statistic::Value);
        let judged_rows = Some(self.rows());
        Ok(self.condition_on(columns, measure, name, judged_rows))
    }

    /// Asks how many rows of the rule at hand another crate's test finds good; their share is made by
    /// [`Compiler::share`], or is a [`Measure::Share`]. Refused where the test does not accept a column's type.
    pub fn custom_test(&mut self, test: impl CustomTest, columns: &[&Column]) -> Result<MetricId, Unevaluated> {
        fitting(columns, |position, data_type| test.accepts(position, data_type))?;
        let test = AnyTest::new(test, self.redaction)?;
        let double = |family: &Family| match family {
            Family::Passing(other) => matches!(&**other, Test::Custom(other) if other.is_double(&test)),
            _ => false,
        };
        self.unique(double, &test)?;
        Ok(self.metric(Family::Passing(Arc::new(Test::Custom(test))), columns))
    }

    /// Refuses what shares its name with another crate's: states in files could not be told apart.
    fn unique(&self, double: impl Fn(&Family) -> bool, name: &dyn std::fmt::Display) -> Result<(), Unevaluated> {
        if self.metrics.as_slice().iter().any(|metric| double(&metric.family)) {
            let message = format!("Two crates measure something else as {name}");
            return Err(Unevaluated::new(FAILED, message).help("begin names with the name of the crate"));
        }
        Ok(())
    }

    /// Refuses key columns whose values cannot be told apart.
    pub fn comparable(&self, columns: &[Column]) -> Result<(), Unevaluated> {
        match columns.iter().find(|column| !crate::metrics::is_comparable(&column.data_type)) {
            Some(column) => Err(nested(column)),
            None => Ok(()),
        }
    }
}

/// Turns a bound rule into an observation, or says why it cannot be evaluated.
pub fn compile(compiler: &mut Compiler<'_>, rule: &BoundRule) -> Result<Observation, Unevaluated> {
    compiler.filter = None;
    if let Some(filter) = &rule.filter {
        let predicate = compiler.sql.predicate(&filter.text, compiler.schema).map_err(|error| Unevaluated {
            code: error.code,
            message: match error.code {
                "no_sql" => error.message.clone(),
                _ => format!("The provided where clause is invalid: {}", error.message),
            },
            help: error.help.clone(),
            place: Some(Place::Predicate(filter.span_at(error.offset))),
        })?;
        compiler.filter = Some(predicate.text().clone());
        compiler.predicates.entry(predicate.text().clone()).or_insert(predicate);
    }
    let observation =
        guarded(|| (rule.rule_type.compile)(compiler, rule)).unwrap_or_else(|said| panicked(rule, &said))?;
    if observation.clauses.is_empty() {
        // It would pass whatever the data is.
        let message = format!("Rule type {} asks nothing of the data", rule.rule_type.name);
        return Err(Unevaluated::new("rule_type", message));
    }
    Ok(Observation { filter: compiler.filter.clone(), ..observation })
}

/// Turns a bound analyzer into the numbers it shows, or says why there are none.
pub fn compile_analyzer(compiler: &mut Compiler<'_>, analyzer: &BoundRule) -> Result<Vec<Reported>, Unevaluated> {
    compiler.filter = None;
    guarded(|| (analyzer.rule_type.analyze)(compiler, analyzer)).unwrap_or_else(|said| panicked(analyzer, &said))
}

/// The type of a rule comes from another crate, or is a mistake of ours.
fn panicked<T>(rule: &BoundRule, said: &str) -> Result<T, Unevaluated> {
    let message = format!("Rule type {} panicked before anything was measured: {}", rule.rule_type.name, quoted(said));
    Err(Unevaluated::new("rule_type", message))
}

/// Refuses columns that another crate does not accept.
fn fitting(
    columns: &[&Column],
    accepts: impl Fn(usize, &DataType) -> Result<(), &'static str>,
) -> Result<(), Unevaluated> {
    if columns.is_empty() {
        return Err(Unevaluated::new(FAILED, "A metric of another crate needs a column"));
    }
    columns.iter().enumerate().try_for_each(|(position, column)| {
        accepts(position, &plain_type(&column.data_type)).map_err(|expected| wrong_type(column, expected))
    })
}

/// A column that should hold numbers and does not; `advice` is for columns that are meant as text.
pub fn not_a_number(column: &Column, advice: &str) -> Unevaluated {
    let reason = wrong_type(column, "a number");
    match &column.text_because {
        Some(because) => {
            let name = crate::error::escape_controls(&column.name);
            reason.help(format!("the column is text because of {because}; mend it, name the type with --column-type {name}=float or, in CSV, call it NULL with --csv-null"))
        }
        None if is_text(&column.data_type) => reason.help(advice),
        None => reason,
    }
}

/// Text of a wrong type.
pub fn wrong_type(column: &Column, expected: &str) -> Unevaluated {
    if column.data_type.is_nested() {
        return nested(column);
    }
    Unevaluated::new(
        "column_type",
        format!(
            "Expected type of column {} to be {expected}, but found {} instead!",
            column.written,
            type_name(&column.data_type)
        ),
    )
}

fn nested(column: &Column) -> Unevaluated {
    Unevaluated::new(
        "nested_column",
        format!("Unsupported nested column type of column {}: {}!", column.written, type_name(&column.data_type)),
    )
    .help("Completeness and IsComplete work on nested columns; for other rules, flatten the column first")
}

/// A short name of a type for messages.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Timestamp(_, None) => "timestamp without zone".into(),
        DataType::Timestamp(_, Some(zone)) => format!("timestamp ({zone})"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".into()
        }
        DataType::Struct(_) => "struct".into(),
        DataType::Map(_, _) => "map".into(),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(_, _) => "list".into(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Dictionary(_, values) => type_name(values),
        other => other.to_string().to_lowercase(),
    }
}
