//! The roots recover what a hostile revoker hid: when their strikes of all hostile revokers count on a node, every statement
//! that those had made void counts there again.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::machine::Effect;
use driftless_statement::StatementId;

use super::history::{accepted, counts, made};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::facts::Struck;

/// After the last strike counts: what was aside is taken back with the same event, and a disk may have to follow.
const AFTER_MS: u64 = 3_000;

/// The rule.
#[derive(Default)]
pub struct Recovery {
    nodes: PerNode<Here>,
    hid: u64,
    recovered: u64,
    left: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    /// Since when all hostile revokers are struck there.
    since_ms: Option<u64>,
    hidden: BTreeSet<StatementId>,
}

impl Check for Recovery {
    fn name(&self) -> &'static str {
        "roots-recover"
    }

    fn source(&self) -> &'static str {
        "threats P10, P11; design §4 (the roots can always recover), §5 (destroys nothing that the roots cannot bring back)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Second if scene.facts.revokers > 0 => {
                self.hostile = true;
                (0..scene.nodes.len()).try_for_each(|node| self.second(scene, node))
            }
            Seen::Effect(Effect::Store { gone, .. }) => {
                self.left += gone.len() as u64;
                gone.iter().try_for_each(|id| by_roots(scene, id))
            }
            Seen::Died => {
                self.nodes.of(scene.at).since_ms = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if !self.hostile {
            return BTreeMap::new();
        }
        BTreeMap::from([
            ("a hostile revoker hid an honest write", self.hid),
            ("the roots brought back what a hostile revoker hid", self.recovered),
            ("what the roots struck left a disk", self.left),
        ])
    }
}

/// What leaves a disk, nobody can bring back: the roots must have struck its author, or who gave that one its grant.
fn by_roots(scene: &Scene, id: &StatementId) -> Result<(), String> {
    let mut at = made(scene.facts, id);
    while let Some(one) = at {
        let author = one.statement().author;
        let of_author = |strike: &&Struck| strike.by_roots && strike.key == author;
        if scene
            .facts
            .strikes
            .iter()
            .filter(of_author)
            .any(|strike| !accepted(scene.facts, &strike.listed).contains(&one.id()))
        {
            return Ok(());
        }
        at = made(scene.facts, &one.statement().grant);
    }
    Err(format!("{} leaves the disk, and the roots did not strike it", id.short()))
}

impl Recovery {
    fn second(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let here = self.nodes.of(number);
        let Some(machine) = &scene.nodes[number].machine else { return Ok(()) };
        let struck = scene.facts.strikes.iter().filter(|strike| strike.revoker);
        let all = struck.filter(|strike| counts(machine, &strike.revocation)).count() >= scene.facts.revokers;
        if !all {
            here.since_ms = None;
        } else if here.since_ms.is_none() {
            here.since_ms = Some(scene.world_ms);
        }
        let safe =
            here.since_ms.is_some_and(|since| since + AFTER_MS < scene.world_ms) && !scene.nodes[number].is_paused();
        for id in scene.facts.juniors.intersection(&scene.facts.durable[number]) {
            let out = !counts(machine, id);
            if out && safe {
                let (id, fate) = (id.short(), machine.statement(id).map(|told| told.fate));
                return Err(format!(
                    "node {number} still keeps out {id} of an honest author ({fate:?}), and every hostile revoker is struck"
                ));
            }
            if out {
                self.hid += u64::from(here.hidden.insert(*id));
            } else if here.hidden.remove(id) {
                self.recovered += 1;
            }
        }
        Ok(())
    }
}
