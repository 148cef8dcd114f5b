//! What a node is told once, at its start.

use std::collections::BTreeSet;

use driftless_statement::{MeshId, Scope, SecretKey};

use super::intake::rates::Rates;
use super::proofs::Proofs;

/// How often a node does what it does by itself. The defaults are guesses that keep an idle node under 1 KB/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two beacons, milliseconds.
    pub beacon_ms: u64,
    /// How long a beacon counts as heard, milliseconds.
    pub beacon_expiry_ms: u64,
    /// Between two rounds of reconciliation with one peer when nothing asks for it, milliseconds.
    pub reconcile_ms: u64,
    /// Between two rounds with one peer when beacons differ, milliseconds.
    pub repair_ms: u64,
    /// How long a request to a peer may take before its session is given up, milliseconds.
    pub request_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { beacon_ms: 2_000, beacon_expiry_ms: 10_000, reconcile_ms: 15_000, repair_ms: 1_000, request_ms: 10_000 }
    }
}

/// How many bytes of what root acts struck a node keeps when nothing else is said. A guess: some ten thousand writes, for who
/// asks what the struck key did.
pub const KEEP_STRUCK_BYTES: usize = 16 << 20;

/// Everything that makes one node different from another before it has seen anything.
pub struct Setup {
    /// Its key: proves membership to peers and signs its beacons and its local services' edits.
    pub key: SecretKey,
    /// The mesh it belongs to.
    pub mesh: MeshId,
    /// Its name in beacons, for people; at most 64 bytes.
    pub name: String,
    /// The scopes it wants to hold; `None`: all that its member grant allows.
    pub wants: Option<BTreeSet<Scope>>,
    /// The store's number.
    pub store: u64,
    /// The store's boot.
    pub boot: u64,
    /// The durable time floor, Unix milliseconds.
    pub floor_ms: u64,
    /// How many bytes of what root acts struck are kept on disk, the earliest first.
    pub keep_struck_bytes: usize,
    /// Seeds the order of peers and the jitter of timers.
    pub seed: u64,
    /// How often it acts by itself.
    pub pace: Pace,
    /// How much of one author and of one peer it takes in how fast.
    pub rates: Rates,
    /// Signatures that were checked in this process already; a node alone leaves it at its default.
    pub proofs: Proofs,
    /// A bug to plant: only builds for the tests of the simulator's checks know any.
    #[cfg(feature = "planted")]
    pub planted: Option<super::planted::Planted>,
}
