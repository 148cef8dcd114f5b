//! Acknowledged writes survive: what a node told anybody to be safe it still has after any crash, any crash while it
//! recovered, and any later one; and at the end everybody has it.

use std::collections::BTreeMap;

use driftless_core::machine::Fate;

use super::convergence::is_in_a_set;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Survival {
    survived: u64,
    begun: u64,
}

impl Check for Survival {
    fn name(&self) -> &'static str {
        "acknowledged-writes-survive"
    }

    fn source(&self) -> &'static str {
        "threats P22, P23 and rows 45, 46; design §5"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Began => self.began(scene),
            Seen::End => at_the_end(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a process began with promises to keep", self.begun),
            ("an acknowledged statement survived a crash", self.survived),
        ])
    }
}

impl Survival {
    fn began(&mut self, scene: &Scene) -> Result<(), String> {
        let Some(machine) = &scene.node().machine else { return Ok(()) };
        let promised = &scene.facts.promised[scene.at];
        for id in promised {
            if machine.statement(id).is_none_or(|told| told.fate == Fate::Storing) {
                let (id, of) = (id.short(), promised.len());
                return Err(format!("began without {id}, which it had acknowledged (one of {of})"));
            }
        }
        self.survived += promised.len() as u64;
        self.begun += u64::from(!promised.is_empty());
        Ok(())
    }
}

fn at_the_end(scene: &Scene) -> Result<(), String> {
    let promised = scene.facts.made.iter().filter(|(_, made)| made.promised.is_some());
    for (id, _) in promised.filter(|(id, _)| !scene.facts.beyond_help.contains(*id)) {
        for (number, _) in scene.nodes.iter().enumerate().filter(|(_, node)| node.is_up()) {
            if !scene.facts.durable[number].contains(id) && is_in_a_set(scene, id) {
                let id = id.short();
                return Err(format!("node {number} ends without {id}, which somebody was told is safe"));
            }
        }
    }
    Ok(())
}
