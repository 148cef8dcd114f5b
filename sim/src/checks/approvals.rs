//! Nothing counts without the approvals that its grant demands, and with them it does: as many distinct keys of the list as
//! are demanded, never the author, each by an approval that counts on the very node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::machine::{Effect, Fate, Machine};
use driftless_core::view::{Since, View};
use driftless_statement::{Body, PublicKey, StatementId};

use super::history::{counts, made};
use super::per_node::PerNode;
use super::{Check, Scene, Seen};
use crate::facts::Demanded;

/// Seconds between two looks at all that is held.
const EVERY_S: u64 = 5;

/// The rule.
#[derive(Default)]
pub struct Approvals {
    nodes: PerNode<Here>,
    waited: u64,
    approved: u64,
    on: bool,
}

#[derive(Default)]
struct Here {
    before: Option<Arc<View>>,
    pending: BTreeSet<StatementId>,
}

impl Check for Approvals {
    fn name(&self) -> &'static str {
        "nothing-counts-unapproved"
    }

    fn source(&self) -> &'static str {
        "docs/trust.md (demands); design §4 (such a write is pending until approved)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.on = scene.scenario.trust.demanded_per_minute > 0.0;
        if scene.facts.demanded.is_empty() {
            return Ok(());
        }
        let due = (scene.world_ms / 1_000).is_multiple_of(EVERY_S);
        match seen {
            Seen::Effect(Effect::Show(view)) => self.shows(scene, view),
            Seen::Second if due => (0..scene.nodes.len()).try_for_each(|node| self.holds(scene, node)),
            Seen::End => (0..scene.nodes.len()).try_for_each(|node| self.holds(scene, node)),
            Seen::Died => {
                self.nodes.forget(scene.at);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        if !self.on {
            return BTreeMap::new();
        }
        BTreeMap::from([
            ("a write waited for approvals", self.waited),
            ("a write became effective by approval", self.approved),
        ])
    }
}

/// What is demanded of a statement, and its author.
fn demanded<'a>(scene: &'a Scene, id: &StatementId) -> Option<(&'a Demanded, PublicKey)> {
    let said = made(scene.facts, id)?.statement();
    let demanded = scene.facts.demanded.iter().find(|one| one.grant == said.grant)?;
    matches!(said.body, Body::Write(_)).then_some((demanded, said.author))
}

/// How many keys have approved a write, as far as that counts on a node.
fn have(scene: &Scene, machine: &Machine, of: &Demanded, author: &PublicKey, write: &StatementId) -> u64 {
    let approving = scene.facts.made.values().filter_map(|made| {
        let said = made.statement.statement();
        let approves = matches!(&said.body, Body::Approve(approve) if approve.id == *write);
        (approves && said.author != *author && of.of.contains(&said.author)).then(|| (said.author, made.statement.id()))
    });
    let keys: BTreeSet<PublicKey> = approving.filter(|(_, id)| counts(machine, id)).map(|(key, _)| key).collect();
    keys.len() as u64
}

fn judge(scene: &Scene, number: usize, machine: &Machine, id: &StatementId) -> Result<(), String> {
    let Some((demanded, author)) = demanded(scene, id) else { return Ok(()) };
    let Some(told) = machine.statement(id) else { return Ok(()) };
    let (have, need) = (have(scene, machine, demanded, &author, id), demanded.need);
    let counted = super::history::is_counted(&told.fate);
    if counted && have < need {
        return Err(format!(
            "node {number} lets {} count, which {have} keys have approved and {need} must",
            id.short()
        ));
    }
    if matches!(told.fate, Fate::Pending(_)) && have >= need {
        return Err(format!("node {number} keeps {} pending, which {have} keys have approved of {need}", id.short()));
    }
    Ok(())
}

impl Approvals {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let Some(before) = self.nodes.of(scene.at).before.replace(view.clone()) else { return Ok(()) };
        let (Since::Changed(paths), Some(machine)) = (view.since(&before.revision()), &scene.node().machine) else {
            return Ok(());
        };
        let heads = paths.iter().filter_map(|path| view.get(path)).flat_map(|entry| entry.heads.iter());
        heads.into_iter().try_for_each(|head| judge(scene, scene.at, machine, head))
    }

    fn holds(&mut self, scene: &Scene, number: usize) -> Result<(), String> {
        let Some(machine) = &scene.nodes[number].machine else { return Ok(()) };
        let here = self.nodes.of(number);
        for id in &scene.facts.durable[number] {
            if demanded(scene, id).is_none() {
                continue;
            }
            judge(scene, number, machine, id)?;
            match machine.statement(id).map(|told| told.fate) {
                Some(Fate::Pending(_)) => self.waited += u64::from(here.pending.insert(*id)),
                Some(Fate::Fit) if here.pending.remove(id) => self.approved += 1,
                _ => {}
            }
        }
        Ok(())
    }
}
