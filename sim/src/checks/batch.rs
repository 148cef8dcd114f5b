//! Incremental equals batch: whatever a node went through, its merged state is what a fold of its replicated set from nothing
//! gives: trust evaluated once, each scope folded once. And how that is computed, for another check that asks what the state
//! would be without some statements.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::fold::{Member, ScopeFold};
use driftless_core::machine::{Effect, Event, Fate, Machine};
use driftless_core::trust::{Accepted, Trust};
use driftless_statement::{Body, Scope, StatementId, Verified};

use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// Seconds between two looks at some node, in turn.
const EVERY_S: u64 = 30;

/// The rule.
#[derive(Default)]
pub struct Batch {
    nodes: PerNode<Here>,
    turn: usize,
    looked: u64,
    after_strike: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    /// The batch that the disk has, when it holds a signature of the roots.
    strike: Option<u64>,
    /// Whether the event that is followed now brings it.
    comes: bool,
}

impl Check for Batch {
    fn name(&self) -> &'static str {
        "incremental-equals-batch"
    }

    fn source(&self) -> &'static str {
        "threats P5, P6; design §4 (a pure function from the set)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        if !self.hostile {
            // Folding all again costs as much as the run; where nothing leaves the set other checks see as much.
            return Ok(());
        }
        let here = self.nodes.of(scene.at);
        match seen {
            Seen::Effect(Effect::Store { batch, statements, .. }) => {
                let approves = |one: &Arc<Verified>| matches!(one.statement().body, Body::Approve(_));
                let loaded = scene.world_ms > crate::world::FOUNDING_MS;
                here.strike = (loaded && statements.iter().any(approves)).then_some(*batch);
            }
            Seen::Before(Event::Stored { batch }) => here.comes = here.strike == Some(*batch),
            Seen::After if std::mem::take(&mut here.comes) => {
                self.after_strike += 1;
                return self.compare(scene, scene.at);
            }
            Seen::Died => self.nodes.forget(scene.at),
            Seen::Second if (scene.world_ms / 1_000).is_multiple_of(EVERY_S) => {
                self.turn += 1;
                return self.compare(scene, self.turn % scene.nodes.len());
            }
            Seen::End => {
                let up = (0..scene.nodes.len()).find(|node| scene.nodes[*node].is_up());
                return up.map_or(Ok(()), |node| self.compare(scene, node));
            }
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if !self.hostile {
            return BTreeMap::new();
        }
        BTreeMap::from([
            ("a state was folded again from nothing", self.looked),
            ("a state was folded again as the roots signed", self.after_strike),
        ])
    }
}

impl Batch {
    fn compare(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        self.looked += u64::from(scene.nodes[number].is_up());
        differs(scene, number, &BTreeSet::new()).map_or(Ok(()), |what| Err(format!("folded from nothing, {what}")))
    }
}

/// Where a node's merged state differs from what its set gives without some statements; `None`: nowhere.
pub fn differs(scene: &Scene, number: usize, without: &BTreeSet<StatementId>) -> Option<String> {
    let machine = scene.nodes[number].machine.as_ref()?;
    let due = due(scene, number, machine, without);
    let merged = fold(machine, &due)?;
    for state in machine.status().scopes {
        let empty = ScopeFold::new().digest();
        if *merged.get(&state.scope).unwrap_or(&empty) != state.merged {
            return Some(format!("scope {} of node {number} has another merged digest", state.scope));
        }
    }
    None
}

/// The due part of a node's replicated set.
fn due(scene: &Scene, number: usize, machine: &Machine, without: &BTreeSet<StatementId>) -> Vec<Arc<Verified>> {
    let is_due = |id: &&StatementId| {
        machine.is_replicated(id) && machine.statement(id).is_some_and(|told| told.fate != Fate::NotDue)
    };
    let ids = scene.facts.durable[number].iter().filter(|id| !without.contains(*id)).filter(is_due);
    ids.filter_map(|id| scene.facts.made.get(id).map(|made| made.statement.clone())).collect()
}

/// Trust once, then each scope once.
fn fold(machine: &Machine, due: &[Arc<Verified>]) -> Option<BTreeMap<Scope, [u8; 32]>> {
    let by_id: BTreeMap<StatementId, &Verified> = due.iter().map(|one| (one.id(), &**one)).collect();
    let genesis = by_id.get(&StatementId(machine.mesh().0))?;
    let mesh = due.iter().filter(|one| one.statement().scope.is_mesh()).map(|one| &**one);
    let trust = Trust::evaluate(genesis, mesh);
    let mut accepted = Accepted::default();
    for (id, _) in trust.frontiers() {
        if let Some(listed) = by_id.get(id) {
            trust.accept(listed, |id| by_id.get(id).copied(), &mut accepted);
        }
    }
    let mut members: BTreeMap<Scope, Vec<Member>> = BTreeMap::new();
    for statement in due.iter().filter(|one| !one.statement().touches.is_empty()) {
        let writes = matches!(statement.statement().body, Body::Write(_));
        let counts = writes && trust.authorised(statement, &accepted).is_ok();
        let list = members.entry(statement.statement().scope.clone()).or_default();
        list.push(Member { statement: statement.clone(), counts });
    }
    let mut of_mesh = ScopeFold::new();
    of_mesh.update(&members.remove(&Scope::mesh()).unwrap_or_default(), &[]);
    let mut merged = BTreeMap::new();
    for (scope, list) in members {
        let mut fold = ScopeFold::new();
        fold.govern(of_mesh.governance(&scope));
        fold.update(&list, &[]);
        merged.insert(scope, fold.digest());
    }
    merged.insert(Scope::mesh(), of_mesh.digest());
    Some(merged)
}
