//! The short name of a statement inside a sketch, and what is derived from it: check, symbol indices, signs.

use core::fmt;

use driftless_statement::StatementId;

/// The first 12 bytes of a statement id: what symbols carry. Two statements with one short name are found only by
/// 2⁴⁸ work; their difference is then invisible to sketches and found by listing ranges, which use whole ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Short(pub [u8; Self::BYTES]);

impl Short {
    /// Length in bytes.
    pub const BYTES: usize = 12;

    /// The least id with this short name.
    pub fn first(&self) -> StatementId {
        self.fill(0x00)
    }

    /// The greatest id with this short name.
    pub fn last(&self) -> StatementId {
        self.fill(0xff)
    }

    fn fill(&self, rest: u8) -> StatementId {
        let mut id = [rest; 32];
        id.iter_mut().zip(self.0).for_each(|(slot, byte)| *slot = byte);
        StatementId(id)
    }
}

impl From<&StatementId> for Short {
    fn from(id: &StatementId) -> Self {
        let mut short = [0; Self::BYTES];
        short.iter_mut().zip(id.0).for_each(|(slot, byte)| *slot = byte);
        Self(short)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Short({})", driftless_statement::id::hex(&self.0))
    }
}

/// The xor of some elements: 12 bytes of short names, 4 bytes of keyed checks. Zero when nothing is left in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Symbol(u128);

impl Symbol {
    /// Length in bytes.
    pub const BYTES: usize = 16;
    const CHECK_BITS: u32 = 32;

    /// The bytes, as they travel.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_be_bytes()
    }

    /// Reads the bytes: every value is a symbol.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Adds or takes out another symbol.
    pub fn toggle(&mut self, other: Self) {
        self.0 ^= other.0;
    }

    /// Whether nothing is left in it.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    fn new(short: Short, check: u32) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(short.0.into_iter().chain(check.to_be_bytes())).for_each(|(slot, byte)| *slot = byte);
        Self::from_bytes(bytes)
    }

    /// The short name, if exactly one element is left in the symbol.
    pub fn short(self) -> Short {
        let name = (self.0 >> Self::CHECK_BITS).to_be_bytes();
        let mut short = [0; Short::BYTES];
        short.iter_mut().zip(name.into_iter().skip(Self::BYTES - Short::BYTES)).for_each(|(slot, byte)| *slot = byte);
        Short(short)
    }
}

/// The key under which a scope's sketches are made. Every member knows it, so it stops accidents, not members: what a
/// member can bring about by grinding is a decode that fails, and then ranges are listed.
#[derive(Clone)]
pub struct SketchKey([u8; 32]);

impl SketchKey {
    /// Stretches 16 bytes, usually derived from mesh and scope.
    pub fn new(key: [u8; 16]) -> Self {
        Self(blake3::derive_key("driftless 2026 reconcile sketch v1", &key))
    }

    /// All that the sketch needs to know about one element.
    pub fn element(&self, short: Short) -> Element {
        let hash = *blake3::keyed_hash(&self.0, &short.0).as_bytes();
        let word = |at: usize| hash.iter().skip(at).take(8).fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let check = u32::try_from(word(0) >> 32).unwrap_or_default();
        Element {
            symbol: Symbol::new(short, check),
            seed: word(8),
            signs: u128::from(word(16)) << 64 | u128::from(word(24)),
        }
    }
}

/// One element as sketches see it.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    /// Its contribution to each of its symbols.
    pub symbol: Symbol,
    /// Where its index sequence starts.
    pub seed: u64,
    /// Its sign in each of the estimator's counters.
    pub signs: u128,
}

impl Element {
    /// The indices of its symbols, ascending, beginning with 0.
    pub fn indices(&self) -> Indices {
        Indices { state: self.seed, next: 0 }
    }
}

/// The index sequence of one element (Yang et al., "Practical Rateless Set Reconciliation", SIGCOMM 2024, §4.2): symbol
/// `i` holds an element with probability 1/(1+i/2), and the gap after `i` is ⌈(i+1.5)·(1/√u − 1)⌉ for a uniform `u`.
/// With `u = (r+1)/2⁶⁴` and `s = ⌊√(r+1)⌋` that is ⌈(2i+3)·(2³²−s)/(2s)⌉: integers only, so all machines agree.
pub struct Indices {
    state: u64,
    next: u64,
}

impl Iterator for Indices {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let index = self.next;
        let root = u128::from(splitmix(&mut self.state).saturating_add(1).isqrt().max(1));
        let gap = (u128::from(index) * 2 + 3) * ((1u128 << 32) - root);
        let gap = u64::try_from(gap.div_ceil(root * 2)).unwrap_or(u64::MAX).max(1);
        self.next = index.saturating_add(gap);
        usize::try_from(index).ok()
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a full-period sequence from any seed.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
