//! No unexplained change: when an entry reads differently, a statement about it that counts since this very moment, or that
//! a revocation struck in it, is the witness. A statement about several entries shows in all of them or in none: where one
//! of them has a witness, and what it came to decides whether such a statement keeps a limit, the others change with it.
//! Matrix's "state resets" were changes without one.

use std::borrow::Cow;
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
    /// Durable statements about several entries, and whether each broke a limit after the last event.
    several: BTreeMap<StatementId, bool>,
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
                if self.hostile && here.news.is_any() {
                    here.weigh(scene);
                }
                here.news.close(scene);
                Ok(())
            }
            Seen::Died => {
                (here.before, here.several) = (None, BTreeMap::new());
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
        let turn = Turn { scene, machine, news: &here.news, several: &here.several, before: &before, view };
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
        let json = |view: &View| view.get(path).and_then(|entry| entry.json().map(Cow::into_owned));
        let (old, new) = (json(&before), json(view));
        Err(format!("{path} changed from {old:?} to {new:?} without a witness"))
    }
}

impl Here {
    /// Notes which statements about several entries break a limit now.
    fn weigh(&mut self, scene: &Scene) {
        let Some(machine) = &scene.node().machine else { return };
        let durable = scene.facts.durable[scene.at].iter().filter(|_| self.news.loading).chain(self.news.all());
        let several = |id: &&StatementId| made(scene.facts, id).is_some_and(|made| made.statement().touches.len() > 1);
        let new: Vec<StatementId> = durable.filter(several).copied().collect();
        self.several.extend(new.into_iter().map(|id| (id, false)));
        for (id, breaks) in &mut self.several {
            *breaks = breaks_a_limit(machine, id);
        }
    }
}

fn breaks_a_limit(machine: &Machine, id: &StatementId) -> bool {
    machine.statement(id).is_some_and(|told| matches!(told.fate, Fate::Unfit { .. }))
}

/// One change of a node's view.
struct Turn<'a> {
    scene: &'a Scene<'a>,
    machine: &'a Machine,
    news: &'a News,
    several: &'a BTreeMap<StatementId, bool>,
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
        let Scene { scenario, facts, .. } = *self.scene;
        let happened = |other: &Path| carried.contains(other) || self.witness(other).is_some() || self.fell(other);
        let carries = |id: &StatementId| {
            let touches = made(facts, id).map(|made| made.statement().touches.as_slice()).unwrap_or_default();
            let mut others = touches.iter().map(|touch| &touch.path).filter(|other| *other != path);
            self.is_about(id, path) && self.turned(path, id) && others.any(happened)
        };
        scenario.hostile.is_on() && self.several.keys().any(carries)
    }

    /// Whether a statement about several entries showed in this one before and breaks a limit now, or shows now and broke one.
    fn turned(&self, path: &Path, id: &StatementId) -> bool {
        match (self.several.get(id), breaks_a_limit(self.machine, id)) {
            (Some(false), true) => follows(self.scene.facts, path, &heads(self.before, path), id),
            (Some(true), false) => follows(self.scene.facts, path, &heads(self.view, path), id),
            _ => false,
        }
    }
}

fn heads(view: &View, path: &Path) -> Arc<[StatementId]> {
    view.get(path).map(|entry| entry.heads.clone()).unwrap_or_else(|| Arc::new([]))
}
