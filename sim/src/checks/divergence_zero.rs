//! A healthy mesh reads zero: under steady writes, when nothing is wrong and nothing was lately, no node sees another one
//! differ, and no alarm is raised without a reason.

use std::collections::BTreeMap;

use super::{Check, Scene, Seen};

/// Nodes looked at in one second, in turn: a look costs as much as the mesh has nodes.
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
        "design §6; threats P5 (the alarm of equal sets with unequal states)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let Seen::Second = seen else { return Ok(()) };
        let calm = scene.calm_since_ms.is_some_and(|since| since + scene.bound_ms + SETTLED_MS < scene.world_ms);
        for step in 0..AT_ONCE.min(scene.nodes.len()) {
            let number = (self.turn + step) % scene.nodes.len();
            let Some(machine) = &scene.nodes[number].machine else { continue };
            let picture = machine.divergence();
            if let Some(alarm) = picture.alarms.first() {
                return Err(format!("node {number} raises the alarm: {alarm:?}"));
            }
            self.seen += u64::from(picture.differing > 0);
            if calm && picture.differing > 0 {
                let (differing, heard, age_ms) = (picture.differing, picture.heard, picture.age_ms);
                return Err(format!(
                    "node {number} sees {differing} of {heard} nodes differ for {age_ms} ms, and nothing is wrong"
                ));
            }
            self.zero += u64::from(calm && picture.heard > 0);
        }
        self.turn = self.turn.wrapping_add(AT_ONCE) % scene.nodes.len().max(1);
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a node of a healthy mesh read zero", self.zero),
            ("a node saw another one differ", self.seen),
        ])
    }
}
