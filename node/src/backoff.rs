//! Full-jitter exponential backoff: pure and deterministic by seed, so that a mass restart does not become a herd. It
//! must not know what is tried again.

use std::time::Duration;

/// Doublings after which every bound in use has long reached its cap.
const DOUBLINGS: u32 = 32;

/// A stream of numbers fixed by its seed (SplitMix64, Steele, Lea and Flood 2014). For spreading load, never for
/// secrets.
#[derive(Debug, Clone)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// How often something failed in a row, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    base_ms: u64,
    cap_ms: u64,
}

impl Backoff {
    /// Nothing failed yet. The first wait is at most `base`, and none is above `cap`.
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { failures: 0, base_ms: millis(base), cap_ms: millis(cap) }
    }

    /// How long to wait now: anything from zero to a bound that doubles with every call.
    pub(crate) fn next(&mut self, jitter: &mut Jitter) -> Duration {
        let bound = self.cap_ms.min(self.base_ms.saturating_mul(1 << self.failures.min(DOUBLINGS)));
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(jitter.draw() % bound.saturating_add(1))
    }

    /// It worked, and for long enough.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(250), Duration::from_secs(30))
    }

    fn waits(seed: u64, count: usize) -> Vec<u64> {
        let (mut jitter, mut backoff) = (Jitter::new(seed), backoff());
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
        let (mut jitter, mut after) = (Jitter::new(3), backoff());
        for _ in 0..40 {
            after.next(&mut jitter);
        }
        after.reset();
        assert_eq!(after, backoff());
        assert!(after.next(&mut jitter) <= Duration::from_millis(250));
    }

    #[test]
    fn it_never_overflows() {
        let mut old = Backoff { failures: u32::MAX, ..backoff() };
        assert!(old.next(&mut Jitter::new(0)) <= Duration::from_secs(30));
        assert_eq!(old.failures, u32::MAX);
        let mut vast = Backoff { failures: 40, ..Backoff::new(Duration::MAX, Duration::MAX) };
        vast.next(&mut Jitter::new(0));
    }
}
