//! A joiner when all is over, where somebody was hostile: a machine with an empty disk that is given one node's replicated
//! set, `@mesh` first, in an order that no node saw; what it asks for by id it gets, all other questions fail.

use std::collections::BTreeSet;

use driftless_core::machine::{Effect, Event, Machine, Now, Rates, Setup};
use driftless_core::wire::{Request, Response};
use driftless_statement::statement::Bytes;
use driftless_statement::{PublicKey, SecretKey, StatementId};

use super::World;
use crate::checks::Seen;

/// Statements in one push.
const PUSH: usize = 100;
/// How often what is not held yet is pushed again, and what is missing asked for.
const ROUNDS: u64 = 4;

impl World {
    /// Lets one join, and checks look at it.
    pub(super) fn join_late(&mut self) {
        let up = (0..self.nodes.len()).find(|node| self.nodes[*node].is_up());
        let (Some(of), true) = (up, self.hostile.is_some() && !self.checks.is_empty()) else { return };
        let Some(joiner) = self.joiner(of) else { return };
        self.look(of, &Seen::Joined(&joiner));
    }

    fn joiner(&self, of: usize) -> Option<Machine> {
        let source = self.nodes[of].machine.as_ref()?;
        let peer = self.nodes.iter().map(|node| node.key).find(|key| *key != self.nodes[of].key)?;
        let now = self.now(of);
        let setup = Setup {
            // As a node that lost its disk: so it may hold what that one holds.
            key: SecretKey::from_bytes(self.nodes[of].secret),
            mesh: self.mesh.id(),
            name: "joiner".to_owned(),
            wants: None,
            store: 1,
            boot: 1,
            floor_ms: self.nodes[of].disk.floor_ms,
            keep_struck_bytes: super::shell::KEEP_STRUCK_BYTES,
            seed: self.case.seed,
            pace: self.pace(),
            // What it is fed comes in a moment, not at any rate.
            rates: Rates::default(),
            proofs: self.proofs.clone(),
            #[cfg(feature = "planted")]
            planted: self.options.bug.and_then(crate::bugs::Planted::in_core),
        };
        let mut feeder = Feeder { joiner: Machine::new(setup, now), source, peer, now, token: 0 };
        feeder.step(Event::Loaded(Vec::new()));
        feeder.step(Event::Connected { peer });
        let mut all: Vec<(bool, [u8; 32], StatementId)> = self.facts.durable[of]
            .iter()
            .filter(|id| source.is_replicated(id) && self.feeds(source, id))
            .filter_map(|id| {
                let made = self.facts.made.get(id)?;
                let order = blake3::hash(&[id.as_bytes().as_slice(), &self.case.seed.to_le_bytes()].concat());
                Some((!made.statement.statement().scope.is_mesh(), *order.as_bytes(), *id))
            })
            .collect();
        all.sort_unstable();
        for round in 0..ROUNDS {
            feeder.now.mono_ms = now.mono_ms + round * 20_000;
            feeder.push(all.iter().map(|(.., id)| *id));
            feeder.step(Event::Tick);
        }
        Some(feeder.joiner)
    }
}

/// Gives a joiner what it needs.
struct Feeder<'a> {
    joiner: Machine,
    source: &'a Machine,
    peer: PublicKey,
    now: Now,
    token: u64,
}

impl Feeder<'_> {
    fn push(&mut self, ids: impl Iterator<Item = StatementId>) {
        let lacks: Vec<StatementId> = ids.filter(|id| !self.joiner.has_stored(id)).collect();
        for part in lacks.chunks(PUSH) {
            // Within what one message holds, whatever the statements weigh.
            let mut rest: Vec<Bytes> = part.iter().filter_map(|id| self.wire(id)).collect();
            while !rest.is_empty() {
                let mut weight = 0;
                let fits = rest.iter().take_while(|wire| {
                    weight += wire.len();
                    weight < 400_000
                });
                let count = fits.count().max(1);
                let statements: Vec<Bytes> = rest.drain(..count).collect();
                self.token += 1;
                let bytes = Request::Push { statements }.encode();
                self.step(Event::Request { peer: self.peer, token: self.token, bytes });
            }
        }
    }

    fn wire(&self, id: &StatementId) -> Option<Bytes> {
        self.source.statement(id).map(|told| told.statement.wire())
    }

    /// One event, and all that follows from it.
    fn step(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut effects = Vec::new();
            self.joiner.handle(self.now, event, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Store { batch, .. } => events.push(Event::Stored { batch }),
                    Effect::Request { peer, corr, bytes } => events.push(self.answer(peer, corr, &bytes)),
                    _ => {}
                }
            }
        }
    }

    fn answer(&self, peer: PublicKey, corr: u64, bytes: &[u8]) -> Event {
        let Ok(Request::Fetch { ids }) = Request::decode(bytes) else { return Event::RequestFailed { peer, corr } };
        let held: BTreeSet<usize> = (0..ids.len()).filter(|at| self.wire(&ids[*at]).is_some()).collect();
        let statements = held.iter().filter_map(|at| self.wire(&ids[*at])).take(PUSH).collect();
        let missing = (0..ids.len()).filter(|at| !held.contains(at)).collect();
        let bytes = Response::Statements { statements, missing }.encode();
        Event::Response { peer, corr, bytes }
    }
}
