//! The planner, ready for the tables of a run: predicates to physical expressions, queries to plans.

use super::bounds::{WITHOUT_LIMIT, bounded};
use super::expression::Expression;
use super::functions::{parse_timestamp, rlike, trimmed};
use super::operators::SparkOperators;
use super::query::{self, is_read_only};
use super::tables::{DatasetTable, ReadTrouble, planned};
use super::text::{ColumnNames, SqlTokens};
use super::{Conjunct, PRIMARY, Predicate, SqlMistake, SqlOptions, casts, dialect, unknown_column};
use crate::input::Dataset;
use crate::redaction::Redaction;
use arrow_schema::{DataType, Schema};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, DataFusionError, SchemaError};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, ExprWithAlias, Statement};
use std::sync::Arc;

/// Bytes of the stack of such a thread: trees of SQL are walked recursively.
pub const STACK: usize = 32 << 20;

/// Reads a predicate as far as that needs no columns.
pub fn check_predicate(text: &str) -> Result<(), SqlMistake> {
    if text.trim().is_empty() {
        return Ok(());
    }
    predicate_tree(&SqlTokens::new(text, &ColumnNames::default())?).map(|_| ())
}

/// Reads a query as far as that needs no tables.
pub fn check_query(text: &str) -> Result<(), SqlMistake> {
    query::parse(&SqlTokens::new(text, &ColumnNames::default())?).map(|_| ())
}

fn predicate_tree(tokens: &SqlTokens) -> Result<SqlExpr, SqlMistake> {
    let tree = tokens.parse(|parser| parser.parse_expr())?;
    if query::has_subquery(&tree) {
        let mistake = SqlMistake::new("where_subquery", "a where clause has no subqueries: it judges single rows");
        return Err(mistake.help("write the check as CustomSql"));
    }
    Ok(tree)
}

/// The first line of an error, without the planner's prefixes.
pub fn first_line(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let line = text.lines().next().unwrap_or("").trim();
    let prefixes = [
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Arrow error: ",
        "Invalid argument error: ",
        "Resources exhausted: ",
        "Internal error: ",
        "SQL error: ",
        "Optimizer rule ",
    ];
    let mut line = line;
    while let Some(rest) = prefixes.iter().find_map(|prefix| line.strip_prefix(prefix)) {
        line = rest;
    }
    line.chars().take(500).collect()
}

/// What the engine says of a failure while rows are read. It may quote their values.
pub fn failure(error: &DataFusionError, redaction: &Redaction) -> String {
    if redaction.is_off() { first_line(error) } else { "(the reason may quote values and is hidden)".into() }
}

/// Built when the first text needs it.
pub struct Session {
    state: SessionState,
    /// Names of the tables, for messages.
    aliases: Vec<Arc<str>>,
    names: ColumnNames,
    /// Trouble with reading the tables.
    pub trouble: ReadTrouble,
    options: SqlOptions,
}

/// The mistake of a text that takes too long.
pub fn too_slow(options: &SqlOptions, what: &str) -> SqlMistake {
    SqlMistake::new("sql_timeout", format!("{what} took longer than {} s", options.timeout.as_secs_f64()))
        .help("make it cheaper, or raise --sql-timeout")
}

/// The mistake of no text: the engine does not start.
pub fn unusable(error: impl std::fmt::Display) -> SqlMistake {
    SqlMistake::new("sql_engine", format!("the SQL engine cannot be started: {error}"))
}

impl Session {
    /// Registers the tables and everything that SQL may call.
    pub fn new(tables: &[(Arc<str>, Arc<Dataset>)], options: &SqlOptions) -> Result<Self, SqlMistake> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(options.batch_rows.max(1));
        {
            let settings = config.options_mut();
            settings.sql_parser.default_null_ordering = "nulls_min".into();
            settings.execution.time_zone = Some(options.zone.name().to_string());
            settings.catalog.information_schema = false;
        }
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(usize::try_from(options.memory_bytes).unwrap_or(usize::MAX), 1.0)
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()
            .map_err(unusable)?;
        // Only what queries over the tables need: no file formats, no table functions.
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![
            // The first planner that knows an operator plans it: Spark's come before the planner's own.
            Arc::new(SparkOperators {
                concat: bounded(datafusion_spark::function::string::concat()),
                zone: options.zone,
            }),
            Arc::new(datafusion_spark::planner::SparkFunctionPlanner),
        ];
        planners.extend(SessionStateDefaults::default_expr_planners());
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(planners)
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .build();
        functions(&mut state).map_err(unusable)?;
        let (mut names, trouble) = (ColumnNames::default(), ReadTrouble::default());
        for (alias, dataset) in tables {
            dataset.schema().fields().iter().for_each(|field| names.add(field.name()));
            register(&state, alias, dataset, &trouble, options).map_err(unusable)?;
        }
        let aliases = tables.iter().map(|(alias, _)| alias.clone()).collect();
        Ok(Self { state, aliases, names, trouble, options: *options })
    }

    /// The state for one text, with the clock at the time of the run.
    pub fn state(&self) -> SessionState {
        let mut state = self.state.clone();
        state.execution_props_mut().query_execution_start_time = Some(self.options.now);
        state
    }

    /// Compiles a predicate for the columns of a schema.
    pub fn compile(&self, text: &str, schema: &Schema) -> Result<Predicate, SqlMistake> {
        let mut names = ColumnNames::default();
        schema.fields().iter().for_each(|field| names.add(field.name()));
        let tokens = SqlTokens::new(text, &names)?;
        let mut tree = predicate_tree(&tokens)?;
        let normal = tree.to_string();
        dialect::rewrite(&mut tree).map_err(|message| SqlMistake::new("sql_not_supported", message))?;
        let planned = planned(schema);
        let wrong = |error: DataFusionError| planning_mistake(&error, &tokens, &names);
        let columns = DFSchema::try_from(planned.clone()).map_err(wrong)?;
        let state = self.state();
        let expression = state
            .create_logical_expr_from_sql_expr(ExprWithAlias { expr: tree, alias: None }, &columns)
            .map_err(wrong)?;
        let aggregates =
            expression.exists(|part| Ok(matches!(part, Expr::AggregateFunction(_) | Expr::WindowFunction(_))));
        if aggregates.map_err(wrong)? {
            let mistake = SqlMistake::new("where_aggregate", "a where clause has no aggregates: it judges single rows");
            return Err(mistake.help("write the check as CustomSql"));
        }
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(columns.clone()))
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(Some(self.options.now))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let expression = simplifier.coerce(expression, &columns).map_err(wrong)?;
        let expression = simplifier.simplify(expression).map_err(wrong)?;
        let data_type = expression.get_type(&columns).map_err(wrong)?;
        if !matches!(data_type, DataType::Boolean | DataType::Null) {
            let message = format!("the where clause gives {data_type}, it must be true or false");
            return Err(SqlMistake::new("where_type", message).help("compare the value with something"));
        }
        if expression.is_volatile() {
            return Err(SqlMistake::new("where_volatile", "the where clause gives another answer every time"));
        }
        let mut conjuncts = Vec::new();
        for part in split_conjunction_owned(expression) {
            let used = part.column_refs();
            let fields: Vec<_> = planned
                .fields()
                .iter()
                .filter(|field| used.contains(&Column::from_name(field.name().as_str())))
                .cloned()
                .collect();
            let own = Arc::new(Schema::new(fields));
            let columns = DFSchema::try_from(own.as_ref().clone()).map_err(wrong)?;
            let text = part.to_string();
            let physical = state.create_physical_expr(part, &columns).map_err(wrong)?;
            let expression = Expression { physical, schema: own, redaction: self.options.redaction };
            conjuncts.push(Arc::new(Conjunct::expression(text, expression)));
        }
        Ok(Predicate { text: normal.as_str().into(), conjuncts })
    }

    /// Plans a query that only reads.
    pub fn plan_query(&self, sql: &str) -> Result<LogicalPlan, SqlMistake> {
        let tokens = SqlTokens::new(sql, &self.names)?;
        let mut query = query::parse(&tokens)?;
        dialect::rewrite(&mut query).map_err(|message| SqlMistake::new("sql_not_supported", message))?;
        let statement = DataFusionStatement::Statement(Box::new(Statement::Query(Box::new(query))));
        let state = self.state();
        let plan = futures::executor::block_on(state.statement_to_plan(statement))
            .map_err(|error| self.known_tables(planning_mistake(&error, &tokens, &self.names)))?;
        if is_read_only(&plan) { Ok(plan) } else { Err(SqlMistake::new("sql_refused", "the text is not a query")) }
    }

    /// Names the tables there are, when one was not found.
    fn known_tables(&self, mistake: SqlMistake) -> SqlMistake {
        if mistake.code != "unknown_table" {
            return mistake;
        }
        let aliases: Vec<_> = self.aliases.iter().map(|alias| &**alias).collect();
        mistake.help(format!("the tables are {}; others are named with --reference ALIAS=PATH", aliases.join(", ")))
    }
}

/// Spark's functions over the planner's own; those that grow are bounded, those without a limit gone.
fn functions(state: &mut SessionState) -> Result<(), DataFusionError> {
    use datafusion::execution::FunctionRegistry;
    // Spark's averages of decimals are decimals, as the planner's are; those of its Spark library are doubles.
    let average = state.udaf("avg")?;
    datafusion_spark::register_all(state)?;
    state.register_udaf(average)?;
    for function in [parse_timestamp(), rlike()].into_iter().chain(trimmed()).chain(casts::all(chrono_tz::UTC)) {
        state.register_udf(Arc::new(function))?;
    }
    for name in WITHOUT_LIMIT {
        state.deregister_udf(name)?;
    }
    let names: Vec<String> = state.udfs().into_iter().collect();
    for name in names {
        let function = state.udf(&name)?;
        if function.name() == name {
            let limited = bounded(function.clone());
            if !Arc::ptr_eq(&limited, &function) {
                state.register_udf(limited)?;
            }
        }
    }
    Ok(())
}

/// A dataset under its alias, in lower case too, and by its parts where it has dots.
fn register(
    state: &SessionState,
    alias: &Arc<str>,
    dataset: &Arc<Dataset>,
    trouble: &ReadTrouble,
    options: &SqlOptions,
) -> Result<(), DataFusionError> {
    let table = Arc::new(DatasetTable {
        alias: (&**alias != PRIMARY).then(|| alias.clone()),
        dataset: dataset.clone(),
        schema: Arc::new(planned(dataset.schema())),
        batch_rows: options.batch_rows.max(1),
        trouble: trouble.clone(),
    });
    let options = &state.config_options().catalog;
    let (Some(catalog), bare) = (state.catalog_list().catalog(&options.default_catalog), &options.default_schema)
    else {
        return Err(DataFusionError::Internal("no catalog".into()));
    };
    for name in [alias.to_string(), alias.to_lowercase()] {
        let parts = name.rsplit_once('.').filter(|(schema, _)| !schema.contains('.'));
        for (schema, name) in std::iter::once((bare.as_str(), name.as_str())).chain(parts) {
            let place = match catalog.schema(schema) {
                Some(place) => place,
                None => {
                    let place: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
                    catalog.register_schema(schema, place.clone())?;
                    place
                }
            };
            if !place.table_exist(name) {
                place.register_table(name.to_string(), table.clone())?;
            }
        }
    }
    Ok(())
}

/// What the planner has against a text, and where.
fn planning_mistake(error: &DataFusionError, tokens: &SqlTokens, names: &ColumnNames) -> SqlMistake {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = schema.as_ref()
    {
        return unknown_column(&field.name, names.iter(), tokens.find_word(&field.name));
    }
    let message = first_line(error);
    if let Some(name) = message.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        let offset = tokens.find_word(name);
        let mistake =
            SqlMistake { offset, ..SqlMistake::new("unknown_function", format!("there is no function {name}")) };
        let near = message.split("Did you mean '").nth(1).and_then(|rest| rest.split('\'').next());
        return match near {
            Some(near) => mistake.help(format!("did you mean {near}?")),
            None => mistake,
        };
    }
    if let Some(name) = message.strip_prefix("table '").and_then(|rest| rest.split('\'').next()) {
        let name = name.strip_prefix("datafusion.public.").unwrap_or(name);
        let offset = tokens.find_word(name.rsplit('.').next().unwrap_or(name));
        return SqlMistake { offset, ..SqlMistake::new("unknown_table", format!("there is no table {name}")) };
    }
    SqlMistake::new("sql_invalid", message)
}
