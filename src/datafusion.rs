//! Data frames and tables of a DataFusion session, checked where they are: the session plans, reads and runs them, the
//! rows never leave it.
//!
//! ```
//! use arrow_array::{Int64Array, RecordBatch};
//! use dq::check::{CheckOptions, Ruleset};
//! use dq::datafusion::check;
//! use dq::datafusion::datafusion::prelude::{SessionContext, col, lit};
//! use dq::rules::BindOptions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let rules = r#"Rules = [ RowCount = 2, ColumnValues "age" < 130 ]"#;
//! let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
//! let ages = std::sync::Arc::new(Int64Array::from(vec![31, 131, 5]));
//! let batch = RecordBatch::try_from_iter([("age", ages as _)])?;
//!
//! let context = SessionContext::new();
//! let frame = context.read_batch(batch)?.filter(col("age").gt(lit(18)))?;
//! let run = check(frame, &ruleset, &CheckOptions::default()).await?;
//! assert_eq!((run.rows, run.score), (2, Some(0.5)));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! A table provider is checked as the frame that [`SessionContext::read_table`] makes of it, a table of the session as
//! that of [`SessionContext::table`].
//!
//! # What it runs on
//!
//! All functions are called on a Tokio runtime, which DataFusion needs. Each partition of the plan is folded on a task
//! of its own, so a plan is checked by as many tasks as it has partitions, whatever [`CheckOptions::threads`] says; that
//! is for reading references and for counting keys in the end. Batches are folded between two waits, as DataFusion's own
//! operators do their work. Compiling rules, reading references and judging in the end happen on threads that may be
//! blocked.
//!
//! The SQL of rules is planned by an engine of the library's own, with Spark's dialect: functions and tables of the
//! session are not known to it. It starts no runtime while frames are checked, so none is started within another.
//!
//! Verdicts are those of [`Checker`]: queries over all rows are ERROR, `needs_all_rows`; such a query is better a frame
//! of its own. Partitions are joined in their order: the same partitions with the same rows give the same bits. Two
//! columns of one name, such as a join leaves, are refused: select or alias them.
//!
//! [`SessionContext::read_table`]: datafusion::prelude::SessionContext::read_table
//! [`SessionContext::table`]: datafusion::prelude::SessionContext::table

use crate::check::{CheckOptions, Ruleset, Run};
use crate::checker::{Checker, Gate};
use crate::error::Error;
/// The engine, in the version that frames must be of.
pub use ::datafusion;
use ::datafusion::common::DataFusionError;
use ::datafusion::execution::SendableRecordBatchStream;
use ::datafusion::physical_plan::{execute_stream, execute_stream_partitioned};
use ::datafusion::prelude::DataFrame;
use arrow_schema::SchemaRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// Runs a frame and checks all of its rows, of which none is kept: memory is that of the plan and of what rules count,
/// however large the data.
///
/// A frame without rows is checked as any other: rules about rows are ERROR unless the options allow empty data.
/// Refused is what [`Checker::new`] refuses; a plan that fails is [`Error::Rows`]. A future that is dropped stops all
/// partitions.
pub async fn check(frame: DataFrame, ruleset: &Ruleset, options: &CheckOptions) -> Result<Run, Error> {
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let checker = compiled(ruleset, &plan.schema(), options).await?;
    let mut partitions = JoinSet::new();
    for (number, batches) in execute_stream_partitioned(plan, context)?.into_iter().enumerate() {
        let mut fork = checker.fork();
        partitions.spawn(async move {
            fork.push_stream(batches).await?;
            Ok::<_, DataFusionError>((number, fork))
        });
    }
    let mut forks = BTreeMap::new();
    while let Some(partition) = partitions.join_next().await {
        let (number, fork) = joined(partition)??;
        forks.insert(number, fork);
    }
    apart(move || {
        let mut checker = checker;
        forks.into_values().try_for_each(|fork| checker.merge(fork))?;
        checker.finish()
    })
    .await
}

/// Runs a frame behind a gate: a stream of batches with its good rows. Bad rows go to a sink; whether the data as a
/// whole is good is known in the end, from [`Gate::commit`]. All partitions come as one stream, in the order in which
/// DataFusion has them ready.
///
/// ```
/// # use arrow_array::{Int64Array, RecordBatch};
/// # use dq::check::{CheckOptions, Ruleset};
/// # use dq::datafusion::datafusion::{error::DataFusionError, prelude::SessionContext};
/// # use dq::rules::BindOptions;
/// use futures::{SinkExt, StreamExt, TryStreamExt, channel::mpsc};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let rules = r#"Rules = [ ColumnValues "age" < 130 with threshold > 0.6 ]"#;
/// # let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
/// # let ages = std::sync::Arc::new(Int64Array::from(vec![31, 131, 5]));
/// # let frame = SessionContext::new().read_batch(RecordBatch::try_from_iter([("age", ages as _)])?)?;
/// let (sink, dead_letters) = mpsc::channel::<RecordBatch>(8);
/// let sink = sink.sink_map_err(|error| DataFusionError::External(error.into()));
///
/// let mut gate = dq::datafusion::gate(frame, &ruleset, &CheckOptions::default(), sink).await?;
/// // Both at once: the channel holds some batches only, and a full one holds the gate up.
/// let (good, bad) = futures::join!((&mut gate).try_collect::<Vec<_>>(), dead_letters.collect::<Vec<_>>());
/// let (good, run) = (good?, gate.commit()?);
/// assert_eq!((good[0].num_rows(), bad[0].num_rows(), run.rows), (2, 1, 3));
/// # Ok(())
/// # })
/// # }
/// ```
pub async fn gate<S>(
    frame: DataFrame,
    ruleset: &Ruleset,
    options: &CheckOptions,
    bad: S,
) -> Result<Gate<SendableRecordBatchStream, S>, Error> {
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let checker = compiled(ruleset, &plan.schema(), options).await?;
    Ok(Gate::new(checker, execute_stream(plan, context)?, bad))
}

/// Compiles a ruleset: texts are planned, references read.
async fn compiled(ruleset: &Ruleset, schema: &SchemaRef, options: &CheckOptions) -> Result<Checker, Error> {
    let (ruleset, schema, options) = (ruleset.clone(), schema.clone(), options.clone());
    apart(move || Checker::new(&ruleset, &schema, &options)).await
}

/// Work that would keep a thread of the runtime from everything else.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(work).await)?
}

/// A panic of a task is one of whoever waits for it, as with threads.
fn joined<T>(task: Result<T, JoinError>) -> Result<T, Error> {
    task.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Error::Internal("the runtime was shut down while rows were checked".into()),
    })
}

/// Errors of the library pass through streams of DataFusion and come out as they were.
impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let rows = |source| Error::Rows { engine: "DataFusion", source };
        match error {
            DataFusionError::External(source) => match source.downcast::<Error>() {
                Ok(own) => *own,
                Err(source) => rows(source),
            },
            error => rows(Box::new(error)),
        }
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
