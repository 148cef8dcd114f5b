//! When this node acts by itself: one small table, one deadline.

use super::setup::Pace;
use crate::rng::Rng;

/// The next time of each thing that a node does by itself, on the timer clock.
#[derive(Debug)]
pub(super) struct Timers {
    /// The next beacon.
    pub beacon: u64,
    /// When a beacon is for the whole mesh, not only for linked peers; drawn when that is first asked.
    pub far: Option<Far>,
    /// The next look at peers: reconcile with those whose turn it is, fetch what is missing.
    pub peers: u64,
}

/// Parts of a pause, in which draws are kept.
const PARTS: u64 = 1_024;

/// The next beacon for the whole mesh.
#[derive(Debug)]
pub(super) struct Far {
    /// Not before then.
    at: u64,
    /// Of the first one in the life of this process: since when it is awaited, and for which part of a pause.
    first: Option<(u64, u64)>,
}

impl Far {
    /// The first one: at any time within a pause. All nodes of a mesh may have begun at once, and if each spoke to the whole
    /// mesh then, each would hear as many beacons as there are nodes.
    pub fn first(mono_ms: u64, rng: &mut Rng) -> Self {
        Self { at: 0, first: Some((mono_ms, rng.below(PARTS))) }
    }

    /// One with the next beacon.
    pub fn at_once() -> Self {
        Self { at: 0, first: None }
    }

    /// Whether there was none before it, nor a reason to haste.
    pub fn is_first(&self) -> bool {
        self.first.is_some()
    }

    /// The one after one that is sent now.
    pub fn next(mono_ms: u64, pause_ms: u64, rng: &mut Rng) -> Self {
        Self { at: mono_ms + rng.around(pause_ms), first: None }
    }

    /// Whether it is due. `pause_ms`: between two of them, as the mesh is now. A mesh that became quiet puts the first one
    /// off, and what was put off stays so: else whatever stirs the mesh would bring those of all nodes at once.
    pub fn is_due(&mut self, mono_ms: u64, pause_ms: u64) -> bool {
        let first = self.first.map(|(since, part)| since + pause_ms.saturating_mul(part) / PARTS);
        self.at = self.at.max(first.unwrap_or(0));
        mono_ms >= self.at
    }
}

impl Timers {
    pub fn new(mono_ms: u64, pace: &Pace, rng: &mut Rng) -> Self {
        Self { beacon: mono_ms + rng.below(pace.beacon_ms), far: None, peers: mono_ms + rng.below(pace.repair_ms) }
    }

    /// A beacon within 50 ms: something is new that others should hear of soon, and several such things share one.
    pub fn beacon_soon(&mut self, mono_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + 50);
    }

    /// Something new is on disk: a beacon within so long.
    pub fn news(&mut self, mono_ms: u64, within_ms: u64) {
        self.beacon = self.beacon.min(mono_ms + within_ms);
    }

    /// The earlier of both.
    pub fn next(&self) -> u64 {
        self.beacon.min(self.peers)
    }
}
