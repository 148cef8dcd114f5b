//! An ended epoch says nothing more: once a rotation counts on a node, of all that names the epoch that it ended only what it
//! accepts counts there, rotations and signatures under them apart.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::machine::Fate;
use driftless_core::trust::Refusal;
use driftless_statement::{Body, StatementId, Verified};

use super::history::{accepted, counts, made};
use super::{Check, Scene, Seen};
use crate::facts::Rotated;

/// Seconds between two looks.
const EVERY_S: u64 = 5;

/// The rule.
#[derive(Default)]
pub struct Epochs {
    counted: u64,
    kept_out: u64,
    on: bool,
    hostile: bool,
}

impl Check for Epochs {
    fn name(&self) -> &'static str {
        "ended-epochs-say-nothing"
    }

    fn source(&self) -> &'static str {
        "docs/trust.md (rotation); design §4 (acts of earlier epochs outside of the accepted frontier are void)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.on = scene.scenario.trust.rotated > 0;
        self.hostile = scene.scenario.hostile.is_on();
        let due = (scene.world_ms / 1_000).is_multiple_of(EVERY_S);
        match seen {
            Seen::Second if due => self.all(scene),
            Seen::End => self.all(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        let mut states = BTreeMap::new();
        if self.on {
            states.insert("a rotation counted", self.counted);
        }
        if self.on && self.hostile {
            states.insert("an act of an ended epoch was void", self.kept_out);
        }
        states
    }
}

/// Whether it is one of the two kinds that no frontier can list.
fn is_about_rotation(scene: &Scene, act: &Verified) -> bool {
    match &act.statement().body {
        Body::Rotate(_) => true,
        Body::Approve(approve) => {
            made(scene.facts, &approve.id).is_some_and(|approved| matches!(approved.statement().body, Body::Rotate(_)))
        }
        _ => false,
    }
}

/// What names the epoch that a rotation ended and is not accepted by it.
fn shut_out(scene: &Scene, rotated: &Rotated) -> BTreeSet<StatementId> {
    let accepted = accepted(scene.facts, &rotated.listed);
    let names = scene.facts.made.values().map(|made| &made.statement).filter(|act| {
        act.statement().grant == rotated.ended && !accepted.contains(&act.id()) && !is_about_rotation(scene, act)
    });
    names.map(|act| act.id()).collect()
}

impl Epochs {
    fn all(&mut self, scene: &Scene) -> Result<(), String> {
        for rotated in &scene.facts.rotations {
            let shut_out = shut_out(scene, rotated);
            for (number, node) in scene.nodes.iter().enumerate() {
                let Some(machine) = node.machine.as_ref().filter(|machine| counts(machine, &rotated.rotation)) else {
                    continue;
                };
                self.counted += 1;
                for id in shut_out.intersection(&scene.facts.durable[number]) {
                    if counts(machine, id) {
                        let (id, rotation) = (id.short(), rotated.rotation.short());
                        return Err(format!(
                            "node {number} lets {id} count, whose epoch rotation {rotation} ended without accepting it"
                        ));
                    }
                    let fate = machine.statement(id).map(|told| told.fate);
                    self.kept_out += u64::from(matches!(fate, Some(Fate::Void(Refusal::Superseded { .. }))));
                }
            }
        }
        Ok(())
    }
}
