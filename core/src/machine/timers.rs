//! When this node acts by itself: one small table, one deadline.

use super::setup::Pace;
use crate::rng::Rng;

/// The next time of each thing that a node does by itself, on the timer clock.
#[derive(Debug)]
pub(super) struct Timers {
    /// The next beacon.
    pub beacon: u64,
    /// From when on a beacon is for the whole mesh, not only for linked peers.
    pub far: u64,
    /// The next look at peers: reconcile with those whose turn it is, fetch what is missing.
    pub peers: u64,
}

impl Timers {
    pub fn new(mono_ms: u64, pace: &Pace, rng: &mut Rng) -> Self {
        Self { beacon: mono_ms + rng.below(pace.beacon_ms), far: mono_ms, peers: mono_ms + rng.below(pace.repair_ms) }
    }

    /// A beacon within 50 ms: something is new that others should hear of soon, and several such things share one.
    pub fn beacon_soon(&mut self, mono_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + 50);
    }

    /// Something new is on disk: a beacon within so long.
    pub fn news(&mut self, mono_ms: u64, within_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + within_ms);
    }

    /// Whether a beacon that is sent now is for the whole mesh.
    pub fn far_is_due(&self, mono_ms: u64) -> bool {
        mono_ms >= self.far
    }

    /// The earlier of both.
    pub fn next(&self) -> u64 {
        self.beacon.min(self.peers)
    }
}
