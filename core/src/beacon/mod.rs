//! Beacons and what is learned from them: how far every node of the mesh is from this one. It knows digests, times given
//! as arguments and node keys. It must not know statements' bodies, the fold, connections or a clock.
//!
//! Need: under steady writes two healthy nodes never hold the same set at the same instant, so comparing set digests cries
//! wolf. Idea: compare equal points only. Every node hashes the statements up to each ten-second mark of hybrid logical
//! time; a mark that lies five seconds back has settled, and there healthy nodes agree. Beacons carry the last six.

mod divergence;
mod marks;
mod message;
mod picture;

pub use divergence::{Divergence, NotHeard, Own};
pub use marks::{MarkHash, MarkList, Marks};
pub use message::{BadBeacon, Beacon, Claim, Health, NAME_BYTES, Proven, Report, folded_digest, pages};
pub use picture::{Alarm, Change, NodeState, Picture, Reach, ScopeState, State};

/// Distance of two marks in milliseconds: long enough to settle well within it, short enough to notice a cut soon.
pub const MARK_MS: u64 = 10_000;
/// Marks in a beacon: a minute, so that nodes which miss some beacons still find a common one.
pub const MARKS: usize = 6;
/// How far back a mark must lie to have settled: gossip's tail of about three seconds, and two seconds of clock skew.
pub const SETTLE_MS: u64 = 5_000;
/// Buckets that marks keep apart; older ones are folded into one. Twice what a beacon shows.
pub const BUCKETS: u64 = 12;
/// How often a node sends its beacon, in milliseconds. A guess, to be measured at scale.
pub const BEACON_MS: u64 = 2_000;
/// How long a beacon holds by default: seven beacons may be lost before a node counts as silent.
pub const BEACON_EXPIRY_MS: u64 = 15_000;
/// The longest a beacon may hold; a replayed one lies no longer than this.
pub const BEACON_EXPIRY_MAX_MS: u64 = 120_000;
/// Nodes that are remembered. Above the largest mesh that Driftless is meant for.
pub const MAX_NODES: usize = 16_384;
/// Scopes in one beacon: more than fit its bytes.
pub const BEACON_SCOPES: usize = 32;
