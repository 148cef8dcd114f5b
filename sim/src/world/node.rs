//! One node of the world: its machine, its disk, its clock, what the services beside it see, and its part in the network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_core::machine::{Machine, Now, Standing};
use driftless_core::view::View;
use driftless_statement::{PublicKey, SecretKey};

use super::clock::Clock;
use super::disk::Disk;
use super::gossip::Neighbours;
use super::line::Waits;
use super::watcher::Watcher;

/// A node.
pub struct Node {
    /// Its key's public half.
    pub key: PublicKey,
    /// Its machine; `None` while its process does not run.
    pub machine: Option<Machine>,
    /// What services read.
    pub shown: Arc<View>,
    /// What its answers carry.
    pub standing: Standing,
    /// Where it stands.
    pub region: usize,
    /// How often its process began.
    pub lives: u64,
    /// Its disk.
    pub disk: Disk,
    /// Its clock.
    pub clock: Clock,
    /// Its watchers.
    pub watchers: Vec<Watcher>,
    /// Peers that it is linked with, as it knows.
    pub links: BTreeSet<usize>,
    /// Bytes it sent.
    pub sent: u64,
    /// Whether it was ever founded: joiners are later than others.
    pub founded: bool,
    /// Whether it is a hostile peer: no machine ever runs there.
    pub hostile: bool,
    /// The part of the network in which a hostile peer stands: one for all identities of it.
    pub group: Option<u64>,
    pub(super) secret: [u8; 32],
    pub(super) configured: BTreeSet<usize>,
    /// Whom of them it dials first.
    pub(super) dials: BTreeSet<usize>,
    pub(super) members: Arc<BTreeSet<PublicKey>>,
    pub(super) gossip: Neighbours,
    pub(super) tick_us: u64,
    /// What each event costs it now, by fault, milliseconds.
    pub(super) slow: Vec<(usize, u64)>,
    /// Faults that make it stand still.
    pub(super) paused: BTreeSet<usize>,
    /// Faults that keep its process down.
    pub(super) down: BTreeSet<usize>,
    /// When it has worked off what it got.
    pub(super) ready_us: u64,
    /// What waits in front of it.
    pub(super) line: VecDeque<Waits>,
    /// Whether it is planned that it goes on with that.
    pub(super) resumes: bool,
    /// Calls of local services: the write they are about, and when it was asked for.
    pub(super) calls: BTreeMap<u64, (usize, u64)>,
}

impl Node {
    /// A node whose process never ran.
    pub fn new(number: usize, seed: u64, region: usize) -> Self {
        let secret = secret(seed, "node", number);
        let key = SecretKey::from_bytes(secret).public();
        let store = u64::from_le_bytes(self::secret(seed, "store", number)[..8].try_into().unwrap_or_default());
        Self {
            key,
            machine: None,
            shown: Arc::new(View::empty(store, 0)),
            standing: Standing::default(),
            region,
            lives: 0,
            disk: Disk::new(store),
            clock: Clock::default(),
            watchers: Vec::new(),
            links: BTreeSet::new(),
            sent: 0,
            founded: false,
            hostile: false,
            group: None,
            secret,
            configured: BTreeSet::new(),
            dials: BTreeSet::new(),
            members: Arc::default(),
            gossip: Neighbours::default(),
            tick_us: u64::MAX,
            slow: Vec::new(),
            paused: BTreeSet::new(),
            down: BTreeSet::new(),
            ready_us: 0,
            line: VecDeque::new(),
            resumes: false,
            calls: BTreeMap::new(),
        }
    }

    /// Whether its process runs, standing still or not.
    pub fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    /// Whether it takes part in the network: its process runs, or it is a hostile peer.
    pub fn is_there(&self) -> bool {
        self.is_up() || self.hostile
    }

    /// Whether its disk lies now.
    pub fn lies(&self) -> bool {
        !self.disk.lies.is_empty()
    }

    /// Whether its process stands still now.
    pub fn is_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Whether each event costs it time now, so that it may be far behind what it got.
    pub fn is_slow(&self) -> bool {
        !self.slow.is_empty()
    }

    /// Its clocks at a moment of the world.
    pub fn now(&self, world_ms: u64) -> Now {
        Now { mono_ms: world_ms + 1_000, wall_ms: self.clock.wall_ms(world_ms) }
    }
}

/// The secret bytes of the numbered thing of a kind, under a seed.
pub fn secret(seed: u64, kind: &str, number: usize) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026 simulator key v1");
    hasher.update(&seed.to_le_bytes()).update(kind.as_bytes()).update(&(number as u64).to_le_bytes());
    *hasher.finalize().as_bytes()
}
