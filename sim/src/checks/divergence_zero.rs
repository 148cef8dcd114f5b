//! A healthy mesh reads zero: under steady writes, when nothing is wrong and nothing was lately, no node sees another one
//! differ. Over links that lose messages all the time a statement may truly be late by more than the marks allow; there a
//! difference must pass, within the time of a heal.

use std::collections::BTreeMap;

use driftless_core::machine::{Effect, Topic};

use super::{Check, Scene, Seen};
use crate::scenario::Scenario;
use crate::world::FOUNDING_MS;

/// Nodes looked at in one second, in turn: a look costs as much as the mesh has nodes. In a mesh of no more, each is also
/// looked at with every beacon of its own.
const AT_ONCE: usize = 16;
/// After all nodes are equal: the mark at which they differed has to leave the beacons that were heard.
const SETTLED_MS: u64 = 20_000;

/// The rule.
#[derive(Default)]
pub struct DivergenceZero {
    turn: usize,
    zero: u64,
    seen: u64,
}

impl Check for DivergenceZero {
    fn name(&self) -> &'static str {
        "divergence-reads-zero"
    }

    fn source(&self) -> &'static str {
        "design §6 (a healthy mesh under steady writes reads zero)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Second => {
                let nodes = scene.nodes.len().max(1);
                self.turn = self.turn.wrapping_add(AT_ONCE) % nodes;
                (0..AT_ONCE.min(nodes)).try_for_each(|step| self.read(scene, (self.turn + step) % nodes))
            }
            // A difference that the next beacon ends is one, too.
            Seen::Effect(Effect::Publish { topic: Topic::Beacons, .. }) if scene.nodes.len() <= AT_ONCE => {
                self.read(scene, scene.at)
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a node of a healthy mesh read zero", self.zero),
            ("a node saw another one differ", self.seen),
        ])
    }
}

impl DivergenceZero {
    fn read(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let Some(machine) = &scene.nodes[number].machine else { return Ok(()) };
        let (picture, healthy) = (machine.divergence(), is_healthy(scene));
        self.seen += u64::from(picture.differing > 0);
        let may_last_ms = if loses_messages(scene.scenario) { scene.bound_ms } else { 0 };
        if healthy && picture.differing > 0 && picture.age_ms >= may_last_ms {
            let (differing, heard, age_ms) = (picture.differing, picture.heard, picture.age_ms);
            return Err(format!(
                "node {number} sees {differing} of {heard} nodes differ for {age_ms} ms, and nothing is wrong"
            ));
        }
        self.zero += u64::from(healthy && picture.heard > 0);
        Ok(())
    }
}

/// Whether nothing is wrong, and nothing was for so long that all of it is healed and forgotten.
fn is_healthy(scene: &Scene) -> bool {
    // Who dates back changes marks that have settled, and hostile peers say what they like.
    if scene.scenario.hostile.is_on() {
        return false;
    }
    let Some(since_ms) = scene.calm_since_ms else { return false };
    // Before the first fault there is nothing to heal.
    let heals_ms = if since_ms == FOUNDING_MS { 0 } else { scene.bound_ms };
    since_ms + heals_ms + SETTLED_MS < scene.world_ms
}

fn loses_messages(scenario: &Scenario) -> bool {
    let named = scenario.links.iter().filter_map(|link| link.loss);
    std::iter::once(scenario.link.loss).chain(named).any(|loss| loss > 0.0)
}
