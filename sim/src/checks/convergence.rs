//! After the last fault every statement that some running node has reaches every running node within the bound, unless a
//! revocation takes it out of the replicated set meanwhile; and at the end of a run all of them stand alike.

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::machine::ScopeState;
use driftless_statement::StatementId;

use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Convergence {
    healing: Option<Healing>,
    healed: u64,
    healed_from_apart: u64,
}

/// A heal that is under way.
struct Healing {
    since_ms: u64,
    /// What some node had when it began.
    wanted: Vec<StatementId>,
    /// Nodes that ran when it began, in which of their lives.
    nodes: Vec<(usize, u64)>,
    apart: bool,
}

impl Healing {
    fn begin(scene: &Scene, since_ms: u64) -> Self {
        let up: Vec<usize> = (0..scene.nodes.len()).filter(|node| scene.nodes[*node].is_up()).collect();
        let durable = |node: &usize| &scene.facts.durable[*node];
        let somewhere = |id: &&StatementId| up.iter().any(|node| durable(node).contains(id));
        let wanted: Vec<StatementId> = scene.facts.made.keys().filter(somewhere).copied().collect();
        let apart = up.iter().any(|node| durable(node).len() < wanted.len());
        let nodes = up.into_iter().map(|node| (node, scene.nodes[node].lives)).collect();
        Self { since_ms, wanted, nodes, apart }
    }

    fn end(&self, scene: &Scene) -> Result<(), String> {
        for (node, life) in &self.nodes {
            let here = &scene.nodes[*node];
            if !here.is_up() || here.lives != *life {
                continue;
            }
            let durable = &scene.facts.durable[*node];
            let lacks = |id: &&StatementId| !durable.contains(*id) && is_in_a_set(scene, id);
            let missing: Vec<&StatementId> = self.wanted.iter().filter(lacks).collect();
            if let Some(first) = missing.first() {
                let (count, since, first) = (missing.len(), self.since_ms, first.short());
                return Err(format!(
                    "node {node} still lacks {count} statements (first {first}), calm since {since} ms"
                ));
            }
        }
        Ok(())
    }
}

impl Check for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }

    fn source(&self) -> &'static str {
        "threats P3 and row 2 (≤ 2 periods + 3 round trips after healing); design §5"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Second => self.second(scene),
            Seen::End => all_alike(scene),
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a calm lasted long enough to be judged", self.healed),
            ("nodes that were apart became equal", self.healed_from_apart),
        ])
    }
}

impl Convergence {
    fn second(&mut self, scene: &Scene) -> Result<(), String> {
        let Some(since_ms) = scene.calm_since_ms else {
            self.healing = None;
            return Ok(());
        };
        // The process of a node that was down begins within the first second.
        if scene.world_ms < since_ms + 1_000 {
            return Ok(());
        }
        let healing = match &mut self.healing {
            Some(healing) if healing.since_ms == since_ms => healing,
            healing => healing.insert(Healing::begin(scene, since_ms)),
        };
        if healing.wanted.is_empty() || scene.world_ms < since_ms + scene.bound_ms {
            return Ok(());
        }
        let judged = healing.end(scene);
        self.healed += 1;
        self.healed_from_apart += u64::from(healing.apart);
        healing.wanted = Vec::new();
        judged
    }
}

/// Whether a statement is in the replicated set of some node. Where nobody is hostile, nothing ever leaves it.
pub fn is_in_a_set(scene: &Scene, id: &StatementId) -> bool {
    let in_set = |node: &crate::world::Node| node.machine.as_ref().is_some_and(|machine| machine.is_replicated(id));
    scene.scenario.hostile.is_off() || scene.nodes.iter().any(in_set)
}

/// Set, merged and effective digest by scope.
type Digests = BTreeMap<String, ([u8; 32], [u8; 32], [u8; 32])>;

fn all_alike(scene: &Scene) -> Result<(), String> {
    let mut first: Option<(usize, Digests)> = None;
    for (number, node) in scene.nodes.iter().enumerate() {
        let Some(machine) = &node.machine else { continue };
        let held = |state: &ScopeState| state.statements > 0;
        let alike = |state: ScopeState| (state.scope.to_string(), (state.set, state.merged, state.effective));
        let digests: Digests = machine.status().scopes.into_iter().filter(held).map(alike).collect();
        match &first {
            None => first = Some((number, digests)),
            Some((other, known)) if *known != digests => {
                return Err(difference(scene, *other, number, known, &digests));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn difference(scene: &Scene, a: usize, b: usize, of_a: &Digests, of_b: &Digests) -> String {
    let (left, right) = (&scene.facts.durable[a], &scene.facts.durable[b]);
    let lacks = |one: &BTreeSet<StatementId>, other: &BTreeSet<StatementId>| one.difference(other).count();
    let scopes: Vec<&str> =
        of_a.iter().filter(|(scope, state)| of_b.get(*scope) != Some(state)).map(|(scope, _)| scope.as_str()).collect();
    format!(
        "at the end nodes {a} and {b} differ in {scopes:?}: {a} lacks {}, {b} lacks {}",
        lacks(right, left),
        lacks(left, right)
    )
}
