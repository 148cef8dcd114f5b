//! A late joiner computes the same: a machine that begins with nothing when all is over, and is given one node's replicated
//! set in another order, ends with that node's sets, merged and effective states.

use std::collections::BTreeMap;

use driftless_core::machine::ScopeState;

use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct LateJoiner {
    joined: u64,
    hostile: bool,
}

impl Check for LateJoiner {
    fn name(&self) -> &'static str {
        "late-joiner-computes-the-same"
    }

    fn source(&self) -> &'static str {
        "threats P5, P6; design §4 (the same on every node, also on one that joins tomorrow)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        let (Seen::Joined(joiner), Some(machine)) = (seen, &scene.node().machine) else { return Ok(()) };
        self.joined += 1;
        let held = |state: &ScopeState| state.statements > 0;
        let told = |state: ScopeState| (state.scope.to_string(), state);
        let theirs: BTreeMap<String, ScopeState> = joiner.status().scopes.into_iter().filter(held).map(told).collect();
        for state in machine.status().scopes.into_iter().filter(held) {
            let Some(other) = theirs.get(state.scope.as_str()) else {
                return Err(format!("who joined late holds nothing of {}", state.scope));
            };
            let (here, there) = (state.statements, other.statements);
            if other.set != state.set {
                return Err(format!(
                    "who joined late has another set of {}: {there} statements, not {here}",
                    state.scope
                ));
            }
            if (other.merged, other.effective) != (state.merged, state.effective) {
                return Err(format!("who joined late has the same set of {} and another state", state.scope));
            }
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if self.hostile { BTreeMap::from([("a late joiner was compared", self.joined)]) } else { BTreeMap::new() }
    }
}
