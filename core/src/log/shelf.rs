//! What is held: hash-closed, only ever growing, in an order in which everything comes after what it names.
//! Knows nothing of trust; whoever puts a statement here has judged it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Hlc, Invalid, PublicKey, Scope, Statement, StatementId, Verified, limits};

/// One key's own heads in a scope: its statements there that no other one of its statements names in `prev`.
type Heads = BTreeSet<(Hlc, StatementId)>;

#[derive(Debug, Default)]
struct ScopeShelf {
    order: Vec<Arc<Verified>>,
    heads: BTreeMap<PublicKey, Heads>,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    held: BTreeMap<StatementId, Arc<Verified>>,
    order: Vec<Arc<Verified>>,
    scopes: BTreeMap<Scope, ScopeShelf>,
}

impl Shelf {
    pub(super) fn get(&self, id: &StatementId) -> Option<&Arc<Verified>> {
        self.held.get(id)
    }

    pub(super) fn contains(&self, id: &StatementId) -> bool {
        self.held.contains_key(id)
    }

    /// Takes a statement all of whose names are held.
    pub(super) fn append(&mut self, statement: Arc<Verified>) {
        let said = statement.statement();
        let shelf = self.scopes.entry(said.scope.clone()).or_default();
        let heads = shelf.heads.entry(said.author).or_default();
        // Whatever names this statement comes after it, so it is a head now.
        for named in said.prev.iter().filter_map(|id| self.held.get(id)) {
            heads.remove(&named.key());
        }
        heads.insert(statement.key());
        shelf.order.push(statement.clone());
        self.order.push(statement.clone());
        self.held.insert(statement.id(), statement);
    }

    /// The rule about named statements, for names of which all are held or found by `elsewhere`.
    pub(super) fn check_names<'a>(
        &'a self,
        statement: &Statement,
        names: &[StatementId],
        elsewhere: impl Fn(&StatementId) -> Option<&'a Arc<Verified>>,
    ) -> Result<(), Invalid> {
        names
            .iter()
            .filter_map(|id| self.get(id).or_else(|| elsewhere(id)))
            .try_for_each(|named| statement.check_named(named.id(), named.statement()))
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Verified>> + ExactSizeIterator {
        self.order.iter()
    }

    pub(super) fn scope<'a>(
        &'a self,
        scope: &Scope,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Verified>> + ExactSizeIterator + use<'a> {
        self.scopes.get(scope).map(|shelf| shelf.order.as_slice()).unwrap_or_default().iter()
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = (&Scope, usize)> {
        self.scopes.iter().map(|(scope, shelf)| (scope, shelf.order.len()))
    }

    pub(super) fn heads(&self, author: &PublicKey, scope: &Scope) -> Option<&Heads> {
        self.scopes.get(scope)?.heads.get(author)
    }

    /// The heads to name in `prev`: the latest ones, if there are more than it may hold. The others stay heads.
    pub(super) fn prev(&self, author: &PublicKey, scope: &Scope) -> Vec<StatementId> {
        let heads = self.heads(author, scope).into_iter().flatten().rev();
        let mut prev: Vec<StatementId> = heads.take(limits::PREV).map(|(_, id)| *id).collect();
        prev.sort_unstable();
        prev
    }
}
