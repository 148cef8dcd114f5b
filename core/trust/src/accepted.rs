//! What revocations accept besides what they list: all that such statements name in their scope. Knows only ids and what
//! statements name.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{StatementId, Verified};

/// Accepted statements by revocation. While the same listed statements are followed it stays the same: what is held is
/// hash-closed, so once a listed statement is held, so is all it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Listed statements that were followed, each with the revocation that lists it.
    followed: BTreeSet<(StatementId, StatementId)>,
    by: BTreeMap<StatementId, BTreeSet<StatementId>>,
}

impl Accepted {
    /// Whether a revocation accepts a statement.
    pub fn has(&self, revocation: &StatementId, id: &StatementId) -> bool {
        self.by.get(revocation).is_some_and(|accepted| accepted.contains(id))
    }

    /// The listed statements that were followed, each behind the revocation that lists it.
    pub fn followed(&self) -> &BTreeSet<(StatementId, StatementId)> {
        &self.followed
    }

    /// What some revocation accepts here and not there.
    pub fn beyond(&self, other: &Self) -> BTreeSet<StatementId> {
        let gone = self.by.iter().flat_map(|(by, accepted)| accepted.iter().filter(move |id| !other.has(by, id)));
        gone.copied().collect()
    }

    /// Accepts one statement, for who follows names without holding the statements.
    pub fn add(&mut self, revocation: StatementId, id: StatementId) {
        self.by.entry(revocation).or_default().insert(id);
    }

    /// Accepts a statement that a revocation lists and that is held, and all it names in its scope. Costs what is new.
    pub fn follow<'a>(
        &mut self,
        revocation: StatementId,
        listed: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
    ) {
        self.followed.insert((revocation, listed.id()));
        let accepted = self.by.entry(revocation).or_default();
        let scope = &listed.statement().scope;
        let mut stack = vec![listed];
        while let Some(next) = stack.pop() {
            if accepted.insert(next.id()) {
                let names = next.statement().each_name().filter_map(&held);
                stack.extend(names.filter(|named| named.statement().scope == *scope));
            }
        }
    }
}
