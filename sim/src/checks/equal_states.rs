//! Equal sets give equal states: whoever folds the same due statements gets the same merged and effective digest, on any
//! node, in any order of arrival, before and after any crash. Looked at where nodes say it: in the beacons they send, and in
//! the alarm that they raise when a beacon tells them of something else.

use std::collections::{BTreeMap, VecDeque};

use driftless_core::beacon::Beacon;
use driftless_statement::id::hex;
use driftless_statement::{PublicKey, Scope};

use super::{Check, Scene, Seen};
use crate::said::Said;

/// What was folded: a scope, and the name of all that its state is a function of.
type Folded = (Scope, [u8; 32]);

/// States that are remembered: more than a mesh passes through while a node is away.
const REMEMBERED: usize = 65_536;

/// Nodes asked for their alarms in one second, in turn: an answer costs as much as the mesh has nodes.
const AT_ONCE: usize = 16;

/// The rule.
#[derive(Default)]
pub struct EqualStates {
    turn: usize,
    states: BTreeMap<Folded, State>,
    order: VecDeque<Folded>,
    compared: u64,
}

struct State {
    merged: [u8; 32],
    effective: [u8; 32],
    node: usize,
}

impl Check for EqualStates {
    fn name(&self) -> &'static str {
        "equal-sets-equal-states"
    }

    fn source(&self) -> &'static str {
        "threats P5; design §4; Kleppmann 2022 (strong eventual convergence over the authorised set)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Said(Said::Beacon { beacon, .. }) => self.told(scene, beacon),
            Seen::Second => self.alarms(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("two nodes folded the same set", self.compared)])
    }
}

impl EqualStates {
    fn alarms(&mut self, scene: &Scene) -> Result<(), String> {
        let nodes = scene.nodes.len().max(1);
        self.turn = (self.turn + AT_ONCE) % nodes;
        for step in 0..AT_ONCE.min(nodes) {
            let number = (self.turn + step) % nodes;
            let Some(machine) = &scene.nodes[number].machine else { continue };
            // A hostile peer may tell what it likes: then the alarm names it, and that is right.
            let honest = |key: &PublicKey| scene.nodes.iter().any(|node| node.key == *key && !node.hostile);
            if let Some(alarm) = machine.divergence().alarms.iter().find(|alarm| honest(&alarm.node)) {
                return Err(format!("node {number} raises the alarm: {alarm:?}"));
            }
        }
        Ok(())
    }

    /// A beacon tells what was folded, and what it gave.
    fn told(&mut self, scene: &Scene, beacon: &Beacon) -> Result<(), String> {
        for report in &beacon.scopes {
            let folded = (report.scope.clone(), report.folded);
            match self.states.get(&folded) {
                Some(known) => {
                    self.compared += u64::from(known.node != scene.at);
                    for (what, here, there) in
                        [("merged", report.merged, known.merged), ("effective", report.effective, known.effective)]
                    {
                        if here != there {
                            let (scope, here, there) = (&report.scope, hex(&here[..6]), hex(&there[..6]));
                            let other = known.node;
                            return Err(format!(
                                "{scope}: folded the same as node {other}, {what} {here} against {there}"
                            ));
                        }
                    }
                }
                None => {
                    self.remember(folded, State { merged: report.merged, effective: report.effective, node: scene.at })
                }
            }
        }
        Ok(())
    }

    fn remember(&mut self, folded: Folded, state: State) {
        self.order.push_back(folded.clone());
        self.states.insert(folded, state);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.states.remove(&oldest);
        }
    }
}
