//! Nothing beyond the grant: what an author signs outside of what it was granted, as a root alone, for another mesh or with
//! a false path counts on no honest node, ever.

use std::collections::BTreeMap;

use super::history::counts;
use super::{Check, Scene, Seen};

/// Seconds between two looks.
const EVERY_S: u64 = 5;

/// The rule.
#[derive(Default)]
pub struct Beyond {
    held: u64,
    hostile: bool,
}

impl Check for Beyond {
    fn name(&self) -> &'static str {
        "nothing-beyond-the-grant"
    }

    fn source(&self) -> &'static str {
        "threats P13, P14, P31; design §4 (a grant can only narrow what its issuer holds)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        let due = (scene.world_ms / 1_000).is_multiple_of(EVERY_S);
        match seen {
            Seen::Second if due => self.all(scene),
            Seen::End => self.all(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if self.hostile {
            BTreeMap::from([("what reached beyond its grant was held and did not count", self.held)])
        } else {
            BTreeMap::new()
        }
    }
}

impl Beyond {
    fn all(&mut self, scene: &Scene) -> Result<(), String> {
        for (number, node) in scene.nodes.iter().enumerate() {
            let Some(machine) = &node.machine else { continue };
            for id in scene.facts.forbidden.intersection(&scene.facts.durable[number]) {
                if counts(machine, id) {
                    return Err(format!("node {number} lets {} count, which its author was never granted", id.short()));
                }
                self.held += 1;
            }
        }
        Ok(())
    }
}
