//! Honest operators: the roots, and a steward below them. They strike hostile keys in the course of a run, with what they
//! know of them accepted or not, and bring the acts to nodes until most have them.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::machine::{Fate, Machine};
use driftless_core::rng::Rng;
use driftless_statement::{Accept, Body, Frontier, Hlc, PublicKey, Scope, StatementId, Verified};

use super::bodies::revoke;
use super::{Hostile, World};
use crate::facts::Struck;
use crate::plan::{AuthorKind, Who};
use crate::world::START_MS;
use crate::world::founding::{NODES_WRITE, sign, unsigned};

impl World {
    /// A strike of the plan.
    pub(in crate::world) fn strike(&mut self, number: usize) {
        let strike = self.case.plan.hostile.strikes[number];
        let mut rng = Rng::new(strike.value);
        let doors = self.doors();
        let Some(door) = doors.get(rng.below(doors.len().max(1) as u64) as usize).copied() else {
            // Nobody takes calls now: a second later.
            return self.queue.push(self.now_us + 1_000_000, super::What::Strike(number));
        };
        match strike.who {
            Who::Author(at) => self.strike_author(at, door, strike.accepts, &mut rng),
            Who::Peer(at) => self.strike_peer(at),
            Who::Junior => {}
        }
    }

    fn strike_author(&mut self, at: usize, door: usize, accepts: bool, rng: &mut Rng) {
        let now_ms = START_MS + self.world_ms();
        let Self { nodes, hostile: Some(hostile), facts, .. } = self else { return };
        let (Some(machine), Some(author)) = (&nodes[door].machine, hostile.authors.get_mut(at)) else { return };
        let (key, revoker) = (author.key.public(), author.kind == AuthorKind::Sideways);
        author.struck = true;
        if revoker {
            let out = |id: &&StatementId| machine.statement(id).is_some_and(|told| matches!(told.fate, Fate::Void(_)));
            author.hid = facts.juniors.iter().filter(out).copied().collect();
        }
        let frontier = if accepts { known(machine, &key, &author.gave) } else { Frontier::nothing() };
        let by_roots = author.number % 3 != 2 || revoker || rng.below(3) > 0;
        hostile.others.struck.push(key);
        let listed: BTreeSet<StatementId> = frontier.iter().map(|(_, id)| *id).collect();
        let (acts, revocation) = if by_roots {
            self.revoke_by_roots(key, frontier, rng.below(2) == 0, now_ms)
        } else {
            let Some(signed) = self.revoke_by_steward(key, frontier, now_ms) else { return };
            (vec![signed.clone()], signed.id())
        };
        self.facts.strikes.push(Struck { revocation, key, by_roots, revoker, listed });
        self.admit(acts);
    }

    fn strike_peer(&mut self, at: usize) {
        let now_ms = START_MS + self.world_ms();
        let Some(hostile) = &self.hostile else { return };
        let keys: Vec<PublicKey> = hostile.peers[at].nodes.iter().map(|node| self.nodes[*node].key).collect();
        for key in keys {
            let (acts, revocation) = self.revoke_by_roots(key, Frontier::nothing(), false, now_ms);
            let listed = BTreeSet::new();
            self.facts.strikes.push(Struck { revocation, key, by_roots: true, revoker: false, listed });
            self.admit(acts);
        }
    }

    /// `apart`: what is accepted stands in a statement of its own, as a frontier does that is too long.
    fn revoke_by_roots(
        &mut self,
        key: PublicKey,
        frontier: Frontier,
        apart: bool,
        now_ms: u64,
    ) -> (Vec<Arc<Verified>>, StatementId) {
        if frontier.is_empty() || !apart {
            return self.mesh.root_act(revoke(key, "", frontier), &[], now_ms);
        }
        let (mut acts, accept) = self.mesh.root_act(Body::Accept(Accept { frontier }), &[], now_ms);
        let (more, id) = self.mesh.root_act(revoke(key, "", Frontier::nothing()), &[accept], now_ms);
        acts.extend(more);
        (acts, id)
    }

    fn revoke_by_steward(&mut self, key: PublicKey, frontier: Frontier, now_ms: u64) -> Option<Arc<Verified>> {
        let Hostile { steward: (steward, grant), .. } = self.hostile.as_ref()?;
        let body = revoke(key, NODES_WRITE, frontier);
        let statement = unsigned(self.mesh.id(), steward.public(), *grant, Hlc::from_millis(now_ms), body);
        Some(Arc::new(sign(statement, steward)))
    }
}

/// What one node knows of a key: the heads of what it wrote, and the grants that it gave. Its revocations are not accepted.
fn known(machine: &Machine, key: &PublicKey, gave: &[StatementId]) -> Frontier {
    let mut frontier = Frontier::nothing();
    for told in machine.author(key, Hlc(u64::MAX)).into_iter().filter(|told| !told.scope.is_mesh()) {
        told.heads.into_iter().take(2_000).for_each(|id| frontier.insert(told.scope.clone(), id));
    }
    for id in gave.iter().filter(|id| machine.statement(id).is_some()) {
        frontier.insert(Scope::mesh(), *id);
    }
    frontier
}
