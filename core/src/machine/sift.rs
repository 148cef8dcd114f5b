//! What revocations do to what is held: out of the replicated set, and back into it. Which statements that are, the log
//! says; here the summaries, the digests and the fold follow.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{IdTable, Scope, StatementId, Verified};

use super::Machine;
use super::planted::Planted;
use super::scope::{Out, ScopeRoom};
use super::settle::Due;
use super::storing::{OnItsWay, Origin};
use crate::trust::{Refusal, Trust};

/// Statements that left the set, by scope.
pub(super) type Gone = BTreeMap<Scope, Vec<Arc<Verified>>>;

/// Statements that counted and that a rule keeps out now, by scope.
pub(super) type Fallen = BTreeMap<Scope, Vec<Fall>>;

/// A statement that counts no longer, and why. The id is beside it: to look for it there once more is a miss of the cache.
pub(super) struct Fall {
    pub id: StatementId,
    pub statement: Arc<Verified>,
    pub refusal: Arc<Refusal>,
}

impl Machine {
    /// Trust was evaluated anew: notes whether something held may have to leave the set, or may come back.
    pub(super) fn mind(&mut self, trust: &Trust) {
        let relies = |before: &Trust| {
            !trust.takes_away_like(before)
                || !trust.changed_since(before).is_empty()
                || self.log.any_aside(|statement| !trust.agrees(before, &statement.statement().grant))
        };
        self.sift_wanted |= self.trust.as_ref().is_none_or(relies);
    }

    /// Puts aside what no longer belongs to the set, and brings back what does. Not before all of `@mesh` that is held is
    /// on disk: else a crash would forget the revocation and show again what it had hidden.
    pub(super) fn sift(&mut self, due: &mut Due) -> Gone {
        let mut returned = self.log.take_returned();
        let mut gone = Gone::new();
        if self.sift_wanted && self.mesh_is_on_disk() {
            self.sift_wanted = false;
            let Self { scopes, log, trust, .. } = self;
            let counted = |scope: &Scope, held| counted(scopes.get(scope), held, due.contains_key(scope));
            let sifted = trust.as_ref().map(|trust| log.sift(trust, counted)).unwrap_or_default();
            due.values_mut().for_each(|list| list.retain(|statement| !self.log.is_aside(&statement.id())));
            self.forget_wanted |= !sifted.left.is_empty();
            for (scope, statements) in sifted.left {
                if let Some(room) = self.scopes.get_mut(&scope) {
                    gone.insert(scope, room.put_aside(statements));
                }
            }
            gone.retain(|_, statements| !statements.is_empty());
            returned.extend(sifted.returned);
        }
        if self.planted(Planted::NeverReturns) {
            returned.clear();
        }
        // What is not on disk yet is taken in when it is.
        let on_disk = |statement: &Arc<Verified>| {
            let room = self.scopes.get_mut(&statement.statement().scope);
            room.is_some_and(|room| room.aside.remove(&statement.id()).is_some())
        };
        let back: Vec<Arc<Verified>> = returned.into_iter().filter(on_disk).collect();
        let way = |statement| OnItsWay { statement, origin: Origin::Loaded, arrived_ms: self.now.mono_ms };
        let ways: Vec<OnItsWay> = back.into_iter().map(way).collect();
        for (scope, statements) in self.take_in(&ways, &mut Vec::new()) {
            due.entry(scope).or_default().extend(statements);
        }
        gone
    }

    pub(super) fn mesh_is_on_disk(&self) -> bool {
        let mesh = Scope::mesh();
        let stored = self.scopes.get(&mesh).map_or(0, |room| room.summary.count() + room.aside.len() as u64);
        stored >= self.log.count(&mesh) as u64
    }

    /// Of what came due, notes what revocations that count accept by it. Whether there was any.
    pub(super) fn accept(&mut self, due: &Due) -> bool {
        let Self { settled: Some(trust), accepted, log, scopes, .. } = self else { return false };
        let stored = |id: &StatementId| {
            let statement = log.get(id)?;
            let room = scopes.get(&statement.statement().scope)?;
            room.summary.contains(id).then_some(&**statement)
        };
        let mut new = false;
        for statement in due.values().flatten() {
            new |= trust.accept(statement, stored, accepted);
        }
        new
    }

    /// Trust was settled anew: what revocations accept of all that is due. A listed statement is followed as long as only
    /// revocations could keep it out, so this changes with the grants too, not with revocations alone. Returns what one
    /// of them accepts no longer.
    pub(super) fn accept_anew(&mut self) -> BTreeSet<StatementId> {
        let Some(trust) = &self.settled else { return BTreeSet::new() };
        let is_due = |statement: &&Arc<Verified>| {
            let (id, said) = (statement.id(), statement.statement());
            let room = self.scopes.get(&said.scope);
            room.is_some_and(|room| {
                room.summary.contains(&id) && !room.waiting_for_time.contains_key(&(said.hlc.millis(), id))
            })
        };
        let ids: BTreeSet<&StatementId> = trust.frontiers().map(|(id, _)| id).collect();
        let listed = ids.into_iter().filter_map(|id| self.log.get(id)).filter(is_due);
        let (mut follow, mut due) = (BTreeSet::new(), Due::new());
        for statement in listed {
            let before = follow.len();
            follow.extend(trust.accepting(statement).map(|revocation| (revocation, statement.id())));
            if follow.len() > before {
                due.entry(statement.statement().scope.clone()).or_default().push(statement.clone());
            }
        }
        if follow == *self.accepted.followed() {
            return BTreeSet::new();
        }
        let before = std::mem::take(&mut self.accepted);
        if follow == *self.log.accepted().followed() {
            // Nearly always all that is held is due: then the log has followed the same.
            self.accepted = self.log.accepted().clone();
        } else {
            self.accept(&due);
        }
        before.beyond(&self.accepted)
    }

    /// Finds the statements on which trust decides otherwise now. Those that a rule kept out are judged again with what is
    /// due; those that rely on a grant that changed, and of `others`, whose approvals did or that a revocation accepts no longer, are
    /// given back when they count no longer.
    pub(super) fn rejudge(
        &self,
        changed: &BTreeSet<StatementId>,
        others: &BTreeSet<StatementId>,
        due: &mut Due,
    ) -> Fallen {
        let mut all = Fallen::new();
        for (scope, room) in &self.scopes {
            let otherwise = |(id, out): &(StatementId, Out)| match (out, self.log.get(id)) {
                (Out::Refused(refusal), Some(one)) => self.verdict(one).err().as_ref() != Some(&**refusal),
                (Out::NotDue, _) | (_, None) => false,
            };
            let refused = room.out.those(otherwise).into_iter();
            let again: Vec<Arc<Verified>> = refused.filter_map(|(id, _)| self.log.get(id)).cloned().collect();
            let new =
                LazyCell::new(|| due.get(scope).into_iter().flatten().map(|one| one.id()).collect::<IdTable<_>>());
            // Nearly always all that is held is on disk.
            let stored = room.is_all(self.log.count(scope));
            let mut last: Option<Arc<Refusal>> = None;
            let mut falls = |one: &Arc<Verified>| {
                let (refusal, id) = (self.verdict_again(one).err()?, one.id());
                let held = if stored { !room.aside.contains(&id) } else { room.summary.contains(&id) };
                let counted = held && !room.out.contains(&id) && !new.contains(&id);
                let refusal = last.take().filter(|last| **last == refusal).unwrap_or_else(|| Arc::new(refusal));
                last = Some(refusal.clone());
                counted.then(|| Fall { id, statement: one.clone(), refusal })
            };
            let mut fallen: Vec<Fall> = Vec::new();
            if !changed.is_empty() {
                fallen.extend(self.log.relying(scope, |grant| changed.contains(grant)).filter_map(&mut falls));
            }
            let rest = others.iter().filter_map(|id| self.log.get(id)).filter(|one| one.statement().scope == *scope);
            fallen.extend(rest.filter(|one| !changed.contains(&one.statement().grant)).filter_map(falls));
            if !fallen.is_empty() {
                all.insert(scope.clone(), fallen);
            }
            let again: Vec<_> = again.into_iter().filter(|one| !new.contains(&one.id())).collect();
            if !again.is_empty() {
                due.entry(scope.clone()).or_default().extend(again);
            }
        }
        all
    }

    /// The same as [`Machine::verdict`] for a statement that counted before.
    fn verdict_again(&self, statement: &Verified) -> Result<(), Refusal> {
        #[cfg(not(feature = "planted"))]
        let verdict = self.settled.as_ref().map_or(Ok(()), |trust| trust.authorised_again(statement, &self.accepted));
        #[cfg(feature = "planted")]
        let verdict = self.verdict(statement);
        verdict
    }

    /// What the trust that is settled says of a statement.
    pub(super) fn verdict(&self, statement: &Verified) -> Result<(), Refusal> {
        let Some(trust) = &self.settled else { return Ok(()) };
        #[cfg(not(feature = "planted"))]
        let verdict = trust.authorised(statement, &self.accepted);
        #[cfg(feature = "planted")]
        let verdict = super::planted::bent(self.planted, trust, statement, &self.accepted);
        verdict
    }
}

/// Of a scope, of which so many statements are held, whether one is known to have counted: all of it was judged, and this one not
/// kept out. `new`: some of it came just now, and was not.
fn counted(room: Option<&ScopeRoom>, held: usize, new: bool) -> impl Fn(&Verified) -> bool {
    let judged = room.filter(|room| !new && room.is_all(held) && room.waiting_for_time.is_empty());
    let out = |room: &ScopeRoom, one: &Verified| {
        (!room.out.is_empty() && room.out.contains(&one.id()))
            || (!room.aside.is_empty() && room.aside.contains(&one.id()))
    };
    move |one| !one.statement().scope.is_mesh() && judged.is_some_and(|room| !out(room, one))
}
