//! How long the writer stays away from a disk that failed. Pure: time comes in as an argument.
//!
//! A nearly full disk takes the commit that proves that it works again, and refuses the next one that holds something. If
//! each recovery began anew with the shortest pause, the store would turn read-only and back several times a second. So
//! the pauses grow over recoveries too, and begin anew only after the store took writes for a good while.

use std::time::{Duration, Instant};

use super::Pace;
use crate::backoff::{Backoff, Jitter};

/// A good while, in longest pauses: a store that fails once in such a time is not flapping.
const GOOD: u32 = 10;

/// The pauses of one writer.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    jitter: Jitter,
    good: Duration,
    /// Since when writes are taken again.
    well: Option<Instant>,
}

impl Patience {
    /// Nothing failed yet. The seed spreads the attempts of nodes that share a disk.
    pub(super) fn new(pace: &Pace, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(pace.first_pause, pace.longest_pause),
            jitter: Jitter::new(seed),
            good: pace.longest_pause.saturating_mul(GOOD),
            well: None,
        }
    }

    /// A commit failed, or an attempt to open the store again: how long to leave it alone.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        if self.well.take().is_some_and(|since| now.saturating_duration_since(since) >= self.good) {
            self.backoff.reset();
        }
        self.backoff.next(&mut self.jitter)
    }

    /// Writes are taken again.
    pub(super) fn recovered(&mut self, now: Instant) {
        self.well = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { queue: 1, first_pause: Duration::from_millis(100), longest_pause: Duration::from_secs(30) };

    /// The longest pause of each of `flaps` failures in a row, over many seeds; between them the store is well for `well`.
    fn longest(flaps: usize, well: Duration) -> Vec<Duration> {
        let mut longest = vec![Duration::ZERO; flaps];
        for seed in 0..500 {
            let (mut patience, mut now) = (Patience::new(&PACE, seed), Instant::now());
            for slot in &mut longest {
                let pause = patience.failed(now);
                *slot = pause.max(*slot);
                now += pause;
                patience.recovered(now);
                now += well;
            }
        }
        longest
    }

    #[test]
    fn pauses_grow_over_recoveries_that_do_not_last() {
        for (flap, longest) in longest(12, Duration::from_secs(1)).into_iter().enumerate() {
            let bound = Duration::from_millis((100u64 << flap).min(30_000));
            assert!(longest <= bound && longest > bound * 9 / 10, "flap {flap}: {longest:?} of {bound:?}");
        }
    }

    #[test]
    fn after_a_good_while_they_begin_anew() {
        assert!(longest(12, Duration::from_secs(300)).iter().all(|longest| *longest <= PACE.first_pause));
        assert!(longest(12, Duration::from_secs(299)).iter().any(|longest| *longest > PACE.first_pause));
    }

    #[test]
    fn failed_attempts_make_them_grow_too() {
        let (mut patience, now) = (Patience::new(&PACE, 7), Instant::now());
        let pauses: Vec<Duration> = (0..40).map(|_| patience.failed(now)).collect();
        assert!(pauses.iter().all(|pause| *pause <= PACE.longest_pause));
        assert!(pauses.iter().any(|pause| *pause > PACE.longest_pause / 2), "{pauses:?}");
    }
}
