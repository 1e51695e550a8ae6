//! Async streams of batches: folded as if they were pushed, sorted by a gate whose sink may take its time.

// Tests fail by panicking.
#![allow(clippy::expect_used, clippy::panic)]

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use dq::check::{CheckOptions, Ruleset};
use dq::checker::{Checker, Gate, GateCounts, Refused};
use dq::error::Error;
use dq::rules::{BindOptions, Target};
use dq::verdict::Verdict;
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::sink::drain;
use futures::{Sink, SinkExt, Stream, StreamExt, TryStreamExt, stream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn batch(ages: &[i64]) -> RecordBatch {
    let ages: ArrayRef = Arc::new(Int64Array::from(ages.to_vec()));
    RecordBatch::try_from_iter([("age", ages)]).expect("a batch")
}

fn checker(rules: &str) -> Checker {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let ruleset = Ruleset::parse(rules, &BindOptions { now, target: Target::Dq });
    Checker::new(&ruleset, &batch(&[1]).schema(), &CheckOptions::default()).expect("a checker")
}

fn batches(ages: &[&[i64]]) -> Vec<Result<RecordBatch, Failure>> {
    ages.iter().map(|ages| Ok(batch(ages))).collect()
}

fn ages(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// A stream that is not ready every other time, and wakes at once.
struct Hesitant<S>(S, bool);

impl<S: Stream + Unpin> Stream for Hesitant<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.0.poll_next_unpin(context)
    }
}

/// A sink that is not ready every other time, keeps what it is given, and says when it was closed.
#[derive(Default)]
struct SlowSink {
    taken: Vec<RecordBatch>,
    refused: bool,
    closed: bool,
    /// Rows from which on it fails.
    room: Option<usize>,
}

impl SlowSink {
    fn hesitate(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.refused = !self.refused;
        if self.refused {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<RecordBatch> for SlowSink {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.hesitate(context)
    }

    fn start_send(mut self: Pin<&mut Self>, batch: RecordBatch) -> Result<(), Error> {
        assert!(!self.closed && !self.refused, "only a sink that is ready takes something");
        if self.room.is_some_and(|room| self.taken.len() >= room) {
            return Err(Error::Option("the dead letters are full".into()));
        }
        self.taken.push(batch);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.hesitate(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = self.hesitate(context);
        self.closed |= polled.is_ready();
        polled
    }
}

const YOUNG: &str = r#"Rules = [ ColumnValues "age" < 130 with threshold > 0.4, RowCount = 8 ]"#;
const AGES: [&[i64]; 5] = [&[31, 131], &[], &[132, 133], &[5], &[140, 7, 9]];

#[test]
fn a_gate_sorts_a_stream_however_slow_its_ends_are() {
    let mut sink = SlowSink::default();
    let source = Hesitant(stream::iter(batches(&AGES)), false);
    let mut gate = Gate::new(checker(YOUNG), source, &mut sink);
    let good: Vec<RecordBatch> = block_on((&mut gate).try_collect()).expect("good rows");
    assert_eq!(gate.counts(), GateCounts { good: 4, bad: 4 });
    let run = gate.commit().expect("committed");
    assert_eq!((run.rows, run.score), (8, Some(1.0)));
    assert_eq!((ages(&good), ages(&sink.taken)), (vec![31, 5, 7, 9], vec![131, 132, 133, 140]));
    assert!(sink.closed, "what a sink still holds is written");
}

#[test]
fn bad_rows_are_accepted_before_the_good_rows_of_their_batch_are_given() {
    let (sink, mut dead_letters) = mpsc::unbounded();
    let mut gate = Gate::new(checker(YOUNG), stream::iter(batches(&AGES)), sink);
    let first = block_on(gate.next()).expect("a batch").expect("good rows");
    let aside = dead_letters.try_recv().expect("bad rows");
    assert_eq!((ages(&[first]), ages(&[aside])), (vec![31], vec![131]));
}

#[test]
fn a_stream_that_is_left_early_commits_nothing() {
    let sink = || drain::<RecordBatch>().sink_map_err(never);
    let unread = Gate::new(checker(YOUNG), stream::iter(batches(&AGES)), sink());
    let mut left = Gate::new(checker(YOUNG), stream::iter(batches(&AGES)), sink());
    assert!(block_on(left.next()).is_some_and(|batch: Result<RecordBatch, Failure>| batch.is_ok()));
    for gate in [unread, left] {
        let Err(Refused::Rules { run }) = gate.commit() else { panic!("committed") };
        assert!(run.incomplete && run.outcomes.iter().all(|outcome| outcome.code == Some("interrupted")));
    }
}

#[test]
fn nothing_comes_behind_an_error_of_the_stream_or_of_the_sink() {
    let mut broken = batches(&AGES);
    broken[3] = Err("the broker is gone".into());
    let mut full = SlowSink { room: Some(1), ..SlowSink::default() };
    let mut roomy = SlowSink::default();
    for (source, sink, words) in [(broken, &mut roomy, "broker"), (batches(&AGES), &mut full, "full")] {
        let mut gate = Gate::new(checker(YOUNG), stream::iter(source), sink);
        let seen: Vec<Result<RecordBatch, Failure>> = block_on((&mut gate).collect());
        let (last, before) = seen.split_last().expect("something");
        assert!(before.iter().all(Result::is_ok));
        assert!(last.as_ref().is_err_and(|error| error.to_string().contains(words)));
        assert!(block_on(gate.next()).is_none());
        assert!(gate.finish().expect("a run").incomplete);
    }
}

#[test]
fn batches_of_other_columns_break_the_gate() {
    let ages: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("years", ages)]).expect("a batch");
    let mut gate = Gate::new(checker(YOUNG), stream::iter([Ok::<_, Error>(other)]), SlowSink::default());
    assert!(block_on(gate.next()).is_some_and(|batch| matches!(batch, Err(Error::Option(_)))));
    assert!(gate.finish().expect("a run").incomplete);
}

#[test]
fn rows_that_pass_or_fail_all_at_once_are_not_copied() {
    let (whole, none) = (batch(&[1, 2]), batch(&[200, 201]));
    let address = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().as_ptr();
    let addresses = [address(&whole), address(&none)];
    let mut sink = SlowSink::default();
    let mut gate = Gate::new(checker(YOUNG), stream::iter([Ok::<_, Error>(whole), Ok(none)]), &mut sink);
    let good: Vec<RecordBatch> = block_on((&mut gate).try_collect()).expect("good rows");
    drop(gate);
    assert_eq!([address(&good[0]), address(&sink.taken[0])], addresses);
}

#[test]
fn a_whole_stream_is_folded_as_its_batches_are() {
    let rules = r#"Rules = [ RowCount = 8, IsUnique "age", Mean "age" > 1, ColumnValues "age" < 130 ]"#;
    let mut pushed = checker(rules);
    AGES.iter().for_each(|ages| pushed.push(&batch(ages)).expect("pushed"));
    let mut folded = checker(rules);
    block_on(folded.push_stream(Hesitant(stream::iter(batches(&AGES)), true))).expect("folded");
    let [pushed, folded] = [pushed, folded].map(|checker| checker.finish().expect("a run"));
    assert_eq!((pushed.rows, pushed.score), (folded.rows, folded.score));
    assert_eq!(pushed.outcomes[3].rows, folded.outcomes[3].rows);
    assert_eq!(folded.outcomes[3].verdict, Verdict::Fail);

    let mut broken = checker(rules);
    let source = stream::iter(vec![Ok(batch(&[1])), Err(Error::Option("the source broke".into()))]);
    assert!(block_on(broken.push_stream(source)).is_err());
}

#[test]
fn streams_that_cannot_be_moved_are_taken_boxed_and_folded_as_they_are() {
    let produced = || stream::unfold(0, |at| async move { (at < 3).then(|| (Ok::<_, Error>(batch(&[at])), at + 1)) });
    let mut folded = checker("Rules = [ RowCount = 3 ]");
    block_on(folded.push_stream(produced())).expect("folded");
    assert_eq!(folded.rows(), 3);
    let mut gate = Gate::new(checker(YOUNG), Box::pin(produced()), SlowSink::default());
    assert_eq!(block_on((&mut gate).count()), 3);
}

#[test]
fn a_poll_checks_one_batch_at_most() {
    let bad = vec![&[200][..]; 50];
    let sink = drain::<RecordBatch>().sink_map_err(never);
    let mut gate = Gate::new(checker(YOUNG), stream::iter(batches(&bad)), sink);
    let mut context = Context::from_waker(futures::task::noop_waker_ref());
    for polls in 1..=50 {
        assert!(gate.poll_next_unpin(&mut context).is_pending());
        assert_eq!(gate.counts().bad, polls - 1);
    }
    assert!(matches!(gate.poll_next_unpin(&mut context), Poll::Ready(None)));
}

fn never(never: std::convert::Infallible) -> Failure {
    match never {}
}

#[test]
#[cfg(feature = "sql")]
fn a_check_with_queries_may_be_made_within_any_executor() {
    let text = r#"Rules = [ CustomSql "select count(*) from primary" = 200, IsComplete "customer_id" where "customer_id > 0" ]"#;
    let ruleset = Ruleset::parse(text, &BindOptions::default()).accepted().expect("a ruleset");
    let data = [std::path::PathBuf::from("fixtures/data/customers.csv")];
    let options = CheckOptions::default();
    let checked = || dq::check::check(&ruleset, &data, &options, dq::check::Watch::default()).expect("a run").score;
    assert_eq!(futures::executor::block_on(async { checked() }), Some(1.0));
    for mut runtime in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()] {
        let runtime = runtime.build().expect("a runtime");
        assert_eq!(runtime.block_on(async { checked() }), Some(1.0));
    }
}

#[test]
fn what_the_sink_was_given_goes_on_its_way_while_nothing_comes() {
    let arrived = std::sync::atomic::AtomicUsize::new(0);
    let sink = futures::sink::unfold((), |(), rows: RecordBatch| {
        arrived.fetch_add(rows.num_rows(), std::sync::atomic::Ordering::Relaxed);
        std::future::ready(Ok::<_, Error>(()))
    });
    let source = stream::iter(batches(&[&[131, 5]])).chain(stream::pending());
    let mut gate = Gate::new(checker(YOUNG), source, Box::pin(sink));
    let good: RecordBatch = block_on(gate.next()).expect("a batch").expect("good rows");
    assert_eq!(ages(&[good]), [5]);
    let waker = futures::task::noop_waker();
    assert!(gate.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(arrived.load(std::sync::atomic::Ordering::Relaxed), 1);
}
