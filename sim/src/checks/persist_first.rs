//! Persist before publish: nothing that a node signed, acknowledges or reports leaves it before it is on its disk. Said
//! to peers (gossip, answers, pushes, beacons) and to its own services.

use std::collections::BTreeMap;

use driftless_core::beacon::Claim;
use driftless_core::machine::{Effect, Event, SubmitOutcome};
use driftless_core::wire::{Gossip, Request, Response};
use driftless_statement::{Scope, Signed, StatementId};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct PersistFirst {
    nodes: PerNode<Here>,
    left: u64,
    taken: u64,
}

#[derive(Default)]
struct Here {
    /// How much of each scope is on disk.
    durable: BTreeMap<Scope, u64>,
    /// What each push that is not answered brought, by the token of its request.
    pushes: BTreeMap<u64, Vec<StatementId>>,
}

impl Check for PersistFirst {
    fn name(&self) -> &'static str {
        "persist-before-publish"
    }

    fn source(&self) -> &'static str {
        "threats P24 and row 21; design §5"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Before(Event::Request { token, bytes, .. }) => {
                if let Ok(Request::Push { statements }) = Request::decode(bytes) {
                    // A place that cannot be read can only be refused; any id will do for it.
                    let ids = statements.iter().map(|wire| id_of(wire).unwrap_or(StatementId::NONE)).collect();
                    self.nodes.of(scene.at).pushes.insert(*token, ids);
                }
                Ok(())
            }
            Seen::Effect(effect) => self.effect(scene, effect),
            Seen::Synced(ids) => {
                self.count(scene, ids);
                Ok(())
            }
            Seen::Died => {
                self.nodes.of(scene.at).pushes.clear();
                Ok(())
            }
            Seen::Forgot => {
                self.nodes.forget(scene.at);
                let ids: Vec<StatementId> = scene.facts.durable[scene.at].iter().copied().collect();
                self.count(scene, &ids);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("an own statement left its node", self.left), ("a push was acknowledged", self.taken)])
    }
}

impl PersistFirst {
    fn count(&mut self, scene: &Scene, ids: &[StatementId]) {
        for made in ids.iter().filter_map(|id| scene.facts.made.get(id)) {
            let scope = &made.statement.statement().scope;
            *self.nodes.of(scene.at).durable.entry(scope.clone()).or_default() += 1;
        }
    }

    fn effect(&mut self, scene: &Scene, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Publish { bytes, .. } => self.published(scene, bytes),
            Effect::Request { bytes, .. } => match Request::decode(bytes) {
                Ok(Request::Push { statements }) => all_durable(scene, &statements, "pushes"),
                _ => Ok(()),
            },
            Effect::Respond { token, bytes } => self.responded(scene, *token, bytes),
            Effect::Wrote { outcome: Ok(receipt), .. } => {
                receipt.id.map_or(Ok(()), |id| durable(scene, &id, "acknowledges the write"))
            }
            Effect::Submitted { outcome, .. } => outcome.iter().try_for_each(|outcome| match outcome {
                SubmitOutcome::Stored { id, .. } | SubmitOutcome::Known { id, .. } => {
                    durable(scene, id, "acknowledges the submission")
                }
                _ => Ok(()),
            }),
            Effect::Effective { id, .. } => durable(scene, id, "reports as effective"),
            _ => Ok(()),
        }
    }

    fn published(&mut self, scene: &Scene, bytes: &[u8]) -> Result<(), String> {
        match Gossip::decode(bytes).map_err(|bad| format!("publishes what is no message: {bad}"))? {
            Gossip::Statement { wire } => match Signed::decode(&wire) {
                Ok(signed) if signed.statement().author == scene.node().key => self.own(scene, &signed.id()),
                Ok(_) => Ok(()),
                Err(bad) => Err(format!("publishes what is no statement: {bad}")),
            },
            Gossip::Announce { ids, .. } => {
                let own = |id: &&StatementId| {
                    let made = scene.facts.made.get(*id);
                    made.is_some_and(|made| made.statement.statement().author == scene.node().key)
                };
                ids.iter().filter(own).try_for_each(|id| self.own(scene, id))
            }
            Gossip::Beacon { bytes } => self.reported(scene, &bytes),
        }
    }

    fn own(&mut self, scene: &Scene, id: &StatementId) -> Result<(), String> {
        self.left += 1;
        durable(scene, id, "publishes its own")
    }

    /// A beacon counts only what is on disk.
    fn reported(&mut self, scene: &Scene, bytes: &[u8]) -> Result<(), String> {
        let Ok(claim) = Claim::decode(bytes) else { return Ok(()) };
        let here = self.nodes.of(scene.at);
        for report in &claim.beacon().scopes {
            let durable = here.durable.get(&report.scope).copied().unwrap_or(0);
            if report.count > durable {
                let (scope, count) = (&report.scope, report.count);
                return Err(format!("its beacon tells of {count} statements of {scope}, {durable} are on its disk"));
            }
        }
        Ok(())
    }

    fn responded(&mut self, scene: &Scene, token: u64, bytes: &[u8]) -> Result<(), String> {
        let pushed = self.nodes.of(scene.at).pushes.remove(&token);
        match Response::decode(bytes).map_err(|bad| format!("answers with what is no message: {bad}"))? {
            Response::Statements { statements, .. } => all_durable(scene, &statements, "hands out"),
            Response::Taken { refused, .. } => {
                let ids = pushed.unwrap_or_default();
                let kept = |place: &usize| !refused.iter().any(|(at, _)| at == place);
                let taken = ids.iter().enumerate().filter(|(place, _)| kept(place));
                self.taken += 1;
                taken.map(|(_, id)| id).try_for_each(|id| durable(scene, id, "takes the pushed"))
            }
            _ => Ok(()),
        }
    }
}

fn all_durable(scene: &Scene, wires: &[driftless_statement::statement::Bytes], does: &str) -> Result<(), String> {
    wires.iter().filter_map(|wire| id_of(wire)).try_for_each(|id| durable(scene, &id, does))
}

fn durable(scene: &Scene, id: &StatementId, does: &str) -> Result<(), String> {
    match scene.facts.durable[scene.at].contains(id) {
        true => Ok(()),
        false => Err(format!("{does} {}, which is not on its disk", id.short())),
    }
}

fn id_of(wire: &[u8]) -> Option<StatementId> {
    Signed::decode(wire).ok().map(|signed| signed.id())
}
