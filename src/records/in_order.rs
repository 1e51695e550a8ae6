//! Work on several threads whose results come in the order of the tasks, with a bound on what waits.

use crate::error::Error;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

/// Pieces on their way, for each thread.
const WAITING: usize = 4;

/// Room for walking deep records and schemas; what is not used costs nothing.
const STACK: usize = 64 << 20;

/// Gives each task to one of some threads and its result to `take`, in order. Ends with the first error,
/// which is that of the first task that has one, or when `take` breaks.
pub fn in_order<T: Send, R: Send>(
    threads: usize,
    next: impl FnMut() -> Result<Option<T>, Error> + Send,
    work: impl Fn(T) -> Result<R, Error> + Sync,
    take: impl FnMut(R) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let threads = threads.max(1);
    let (permits, permitted) = channel();
    let (tasks, given) = sync_channel(threads * WAITING);
    let (results, found) = channel();
    for _ in 0..threads * WAITING {
        // The other end is held here.
        let _ = permits.send(());
    }
    let given = Mutex::new(given);
    let (work, given) = (&work, &given);
    // What moves in is dropped before the threads are waited for: channels without an end stop them.
    std::thread::scope(move |scope| {
        let feeding = results.clone();
        spawn(scope, move || feed(next, &permitted, &tasks, &feeding))?;
        for _ in 0..threads {
            let results = results.clone();
            spawn(scope, move || {
                while let Some((sequence, task)) = receive(given) {
                    if results.send((sequence, work(task))).is_err() {
                        break;
                    }
                }
            })?;
        }
        drop(results);
        let outcome = collect(&found, &permits, take);
        drop((found, permits));
        outcome
    })
}

type Sequenced<R> = (u64, Result<R, Error>);

/// Hands out tasks as long as results are taken. An error of the input takes its place among the results.
fn feed<T, R>(
    mut next: impl FnMut() -> Result<Option<T>, Error>,
    permitted: &Receiver<()>,
    tasks: &SyncSender<(u64, T)>,
    results: &Sender<Sequenced<R>>,
) {
    let mut sequence = 0;
    while permitted.recv().is_ok() {
        let task = match next() {
            Ok(Some(task)) => task,
            Ok(None) => return,
            Err(error) => {
                // Nobody listens any more only when the run has ended.
                let _ = results.send((sequence, Err(error)));
                return;
            }
        };
        if tasks.send((sequence, task)).is_err() {
            return;
        }
        sequence += 1;
    }
}

fn receive<T>(given: &Mutex<Receiver<T>>) -> Option<T> {
    given.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn collect<R>(
    found: &Receiver<Sequenced<R>>,
    permits: &Sender<()>,
    mut take: impl FnMut(R) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut waiting = BTreeMap::new();
    let mut expected = 0;
    while let Ok((sequence, result)) = found.recv() {
        waiting.insert(sequence, result);
        while let Some(result) = waiting.remove(&expected) {
            expected += 1;
            if take(result?)?.is_break() {
                return Ok(());
            }
            // The reader may have come to the end.
            let _ = permits.send(());
        }
    }
    if waiting.is_empty() { Ok(()) } else { Err(Error::Internal("a piece of a file was lost".into())) }
}

fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, run: impl FnOnce() + Send + 'scope) -> Result<(), Error> {
    let spawned = Builder::new().stack_size(STACK).spawn_scoped(scope, run);
    spawned.map(drop).map_err(|error| Error::Internal(format!("no thread could be started: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(last: u64) -> impl FnMut() -> Result<Option<u64>, Error> {
        let mut numbers = 0..last;
        move || Ok(numbers.next())
    }

    #[test]
    fn results_come_in_the_order_of_tasks() {
        for threads in [1, 2, 5] {
            let mut taken = Vec::new();
            let work = |number: u64| {
                std::thread::sleep(std::time::Duration::from_micros(number * 37 % 200));
                Ok(number)
            };
            in_order(threads, numbers(200), work, |number| {
                taken.push(number);
                Ok(ControlFlow::Continue(()))
            })
            .expect("done");
            assert_eq!(taken, (0..200).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_ends_the_work_behind_all_results_in_front_of_it() {
        for threads in [1, 3] {
            let mut taken = Vec::new();
            let work = |number: u64| match number {
                7.. => Err(Error::Option(format!("{number}"))),
                number => Ok(number),
            };
            let error = in_order(threads, numbers(10_000), work, |number| {
                taken.push(number);
                Ok(ControlFlow::Continue(()))
            });
            assert_eq!(error.expect_err("an error").to_string(), "7");
            assert_eq!(taken.len(), 7);
        }
    }

    #[test]
    fn who_takes_may_end_it() {
        let mut taken = 0;
        in_order(2, numbers(u64::MAX), Ok, |_| {
            taken += 1;
            Ok(if taken == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .expect("done");
        assert_eq!(taken, 3);
    }
}
