//! No resurrection: what counted once on a node counts there for ever, across restarts and whatever its clock does, unless a
//! revocation strikes it. So nothing that was deleted or replaced can come back because its successor fell out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use driftless_core::machine::{Effect, Machine};
use driftless_core::view::{Since, View};
use driftless_statement::StatementId;

use super::history::{counts, is_counted, is_struck, made};
use super::news::News;
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// Statements looked at on each node in a second, in turn, besides all at each start.
const AT_ONCE: usize = 4;

/// The rule.
#[derive(Default)]
pub struct Resurrection {
    nodes: PerNode<Here>,
    kept: u64,
    waited: u64,
}

#[derive(Default)]
struct Here {
    news: News,
    counted: BTreeSet<StatementId>,
    before: Option<Arc<View>>,
    turn: Option<StatementId>,
}

impl Check for Resurrection {
    fn name(&self) -> &'static str {
        "no-resurrection"
    }

    fn source(&self) -> &'static str {
        "threats P17 and row 53; design §4 (a durable time floor that never goes back)"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        here.news.follow(scene, seen);
        match seen {
            Seen::Effect(Effect::Show(view)) => return self.shows(scene, view),
            Seen::After => self.after(scene),
            Seen::Began => return self.began(scene),
            Seen::Died => here.before = None,
            // Its floor is gone with the rest.
            Seen::Forgot => self.nodes.forget(scene.at),
            Seen::Second => return (0..scene.nodes.len()).try_for_each(|node| self.second(scene, node)),
            _ => {}
        }
        Ok(())
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("a start let count all that had counted", self.kept),
            ("a statement counted later than it was durable", self.waited),
        ])
    }
}

impl Resurrection {
    fn after(&mut self, scene: &Scene) {
        let Some(machine) = &scene.node().machine else { return };
        let here = self.nodes.of(scene.at);
        let counting: Vec<StatementId> = here.news.counting(machine).copied().collect();
        self.waited += here.news.waited(&counting);
        here.counted.extend(counting);
        here.news.close(scene);
    }

    /// Each statement that an entry showed still counts when another view takes its place; at a start, all do.
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let Some(machine) = &scene.node().machine else { return Ok(()) };
        let here = self.nodes.of(scene.at);
        if here.news.loading {
            self.kept += 1;
            return all_count(scene, machine, here.counted.iter());
        }
        let Some(before) = here.before.replace(view.clone()) else { return Ok(()) };
        let Since::Changed(paths) = view.since(&before.revision()) else { return Ok(()) };
        let entries = paths.iter().filter_map(|path| before.get(path));
        entries.into_iter().try_for_each(|entry| all_count(scene, machine, entry.heads.iter()))
    }

    fn began(&mut self, scene: &Scene) -> Result<(), String> {
        let Some(machine) = &scene.node().machine else { return Ok(()) };
        let durable = scene.facts.durable[scene.at].iter();
        let here = self.nodes.of(scene.at);
        here.counted.extend(durable.filter(|id| counts(machine, id)));
        Ok(())
    }

    fn second(&mut self, scene: &Scene, node: usize) -> Result<(), String> {
        let Some(machine) = &scene.nodes[node].machine else { return Ok(()) };
        let here = self.nodes.of(node);
        let from = here.turn.map_or(Bound::Unbounded, Bound::Excluded);
        let some: Vec<StatementId> = here.counted.range((from, Bound::Unbounded)).take(AT_ONCE).copied().collect();
        here.turn = some.last().copied();
        all_count(scene, machine, some.iter())
    }
}

fn all_count<'a>(
    scene: &Scene,
    machine: &Machine,
    mut ids: impl Iterator<Item = &'a StatementId>,
) -> Result<(), String> {
    // One that is not held any more was lost, not kept out: that is another rule's.
    let kept_out = |id: &StatementId| {
        let fate = machine.statement(id).map(|told| told.fate).filter(|fate| !is_counted(fate))?;
        let struck = made(scene.facts, id).is_some_and(|made| is_struck(scene.facts, machine, made, &fate));
        (!struck).then_some(fate)
    };
    match ids.find_map(|id| Some((id, kept_out(id)?))) {
        None => Ok(()),
        Some((id, fate)) => Err(format!("{} counted once and now is {fate:?}", id.short())),
    }
}
