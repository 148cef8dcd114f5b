//! How long to wait before the next connection: full jitter, so that the clients of a node that comes back do not come
//! back all at once (Brooker, "Exponential Backoff and Jitter", 2015).

use std::time::Duration;

/// The first wait is below this. A guess: a restart of a node takes about as long.
const FIRST: Duration = Duration::from_millis(200);
/// No wait is above this. A guess: what an operator who restarts a node is willing to look at.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits between attempts.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// An attempt succeeded.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The wait before the next attempt.
    pub fn next(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        // Without randomness the longest wait of this round is right too: it only spreads less.
        let share = getrandom::u32().unwrap_or(u32::MAX);
        ceiling.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        for attempt in 0..100u32 {
            let ceiling = FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST);
            assert!(backoff.next() <= ceiling);
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
