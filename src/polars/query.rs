//! A lazy frame as a table of the engine: its query is run by the streaming engine of Polars, as often as rows are
//! needed.

use super::frame::{PART_ROWS, batches, internal};
use super::interchange::schema;
use crate::error::Error;
use crate::guard::{guarded, said};
use crate::input::{Chunk, Chunks, Decoded, Parts, Table};
use arrow_schema::SchemaRef;
use polars::prelude::{DataFrame, Engine, Expr, LazyFrame, PlSmallStr, PlanCallback, PolarsResult};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// A query and its columns.
pub struct Query {
    /// Behind a lock only to be shared: it is cloned, and run elsewhere.
    frame: Mutex<LazyFrame>,
    names: Vec<PlSmallStr>,
    schema: SchemaRef,
}

impl Query {
    /// Of a query whose columns all have a type in Arrow. It is resolved, but not run: files are opened.
    pub fn new(frame: LazyFrame) -> Result<Self, Error> {
        let mut frame = frame;
        // Of types that it was built without, Polars panics.
        let own = guarded(|| frame.collect_schema()).map_err(|words| panicked(&words))??;
        let schema = schema(own.iter())?;
        let names = own.iter().map(|(name, _)| name.clone()).collect();
        Ok(Self { frame: Mutex::new(frame), names, schema })
    }

    /// The columns.
    pub fn columns(&self) -> &SchemaRef {
        &self.schema
    }

    /// Runs the query for all columns.
    pub fn run(&self) -> Result<Frames, Error> {
        Frames::of(self.frame())
    }

    fn frame(&self) -> LazyFrame {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Table for Query {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn parts(&self) -> Parts {
        Parts::Streamed
    }

    fn stream(&self, columns: &[usize], batch_rows: usize, _whole: bool) -> Result<Box<dyn Chunks<'_> + '_>, Error> {
        // Rows are counted by some column: without any, nothing would tell how many there are.
        let first = [0];
        let asked = if columns.is_empty() { &first[..] } else { columns };
        // By name as it is: `col` would take some names for patterns.
        let asked: Vec<Expr> = asked.iter().filter_map(|at| self.names.get(*at).cloned().map(Expr::Column)).collect();
        let frame = if asked.is_empty() { self.frame() } else { self.frame().select(asked) };
        let schema = self.schema.project(columns).map_err(internal)?.into();
        Ok(Box::new(Running { frames: Frames::of(frame)?, columns: columns.len(), schema, batch_rows }))
    }
}

/// A query whose frames become parts.
struct Running {
    frames: Frames,
    /// Columns that were asked for: the first of each frame.
    columns: usize,
    schema: SchemaRef,
    batch_rows: usize,
}

impl<'a> Chunks<'a> for Running {
    fn next(&mut self) -> Option<Result<Chunk<'a>, Error>> {
        let frame = match self.frames.next()? {
            Ok(frame) => frame,
            Err(error) => return Some(Err(error)),
        };
        let (columns, schema, batch_rows) = (self.columns, self.schema.clone(), self.batch_rows);
        let decode = move || -> Result<Decoded<'a>, Error> {
            let columns: Vec<usize> = (0..columns).collect();
            let batches = batches(&frame, &columns, 0..frame.height(), schema, batch_rows)?;
            Ok(Box::new(batches.map(|batch| batch.map(|batch| (batch, None)))))
        };
        Some(Ok(Chunk { bytes: 0, decode: Box::new(decode) }))
    }
}

/// The frames of a query that runs, in their order, each of at most [`PART_ROWS`] rows. At most one waits, besides
/// those that Polars holds itself: a query that is faster than whoever asks for its frames is held up.
///
/// The query runs on a thread of its own, which no runtime knows. Its end is told from its failure, and from a panic of
/// Polars: both are an error behind the frames before them, never a short result. Dropped early, the query ends with
/// its next frame.
#[derive(Debug)]
pub struct Frames {
    frames: Receiver<Option<DataFrame>>,
    /// `None` once it was joined.
    query: Option<JoinHandle<PolarsResult<()>>>,
}

/// Says that no frame comes any more, whatever ended the query.
struct End(SyncSender<Option<DataFrame>>);

impl Drop for End {
    fn drop(&mut self) {
        // Nobody may be there to hear it.
        let _ = self.0.send(None);
    }
}

impl Frames {
    fn of(frame: LazyFrame) -> Result<Self, Error> {
        let (sender, frames) = sync_channel(1);
        let end = End(sender.clone());
        // True ends the query: nobody listens.
        let take = PlanCallback::new(move |frame: DataFrame| Ok(sender.send(Some(frame)).is_err()));
        let query = frame.sink_batches(take, true, NonZeroUsize::new(PART_ROWS))?;
        let run = move || {
            let _end = end;
            query.collect_with_engine(Engine::Streaming).map(|_| ())
        };
        let query = std::thread::Builder::new().name("query".into()).spawn(run);
        let query = query.map_err(|error| Error::Rows { engine: "Polars", source: Box::new(error) })?;
        Ok(Self { frames, query: Some(query) })
    }
}

impl Iterator for Frames {
    type Item = Result<DataFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.query.as_ref()?;
        if let Ok(Some(frame)) = self.frames.recv() {
            return Some(Ok(frame));
        }
        match self.query.take()?.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error.into())),
            Err(panic) => Some(Err(panicked(&said(&*panic)))),
        }
    }
}

fn panicked(words: &str) -> Error {
    Error::Rows { engine: "Polars", source: format!("the query panicked: {words}").into() }
}
