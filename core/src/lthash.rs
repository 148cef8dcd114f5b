//! An additive hash of a multiset: members come and go in any order, in constant time, and equal sets give equal digests.
//!
//! LtHash with 1024 lanes of 16 bits (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997; Lewi et
//! al., "Securing Update Propagation with Homomorphic Hashing", 2019), its lanes drawn from BLAKE3's extendable output.

use std::sync::{Arc, LazyLock, OnceLock};

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

/// Number of lanes: the size for which Lewi et al. give at least 200 bits of security.
const LANES: usize = 1024;
const BYTES: usize = LANES * 2;
/// What separates members of these sets from every other use of BLAKE3.
const MEMBER: &str = "driftless 2026-11-21 lthash member";
const DIGEST: &str = "driftless 2026-11-21 lthash digest";

/// The hash of a multiset of byte strings. The default is the empty set's. 2 KiB, shared with clones until one changes.
#[derive(Clone)]
pub struct LtHash {
    lanes: Arc<[u16; LANES]>,
    /// The digest, once somebody asked and until a member comes or goes: beacons ask far more often than sets change.
    digest: OnceLock<[u8; 32]>,
}

impl PartialEq for LtHash {
    fn eq(&self, other: &Self) -> bool {
        self.lanes == other.lanes
    }
}

impl Eq for LtHash {}

impl Default for LtHash {
    fn default() -> Self {
        static EMPTY: OnceLock<Arc<[u16; LANES]>> = OnceLock::new();
        Self { lanes: EMPTY.get_or_init(|| Arc::new([0; LANES])).clone(), digest: OnceLock::new() }
    }
}

impl core::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LtHash({})", driftless_statement::id::hex(self.digest().get(..5).unwrap_or_default()))
    }
}

/// A member with its lanes drawn, for all the sets that it joins or leaves: drawing costs more than joining.
pub struct Drawn([u8; BYTES]);

impl Drawn {
    /// Draws the lanes of a member.
    pub fn of(member: &[u8]) -> Self {
        // The context's own hash is the same each time, and as much work as a short member's.
        static CONTEXT: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context(MEMBER));
        let mut out = [0; BYTES];
        blake3::Hasher::new_from_context_key(&CONTEXT).update(member).finalize_xof().fill(&mut out);
        Self(out)
    }
}

impl LtHash {
    /// The empty set's.
    pub fn new() -> Self {
        Self::default()
    }

    fn each(&mut self, member: &Drawn, change: impl Fn(u16, u16) -> u16) {
        self.digest = OnceLock::new();
        for (lane, pair) in Arc::make_mut(&mut self.lanes).iter_mut().zip(member.0.as_chunks::<2>().0) {
            *lane = change(*lane, u16::from_le_bytes(*pair));
        }
    }

    /// Adds a member.
    pub fn insert(&mut self, member: &[u8]) {
        self.join(&Drawn::of(member));
    }

    /// Adds a member whose lanes are drawn.
    pub fn join(&mut self, member: &Drawn) {
        self.each(member, u16::wrapping_add);
    }

    /// Takes a member out again.
    pub fn remove(&mut self, member: &[u8]) {
        self.leave(&Drawn::of(member));
    }

    /// Takes a member out whose lanes are drawn.
    pub fn leave(&mut self, member: &Drawn) {
        self.each(member, u16::wrapping_sub);
    }

    /// Adds all members of another set.
    pub fn add(&mut self, other: &Self) {
        self.digest = OnceLock::new();
        for (lane, other) in Arc::make_mut(&mut self.lanes).iter_mut().zip(other.lanes.iter()) {
            *lane = lane.wrapping_add(*other);
        }
    }

    /// Takes out all members of another set.
    pub fn sub(&mut self, other: &Self) {
        self.digest = OnceLock::new();
        for (lane, other) in Arc::make_mut(&mut self.lanes).iter_mut().zip(other.lanes.iter()) {
            *lane = lane.wrapping_sub(*other);
        }
    }

    /// Thirty-two bytes that stand for the set.
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| {
            // In one piece: 1,024 updates of two bytes cost fifty times as much.
            let mut bytes = [0; BYTES];
            for (pair, lane) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(self.lanes.iter()) {
                *pair = lane.to_le_bytes();
            }
            *blake3::Hasher::new_derive_key(DIGEST).update(&bytes).finalize().as_bytes()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::LtHash;

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let mut one = LtHash::new();
        one.insert(b"a");
        one.insert(b"b");
        let mut two = LtHash::new();
        two.insert(b"b");
        two.insert(b"c");
        two.insert(b"a");
        assert_ne!(one.digest(), two.digest());
        two.remove(b"c");
        assert_eq!(one.digest(), two.digest());
        assert_eq!(one, two);
    }

    #[test]
    fn a_digest_that_was_asked_for_follows_every_change() {
        let other = {
            let mut other = LtHash::new();
            other.insert(b"b");
            other
        };
        let mut hash = LtHash::new();
        let mut digests = vec![hash.digest()];
        for step in 0..4 {
            match step {
                0 => hash.insert(b"a"),
                1 => hash.add(&other),
                2 => hash.remove(b"a"),
                _ => hash.sub(&other),
            }
            digests.push(hash.digest());
            assert_eq!(hash.digest(), hash.clone().digest());
        }
        assert_eq!(digests.first(), digests.last());
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 4);
    }

    #[test]
    fn a_multiset_counts() {
        let mut once = LtHash::new();
        once.insert(b"a");
        let mut twice = once.clone();
        twice.insert(b"a");
        assert_ne!(once.digest(), twice.digest());
        assert_ne!(once.digest(), LtHash::new().digest());
    }

    #[test]
    fn sets_add_and_subtract() {
        let (mut left, mut right, mut both) = (LtHash::new(), LtHash::new(), LtHash::new());
        left.insert(b"a");
        right.insert(b"b");
        both.insert(b"b");
        both.insert(b"a");
        let mut sum = left.clone();
        sum.add(&right);
        assert_eq!(sum, both);
        sum.sub(&left);
        assert_eq!(sum, right);
    }
}
