//! Attempts at sending: how long to wait between them, and where they run.

use super::{Refused, Stop, is_set};
use futures::future::{Either, select};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::Builder;

/// The longest pause before the second attempt; it doubles from one to the next.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause at all, whatever a service asks for.
const LONGEST: Duration = Duration::from_secs(20);

/// How often it is looked whether the program is to end.
const TICK: Duration = Duration::from_millis(50);

/// Runs to its end what sends a message, or until the program is to end. On a thread of its own: the caller may be a
/// task of another runtime, where `block_on` would panic.
pub(super) fn run<T: Send>(
    sending: impl Future<Output = Result<T, Refused>> + Send,
    stop: Stop<'_>,
) -> Result<T, Refused> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("dq-send".into()).spawn_scoped(scope, || run_here(sending, stop));
        let thread = thread.map_err(|error| Refused::whole(format!("nothing can be sent: {error}")))?;
        let broken_off = |_| Err(Refused::whole("nothing was sent: the sender broke off; please report it"));
        thread.join().unwrap_or_else(broken_off)
    })
}

fn run_here<T>(sending: impl Future<Output = Result<T, Refused>>, stop: Stop<'_>) -> Result<T, Refused> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refused::whole(format!("nothing can be sent: {error}")))?;
    let ended = runtime.block_on(async {
        let stopped = async {
            while !is_set(stop) {
                tokio::time::sleep(TICK).await;
            }
        };
        match select(pin!(sending), pin!(stopped)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Err(Refused::interrupted()),
        }
    });
    // Does not wait for the name of a server that is still looked up.
    runtime.shutdown_background();
    ended
}

/// Waits before the attempt after number `attempt`, from 1: as long as the service asks for, or a random part of
/// a time that doubles, so that many programs that failed together do not come back together.
pub(super) async fn pause(attempt: u32, asked: Option<Duration>) {
    tokio::time::sleep(pause_time(attempt, asked, random())).await;
}

/// `random` is from 0 to 1.
fn pause_time(attempt: u32, asked: Option<Duration>, random: f64) -> Duration {
    let longest = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST);
    asked.map_or(longest.mul_f64(random), |asked| asked.min(LONGEST))
}

/// From 0 to 1, another one in every process and call: the standard library seeds its hashers at random.
fn random() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    #[test]
    fn tasks_of_another_runtime_may_send() {
        let runtime = Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(async { run(async { Ok(1) }, None) }).unwrap(), 1);
    }

    #[test]
    fn what_is_sent_ends_with_the_program() {
        let stop = AtomicBool::new(false);
        assert_eq!(run(async { Ok(1) }, Some(&stop)).unwrap(), 1);
        assert_eq!(run(async { Ok(1) }, None).unwrap(), 1);
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                stop.store(true, Ordering::Relaxed);
            });
            let refused = run(std::future::pending::<Result<(), Refused>>(), Some(&stop)).unwrap_err();
            assert_eq!((refused.reason.as_str(), refused.down), ("interrupted", false));
        });
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn pauses_grow_to_a_limit_and_follow_what_services_ask_for() {
        let longest = |attempt| pause_time(attempt, None, 1.0);
        assert_eq!([longest(1), longest(2), longest(3)], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(longest(u32::MAX), LONGEST);
        assert_eq!(pause_time(3, None, 0.0), Duration::ZERO);
        assert_eq!(pause_time(1, Some(Duration::from_secs(3)), 0.5), Duration::from_secs(3));
        assert_eq!(pause_time(1, Some(Duration::MAX), 0.5), LONGEST);
    }

    #[test]
    fn random_numbers_differ_and_stay_in_their_range() {
        let numbers: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
