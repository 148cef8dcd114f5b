//! The timer that hyper is given for one connection. hyper begins a wait for each request and drops it when the request is
//! there; a timer of tokio's for each costs a lock and a place in the wheel twice a request. Here a connection has one,
//! which is set on only when it goes off and the newest wait is not over yet. It must not know HTTP.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::Timer;
use tokio::time::Sleep;

/// A timer that lets one task wait for one moment at a time.
#[derive(Clone)]
pub struct Alarm(Arc<Mutex<Pin<Box<Sleep>>>>);

impl Alarm {
    /// An alarm that nobody waits for.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(Duration::ZERO)))))
    }
}

impl Timer for Alarm {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Wait { alarm: self.clone(), deadline: deadline.into() })
    }

    /// tokio's clock, which tests can stop.
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

/// Waits for a moment.
struct Wait {
    alarm: Alarm,
    deadline: tokio::time::Instant,
}

impl hyper::rt::Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.alarm.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // An earlier wait may have left it set to an earlier moment; then it goes off once for nothing.
            if sleep.deadline() > self.deadline {
                sleep.as_mut().reset(self.deadline);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if tokio::time::Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_wait_ends_at_its_own_moment_whatever_was_waited_for_before() {
        let alarm = Alarm::new();
        let millis = Duration::from_millis;
        for long in [40, 5_000, 90, 300] {
            // Given up soon, like a wait for a request that came.
            let waited = tokio::time::timeout(millis(10), alarm.sleep(millis(long))).await;
            assert!(waited.is_err(), "{long}");
        }
        for long in [60, 1, 30] {
            let begin = tokio::time::Instant::now();
            alarm.sleep(millis(long)).await;
            assert!(begin.elapsed() >= millis(long), "{long}");
        }
        // A moment that is over is not waited for.
        alarm.sleep_until(Instant::now()).await;
    }
}
