//! When this node acts by itself: one small table, one deadline.

use super::setup::Pace;
use crate::rng::Rng;

/// After news the next beacon comes no later than this, milliseconds: who waits for a change to be everywhere learns it
/// from beacons. Under steady writes it is the beat.
const NEWS_MS: u64 = 500;

/// The next time of each thing that a node does by itself, on the timer clock.
#[derive(Debug)]
pub(super) struct Timers {
    /// The next beacon.
    pub beacon: u64,
    /// The next look at peers: reconcile with those whose turn it is, fetch what is missing.
    pub peers: u64,
}

impl Timers {
    pub fn new(mono_ms: u64, pace: &Pace, rng: &mut Rng) -> Self {
        Self { beacon: mono_ms + rng.below(pace.beacon_ms), peers: mono_ms + rng.below(pace.repair_ms) }
    }

    /// A beacon within 50 ms: something is new that others should hear of soon, and several such things share one.
    pub fn beacon_soon(&mut self, mono_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + 50);
    }

    /// Something new is on disk.
    pub fn news(&mut self, mono_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + NEWS_MS);
    }

    /// The earlier of both.
    pub fn next(&self) -> u64 {
        self.beacon.min(self.peers)
    }
}
