//! A hostile peer: its identities, what it heard, and what it does by itself. What it answers is in `answers`, what it says
//! to everybody in `gossips`.

use std::collections::VecDeque;

use driftless_core::beacon::Beacon;
use driftless_core::machine::{Event, Topic};
use driftless_core::reconcile::Short;
use driftless_core::rng::Rng;
use driftless_core::wire::Request;
use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, Scope, SecretKey, StatementId};

use super::author::seal;
use super::scope;
use crate::plan::PeerKind;
use crate::world::founding::NODES_WRITE;
use crate::world::weather::{Carries, Passage};
use crate::world::{What, World};

/// Messages of others that it remembers.
const HEARD: usize = 128;
/// Answers of others that it remembers.
const ANSWERS: usize = 64;

/// A hostile peer.
pub struct Peer {
    /// What it does.
    pub kind: PeerKind,
    /// Its identities, as nodes of the world.
    pub nodes: Vec<usize>,
    /// Gossip that it heard.
    pub heard: VecDeque<(Topic, Vec<u8>)>,
    /// Answers that it got.
    pub answers: VecDeque<Vec<u8>>,
    /// A state that it tells of for ever.
    pub frozen: Option<Beacon>,
    /// The latest beacon that it heard.
    pub beacon: Option<Beacon>,
    /// Counts its beacons.
    pub counter: u64,
}

impl Peer {
    /// A peer that has heard nothing.
    pub fn new(kind: PeerKind, nodes: Vec<usize>) -> Self {
        let (heard, answers) = (VecDeque::new(), VecDeque::new());
        Self { kind, nodes, heard, answers, frozen: None, beacon: None, counter: 0 }
    }

    /// Remembers gossip.
    pub fn hear(&mut self, topic: &Topic, bytes: &[u8]) {
        self.heard.push_back((topic.clone(), bytes.to_vec()));
        if self.heard.len() > HEARD {
            self.heard.pop_front();
        }
    }

    /// Remembers an answer.
    pub fn keep(&mut self, bytes: Vec<u8>) {
        self.answers.push_back(bytes);
        if self.answers.len() > ANSWERS {
            self.answers.pop_front();
        }
    }
}

/// Random bytes.
pub fn noise(rng: &mut Rng, length: u64) -> Vec<u8> {
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

/// An id that no statement has.
pub fn invented(rng: &mut Rng) -> StatementId {
    let mut id = [0; 32];
    id.chunks_mut(8).for_each(|part| part.copy_from_slice(&rng.next_u64().to_be_bytes()));
    StatementId(id)
}

/// So many invented ids, ascending.
pub fn inventions(rng: &mut Rng, count: usize) -> Vec<StatementId> {
    let ids: std::collections::BTreeSet<StatementId> = (0..count).map(|_| invented(rng)).collect();
    ids.into_iter().collect()
}

/// Some scope that nodes hold.
fn any_scope(rng: &mut Rng) -> Scope {
    match rng.below(3) {
        0 => Scope::mesh(),
        1 => scope(NODES_WRITE),
        _ => scope("ops"),
    }
}

impl World {
    /// Something that a hostile peer does by itself.
    pub(super) fn peer_acts(&mut self, at: usize, rng: &mut Rng) {
        let Some(hostile) = &self.hostile else { return };
        let (kind, nodes) = (hostile.peers[at].kind, hostile.peers[at].nodes.clone());
        for node in nodes {
            match kind {
                PeerKind::Flooder => self.floods(node, rng),
                PeerKind::Garbage => self.babbles(node, rng),
                PeerKind::Replayer => self.says_again(node, rng),
                PeerKind::Inventor => self.invents(node, rng),
                PeerKind::Frozen => self.tells_frozen(node),
                PeerKind::SlowReader | PeerKind::Liar => self.asks_each(node, rng, 3),
                PeerKind::TwoFaced => self.tells_two(node, rng),
                PeerKind::Withholder | PeerKind::Eclipse => {}
            }
        }
    }

    /// Nodes that a hostile identity is linked with.
    pub(super) fn victims(&self, node: usize) -> Vec<usize> {
        self.nodes[node].links.iter().copied().filter(|peer| self.nodes[*peer].is_up()).collect()
    }

    /// Asks an honest node something.
    pub(super) fn hostile_asks(&mut self, node: usize, to: usize, bytes: Vec<u8>) {
        self.next_token += 1;
        let (token, peer, life) = (self.next_token, self.nodes[node].key, self.nodes[to].lives);
        self.requests.insert(token, (node, 0, token));
        self.nodes[node].sent += bytes.len() as u64;
        if let Passage::Arrives(at_us, _) = self.weather.send(node, to, bytes.len(), Carries::Exchange, self.now_us) {
            let event = Box::new(Event::Request { peer, token, bytes });
            self.queue.push(at_us, What::Event { node: to, life, event });
        }
    }

    fn asks_each(&mut self, node: usize, rng: &mut Rng, times: usize) {
        for to in self.victims(node) {
            for _ in 0..times {
                let bytes = request(rng).encode();
                self.hostile_asks(node, to, bytes);
            }
        }
    }

    /// Questions, pushes and gossip, as many as fit a moment.
    fn floods(&mut self, node: usize, rng: &mut Rng) {
        self.asks_each(node, rng, 12);
        let stranger = SecretKey::from_bytes([rng.below(200) as u8; 32]);
        for to in self.victims(node) {
            let statements: Vec<Bytes> = (0..32).map(|_| self.junk(rng, &stranger).into()).collect();
            self.hostile_asks(node, to, Request::Push { statements }.encode());
        }
        for _ in 0..24 {
            let wire: Bytes = self.junk(rng, &stranger).into();
            let bytes = driftless_core::wire::Gossip::Statement { wire }.encode();
            self.hostile_says(node, &Topic::Scope(scope(NODES_WRITE)), bytes, None);
        }
    }

    /// A statement that nobody lets in: by a key without a grant, or with a signature that is none.
    fn junk(&mut self, rng: &mut Rng, stranger: &SecretKey) -> Vec<u8> {
        let (mesh, now) = (self.mesh.id(), driftless_statement::Hlc::from_millis(super::START_MS + self.world_ms()));
        let author: PublicKey = if rng.below(2) == 0 { stranger.public() } else { self.mesh.operators().0 };
        let path = super::writes::path(&format!("{NODES_WRITE}/junk-{}", rng.below(50)));
        let edits = vec![super::writes::put(rng)];
        let body = driftless_statement::Body::Write(driftless_statement::Write { edits });
        let mut statement = super::super::founding::unsigned(mesh, author, invented(rng), now, body);
        (statement.scope, statement.touches) =
            (path.scope(), vec![driftless_statement::Touch { path, bases: Vec::new() }]);
        if rng.below(2) == 0 {
            statement.grant = self.mesh.operators().1;
        }
        let (_, wire) = seal(statement.encode(), stranger);
        self.facts.forbidden.extend(driftless_statement::Signed::id_of(&wire));
        wire
    }

    /// An answer came to a hostile peer.
    pub(super) fn hostile_answered(&mut self, node: usize, bytes: Vec<u8>) {
        let Some(hostile) = &mut self.hostile else { return };
        let Some(at) = hostile.identities.get(&node).copied() else { return };
        if hostile.peers[at].kind == PeerKind::Flooder {
            hostile.sometimes(PeerKind::Flooder.row().state);
        }
        hostile.peers[at].keep(bytes);
    }
}

/// A question that an honest node might ask, and one that none would.
pub fn request(rng: &mut Rng) -> Request {
    let scope = any_scope(rng);
    match rng.below(8) {
        0 => Request::Compare { scope, digest: invented(rng).0, count: rng.next_u64() >> rng.below(64) },
        1 => Request::Symbols { scope, tag: rng.next_u64(), from: rng.below(16_000) as usize, estimate: None },
        2 => Request::Range { scope, from: StatementId([0; 32]), to: None, list: rng.below(2) == 0 },
        3 => Request::Times { scope, shorts: inventions(rng, 500).iter().map(Short::from).collect() },
        4 => Request::Fetch { ids: inventions(rng, 256) },
        5 => Request::Pull { scope, shorts: inventions(rng, 256).iter().map(Short::from).collect() },
        6 => Request::Has { ids: inventions(rng, 2_000) },
        _ => Request::Push { statements: vec![noise(rng, 300).into()] },
    }
}
