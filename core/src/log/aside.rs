//! What is held and does not belong to the replicated set: what a revocation made void after it was held, and void grants that
//! only statements of other scopes need. It is served by id and is in no summary. And what brings it back: something of the set
//! that names it, or the end of the revocation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{IdTable, Scope, StatementId, Verified};

use super::Log;
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
            self.accepted = self.accepted.anew(followed, |listed| self.closure(listed));
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
        let refused = |one: &Verified| match counted(one) {
            true => trust.admissible_again(one, &self.accepted).is_err() && !trust.keeps(one),
            false => self.judge(one, Some(trust)).is_some_and(|verdict| verdict.is_err()),
        };
        // What relies on a grant that is shut goes, unless it is listed, and what counted on one that is open stays: neither has
        // to be looked at.
        let shut = self.shelf.relying(scope, |grant| trust.is_shut(grant));
        let open = self.shelf.relying(scope, |grant| trust.is_open(grant));
        let stays =
            |((shut, open), one): ((bool, bool), &Arc<Verified>)| !shut && ((open && counted(one)) || !refused(one));
        let mut stays: Vec<bool> = shut.zip(open).zip(self.shelf.scope(scope)).map(stays).collect();
        let listed = trust.frontiers().filter_map(|(id, _)| self.shelf.get(id));
        for one in listed.filter(|one| one.statement().scope == *scope && trust.keeps(one)) {
            self.shelf.place(&one.id()).into_iter().for_each(|place| mark(&mut stays, place));
        }
        self.shelf.close(scope, &mut stays);
        let goes = self.shelf.scope(scope).zip(&stays).filter(|(_, stays)| !**stays);
        ascending(goes.map(|(one, _)| one).collect())
    }

    /// All that held statements name in their scopes, directly or through others, and they themselves.
    fn closure(&self, from: &[StatementId]) -> IdTable<StatementId> {
        let mut marked: BTreeMap<&Scope, Vec<bool>> = BTreeMap::new();
        for id in from {
            let Some((one, place)) = self.shelf.get(id).zip(self.shelf.place(id)) else { continue };
            let scope = &one.statement().scope;
            mark(marked.entry(scope).or_insert_with(|| vec![false; self.shelf.scope(scope).len()]), place);
        }
        let mut closure = IdTable::new();
        for (scope, mut marked) in marked {
            self.shelf.close(scope, &mut marked);
            let found = self.shelf.scope(scope).zip(&marked).filter(|(_, marked)| **marked);
            let ids: Vec<StatementId> = found.map(|(one, _)| one.id()).collect();
            closure.extend(ids);
        }
        closure
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

fn mark(marked: &mut [bool], place: usize) {
    marked.get_mut(place).into_iter().for_each(|mark| *mark = true);
}

/// Sorted by id. Eight bytes of an id tell nearly all apart, and lie at hand, where the statements do not.
fn ascending(all: Vec<&Arc<Verified>>) -> Vec<&Arc<Verified>> {
    let short = |id: &StatementId| id.0.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight));
    let mut keyed: Vec<(u64, &Arc<Verified>)> = all.into_iter().map(|one| (short(&one.id()), one)).collect();
    keyed.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.id().cmp(&other.1.id())));
    keyed.into_iter().map(|(_, one)| one).collect()
}
