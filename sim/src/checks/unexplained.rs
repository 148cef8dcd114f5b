//! No unexplained change: when an entry reads differently, a statement about it that counts since this very moment, or that
//! a revocation struck in it, is the witness. A statement about several entries shows in all of them or in none: where one
//! of them has a witness, and what it came to decides whether such a statement keeps a limit, the others change with it.
//! Matrix's "state resets" were changes without one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::machine::{Effect, Fate, Machine};
use driftless_core::view::{Since, View};
use driftless_statement::{Path, StatementId};

use super::history::{follows, made};
use super::news::News;
use super::per_node::PerNode;
use super::{Check, Scene, Seen};

/// The rule.
#[derive(Default)]
pub struct Unexplained {
    nodes: PerNode<Here>,
    explained: u64,
    late: u64,
    fallen: u64,
    hostile: bool,
}

#[derive(Default)]
struct Here {
    news: News,
    before: Option<Arc<View>>,
}

impl Check for Unexplained {
    fn name(&self) -> &'static str {
        "no-unexplained-change"
    }

    fn source(&self) -> &'static str {
        "threats P7 and row 25; design §4"
    }

    fn look(&mut self, scene: &Scene, seen: &Seen) -> Result<(), String> {
        self.hostile = scene.scenario.hostile.is_on();
        let here = self.nodes.of(scene.at);
        here.news.follow(scene, seen);
        match seen {
            Seen::Effect(Effect::Show(view)) => self.shows(scene, view),
            Seen::After => {
                here.news.close(scene);
                Ok(())
            }
            Seen::Died => {
                here.before = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sometimes(&self) -> BTreeMap<&'static str, u64> {
        let mut states = BTreeMap::from([
            ("a change was explained by its witness", self.explained),
            ("a late statement changed an entry", self.late),
        ]);
        if self.hostile {
            states.insert("a change was explained by what was struck", self.fallen);
        }
        states
    }
}

impl Unexplained {
    fn shows(&mut self, scene: &Scene, view: &Arc<View>) -> Result<(), String> {
        let here = self.nodes.of(scene.at);
        let before = here.before.replace(view.clone());
        let (Some(before), Some(machine)) = (before, &scene.node().machine) else { return Ok(()) };
        // What a start shows is compared with the life before by the rules for reads.
        let Since::Changed(paths) = view.since(&before.revision()) else { return Ok(()) };
        let turn = Turn { scene, machine, news: &here.news, before: &before, view };
        let mut open = Vec::new();
        for path in paths {
            if let Some(witness) = turn.witness(&path) {
                self.explained += 1;
                let heads = heads(view, &path);
                self.late += u64::from(heads.len() > 1 && heads.contains(witness));
            } else if turn.fell(&path) {
                self.fallen += 1;
            } else {
                open.push(path);
            }
        }
        let mut carried = BTreeSet::new();
        while let Some(at) = open.iter().position(|path| turn.carries_to(path, &carried)) {
            carried.insert(open.swap_remove(at));
        }
        let Some(path) = open.first() else { return Ok(()) };
        let json = |view: &View| view.get(path).and_then(|entry| entry.json.clone());
        let (old, new) = (json(&before), json(view));
        Err(format!("{path} changed from {old:?} to {new:?} without a witness"))
    }
}

/// One change of a node's view.
struct Turn<'a> {
    scene: &'a Scene<'a>,
    machine: &'a Machine,
    news: &'a News,
    before: &'a View,
    view: &'a View,
}

impl<'a> Turn<'a> {
    fn is_about(&self, id: &StatementId, path: &Path) -> bool {
        made(self.scene.facts, id).is_some_and(|made| made.statement().bases_of(path).is_some())
    }

    /// A statement about an entry that counts since this very moment.
    fn witness(&self, path: &Path) -> Option<&'a StatementId> {
        self.news.counting(self.machine).find(|id| self.is_about(id, path))
    }

    /// Whether a statement about an entry counted until this moment.
    fn fell(&self, path: &Path) -> bool {
        let mut durable = self.scene.facts.durable[self.scene.at].iter();
        durable.any(|id| self.is_about(id, path) && self.news.fell(self.machine, id))
    }

    /// Whether a statement began or ceased to keep the limits with this change, and carries into this entry what happened
    /// in another: in one that has a witness, or that was `carried` into itself. Limits are met only where somebody is hostile.
    fn carries_to(&self, path: &Path, carried: &BTreeSet<Path>) -> bool {
        let Scene { scenario, facts, at, .. } = *self.scene;
        let happened = |other: &Path| carried.contains(other) || self.witness(other).is_some() || self.fell(other);
        let carries = |id: &StatementId| {
            let touches = made(facts, id).map(|made| made.statement().touches.as_slice()).unwrap_or_default();
            let mut others = touches.iter().map(|touch| &touch.path).filter(|other| *other != path);
            self.is_about(id, path) && touches.len() > 1 && self.turned(path, id) && others.any(happened)
        };
        scenario.hostile.is_on() && facts.durable[at].iter().any(carries)
    }

    /// Whether a statement about an entry showed in it before and breaks a limit now, or shows in it now and did not head it.
    fn turned(&self, path: &Path, id: &StatementId) -> bool {
        let old = heads(self.before, path);
        match self.machine.statement(id).map(|told| told.fate) {
            Some(Fate::Unfit { .. }) => follows(self.scene.facts, path, &old, id),
            Some(Fate::Fit) => !old.contains(id) && follows(self.scene.facts, path, &heads(self.view, path), id),
            _ => false,
        }
    }
}

fn heads(view: &View, path: &Path) -> Arc<[StatementId]> {
    view.get(path).map(|entry| entry.heads.clone()).unwrap_or_else(|| Arc::new([]))
}
