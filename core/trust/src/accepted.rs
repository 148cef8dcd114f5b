//! What revocations accept besides what they list: all that such statements name in their scope. Knows only ids and what
//! statements name.

use std::collections::{BTreeMap, BTreeSet};

use driftless_statement::{StatementId, Verified};

/// Accepted statements by revocation. It only grows while the revocations stay the same: what is held is hash-closed, so
/// once a listed statement is held, so is all it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted(BTreeMap<StatementId, BTreeSet<StatementId>>);

impl Accepted {
    /// Whether a revocation accepts a statement.
    pub fn has(&self, revocation: &StatementId, id: &StatementId) -> bool {
        self.0.get(revocation).is_some_and(|accepted| accepted.contains(id))
    }

    /// Accepts one statement, for who follows names without holding the statements.
    pub fn add(&mut self, revocation: StatementId, id: StatementId) {
        self.0.entry(revocation).or_default().insert(id);
    }

    /// Accepts a statement that a revocation lists and that is held, and all it names in its scope. Costs what is new.
    pub fn follow<'a>(
        &mut self,
        revocation: StatementId,
        listed: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
    ) {
        let accepted = self.0.entry(revocation).or_default();
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
