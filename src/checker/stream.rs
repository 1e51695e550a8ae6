//! Async streams of batches: folded by a checker, sorted by a gate.

use super::Checker;
use super::gate::{Gate, Sorted, State};
use crate::error::Error;
use arrow_array::RecordBatch;
use futures::{Sink, Stream, StreamExt, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// What a gate of a stream holds between two polls.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The last batch.
    sorted: Sorted,
    /// Whether the stream came to its end.
    ended: bool,
}

/// With the feature `stream`: a stream of batches with the good rows of another one. Bad rows go to a sink that may
/// take its time, such as a channel, or an async closure made a sink by [`futures::sink::unfold`].
///
/// * The bad rows of a batch are accepted by the sink before its good rows are given. The stream ends once the sink
///   was closed, which writes what it still holds: only then is the gate complete. A sink that others go on using is
///   given as `&mut sink`, and is closed as well.
/// * A stream that is left early, or dropped between two polls, loses no row silently: the run is incomplete, so
///   [`Gate::commit`] refuses. Nothing comes behind an error, of the stream or of the sink.
/// * To check a batch is work for the processor, between two waits: tens of microseconds to a few milliseconds for
///   8,192 rows. One poll checks one batch at most, so other tasks of the thread wait no longer than that. Large
///   batches are better sliced; [`Gate::finish`], which counts all keys of uniqueness rules, may take seconds, and is
///   for a thread that may be blocked (`spawn_blocking` or the like).
/// * No runtime is needed or chosen. Streams that cannot be moved are boxed: `Box::pin(stream)`.
///
/// ```
/// # use arrow_array::{Int64Array, RecordBatch};
/// # use dq::check::{CheckOptions, Ruleset};
/// # use dq::checker::{Checker, Gate};
/// # use dq::rules::BindOptions;
/// use futures::{StreamExt, TryStreamExt, channel::mpsc};
///
/// # type Failure = Box<dyn std::error::Error + Send + Sync>;
/// # fn main() -> Result<(), Failure> {
/// # let rules = r#"Rules = [ ColumnValues "age" < 130 with threshold > 0.6 ]"#;
/// # let ruleset = Ruleset::parse(rules, &BindOptions::default()).accepted()?;
/// # let ages = std::sync::Arc::new(Int64Array::from(vec![31, 131, 5]));
/// # let batch = RecordBatch::try_from_iter([("age", ages as _)])?;
/// # let checker = Checker::new(&ruleset, &batch.schema(), &CheckOptions::default())?;
/// # futures::executor::block_on(async {
/// let (sink, dead_letters) = mpsc::channel::<RecordBatch>(8);
/// let batches = futures::stream::iter([Ok::<_, Failure>(batch)]);
///
/// let mut gate = Gate::new(checker, batches, sink);
/// // Both at once: the channel holds some batches only, and a full one holds the gate up.
/// let (good, bad) = futures::join!((&mut gate).try_collect::<Vec<_>>(), dead_letters.collect::<Vec<_>>());
/// let (good, run) = (good?, gate.commit()?);
/// assert_eq!((good[0].num_rows(), bad[0].num_rows(), run.rows), (2, 1, 3));
/// # Ok(())
/// # })
/// # }
/// ```
impl<B, S, E> Stream for Gate<B, S>
where
    B: Stream<Item = Result<RecordBatch, E>> + Unpin,
    S: Sink<RecordBatch> + Unpin,
    E: From<Error> + From<S::Error>,
{
    type Item = Result<RecordBatch, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let gate = self.get_mut();
        if gate.state != State::Open {
            return Poll::Ready(None);
        }
        // A panic of the stream or the sink loses rows.
        gate.state = State::Broken;
        let polled = step(gate, context);
        match &polled {
            Poll::Ready(None) => gate.state = State::Complete,
            Poll::Ready(Some(Err(_))) => {}
            Poll::Pending | Poll::Ready(Some(Ok(_))) => gate.state = State::Open,
        }
        polled
    }
}

fn step<B, S, E>(gate: &mut Gate<B, S>, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch, E>>>
where
    B: Stream<Item = Result<RecordBatch, E>> + Unpin,
    S: Sink<RecordBatch> + Unpin,
    E: From<Error> + From<S::Error>,
{
    loop {
        if gate.held.sorted.bad.is_some() {
            ready!(Pin::new(&mut gate.sink).poll_ready(context))?;
            if let Some(bad) = gate.held.sorted.bad.take() {
                let rows = bad.num_rows() as u64;
                Pin::new(&mut gate.sink).start_send(bad)?;
                gate.counts.bad += rows;
            }
        }
        if let Some(good) = gate.held.sorted.good.take() {
            gate.counts.good += good.num_rows() as u64;
            return Poll::Ready(Some(Ok(good)));
        }
        if gate.held.ended {
            ready!(Pin::new(&mut gate.sink).poll_close(context))?;
            return Poll::Ready(None);
        }
        match gate.batches.poll_next_unpin(context) {
            Poll::Pending => {
                // What the sink was given goes on its way while nothing comes.
                if let Poll::Ready(Err(error)) = Pin::new(&mut gate.sink).poll_flush(context) {
                    return Poll::Ready(Some(Err(error.into())));
                }
                return Poll::Pending;
            }
            Poll::Ready(None) => gate.held.ended = true,
            Poll::Ready(Some(batch)) => {
                let sorted = gate.sorted(batch?)?;
                let passes = sorted.good.is_some();
                gate.held.sorted = sorted;
                if !passes {
                    // Others wait no longer than one batch takes.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Checker {
    /// With the feature `stream`: folds all batches of a stream, as [`Checker::push`] does, and gives way to other
    /// tasks of the thread after each. After an error, or when the future is dropped before its end, rows are missing:
    /// [`Checker::finish`] says so, and every rule is ERROR.
    pub async fn push_stream<B, E>(&mut self, batches: B) -> Result<(), E>
    where
        B: Stream<Item = Result<RecordBatch, E>>,
        E: From<Error>,
    {
        let before = std::mem::replace(&mut self.incomplete, true);
        let mut batches = pin!(batches);
        while let Some(batch) = batches.next().await {
            self.push(&batch?)?;
            give_way().await;
        }
        self.incomplete = before;
        Ok(())
    }
}

/// Lets other tasks of the thread run.
async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
