//! Persist before publish: nothing that a node signed, acknowledges or reports leaves it before it is on its disk. Said
//! to peers (gossip, answers, pushes, beacons) and to its own services.

use std::collections::BTreeMap;

use driftless_core::beacon::Beacon;
use driftless_core::machine::{Effect, SubmitOutcome};
use driftless_statement::{Scope, StatementId};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::said::Said;

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
            Seen::Said(said) => self.said(scene, said),
            Seen::Effect(effect) => Self::effect(scene, effect),
            Seen::Synced(ids) => {
                self.count(scene, ids);
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

    fn effect(scene: &Scene, effect: &Effect) -> Result<(), String> {
        match effect {
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

    fn said(&mut self, scene: &Scene, said: &Said) -> Result<(), String> {
        match said {
            Said::Statement { id, author } if *author == scene.node().key => self.own(scene, id),
            Said::Statement { .. } => Ok(()),
            Said::Announced(ids) => {
                let own = |id: &&StatementId| {
                    let made = scene.facts.made.get(*id);
                    made.is_some_and(|made| made.statement.statement().author == scene.node().key)
                };
                ids.iter().filter(own).try_for_each(|id| self.own(scene, id))
            }
            Said::Gave(ids) => ids.iter().try_for_each(|id| durable(scene, id, "hands out")),
            Said::Took(ids) => {
                self.taken += 1;
                ids.iter().try_for_each(|id| durable(scene, id, "takes the pushed"))
            }
            Said::Beacon { beacon, .. } => self.reported(scene, beacon),
            Said::Nonsense(what) => Err(what.clone()),
        }
    }

    fn own(&mut self, scene: &Scene, id: &StatementId) -> Result<(), String> {
        self.left += 1;
        durable(scene, id, "publishes its own")
    }

    /// A beacon counts only what is on disk.
    fn reported(&mut self, scene: &Scene, beacon: &Beacon) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        for report in &beacon.scopes {
            let durable = here.durable.get(&report.scope).copied().unwrap_or(0);
            if report.count > durable {
                let (scope, count) = (&report.scope, report.count);
                return Err(format!("its beacon tells of {count} statements of {scope}, {durable} are on its disk"));
            }
        }
        Ok(())
    }
}

fn durable(scene: &Scene, id: &StatementId, does: &str) -> Result<(), String> {
    match scene.facts.durable[scene.at].contains(id) {
        true => Ok(()),
        false => Err(format!("{does} {}, which is not on its disk", id.short())),
    }
}
