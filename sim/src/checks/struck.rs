//! What a struck key signs or releases later changes nothing: once a revocation by the roots counts on a node, of all that its
//! key said there only what it accepts counts, whatever times the statements bear.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::machine::{Effect, Event, Machine};
use driftless_core::view::{Since, View};
use driftless_statement::{Body, Statement, StatementId, Verified};

use super::history::{accepted, counts, is_epoch, made};
use super::per_node::PerNode;
use super::{Check, Scene, Seen, batch};
use crate::facts::Struck as Strike;

/// Seconds between two looks at everything that a node holds.
const EVERY_S: u64 = 10;

/// The rule.
#[derive(Default)]
pub struct Struck {
    nodes: PerNode<Here>,
    kept_out: u64,
    accepted: u64,
    without: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    before: Option<Arc<View>>,
    /// The batch that its disk has, when it holds a signature of the roots.
    strike: Option<u64>,
    /// Whether the event that is followed now brings it.
    comes: bool,
}

impl Check for Struck {
    fn name(&self) -> &'static str {
        "struck-keys-change-nothing"
    }

    fn source(&self) -> &'static str {
        "threats P8, P9; design §4 (revocation, accepted frontier)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        match seen {
            Seen::Effect(Effect::Show(view)) if !scene.facts.strikes.is_empty() => self.shows(scene, view),
            Seen::Second if (scene.world_ms / 1_000).is_multiple_of(EVERY_S) => {
                (0..scene.nodes.len()).try_for_each(|node| self.holds(scene, node))
            }
            Seen::End => {
                (0..scene.nodes.len()).try_for_each(|node| self.holds(scene, node))?;
                self.removed(scene)
            }
            Seen::Effect(Effect::Store { batch, statements, .. }) if self.hostile => {
                let approves = |one: &Arc<Verified>| matches!(one.statement().body, Body::Approve(_));
                self.nodes.of(scene.at).strike = statements.iter().any(approves).then_some(*batch);
                Ok(())
            }
            Seen::Before(Event::Stored { batch }) => {
                let here = self.nodes.of(scene.at);
                here.comes = here.strike == Some(*batch);
                Ok(())
            }
            Seen::After if std::mem::take(&mut self.nodes.of(scene.at).comes) => self.holds(scene, scene.at),
            Seen::Died => {
                self.nodes.forget(scene.at);
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
            ("a struck key's statement was kept out", self.kept_out),
            ("a struck key's statement was accepted", self.accepted),
            ("the state was folded again without what struck keys said", self.without),
        ])
    }
}

/// Strikes by the roots that count on a node.
fn counting<'a>(scene: &'a Scene, machine: &'a Machine) -> impl Iterator<Item = &'a Strike> {
    scene.facts.strikes.iter().filter(|strike| strike.by_roots && counts(machine, &strike.revocation))
}

impl Struck {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let Some(before) = self.nodes.of(scene.at).before.replace(view.clone()) else { return Ok(()) };
        let (Since::Changed(paths), Some(machine)) = (view.since(&before.revision()), &scene.node().machine) else {
            return Ok(());
        };
        for path in paths {
            for head in view.get(&path).iter().flat_map(|entry| entry.heads.iter()) {
                let Some(author) = made(scene.facts, head).map(|made| made.statement().author) else { continue };
                let out =
                    |strike: &&Strike| strike.key == author && !accepted(scene.facts, &strike.listed).contains(head);
                if let Some(strike) = counting(scene, machine).find(out) {
                    let (head, revocation) = (head.short(), strike.revocation.short());
                    return Err(format!("{path} shows {head} of a key that revocation {revocation} struck"));
                }
            }
        }
        Ok(())
    }

    /// All that a node holds of struck keys.
    fn holds(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let Some(machine) = &scene.nodes[number].machine else { return Ok(()) };
        for strike in counting(scene, machine) {
            let accepted = accepted(scene.facts, &strike.listed);
            for id in &scene.facts.durable[number] {
                // What relies on the epoch relies on no grant: root keys are changed by rotation.
                let relies =
                    |said: &Statement| said.author == strike.key && !is_epoch(scene.facts, &said.grant, &said.mesh.0);
                if made(scene.facts, id).is_none_or(|made| !relies(made.statement())) {
                    continue;
                }
                match (accepted.contains(id), counts(machine, id)) {
                    (false, true) => {
                        let (id, revocation) = (id.short(), strike.revocation.short());
                        return Err(format!("node {number} lets {id} count, whose key revocation {revocation} struck"));
                    }
                    (false, false) => self.kept_out += 1,
                    (true, counted) => self.accepted += u64::from(counted),
                }
            }
        }
        Ok(())
    }

    /// The merged state at the end is the same as without all that struck keys said, was not accepted, and nobody names.
    fn removed(&mut self, scene: &Scene) -> Result<(), String> {
        let up = |node: &usize| scene.nodes[*node].is_up();
        let Some(number) = (0..scene.nodes.len()).find(up).filter(|_| !scene.facts.strikes.is_empty()) else {
            return Ok(());
        };
        let Some(machine) = &scene.nodes[number].machine else { return Ok(()) };
        let durable = &scene.facts.durable[number];
        let named: BTreeSet<StatementId> = durable
            .iter()
            .filter(|id| machine.is_replicated(id))
            .filter_map(|id| made(scene.facts, id))
            .flat_map(|made| made.statement().names())
            .collect();
        let mut gone = BTreeSet::new();
        for strike in counting(scene, machine) {
            let accepted = accepted(scene.facts, &strike.listed);
            let late = |id: &&StatementId| {
                let said = made(scene.facts, id).map(|made| made.statement());
                said.is_some_and(|said| said.author == strike.key && !said.scope.is_mesh())
                    && !accepted.contains(*id)
                    && !named.contains(*id)
            };
            gone.extend(durable.iter().filter(late).copied());
        }
        self.without += 1;
        batch::differs(scene, number, &gone)
            .map_or(Ok(()), |what| Err(format!("without what struck keys said, {what}")))
    }
}
