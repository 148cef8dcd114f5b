//! Gossip by its contract: messages go to the neighbours in a topic's mesh, some are offered by id to others, and any of
//! it may be lost, late, twice or out of order. What gossipsub promises and no more; it must not know what messages say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_core::machine::Topic;

/// Neighbours in a topic's mesh that are wanted, and at most: gossipsub's own numbers, as nodes set them.
const DEGREE: usize = 6;
const LOW: usize = 4;
const HIGH: usize = 12;
/// Peers outside the mesh that are offered ids at each heartbeat.
pub const LAZY: usize = 6;
/// Heartbeats in which a message is offered.
pub const WINDOWS: usize = 3;
/// How long a message is remembered, microseconds: so long the same content is not taken twice.
const REMEMBER_US: u64 = 10_000_000;
/// Bytes of an id that is offered or asked for.
pub const ID_BYTES: u64 = 18;

/// A message, and who has it.
#[derive(Debug)]
pub struct Message {
    /// Its topic.
    pub topic: Arc<Topic>,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// When it was first published.
    pub born_us: u64,
    name: [u8; 16],
    holders: Vec<u64>,
    /// When the first of the copies under way to each node arrives, microseconds after the message was published; kept
    /// once it is handed on.
    under_way: Vec<u32>,
}

impl Message {
    /// Whether a node has it.
    pub fn is_held(&self, node: usize) -> bool {
        self.holders.get(node / 64).is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// A node has it now. False: it had it before.
    pub fn hold(&mut self, node: usize) -> bool {
        if self.holders.len() <= node / 64 {
            self.holders.resize(node / 64 + 1, 0);
        }
        let bit = 1 << (node % 64);
        let new = self.holders[node / 64] & bit == 0;
        self.holders[node / 64] |= bit;
        new
    }

    /// Whether a copy that arrives at a node then is the first one that does, as far as copies are under way now.
    pub fn comes_first(&mut self, node: usize, at_us: u64) -> bool {
        if self.is_held(node) {
            return false;
        }
        let after_us = at_us.saturating_sub(self.born_us).min(u64::from(u32::MAX) - 1) as u32;
        let Some(known_us) = self.under_way.get_mut(node) else { return true };
        let first = after_us < *known_us;
        *known_us = after_us.min(*known_us);
        first
    }

    /// It spreads among so many nodes: from now on copies under way are remembered.
    pub fn spreads(&mut self, nodes: usize) {
        if self.under_way.is_empty() {
            self.under_way = vec![u32::MAX; nodes];
        }
    }

    /// A process that died remembers nothing.
    fn forget(&mut self, node: usize) {
        if let Some(known_us) = self.under_way.get_mut(node) {
            *known_us = u32::MAX;
        }
        if let Some(word) = self.holders.get_mut(node / 64) {
            *word &= !(1 << (node % 64));
        }
    }
}

/// All messages of the last minute.
#[derive(Debug, Default)]
pub struct Messages {
    first: u64,
    list: VecDeque<Message>,
    by_name: BTreeMap<[u8; 16], u64>,
}

impl Messages {
    /// The message of this content, new or known: its number.
    pub fn publish(&mut self, topic: &Topic, bytes: Vec<u8>, now_us: u64) -> u64 {
        self.prune(now_us);
        let mut hasher = blake3::Hasher::new();
        match topic {
            Topic::Beacons => hasher.update(&[0]),
            Topic::Scope(scope) => hasher.update(&[1]).update(scope.as_str().as_bytes()).update(&[0]),
        };
        let mut name = [0; 16];
        name.copy_from_slice(&hasher.update(&bytes).finalize().as_bytes()[..16]);
        if let Some(number) = self.by_name.get(&name) {
            return *number;
        }
        let number = self.first + self.list.len() as u64;
        self.by_name.insert(name, number);
        let (topic, bytes) = (Arc::new(topic.clone()), bytes.into());
        self.list.push_back(Message {
            topic,
            bytes,
            born_us: now_us,
            name,
            holders: Vec::new(),
            under_way: Vec::new(),
        });
        number
    }

    fn prune(&mut self, now_us: u64) {
        while self.list.front().is_some_and(|message| message.born_us + REMEMBER_US < now_us) {
            if let Some(message) = self.list.pop_front() {
                self.by_name.remove(&message.name);
                self.first += 1;
            }
        }
    }

    /// A message that is still remembered.
    pub fn get(&mut self, number: u64) -> Option<&mut Message> {
        let at = number.checked_sub(self.first)?;
        self.list.get_mut(at as usize)
    }

    /// A process died: it has none of them any more.
    pub fn forget(&mut self, node: usize) {
        self.list.iter_mut().for_each(|message| message.forget(node));
    }
}

/// One node's part in gossip.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// Topics it takes part in.
    pub topics: BTreeSet<Topic>,
    /// Its mesh in each.
    pub mesh: BTreeMap<Topic, Vec<usize>>,
    /// Messages that it offers at heartbeats, with how often it did.
    pub window: VecDeque<(u64, usize)>,
    /// Peers of whom it hears nothing, and until when, microseconds. The node ends it for who connects anew, and says so
    /// again where it still holds.
    pub muted: BTreeMap<usize, u64>,
    /// Whether a heartbeat is planned.
    pub beats: bool,
    /// Whom it offered ids to last, by topic.
    pub outside: Vec<Outside>,
    /// The moves of the world by which no mesh of it had too few.
    pub lacked_nothing: u64,
}

/// Peers outside a node's mesh in a topic: whom it offers ids at one heartbeat.
#[derive(Debug)]
pub struct Outside {
    /// The topic.
    pub topic: Arc<Topic>,
    /// The peers, each with whether it takes part in the topic.
    pub peers: Vec<(usize, bool)>,
    /// The moves of the world by which this is so.
    pub moves: u64,
}

impl Neighbours {
    /// Its mesh in a topic.
    pub fn of(&self, topic: &Topic) -> &[usize] {
        self.mesh.get(topic).map_or(&[], Vec::as_slice)
    }

    /// How many more neighbours it looks for when it joins a topic, or at a heartbeat that finds it below the least.
    pub fn wants(&self, topic: &Topic) -> usize {
        if self.topics.contains(topic) { DEGREE.saturating_sub(self.of(topic).len()) } else { 0 }
    }

    /// Whether it takes one that asks.
    pub fn takes(&self, topic: &Topic) -> bool {
        self.topics.contains(topic) && self.of(topic).len() < HIGH
    }

    /// Whether it has fewer than it bears: only then it takes up a peer that comes to the topic, or looks for more at a
    /// heartbeat (libp2p-gossipsub 0.50, `handle_received_subscriptions` and `heartbeat`: `mesh_n_low`, not `mesh_n`).
    pub fn lacks(&self, topic: &Topic) -> bool {
        self.topics.contains(topic) && self.of(topic).len() < LOW
    }

    /// Whether it hears a peer.
    pub fn hears(&self, peer: usize, now_us: u64) -> bool {
        self.muted.get(&peer).is_none_or(|until_us| *until_us <= now_us)
    }

    /// Takes a neighbour into a mesh.
    pub fn graft(&mut self, topic: &Topic, peer: usize) {
        let mesh = self.mesh.entry(topic.clone()).or_default();
        if !mesh.contains(&peer) {
            mesh.push(peer);
        }
    }

    /// A peer is gone: the topics in whose mesh it was.
    pub fn prune(&mut self, peer: usize) -> Vec<Topic> {
        let mut left = Vec::new();
        for (topic, mesh) in &mut self.mesh {
            if let Some(at) = mesh.iter().position(|neighbour| *neighbour == peer) {
                mesh.remove(at);
                left.push(topic.clone());
            }
        }
        left
    }
}
