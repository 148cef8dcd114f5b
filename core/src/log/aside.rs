//! What is held and does not belong to the replicated set: what a revocation made void after it was held, and void grants that
//! only statements of other scopes need. It is served by id and is in no summary. And what brings it back: something of the set
//! that names it, or the end of the revocation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{IdTable, Scope, StatementId, Verified};

use super::Log;
use crate::places::Places;
use crate::trust::{Accepted, Refusal, Trust};

/// What left the replicated set and what came back to it.
#[derive(Debug, Default)]
pub struct Sifted {
    /// Put aside now, by scope, ascending by id.
    pub left: BTreeMap<Scope, Vec<Arc<Verified>>>,
    /// In the set again.
    pub returned: Vec<Arc<Verified>>,
}

impl Log {
    /// Decides anew what belongs to the replicated set, after revocations or rotations changed. Looks at everything held.
    /// `counted`: of a scope of which so many statements are held, whether one is known to have counted before; then what its grant
    /// covers is not asked again.
    pub fn sift<Counted: Fn(&Verified) -> bool>(
        &mut self,
        trust: &Trust,
        counted: impl Fn(&Scope, usize) -> Counted,
    ) -> Sifted {
        let listed = trust.frontiers().filter_map(|(id, _)| self.shelf.get(id));
        let follow = |listed: &Arc<Verified>| trust.accepting(listed).map(|by| (by, listed.id())).collect::<Vec<_>>();
        let followed = listed.flat_map(follow).collect::<BTreeSet<_>>();
        if followed != *self.accepted.followed() {
            self.accepted = self.accepted.anew(followed, || self.shelf.iter().rev().map(|statement| &**statement));
        }
        // Without a revocation or rotation only grants can be aside: everything else is named in its own scope by what needs it.
        let all = trust.takes_away() || !self.aside.is_empty();
        let looked_at = self.shelf.scopes().filter(|(scope, _)| all || scope.is_mesh());
        let mut left: BTreeMap<Scope, Vec<Arc<Verified>>> = BTreeMap::new();
        let mut aside = IdTable::new();
        for (scope, held) in looked_at {
            let out = self.out_of(&scope, trust, counted(&scope, held));
            aside.extend(out.iter().map(|one| one.id()));
            let new = |one: &&Arc<Verified>| self.aside.is_empty() || !self.aside.contains(&one.id());
            let new: Vec<Arc<Verified>> = out.into_iter().filter(new).cloned().collect();
            if !new.is_empty() {
                left.insert(scope, new);
            }
        }
        let back = self.aside.sorted().into_iter().filter(|id| !aside.contains(id));
        let returned = back.filter_map(|id| self.shelf.get(id).cloned()).collect();
        self.aside = aside;
        Sifted { left, returned }
    }

    /// What is held of a scope and does not belong to the replicated set, ascending by id: not let in, and named by nothing
    /// that belongs.
    fn out_of(&self, scope: &Scope, trust: &Trust, counted: impl Fn(&Verified) -> bool) -> Vec<&Arc<Verified>> {
        let held: Vec<&Arc<Verified>> = self.shelf.scope(scope).collect();
        let refused = |one: &Verified| match counted(one) {
            true => trust.admissible_again(one, &self.accepted).is_err() && !trust.keeps(one),
            false => self.judge(one, Some(trust)).is_some_and(|verdict| verdict.is_err()),
        };
        // What relies on a grant that is shut goes, unless it is listed, and what counted on one that is open stays: neither has
        // to be looked at.
        let shut = self.shelf.relying(scope, |grant| trust.is_shut(grant));
        let open = self.shelf.relying(scope, |grant| trust.is_open(grant));
        let goes =
            |((shut, open), one): ((bool, bool), &&Arc<Verified>)| shut || (!(open && counted(one)) && refused(one));
        let goes: Vec<bool> = shut.zip(open).zip(&held).map(goes).collect();
        let mut going = Going::of(&held, goes);
        let listed = trust.frontiers().filter_map(|(id, _)| going.place(&held, id));
        let kept: Vec<usize> = listed.filter(|place| held.get(*place).is_some_and(|one| trust.keeps(one))).collect();
        kept.into_iter().for_each(|place| going.stays(place));
        // Whatever names a statement stands behind it, and nothing that comes before the first of them names one.
        let first = going.goes.iter().position(|goes| *goes).unwrap_or(held.len());
        for (place, statement) in held.iter().enumerate().skip(first).rev() {
            if going.goes.get(place) == Some(&false) {
                let named = statement.statement().each_name_in_scope();
                let places: Vec<usize> = named.filter_map(|named| going.place(&held, named)).collect();
                places.into_iter().for_each(|place| going.stays(place));
            }
        }
        going.all(&held)
    }

    /// What revocations accept outside of `@mesh`, of what is held.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// Whether a held statement is outside of the replicated set.
    pub fn is_aside(&self, id: &StatementId) -> bool {
        self.aside.contains(id)
    }

    /// Why a held statement is not admissible; `None` when it is.
    pub fn refusal(&self, id: &StatementId, trust: &Trust) -> Option<Refusal> {
        trust.admissible(self.shelf.get(id)?, &self.accepted).err()
    }

    /// Whether this trust lets a statement in.
    pub fn lets_in(&self, statement: &Verified, trust: Option<&Trust>) -> bool {
        self.judge(statement, trust).is_some_and(|verdict| verdict.is_ok())
    }

    /// What is held outside of the replicated set, ascending by id.
    pub fn aside(&self) -> impl Iterator<Item = &Arc<Verified>> {
        self.aside.sorted().into_iter().filter_map(|id| self.shelf.get(id))
    }

    /// Whether this is true of something held outside of the replicated set.
    pub fn any_aside(&self, of: impl Fn(&Verified) -> bool) -> bool {
        self.aside.any(|id| self.shelf.get(id).is_some_and(|statement| of(statement)))
    }

    /// What is held of a scope, belongs to the replicated set, and relies on a grant of which this is true.
    pub fn relying(&self, scope: &Scope, on: impl Fn(&StatementId) -> bool) -> impl Iterator<Item = &Arc<Verified>> {
        let relying = self.shelf.scope(scope).zip(self.shelf.relying(scope, on)).filter(|(_, relies)| *relies);
        relying.map(|(statement, _)| statement).filter(|one| self.aside.is_empty() || !self.is_aside(&one.id()))
    }

    /// What came back to the replicated set since this was asked last, because something new names it.
    pub fn take_returned(&mut self) -> Vec<Arc<Verified>> {
        std::mem::take(&mut self.returned)
    }

    /// Follows a statement that was just appended to the shelf.
    pub(super) fn follow(&mut self, statement: &Verified, trust: Option<&Trust>) {
        if let Some(trust) = trust {
            let held = |id: &StatementId| self.shelf.get(id).map(|statement| &**statement);
            trust.accept(statement, held, &mut self.accepted);
        }
        let mut stack: Vec<StatementId> = statement.statement().each_name_in_scope().copied().collect();
        while let Some(id) = stack.pop().filter(|_| !self.aside.is_empty()) {
            if let Some(named) = self.shelf.get(&id).filter(|_| self.aside.remove(&id).is_some()) {
                stack.extend(named.statement().each_name_in_scope().copied());
                self.returned.push(named.clone());
            }
        }
    }

    /// Of statements that came to the shelf together because one of them needs all others, puts aside those that do not
    /// belong to the set: grants that are void and that only another scope's statements rely on.
    pub(super) fn sort_out(&mut self, first: &StatementId, appended: &[Arc<Verified>], trust: Option<&Trust>) {
        let mut belongs: BTreeSet<StatementId> = BTreeSet::from([*first]);
        for statement in appended.iter().rev() {
            let admissible = || self.judge(statement, trust).is_some_and(|verdict| verdict.is_ok());
            if belongs.contains(&statement.id()) || admissible() {
                belongs.insert(statement.id());
                belongs.extend(statement.statement().each_name_in_scope().copied());
            }
        }
        for statement in appended {
            if belongs.contains(&statement.id()) {
                self.follow(statement, trust);
            } else {
                self.aside.insert(statement.id());
            }
        }
    }
}

/// What is about to leave the set, while it is found out: by place among what is held of a scope, and by id.
struct Going {
    goes: Vec<bool>,
    /// By the first eight bytes of the id: everything that was to go at first.
    by_id: Places,
}

impl Going {
    fn of(held: &[&Arc<Verified>], goes: Vec<bool>) -> Self {
        let going = held.iter().zip(0u32..).zip(&goes).filter(|(_, goes)| **goes);
        let keys = going.map(|((one, place), _)| (short(&one.id()), place)).collect();
        let id = |place: u32| held.get(place as usize).map(|one| one.id());
        Self { by_id: Places::of(keys, |one, other| id(one).cmp(&id(other))), goes }
    }

    /// The place of a statement that was to go at first, and still is.
    fn place(&self, held: &[&Arc<Verified>], id: &StatementId) -> Option<usize> {
        let mut places = self.by_id.at(short(id)).filter(|place| self.goes.get(*place) == Some(&true));
        places.find(|place| held.get(*place).is_some_and(|one| one.id() == *id))
    }

    fn stays(&mut self, place: usize) {
        self.goes.get_mut(place).into_iter().for_each(|goes| *goes = false);
    }

    /// All that goes, ascending by id.
    fn all<'a>(&self, held: &[&'a Arc<Verified>]) -> Vec<&'a Arc<Verified>> {
        let going = self.by_id.all().filter(|place| self.goes.get(*place) == Some(&true));
        going.filter_map(|place| held.get(place).copied()).collect()
    }
}

fn short(id: &StatementId) -> u64 {
    id.0.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight))
}
