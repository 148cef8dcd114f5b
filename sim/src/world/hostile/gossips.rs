//! What hostile peers say to everybody, or to one: beacons that lie, inventions, nonsense, and what others said before.

use driftless_core::beacon::{Beacon, Claim, Health, MarkList, Report};
use driftless_core::machine::Topic;
use driftless_core::rng::Rng;
use driftless_core::wire::Gossip;
use driftless_statement::{Hlc, Scope, SecretKey};

use super::peer::{invented, inventions, noise, request};
use super::{START_MS, scope};
use crate::plan::PeerKind;
use crate::world::founding::NODES_WRITE;
use crate::world::{What, World};

impl World {
    /// Says something to all whom an identity is linked with, or to one of them.
    pub(super) fn hostile_says(&mut self, node: usize, topic: &Topic, bytes: Vec<u8>, only: Option<usize>) {
        let number = self.messages.publish(topic, bytes, self.now_us);
        if let Some(message) = self.messages.get(number) {
            message.hold(node);
        }
        for peer in self.victims(node) {
            let listens = self.nodes[peer].gossip.topics.contains(topic);
            if listens && only.is_none_or(|only| only == peer) {
                self.send_copy(node, peer, number);
            }
        }
    }

    /// A copy of gossip came to a hostile peer.
    pub(in crate::world) fn hostile_hears(&mut self, node: usize, from: usize, number: u64) {
        let Some(message) = self.messages.get(number) else { return };
        message.hold(node);
        let (topic, bytes) = (message.topic.clone(), message.bytes.clone());
        let Some(hostile) = &mut self.hostile else { return };
        let Some(at) = hostile.identities.get(&node).copied() else { return };
        let peer = &mut hostile.peers[at];
        if *topic != Topic::Beacons {
            return peer.hear(&topic, &bytes);
        }
        let Ok(Gossip::Beacon { bytes: inner }) = Gossip::decode(&bytes) else { return };
        let Ok(claim) = Claim::decode(&inner) else { return };
        let (kind, beacon) = (peer.kind, claim.into_beacon());
        peer.hear(&topic, &bytes);
        peer.beacon = Some(beacon.clone());
        if peer.frozen.is_none() && beacon.scopes.len() > 1 {
            peer.frozen = Some(beacon.clone());
        }
        let own = self.nodes.get(from).is_some_and(|node| node.key == beacon.node);
        if kind == PeerKind::Eclipse && own {
            self.note_hostile(PeerKind::Eclipse);
            self.tells(node, beacon.scopes, Some(from));
        }
    }

    /// A state worth reaching of a strategy was reached.
    pub(super) fn note_hostile(&mut self, kind: PeerKind) {
        if let Some(hostile) = &mut self.hostile {
            hostile.sometimes(kind.row().state);
        }
    }

    /// A beacon of a hostile identity's own, that tells of these scopes. It is truly signed.
    fn tells(&mut self, node: usize, scopes: Vec<Report>, only: Option<usize>) {
        let time_ms = START_MS + self.world_ms();
        let Some(hostile) = &mut self.hostile else { return };
        let Some(at) = hostile.identities.get(&node).copied() else { return };
        hostile.peers[at].counter += 1;
        let beacon = Beacon {
            mesh: self.mesh.id(),
            node: self.nodes[node].key,
            boot: 1,
            counter: hostile.peers[at].counter,
            time_ms,
            expires_ms: time_ms + 10_000,
            fold_version: 1,
            health: Health::default(),
            peers: 5,
            lag_ms: 0,
            far: only.is_none(),
            name: format!("hostile-{node}"),
            scopes,
        };
        let key = SecretKey::from_bytes(self.nodes[node].secret);
        if let Ok(bytes) = beacon.sign(&key) {
            self.hostile_says(node, &Topic::Beacons, Gossip::Beacon { bytes }.encode(), only);
        }
    }

    pub(super) fn tells_frozen(&mut self, node: usize) {
        let frozen = self.peer_of(node).and_then(|peer| peer.frozen.as_ref().map(|beacon| beacon.scopes.clone()));
        if let Some(scopes) = frozen {
            self.note_hostile(PeerKind::Frozen);
            self.tells(node, scopes, None);
        }
    }

    fn peer_of(&self, node: usize) -> Option<&super::peer::Peer> {
        let hostile = self.hostile.as_ref()?;
        hostile.peers.get(*hostile.identities.get(&node)?)
    }

    /// The same sets and another state to one node, other sets to the next.
    pub(super) fn tells_two(&mut self, node: usize, rng: &mut Rng) {
        let Some(scopes) = self.peer_of(node).and_then(|peer| peer.beacon.as_ref().map(|beacon| beacon.scopes.clone()))
        else {
            return;
        };
        self.note_hostile(PeerKind::TwoFaced);
        for to in self.victims(node) {
            let mut told = scopes.clone();
            for report in &mut told {
                match to % 3 {
                    0 => (report.merged, report.effective) = (invented(rng).0, invented(rng).0),
                    1 => (report.set, report.count) = (invented(rng).0, report.count + rng.below(1_000)),
                    _ => report.marks = MarkList { newest: report.marks.newest, hashes: vec![[7; 16]; 4] },
                }
            }
            self.tells(node, told, Some(to));
        }
    }

    /// Beacons of scopes that do not exist, and word of statements that do not.
    pub(super) fn invents(&mut self, node: usize, rng: &mut Rng) {
        self.note_hostile(PeerKind::Inventor);
        let names: std::collections::BTreeSet<Scope> =
            (0..6).map(|_| scope(&format!("invented-{}", rng.below(1_000)))).collect();
        let report = |scope: Scope, rng: &mut Rng| Report {
            scope,
            count: rng.next_u64() >> 40,
            set: invented(rng).0,
            marks: MarkList::default(),
            folded: invented(rng).0,
            merged: invented(rng).0,
            effective: invented(rng).0,
            newest: Hlc(rng.next_u64()),
        };
        let scopes = names.into_iter().map(|name| report(name, rng)).collect();
        self.tells(node, scopes, None);
        let (name, topic) = (scope(NODES_WRITE), Topic::Scope(scope(NODES_WRITE)));
        let count = if rng.below(2) == 0 { 1 } else { 256 };
        let bytes = Gossip::Announce { scope: name, ids: inventions(rng, count) }.encode();
        self.hostile_says(node, &topic, bytes, None);
    }

    /// Bytes that mean nothing, and messages of others with something changed.
    pub(super) fn babbles(&mut self, node: usize, rng: &mut Rng) {
        self.note_hostile(PeerKind::Garbage);
        let heard: Vec<(Topic, Vec<u8>)> =
            self.peer_of(node).map(|peer| peer.heard.iter().cloned().collect()).unwrap_or_default();
        for _ in 0..12 {
            let (topic, bytes) = match heard.get(rng.below(heard.len().max(1) as u64) as usize) {
                Some((topic, bytes)) if rng.below(3) > 0 => (topic.clone(), mutated(bytes, rng)),
                _ => {
                    let length = rng.below(400);
                    (Topic::Beacons, noise(rng, length))
                }
            };
            self.hostile_says(node, &topic, bytes, None);
        }
        for to in self.victims(node) {
            let bytes = mutated(&request(rng).encode(), rng);
            self.hostile_asks(node, to, bytes);
            let length = rng.below(2_000);
            self.hostile_asks(node, to, noise(rng, length));
        }
    }

    /// What others said, once more: also what gossip has forgotten by now.
    pub(super) fn says_again(&mut self, node: usize, rng: &mut Rng) {
        let heard: Vec<(Topic, Vec<u8>)> =
            self.peer_of(node).map(|peer| peer.heard.iter().cloned().collect()).unwrap_or_default();
        for _ in 0..12 {
            if let Some((topic, bytes)) = heard.get(rng.below(heard.len().max(1) as u64) as usize) {
                self.note_hostile(PeerKind::Replayer);
                let (topic, bytes) = (topic.clone(), bytes.clone());
                self.hostile_says(node, &topic, bytes, None);
            }
        }
    }

    /// An answer that was held back goes out.
    pub(in crate::world) fn late_lie(&mut self, node: usize, token: u64, bytes: Vec<u8>) {
        self.answer(node, token, bytes);
    }

    /// Holds an answer back.
    pub(super) fn lie_later(&mut self, node: usize, token: u64, bytes: Vec<u8>, after_us: u64) {
        self.queue.push(self.now_us + after_us, What::Lie { node, token, bytes });
    }
}

/// Bytes with some of them changed, cut off, or said twice.
pub fn mutated(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    match rng.below(4) {
        0 => changed.truncate(rng.below(changed.len() as u64 + 1) as usize),
        1 => changed.extend_from_slice(&bytes[..bytes.len() / 2]),
        _ => {
            for _ in 0..1 + rng.below(4) {
                let at = rng.below(changed.len().max(1) as u64) as usize;
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
        }
    }
    changed
}
