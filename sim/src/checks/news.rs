//! Which statements a node learns to be on its disk in the event that it follows now, and which of them still do not
//! count: what a change of its view can have for a witness. It must not know what a check makes of that.

use std::collections::BTreeSet;

use driftless_core::machine::{Effect, Event, Machine};
use driftless_statement::StatementId;

use super::history::{counts, made};
use super::{Scene, Seen};

/// One node's news.
#[derive(Debug, Default)]
pub struct News {
    /// The batch that its disk has.
    sent: Option<(u64, Vec<StatementId>)>,
    /// What this event may let count for the first time.
    now: Vec<StatementId>,
    /// Durable before, and kept out by a rule or by their time.
    out: BTreeSet<StatementId>,
    /// Whether this event is the reading of the disk at the start.
    pub loading: bool,
}

impl News {
    /// Follows what happens. Give it everything before asking it anything.
    pub fn follow(&mut self, scene: &Scene, seen: &Seen) {
        match seen {
            Seen::Before(Event::Loaded(_)) => *self = Self { loading: true, ..Self::default() },
            Seen::Before(Event::Stored { batch }) => {
                let stored = self.sent.take_if(|(number, _)| number == batch);
                self.now = stored.map(|(_, ids)| ids).unwrap_or_default();
                self.now.extend(self.out.iter().copied());
            }
            Seen::Before(Event::StoreFailed { .. }) => self.sent = None,
            Seen::Effect(Effect::Store { batch, statements, .. }) => {
                self.sent = Some((*batch, statements.iter().map(|statement| statement.id()).collect()));
            }
            Seen::Began => {
                if let Some(machine) = &scene.node().machine {
                    let durable = scene.facts.durable[scene.at].iter();
                    self.out = durable.filter(|id| !counts(machine, id)).copied().collect();
                }
            }
            Seen::Died => *self = Self::default(),
            _ => {}
        }
    }

    /// What counts since this event, of all that may.
    pub fn counting<'a>(&'a self, machine: &'a Machine) -> impl Iterator<Item = &'a StatementId> {
        self.now.iter().filter(|id| counts(machine, id))
    }

    /// Whether this event may let anything count, or cease to.
    pub fn is_any(&self) -> bool {
        self.loading || !self.now.is_empty()
    }

    /// What this event may let count for the first time.
    pub fn all(&self) -> impl Iterator<Item = &StatementId> {
        self.now.iter()
    }

    /// Whether a statement that is on disk counted until this event, and does not any more.
    pub fn fell(&self, machine: &Machine, id: &StatementId) -> bool {
        !self.out.contains(id) && !self.now.contains(id) && !counts(machine, id)
    }

    /// How many of these were durable before this event, and kept out until it.
    pub fn waited(&self, counting: &[StatementId]) -> u64 {
        counting.iter().filter(|id| self.out.contains(*id)).count() as u64
    }

    /// The event is over: what does not count yet is kept for later ones.
    pub fn close(&mut self, scene: &Scene) {
        self.loading = false;
        let Some(machine) = &scene.node().machine else { return };
        let trust = |id: &StatementId| made(scene.facts, id).is_some_and(|made| made.statement().scope.is_mesh());
        if scene.scenario.hostile.is_on() && self.now.iter().any(trust) {
            // A revocation may have come, or fallen: any statement may have ceased to count, or begun again.
            let durable = scene.facts.durable[scene.at].iter();
            self.out = durable.filter(|id| !counts(machine, id)).copied().collect();
            return self.now.clear();
        }
        for id in std::mem::take(&mut self.now) {
            if counts(machine, &id) {
                self.out.remove(&id);
            } else {
                self.out.insert(id);
            }
        }
    }
}
