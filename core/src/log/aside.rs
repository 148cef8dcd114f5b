//! What is held and does not belong to the replicated set: what a revocation made void after it was held, and void grants that
//! only statements of other scopes need. It is served by id and is in no summary. And what brings it back: something of the set
//! that names it, or the end of the revocation.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_statement::{StatementId, Verified};

use super::Log;
use crate::trust::{Accepted, Refusal, Trust};

/// What left the replicated set and what came back to it.
#[derive(Debug, Default)]
pub struct Sifted {
    /// Put aside now.
    pub left: Vec<Arc<Verified>>,
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
        let out =
            |statement: &&Arc<Verified>| self.judge(statement, Some(trust)).is_some_and(|verdict| verdict.is_err());
        // Without a revocation or rotation only grants can be aside: everything else is named in its own scope by what needs it.
        let all = trust.takes_away() || !self.aside.is_empty();
        let looked_at = self.shelf.iter().filter(|statement| all || statement.statement().scope.is_mesh());
        let mut aside: BTreeSet<StatementId> = looked_at.filter(out).map(|statement| statement.id()).collect();
        if !aside.is_empty() {
            // Whatever names a statement stands behind it.
            for statement in self.shelf.iter().rev() {
                if !aside.contains(&statement.id()) {
                    for named in statement.statement().each_name_in_scope() {
                        aside.remove(named);
                    }
                }
            }
        }
        let of = |ids: &BTreeSet<StatementId>, other: &BTreeSet<StatementId>| {
            ids.difference(other).filter_map(|id| self.shelf.get(id).cloned()).collect()
        };
        let sifted = Sifted { left: of(&aside, &self.aside), returned: of(&self.aside, &aside) };
        self.aside = aside;
        sifted
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
