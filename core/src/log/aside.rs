//! What is held and does not belong to the replicated set: what a revocation made void after it was held, and void grants that
//! only statements of other scopes need. It is served by id and is in no summary. And what brings it back: something of the set
//! that names it, or the end of the revocation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Scope, StatementId, Verified};

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
    pub fn sift(&mut self, trust: &Trust) -> Sifted {
        let listed = || trust.frontiers().filter_map(|(id, _)| self.shelf.get(id));
        let follow = |listed: &Arc<Verified>| trust.accepting(listed).map(|by| (by, listed.id())).collect::<Vec<_>>();
        if listed().flat_map(follow).collect::<BTreeSet<_>>() != *self.accepted.followed() {
            self.accepted = Accepted::default();
            let held = |id: &StatementId| self.shelf.get(id).map(|statement| &**statement);
            for listed in listed() {
                trust.accept(listed, held, &mut self.accepted);
            }
        }
        // Without a revocation or rotation only grants can be aside: everything else is named in its own scope by what needs it.
        let all = trust.takes_away() || !self.aside.is_empty();
        let looked_at = self.shelf.scopes().filter(|(scope, _)| all || scope.is_mesh());
        let mut left: BTreeMap<Scope, Vec<Arc<Verified>>> = BTreeMap::new();
        let mut aside = BTreeSet::new();
        for (scope, _) in looked_at {
            let out = self.out_of(&scope, trust);
            let new = out.iter().filter(|one| !self.aside.contains(&one.id()));
            let new: Vec<Arc<Verified>> = new.map(|one| (*one).clone()).collect();
            aside.extend(out.iter().map(|one| one.id()));
            if !new.is_empty() {
                left.insert(scope, new);
            }
        }
        let returned = self.aside.difference(&aside).filter_map(|id| self.shelf.get(id).cloned()).collect();
        self.aside = aside;
        Sifted { left, returned }
    }

    /// What is held of a scope and does not belong to the replicated set, ascending by id: not let in, and named by nothing
    /// that belongs.
    fn out_of(&self, scope: &Scope, trust: &Trust) -> Vec<&Arc<Verified>> {
        let held = || self.shelf.scope(scope);
        let out = |statement: &Arc<Verified>| match trust.is_shut(&statement.statement().grant) {
            true => !trust.keeps(statement),
            false => self.judge(statement, Some(trust)).is_some_and(|verdict| verdict.is_err()),
        };
        let mut goes: Vec<bool> = held().map(out).collect();
        let places = held().enumerate().zip(&goes).filter(|(_, goes)| **goes);
        let mut by_id: Vec<(StatementId, usize)> = places.map(|((place, one), _)| (one.id(), place)).collect();
        by_id.sort_unstable();
        if by_id.is_empty() {
            return Vec::new();
        }
        // Whatever names a statement stands behind it.
        for (place, statement) in held().enumerate().rev() {
            if goes.get(place) == Some(&true) {
                continue;
            }
            for named in statement.statement().each_name_in_scope() {
                let found = by_id.binary_search_by_key(named, |(id, _)| *id).ok().and_then(|at| by_id.get(at));
                found.and_then(|(_, place)| goes.get_mut(*place)).into_iter().for_each(|goes| *goes = false);
            }
        }
        by_id.retain(|(_, place)| goes.get(*place) == Some(&true));
        let held: Vec<&Arc<Verified>> = held().collect();
        by_id.iter().filter_map(|(_, place)| held.get(*place).copied()).collect()
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
        self.aside.iter().filter_map(|id| self.shelf.get(id))
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
            if let Some(named) = self.shelf.get(&id).filter(|_| self.aside.remove(&id)) {
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
