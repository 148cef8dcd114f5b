//! What is held: hash-closed, in an order in which everything comes after what it names.
//! Knows nothing of trust; whoever puts a statement here has judged it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_statement::{Hlc, IdTable, Invalid, PublicKey, Scope, Statement, StatementId, Verified, limits};

/// One key's own heads in a scope: its statements there that no other one of its statements names in `prev`.
type Heads = BTreeSet<(Hlc, StatementId)>;

#[derive(Debug, Clone, Default)]
struct ScopeShelf {
    order: Vec<Arc<Verified>>,
    /// The number of the grant that each of them relies on: to find all that rely on one, none has to be looked at.
    relies: Vec<u32>,
    /// The numbers of grants, in the order in which they were first relied on.
    grants: BTreeMap<StatementId, u32>,
    heads: BTreeMap<PublicKey, Heads>,
}

impl ScopeShelf {
    fn append(&mut self, statement: Arc<Verified>, held: &Held) {
        let said = statement.statement();
        let next = u32::try_from(self.grants.len()).unwrap_or(u32::MAX);
        self.relies.push(*self.grants.entry(said.grant).or_insert(next));
        let heads = self.heads.entry(said.author).or_default();
        // Whatever names this statement comes after it, so it is a head now.
        for named in said.prev.iter().filter_map(|id| held.get(id)) {
            heads.remove(&named.key());
        }
        heads.insert(statement.key());
        self.order.push(statement);
    }

    /// Lets statements go; none that stays names one of them.
    fn remove(&mut self, gone: &BTreeSet<StatementId>) {
        let lost = self.order.iter().filter(|statement| gone.contains(&statement.id()));
        let authors: BTreeSet<PublicKey> = lost.map(|statement| statement.statement().author).collect();
        let stays: Vec<bool> = self.order.iter().map(|statement| !gone.contains(&statement.id())).collect();
        let (mut places, mut others) = (stays.iter(), stays.iter());
        self.order.retain(|_| places.next() == Some(&true));
        self.relies.retain(|_| others.next() == Some(&true));
        // What they named may be heads again. Looked through once for all of them: a delegate may have brought in very many.
        let theirs = || self.order.iter().filter(|statement| authors.contains(&statement.statement().author));
        let named: BTreeSet<StatementId> = theirs().flat_map(|one| one.statement().prev.iter().copied()).collect();
        let mut heads: BTreeMap<PublicKey, Heads> = BTreeMap::new();
        for head in theirs().filter(|one| !named.contains(&one.id())) {
            heads.entry(head.statement().author).or_default().insert(head.key());
        }
        self.heads.retain(|author, _| !authors.contains(author));
        self.heads.extend(heads);
    }
}

type Held = IdTable<Arc<Verified>>;

/// What is held of `@mesh`: it names nothing outside of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct MeshShelf {
    held: Held,
    shelf: ScopeShelf,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Shared by nodes of one process that hold the same, until one of them changes it.
    mesh: Arc<MeshShelf>,
    held: Held,
    order: Vec<Arc<Verified>>,
    scopes: BTreeMap<Scope, ScopeShelf>,
}

impl Shelf {
    /// What is held of `@mesh`, to begin another log with.
    pub(super) fn mesh(&self) -> &Arc<MeshShelf> {
        &self.mesh
    }

    /// An empty one but for `@mesh`.
    pub(super) fn with_mesh(mesh: Arc<MeshShelf>) -> Self {
        Self { mesh, ..Self::default() }
    }

    pub(super) fn get(&self, id: &StatementId) -> Option<&Arc<Verified>> {
        self.held.get(id).or_else(|| self.mesh.held.get(id))
    }

    pub(super) fn contains(&self, id: &StatementId) -> bool {
        self.held.contains(id) || self.mesh.held.contains(id)
    }

    /// Takes a statement all of whose names are held.
    pub(super) fn append(&mut self, statement: Arc<Verified>) {
        let scope = &statement.statement().scope;
        if scope.is_mesh() {
            let mesh = Arc::make_mut(&mut self.mesh);
            mesh.shelf.append(statement.clone(), &mesh.held);
            mesh.held.insert(statement);
            return;
        }
        let shelf = self.scopes.entry(scope.clone()).or_default();
        shelf.append(statement.clone(), &self.held);
        self.order.push(statement.clone());
        self.held.insert(statement);
    }

    /// Lets statements go; none that stays names one of them.
    pub(super) fn remove(&mut self, gone: &BTreeSet<StatementId>) {
        if gone.iter().any(|id| self.mesh.held.contains(id)) {
            let mesh = Arc::make_mut(&mut self.mesh);
            mesh.shelf.remove(gone);
            mesh.held.retain(|held| !gone.contains(&held.id()));
        }
        let lost: BTreeSet<Scope> =
            gone.iter().filter_map(|id| self.held.remove(id)).map(|lost| lost.statement().scope.clone()).collect();
        if lost.is_empty() {
            return;
        }
        for scope in lost {
            if let Some(shelf) = self.scopes.get_mut(&scope) {
                shelf.remove(gone);
            }
        }
        self.order.retain(|statement| !gone.contains(&statement.id()));
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
        self.mesh.shelf.order.len() + self.order.len()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Verified>> {
        self.mesh.shelf.order.iter().chain(&self.order)
    }

    fn of(&self, scope: &Scope) -> Option<&ScopeShelf> {
        if scope.is_mesh() { Some(&self.mesh.shelf) } else { self.scopes.get(scope) }
    }

    pub(super) fn scope<'a>(
        &'a self,
        scope: &Scope,
    ) -> impl DoubleEndedIterator<Item = &'a Arc<Verified>> + ExactSizeIterator + use<'a> {
        self.of(scope).map(|shelf| shelf.order.as_slice()).unwrap_or_default().iter()
    }

    /// Whether each statement of a scope, in their order, relies on a grant of which this is true.
    pub(super) fn relying(&self, scope: &Scope, on: impl Fn(&StatementId) -> bool) -> impl Iterator<Item = bool> {
        let shelf = self.of(scope);
        let mut grants = vec![false; shelf.map_or(0, |shelf| shelf.grants.len())];
        for (_, number) in shelf.iter().flat_map(|shelf| &shelf.grants).filter(|(grant, _)| on(grant)) {
            grants.get_mut(*number as usize).into_iter().for_each(|relied_on| *relied_on = true);
        }
        let relies = shelf.map(|shelf| shelf.relies.as_slice()).unwrap_or_default();
        relies.iter().map(move |number| grants.get(*number as usize).copied().unwrap_or_default())
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = (Scope, usize)> {
        let mesh = (Scope::mesh(), self.mesh.shelf.order.len());
        let others = self.scopes.iter().map(|(scope, shelf)| (scope.clone(), shelf.order.len()));
        std::iter::once(mesh).filter(|(_, count)| *count > 0).chain(others)
    }

    pub(super) fn heads(&self, author: &PublicKey, scope: &Scope) -> Option<&Heads> {
        self.of(scope)?.heads.get(author)
    }

    /// The heads to name in `prev`: the latest ones, if there are more than it may hold. The others stay heads.
    pub(super) fn prev(
        &self,
        author: &PublicKey,
        scope: &Scope,
        counts: impl Fn(&StatementId) -> bool,
    ) -> Vec<StatementId> {
        let heads = self.heads(author, scope).into_iter().flatten().rev().filter(|(_, id)| counts(id));
        let mut prev: Vec<StatementId> = heads.take(limits::PREV).map(|(_, id)| *id).collect();
        prev.sort_unstable();
        prev
    }
}
