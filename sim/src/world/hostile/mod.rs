//! Hostile authors and peers, and the honest operators who strike them. Authors hold keys that were truly granted and sign
//! what they like; peers are hosts whose answers a strategy makes. They follow the plan, and draw the rest from the value
//! that the plan gives each act, so that one act left out changes no other.

mod answers;
mod author;
mod bodies;
mod gossips;
mod operators;
mod peer;
mod reach;
mod tally;
mod writes;

use std::collections::BTreeMap;

use driftless_core::machine::{Event, Topic};
use driftless_core::rng::Rng;
use driftless_statement::{Hlc, Scope, SecretKey, StatementId, Verb};

use super::founding::{Mesh, NODES_WRITE, OPERATORS_WRITE};
use super::node::{Node, secret};
use super::{FOUNDING_MS, START_MS, What, World};
use crate::plan::{AuthorKind, Case, Who};
use author::{Author, Junior, Sight};
pub use bodies::Others;
use peer::Peer;

/// Everybody hostile in a world, and whom they aim at.
pub struct Hostile {
    authors: Vec<Author>,
    peers: Vec<Peer>,
    /// Which peer a node of the world is an identity of.
    identities: BTreeMap<usize, usize>,
    /// An honest operator below the roots.
    steward: (SecretKey, StatementId),
    junior: Junior,
    others: Others,
    entries: usize,
    counts: BTreeMap<&'static str, u64>,
}

impl Hostile {
    /// Grants keys to everybody hostile in a case, before the mesh is founded. `None`: nobody is.
    pub fn of(case: &Case, mesh: &mut Mesh, nodes: &mut Vec<Node>) -> Option<Self> {
        let plan = &case.plan.hostile;
        if plan.is_empty() {
            return None;
        }
        let key = |kind: &str, number: usize| SecretKey::from_bytes(secret(case.seed, kind, number));
        let steward = key("steward", 0);
        let verbs = [Verb::Write, Verb::Delegate, Verb::Revoke];
        let (acts, stewards_grant) = mesh.grant(steward.public(), &verbs, NODES_WRITE);
        mesh.bundle.extend(acts);
        let steward = (steward, stewards_grant);
        let junior = Junior::granted(key("junior", 0), mesh, &steward);
        let mut authors = Vec::new();
        for (number, kind) in plan.authors.iter().enumerate() {
            let key = if kind.is_root() { key("root", 2) } else { key("hostile author", number) };
            authors.push(Author::granted(*kind, number, key, mesh, &steward));
        }
        let honest = nodes.iter().map(|node| node.key).collect();
        let (mut peers, mut identities) = (Vec::new(), BTreeMap::new());
        for (number, kind) in plan.peers.iter().enumerate() {
            let mut of = Vec::new();
            for _ in 0..kind.identities() {
                let at = nodes.len();
                let mut node = Node::new(at, case.seed, at % case.scenario.regions.len());
                node.hostile = true;
                node.group = Some(number as u64);
                let scopes = [Scope::mesh(), scope(NODES_WRITE), scope(OPERATORS_WRITE)];
                node.gossip.topics.extend(scopes.map(Topic::Scope));
                node.gossip.topics.insert(Topic::Beacons);
                let grants = mesh.admit(node.key);
                mesh.bundle.extend(grants);
                identities.insert(at, number);
                of.push(at);
                nodes.push(node);
            }
            peers.push(Peer::new(*kind, of));
        }
        let others = Others::of(mesh, &steward.0, &junior.key, honest);
        let states = case.scenario.hostile.states();
        let counts = states.into_iter().map(|state| (state, 0)).collect();
        let entries = case.scenario.load.entries;
        Some(Self { authors, peers, identities, steward, junior, others, entries, counts })
    }

    /// A state worth reaching was reached.
    fn sometimes(&mut self, state: &'static str) {
        *self.counts.entry(state).or_default() += 1;
    }
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_else(|_| panic!("{text} is no scope"))
}

impl World {
    /// Plans what hostile actors do, and what operators do about them.
    pub(super) fn plan_hostility(&mut self) {
        let load_us = FOUNDING_MS * 1_000;
        for (number, act) in self.case.plan.hostile.acts.iter().enumerate() {
            self.queue.push(load_us + act.at_ms * 1_000, What::Act(number));
        }
        for (number, strike) in self.case.plan.hostile.strikes.iter().enumerate() {
            self.queue.push(load_us + strike.at_ms * 1_000, What::Strike(number));
        }
    }

    /// Hostile peers know every honest node, and dial each.
    pub(super) fn wire_up_hostile(&mut self) {
        let honest = self.case.scenario.nodes;
        for peer in honest..self.nodes.len() {
            (0..honest).for_each(|node| self.configure(peer, node));
        }
    }

    /// An act of the plan.
    pub(super) fn act(&mut self, number: usize) {
        let act = self.case.plan.hostile.acts[number];
        let mut rng = Rng::new(act.value);
        match act.who {
            Who::Author(at) => self.author_acts(at, &mut rng),
            Who::Peer(at) => self.peer_acts(at, &mut rng),
            Who::Junior => self.junior_writes(&mut rng),
        }
    }

    /// Honest nodes that run now and take calls.
    pub(super) fn doors(&self) -> Vec<usize> {
        let open = |node: &usize| self.nodes[*node].is_up() && !self.nodes[*node].is_paused();
        (0..self.nodes.len()).filter(open).collect()
    }

    fn author_acts(&mut self, at: usize, rng: &mut Rng) {
        let doors = self.doors();
        let now_ms = START_MS + self.world_ms();
        let Self { nodes, hostile: Some(hostile), mesh, .. } = self else { return };
        let Some(author) = hostile.authors.get_mut(at) else { return };
        let Some(first) = doors.get(rng.below(doors.len().max(1) as u64) as usize).copied() else { return };
        let second = doors[rng.below(doors.len() as u64) as usize];
        let Some(machine) = &nodes[first].machine else { return };
        let rotated = self.facts.rotations.first().map(|rotated| rotated.rotation);
        let (mesh, epoch) = (mesh.id(), mesh.genesis.id());
        let sight = Sight { machine, now_ms, mesh, epoch, rotated, others: &hostile.others, entries: hostile.entries };
        let released = author.act(&sight, rng);
        let late = author.kind == AuthorKind::LateReleaser && author.struck;
        author.released += released.forbidden.len() as u64 + u64::from(late && !released.first.is_empty());
        self.facts.forbidden.extend(released.forbidden);
        for (door, wires) in [(first, released.first), (second, released.second)] {
            for part in wires.chunks(64) {
                if self.nodes[door].is_up() {
                    self.submit(door, part.to_vec(), None);
                }
            }
        }
    }

    /// An honest author below the roots writes.
    fn junior_writes(&mut self, rng: &mut Rng) {
        let doors = self.doors();
        let Some(door) = doors.get(rng.below(doors.len().max(1) as u64) as usize).copied() else { return };
        let now = Hlc::from_millis(START_MS + self.world_ms());
        let Self { nodes, hostile: Some(hostile), mesh, .. } = self else { return };
        let Some(machine) = &nodes[door].machine else { return };
        let Some((id, wire)) = hostile.junior.write(machine, mesh.id(), now, rng) else { return };
        self.facts.juniors.insert(id);
        self.submit(door, vec![wire], None);
    }

    /// Something came to a hostile peer.
    pub(super) fn hostile_got(&mut self, node: usize, event: Event) {
        match event {
            Event::Request { peer, token, bytes } => self.hostile_asked(node, &peer, token, &bytes),
            Event::Response { bytes, .. } => self.hostile_answered(node, bytes),
            _ => {}
        }
    }
}
