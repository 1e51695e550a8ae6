//! What answers for SQL: predicates compiled once per text, queries run within their limits.

use super::session::{STACK, Session, failure, too_slow, unusable};
use super::{Predicate, SqlError, SqlMistake, SqlOptions, query};
use crate::error::Error;
use crate::input::Dataset;
use crate::unevaluated::Unevaluated;
use crate::value::Number;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Datasets that SQL can ask, and what is known of texts so far.
pub struct Engine {
    tables: Vec<(Arc<str>, Arc<Dataset>)>,
    options: SqlOptions,
    session: OnceLock<Result<Arc<Session>, SqlMistake>>,
    predicates: Mutex<HashMap<String, Result<Predicate, SqlMistake>>>,
    plans: Mutex<HashMap<String, Result<LogicalPlan, SqlMistake>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// For datasets by alias; nothing is built before the first text.
    pub fn new(tables: Vec<(Arc<str>, Arc<Dataset>)>, options: SqlOptions) -> Self {
        Self { tables, options, session: OnceLock::new(), predicates: Mutex::default(), plans: Mutex::default() }
    }

    fn session(&self) -> Result<&Arc<Session>, SqlMistake> {
        let build = || Session::new(&self.tables, &self.options).map(Arc::new);
        self.session.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    /// Compiles a predicate for the columns of a schema, once per text.
    pub fn predicate(&self, text: &str, schema: &Schema) -> Result<Predicate, SqlMistake> {
        if let Some(known) = lock(&self.predicates).get(text) {
            return known.clone();
        }
        let compiled = Predicate::of_null_tests(text, schema).unwrap_or_else(|| {
            let (text, schema) = (text.to_string(), schema.clone());
            self.apart(move |session| session.compile(&text, &schema))
        });
        lock(&self.predicates).insert(text.to_string(), compiled.clone());
        compiled
    }

    /// Plans on a thread of its own: trees may be deep, so its stack is large, and a text may be made
    /// to keep the planner busy, so nobody waits longer than a query may take.
    fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, SqlMistake> + Send + 'static,
    ) -> Result<T, SqlMistake> {
        let session = self.session()?.clone();
        let (sender, receiver) = sync_channel(1);
        let run = move || drop(sender.send(work(&session)));
        std::thread::Builder::new().name("sql".into()).stack_size(STACK).spawn(run).map_err(unusable)?;
        receiver.recv_timeout(self.options.timeout).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => too_slow(&self.options, "planning the text"),
                RecvTimeoutError::Disconnected => SqlMistake::new("sql_engine", "the SQL engine cannot plan this text"),
            })
        })
    }

    /// Plans a query; gives the names and types of the columns it returns.
    pub fn columns(&self, sql: &str) -> Result<Vec<(String, DataType)>, SqlMistake> {
        let plan = self.plan(sql)?;
        Ok(plan.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect())
    }

    fn plan(&self, sql: &str) -> Result<LogicalPlan, SqlMistake> {
        if let Some(known) = lock(&self.plans).get(sql) {
            return known.clone();
        }
        let text = sql.to_string();
        let planned = self.apart(move |session| session.plan_query(&text));
        lock(&self.plans).insert(sql.to_string(), planned.clone());
        planned
    }

    /// The one number that a query gives.
    pub fn number(&self, sql: &str) -> Result<Number, SqlError> {
        let mut answer: Option<Option<Number>> = None;
        let mut shape = None;
        self.rows(sql, &mut |batch| {
            for row in 0..batch.num_rows() {
                if answer.is_some() || batch.num_rows() > 1 || batch.num_columns() != 1 {
                    shape = Some("Custom SQL did not return exactly 1 row, but more");
                    return Err(Unevaluated::new("query_shape", "more than one row"));
                }
                let value = ScalarValue::try_from_array(batch.column(0), row).map_err(Unevaluated::internal)?;
                let number = query::number(&value);
                if number.is_none() && !value.is_null() {
                    let text: String = value.to_string().chars().take(80).collect();
                    let text = self.options.redaction.text(&text);
                    return Err(Unevaluated::new(
                        "query_result",
                        format!("Custom SQL returned {text}, which is no number"),
                    ));
                }
                answer = Some(number);
            }
            Ok(())
        })
        .map_err(|error| match shape {
            Some(shape) => SqlError::Unevaluated(Unevaluated::new("query_shape", shape)),
            None => error,
        })?;
        let reason = match answer {
            Some(Some(number)) => return Ok(number),
            Some(None) => Unevaluated::new("query_result", "Custom SQL returned NULL: there is no number to compare")
                .help("give NULL a value with coalesce(..., 0)"),
            None => Unevaluated::new("query_shape", "Custom SQL did not return exactly 1 row, but none"),
        };
        Err(SqlError::Unevaluated(reason))
    }

    /// Runs a query and visits its batches in order. The visitor may end it.
    pub fn rows(
        &self,
        sql: &str,
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), Unevaluated>,
    ) -> Result<(), SqlError> {
        let refused = |mistake: SqlMistake| {
            SqlError::Unevaluated(Unevaluated { help: mistake.help, ..Unevaluated::new(mistake.code, mistake.message) })
        };
        let plan = self.plan(sql).map_err(refused)?;
        let session = self.session().map_err(refused)?;
        // Threads of its own: a query that was given up may keep them busy, and no other waits for them.
        let runtime = QueryThreads::new().map_err(refused)?;
        let state = session.state();
        let (sender, receiver) = sync_channel::<Result<Option<RecordBatch>, DataFusionError>>(4);
        let task = runtime.spawn(async move {
            let work = async {
                let physical = state.create_physical_plan(&plan).await?;
                let mut stream = execute_stream(physical, state.task_ctx())?;
                while let Some(batch) = stream.next().await {
                    if sender.send(Ok(Some(batch?))).is_err() {
                        break;
                    }
                }
                Ok(None)
            };
            // The end is told like rows are: a task that panicked has told none.
            let _ = sender.send(work.await);
        });
        let end = Instant::now() + self.options.timeout;
        let outcome = loop {
            match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Ok(None)) => break Ok(()),
                Ok(Ok(Some(batch))) => {
                    if let Err(reason) = visit(&batch) {
                        break Err(SqlError::Unevaluated(reason));
                    }
                }
                Ok(Err(error)) => break Err(self.execution_trouble(session, &error)),
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(SqlError::Unevaluated(Unevaluated::internal("the query engine gave up")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    break Err(refused(too_slow(&self.options, "the query")));
                }
            }
        };
        drop(receiver);
        if let (Err(_), Some(task)) = (&outcome, task) {
            task.abort();
        }
        outcome
    }

    fn execution_trouble(&self, session: &Session, error: &DataFusionError) -> SqlError {
        if let Some(trouble) = session.trouble.take() {
            return trouble;
        }
        let reason = match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Unevaluated::new(
                "memory_limit",
                format!("the query needs more memory than the {} bytes it may take", self.options.memory_bytes),
            )
            .help("make it smaller, or raise --memory-limit"),
            _ => {
                let words = failure(error, &self.options.redaction);
                Unevaluated::new("sql_failed", format!("Error executing SQL statement: {words}"))
            }
        };
        SqlError::Unevaluated(reason)
    }
}

/// Threads that run one query: one works, one reads.
struct QueryThreads(Option<Runtime>);

impl QueryThreads {
    fn new() -> Result<Self, SqlMistake> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(STACK)
            .thread_name("sql")
            .enable_time()
            .build()
            .map_err(unusable)?;
        Ok(Self(Some(runtime)))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<JoinHandle<()>> {
        self.0.as_ref().map(|runtime| runtime.spawn(task))
    }
}

impl Drop for QueryThreads {
    fn drop(&mut self) {
        // A query that was given up may still run; nobody waits for it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Trouble with reading that ends a query.
impl From<Error> for SqlError {
    fn from(error: Error) -> Self {
        SqlError::Read { dataset: None, error }
    }
}
