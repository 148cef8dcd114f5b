//! The beacon itself: what a node says about its state, its bytes, and its signature. Never logged, never stored.

use driftless_statement::codec::{self, Item};
use driftless_statement::{Hlc, MeshId, PublicKey, Scope, SecretKey, sign};

use super::marks::MarkList;
use super::{BEACON_SCOPES, MARKS};
use crate::wire::BEACON_BYTES;
use crate::wire::item::{BadMessage, Fields, pack};

const CONTEXT: &[u8] = b"driftless/beacon/v1\0";
const VERSION: u64 = 1;
const SIGNATURE_BYTES: usize = 64;
/// Bytes for everything but the reports: fixed fields, framing and signature, rounded up.
const HEAD_BYTES: usize = 320;
/// Bytes of a node's name.
pub const NAME_BYTES: usize = 64;

/// Why bytes are no beacon. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBeacon {
    /// Too short to hold a signature.
    #[error("beacon: shorter than its signature")]
    Short,
    /// Not the canonical form of a beacon.
    #[error("beacon: {0}")]
    Form(#[from] BadMessage),
    /// The signature is not the node's.
    #[error("beacon: signature does not verify for node {0}")]
    Signature(PublicKey),
    /// Signed with another key than the node's.
    #[error("beacon: the key is not that of node {0}")]
    Key(PublicKey),
}

/// What a node says about its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// The mesh.
    pub mesh: MeshId,
    /// The node: who signs.
    pub node: PublicKey,
    /// Greater at each start of the process: its start time in Unix milliseconds does.
    pub boot: u64,
    /// Greater in each beacon of one boot.
    pub counter: u64,
    /// When it was made, Unix milliseconds of the node's clock.
    pub time_ms: u64,
    /// Until when it holds, on the same clock.
    pub expires_ms: u64,
    /// The fold version in force there.
    pub fold_version: u64,
    /// What is wrong there.
    pub health: Health,
    /// Peers connected.
    pub peers: u64,
    /// From a change's time to its effect there, about: milliseconds over the last minute.
    pub lag_ms: u64,
    /// Meant for the whole mesh. Others are for the peers that the node is linked with, and are not handed on.
    pub far: bool,
    /// The node's name, for people: at most 64 bytes, no control characters. Empty when it has none.
    pub name: String,
    /// The state of scopes, ascending; of some of them when all do not fit.
    pub scopes: Vec<Report>,
}

/// Bits that say what is wrong with a node. Bits of later versions are kept as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health(pub u64);

impl Health {
    /// The store takes no writes.
    pub const READ_ONLY: Self = Self(1);
    /// The node found statements of its own key that it does not remember: two nodes with one key, or an old backup.
    pub const OWN_BRANCH: Self = Self(2);
    /// The fold version in force is newer than the node knows: it serves what it had.
    pub const TOO_OLD: Self = Self(4);
    /// The node's clock went back, or stands behind the time it has seen.
    pub const CLOCK: Self = Self(8);
    /// Values are sealed to the node that it cannot open.
    pub const UNOPENABLE: Self = Self(16);
    /// Fewer than two independent nodes agreed with the node for a while: what it has may be old.
    pub const STALE_PEERS: Self = Self(32);

    /// Both.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The state of one scope on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The scope.
    pub scope: Scope,
    /// Size of the replicated set.
    pub count: u64,
    /// Its digest.
    pub set: [u8; 32],
    /// Hashes at the last marks.
    pub marks: MarkList,
    /// Names all that the merged state is a function of, see [`folded_digest`].
    pub folded: [u8; 32],
    /// Digest of the merged state that belongs to `folded`.
    pub merged: [u8; 32],
    /// Digest of the effective state.
    pub effective: [u8; 32],
    /// The time of the newest statement.
    pub newest: Hlc,
}

/// Names all that a merged state is a function of: the due statements of the scope, those of `@mesh`, and the fold version.
/// Nodes with equal names must have equal merged digests.
pub fn folded_digest(due: &[u8; 32], mesh_due: &[u8; 32], fold_version: u64) -> [u8; 32] {
    static NAMED: std::sync::OnceLock<blake3::Hasher> = std::sync::OnceLock::new();
    let named = NAMED.get_or_init(|| blake3::Hasher::new_derive_key("driftless 2026 beacon folded v1"));
    let mut hasher = named.clone();
    hasher.update(due).update(mesh_due).update(&fold_version.to_be_bytes());
    *hasher.finalize().as_bytes()
}

/// Divides reports among beacons, as few as hold them; beacon number `counter` carries page `counter % pages`.
pub fn pages(reports: Vec<Report>) -> Vec<Vec<Report>> {
    let mut pages = vec![Vec::new()];
    let mut room = BEACON_BYTES - HEAD_BYTES;
    for report in reports {
        let bytes = codec::encode(&report.to_item()).len();
        let fits = bytes <= room && pages.last().is_none_or(|page: &Vec<Report>| page.len() < BEACON_SCOPES);
        if !fits {
            pages.push(Vec::new());
            room = BEACON_BYTES - HEAD_BYTES;
        }
        room = room.saturating_sub(bytes);
        if let Some(page) = pages.last_mut() {
            page.push(report);
        }
    }
    pages
}

impl Report {
    /// The report of a scope that nobody told of.
    pub(super) fn nothing() -> Self {
        Self {
            scope: Scope::mesh(),
            count: 0,
            set: [0; 32],
            marks: MarkList::default(),
            folded: [0; 32],
            merged: [0; 32],
            effective: [0; 32],
            newest: Hlc::default(),
        }
    }

    fn to_item(&self) -> Item {
        Item::Array(vec![
            Item::text(self.scope.as_str()),
            Item::uint(self.count),
            Item::bytes(&self.set),
            Item::uint(self.marks.newest),
            pack(self.marks.hashes.iter()),
            Item::bytes(&self.folded),
            Item::bytes(&self.merged),
            Item::bytes(&self.effective),
            Item::uint(self.newest.0),
        ])
    }

    fn from_item(item: Item) -> Result<Self, BadMessage> {
        let mut fields = Fields::of(item, "report")?;
        let report = Self {
            scope: fields.scope()?,
            count: fields.uint("count")?,
            set: fields.fixed("set")?,
            marks: MarkList { newest: fields.uint("newest mark")?, hashes: fields.packed("marks", MARKS)? },
            folded: fields.fixed("folded")?,
            merged: fields.fixed("merged")?,
            effective: fields.fixed("effective")?,
            newest: Hlc(fields.uint("newest")?),
        };
        fields.close(report)
    }
}

impl Beacon {
    /// The canonical bytes, which the signature covers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.boot,
            self.counter,
            self.time_ms,
            self.expires_ms,
            self.fold_version,
            self.health.0,
            self.peers,
            self.lag_ms,
            u64::from(self.far),
        ];
        let head = [Item::uint(VERSION), Item::bytes(self.mesh.as_bytes()), Item::bytes(self.node.as_bytes())];
        let scopes = Item::Array(self.scopes.iter().map(Report::to_item).collect());
        let tail = [Item::text(&self.name), scopes];
        codec::encode(&Item::Array(head.into_iter().chain(numbers.map(Item::uint)).chain(tail).collect()))
    }

    /// The bytes and the node's signature. Refuses what a receiver would refuse.
    pub fn sign(&self, key: &SecretKey) -> Result<Vec<u8>, BadBeacon> {
        if key.public() != self.node {
            return Err(BadBeacon::Key(self.node));
        }
        let canonical = self.to_bytes();
        let signature = key.sign_for(CONTEXT, &canonical);
        let bytes = [canonical.as_slice(), &signature].concat();
        Claim::decode(&bytes)?;
        Ok(bytes)
    }

    fn decode(canonical: &[u8]) -> Result<Self, BadMessage> {
        let mut fields = Fields::list(canonical, BEACON_BYTES)?;
        fields.version(VERSION)?;
        let beacon = Self {
            mesh: MeshId(fields.fixed("mesh")?),
            node: PublicKey(fields.fixed("node")?),
            boot: fields.uint("boot")?,
            counter: fields.uint("counter")?,
            time_ms: fields.uint("time")?,
            expires_ms: fields.uint("expiry")?,
            fold_version: fields.uint("fold version")?,
            health: Health(fields.uint("health")?),
            peers: fields.uint("peers")?,
            lag_ms: fields.uint("lag")?,
            far: match fields.uint("far")? {
                0 => false,
                1 => true,
                _ => return Err(BadMessage::Field("far")),
            },
            name: fields.name("name", NAME_BYTES)?,
            scopes: fields
                .array("scopes", BEACON_SCOPES)?
                .into_iter()
                .map(Report::from_item)
                .collect::<Result<_, _>>()?,
        };
        if !beacon.scopes.is_sorted_by(|a, b| a.scope < b.scope) {
            return Err(BadMessage::NotAscending("scopes"));
        }
        fields.close(beacon)
    }
}

/// A beacon that somebody claims to have signed: check what is cheap on it, then [`Claim::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    beacon: Beacon,
    canonical: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

/// A beacon whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven(Beacon);

impl Claim {
    /// Reads the bytes: total, and the exact inverse of [`Beacon::sign`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadBeacon> {
        if bytes.len() > BEACON_BYTES {
            return Err(BadMessage::TooLarge { max: BEACON_BYTES, got: bytes.len() }.into());
        }
        let (canonical, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(BadBeacon::Short)?;
        Ok(Self { beacon: Beacon::decode(canonical)?, canonical: canonical.to_vec(), signature: *signature })
    }

    /// What it says, not yet proven to be said by its node.
    pub fn beacon(&self) -> &Beacon {
        &self.beacon
    }

    /// The same, given away.
    pub fn into_beacon(self) -> Beacon {
        self.beacon
    }

    /// Checks the signature.
    pub fn verify(self) -> Result<Proven, BadBeacon> {
        match sign::verify_for(&self.beacon.node, CONTEXT, &self.canonical, &self.signature) {
            true => Ok(Proven(self.beacon)),
            false => Err(BadBeacon::Signature(self.beacon.node)),
        }
    }
}

impl Proven {
    /// Takes a beacon as proven without a check: the node's own one, or in a simulator that models signatures.
    pub fn assume(beacon: Beacon) -> Self {
        Self(beacon)
    }

    /// What it says.
    pub fn beacon(&self) -> &Beacon {
        &self.0
    }
}
