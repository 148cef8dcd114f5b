//! How a node slows down while nothing happens. It must not know what happens.
//!
//! Need: in a mesh of thousands, beacons that all say the same again are most of what is sent. Idea: the longer nothing
//! stirred, the longer the pauses, in proportion, up to a bound that grows with the mesh; whatever stirs ends that at
//! once. Small meshes keep their pace: they notice a silent node within seconds, and their beacons cost little.

use super::Machine;
use crate::beacon::{BEACON_EXPIRY_MAX_MS, BEACONS_LOST, HEARD_A_SECOND};

/// A pause is this part of the time since something stirred: who begins to listen then waits for an eighth of it.
const PART: u64 = 8;
/// The longest pause between two beacons for linked peers, milliseconds. Links that break are noticed by themselves.
const LONGEST_MS: u64 = 30_000;
/// Of a node in a quiet mesh, so many milliseconds of pause for each expected node: up to 128 nodes the pace stays.
const EACH_MS: u64 = 16;
/// The same while things happen: up to 512 nodes the pace stays.
const EACH_BUSY_MS: u64 = 4;
/// The longest pause between two beacons for linked peers while things happen, milliseconds.
const LONGEST_BUSY_MS: u64 = 8_000;

impl Machine {
    /// Something happened: a statement, a link, a set that is not ours.
    pub(super) fn stir(&mut self) {
        self.stirred_ms = self.now.mono_ms;
        self.timers.peers = self.timers.peers.min(self.now.mono_ms + self.pace.repair_ms);
    }

    /// The longest pause of a quiet mesh of this size.
    fn longest_ms(&self) -> u64 {
        (self.divergence.expected() as u64 * EACH_MS).min(LONGEST_MS)
    }

    /// A pause that is `usual_ms` while things happen.
    fn pause_ms(&self, usual_ms: u64, longest_ms: u64) -> u64 {
        let quiet_ms = self.now.mono_ms.saturating_sub(self.stirred_ms);
        (quiet_ms / PART).min(longest_ms).max(usual_ms)
    }

    /// Between two beacons while things happen, milliseconds.
    fn busy_ms(&self) -> u64 {
        self.pace.beacon_ms.max((self.divergence.expected() as u64 * EACH_BUSY_MS).min(LONGEST_BUSY_MS))
    }

    /// Until the next beacon, about, milliseconds.
    pub(super) fn beat_ms(&self) -> u64 {
        self.pause_ms(self.busy_ms(), self.longest_ms())
    }

    /// Between two beacons for the whole mesh, milliseconds: nobody shall hear more than so many a second.
    pub(super) fn far_ms(&self) -> u64 {
        let busy_ms = self.pace.beacon_ms.max(self.divergence.expected() as u64 * 1_000 / HEARD_A_SECOND);
        busy_ms.saturating_mul(self.beat_ms()) / self.busy_ms().max(1)
    }

    /// How long this node's beacons hold, milliseconds: until some may have been lost.
    pub(super) fn holds_ms(&self) -> u64 {
        let far_ms = self.await_ms();
        let slow = self.beat_ms() > self.pace.beacon_ms;
        let near_ms = if slow { self.beat_ms() * BEACONS_LOST * 2 } else { 0 };
        self.pace.beacon_expiry_ms.max(far_ms).max(near_ms).min(BEACON_EXPIRY_MAX_MS)
    }

    /// How long a node that was never heard is awaited, milliseconds: the longest that beacons from afar may be apart, and
    /// not at all where every beacon is for the whole mesh.
    pub(super) fn await_ms(&self) -> u64 {
        if self.is_small() { 0 } else { self.far_ms() * BEACONS_LOST }
    }

    /// Until the next look at peers, about, milliseconds.
    pub(super) fn look_ms(&self) -> u64 {
        self.pause_ms(self.pace.repair_ms, self.longest_ms().min(self.pace.reconcile_ms))
    }

    /// How long this node may hear no beacon before it says that it hears nobody, milliseconds: linked peers may be
    /// as slow as it would be.
    pub(super) fn patience_ms(&self) -> u64 {
        let slow_ms = if self.peers.count() > 0 { self.longest_ms() * 2 } else { 0 };
        self.pace.beacon_expiry_ms.max(slow_ms)
    }
}
