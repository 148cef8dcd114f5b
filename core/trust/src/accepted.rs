//! What revocations accept besides what they list: all that such statements name in their scope. Knows only ids and what
//! statements name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{IdTable, StatementId, Verified};

/// Accepted statements by revocation: a function of the listed statements that are followed alone, since what is held is
/// hash-closed, so that once a listed statement is held, so is all it names. A clone shares everything until one of the
/// two changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Listed statements that were followed, each with the revocation that lists it.
    followed: BTreeSet<(StatementId, StatementId)>,
    by: BTreeMap<StatementId, Arc<IdTable<StatementId>>>,
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
        let shared = |by: &StatementId, here: &Arc<_>| other.by.get(by).is_some_and(|there| Arc::ptr_eq(here, there));
        let may_differ = self.by.iter().filter(|(by, accepted)| !shared(by, accepted));
        let gone =
            may_differ.flat_map(|(by, accepted)| accepted.sorted().into_iter().filter(move |id| !other.has(by, id)));
        gone.copied().collect()
    }

    /// Accepts one statement, for who follows names without holding the statements.
    pub fn add(&mut self, revocation: StatementId, id: StatementId) {
        Arc::make_mut(self.by.entry(revocation).or_default()).insert(id);
    }

    /// What follows from these listed statements, each with the revocation that lists it: for a revocation of which the same
    /// were followed before, what it was; for the others, what `closure` says that is named by the listed, with them.
    pub fn anew(
        &self,
        followed: BTreeSet<(StatementId, StatementId)>,
        closure: impl Fn(&[StatementId]) -> IdTable<StatementId>,
    ) -> Self {
        let of = |all: &BTreeSet<(StatementId, StatementId)>, by: StatementId| -> Vec<StatementId> {
            let listed = all.range((by, StatementId::NONE)..).take_while(|(other, _)| *other == by);
            listed.map(|(_, listed)| *listed).collect()
        };
        let mut by = BTreeMap::new();
        for revocation in followed.iter().map(|(by, _)| *by).collect::<BTreeSet<_>>() {
            let listed = of(&followed, revocation);
            let known = self.by.get(&revocation).filter(|_| of(&self.followed, revocation) == listed);
            by.insert(revocation, known.cloned().unwrap_or_else(|| Arc::new(closure(&listed))));
        }
        Self { followed, by }
    }

    /// Accepts a statement that a revocation lists and that is held, and all it names in its scope. Costs what is new.
    pub fn follow<'a>(
        &mut self,
        revocation: StatementId,
        listed: &'a Verified,
        held: impl Fn(&StatementId) -> Option<&'a Verified>,
    ) {
        self.followed.insert((revocation, listed.id()));
        let accepted = Arc::make_mut(self.by.entry(revocation).or_default());
        if !accepted.insert(listed.id()) {
            return;
        }
        let mut stack = vec![listed];
        while let Some(next) = stack.pop() {
            // Nearly all that it names was accepted before, and is not looked for.
            for name in next.statement().each_name_in_scope() {
                if let Some(named) = Some(name).filter(|name| !accepted.contains(name)).and_then(&held) {
                    accepted.insert(*name);
                    stack.push(named);
                }
            }
        }
    }
}
