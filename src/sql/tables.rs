//! Datasets as tables of the query engine.

use super::SqlError;
use crate::error::Error;
use crate::input::{Columns, Dataset};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use std::sync::{Arc, Mutex, PoisonError};

/// The first trouble with reading a dataset; the query engine would only pass on its text.
#[derive(Debug, Default, Clone)]
pub struct ReadTrouble(Arc<Mutex<Option<SqlError>>>);

impl ReadTrouble {
    fn set(&self, dataset: Option<Arc<str>>, error: Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(SqlError::Read { dataset, error });
    }

    /// Takes the trouble away.
    pub fn take(&self) -> Option<SqlError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The types in which columns are handed to the query engine: text in views, whatever its encoding.
pub fn planned(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| {
        let data_type = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => &DataType::Utf8View,
            DataType::Dictionary(_, values) if crate::metrics::is_text(values) => &DataType::Utf8View,
            other => other,
        };
        Field::new(field.name(), data_type.clone(), true)
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// A dataset under an alias.
pub struct DatasetTable {
    /// `None` for the data that is checked.
    pub alias: Option<Arc<str>>,
    /// Its files.
    pub dataset: Arc<Dataset>,
    /// Its columns, as planned.
    pub schema: SchemaRef,
    /// Rows per batch.
    pub batch_rows: usize,
    /// Where to say what went wrong.
    pub trouble: ReadTrouble,
}

impl std::fmt::Debug for DatasetTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatasetTable({})", self.alias.as_deref().unwrap_or(super::PRIMARY))
    }
}

#[async_trait]
impl TableProvider for DatasetTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let stream = DatasetStream {
            alias: self.alias.clone(),
            dataset: self.dataset.clone(),
            columns,
            schema: schema.clone(),
            batch_rows: self.batch_rows,
            trouble: self.trouble.clone(),
        };
        // One stream in file order: sums of doubles come out the same at any number of threads.
        let plan = StreamingTableExec::try_new(schema, vec![Arc::new(stream)], None, Vec::new(), false, limit)?;
        Ok(Arc::new(plan))
    }
}

struct DatasetStream {
    alias: Option<Arc<str>>,
    dataset: Arc<Dataset>,
    columns: Vec<usize>,
    schema: SchemaRef,
    batch_rows: usize,
    trouble: ReadTrouble,
}

impl std::fmt::Debug for DatasetStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatasetStream({} columns)", self.columns.len())
    }
}

impl PartitionStream for DatasetStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 4);
        let sender = builder.tx();
        let (dataset, columns, schema) = (self.dataset.clone(), self.columns.clone(), self.schema.clone());
        let (alias, trouble, batch_rows) = (self.alias.clone(), self.trouble.clone(), self.batch_rows);
        builder.spawn_blocking(move || {
            for batch in dataset.batches(&columns, batch_rows) {
                match batch.and_then(|batch| aligned(&batch, &schema)) {
                    // The receiver is gone when the query has seen enough, or was given up.
                    Ok(batch) => {
                        if sender.blocking_send(Ok(batch)).is_err() {
                            return Ok(());
                        }
                    }
                    Err(error) => {
                        let text = error.to_string();
                        trouble.set(alias, error);
                        return Err(DataFusionError::Execution(text));
                    }
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// The columns of a batch in the types that were planned.
fn aligned(batch: &Columns, schema: &SchemaRef) -> std::result::Result<RecordBatch, Error> {
    let internal = |error: arrow_schema::ArrowError| Error::Internal(error.to_string());
    let columns = batch.arrays.iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(column.clone())
        } else {
            arrow_cast::cast(column, field.data_type()).map_err(internal)
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(internal)
}
