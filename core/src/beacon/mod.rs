//! Beacons and what is learned from them: how far every node of the mesh is from this one. It knows digests, times given
//! as arguments and node keys. It must not know statements' bodies, the fold, connections or a clock.
//!
//! Need: under steady writes two healthy nodes never hold the same set at the same instant, so comparing set digests cries
//! wolf. Idea: compare equal points only. Every node hashes the statements up to each ten-second mark of hybrid logical
//! time; a mark that lies five seconds back has settled, and there healthy nodes agree. Beacons carry the last six.

mod divergence;
mod heard;
mod marks;
mod message;
mod picture;
mod roll;
mod theirs;

pub use divergence::{Divergence, NotHeard, Own};
pub use marks::{MarkHash, MarkList, Marks};
pub use message::{BadBeacon, Beacon, Claim, Health, NAME_BYTES, Proven, Report, folded_digest, pages};
pub use picture::{Alarm, Change, NodeState, Picture, Reach, ScopeState, State};
pub use roll::Roll;

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
/// Beacons for the whole mesh that a node may hear a second, about. Each node sends its own so much the more rarely the
/// more nodes are expected; so what a node hears, and carries for others, does not grow with the mesh (measured in the
/// simulator: without this bound 1,000 nodes hear 500 a second each). Peers that are linked hear each other all the same.
/// A node counts as silent when three of these could have come, on its own peers too; they only see the link break first.
pub const HEARD_A_SECOND: u64 = 4;
/// Beacons for the whole mesh that may be lost before a node counts as silent.
pub const BEACONS_LOST: u64 = 3;
/// The longest a beacon may hold; a replayed one lies no longer than this. Three times the pause between two beacons for
/// the whole mesh in the largest mesh that Driftless is meant for.
pub const BEACON_EXPIRY_MAX_MS: u64 = MAX_NODES as u64 * 1_000 / HEARD_A_SECOND * BEACONS_LOST;
/// Nodes that are remembered. Above the largest mesh that Driftless is meant for.
pub const MAX_NODES: usize = 16_384;
/// Scopes in one beacon: more than fit its bytes.
pub const BEACON_SCOPES: usize = 32;
