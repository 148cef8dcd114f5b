//! Full-jitter exponential backoff: pure and deterministic by seed, so that a mass restart does not become a herd.

use std::time::Duration;

/// Bound of the first wait. A guess: a few round trips of a slow link.
const BASE_MS: u64 = 250;
/// Bound of every wait: a healed link is used again after 15 s on average, even if nobody tells.
const CAP_MS: u64 = 30_000;
/// Doublings after which the cap rules: 250 ms · 2⁷ = 32 s.
const DOUBLINGS: u32 = 7;

/// A stream of numbers fixed by its seed (SplitMix64, Steele, Lea and Flood 2014). For spreading load, never for
/// secrets.
#[derive(Debug, Clone)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// How often something failed in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now: anything from zero to a bound that doubles with every call.
    pub(super) fn next(&mut self, jitter: &mut Jitter) -> Duration {
        let bound = CAP_MS.min(BASE_MS << self.failures.min(DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(jitter.draw() % (bound + 1))
    }

    /// It worked, and for long enough.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(seed: u64, count: usize) -> Vec<u64> {
        let (mut jitter, mut backoff) = (Jitter::new(seed), Backoff::default());
        (0..count).map(|_| backoff.next(&mut jitter).as_millis() as u64).collect()
    }

    #[test]
    fn the_same_seed_waits_the_same_and_another_one_differs() {
        assert_eq!(waits(1, 50), waits(1, 50));
        assert_ne!(waits(1, 50), waits(2, 50));
    }

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let mut longest = [0u64; 12];
        for seed in 0..2_000 {
            for (slot, wait) in longest.iter_mut().zip(waits(seed, 12)) {
                *slot = (*slot).max(wait);
            }
        }
        for (attempt, longest) in longest.into_iter().enumerate() {
            let bound = (250u64 << attempt).min(30_000);
            assert!(longest <= bound, "attempt {attempt} waited {longest} ms, over {bound}");
            assert!(longest > bound * 9 / 10, "attempt {attempt} never comes near its bound: {longest} of {bound}");
        }
    }

    #[test]
    fn the_jitter_is_full() {
        let mut quarters = [0u32; 4];
        for seed in 0..4_000 {
            let wait = waits(seed, 9)[8];
            quarters[(wait * 4 / 30_001) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (850..1_150).contains(count)), "{quarters:?}");
    }

    #[test]
    fn after_a_reset_it_begins_anew() {
        let (mut jitter, mut backoff) = (Jitter::new(3), Backoff::default());
        for _ in 0..40 {
            backoff.next(&mut jitter);
        }
        backoff.reset();
        assert_eq!(backoff, Backoff::default());
        assert!(backoff.next(&mut jitter) <= Duration::from_millis(250));
    }

    #[test]
    fn it_never_overflows() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert!(backoff.next(&mut Jitter::new(0)) <= Duration::from_secs(30));
        assert_eq!(backoff.failures, u32::MAX);
    }
}
