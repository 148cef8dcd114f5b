//! The waiting room: statements that cannot be held yet, as a graph of who waits for whom. Each arrival and departure
//! costs a few ordered look-ups for each name, so long chains complete in linear time in any order of arrival.
//!
//! A member is *complete* when all it names is held, or complete in the room: then its whole history is at hand.
//! It knows nothing of trust; it is told who is known, and why a member was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{PublicKey, Scope, Statement, StatementId, Verified};

use super::share::{Guest, RoomBounds, Seat, Shares};
use super::weight::weight;
use crate::trust::Refusal;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) statement: Arc<Verified>,
    /// What it names and was not held when it came.
    names: Vec<StatementId>,
    /// How many of `names` are neither held nor complete.
    unmet: usize,
    /// Members that name this one.
    named_by: BTreeSet<StatementId>,
    /// Why trust kept it out when it was last judged.
    pub(super) refusal: Option<Refusal>,
    guest: Guest,
    seat: Seat,
}

/// Numbers about the waiting room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct RoomStats {
    /// Statements that wait.
    pub waiting: usize,
    /// Estimated bytes of memory that they take.
    pub bytes: usize,
    /// Of them, those by keys that trust does not know.
    pub strangers: usize,
    /// Ids that members name and that are neither held nor here.
    pub missing: usize,
    /// Members dropped because the room was full, since the start.
    pub dropped: u64,
    /// Members dropped because they, or what they name, turned out invalid, since the start.
    pub invalid: u64,
}

#[derive(Debug)]
pub(super) struct Room {
    members: BTreeMap<StatementId, Member>,
    /// Named by members, neither held nor here: by whom.
    absent: BTreeMap<StatementId, BTreeSet<StatementId>>,
    shares: Shares,
    arrivals: u64,
    dropped: u64,
    invalid: u64,
}

/// A statement on its way into the room.
pub(super) struct Entering {
    pub(super) statement: Arc<Verified>,
    /// What it names and is not held.
    pub(super) names: Vec<StatementId>,
    /// Whether this node asked for it.
    pub(super) asked: bool,
    /// Whether trust knows its author.
    pub(super) known: bool,
}

impl Room {
    pub(super) fn new(bounds: RoomBounds) -> Self {
        Self {
            members: BTreeMap::new(),
            absent: BTreeMap::new(),
            shares: Shares::new(bounds),
            arrivals: 0,
            dropped: 0,
            invalid: 0,
        }
    }

    pub(super) fn get(&self, id: &StatementId) -> Option<&Member> {
        self.members.get(id)
    }

    pub(super) fn contains(&self, id: &StatementId) -> bool {
        self.members.contains_key(id)
    }

    /// Whether some member names this id, which is neither held nor here.
    pub(super) fn awaits(&self, id: &StatementId) -> bool {
        self.absent.contains_key(id)
    }

    pub(super) fn is_complete(&self, id: &StatementId) -> bool {
        self.members.get(id).is_some_and(|member| member.unmet == 0)
    }

    /// Complete members, ascending by id.
    pub(super) fn complete(&self) -> Vec<StatementId> {
        self.members.iter().filter(|(_, member)| member.unmet == 0).map(|(id, _)| *id).collect()
    }

    /// What a member names that is neither held nor here.
    pub(super) fn lacks(&self, id: &StatementId) -> Vec<StatementId> {
        let names = self.members.get(id).map(|member| member.names.as_slice()).unwrap_or_default();
        names.iter().filter(|name| self.absent.contains_key(name)).copied().collect()
    }

    /// Takes a statement in. The room may be over its bounds until `make_room`.
    pub(super) fn enter(&mut self, entering: Entering) {
        let Entering { statement, names, asked, known } = entering;
        let id = statement.id();
        let named_by = self.absent.remove(&id).unwrap_or_default();
        let mut unmet = 0;
        for name in &names {
            if !self.is_complete(name) {
                unmet += 1;
            }
            self.link(name, id);
        }
        self.arrivals += 1;
        let named = !named_by.is_empty();
        let weight = weight(&statement, names.len());
        let seat = Seat { named, asked: asked || named, arrival: self.arrivals, id, weight };
        let guest = guest(&statement.statement().author, known);
        self.shares.take(guest, seat);
        let member = Member { statement, names, unmet, named_by, refusal: None, guest, seat };
        self.members.insert(id, member);
    }

    /// Notes that `by` names `name`.
    fn link(&mut self, name: &StatementId, by: StatementId) {
        let Some(member) = self.members.get_mut(name) else {
            self.absent.entry(*name).or_default().insert(by);
            return;
        };
        member.named_by.insert(by);
        self.reseat(name);
    }

    /// Forgets that `by` names `name`.
    fn unlink(&mut self, name: &StatementId, by: &StatementId) {
        if let Some(member) = self.members.get_mut(name) {
            member.named_by.remove(by);
            self.reseat(name);
        } else if let Some(waiters) = self.absent.get_mut(name) {
            waiters.remove(by);
            if waiters.is_empty() {
                self.absent.remove(name);
            }
        }
    }

    /// Brings a member's seat up to date with who names it.
    fn reseat(&mut self, id: &StatementId) {
        let Some(member) = self.members.get_mut(id) else { return };
        let seat = Seat { named: !member.named_by.is_empty(), ..member.seat };
        if seat != member.seat {
            self.shares.leave(member.guest, &member.seat);
            self.shares.take(member.guest, seat);
            member.seat = seat;
        }
    }

    /// Notes that this node asked for a member.
    pub(super) fn ask(&mut self, id: &StatementId) {
        let Some(member) = self.members.get_mut(id) else { return };
        let seat = Seat { asked: true, ..member.seat };
        self.shares.leave(member.guest, &member.seat);
        self.shares.take(member.guest, seat);
        member.seat = seat;
    }

    /// Counts seats anew for authors that became known, or are no longer.
    pub(super) fn recount(&mut self, known: impl Fn(&PublicKey) -> bool) {
        for member in self.members.values_mut() {
            let author = &member.statement.statement().author;
            let guest = guest(author, known(author));
            if guest != member.guest {
                self.shares.leave(member.guest, &member.seat);
                self.shares.take(guest, member.seat);
                member.guest = guest;
            }
        }
    }

    /// Tells those that name a member that it became complete; gives back those that it was the last name of.
    pub(super) fn completed(&mut self, id: &StatementId) -> Vec<StatementId> {
        let Some(member) = self.members.get(id) else { return Vec::new() };
        let named_by: Vec<StatementId> = member.named_by.iter().copied().collect();
        named_by.into_iter().filter(|by| self.met(by)).collect()
    }

    fn met(&mut self, id: &StatementId) -> bool {
        let Some(member) = self.members.get_mut(id) else { return false };
        member.unmet = member.unmet.saturating_sub(1);
        member.unmet == 0
    }

    pub(super) fn refuse(&mut self, id: &StatementId, refusal: Refusal) {
        if let Some(member) = self.members.get_mut(id) {
            member.refusal = Some(refusal);
        }
    }

    /// Lets a complete member go because it is held from now on. Those that name it were told when it became complete.
    pub(super) fn release(&mut self, id: &StatementId) -> Option<Arc<Verified>> {
        let member = self.members.remove(id)?;
        self.shares.leave(member.guest, &member.seat);
        for name in &member.names {
            self.unlink(name, id);
        }
        Some(member.statement)
    }

    /// Drops members until the room is within its bounds.
    pub(super) fn make_room(&mut self) {
        while let Some(id) = self.shares.gives_way()
            && self.drop_one(&id)
        {}
    }

    /// Drops what names something that is held no longer. It was noted as held, so its coming back would not be noticed.
    pub(super) fn drop_naming(&mut self, gone: &BTreeSet<StatementId>) {
        let names_it = |member: &Member| member.statement.statement().names().iter().any(|name| gone.contains(name));
        let naming: Vec<StatementId> =
            self.members.iter().filter(|(_, member)| names_it(member)).map(|(id, _)| *id).collect();
        for id in naming {
            self.drop_one(&id);
        }
    }

    /// Drops a member; what names it lacks it from now on. False: there was no such member.
    fn drop_one(&mut self, id: &StatementId) -> bool {
        let complete = self.is_complete(id);
        let Some(member) = self.remove(id) else { return false };
        self.dropped += 1;
        if complete {
            self.no_longer_complete(&member.named_by);
        }
        if !member.named_by.is_empty() {
            self.absent.insert(*id, member.named_by);
        }
        true
    }

    fn remove(&mut self, id: &StatementId) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.shares.leave(member.guest, &member.seat);
        for name in &member.names {
            self.unlink(name, id);
        }
        Some(member)
    }

    /// Tells members that something they name is complete no longer; goes on with those that were complete through it.
    fn no_longer_complete(&mut self, named_by: &BTreeSet<StatementId>) {
        let mut told: Vec<StatementId> = named_by.iter().copied().collect();
        while let Some(id) = told.pop() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.unmet += 1;
            if member.unmet == 1 {
                told.extend(&member.named_by);
            }
        }
    }

    /// Drops whatever names an invalid statement, directly or through others: none of it can ever be held. The invalid
    /// statement itself goes too, when it is here.
    pub(super) fn drop_invalid(&mut self, id: &StatementId) {
        let mut doomed: Vec<StatementId> = self.absent.get(id).into_iter().flatten().copied().collect();
        doomed.extend(self.members.contains_key(id).then_some(*id));
        while let Some(id) = doomed.pop() {
            let Some(member) = self.remove(&id) else { continue };
            self.invalid += 1;
            doomed.extend(&member.named_by);
        }
    }

    /// Ids named here and neither held nor here, each with the scope in which to look for it. At most `max`, taken in
    /// turn from the authors that wait for them, so that nobody's flood hides what another one needs.
    pub(super) fn missing(&self, max: usize) -> Vec<(StatementId, Scope)> {
        let mut by_guest: BTreeMap<Guest, Vec<(StatementId, Scope)>> = BTreeMap::new();
        for (id, waiters) in &self.absent {
            let Some(first) = waiters.first().and_then(|waiter| self.members.get(waiter)) else { continue };
            let wanted = by_guest.entry(first.guest).or_default();
            if wanted.len() < max {
                wanted.push((*id, scope_of(first.statement.statement(), id)));
            }
        }
        let mut queues: Vec<_> = by_guest.into_values().map(Vec::into_iter).collect();
        let mut missing = Vec::new();
        while missing.len() < max && !queues.is_empty() {
            queues.retain_mut(|queue| {
                queue.next().is_some_and(|wanted| {
                    missing.push(wanted);
                    true
                })
            });
        }
        missing.truncate(max);
        missing
    }

    pub(super) fn stats(&self) -> RoomStats {
        RoomStats {
            waiting: self.shares.count(),
            bytes: self.shares.bytes(),
            strangers: self.shares.strangers(),
            missing: self.absent.len(),
            dropped: self.dropped,
            invalid: self.invalid,
        }
    }
}

fn guest(author: &PublicKey, known: bool) -> Guest {
    if known { Guest::Author(*author) } else { Guest::Strangers }
}

/// Where a named statement lies, if the one that names it is valid: a grant in `@mesh`, all else in the same scope.
fn scope_of(statement: &Statement, name: &StatementId) -> Scope {
    if statement.grant == *name { Scope::mesh() } else { statement.scope.clone() }
}

/// How many missing ids are given out at once. A guess: a few messages' worth of ids to fetch.
pub(super) const WANTED: usize = 4096;
